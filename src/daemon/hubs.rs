//! The task that tells hubs: wakes when documents changed or a hub is to be tried again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::pipeline::{Press, hubs};
use crate::publish::websub;

/// Longest sleep without looking at what is to be told.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

pub(super) struct Hubs {
    work: Arc<Notify>,
    /// Held while new bytes are on their way to where hubs fetch them.
    live: Arc<Mutex<()>>,
}

impl Hubs {
    pub(super) fn start(
        press: &Press,
        tasks: &mut JoinSet<()>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let work = Arc::new(Notify::new());
        work.notify_one();
        let live = Arc::default();
        tasks.spawn(run(press.clone(), Arc::clone(&work), Arc::clone(&live), stop));
        Self { work, live }
    }

    /// No hub is told what is recorded from now on until this is dropped. Waits for a look into
    /// the store at most, never for a hub.
    pub(super) async fn hold(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.live).lock_owned().await
    }

    pub(super) fn wake(&self) {
        self.work.notify_one();
    }
}

async fn run(
    press: Press,
    work: Arc<Notify>,
    live: Arc<Mutex<()>>,
    mut stop: watch::Receiver<bool>,
) {
    let client = match websub::client(websub::TIMEOUT) {
        Ok(client) => client,
        Err(error) => {
            error!("hubs cannot be told: {error:#}");
            let _ = stop.wait_for(|stop| *stop).await;
            return;
        }
    };
    let mut pause = LOOK_AGAIN;
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = work.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let telling = hubs::tell(&press, &client, &live);
        let told = tokio::select! {
            biased;
            // What was not told stays in the store.
            _ = stop.wait_for(|stop| *stop) => return,
            told = telling => told,
        };
        match told {
            Ok(told) => {
                for (hub, reason) in told.failed {
                    warn!(hub, "a hub was not told what changed, and is tried again: {reason}");
                }
            }
            Err(error) => error!("could not tell hubs: {:#}", anyhow::Error::from(error)),
        }
        pause = pause_until_next(&press).await;
    }
}

async fn pause_until_next(press: &Press) -> Duration {
    let next = press.store.next_ping().await.ok().flatten();
    let pause = next.and_then(|next| (next - press.clock.now()).to_std().ok());
    pause.unwrap_or(LOOK_AGAIN).clamp(Duration::from_secs(1), LOOK_AGAIN)
}
