//! Replies that are not what the standard says, or not when.

use super::relay::{Act, Phase, Pipelining, Relay, Settings};
use super::{Case, reader};

#[tokio::test(flavor = "multi_thread")]
async fn replies_byte_by_byte_are_read_whole() {
    let settings = Settings { one_byte_writes: true, ..Settings::default() };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    let case = Case::new(&relay, 10);
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn latin_1_in_an_acceptance_is_an_acceptance() {
    for phase in [Phase::Greeting, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Logged] {
        let relay = Relay::playing(move |moment| {
            if !moment.is(phase) {
                return Act::usual();
            }
            match phase {
                Phase::Greeting => Act::reply(b"220 bo\xEEte ESMTP"),
                Phase::Data => Act::reply(b"354 envoyez jusqu'\xE0 <CRLF>.<CRLF>"),
                _ => Act::reply(b"250 2.0.0 accept\xE9"),
            }
        })
        .await;
        let case = Case::new(&relay, 10);
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{phase:?}: {done:?}");
        case.expect_all_sent(&relay, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn latin_1_in_a_refusal_is_a_refusal() {
    for phase in [Phase::Rcpt, Phase::Dot] {
        let relay = Relay::playing(move |moment| {
            if moment.is(phase) && moment.recipient == reader(3) {
                Act::reply(b"550 5.1.1 bo\xEEte inconnue")
            } else {
                Act::usual()
            }
        })
        .await;
        let case = Case::new(&relay, 10);
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{phase:?}: {done:?}");
        case.expect_well(&relay).await;
        assert_eq!(case.states().await["rejected"], 1, "{phase:?}");
        assert_eq!(relay.lines().len(), 9);
    }
}

/// The relay does it once; the connection is given up, and everybody gets the mail, so many of
/// them twice.
async fn endless_once(phase: Phase, piece: &'static [u8], copies: usize) {
    let relay = Relay::playing(move |moment| {
        let is_it = match phase {
            Phase::Greeting | Phase::Ehlo => moment.connection == 1,
            _ => moment.recipient == reader(3) && moment.tries == 0,
        };
        if moment.is(phase) && is_it { Act::endless(piece) } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 10);
    let mut done = case.publish().await;
    for _ in 0..3 {
        assert_eq!(case.findings(&relay, true).await, [], "{phase:?}");
        if done.code == 5 {
            done = case.publish().await;
        }
    }
    assert_eq!(done.code, 0, "{phase:?}: {done:?}");
    case.expect_all_sent(&relay, copies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_endless_lines_is_given_up() {
    endless_once(Phase::Greeting, b"220-more\r\n", 0).await;
    endless_once(Phase::Ehlo, b"250-MORE\r\n", 0).await;
    endless_once(Phase::Rcpt, b"250-more\r\n", 0).await;
    endless_once(Phase::Logged, b"250-more\r\n", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_one_endless_line_is_given_up() {
    endless_once(Phase::Rcpt, b"250 more and ", 0).await;
    endless_once(Phase::Logged, b"250 more and ", 1).await;
}

/// A relay that refuses every message, and says 250 where nobody asked.
async fn no_false_success(at: Phase) {
    let relay = Relay::playing(move |moment| match moment.phase {
        phase if phase == at => Act::also("250 2.0.0 Ok: queued"),
        Phase::Dot => Act::reply("554 5.6.0 refused"),
        _ => Act::usual(),
    })
    .await;
    let case = Case::new(&relay, 10);
    let done = case.publish().await;
    assert!(!case.states().await.contains_key("accepted"), "{at:?}: {done:?}");
    assert_eq!(case.findings(&relay, true).await, [], "{at:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_250_ahead_of_its_command_is_no_acceptance() {
    for at in [Phase::Ehlo, Phase::Mail, Phase::Rcpt] {
        no_false_success(at).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_250_behind_the_354_is_no_acceptance() {
    no_false_success(Phase::Data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_with_a_go_ahead_gets_nothing() {
    // Some relays say 354 to a pipelined DATA all the same (RFC 2920, 3.1).
    let relay = Relay::playing(|moment| match moment.phase {
        Phase::Rcpt if moment.recipient == reader(3) => Act::reply("550 5.1.1 no"),
        Phase::Data => Act::reply("354 Go ahead"),
        _ => Act::usual(),
    })
    .await;
    let case = Case::new(&relay, 10);
    let mut done = case.publish().await;
    if done.code == 5 {
        done = case.publish().await;
    }
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_well(&relay).await;
    assert_eq!(case.states().await["rejected"], 1);
    assert_eq!(relay.lines().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_rcpt_and_data_come_in_one_write_where_that_is_offered() {
    for pipelining in [Pipelining::Offered, Pipelining::Absent] {
        let settings = Settings { pipelining, ..Settings::default() };
        let relay = Relay::start(settings, |_| Act::usual()).await;
        let case = Case::new(&relay, 20);
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{done:?}");
        case.expect_all_sent(&relay, 0).await;
        let followed = |verb| relay.times_followed(verb);
        let expected = if pipelining == Pipelining::Offered { 20 } else { 0 };
        assert_eq!([followed("MAIL"), followed("RCPT")], [expected; 2], "{pipelining:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_knows_no_ehlo_gets_the_mail_after_helo() {
    let relay = Relay::playing(|moment| match moment.phase {
        Phase::Ehlo => Act::reply("502 5.5.1 command not implemented"),
        _ => Act::usual(),
    })
    .await;
    let case = Case::new(&relay, 10);
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(relay.times_heard("EHLO"), relay.times_heard("HELO"));
    assert_eq!(relay.times_followed("MAIL"), 0, "nobody offered PIPELINING");
    case.expect_all_sent(&relay, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_knows_no_ehlo_is_no_relay_for_a_password() {
    let settings = Settings { login: Some(("desk".into(), "right".into())), ..Settings::default() };
    let relay = Relay::start(settings, |moment| match moment.phase {
        Phase::Ehlo => Act::reply("502 5.5.1 command not implemented"),
        _ => Act::usual(),
    })
    .await;
    let mut case = Case::new(&relay, 10);
    case.environment = vec![("TIDINGS_SMTP_PASSWORD", "right".into())];
    let done = case.publish().await;
    assert_eq!(done.code, 5, "{done:?}");
    let said = "refused EHLO, without which it has no AUTH, and the config asks for that: 502";
    assert!(done.stderr.contains(said), "{done:?}");
    assert_eq!(relay.times_heard("HELO"), 0);
    case.expect_nobody_charged(&relay).await;
}
