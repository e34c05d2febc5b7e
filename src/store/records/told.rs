//! What is told whatever people's digests are: corrections, urgent news, reminders; and the runs
//! that a newer text ends.

use serde::{Deserialize, Serialize};

use super::ToldChange;
use crate::model::Seq;

/// A correction or withdrawal that has no run yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// Its number, and the newest revision of its entry. Absent where there is nothing to tell
    /// any more: the entry is gone, or stands again.
    pub told: Option<ToldChange>,
    pub seq: Seq,
    /// Whether an older text of the entry is on its way to somebody right now.
    pub is_in_hand: bool,
}

/// Somebody who has an older text of an entry, and the feed that brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    pub subscriber: i64,
    pub feed: String,
}

/// How many of those who were to get a correction cannot be told, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untold {
    /// They follow no feed any more that brought the text or selects it.
    pub left: u64,
    pub paused: u64,
    pub suppressed: u64,
    pub erased: u64,
    /// The relay refused the mail with the old text.
    pub refused: u64,
}

impl Untold {
    pub fn total(&self) -> u64 {
        self.left + self.paused + self.suppressed + self.erased + self.refused
    }
}

/// An open run that holds a text that is no longer the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutdatedRun {
    pub run: i64,
    /// What happened to the text.
    pub reason: String,
}

/// A superseded run whose people are to be planned anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedRun {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub from_seq: Seq,
    pub to_seq: Seq,
    pub advances: bool,
}
