//! Killed at each named step, with one connection: which delivery is then unknown, and whether
//! it had arrived, is certain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::relay::{Act, Phase, Relay, checker};
use super::{Case, Policy, count, settled, was_killed};

const READERS: usize = 24;

/// A step, and what a kill at its N-th time leaves behind.
struct Point {
    name: &'static str,
    /// One start for each.
    numbers: [u64; 2],
    /// Intents in the store after a kill at the first time, and at a later one.
    unknown: [usize; 2],
    /// So many of these the relay had taken.
    arrived: [usize; 2],
}

impl Point {
    fn at(name: &'static str, unknown: [usize; 2], arrived: [usize; 2]) -> Self {
        Self { name, numbers: [1, 8], unknown, arrived }
    }

    fn numbered(self, numbers: [u64; 2]) -> Self {
        Self { numbers, ..self }
    }
}

/// Kills two starts at the point, and lets a third go on to the end; under both policies.
async fn check(point: Point) {
    for policy in [Policy::Resend, Policy::Hold] {
        check_with(&point, policy).await;
    }
}

async fn check_with(point: &Point, policy: Policy) {
    let name = point.name;
    // Claims are given back only where sending breaks off.
    let hangs_up = Arc::new(AtomicBool::new(name == "at-release"));
    let is_on = Arc::clone(&hangs_up);
    let served = AtomicUsize::new(0);
    let relay = Relay::playing(move |moment| {
        let is_it = moment.is(Phase::Data) && served.fetch_add(1, Ordering::SeqCst) >= 3;
        if is_it && is_on.load(Ordering::SeqCst) { Act::close() } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, READERS, policy, 1);
    let (mut unknown, mut arrived) = (0, 0);
    for (nth, number) in point.numbers.into_iter().enumerate() {
        let status = case.publish(Some(format!("{name}:{number}"))).await;
        assert!(was_killed(status), "{name}:{number} is not reached: {}", case.said());
        settled(&relay).await;
        let rows = case.rows().await;
        assert_eq!(count(&rows, "intent"), point.unknown[nth], "{name}:{number}");
        unknown += point.unknown[nth];
        arrived += point.arrived[nth];
    }
    hangs_up.store(false, Ordering::SeqCst);
    let status = case.publish(None).await;
    assert_eq!(status.code(), Some(0), "{name} {policy:?}: {}", case.said());

    let people = case.people().await;
    assert_eq!(case.findings(&relay, &people, false).await, [], "{name} {policy:?}");
    assert_eq!(relay.faults(), [""; 0], "{name} {policy:?}");
    let rows = case.rows().await;
    let unknowns: i64 = rows.iter().map(|row| row.unknowns).sum();
    assert_eq!(usize::try_from(unknowns), Ok(unknown), "{name} {policy:?}");
    let copies = checker::copies(&relay.lines());
    let messages = relay.lines().len() - copies;
    match policy {
        Policy::Resend => {
            assert_eq!(count(&rows, "accepted"), READERS, "{name}");
            assert_eq!((messages, copies), (READERS, arrived), "{name}");
        }
        Policy::Hold => {
            assert_eq!(count(&rows, "accepted"), READERS - unknown, "{name}");
            assert_eq!(count(&rows, "uncertain"), unknown, "{name}");
            assert!(rows.iter().all(|row| !row.is_due), "{name}: what is held waits for a person");
            assert_eq!((messages, copies), (READERS - unknown + arrived, 0), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_planned_entirely_or_not_at_all() {
    check(Point::at("at-plan-page", [0, 0], [0, 0]).numbered([1, 1])).await;
    check(Point::at("before-run-opens", [0, 0], [0, 0]).numbered([1, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_plan_becomes_deliveries_whole_or_not_at_all() {
    // The second time is the end of the plan, where the run goes on to sending.
    check(Point::at("at-expand-page", [0, 0], [0, 0]).numbered([1, 2])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_certainly_unsent() {
    check(Point::at("after-claim", [0, 0], [0, 0]).numbered([1, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_were_to_be_given_back_are_certainly_unsent() {
    check(Point::at("at-release", [0, 0], [0, 0]).numbered([1, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_mail_only_the_one_before_is_unknown() {
    check(Point::at("before-mail", [0, 1], [0, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_go_ahead_only_the_one_before_is_unknown() {
    check(Point::at("after-go-ahead", [0, 1], [0, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_that_is_not_committed_does_not_count() {
    check(Point::at("before-intent", [0, 1], [0, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_intent_is_unknown_though_nothing_was_written() {
    check(Point::at("after-intent", [1, 1], [0, 0])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_message_is_unknown_and_did_not_arrive() {
    check(Point::at("mid-body", [1, 1], [0, 0])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_its_reply_is_unknown_and_arrived() {
    check(Point::at("after-dot", [1, 1], [1, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_not_recorded_is_unknown() {
    check(Point::at("after-reply", [1, 1], [1, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_not_committed_is_unknown() {
    check(Point::at("before-result-commit", [1, 1], [1, 1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_result_is_known_and_the_intent_beside_it_unknown() {
    check(Point::at("after-result-commit", [1, 1], [0, 0])).await;
}
