//! Trouble of the relay's own, or of ours with it: it costs nobody an attempt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::Case;
use super::relay::{Act, Gate, Phase, Pipelining, Relay, Settings};

/// The same relay, in order again.
async fn mended(relay: Relay, login: Option<(String, String)>) -> Relay {
    let address = relay.address;
    relay.stop().await;
    Relay::start(Settings { address, login, ..Settings::default() }, |_| Act::usual()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_absent_gets_everything_when_it_is_there() {
    let relay = Relay::usual().await;
    let address = relay.address;
    let case = Case::new(&relay, 20);
    relay.stop().await;
    let done = case.publish().await;
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains("could not reach relay"), "{done:?}");
    let relay = Relay::start(Settings { address, ..Settings::default() }, |_| Act::usual()).await;
    case.expect_nobody_charged(&relay).await;
    let done = case.go_on().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_greets_with_421_or_refuses_ehlo_costs_nobody_an_attempt() {
    for (phase, reply) in [
        (Phase::Greeting, "421 4.3.2 no service now"),
        (Phase::Greeting, "554 5.7.1 not for you"),
        (Phase::Ehlo, "421 4.3.2 going down"),
    ] {
        let relay = Relay::playing(move |moment| {
            if moment.is(phase) { Act::reply(reply).and_close() } else { Act::usual() }
        })
        .await;
        let case = Case::new(&relay, 20);
        let done = case.publish().await;
        assert_eq!(done.code, 5, "{reply}: {done:?}");
        assert_eq!(relay.times_heard("MAIL"), 0, "{reply}");
        case.expect_nobody_charged(&relay).await;
        let relay = mended(relay, None).await;
        let done = case.go_on().await;
        assert_eq!(done.code, 0, "{reply}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_takes_one_connection_at_a_time_gets_everything_over_that() {
    let relay = Relay::playing(|moment| {
        if moment.is(Phase::Greeting) && moment.open > 1 {
            Act::reply("421 4.7.0 too many connections").and_close()
        } else {
            Act::usual()
        }
    })
    .await;
    let case = Case::new(&relay, 60);
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_says_421_after_five_messages_gets_the_rest_over_new_connections() {
    // In place of the reply to MAIL, and unasked behind the 250.
    for phase in [Phase::Mail, Phase::Answered] {
        let relay = Relay::playing(move |moment| {
            if moment.is(phase) && moment.messages == 5 {
                Act::reply("421 4.7.0 enough for one connection").and_close()
            } else {
                Act::usual()
            }
        })
        .await;
        let case = Case::new(&relay, 60);
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{phase:?}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_with_454_loses_and_doubles_nobody() {
    for phase in [Phase::Data, Phase::Dot] {
        let relay = Relay::playing(move |moment| {
            if moment.is(phase) && moment.tries == 0 && moment.recipient < "reader2" {
                Act::reply("454 4.7.0 throttled")
            } else {
                Act::usual()
            }
        })
        .await;
        let case = Case::new(&relay, 40);
        let mut done = case.publish().await;
        for _ in 0..3 {
            assert_eq!(case.findings(&relay, true).await, [], "{phase:?}");
            if done.code != 0 {
                case.let_pauses_pass().await;
                done = case.go_on().await;
            }
        }
        assert_eq!(done.code, 0, "{phase:?}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}

/// Connections at work when the relay has enough of them.
const GROWN: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn one_454_halves_the_connections_at_work_and_charges_nobody() {
    for phase in [Phase::Data, Phase::Dot] {
        let is_throttled = AtomicBool::new(false);
        // Connections open at each MAIL from then on.
        let open = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&open);
        let relay = Relay::playing(move |moment| {
            let is_grown = moment.is(phase) && moment.open >= GROWN;
            if is_grown && !is_throttled.swap(true, Ordering::SeqCst) {
                return Act::reply("454 4.7.0 not so fast");
            }
            if moment.is(Phase::Mail) && is_throttled.load(Ordering::SeqCst) {
                seen.lock().unwrap().push(moment.open);
            }
            Act::usual()
        })
        .await;
        let case = Case::new(&relay, 300);
        let mut done = case.publish().await;
        let least = open.lock().unwrap().iter().take(50).min().copied();
        // Who was throttled is pending again, and was charged with nothing.
        let tried = "select '', count(*) from delivery where attempt <> (state = 'accepted')";
        assert_eq!(case.query(tried).await[0].1, 0, "{phase:?}: {done:?}");
        assert_eq!(case.findings(&relay, true).await, [], "{phase:?}");
        if done.code != 0 {
            case.let_pauses_pass().await;
            done = case.publish().await;
        }
        assert_eq!(done.code, 0, "{phase:?}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
        // While some leave, what the others bring lets in a few again.
        println!("{phase:?}: from {GROWN} connections to {least:?}");
        assert!(least.is_some_and(|least| least <= GROWN * 3 / 4), "{phase:?}: {least:?}");
        assert_eq!(case.query(tried).await[0].1, 0, "{phase:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_pauses_the_run_before_any_mail() {
    let login = |password: &str| Some(("desk".to_owned(), password.to_owned()));
    let settings = Settings { login: login("right"), ..Settings::default() };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    let mut case = Case::new(&relay, 20);
    case.environment = vec![("TIDINGS_SMTP_PASSWORD", "wrong-secret".into())];
    let done = case.publish().await;
    assert!(done.code > 0, "{done:?}");
    assert!(done.stderr.contains("535"), "{done:?}");
    assert!(!done.stderr.contains("wrong-secret"), "{done:?}");
    assert_eq!(relay.times_heard("MAIL"), 0);
    // Many wrong passwords lock an account.
    assert!(relay.times_heard("AUTH") <= 8, "{}", relay.times_heard("AUTH"));
    case.expect_nobody_charged(&relay).await;
    let relay = mended(relay, login("wrong-secret")).await;
    let done = case.go_on().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sender_pauses_the_run_and_costs_nobody_an_attempt() {
    for pipelining in [Pipelining::Offered, Pipelining::Absent] {
        let settings = Settings { pipelining, ..Settings::default() };
        let relay = Relay::start(settings, |moment| match moment.phase {
            Phase::Mail => Act::reply("553 5.7.1 not your address"),
            _ => Act::usual(),
        })
        .await;
        let case = Case::new(&relay, 40);
        let done = case.publish().await;
        assert!(done.code > 0, "{done:?}");
        assert!(done.stderr.contains("553"), "{done:?}");
        assert!(relay.times_heard("MAIL") <= 16, "{}", relay.times_heard("MAIL"));
        case.expect_nobody_charged(&relay).await;
        let relay = mended(relay, None).await;
        let done = case.go_on().await;
        assert_eq!(done.code, 0, "{done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_and_sender_refusals_show_as_a_paused_run() {
    for phase in [Phase::Auth, Phase::Mail] {
        let settings =
            Settings { login: Some(("desk".into(), "right".into())), ..Settings::default() };
        let relay = Relay::start(settings, move |moment| {
            if moment.is(phase) { Act::reply("535 5.7.8 no") } else { Act::usual() }
        })
        .await;
        let mut case = Case::new(&relay, 5);
        case.environment = vec![("TIDINGS_SMTP_PASSWORD", "right".into())];
        case.publish().await;
        assert_eq!(case.run_state().await, "paused", "{phase:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_250_is_waited_for() {
    let gate = Gate::new();
    let relay = Relay::answering_first(0, &gate).await;
    let case = Case::new(&relay, 5);
    let (done, ()) = tokio::join!(case.publish(), async {
        gate.wait_until_held(1).await;
        gate.release();
    });
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}
