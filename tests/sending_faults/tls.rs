//! TLS that is missing, or not the relay's.

use super::Case;
use super::relay::certificates::Authority;
use super::relay::{Act, Phase, Pipelining, Relay, Settings, Tls};
use tokio_rustls::TlsAcceptor;

/// A relay with a password to lose, and an office that trusts `authority` alone.
async fn case(authority: &Authority, tls: Tls) -> (Relay, Case) {
    let login = Some(("desk".to_owned(), "secret".to_owned()));
    let settings = Settings { tls, login, pipelining: Pipelining::AfterTls, ..Settings::default() };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    let case = trusting(authority, &relay);
    (relay, case)
}

fn trusting(authority: &Authority, relay: &Relay) -> Case {
    let mut case = Case::new(relay, 10);
    let path = case.office.path("authority.pem");
    authority.write(&path);
    case.environment = vec![
        ("SSL_CERT_FILE", path.display().to_string()),
        ("TIDINGS_SMTP_PASSWORD", "secret".to_owned()),
    ];
    case
}

const KINDS: [fn(TlsAcceptor) -> Tls; 2] = [Tls::Offered, Tls::Implicit];

#[tokio::test(flavor = "multi_thread")]
async fn a_right_certificate_lets_the_mail_through() {
    for kind in KINDS {
        let authority = Authority::new();
        let (relay, case) = case(&authority, kind(authority.server("127.0.0.1"))).await;
        let done = case.publish().await;
        assert_eq!(done.code, 0, "{done:?}");
        case.expect_all_sent(&relay, 0).await;
        // PIPELINING is offered after the upgrade alone.
        assert_eq!(relay.times_followed("MAIL"), 10);
        let in_clear = relay.heard().into_iter().filter(|heard| !heard.is_secure);
        assert!(in_clear.into_iter().all(|heard| ["EHLO", "STARTTLS"].contains(&&*heard.verb)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_certificate_gets_neither_password_nor_mail() {
    for kind in KINDS {
        let authority = Authority::new();
        for (acceptor, remedy) in [
            (authority.server("relay.example.com"), "the name in `mail.relay`"),
            (Authority::new().server("127.0.0.1"), "SSL_CERT_FILE"),
        ] {
            let (relay, case) = case(&authority, kind(acceptor)).await;
            let done = case.publish().await;
            assert_eq!(done.code, 5, "{done:?}");
            assert!(done.stderr.contains("certificate"), "{done:?}");
            assert!(done.stderr.contains(remedy), "{done:?}");
            assert_eq!(relay.times_heard("AUTH") + relay.times_heard("MAIL"), 0);
            case.expect_nobody_charged(&relay).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_does_not_begin_with_tls_is_told_as_such() {
    let authority = Authority::new();
    let (relay, case) = case(&authority, Tls::Absent).await;
    case.office.set_relay(&relay.url().replace("smtp://", "smtps://"));
    let done = case.publish().await;
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains("the port does not begin with TLS"), "{done:?}");
    case.expect_nobody_charged(&relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_stopped_offering_starttls_gets_neither_password_nor_mail() {
    let authority = Authority::new();
    let (relay, case) = case(&authority, Tls::Absent).await;
    case.office.set_relay(&relay.url().replace("smtp://", "smtp+starttls://"));
    let done = case.publish().await;
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains("offers no TLS"), "{done:?}");
    assert_eq!(relay.times_heard("AUTH") + relay.times_heard("MAIL"), 0);
    case.expect_nobody_charged(&relay).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_starttls_gets_no_mail() {
    for reply in ["454 4.7.0 TLS not available", "502 5.5.1 no"] {
        let authority = Authority::new();
        let tls = Tls::Offered(authority.server("127.0.0.1"));
        let relay = Relay::start(Settings { tls, ..Settings::default() }, move |moment| {
            if moment.is(Phase::StartTls) { Act::reply(reply) } else { Act::usual() }
        })
        .await;
        let case = trusting(&authority, &relay);
        let done = case.publish().await;
        assert_eq!(done.code, 5, "{done:?}");
        assert_eq!(relay.times_heard("MAIL"), 0);
        case.expect_nobody_charged(&relay).await;
    }
}

/// CVE-2011-0411, from the side of the client: what somebody put behind the 220 in the clear
/// is no reply to what is said under TLS.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_behind_the_220_do_not_survive_the_upgrade() {
    let authority = Authority::new();
    let tls = Tls::Offered(authority.server("127.0.0.1"));
    // Every message is refused; a client one reply behind takes the 354 for its 250.
    let relay =
        Relay::start(Settings { tls, ..Settings::default() }, |moment| match moment.phase {
            Phase::StartTls => Act::also("250-relay.example.org\r\n250 PIPELINING"),
            Phase::Dot => Act::reply("554 5.6.0 refused"),
            _ => Act::usual(),
        })
        .await;
    let case = trusting(&authority, &relay);
    let done = case.publish().await;
    assert!(!case.states().await.contains_key("accepted"), "{done:?}");
    assert_eq!(case.findings(&relay, true).await, []);
    // What is said at all, is said in step: nobody went on to MAIL on another's EHLO reply.
    assert_eq!(relay.faults(), [""; 0], "{done:?}");
}
