//! A process that stands still for longer than its claims are leased, and others beside it.

use rustix::process::Signal;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::Case;
use super::process::{Process, wait_for};
use super::relay::{Act, Gate, Phase, Relay};

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_beside_a_frozen_process_waits_for_it_and_nobody_gets_a_second_copy() {
    let gate = Gate::new();
    let held = gate.clone();
    let relay = Relay::playing(move |moment| {
        if moment.is(Phase::Logged) { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 5);
    // Where there is a rate no connection takes what comes behind its message.
    case.limit("{per_second: 1000}");
    let first = Process::start(&case.office, &["publish-now", "--yes"], "first");
    // One connection for each: nothing else is under way, and nothing is being written.
    gate.wait_until_held(5).await;
    first.signal(Signal::STOP);
    let mut store = SqliteConnectOptions::new().filename(case.store()).connect().await.unwrap();
    let past = sqlx::query("update delivery set lease_until = 0 where lease_until is not null");
    assert_eq!(past.execute(&mut store).await.unwrap().rows_affected(), 5);

    let (code, said) = Process::start(&case.office, &["daemon"], "daemon").end().await;
    assert_eq!(code, 1, "{said}");
    let holder = format!("`publish-now` (process {})", first.id());
    assert!(said.contains(&format!("error: {holder} works on this store already")), "{said}");
    let second = Process::start(&case.office, &["publish-now", "--yes"], "second");
    let notice = format!("waiting for {holder} to end");
    wait_for(|| second.said().contains(&notice).then_some(())).await;

    gate.release();
    first.signal(Signal::CONT);
    for process in [first, second] {
        let (code, said) = process.end().await;
        assert_eq!(code, 0, "{said}");
    }
    case.expect_all_sent(&relay, 0).await;
}
