//! What a command asks of the daemon that holds the lock, and what it answers.

use serde::{Deserialize, Serialize};

use super::publish::PublishReport;

/// Argument of a `send` request: send exactly this plan, or say that it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRequest {
    pub plan: String,
    /// Digests to plan; empty for all.
    pub digests: Vec<String>,
    pub advances: bool,
    /// A pause was lifted: what fell due under it is planned first.
    #[serde(default)]
    pub is_after_pause: bool,
}

impl SendRequest {
    /// No plan: what is open goes on.
    pub fn what_is_open() -> Self {
        let (plan, digests) = (String::new(), Vec::new());
        Self { plan, digests, advances: true, is_after_pause: false }
    }
}

/// Answer to a `scan` request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanAnswer {
    Done(Box<PublishReport>),
    Failed(Fault),
}

/// Answer to a `send` request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SendAnswer {
    /// The runs found their end, or wait for the relay with the fault given.
    Sent {
        runs: Vec<i64>,
        fault: Option<Fault>,
    },
    /// The plan is another one now: plan and ask again.
    Changed,
    Failed(Fault),
}

/// An error on its way between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub message: String,
    pub hint: Option<String>,
}
