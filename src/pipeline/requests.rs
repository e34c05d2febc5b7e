//! What a command asks of the daemon that holds the lock, and what it answers.

use serde::{Deserialize, Serialize};

use super::digests::DigestError;
use super::digests::approval::Word;
use super::publish::PublishReport;
use crate::store::Override;

/// Argument of a `send` request: send exactly this plan, or say that it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRequest {
    pub plan: String,
    /// Beginning of the hash of the plan that somebody has seen and asks for.
    #[serde(default)]
    pub seen: Option<String>,
    /// Digests to plan; empty for all.
    pub digests: Vec<String>,
    pub advances: bool,
    /// A pause was lifted: what fell due under it is planned first.
    #[serde(default)]
    pub is_after_pause: bool,
    /// What an operator overrode for these runs.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

impl SendRequest {
    /// No plan: what is open goes on.
    pub fn what_is_open() -> Self {
        let (plan, digests) = (String::new(), Vec::new());
        let overrides = Vec::new();
        Self { plan, seen: None, digests, advances: true, is_after_pause: false, overrides }
    }
}

/// Argument of a `send` request that is an operator's word for a held run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    pub approve: i64,
    pub by: String,
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
        #[serde(default)]
        left_out: Vec<LeftOut>,
    },
    /// The plan is another one now: plan and ask again.
    Changed,
    /// What became of a word for a held run; none where it is held no longer.
    Word(Option<Word>),
    Failed(Fault),
}

/// A digest of which nothing was sent: its next run brings the same news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub digest: String,
    pub message: String,
    pub hint: Option<String>,
    /// Whether an operator's word lets it go.
    pub is_on_hold: bool,
}

impl LeftOut {
    pub fn of(digest: &str, error: DigestError) -> Self {
        let is_on_hold = matches!(error, DigestError::TooMany { .. });
        let Fault { message, hint } = Fault::of(error);
        Self { digest: digest.to_owned(), message, hint, is_on_hold }
    }

    /// It is not what was shown any more, and others of the same plan had begun.
    pub fn changed(digest: &str, changes: &[String]) -> Self {
        Self {
            digest: digest.to_owned(),
            message: format!("its plan is another one now: {}", changes.join("; ")),
            hint: Some("`tidings plan` shows what would go out now".into()),
            is_on_hold: false,
        }
    }
}

/// An error on its way between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn of(error: DigestError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { message: format!("{:#}", anyhow::Error::from(error)), hint }
    }
}
