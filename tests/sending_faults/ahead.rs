//! Commands behind the dot of the message before: whatever becomes of either, the other has its
//! own fate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use super::process::Process;
use super::relay::{Act, Gate, Moment, Phase, Pipelining, Relay, Settings};
use super::{Case, reader};

impl Case {
    /// As often as it takes, with whatever was paused or waits let go.
    async fn publish_until_done(&self, relay: &Relay) {
        let mut done = self.publish().await;
        for _ in 0..5 {
            assert_eq!(self.findings(relay, true).await, [], "{done:?}");
            if done.code != 0 {
                self.let_pauses_pass().await;
                done = self.go_on().await;
            }
        }
        assert_eq!(done.code, 0, "{done:?}");
    }

    /// Deliveries that were tried more often than they were answered.
    async fn overcharged(&self) -> i64 {
        self.query("select '', count(*) from delivery where attempt > 1").await[0].1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_but_the_first_of_a_connection_was_announced_behind_a_dot() {
    for pipelining in [Pipelining::Offered, Pipelining::Absent] {
        let settings = Settings { pipelining, ..Settings::default() };
        let relay = Relay::start(settings, |_| Act::usual()).await;
        let case = Case::new(&relay, 100);
        case.limit("{connections: 1}");
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{done:?}");
        case.expect_all_sent(&relay, 0).await;
        // The first of the others waits for the last of the run's first twenty.
        let expected = if pipelining == Pipelining::Offered { 98 } else { 0 };
        assert_eq!(relay.times_ahead(), expected);
    }
}

/// Sixty readers get theirs, once, and nobody is charged for what came in between.
async fn expect_unharmed(relay: &Relay) {
    let case = Case::new(relay, 60);
    case.publish_until_done(relay).await;
    assert!(relay.times_ahead() > 0);
    case.expect_all_sent(relay, 0).await;
    assert_eq!(case.overcharged().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_hangs_up_behind_every_third_250_loses_and_charges_nobody() {
    for farewell in ["", "421 4.7.0 enough for one connection"] {
        let relay = Relay::playing(move |moment| {
            if moment.is(Phase::Answered) && moment.messages == 3 {
                if farewell.is_empty() { Act::close() } else { Act::reply(farewell).and_close() }
            } else {
                Act::usual()
            }
        })
        .await;
        expect_unharmed(&relay).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_421_to_the_dot_leaves_both_messages_unsent_and_uncharged() {
    let relay = Relay::playing(|moment| {
        if moment.is(Phase::Dot) && moment.messages == 5 {
            Act::reply("421 4.3.2 closing").and_close()
        } else {
            Act::usual()
        }
    })
    .await;
    expect_unharmed(&relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_in_twenty_refused_behind_a_dot_costs_no_connection() {
    let refused: Vec<String> = (1..=10).map(|n| reader(n * 20)).collect();
    let relay = Relay::playing(move |moment| {
        if moment.is(Phase::Rcpt) && refused.iter().any(|r| r == moment.recipient) {
            Act::reply("550 5.1.1 no such user")
        } else {
            Act::usual()
        }
    })
    .await;
    let case = Case::new(&relay, 200);
    case.limit("{connections: 2}");
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_well(&relay).await;
    assert_eq!((relay.lines().len(), case.states().await["rejected"]), (190, 10));
    assert_eq!((relay.times_heard("EHLO"), relay.times_heard("RSET")), (2, 10));
    assert!(relay.times_ahead() >= 160, "{}", relay.times_ahead());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_refused_at_its_dot_takes_nothing_from_the_next() {
    for reply in ["550 5.6.0 not this one", "450 4.2.0 later"] {
        let relay = Relay::playing(move |moment| {
            let is_it = moment.is(Phase::Dot) && moment.tries == 0;
            if is_it && moment.recipient.ends_with("3@example.org") {
                Act::reply(reply)
            } else {
                Act::usual()
            }
        })
        .await;
        let case = Case::new(&relay, 40);
        case.limit("{connections: 1}");
        case.publish().await;
        assert_eq!(case.findings(&relay, true).await, [], "{reply}");
        assert_eq!((relay.lines().len(), relay.times_heard("EHLO")), (36, 1), "{reply}");
        let rest = if reply.starts_with('5') { "rejected" } else { "pending" };
        let states = case.states().await;
        assert_eq!((states["accepted"], states[rest]), (36, 4), "{reply}");
        assert_eq!(relay.faults(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_the_offer_that_refuses_and_hangs_up_hears_nothing_ahead() {
    let settings = Settings { pipelining: Pipelining::Absent, ..Settings::default() };
    let relay = Relay::start(settings, |moment| match moment.phase {
        Phase::Rcpt if moment.recipient.ends_with("7@example.org") => Act::reply("550 5.1.1 no"),
        Phase::Answered if moment.messages == 4 => Act::close(),
        _ => Act::usual(),
    })
    .await;
    let case = Case::new(&relay, 40);
    case.publish_until_done(&relay).await;
    case.expect_well(&relay).await;
    assert_eq!((relay.lines().len(), relay.times_ahead()), (36, 0));
}

/// Holds the go-ahead of one reader, whose commands came behind another's dot.
fn holds_ahead(of: &'static str, gate: &Gate) -> impl Fn(&Moment<'_>) -> Act + use<> {
    let gate = gate.clone();
    move |moment| {
        let is_it = moment.is(Phase::Data) && moment.recipient == of && moment.messages > 0;
        if is_it { Act::usual().held_by(&gate) } else { Act::usual() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_between_the_commands_ahead_and_the_intent_gets_no_mail() {
    let gate = Gate::new();
    let relay = Relay::playing(holds_ahead("reader5@example.org", &gate)).await;
    let case = Case::new(&relay, 10);
    case.limit("{connections: 1}");
    case.publish_without(5, &relay, &gate).await;
    // The go-ahead stood open: only hanging up was clean.
    assert_eq!(relay.times_heard("EHLO"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_paused_between_the_commands_ahead_and_the_intent_sends_nothing_more() {
    let gate = Gate::new();
    let relay = Relay::playing(holds_ahead("reader5@example.org", &gate)).await;
    let case = Case::new(&relay, 10);
    case.limit("{connections: 1}");
    let (done, sent) = tokio::join!(case.publish(), async {
        gate.wait_until_held(1).await;
        let paused = case.office.run_async(&["pause", "1"]).await;
        assert_eq!(paused.code, 0, "{paused:?}");
        let sent = relay.lines().len();
        gate.release();
        sent
    });
    assert!(done.code > 0, "{done:?}");
    assert_eq!(case.findings(&relay, true).await, []);
    assert_eq!(relay.lines().len(), sent);
    // One more at most was made ready by then, and finds out at its own intent.
    assert!(relay.times_heard("EHLO") <= 2, "{}", relay.times_heard("EHLO"));
    let states = case.states().await;
    assert_eq!((states["accepted"], states["pending"]), (4, 6), "{states:?}");
    assert_eq!(case.charged().await, 4);
    let done = case.go_on().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

/// Replies are held when every connection has a message out and commands behind it.
#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_writes_no_dot_for_what_is_ahead() {
    const CONNECTIONS: usize = 3;
    let gate = Gate::new();
    let held = gate.clone();
    let relay = Relay::playing(move |moment| {
        let is_it = moment.is(Phase::Logged) && moment.messages == 2;
        if is_it { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 60);
    case.limit(&format!("{{connections: {CONNECTIONS}}}"));
    let process = Process::start(&case.office, &["publish-now", "--yes"], "said");
    gate.wait_until_held(CONNECTIONS).await;
    process.signal(Signal::TERM);
    // It has heard of it when nothing more is claimed.
    gate.release();
    let (code, said) = process.end().await;
    assert_eq!(code, 5, "{said}");
    assert_eq!(case.findings(&relay, true).await, []);
    let accepted = i64::try_from(relay.lines().len()).unwrap();
    let states = case.states().await;
    assert_eq!(states.get("accepted").copied(), Some(accepted), "{states:?}");
    assert_eq!(states.get("pending").copied(), Some(60 - accepted), "{states:?}");
    assert_eq!(case.charged().await, accepted);
    let leases = "select '', count(*) from delivery where lease_until is not null";
    assert_eq!(case.query(leases).await[0].1, 0);
    assert!(relay.times_ahead() >= CONNECTIONS, "{}", relay.times_ahead());
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_rate_nothing_goes_ahead_and_the_rate_is_kept() {
    let relay = Relay::usual().await;
    let case = Case::new(&relay, 60);
    case.limit("{per_second: 30}");
    let began = std::time::Instant::now();
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
    assert_eq!(relay.times_ahead(), 0);
    // A second's worth at once, and the 30 others a thirtieth of a second apart.
    assert!(began.elapsed().as_millis() >= 1_000, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_cut_off_loses_one_and_not_the_next() {
    let was_cut = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&was_cut);
    let relay = Relay::playing(move |moment| {
        let is_it = moment.is(Phase::Logged) && moment.messages == 3;
        if is_it && !cut.swap(true, Ordering::SeqCst) { Act::close() } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 30);
    case.limit("{connections: 1}");
    case.publish_until_done(&relay).await;
    assert!(was_cut.load(Ordering::SeqCst));
    case.expect_all_sent(&relay, 1).await;
    assert_eq!(case.overcharged().await, 1, "the one that was lost");
    let unknown = "select '', count(*) from delivery where unknowns > 0";
    assert_eq!(case.query(unknown).await[0].1, 1);
}
