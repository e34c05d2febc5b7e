//! Clicks of readers who left.

use tidings::store::LeftBy;

use super::*;

async fn click(store: &dyn Store, run: i64, minutes: i64, now: i64) -> u64 {
    let leave = Leave { run, subscriber: 1, by: LeftBy::OneClick, at: at(minutes) };
    store.leave_all(&[leave], at(now)).await.unwrap()
}

async fn subscribe_at(store: &dyn Store, minutes: i64, row: NewSubscription) {
    store.subscribe(&[row], at(minutes)).await.unwrap();
}

#[test]
fn a_click_ends_what_was_begun_before_it() {
    check(async |store| {
        let run = sending(store, 2).await;
        subscribe(store, subscription(1, "releases", "weekly")).await;
        assert_eq!(click(store, run, 5, 9).await, 1, "not the other digest, nor anybody else's");
        assert_eq!(store.last_left(run, 1, at(5)).await.unwrap(), Some(at(5)));
        assert_eq!(store.last_left(run, 1, at(6)).await.unwrap(), None);
        assert_eq!(store.last_left(run, 2, at(5)).await.unwrap(), None);
        assert_eq!(click(store, run, 6, 9).await, 0, "once");

        subscribe_at(store, 10, subscription(1, "all", "daily")).await;
        assert_eq!(click(store, run, 5, 12).await, 0, "begun since");
        assert_eq!(click(store, run, 9, 12).await, 0, "begun since, and this click is new");
        assert_eq!(click(store, run, 11, 12).await, 1);
        assert_eq!(store.running_subscriptions(2).await.unwrap(), 1);
    });
}

#[test]
fn a_click_that_comes_again_does_not_end_what_was_taken_back() {
    check(async |store| {
        let run = sending(store, 1).await;
        assert_eq!(click(store, run, 5, 5).await, 1);
        assert_eq!(come_back(store, 1, at(5), at(6)).await, 1);
        assert_eq!(click(store, run, 5, 7).await, 0);
        assert_eq!(store.running_subscriptions(1).await.unwrap(), 1);
        assert_eq!(click(store, run, 8, 8).await, 1);
    });
}

#[test]
fn a_clock_that_was_put_back_keeps_nobody() {
    check(async |store| {
        let run = sending(store, 1).await;
        subscribe_at(store, 60, subscription(1, "all", "weekly")).await;
        subscribe_at(store, 61, subscription(1, "all", "daily")).await;
        assert_eq!(click(store, run, 5, 6).await, 1);
    });
}

#[test]
fn a_click_from_a_mail_that_nobody_knows_ends_everything() {
    check(async |store| {
        let run = sending(store, 1).await;
        subscribe(store, subscription(1, "releases", "weekly")).await;
        assert_eq!(click(store, run + 1, 5, 5).await, 2);
    });
}
