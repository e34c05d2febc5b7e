//! A clock that jumps by hours while mail goes out (libfaketime).

use std::path::PathBuf;

use super::Case;
use super::relay::{Act, Gate, Phase, Relay};

/// More than are claimed at once, so that the clock is asked again after the jump.
const READERS: usize = 700;
/// So many have their mail when the clock jumps.
const SENT: usize = 50;

/// Debian keeps it in a folder of its architecture.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|lib| lib.exists())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_by_hours_loses_and_doubles_nobody() {
    let Some(library) = library() else { return println!("skipped: faketime is not installed") };
    for jump in ["+6h", "-6h"] {
        let gate = Gate::new();
        let held = gate.clone();
        let count = std::sync::atomic::AtomicUsize::new(0);
        let relay = Relay::playing(move |moment| match moment.phase {
            // Some are to be tried again after their pause.
            Phase::Rcpt if moment.tries == 0 && moment.recipient.starts_with("reader3") => {
                Act::reply("451 4.7.1 come back later")
            }
            Phase::Data if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= SENT => {
                Act::usual().held_by(&held)
            }
            _ => Act::usual(),
        })
        .await;
        let mut case = Case::new(&relay, READERS);
        case.office.write("offset", "+0");
        case.environment = vec![
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", case.office.path("offset").display().to_string()),
            ("FAKETIME_NO_CACHE", "1".into()),
            // Nothing sets this clock.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ];
        let (done, ()) = tokio::join!(case.publish(), async {
            gate.wait_until_held(1).await;
            case.office.write("offset", jump);
            gate.release();
        });
        assert!([0, 5].contains(&done.code), "{jump}: {done:?}");
        assert_eq!(case.findings(&relay, true).await, [], "{jump}");
        let states = case.states().await;
        let is_sane = |state: &str| ["accepted", "pending"].contains(&state);
        assert!(states.keys().all(|state| is_sane(state)), "{jump}: {states:?}");

        let span = "select '', max(changed_at) - min(changed_at) from delivery";
        let span = case.query(span).await[0].1;
        assert!(span > 5 * 3600, "{jump}: the program saw the jump: {span} s");
        // Who was not tried yet waits for no clock.
        let waiting = "select '', count(*) from delivery where state = 'pending' and attempt = 0";
        assert_eq!(case.query(waiting).await[0].1, 0, "{jump}: {done:?}");
        println!("{jump}: exit code {}, {states:?}", done.code);

        // The clock is put right, and the pauses pass as they were set: none is longer than
        // the jump and the back-off.
        let latest = "select '', coalesce(max(next_at - changed_at), 0) from delivery
             where state = 'pending'";
        let longest = case.query(latest).await[0].1;
        assert!(longest <= 6 * 3600, "{jump}: {longest} s");
        case.office.write("offset", "+0");
        case.let_pauses_pass().await;
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{jump}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}
