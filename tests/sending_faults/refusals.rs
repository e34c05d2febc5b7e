//! Refusals of recipients and of messages.

use super::relay::{Act, Phase, Pipelining, Relay, Settings};
use super::{Case, reader};

#[tokio::test(flavor = "multi_thread")]
async fn one_in_twenty_refused_at_rcpt_is_rejected_and_all_others_get_theirs() {
    for pipelining in [Pipelining::Offered, Pipelining::Absent] {
        let settings = Settings { pipelining, ..Settings::default() };
        let refused: Vec<String> = (1..=10).map(|n| reader(n * 20)).collect();
        let relay = Relay::start(settings, move |moment| {
            if moment.is(Phase::Rcpt) && refused.iter().any(|r| r == moment.recipient) {
                Act::reply("550-5.1.1 no such user\r\n550 5.1.1 not here")
            } else {
                Act::usual()
            }
        })
        .await;
        let case = Case::new(&relay, 200);
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{done:?}");
        case.expect_well(&relay).await;
        assert_eq!(relay.lines().len(), 190);
        assert_eq!(case.states().await["rejected"], 10);
        let codes = case.query("select reply_code, count(*) from delivery group by 1").await;
        assert_eq!(codes.len(), 2, "{codes:?}");
        assert!(codes[1].0.starts_with("550"), "{codes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_or_a_large_message_is_refused_for_one_alone() {
    for (phase, reply) in [
        (Phase::Rcpt, "552 5.2.2 mailbox full"),
        (Phase::Dot, "552 5.3.4 message too big"),
        (Phase::Dot, "554-5.7.1 not\r\n554 5.7.1 wanted"),
    ] {
        let relay = Relay::playing(move |moment| {
            if moment.is(phase) && moment.recipient == reader(3) {
                Act::reply(reply)
            } else {
                Act::usual()
            }
        })
        .await;
        let case = Case::new(&relay, 20);
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{reply}: {done:?}");
        case.expect_well(&relay).await;
        assert_eq!(relay.lines().len(), 19);
        assert_eq!(case.states().await["rejected"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_greylisted_gets_the_mail_when_the_pause_is_over() {
    for phase in [Phase::Rcpt, Phase::Data, Phase::Dot] {
        let relay = Relay::playing(move |moment| {
            if moment.is(phase) && moment.tries == 0 && moment.recipient < "reader2" {
                Act::reply("450 4.2.0 greylisted, come back later")
            } else {
                Act::usual()
            }
        })
        .await;
        let case = Case::new(&relay, 20);
        let done = case.publish().await;
        assert_eq!(done.code, 5, "{phase:?}: {done:?}");
        assert_eq!(case.findings(&relay, true).await, [], "{phase:?}");
        // Readers 1 and 10 to 19; a careful sender may wait with others too.
        let states = case.states().await;
        assert!(states["pending"] >= 11 && !states.contains_key("rejected"), "{states:?}");
        case.let_pauses_pass().await;
        let done = case.go_on().await;
        assert_eq!(done.code, 0, "{phase:?}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_against_everything_pauses_within_fifty_messages() {
    for (phase, reply) in [
        (Phase::Dot, "550 5.7.1 blocked by policy"),
        (Phase::Rcpt, "550 5.7.1 blocked by policy"),
        (Phase::Dot, "552 5.3.4 message too big"),
    ] {
        let relay = Relay::playing(
            move |moment| {
                if moment.is(phase) { Act::reply(reply) } else { Act::usual() }
            },
        )
        .await;
        let case = Case::new(&relay, 200);
        let done = case.publish().await;
        assert!(done.code > 0, "{reply}: {done:?}");
        assert!(relay.times_heard("DATA") <= 50, "{reply}: {}", relay.times_heard("DATA"));
        assert_eq!(case.run_state().await, "paused", "{reply}");
        assert_eq!(case.findings(&relay, true).await, [], "{reply}");
        assert!(relay.lines().is_empty());
        // Whoever was refused meanwhile is tried again when it goes on.
        assert_eq!(case.states().await.get("rejected"), None, "{phase:?} {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_relays_size_is_not_tried_on_everybody() {
    let settings = Settings { size_limit: Some(1000), ..Settings::default() };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    let case = Case::new(&relay, 20);
    let done = case.publish().await;
    assert!(done.code > 0, "{done:?}");
    assert_eq!(relay.times_heard("DATA"), 0, "{done:?}");
    case.expect_nobody_charged(&relay).await;
}
