//! Send: expands open runs and carries what is due to the relay.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::Press;
use super::digests::end_outdated;
use crate::config::{Config, DigestConfig, Uncertain};
use crate::digest::schedule::is_daily;
use crate::digest::{CORRECTION, REMINDER, URGENT};
use crate::mail::smtp::{Timeouts, TlsSettings};
use crate::outbox::ballast::Ballast;
use crate::outbox::failures::Failures;
use crate::outbox::lane::Lane;
use crate::outbox::pace::Pace;
use crate::outbox::rate::Rates;
use crate::outbox::sender::{Outbox, SendError, Terms, drain};
use crate::outbox::{DAILY_EXPIRES_AFTER, EXPIRES_AFTER};
use crate::store::{DeliveryKeys, OutdatedRun, RunRecord, StoreError};
use crate::subscribers::errand::{self, ErrandKind};
use crate::subscribers::leaving::Leaving;

/// Runs that ended are looked for so often while mail goes out.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What sending needs, made from the press office's config.
pub fn outbox(press: &Press, on_delivery: Arc<dyn Fn() + Send + Sync>) -> Arc<Outbox> {
    Arc::new(outbox_of(press, on_delivery, None))
}

/// As [`outbox`], in a process in which readers leave while it sends.
pub fn outbox_beside(
    leaving: Arc<Leaving>,
    press: &Press,
    on_delivery: Arc<dyn Fn() + Send + Sync>,
) -> Arc<Outbox> {
    Arc::new(outbox_of(press, on_delivery, Some(leaving)))
}

fn outbox_of(
    press: &Press,
    on_delivery: Arc<dyn Fn() + Send + Sync>,
    leaving: Option<Arc<Leaving>>,
) -> Outbox {
    let config = &press.config;
    let now = press.clock.now();
    let terms = |digest: &DigestConfig| Terms {
        uncertain: digest.uncertain,
        expires_after: match &digest.at {
            Some(cron) if is_daily(cron, now) => DAILY_EXPIRES_AFTER,
            _ => EXPIRES_AFTER,
        },
    };
    // News that is urgent today and reminders of tomorrow are of no use next week.
    let soon = Terms { uncertain: Uncertain::Resend, expires_after: DAILY_EXPIRES_AFTER };
    let reserved = [
        (URGENT, soon),
        (REMINDER, soon),
        (CORRECTION, Terms { expires_after: EXPIRES_AFTER, ..soon }),
        (errand::CONFIRM, Terms { expires_after: ErrandKind::Confirm.lasts(), ..soon }),
        (errand::SELF, Terms { expires_after: ErrandKind::SelfService.lasts(), ..soon }),
        (errand::NOTICE, Terms { expires_after: EXPIRES_AFTER, ..soon }),
    ];
    let reserved = reserved.map(|(name, terms)| (name.to_owned(), terms));
    Outbox {
        store: Arc::clone(&press.store),
        leaving,
        keys: Arc::clone(&press.keys),
        clock: Arc::clone(&press.clock),
        relay: config.mail.relay.clone(),
        timeouts: Timeouts::default(),
        tls: TlsSettings::system(),
        limits: Arc::new(config.mail.limits.clone()),
        windows: Arc::new(config.mail.windows.clone()),
        only_answers: Arc::default(),
        allow: config.mail.allow.clone(),
        rehearsals: rehearsals(config),
        kept_out: AtomicU64::new(0),
        pace: Mutex::new(Pace::new(config.mail.limits.connections)),
        failures: Arc::new(Mutex::new(Failures::default())),
        rates: Arc::new(Mutex::new(Rates::new(config.mail.limits.per_second))),
        ballast: Ballast::beside(&config.store_path),
        has_leftovers: AtomicBool::new(false),
        from: config.mail.from.address.clone(),
        signer: config.mail.dkim.clone(),
        public_url: config.web.public_url.clone(),
        zone: config.site.time_zone,
        terms: config.digests.iter().map(|d| (d.name.clone(), terms(d))).chain(reserved).collect(),
        owner: format!("{}", std::process::id()),
        on_delivery,
    }
}

/// The Maildir for mail that `mail.allow` keeps from the relay: beside the store.
pub fn rehearsals(config: &Config) -> PathBuf {
    config.store_path.with_file_name("mail")
}

/// When something falls due next that may go out: outside the send windows what waits for them
/// does so when one opens.
pub async fn next_due(press: &Press) -> Result<Option<DateTime<Utc>>, StoreError> {
    let (store, windows) = (&press.store, &press.config.mail.windows);
    let opens = windows.opens(press.clock.now());
    if windows.is_open(press.clock.now()) {
        return store.next_due().await;
    }
    let passing = store.next_due_past_windows().await?;
    let waiting = match (store.next_due().await?, opens) {
        (Some(due), Some(opens)) => Some(due.max(opens)),
        _ => None,
    };
    Ok([passing, waiting].into_iter().flatten().min())
}

/// Runs that go on by themselves: not those that wait for an operator's word.
pub async fn open_runs(press: &Press) -> Result<Vec<RunRecord>, StoreError> {
    let mut runs = press.store.open_runs().await?;
    runs.retain(|run| run.state != "held");
    Ok(runs)
}

/// Digests whose lost messages are sent once more.
pub fn resent_digests(press: &Press) -> Vec<String> {
    let digests = press.config.digests.iter().filter(|d| d.uncertain == Uncertain::Resend);
    let reserved = [URGENT, CORRECTION, REMINDER, errand::CONFIRM, errand::SELF, errand::NOTICE];
    let reserved = reserved.map(str::to_owned);
    digests.map(|d| d.name.clone()).chain(reserved).collect()
}

/// Turns the plans of open runs into deliveries, page by page, sends what is due, and ends
/// the runs that have nothing open any more.
///
/// A run that is started meanwhile, as `work` tells, goes into its lane without waiting for
/// what is under way.
pub async fn carry(
    press: &Press,
    outbox: &Arc<Outbox>,
    stop: &watch::Receiver<bool>,
    work: &Notify,
) -> Result<(), SendError> {
    // Before the first scan of a daemon nothing of it goes out, and its end may wait.
    if !outbox.only_answers.load(Ordering::Relaxed) {
        // A send window may just have opened: what went by meanwhile is told to nobody.
        for OutdatedRun { run, reason } in end_outdated(press).await? {
            info!(run, "a run was superseded: {reason}");
        }
    }
    expand_all(press, outbox, stop).await?;
    let mut draining = pin!(drain(outbox, stop));
    let sent = loop {
        tokio::select! {
            sent = &mut draining => break sent,
            () = work.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
        // Messages are in hand: a store that fails here fails them too, and they tell.
        let kept_up = async {
            expand_all(press, outbox, stop).await?;
            press.store.complete_runs(press.clock.now()).await
        };
        if let Err(error) = kept_up.await {
            warn!("could not look after the runs: {error}");
        }
    };
    press.store.complete_runs(press.clock.now()).await?;
    sent
}

/// Leaves the pages that are left to the next start when it is to stop.
async fn expand_all(
    press: &Press,
    outbox: &Outbox,
    stop: &watch::Receiver<bool>,
) -> Result<(), StoreError> {
    for run in press.store.open_runs().await? {
        if run.state == "expanding" && outbox.may_send(Lane::of(&run.digest)) {
            let keys = DeliveryKeys {
                token: press.keys.token_key(),
                dkim_selector: press.config.mail.dkim.as_ref().map(|signer| signer.selector()),
            };
            while !*stop.borrow()
                && press.store.expand(run.id, keys, press.clock.now()).await?.is_some()
            {
            }
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
