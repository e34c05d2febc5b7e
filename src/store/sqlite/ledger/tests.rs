//! What each order does to the rows, with a ledger beside the store's own.

use super::*;
use crate::digest::windows::WindowState;
use crate::outbox::lane::Lane;
use crate::store::sqlite::made::{Made, at};
use crate::store::{Cancellation, Store};

fn result(claim: &Claim, step: Step) -> DeliveryResult {
    let Claim { run, subscriber, fence, .. } = *claim;
    DeliveryResult { run, subscriber, fence, step }
}

fn expired() -> Step {
    Step::Expired { code: "451".into(), reply: "later".into() }
}

fn retry() -> Step {
    Step::Retry { at: at(5), code: "451".into(), reply: "later".into() }
}

fn unsent() -> Step {
    Step::Unsent { at: at(5), reply: "down".into() }
}

fn laid_aside() -> Step {
    Step::LaidAside { at: at(5), reply: "hung up".into() }
}

fn accepted() -> Step {
    Step::Accepted { reply: "queued".into() }
}

/// Does `work` in one transaction, over a connection of its own.
fn transact<T>(made: &Made, work: impl FnOnce(&mut Ledger<'_>) -> Result<T>) -> Result<T> {
    let connection = open(&made.path()).unwrap();
    Ledger::new(&connection).unwrap().transact(work)
}

fn settle(made: &Made, results: &[DeliveryResult]) {
    let settled = |ledger: &mut Ledger<'_>| {
        results.iter().try_for_each(|result| ledger.settle(result, at(1)))
    };
    transact(made, settled).unwrap();
}

/// Whether each of these claims gets its intent.
fn intend(made: &Made, claims: &[Claim]) -> Vec<bool> {
    let given = |ledger: &mut Ledger<'_>| {
        let asks = claims.iter().map(Ask::of);
        asks.map(|ask| Ok(ledger.intend(&ask, at(1))?.is_some())).collect()
    };
    transact(made, given).unwrap()
}

/// Where each subscription's next window begins.
fn owed(made: &Made) -> Vec<String> {
    made.query(
        "select subscriber_id || ' ' || feed || ' ' || coalesce(owed_from, 'as usual')
         from subscription order by subscriber_id, feed",
    )
}

/// People of whose delivery this holds.
fn people(made: &Made, condition: &str) -> Vec<String> {
    let sql = "select cast(subscriber_id as text) from delivery where ";
    made.query(&format!("{sql}{condition} order by subscriber_id"))
}

#[tokio::test]
async fn what_expires_is_owed_unless_a_copy_may_have_arrived() {
    let made = Made::new().await;
    made.run("daily", 1..=4);
    let claims = made.claim(4).await;
    made.change("update delivery set unknowns = 1 where subscriber_id in (2, 4)");
    // Before its intent, and after it.
    assert_eq!(intend(&made, &claims[2..]), [true, true]);
    let results: Vec<_> = claims.iter().map(|claim| result(claim, expired())).collect();
    settle(&made, &results);
    for (person, fate) in
        [(1, "cancelled expired"), (2, "uncertain"), (3, "cancelled expired"), (4, "uncertain")]
    {
        assert_eq!(made.fate(person), fate, "{person}");
    }
    assert_eq!(owed(&made), ["1 all 3", "2 all as usual", "3 all 3", "4 all as usual"]);
    assert_eq!(people(&made, &format!("next_at = {NEVER}")), ["1", "2", "3", "4"]);
    assert_eq!(people(&made, "owner is not null or lease_until is not null"), [""; 0]);
}

#[tokio::test]
async fn what_is_owed_is_only_ever_lowered_and_only_in_the_feeds_of_the_issue() {
    let made = Made::new().await;
    made.run("daily", 1..=4);
    made.run("weekly", 5..=5);
    made.change(
        "update subscription set owed_from = 1 where subscriber_id = 1;
         update subscription set owed_from = 7 where subscriber_id = 2;
         update subscription set state = 'ended' where subscriber_id = 3;
         update subscription set digest_id = (select id from digest where name = 'weekly')
             where subscriber_id = 4;
         insert into subscription (subscriber_id, feed, digest_id, state, requested_at)
             select 2, 'events', digest_id, state, 0 from subscription where subscriber_id = 1",
    );
    let claims = made.claim(4).await;
    let results: Vec<_> = claims.iter().map(|claim| result(claim, expired())).collect();
    settle(&made, &results);
    // Who left may take it back; the digest that the fourth person changed to has gone past it too.
    let expected = ["1 all 1", "2 all 3", "2 events as usual", "3 all 3", "4 all 3"];
    assert_eq!(owed(&made)[..5], expected);
    assert_eq!(made.fate(5), "pending");
}

#[tokio::test]
async fn what_comes_back_to_a_cancelled_run_goes_the_way_of_the_others() {
    let made = Made::new().await;
    let run = made.run("daily", 1..=7);
    let claims = made.claim(6).await;
    // Those of 1 to 4 are under way when an operator cancels the run.
    assert_eq!(intend(&made, &claims[..4]), [true; 4]);
    made.change("update delivery set unknowns = 1 where subscriber_id = 2");
    let cancellation = Cancellation { run, reason: None, by: "desk".into(), token_key: 1 };
    let cancelled = made.store.cancel_run(&cancellation, at(1)).await.unwrap().unwrap();
    assert_eq!((cancelled.cancelled, cancelled.uncertain), (3, 4));
    settle(
        &made,
        &[
            result(&claims[0], retry()),
            result(&claims[1], unsent()),
            result(&claims[2], accepted()),
            result(&claims[3], unsent()),
            // Cancelled already.
            result(&claims[4], retry()),
        ],
    );
    assert_eq!(intend(&made, &claims[5..]), [false]);
    transact(&made, |ledger| ledger.release(&Key::of(&claims[5]), Some(at(9)))).unwrap();
    let fates: Vec<String> = (1..=7).map(|person| made.fate(person)).collect();
    let operator = "cancelled operator";
    let expected = [operator, "uncertain", "accepted", operator, operator, operator, operator];
    assert_eq!(fates, expected);
    assert_eq!(people(&made, &format!("next_at < {NEVER} or lease_until is not null")), [""; 0]);
    let is_owed = |person: i64| owed(&made).contains(&format!("{person} all 3"));
    let owed: Vec<bool> = (1..=7).map(is_owed).collect();
    assert_eq!(owed, [true, false, false, true, true, true, true]);
}

#[tokio::test]
async fn who_may_not_get_it_any_more_is_refused_and_told_apart() {
    let made = Made::new().await;
    made.run("daily", 1..=7);
    let claims = made.claim(7).await;
    made.change(
        "update subscription set state = 'ended' where subscriber_id in (1, 3);
         insert into suppression (lookup, reason, since_at)
             select lookup, 'bounce', 0 from subscriber where id in (2, 3);
         update subscriber set erased_at = 0, lookup = null where id = 4;
         update subscriber set is_rehearsal = 1 where id = 5;
         update subscription set feed = 'events' where subscriber_id = 6",
    );
    assert_eq!(intend(&made, &claims), [false, false, false, false, false, false, true]);
    let fates: Vec<String> = (1..=7).map(|person| made.fate(person)).collect();
    let (left, suppressed) = ("cancelled left", "cancelled suppressed");
    assert_eq!(fates, [left, suppressed, suppressed, left, left, left, "intent"]);
    assert_eq!(people(&made, "lease_until is not null"), ["7"]);
    assert_eq!(people(&made, "attempt > 0"), ["7"], "nobody else was tried");
}

#[tokio::test]
async fn who_follows_the_feed_by_another_digest_now_is_owed_what_is_refused() {
    let made = Made::new().await;
    made.run("daily", 1..=4);
    made.run("weekly", 5..=5);
    let claims = made.claim(4).await;
    made.change(
        "update subscription set digest_id = (select id from digest where name = 'weekly'),
             owed_from = 9 where subscriber_id < 4;
         update subscription set state = 'ended' where subscriber_id = 2;
         insert into suppression (lookup, reason, since_at)
             select lookup, 'bounce', 0 from subscriber where id = 3",
    );
    assert_eq!(intend(&made, &claims), [false, false, false, true]);
    assert_eq!([made.fate(1), made.fate(3)], ["cancelled left", "cancelled suppressed"]);
    assert_eq!(owed(&made)[..4], ["1 all 3", "2 all 3", "3 all 9", "4 all as usual"]);
}

#[tokio::test]
async fn a_run_that_was_paused_gets_its_deliveries_back_as_they_were() {
    let made = Made::new().await;
    let run = made.run("daily", 1..=4);
    let claims = made.claim(3).await;
    made.change("update delivery set unknowns = 1 where subscriber_id = 2");
    made.change("update subscription set state = 'ended' where subscriber_id = 3");
    made.store.pause_run(run, "the desk says so", at(1)).await.unwrap();
    assert_eq!(intend(&made, &claims), [false; 3]);
    let fates: Vec<String> = (1..=4).map(|person| made.fate(person)).collect();
    assert_eq!(fates, ["pending", "uncertain", "pending", "pending"]);
    assert_eq!(people(&made, "next_at = 0 and lease_until is null and attempt = 0").len(), 4);
    assert_eq!(made.claim(9).await, [], "it sends nothing");
}

#[tokio::test]
async fn a_second_copy_that_is_refused_leaves_the_first_unknown() {
    let made = Made::new().await;
    made.run("daily", 1..=2);
    let claims = made.claim(2).await;
    made.change(
        "update delivery set unknowns = 1 where subscriber_id = 1;
         update subscription set state = 'ended'",
    );
    assert_eq!(intend(&made, &claims), [false; 2]);
    assert_eq!([made.fate(1), made.fate(2)], ["uncertain", "cancelled left"]);
    assert_eq!(made.claim(9).await, [], "it is not sent again");
}

#[tokio::test]
async fn a_claim_with_an_older_fence_is_void() {
    let made = Made::new().await;
    made.run("daily", 1..=1);
    let old = made.claim(1).await;
    let given_back: Vec<_> = old.iter().cloned().map(|claim| (claim, None)).collect();
    made.store.release(&given_back).await.unwrap();
    let new = made.claim(1).await;
    assert_eq!((old[0].fence, new[0].fence), (1, 2));
    let row = "select state || ' ' || fence || ' ' || attempt || ' ' || next_at || ' ' ||
         coalesce(lease_until, 'free') from delivery";
    let void = |expected: &[String]| {
        assert_eq!(intend(&made, &old), [false]);
        for step in [accepted(), retry(), unsent(), expired()] {
            settle(&made, &[result(&old[0], step)]);
        }
        transact(&made, |ledger| ledger.release(&Key::of(&old[0]), Some(at(9)))).unwrap();
        assert_eq!(made.query(row), expected);
    };
    void(&made.query(row));
    assert_eq!(made.fate(1), "claimed");
    assert_eq!(intend(&made, &new), [true]);
    void(&made.query(row));
    assert_eq!(made.fate(1), "intent");
    assert_eq!(owed(&made), ["1 all as usual"]);
    settle(&made, &[result(&new[0], accepted())]);
    // Nor does the right one a second time.
    settle(&made, &[result(&new[0], retry())]);
    assert_eq!(made.fate(1), "accepted");
}

#[tokio::test]
async fn an_unsent_attempt_does_not_count_with_or_without_its_intent() {
    let made = Made::new().await;
    made.run("daily", 1..=4);
    let claims = made.claim(4).await;
    assert_eq!(intend(&made, &claims[..2]), [true; 2]);
    settle(
        &made,
        &[
            result(&claims[0], unsent()),
            result(&claims[1], retry()),
            result(&claims[2], unsent()),
            result(&claims[3], retry()),
        ],
    );
    assert_eq!(people(&made, "attempt = 0"), ["1", "3"]);
    assert_eq!(people(&made, "attempt = 1"), ["2", "4"]);
    assert_eq!(people(&made, &format!("next_at = {}", at(5).timestamp())).len(), 4);
}

#[tokio::test]
async fn who_was_erased_does_not_keep_others_from_being_claimed() {
    let made = Made::new().await;
    made.run("daily", 1..=4);
    made.change("delete from address where subscriber_id in (1, 3)");
    let claims = made.claim(9).await;
    assert_eq!(claims.iter().map(|claim| claim.subscriber).collect::<Vec<_>>(), [2, 4]);
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_the_ledger_fit_for_the_next() {
    let made = Made::new().await;
    made.run("daily", 1..=2);
    let claims = made.claim(2).await;
    let connection = open(&made.path()).unwrap();
    let mut ledger = Ledger::new(&connection).unwrap();
    let failed = ledger.transact(|ledger| {
        ledger.intend(&Ask::of(&claims[0]), at(1))?;
        Err::<(), _>(crate::store::StoreError::Closed)
    });
    failed.unwrap_err();
    assert_eq!(made.states(), ["claimed 2"]);
    // What a transaction saw of a run is forgotten with it.
    made.change("update run set state = 'paused'");
    let given = ledger.transact(|ledger| ledger.intend(&Ask::of(&claims[0]), at(1))).unwrap();
    assert!(given.is_none());
    assert_eq!(made.fate(1), "pending");
}

#[tokio::test]
async fn outside_the_send_windows_confirmations_and_urgent_news_alone_are_claimed() {
    let made = Made::new().await;
    let digests =
        ["confirm", "self", "notice", "urgent", "correction", "reminder", "daily", "weekly"];
    for (digest, person) in digests.iter().zip(1..) {
        made.run(digest, person..=person);
    }
    made.change(
        "update run set passes_windows = 1
         where digest_id = (select id from digest where name = 'weekly')",
    );
    let claimed = async |lane, windows| {
        let claims = made.claim_of(lane, windows, 9).await;
        claims.into_iter().map(|claim| claim.digest).collect::<Vec<_>>()
    };
    assert_eq!(
        claimed(Lane::Confirmations, WindowState::Closed).await,
        ["confirm", "self", "notice"]
    );
    assert_eq!(claimed(Lane::Urgent, WindowState::Closed).await, ["urgent"]);
    assert_eq!(claimed(Lane::Corrections, WindowState::Closed).await, [""; 0]);
    assert_eq!(claimed(Lane::Digests, WindowState::Closed).await, ["weekly"], "by an override");
    assert_eq!(claimed(Lane::Corrections, WindowState::Open).await, ["correction"]);
    assert_eq!(claimed(Lane::Digests, WindowState::Open).await, ["reminder", "daily"]);
}

#[tokio::test]
async fn the_first_of_a_run_are_counted_by_what_became_of_them() {
    let made = Made::new().await;
    let run = made.run("daily", 1..=20);
    made.change("update run set canary = 12");
    let claims = made.claim(99).await;
    assert_eq!(claims.len(), 12, "the others wait");
    // Of these 4 and 5 come back without an attempt, and 11 and 12 are still in hand.
    assert_eq!(intend(&made, &claims[..5]), [true; 5]);
    assert_eq!(intend(&made, &claims[11..]), [true]);
    let rejected = Step::Rejected { code: "550".into(), reply: "no".into() };
    let rehearsed = Step::Rehearsed { path: "mail".into() };
    let steps = [
        accepted(),
        rejected,
        retry(),
        unsent(),
        laid_aside(),
        Step::Uncertain { resend_at: None },
        rehearsed,
        expired(),
    ];
    let results: Vec<_> =
        claims.iter().zip(steps).map(|(claim, step)| result(claim, step)).collect();
    settle(&made, &results);
    let given_back = [(claims[8].clone(), None), (claims[9].clone(), Some(at(5)))];
    made.store.release(&given_back).await.unwrap();
    let canary = Canary {
        run,
        first: 12,
        open: 3,
        in_hand: 2,
        put_off: 2,
        laid_aside: 1,
        refused: 1,
        reply: Some("hung up".into()),
    };
    assert_eq!(made.store.canaries().await.unwrap(), std::slice::from_ref(&canary));
    assert_eq!(people(&made, "attempt = 0 and reply = 'hung up'"), ["5"], "it is not charged");
    // What was laid aside is tried again while the others still wait.
    made.change("update delivery set next_at = 1 where subscriber_id = 5");
    let again = made.claim(1).await;
    assert_eq!(again[0].subscriber, 9, "who waits for nothing comes first");
    assert_eq!(made.claim(1).await[0].subscriber, 5);
    let in_hand = Canary { open: 4, in_hand: 4, laid_aside: 0, reply: None, ..canary };
    let reply = Some("550 no".to_owned());
    assert_eq!(made.store.canaries().await.unwrap(), [Canary { reply, ..in_hand }]);
}

#[tokio::test]
async fn the_others_fall_due_when_none_of_the_first_is_open() {
    let made = Made::new().await;
    let run = made.run("daily", 1..=4);
    made.change("update run set canary = 2");
    let claims = made.claim(9).await;
    assert_eq!(made.store.next_due().await.unwrap(), None, "both are in hand");
    settle(&made, &[result(&claims[0], accepted())]);
    assert_eq!(made.store.next_due().await.unwrap(), None);
    settle(&made, &[result(&claims[1], laid_aside())]);
    assert_eq!(made.store.next_due().await.unwrap(), Some(crate::outbox::AT_ONCE));
    assert_eq!(made.claim(9).await, [], "not before it was looked at");
    made.store.widen_canary(run, 1).await.unwrap();
    assert_eq!(made.claim(9).await[0].subscriber, 3);
    assert_eq!(made.store.next_due().await.unwrap(), Some(at(5)), "the fourth waits");
    made.store.widen_canary(run, 2).await.unwrap();
    assert_eq!(made.store.canaries().await.unwrap(), [], "there are no more to wait for");
    assert_eq!(made.claim(9).await[0].subscriber, 4);
}

#[tokio::test]
async fn a_run_that_was_paused_for_its_refusals_waits_for_its_first_no_longer() {
    let made = Made::new().await;
    let run = made.run("daily", 1..=4);
    made.change("update run set canary = 2");
    let claims = made.claim(9).await;
    let refused = || Step::Rejected { code: "550".into(), reply: "no".into() };
    settle(&made, &[result(&claims[0], refused()), result(&claims[1], refused())]);
    assert_eq!(made.store.pause_refused(run, "no", &[2], at(1)).await.unwrap(), 1);
    assert_eq!(
        made.query("select coalesce(canary, 'none') || ' ' || state from run"),
        ["none paused"]
    );
    assert_eq!([made.fate(1), made.fate(2)], ["rejected", "pending"]);
}
