//! The values that go into the store and come out of it.

mod audit;
mod brakes;
mod errands;
mod feeds;
mod operating;
mod told;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Address, ChangeClass, HeldItem, Replacement, Step, Tell};
use crate::content::FileStat;
use crate::content::Problem;
use crate::digest::windows::WindowState;
use crate::model::{Entry, Language, Revision, Seq};
use crate::outbox::lane::Lane;
pub use audit::*;
pub use brakes::*;
pub use errands::*;
pub use feeds::*;
pub use operating::*;
pub use told::*;

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

/// How far a digest has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestProgress {
    pub id: i64,
    /// `to_seq` of its last run that reached `expanding` or `empty`, else its `seq` of
    /// registration.
    pub covered_seq: Seq,
    pub registered_at: DateTime<Utc>,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    pub digest: String,
    pub state: String,
    /// Feeds that brought it, where it is mail whatever a person's digest is.
    pub feeds: Option<Vec<String>>,
    /// Subscriptions of this person to the digest, or to these feeds, that still run.
    pub running_subscriptions: u64,
    /// That of the person.
    pub language: String,
    pub address_key: i64,
    pub address_version: i64,
    pub address_cipher: Vec<u8>,
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
