//! What connections are given, from a store with made runs. The clock is tokio's and paused.

use std::pin::pin;

use futures_util::FutureExt;

use super::*;
use crate::clock::SystemClock;
use crate::outbox::Step;
use crate::outbox::limits::DomainGroup;
use crate::store::DeliveryResult;
use crate::store::sqlite::made::{Made, claim};

#[test]
fn a_lane_is_asked_for_again_only_after_a_pause() {
    let mut state = State::default();
    assert!(state.is_low(Lane::Urgent));
    state.empty_since[Lane::Urgent] = Some(Instant::now());
    assert!(!state.is_low(Lane::Urgent));
    assert!(state.is_low(Lane::Digests));
}

#[test]
fn a_drain_starts_with_what_the_one_before_it_left_of_a_rate() {
    let group = DomainGroup { domains: vec!["example.org".into()], per_second: 5 };
    let limits = RelayLimits { groups: vec![group], ..RelayLimits::default() };
    let mut rates = Rates::new(None);
    let now = Duration::from_secs(9);
    let mut at_once = || {
        let mut state = State::default();
        let claims = (0..8).map(|person| (None, claim(person))).collect();
        assert_eq!(state.accept(Lane::Digests, claims, &limits, &mut rates, now).len(), 0);
        let _ = state.take_turns(now);
        state.ready[Lane::Digests].len()
    };
    assert_eq!((at_once(), at_once()), (5, 0));
}

impl Made {
    fn supply(&self, limits: RelayLimits) -> Supply {
        let (store, clock) = (Arc::clone(&self.store), Arc::new(SystemClock));
        let rates = Arc::new(Mutex::new(Rates::new(None)));
        Supply::new(store, clock, "test".into(), false, Arc::new(limits), Arc::default(), rates)
    }
}

async fn delivery(supply: &Supply) -> Held {
    match supply.next(5).await.unwrap() {
        Next::Delivery(held) => *held,
        other => panic!("{other:?}"),
    }
}

async fn behind(supply: &Supply, held: &Held) -> Option<Held> {
    supply.next_behind(held.lane, 5).await.unwrap()
}

fn in_hand(supply: &Supply) -> [usize; 4] {
    supply.state().in_hand.0
}

fn ready(supply: &Supply, lane: Lane) -> usize {
    supply.state().ready[lane].len()
}

#[tokio::test(start_paused = true)]
async fn only_what_a_connection_works_at_is_in_hand() {
    let made = Made::new().await;
    made.run("daily", 1..=5);
    let supply = made.supply(RelayLimits::default());
    let first = delivery(&supply).await;
    let other = delivery(&supply).await;
    let mut second = behind(&supply, &first).await.unwrap();
    let third = behind(&supply, &other).await.unwrap();
    assert_eq!(in_hand(&supply), [0, 0, 0, 2], "two connections");
    supply.done(first);
    supply.take_up(&mut second);
    supply.take_up(&mut second);
    assert_eq!(in_hand(&supply), [0, 0, 0, 2]);
    let (third_person, second_person) = (third.claim.subscriber, second.claim.subscriber);
    supply.put_back(third);
    assert_eq!(in_hand(&supply), [0, 0, 0, 2], "it was in nobody's hands");
    let _ = supply.failed_at(&second.claim, String::new());
    supply.put_back_failed(second);
    assert_eq!(in_hand(&supply), [0, 0, 0, 1]);
    supply.done(other);
    assert_eq!(in_hand(&supply), [0; 4]);
    let people = [delivery(&supply).await, delivery(&supply).await, delivery(&supply).await];
    // The relay failed at the second: it comes behind the others.
    assert_eq!(people.map(|held| held.claim.subscriber), [third_person, 5, second_person]);
    assert!(matches!(supply.next(5).await.unwrap(), Next::Nothing));
    supply.close().await.unwrap();
    assert_eq!(made.states(), ["claimed 5"]);
}

#[tokio::test(start_paused = true)]
async fn what_goes_out_behind_another_is_fetched_before_there_is_none() {
    let made = Made::new().await;
    let people = i64::from(BATCH) * 2 + 3;
    made.run("daily", 1..=people);
    let supply = made.supply(RelayLimits::default());
    let mut held = delivery(&supply).await;
    let mut seen = vec![held.claim.subscriber];
    while let Some(mut next) = behind(&supply, &held).await {
        seen.push(next.claim.subscriber);
        let left = people - i64::try_from(seen.len()).unwrap();
        let low_water = i64::try_from(LOW_WATER).unwrap();
        let ready = i64::try_from(ready(&supply, Lane::Digests)).unwrap();
        assert!(ready >= left.min(low_water), "{ready} of {left}");
        supply.done(std::mem::replace(&mut held, {
            supply.take_up(&mut next);
            next
        }));
    }
    assert_eq!(seen, (1..=people).collect::<Vec<_>>(), "each once, in their order");
    assert_eq!(in_hand(&supply), [0, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_goes_first_comes_behind_what_was_there_before_it() {
    let made = Made::new().await;
    made.run("daily", 1..=300);
    let supply = made.supply(RelayLimits::default());
    let held = delivery(&supply).await;
    let second = behind(&supply, &held).await.unwrap();
    assert_eq!(second.lane, Lane::Digests);
    made.run("urgent", 301..=301);
    assert_eq!(behind(&supply, &held).await.unwrap().lane, Lane::Digests, "not asked for yet");
    tokio::time::advance(LOOK_AGAIN).await;
    assert_eq!(behind(&supply, &held).await.unwrap().lane, Lane::Urgent);
}

#[tokio::test(start_paused = true)]
async fn what_comes_behind_takes_the_place_of_what_is_before_it() {
    let made = Made::new().await;
    made.run("urgent", 1..=9);
    made.run("daily", 10..=19);
    let supply = made.supply(RelayLimits::default());
    let at_work: Vec<Held> =
        [delivery(&supply).await, delivery(&supply).await, delivery(&supply).await].into();
    // Two are the share of the one lane and one that of the other.
    assert_eq!(in_hand(&supply), [0, 2, 0, 1]);
    for held in &at_work {
        assert_eq!(behind(&supply, held).await.unwrap().lane, held.lane);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_go_on_while_one_asks_for_more() {
    let made = Made::new().await;
    made.run("daily", 1..=300);
    let supply = made.supply(RelayLimits::default());
    let held = delivery(&supply).await;
    supply.state().is_filling[Lane::Digests] = true;
    for _ in 0..299 {
        assert!(matches!(supply.next(5).now_or_never(), Some(Ok(Next::Delivery(_)))));
    }
    assert!(matches!(supply.next_behind(held.lane, 5).now_or_never(), Some(Ok(None))));
    assert!(supply.next(5).now_or_never().is_none(), "there may be more");
}

#[tokio::test(start_paused = true)]
async fn a_lane_of_which_nothing_is_known_yet_is_waited_for() {
    let made = Made::new().await;
    made.run("daily", 1..=300);
    let supply = made.supply(RelayLimits::default());
    let _held = delivery(&supply).await;
    supply.state().is_filling[Lane::Urgent] = true;
    let mut next = pin!(supply.next(5));
    assert!(next.as_mut().now_or_never().is_none());
    made.run("urgent", 301..=301);
    supply.fill(Lane::Urgent).await.unwrap();
    let Next::Delivery(held) = next.await.unwrap() else { panic!("there is one") };
    assert_eq!(held.lane, Lane::Urgent);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again() {
    let made = Made::new().await;
    made.run("daily", 1..=9);
    let supply = made.supply(RelayLimits::default());
    made.change("alter table delivery rename to gone");
    supply.next(5).await.unwrap_err();
    supply.next_behind(Lane::Digests, 5).await.unwrap_err();
    made.change("alter table gone rename to delivery");
    assert_eq!(delivery(&supply).await.claim.subscriber, 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_does_not_come_behind_before_it() {
    let made = Made::new().await;
    made.run("daily", 1..=30);
    let claims = made.claim(30).await;
    let group = DomainGroup { domains: vec!["example.org".into()], per_second: 10 };
    let limits = RelayLimits { groups: vec![group], ..RelayLimits::default() };
    let supply = made.supply(limits.clone());
    {
        let mut state = supply.state();
        let claims = claims.into_iter().map(|claim| (None, claim)).collect();
        let mut rates = Rates::new(None);
        let far = state.accept(Lane::Digests, claims, &limits, &mut rates, Duration::ZERO);
        assert!(far.is_empty());
        // The store is not asked: while it answers, this clock runs as it likes.
        state.is_filling = PerLane([true; 4]);
    }
    let count = || {
        let behind = || supply.next_behind(Lane::Digests, 5).now_or_never().unwrap().unwrap();
        std::iter::from_fn(behind).count()
    };
    assert_eq!(count(), 10, "a second's worth");
    tokio::time::advance(Duration::from_millis(99)).await;
    assert_eq!(count(), 0);
    tokio::time::advance(Duration::from_millis(2)).await;
    assert_eq!(count(), 1);
    supply.close().await.unwrap();
    assert_eq!(made.states(), ["claimed 11", "pending 19"], "who waits is given back");
}

fn first_of(canaries: &[crate::store::Canary]) -> Vec<u64> {
    canaries.iter().map(|canary| canary.first).collect()
}

/// All that a connection finds, each taken by the relay.
async fn taken(supply: &Supply) -> Vec<i64> {
    let mut people = Vec::new();
    loop {
        match supply.next(5).await.unwrap() {
            Next::Delivery(held) => {
                let Claim { run, subscriber, fence, .. } = held.claim;
                let step = Step::Accepted { reply: "queued".into() };
                let result = DeliveryResult { run, subscriber, fence, step };
                supply.store.record_results(&[result], supply.clock.now()).await.unwrap();
                supply.done(*held);
                people.push(subscriber);
            }
            Next::Wait(wait) => tokio::time::advance(wait).await,
            Next::Nothing => return people,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whose_turn_is_far_off_holds_nobody_up() {
    let made = Made::new().await;
    made.run("daily", 1..=60);
    // In the store they wait for a moment that is far off.
    made.change(&format!(
        "update run set canary = 20;
         update delivery set next_at = {} where subscriber_id <= 25",
        i64::MAX - 1
    ));
    let supply = made.supply(RelayLimits::default());
    let first = delivery(&supply).await;
    assert_eq!(first.claim.subscriber, 26, "others are looked at in their place");
    assert_eq!(first_of(&supply.store.canaries().await.unwrap()), [40]);
    supply.put_back(first);
    assert_eq!(taken(&supply).await, (26..=60).collect::<Vec<_>>());
    assert_eq!(supply.store.canaries().await.unwrap(), []);
    assert_eq!(made.states(), ["accepted 35", "pending 25"]);
}

#[tokio::test(start_paused = true)]
async fn one_more_shows_whether_it_was_the_relay_that_failed() {
    let made = Made::new().await;
    let run = made.run("daily", 1..=22);
    made.change("update run set canary = 2");
    let supply = made.supply(RelayLimits::default());
    let (first, second) = (delivery(&supply).await, delivery(&supply).await);
    let _ = supply.failed_at(&second.claim, String::new());
    supply.put_back_failed(second);
    supply.look_beyond_canary(run).await.unwrap();
    assert_eq!(first_of(&supply.store.canaries().await.unwrap()), [3]);
    assert_eq!(delivery(&supply).await.claim.subscriber, 3);
    supply.put_back(first);
    supply.look_beyond_canary(run).await.unwrap();
    assert_eq!(first_of(&supply.store.canaries().await.unwrap()), [3], "the first shows it");
}
