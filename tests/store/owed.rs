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

async fn undo(store: &dyn Store, left: i64) -> u64 {
    store.take_back_end(1, at(left), "page", at(4)).await.unwrap()
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
