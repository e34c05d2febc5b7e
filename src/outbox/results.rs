//! Outcomes of one connection that are known and not yet written: they go to the disk with its
//! next intent, so that after a crash at most one message per connection is unknown.

use std::sync::Arc;

use tokio::time::timeout;
use tracing::{info, warn};

use super::sender::{Crew, SendError};
use super::{Attempt, Outcome, Step, next_step};
use crate::store::{Claim, DeliveryResult, StoreError};

/// Results that are not left to the next intent: it may be long in coming.
const MOST: usize = 16;

pub(super) struct Results {
    crew: Arc<Crew>,
    waiting: Vec<DeliveryResult>,
}

impl Results {
    pub(super) fn new(crew: Arc<Crew>) -> Self {
        Self { crew, waiting: Vec::new() }
    }

    /// Asks for leave to write the dot; carries the results so far with it. Answers with the
    /// number of the attempt.
    pub(super) async fn intend(&mut self, claim: &Claim) -> Result<Option<u32>, SendError> {
        let outbox = &self.crew.outbox;
        if let Some(leaving) = &outbox.leaving {
            // Whose click was answered gets no mail, though the store does not know of it yet.
            let settled = leaving.settled_of(claim.subscriber);
            timeout(leaving.mail_patience, settled).await.map_err(|_| SendError::Unsettled)?;
        }
        let now = outbox.clock.now();
        let intent = outbox.store.intend(claim, &self.waiting, now).await;
        if intent.as_ref().is_err_and(StoreError::is_full_disk) {
            self.crew.fill_disk();
        }
        let intent = intent?;
        self.waiting.clear();
        if intent.is_none() {
            info!(run = claim.run, "a delivery was not sent: its recipient left or its run rests");
            let run = outbox.store.run(claim.run).await?;
            if run.is_none_or(|run| run.state != "sending") {
                // Each of its other claims would cost a connection as well.
                self.crew.supply.drop_run(claim.run).await?;
            }
        }
        Ok(intent.map(|intent| intent.attempt))
    }

    /// Keeps the outcome of a numbered attempt.
    pub(super) fn keep(&mut self, claim: &Claim, attempt: u32, outcome: Outcome) {
        let outbox = &self.crew.outbox;
        let terms = outbox.terms(&claim.digest);
        let attempt = Attempt {
            number: attempt,
            unknowns: claim.unknowns,
            created_at: outbox.created_at(claim),
            expires_after: terms.expires_after,
            uncertain: terms.uncertain,
        };
        let step = next_step(attempt, outcome, outbox.clock.now());
        if let Step::Rejected { code, reply } = &step {
            let (run, subscriber) = (claim.run, claim.subscriber);
            warn!(run, subscriber, code, "the relay refused a recipient: {reply}");
        }
        let is_open = matches!(
            step,
            Step::Retry { .. }
                | Step::Unsent { .. }
                | Step::LaidAside { .. }
                | Step::Uncertain { resend_at: Some(_) }
        );
        if !is_open {
            (outbox.on_delivery)();
        }
        self.push(claim, step);
    }

    pub(super) fn push(&mut self, claim: &Claim, step: Step) {
        let Claim { run, subscriber, fence, .. } = *claim;
        self.waiting.push(DeliveryResult { run, subscriber, fence, step });
    }

    /// Writes them where there are many.
    pub(super) async fn write_many(&mut self) -> Result<(), SendError> {
        if self.waiting.len() >= MOST { self.write().await } else { Ok(()) }
    }

    /// What cannot be written is tried once more: each result that is lost is a second copy for
    /// somebody. On a full disk the ballast makes room for it, and sending ends all the same.
    pub(super) async fn write(&mut self) -> Result<(), SendError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let outbox = &self.crew.outbox;
        let now = outbox.clock.now();
        let first = outbox.store.record_results(&self.waiting, now).await;
        if let Err(error) = &first {
            if error.is_full_disk() {
                self.crew.fill_disk();
            }
            outbox.store.record_results(&self.waiting, now).await?;
        }
        self.waiting.clear();
        Ok(first?)
    }
}
