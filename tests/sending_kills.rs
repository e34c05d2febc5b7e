//! `kill -9` in the middle of sending: at each step by name, and at random. Nobody is lost,
//! nobody doubled beyond what the store calls unknown, and what is sent again is the same to
//! the byte. `docs/testing.md` has the names, and the table of a long run.

#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

#[path = "support/relay.rs"]
mod relay;

#[path = "sending_kills/leaving.rs"]
mod leaving;
#[path = "sending_kills/points.rs"]
mod points;
#[path = "sending_kills/random.rs"]
mod random;
#[path = "sending_kills/trap.rs"]
mod trap;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use relay::checker::{Finding, Known, check};
use relay::{Relay, ledger};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, FromRow, SqliteConnection};
use support::office::Office;

/// What becomes of mail whose outcome is unknown (`digests[].uncertain`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Resend,
    Hold,
}

/// An office with so many readers, and how its mail is treated.
struct Case {
    office: Office,
    readers: usize,
}

/// A delivery as the store has it.
#[derive(Debug, Clone, FromRow)]
struct Row {
    run_id: i64,
    subscriber_id: i64,
    state: String,
    unknowns: i64,
    /// Whether it can be claimed now or later.
    is_due: bool,
}

impl Case {
    fn new(relay: &Relay, readers: usize, policy: Policy, connections: usize) -> Self {
        let office = Office::with_relay(&relay.url());
        let uncertain = match policy {
            Policy::Resend => "resend",
            Policy::Hold => "hold",
        };
        let config = office
            .read("config/tidings.yaml")
            .replace("relay: '", &format!("limits: {{connections: {connections}}}, relay: '"))
            .replace("{name: immediate", &format!("{{name: immediate, uncertain: {uncertain}"));
        office.write("config/tidings.yaml", config);
        office.subscribe(readers, "immediate");
        office.news("a-new-bridge", "The bridge opens **today**.");
        Self { office, readers }
    }

    fn start(&self, arguments: &[&str], failpoint: Option<String>) -> Child {
        self.office
            .command(arguments)
            .env_remove("TIDINGS_FAILPOINT")
            .envs(failpoint.map(|value| ("TIDINGS_FAILPOINT", value)))
            .stdout(File::create(self.office.path("stdout.txt")).unwrap())
            .stderr(File::create(self.office.path("stderr.txt")).unwrap())
            .spawn()
            .unwrap()
    }

    async fn publish(&self, failpoint: Option<String>) -> ExitStatus {
        self.end_of(self.start(&["publish-now", "--yes"], failpoint)).await
    }

    /// Waits for the end of a process; one that takes longer than a minute fails the test.
    async fn end_of(&self, mut child: Child) -> ExitStatus {
        let process = Pid::from_child(&child);
        let mut end = tokio::task::spawn_blocking(move || child.wait().unwrap());
        if let Ok(status) = tokio::time::timeout(Duration::from_mins(1), &mut end).await {
            return status.unwrap();
        }
        kill_process(process, Signal::KILL).unwrap();
        end.await.unwrap();
        panic!("it does not end: {}", self.said());
    }

    fn said(&self) -> String {
        self.office.read("stdout.txt") + &self.office.read("stderr.txt")
    }

    fn store(&self) -> PathBuf {
        self.office.path("var/tidings.db")
    }

    async fn rows(&self) -> Vec<Row> {
        let options = SqliteConnectOptions::new().filename(self.store()).read_only(true);
        let mut store: SqliteConnection = options.connect().await.unwrap();
        sqlx::query_as(
            "select run_id, subscriber_id, state, unknowns,
                    state in ('pending', 'claimed', 'intent')
                        or state = 'uncertain' and next_at < 9223372036854775807 as is_due
             from delivery order by run_id, subscriber_id",
        )
        .fetch_all(&mut store)
        .await
        .unwrap()
    }

    async fn states(&self) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for row in self.rows().await {
            *states.entry(row.state).or_default() += 1;
        }
        states
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

    async fn people(&self) -> HashMap<String, i64> {
        let people = ledger::people(&self.store(), &self.office.path("var/keys")).await;
        assert_eq!(people.len(), self.readers);
        people
    }

    /// What the checker finds, with everybody planned for every run that has deliveries.
    async fn findings(
        &self,
        relay: &Relay,
        people: &HashMap<String, i64>,
        may_be_open: bool,
    ) -> Vec<Finding> {
        let everybody = people.values().copied().collect();
        let runs: std::collections::BTreeSet<i64> =
            self.rows().await.iter().map(|row| row.run_id).collect();
        let planned = runs.into_iter().map(|run| (run, Clone::clone(&everybody))).collect();
        let known = Known { people: people.clone(), planned, may_be_open, ..Known::default() };
        check(&self.store(), &relay.lines(), &known).await
    }
}

/// Waits until the relay has read all that a dead client had written.
async fn settled(relay: &Relay) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while relay.open() > 0 {
        assert!(Instant::now() < deadline, "a conversation goes on without its client");
        tokio::task::yield_now().await;
    }
}

fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

fn count(rows: &[Row], state: &str) -> usize {
    rows.iter().filter(|row| row.state == state).count()
}
