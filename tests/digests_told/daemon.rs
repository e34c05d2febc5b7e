//! The same with a daemon, which plans while it sends.

use super::*;
use support::office::Office;
use tidings::daemon;
use tidings::store::{AskedFor, SealedAddress, SignUp};

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_tells_at_once_and_makes_way_for_a_new_text() {
    let relay = putting_off(&["raj"], 1).await;
    let office = Office::with_relay(&relay.url());
    let list = "address,language,feed,digest\nmei@example.org,en,all,immediate\n\
                raj@example.org,en,all,immediate\ntan@example.org,en,all,daily\n";
    office.write("people.csv", list);
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    let daemon = office.daemon();
    office.news("bridge", "It cost 4 million.");
    relay.wait_for(1).await;
    let text = "---\ntitle: bridge\nlayout: post\npermalink: /news/bridge/\n\
                correction: It cost 40 million.\n---\nIt cost 40 million.\n";
    office.write("content/_posts/bridge.md", text);
    office.settle("content/_posts/bridge.md");
    relay.wait_for(3).await;
    let urgent = "---\ntitle: storm\nlayout: post\npermalink: /storm/\nurgent: true\n---\nStay.\n";
    office.write("content/_posts/storm.md", urgent);
    office.settle("content/_posts/storm.md");
    relay.wait_for(6).await;
    let (code, log) = daemon.stop();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("a run was superseded: `bridge`"), "{log}");
    let got = |reader: &str| {
        let theirs = relay.accepted().into_iter().filter(move |mail| mail.recipient == reader);
        let subjects = theirs.map(|mail| parsed(&mail.message).subject().unwrap().to_owned());
        subjects.map(|subject| subject.replace(" – Test Office", "")).collect::<Vec<_>>()
    };
    assert_eq!(got("mei@example.org"), ["bridge", "Correction: bridge", "storm"]);
    assert_eq!(got("raj@example.org"), ["bridge", "storm"]);
    assert_eq!(got("tan@example.org"), ["storm"]);
}

/// The state of the first run, as it is in the store now.
fn first_state(office: &Office) -> String {
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    let state = "select state from run where recipients > 0 order by id limit 1";
    store.query_row(state, [], |row| row.get(0)).unwrap()
}

/// Mei has the text, and Raj, whom the relay put off, is due again.
async fn half_told(relay: &Sink) -> Office {
    let office = Office::with_relay(&relay.url());
    let list = "address,language,feed,digest\nmei@example.org,en,all,daily\n\
                raj@example.org,en,all,daily\n";
    office.write("people.csv", list);
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    office.news("bridge", "It cost 4 million.");
    let done = office.run_async(&["publish-now", "--yes"]).await;
    assert_eq!(done.code, 5, "raj was put off: {done:?}");
    office
}

fn withdraw(office: &Office) {
    let text = "---\ntitle: bridge\nlayout: post\npermalink: /news/bridge/\n\
                withdrawn: Issued in error.\n---\nIt cost 4 million.\n";
    office.write("content/_posts/bridge.md", text);
    office.settle("content/_posts/bridge.md");
}

fn recipients(relay: &Sink) -> Vec<String> {
    relay.accepted().into_iter().map(|mail| mail.recipient).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_while_no_daemon_ran_goes_to_nobody_else() {
    let relay = putting_off(&["raj"], 1).await;
    let office = half_told(&relay).await;
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    store.execute("update delivery set next_at = 0 where state = 'pending'", []).unwrap();
    withdraw(&office);
    let daemon = office.daemon();
    relay.wait_for(2).await;
    assert_eq!(daemon.stop().0, 0);
    assert_eq!(recipients(&relay), ["mei@example.org", "mei@example.org"]);
    assert_eq!(first_state(&office), "superseded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_makes_way_though_nothing_can_be_published() {
    let relay = putting_off(&["raj"], 1).await;
    let office = half_told(&relay).await;
    let daemon = office.daemon();
    // Without its mark the folder is not ours, and nothing is written there.
    std::fs::remove_file(office.path("public/.tidings")).unwrap();
    withdraw(&office);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while first_state(&office) != "superseded" {
        assert!(std::time::Instant::now() < deadline, "{}", daemon.stop().1);
        tokio::task::yield_now().await;
    }
    let (_, log) = daemon.stop();
    let (ended, failed) =
        (log.find("a run was superseded"), log.find("could not scan and publish"));
    assert!(ended.is_some() && failed.is_some() && ended < failed, "{log}");
    assert_eq!(recipients(&relay), ["mei@example.org"]);
}

/// Whoever tells hubs wants it, though there are none.
fn provide() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn move_folder(room: &Room, from: &str, to: &str) {
    std::fs::rename(room.office.path(from), room.office.path(to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_renamed_while_the_folder_is_away_loses_no_news() {
    let room = Room::open().await;
    room.people(&["mei releases daily"]);
    room.release("bridge", "", "It opens today.");
    room.scan().await;
    let (relay, desk) = (room.relay, room.desk);
    let renamed =
        |config: &str| config.replace("{name: releases,", "{name: press, was: [releases],");
    let room = Room { desk: desk.reopen(renamed).await, relay };
    room.clock.set("2026-11-21T00:00:00Z");
    move_folder(&room, "content", "elsewhere");
    // It stops after its first round, in which `daily` is due.
    provide();
    let (_stop, stopped) = watch::channel(true);
    daemon::run(room.press.clone(), stopped).await.unwrap();
    move_folder(&room, "elsewhere", "content");
    assert_eq!(room.minute("2026-11-21T00:01:00Z").await, ["mei: bridge"]);
}

/// As a form does.
async fn sign_up(room: &Room, address: &str) {
    let address = address.parse().unwrap();
    let (key, cipher) = room.press.keys.seal(&address).unwrap();
    let lookup = room.press.keys.lookup(&address);
    let sign_up = SignUp {
        address: SealedAddress {
            mailbox: Vec::new(),
            lookup,
            key,
            cipher,
            domain: "example.org".into(),
        },
        wants: [("all".to_owned(), "daily".to_owned())].into(),
        language: "en".parse().unwrap(),
        source: "form".into(),
        wording: "yes".into(),
        asked_at: room.now(),
    };
    let answer = room.press.store.sign_up(&sign_up, room.now()).await.unwrap();
    assert_eq!(answer, AskedFor::Waits);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_first_scan_only_answers_go_out() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge"]);
    room.release("bridge", "withdrawn: Issued in error.", "It cost 4 million.");
    move_folder(&room, "content", "elsewhere");
    room.clock.set("2026-11-21T01:00:00Z");
    sign_up(&room, "kim@example.org").await;
    provide();
    let (stop, stopped) = watch::channel(false);
    let what_happens = async {
        room.relay.wait_for(2).await;
        move_folder(&room, "elsewhere", "content");
        room.clock.set("2026-11-21T01:01:00Z");
        room.relay.wait_for(3).await;
        stop.send(true).unwrap();
    };
    let (ended, ()) = tokio::join!(daemon::run(room.press.clone(), stopped), what_happens);
    ended.unwrap();
    let expected = ["mei@example.org", "kim@example.org", "mei@example.org"];
    assert_eq!(recipients(&room.relay), expected);
}
