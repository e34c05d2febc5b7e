//! `daemon`: takes the lock and runs until it is told to stop.

use std::path::Path;
use std::time::Duration;

use super::Global;
use super::failure::Failure;
use super::output::Output;
use super::publish_now::stop_on_signals;
use super::session;
use crate::config::Environment;
use crate::daemon::{self, DaemonError};
use crate::store::lock::{self, Asked, LockError};

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<u8, Failure> {
    if global.at.is_some() {
        return Err(Failure::usage(
            "the daemon runs in real time",
            "leave out `--at`, or rehearse with `tidings --at TIME publish-now`",
        ));
    }
    let press = session::open(global, environment, output).await?;
    session::refuse_without_password(&press)?;
    session::refuse_unfit(&press, output).await?;
    session::warn_without_law(&press.config, output);
    let _lock = match ask_for_a_while(&press.config.store_path).await? {
        Asked::Taken(lock) => lock,
        Asked::HeldBy(holder) => {
            let who = holder.map_or("another process".to_owned(), |holder| {
                format!("`{}` (process {})", holder.command, holder.process)
            });
            return Err(Failure {
                hint: Some("one process at a time scans and sends: end the other one first".into()),
                ..Failure::new(anyhow::anyhow!("{who} works on this store already"))
            });
        }
    };
    daemon::run(press, stop_on_signals()).await?;
    Ok(0)
}

/// `status` touches the lock for a moment, and a daemon that is being replaced ends in one.
async fn ask_for_a_while(store_path: &Path) -> Result<Asked, LockError> {
    for _ in 0..ASKS {
        if let Asked::Taken(lock) = lock::ask(store_path, "daemon")? {
            return Ok(Asked::Taken(lock));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lock::ask(store_path, "daemon")
}

/// Half a second in all.
const ASKS: u32 = 5;

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Listen(error) => error.into(),
            DaemonError::Store(error) => error.into(),
            DaemonError::People(error) => error.into(),
            DaemonError::Journal(error) => error.into(),
            error @ (DaemonError::Scheduler(_) | DaemonError::Ended) => Self::new(error),
        }
    }
}
