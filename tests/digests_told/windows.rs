//! Rehearsals and runs by hand: nothing twice, nothing missing.

use super::*;

/// A week in the Maildir, then a real relay: what was rehearsed is sent to nobody, and nobody
/// who has a text in the Maildir alone is told that it was wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsed_week_is_not_sent_and_not_corrected() {
    let relay = Sink::start().await;
    let room = Room::with(relay, str::to_owned).await;
    room.people(&["mei all daily", "raj all weekly"]);
    // The week goes to the Maildir.
    let url = room.relay.url();
    let Room { desk, relay } = room;
    let desk = desk.reopen(|config| config.replace(&url, "maildir:var/mail")).await;
    let room = Room { desk, relay };
    room.release("bridge", "", "It cost 4 million.");
    for day in 21..=27 {
        room.minute(&format!("2026-11-{day}T00:00:00Z")).await;
    }
    room.minute("2026-11-27T09:00:00Z").await;
    assert_eq!(room.office.mails().len(), 2, "one each, in the Maildir");
    let Room { desk, relay } = room;
    let desk = desk.reopen(|config| config.replace("maildir:var/mail", &url)).await;
    let room = Room { desk, relay };
    room.release("ferry", "", "It sails at 8.");
    assert_eq!(room.minute("2026-11-28T00:00:00Z").await, ["mei: ferry"]);
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    assert_eq!(room.minute("2026-11-28T01:00:00Z").await, Vec::<String>::new());
    let runs = room.runs().await;
    assert!(!runs.iter().any(|run| run.starts_with("correction")), "{runs:?}");
    // What went out is corrected for those who have it.
    room.release("ferry", "correction: It sails at 9.", "It sails at 9.");
    let got = room.publish_now("2026-11-28T02:00:00Z", true).await;
    assert_eq!(got, ["mei: Correction: ferry", "raj: ferry"]);
    assert!(!room.mail_to("raj").contains("In-Reply-To"), "it is news to raj");
}

/// The urgent run brought all there was, so that the digests had nothing left to bring.
#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_that_was_rehearsed_is_not_sent_either() {
    for is_by_hand in [false, true] {
        let room = Room::with(Sink::start().await, str::to_owned).await;
        room.people(&["mei all immediate", "raj all daily", "tan all weekly"]);
        let url = room.relay.url();
        let Room { desk, relay } = room;
        let desk = desk.reopen(|config| config.replace(&url, "maildir:var/mail")).await;
        let room = Room { desk, relay };
        let pass = async |time: &str| {
            if is_by_hand { room.publish_now(time, true).await } else { room.minute(time).await }
        };
        room.release("storm", "urgent: true", "From 8.");
        pass("2026-11-20T12:01:00Z").await;
        assert_eq!(room.office.mails().len(), 3, "by hand: {is_by_hand}");
        let Room { desk, relay } = room;
        let desk = desk.reopen(|config| config.replace("maildir:var/mail", &url)).await;
        let room = Room { desk, relay };
        room.release("ferry", "", "It sails at 8.");
        let got = room.publish_now("2026-11-20T13:00:00Z", true).await;
        assert_eq!(got, ["mei: ferry", "raj: ferry", "tan: ferry"], "by hand: {is_by_hand}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monday_by_hand_and_the_week_on_friday_bring_each_entry_once() {
    for advances in [true, false] {
        let room = Room::open().await;
        room.people(&["mei all weekly", "raj releases weekly", "raj all daily"]);
        room.release("bridge", "", "It opens.");
        room.minute("2026-11-23T01:00:00Z").await;
        let monday = room.publish_now("2026-11-23T02:00:00Z", advances).await;
        // Raj got it on Saturday or gets it now: by one digest alone.
        assert_eq!(monday.iter().filter(|mail| mail.starts_with("mei")).count(), 1);
        room.release("ferry", "", "It sails.");
        room.minute("2026-11-25T02:00:00Z").await;
        room.people(&["new all weekly"]);
        room.release("tunnel", "", "It is dug.");
        room.minute("2026-11-26T02:00:00Z").await;
        room.minute("2026-11-27T09:00:00Z").await;
        room.minute("2026-11-28T02:00:00Z").await;
        let count = |reader: &str, name: &str| {
            let has = |mail: &&support::sink::Accepted| {
                mail.recipient.starts_with(&format!("{reader}@"))
                    && mail.message.contains(&format!("/news/{name}/"))
            };
            room.relay.accepted().iter().filter(has).count()
        };
        for name in ["bridge", "ferry", "tunnel"] {
            assert_eq!(count("mei", name), 1, "{name}, advances: {advances}");
            assert_eq!(count("raj", name), 1, "{name}, advances: {advances}");
        }
        assert_eq!((count("new", "ferry"), count("new", "tunnel")), (0, 1));
    }
}

/// Raj changes to the weekly digest while his daily mail waits: written down as planned, or put
/// off by the relay.
#[tokio::test(flavor = "multi_thread")]
async fn who_changes_digest_while_a_mail_waits_gets_its_news_with_the_other() {
    for is_expanded in [true, false] {
        let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
        room.people(&["mei all daily", "tan all weekly"]);
        room.release("tunnel", "", "It was dug.");
        // The weekly digest has covered it when Raj comes.
        assert_eq!(room.minute("2026-11-27T09:00:00Z").await, ["mei: tunnel", "tan: tunnel"]);
        room.people(&["raj all daily"]);
        room.release("bridge", "", "It opens.");
        room.scan().await;
        room.clock.set("2026-11-28T00:00:00Z");
        for plan in plan_due(&room.press, room.now()).await.unwrap() {
            start(&room.press, &plan).await.unwrap();
        }
        if is_expanded {
            assert_eq!(room.send().await, ["mei: bridge"]);
        }
        room.people(&["raj all weekly"]);
        room.release("ferry", "", "It sails.");
        room.minute("2026-11-28T03:00:00Z").await;
        assert_eq!(room.minute("2026-12-04T08:00:00Z").await, ["mei: ferry"]);
        let week = room.minute("2026-12-04T09:00:00Z").await;
        assert_eq!(week.len(), 2, "{week:?}");
        let mail = room.mail_to("raj");
        assert!(mail.contains("/news/bridge/") && mail.contains("/news/ferry/"), "{mail}");
        assert!(!mail.contains("/news/tunnel/"), "it was told before he came");
    }
}

/// A text stands in two feeds of Raj's, and in the issue under the first. He leaves that one while
/// its mail waits, and the digest of the other has left it out for him.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_one_of_two_feeds_gets_its_news_with_the_other() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.comes("raj all daily").await;
    room.comes("raj releases weekly").await;
    room.clock.set("2026-11-26T12:00:00Z");
    room.release("bridge", "", "It opens.");
    assert_eq!(room.minute("2026-11-27T00:00:00Z").await, [""; 0], "put off");
    room.plan_at("2026-11-27T09:00:00Z").await;
    room.leaves("raj", "all").await;
    assert_eq!(room.send().await, [""; 0], "he left the feed it stands under");
    room.release("ferry", "", "It sails.");
    assert_eq!(room.minute("2026-12-04T09:00:00Z").await.len(), 1);
    let mail = room.mail_to("raj");
    assert!(mail.contains("/news/bridge/") && mail.contains("/news/ferry/"), "{mail}");
}

/// The same, but the mail was cancelled before he left.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_one_of_two_feeds_gets_what_was_cancelled_with_the_other() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.comes("raj all daily").await;
    room.comes("raj releases daily").await;
    room.clock.set("2026-11-26T12:00:00Z");
    room.release("bridge", "", "It opens.");
    assert_eq!(room.minute("2026-11-27T00:00:00Z").await, [""; 0], "put off");
    let open = room.press.store.open_runs().await.unwrap();
    room.run(&["cancel", &open[0].id.to_string(), "--yes"]);
    room.leaves("raj", "all").await;
    assert_eq!(room.minute("2026-11-28T00:00:00Z").await, ["raj: bridge"]);
}

/// Raj goes from the weekly digest to the daily one between the plan of a daily run and its start.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_owed_something_while_a_run_is_planned_gets_it_with_the_next() {
    let room = Room::open().await;
    room.people(&["mei all daily", "raj all weekly"]);
    room.release("bridge", "", "It opens.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge"]);
    room.release("ferry", "", "It sails.");
    room.scan().await;
    room.clock.set("2026-11-22T00:00:00Z");
    let plans = plan_due(&room.press, room.now()).await.unwrap();
    room.comes("raj all daily").await;
    for plan in plans {
        start(&room.press, &plan).await.unwrap();
    }
    assert_eq!(room.send().await, ["mei: ferry", "raj: ferry"]);
    assert_eq!(room.minute("2026-11-23T00:00:00Z").await, ["raj: bridge"]);
    assert_eq!(room.minute("2026-11-24T00:00:00Z").await, [""; 0]);
}

/// The same, of a run that has nothing for anybody.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_owed_something_while_an_empty_run_is_planned_gets_it_with_the_next() {
    let room = Room::open().await;
    room.people(&["mei all daily", "raj all weekly", "tan events weekly"]);
    room.release("bridge", "", "It opens.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge"]);
    room.clock.set("2026-11-22T00:00:00Z");
    let plans = plan_due(&room.press, room.now()).await.unwrap();
    assert!(plans.iter().all(tidings::pipeline::digests::PlannedRun::is_empty));
    room.comes("raj all daily").await;
    for plan in plans {
        start(&room.press, &plan).await.unwrap();
    }
    assert_eq!(room.send().await, [""; 0]);
    assert_eq!(room.minute("2026-11-23T00:00:00Z").await, ["raj: bridge"]);
}
