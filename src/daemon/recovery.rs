//! What an earlier process left in hand.

use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use super::chain;
use crate::pipeline::{Press, send};
use crate::store::StoreError;

/// Between two tries while there is no room for it.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes it up, on a full disk as soon as there is room: nothing is sent before. Gives `false`
/// where `stop` turned true first.
pub(super) async fn recover(
    press: &Press,
    stop: &mut watch::Receiver<bool>,
) -> Result<bool, StoreError> {
    let mut is_told = false;
    loop {
        match try_recover(press).await {
            Ok(()) => return Ok(true),
            Err(error) if error.is_full_disk() => {
                if !is_told {
                    let why = chain(&error);
                    warn!("{why}; nothing is sent before, it is tried again");
                }
                is_told = true;
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(false),
        }
    }
}

async fn try_recover(press: &Press) -> Result<(), StoreError> {
    let now = press.clock.now();
    let recovered = press.store.recover(&send::resent_digests(press), now).await?;
    press.store.end_cancelled(press.keys.token_key(), now).await?;
    if recovered.uncertain > 0 {
        warn!(
            deliveries = recovered.uncertain,
            "an earlier process was cut off: it is not known whether these e-mails went out"
        );
    }
    Ok(())
}
