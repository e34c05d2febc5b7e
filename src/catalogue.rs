//! The catalogue: which entries there are, and what changed between two scans.
//!
//! [`diff()`] compares what is known with what was scanned and says, step by step, what to
//! remember and which changes to number. It does no I/O and takes the time as a parameter,
//! so that a scan repeated after a crash comes to the same steps.

mod about;
mod adopt;
mod brake;
mod clashes;
mod diff;
mod identity;
mod seconds;

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::content::{Draft, Problem, PublishedSource};
use crate::model::{Entry, EntryId, Timestamp};
use crate::words::Wordbook;

pub use about::About;
pub use adopt::{Adoption, Former, adopt, reserved};
pub use brake::{Braked, Held, HeldItem, HeldWhat, Limits, brake};
pub use clashes::{Address, Replacement, clashes};
pub(crate) use diff::NOTICE;
pub use diff::{diff, preview};

/// An entry as the store remembers it.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownEntry {
    /// The store's own number of it.
    pub row: i64,
    /// Newest revision; its bodies are left empty.
    pub entry: Entry,
    /// Absent once its file is gone.
    pub path: Option<String>,
    pub state: EntryState,
    pub published_source: PublishedSource,
    pub expires_at: Option<Timestamp>,
    /// Hash over the body as it is written; empty where an earlier version kept none.
    pub source_hash: String,
    /// Hash over the body as readers see it; absent until it was made.
    pub body_hash: Option<String>,
    pub acted: Acted,
    /// Scans in a row in which the file was missing.
    pub missing_scans: u32,
    /// Whether readers ever saw it: a change of it has been numbered.
    pub was_public: bool,
}

/// Where an entry stands between its file and its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryState {
    /// Its publication time lies ahead.
    Waiting,
    Public,
    /// Taken back with a reason; a notice stands in its place.
    Withdrawn,
    /// Deleted, expired or set back to draft.
    Removed,
}

impl EntryState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Public => "public",
            Self::Withdrawn => "withdrawn",
            Self::Removed => "removed",
        }
    }
}

impl FromStr for EntryState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Waiting, Self::Public, Self::Withdrawn, Self::Removed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(())
    }
}

/// Values of the author's notes that have acted, oldest first: each acts once. One that is
/// taken out stays here, so that putting it back tells nobody twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    pub updated: Vec<String>,
    pub change: Vec<String>,
    pub correction: Vec<String>,
    pub withdrawn: Vec<String>,
}

/// How the public text of an entry changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeClass {
    New,
    /// Edited without a note: documents follow, nobody is told.
    Minor,
    Major,
    Correction,
    Withdrawn,
    Removed,
    Reinstated,
    Moved,
}

impl ChangeClass {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Correction => "correction",
            Self::Withdrawn => "withdrawn",
            Self::Removed => "removed",
            Self::Reinstated => "reinstated",
            Self::Moved => "moved",
        }
    }
}

/// Whom a change is told, fixed when it is numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tell {
    /// Everyone who follows the entry.
    Followers,
    /// Those who received an older revision.
    Receivers,
    Nobody,
}

impl Tell {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Followers => "followers",
            Self::Receivers => "receivers",
            Self::Nobody => "nobody",
        }
    }
}

/// Why an entry left the feeds; stands as the note of a `removed` change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Its file is gone.
    Deleted,
    /// Its notice has stood long enough.
    Withdrawn,
    Expired,
    /// Set back to draft.
    Draft,
}

impl Departure {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Draft => "draft",
        }
    }

    /// The departure that a note names.
    pub fn of(note: &str) -> Option<Self> {
        [Self::Deleted, Self::Withdrawn, Self::Expired, Self::Draft]
            .into_iter()
            .find(|departure| departure.as_str() == note)
    }

    /// Whether feeds say for a while that it is no more (RFC 6721).
    pub fn leaves_tombstone(self) -> bool {
        matches!(self, Self::Deleted | Self::Withdrawn)
    }
}

/// A change before it has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    pub class: ChangeClass,
    pub tell: Tell,
    /// The author's words on it.
    pub note: Option<String>,
}

/// What is known of everything that a scan may touch: the answer to [`About`].
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub entries: Vec<KnownEntry>,
    /// Ids in use, among those that new files may be given.
    pub taken_ids: HashSet<EntryId>,
    /// Seconds since 1970 in use, in the days that new files fall into.
    pub taken_seconds: HashSet<i64>,
    /// Entries that are waiting or shown, in all.
    pub current: u64,
}

impl Known {
    /// Everything there is to know, where these are all entries.
    pub fn all(entries: Vec<KnownEntry>) -> Self {
        let is_current = |known: &&KnownEntry| known.state != EntryState::Removed;
        let moments = entries.iter().flat_map(|k| [k.entry.published, k.entry.updated]);
        Self {
            taken_ids: entries.iter().map(|known| known.entry.id.clone()).collect(),
            taken_seconds: moments.map(|moment| moment.timestamp()).collect(),
            current: entries.iter().filter(is_current).count() as u64,
            entries,
        }
    }
}

/// What one scan found, by path.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Releases and events that were read, in path order; boxed, so that each goes as it is
    /// taken in.
    pub drafts: Vec<Box<Draft>>,
    /// Every other known path that is there: unchanged, pages, held back.
    pub standing: Vec<Standing>,
}

/// A path that is there and brings no draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub path: String,
    /// Read, and no longer an item: a page, a template, empty.
    pub is_other: bool,
}

/// What the comparison needs to know beside the two sides.
#[derive(Debug, Clone)]
pub struct Context {
    pub now: DateTime<Utc>,
    pub zone: Tz,
    pub site_host: String,
    pub since: NaiveDate,
    /// How new items of this scan are told.
    pub announce: Announce,
    pub max_age: chrono::TimeDelta,
    /// What is said of an event whose author did not say what changed.
    pub words: Arc<Wordbook>,
}

/// Whether what is new in this scan is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announce {
    /// First scan with `first_scan: adopt`: nothing is.
    Nothing,
    /// What is not older than `max_age`.
    Recent,
    /// First scan with `first_scan: announce`: all of it.
    Everything,
}

/// What to remember, in order, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A new entry or a new revision of one.
    Accept(Box<Acceptance>),
    /// The same revision changes its state; no change where readers never saw it.
    Settle { row: i64, state: EntryState, change: Option<NewChange>, cause: Cause },
    /// The file is missing for this many scans now.
    Missing { row: i64, scans: u32 },
    /// The file is there again.
    Found { row: i64 },
}

/// Why an entry changes its state without a new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its embargo passed, it expired, its notice has stood long enough.
    Time,
    /// Its file is gone, or no item any more.
    File,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Acceptance {
    /// Absent for a new entry.
    pub row: Option<i64>,
    pub path: String,
    pub state: EntryState,
    /// With its bodies, unless the scan let them go.
    pub entry: Box<Entry>,
    pub published_source: PublishedSource,
    pub expires_at: Option<Timestamp>,
    pub source_hash: String,
    pub body_hash: Option<String>,
    pub acted: Acted,
    /// Absent while nothing of it is public.
    pub change: Option<NewChange>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Diff {
    pub steps: Vec<Step>,
    pub problems: Vec<Problem>,
}
