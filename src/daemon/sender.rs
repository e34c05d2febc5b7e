//! The task that sends: wakes when a run was started or a delivery falls due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::chain;
use crate::outbox::breaker::Breaker;
use crate::outbox::progress::{Meter, Sample, end_line, line};
use crate::outbox::sender::{Outbox, SendError, wait_until};
use crate::pipeline::Press;
use crate::pipeline::send::{carry, next_due, outbox_beside};
use crate::store::RelayFault;
use crate::subscribers::leaving::Leaving;

/// Longest sleep without looking at the outbox.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// Between two lines of the log while it sends.
const LINE: Duration = Duration::from_secs(10);

/// What the sender tells the loop.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing is due now.
    Rested,
    /// The relay, the disk or the store failed, so many times in a row.
    Failed { error: Arc<SendError>, tries: u32 },
}

pub(super) struct Sender {
    outbox: Arc<Outbox>,
    work: Arc<Notify>,
}

impl Sender {
    pub(super) fn start(
        press: &Press,
        leaving: Arc<Leaving>,
        tasks: &mut JoinSet<()>,
        news: UnboundedSender<News>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let work = Arc::new(Notify::new());
        let counter = Arc::new(AtomicU64::new(0));
        let tally = Arc::clone(&counter);
        let outbox = outbox_beside(
            leaving,
            press,
            Arc::new(move || {
                tally.fetch_add(1, Ordering::Relaxed);
            }),
        );
        // What was withdrawn while no daemon ran is known after the first scan.
        outbox.only_answers.store(true, Ordering::Relaxed);
        let carrier = Carrier {
            press: press.clone(),
            outbox: Arc::clone(&outbox),
            counter,
            work: Arc::clone(&work),
            news,
            stop,
        };
        tasks.spawn(carrier.run());
        Self { outbox, work }
    }

    /// The runs whose text is outdated are ended: news may go out too. Later it changes nothing.
    pub(super) fn begin(&self) {
        if self.outbox.only_answers.swap(false, Ordering::Relaxed) {
            self.wake();
        }
    }

    /// As [`Sender::wake`], for who starts runs beside the loop.
    pub(super) fn waker(&self) -> impl Fn() + Send + 'static {
        let work = Arc::clone(&self.work);
        move || work.notify_one()
    }

    pub(super) fn wake(&self) {
        self.work.notify_one();
    }
}

struct Carrier {
    press: Press,
    outbox: Arc<Outbox>,
    /// Deliveries that found an outcome since the last look at it.
    counter: Arc<AtomicU64>,
    work: Arc<Notify>,
    news: UnboundedSender<News>,
    stop: watch::Receiver<bool>,
}

/// Tries that failed in a row.
#[derive(Default)]
struct Failing {
    breaker: Breaker,
    since: Option<DateTime<Utc>>,
}

impl Carrier {
    async fn run(mut self) {
        let mut failing = Failing::default();
        let mut pause = Duration::ZERO;
        // A daemon before this one may have left why it could not send.
        self.note_success().await;
        loop {
            // While the relay fails, new work does not shorten the pause.
            let is_failing = failing.breaker.is_open();
            tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return,
                () = self.work.notified(), if !is_failing => {}
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.carry().await {
                Ok(()) => {
                    if failing.breaker.is_open() {
                        info!("sending works again");
                        self.note_success().await;
                    }
                    failing = Failing::default();
                    let _ = self.news.send(News::Rested);
                    self.until_next_due().await
                }
                Err(error) => {
                    if self.counter.load(Ordering::Relaxed) > 0 {
                        // It took some of it: this is a new failure.
                        failing = Failing::default();
                    }
                    self.fail(error, &mut failing).await
                }
            };
        }
    }

    /// Tells of a failure, and gives how long to wait before the next try.
    async fn fail(&self, error: SendError, failing: &mut Failing) -> Duration {
        let pause = failing.breaker.fail();
        let (next, why) = (pause.as_secs(), chain(&error));
        // A relay comes back by itself, room on a disk does not; nor is there room for a note.
        if let Some(hint) = error.hint().filter(|_| error.is_full_disk()) {
            let store = self.press.config.store_path.display();
            error!(
                "sending is stopped, no room beside `{store}`, next try in {next} s: {why} ({hint})"
            );
        } else {
            warn!("could not send, next try in {next} s: {why}");
            let now = self.press.clock.now();
            let fault = RelayFault {
                since: *failing.since.get_or_insert(now),
                tries: failing.breaker.failures(),
                next_at: now + pause,
                error: why,
                hint: error.hint().map(str::to_owned),
            };
            if let Err(error) = self.press.store.relay_failed(&fault).await {
                warn!("`status` cannot tell of it: {}", chain(&error));
            }
        }
        let tries = failing.breaker.failures();
        let _ = self.news.send(News::Failed { error: Arc::new(error), tries });
        pause
    }

    /// For `status`.
    async fn note_success(&self) {
        if let Err(error) = self.press.store.relay_works().await {
            warn!("`status` may tell of a failure that is over: {}", chain(&error));
        }
    }

    /// Sends what is due, and tells the log now and then how far it is.
    async fn carry(&self) -> Result<(), SendError> {
        self.counter.store(0, Ordering::Relaxed);
        let started = Instant::now();
        let sample =
            || Sample { elapsed: started.elapsed(), count: self.counter.load(Ordering::Relaxed) };
        let mut meter = Meter::default();
        let mut sending = std::pin::pin!(carry(&self.press, &self.outbox, &self.stop, &self.work));
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut sending => break outcome,
                () = tokio::time::sleep(LINE) => {
                    let (sample, total) = (sample(), sample().count + self.open().await);
                    let pace = meter.note(sample, total);
                    info!(emails = sample.count, "sending: {}", line(sample, total, pace));
                }
            }
        };
        let kept_out = self.outbox.kept_out.swap(0, Ordering::Relaxed);
        if kept_out > 0 {
            let folder = self.outbox.rehearsals.display();
            info!(emails = kept_out, "outside `mail.allow`: written to `{folder}`, not sent");
        }
        if sample().count > 0 {
            info!(emails = sample().count, "sent: {}", end_line(sample()));
        }
        outcome
    }

    /// Deliveries that are still to go out.
    async fn open(&self) -> u64 {
        self.press.store.open_deliveries().await.unwrap_or_else(|error| {
            warn!("could not look at the outbox: {}", chain(&error));
            0
        })
    }

    async fn until_next_due(&self) -> Duration {
        if self.outbox.only_answers.load(Ordering::Relaxed) {
            // Whatever is due but an answer waits for the first scan.
            return LOOK_AGAIN;
        }
        match next_due(&self.press).await {
            Ok(Some(due)) => wait_until(due, self.press.clock.now()).min(LOOK_AGAIN),
            Ok(None) => LOOK_AGAIN,
            Err(error) => {
                warn!("could not look at the outbox: {}", chain(&error));
                Duration::from_secs(5)
            }
        }
    }
}
