//! A clock that jumps while mail goes out, and timers that it lets run out (libfaketime).

use std::path::{Path, PathBuf};

use super::relay::{Act, Gate, Phase, Relay, checker};
use super::{Case, reader};

/// More than are claimed at once, so that the clock is asked again after the jump.
const READERS: usize = 700;
/// So many have their mail when the clock jumps.
const SENT: usize = 50;

/// Debian keeps it in a folder of its architecture.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|lib| lib.exists())
}

/// The program's clocks are off by what stands in the office's file `offset`.
fn faked(case: &Case, library: &Path) -> Vec<(&'static str, String)> {
    case.office.write("offset", "+0");
    vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", case.office.path("offset").display().to_string()),
        ("FAKETIME_NO_CACHE", "1".into()),
    ]
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
        case.environment = faked(&case, &library);
        // Nothing sets this clock.
        case.environment.push(("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()));
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
        assert!(longest <= 6 * 3600 + 10 * 60, "{jump}: {longest} s");
        case.office.write("offset", "+0");
        case.let_pauses_pass().await;
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{jump}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}

/// A relay whose 250 to reader 2 does not come within the ten minutes that we wait for it: the
/// clock that timers go by is put forward so many times.
async fn late(uncertain: &str, late_tries: usize) -> Option<(Case, Relay)> {
    let Some(library) = library() else {
        println!("skipped: faketime is not installed");
        return None;
    };
    let gate = Gate::new();
    let held = gate.clone();
    let relay = Relay::playing(move |moment| {
        let is_late =
            moment.is(Phase::Logged) && moment.recipient == reader(2) && moment.tries < late_tries;
        if is_late { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let mut case = Case::new(&relay, 5);
    let config = case.office.read("config/tidings.yaml");
    let policy = format!("at: '0 8 * * *', uncertain: {uncertain}");
    case.office.write("config/tidings.yaml", config.replace("at: '0 8 * * *'", &policy));
    case.environment = faked(&case, &library);
    let (done, ()) = tokio::join!(case.publish(), async {
        // The others are done with, and nothing but this reply is waited for.
        let open = "select state, count(*) from delivery where state <> 'accepted' group by state";
        for number in 1..=late_tries {
            gate.wait_until_held(number).await;
            while case.query(open).await != [("intent".to_owned(), 1)] {
                tokio::task::yield_now().await;
            }
            case.office.write("offset", format!("+{}m", 11 * number));
        }
    });
    // Now it would come.
    gate.release();
    assert_eq!(done.code, 0, "{uncertain}: {done:?}");
    assert_eq!(case.findings(&relay, false).await, [], "{uncertain}");
    assert_eq!(relay.faults(), [""; 0]);
    Some((case, relay))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_250_after_our_timer_is_held_where_the_digest_says_so() {
    let Some((case, relay)) = late("hold", 1).await else { return };
    assert_eq!(relay.lines().len(), 5);
    assert_eq!((case.states().await["accepted"], case.states().await["uncertain"]), (4, 1));
    // Nothing but an operator changes that.
    assert_eq!(case.publish().await.code, 0);
    assert_eq!(relay.lines().len(), 5);
    assert_eq!(case.states().await["uncertain"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_250_after_our_timer_is_sent_once_more_the_same_to_the_byte() {
    let Some((case, relay)) = late("resend", 1).await else { return };
    case.expect_all_sent(&relay, 1).await;
    let to_two = |accepted: &super::relay::Accepted| accepted.recipient == reader(2);
    let copies: Vec<_> = relay.accepted().into_iter().filter(to_two).collect();
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0].message, copies[1].message);
    assert_eq!(case.publish().await.code, 0);
    assert_eq!(relay.lines().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_250_that_is_late_a_second_time_is_not_sent_again() {
    let Some((case, relay)) = late("resend", 2).await else { return };
    assert_eq!((relay.lines().len(), checker::copies(&relay.lines())), (6, 1));
    assert_eq!((case.states().await["accepted"], case.states().await["uncertain"]), (4, 1));
    assert_eq!(case.publish().await.code, 0);
    assert_eq!(relay.lines().len(), 6);
}

/// The one behind it waits as long, and is neither charged nor lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_ahead_behind_a_late_250_goes_out_once_on_another_connection() {
    let Some(library) = library() else { return println!("skipped: faketime is not installed") };
    let gate = Gate::new();
    let held = gate.clone();
    let relay = Relay::playing(move |moment| {
        let is_late =
            moment.is(Phase::Logged) && moment.recipient == reader(2) && moment.tries == 0;
        if is_late { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let mut case = Case::new(&relay, 5);
    case.limit("{connections: 1}");
    case.environment = faked(&case, &library);
    let (done, ()) = tokio::join!(case.publish(), async {
        gate.wait_until_held(1).await;
        case.office.write("offset", "+11m");
    });
    gate.release();
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(relay.times_heard("EHLO"), 2);
    case.expect_all_sent(&relay, 1).await;
    let tried = "select group_concat(attempt, ' '), 0 from delivery order by subscriber_id";
    assert_eq!(case.query(tried).await[0].0, "1 2 1 1 1");
}
