//! What lines of the ledger say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::model::Seq;
use crate::store::{Brake, Override};

/// What one line says. Later versions may say more: who reads passes over what it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Said {
    /// A run is planned to its end and goes out from now on.
    Opened(Opened),
    /// A run is planned to its end and waits for an operator's word.
    Held(Held),
    /// A due moment at which nothing is sent.
    Quiet(Quiet),
    /// A hold was let go.
    Approved {
        hold: i64,
        kind: String,
        subject: String,
        reason: String,
        by: String,
    },
    /// A hold ended without a word: the config says now what may be.
    Lapsed {
        hold: i64,
        kind: String,
        subject: String,
        reason: String,
    },
    /// An operator let a run go out whatever a brake says.
    Overridden {
        run: i64,
        brake: Brake,
        reason: String,
        by: String,
    },
    /// The program ended a run: a newer text or a later moment took its place.
    Superseded {
        run: i64,
        reason: String,
        by: String,
    },
    Paused {
        digest: Option<String>,
        run: Option<i64>,
        by: String,
        reason: Option<String>,
    },
    Resumed {
        digest: Option<String>,
        run: Option<i64>,
        by: String,
    },
    Cancelled {
        run: i64,
        by: String,
        reason: Option<String>,
    },
    /// Deliveries of unknown fate were settled.
    Resolved {
        run: i64,
        resolution: String,
        deliveries: u64,
        by: String,
    },
    /// A run is at its end, or was counted again after it.
    Ended(Ended),
    /// A run that was at its end sends again.
    Reopened {
        run: i64,
    },
    /// Consent was given, changed or ended.
    Consents(Consents),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub from_seq: Seq,
    pub to_seq: Seq,
    pub advances: bool,
    pub plan: String,
    pub issues: u64,
    pub recipients: u64,
    /// Brakes that count for nothing in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The one that waits.
    pub hold: i64,
    /// As it would go out.
    #[serde(flatten)]
    pub run: Opened,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub from_seq: Seq,
    pub to_seq: Seq,
    pub state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub run: i64,
    pub state: String,
    #[serde(flatten)]
    pub totals: Totals,
}

/// What became of a run's deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// By state; those without any are left out.
    pub deliveries: BTreeMap<String, u64>,
    /// Accepted after an outcome that was never known.
    pub resent: u64,
}

/// Rows of the log of consents that one transaction wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consents {
    /// Numbers of the first row and the last.
    pub first: i64,
    pub last: i64,
    pub count: u64,
    /// How many of them tell what.
    pub actions: BTreeMap<String, u64>,
    /// Where all are of one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscriber: Option<i64>,
    /// SHA-256 over all that the rows say.
    pub rows: String,
}

impl Said {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Opened(_) | Self::Held(_) | Self::Quiet(_) => Kind::Plan,
            Self::Approved { .. }
            | Self::Lapsed { .. }
            | Self::Overridden { .. }
            | Self::Superseded { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. }
            | Self::Cancelled { .. }
            | Self::Resolved { .. } => Kind::Approval,
            Self::Ended(_) | Self::Reopened { .. } => Kind::Run,
            Self::Consents(_) => Kind::Consent,
        }
    }
}
