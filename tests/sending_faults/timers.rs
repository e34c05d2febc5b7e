//! Relays that fall silent, with timers of the test's own: those of the program are minutes.

use std::time::Duration;

use tidings::config::{Security, SmtpRelay};
use tidings::mail::smtp::{
    BeginError, Connection, Envelope, Finish, RelayError, Timeouts, TlsSettings,
};

use super::relay::{Act, Gate, Phase, Relay};

const MESSAGE: &[u8] = b"Message-ID: <a@example.org>\r\n\r\nThe bridge opens today.\r\n";

/// The timer that a test waits for; the program's own are longer than any test.
const SHORT: Duration = Duration::from_millis(100);

async fn open(relay: &Relay, timeouts: Timeouts) -> Result<Connection, RelayError> {
    let relay = SmtpRelay {
        host: "127.0.0.1".into(),
        port: relay.address.port(),
        security: Security::Plain,
        credentials: None,
        lacks_password_of: None,
    };
    Connection::open(&relay, timeouts, &TlsSettings::system()).await
}

async fn begin(connection: &mut Connection) -> Result<(), BeginError> {
    let address = |text: &str| text.parse().unwrap();
    let size_bytes = u64::try_from(MESSAGE.len()).unwrap();
    let (from, to) = (address("press@example.org"), address("mei@example.org"));
    connection.begin(Envelope { from: &from, to: &to, size_bytes }).await
}

async fn silent(at: Phase) -> Relay {
    Relay::playing(move |moment| if moment.is(at) { Act::silent() } else { Act::usual() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_silent_before_mail_is_given_up() {
    for phase in [Phase::Greeting, Phase::Ehlo] {
        let relay = silent(phase).await;
        let error = open(&relay, Timeouts { greeting: SHORT, hello: SHORT, ..Timeouts::default() })
            .await
            .err();
        assert!(matches!(error, Some(RelayError::Silent { .. })), "{phase:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_silent_before_the_go_ahead_is_to_blame_itself() {
    for phase in [Phase::Mail, Phase::Rcpt, Phase::Data] {
        let relay = silent(phase).await;
        let timeouts = Timeouts {
            sender: SHORT,
            recipient: SHORT,
            data_go_ahead: SHORT,
            ..Timeouts::default()
        };
        let mut connection = open(&relay, timeouts).await.unwrap();
        let error = begin(&mut connection).await.err();
        let is_silent = matches!(error, Some(BeginError::Relay(RelayError::Silent { .. })));
        assert!(is_silent, "{phase:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_reply_is_a_silent_relay() {
    for phase in [Phase::Mail, Phase::Rcpt] {
        let relay = Relay::playing(
            move |moment| {
                if moment.is(phase) { Act::drop_reply() } else { Act::usual() }
            },
        )
        .await;
        let timeouts = Timeouts {
            sender: SHORT,
            recipient: SHORT,
            data_go_ahead: SHORT,
            ..Timeouts::default()
        };
        let mut connection = open(&relay, timeouts).await.unwrap();
        let error = begin(&mut connection).await.err();
        assert!(matches!(error, Some(BeginError::Relay(_))), "{phase:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_250_after_our_timer_leaves_the_message_unknown() {
    let gate = Gate::new();
    let relay = Relay::answering_first(0, &gate).await;
    let timeouts = Timeouts { reply_to_dot: SHORT, ..Timeouts::default() };
    let mut connection = open(&relay, timeouts).await.unwrap();
    begin(&mut connection).await.unwrap();
    let finish = connection.finish(&[MESSAGE], None).await;
    assert!(matches!(finish, Finish::Lost(_)), "{finish:?}");
    // The 250 that comes now belongs to nobody.
    gate.release();
    assert_eq!(relay.lines().len(), 1);
}
