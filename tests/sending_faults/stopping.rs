//! SIGTERM while mail is under way: nothing more is claimed, transactions before the dot are
//! abandoned, replies after it are waited for, claims go back.

use std::collections::BTreeMap;

use rustix::process::Signal;

use super::Case;
use super::process::{Process, sockets, wait_for};
use super::relay::{Act, Gate, Moment, Phase, Relay, checker};
use super::support::office::Office;

/// More than are claimed at once.
const READERS: usize = 600;

/// What a relay does that holds some before the dot and others after it, once enough of both
/// is under way.
#[derive(Clone)]
struct Holds {
    go_ahead: Gate,
    reply: Gate,
}

impl Holds {
    fn new() -> Self {
        Self { go_ahead: Gate::new(), reply: Gate::new() }
    }

    fn act(&self, moment: &Moment<'_>) -> Act {
        let is_even = moment.recipient.contains(['2', '4', '6', '8', '0']);
        match moment.phase {
            Phase::Data if is_even && moment.tries == 0 && moment.messages > 0 => {
                Act::usual().held_by(&self.go_ahead)
            }
            Phase::Logged if moment.messages > 1 => Act::usual().held_by(&self.reply),
            _ => Act::usual(),
        }
    }

    /// Stops `process` when some of both are held, and lets the replies come once it has hung
    /// up where nothing is owed.
    async fn stop(&self, process: u32) {
        self.go_ahead.wait_until_held(1).await;
        self.reply.wait_until_held(1).await;
        let before = sockets(process);
        let pid = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        wait_for(|| (sockets(process) < before).then_some(())).await;
        assert!(sockets(process) > 0, "it waits for replies");
        self.reply.release();
    }
}

async fn relay(holds: &Holds) -> Relay {
    let holds = holds.clone();
    Relay::playing(move |moment| holds.act(moment)).await
}

impl Case {
    /// What has its 250 is written down, everything else is as if it had not been touched.
    async fn expect_stopped_cleanly(&self, relay: &Relay) {
        assert_eq!(self.findings(relay, true).await, []);
        let accepted = i64::try_from(relay.lines().len()).unwrap();
        let pending = i64::try_from(self.readers).unwrap() - accepted;
        assert!(accepted > 0 && pending > 0, "{accepted} accepted, {pending} pending");
        let states = [("accepted".to_owned(), accepted), ("pending".to_owned(), pending)];
        assert_eq!(self.states().await, BTreeMap::from(states));
        assert_eq!(self.charged().await, accepted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_now_that_is_told_to_stop_ends_when_no_reply_is_owed() {
    let holds = Holds::new();
    let relay = relay(&holds).await;
    let case = Case::new(&relay, READERS);
    let process = Process::start(&case.office, &["publish-now", "--yes"], "said");
    holds.stop(process.id()).await;
    let (code, said) = process.end().await;
    assert_eq!(code, 5, "{said}");
    case.expect_stopped_cleanly(&relay).await;
    holds.go_ahead.release();
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_told_to_stop_ends_when_no_reply_is_owed() {
    let holds = Holds::new();
    let relay = relay(&holds).await;
    let office = Office::with_relay(&relay.url());
    office.subscribe(READERS, "immediate");
    let case = Case { office, readers: READERS, environment: Vec::new() };
    let daemon = Process::start(&case.office, &["daemon"], "said");
    let first_scan = case.office.path("public/feeds/all.atom");
    wait_for(|| first_scan.exists().then_some(())).await;
    case.office.news("a-new-bridge", "It opens today.");
    holds.stop(daemon.id()).await;
    let (code, log) = daemon.end().await;
    assert_eq!(code, 0, "{log}");
    case.expect_stopped_cleanly(&relay).await;
    holds.go_ahead.release();
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
    assert_eq!(checker::addresses_in(&log, &case.people().await), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_leaves_at_once_and_the_next_start_knows_what_was_in_hand() {
    let reply = Gate::new();
    let held = reply.clone();
    let relay = Relay::playing(move |moment| match moment.phase {
        Phase::Logged if moment.tries == 0 => Act::usual().held_by(&held),
        _ => Act::usual(),
    })
    .await;
    let case = Case::new(&relay, 1);
    let process = Process::start(&case.office, &["publish-now", "--yes"], "said");
    reply.wait_until_held(1).await;
    process.signal(Signal::INT);
    wait_for(|| process.said().contains("stopping: waiting up to 10 min 0 s").then_some(())).await;
    process.signal(Signal::INT);
    let (code, said) = process.end().await;
    assert_eq!(code, 1, "{said}");
    let status = case.office.run(&["status"]).stdout;
    for line in [
        "running       nothing\n",
        "              1 intent: may have gone out; `uncertain` of the digest decides\n",
        "              nothing runs: `tidings publish-now`, or the daemon when it starts,\n",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
    reply.release();
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    let sent = case.states().await;
    assert_eq!(sent, BTreeMap::from([("accepted".to_owned(), 1)]));
}
