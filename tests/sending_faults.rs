//! What a relay can do to a sender, each as a test: nobody lost, nobody doubled, nobody charged
//! for the relay's own trouble. Mail goes through the program itself; what was said is compared
//! with what was written down by the checker of `support/relay`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod support;

#[path = "support/relay.rs"]
mod relay;

#[path = "sending_faults/ahead.rs"]
mod ahead;
#[path = "sending_faults/frozen.rs"]
mod frozen;
#[path = "sending_faults/hang_ups.rs"]
mod hang_ups;
#[path = "sending_faults/leaving.rs"]
mod leaving;
#[path = "sending_faults/network.rs"]
mod network;
#[path = "sending_faults/poison.rs"]
mod poison;
#[path = "sending_faults/process.rs"]
mod process;
#[path = "sending_faults/refusals.rs"]
mod refusals;
#[path = "sending_faults/replies.rs"]
mod replies;
#[path = "sending_faults/stopping.rs"]
mod stopping;
#[path = "sending_faults/time.rs"]
mod time;
#[path = "sending_faults/timers.rs"]
mod timers;
#[path = "sending_faults/tls.rs"]
mod tls;
#[path = "sending_faults/troubles.rs"]
mod troubles;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use relay::checker::{Finding, Known, addresses_in, check};
use relay::{Relay, checker, ledger};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use support::office::{Done, Office};

/// An office with one release and so many readers, and the relay its mail goes to.
struct Case {
    office: Office,
    readers: usize,
    /// `SSL_CERT_FILE` and the like.
    environment: Vec<(&'static str, String)>,
}

impl Case {
    fn new(relay: &Relay, readers: usize) -> Self {
        // A relay with a user is no config without its password; people come in before it.
        let office = Office::new();
        office.subscribe(readers, "daily");
        office.set_relay(&relay.url());
        office.release("a-new-bridge", "The bridge opens **today**.");
        Self { office, readers, environment: Vec::new() }
    }

    /// With these limits for the relay, as the config writes them.
    fn limit(&self, limits: &str) {
        let path = "config/tidings.yaml";
        let config = self.office.read(path);
        self.office.write(path, config.replace("relay: '", &format!("limits: {limits}, relay: '")));
    }

    /// `publish-now`; one that has not ended after a minute is killed and has the code -1.
    async fn publish(&self) -> Done {
        self.run(&["publish-now", "--yes"]).await
    }

    /// After an operator let go whatever was paused.
    async fn go_on(&self) -> Done {
        self.run(&["resume", "1"]).await;
        self.publish().await
    }

    async fn run(&self, arguments: &[&str]) -> Done {
        let (stdout, stderr) = (self.office.path("stdout.txt"), self.office.path("stderr.txt"));
        let mut child = self
            .office
            .command(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(File::create(stdout).unwrap())
            .stderr(File::create(stderr).unwrap())
            .spawn()
            .unwrap();
        let process = Pid::from_child(&child);
        let mut end = tokio::task::spawn_blocking(move || child.wait().unwrap());
        let status = tokio::time::timeout(Duration::from_mins(1), &mut end).await;
        let code = if let Ok(status) = status {
            status.unwrap().code().unwrap_or(-1)
        } else {
            kill_process(process, Signal::KILL).unwrap();
            end.await.unwrap();
            -1
        };
        let read = |path| self.office.read(path);
        let done = Done { code, stdout: read("stdout.txt"), stderr: read("stderr.txt") };
        let said = format!("{}{}", done.stdout, done.stderr);
        assert_eq!(addresses_in(&said, &self.people().await), 0, "{done:?}");
        // A warning for each recipient would bury the rest.
        let last: Vec<&str> = done.stderr.lines().rev().take(4).collect();
        let stderr = last.into_iter().rev().collect::<Vec<_>>().join("\n");
        Done { stderr, ..done }
    }

    fn store(&self) -> PathBuf {
        self.office.path("var/tidings.db")
    }

    async fn query(&self, sql: &'static str) -> Vec<(String, i64)> {
        let options = SqliteConnectOptions::new().filename(self.store()).read_only(true);
        let mut store: SqliteConnection = options.connect().await.unwrap();
        sqlx::query_as(sql).fetch_all(&mut store).await.unwrap()
    }

    /// Deliveries by state.
    async fn states(&self) -> BTreeMap<String, i64> {
        let states = self.query("select state, count(*) from delivery group by state").await;
        states.into_iter().collect()
    }

    /// Deliveries that were charged with an attempt.
    async fn charged(&self) -> i64 {
        self.query("select '', count(*) from delivery where attempt > 0").await[0].1
    }

    async fn run_state(&self) -> String {
        self.query("select state, id from run").await[0].0.clone()
    }

    /// The pauses before the next tries are over.
    async fn let_pauses_pass(&self) {
        let options = SqliteConnectOptions::new().filename(self.store());
        let mut store: SqliteConnection = options.connect().await.unwrap();
        sqlx::query("update delivery set next_at = 0 where state = 'pending'")
            .execute(&mut store)
            .await
            .unwrap();
    }

    async fn people(&self) -> std::collections::HashMap<String, i64> {
        ledger::people(&self.store(), &self.office.path("var/keys")).await
    }

    async fn known(&self) -> Known {
        let people = self.people().await;
        assert_eq!(people.len(), self.readers);
        let planned = BTreeMap::from([(1, people.values().copied().collect())]);
        Known { people, planned, ..Known::default() }
    }

    async fn findings(&self, relay: &Relay, may_be_open: bool) -> Vec<Finding> {
        let known = Known { may_be_open, ..self.known().await };
        check(&self.store(), &relay.lines(), &known).await
    }

    /// All is well, and nothing is open.
    async fn expect_well(&self, relay: &Relay) {
        assert_eq!(self.findings(relay, false).await, []);
        assert_eq!(relay.faults(), [""; 0]);
    }

    /// Everybody has the mail, so many of them a second time.
    async fn expect_all_sent(&self, relay: &Relay, copies: usize) {
        self.expect_well(relay).await;
        let accepted = i64::try_from(self.readers).unwrap();
        assert_eq!(self.states().await, BTreeMap::from([("accepted".to_owned(), accepted)]));
        assert_eq!(relay.lines().len(), self.readers + copies);
        assert_eq!(checker::copies(&relay.lines()), copies);
    }

    /// Nothing was sent, and nobody pays for it.
    async fn expect_nobody_charged(&self, relay: &Relay) {
        assert_eq!(self.findings(relay, true).await, []);
        assert!(relay.lines().is_empty());
        let pending = i64::try_from(self.readers).unwrap();
        assert_eq!(self.states().await, BTreeMap::from([("pending".to_owned(), pending)]));
        assert_eq!(self.charged().await, 0);
    }
}

fn reader(n: usize) -> String {
    format!("reader{n}@example.org")
}
