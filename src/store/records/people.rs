//! Subscribers, what they choose and how they leave.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::Language;

/// A subscription to add, its address already sealed.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    pub lookup: Vec<u8>,
    pub address_key: i64,
    pub address_cipher: Vec<u8>,
    pub domain: String,
    pub language: Language,
    pub feed: String,
    pub digest: String,
    pub is_confirmed: bool,
    pub is_rehearsal: bool,
    /// Whether it counts for somebody who left before, too. A list that is older than their word
    /// must not undo it.
    pub brings_back: bool,
    /// Where the consent came from, and in which words.
    pub source: String,
    pub wording: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subscribed {
    Added,
    /// It waited for confirmation and has it now.
    Confirmed,
    /// Another digest or language than before.
    Changed,
    Unchanged,
    /// They left before, and their word stands.
    Left,
    /// We must not write to this address.
    Suppressed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberRecord {
    pub id: i64,
    pub address_key: i64,
    pub address_version: i64,
    pub address_cipher: Vec<u8>,
    pub language: String,
    pub is_rehearsal: bool,
    /// They want no mail for now.
    pub is_paused: bool,
    pub feed: String,
    pub digest: String,
    pub state: String,
}

/// A person, as the page that changes what they get shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRecord {
    pub language: String,
    /// They want no mail for now.
    pub is_paused: bool,
    pub address_key: i64,
    pub address_version: i64,
    pub address_cipher: Vec<u8>,
    /// The digest by feed, where confirmed.
    pub follows: BTreeMap<String, String>,
}

/// What a person chose on a page of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    pub subscriber: i64,
    /// For each feed that is spoken of the digest that brings it, or none.
    pub follows: BTreeMap<String, Option<String>>,
    /// Left as it is where absent.
    pub language: Option<Language>,
    pub is_paused: bool,
    /// Where they chose, and what the page said.
    pub source: String,
    pub wording: String,
}

/// Which subscriptions end.
#[derive(Debug, Clone)]
pub struct EndOfSubscription {
    pub subscriber: i64,
    /// Absent for all digests.
    pub digest: Option<String>,
    /// Absent for all feeds.
    pub feed: Option<String>,
    pub source: String,
    pub reason: String,
}

/// A reader left by a link in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// The run of the mail, or [`Leave::EVERYTHING`].
    pub run: i64,
    pub subscriber: i64,
    pub by: LeftBy,
    pub at: DateTime<Utc>,
}

impl Leave {
    /// Stands where the run does when they leave for good, by no mail in particular. No run has
    /// this number.
    pub const EVERYTHING: i64 = 0;
}

/// A reader takes back that they left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComeBack {
    /// The run of the mail whose link it is, or [`Leave::EVERYTHING`]: what the link does not end it
    /// does not bring back.
    pub run: i64,
    pub subscriber: i64,
    pub left_at: DateTime<Utc>,
    /// Where they take it back, and what the button said.
    pub source: String,
    pub wording: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftBy {
    /// Their mail program's (RFC 8058).
    OneClick,
    /// The button of our page.
    Page,
}

impl LeftBy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneClick => "one-click",
            Self::Page => "page",
        }
    }
}
