use chrono::TimeDelta;

use super::*;
use crate::store::sqlite::made::{Made, at};
use crate::store::{
    Brake, Cancellation, EndOfSubscription, KnownCancellations, NewPause, NewRun, NewSubscription,
    OutdatedRun, PauseScope, QuietRun, QuietState, ReleasedRun, Store,
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
        brings_back: true,
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
        assert!(store.open_run(run, "plan", 0, now).await.unwrap());
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
            known: KnownCancellations { newest: 0, at: now },
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

/// Begins a run of the digest 1 on the fourth day.
async fn begun(made: &Made) -> i64 {
    let run = NewRun {
        digest: 1,
        key: "now:9".into(),
        due_at: None,
        from_seq: 2,
        to_seq: 9,
        advances: true,
    };
    made.store.begin_run(&run, day(3)).await.unwrap().unwrap()
}

/// As [`begun`], and it waits for a word, to three people.
async fn held_run(made: &Made) -> i64 {
    let run = begun(made).await;
    made.store.hold_run(run, "plan", 3, "waits", day(3)).await.unwrap().unwrap();
    run
}

fn events(made: &Made, kind: &str) -> Vec<String> {
    made.query(&format!(
        "select said ->> 'event' from audit where kind = '{kind}' and day = '2026-11-24'
         order by number"
    ))
}

#[tokio::test]
async fn a_held_run_has_its_line_whatever_becomes_of_it() {
    let made = three_days().await;
    let run = held_run(&made).await;
    assert_eq!((events(&made, "plan"), found(&made).await), (vec!["held".into()], vec![]));
    made.change("update run set recipients = 4 where state = 'held'");
    let broken = format!("plan 2026-11-24 line 1: it tells otherwise than the store: run {run}");
    assert_eq!(found(&made).await, [broken]);

    let made = three_days().await;
    let run = held_run(&made).await;
    let cancel = Cancellation { run, reason: None, by: "mei".into(), token_key: 1 };
    made.store.cancel_run(&cancel, day(3)).await.unwrap().unwrap();
    assert_eq!((events(&made, "approval"), found(&made).await), (vec!["cancelled".into()], vec![]));

    let made = three_days().await;
    let run = held_run(&made).await;
    assert!(made.store.supersede_held(run, "its moment came", day(3)).await.unwrap());
    assert_eq!(
        (events(&made, "approval"), found(&made).await),
        (vec!["superseded".into()], vec![])
    );

    let made = three_days().await;
    let run = held_run(&made).await;
    let released = ReleasedRun { run, leavers: vec![7], by: "mei".into() };
    assert!(made.store.release_run(&released, day(3)).await.unwrap());
    assert_eq!(events(&made, "plan"), ["held", "opened"]);
    assert_eq!((events(&made, "approval"), found(&made).await), (vec!["approved".into()], vec![]));
}

#[tokio::test]
async fn a_plan_that_was_held_behind_the_ledger_is_found() {
    let sql = "insert into run (digest_id, key, from_seq, to_seq, state, created_at)
         values (1, 'secret', 0, 1, 'held', 0)";
    assert_eq!(found_after(sql).await, ["run 7: no line of the ledger tells of it"]);
}

#[tokio::test]
async fn what_was_overridden_is_told_when_the_run_goes_out_and_cannot_be_taken_back() {
    let made = three_days().await;
    let overrides =
        [Override { brake: Brake::Approval, reason: "the ferry sank".into(), by: "mei".into() }];
    let dropped = begun(&made).await;
    made.store.override_run(dropped, &overrides).await.unwrap();
    made.store.drop_begun_run().await.unwrap();
    assert_eq!(events(&made, "approval"), [""; 0]);
    let run = begun(&made).await;
    made.store.override_run(run, &overrides).await.unwrap();
    assert!(made.store.open_run(run, "plan", 1, day(3)).await.unwrap());
    assert_eq!(events(&made, "approval"), ["overridden"]);
    assert_eq!(found(&made).await, [""; 0]);
    made.change("update run set overrides = null");
    let broken = format!("plan 2026-11-24 line 1: it tells otherwise than the store: run {run}");
    assert_eq!(found(&made).await, [broken]);
}

#[tokio::test]
async fn a_run_that_a_newer_text_ended_and_a_hold_that_lapsed_have_their_lines() {
    let made = three_days().await;
    let run = begun(&made).await;
    assert!(made.store.open_run(run, "plan", 1, day(3)).await.unwrap());
    let outdated = OutdatedRun { run, reason: "corrected".into() };
    made.store.supersede_run(&outdated, 1, day(3)).await.unwrap();
    made.store.hold_approval("each:tag", 9, "too many", day(3)).await.unwrap();
    for _ in 0..2 {
        made.store.drop_approval("each:tag", day(3)).await.unwrap();
    }
    assert_eq!(events(&made, "approval"), ["superseded", "lapsed"]);
    assert_eq!(found(&made).await, [""; 0]);
}

#[tokio::test]
async fn a_line_has_the_time_at_which_the_run_was_opened() {
    let made = three_days().await;
    let run = begun(&made).await;
    let opened_at = day(3) + TimeDelta::hours(2);
    assert!(made.store.open_run(run, "plan", 1, opened_at).await.unwrap());
    let at = made.query("select at || '' from audit where kind = 'plan' and day = '2026-11-24'");
    assert_eq!(at, [opened_at.timestamp().to_string()]);
}

#[tokio::test]
async fn a_meddled_line_stops_nobody_from_leaving() {
    let newest = "kind = 'consent' and day = '2026-11-23' and number = 2";
    for (change, found_first) in [
        ("said = 'no JSON'", "consent 2026-11-23 line 2: its hash"),
        ("said = replace(said, '18', '\"many\"')", "consent 2026-11-23 line 2: its hash"),
        ("day = 'some day'", "consent 2026-11-23 line 3: the line before it is missing"),
        ("day = '2026-02-30'", "consent: a line has `2026-02-30` for its day"),
    ] {
        let made = three_days().await;
        made.change(&format!("update audit set {change} where {newest}"));
        let leave = EndOfSubscription {
            subscriber: 4,
            digest: None,
            feed: None,
            source: "test".into(),
            reason: "left".into(),
        };
        assert_eq!(made.store.end_subscriptions(&leave, day(2)).await.unwrap(), 1, "{change}");
        let said = "select said ->> 'first' || '' from audit where kind = 'consent'
             and json_valid(said) and said ->> 'last' = 19";
        assert_eq!(made.query(said), ["19"], "{change}: it tells of this row alone");
        let found = found(&made).await;
        assert!(found[0].starts_with(found_first), "{change}: {found:?}");
    }
}

#[tokio::test]
async fn a_stand_in_who_subscribes_ends_with_a_row_of_consent_for_each_feed() {
    let made = three_days().await;
    let stand_in = NewSubscription { is_rehearsal: true, ..row(77) };
    let events = NewSubscription { feed: "events".into(), ..stand_in.clone() };
    made.store.subscribe(&[stand_in, events], day(3)).await.unwrap();
    made.store.subscribe(&[row(77)], day(3)).await.unwrap();
    let log = made.query(
        "select feed || ' ' || action || ' ' || coalesce(reason, '') from consent where at >= (
             select max(at) from consent) order by id",
    );
    assert_eq!(
        log,
        [
            "all confirmed ",
            "events confirmed ",
            "all ended rehearsal",
            "events ended rehearsal",
            "all confirmed "
        ]
    );
    assert_eq!(found(&made).await, [""; 0]);
}

#[tokio::test]
async fn what_was_decided_about_a_run_is_read_beside_lines_that_nobody_can_read() {
    let made = three_days().await;
    let run = held_run(&made).await;
    let released = ReleasedRun { run, leavers: vec![], by: "mei".into() };
    assert!(made.store.release_run(&released, day(3)).await.unwrap());
    made.change("update audit set said = 'no JSON' where kind = 'approval' and number = 2");
    let decisions = made.store.run_audit(run).await.unwrap().decisions;
    let told: Vec<_> = decisions.iter().map(|one| (&one.what[..], &one.by[..])).collect();
    assert_eq!(told, [("approved", "mei")]);
}
