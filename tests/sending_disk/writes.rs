//! Each write of the outbox fails in turn: for every person, at every step of a delivery.

use std::path::Path;
use std::sync::Arc;

use tidings::pipeline::send::outbox;

use super::relay::{Relay, checker};
use super::{Room, connect, copy_store, deliveries, send, start_and_send};

const READERS: usize = 4;

/// The steps that are writes, in the order a delivery takes them.
const STEPS: [(&str, &str); 4] = [
    ("pending", "claimed"),
    ("claimed", "intent"),
    ("intent", "accepted"),
    // A failing store makes the others' claims go back.
    ("claimed", "pending"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whichever_write_fails_the_next_start_sends_the_rest() {
    let room = Room::new(READERS).await;
    for person in 1..=READERS {
        for step in STEPS {
            fail(&room, &[step], person).await;
        }
        // Nor can what went wrong be tidied up.
        fail(&room, &[("claimed", "intent"), ("claimed", "pending")], person).await;
        fail(&room, &[("intent", "accepted"), ("intent", "uncertain")], person).await;
    }
}

/// Sends, while the store refuses those steps of one person's delivery, and again when it does
/// not any more.
async fn fail(room: &Room, steps: &[(&str, &str)], person: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("tidings.db");
    copy_store(&room.store(), &store);
    let own = Relay::usual().await;
    let press = room.process(&store, &own).await;
    spoil(&store, steps, person).await;
    let what = format!("{steps:?} of {person}");
    let first = start_and_send(&press).await;
    // Claims go back only where something else fails.
    assert_eq!(first.is_err(), steps != [("claimed", "pending")], "{what}: {first:?}");
    assert_eq!(room.findings(&store, &own.lines(), true).await, [], "{what}");
    mend(&store, steps).await;

    start_and_send(&press).await.unwrap();
    assert_eq!(room.findings(&store, &own.lines(), false).await, [], "{what}");
    let states = deliveries(&store).await;
    assert!(states.values().all(|(state, _)| state == "accepted"), "{what}: {states:?}");
    let unknowns: i64 = states.values().map(|(_, unknowns)| unknowns).sum();
    let copies = i64::try_from(checker::copies(&own.lines())).unwrap();
    assert!(copies <= unknowns, "{what}: {copies} copies, {unknowns} unknown");
    // Only the outcome of a message can be lost with a write, and only of those in hand.
    let may_be_unknown = steps.contains(&("intent", "accepted"));
    assert!(unknowns == 0 || may_be_unknown, "{what}: {unknowns} unknown");
    assert_eq!(own.faults(), [""; 0], "{what}");
}

/// From now on the store refuses those steps of one person's delivery.
async fn spoil(store: &Path, steps: &[(&str, &str)], person: usize) {
    for (number, (from, to)) in steps.iter().enumerate() {
        let trigger = sqlx::AssertSqlSafe(format!(
            "create trigger fault{number} before update on delivery
             when old.state = '{from}' and new.state = '{to}' and new.subscriber_id = {person}
             begin select raise(abort, 'this write fails'); end"
        ));
        sqlx::query(trigger).execute(&mut connect(store).await).await.unwrap();
    }
}

async fn mend(store: &Path, steps: &[(&str, &str)]) {
    for number in 0..steps.len() {
        let drop = sqlx::AssertSqlSafe(format!("drop trigger fault{number}"));
        sqlx::query(drop).execute(&mut connect(store).await).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_could_tidy_up_nothing_does_it_before_it_sends_again() {
    let relay = Relay::usual().await;
    let room = Room::new(READERS).await;
    let store = room.store();
    let press = room.process(&store, &relay).await;
    let outbox = outbox(&press, Arc::new(|| {}));
    for steps in [
        [("claimed", "intent"), ("claimed", "pending")],
        [("intent", "accepted"), ("intent", "uncertain")],
    ] {
        spoil(&store, &steps, 1).await;
        assert!(send(&press, &outbox).await.is_err());
        let left = deliveries(&store).await;
        assert_eq!(left[&1].0, steps[0].0, "it stands where it stood");
        mend(&store, &steps).await;
        if steps[0].0 == "claimed" {
            continue;
        }
        send(&press, &outbox).await.unwrap();
    }
    assert_eq!(room.findings(&store, &relay.lines(), false).await, []);
    assert_eq!(checker::copies(&relay.lines()), 1, "the one whose outcome was lost");
}
