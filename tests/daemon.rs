//! The daemon as operators run it: beside commands, through files, to its end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;

use support::office::Office;
use support::sink::{Play, Sink};

#[test]
fn a_file_copied_in_is_served_and_mailed_at_once_by_the_immediate_digest() {
    let office = Office::new();
    office.subscribe(2, "immediate");
    let daemon = office.daemon();
    daemon.wait_for("/feeds/all.atom", "<feed");
    office.news("a-new-bridge", "It opens today.");
    let answer = daemon.wait_for("/feeds/all.atom", "It opens today.");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let (code, log) = daemon.stop();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("digest `immediate` goes out"), "{log}");
    // The stop may have come before the mail; then it goes out with the next run.
    office.run(&["publish-now"]);
    assert_eq!(office.mails().len(), 2);
}

#[test]
fn a_daemon_that_starts_again_serves_what_stands_from_its_first_answer() {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    office.run(&["publish-now"]);
    for _ in 0..3 {
        let answer = office.daemon().get("/feeds/all.atom");
        assert!(answer.contains("It opens today."), "{answer}");
    }
}

#[test]
fn commands_work_while_the_daemon_runs() {
    let office = Office::new();
    let daemon = office.daemon();
    let added = office.run(&[
        "subscribers",
        "add",
        "mei@example.org",
        "--feed",
        "all",
        "--digest",
        "daily",
        "--consent",
        "form",
        "--confirmed",
    ]);
    assert_eq!(added.code, 0, "{added:?}");
    let status = office.run(&["status", "--json"]).json();
    assert_eq!(status["holder"]["command"], "daemon");
    assert_eq!(status["holder"]["process"], daemon.process());
    office.news("a-new-bridge", "It opens today.");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("Digests    daily: 1 entry in 1 issue to 1 person"), "{done:?}");
    assert!(done.stdout.contains("Mail       1 rehearsed"), "{done:?}");
    assert_eq!(office.mails().len(), 1);
    let again = office.run(&["publish-now"]);
    assert!(again.stdout.contains("Mail       none: nothing is new"), "{again:?}");
    assert!(daemon.get("/feeds/all.atom").contains("It opens today."));
}

#[test]
fn a_second_daemon_ends_and_names_the_first() {
    let office = Office::new();
    let daemon = office.daemon();
    let second = office.run(&["daemon"]);
    assert_eq!(second.code, 1, "{second:?}");
    let expected = format!(
        "error: `daemon` (process {}) works on this store already\n\
         hint: one process at a time scans and sends: end the other one first\n",
        daemon.process()
    );
    assert_eq!(second.stderr, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_now_beside_a_daemon_tells_of_a_relay_that_is_down() {
    let sink = Sink::start().await;
    let office = Office::with_relay(&sink.url());
    sink.stop().await;
    office.subscribe(3, "daily");
    let daemon = office.daemon();
    office.news("a-new-bridge", "It opens today.");
    let done = office.run_async(&["publish-now", "--yes"]).await;
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains("could not reach relay"), "{done:?}");
    assert!(done.stdout.contains("Mail       3 pending"), "{done:?}");
    assert_eq!(daemon.stop().0, 0);
}

async fn status(office: &Office) -> serde_json::Value {
    office.run_async(&["status", "--json"]).await.json()
}

/// Asks for the status until the daemon has, or has no, fault to tell.
async fn wait_for_fault(office: &Office, is_there: bool) -> serde_json::Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let fault = status(office).await["relay_fault"].clone();
        if fault.is_null() != is_there {
            return fault;
        }
        assert!(std::time::Instant::now() < deadline, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_why_the_daemon_cannot_send_for_as_long_as_it_cannot() {
    let sink = Sink::start().await;
    let (address, office) = (sink.address, Office::with_relay(&sink.url()));
    sink.stop().await;
    office.subscribe(3, "daily");
    let daemon = office.daemon();
    office.news("a-new-bridge", "It opens today.");
    assert_eq!(office.run_async(&["publish-now", "--yes"]).await.code, 5);
    let fault = wait_for_fault(&office, true).await;
    let moment =
        |name: &str| fault[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>();
    assert!(moment("since").unwrap() < moment("next_at").unwrap(), "{fault}");
    assert!(fault["tries"].as_u64() >= Some(1), "{fault}");
    assert!(fault["error"].as_str().unwrap().starts_with("could not reach relay"), "{fault}");
    assert!(fault["hint"].as_str().unwrap().starts_with("check `mail.relay`"), "{fault}");
    let said = office.run_async(&["status"]).await.stdout;
    assert!(said.contains("no mail goes out since "), "{said}");
    assert!(said.contains("; the next is "), "{said}");
    daemon.kill();
    assert!(status(&office).await["relay_fault"].is_null(), "nobody tries");

    let daemon = office.daemon();
    wait_for_fault(&office, true).await;
    let sink = Sink::at(address, true, |_, _| Play::Accept).await;
    sink.wait_for(3).await;
    wait_for_fault(&office, false).await;
    assert_eq!(daemon.stop().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_when_a_message_that_was_put_off_is_tried_again() {
    let sink = Sink::playing(|_, _| Play::RefuseRecipient("451 4.2.0 come back later")).await;
    let office = Office::with_relay(&sink.url());
    office.subscribe(1, "daily");
    assert!(status(&office).await["next_delivery_at"].is_null());
    office.news("a-new-bridge", "It opens today.");
    assert_eq!(office.run_async(&["publish-now", "--yes"]).await.code, 5);
    let next = status(&office).await["next_delivery_at"].as_str().unwrap().to_owned();
    assert!(next.parse::<chrono::DateTime<chrono::Utc>>().unwrap() > chrono::DateTime::UNIX_EPOCH);
    let said = office.run_async(&["status"]).await.stdout;
    assert!(said.contains("the next is due 20"), "{said}");
    assert_eq!(office.run_async(&["pause"]).await.code, 0);
    assert!(status(&office).await["next_delivery_at"].is_null(), "it waits for an operator");
}

/// `mail.limits.connections` where the config says nothing: each can be cut at its dot.
const CONNECTIONS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_in_the_middle_everybody_gets_it_and_only_the_uncertain_twice() {
    let sink = Sink::playing(|address, _| {
        // From reader30 on: connection after connection falls silent.
        if address.len() == "reader10@example.org".len() && address > "reader3" {
            Play::FallSilentAfterDot
        } else {
            Play::Accept
        }
    })
    .await;
    let address = sink.address;
    let office = Arc::new(Office::with_relay(&sink.url()));
    office.subscribe(60, "daily");
    let daemon = office.daemon();
    office.news("a-new-bridge", "It opens today.");
    let other = Arc::clone(&office);
    let following = tokio::spawn(async move { other.run_async(&["publish-now", "--yes"]).await });
    // 29 are served; three connections at least have sent a dot that is never answered.
    sink.wait_for(32).await;
    daemon.kill();
    let first = sink.stop().await;
    let sink = Sink::at(address, true, |_, _| Play::Accept).await;
    // The command that followed the daemon takes the lock and goes on itself.
    let done = following.await.unwrap();
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stderr.contains("the daemon ended: this command goes on"), "{done:?}");
    let status = office.run(&["status", "--json"]).json();
    assert_eq!(status["deliveries"]["accepted"], 60, "{status}");
    let resent = usize::try_from(status["resent"].as_u64().unwrap()).unwrap();
    assert!((1..=CONNECTIONS).contains(&resent), "{resent}");
    let mut copies: std::collections::HashMap<String, Vec<String>> =
        std::collections::HashMap::new();
    for mail in first.into_iter().chain(sink.accepted()) {
        copies.entry(mail.recipient).or_default().push(mail.message);
    }
    assert_eq!(copies.len(), 60, "nobody is lost");
    let doubled: Vec<_> = copies.values().filter(|list| list.len() > 1).collect();
    assert!(doubled.len() <= resent, "{} doubled, {resent} counted", doubled.len());
    assert!(doubled.iter().all(|list| list.len() == 2 && list[0] == list[1]), "byte-equal");
}
