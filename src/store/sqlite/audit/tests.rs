use chrono::TimeDelta;

use super::*;
use crate::store::sqlite::made::{Made, at};
use crate::store::{
    EndOfSubscription, NewPause, NewRun, NewSubscription, PauseScope, QuietRun, QuietState, Store,
};

fn row(person: u8) -> NewSubscription {
    NewSubscription {
        lookup: vec![person],
        address_key: 1,
        address_cipher: vec![person],
        domain: "example.org".into(),
        language: "en".parse().unwrap(),
        feed: "all".into(),
        digest: "daily".into(),
        is_confirmed: true,
        is_rehearsal: false,
        source: "test".into(),
        wording: "news".into(),
    }
}

fn day(days: i64) -> DateTime<Utc> {
    at(0) + TimeDelta::days(days)
}

/// A store in which on each of three days people came, one left, sending was paused and resumed,
/// and a run was opened and came to its end.
async fn three_days() -> Made {
    let made = Made::new().await;
    let store = &made.store;
    store.register_digests(&["daily".into()], day(0)).await.unwrap();
    let digest = store.digest_progress("daily").await.unwrap().unwrap().id;
    for n in 0..3 {
        let now = day(n);
        let first = u8::try_from(10 * n).unwrap();
        let rows: Vec<_> = (first..first + 5).map(row).collect();
        store.subscribe(&rows, now).await.unwrap();
        let left = EndOfSubscription {
            subscriber: n + 1,
            digest: None,
            feed: None,
            source: "test".into(),
            reason: "left".into(),
        };
        assert_eq!(store.end_subscriptions(&left, now).await.unwrap(), 1);
        let scope = PauseScope::Digest("daily".into());
        let pause = NewPause { scope: scope.clone(), reason: None, by: "mei".into() };
        store.pause(&pause, now).await.unwrap();
        store.resume(&scope, "mei", now).await.unwrap().unwrap();
        let run = NewRun {
            digest,
            key: format!("now:{n}"),
            due_at: None,
            from_seq: n,
            to_seq: n + 1,
            advances: true,
        };
        let run = store.begin_run(&run, now).await.unwrap().unwrap();
        assert!(store.open_run(run, "plan", 0).await.unwrap());
        let keys = crate::store::DeliveryKeys { token: 1, dkim_selector: None };
        assert_eq!(store.expand(run, keys, now).await.unwrap(), None);
        assert_eq!(store.complete_runs(now).await.unwrap(), [run]);
        let quiet = QuietRun {
            digest,
            key: format!("quiet:{n}"),
            due_at: None,
            from_seq: n,
            to_seq: n,
            state: QuietState::Empty,
            reason: "nothing new".into(),
        };
        assert!(store.record_quiet_run(&quiet, now).await.unwrap());
    }
    made
}

/// What is found after somebody wrote `sql` into a store that holds.
async fn found_after(sql: &str) -> Vec<String> {
    let made = three_days().await;
    made.change(sql);
    found(&made).await
}

async fn found(made: &Made) -> Vec<String> {
    let report = made.store.verify_audit().await.unwrap();
    report.broken.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_the_store_writes_holds() {
    let made = three_days().await;
    assert_eq!(found(&made).await, [""; 0]);
    let report = made.store.verify_audit().await.unwrap();
    let counts: Vec<_> = report.chains.iter().map(|c| (c.kind, c.days, c.lines)).collect();
    assert_eq!(
        counts,
        [(Kind::Plan, 3, 6), (Kind::Approval, 3, 6), (Kind::Run, 3, 3), (Kind::Consent, 3, 6)]
    );
    assert!(report.chains.iter().all(|chain| chain.head.is_some()));
}

/// Keeps the ledger, to be brought back by [`RESTORE`].
const KEEP: &str = "create table kept as select * from audit;
    create table kept_meta as select * from meta";

const RESTORE: &str = "delete from audit; insert into audit select * from kept;
    delete from meta; insert into meta select * from kept_meta";

fn lines(made: &Made) -> Vec<String> {
    made.query("select kind || ' ' || day || ' ' || number from audit order by kind, day, number")
}

fn is_line(line: &str) -> String {
    let parts: Vec<&str> = line.split(' ').collect();
    format!("kind = '{}' and day = '{}' and number = {}", parts[0], parts[1], parts[2])
}

#[tokio::test]
async fn a_changed_byte_of_any_line_is_found_there() {
    let made = three_days().await;
    made.change(KEEP);
    for line in lines(&made) {
        for change in [
            "said = replace(said, substr(said, 9, 1), '~')",
            "hash = 'f' || substr(hash, 1, 63)",
            "at = at + 1",
        ] {
            made.change(&format!("update audit set {change} where {}", is_line(&line)));
            let found = found(&made).await;
            let (kind, rest) = line.split_once(' ').unwrap();
            let (day, number) = rest.split_once(' ').unwrap();
            let place = format!("{kind} {day} line {number}: its hash");
            assert!(found.len() == 1 && found[0].starts_with(&place), "{line} {change} {found:?}");
            made.change(RESTORE);
        }
    }
    assert_eq!(found(&made).await, [""; 0]);
}

#[tokio::test]
async fn any_line_and_any_day_that_is_dropped_is_found() {
    let made = three_days().await;
    made.change(KEEP);
    let days = Kind::ALL.iter().flat_map(|kind| {
        (21..=23).map(|day| format!("kind = '{}' and day = '2026-11-{day}'", kind.as_str()))
    });
    let dropped = lines(&made).into_iter().map(|line| is_line(&line)).chain(days);
    for dropped in dropped.collect::<Vec<_>>() {
        made.change(&format!("delete from audit where {dropped}"));
        let found = found(&made).await;
        assert!(!found.is_empty(), "{dropped}");
        made.change(RESTORE);
    }
}

#[tokio::test]
async fn a_ledger_that_goes_on_behind_a_dropped_end_shows_the_gap() {
    let made = three_days().await;
    made.change("delete from audit where kind = 'consent' and day = '2026-11-23' and number = 2");
    made.store.subscribe(&[row(99)], day(2)).await.unwrap();
    assert_eq!(found(&made).await, ["consent 2026-11-23 line 3: the line before it is missing"]);
}

#[tokio::test]
async fn a_meddled_head_stops_nobody_from_leaving() {
    let made = three_days().await;
    made.change("update meta set value = '2026-11-21 1 ab' where name = 'audit_head_consent'");
    made.store.subscribe(&[row(99)], day(2)).await.unwrap();
    let found = found(&made).await;
    assert!(found[0].starts_with("consent 2026-11-23 line 3: its hash"), "{found:?}");
}

#[tokio::test]
async fn rows_that_were_changed_behind_the_ledger_are_found() {
    let tells = "it tells otherwise than the store:";
    for (sql, expected) in [
        (
            "update consent set wording = 'other' where id = 3",
            format!("consent 2026-11-21 line 1: {tells} rows 1 to 5 of consent"),
        ),
        (
            "delete from consent where id = 6",
            format!("consent 2026-11-21 line 2: {tells} rows 6 to 6 of consent"),
        ),
        (
            "insert into consent (subscriber_id, feed, digest, action, at, source)
             values (1, 'all', 'daily', 'confirmed', 0, 'nobody')",
            format!("consent 2026-11-23 line 2: {tells} no line tells of row 19 of consent"),
        ),
        (
            "update run set recipients = 7 where id = 3",
            format!("plan 2026-11-22 line 1: {tells} run 3"),
        ),
        (
            "update run set counts = '{\"accepted\":1}' where id = 1",
            format!("run 2026-11-21 line 1: {tells} the counts of run 1"),
        ),
        (
            "pragma foreign_keys = off; insert into delivery (run_id, subscriber_id, issue_id,
                 address_version, token_key, dated_at, state, next_at, changed_at)
             values (1, 4, 1, 1, 1, 0, 'accepted', 0, 0)",
            format!("run 2026-11-21 line 1: {tells} the deliveries of run 1, counted again"),
        ),
        (
            "insert into run (digest_id, key, from_seq, to_seq, state, created_at)
             values (1, 'secret', 0, 1, 'sending', 0)",
            "run 7: no line of the ledger tells of it".to_owned(),
        ),
    ] {
        assert_eq!(found_after(sql).await, [expected], "{sql}");
    }
}

#[tokio::test]
async fn a_line_of_many_people_names_nobody_and_one_of_one_person_does() {
    let made = three_days().await;
    let said = made.query("select said from audit where kind = 'consent' and day = '2026-11-21'");
    assert!(said[0].starts_with(r#"{"actions":{"confirmed":5},"count":5,"event":"consents""#));
    assert!(!said[0].contains("subscriber"), "{said:?}");
    assert!(said[1].ends_with(r#","subscriber":1}"#), "{said:?}");
}

#[tokio::test]
async fn consent_from_before_the_ledger_comes_into_its_first_line() {
    let made = three_days().await;
    made.change("delete from audit; delete from meta where name like 'audit_head_%'");
    assert_eq!(found(&made).await, [""; 0]);
    made.store.subscribe(&[row(99)], day(2)).await.unwrap();
    let said = made.query("select said ->> 'count' || '' from audit");
    assert_eq!(said, ["19"]);
    assert_eq!(found(&made).await, [""; 0]);
}
