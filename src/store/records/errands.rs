//! What people ask for on a page and finish by the link in a mail.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::NewIssue;
use crate::model::Language;
use crate::subscribers::errand::ErrandKind;

/// An address as it is stored: found by its hash, read with a key that the store has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedAddress {
    pub lookup: Vec<u8>,
    /// Under which mails to it are counted; empty, in forms of earlier versions, for `lookup`.
    #[serde(default)]
    pub mailbox: Vec<u8>,
    pub key: i64,
    pub cipher: Vec<u8>,
    /// In clear.
    pub domain: String,
}

/// Somebody who asks to be signed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUp {
    pub address: SealedAddress,
    /// For each feed the digest that is to bring it.
    pub wants: BTreeMap<String, String>,
    pub language: Language,
    /// Where they asked, and what the page said.
    pub source: String,
    pub wording: String,
    pub asked_at: DateTime<Utc>,
}

/// What became of a question for a mail. Nobody on the web is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFor {
    /// A mail will be made.
    Waits,
    /// The address was written to too lately, or too often.
    TooOften,
    Suppressed,
    /// Somebody wants to be written to where they are.
    Same,
    /// Nobody, or nobody any more, is behind it.
    Unknown,
}

/// For the log.
impl fmt::Display for AskedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waits => "a mail will be made",
            Self::TooOften => "no mail, they were written to too lately or too often",
            Self::Suppressed => "no mail, the address is suppressed",
            Self::Same => "no mail, it is the one they have",
            Self::Unknown => "no mail, nobody is behind it any more",
        })
    }
}

/// What a known person asks for on a page of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnErrand {
    pub subscriber: i64,
    pub kind: ErrandKind,
    /// Of a move: where they want to be written to.
    pub address: Option<SealedAddress>,
    pub source: String,
    pub wording: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrandRecord {
    pub id: i64,
    pub subscriber: i64,
    pub kind: ErrandKind,
    pub language: Language,
    pub wants: BTreeMap<String, String>,
    pub asked_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub opened_at: Option<DateTime<Utc>>,
    pub outcome: Option<Outcome>,
    /// Whether its person ever confirmed anything, and is not erased: to refuse it takes nothing
    /// from them.
    pub is_known: bool,
    /// Where its mail went: key and cipher. Forgotten with the person, and with an address that
    /// never became theirs.
    pub address: Option<(i64, Vec<u8>)>,
}

impl ErrandRecord {
    /// Whether its link still does something.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.outcome.is_none() && now < self.expires_at
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// It was somebody else who asked.
    Refused,
    Expired,
}

/// A run whose mail answers errands.
#[derive(Debug, Clone)]
pub struct ErrandRun {
    pub digest: &'static str,
    pub issues: Vec<NewIssue>,
    /// (errand, subscriber, index into the issues).
    pub recipients: Vec<(i64, i64, usize)>,
}

/// What came of following a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// Now.
    Done,
    /// It was ended so before, or it is too late: see the errand.
    Before,
    /// Of a move: somebody else gets mail at the new address.
    Taken,
    Unknown,
}

/// What came of saying that it was somebody else who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nothing else was known of them: the address is deleted.
    Forgotten,
    /// They had confirmed something before, or have asked for something else.
    Kept,
    /// It was ended before, or it is too late: see the errand.
    Before,
    Unknown,
}

/// Everything that is kept of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    pub created_at: DateTime<Utc>,
    pub language: String,
    pub paused_at: Option<DateTime<Utc>>,
    pub address_key: i64,
    pub address_cipher: Vec<u8>,
    pub other_addresses: Vec<OtherAddress>,
    /// Feed, digest, state, since when.
    pub subscriptions: Vec<(String, String, String, DateTime<Utc>)>,
    /// Oldest first.
    pub consents: Vec<ConsentRecord>,
    /// Mails by what became of them.
    pub deliveries: BTreeMap<String, u64>,
}

/// An address of a person that their mail does not go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherAddress {
    pub key: i64,
    pub cipher: Vec<u8>,
    /// Whether it was theirs before a change; else it is to be, and not confirmed.
    pub is_former: bool,
}

/// One row of the consent log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    pub feed: String,
    pub digest: String,
    pub action: String,
    pub at: DateTime<Utc>,
    pub source: String,
    pub wording: Option<String>,
    pub reason: Option<String>,
}
