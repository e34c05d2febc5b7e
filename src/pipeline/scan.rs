//! Scan: from the content folder to the catalogue.
//!
//! Each step asks the store for no more than the files that changed can touch, so that a scan
//! of an unchanged folder costs its walk.

mod compare;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinHandle;

use self::compare::{Comparison, compare};
use super::publish::{PublishReport, PublishingError};
use super::{Press, feeds};
use crate::catalogue::{
    self, About, Adoption, Announce, ChangeClass, Context, Diff, Former, Held, Standing, Step,
    Tell, clashes, diff,
};
use crate::config::{Config, FirstScan};
use crate::content::{
    self, Changed, DraftKind, Outcome, Problem, Reading, Remembered, Scan, Walk, split_path,
};
use crate::digest::{CORRECTION, REMINDER, URGENT};
use crate::hash::hash;
use crate::store::{
    Change, FileOutcome, KnownFile, ScanEnd, ScanRecord, Store, StoreError, Suspects,
};
use crate::words::Wordbook;

/// Hash of all that decides how files are read, as of the last scan.
const RULES_FACT: &str = "content_rules";
/// Hash of what the walk itself found to mend, as of the last scan.
const WALK_PROBLEMS_FACT: &str = "walk_problems";

/// How far a first scan of many files has come: it is remembered slice by slice, and what is
/// left of one that was cut off is no news either.
const FIRST_SCAN_FACT: &str = "first_scan";
const RUNNING: &str = "running";
const DONE: &str = "done";
/// Files of a first scan that are taken in at once: enough to keep the database busy while the
/// next are read, few enough to keep memory small.
const SLICE: usize = 10_000;

/// What a scan tells those who scan again.
#[derive(Debug)]
pub struct Scanned {
    pub report: PublishReport,
    /// One folder on each file system below the content folder.
    pub file_systems: Vec<PathBuf>,
}

/// Scans the content folder and remembers what it found.
pub async fn scan(press: &Press) -> Result<PublishReport, PublishingError> {
    Ok(scan_folder(press).await?.report)
}

/// As [`scan`], for the daemon.
///
/// Feeds and digests are registered before the scan, so that a new digest's first window
/// holds what this scan numbers.
pub async fn scan_folder(press: &Press) -> Result<Scanned, PublishingError> {
    Ok(scan_as(press, None).await?.0)
}

/// Scans the folder into a new store; the entries take over what readers know of them, and
/// nobody is told.
pub async fn adopt(
    press: &Press,
    former: Vec<Former>,
) -> Result<(PublishReport, Adoption), PublishingError> {
    let mut config = Config::clone(&press.config);
    config.content.first_scan = FirstScan::Adopt;
    let press = Press { config: Arc::new(config), ..press.clone() };
    let (scanned, adoption) = scan_as(&press, Some(former)).await?;
    Ok((scanned.report, adoption))
}

async fn scan_as(
    press: &Press,
    former: Option<Vec<Former>>,
) -> Result<(Scanned, Adoption), PublishingError> {
    register_digests(press).await?;
    // A plan finds who follows what by the names of the config.
    feeds::move_renamed(press).await?;
    let store = &press.store;
    let now = press.clock.now();
    let question = question(press).await?;
    let file_systems = question.walk.file_systems().to_vec();
    let Some(folders) = question.folders else {
        let report = report(press, &[], Vec::new()).await?;
        return Ok((Scanned { report, file_systems }, Adoption::default()));
    };
    let has_new_rules = !question.is_same_rules && !question.is_first;
    let mut remembered = Remembered { has_new_rules, ..Remembered::default() };
    for file in store.known_files(&folders).await? {
        // What is on hold may have moved there: each scan finds its entry again.
        let is_settled = !matches!(file.outcome, FileOutcome::Refused | FileOutcome::OnHold);
        if is_settled && question.is_same_rules {
            remembered.unchanged.insert(file.path, file.stat);
        } else {
            remembered.to_read.insert(file.path);
        }
    }
    let Question { walk, held, is_first, is_new, rules, .. } = question;
    let (folder, mut scan, changed) = find_changed(press, walk, folders, remembered).await?;
    // With something in the store, a file gone from one slice may turn up in another.
    let slice = if is_new && former.is_none() { SLICE } else { usize::MAX };
    if changed.files.len() > slice {
        store.set_fact(FIRST_SCAN_FACT, RUNNING).await?;
    }
    let mut end = ScanEnd::default();
    let mut numbered = Vec::new();
    let mut adoption = Adoption::default();
    let mut unsettled = BTreeSet::new();
    let mut links = Vec::new();
    let mut former = former;
    let changed = Arc::new(changed);
    let mut slices = slices(changed.files.len(), slice);
    let mut next = slices.next().map(|slice| read(press, &folder, &changed, slice));
    let mut knows_nothing = is_new;
    while let Some(reading) = next {
        let mut part = reading.await.expect("a panic in a file is caught with it");
        // The next files are read while the store takes these in.
        next = slices.next().map(|slice| read(press, &folder, &changed, slice));
        // Whoever is in the middle of writing a file, or forbids to read it, has not removed it.
        let files = std::mem::take(&mut part.files);
        scan.add(part);
        let question = Comparison {
            folder: &folder,
            unread: [scan.moving.as_slice(), scan.unreadable.as_slice()].concat(),
            held: &held,
            is_first,
            knows_nothing,
        };
        let gone = std::mem::take(&mut scan.gone);
        let compared = compare(press, files, gone, question, former.take()).await?;
        numbered.extend(store.accept_scan(&compared.record, now).await?);
        unsettled.extend(folders_to_look_into(&compared.record));
        links.extend(links_of(&compared.record.steps));
        adoption = compared.adoption;
        knows_nothing = false;
    }
    let unread = scan.moving.iter().chain(&scan.unreadable).chain(&scan.vanished);
    unsettled.extend(unread.map(|path| split_path(path).0.to_owned()));
    settle_folders(&folder, &unsettled, &mut end);
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    let Suspects { addresses, replacements } = store.suspects(&links).await?;
    end.problems = scan.problems;
    end.problems.extend(clashes(&addresses, &replacements));
    let walk_problems = hash_of(folder.walk.problems());
    end.facts = vec![(RULES_FACT, rules), (WALK_PROBLEMS_FACT, walk_problems)];
    if is_first {
        end.facts.push((FIRST_SCAN_FACT, DONE.to_owned()));
    }
    store.end_scan(&end).await?;
    let mut report = report(press, &numbered, scan.moving).await?;
    if is_first && press.config.content.first_scan == FirstScan::Adopt {
        report.adopted = numbered.len() as u64;
    }
    Ok((Scanned { report, file_systems }, adoption))
}

/// The walk at hand, and the folders of it that are looked into.
struct Folder {
    walk: Walk,
    folders: Vec<String>,
}

/// From which file to which; at least one slice, as files may be gone where none was read.
fn slices(files: usize, slice: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..files.max(1)).step_by(slice.min(files.max(1)));
    starts.map(move |start| start..files.min(start.saturating_add(slice)))
}

/// Numbers what the clock alone changes: no file is looked at.
pub async fn pass_time(press: &Press) -> Result<PublishReport, StoreError> {
    let now = press.clock.now();
    let mut known = press.store.known(&About::time(now)).await?;
    known.entries.retain(|entry| entry.missing_scans == 0);
    let paths = known.entries.iter().filter_map(|entry| entry.path.clone());
    let standing = paths.map(|path| Standing { path, is_other: false }).collect();
    let scanned = catalogue::Scanned { drafts: Vec::new(), standing };
    let Diff { steps, .. } = diff(&known, scanned, &context(press, false));
    let record = ScanRecord { steps, ..ScanRecord::default() };
    let changes = press.store.accept_scan(&record, now).await?;
    report(press, &changes, Vec::new()).await
}

async fn register_digests(press: &Press) -> Result<(), StoreError> {
    let of_config = press.config.digests.iter().map(|d| &*d.name);
    let reminders = press.config.reminders.as_ref().map(|_| REMINDER);
    let names = of_config.chain([URGENT, CORRECTION]).chain(reminders);
    let names: Vec<String> = names.map(str::to_owned).collect();
    for name in &names {
        if press.store.digest_progress(name).await?.is_none() {
            return press.store.register_digests(&names, press.clock.now()).await;
        }
    }
    Ok(())
}

/// What there is to do in this scan.
struct Question {
    walk: Walk,
    /// Folders to look into; `None` where nothing at all is to be done.
    folders: Option<Vec<String>>,
    held: Held,
    is_first: bool,
    /// Nothing was ever scanned; a first scan that was cut off has left something.
    is_new: bool,
    is_same_rules: bool,
    /// Hash of the rules of now.
    rules: String,
}

async fn question(press: &Press) -> Result<Question, PublishingError> {
    let store = &press.store;
    // File system calls do not belong on the runtime.
    let folder = press.config.content.folder.clone();
    let walking = tokio::task::spawn_blocking(move || content::walk(&folder));
    let rules = rules_hash(&press.config);
    let is_same_rules = store.fact(RULES_FACT).await?.as_deref() == Some(rules.as_str());
    let mut known = store.known_folders().await?;
    let held = store.held().await?;
    let walk = walking.await.expect("a walk does not panic")?;
    if !is_same_rules {
        known.values_mut().for_each(String::clear);
    }
    let folders = walk.changed_folders(&known);
    let is_new = known.is_empty() && store.is_new().await?;
    let is_first = is_new || store.fact(FIRST_SCAN_FACT).await?.as_deref() == Some(RUNNING);
    let is_quiet = folders.is_empty()
        && is_same_rules
        && held.released.is_empty()
        && store.fact(WALK_PROBLEMS_FACT).await? == Some(hash_of(walk.problems()))
        && !store.has_missing().await?
        && store.next_moment().await?.is_none_or(|next| next > press.clock.now());
    let folders = if is_quiet { None } else { Some(folders) };
    Ok(Question { walk, folders, held, is_first, is_new, is_same_rules, rules })
}

/// All that decides what a file is read as: where it changes, every file is read again.
fn rules_hash(config: &Config) -> String {
    let rules = format!("{} {:?}", env!("CARGO_PKG_VERSION"), config.content.rules);
    hash(rules.as_bytes())
}

fn hash_of(problems: &[Problem]) -> String {
    hash(&serde_json::to_vec(problems).expect("problems are always JSON"))
}

/// Finds what changed, on a thread of its own.
async fn find_changed(
    press: &Press,
    walk: Walk,
    folders: Vec<String>,
    remembered: Remembered,
) -> Result<(Arc<Folder>, Scan, Changed), PublishingError> {
    let clock = press.clock.clone();
    let finding = tokio::task::spawn_blocking(move || {
        let now = || clock.now();
        let (scan, changed) =
            content::find_changed(&walk, &folders, &remembered, &now, &thread::sleep);
        (Arc::new(Folder { walk, folders }), scan, changed)
    });
    Ok(finding.await.expect("looking at files does not panic"))
}

/// Reads some of the changed files, on threads of its own.
fn read(
    press: &Press,
    folder: &Arc<Folder>,
    changed: &Arc<Changed>,
    slice: Range<usize>,
) -> JoinHandle<Scan> {
    let rules = press.config.content.rules.clone();
    let (folder, changed) = (folder.clone(), changed.clone());
    tokio::task::spawn_blocking(move || {
        content::read_files(&folder.walk, &changed.files[slice], changed.wanted, &rules)
    })
}

/// Where accepted entries are read on the web.
fn links_of(steps: &[Step]) -> impl Iterator<Item = String> {
    steps.iter().filter_map(|step| match step {
        Step::Accept(acceptance) => Some(acceptance.entry.link.to_string()),
        _ => None,
    })
}

/// Folders with a file that the next scan has to look at, whatever its stat.
fn folders_to_look_into(record: &ScanRecord) -> impl Iterator<Item = String> {
    let needs_look =
        |file: &&KnownFile| matches!(file.outcome, FileOutcome::Refused | FileOutcome::OnHold);
    let files = record.files.iter().filter(needs_look);
    files.map(|file| split_path(&file.path).0.to_owned())
}

/// Which folders need no look until a file in them changes.
fn settle_folders(folder: &Folder, unsettled: &BTreeSet<String>, end: &mut ScanEnd) {
    for path in &folder.folders {
        match folder.walk.signature(path) {
            Some(signature) if !unsettled.contains(path) => {
                end.folders.push((path.clone(), signature.to_owned()));
            }
            _ => end.unsettled.push(path.clone()),
        }
    }
}

fn context(press: &Press, is_first: bool) -> Context {
    let words = Arc::clone(press.templates.wordbook());
    comparison_context(&press.config, words, press.clock.now(), is_first)
}

/// What a comparison goes by, from the config.
pub fn comparison_context(
    config: &Config,
    words: Arc<Wordbook>,
    now: DateTime<Utc>,
    is_first: bool,
) -> Context {
    let content = &config.content;
    let announce = match (is_first, content.first_scan) {
        (false, _) => Announce::Recent,
        (true, FirstScan::Adopt) => Announce::Nothing,
        (true, FirstScan::Announce) => Announce::Everything,
    };
    Context {
        now,
        zone: config.site.time_zone,
        site_host: config.site.url.host_str().unwrap_or("localhost").to_owned(),
        since: config.site.since_date,
        announce,
        max_age: TimeDelta::from_std(content.max_age).unwrap_or(TimeDelta::MAX),
        words,
    }
}

/// What a file was found to be.
pub fn outcome_of(reading: &Reading) -> FileOutcome {
    match &reading.outcome {
        Outcome::Draft(draft) => match draft.kind {
            DraftKind::Release => FileOutcome::Release,
            DraftKind::Event => FileOutcome::Event,
            DraftKind::Page => FileOutcome::Page,
        },
        Outcome::Template => FileOutcome::Template,
        Outcome::Empty => FileOutcome::Empty,
        Outcome::HeldBack => FileOutcome::HeldBack,
    }
}

/// Content files by what they are; what is refused is held back for those who count.
pub async fn file_counts(store: &dyn Store) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut files: BTreeMap<String, u64> = BTreeMap::new();
    for (outcome, count) in store.file_counts().await? {
        let outcome = match outcome {
            FileOutcome::Refused => FileOutcome::HeldBack,
            outcome => outcome,
        };
        *files.entry(outcome.as_str().to_owned()).or_default() += count;
    }
    Ok(files)
}

async fn report(
    press: &Press,
    changes: &[Change],
    moving: Vec<String>,
) -> Result<PublishReport, StoreError> {
    let store = &press.store;
    let mut report = PublishReport {
        moving,
        problems: store.problems().await?,
        told: changes.iter().filter(|c| c.tell == Tell::Followers).count() as u64,
        holds: store.open_holds().await?,
        ..PublishReport::default()
    };
    report.files = file_counts(store.as_ref()).await?;
    for change in changes {
        *report.changes.entry(ChangeClass::as_str(change.class).to_owned()).or_default() += 1;
    }
    let counts: HashMap<String, u64> = store.entry_counts().await?;
    let count = |state: &str| counts.get(state).copied().unwrap_or(0);
    report.waiting = count("waiting");
    report.entries_public = count("public") + count("withdrawn");
    Ok(report)
}
