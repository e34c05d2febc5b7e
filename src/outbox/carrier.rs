//! One connection: MAIL, RCPT and DATA up to the go-ahead, the durable intent, the message
//! with its dot, the reply.
//!
//! While an intent is written the next message is made; to a relay that offers PIPELINING its
//! commands go out behind the dot of the one before.

mod trouble;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{error, warn};

use super::lane::Lane;
use super::letter::{Made, maildir_name, message};
use super::results::Results;
use super::sender::{Crew, End, Outbox, SendError};
use super::supply::{Held, Next};
use super::{AT_ONCE, Outcome, Step, is_expired};
use crate::config::{Relay, SmtpRelay};
use crate::failpoint;
use crate::mail::maildir;
use crate::mail::message::Message;
use crate::mail::smtp::{BeginError, Connection, Envelope, Finish, RelayError};
use crate::mail::verdict::Trouble;
use crate::model::Address;
use crate::store::Claim;

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

pub(super) struct Carrier {
    crew: Arc<Crew>,
    outbox: Arc<Outbox>,
    number: u64,
    connection: Option<(Box<Connection>, Instant)>,
    results: Results,
    /// What comes behind the delivery in hand; its commands may be on their way.
    next: Option<Box<Letter>>,
    has_left: bool,
}

/// A delivery and the message it is to bring.
struct Letter {
    held: Held,
    address: Address,
    message: Message,
}

impl Letter {
    fn envelope<'a>(&'a self, from: &'a Address) -> Envelope<'a> {
        let size_bytes = u64::try_from(self.message.size_bytes()).unwrap_or(u64::MAX);
        Envelope { from, to: &self.address, size_bytes }
    }
}

impl Carrier {
    pub(super) fn new(crew: Arc<Crew>, number: u64) -> Self {
        let outbox = Arc::clone(&crew.outbox);
        let results = Results::new(Arc::clone(&crew));
        Self { crew, outbox, number, connection: None, results, next: None, has_left: false }
    }

    pub(super) async fn run(mut self) -> End {
        let carried = self.carry().await.err();
        let written = self.results.write().await.err();
        if let Some(next) = self.next.take() {
            self.crew.supply.put_back(next.held);
        }
        if let Some((connection, _)) = self.connection.take()
            && connection.is_usable()
        {
            connection.quit().await;
        }
        End { has_left: self.has_left, failures: carried.into_iter().chain(written).collect() }
    }

    async fn carry(&mut self) -> Result<(), SendError> {
        while !self.crew.is_halting() {
            if let Some(mut letter) = self.next.take() {
                self.crew.supply.take_up(&mut letter.held);
                self.deliver(letter).await?;
                continue;
            }
            if self.crew.is_ending() {
                break;
            }
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
                    self.results.write().await?;
                    let nap = tokio::time::sleep(wait.min(LOOK_AGAIN));
                    self.until_stop(nap).await;
                }
                Next::Delivery(held) => {
                    if let Some(letter) = self.prepare(*held).await? {
                        self.deliver(letter).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes the message of a claimed delivery; what cannot be sent finds its outcome here.
    async fn prepare(&mut self, held: Held) -> Result<Option<Box<Letter>>, SendError> {
        let claim = &held.claim;
        let terms = self.outbox.terms(&claim.digest);
        let created_at = self.outbox.created_at(claim);
        if is_expired(created_at, terms.expires_after, self.outbox.clock.now()) {
            let reply = "it was not sent in time".to_owned();
            self.results.push(claim, Step::Expired { code: String::new(), reply });
            self.settled(held).await?;
            return Ok(None);
        }
        match letter(&self.crew, claim).await {
            Ok((address, message)) => Ok(Some(Box::new(Letter { held, address, message }))),
            Err(SendError::Store(error)) => {
                self.crew.supply.put_back(held);
                Err(error.into())
            }
            // Ours, and of this delivery alone: the others go on.
            Err(fault) => {
                error!(run = claim.run, subscriber = claim.subscriber, "not sent: {fault}");
                let unsent = Outcome::Unsent { why: fault.to_string(), rest: UNREADABLE };
                self.results.keep(claim, claim.attempt + 1, unsent);
                self.settled(held).await?;
                Ok(None)
            }
        }
    }

    /// Takes a delivery to its recorded outcome, or gives it back.
    async fn deliver(&mut self, letter: Box<Letter>) -> Result<(), SendError> {
        let outbox = Arc::clone(&self.outbox);
        match &outbox.relay {
            Relay::Maildir(folder) => self.rehearse(folder, *letter).await,
            Relay::Smtp(_) if !outbox.allow.allows(&letter.address) => {
                outbox.kept_out.fetch_add(1, Ordering::Relaxed);
                self.rehearse(&outbox.rehearsals, *letter).await
            }
            Relay::Smtp(relay) => self.send(relay, *letter).await,
        }
    }

    /// The intent is durable before the file is there, as with a relay.
    async fn rehearse(&mut self, folder: &Path, letter: Letter) -> Result<(), SendError> {
        let Letter { held, message, .. } = letter;
        let claim = &held.claim;
        let Some(attempt) = self.results.intend(claim).await? else {
            return self.settled(held).await;
        };
        let name = maildir_name(claim, &self.outbox.public_url);
        let folder = folder.to_owned();
        let write = move || maildir::deliver(&folder, &name, &message.unstuffed());
        match spawn_blocking(write).await.expect("writing does not panic") {
            Ok(path) => {
                let rehearsed = Outcome::Rehearsed(path.display().to_string());
                self.results.keep(claim, attempt, rehearsed);
                self.settled(held).await
            }
            Err(error) => {
                // A file that was not written is a mail that was not sent, whatever the
                // intent says.
                let reply = "the Maildir failed".into();
                self.results.push(claim, Step::Unsent { at: AT_ONCE, reply });
                self.settled(held).await?;
                Err(error.into())
            }
        }
    }

    async fn send(&mut self, relay: &SmtpRelay, letter: Letter) -> Result<(), SendError> {
        let crew = Arc::clone(&self.crew);
        if let Err(error) = self.connect(relay).await {
            return self.relay_failed(error?, letter.held).await;
        }
        let has_turn = !crew.has_rate() || stopped_or(&crew, crew.take_turn()).await.is_some();
        let Some((connection, opened)) = self.connection.as_mut().filter(|_| has_turn) else {
            self.abandon(letter.held);
            return Ok(());
        };
        let is_last = is_worn(connection.messages() + 1, *opened);
        failpoint::reach("before-mail");
        let is_ahead = connection.is_begun();
        let beginning = connection.begin(letter.envelope(&self.outbox.from));
        let begun = stopped_or(&crew, beginning).await;
        if is_ahead {
            let mut pace = self.outbox.pace();
            match begun {
                Some(Err(BeginError::Relay(_))) => pace.fell_behind(),
                Some(_) => pace.went_ahead(),
                None => {}
            }
        }
        match begun {
            Some(Ok(())) => failpoint::reach("after-go-ahead"),
            Some(Err(BeginError::Recipient(refusal))) => {
                let attempt = letter.held.claim.attempt + 1;
                self.refused(&letter.held.claim, attempt, refusal).await?;
                return self.settled(letter.held).await;
            }
            Some(Err(BeginError::Relay(error))) => {
                return self.relay_failed(error, letter.held).await;
            }
            None => {
                self.abandon(letter.held);
                return Ok(());
            }
        }
        if crew.is_stopped() {
            self.abandon(letter.held);
            return Ok(());
        }
        let Letter { held, message, .. } = letter;
        let next = async { if is_last { None } else { look_ahead(&crew, held.lane).await } };
        let intent;
        (intent, self.next) = tokio::join!(self.results.intend(&held.claim), next);
        let attempt = match intent {
            Ok(Some(attempt)) => attempt,
            // The go-ahead stands open: without the dot, only hanging up is clean.
            Ok(None) => {
                self.connection = None;
                crew.supply.done(held);
                return Ok(());
            }
            Err(error) => {
                self.abandon(held);
                return Err(error);
            }
        };
        failpoint::reach("after-intent");
        if crew.is_stopped() {
            self.connection = None;
            let reply = "sending was stopped".into();
            self.results.push(&held.claim, Step::Unsent { at: AT_ONCE, reply });
            return self.settled(held).await;
        }
        self.finish(held, attempt, &message).await
    }

    /// Before the dot nothing is owed: hanging up leaves it unsent.
    fn abandon(&mut self, held: Held) {
        self.connection = None;
        self.crew.supply.put_back(held);
    }

    /// Writes the message and its dot, and takes the reply, however long that is.
    async fn finish(
        &mut self,
        held: Held,
        attempt: u32,
        message: &Message,
    ) -> Result<(), SendError> {
        let claim = &held.claim;
        let run = claim.run;
        let Some((connection, _)) = &mut self.connection else { return Ok(()) };
        let next = self.next.as_ref().map(|next| next.envelope(&self.outbox.from));
        let finish = connection.finish(&message.pieces(), next).await;
        let trouble = match finish {
            Finish::Accepted(reply) => {
                failpoint::reach("after-reply");
                self.crew.accepted();
                self.results.keep(claim, attempt, Outcome::Accepted(reply));
                None
            }
            Finish::Refused(refusal) => {
                self.refused(claim, attempt, refusal).await?;
                None
            }
            Finish::Unsent(error) => {
                let why = error.to_string();
                let unsent = match error.trouble() {
                    Trouble::Throttled => Outcome::Unsent { why, rest: THROTTLED },
                    _ => self.crew.supply.failed_at(claim, why),
                };
                self.results.keep(claim, attempt, unsent);
                Some(error)
            }
            Finish::Lost(error) => {
                if self.next.is_some() {
                    self.outbox.pace().fell_behind();
                }
                warn!(run, "the outcome of a message is unknown: {error}");
                self.results.keep(claim, attempt, Outcome::Lost);
                Some(error)
            }
        };
        self.settled(held).await?;
        match trouble {
            None => Ok(()),
            Some(error) => self.relay_failed_at(error, run, None).await,
        }
    }

    /// Opens a connection unless one stands that may still be used.
    async fn connect(&mut self, relay: &SmtpRelay) -> Result<(), Result<RelayError, SendError>> {
        if let Some((connection, opened)) = self.connection.take_if(|(connection, opened)| {
            // On one that is begun only the next delivery can follow.
            !connection.is_begun()
                && (!connection.is_usable() || is_worn(connection.messages(), *opened))
        }) && connection.is_usable()
            && is_worn(connection.messages(), opened)
        {
            connection.quit().await;
        }
        if self.connection.is_some() {
            return Ok(());
        }
        // Results do not wait for a relay that may be long in coming back.
        self.results.write().await.map_err(Err)?;
        let open = Connection::open(relay, self.outbox.timeouts, &self.outbox.tls);
        match stopped_or(&self.crew, open).await {
            Some(Ok(connection)) => self.connection = Some((Box::new(connection), Instant::now())),
            Some(Err(error)) => return Err(Ok(error)),
            None => {}
        }
        Ok(())
    }

    /// A delivery is out of hand.
    async fn settled(&mut self, held: Held) -> Result<(), SendError> {
        self.crew.supply.done(held);
        self.results.write_many().await
    }

    async fn until_stop(&self, work: impl Future<Output = ()>) {
        stopped_or(&self.crew, work).await;
    }
}

/// Whether a connection that brought so many messages is used no longer.
fn is_worn(messages: u64, opened: Instant) -> bool {
    messages >= LONGEST_USE_MESSAGES || opened.elapsed() >= LONGEST_USE
}

/// The delivery that goes out behind one of this lane, where it can follow at once.
async fn look_ahead(crew: &Arc<Crew>, lane: Lane) -> Option<Box<Letter>> {
    // Whoever waits for a turn, or is about to leave, does not take more than it has.
    let may_go_ahead = crew.outbox.pace().may_go_ahead();
    if !may_go_ahead || crew.is_ending() || crew.has_rate() || crew.is_crowded() {
        return None;
    }
    // Where the store fails, whoever asks it next finds out.
    let held = crew.supply.next_behind(lane, crew.connections()).await.ok()??;
    let claim = &held.claim;
    let expires_after = crew.outbox.terms(&claim.digest).expires_after;
    if !is_expired(crew.outbox.created_at(claim), expires_after, crew.outbox.clock.now())
        && let Ok((address, message)) = letter(crew, claim).await
        && crew.outbox.allow.allows(&address)
    {
        return Some(Box::new(Letter { held, address, message }));
    }
    // Whoever takes it next finds out what is wrong with it.
    crew.supply.put_back(held);
    None
}

async fn letter(crew: &Arc<Crew>, claim: &Claim) -> Made {
    let outbox = &crew.outbox;
    let address = outbox.keys.open_address(claim.address_key, &claim.address_cipher)?;
    let issue = crew.issues.get(outbox, claim.issue).await?;
    let signing = crew.signing.as_ref().filter(|_| claim.dkim_selector.is_some());
    let Some(signing) = signing else {
        let message = message(outbox, &issue, claim, &address)?;
        return Ok((address, message));
    };
    let (outbox, claim) = (Arc::clone(outbox), claim.clone());
    let sign = move || message(&outbox, &issue, &claim, &address).map(|message| (address, message));
    signing.make(sign).await
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
