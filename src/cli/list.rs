//! `list`: entries that readers do not see, and why. Writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::thread;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use serde::Serialize;
use url::Url;

use super::failure::Failure;
use super::output::{Output, count, cut, message_and_value};
use super::{Global, session};
use crate::catalogue::{EntryState, KnownEntry};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::content::{self, Draft, DraftKind, FileStat, Outcome, Problem, Severity};
use crate::model::Timestamp;
use crate::pipeline::publish::PublishingError;
use crate::store::sqlite::SqliteStore;
use crate::store::{KnownFile, Store};

/// Columns of a time: `2026-11-21T09:00:00+08:00` and two blanks.
const TIME: usize = 27;
/// Columns of a reason, with two blanks.
const REASON: usize = 15;

#[derive(Debug, Args)]
pub(super) struct List {
    #[arg(value_enum)]
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum What {
    /// Whatever is not public yet, and why
    Pending,
    /// Entries whose publication time lies ahead
    Embargoed,
    /// Entries whose `expires_at` has passed
    Expired,
    /// Entries taken back with a reason
    Withdrawn,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    list: What,
    entries: Vec<Row<'a>>,
}

/// One entry, or one file that is no entry yet. Times are RFC 3339.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: Option<&'a str>,
    /// Absent once the file is gone.
    path: Option<&'a str>,
    title: Option<&'a str>,
    link: Option<&'a str>,
    reason: Reason,
    /// Since when, or until when: the reason says which.
    at: Option<Timestamp>,
    /// Whether readers see it, or an earlier version of it, or a notice in its place.
    is_public: bool,
    /// The hold that keeps it back.
    hold: Option<i64>,
    /// The author's words on a withdrawal.
    note: Option<&'a str>,
    replaced_by: Option<&'a str>,
    /// Errors that hold the file back.
    problems: Vec<&'a Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// `at` is when it goes public.
    Embargo,
    /// Its time, `at`, has come since the last scan.
    Due,
    /// Held back until somebody mends the file.
    Error,
    /// Part of a mass change that waits for `approve`.
    OnHold,
    /// Part of one that was approved: the next scan takes it up.
    Approved,
    /// The file is still being written.
    BeingWritten,
    /// The file came after the last scan.
    NotScanned,
    /// `at` is when it expired.
    Expired,
    /// `at` is when it was withdrawn.
    Withdrawn,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Self::Embargo => "embargo",
            Self::Due => "due",
            Self::Error => "error",
            Self::OnHold => "on hold",
            Self::Approved => "approved",
            Self::BeingWritten => "being written",
            Self::NotScanned => "not scanned",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &List,
    output: Output,
) -> Result<u8, Failure> {
    let config = session::config(global, environment, output)?;
    let clock = session::clock(global);
    let known = read_store(&config).await?;
    // Without a first scan everything is pending, and the reason is one and the same.
    let is_scanned = known.is_some();
    let known = known.unwrap_or_default();
    let unread = match args.what {
        What::Pending if is_scanned => look_for_unread(&config, clock.as_ref(), &known.files)?,
        _ => Unread::default(),
    };
    let now = clock.now();
    let mut rows = match args.what {
        What::Pending => pending(&known, &unread, now),
        What::Embargoed => known.entries.iter().filter_map(|k| embargoed(k, now)).collect(),
        What::Expired => {
            let zone = config.site.time_zone;
            known.entries.iter().filter_map(|k| expired(k, zone, now)).collect()
        }
        What::Withdrawn => known.entries.iter().filter_map(withdrawn).collect(),
    };
    match args.what {
        // What is next comes first; what nobody can put a time to, last.
        What::Pending | What::Embargoed => rows.sort_by_key(|row| (row.at.is_none(), row.at)),
        What::Expired | What::Withdrawn => rows.sort_by_key(|row| std::cmp::Reverse(row.at)),
    }
    if !is_scanned {
        output.say("the store is empty yet: `tidings publish-now` scans the content folder");
    } else if rows.is_empty() {
        output.say(args.what.nothing());
    } else {
        show(output, args.what, &rows);
    }
    output.json(&Report { list: args.what, entries: rows });
    Ok(0)
}

/// What the last scan left in the store.
#[derive(Debug, Default)]
struct Known {
    entries: Vec<KnownEntry>,
    files: Vec<KnownFile>,
    problems: Vec<Problem>,
    /// Paths on hold, with the hold of each.
    held: BTreeMap<String, i64>,
    /// Paths that were let go and not yet taken up.
    let_go: BTreeSet<String>,
}

/// The rows that lists are made of; `None` before the first scan.
async fn read_store(config: &Config) -> Result<Option<Known>, Failure> {
    if !config.store_path.exists() {
        return Ok(None);
    }
    SqliteStore::refuse_older(&config.store_path).await?;
    let store = SqliteStore::open(&config.store_path).await?;
    let folders: Vec<String> = store.known_folders().await?.into_keys().collect();
    let held = store.held().await?;
    let known = Known {
        entries: store.known_entries().await?,
        files: store.known_files(&folders).await?,
        problems: store.problems().await?,
        held: held.waiting.into_iter().collect(),
        let_go: held.let_go.into_iter().collect(),
    };
    let is_scanned = !known.files.is_empty() || !known.entries.is_empty();
    Ok(is_scanned.then_some(known))
}

/// What a scan would find now and the store does not know.
#[derive(Debug, Default)]
struct Unread {
    files: Vec<NewFile>,
    moving: Vec<String>,
    problems: Vec<Problem>,
}

/// A release or an event that came after the last scan.
#[derive(Debug)]
struct NewFile {
    path: String,
    title: String,
    link: Url,
}

/// Looks at the folder as a scan would; of what is read, new files alone are kept.
fn look_for_unread(
    config: &Config,
    clock: &dyn Clock,
    files: &[KnownFile],
) -> Result<Unread, Failure> {
    let content = &config.content;
    let known: HashMap<String, FileStat> =
        files.iter().map(|file| (file.path.clone(), file.stat)).collect();
    let scan =
        content::scan(&content.folder, &content.rules, &known, &|| clock.now(), &thread::sleep)
            .map_err(PublishingError::from)?;
    let mut unread = Unread { moving: scan.moving, ..Unread::default() };
    for file in scan.files.into_iter().filter(|file| !known.contains_key(&file.path)) {
        match file.reading.outcome {
            Outcome::Draft(draft) if draft.kind != DraftKind::Page && !draft.is_unpublished => {
                let Draft { path, title, link, .. } = *draft;
                unread.files.push(NewFile { path, title, link });
            }
            Outcome::HeldBack => unread.problems.extend(file.reading.problems),
            _ => {}
        }
    }
    Ok(unread)
}

fn pending<'a>(known: &'a Known, unread: &'a Unread, now: DateTime<Utc>) -> Vec<Row<'a>> {
    let by_path: HashMap<&str, &KnownEntry> =
        known.entries.iter().filter_map(|known| Some((known.path.as_deref()?, known))).collect();
    let mut errors: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    let problems = known.problems.iter().chain(&unread.problems);
    for problem in problems.filter(|p| p.severity == Severity::Error) {
        errors.entry(&problem.path).or_default().push(problem);
    }
    let waits = |known: &&KnownEntry| {
        let path = known.path.as_deref();
        known.state == EntryState::Waiting && !path.is_some_and(|path| errors.contains_key(path))
    };
    let mut rows: Vec<Row<'_>> = known
        .entries
        .iter()
        .filter(waits)
        .map(|known| {
            embargoed(known, now).unwrap_or_else(|| Row {
                at: Some(known.entry.published),
                ..row(known, Reason::Due)
            })
        })
        .collect();
    let file = |path: &'a str, reason| match by_path.get(path) {
        Some(known) => row(known, reason),
        None => Row { path: Some(path), ..nothing_known(reason) },
    };
    rows.extend(
        errors.into_iter().map(|(path, problems)| Row { problems, ..file(path, Reason::Error) }),
    );
    rows.extend(
        known
            .held
            .iter()
            .map(|(path, hold)| Row { hold: Some(*hold), ..file(path, Reason::OnHold) }),
    );
    rows.extend(known.let_go.iter().map(|path| file(path, Reason::Approved)));
    rows.extend(unread.moving.iter().map(|path| file(path, Reason::BeingWritten)));
    rows.extend(unread.files.iter().map(|new| Row {
        title: Some(&new.title),
        link: Some(new.link.as_str()),
        ..file(&new.path, Reason::NotScanned)
    }));
    rows
}

fn embargoed(known: &KnownEntry, now: DateTime<Utc>) -> Option<Row<'_>> {
    let at = known.entry.published;
    let is_ahead = known.state == EntryState::Waiting && at > now;
    is_ahead.then(|| Row { at: Some(at), ..row(known, Reason::Embargo) })
}

/// The store keeps the moment and not the author's offset, so it is told in the site's zone.
fn expired(known: &KnownEntry, zone: Tz, now: DateTime<Utc>) -> Option<Row<'_>> {
    let at = known.expires_at.filter(|at| *at <= now)?;
    let at = at.with_timezone(&zone).fixed_offset();
    Some(Row { at: Some(at), ..row(known, Reason::Expired) })
}

/// Also long after the notice has left the feeds.
fn withdrawn(known: &KnownEntry) -> Option<Row<'_>> {
    let notes = &known.entry.notes;
    let note = notes.withdrawn.as_deref().filter(|_| known.was_public)?;
    Some(Row {
        at: Some(known.entry.updated),
        note: Some(note),
        replaced_by: notes.replaced_by.as_ref().map(Url::as_str),
        ..row(known, Reason::Withdrawn)
    })
}

fn row(known: &KnownEntry, reason: Reason) -> Row<'_> {
    Row {
        id: Some(known.entry.id.as_str()),
        path: known.path.as_deref(),
        title: Some(&known.entry.title),
        link: Some(known.entry.link.as_str()),
        is_public: matches!(known.state, EntryState::Public | EntryState::Withdrawn),
        ..nothing_known(reason)
    }
}

fn nothing_known<'a>(reason: Reason) -> Row<'a> {
    Row {
        id: None,
        path: None,
        title: None,
        link: None,
        reason,
        at: None,
        is_public: false,
        hold: None,
        note: None,
        replaced_by: None,
        problems: Vec::new(),
    }
}

impl What {
    fn nothing(self) -> &'static str {
        match self {
            Self::Pending => "nothing is pending: all that may be public is",
            Self::Embargoed => "no entry waits for its publication time",
            Self::Expired => "no entry has expired",
            Self::Withdrawn => "no entry is withdrawn",
        }
    }

    /// Heading of the column of times.
    fn time(self) -> &'static str {
        match self {
            Self::Pending | Self::Embargoed => "public from",
            Self::Expired => "expired at",
            Self::Withdrawn => "withdrawn at",
        }
    }
}

/// Two lines or more for each: what and when, then the file, which is what one goes on with.
fn show(output: Output, what: What, rows: &[Row<'_>]) {
    let reason = |text: &str| match what {
        What::Pending => format!("{text:<REASON$}"),
        _ => String::new(),
    };
    let used = TIME + reason("").len();
    output.say(&format!("{}{:<TIME$}{}", reason("why"), what.time(), "title"));
    for row in rows {
        let at = row.at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
        let title = cut(row.title.unwrap_or("(new file)"), used);
        output.data(&format!("{}{at:<TIME$}{title}", reason(row.reason.words())));
        output.data(&format!("  {}", row.path.unwrap_or("the file is gone")));
        for line in details(row) {
            output.paragraph("    ", &line);
        }
    }
    output.say(&count(rows.len() as u64, "entry", "entries"));
}

fn details(row: &Row<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for problem in &row.problems {
        let line = problem.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        lines.push(format!("{line}{}", message_and_value(problem)));
    }
    lines.extend(row.hold.map(|hold| format!("`tidings approve {hold}` lets it go")));
    lines.extend(row.note.map(str::to_owned));
    lines.extend(row.replaced_by.map(|link| format!("replaced by {link}")));
    let standing = match (row.reason, row.is_public) {
        (Reason::Approved, _) => "the next scan takes it up",
        (Reason::Error | Reason::OnHold | Reason::BeingWritten, true) => {
            "readers see the version before it"
        }
        (Reason::Expired, true) => "readers see it until the next scan",
        (Reason::Withdrawn, true) => "a notice stands in its place",
        (Reason::Withdrawn, false) => "the notice has left the feeds",
        _ => return lines,
    };
    lines.push(standing.to_owned());
    lines
}
