//! What a disk can do to a sender: it is full, a write fails, the end of the log is missing.
//! Whatever happens, the next start finds a store from which nobody is lost, and nobody gets
//! more copies than deliveries were uncertain.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

#[path = "support/relay.rs"]
mod relay;

#[path = "sending_disk/cut.rs"]
mod cut;
#[path = "sending_disk/full.rs"]
mod full;
#[path = "sending_disk/writes.rs"]
mod writes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use relay::checker::{Finding, Known, check};
use relay::log::LogLine;
use relay::{Relay, ledger};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use support::desk::Desk;
use tidings::config::{self, Environment};
use tidings::outbox::sender::{Outbox, SendError};
use tidings::pipeline::digests::{plan_by_hand, start};
use tidings::pipeline::send::{carry, outbox, resent_digests};
use tidings::pipeline::{Press, scan};
use tidings::store::DeliveryKeys;
use tidings::store::sqlite::SqliteStore;
use tokio::sync::{Notify, watch};

/// A store in which a run is about to be sent to so many readers.
struct Room {
    desk: Desk,
    readers: usize,
}

/// In place of a relay's address in the config, until there is one.
const RELAY: &str = "maildir:var/mail'";

impl Room {
    async fn new(readers: usize) -> Self {
        let desk = Desk::open("2026-11-20T12:00:00Z").await;
        scan::scan(&desk.press).await.unwrap();
        desk.office.subscribe(readers, "daily");
        desk.office.news("a-new-bridge", "It opens today.");
        scan::scan(&desk.press).await.unwrap();
        for plan in plan_by_hand(&desk.press, &[], true).await.unwrap() {
            let run = start(&desk.press, &plan).await.unwrap().unwrap();
            let keys = DeliveryKeys { token: desk.press.keys.token_key(), dkim_selector: None };
            while desk.press.store.expand(run, keys, desk.now()).await.unwrap().is_some() {}
        }
        let room = Self { desk, readers };
        // From here on the log holds nothing but what sending writes.
        let empty_log = sqlx::query("pragma wal_checkpoint(truncate)");
        empty_log.execute(&mut connect(&room.store()).await).await.unwrap();
        room
    }

    fn store(&self) -> PathBuf {
        self.desk.press.config.store_path.clone()
    }

    /// A process that sends what this store holds to that relay, over five connections.
    async fn process(&self, store: &Path, relay: &Relay) -> Press {
        let office = &self.desk.office;
        let url = format!("{}', limits: {{connections: 5}}", relay.url());
        office.write("config/other.yaml", office.read("config/tidings.yaml").replace(RELAY, &url));
        let path = office.path("config/other.yaml");
        let mut config = config::load(&path, &Environment::default()).unwrap();
        config.store_path = store.to_owned();
        let store = Arc::new(SqliteStore::open(store).await.unwrap());
        Press { store, config: Arc::new(config), ..self.desk.press.clone() }
    }

    async fn findings(&self, store: &Path, lines: &[LogLine], may_be_open: bool) -> Vec<Finding> {
        let people = ledger::people(&self.store(), &self.desk.office.path("var/keys")).await;
        assert_eq!(people.len(), self.readers);
        let planned = BTreeMap::from([(1, people.values().copied().collect())]);
        let known = Known { people, planned, may_be_open, ..Known::default() };
        check(store, lines, &known).await
    }
}

/// What a process does that starts with a store.
async fn start_and_send(press: &Press) -> Result<(), SendError> {
    press.store.recover(&resent_digests(press), press.clock.now()).await?;
    send(press, &outbox(press, Arc::new(|| {}))).await
}

/// One try of a process to send.
async fn send(press: &Press, outbox: &Arc<Outbox>) -> Result<(), SendError> {
    let (_stop, stopped) = watch::channel(false);
    carry(press, outbox, &stopped, &Notify::new()).await
}

/// Copies a store with its log, as it lies on the disk.
fn copy_store(from: &Path, to: &Path) {
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    fs::copy(from, to).unwrap();
    if log(from).exists() {
        fs::copy(log(from), log(to)).unwrap();
    }
}

async fn connect(store: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(store).connect().await.unwrap()
}

/// State and unknown outcomes of each delivery, by subscriber.
async fn deliveries(store: &Path) -> BTreeMap<i64, (String, i64)> {
    let rows: Vec<(i64, String, i64)> =
        sqlx::query_as("select subscriber_id, state, unknowns from delivery")
            .fetch_all(&mut connect(store).await)
            .await
            .unwrap();
    rows.into_iter().map(|(id, state, unknowns)| (id, (state, unknowns))).collect()
}
