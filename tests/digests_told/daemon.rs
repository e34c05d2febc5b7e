//! The same with a daemon, which plans while it sends.

use super::*;
use support::office::Office;

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
    assert!(log.contains("a run was superseded: `tag:"), "{log}");
    let got = |reader: &str| {
        let theirs = relay.accepted().into_iter().filter(move |mail| mail.recipient == reader);
        let subjects = theirs.map(|mail| parsed(&mail.message).subject().unwrap().to_owned());
        subjects.map(|subject| subject.replace(" – Test Office", "")).collect::<Vec<_>>()
    };
    assert_eq!(got("mei@example.org"), ["bridge", "Correction: bridge", "storm"]);
    assert_eq!(got("raj@example.org"), ["Correction: bridge", "storm"]);
    assert_eq!(got("tan@example.org"), ["storm"]);
}
