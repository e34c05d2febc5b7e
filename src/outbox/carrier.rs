//! One connection: MAIL, RCPT and DATA up to the go-ahead, the durable intent, the message
//! with its dot, the reply.
//!
//! A result is written with the next intent of the same connection, so that after a crash at
//! most one message per connection is unknown.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::lane::Lane;
use super::letter::{is_signed, maildir_name, message};
use super::sender::{Crew, End, Outbox, SendError};
use super::supply::{Held, Next};
use super::{Attempt, Outcome, Step, is_expired, next_step};
use crate::config::{Relay, SmtpRelay};
use crate::failpoint;
use crate::mail::maildir;
use crate::mail::message::Message;
use crate::mail::smtp::{BeginError, Connection, Finish, Refusal, RelayError};
use crate::mail::verdict::{Recipient, Trouble};
use crate::model::Address;
use crate::store::{Claim, DeliveryResult, StoreError};

/// A connection is closed after so many messages or so long, so that a relay behind several
/// addresses is used evenly.
const LONGEST_USE_MESSAGES: u64 = 5_000;
const LONGEST_USE: Duration = Duration::from_mins(5);

/// Longest wait for a turn without another look.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the relay turned away because it has too much rests so long.
const THROTTLED: TimeDelta = TimeDelta::minutes(1);

/// What cannot be made into a message is looked at again after this.
const UNREADABLE: TimeDelta = TimeDelta::hours(1);

/// Results that are not left to the next intent: it may be long in coming.
const MOST_RESULTS: usize = 16;

pub(super) struct Carrier {
    crew: Arc<Crew>,
    outbox: Arc<Outbox>,
    number: u64,
    connection: Option<(Box<Connection>, Instant)>,
    /// Outcomes that are known and not yet written.
    results: Vec<DeliveryResult>,
    has_left: bool,
}

impl Carrier {
    pub(super) fn new(crew: Arc<Crew>, number: u64) -> Self {
        let outbox = Arc::clone(&crew.outbox);
        Self { crew, outbox, number, connection: None, results: Vec::new(), has_left: false }
    }

    pub(super) async fn run(mut self) -> End {
        let carried = self.carry().await;
        let written = self.write_results().await;
        if let Some((connection, _)) = self.connection.take()
            && connection.is_usable()
        {
            connection.quit().await;
        }
        End { has_left: self.has_left, outcome: carried.and(written) }
    }

    async fn carry(&mut self) -> Result<(), SendError> {
        while !self.crew.is_ending() {
            if self.number > 1 && self.crew.may_leave() {
                self.has_left = true;
                break;
            }
            match self.crew.supply.next(self.crew.connections()).await? {
                Next::Nothing => {
                    self.crew.run_dry();
                    break;
                }
                Next::Wait(wait) => {
                    self.write_results().await?;
                    let nap = tokio::time::sleep(wait.min(LOOK_AGAIN));
                    self.until_stop(nap).await;
                }
                Next::Delivery(held) => self.deliver(*held).await?,
            }
        }
        Ok(())
    }

    /// Takes one claimed delivery to its recorded outcome, or gives it back.
    async fn deliver(&mut self, held: Held) -> Result<(), SendError> {
        let claim = &held.claim;
        let lane = held.lane;
        let terms = self.outbox.terms(&claim.digest);
        if is_expired(claim.created_at, terms.expires_after, self.outbox.clock.now()) {
            let reply = "it was not sent in time".to_owned();
            self.push(claim, Step::Expired { code: String::new(), reply });
            return self.settled(lane).await;
        }
        let (address, message) = match self.letter(claim).await {
            Ok(letter) => letter,
            Err(SendError::Store(error)) => {
                self.crew.supply.put_back(held);
                return Err(error.into());
            }
            // Ours, and of this delivery alone: the others go on.
            Err(fault) => {
                error!(run = claim.run, subscriber = claim.subscriber, "not sent: {fault}");
                let unsent = Outcome::Unsent { why: fault.to_string(), rest: UNREADABLE };
                self.keep(claim, claim.attempt + 1, unsent);
                return self.settled(lane).await;
            }
        };
        let outbox = Arc::clone(&self.outbox);
        match &outbox.relay {
            Relay::Maildir(folder) => self.rehearse(folder, held, message).await,
            Relay::Smtp(relay) => self.send(relay, held, &address, &message).await,
        }
    }

    async fn letter(&self, claim: &Claim) -> Result<(Address, Message), SendError> {
        let address = self.outbox.keys.open_address(claim.address_key, &claim.address_cipher)?;
        let issue = self.crew.issues.get(&self.outbox, claim.issue).await?;
        if !is_signed(&self.outbox, claim) {
            let message = message(&self.outbox, &issue, claim, &address)?;
            return Ok((address, message));
        }
        let _permit = self.crew.signing.acquire().await;
        let (outbox, claim) = (Arc::clone(&self.outbox), claim.clone());
        let sign = move || Ok((message(&outbox, &issue, &claim, &address)?, address));
        let signed = spawn_blocking(sign).await.expect("signing does not panic");
        signed.map(|(message, address)| (address, message))
    }

    /// The intent is durable before the file is there, as with a relay.
    async fn rehearse(
        &mut self,
        folder: &Path,
        held: Held,
        message: Message,
    ) -> Result<(), SendError> {
        let claim = &held.claim;
        let Some(attempt) = self.intend(claim).await? else {
            return self.settled(held.lane).await;
        };
        let name = maildir_name(claim, &self.outbox.public_url);
        let folder = folder.to_owned();
        let write = move || maildir::deliver(&folder, &name, &message.unstuffed());
        let path = spawn_blocking(write).await.expect("writing does not panic");
        match path {
            Ok(path) => {
                self.keep(claim, attempt, Outcome::Rehearsed(path.display().to_string()));
                self.settled(held.lane).await
            }
            Err(error) => {
                // A file that was not written is a mail that was not sent, whatever the
                // intent says.
                let at = self.outbox.clock.now();
                self.push(claim, Step::Unsent { at, reply: "the Maildir failed".into() });
                self.settled(held.lane).await?;
                Err(error.into())
            }
        }
    }

    async fn send(
        &mut self,
        relay: &SmtpRelay,
        held: Held,
        address: &Address,
        message: &Message,
    ) -> Result<(), SendError> {
        let crew = Arc::clone(&self.crew);
        if let Err(error) = self.connect(relay).await {
            return self.relay_failed(error?, Some(held)).await;
        }
        let has_turn = stopped_or(&crew, crew.take_turn()).await.is_some();
        let Some((connection, _)) = self.connection.as_mut().filter(|_| has_turn) else {
            crew.supply.put_back(held);
            return Ok(());
        };
        let size_bytes = u64::try_from(message.size_bytes()).unwrap_or(u64::MAX);
        failpoint::reach("before-mail");
        let begin = connection.begin(&self.outbox.from, address, size_bytes);
        match stopped_or(&crew, begin).await {
            Some(Ok(())) => failpoint::reach("after-go-ahead"),
            Some(Err(BeginError::Recipient(refusal))) => {
                let attempt = held.claim.attempt + 1;
                self.refused(&held.claim, attempt, refusal).await?;
                return self.settled(held.lane).await;
            }
            Some(Err(BeginError::Relay(error))) => {
                return self.relay_failed(error, Some(held)).await;
            }
            // Before the dot nothing is owed: hanging up leaves it unsent.
            None => {
                self.connection = None;
                crew.supply.put_back(held);
                return Ok(());
            }
        }
        if crew.is_stopped() {
            self.connection = None;
            crew.supply.put_back(held);
            return Ok(());
        }
        let attempt = match self.intend(&held.claim).await {
            Ok(Some(attempt)) => attempt,
            // The go-ahead stands open: without the dot, only hanging up is clean.
            Ok(None) => {
                self.connection = None;
                crew.supply.done(held.lane);
                return Ok(());
            }
            Err(error) => {
                self.connection = None;
                crew.supply.put_back(held);
                return Err(error);
            }
        };
        failpoint::reach("after-intent");
        if crew.is_stopped() {
            self.connection = None;
            let at = self.outbox.clock.now();
            self.push(&held.claim, Step::Unsent { at, reply: "sending was stopped".into() });
            return self.settled(held.lane).await;
        }
        self.finish(&held, attempt, message).await
    }

    /// Writes the message and its dot, and takes the reply, however long that is.
    async fn finish(
        &mut self,
        held: &Held,
        attempt: u32,
        message: &Message,
    ) -> Result<(), SendError> {
        let claim = &held.claim;
        let Some((connection, _)) = &mut self.connection else { return Ok(()) };
        let finish = connection.finish(&[message.wire()]).await;
        let trouble = match finish {
            Finish::Accepted(reply) => {
                failpoint::reach("after-reply");
                self.crew.accepted();
                self.keep(claim, attempt, Outcome::Accepted(reply));
                None
            }
            Finish::Refused(refusal) => {
                self.refused(claim, attempt, refusal).await?;
                None
            }
            Finish::Unsent(error) => {
                let rest = match error.trouble() {
                    Trouble::Throttled => THROTTLED,
                    _ => self.crew.supply.note_failure(claim),
                };
                self.keep(claim, attempt, Outcome::Unsent { why: error.to_string(), rest });
                Some(error)
            }
            Finish::Lost(error) => {
                warn!(run = claim.run, "the outcome of a message is unknown: {error}");
                self.keep(claim, attempt, Outcome::Lost);
                Some(error)
            }
        };
        self.settled(held.lane).await?;
        match trouble {
            None => Ok(()),
            Some(error) => self.relay_failed_at(error, claim.run, None).await,
        }
    }

    /// Opens a connection unless one stands that may still be used.
    async fn connect(&mut self, relay: &SmtpRelay) -> Result<(), Result<RelayError, SendError>> {
        let is_worn = |connection: &Connection, opened: Instant| {
            connection.messages() >= LONGEST_USE_MESSAGES || opened.elapsed() >= LONGEST_USE
        };
        if let Some((connection, opened)) = self
            .connection
            .take_if(|(connection, opened)| !connection.is_usable() || is_worn(connection, *opened))
            && connection.is_usable()
            && is_worn(&connection, opened)
        {
            connection.quit().await;
        }
        if self.connection.is_some() {
            return Ok(());
        }
        // Results do not wait for a relay that may be long in coming back.
        self.write_results().await.map_err(Err)?;
        let open = Connection::open(relay, self.outbox.timeouts, &self.outbox.tls);
        match stopped_or(&self.crew, open).await {
            Some(Ok(connection)) => self.connection = Some((Box::new(connection), Instant::now())),
            Some(Err(error)) => return Err(Ok(error)),
            None => {}
        }
        Ok(())
    }

    /// The relay's matter, or ours in its eyes: nobody is charged.
    async fn relay_failed(
        &mut self,
        error: RelayError,
        held: Option<Held>,
    ) -> Result<(), SendError> {
        let run = held.as_ref().map_or(0, |held| held.claim.run);
        self.relay_failed_at(error, run, held).await
    }

    async fn relay_failed_at(
        &mut self,
        error: RelayError,
        run: i64,
        held: Option<Held>,
    ) -> Result<(), SendError> {
        self.connection = None;
        let trouble = error.trouble();
        if let Some(held) = held {
            if error.is_in_transaction() {
                self.crew.supply.put_back_failed(held).await?;
            } else {
                self.crew.supply.put_back(held);
            }
        }
        if trouble.needs_operator() {
            return self.pause(run, trouble, error).await;
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

    /// Another try would fail the same way until a person has had a look.
    async fn pause(
        &mut self,
        run: i64,
        trouble: Trouble,
        error: RelayError,
    ) -> Result<(), SendError> {
        self.write_results().await?;
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
    async fn refused(
        &mut self,
        claim: &Claim,
        attempt: u32,
        refusal: Refusal,
    ) -> Result<(), SendError> {
        let is_policy = refusal.class == Recipient::Policy;
        let reply = refusal.reply.to_string();
        self.keep(claim, attempt, Outcome::Refused(refusal));
        if !is_policy {
            self.outbox.pace().refused();
            return Ok(());
        }
        self.crew.refused_by_policy(claim);
        if self.outbox.pace().refused_by_policy() {
            self.write_results().await?;
            let reason = format!("the relay refuses all of it: {reply}");
            let now = self.outbox.clock.now();
            self.outbox.store.pause_run(claim.run, &reason, now).await?;
            let refused = self.crew.take_refused(claim.run);
            let freed = self.outbox.store.unreject(claim.run, &refused, now).await?;
            error!(run = claim.run, freed, "paused: {reason}");
            self.crew.supply.drop_run(claim.run).await?;
            self.outbox.pace().forget_refusals();
        }
        Ok(())
    }

    /// Asks for leave to write the dot; carries the results so far with it.
    async fn intend(&mut self, claim: &Claim) -> Result<Option<u32>, SendError> {
        let now = self.outbox.clock.now();
        let intent = self.outbox.store.intend(claim, &self.results, now).await;
        if intent.as_ref().is_err_and(StoreError::is_full_disk) {
            self.crew.fill_disk();
        }
        let intent = intent?;
        self.results.clear();
        if intent.is_none() {
            info!(run = claim.run, "a delivery was not sent: its recipient left or its run rests");
            let run = self.outbox.store.run(claim.run).await?;
            if run.is_none_or(|run| run.state != "sending") {
                // Each of its other claims would cost a connection as well.
                self.crew.supply.drop_run(claim.run).await?;
            }
        }
        Ok(intent.map(|intent| intent.attempt))
    }

    fn keep(&mut self, claim: &Claim, attempt: u32, outcome: Outcome) {
        let terms = self.outbox.terms(&claim.digest);
        let attempt = Attempt {
            number: attempt,
            unknowns: claim.unknowns,
            created_at: claim.created_at,
            expires_after: terms.expires_after,
            uncertain: terms.uncertain,
        };
        let step = next_step(attempt, outcome, self.outbox.clock.now());
        if let Step::Rejected { code, reply } = &step {
            warn!(run = claim.run, code, "the relay refused a recipient: {reply}");
        }
        let is_open = matches!(
            step,
            Step::Retry { .. } | Step::Unsent { .. } | Step::Uncertain { resend_at: Some(_) }
        );
        self.push(claim, step);
        if !is_open {
            (self.outbox.on_delivery)();
        }
    }

    fn push(&mut self, claim: &Claim, step: Step) {
        let Claim { run, subscriber, fence, .. } = *claim;
        self.results.push(DeliveryResult { run, subscriber, fence, step });
    }

    /// A delivery of this lane is out of hand.
    async fn settled(&mut self, lane: Lane) -> Result<(), SendError> {
        self.crew.supply.done(lane);
        if self.results.len() >= MOST_RESULTS { self.write_results().await } else { Ok(()) }
    }

    /// What cannot be written is tried once more: each result that is lost is a second copy for
    /// somebody. On a full disk the ballast makes room for it, and sending ends all the same.
    async fn write_results(&mut self) -> Result<(), SendError> {
        if self.results.is_empty() {
            return Ok(());
        }
        let now = self.outbox.clock.now();
        let first = self.outbox.store.record_results(&self.results, now).await;
        if let Err(error) = &first {
            if error.is_full_disk() {
                self.crew.fill_disk();
            }
            self.outbox.store.record_results(&self.results, now).await?;
        }
        self.results.clear();
        Ok(first?)
    }

    async fn until_stop(&self, work: impl Future<Output = ()>) {
        stopped_or(&self.crew, work).await;
    }
}

/// What `work` comes to, or nothing where sending is stopped first.
async fn stopped_or<T>(crew: &Crew, work: impl Future<Output = T>) -> Option<T> {
    let mut stop = crew.stop.clone();
    tokio::select! {
        biased;
        done = work => Some(done),
        _ = stop.wait_for(|stop| *stop) => None,
    }
}
