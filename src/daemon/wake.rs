//! What wakes the daemon: the scheduler's ticks, file events, requests of other processes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tracing::warn;

use super::absolute;

/// How often requests are looked for: within a second they are taken up.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wake {
    /// A minute began: digests may be due.
    Minute,
    /// `content.scan` went by.
    Interval,
    /// Something happened in the content folder.
    Files(BTreeSet<PathBuf>),
    /// Another process may have asked for something.
    Look,
}

impl Wake {
    pub(super) fn paths(&self) -> BTreeSet<PathBuf> {
        match self {
            Self::Files(paths) => paths.clone(),
            _ => BTreeSet::new(),
        }
    }
}

/// Keeps the sources of wakes alive.
pub(super) struct Waker {
    scheduler: JobScheduler,
    watcher: Option<RecommendedWatcher>,
    looking: JoinHandle<()>,
}

impl Waker {
    /// Starts ticking. One job for all digests, which asks our own schedule: a job in a
    /// named zone would keep the offset of the day it was made.
    pub(super) async fn start(
        wakes: UnboundedSender<Wake>,
        scan: Duration,
        folder: &Path,
    ) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let minute = wakes.clone();
        scheduler
            .add(Job::new("0 * * * * *", move |_, _| {
                let _ = minute.send(Wake::Minute);
            })?)
            .await?;
        let interval = wakes.clone();
        scheduler
            .add(Job::new_repeated(scan, move |_, _| {
                let _ = interval.send(Wake::Interval);
            })?)
            .await?;
        scheduler.start().await?;
        let watcher = watch(folder, wakes.clone());
        let looking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(LOOK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if wakes.send(Wake::Look).is_err() {
                    break;
                }
            }
        });
        Ok(Self { scheduler, watcher, looking })
    }

    /// Whether the system tells of changes in the folder, as far as it says.
    pub(super) fn has_events(&self) -> bool {
        self.watcher.is_some()
    }

    pub(super) async fn stop(mut self) {
        self.looking.abort();
        if let Err(error) = self.scheduler.shutdown().await {
            warn!("the scheduler did not stop: {error}");
        }
    }
}

/// Watches the folder; `None` where the system cannot.
fn watch(folder: &Path, wakes: UnboundedSender<Wake>) -> Option<RecommendedWatcher> {
    let folder = absolute(folder);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if let Ok(event) = event
            && !matches!(event.kind, EventKind::Access(_))
        {
            let _ = wakes.send(Wake::Files(event.paths.into_iter().collect()));
        }
    });
    let outcome = watcher.and_then(|mut watcher| {
        watcher.watch(&folder, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    match outcome {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            warn!("no file events for the content folder, it is scanned by the clock: {error}");
            None
        }
    }
}
