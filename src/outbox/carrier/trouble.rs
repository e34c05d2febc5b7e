//! What a carrier does where the relay fails it, or refuses: the delivery comes again, or what
//! would only be refused once more is paused.

use tracing::{error, info};

use super::Carrier;
use crate::mail::smtp::{Refusal, RelayError};
use crate::mail::verdict::{Recipient, Trouble};
use crate::outbox::Outcome;
use crate::outbox::sender::SendError;
use crate::outbox::supply::Held;
use crate::store::Claim;

impl Carrier {
    /// The relay's matter, or ours in its eyes: nobody is charged.
    pub(super) async fn relay_failed(
        &mut self,
        error: RelayError,
        held: Held,
    ) -> Result<(), SendError> {
        let run = held.claim.run;
        self.relay_failed_at(error, run, Some(held)).await
    }

    pub(super) async fn relay_failed_at(
        &mut self,
        error: RelayError,
        run: i64,
        held: Option<Held>,
    ) -> Result<(), SendError> {
        self.connection = None;
        let trouble = error.trouble();
        if let Some(held) = held {
            self.lay_down(held, &error).await?;
        }
        if trouble.needs_operator() {
            return self.pause(run, trouble, error).await;
        }
        if error.is_in_transaction() {
            self.crew.supply.look_beyond_canary(run).await?;
        }
        let is_down = {
            let mut pace = self.outbox.pace();
            if trouble == Trouble::Throttled { pace.throttled() } else { pace.failed() }
        };
        if is_down {
            return Err(error.into());
        }
        info!("a connection to the relay ended: {error}");
        Ok(())
    }

    /// Before the dot: it comes again, behind the others where it may be the cause.
    async fn lay_down(&mut self, held: Held, error: &RelayError) -> Result<(), SendError> {
        let supply = &self.crew.supply;
        if !error.is_in_transaction() {
            supply.put_back(held);
            return Ok(());
        }
        let outcome = supply.failed_at(&held.claim, error.to_string());
        if let Outcome::LaidAside { .. } = outcome {
            self.results.keep(&held.claim, held.claim.attempt + 1, outcome);
            return self.settled(held).await;
        }
        supply.put_back_failed(held);
        Ok(())
    }

    /// Another try would fail the same way until a person has had a look.
    async fn pause(
        &mut self,
        run: i64,
        trouble: Trouble,
        error: RelayError,
    ) -> Result<(), SendError> {
        self.results.write().await?;
        let reason = error.to_string();
        let now = self.outbox.clock.now();
        if trouble == Trouble::TooLarge {
            self.outbox.store.pause_run(run, &reason, now).await?;
            error!(run, "paused: {reason}");
            self.crew.supply.drop_run(run).await?;
            return Ok(());
        }
        // All mail has this user and this sender.
        for open in self.outbox.store.open_runs().await? {
            if open.state == "sending" {
                self.outbox.store.pause_run(open.id, &reason, now).await?;
                error!(run = open.id, "paused: {reason}");
            }
        }
        Err(error.into())
    }

    /// The relay refused one recipient; where it refuses everybody by some rule, the run is
    /// paused and those who were refused last are tried again when it goes on.
    pub(super) async fn refused(
        &mut self,
        claim: &Claim,
        attempt: u32,
        refusal: Refusal,
    ) -> Result<(), SendError> {
        let is_policy = refusal.class == Recipient::Policy;
        let reply = refusal.reply.to_string();
        self.results.keep(claim, attempt, Outcome::Refused(refusal));
        if !is_policy {
            self.outbox.pace().refused();
            return Ok(());
        }
        self.crew.supply.refusals().note(claim);
        if self.outbox.pace().refused_by_policy() {
            self.results.write().await?;
            let reason = format!("the relay refuses all of it: {reply}");
            let now = self.outbox.clock.now();
            let refused = self.crew.supply.refusals().free(claim.run);
            let store = &self.outbox.store;
            let freed = store.pause_refused(claim.run, &reason, &refused, now).await?;
            error!(run = claim.run, freed, "paused: {reason}");
            self.crew.supply.drop_run(claim.run).await?;
            self.outbox.pace().forget_refusals();
        }
        Ok(())
    }
}
