//! What the server does, and what it writes down.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use tokio::io::AsyncReadExt;

use super::client::{Client, message};
use super::relay::script::in_time;
use super::relay::{Act, Gate, Keep, Phase, Pipelining, Relay, Settings};

const MEI: &str = "mei@example.org";

fn sha(text: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_message_has_its_line_with_the_hash_of_its_own_bytes() {
    let relay = Relay::usual().await;
    let mut client = Client::greeted(&relay).await;
    client.begin(MEI).await;
    // A dot that begins a line is doubled on the way (RFC 5321, 4.5.2); a bare LF ends no line.
    client.write("Message-ID:\r\n <a@b>\r\n\r\n..dot\r\nbare\n.\r\n").await;
    assert_eq!(client.say(".").await, "250 2.0.0 Ok: queued as 1\r\n");
    assert_eq!(client.say("QUIT").await, "221 2.0.0 Bye\r\n");
    assert!(client.is_closed().await);
    let text = "Message-ID:\r\n <a@b>\r\n\r\n.dot\r\nbare\n.\r\n";
    let lines = relay.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].recipient, MEI);
    assert_eq!(lines[0].message_id, "a@b");
    assert_eq!(lines[0].hash, sha(text));
    assert_eq!(lines[0].is_answered, Some(true));
    assert_eq!(relay.accepted()[0].message, text.as_bytes());
    assert_eq!(relay.faults(), ["connection 1: a message has a bare CR or LF"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_is_on_disk_before_the_reply() {
    let gate = Gate::new();
    let relay = Relay::answering_first(0, &gate).await;
    let mut client = Client::greeted(&relay).await;
    client.begin(MEI).await;
    client.write(format!("{}.\r\n", message("a@b"))).await;
    gate.wait_until_held(1).await;
    assert_eq!(relay.lines()[0].is_answered, None);
    gate.release();
    assert_eq!(client.reply().await, "250 2.0.0 Ok: queued as 1\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reply_that_nobody_waits_for_is_noted() {
    let gate = Gate::new();
    let relay = Relay::answering_first(0, &gate).await;
    let mut client = Client::greeted(&relay).await;
    client.begin(MEI).await;
    client.write(format!("{}.\r\n", message("a@b"))).await;
    gate.wait_until_held(1).await;
    drop(client);
    relay.wait_for(1).await;
    let noted = async {
        while relay.lines()[0].is_answered.is_none() {
            tokio::task::yield_now().await;
        }
    };
    in_time(noted).await;
    assert_eq!(relay.lines()[0].is_answered, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_where_an_earlier_server_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.log");
    for number in 1..=2 {
        let settings = Settings {
            log: Some(path.clone()),
            keep: Keep::Folder(folder.path().to_owned()),
            ..Settings::default()
        };
        let relay = Relay::start(settings, |_| Act::usual()).await;
        let reply = Client::greeted(&relay).await.send(MEI, "a@b").await;
        assert_eq!(reply, format!("250 2.0.0 Ok: queued as {number}\r\n"));
        let lines = relay.lines();
        assert_eq!(lines.len(), number);
        assert!(lines.windows(2).all(|pair| pair[0].go_ahead_at < pair[1].go_ahead_at));
        assert!(folder.path().join(format!("{number}.eml")).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_at_any_phase_is_said_and_leaves_no_line() {
    let phases = [
        (Phase::Greeting, 0),
        (Phase::Ehlo, 1),
        (Phase::Mail, 2),
        (Phase::Rcpt, 3),
        (Phase::Data, 4),
        (Phase::Dot, 5),
        (Phase::Rset, 6),
        (Phase::Quit, 7),
    ];
    for (phase, position) in phases {
        let relay = Relay::playing(move |moment| {
            if moment.phase == phase {
                Act::reply("550-5.7.1 no\r\n550 5.7.1 not at all")
            } else {
                Act::usual()
            }
        })
        .await;
        let mut client = Client::connect(&relay).await;
        let mut replies = vec![client.reply().await];
        let dot = format!("{}.", message("a@b"));
        let to = format!("RCPT TO:<{MEI}>");
        let commands = ["EHLO a", "MAIL FROM:<a@b>", &to, "DATA", &dot, "RSET", "QUIT"];
        for command in commands.iter().take(position) {
            replies.push(client.say(command).await);
        }
        let last = replies.last().unwrap();
        assert_eq!(last, "550-5.7.1 no\r\n550 5.7.1 not at all\r\n", "{phase:?}");
        let is_earlier = matches!(phase, Phase::Rset | Phase::Quit);
        assert_eq!(relay.lines().len(), usize::from(is_earlier), "{phase:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hangs_up_at_any_phase() {
    // Whether the message is in the log then, and whether the client had its 250.
    let phases = [
        (Phase::Greeting, 0, None),
        (Phase::Ehlo, 1, None),
        (Phase::Mail, 2, None),
        (Phase::Rcpt, 3, None),
        (Phase::Data, 4, None),
        (Phase::Body, 5, None),
        (Phase::Dot, 5, None),
        (Phase::Logged, 5, Some(false)),
        (Phase::Answered, 5, Some(true)),
    ];
    for (phase, position, is_answered) in phases {
        let relay = Relay::playing(
            move |moment| {
                if moment.is(phase) { Act::close() } else { Act::usual() }
            },
        )
        .await;
        let mut client = Client::connect(&relay).await;
        let mut last = client.reply().await;
        let body =
            if phase == Phase::Body { "Subject: half".to_owned() } else { message("a@b") + "." };
        let to = format!("RCPT TO:<{MEI}>");
        let commands = ["EHLO a", "MAIL FROM:<a@b>", &to, "DATA", &body];
        for command in commands.iter().take(position) {
            assert_ne!(last, "", "{phase:?}");
            last = client.say(command).await;
        }
        let expected = if phase == Phase::Answered { "250 2.0.0 Ok: queued as 1\r\n" } else { "" };
        assert_eq!(last, expected, "{phase:?}");
        assert!(client.is_closed().await, "{phase:?}");
        let answered: Vec<_> = relay.lines().iter().map(|line| line.is_answered).collect();
        assert_eq!(answered, is_answered.map(Some).into_iter().collect::<Vec<_>>(), "{phase:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_plays_by_recipient_and_tries_and_by_connection() {
    let relay = Relay::playing(|moment| match moment.phase {
        Phase::Greeting if moment.connection == 2 => Act::reply("421 4.3.2 busy").and_close(),
        Phase::Rcpt if moment.recipient == MEI && moment.tries == 0 => {
            Act::reply("450 4.2.0 greylisted")
        }
        Phase::Mail if moment.messages == 1 => Act::reply("421 4.7.0 enough").and_close(),
        _ => Act::usual(),
    })
    .await;
    let mut client = Client::greeted(&relay).await;
    client.say("MAIL FROM:<a@b>").await;
    assert_eq!(client.say(&format!("RCPT TO:<{MEI}>")).await, "450 4.2.0 greylisted\r\n");
    assert_eq!(client.say("DATA").await, "503 5.5.1 no valid recipients\r\n");
    client.say("RSET").await;
    assert_eq!(client.send(MEI, "a@b").await, "250 2.0.0 Ok: queued as 1\r\n");

    let mut second = Client::connect(&relay).await;
    assert_eq!(second.reply().await, "421 4.3.2 busy\r\n");
    assert!(second.is_closed().await);

    assert_eq!(client.say("MAIL FROM:<a@b>").await, "421 4.7.0 enough\r\n");
    assert!(client.is_closed().await);
    assert_eq!(relay.most_open(), 2);
    assert_eq!(relay.times_heard("MAIL"), 3);
    assert!(relay.faults().is_empty(), "{:?}", relay.faults());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_falls_silent_and_lets_go_when_the_client_does() {
    let relay = Relay::playing(|moment| match moment.phase {
        Phase::Mail => Act::silent(),
        _ => Act::usual(),
    })
    .await;
    let mut client = Client::greeted(&relay).await;
    client.write("MAIL FROM:<a@b>\r\n").await;
    let waited = tokio::time::timeout(Duration::from_millis(20), client.reply()).await;
    assert!(waited.is_err());
    drop(client);
    let let_go = async {
        while relay.open() > 0 {
            tokio::task::yield_now().await;
        }
    };
    in_time(let_go).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_come_byte_by_byte_and_late_where_asked() {
    let settings = Settings {
        one_byte_writes: true,
        reply_delay: Duration::from_millis(5),
        ..Settings::default()
    };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    let began = std::time::Instant::now();
    let mut client = Client::connect(&relay).await;
    let first = client.0.get_mut().read_u8().await.unwrap();
    assert_eq!(first, b'2');
    assert_eq!(client.reply().await, "20 relay.example.org ESMTP\r\n");
    assert!(client.say("EHLO a").await.contains("250-PIPELINING\r\n"));
    assert!(began.elapsed() >= Duration::from_millis(2 * 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_replies_do_not_end() {
    for piece in ["250-more\r\n", "250 more and "] {
        let relay = Relay::playing(move |moment| match moment.phase {
            Phase::Mail => Act::endless(piece),
            _ => Act::usual(),
        })
        .await;
        let mut client = Client::greeted(&relay).await;
        client.write("MAIL FROM:<a@b>\r\n").await;
        let mut all = vec![0; 100_000];
        client.0.read_exact(&mut all).await.unwrap();
        assert!(all.starts_with(&piece.as_bytes().repeat(1000)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn latin_1_and_replies_out_of_step_are_written_as_they_are() {
    let relay = Relay::playing(|moment| match moment.phase {
        Phase::Rcpt => Act::reply(b"550 5.1.1 bo\xEEte inconnue"),
        Phase::Mail => Act::also("250 2.1.5 Ok"),
        Phase::Rset => Act::drop_reply(),
        _ => Act::usual(),
    })
    .await;
    let mut client = Client::greeted(&relay).await;
    assert_eq!(client.say("MAIL FROM:<a@b>").await, "250 2.1.0 Ok\r\n");
    assert_eq!(client.reply().await, "250 2.1.5 Ok\r\n");
    client.write(format!("RCPT TO:<{MEI}>\r\nRSET\r\nNOOP\r\n")).await;
    let mut bytes = vec![0; b"550 5.1.1 bo\xEEte inconnue\r\n250 2.0.0 Ok\r\n".len()];
    client.0.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"550 5.1.1 bo\xEEte inconnue\r\n250 2.0.0 Ok\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_go_ahead_without_recipients_leads_to_nothing() {
    let relay = Relay::playing(|moment| match moment.phase {
        Phase::Rcpt => Act::reply("550 5.1.1 no"),
        Phase::Data => Act::reply("354 Go ahead"),
        _ => Act::usual(),
    })
    .await;
    let mut client = Client::greeted(&relay).await;
    client.write(format!("MAIL FROM:<a@b>\r\nRCPT TO:<{MEI}>\r\nDATA\r\n")).await;
    for reply in ["250 2.1.0 Ok\r\n", "550 5.1.1 no\r\n", "354 Go ahead\r\n"] {
        assert_eq!(client.reply().await, reply);
    }
    assert_eq!(client.say(".").await, "554 5.5.1 no valid recipients\r\n");
    assert!(relay.lines().is_empty());
    assert!(relay.faults().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pipelines_without_the_offer_is_found_out() {
    for (pipelining, faults) in [
        (Pipelining::Offered, vec![]),
        (Pipelining::Absent, vec!["connection 1: did not wait for the reply to MAIL".to_owned()]),
    ] {
        let settings = Settings { pipelining, ..Settings::default() };
        let relay = Relay::start(settings, |_| Act::usual()).await;
        let mut client = Client::connect(&relay).await;
        client.reply().await;
        let offer = client.say("EHLO a").await;
        assert_eq!(offer.contains("PIPELINING"), pipelining == Pipelining::Offered);
        client.write(format!("MAIL FROM:<a@b>\r\nRCPT TO:<{MEI}>\r\n")).await;
        client.reply().await;
        client.reply().await;
        assert_eq!(relay.faults(), faults);
        let followed: Vec<_> = relay.heard().iter().map(|heard| heard.is_followed).collect();
        assert_eq!(followed, [false, true, false]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_wait_for_the_reply_to_the_dot_without_the_offer_is_found_out() {
    let fault = "connection 1: did not wait for the reply to the dot".to_owned();
    for (pipelining, faults) in [(Pipelining::Offered, vec![]), (Pipelining::Absent, vec![fault])] {
        let settings = Settings { pipelining, ..Settings::default() };
        let relay = Relay::start(settings, |_| Act::usual()).await;
        let mut client = Client::greeted(&relay).await;
        client.begin(MEI).await;
        // The one alone, whole groups elsewhere.
        client.write(format!("{}.\r\nMAIL FROM:<a@b>\r\n", message("one"))).await;
        assert!(client.reply().await.starts_with("250 2.0.0 "));
        assert_eq!(client.reply().await, "250 2.1.0 Ok\r\n");
        assert_eq!((relay.faults(), relay.times_ahead()), (faults, 1));
        assert!(client.say(&format!("RCPT TO:<{MEI}>")).await.starts_with("250 "));
        assert!(client.say("DATA").await.starts_with("354 "));
        assert!(client.say(&format!("{}.", message("two"))).await.starts_with("250 2.0.0 "));
        assert_eq!(relay.times_ahead(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_out_of_turn_is_refused_and_found_out() {
    let relay = Relay::usual().await;
    let mut client = Client::connect(&relay).await;
    client.reply().await;
    assert!(client.say("MAIL FROM:<a@b>").await.starts_with("503 "));
    client.say("EHLO a").await;
    assert!(client.say("STARTTLS").await.starts_with("502 "));
    assert!(client.say(&format!("RCPT TO:<{MEI}>")).await.starts_with("503 "));
    assert!(client.say("DATA").await.starts_with("503 "));
    client.say("MAIL FROM:<a@b>").await;
    assert!(client.say("MAIL FROM:<a@b>").await.starts_with("503 "));
    assert!(client.say(&format!("RCPT TO:{MEI}")).await.starts_with("501 "));
    client.say(&format!("RCPT TO:<{MEI}>")).await;
    client.say("RCPT TO:<lim@example.org>").await;
    client.say("DATA").await;
    client.write(format!("X: {}\r\n\r\n\u{e9}\r\n.\r\n", "x".repeat(1000))).await;
    assert!(client.reply().await.starts_with("250 "));
    client.write("NOOP\n").await;
    assert!(client.reply().await.starts_with("500 "));
    let faults = relay.faults().join("\n");
    for fault in
        ["say EHLO", "STARTTLS was", "nested MAIL", "RCPT without", "7-bit", "too long", "two rec"]
    {
        assert!(faults.contains(fault), "{fault} is not in {faults}");
    }
    assert_eq!(relay.recipients(), ["lim@example.org", MEI]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_size_is_refused_when_announced_and_when_sent() {
    let settings = Settings { size_limit: Some(30), ..Settings::default() };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    let mut client = Client::connect(&relay).await;
    client.reply().await;
    assert!(client.say("EHLO a").await.contains("250-SIZE 30\r\n"));
    assert!(client.say("MAIL FROM:<a@b> SIZE=31").await.starts_with("552 5.3.4 "));
    assert!(client.send(MEI, "a@b").await.starts_with("552 5.3.4 "));
    assert!(relay.lines().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_is_asked_for() {
    // `\0desk\0secret`, `\0desk\0wrong`, `desk`, `secret`.
    let (right, wrong, user, password) =
        ("AGRlc2sAc2VjcmV0", "AGRlc2sAd3Jvbmc=", "ZGVzaw==", "c2VjcmV0");
    let start = async || {
        let login = Some(("desk".to_owned(), "secret".to_owned()));
        Relay::start(Settings { login, ..Settings::default() }, |_| Act::usual()).await
    };
    let relay = start().await;
    assert!(relay.url().starts_with("smtp://desk@127.0.0.1:"));
    let mut client = Client::greeted(&relay).await;
    assert!(client.say("MAIL FROM:<a@b>").await.starts_with("530 "));
    assert!(client.say(&format!("AUTH PLAIN {wrong}")).await.starts_with("535 5.7.8 "));
    assert_eq!(client.say("AUTH PLAIN").await, "334 \r\n");
    assert!(client.say(right).await.starts_with("235 "));
    assert!(client.send(MEI, "a@b").await.starts_with("250 "));

    let mut client = Client::greeted(&relay).await;
    assert_eq!(client.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6\r\n");
    assert_eq!(client.say(user).await, "334 UGFzc3dvcmQ6\r\n");
    assert!(client.say(password).await.starts_with("235 "));
    assert!(client.send(MEI, "a@b").await.starts_with("250 "));
}
