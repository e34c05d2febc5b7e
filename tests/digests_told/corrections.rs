//! Corrections and withdrawals: to those who have the old text, threaded to the mail that
//! brought it; and a run in the middle makes way for the new text.

use tidings::pipeline::digests::{Asked, PlannedRun, Started, plan_as_seen, start_seen};

use super::*;

const NO_MAIL: [&str; 0] = [];

/// Mei and Raj have the text that is wrong.
async fn told() -> Room {
    let room = Room::open().await;
    room.people(&["mei all daily", "raj all daily", "tan events daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge", "raj: bridge"]);
    room
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_answers_the_mail_that_brought_the_old_text() {
    let room = told().await;
    let first = room.mail_to("mei");
    let first_id = parsed(&first).message_id().unwrap().to_owned();
    room.people(&["new all daily"]);
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    let got = room.minute("2026-11-21T03:00:00Z").await;
    assert_eq!(got, ["mei: Correction: bridge", "raj: Correction: bridge"]);
    let correction = room.mail_to("mei");
    let mail = parsed(&correction);
    assert_eq!(mail.in_reply_to().as_text(), Some(&*first_id));
    assert_eq!(mail.references().as_text(), Some(&*first_id));
    assert!(mail.body_text(0).unwrap().contains("It cost 40 million."), "{correction}");
    assert_eq!(room.minute("2026-11-21T03:01:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-22T00:00:00Z").await, NO_MAIL);
    assert_eq!(room.runs().await.last().unwrap(), "correction seq:2 complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_correction_answers_the_first() {
    let room = told().await;
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    room.minute("2026-11-21T03:00:00Z").await;
    let first = room.mail_to("mei");
    let first_id = parsed(&first).message_id().unwrap().to_owned();
    room.release("bridge", "correction: It cost 44 million.", "It cost 44 million.");
    assert_eq!(room.minute("2026-11-21T04:00:00Z").await.len(), 2);
    assert_eq!(parsed(&room.mail_to("mei")).in_reply_to().as_text(), Some(&*first_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_told_with_its_reason() {
    let room = told().await;
    room.release("bridge", "withdrawn: Issued in error.", "It cost 4 million.");
    let got = room.minute("2026-11-21T03:00:00Z").await;
    assert_eq!(got, ["mei: Withdrawn: bridge", "raj: Withdrawn: bridge"]);
    assert!(room.mail_to("raj").contains("Issued in error."));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_told_is_counted_with_the_reason() {
    let relay = Sink::playing(|address, _| match address {
        "lee@example.org" => Play::RefuseRecipient("550 5.1.1 no such user"),
        _ => Play::Accept,
    });
    let room = Room::with(relay.await, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily", "tan all daily", "lee all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await.len(), 3);
    room.run(&["subscribers", "remove", "raj@example.org"]);
    room.change("update subscriber set paused_at = 1 where id = 3");
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    room.scan().await;
    let plan = plan_all_by_hand(&room.press, &[], true).await.unwrap();
    let untold = plan.runs[0].untold();
    assert_eq!((untold.left, untold.paused, untold.refused), (1, 1, 1), "{untold:?}");
    assert_eq!((untold.suppressed, untold.erased, untold.total()), (0, 0, 3));
    assert_eq!(room.minute("2026-11-21T03:00:00Z").await, ["mei: Correction: bridge"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_run_nobody_gets_the_old_text_any_more() {
    let relay = putting_off(&["raj", "tan"], 1).await;
    let room = Room::with(relay, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily", "tan releases daily"]);
    room.release("bridge", "", "It cost 4 million.");
    room.release("ferry", "", "It sails.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await.len(), 1, "the others are put off");
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    let got = room.minute("2026-11-21T00:01:00Z").await;
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got.contains(&"mei: Correction: bridge".to_owned()), "{got:?}");
    for reader in ["raj", "tan"] {
        let mail = room.mail_to(reader);
        assert!(mail.contains("40 million") && mail.contains("/news/ferry/"), "{mail}");
        assert!(!mail.contains("In-Reply-To"), "{mail}");
    }
    assert_eq!(
        room.runs().await,
        [
            "daily 2026-11-21T08:00 superseded",
            "daily 2026-11-21T08:00+1 complete",
            "correction seq:3 complete"
        ]
    );
    let sent = room.relay.accepted().len();
    room.minute("2026-11-22T00:00:00Z").await;
    assert_eq!(room.relay.accepted().len(), sent, "nothing is left to be told");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_or_removed_in_the_middle_is_sent_to_nobody_else() {
    for is_removed in [true, false] {
        let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
        room.people(&["mei all daily", "raj all daily"]);
        room.release("bridge", "", "It cost 4 million.");
        assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge"]);
        if is_removed {
            room.remove("_posts/bridge.md");
            // A path that is missing once may have moved.
            room.scan().await;
            assert_eq!(room.minute("2026-11-21T00:01:00Z").await, NO_MAIL);
        } else {
            room.release("bridge", "withdrawn: Issued in error.", "It cost 4 million.");
            let got = room.minute("2026-11-21T00:01:00Z").await;
            assert_eq!(got, ["mei: Withdrawn: bridge"]);
        }
        assert_eq!(room.minute("2026-11-21T06:00:00Z").await, NO_MAIL);
        assert_eq!(room.runs().await[0], "daily 2026-11-21T08:00 superseded");
    }
}

/// Raj is owed the ferry from the digest that was cancelled before: the run that takes the place
/// of his superseded one brings it still.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_owed_before_a_run_was_superseded_is_owed_behind_it() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.people(&["mei all weekly", "raj all weekly"]);
    room.release("ferry", "", "It sails.");
    room.minute("2026-11-21T01:00:00Z").await;
    // To a digest that has covered the ferry already.
    room.people(&["raj all daily", "tan all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-22T00:00:00Z").await, ["tan: bridge"]);
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    let got = room.minute("2026-11-22T00:01:00Z").await;
    assert_eq!(got.len(), 2, "{got:?}");
    let mail = room.mail_to("raj");
    assert!(mail.contains("/news/ferry/") && mail.contains("40 million"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_run_that_is_superseded_has_an_urgent_successor() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.people(&["mei all daily", "raj all weekly"]);
    room.release("storm", "urgent: true", "From 8.");
    assert_eq!(room.minute("2026-11-20T12:01:00Z").await, ["mei: storm"]);
    room.release("storm", "urgent: true\ncorrection: From 7.", "From 7.");
    let got = room.minute("2026-11-20T12:02:00Z").await;
    // Raj had no text that would be corrected.
    assert_eq!(got, ["mei: Correction: storm", "raj: storm"]);
    assert!(!room.mail_to("raj").contains("In-Reply-To"));
    assert_eq!(room.minute("2026-11-27T09:00:00Z").await, NO_MAIL);
    let runs = room.runs().await;
    assert_eq!(runs[..2], ["urgent seq:1 superseded", "urgent seq:1+1 complete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_event_is_news_that_says_what_changed() {
    let room = Room::open().await;
    room.people(&["mei events daily"]);
    let event = |start: &str| format!("kind: event\nevent: {{start: '{start}', venue: Hall A}}");
    room.release("talk", &event("2026-12-01T10:00:00+08:00"), "Come.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: talk"]);
    room.release("talk", &event("2026-12-02T11:00:00+08:00"), "Come.");
    assert_eq!(room.minute("2026-11-22T00:00:00Z").await, ["mei: Updated: talk"]);
    let mail = room.mail_to("mei");
    let text = parsed(&mail).body_text(0).unwrap().replace("\r\n", " ").replace('\n', " ");
    assert!(text.contains("New time: Wednesday 2 December 2026, 11:00"), "{text}");
    assert!(text.contains("Before: Tuesday 1 December 2026, 10:00"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_now_says_how_many_get_a_correction_and_who_cannot_be_told() {
    let relay = Sink::start().await;
    let office = support::office::Office::with_relay(&relay.url());
    office.subscribe(3, "daily");
    office.news("bridge", "It cost 4 million.");
    let publish = async || office.run_async(&["publish-now", "--yes"]).await;
    assert_eq!(publish().await.code, 0);
    assert_eq!(office.run(&["subscribers", "remove", "reader2@example.org"]).code, 0);
    let text = "---\ntitle: bridge\nlayout: post\npermalink: /news/bridge/\n\
                correction: It cost 40 million.\n---\nIt cost 40 million.\n";
    office.write("content/_posts/bridge.md", text);
    office.settle("content/_posts/bridge.md");
    let done = publish().await;
    let says = "Digests    correction: 1 entry in 1 issue to 2 people; not told: 1 left\n";
    assert!(done.stdout.contains(says), "{done:?}");
    assert!(done.stdout.contains("Mail       2 accepted\n"), "{done:?}");
    // Where nobody can be told any more, that is said once.
    for reader in ["reader1@example.org", "reader3@example.org"] {
        assert_eq!(office.run(&["subscribers", "remove", reader]).code, 0);
    }
    office.write("content/_posts/bridge.md", text.replace("40", "44"));
    office.settle("content/_posts/bridge.md");
    let done = publish().await;
    let says = "Digests    correction: to nobody; not told: 3 left\n";
    assert!(done.stdout.contains(says), "{done:?}");
    assert!(done.stdout.contains("Mail       none: nothing is new for anybody"), "{done:?}");
    assert!(!publish().await.stdout.contains("correction:"));
}

/// A run that was begun is corrected while the next one waits for a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_successor_leaves_a_held_run_alone_and_needs_no_word() {
    let approve =
        |config: &str| config.replace("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    let room = Room::with(putting_off(&["raj"], 1).await, approve).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("ferry", "", "It sails at 8.");
    room.minute("2026-11-21T00:00:00Z").await;
    room.let_go().await;
    assert_eq!(room.send().await, ["mei: ferry"]);
    room.release("bridge", "", "It opens.");
    room.publish_now("2026-11-21T00:02:00Z", true).await;
    room.release("ferry", "correction: It sails at 9.", "It sails at 9.");
    let got = room.minute("2026-11-21T00:03:00Z").await;
    assert_eq!(got, ["mei: Correction: ferry", "raj: ferry"]);
    let runs = room.runs().await;
    assert!(runs.contains(&"daily now:2 held".to_owned()), "{runs:?}");
    assert!(runs.contains(&"daily 2026-11-21T08:00+1 complete".to_owned()), "{runs:?}");
    room.let_go().await;
    assert_eq!(room.send().await, ["mei: bridge", "raj: bridge"]);
}

/// What a paused digest owes its people may come by another.
#[tokio::test(flavor = "multi_thread")]
async fn the_successor_of_a_paused_digest_takes_nothing_from_the_others() {
    let room = Room::with(putting_off(&["mei"], 9).await, str::to_owned).await;
    room.people(&["mei all daily"]);
    room.release("ferry", "", "It sails at 8.");
    room.minute("2026-11-21T00:00:00Z").await;
    room.people(&["mei releases weekly"]);
    room.change("update subscription set owed_from = 0 where feed = 'releases'");
    room.release("ferry", "correction: It sails at 9.", "It sails at 9.");
    room.pause(PauseScope::Digest("daily".into())).await;
    room.scan().await;
    settle(&room.press).await.unwrap();
    let plan = plan_all_by_hand(&room.press, &[], true).await.unwrap();
    let people: Vec<_> = plan.runs.iter().map(|run| (run.digest(), run.plan.recipients)).collect();
    assert!(people.contains(&("weekly", 1)), "{people:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_ends_what_is_outdated_and_shows_who_gets_the_new_text() {
    let room = Room::with(putting_off(&["raj"], 9).await, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("ferry", "", "It sails at 8.");
    assert_eq!(room.publish_now("2026-11-20T12:01:00Z", true).await, ["mei: ferry"]);
    room.release("ferry", "correction: It sails at 9.", "It sails at 9.");
    let done = room.office.run_async(&["plan", "--json"]).await;
    let shown = done.json();
    let planned = shown["digests"].as_array().unwrap().iter();
    let planned: Vec<(&str, u64)> = planned
        .map(|d| (d["digest"].as_str().unwrap(), d["recipients"].as_u64().unwrap()))
        .filter(|(_, people)| *people > 0)
        .collect();
    assert_eq!(planned, [("daily", 1), ("correction", 1)], "{shown}");
}

/// Nobody knew whether Raj had the old text; he was told the correction. Then an operator finds
/// that he had nothing, or asks for a second copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_opened_again_after_a_correction_sends_nothing_of_the_old_text() {
    for resolution in [Resolution::Unsent, Resolution::Resend] {
        let room = Room::open().await;
        room.people(&["mei all daily", "raj all daily"]);
        room.release("bridge", "", "It cost 4 million.");
        room.release("ferry", "", "It sails.");
        assert_eq!(room.minute("2026-11-21T00:00:00Z").await.len(), 2);
        room.change(
            "update delivery set state = 'uncertain', unknowns = 1 where subscriber_id = 2",
        );
        room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
        assert_eq!(room.minute("2026-11-21T01:00:00Z").await.len(), 2);
        let run = room.press.store.runs(RunsAsked::Newest(100)).await.unwrap();
        let run = run.iter().find(|run| run.key == "2026-11-21T08:00").unwrap().run;
        room.press.store.resolve(run, &[2], resolution, "mei", room.now()).await.unwrap();
        // A sender is told at once.
        assert_eq!(room.send().await, NO_MAIL, "{resolution:?}");
        assert_eq!(room.runs().await[0], "daily 2026-11-21T08:00 superseded");
        let next = room.minute("2026-11-21T01:02:00Z").await;
        let left = if resolution == Resolution::Unsent { vec!["raj: ferry"] } else { vec![] };
        assert_eq!(next, left);
        assert_eq!(room.minute("2026-11-22T00:00:00Z").await, NO_MAIL);
    }
}

/// The disk was full just then, or another process held the store for too long.
#[tokio::test(flavor = "multi_thread")]
async fn a_supersession_that_failed_is_taken_up_at_the_next_look() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge"]);
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    room.scan().await;
    room.change("update run set state = 'superseded', was_open = 1 where state = 'sending'");
    let got = room.minute("2026-11-21T00:01:00Z").await;
    assert_eq!(got, ["mei: Correction: bridge", "raj: bridge"]);
    assert!(!room.mail_to("raj").contains("In-Reply-To"), "it is news to raj");
}

/// Raj has the old text under `all`, and leaves that feed while the correction is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_one_of_two_feeds_is_told_a_correction_by_the_other() {
    for text in ["correction: It cost 40 million.", "withdrawn: Issued in error."] {
        let room = Room::open().await;
        room.people(&["mei all daily", "raj all daily", "raj releases weekly", "tan all daily"]);
        room.release("bridge", "", "It cost 4 million.");
        assert_eq!(room.minute("2026-11-21T00:00:00Z").await.len(), 3);
        room.release("bridge", text, "It cost 40 million.");
        room.plan_at("2026-11-21T01:00:00Z").await;
        room.leaves("raj", "all").await;
        room.leaves("tan", "all").await;
        let got = room.send().await;
        assert_eq!(got.len(), 2, "{text}: {got:?}");
        assert!(got[1].starts_with("raj: "), "{got:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_an_end_back_is_told_the_correction_that_was_on_its_way() {
    let room = told().await;
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    room.plan_at("2026-11-21T01:00:00Z").await;
    room.leaves("raj", "all").await;
    assert_eq!(room.send().await, ["mei: Correction: bridge"]);
    let (raj, left) = (room.number_of("raj").await, room.now());
    room.clock.set("2026-11-21T01:10:00Z");
    let back = ComeBack {
        run: Leave::EVERYTHING,
        subscriber: raj,
        left_at: left,
        source: "page".into(),
        wording: "test".into(),
    };
    assert_eq!(room.press.store.take_back_end(&back, room.now()).await.unwrap(), 1);
    assert_eq!(room.minute("2026-11-21T01:11:00Z").await, ["raj: Correction: bridge"]);
    assert_eq!(room.runs().await.last().unwrap(), "correction seq:2 complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_that_is_cancelled_is_told_to_nobody_else_and_says_so() {
    let relay = Sink::playing(|address, before| match (address, before) {
        ("raj@example.org", 1) => Play::RefuseRecipient("451 4.7.1 later"),
        _ => Play::Accept,
    });
    let room = Room::with(relay.await, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await.len(), 2);
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    assert_eq!(room.minute("2026-11-21T01:00:00Z").await, ["mei: Correction: bridge"]);
    let open = room.press.store.open_runs().await.unwrap();
    let done = room.office.run(&["cancel", &open[0].id.to_string(), "--yes"]);
    let said = done.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "1 e-mail is not sent; these people keep the old text and are not told";
    assert!(said.contains(expected), "{done:?}");
    assert_eq!(room.minute("2026-11-22T00:00:00Z").await, NO_MAIL);
    room.release("bridge", "correction: It cost 44 million.", "It cost 44 million.");
    let got = room.minute("2026-11-22T01:00:00Z").await;
    assert_eq!(got, ["mei: Correction: bridge", "raj: Correction: bridge"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_superseded_keeps_its_place_when_the_next_is_not_what_was_seen() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge"]);
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    room.scan().await;
    settle(&room.press).await.unwrap();
    let shown = room.office.run(&["plan", "--json"]).json()["plan"].as_str().unwrap().to_owned();
    let asked = Asked { advances: true, ..Asked::default() };
    let as_seen = plan_as_seen(&room.press, &shown, &asked).await.unwrap().unwrap();
    let is_daily = |run: &&_| PlannedRun::digest(run) == "daily";
    let next = as_seen.by_hand.runs.iter().find(is_daily).unwrap();
    let raj = room.number_of("raj").await;
    room.change(&format!("update subscriber set language = 'zh' where id = {raj}"));
    let started = start_seen(&room.press, next, &[], Some(&as_seen.seen)).await.unwrap();
    assert!(matches!(started, Started::Changed(_)), "{started:?}");
    assert_eq!(room.press.store.unserved_runs().await.unwrap().len(), 1);
    let got = room.minute("2026-11-21T00:10:00Z").await;
    assert_eq!(got, ["mei: Correction: bridge", "raj: bridge"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_digest_is_gone_is_not_looked_at_for_ever() {
    let room = Room::with(putting_off(&["raj"], 1).await, str::to_owned).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: bridge"]);
    room.pause(PauseScope::All).await;
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    assert_eq!(room.minute("2026-11-21T00:01:00Z").await, NO_MAIL);
    assert_eq!(room.press.store.unserved_runs().await.unwrap().len(), 1, "it waits");
    let (relay, desk) = (room.relay, room.desk);
    let without = |config: &str| config.replace("  - {name: daily, at: '0 8 * * *'}\n", "");
    let room = Room { desk: desk.reopen(without).await, relay };
    settle(&room.press).await.unwrap();
    assert_eq!(room.press.store.unserved_runs().await.unwrap(), []);
}
