//! A store with runs made by hand, for tests of what passes through them.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, params};

use super::SqliteStore;
use crate::digest::windows::WindowState;
use crate::outbox::lane::Lane;
use crate::store::{Claim, ClaimRequest, Store};

pub(crate) struct Made {
    folder: tempfile::TempDir,
    pub(crate) store: Arc<SqliteStore>,
}

/// So many minutes after noon.
pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}

/// A claim on a person's delivery, in no store.
pub(crate) fn claim(subscriber: i64) -> Claim {
    Claim {
        run: 1,
        subscriber,
        issue: 1,
        digest: "daily".into(),
        fence: 1,
        attempt: 0,
        unknowns: 0,
        may_be_stand_in: false,
        token_key: 1,
        dated_at: DateTime::UNIX_EPOCH,
        created_at: DateTime::UNIX_EPOCH,
        address_key: 1,
        address_version: 1,
        address_cipher: Vec::new(),
        domain: "example.org".into(),
        dkim_selector: None,
        answers: None,
    }
}

impl Made {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tidings.db")).await.unwrap();
        Self { folder, store: Arc::new(store) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("tidings.db")
    }

    /// A connection beside the store's, as another process has one.
    pub(crate) fn open(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        // An entry is named that nobody made.
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection
    }

    pub(crate) fn change(&self, sql: &str) {
        self.open().execute_batch(sql).unwrap();
    }

    /// The first column of a query, as text.
    pub(crate) fn query(&self, sql: &str) -> Vec<String> {
        let connection = self.open();
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Deliveries by state, as `STATE COUNT`.
    pub(crate) fn states(&self) -> Vec<String> {
        self.query("select state || ' ' || count(*) from delivery group by state order by state")
    }

    /// State and reason of a person's delivery.
    pub(crate) fn fate(&self, person: i64) -> String {
        let sql = "select state || iif(reason is null, '', ' ' || reason) from delivery
             where subscriber_id = ";
        self.query(&format!("{sql}{person}")).remove(0)
    }

    /// A run that sends news of the feed `all` behind number 3 to these people, who follow it by
    /// this digest. Gives its id.
    pub(crate) fn run(&self, digest: &str, people: RangeInclusive<i64>) -> i64 {
        let mut connection = self.open();
        let transaction = connection.transaction().unwrap();
        let insert = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            transaction.execute(sql, values).unwrap();
            transaction.last_insert_rowid()
        };
        insert(
            "insert or ignore into digest (name, registered_seq, registered_at)
             values (?1, 0, 0)",
            params![digest],
        );
        let run = insert(
            "insert into run (digest_id, key, from_seq, to_seq, state, recipients, created_at)
             values ((select id from digest where name = ?1),
                 (select count(*) from run), 3, 9, 'sending', ?2, ?3)",
            params![digest, people.end() - people.start() + 1, at(0).timestamp()],
        );
        let issue = insert(
            "insert into issue (run_id, hash, language, subject, mail_rendering, web_rendering)
             values (?1, 'issue', 'en', 'News', 'mail', 'web')",
            params![run],
        );
        insert("insert into issue_entry values (?1, 0, 'all', 1, 1)", params![issue]);
        for person in people {
            insert(
                "insert into subscriber (id, lookup, address_version, domain, language,
                     created_at)
                 values (?1, cast(?1 as blob), 1, 'example.org', 'en', 0)",
                params![person],
            );
            insert("insert into address values (?1, 1, 1, x'00')", params![person]);
            insert(
                "insert into subscription (subscriber_id, feed, digest_id, state, requested_at)
                 values (?1, 'all', (select id from digest where name = ?2), 'confirmed', 0)",
                params![person, digest],
            );
            insert(
                "insert into delivery (run_id, subscriber_id, issue_id, address_version,
                     token_key, dated_at, state, next_at, changed_at)
                 values (?1, ?2, ?3, 1, 1, 0, 'pending', 0, 0)",
                params![run, person, issue],
            );
        }
        transaction.commit().unwrap();
        run
    }

    /// Claims of digests, lowest number first.
    pub(crate) async fn claim(&self, limit: u32) -> Vec<Claim> {
        self.claim_of(Lane::Digests, WindowState::Open, limit).await
    }

    /// Claims of a lane, in or outside the send windows.
    pub(crate) async fn claim_of(
        &self,
        lane: Lane,
        windows: WindowState,
        limit: u32,
    ) -> Vec<Claim> {
        let request = ClaimRequest {
            owner: "test".into(),
            lane,
            now: at(0),
            lease_until: at(15),
            limit,
            windows,
            may_be_stand_in: false,
        };
        self.store.claim_due(&request).await.unwrap()
    }
}
