//! What a scan found, and what is kept of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Address, ChangeClass, HeldItem, Replacement, Step, Tell};
use crate::content::{FileStat, Problem};
use crate::model::{Revision, Seq};

/// A file as it was last found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    pub path: String,
    pub stat: FileStat,
    pub outcome: FileOutcome,
}

/// What a file was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOutcome {
    Release,
    Event,
    Page,
    Template,
    Empty,
    /// By an error in the file itself.
    HeldBack,
    /// By something outside the file, such as another file with its `id`: each scan reads it
    /// again.
    Refused,
    /// Part of a mass change that waits for an operator.
    OnHold,
}

impl FileOutcome {
    pub const ALL: [Self; 8] = [
        Self::Release,
        Self::Event,
        Self::Page,
        Self::Template,
        Self::Empty,
        Self::HeldBack,
        Self::Refused,
        Self::OnHold,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Event => "event",
            Self::Page => "page",
            Self::Template => "template",
            Self::Empty => "empty",
            Self::HeldBack => "held_back",
            Self::Refused => "refused",
            Self::OnHold => "on_hold",
        }
    }
}

/// One scan, ready to be remembered.
#[derive(Debug, Default)]
pub struct ScanRecord {
    /// Files that were read.
    pub files: Vec<KnownFile>,
    /// Paths that are gone.
    pub gone: Vec<String>,
    pub steps: Vec<Step>,
    /// Problems of the files that were read; theirs from earlier scans are dropped.
    pub problems: Vec<Problem>,
    /// What this scan keeps back, and why.
    pub hold: Option<NewHold>,
    /// Paths of holds that have nothing to hold any more.
    pub resolved: Vec<String>,
    /// Holds that were let go, and whose items this scan took up.
    pub taken_up: Vec<i64>,
}

/// A mass change that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    pub reason: String,
    pub items: Vec<HeldItem>,
}

/// What a scan ends with: true of the folder as a whole, not of one file.
#[derive(Debug, Default)]
pub struct ScanEnd {
    /// Problems of no one file that was read; those of earlier scans are dropped.
    pub problems: Vec<Problem>,
    /// Signatures of the folders in which every file is settled.
    pub folders: Vec<(String, String)>,
    /// Folders that have to be looked at again, or are gone.
    pub unsettled: Vec<String>,
    /// Facts about the scan that the next one goes by: name and value.
    pub facts: Vec<(&'static str, String)>,
}

/// Entries that another one may be at odds with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Entries that share their address.
    pub addresses: Vec<Address>,
    /// Withdrawn ones that name what stands in their place.
    pub replacements: Vec<Replacement>,
}

/// A hold that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRecord {
    pub id: i64,
    pub kind: String,
    pub reason: String,
    /// How many items of each kind it keeps back.
    pub items: BTreeMap<String, u64>,
    pub created_at: DateTime<Utc>,
    /// Hash of the plan of the run that it keeps back.
    #[serde(default)]
    pub plan: Option<String>,
}

/// A body that is not stored, and the file it is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyAtSource {
    /// Index into the entries that were asked for.
    pub index: usize,
    /// The store's number of the entry.
    pub row: i64,
    /// Absent once the file is gone.
    pub path: Option<String>,
    pub source_hash: String,
    /// Absent until the body was made once.
    pub body_hash: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The store's number of the entry.
    pub row: i64,
    pub revision: Revision,
    pub hash: String,
    pub html: String,
    pub text: String,
}

/// A numbered line of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub seq: Seq,
    pub class: ChangeClass,
    pub tell: Tell,
}
