//! Brings clicks of readers who left from their journal into the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::Press;
use crate::store::StoreError;
use crate::subscribers::journal::JournalError;
use crate::subscribers::leaving::{Clicks, Leaving};

/// Between two tries while the store is busy or its disk full.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum LeavingError {
    #[error("could not bring what readers ended into the store")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Brings in what an earlier process left behind, before anything is planned. Called with the
/// lock held.
///
/// A journal that another process has open is that one's matter.
pub async fn catch_up(press: &Press) -> Result<(), LeavingError> {
    let store = &press.config.store_path;
    if !Leaving::is_there(store) {
        return Ok(());
    }
    match Leaving::open(store) {
        Ok(leaving) => apply_all(press, &leaving).await,
        Err(JournalError::InUse { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Brings in everything that lies in the journal now.
pub async fn apply_all(press: &Press, leaving: &Leaving) -> Result<(), LeavingError> {
    while let Some(clicks) = leaving.waiting() {
        apply(press, leaving, clicks).await?;
    }
    Ok(())
}

async fn apply(press: &Press, leaving: &Leaving, clicks: Clicks) -> Result<(), LeavingError> {
    let ended = press.store.leave_all(&clicks.leaves, press.clock.now()).await?;
    info!(clicks = clicks.leaves.len(), ended, "readers unsubscribed");
    Ok(leaving.applied(clicks).await?)
}

/// Brings in each click as it comes, until `stop` turns true. What the store does not take is
/// tried again until it does.
pub async fn carry(press: Press, leaving: Arc<Leaving>, mut stop: watch::Receiver<bool>) {
    let mut is_failing = false;
    loop {
        let clicks = tokio::select! {
            clicks = leaving.next() => clicks,
            // Nothing waits.
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Err(error) = apply(&press, &leaving, clicks).await else {
            // On a disk that is nearly full some batches find room, and others none.
            if is_failing && leaving.waiting().is_none() {
                is_failing = false;
                info!("what readers ended is in the store");
            }
            continue;
        };
        // Once, not at each try.
        if !is_failing {
            tell(&press, error);
        }
        is_failing = true;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            // It stays in the journal, for the next start.
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn tell(press: &Press, error: LeavingError) {
    let is_full_disk = matches!(&error, LeavingError::Store(error) if error.is_full_disk());
    let (why, store) = (anyhow::Error::from(error), press.config.store_path.display());
    if is_full_disk {
        error!(
            "{why:#} (make room on the disk of `{store}`; readers who leave are answered and get \
             no mail, and it is tried again)"
        );
    } else {
        warn!("{why:#}; readers who leave are answered and get no mail, and it is tried again");
    }
}
