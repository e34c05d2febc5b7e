//! One timer for each phase, and none that a relay can stretch byte by byte.

use tokio::join;
use tokio::time::{Instant, sleep};

use super::peer::*;
use super::*;
use crate::config::Security;

/// How many seconds we wait for a relay that says nothing after `play`, and in which phase.
async fn silence_while_opening(
    security: Security,
    play: impl AsyncFnOnce(&mut Peer),
) -> (Phase, u64) {
    let (near, mut peer) = pipe(64 * 1024);
    let relay = relay(security, Some("press"));
    let start = Instant::now();
    // The peer stays until we give up.
    let (opened, ()) = join!(open(near, &relay), play(&mut peer));
    silent(&opened.unwrap_err(), start)
}

fn silent(error: &RelayError, start: Instant) -> (Phase, u64) {
    let RelayError::Silent { phase, .. } = error else { panic!("{error:?}") };
    (*phase, start.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn each_step_of_opening_has_its_timer() {
    use silence_while_opening as silence;
    assert_eq!(silence(Security::Plain, async |_| {}).await, (Phase::Greeting, 2));
    assert_eq!(silence(Security::Tls, async |_| {}).await, (Phase::StartTls, 4));
    let greeted = async |peer: &mut Peer| peer.say("220 relay.example.org\r\n").await;
    assert_eq!(silence(Security::Plain, greeted).await, (Phase::Hello, 3));
    let offered = async |peer: &mut Peer| peer.welcome(&["STARTTLS", "AUTH PLAIN"]).await;
    assert_eq!(silence(Security::Plain, offered).await, (Phase::Auth, 5));
    assert_eq!(silence(Security::StartTls, offered).await, (Phase::StartTls, 4));
    let handshake = async |peer: &mut Peer| {
        peer.welcome(&["STARTTLS"]).await;
        peer.hear("STARTTLS\r\n").await;
        peer.say("220 go\r\n").await;
    };
    assert_eq!(silence(Security::StartTls, handshake).await, (Phase::StartTls, 4));
}

#[tokio::test(start_paused = true)]
async fn each_command_has_its_timer() {
    let phases = [(Phase::Sender, 6), (Phase::Recipient, 7), (Phase::Data, 8)];
    for extensions in [&["PIPELINING"][..], &[]] {
        for (answered, silence) in phases.into_iter().enumerate() {
            let (mut connection, mut peer) = ready(extensions).await;
            let start = Instant::now();
            let (begun, ()) = join!(begin(&mut connection), async {
                // Behind the command, since what comes before it is out of step.
                peer.hear(MAIL).await;
                for _ in 0..answered {
                    peer.say("250 ok\r\n").await;
                }
            });
            let Err(BeginError::Relay(error)) = begun else { panic!("{begun:?}") };
            assert_eq!(silent(&error, start), silence);
            assert!(!connection.is_usable());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_to_the_dot_comes_for_nothing() {
    let (mut connection, mut peer) = going_ahead().await;
    let start = Instant::now();
    let (finish, ()) = join!(connection.finish(&[b"a\r\n"], None), async {
        peer.hear("a\r\n.\r\n").await;
        sleep(Duration::from_secs(11)).await;
        peer.say("250 taken\r\n").await;
    });
    let Finish::Lost(error) = finish else { panic!("{finish:?}") };
    assert_eq!(error.trouble(), crate::mail::verdict::Trouble::Down);
    assert!(matches!(error, RelayError::Silent { phase: Phase::Dot, .. }), "{error:?}");
    assert_eq!(start.elapsed().as_secs(), 11);
    assert!(!connection.is_usable());
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_time_counts() {
    let (mut connection, mut peer) = going_ahead().await;
    let (finish, ()) = join!(connection.finish(&[b"a\r\n"], None), async {
        peer.hear("a\r\n.\r\n").await;
        sleep(Duration::from_secs(9)).await;
        peer.say("250 taken\r\n").await;
    });
    assert!(matches!(finish, Finish::Accepted(_)), "{finish:?}");
}

#[tokio::test(start_paused = true)]
async fn bytes_now_and_then_do_not_stretch_the_timer() {
    let (mut connection, mut peer) = going_ahead().await;
    let start = Instant::now();
    let finish = tokio::select! {
        finish = connection.finish(&[b"a\r\n"], None) => finish,
        () = async {
            peer.hear("a\r\n.\r\n").await;
            loop {
                peer.say("250-wait\r\n").await;
                sleep(Duration::from_secs(3)).await;
            }
        } => unreachable!("it has no end"),
    };
    let Finish::Lost(error) = finish else { panic!("{finish:?}") };
    assert_eq!(silent(&error, start), (Phase::Dot, 10));
}

#[tokio::test(start_paused = true)]
async fn a_block_that_is_not_taken_ends_the_message_unsent() {
    let (near, peer) = pipe(100);
    let (mut connection, mut peer) = ready_over(near, peer, &["PIPELINING"]).await;
    let (begun, ()) = join!(begin(&mut connection), async {
        peer.hear(GROUP).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
    });
    begun.unwrap();
    let body = "0123456789\r\n".repeat(50);
    let message = [body.as_bytes()];
    let start = Instant::now();
    let (finish, ()) = join!(connection.finish(&message, None), async {
        // Slow is not silent: each block has the timer for itself.
        for block in body.as_bytes().chunks(100).take(3) {
            sleep(Duration::from_secs(8)).await;
            peer.hear(str::from_utf8(block).unwrap()).await;
        }
    });
    let Finish::Unsent(error) = finish else { panic!("{finish:?}") };
    assert_eq!(silent(&error, start), (Phase::Dot, 3 * 8 + 9));
}

#[tokio::test(start_paused = true)]
async fn neither_rset_nor_quit_waits_long() {
    let (mut connection, mut peer) = ready(&["PIPELINING"]).await;
    let start = Instant::now();
    let (begun, ()) = join!(begin(&mut connection), async {
        peer.hear(GROUP).await;
        peer.say("250 ok\r\n550 no\r\n503 no\r\n").await;
    });
    assert!(matches!(begun, Err(BeginError::Recipient(_))), "{begun:?}");
    assert!(!connection.is_usable());
    assert_eq!(start.elapsed().as_secs(), 11);

    let (connection, _peer) = ready(&[]).await;
    let start = Instant::now();
    connection.quit().await;
    assert_eq!(start.elapsed().as_secs(), 11);
}
