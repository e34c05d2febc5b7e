//! Connections that end where they should not.

use super::relay::{Act, Phase, Pipelining, Relay, Settings};
use super::{Case, reader};

/// Hangs up once, at a phase of one reader's transaction or of the first connection.
async fn hang_up_once(phase: Phase, pipelining: Pipelining, copies: usize) {
    let settings = Settings { pipelining, ..Settings::default() };
    let relay = Relay::start(settings, move |moment| {
        let is_it = match phase {
            Phase::Greeting | Phase::Ehlo => moment.connection == 1,
            // Before RCPT nobody is named.
            Phase::Mail => moment.connection == 1 && moment.messages == 2,
            _ => moment.recipient == reader(3) && moment.tries == 0,
        };
        if moment.is(phase) && is_it { Act::close() } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 20);
    let mut done = case.publish().await;
    // Whoever was not reached is not asked to wait: the next call sends the rest.
    for _ in 0..3 {
        assert_eq!(case.findings(&relay, true).await, [], "{phase:?}");
        if done.code != 0 {
            done = case.publish().await;
        }
    }
    assert_eq!(done.code, 0, "{phase:?}: {done:?}");
    case.expect_all_sent(&relay, copies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_dot_nobody_gets_a_second_copy() {
    for phase in [Phase::Greeting, Phase::Ehlo, Phase::Mail, Phase::Rcpt, Phase::Data] {
        hang_up_once(phase, Pipelining::Offered, 0).await;
        hang_up_once(phase, Pipelining::Absent, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_message_or_before_it_was_taken_it_is_sent_again() {
    for phase in [Phase::Body, Phase::Dot] {
        hang_up_once(phase, Pipelining::Offered, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_it_was_taken_and_before_the_250_there_is_one_copy() {
    hang_up_once(Phase::Logged, Pipelining::Offered, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_250_there_is_no_copy() {
    hang_up_once(Phase::Answered, Pipelining::Offered, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_hold_a_lost_reply_gives_no_copy() {
    let relay = Relay::playing(|moment| {
        let is_it = moment.is(Phase::Logged) && moment.recipient == reader(3);
        if is_it { Act::close() } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 10);
    let path = "config/tidings.yaml";
    let config = case.office.read(path);
    case.office.write(path, config.replace("{name: daily,", "{name: daily, uncertain: hold,"));
    for _ in 0..2 {
        case.publish().await;
        case.expect_well(&relay).await;
        assert_eq!(relay.lines().len(), 10);
        assert_eq!(case.states().await["uncertain"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_lost_time_and_again_gives_one_copy_and_no_more() {
    let relay = Relay::playing(|moment| {
        let is_it = moment.is(Phase::Logged) && moment.recipient == reader(3);
        if is_it { Act::close() } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 10);
    for _ in 0..3 {
        case.publish().await;
    }
    case.expect_well(&relay).await;
    assert_eq!(relay.lines().len(), 11);
    assert_eq!(case.states().await["uncertain"], 1);
}
