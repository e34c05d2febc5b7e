//! What operators see of sending, and what they do with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Override;
use crate::model::Seq;

/// What a pause keeps from being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PauseScope {
    All,
    /// By its name in the config.
    Digest(String),
    Run(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPause {
    pub scope: PauseScope,
    pub reason: Option<String>,
    pub by: String,
}

impl NewPause {
    /// One that the program sets itself.
    pub fn of_run(run: i64, reason: &str) -> Self {
        Self {
            scope: PauseScope::Run(run),
            reason: Some(reason.to_owned()),
            by: "tidings".to_owned(),
        }
    }
}

/// A pause that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PauseRecord {
    /// Absent for a run, and for all sending.
    pub digest: Option<String>,
    /// Absent for a digest, and for all sending.
    pub run: Option<i64>,
    pub reason: Option<String>,
    pub by: String,
    pub since: DateTime<Utc>,
}

impl PauseRecord {
    /// Whether nothing of this digest is planned or sent meanwhile.
    pub fn stops_digest(&self, digest: &str) -> bool {
        self.run.is_none() && self.digest.as_ref().is_none_or(|paused| paused == digest)
    }
}

/// What became of the wish to pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// The one that stands now: an older one stays as it was.
    pub pause: PauseRecord,
    pub is_new: bool,
}

/// Why no mail goes out, as the daemon that sends saw it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelayFault {
    /// When the first of these tries failed.
    pub since: DateTime<Utc>,
    /// Tries that failed in a row.
    pub tries: u32,
    /// When it tries again.
    pub next_at: DateTime<Utc>,
    pub error: String,
    pub hint: Option<String>,
}

/// A run that an operator ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    pub run: i64,
    pub reason: Option<String>,
    pub by: String,
    /// For deliveries that have yet to be recorded.
    pub token_key: i64,
}

/// What a cancelled run leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// Deliveries that will not be sent.
    pub cancelled: u64,
    /// Deliveries of unknown fate, those in hand included: they count as sent.
    pub uncertain: u64,
}

/// Which runs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAsked {
    /// The newest so many, newest first.
    Newest(u32),
    /// As before, without those that found nothing new for anybody.
    NewestWithNews(u32),
    One(i64),
    /// Those not at their end, and those with deliveries of unknown fate; oldest first.
    Unsettled,
}

/// A run as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunDetails {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub state: String,
    /// Why it ended as it did.
    pub reason: Option<String>,
    pub from_seq: Seq,
    pub to_seq: Seq,
    /// Whether the digest's next window begins behind this one.
    pub advances: bool,
    pub issues: u64,
    pub recipients: u64,
    /// Absent for runs by hand.
    pub due_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// By state; those without any are left out.
    pub deliveries: BTreeMap<String, u64>,
    /// Accepted after an outcome that was never known: these may have arrived twice.
    pub resent: u64,
    /// Brakes that an operator overrode for it.
    pub overrides: Vec<Override>,
}

impl RunDetails {
    /// Whether nothing of it will be sent any more, unless an operator sees to it.
    pub fn is_ended(&self) -> bool {
        matches!(self.state.as_str(), "complete" | "empty" | "cancelled" | "expired" | "superseded")
    }

    /// Deliveries that are not to be sent any more, as far as it is known.
    pub fn settled(&self) -> u64 {
        let is_open = |state: &str| matches!(state, "pending" | "claimed");
        self.deliveries.iter().filter(|(state, _)| !is_open(state)).map(|(_, n)| n).sum()
    }
}

/// A delivery that the relay refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedDelivery {
    pub subscriber: i64,
    /// What the relay said, its addresses masked.
    pub reply: String,
}

/// A delivery whose outcome was never known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncertainRecord {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub subscriber: i64,
    /// Outcomes that were never known.
    pub unknowns: u64,
    pub since: DateTime<Utc>,
    /// When it is sent once more by itself; absent where it waits for an operator.
    pub resend_at: Option<DateTime<Utc>>,
    /// What its Message-ID is made from, beside its run and person.
    pub token_key: i64,
    pub dated_at: DateTime<Utc>,
}

/// What an operator decides about deliveries of unknown fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The relay has them.
    Sent,
    /// The relay never had them: they are sent, with the same Message-ID and bytes.
    Unsent,
    /// Nobody knows: they are sent once more, with the same Message-ID and bytes.
    Resend,
}
