//! A process that dies while a run makes way for a new text: the next one finishes it.

use super::*;
use support::office::Office;

/// Mei has the old text, Raj was put off. Then it is corrected, and `publish-now` dies at each
/// step of what follows; in the end Mei has the correction and Raj the new text, once.
#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_the_next_start_goes_on() {
    let points = [
        "at-supersede:1",
        "at-cancel-page:1",
        "at-cancel-page:2",
        "at-cancel-page:3",
        "before-run-opens:1",
        "before-succession:1",
        "before-run-opens:2",
        "at-expand-page:1",
        "at-expand-page:2",
    ];
    for point in points {
        let relay = putting_off(&["raj"], 1).await;
        let office = Office::with_relay(&relay.url());
        let publish = async || office.run_async(&["publish-now", "--yes"]).await;
        let list = "address,language,feed,digest\nmei@example.org,en,all,daily\n\
                    raj@example.org,en,all,daily\n";
        office.write("people.csv", list);
        let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
        assert_eq!(office.run(&import).code, 0);
        office.news("bridge", "It cost 4 million.");
        assert_eq!(publish().await.code, 5, "raj was put off");

        let text = "---\ntitle: bridge\nlayout: post\npermalink: /news/bridge/\n\
                    correction: It cost 40 million.\n---\nIt cost 40 million.\n";
        office.write("content/_posts/bridge.md", text);
        office.settle("content/_posts/bridge.md");
        let mut command = office.command(&["publish-now", "--yes"]);
        command.env("TIDINGS_FAILPOINT", point);
        let killed = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(killed.status.code(), None, "{point} was not reached: {killed:?}");
        let done = publish().await;
        assert_eq!(done.code, 0, "{point}: {done:?}");
        let told = |reader: &str| {
            let theirs = relay.accepted().into_iter().filter(move |m| m.recipient == reader);
            theirs.map(|mail| mail.message.contains("40 million")).collect::<Vec<_>>()
        };
        assert_eq!(told("mei@example.org"), [false, true], "{point}");
        assert_eq!(told("raj@example.org"), [true], "{point}");
        let again = publish().await;
        assert!(again.stdout.contains("none: nothing is new"), "{point}: {again:?}");
    }
}
