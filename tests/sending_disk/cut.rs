//! The store as a power cut may leave it: the log ends anywhere.
//!
//! With `synchronous=FULL` a commit has returned only when it is on the disk, so a disk that
//! keeps its word loses nothing that was committed. A log that is cut further back is what one
//! leaves that does not. Then those commits are lost that lay behind the cut, and only the
//! people they were about can get a second copy.

use std::fs::{self, File};

use super::relay::{Gate, Relay};
use super::{Room, copy_store, deliveries, start_and_send};

const READERS: usize = 150;
/// So many have their 250 when the store is copied; the next are waiting for theirs.
const SENT: usize = 60;
const CUTS: u64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_log_was_cut_opens_and_doubles_only_what_it_forgot() {
    let gate = Gate::new();
    let relay = Relay::answering_first(SENT, &gate).await;
    let room = Room::new(READERS).await;
    let press = room.process(&room.store(), &relay).await;
    let sending = tokio::spawn(async move { start_and_send(&press).await });
    // All connections: nothing is written any more.
    gate.wait_until_held(5).await;
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    copy_store(&room.store(), &whole);
    sending.abort();
    let sent = relay.lines();
    assert_eq!(sent.len(), SENT + 5);
    relay.stop().await;

    let log = folder.path().join("whole.db-wal");
    let length = fs::metadata(&log).unwrap().len();
    // Nothing of it was taken into the database and overwritten.
    assert!(length < 4 << 20, "{length}");
    let before = {
        let copy = folder.path().join("looked-at.db");
        copy_store(&whole, &copy);
        deliveries(&copy).await
    };
    let mut state = 20_261_121_u64;
    let mut forgot = 0;
    for cut in 0..=CUTS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let offset = if cut == 0 { length } else { (state >> 16) % length };
        let store = folder.path().join(format!("{cut}.db"));
        copy_store(&whole, &store);
        let log = folder.path().join(format!("{cut}.db-wal"));
        File::options().write(true).open(log).unwrap().set_len(offset).unwrap();

        let relay = Relay::usual().await;
        let press = room.process(&store, &relay).await;
        let found = deliveries(&store).await;
        let is_legal = |state: &str| matches!(state, "pending" | "claimed" | "intent" | "accepted");
        assert!(found.values().all(|(state, _)| is_legal(state)), "{offset}: {found:?}");
        // Nothing is accepted that the relay has not, and what else is wrong was forgotten.
        let forgotten = forgotten(&found, &before);
        assert_eq!(room.findings(&store, &sent, true).await.len(), forgotten, "{offset}");
        forgot += usize::from(forgotten > 0);

        start_and_send(&press).await.unwrap();
        let now = deliveries(&store).await;
        assert!(now.values().all(|(state, _)| state == "accepted"), "{offset}: {now:?}");
        let again = relay.recipients();
        let doubled = sent.iter().filter(|line| again.contains(&line.recipient)).count();
        let unknown = now.values().filter(|(_, unknowns)| *unknowns > 0).count();
        assert!(doubled <= unknown + forgotten, "{offset}: {doubled}, {unknown}, {forgotten}");
        assert_eq!(sent.len() + again.len(), READERS + doubled, "{offset}: nobody is lost");
        if cut == 0 {
            assert_eq!((forgotten, unknown), (0, 5), "what was committed is there");
        }
    }
    assert!(forgot > 3, "{forgot}");
}

type States = std::collections::BTreeMap<i64, (String, i64)>;

/// Deliveries whose dot may have gone out, and of which the store does not know it any more.
fn forgotten(found: &States, before: &States) -> usize {
    let may_be_out = |state: &str| matches!(state, "intent" | "accepted");
    let is_forgotten = |(id, (state, _)): &(&i64, &(String, i64))| {
        may_be_out(state) && found.get(id).is_none_or(|(state, _)| !may_be_out(state))
    };
    before.iter().filter(is_forgotten).count()
}
