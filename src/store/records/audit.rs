//! What auditors ask.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::audit::{Broken, Head, Kind};

/// What auditors ask of a run beside its numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunAudit {
    /// Hash of the plan; absent where nothing was planned.
    pub plan: Option<String>,
    pub issue_list: Vec<IssueLine>,
    /// What operators decided about it, oldest first; none from before the ledger.
    pub decisions: Vec<Decision>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueLine {
    /// Its web copy is at `/issues/HASH`.
    pub hash: String,
    pub language: String,
    pub subject: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub at: DateTime<Utc>,
    /// `approved`, `overridden`, `paused`, `resumed`, `cancelled`, `superseded`, `resolved`.
    pub what: String,
    pub by: String,
    pub reason: Option<String>,
    /// Where it was about the whole digest, or all sending.
    pub is_wider: bool,
}

/// An entry that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryFound {
    /// The store's number of the entry.
    #[serde(skip)]
    pub row: i64,
    pub id: String,
    /// Absent once its file is gone.
    pub path: Option<String>,
    pub link: Option<String>,
    pub title: String,
    pub state: String,
    /// The newest.
    pub revision: i64,
}

/// How many got one revision of an entry in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReceivers {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub revision: i64,
    /// By state; what is in hand counts as pending.
    pub deliveries: BTreeMap<String, u64>,
}

/// One person with a delivery that holds an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedCopy {
    pub subscriber: i64,
    pub revision: i64,
    pub state: String,
    /// When it came into that state.
    pub changed_at: DateTime<Utc>,
    /// Key and sealed bytes; absent where it was erased.
    pub address: Option<(i64, Vec<u8>)>,
}

/// One delivery as its person's history has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonDelivery {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub subject: String,
    /// What is in hand is pending.
    pub state: String,
    /// Why it was cancelled.
    pub reason: Option<String>,
    /// What the relay said last.
    pub reply: Option<String>,
    /// Date of the message.
    pub made_at: DateTime<Utc>,
    /// When it came into its state.
    pub changed_at: DateTime<Utc>,
    pub entries: Vec<DeliveredEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveredEntry {
    pub id: String,
    pub title: String,
    pub feed: String,
    pub revision: i64,
}

/// What a check of the audit ledger found.
#[derive(Debug, Default, Serialize)]
pub struct AuditReport {
    pub chains: Vec<AuditChain>,
    /// Of each kind the first line that does not hold.
    #[serde(serialize_with = "as_sentences")]
    pub broken: Vec<Broken>,
}

/// All lines of one kind.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct AuditChain {
    pub kind: Kind,
    pub days: u64,
    /// Those that hold.
    pub lines: u64,
    /// The newest one; absent where there is none, or where the chain does not hold.
    pub head: Option<Head>,
}

fn as_sentences<S: Serializer>(broken: &[Broken], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(broken.iter().map(ToString::to_string))
}
