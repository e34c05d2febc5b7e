//! Tells hubs of feeds whose bytes changed, after they are in place (W3C WebSub, section 7).
//!
//! What is to be told stands in the store, so that it outlives a crash and never holds up
//! publishing.

use chrono::{DateTime, Utc};
use reqwest::Client;
use tokio::sync::Mutex;
use tracing::{info, warn};
use url::Url;

use super::Press;
use super::mirror::is_mirror_behind;
use crate::publish::websub::{self, NotifyError};
use crate::store::{PingRecord, StoreError};

/// Topics that are told in one go.
const PAGE: usize = 100;

/// What came of telling hubs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub told: usize,
    /// Hub and reason, once for each hub that did not take it.
    pub failed: Vec<(String, String)>,
}

/// Tells hubs what is due. A hub that cannot be reached is left alone for the rest of this call;
/// one that refuses a topic may take the next.
/// `live` is locked while new bytes are on their way to where hubs fetch them.
pub async fn tell(press: &Press, client: &Client, live: &Mutex<()>) -> Result<Told, StoreError> {
    let mut told = Told::default();
    loop {
        let due = due(press, live).await?;
        if due.is_empty() {
            break;
        }
        tell_all(press, client, due, &mut told).await?;
    }
    if told.told > 0 {
        info!(topics = told.told, "told hubs what changed");
    }
    Ok(told)
}

async fn due(press: &Press, live: &Mutex<()>) -> Result<Vec<PingRecord>, StoreError> {
    let _live = live.lock().await;
    if is_mirror_behind(press).await? {
        // The new bytes are not where readers look.
        return Ok(Vec::new());
    }
    press.store.due_pings(press.clock.now(), PAGE).await
}

async fn tell_all(
    press: &Press,
    client: &Client,
    due: Vec<PingRecord>,
    told: &mut Told,
) -> Result<(), StoreError> {
    let now = press.clock.now();
    let mut unreachable: Vec<(String, String)> = Vec::new();
    for ping in due {
        if let Some((_, reason)) = unreachable.iter().find(|(hub, _)| *hub == ping.hub) {
            let reason = reason.clone();
            put_off(press, &ping, &reason, now).await?;
            continue;
        }
        match tell_one(press, client, &ping).await.map_err(Failed::of) {
            Ok(()) => {
                told.told += 1;
                press.store.settle_ping(&ping, None).await?;
            }
            Err(Failed { reason, is_unreachable }) => {
                put_off(press, &ping, &reason, now).await?;
                if is_unreachable {
                    unreachable.push((ping.hub.clone(), reason.clone()));
                }
                if !told.failed.iter().any(|(hub, _)| *hub == ping.hub) {
                    told.failed.push((ping.hub, reason));
                }
            }
        }
    }
    Ok(())
}

/// Why a hub did not take a topic.
struct Failed {
    reason: String,
    /// It answered nothing, and would not answer the next either.
    is_unreachable: bool,
}

impl Failed {
    fn of(error: NotifyError) -> Self {
        let is_unreachable = matches!(error, NotifyError::Unreachable { .. });
        Self { reason: format!("{:#}", anyhow::Error::from(error)), is_unreachable }
    }
}

async fn tell_one(press: &Press, client: &Client, ping: &PingRecord) -> Result<(), NotifyError> {
    let hub = Url::parse(&ping.hub).ok().filter(|hub| press.config.site.hubs.contains(hub));
    // A hub that the config no longer has is not told any more.
    let (Some(hub), Ok(topic)) = (hub, Url::parse(&ping.topic)) else { return Ok(()) };
    websub::notify(client, &hub, &topic).await
}

async fn put_off(
    press: &Press,
    ping: &PingRecord,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let next = websub::next_try(ping.attempts + 1, now);
    if next.is_none() {
        warn!(hub = %ping.hub, topic = %ping.topic, "gave up telling a hub: {reason}");
    }
    press.store.settle_ping(ping, next).await
}
