//! One-click unsubscribes (RFC 8058) while the daemon sends: whose POST was answered gets no
//! mail whose intent is later.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::TcpStream;

use super::relay::checker::{Known, Left, check};
use super::relay::{Act, Gate, Phase, Relay};
use super::{Case, Policy, settled};

const READERS: usize = 40;

/// The way in each reader's List-Unsubscribe, by recipient.
fn ways_out(relay: &Relay) -> HashMap<String, String> {
    let way_out = |message: &[u8]| {
        let message = String::from_utf8(message.to_vec()).unwrap();
        let (_, rest) = message.split_once("\r\nList-Unsubscribe: ").unwrap();
        let (_, rest) = rest.split_once("<https://press.example.org").unwrap();
        rest.split_once('>').unwrap().0.to_owned()
    };
    relay.accepted().into_iter().map(|mail| (mail.recipient, way_out(&mail.message))).collect()
}

/// What a mailbox provider does at one click; status line and the rest.
fn post(address: &str, path: &str) -> String {
    let body = "List-Unsubscribe=One-Click";
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: press.example.org\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_by_one_click_gets_nothing_that_is_intended_later() {
    let gate = Gate::new();
    let held = gate.clone();
    // The second mail to everybody waits before its go-ahead, but for the first few.
    let relay = Relay::playing(move |moment| {
        if moment.is(Phase::Data) && moment.tries == 1 && moment.messages >= 2 {
            Act::usual().held_by(&held)
        } else {
            Act::usual()
        }
    })
    .await;
    let case = Case::new(&relay, READERS, Policy::Resend, 4);
    assert_eq!(case.publish(None).await.code(), Some(0), "{}", case.said());
    let ways_out = ways_out(&relay);
    assert_eq!(ways_out.len(), READERS);
    let people = case.people().await;

    case.office.news("a-second-bridge", "It opens tomorrow.");
    let daemon = case.office.daemon();
    gate.wait_until_held(4).await;
    let mailed: Vec<String> =
        relay.lines().into_iter().skip(READERS).map(|line| line.recipient).collect();
    let mut to_leave: Vec<String> =
        ways_out.keys().filter(|address| !mailed.contains(address)).cloned().collect();
    to_leave.sort();
    // Half of them while all connections are held, the others in the rush behind it.
    let (early, late) = to_leave.split_at(to_leave.len() / 2);
    let mut left = Vec::new();
    for (nth, address) in early.iter().chain(late).enumerate() {
        if nth == early.len() {
            gate.release();
        }
        let (server, path) = (daemon.address().to_owned(), ways_out[address].clone());
        let answer = tokio::task::spawn_blocking(move || post(&server, &path)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        left.push(Left { subscriber: people[address], answered_at: relay.mark() });
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while case.rows().await.iter().any(|row| row.is_due) {
        assert!(std::time::Instant::now() < deadline, "{:?}", case.states().await);
    }
    daemon.stop();
    settled(&relay).await;

    let planned = BTreeMap::from([1, 2].map(|run| (run, people.values().copied().collect())));
    let known = Known { people, planned, left, may_be_open: false };
    assert_eq!(check(&case.store(), &relay.lines(), &known).await, []);
    let states = case.states().await;
    assert!(states["cancelled"] >= early.len(), "{states:?}");
    assert_eq!(states["accepted"] + states["cancelled"], 2 * READERS);
    assert_eq!(relay.lines().len(), states["accepted"]);
}
