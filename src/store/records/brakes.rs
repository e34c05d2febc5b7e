//! What holds a run back, and what an operator says to it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{EntryId, Revision};

/// What became of the first deliveries of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    pub run: i64,
    pub first: u64,
    /// Not tried yet, or under way.
    pub open: u64,
    /// Of these, in somebody's hands.
    pub in_hand: u64,
    /// Not open, and neither tried: they wait for a turn of their own.
    pub put_off: u64,
    /// The relay failed at them so often that they rest.
    pub laid_aside: u64,
    pub refused: u64,
    /// What the relay said to one that it refused, or failed at.
    pub reply: Option<String>,
}

/// A brake that an operator may override for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Brake {
    SendWindow,
    Approval,
}

impl Brake {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendWindow => "send-window",
            Self::Approval => "approval",
        }
    }
}

/// A brake that was overridden, why and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub brake: Brake,
    pub reason: String,
    pub by: String,
}

/// A run that waits for an operator's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldRun {
    pub run: i64,
    pub hold: i64,
    pub digest: String,
    pub key: String,
    pub from_seq: i64,
    pub to_seq: i64,
    pub recipients: u64,
    pub plan: String,
}

/// A hold that waits no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastHold {
    pub id: i64,
    /// When and by whom it was let go; absent where its run was cancelled before. The program and
    /// the config let go by their names what is no longer needed.
    pub released: Option<(DateTime<Utc>, String)>,
    /// The run that it kept back, where it kept back one.
    pub run: Option<i64>,
}

impl PastHold {
    /// Whether an operator let it go.
    pub fn was_approved(&self) -> bool {
        self.released.as_ref().is_some_and(|(_, by)| by != "tidings" && by != "config")
    }
}

/// An operator's word for a held run.
#[derive(Debug, Clone)]
pub struct ReleasedRun {
    pub run: i64,
    /// Who was planned and is not to get it any more.
    pub leavers: Vec<i64>,
    pub by: String,
}

/// Somebody who follows a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub subscriber: i64,
    pub domain: String,
    pub is_paused: bool,
    pub is_suppressed: bool,
}

/// What a run brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEntries {
    pub run: i64,
    pub key: String,
    pub entries: Vec<(EntryId, Revision)>,
}
