//! The values that go into the store and come out of it.

mod audit;
mod brakes;
mod content;
mod errands;
mod feeds;
mod operating;
mod people;
mod told;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rustc_hash::FxBuildHasher;

use crate::digest::windows::WindowState;
use crate::model::{Entry, Language, Revision, Seq};
use crate::outbox::lane::Lane;
pub use audit::*;
pub use brakes::*;
pub use content::*;
pub use errands::*;
pub use feeds::*;
pub use operating::*;
pub use people::*;
pub use told::*;

/// How far a digest has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestProgress {
    pub id: i64,
    /// `to_seq` of its last run that reached `expanding` or `empty`, else its `seq` of
    /// registration.
    pub covered_seq: Seq,
    pub registered_at: DateTime<Utc>,
    /// Number of the last cancellation of any run that people are owed for.
    pub newest_cancellation: i64,
}

/// The cancellations that a plan knows of: what is cancelled later it has left out for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCancellations {
    /// Number of the last.
    pub newest: i64,
    /// When the plan was begun.
    pub at: DateTime<Utc>,
}

/// A change that followers are told, with its entry as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldChange {
    pub seq: Seq,
    /// The store's number of the entry.
    pub row: i64,
    /// Revision that was told; who holds it or a later one has the news.
    pub told_revision: Revision,
    pub body_hash: String,
    /// The newest revision; what the program itself says of the change stands as its note.
    pub entry: Entry,
}

/// Whose subscriptions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Real,
    /// The stand-ins of `rehearsal.subscribers`.
    Rehearsal,
}

/// One confirmed subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub subscriber: i64,
    pub feed: String,
    pub language: Language,
    pub owed_from: Option<Seq>,
    /// The person wants no mail for now: a run passes them by, and they are owed nothing of it.
    pub is_paused: bool,
}

/// (subscriber, entry row) and the newest revision that they have or are about to get. Both are
/// numbers of ours, so that the hash need not stand up to anybody.
pub type Received = HashMap<(i64, i64), i64, FxBuildHasher>;

/// Some subscribers, by number: `after < number && number <= upto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberRange {
    pub after: i64,
    pub upto: i64,
}

impl SubscriberRange {
    pub const ALL: Self = Self { after: -1, upto: i64::MAX };
}

/// A run about to be planned.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub digest: i64,
    pub key: String,
    /// Absent for runs by hand.
    pub due_at: Option<DateTime<Utc>>,
    pub from_seq: Seq,
    pub to_seq: Seq,
    pub advances: bool,
}

/// What the plan of a run says of some subscribers.
#[derive(Debug, Clone)]
pub struct RunPage {
    /// From 0 on.
    pub number: usize,
    pub subscribers: SubscriberRange,
    /// Issues that no earlier page had.
    pub issues: Vec<NewIssue>,
    /// (subscriber, index into the issues of this page and all before it).
    pub recipients: Vec<(i64, usize)>,
    /// `owed_from` values the plan read: (subscriber, feed, value).
    pub owed_read: Vec<(i64, String, Seq)>,
}

#[derive(Debug, Clone)]
pub struct NewIssue {
    pub hash: String,
    pub language: Language,
    pub subject: String,
    /// (feed, entry row, revision), in reading order.
    pub lines: Vec<(String, i64, Revision)>,
    /// Compressed bytes of the mail with its slots.
    pub mail: Rendering,
    /// Compressed HTML of the web copy.
    pub web: Rendering,
}

/// Bytes by the hash of what they decompress to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    pub hash: String,
    pub bytes: Vec<u8>,
}

/// A due moment at which nothing is sent: nothing new, or too late.
#[derive(Debug, Clone)]
pub struct QuietRun {
    pub digest: i64,
    pub key: String,
    pub due_at: Option<DateTime<Utc>>,
    pub from_seq: Seq,
    pub to_seq: Seq,
    pub state: QuietState,
    pub reason: String,
    /// What was cancelled since is owed.
    pub known: KnownCancellations,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuietState {
    /// Nothing new: the window is covered.
    Empty,
    /// Too late to send: the window stays open.
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub id: i64,
    pub digest: String,
    pub key: String,
    pub state: String,
    pub from_seq: Seq,
    pub to_seq: Seq,
    pub recipients: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRecord {
    pub id: i64,
    pub hash: String,
    pub subject: String,
    /// Compressed.
    pub mail: Vec<u8>,
}

/// What the crash rules found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    pub released: u64,
    pub uncertain: u64,
}

#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Who claims: unique per process.
    pub owner: String,
    pub lane: Lane,
    pub now: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
    pub limit: u32,
    /// Outside the windows only mail that passes them is claimed.
    pub windows: WindowState,
    /// Mail goes to a Maildir: the rehearsal's stand-ins may get theirs.
    pub may_be_stand_in: bool,
}

/// What is fixed with a delivery, so that a message sent again is the same to the byte.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryKeys<'a> {
    /// Signs its tokens.
    pub token: i64,
    /// Names the key that signs the message (RFC 6376, 3.1); absent where it is not signed.
    pub dkim_selector: Option<&'a str>,
}

/// A delivery in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub run: i64,
    pub subscriber: i64,
    pub issue: i64,
    pub digest: String,
    pub fence: i64,
    /// Intents so far.
    pub attempt: u32,
    pub unknowns: u32,
    /// As in the [`ClaimRequest`].
    pub may_be_stand_in: bool,
    pub token_key: i64,
    pub dated_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub address_key: i64,
    pub address_version: i64,
    pub address_cipher: Vec<u8>,
    /// What stands behind the `@`.
    pub domain: String,
    pub dkim_selector: Option<String>,
    /// The mail to the same person that this one corrects.
    pub answers: Option<Answered>,
}

/// What the Message-ID of an earlier delivery to a person is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub run: i64,
    pub dated_at: DateTime<Utc>,
    pub token_key: i64,
}

/// Leave to write the final dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// Number of this attempt, from 1.
    pub attempt: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryResult {
    pub run: i64,
    pub subscriber: i64,
    pub fence: i64,
    pub step: crate::outbox::Step,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    pub by_state: HashMap<String, u64>,
    /// Accepted after an outcome that was never known: these may have arrived twice.
    pub resent: u64,
}

/// What the link in a mail ends. Of neither digest nor feeds: everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOut {
    pub digest: Option<String>,
    /// Feeds that brought it, where it is mail whatever a person's digest is.
    pub feeds: Option<Vec<String>>,
    /// Those of what it ends that still run.
    pub running_subscriptions: u64,
    /// That of the person, where they are known.
    pub language: Option<String>,
    /// Where the mail went, key and cipher, where that is still kept.
    pub address: Option<(i64, Vec<u8>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    Scan,
    Send,
}

impl RequestKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Send => "send",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: i64,
    pub kind: RequestKind,
    pub argument: String,
}
