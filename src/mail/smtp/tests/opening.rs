//! Greeting, EHLO, TLS, AUTH.

use tokio::join;
use tokio::net::TcpListener;

use super::peer::*;
use super::*;
use crate::config::{Security, SmtpRelay};
use crate::mail::verdict::Trouble;

/// What becomes of a conversation that the relay begins as `play` says.
async fn failure(relay: &SmtpRelay, play: impl AsyncFnOnce(&mut Peer)) -> RelayError {
    let (near, mut peer) = pipe(64 * 1024);
    let (opened, ()) = join!(open(near, relay), async {
        play(&mut peer).await;
        drop(peer);
    });
    opened.unwrap_err()
}

fn plain() -> SmtpRelay {
    relay(Security::Plain, None)
}

#[tokio::test(start_paused = true)]
async fn a_refusing_greeting_is_reported_with_its_reply() {
    let error = failure(&plain(), async |peer| peer.say("554-no\r\n554 mail here\r\n").await).await;
    assert_eq!(error.trouble(), Trouble::Down);
    assert_eq!(
        error.to_string(),
        "relay `smtp://relay.example.org:25` refused the greeting: 554 no mail here"
    );
    let error = failure(&plain(), async |peer| peer.say("421 too busy\r\n").await).await;
    assert_eq!(error.trouble(), Trouble::Closing);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_reply_or_never_ends_is_an_error() {
    let error = failure(&plain(), async |peer| peer.say("SSH-2.0-x\r\n").await).await;
    assert!(matches!(error, RelayError::Unreadable { phase: Phase::Greeting, .. }), "{error:?}");
    for line in ["220-", "220-and so on\r\n"] {
        let error = failure(&plain(), async |peer| peer.say(line.repeat(40_000)).await).await;
        assert!(matches!(error, RelayError::Unreadable { .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn replies_may_come_byte_by_byte() {
    let (near, mut peer) = pipe(1);
    let plain = plain();
    let (opened, ()) = join!(open(near, &plain), peer.welcome(&["PIPELINING", "SIZE 2000"]));
    let connection = opened.unwrap();
    assert!(connection.is_usable() && connection.offer.has_pipelining);
    assert_eq!(connection.offer.size_limit, Some(2_000));
}

#[tokio::test(start_paused = true)]
async fn where_ehlo_is_refused_helo_is_said_and_nothing_is_taken_as_offered() {
    for refusal in ["500 5.5.1 what?", "502 5.5.1 not implemented", "550 not here", "554 no"] {
        let (near, mut peer) = pipe(64 * 1024);
        let plain = plain();
        let (opened, ()) = join!(open(near, &plain), async {
            peer.say("220 relay.example.org ready\r\n").await;
            peer.hear_ehlo().await;
            peer.say(format!("{refusal}\r\n")).await;
            peer.hear_greeting("HELO ").await;
            peer.say("250-relay.example.org\r\n250 PIPELINING\r\n").await;
        });
        let mut connection = opened.unwrap();
        assert_eq!(connection.offer, Offer::default());
        // One command at a time.
        let (begun, ()) = join!(begin(&mut connection), async {
            for (command, reply) in [(MAIL, "250"), (RCPT, "250"), ("DATA\r\n", "354")] {
                peer.hear(command).await;
                peer.say(format!("{reply} ok\r\n")).await;
            }
        });
        begun.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_refuses_helo_too_is_reported_with_its_first_reply() {
    let plain = plain();
    for second in ["550 nor that\r\n", "421 bye\r\n", ""] {
        let error = failure(&plain, async |peer| {
            peer.say("220 relay.example.org\r\n").await;
            peer.hear_ehlo().await;
            peer.say("550 5.7.1 your name is bad\r\n").await;
            peer.hear_greeting("HELO ").await;
            peer.say(second).await;
        });
        assert_eq!(
            error.await.to_string(),
            "relay `smtp://relay.example.org:25` refused EHLO: 550 5.7.1 your name is bad"
        );
    }
    let error = failure(&plain, async |peer| {
        peer.say("220 relay.example.org\r\n").await;
        peer.hear_ehlo().await;
        peer.say("451 4.3.0 later\r\n").await;
        peer.hear_end().await;
    });
    assert!(matches!(error.await, RelayError::Refused { phase: Phase::Hello, .. }));
}

#[tokio::test(start_paused = true)]
async fn without_ehlo_there_is_no_tls_and_no_log_in_and_no_way_around_them() {
    for (relay, missing) in [
        (relay(Security::StartTls, None), "STARTTLS"),
        (relay(Security::StartTls, Some("press")), "STARTTLS"),
        (relay(Security::Plain, Some("press")), "AUTH"),
    ] {
        let error = failure(&relay, async |peer| {
            peer.say("220 relay.example.org\r\n").await;
            peer.hear_ehlo().await;
            peer.say("502 5.5.1 not implemented\r\n").await;
            peer.hear_end().await;
        });
        let error = error.await;
        let said = format!(
            "refused EHLO, without which it has no {missing}, and the config asks for that: 502 \
             5.5.1 not implemented"
        );
        assert!(error.to_string().ends_with(&said), "{error}");
        assert_eq!(error.trouble(), Trouble::Down, "nobody is charged");
        assert!(error.hint().contains("EHLO"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_starttls_is_left() {
    let relay = relay(Security::StartTls, Some("press"));
    let error = failure(&relay, async |peer| {
        peer.welcome(&["AUTH PLAIN"]).await;
        peer.hear_end().await;
    });
    let error = error.await;
    assert!(matches!(error, RelayError::NoTls { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn plain_text_slipped_in_behind_the_go_ahead_for_tls_is_an_attack() {
    let relay = relay(Security::StartTls, None);
    let error = failure(&relay, async |peer| {
        peer.welcome(&["STARTTLS"]).await;
        peer.hear("STARTTLS\r\n").await;
        peer.say("220 go\r\n250-relay.example.org\r\n250 AUTH PLAIN\r\n").await;
        peer.hear_end().await;
    });
    let error = error.await;
    assert!(matches!(error, RelayError::Injected { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn after_starttls_only_what_is_offered_there_counts() {
    let identity = Identity::of("relay.example.org");
    let (near, mut peer) = pipe(64 * 1024);
    let relay = relay(Security::StartTls, Some("press"));
    let opening = Connection::over(near, false, &relay, timeouts(), &identity.trusted);
    let (opened, mut peer) = join!(opening, async {
        peer.welcome(&["STARTTLS", "SIZE 10", "AUTH LOGIN"]).await;
        peer.hear("STARTTLS\r\n").await;
        peer.say("220 go\r\n").await;
        let mut peer = peer.accept_tls(&identity).await.unwrap();
        peer.offer(&["PIPELINING", "AUTH PLAIN"]).await;
        // \0press\0hunter2
        peer.hear("AUTH PLAIN AHByZXNzAGh1bnRlcjI=\r\n").await;
        peer.say("235 2.7.0 welcome\r\n").await;
        peer
    });
    let mut connection = opened.unwrap();
    let (finish, ()) = join!(
        async {
            begin(&mut connection).await.unwrap();
            connection.finish(&[b"Subject: a\r\n\r\n", b"b\r\n"], None).await
        },
        async {
            // All three before the first answer: pipelining was offered inside TLS alone.
            peer.hear(GROUP).await;
            peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
            peer.hear("Subject: a\r\n\r\nb\r\n.\r\n").await;
            peer.say("250 2.0.0 taken\r\n").await;
        }
    );
    assert!(matches!(finish, Finish::Accepted(text) if text == "2.0.0 taken"));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_another_name_or_maker_is_refused() {
    let right = Identity::of("relay.example.org");
    let other = Identity::of("other.example.org");
    let relay = relay(Security::Tls, None);
    for (trusted, shown, is_good) in
        [(&right, &right, true), (&other, &other, false), (&right, &other, false)]
    {
        let (near, peer) = pipe(64 * 1024);
        let opening = Connection::over(near, false, &relay, timeouts(), &trusted.trusted);
        let (opened, _) = join!(opening, async {
            let mut peer = peer.accept_tls(shown).await.ok()?;
            peer.welcome(&[]).await;
            Some(peer)
        });
        assert_eq!(opened.is_ok(), is_good, "{opened:?}");
        assert!(is_good || matches!(opened, Err(RelayError::Tls { .. })), "{opened:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn login_answers_both_challenges() {
    let (near, mut peer) = pipe(64 * 1024);
    let relay = relay(Security::Plain, Some("press"));
    let (opened, ()) = join!(open(near, &relay), async {
        peer.welcome(&["AUTH LOGIN CRAM-MD5"]).await;
        peer.hear("AUTH LOGIN\r\n").await;
        peer.say("334 VXNlcm5hbWU6\r\n").await;
        peer.hear("cHJlc3M=\r\n").await;
        peer.say("334 UGFzc3dvcmQ6\r\n").await;
        peer.hear("aHVudGVyMg==\r\n").await;
        peer.say("235 welcome\r\n").await;
    });
    assert!(opened.unwrap().is_usable());
}

#[tokio::test(start_paused = true)]
async fn a_refused_log_in_names_no_secret() {
    let relay = relay(Security::Plain, Some("press"));
    for repeated in ["hunter2", "AHByZXNzAGh1bnRlcjI=", "press"] {
        let error = failure(&relay, async |peer| {
            peer.welcome(&["AUTH PLAIN"]).await;
            peer.hear("AUTH PLAIN AHByZXNzAGh1bnRlcjI=\r\n").await;
            peer.say(format!("535 5.7.8 not {repeated}\r\n")).await;
        });
        let error = error.await;
        assert_eq!(error.trouble(), Trouble::Credentials);
        assert_eq!(
            error.to_string(),
            "relay `smtp://relay.example.org:25` refused AUTH: 535 5.7.8 …"
        );
        assert!(!format!("{error:?}").contains(repeated));
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_in_that_asks_for_something_else_is_given_up() {
    let relay = relay(Security::Plain, Some("press"));
    for (offered, challenge) in [
        ("AUTH PLAIN", "334 VXNlcm5hbWU6"),
        ("AUTH LOGIN", "334 Q29sb3VyOg=="),
        ("AUTH LOGIN", "334 !"),
    ] {
        let error = failure(&relay, async |peer| {
            peer.welcome(&[offered]).await;
            peer.hear("AUTH ").await;
            peer.say(format!("{challenge}\r\n")).await;
        });
        let error = error.await;
        assert!(matches!(error, RelayError::OutOfStep { phase: Phase::Auth, .. }), "{error:?}");
    }
    let error = failure(&relay, async |peer| peer.welcome(&["AUTH CRAM-MD5"]).await).await;
    assert!(matches!(error, RelayError::NoAuth { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn no_password_leaves_this_machine_in_the_clear() {
    let (near, mut peer) = pipe(64 * 1024);
    let relay = relay(Security::Plain, Some("press"));
    let nobody = TlsSettings::trusting(rustls::RootCertStore::empty());
    let (opened, ()) = join!(Connection::over(near, false, &relay, timeouts(), &nobody), async {
        peer.welcome(&["AUTH PLAIN"]).await;
        peer.hear_end().await;
    });
    assert!(matches!(opened, Err(RelayError::Exposed { .. })), "{opened:?}");
}

#[tokio::test]
async fn a_relay_on_a_socket_is_opened_and_left_with_quit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let at = SmtpRelay { host: "127.0.0.1".into(), port, ..plain() };
    let nobody = TlsSettings::system();
    let ((), ()) = join!(
        async {
            let connection = Connection::open(&at, Timeouts::default(), &nobody).await.unwrap();
            connection.quit().await;
        },
        async {
            let mut peer = Peer::new(listener.accept().await.unwrap().0);
            peer.welcome(&[]).await;
            peer.hear("QUIT\r\n").await;
            peer.say("221 bye\r\n").await;
            peer.hear_end().await;
        }
    );
    drop(listener);
    let error = Connection::open(&at, Timeouts::default(), &nobody).await.unwrap_err();
    assert_eq!(error.to_string(), format!("could not reach relay `smtp://127.0.0.1:{port}`"));
}
