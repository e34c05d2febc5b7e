//! Takes due deliveries over connections to their recorded outcomes.
//!
//! Each connection task claims a few deliveries, and for each: MAIL, RCPT and DATA up to
//! the go-ahead, the durable intent, the message with its dot, the reply. The result is
//! written with the next intent of the same connection, so that after a crash at most one
//! message per connection is unknown.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE32_NOPAD;
use flate2::read::GzDecoder;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};
use url::Url;

use super::{Attempt, Outcome, Step, next_step};
use crate::clock::Clock;
use crate::config::{Relay, SmtpRelay, Uncertain};
use crate::mail::dkim::Signer;
use crate::mail::maildir::{self, MaildirError};
use crate::mail::message::{Issue, Message, Personal};
use crate::mail::smtp::{BeginError, Connection, Finish, RelayError, Timeouts};
use crate::model::Address;
use crate::store::{Claim, ClaimRequest, DeliveryResult, Store, StoreError};
use crate::subscribers::keys::{KeyError, Keys};
use crate::subscribers::token::{self, Purpose, Subject};

/// Connections to an SMTP relay.
const CONNECTIONS: usize = 4;

/// Deliveries that a connection claims at once.
const BATCH: u32 = 16;

/// Written with a claim. With one process at a time the lock decides, and nothing reads it yet.
const LEASE: TimeDelta = TimeDelta::minutes(15);

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error(transparent)]
    Maildir(#[from] MaildirError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("issue {0} of the store cannot be read")]
    Issue(i64),
}

impl SendError {
    /// What an operator can do, where we know it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Relay(error) => Some(error.hint()),
            Self::Maildir(_) => {
                Some("make the folder writable; the mail goes out with the next run")
            }
            Self::Store(_) => {
                Some("check the disk; what was sent is known, the rest stays pending")
            }
            Self::Key(_) => Some("bring back the key folder this store was made with"),
            Self::Issue(_) => None,
        }
    }
}

/// What sending needs; shared by its connections.
pub struct Outbox {
    pub store: Arc<dyn Store>,
    pub keys: Arc<Keys>,
    pub clock: Arc<dyn Clock>,
    pub relay: Relay,
    pub timeouts: Timeouts,
    /// Envelope sender, and the domain of Message-IDs.
    pub from: Address,
    pub signer: Option<Arc<Signer>>,
    pub public_url: Url,
    pub zone: chrono_tz::Tz,
    /// By digest.
    pub uncertain: HashMap<String, Uncertain>,
    /// Names this process in its claims.
    pub owner: String,
    /// Told after each delivery that found its outcome.
    pub on_delivery: Arc<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outbox({})", self.relay)
    }
}

/// Encoded issues, decompressed and prepared once.
type Issues = Arc<Mutex<HashMap<i64, Arc<Issue>>>>;

/// Sends all that is due, then returns. With `stop` it ends after the messages in hand.
///
/// An error means that the relay, the disk or the store failed: claims were given back, and
/// nobody was charged with an attempt.
pub async fn drain(outbox: &Arc<Outbox>, stop: &watch::Receiver<bool>) -> Result<(), SendError> {
    let connections = match outbox.relay {
        Relay::Maildir(_) => 1,
        Relay::Smtp(_) => CONNECTIONS,
    };
    let issues = Issues::default();
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let carrier = Carrier {
            outbox: Arc::clone(outbox),
            issues: Arc::clone(&issues),
            stop: stop.clone(),
            owner: format!("{}/{number}", outbox.owner),
            results: Vec::new(),
        };
        tasks.spawn(carrier.run());
    }
    let mut failure = None;
    while let Some(done) = tasks.join_next().await {
        if let Err(error) = done.expect("a connection task does not panic") {
            failure.get_or_insert(error);
        }
    }
    failure.map_or(Ok(()), Err)
}

/// One connection with what it has in hand.
struct Carrier {
    outbox: Arc<Outbox>,
    issues: Issues,
    stop: watch::Receiver<bool>,
    owner: String,
    /// Outcomes that are known and not yet written.
    results: Vec<DeliveryResult>,
}

enum Line {
    Smtp(SmtpRelay, Option<Box<Connection>>),
    Maildir(PathBuf),
}

impl Carrier {
    async fn run(mut self) -> Result<(), SendError> {
        let mut line = match &self.outbox.relay {
            Relay::Maildir(folder) => Line::Maildir(folder.clone()),
            Relay::Smtp(relay) => Line::Smtp(relay.clone(), None),
        };
        let outcome = self.carry(&mut line).await;
        let written = self.write_results().await;
        if let Line::Smtp(_, Some(connection)) = line
            && connection.is_usable()
        {
            connection.quit().await;
        }
        outcome.and(written)
    }

    async fn carry(&mut self, line: &mut Line) -> Result<(), SendError> {
        while !*self.stop.borrow() {
            let now = self.outbox.clock.now();
            let request = ClaimRequest {
                owner: self.owner.clone(),
                now,
                lease_until: now + LEASE,
                limit: BATCH,
                may_be_stand_in: matches!(self.outbox.relay, Relay::Maildir(_)),
            };
            let claims = self.outbox.store.claim_due(&request).await?;
            if claims.is_empty() {
                break;
            }
            for (at, claim) in claims.iter().enumerate() {
                let delivered = if *self.stop.borrow() {
                    Ok(false)
                } else {
                    self.deliver(claim, line).await.map(|()| true)
                };
                if !matches!(delivered, Ok(true)) {
                    // Claims are certainly unsent; one whose intent stands is not given
                    // back by this, and the crash rule finds it.
                    self.outbox.store.release(&claims[at..], now).await?;
                    return delivered.map(|_| ());
                }
            }
        }
        Ok(())
    }

    /// Takes one claimed delivery to its recorded outcome.
    ///
    /// The intent is durable before the final dot is written, so that after a crash exactly
    /// this delivery is unknown and every other one is certain.
    async fn deliver(&mut self, claim: &Claim, line: &mut Line) -> Result<(), SendError> {
        let address = self.outbox.keys.open_address(claim.address_key, &claim.address_cipher)?;
        let message = self.message(claim, &address).await?;
        match line {
            Line::Maildir(folder) => {
                let Some(attempt) = self.intend(claim).await? else {
                    return Ok(());
                };
                let name = maildir_name(claim, &self.outbox.public_url);
                let folder = folder.clone();
                let path = tokio::task::spawn_blocking(move || {
                    maildir::deliver(&folder, &name, &message.unstuffed())
                })
                .await
                .expect("writing a file does not panic");
                match path {
                    Ok(path) => {
                        let path = path.display().to_string();
                        self.keep(claim, attempt, Outcome::Rehearsed(path));
                    }
                    Err(error) => {
                        self.put_back(claim);
                        return Err(error.into());
                    }
                }
            }
            Line::Smtp(relay, slot) => {
                if slot.as_ref().is_none_or(|connection| !connection.is_usable()) {
                    // Results do not wait for a relay that may be long in coming back.
                    self.write_results().await?;
                    *slot = Some(Box::new(Connection::open(relay, self.outbox.timeouts).await?));
                }
                let connection = slot.as_mut().expect("it was opened just now");
                match connection.begin(&self.outbox.from, &address).await {
                    Ok(()) => {}
                    Err(BeginError::Recipient(reply)) => {
                        self.keep(claim, claim.attempt + 1, Outcome::Refused(reply));
                        return self.write_results().await;
                    }
                    Err(BeginError::Relay(error)) => {
                        *slot = None;
                        return Err(error.into());
                    }
                }
                let intent = self.intend(claim).await;
                let Ok(Some(attempt)) = intent else {
                    // The go-ahead stands open: without the dot, only hanging up is clean.
                    *slot = None;
                    return intent.map(|_| ());
                };
                let outcome = match connection.finish(&message.unstuffed()).await {
                    Finish::Accepted(reply) => Outcome::Accepted(reply),
                    Finish::Refused(reply) => Outcome::Refused(reply),
                    Finish::Lost(error) => {
                        warn!(run = claim.run, "the outcome of a message is unknown: {error}");
                        *slot = None;
                        Outcome::Lost
                    }
                };
                self.keep(claim, attempt, outcome);
            }
        }
        Ok(())
    }

    /// Asks for leave to write the dot; carries the results so far with it.
    async fn intend(&mut self, claim: &Claim) -> Result<Option<u32>, SendError> {
        let now = self.outbox.clock.now();
        let intent = self.outbox.store.intend(claim, &self.results, now).await?;
        self.results.clear();
        if intent.is_none() {
            info!(run = claim.run, "a delivery was not sent: its recipient left or its run rests");
        }
        Ok(intent.map(|intent| intent.attempt))
    }

    fn keep(&mut self, claim: &Claim, attempt: u32, outcome: Outcome) {
        let attempt = Attempt {
            number: attempt,
            unknowns: claim.unknowns,
            created_at: claim.created_at,
            uncertain: *self.outbox.uncertain.get(&claim.digest).unwrap_or(&Uncertain::Hold),
        };
        let step = next_step(attempt, outcome, self.outbox.clock.now());
        if let Step::Rejected { code, reply } = &step {
            warn!(run = claim.run, code, "the relay refused a recipient: {}", reply);
        }
        self.push(claim, step);
        (self.outbox.on_delivery)();
    }

    /// A file that was not written is a mail that was not sent, whatever the intent says.
    fn put_back(&mut self, claim: &Claim) {
        let step = Step::Retry {
            at: self.outbox.clock.now(),
            code: String::new(),
            reply: "the Maildir could not be written".into(),
        };
        self.push(claim, step);
    }

    fn push(&mut self, claim: &Claim, step: Step) {
        self.results.push(DeliveryResult {
            run: claim.run,
            subscriber: claim.subscriber,
            fence: claim.fence,
            step,
        });
    }

    async fn write_results(&mut self) -> Result<(), SendError> {
        if !self.results.is_empty() {
            let now = self.outbox.clock.now();
            self.outbox.store.record_results(&self.results, now).await?;
            self.results.clear();
        }
        Ok(())
    }

    async fn message(&self, claim: &Claim, address: &Address) -> Result<Message, SendError> {
        let issue = self.issue(claim.issue).await?;
        let lost_key = || KeyError::Missing(claim.token_key);
        let subject = Subject { run: claim.run, subscriber: claim.subscriber };
        let token = token::make(&self.outbox.keys, claim.token_key, Purpose::Unsubscribe, subject)
            .ok_or_else(lost_key)?;
        let unsubscribe_url = unsubscribe_url(&self.outbox.public_url, &token);
        let message_id =
            message_id(&self.outbox.keys, claim, &self.outbox.from).ok_or_else(lost_key)?;
        let personal = Personal {
            address,
            message_id: &message_id,
            date: claim.dated_at.with_timezone(&self.outbox.zone).fixed_offset(),
            unsubscribe_url: &unsubscribe_url,
            unsubscribe_token: &token,
        };
        Ok(match &self.outbox.signer {
            Some(signer) => issue.signed_message(&personal, signer),
            None => issue.message(&personal),
        })
    }

    async fn issue(&self, issue: i64) -> Result<Arc<Issue>, SendError> {
        let mut issues = self.issues.lock().await;
        if let Some(prepared) = issues.get(&issue) {
            return Ok(Arc::clone(prepared));
        }
        let record = self.outbox.store.issue(issue).await?.ok_or(SendError::Issue(issue))?;
        let mut bytes = Vec::new();
        GzDecoder::new(&record.mail[..])
            .read_to_end(&mut bytes)
            .map_err(|_| SendError::Issue(issue))?;
        let prepared = Arc::new(Issue::prepare(&bytes).ok_or(SendError::Issue(issue))?);
        issues.insert(issue, Arc::clone(&prepared));
        Ok(prepared)
    }
}

/// Where a token acts.
pub fn unsubscribe_url(public_url: &Url, token: &str) -> String {
    format!("{public_url}unsubscribe/{token}")
}

/// Fixed with the delivery: a resend has the same (RFC 5322, 3.6.4).
fn message_id(keys: &Keys, claim: &Claim, from: &Address) -> Option<String> {
    let numbers = [claim.run, claim.subscriber, claim.dated_at.timestamp()];
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    let tag = keys.sign(claim.token_key, &[b"message-id", &bytes])?;
    let name = BASE32_NOPAD.encode(&tag.as_ref()[..16]).to_ascii_lowercase();
    Some(format!("{name}@{}", from.domain()))
}

fn maildir_name(claim: &Claim, public_url: &Url) -> String {
    let host = public_url.host_str().unwrap_or("localhost");
    format!("{}.R{}S{}.{host}", claim.dated_at.timestamp(), claim.run, claim.subscriber)
}

/// How long to wait until `next_due`; nothing where that is past.
pub fn wait_until(next_due: DateTime<Utc>, now: DateTime<Utc>) -> std::time::Duration {
    (next_due - now).to_std().unwrap_or_default()
}
