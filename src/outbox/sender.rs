//! Takes due deliveries over connections to their recorded outcomes.
//!
//! [`drain`] keeps as many connections at work as the relay bears; each is a `carrier`. The
//! pace is kept from one drain to the next, so that a relay that was down is probed first.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::warn;
use url::Url;

use super::EXPIRES_AFTER;
use super::ballast::{Ballast, BallastError};
use super::carrier::Carrier;
use super::failures::Failures;
use super::lane::{Lane, PASS_WINDOWS};
use super::letter::{Issues, Made};
pub use super::letter::{confirm_url, manage_url, message_id, self_url, unsubscribe_url};
use super::limits::RelayLimits;
use super::pace::Pace;
use super::rate::Rates;
use super::signing::Signing;
use super::supply::Supply;
use crate::clock::Clock;
use crate::config::{AllowList, Relay, Uncertain};
use crate::digest::REMINDER;
use crate::digest::windows::SendWindows;
use crate::mail::dkim::Signer;
use crate::mail::maildir::MaildirError;
use crate::mail::smtp::{RelayError, Timeouts, TlsSettings};
use crate::model::Address;
use crate::store::{Claim, Store, StoreError};
use crate::subscribers::keys::{KeyError, Keys};
use crate::subscribers::leaving::Leaving;

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error(transparent)]
    Maildir(#[from] MaildirError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ballast(#[from] BallastError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("issue {0} of the store cannot be read")]
    Issue(i64),
    #[error(
        "its first copy was signed with the DKIM selector `{0}`, and a second that is not the same \
         is not sent"
    )]
    Selector(String),
    #[error("the store does not take that readers unsubscribed")]
    Unsettled,
}

/// Timers are looked at at least so often. The system wakes nobody whose clock, a suspended
/// machine's or a test's, was put forward while all wait for the relay.
const BEAT: Duration = Duration::from_secs(1);

impl SendError {
    /// What an operator can do, where we know it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Relay(error) => Some(error.hint()),
            Self::Maildir(_) => {
                Some("make the folder writable; the mail goes out with the next run")
            }
            Self::Store(error) if error.is_full_disk() => Some(
                "make room on the disk; what was sent is known where it could still be written, \
                 the rest goes out with the next run",
            ),
            Self::Ballast(_) => {
                Some("make room on the disk and let the folder be written; nothing is sent before")
            }
            Self::Store(_) => {
                Some("check the disk; what was sent is known, the rest stays pending")
            }
            Self::Unsettled => Some(
                "check the disk, and what else uses the store; nobody is mailed before it is known \
                 who left",
            ),
            Self::Key(_) => Some("bring back the key folder this store was made with"),
            Self::Issue(_) | Self::Selector(_) => None,
        }
    }

    /// Whether the disk is full, or fails: nothing goes out until a person has had a look.
    pub fn is_full_disk(&self) -> bool {
        match self {
            Self::Store(error) => error.is_full_disk(),
            Self::Ballast(_) => true,
            _ => false,
        }
    }
}

/// How a digest's mail is treated.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub uncertain: Uncertain,
    pub expires_after: TimeDelta,
}

impl Default for Terms {
    /// For a digest that the config does not know any more.
    fn default() -> Self {
        Self { uncertain: Uncertain::Hold, expires_after: EXPIRES_AFTER }
    }
}

/// What sending needs; shared by its connections.
pub struct Outbox {
    pub store: Arc<dyn Store>,
    /// Who left and is not known to the store yet; absent where nobody can leave meanwhile.
    pub leaving: Option<Arc<Leaving>>,
    pub keys: Arc<Keys>,
    pub clock: Arc<dyn Clock>,
    pub relay: Relay,
    pub timeouts: Timeouts,
    pub tls: TlsSettings,
    pub limits: Arc<RelayLimits>,
    /// Outside them digests, corrections and reminders wait.
    pub windows: Arc<SendWindows>,
    /// Nothing goes out for now but what answers people.
    pub only_answers: Arc<AtomicBool>,
    /// Mail to others is written to the Maildir below.
    pub allow: AllowList,
    pub rehearsals: PathBuf,
    /// How many were.
    pub kept_out: AtomicU64,
    pub pace: Mutex<Pace>,
    /// Kept from one drain to the next, like the pace.
    pub failures: Arc<Mutex<Failures>>,
    pub rates: Arc<Mutex<Rates>>,
    pub ballast: Ballast,
    /// A store that failed may hold claims and intents that are nobody's any more.
    pub has_leftovers: AtomicBool,
    /// Envelope sender, and the domain of Message-IDs.
    pub from: Address,
    pub signer: Option<Arc<Signer>>,
    pub public_url: Url,
    pub zone: chrono_tz::Tz,
    /// By digest.
    pub terms: HashMap<String, Terms>,
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

impl Outbox {
    pub(super) fn terms(&self, digest: &str) -> Terms {
        self.terms.get(digest).copied().unwrap_or_default()
    }

    /// Whether mail of this lane may go out for now.
    pub fn may_send(&self, lane: Lane) -> bool {
        lane == Lane::Confirmations || !self.only_answers.load(Ordering::Relaxed)
    }

    /// When the run of a claim was made, as its age is counted: time outside the send windows is
    /// none in which it could have gone out. What is reminded of comes nearer all the same.
    pub(super) fn created_at(&self, claim: &Claim) -> DateTime<Utc> {
        let digest = claim.digest.as_str();
        let is_by_the_clock = PASS_WINDOWS.contains(&digest) || digest == REMINDER;
        if self.windows.is_always() || is_by_the_clock {
            return claim.created_at;
        }
        let now = self.clock.now();
        now - self.windows.open_time(claim.created_at, now)
    }

    /// What is in hand when nobody sends was left by a store that failed, or by one that could
    /// not even be told of it: the rules of a crash apply.
    async fn take_stock(&self) -> Result<(), StoreError> {
        let resends = self.terms.iter().filter(|(_, t)| t.uncertain == Uncertain::Resend);
        let resends: Vec<String> = resends.map(|(digest, _)| digest.clone()).collect();
        self.has_leftovers.store(true, Ordering::Relaxed);
        self.store.recover(&resends, self.clock.now()).await?;
        self.has_leftovers.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn take_on_ballast(&self) -> Result<(), BallastError> {
        let ballast = self.ballast.clone();
        let taken = tokio::task::spawn_blocking(move || ballast.take_on()).await;
        taken.expect("writing does not panic")
    }

    /// The pace; nothing is done under its lock but arithmetic.
    pub(super) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends all that is due, then returns. With `stop` it ends after the messages in hand.
///
/// An error means that the relay, the disk or the store failed: claims were given back, and
/// nobody was charged with an attempt. Nothing is claimed while there is no room for results.
pub async fn drain(outbox: &Arc<Outbox>, stop: &watch::Receiver<bool>) -> Result<(), SendError> {
    if outbox.has_leftovers.load(Ordering::Relaxed) {
        outbox.take_stock().await?;
    }
    outbox.take_on_ballast().await?;
    let (outbox, stop) = (Arc::clone(outbox), stop.clone());
    on_a_thread(move || send_all(outbox, stop)).await
}

/// Does `work` on a thread of its own: many connections on one thread cost a third of what
/// they cost on several, which wake each other. Dropping it drops `work`.
async fn on_a_thread<W, F>(work: W) -> F::Output
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output: Send + 'static>,
{
    let (mut done, result) = oneshot::channel();
    let run = move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a thread has what it needs").block_on(async {
            tokio::select! {
                output = work() => drop(done.send(output)),
                () = done.closed() => {}
            }
        });
    };
    thread::Builder::new().name("sending".into()).spawn(run).expect("a thread starts");
    result.await.expect("sending does not panic")
}

async fn send_all(outbox: Arc<Outbox>, stop: watch::Receiver<bool>) -> Result<(), SendError> {
    let crew = Arc::new(Crew::new(Arc::clone(&outbox), stop));
    let mut carriers = JoinSet::new();
    let mut hired = 0_u64;
    loop {
        while !crew.is_ending() && crew.size.load(Ordering::Relaxed) < crew.connections() {
            crew.size.fetch_add(1, Ordering::Relaxed);
            hired += 1;
            carriers.spawn(Carrier::new(Arc::clone(&crew), hired).run());
        }
        tokio::select! {
            done = carriers.join_next() => match done {
                None => break,
                Some(done) => crew.left(done.expect("a connection task does not panic")),
            },
            () = crew.changed.notified() => {}
            () = sleep(BEAT) => crew.look_again().await,
        }
    }
    crew.end().await
}

/// The connections at work, and what they share.
pub(super) struct Crew {
    pub(super) outbox: Arc<Outbox>,
    pub(super) supply: Supply,
    pub(super) issues: Issues,
    /// Where messages are signed at all.
    pub(super) signing: Option<Signing<Made>>,
    pub(super) stop: watch::Receiver<bool>,
    /// Connections at work.
    size: AtomicUsize,
    /// There is nothing more to send now.
    is_dry: AtomicBool,
    failure: Mutex<Option<SendError>>,
    /// The ballast is given up: what room there is, is for results.
    is_disk_full: AtomicBool,
    /// The pace may have changed.
    changed: Notify,
}

impl Crew {
    fn new(outbox: Arc<Outbox>, stop: watch::Receiver<bool>) -> Self {
        let supply = Supply::new(
            Arc::clone(&outbox.store),
            Arc::clone(&outbox.clock),
            outbox.owner.clone(),
            matches!(outbox.relay, Relay::Maildir(_)),
            Arc::clone(&outbox.limits),
            Arc::clone(&outbox.failures),
            Arc::clone(&outbox.rates),
        )
        .within(Arc::clone(&outbox.windows), Arc::clone(&outbox.only_answers));
        let signing = outbox.signer.as_ref().map(|_| Signing::start());
        Self {
            outbox,
            supply,
            issues: Issues::default(),
            signing,
            stop,
            size: AtomicUsize::new(0),
            is_dry: AtomicBool::new(false),
            failure: Mutex::new(None),
            is_disk_full: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Connections that may work now.
    pub(super) fn connections(&self) -> usize {
        match self.outbox.relay {
            Relay::Maildir(_) => 1,
            Relay::Smtp(_) => self.outbox.pace().connections(),
        }
    }

    /// Whether carriers take up nothing new.
    pub(super) fn is_ending(&self) -> bool {
        self.is_halting() || self.is_dry.load(Ordering::Relaxed)
    }

    /// Whether carriers lay down their work after the message in hand.
    pub(super) fn is_halting(&self) -> bool {
        self.is_stopped() || self.has_failed()
    }

    /// Whether no further dot is written.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow() || self.is_disk_full.load(Ordering::Relaxed)
    }

    /// Makes room for the results in flight, once and for nothing else.
    pub(super) fn fill_disk(&self) {
        self.is_disk_full.store(true, Ordering::Relaxed);
        self.outbox.ballast.give_up();
    }

    fn has_failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Nothing is due any more.
    pub(super) fn run_dry(&self) {
        self.is_dry.store(true, Ordering::Relaxed);
    }

    /// Whether there are more carriers than may work.
    pub(super) fn is_crowded(&self) -> bool {
        self.size.load(Ordering::Relaxed) > self.connections()
    }

    /// A carrier asks to leave, because there are more than may work; `true` if it may.
    pub(super) fn may_leave(&self) -> bool {
        let connections = self.connections();
        let one_less = |size| (size > connections).then(|| size - 1);
        self.size.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }

    /// Mail may have come while the last messages wait for their replies.
    async fn look_again(&self) {
        if self.is_halting() || !self.is_dry.load(Ordering::Relaxed) {
            return;
        }
        match self.supply.has_mail().await {
            Ok(has_mail) => self.is_dry.store(!has_mail, Ordering::Relaxed),
            Err(error) => self.fail(error.into()),
        }
    }

    /// When all carriers are done: undoes what does not count, gives claims back, and tells the
    /// failure.
    async fn end(&self) -> Result<(), SendError> {
        let outbox = &self.outbox;
        // Refused before their run was paused, and written after it.
        let freed = self.supply.refusals().take_freed();
        for (run, people) in freed {
            if let Err(error) = outbox.store.unreject(run, &people, outbox.clock.now()).await {
                self.fail(error.into());
            }
        }
        if self.has_full_disk() {
            self.fill_disk();
        }
        if let Err(error) = self.supply.close().await {
            self.fail(error.into());
        }
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(failure) = failure else { return Ok(()) };
        if outbox.has_leftovers.load(Ordering::Relaxed)
            && let Err(error) = outbox.take_stock().await
        {
            warn!("could not take stock of the outbox: {error}");
        }
        outbox.pace().probe();
        Err(failure)
    }

    fn has_full_disk(&self) -> bool {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().is_some_and(SendError::is_full_disk)
    }

    /// A message was taken: perhaps one more connection may work.
    pub(super) fn accepted(&self) {
        self.supply.accepted();
        let (before, after) = {
            let mut pace = self.outbox.pace();
            let before = pace.connections();
            pace.accepted();
            (before, pace.connections())
        };
        if after > before {
            self.changed.notify_one();
        }
    }

    /// Whether the relay takes only so many messages a second.
    pub(super) fn has_rate(&self) -> bool {
        self.outbox.limits.per_second.is_some()
    }

    /// Waits until the relay may have one more message.
    pub(super) async fn take_turn(&self) {
        let wait = {
            let mut rates = self.outbox.rates.lock().unwrap_or_else(PoisonError::into_inner);
            rates.reserve_for_relay()
        };
        sleep(wait).await;
    }

    /// The first failure is told. One of the store leaves claims and intents behind, whatever
    /// failed before it.
    fn fail(&self, error: SendError) {
        if matches!(error, SendError::Store(_) | SendError::Unsettled) {
            self.outbox.has_leftovers.store(true, Ordering::Relaxed);
        }
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Takes note of how a carrier ended: whether it still counts, and its failures.
    fn left(&self, end: End) {
        if !end.has_left {
            self.size.fetch_sub(1, Ordering::Relaxed);
        }
        end.failures.into_iter().for_each(|error| self.fail(error));
    }
}

/// How a carrier ended.
pub(super) struct End {
    /// It is not counted among the connections at work any more.
    pub(super) has_left: bool,
    pub(super) failures: Vec<SendError>,
}

/// How long to wait until `next_due`; nothing where that is past.
pub fn wait_until(next_due: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (next_due - now).to_std().unwrap_or_default()
}
