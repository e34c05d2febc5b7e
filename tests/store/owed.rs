//! What is owed to readers who come back, or follow several feeds that hold the same.

use super::feeds::{place, register_feeds};
use super::*;

/// A run of `daily` with the entry `a` under `all`, planned for reader 1; it clears what they were
/// owed as they joined.
async fn planned(store: &dyn Store, feeds: &[&str]) -> i64 {
    let owed_read = feeds.iter().map(|feed| (1, (*feed).to_owned(), 0)).collect();
    let plan = Planned { owed_read, ..run_of(store, "k", &[(1, 0)]).await };
    start_run(store, &plan).await.unwrap()
}

/// Reader 1 follows these feeds, and all of them hold the entry `a`, told since.
async fn following(store: &dyn Store, feeds: &[&str]) {
    register(store).await;
    register_feeds(store, feeds).await;
    for feed in feeds {
        store.subscribe(&[subscription(1, feed, "daily")], at(-9)).await.unwrap();
    }
    scan(store, vec![news("a")]).await;
    place(store, feeds).await;
}

async fn cancel(store: &dyn Store, run: i64) {
    let cancellation = Cancellation { run, reason: None, by: "mei".into(), token_key: 1 };
    store.cancel_run(&cancellation, at(3)).await.unwrap().unwrap();
}

async fn undo(store: &dyn Store, left: i64) -> u64 {
    come_back(store, 1, at(left), at(4)).await
}

async fn refuse(store: &dyn Store) {
    let claims = claim(store, 2, 1).await;
    assert!(!intend(store, &claims[0]).await);
}

fn all(owed_from: Option<i64>) -> Vec<(String, Option<i64>)> {
    vec![("all".to_owned(), owed_from)]
}

#[test]
fn who_takes_an_end_back_is_owed_the_issue_that_was_on_its_way() {
    check(async |store| {
        following(store, &["all"]).await;
        let run = planned(store, &["all"]).await;
        expand_all(store, run).await;
        assert_eq!(owed(store, "daily").await, all(None));
        leave(store, 1, None).await;
        refuse(store).await;
        assert_eq!(undo(store, 0).await, 1);
        assert_eq!(owed(store, "daily").await, all(Some(0)));
    });
}

#[test]
fn who_takes_an_end_back_is_owed_the_issue_that_was_planned() {
    // What was owed before the run, and what the run itself would have brought.
    for owed_before in [true, false] {
        check(async |store| {
            following(store, &["all"]).await;
            if !owed_before {
                let first = run_of(store, "first", &[]).await;
                let owed_read = vec![(1, "all".into(), 0)];
                let first = Planned { owed_read, to_seq: 0, ..first };
                let first = start_run(store, &first).await.unwrap();
                expand_all(store, first).await;
                assert_eq!(owed(store, "daily").await, all(None));
            }
            let run = planned(store, &["all"]).await;
            leave(store, 1, None).await;
            expand_all(store, run).await;
            assert_eq!(claim(store, 1, 9).await.len(), 0);
            assert_eq!(counts(store, run).await, [("cancelled".into(), 1)]);
            assert_eq!(undo(store, 0).await, 1);
            assert_eq!(owed(store, "daily").await, all(Some(0)));
        });
    }
}

#[test]
fn who_joins_again_is_owed_what_comes_from_then_on() {
    check(async |store| {
        following(store, &["all"]).await;
        let run = planned(store, &["all"]).await;
        expand_all(store, run).await;
        leave(store, 1, None).await;
        refuse(store).await;
        subscribe(store, subscription(1, "all", "daily")).await;
        assert_eq!(owed(store, "daily").await, all(Some(1)));
    });
}

#[test]
fn what_was_not_sent_is_owed_by_each_feed_that_holds_it() {
    for is_expired in [true, false] {
        check(async |store| {
            following(store, &["all", "releases"]).await;
            let run = planned(store, &["all", "releases"]).await;
            expand_all(store, run).await;
            if is_expired {
                let claim = attempt(store, 2).await;
                record(store, &claim, expired()).await;
            } else {
                cancel(store, run).await;
            }
            let both = [("all".into(), Some(0)), ("releases".into(), Some(0))];
            assert_eq!(owed(store, "daily").await, both);
        });
    }
}

#[test]
fn a_feed_that_holds_it_owes_nothing_from_before_its_reader_came() {
    check(async |store| {
        following(store, &["all"]).await;
        register_feeds(store, &["releases"]).await;
        scan(store, vec![news("b")]).await;
        place(store, &["all", "releases"]).await;
        let row = row_of(store, "a").await;
        let minor = acceptance("a", Some(row), 2, told(ChangeClass::Minor, Tell::Nobody));
        scan(store, vec![minor]).await;
        place(store, &["all", "releases"]).await;
        store.subscribe(&[subscription(1, "releases", "daily")], at(1)).await.unwrap();
        let later = ScanRecord { steps: vec![news("c")], ..ScanRecord::default() };
        store.accept_scan(&later, at(2)).await.unwrap();
        let owed_read = vec![(1, "all".into(), 0), (1, "releases".into(), 3)];
        let plan = Planned { owed_read, ..run_of(store, "k", &[(1, 0)]).await };
        let run = start_run(store, &plan).await.unwrap();
        expand_all(store, run).await;
        cancel(store, run).await;
        let both = [("all".into(), Some(0)), ("releases".into(), Some(3))];
        assert_eq!(owed(store, "daily").await, both);
    });
}

#[test]
fn a_feed_that_was_left_and_taken_back_owes_what_was_told_before() {
    check(async |store| {
        following(store, &["all", "releases"]).await;
        let run = planned(store, &["all", "releases"]).await;
        expand_all(store, run).await;
        leave(store, 1, None).await;
        assert_eq!(undo(store, 0).await, 2);
        // What was kept at the end is as much as the run left to them.
        let cleared = [(1, "all".to_owned(), 1), (1, "releases".to_owned(), 1)];
        store.clear_owed(digest(store, "daily").await, &cleared, 1, KNOWN).await.unwrap();
        assert_eq!(leave(store, 1, Some("all")).await, 1);
        refuse(store).await;
        assert_eq!(owed(store, "daily").await, [("releases".into(), Some(0))]);
    });
}

/// An urgent run with an entry, which reader 1 is about to get.
async fn urgent(store: &dyn Store, entry: &str) -> i64 {
    store.register_digests(&["urgent".into()], at(0)).await.unwrap();
    let mut plan = run_of(store, "u", &[(1, 0)]).await;
    plan.digest = digest(store, "urgent").await;
    plan.issues[0].lines = vec![("all".into(), row_of(store, entry).await, 1)];
    let run = start_run(store, &plan).await.unwrap();
    expand_all(store, run).await;
    run
}

/// Begins a run of `daily` that brings reader 1 nothing, because they are about to get it, and
/// something to somebody else.
async fn planned_without(store: &dyn Store, from_seq: i64, owed_read: &[(i64, &str, i64)]) -> i64 {
    planned_from(store, 0, from_seq, owed_read).await
}

/// The same, so many minutes later.
async fn planned_from(
    store: &dyn Store,
    minutes: i64,
    from_seq: i64,
    owed_read: &[(i64, &str, i64)],
) -> i64 {
    let plan = Planned { from_seq, ..run_of(store, "later", &[]).await };
    let run = store.begin_run(&plan.new_run(), at(minutes)).await.unwrap().unwrap();
    let owed_read = owed_read.iter().map(|(who, feed, seq)| (*who, (*feed).into(), *seq));
    let page = RunPage {
        number: 0,
        subscribers: SubscriberRange::ALL,
        issues: vec![],
        recipients: vec![],
        owed_read: owed_read.collect(),
    };
    store.plan_page(run, &page).await.unwrap();
    run
}

async fn open(store: &dyn Store, run: i64) {
    assert!(store.open_run(run, "plan", 0, at(0)).await.unwrap());
}

#[test]
fn what_is_cancelled_while_a_run_is_planned_is_owed_when_that_covers_it() {
    check(async |store| {
        following(store, &["all"]).await;
        let first =
            Planned { owed_read: vec![(1, "all".into(), 0)], ..run_of(store, "k", &[]).await };
        let first = start_run(store, &first).await.unwrap();
        expand_all(store, first).await;
        scan(store, vec![news("b")]).await;
        let urgent = urgent(store, "b").await;
        let later = planned_without(store, 1, &[]).await;
        cancel(store, urgent).await;
        assert_eq!(owed(store, "daily").await, all(None), "the next window begins before it");
        open(store, later).await;
        expand_all(store, later).await;
        assert_eq!(owed(store, "daily").await, all(Some(1)));
    });
}

#[test]
fn what_is_cancelled_of_what_a_plan_left_out_is_not_cleared_with_it() {
    for is_open in [true, false] {
        check(async |store| {
            following(store, &["all"]).await;
            let urgent = urgent(store, "a").await;
            let later = planned_without(store, 0, &[(1, "all", 0)]).await;
            if is_open {
                open(store, later).await;
            }
            cancel(store, urgent).await;
            if !is_open {
                open(store, later).await;
            }
            expand_all(store, later).await;
            assert_eq!(owed(store, "daily").await, all(Some(0)));
        });
    }
}

#[test]
fn what_expires_while_a_run_is_planned_is_owed_too() {
    check(async |store| {
        following(store, &["all"]).await;
        urgent(store, "a").await;
        let later = planned_without(store, 0, &[(1, "all", 0)]).await;
        let claims = claim_of(store, Lane::Urgent, 2, 1).await;
        assert!(intend(store, &claims[0]).await);
        record(store, &claims[0], expired()).await;
        open(store, later).await;
        expand_all(store, later).await;
        assert_eq!(owed(store, "daily").await, all(Some(0)));
    });
}

#[test]
fn what_was_cancelled_before_a_plan_is_owed_once() {
    check(async |store| {
        following(store, &["all"]).await;
        let urgent = urgent(store, "a").await;
        cancel(store, urgent).await;
        let later = planned_without(store, 0, &[(1, "all", 0)]).await;
        open(store, later).await;
        expand_all(store, later).await;
        assert_eq!(owed(store, "daily").await, all(None));
    });
}

#[test]
fn what_was_cancelled_before_a_plan_is_not_owed_anew_with_what_is_cancelled_beside_it() {
    check(async |store| {
        following(store, &["all"]).await;
        store.subscribe(&[subscription(2, "all", "daily")], at(-9)).await.unwrap();
        store.register_digests(&["urgent".into()], at(0)).await.unwrap();
        let mut plan = run_of(store, "u", &[(1, 0), (2, 0)]).await;
        plan.digest = digest(store, "urgent").await;
        let urgent = start_run(store, &plan).await.unwrap();
        expand_all(store, urgent).await;
        let claims = claim_of(store, Lane::Urgent, 2, 1).await;
        assert_eq!(claims[0].subscriber, 1);
        assert!(intend(store, &claims[0]).await);
        record(store, &claims[0], expired()).await;
        // The next run brings it to the first.
        let later = planned_from(store, 2, 0, &[(1, "all", 0), (2, "all", 0)]).await;
        cancel(store, urgent).await;
        open(store, later).await;
        expand_all(store, later).await;
        let owed = owed(store, "daily").await;
        assert_eq!(owed, [("all".into(), None), ("all".into(), Some(0))]);
    });
}

#[test]
fn urgent_news_goes_at_once_to_who_left_one_of_two_feeds_that_hold_it() {
    check(async |store| {
        following(store, &["all", "releases", "events"]).await;
        urgent(store, "a").await;
        assert_eq!(leave(store, 1, Some("all")).await, 1);
        assert_eq!(leave(store, 1, Some("events")).await, 1);
        let claims = claim_of(store, Lane::Urgent, 2, 1).await;
        assert!(intend(store, &claims[0]).await);
    });
}

#[test]
fn urgent_news_is_not_for_who_follows_what_does_not_hold_it() {
    check(async |store| {
        following(store, &["all"]).await;
        subscribe(store, subscription(1, "events", "daily")).await;
        urgent(store, "a").await;
        assert_eq!(leave(store, 1, Some("all")).await, 1);
        let claims = claim_of(store, Lane::Urgent, 2, 1).await;
        assert!(!intend(store, &claims[0]).await);
    });
}

#[test]
fn who_took_an_end_back_began_when_they_joined() {
    check(async |store| {
        following(store, &["all", "releases"]).await;
        let run = planned(store, &["all", "releases"]).await;
        expand_all(store, run).await;
        for (minutes, digest) in [(1, "weekly"), (2, "daily")] {
            let row = subscription(1, "releases", digest);
            store.subscribe(&[row], at(minutes)).await.unwrap();
        }
        leave(store, 1, Some("releases")).await;
        assert_eq!(undo(store, 0).await, 1);
        let cleared = [(1, "releases".to_owned(), 1)];
        store.clear_owed(digest(store, "daily").await, &cleared, 1, KNOWN).await.unwrap();
        cancel(store, run).await;
        let both = [("all".into(), Some(0)), ("releases".into(), Some(0))];
        assert_eq!(owed(store, "daily").await, both);
    });
}
