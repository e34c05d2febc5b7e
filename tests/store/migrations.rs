//! Stores that an earlier version left, with deliveries in every state.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqlStr, SqliteConnection};
use tidings::store::Store;
use tidings::store::sqlite::SqliteStore;

use super::at;

/// Migrations before the table of deliveries was made anew.
const BEFORE: [&str; 5] = [
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0002_scan.sql"),
    include_str!("../../migrations/sqlite/0003_feeds.sql"),
    include_str!("../../migrations/sqlite/0004_sending.sql"),
    include_str!("../../migrations/sqlite/0005_pauses.sql"),
];
const NAMES: [&str; 5] = ["initial", "scan", "feeds", "sending", "pauses"];

/// Two runs with a delivery in each state, and with every column filled somewhere; the second
/// one is complete, and of its two accepted ones one was sent twice.
const ROWS: &str = "
    insert into digest (id, name, registered_seq, registered_at) values (1, 'daily', 0, 0);
    insert into rendering values ('r', x'00');
    insert into run (id, digest_id, key, from_seq, to_seq, state, recipients, created_at)
        values (1, 1, 'a', 0, 1, 'sending', 8, 5), (2, 1, 'b', 0, 1, 'complete', 9, 5),
            (3, 1, 'c', 0, 1, 'cancelled', 0, 5), (4, 1, 'd', 0, 1, 'complete', 0, 5);
    insert into issue (id, run_id, hash, language, subject, mail_rendering, web_rendering)
        values (1, 1, 'i', 'en', 'News', 'r', 'r'), (2, 2, 'i', 'en', 'News', 'r', 'r');
    insert into subscriber (id, lookup, address_version, domain, language, created_at)
        with n(n) as (values (1) union all select n + 1 from n where n < 9)
        select n, cast(n as blob), 1, 'example.org', 'en', 0 from n;
    insert into delivery (run_id, subscriber_id, issue_id, address_version, token_key,
            dkim_selector, dated_at, state, next_at, owner, fence, lease_until, attempt, unknowns,
            reply_code, reply, reason, path, changed_at) values
        (1, 1, 1, 1, 1, null, 10, 'pending', 0, null, 0, null, 0, 0, null, null, null, null, 20),
        (1, 2, 1, 2, 1, 's1', 11, 'claimed', 0, 'host 7', 1, 99, 0, 0, null, null, null, null, 21),
        (1, 3, 1, 1, 2, 's1', 12, 'intent', 0, 'host 7', 2, 99, 1, 0, null, null, null, null, 22),
        (1, 4, 1, 1, 1, 's1', 13, 'accepted', 9223372036854775807, null, 1, null, 1, 0,
            '250', 'queued', null, null, 23),
        (1, 5, 1, 1, 1, 's1', 14, 'rejected', 9223372036854775807, null, 3, null, 3, 0,
            '550 5.1.1', 'no', null, null, 24),
        (1, 6, 1, 1, 1, 's1', 15, 'uncertain', 30, null, 1, null, 1, 1, null, null, null, null, 25),
        (1, 7, 1, 1, 1, null, 16, 'rehearsed', 9223372036854775807, null, 1, null, 1, 0,
            null, null, null, 'new/1', 26),
        (1, 8, 1, 1, 1, null, 17, 'cancelled', 9223372036854775807, null, 4, null, 2, 0,
            '451', 'later', 'expired', null, 27);
    insert into delivery select 2, subscriber_id, 2, address_version, token_key, dkim_selector,
            dated_at, state, 9223372036854775807, null, fence, null, attempt, unknowns,
            reply_code, reply, reason, path, changed_at
        from delivery where state in ('accepted', 'rejected', 'uncertain', 'rehearsed',
            'cancelled');
    insert into delivery select 2, 9, 2, 1, 1, null, 18, 'accepted', 9223372036854775807, null, 2,
            null, 2, 1, '250', 'queued', null, null, 28;
    insert into delivery select 2, subscriber_id, 2, address_version, token_key, null, dated_at,
            'cancelled', 9223372036854775807, null, 0, null, 0, 0, null, null,
            case subscriber_id when 1 then 'left' when 2 then 'suppressed' else 'operator' end,
            null, 29
        from delivery where run_id = 1 and subscriber_id < 4;";

/// Every column of every delivery, as SQL writes it.
const DUMP: &str = "
    select run_id || ' ' || subscriber_id || ' ' || issue_id || ' ' || address_version || ' '
        || token_key || ' ' || quote(dkim_selector) || ' ' || dated_at || ' ' || state || ' '
        || next_at || ' ' || quote(owner) || ' ' || fence || ' ' || quote(lease_until) || ' '
        || attempt || ' ' || unknowns || ' ' || quote(reply_code) || ' ' || quote(reply) || ' '
        || quote(reason) || ' ' || quote(path) || ' ' || changed_at
    from delivery order by run_id, subscriber_id";

async fn strings(file: &mut SqliteConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(file).await.unwrap()
}

#[tokio::test]
async fn deliveries_in_every_state_outlive_the_tables_they_lay_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidings.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    let migrations = (1..).zip(NAMES).zip(BEFORE).map(|((version, name), sql)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect()).run(&mut file).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&mut file).await.unwrap();
    let before = strings(&mut file, DUMP).await;
    assert_eq!(before.len(), 17);
    file.close().await.unwrap();

    let store = SqliteStore::open(&path).await.unwrap();
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    assert_eq!(strings(&mut file, DUMP).await, before);
    let tables = "select name from sqlite_schema where tbl_name like 'delivery%'
        and name not like 'sqlite_%' order by name";
    assert_eq!(
        strings(&mut file, tables).await,
        ["delivery", "delivery_by_subscriber", "delivery_due", "delivery_in_hand"]
    );
    assert_eq!(strings(&mut file, "pragma integrity_check").await, ["ok"]);
    let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut file).await.unwrap();
    assert_eq!(broken.len(), 0);

    // What is complete has its counts, and they are those of the rows.
    let kept = "select id || ' ' || coalesce(resent, 'open') from run order by id";
    assert_eq!(strings(&mut file, kept).await, ["1 open", "2 1", "3 open", "4 0"]);
    let mut counts: Vec<_> = store.run_counts(2).await.unwrap().into_iter().collect();
    counts.retain(|(_, count)| *count > 0);
    counts.sort();
    let expected =
        [("accepted", 2), ("cancelled", 4), ("rehearsed", 1), ("rejected", 1), ("uncertain", 1)];
    assert_eq!(counts, expected.map(|(state, count)| (state.to_owned(), count)));
    // What was in hand is found by the rules of a crash.
    let recovered = store.recover(&["daily".into()], at(0)).await.unwrap();
    assert_eq!((recovered.released, recovered.uncertain), (1, 1));
}

#[tokio::test]
async fn a_state_that_is_none_is_refused_still() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidings.db");
    drop(SqliteStore::open(&path).await.unwrap());
    let options = SqliteConnectOptions::new().filename(&path).foreign_keys(false);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    for (state, reason, is_one) in [
        ("accepted", None, true),
        ("rehearsed", None, true),
        ("sent", None, false),
        ("", None, false),
        ("cancelled", Some("operator"), true),
        ("cancelled", Some("superseded"), true),
        ("cancelled", Some("bored"), false),
    ] {
        let inserted = sqlx::query(
            "insert or replace into delivery (run_id, subscriber_id, issue_id, address_version,
                 token_key, dated_at, state, next_at, reason, changed_at)
             values (1, 1, 1, 1, 1, 0, $1, 0, $2, 0)",
        )
        .bind(state)
        .bind(reason)
        .execute(&mut file)
        .await;
        assert_eq!(inserted.is_ok(), is_one, "{state} {reason:?}");
    }
}
