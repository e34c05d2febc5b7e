//! The first few of a run, and the allow list, with a relay.

use std::collections::BTreeSet;

use super::relay::{Act, Gate, Phase, Relay};
use super::support::office::{Done, Office};

/// An office that sends to a relay, with so many readers of news that is written.
fn office(relay: &Relay, readers: usize, mail: &str) -> Office {
    let office = Office::with_relay(&relay.url());
    let config = office.read("config/tidings.yaml");
    let mail = format!("{mail}limits: {{connections: 4}}, relay: '");
    office.write("config/tidings.yaml", config.replace("relay: '", &mail));
    office.subscribe(readers, "daily");
    office.release("a-new-bridge", "It opens today.");
    office
}

async fn publish(office: &Office, code: i32) -> Done {
    let done = office.run_async(&["publish-now", "--yes", "--json"]).await;
    assert_eq!(done.code, code, "{done:?}");
    done
}

/// `reader7@example.org` is 7; nobody is 0.
fn number(recipient: &str) -> usize {
    let digits: String = recipient.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_follow_when_the_first_have_their_outcome() {
    let gate = Gate::new();
    let held = gate.clone();
    let relay = Relay::playing(move |moment| {
        let is_late = moment.is(Phase::Dot) && number(moment.recipient) == 20;
        if is_late { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let office = office(&relay, 50, "");
    let sent = tokio::join!(publish(&office, 0), async {
        gate.wait_until_held(1).await;
        relay.wait_for(19).await;
        assert!(relay.recipients().iter().all(|to| number(to) < 20), "{:?}", relay.recipients());
        gate.release();
    });
    assert_eq!(sent.0.json()["runs"][0]["deliveries"]["accepted"], 50);
    let all: BTreeSet<usize> = relay.recipients().iter().map(|to| number(to)).collect();
    assert_eq!(all.len(), 50);
    assert_eq!(relay.stop().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_first_are_refused_is_paused_and_goes_on_without_a_canary() {
    // Every third of the first, each for a reason of its own: no rule that refuses all.
    let relay = Relay::playing(|moment| {
        let number = number(moment.recipient);
        let is_bad = number.is_multiple_of(3) && number <= 20;
        if moment.is(Phase::Rcpt) && is_bad {
            Act::reply("550 5.1.1 no such user")
        } else {
            Act::usual()
        }
    })
    .await;
    let office = office(&relay, 50, "");
    let done = publish(&office, 5).await;
    assert_eq!(done.json()["runs"][0]["state"], "paused", "{done:?}");
    let status = office.run_async(&["status", "--json"]).await.json();
    let reason = status["pauses"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "6 of the first 20 were refused: 550 5.1.1 no such user");
    assert!(relay.recipients().iter().all(|to| number(to) <= 20), "{:?}", relay.recipients());
    assert_eq!(office.run_async(&["resume", "1"]).await.code, 0);
    let done = publish(&office, 0).await;
    let deliveries = &done.json()["runs"][0]["deliveries"];
    assert_eq!((&deliveries["accepted"], &deliveries["rejected"]), (&44.into(), &6.into()));
    relay.stop().await;
}

/// The relay hangs up at this one of the first twenty, however often it is tried.
async fn fails_at(reader: usize, connections: usize) {
    let gate = Gate::new();
    let held = gate.clone();
    let relay = Relay::playing(move |moment| {
        let number = number(moment.recipient);
        if moment.is(Phase::Rcpt) && number == reader {
            Act::close()
        } else if moment.is(Phase::Dot) && number == 21 {
            Act::usual().held_by(&held)
        } else {
            Act::usual()
        }
    })
    .await;
    let office = office(&relay, 50, "");
    let config = office.read("config/tidings.yaml");
    let config = config.replace("connections: 4", &format!("connections: {connections}"));
    office.write("config/tidings.yaml", config);
    let sent = tokio::join!(publish(&office, 5), async {
        // It shows whether it was the relay: the others wait for it too.
        gate.wait_until_held(1).await;
        relay.wait_for(19).await;
        assert!(relay.recipients().iter().all(|to| number(to) <= 21), "{:?}", relay.recipients());
        gate.release();
    });
    let deliveries = &sent.0.json()["runs"][0]["deliveries"];
    assert_eq!((&deliveries["accepted"], &deliveries["pending"]), (&49.into(), &1.into()));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_takes_the_place_of_one_at_whom_the_relay_fails() {
    fails_at(3, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_shows_whether_the_relay_works_that_fails_at_the_last_of_the_first() {
    // The others are taken before it is tried: nothing that was taken since says so.
    fails_at(20, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_relay_asks_to_wait_holds_nobody_up() {
    let relay = Relay::playing(|moment| {
        if moment.is(Phase::Rcpt) && number(moment.recipient) <= 20 {
            Act::reply("451 4.7.1 greylisted")
        } else {
            Act::usual()
        }
    })
    .await;
    let office = office(&relay, 30, "");
    let done = publish(&office, 5).await;
    let deliveries = &done.json()["runs"][0]["deliveries"];
    assert_eq!((&deliveries["accepted"], &deliveries["pending"]), (&10.into(), &20.into()));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_to_others_than_those_allowed_is_rehearsed_and_counted() {
    let relay = Relay::usual().await;
    let office = office(&relay, 30, "allow: ['reader7@example.org', '*@example.net'], ");
    let done = office.run_async(&["publish-now", "--yes"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("Mail       1 accepted, 29 rehearsed"), "{done:?}");
    let said = "29 e-mails are outside `mail.allow`: written, not sent, to";
    assert!(done.stdout.contains(said), "{done:?}");
    assert_eq!(relay.recipients(), ["reader7@example.org"]);
    let mails = office.mails();
    assert_eq!(mails.len(), 29);
    assert!(!mails.iter().any(|mail| mail.contains("To: reader7@example.org")));
    let status = office.run_async(&["status"]).await;
    let said = "only to reader7@example.org, *@example.net; 29 e-mails were rehearsed";
    assert!(status.stdout.replace("\n              ", " ").contains(said), "{status:?}");
    relay.stop().await;
}
