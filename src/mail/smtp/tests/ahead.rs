//! The commands of the next transaction behind the dot of the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::join;

use super::peer::*;
use super::*;
use crate::config::Security;
use crate::mail::verdict::{Recipient, Trouble};

/// Sends a message with another behind it, to a relay that answers with `replies` in one go.
async fn finished_with_next(replies: &str) -> (Finish, Connection, Peer) {
    let (mut connection, mut peer) = going_ahead().await;
    let (finish, ()) = join!(connection.finish(&[b"a\r\n"], Some(envelope(1_000))), async {
        peer.hear(&format!("a\r\n.\r\n{GROUP}")).await;
        peer.say(replies).await;
    });
    (finish, connection, peer)
}

const GO_AHEAD: &str = "250 ok\r\n250 ok\r\n354 go\r\n";

/// The next transaction, up to its acceptance; all of it is answered as usual.
async fn goes_on(connection: &mut Connection, peer: &mut Peer) {
    let (finish, ()) = join!(
        async {
            begin(connection).await.unwrap();
            connection.finish(&[b"b\r\n"], None).await
        },
        async {
            peer.hear("b\r\n.\r\n").await;
            peer.say("250 2.0.0 taken\r\n").await;
        }
    );
    assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
    assert!(connection.is_usable() && !connection.is_begun());
}

#[tokio::test(start_paused = true)]
async fn each_message_behind_the_first_costs_one_write() {
    let (mut connection, mut peer, writes) = counted(&["PIPELINING", "SIZE 2000"]).await;
    let group = "MAIL FROM:<press@example.org> SIZE=1000\r\nRCPT TO:<mei@example.com>\r\nDATA\r\n";
    writes.store(0, Ordering::SeqCst);
    for (number, is_last) in [(1, false), (2, false), (3, true)] {
        let next = (!is_last).then(|| envelope(1_000));
        let (finish, ()) = join!(
            async {
                begin(&mut connection).await.unwrap();
                connection.finish(&[b"", b"a\r\n", b"b\r\n", b""], next).await
            },
            async {
                if number == 1 {
                    peer.hear(group).await;
                }
                peer.say(GO_AHEAD).await;
                peer.hear("a\r\nb\r\n.\r\n").await;
                if !is_last {
                    peer.hear(group).await;
                }
                assert_eq!(writes.load(Ordering::SeqCst), 1 + number);
                peer.say("250 2.0.0 taken\r\n").await;
            }
        );
        assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
        assert_eq!((connection.is_begun(), connection.is_usable()), (!is_last, is_last));
    }
    assert_eq!(connection.messages(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_begun_is_not_sent_again_and_takes_replies_that_came_early() {
    let (mut connection, mut peer, writes) = counted(&["PIPELINING"]).await;
    let (finish, ()) = join!(
        async {
            begin(&mut connection).await.unwrap();
            connection.finish(&[b"a\r\n"], Some(envelope(1_000))).await
        },
        async {
            peer.hear(GROUP).await;
            peer.say(GO_AHEAD).await;
            peer.hear(&format!("a\r\n.\r\n{GROUP}")).await;
            peer.say(format!("250 taken\r\n{GO_AHEAD}")).await;
        }
    );
    assert!(matches!(&finish, Finish::Accepted(text) if text == "taken"), "{finish:?}");
    writes.store(0, Ordering::SeqCst);
    begin(&mut connection).await.unwrap();
    assert_eq!(writes.load(Ordering::SeqCst), 0);
    drop(connection);
    peer.hear_end().await;
}

#[tokio::test(start_paused = true)]
async fn with_bytes_one_at_a_time_replies_stay_with_their_commands() {
    let (near, peer) = pipe(1);
    let (mut connection, mut peer) = ready_over(near, peer, &["PIPELINING"]).await;
    join!(
        async {
            begin(&mut connection).await.unwrap();
            for _ in 0..3 {
                let finish = connection.finish(&[b"a\r\n"], Some(envelope(1_000))).await;
                assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
                begin(&mut connection).await.unwrap();
            }
        },
        async {
            peer.hear(GROUP).await;
            peer.say(GO_AHEAD).await;
            for _ in 0..3 {
                peer.hear(&format!("a\r\n.\r\n{GROUP}")).await;
                peer.say(format!("250-2.0.0 it is\r\n250 2.0.0 taken\r\n{GO_AHEAD}")).await;
            }
        }
    );
}

#[tokio::test(start_paused = true)]
async fn behind_a_message_that_was_refused_the_next_goes_on_in_step() {
    for reply in ["550 5.7.1 not wanted\r\n", "450 4.2.0 later\r\n", "452 4.2.2 full\r\n"] {
        let (finish, mut connection, mut peer) =
            finished_with_next(&format!("{reply}{GO_AHEAD}")).await;
        assert!(matches!(finish, Finish::Refused(_)), "{reply}: {finish:?}");
        assert!(connection.is_begun());
        goes_on(&mut connection, &mut peer).await;
    }
    let (finish, mut connection, mut peer) =
        finished_with_next(&format!("454 4.7.0 throttled\r\n{GO_AHEAD}")).await;
    let Finish::Unsent(error) = finish else { panic!("{finish:?}") };
    assert_eq!(error.trouble(), Trouble::Throttled);
    goes_on(&mut connection, &mut peer).await;
}

#[tokio::test(start_paused = true)]
async fn a_421_to_the_dot_ends_what_was_begun_behind_it() {
    for rest in ["", "421 bye\r\n", GO_AHEAD] {
        let (finish, mut connection, mut peer) =
            finished_with_next(&format!("421 closing\r\n{rest}")).await;
        let Finish::Unsent(error) = finish else { panic!("{finish:?}") };
        assert_eq!(error.trouble(), Trouble::Closing);
        assert!(!connection.is_begun() && !connection.is_usable());
        assert!(matches!(begin(&mut connection).await, Err(BeginError::Relay(_))));
        drop(connection);
        peer.hear_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_next_recipient_who_is_refused_is_reset_and_the_connection_goes_on() {
    for answers in ["250 ok\r\n550 5.1.1 no\r\n503 no\r\n", "250 ok\r\n550 5.1.1 no\r\n554 no\r\n"]
    {
        let (finish, mut connection, mut peer) =
            finished_with_next(&format!("250 taken\r\n{answers}")).await;
        assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
        let (begun, ()) = join!(begin(&mut connection), async {
            peer.hear("RSET\r\n").await;
            peer.say("250 ok\r\n").await;
        });
        let Err(BeginError::Recipient(refusal)) = begun else { panic!("{begun:?}") };
        assert_eq!(refusal.class, Recipient::Gone);
        assert!(connection.is_usable() && !connection.is_begun());
        let (begun, ()) = join!(begin(&mut connection), async {
            peer.hear(GROUP).await;
            peer.say(GO_AHEAD).await;
        });
        begun.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_next_recipient_who_is_refused_with_a_go_ahead_ends_the_connection() {
    let (_, mut connection, mut peer) =
        finished_with_next("250 taken\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n").await;
    assert!(matches!(begin(&mut connection).await, Err(BeginError::Recipient(_))));
    assert!(!connection.is_usable() && !connection.is_begun());
    drop(connection);
    peer.hear_end().await;
}

#[tokio::test(start_paused = true)]
async fn where_no_pipelining_is_offered_nothing_goes_ahead() {
    let (mut connection, mut peer) = ready(&[]).await;
    let (finish, ()) = join!(
        async {
            begin(&mut connection).await.unwrap();
            connection.finish(&[b"a\r\n"], Some(envelope(1_000))).await
        },
        async {
            for (command, reply) in [(MAIL, "250"), (RCPT, "250"), ("DATA\r\n", "354")] {
                peer.hear(command).await;
                peer.say(format!("{reply} ok\r\n")).await;
            }
            peer.hear("a\r\n.\r\n").await;
            peer.say("250 taken\r\n").await;
        }
    );
    assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
    assert!(connection.is_usable() && !connection.is_begun());
    drop(connection);
    peer.hear_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_next_message_over_the_limit_does_not_go_ahead() {
    for (size_bytes, is_ahead) in [(1_000, true), (1_001, false)] {
        let (mut connection, mut peer) = ready(&["PIPELINING", "SIZE 1000"]).await;
        let (finish, ()) = join!(
            async {
                begin(&mut connection).await.unwrap();
                connection.finish(&[b"a\r\n"], Some(envelope(size_bytes))).await
            },
            async {
                peer.hear("MAIL FROM:<press@example.org> SIZE=1000\r\n").await;
                peer.hear("RCPT TO:<mei@example.com>\r\nDATA\r\n").await;
                peer.say(GO_AHEAD).await;
                peer.hear("a\r\n.\r\n").await;
                peer.say("250 taken\r\n").await;
            }
        );
        assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
        assert_eq!((connection.is_begun(), connection.is_usable()), (is_ahead, !is_ahead));
        drop(connection);
        assert_eq!(peer.rest().await.is_empty(), !is_ahead);
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_hangs_up_behind_its_250_has_taken_the_message_and_not_the_next() {
    for (rest, trouble) in
        [("", Trouble::Down), ("421 4.4.2 enough\r\n", Trouble::Closing), ("25", Trouble::Down)]
    {
        let (finish, mut connection, peer) =
            finished_with_next(&format!("250 taken\r\n{rest}")).await;
        assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
        drop(peer);
        let begun = begin(&mut connection).await;
        let Err(BeginError::Relay(error)) = begun else { panic!("{rest}: {begun:?}") };
        assert_eq!(error.trouble(), trouble, "{rest}");
        assert!(!error.is_in_transaction(), "the next one is not suspected: {error:?}");
        assert!(!connection.is_usable() && !connection.is_begun());
    }
}

#[tokio::test(start_paused = true)]
async fn replies_to_what_was_begun_that_belong_elsewhere_end_the_connection() {
    for rest in [
        "250 ok\r\n354 go\r\n250 ok\r\n",
        "354 go\r\n",
        "250 ok\r\n250 ok\r\n250 ok\r\n",
        "250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n",
        "220 hello\r\n",
    ] {
        let (_, mut connection, mut peer) =
            finished_with_next(&format!("250 taken\r\n{rest}")).await;
        let begun = begin(&mut connection).await;
        let is_out_of_step = matches!(&begun, Err(BeginError::Relay(RelayError::OutOfStep { .. })));
        assert!(is_out_of_step, "{rest}: {begun:?}");
        assert!(!connection.is_usable() && !connection.is_begun());
        drop(connection);
        peer.hear_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_readable_answer_to_the_dot_loses_the_message_and_ends_what_was_begun() {
    for reply in ["354 go\r\n250 ok\r\n", "221 bye\r\n", "taken\r\n", ""] {
        let (finish, connection, _peer) = finished_with_next(reply).await;
        assert!(matches!(finish, Finish::Lost(_)), "{reply}: {finish:?}");
        assert!(!connection.is_usable() && !connection.is_begun());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_begun_transaction_follows_it() {
    let (_, mut connection, mut peer) = finished_with_next("250 taken\r\n").await;
    let finish = connection.finish(&[b"b\r\n"], None).await;
    assert!(matches!(finish, Finish::Unsent(RelayError::OutOfStep { .. })), "{finish:?}");
    connection.quit().await;
    // No QUIT: its reply would not be told from the others.
    peer.hear_end().await;
}

/// One of two lengths that put the dot on the one or the other side of a TLS record's end.
fn lines(length: usize) -> String {
    format!("{}\r\n", "x".repeat(length - 2))
}

/// What a message that is cut off after so many bytes comes to, and what the relay has of it.
async fn cut_off(
    left: &Arc<AtomicUsize>,
    bytes: usize,
    message: &str,
    (mut connection, mut peer): (Connection, Peer),
) -> (Finish, String) {
    let (begun, ()) = join!(begin(&mut connection), async {
        peer.hear(GROUP).await;
        peer.say(GO_AHEAD).await;
    });
    begun.unwrap();
    left.store(bytes, Ordering::SeqCst);
    let finish = async {
        let finish = connection.finish(&[message.as_bytes()], Some(envelope(1_000))).await;
        drop(connection);
        finish
    };
    join!(finish, peer.rest())
}

/// Nothing that a relay may have taken is sent again as if it had not.
#[tokio::test(start_paused = true)]
async fn what_was_written_up_to_the_dot_is_lost_and_what_was_not_is_unsent() {
    let message = lines(50);
    for bytes in 1..message.len() + ".\r\n".len() + GROUP.len() {
        let (near, peer, left) = breaking();
        let ready = ready_over(near, peer, &["PIPELINING"]).await;
        let (finish, heard) = cut_off(&left, bytes, &message, ready).await;
        assert_eq!(heard.len(), bytes);
        let is_out = heard.starts_with(&format!("{message}.\r\n"));
        match finish {
            Finish::Lost(_) => assert!(is_out, "{bytes}: {heard:?}"),
            Finish::Unsent(_) => assert!(!is_out, "{bytes}: {heard:?}"),
            other => panic!("{bytes}: {other:?}"),
        }
    }
}

/// A TLS record is all there or not at all; the dot may end one, and the commands begin the next.
#[tokio::test(start_paused = true)]
async fn over_tls_too_a_dot_that_is_out_is_never_taken_for_unsent() {
    const RECORD: usize = 16 * 1_024;
    let identity = Identity::of("relay.example.org");
    let relay = relay(Security::Tls, None);
    let mut seen = [0, 0];
    for length in [1_000, RECORD - 10, RECORD - 3, RECORD + 7] {
        let message = lines(length);
        // Over the message, and byte by byte beyond it.
        let cuts = (1..length).step_by(3_001).chain(length - 5..length + 250);
        for bytes in cuts {
            let (near, peer, left) = breaking();
            let opening = Connection::over(near, true, &relay, timeouts(), &identity.trusted);
            let (opened, peer) = join!(opening, async {
                let mut peer = peer.accept_tls(&identity).await.unwrap();
                peer.welcome(&["PIPELINING"]).await;
                peer
            });
            let (finish, heard) = cut_off(&left, bytes, &message, (opened.unwrap(), peer)).await;
            let is_out = heard.starts_with(&format!("{message}.\r\n"));
            match finish {
                Finish::Unsent(_) => assert!(!is_out, "{length}, {bytes}: {}", heard.len()),
                Finish::Lost(_) => assert!(is_out, "{length}, {bytes}: {}", heard.len()),
                other => panic!("{length}, {bytes}: {other:?}"),
            }
            seen[usize::from(is_out)] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}
