//! Send: expands open runs and carries what is due to the relay.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Press;
use crate::config::Uncertain;
use crate::mail::smtp::Timeouts;
use crate::outbox::sender::{Outbox, SendError, drain};
use crate::store::StoreError;

/// What sending needs, made from the press office's config.
pub fn outbox(press: &Press, on_delivery: Arc<dyn Fn() + Send + Sync>) -> Arc<Outbox> {
    let config = &press.config;
    Arc::new(Outbox {
        store: Arc::clone(&press.store),
        keys: Arc::clone(&press.keys),
        clock: Arc::clone(&press.clock),
        relay: config.mail.relay.clone(),
        timeouts: Timeouts::default(),
        from: config.mail.from.address.clone(),
        signer: config.mail.dkim.clone(),
        public_url: config.web.public_url.clone(),
        zone: config.site.time_zone,
        uncertain: config.digests.iter().map(|d| (d.name.clone(), d.uncertain)).collect(),
        owner: format!("{}", std::process::id()),
        on_delivery,
    })
}

/// Digests whose lost messages are sent once more.
pub fn resent_digests(press: &Press) -> Vec<String> {
    let digests = press.config.digests.iter();
    digests.filter(|d| d.uncertain == Uncertain::Resend).map(|d| d.name.clone()).collect()
}

/// Turns the plans of open runs into deliveries, page by page, sends what is due, and ends
/// the runs that have nothing open any more.
pub async fn carry(
    press: &Press,
    outbox: &Arc<Outbox>,
    stop: &watch::Receiver<bool>,
) -> Result<(), SendError> {
    expand_all(press).await?;
    let sent = drain(outbox, stop).await;
    press.store.complete_runs(press.clock.now()).await?;
    sent
}

async fn expand_all(press: &Press) -> Result<(), StoreError> {
    for run in press.store.open_runs().await? {
        if run.state == "expanding" {
            let key = press.keys.token_key();
            while press.store.expand(run.id, key, press.clock.now()).await?.is_some() {}
        }
    }
    Ok(())
}

/// What became of one run, for people and scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    pub run: i64,
    pub digest: String,
    pub key: String,
    pub state: String,
    pub recipients: u64,
    pub deliveries: BTreeMap<String, u64>,
}

pub async fn run_reports(press: &Press, runs: &[i64]) -> Result<Vec<RunReport>, StoreError> {
    let mut reports = Vec::new();
    for id in runs {
        let Some(run) = press.store.run(*id).await? else { continue };
        let deliveries: HashMap<String, u64> = press.store.run_counts(*id).await?;
        reports.push(RunReport {
            run: run.id,
            digest: run.digest,
            key: run.key,
            state: run.state,
            recipients: run.recipients,
            deliveries: deliveries.into_iter().collect(),
        });
    }
    Ok(reports)
}
