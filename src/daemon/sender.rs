//! The task that sends: wakes when a run was started or a delivery falls due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::chain;
use crate::outbox::breaker::Breaker;
use crate::outbox::sender::{Outbox, SendError, wait_until};
use crate::pipeline::Press;
use crate::pipeline::send::{carry, outbox, resent_digests};

/// Longest sleep without looking at the outbox.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// What the sender tells the loop.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing is due now.
    Rested,
    /// The relay, the disk or the store failed, so many times in a row.
    Failed { error: Arc<SendError>, tries: u32 },
}

pub(super) struct Sender {
    work: Arc<Notify>,
}

impl Sender {
    pub(super) fn start(
        press: &Press,
        tasks: &mut JoinSet<()>,
        news: UnboundedSender<News>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let work = Arc::new(Notify::new());
        work.notify_one();
        let carrier = Carrier {
            press: press.clone(),
            outbox: outbox(press, Arc::new(|| {})),
            work: Arc::clone(&work),
            news,
            stop,
        };
        tasks.spawn(carrier.run());
        Self { work }
    }

    pub(super) fn wake(&self) {
        self.work.notify_one();
    }
}

struct Carrier {
    press: Press,
    outbox: Arc<Outbox>,
    work: Arc<Notify>,
    news: UnboundedSender<News>,
    stop: watch::Receiver<bool>,
}

impl Carrier {
    async fn run(mut self) {
        let mut breaker = Breaker::default();
        let mut pause = Duration::ZERO;
        loop {
            // While the relay fails, new work does not shorten the pause.
            let is_failing = breaker.failures() > 0;
            tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return,
                () = self.work.notified(), if !is_failing => {}
                () = tokio::time::sleep(pause) => {}
            }
            pause = match carry(&self.press, &self.outbox, &self.stop, &self.work).await {
                Ok(()) => {
                    if breaker.failures() > 0 {
                        info!("the relay works again");
                    }
                    breaker.succeed();
                    let _ = self.news.send(News::Rested);
                    self.until_next_due().await
                }
                Err(error) => {
                    self.take_stock(&error).await;
                    let pause = breaker.fail();
                    warn!("could not send, next try in {} s: {}", pause.as_secs(), chain(&error));
                    let tries = breaker.failures();
                    let _ = self.news.send(News::Failed { error: Arc::new(error), tries });
                    pause
                }
            };
        }
    }

    /// A store that failed may have left claims and intents behind. Nobody else sends, so
    /// what is in hand now is what was left: the rules of a crash apply.
    async fn take_stock(&self, error: &SendError) {
        if !matches!(error, SendError::Store(_)) {
            return;
        }
        let resend = resent_digests(&self.press);
        if let Err(error) = self.press.store.recover(&resend, self.press.clock.now()).await {
            warn!("could not take stock of the outbox: {}", chain(&error));
        }
    }

    async fn until_next_due(&self) -> Duration {
        match self.press.store.next_due().await {
            Ok(Some(due)) => wait_until(due, self.press.clock.now()).min(LOOK_AGAIN),
            Ok(None) => LOOK_AGAIN,
            Err(error) => {
                warn!("could not look at the outbox: {}", chain(&error));
                Duration::from_secs(5)
            }
        }
    }
}
