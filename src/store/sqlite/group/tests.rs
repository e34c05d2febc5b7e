//! Orders of several connections in one transaction.

use futures_util::FutureExt;

use super::*;
use crate::outbox::Step;
use crate::store::Store;
use crate::store::sqlite::ledger;
use crate::store::sqlite::made::{Made, at};

type Done = oneshot::Receiver<Result<Outcome>>;

fn order(work: Work) -> (Order, Done) {
    let (asker, done) = Asker::new();
    (Order { work, asker }, done)
}

fn intent(claim: &Claim) -> (Order, Done) {
    order(Work::Write { results: vec![], ask: Some(Ask::of(claim)), now: at(1) })
}

fn accepted(claim: &Claim) -> (Order, Done) {
    let Claim { run, subscriber, fence, .. } = *claim;
    let step = Step::Accepted { reply: "queued".into() };
    let results = vec![DeliveryResult { run, subscriber, fence, step }];
    order(Work::Write { results, ask: None, now: at(1) })
}

/// Writes all orders in one transaction.
fn write_together(made: &Made, orders: Vec<Order>) -> (usize, usize) {
    let connection = ledger::open(&made.path()).unwrap();
    write(&mut Ledger::new(&connection).unwrap(), orders)
}

#[tokio::test]
async fn where_one_order_fails_all_are_told_and_nothing_is_written() {
    let made = Made::new().await;
    made.run("daily", 1..=4);
    let claims = made.claim(4).await;
    assert!(made.store.intend(&claims[0], &[], at(1)).await.unwrap().is_some());
    made.change(
        "create trigger no before update on delivery when new.subscriber_id = 3
         begin select raise(abort, 'no room'); end",
    );
    let together = || -> (Vec<Order>, Vec<Done>) {
        [accepted(&claims[0]), intent(&claims[1]), intent(&claims[2]), intent(&claims[3])]
            .into_iter()
            .unzip()
    };
    let (orders, answers) = together();
    assert_eq!(write_together(&made, orders), (0, 1));
    for answer in answers {
        let error = answer.await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Shared(_)), "{error:?}");
        assert!(matches!(error.cause(), StoreError::Ledger { .. }), "{error:?}");
    }
    assert_eq!(made.states(), ["claimed 3", "intent 1"]);
    made.change("drop trigger no");
    let (orders, answers) = together();
    assert_eq!(write_together(&made, orders), (3, 1));
    for answer in answers {
        assert!(matches!(answer.await, Ok(Ok(Outcome::Written(_)))));
    }
    assert_eq!(made.states(), ["accepted 1", "intent 3"]);
}

#[tokio::test]
async fn through_the_store_too_the_thread_goes_on_after_a_failure() {
    let made = Made::new().await;
    made.run("daily", 1..=2);
    let claims = made.claim(2).await;
    made.change("create trigger no before update on delivery begin select raise(abort, 'no'); end");
    made.store.intend(&claims[0], &[], at(1)).await.unwrap_err();
    made.change("drop trigger no");
    assert!(made.store.intend(&claims[1], &[], at(1)).await.unwrap().is_some());
    assert_eq!(made.states(), ["claimed 1", "intent 1"]);
}

#[tokio::test]
async fn who_does_not_wait_any_more_takes_nothing_from_the_others() {
    let made = Made::new().await;
    made.run("daily", 1..=3);
    let claims = made.claim(3).await;
    let (gone, done) = intent(&claims[0]);
    drop(done);
    let (here, done) = intent(&claims[1]);
    assert_eq!(write_together(&made, vec![gone, here]), (2, 0));
    assert!(matches!(done.await, Ok(Ok(Outcome::Written(Some(_))))));
    // What was asked for is written, and the rules of a crash find it.
    assert!(made.store.intend(&claims[2], &[], at(1)).now_or_never().is_none());
    assert_eq!(made.claim(9).await, [], "behind it");
    assert_eq!(made.states(), ["intent 3"]);
}

#[tokio::test]
async fn who_waits_on_another_runtime_is_answered_there() {
    let made = Made::new().await;
    made.run("daily", 1..=2);
    let claims = made.claim(2).await;
    let (store, claim) = (Arc::clone(&made.store), claims[0].clone());
    let elsewhere = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.intend(&claim, &[], at(1))).unwrap()
    });
    let here = made.store.intend(&claims[1], &[], at(1)).await.unwrap();
    assert_eq!(here, tokio::task::spawn_blocking(|| elsewhere.join().unwrap()).await.unwrap());
    assert_eq!(made.states(), ["intent 2"]);
}
