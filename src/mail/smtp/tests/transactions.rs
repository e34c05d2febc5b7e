//! From MAIL to the reply to the dot.

use std::sync::atomic::Ordering;

use tokio::join;

use super::peer::*;
use super::*;
use crate::mail::verdict::{Recipient, Trouble};

/// What `begin` comes to where the whole group is answered with `replies`.
async fn begun(replies: &[u8]) -> (Result<(), BeginError>, Connection, Peer) {
    let (mut connection, mut peer) = ready(&["PIPELINING"]).await;
    let (begun, ()) = join!(begin(&mut connection), async {
        peer.hear(GROUP).await;
        peer.say(replies).await;
        // RSET, where it comes.
        peer.say("250 ok\r\n").await;
    });
    (begun, connection, peer)
}

/// What `finish` comes to with this reply to the dot.
async fn finished(reply: &[u8]) -> (Finish, Connection) {
    let (mut connection, mut peer) = going_ahead().await;
    let (finish, ()) = join!(connection.finish(&[b"a\r\n"], None), async {
        peer.hear("a\r\n.\r\n").await;
        peer.say(reply).await;
        drop(peer);
    });
    (finish, connection)
}

#[tokio::test(start_paused = true)]
async fn with_pipelining_a_message_takes_two_writes() {
    let (mut connection, mut peer, writes) = counted(&["PIPELINING", "SIZE 2000"]).await;
    for _ in 0..3 {
        writes.store(0, Ordering::SeqCst);
        let (finish, ()) = join!(
            async {
                begin(&mut connection).await.unwrap();
                connection.finish(&[b"", b"a\r\n", b"", b"b\r\n", b""], None).await
            },
            async {
                peer.hear("MAIL FROM:<press@example.org> SIZE=1000\r\n").await;
                peer.hear("RCPT TO:<mei@example.com>\r\nDATA\r\n").await;
                peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
                peer.hear("a\r\nb\r\n.\r\n").await;
                peer.say("250 2.0.0 taken\r\n").await;
            }
        );
        assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
        assert_eq!(writes.load(Ordering::SeqCst), 2);
    }
    assert!(connection.is_usable());
    assert_eq!(connection.messages(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_pipelining_each_command_waits_for_its_answer() {
    let (mut connection, mut peer, writes) = counted(&[]).await;
    writes.store(0, Ordering::SeqCst);
    let (begun, ()) = join!(begin(&mut connection), async {
        for (number, command, answer) in
            [(1, MAIL, "250"), (2, RCPT, "251"), (3, "DATA\r\n", "354")]
        {
            peer.hear(command).await;
            assert_eq!(writes.load(Ordering::SeqCst), number);
            peer.say(format!("{answer} ok\r\n")).await;
        }
    });
    begun.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_a_write_goes_out_whole() {
    let (near, peer) = pipe(1_000);
    let (mut connection, mut peer) = ready_over(near, peer, &[]).await;
    let body = "0123456789\r\n".repeat(1_000);
    let (first, second) = body.split_at(4_321);
    let (finish, ()) = join!(
        async {
            begin(&mut connection).await.unwrap();
            connection.finish(&[first.as_bytes(), second.as_bytes()], None).await
        },
        async {
            for (command, answer) in [(MAIL, "250"), (RCPT, "250"), ("DATA\r\n", "354")] {
                peer.hear(command).await;
                peer.say(format!("{answer} ok\r\n")).await;
            }
            peer.hear(&format!("{body}.\r\n")).await;
            peer.say("250 taken\r\n").await;
        }
    );
    assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_last_line_end_gets_one_before_the_dot() {
    let (mut connection, mut peer) = going_ahead().await;
    let (_, ()) = join!(connection.finish(&[b"a", b""], None), async {
        peer.hear("a\r\n.\r\n").await;
        peer.say("250 taken\r\n").await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_refused_recipient_is_reset_and_the_connection_goes_on() {
    for extensions in [&["PIPELINING"][..], &[]] {
        let (mut connection, mut peer) = ready(extensions).await;
        let (begun, ()) = join!(begin(&mut connection), async {
            if extensions.is_empty() {
                peer.hear(MAIL).await;
                peer.say("250 ok\r\n").await;
                peer.hear(RCPT).await;
                peer.say("550 5.1.1 no <mei@example.com> here\r\n").await;
            } else {
                peer.hear(GROUP).await;
                peer.say("250 ok\r\n550 5.1.1 no <mei@example.com> here\r\n503 no\r\n").await;
            }
            peer.hear("RSET\r\n").await;
            peer.say("250 ok\r\n").await;
        });
        let Err(BeginError::Recipient(refusal)) = begun else { panic!("{begun:?}") };
        assert_eq!(refusal.class, Recipient::Gone);
        assert_eq!(refusal.reply.to_string(), "550 5.1.1 no … here");
        assert!(connection.is_usable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_go_ahead_in_spite_of_a_refusal_ends_the_connection() {
    for replies in [&b"250 ok\r\n550 no\r\n354 go\r\n"[..], b"550 no\r\n250 ok\r\n354 go\r\n"] {
        let (begun, connection, mut peer) = begun(replies).await;
        assert!(begun.is_err());
        assert!(!connection.is_usable());
        drop(connection);
        peer.hear_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_stays_so_where_the_relay_then_hangs_up() {
    for rest in ["421 too many errors\r\n", "421-", ""] {
        let (mut connection, mut peer) = ready(&["PIPELINING"]).await;
        let (begun, ()) = join!(begin(&mut connection), async {
            peer.hear(GROUP).await;
            peer.say(format!("250 ok\r\n550 5.1.1 no\r\n{rest}")).await;
            drop(peer);
        });
        let Err(BeginError::Recipient(refusal)) = begun else { panic!("{begun:?}") };
        assert_eq!(refusal.class, Recipient::Gone);
        assert!(!connection.is_usable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_sender_is_the_relays_matter() {
    let (begun, connection, _) = begun(b"550 5.7.1 not yours\r\n503 order\r\n503 order\r\n").await;
    let Err(BeginError::Relay(error)) = begun else { panic!("{begun:?}") };
    assert_eq!(error.trouble(), Trouble::Sender);
    assert_eq!(
        error.to_string(),
        "relay `smtp://relay.example.org:25` refused MAIL: 550 5.7.1 not yours"
    );
    assert!(connection.is_usable());
}

#[tokio::test(start_paused = true)]
async fn a_421_is_the_relays_at_any_command_and_ends_the_connection() {
    for replies in
        [&b"421 bye\r\n"[..], b"250 ok\r\n421 bye\r\n", b"250 ok\r\n250 ok\r\n421 bye\r\n"]
    {
        let (begun, connection, _) = begun(replies).await;
        let Err(BeginError::Relay(error)) = begun else { panic!("{begun:?}") };
        assert_eq!(error.trouble(), Trouble::Closing);
        assert!(!connection.is_usable());
    }
}

#[tokio::test(start_paused = true)]
async fn replies_that_belong_elsewhere_end_the_connection() {
    for replies in [
        &b"354 go\r\n250 ok\r\n250 ok\r\n"[..],
        b"250 ok\r\n354 go\r\n250 ok\r\n",
        b"250 ok\r\n250 ok\r\n250 ok\r\n",
        b"221 bye\r\n250 ok\r\n354 go\r\n",
        b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
    ] {
        let (begun, mut connection, _peer) = begun(replies).await;
        // The last of these is seen at the latest before the message goes out.
        let error = match begun {
            Err(BeginError::Relay(error)) => error,
            Ok(()) => match connection.finish(&[b"a\r\n"], None).await {
                Finish::Unsent(error) => error,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        assert!(matches!(error, RelayError::OutOfStep { .. }), "{error:?}");
        assert!(!connection.is_usable());
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_unasked_between_two_messages_ends_the_connection() {
    for (bytes, trouble) in [
        ("250 ok\r\n", Trouble::Down),
        ("25", Trouble::Down),
        ("\r\n", Trouble::Down),
        ("421 4.4.2 idle for too long\r\n", Trouble::Closing),
        ("", Trouble::Closing),
    ] {
        let (mut connection, mut peer) = ready(&["PIPELINING"]).await;
        peer.say(bytes).await;
        drop(peer);
        let begun = begin(&mut connection).await;
        let Err(BeginError::Relay(error)) = begun else { panic!("{bytes}: {begun:?}") };
        assert_eq!(error.trouble(), trouble, "{bytes}");
        assert!(!connection.is_usable());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_message_is_no_answer_to_it() {
    let (mut connection, mut peer) = going_ahead().await;
    peer.say("250 taken\r\n").await;
    let finish = connection.finish(&[b"a\r\n"], None).await;
    assert!(matches!(finish, Finish::Unsent(RelayError::OutOfStep { .. })), "{finish:?}");
    assert!(!connection.is_usable());
    drop(connection);
    peer.hear_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_latin_1_is_a_reply() {
    let (finish, connection) = finished(b"250 re\xe7u, \xe0 bient\xf4t\r\n").await;
    assert!(matches!(&finish, Finish::Accepted(text) if text == "reçu, à bientôt"), "{finish:?}");
    assert!(connection.is_usable());
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_after_the_dot_is_the_persons_or_the_relays() {
    let (finish, connection) = finished(b"550 5.7.1 not wanted\r\n").await;
    assert!(matches!(&finish, Finish::Refused(refusal) if refusal.class == Recipient::Policy));
    assert!(connection.is_usable());
    for (reply, trouble, is_usable) in [
        (&b"454 Throttling failure\r\n"[..], Trouble::Throttled, true),
        (b"421 bye\r\n", Trouble::Closing, false),
    ] {
        let (finish, connection) = finished(reply).await;
        assert!(matches!(&finish, Finish::Unsent(error) if error.trouble() == trouble));
        assert_eq!(connection.is_usable(), is_usable);
    }
}

#[tokio::test(start_paused = true)]
async fn no_readable_answer_to_the_dot_leaves_the_message_lost() {
    for reply in [&b""[..], b"2", b"250-a\r\n", b"taken\r\n", b"354 go\r\n", b"221 bye\r\n"] {
        let (finish, connection) = finished(reply).await;
        assert!(matches!(finish, Finish::Lost(_)), "{reply:?}: {finish:?}");
        assert!(!connection.is_usable());
    }
    let endless = b"250-and so on\r\n".repeat(5_000);
    let (finish, _) = finished(&endless).await;
    assert!(matches!(finish, Finish::Lost(RelayError::Unreadable { .. })), "{finish:?}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_hangs_up_within_the_message_has_not_got_it() {
    let (near, peer) = pipe(100);
    let (mut connection, mut peer) = ready_over(near, peer, &["PIPELINING"]).await;
    let body = b"0123456789\r\n".repeat(100);
    let (finish, ()) = join!(
        async {
            begin(&mut connection).await.unwrap();
            connection.finish(&[&body], None).await
        },
        async {
            peer.hear(GROUP).await;
            peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
            peer.hear("0123456789\r\n").await;
            drop(peer);
        }
    );
    assert!(matches!(finish, Finish::Unsent(RelayError::Broken { .. })), "{finish:?}");
    assert!(!connection.is_usable());
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_not_begun_and_nothing_is_lost() {
    let (mut connection, mut peer) = ready(&["SIZE 999"]).await;
    let begun = begin(&mut connection).await;
    let Err(BeginError::Relay(error)) = begun else { panic!("{begun:?}") };
    assert_eq!(error.trouble(), Trouble::TooLarge);
    assert_eq!(
        error.to_string(),
        "a message of 1000 bytes is larger than relay `smtp://relay.example.org:25` takes: 999"
    );
    assert!(connection.is_usable());
    drop(connection);
    peer.hear_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_size_refused_at_mail_is_the_messages_fault() {
    let (begun, ..) = begun(b"552 5.3.4 too large\r\n503 order\r\n503 order\r\n").await;
    let Err(BeginError::Relay(error)) = begun else { panic!("{begun:?}") };
    assert_eq!(error.trouble(), Trouble::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_was_dropped_leaves_the_connection_unusable() {
    let (mut connection, _peer) = ready(&["PIPELINING"]).await;
    let limit = Duration::from_millis(1);
    assert!(tokio::time::timeout(limit, begin(&mut connection)).await.is_err());
    assert!(!connection.is_usable());
    assert!(matches!(begin(&mut connection).await, Err(BeginError::Relay(_))));

    let (mut connection, _peer) = going_ahead().await;
    assert!(tokio::time::timeout(limit, connection.finish(&[b"a\r\n"], None)).await.is_err());
    assert!(!connection.is_usable());
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_go_ahead_is_not_sent() {
    let (mut connection, mut peer) = ready(&[]).await;
    assert!(matches!(connection.finish(&[b"a\r\n"], None).await, Finish::Unsent(_)));
    drop(connection);
    peer.hear_end().await;
}
