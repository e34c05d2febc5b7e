//! Scan and publish: from the content folder to the documents in place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Press;
use crate::catalogue::{
    Announce, ChangeClass, Context, Diff, KnownEntry, Scanned, Standing, Tell, diff, hash,
};
use crate::config::{Config, FirstScan};
use crate::content::{
    self, Draft, DraftKind, Finding, Outcome, Problem, Reading, Scan, ScanError, Severity,
};
use crate::feeds::documents::{DocumentError, documents};
use crate::feeds::select::build_all;
use crate::feeds::{Document, Feed};
use crate::model::Entry;
use crate::publish::{self, PublishError};
use crate::store::{Change, DocumentRecord, FileOutcome, KnownFile, ScanRecord, StoreError};

/// Entries in one subscription document.
const FEED_LENGTH: usize = 50;

#[derive(Debug, thiserror::Error)]
pub enum PublishingError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl PublishingError {
    /// What an operator can do, where we know it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Publish(error) => Some(error.hint()),
            Self::Scan(error) => Some(error.hint()),
            Self::Store(_) | Self::Document(_) => None,
        }
    }

    /// Whether a folder that the config names is the cause.
    pub fn is_config(&self) -> bool {
        matches!(
            self,
            Self::Scan(ScanError::Missing(_) | ScanError::NotAFolder(_))
                | Self::Publish(PublishError::NotOurs { .. } | PublishError::Overlap { .. })
        )
    }
}

/// What one scan found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishReport {
    /// Content files by what they are.
    pub files: BTreeMap<String, u64>,
    /// Numbered changes by class.
    pub changes: BTreeMap<String, u64>,
    /// Changes that followers are told.
    pub told: u64,
    /// Entries whose time lies ahead.
    pub waiting: u64,
    /// Files still being written.
    pub moving: Vec<String>,
    pub problems: Vec<Problem>,
    pub documents_written: Vec<String>,
    pub documents_removed: Vec<String>,
    pub documents_unchanged: usize,
    pub entries_public: u64,
}

impl PublishReport {
    /// Whether an error holds some file back.
    pub fn is_held_back(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }
}

/// Scans the content folder and remembers what it found.
///
/// Feeds and digests are registered before the scan, so that a new digest's first window
/// holds what this scan numbers.
pub async fn scan(press: &Press) -> Result<PublishReport, PublishingError> {
    let store = &press.store;
    let now = press.clock.now();
    let digests: Vec<String> = press.config.digests.iter().map(|d| d.name.clone()).collect();
    store.register_digests(&digests, now).await?;
    let known_files = store.known_files().await?;
    let known_entries = store.known_entries().await?;
    let scan = walk(press, &known_files).await?;
    let record = compare(press, &known_files, &known_entries, &scan);
    let changes = store.accept_scan(&record, now).await?;
    report(press, &scan, &changes).await
}

/// Walks the folder on threads of its own: file system calls do not belong on the runtime.
async fn walk(press: &Press, known: &[KnownFile]) -> Result<Scan, PublishingError> {
    let folder = press.config.content.folder.clone();
    let rules = press.config.content.rules.clone();
    let clock = press.clock.clone();
    // A file that was held back is read each time: what stood in its way may be another file.
    let known: HashMap<String, content::FileStat> = known
        .iter()
        .filter(|file| file.outcome != FileOutcome::HeldBack)
        .map(|file| (file.path.clone(), file.stat))
        .collect();
    let walked = tokio::task::spawn_blocking(move || {
        content::scan(&folder, &rules, &known, &|| clock.now(), &thread::sleep)
    });
    Ok(walked.await.expect("a scan does not panic")?)
}

/// Turns a scan into what is to be remembered.
fn compare(
    press: &Press,
    known_files: &[KnownFile],
    known_entries: &[KnownEntry],
    scan: &Scan,
) -> ScanRecord {
    let mut scanned = Scanned::default();
    let mut there: HashSet<&str> = HashSet::new();
    for file in &scan.files {
        there.insert(&file.path);
        let is_other = match &file.finding {
            Finding::Read(Reading { outcome: Outcome::Draft(draft), .. })
                if draft.kind != DraftKind::Page =>
            {
                scanned.drafts.push(draft);
                continue;
            }
            Finding::Read(Reading { outcome, .. }) => *outcome != Outcome::HeldBack,
            Finding::Unchanged => false,
        };
        scanned.standing.push(Standing { path: &file.path, is_other });
    }
    // What could not be looked at is not gone: a file being written, a folder we may not read.
    let unseen = known_files.iter().map(|f| f.path.as_str()).filter(|path| {
        !there.contains(path)
            && (scan.moving.iter().any(|m| m == path)
                || scan.problems.iter().any(|p| is_below(path, &p.path)))
    });
    let unseen: Vec<&str> = unseen.collect();
    scanned.standing.extend(unseen.iter().map(|path| Standing { path, is_other: false }));
    let gone = known_files
        .iter()
        .map(|f| &f.path)
        .filter(|path| !there.contains(path.as_str()) && !unseen.contains(&path.as_str()));
    let is_first = known_files.is_empty() && known_entries.is_empty();
    let Diff { steps, problems } = diff(known_entries, &scanned, &context(press, is_first));
    let mut record = ScanRecord { gone: gone.cloned().collect(), steps, ..Default::default() };
    for file in &scan.files {
        if let Finding::Read(reading) = &file.finding {
            let is_refused =
                problems.iter().any(|p| p.path == file.path && p.severity == Severity::Error);
            let outcome = if is_refused { FileOutcome::HeldBack } else { outcome_of(reading) };
            record.files.push(KnownFile { path: file.path.clone(), stat: file.stat, outcome });
            record.problems.extend(reading.problems.iter().cloned());
        }
    }
    record.problems.extend(problems);
    record.problems.extend(scan.problems.iter().cloned());
    record
}

fn context(press: &Press, is_first: bool) -> Context {
    comparison_context(&press.config, press.clock.now(), is_first)
}

/// What a comparison goes by, from the config.
pub fn comparison_context(config: &Config, now: DateTime<Utc>, is_first: bool) -> Context {
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
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// What a file was found to be.
pub fn outcome_of(reading: &Reading) -> FileOutcome {
    match &reading.outcome {
        Outcome::Draft(draft) => kind_of(draft),
        Outcome::Template => FileOutcome::Template,
        Outcome::Empty => FileOutcome::Empty,
        Outcome::HeldBack => FileOutcome::HeldBack,
    }
}

fn kind_of(draft: &Draft) -> FileOutcome {
    match draft.kind {
        DraftKind::Release => FileOutcome::Release,
        DraftKind::Event => FileOutcome::Event,
        DraftKind::Page => FileOutcome::Page,
    }
}

async fn report(
    press: &Press,
    scan: &Scan,
    changes: &[Change],
) -> Result<PublishReport, PublishingError> {
    let mut report = PublishReport {
        moving: scan.moving.clone(),
        problems: press.store.problems().await?,
        told: changes.iter().filter(|c| c.tell == Tell::Followers).count() as u64,
        ..PublishReport::default()
    };
    for file in press.store.known_files().await? {
        *report.files.entry(file.outcome.as_str().to_owned()).or_default() += 1;
    }
    for change in changes {
        *report.changes.entry(ChangeClass::as_str(change.class).to_owned()).or_default() += 1;
    }
    let counts = press.store.entry_counts().await?;
    let count = |state: &str| counts.get(state).copied().unwrap_or(0);
    report.waiting = count("waiting");
    report.entries_public = count("public") + count("withdrawn");
    Ok(report)
}

/// Renders every document from the store and puts the changed ones in place; fills in the
/// report. Returns the documents, which the daemon serves.
pub async fn publish(
    press: &Press,
    report: &mut PublishReport,
) -> Result<Vec<Document>, PublishingError> {
    let feeds = feeds_with_bodies(press).await?;
    let titles: Vec<(String, String)> = feeds
        .iter()
        .map(|feed| (feed.definition.name.clone(), feed.definition.title.clone()))
        .collect();
    press.store.register_feeds(&titles, press.clock.now()).await?;
    let documents = documents(&feeds, &press.config.site, &press.templates)?;
    let output = publish::open(&press.config.output_folder, &press.config.content.folder)?;
    let published = output.publish(&documents)?;
    let now = press.clock.now();
    let records: Vec<DocumentRecord> = documents
        .iter()
        .map(|document| DocumentRecord {
            path: document.path.clone(),
            hash: hash(&document.bytes),
            size_bytes: document.bytes.len() as u64,
            changed_at: now,
        })
        .collect();
    press.store.record_documents(&records, &published.removed).await?;
    report.documents_written = published.written;
    report.documents_removed = published.removed;
    report.documents_unchanged = published.unchanged;
    Ok(documents)
}

/// Builds the feeds; bodies are read for the entries that stand in one, each once.
async fn feeds_with_bodies(press: &Press) -> Result<Vec<Feed>, PublishingError> {
    let entries = press.store.public_entries().await?;
    let definitions = press.feeds(&entries);
    let mut feeds = build_all(&definitions, &entries, &press.config.site, FEED_LENGTH);
    let mut shown: HashMap<_, Entry> = feeds
        .iter()
        .flat_map(|feed| &feed.entries)
        .map(|entry| (entry.id.clone(), entry.clone()))
        .collect();
    let mut whole: Vec<Entry> = shown.drain().map(|(_, entry)| entry).collect();
    press.store.fill_bodies(&mut whole).await?;
    let whole: HashMap<_, Entry> = whole.into_iter().map(|e| (e.id.clone(), e)).collect();
    for entry in feeds.iter_mut().flat_map(|feed| &mut feed.entries) {
        entry.clone_from(&whole[&entry.id]);
    }
    Ok(feeds)
}
