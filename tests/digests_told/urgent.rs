//! Urgent news: to everybody at once.

use tidings::store::PauseScope;

use super::*;

const NO_MAIL: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_goes_to_everybody_at_once_and_is_left_out_of_their_digests() {
    let room = Room::open().await;
    room.people(&["mei all daily", "raj releases weekly", "tan events weekly"]);
    room.release("storm", "urgent: true", "Stay at home.");
    let got = room.minute("2026-11-20T12:01:00Z").await;
    assert_eq!(got, ["mei: storm", "raj: storm"]);
    assert!(room.mail_to("raj").contains("Urgent news"), "{}", room.mail_to("raj"));
    room.release("ferry", "", "It sails.");
    assert_eq!(room.minute("2026-11-20T12:02:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: ferry"]);
    assert_eq!(room.minute("2026-11-27T09:00:00Z").await, ["raj: ferry"]);
    assert_eq!(room.runs().await[0], "urgent seq:1 complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_a_digest_lets_urgent_news_pass_and_one_of_everything_does_not() {
    let room = Room::open().await;
    room.people(&["mei all daily"]);
    room.pause(PauseScope::Digest("daily".into())).await;
    room.release("storm", "urgent: true", "Stay at home.");
    assert_eq!(room.minute("2026-11-20T12:01:00Z").await, ["mei: storm"]);
    room.pause(PauseScope::All).await;
    room.release("flood", "urgent: true", "Go upstairs.");
    assert_eq!(room.minute("2026-11-20T12:02:00Z").await, NO_MAIL);
    room.resume(&PauseScope::All).await;
    assert_eq!(room.minute("2026-11-20T12:03:00Z").await, ["mei: flood"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_urgent_in_a_minor_edit_is_news_of_its_digest() {
    let room = Room::open().await;
    room.people(&["mei all daily"]);
    room.release("storm", "", "It may rain.");
    assert_eq!(room.minute("2026-11-20T12:01:00Z").await, NO_MAIL);
    room.release("storm", "urgent: true", "It may rain hard.");
    assert_eq!(room.minute("2026-11-20T12:02:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: storm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_that_was_cancelled_comes_with_the_readers_own_digest() {
    let relay = putting_off(&["raj"], 1).await;
    let room = Room::with(relay, str::to_owned).await;
    room.people(&["mei all daily", "raj all weekly"]);
    room.release("ferry", "", "It sails.");
    room.minute("2026-11-20T12:01:00Z").await;
    room.release("storm", "urgent: true", "Stay at home.");
    assert_eq!(room.minute("2026-11-20T12:02:00Z").await, ["mei: storm"]);
    let open = room.press.store.open_runs().await.unwrap();
    room.run(&["cancel", &open[0].id.to_string(), "--yes"]);
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: ferry"]);
    let weekly = room.minute("2026-11-27T09:00:00Z").await;
    assert_eq!(weekly.len(), 1, "{weekly:?}");
    let mail = room.mail_to("raj");
    assert!(mail.contains("storm") && mail.contains("ferry"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_behind_urgent_news_is_not_sent_it() {
    let room = Room::open().await;
    room.people(&["mei all daily"]);
    room.release("storm", "urgent: true", "Stay at home.");
    room.scan().await;
    room.people(&["new all daily"]);
    assert_eq!(room.minute("2026-11-20T12:01:00Z").await, ["mei: storm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_while_urgent_news_waits_for_a_word_is_not_sent_it_later() {
    let approve = |config: &str| config.replace("0 8 * * *'}", "0 8 * * *', approve: {over: 2}}");
    let room = Room::with(Sink::start().await, approve).await;
    room.people(&["mei all daily", "raj all weekly", "tan all weekly"]);
    room.release("storm", "urgent: true", "Stay at home.");
    assert_eq!(room.minute("2026-11-20T12:01:00Z").await, NO_MAIL);
    room.people(&["new all daily"]);
    room.release("ferry", "", "It sails.");
    let daily = room.minute("2026-11-21T00:00:00Z").await;
    assert_eq!(daily.len(), 2, "{daily:?}");
    assert!(!room.mail_to("new").contains("storm"));
    room.let_go().await;
    assert_eq!(room.send().await, ["raj: storm", "tan: storm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_that_everybody_got_while_it_was_held_is_over_and_done_with() {
    let approve =
        |config: &str| config.replace("{name: immediate}", "{name: immediate, approve: {over: 1}}");
    let room = Room::with(Sink::start().await, approve).await;
    room.people(&["mei all daily", "raj all daily"]);
    room.release("storm", "urgent: true", "Stay at home.");
    assert_eq!(room.publish_now("2026-11-20T12:01:00Z", false).await.len(), 2);
    let held = room.press.store.held_runs().await.unwrap().remove(0);
    room.press.store.supersede_held(held.run, "another plan", room.now()).await.unwrap();
    assert_eq!(room.minute("2026-11-20T12:02:00Z").await, NO_MAIL);
    let urgent = room.press.store.digest_progress("urgent").await.unwrap().unwrap();
    assert_eq!(urgent.covered_seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_now_brings_urgent_news_before_the_digests() {
    let room = Room::open().await;
    room.people(&["mei all daily", "raj all weekly"]);
    room.release("storm", "urgent: true", "Stay at home.");
    room.release("ferry", "", "It sails.");
    let got = room.publish_now("2026-11-20T12:01:00Z", true).await;
    assert_eq!(got, ["mei: ferry", "mei: storm", "raj: ferry", "raj: storm"]);
    assert_eq!(room.publish_now("2026-11-20T12:02:00Z", true).await, NO_MAIL);
}

/// Raj joins; his relay refuses a release for good; and urgent news waits for a word all the
/// while.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_does_not_come_again_while_urgent_news_waits_for_a_word() {
    let relay = Sink::playing(|address, before| match (address, before) {
        ("raj@example.org", 0) => Play::RefuseRecipient("550 5.7.1 not this one"),
        _ => Play::Accept,
    });
    let room = Room::with(relay.await, |config| {
        config.replace(
            "{name: daily",
            "{name: rare, at: '0 0 1 1 *', approve: always}\n  - {name: daily",
        )
    });
    let room = room.await;
    room.people(&["mei all weekly"]);
    room.release("storm", "urgent: true", "Stay at home.");
    room.minute("2026-11-20T12:01:00Z").await;
    room.people(&["raj all daily"]);
    room.release("bridge", "", "It opens.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, NO_MAIL, "refused");
    room.release("ferry", "", "It sails.");
    assert_eq!(room.minute("2026-11-22T00:00:00Z").await, ["raj: ferry"]);
    assert!(!room.mail_to("raj").contains("/news/bridge/"), "{}", room.mail_to("raj"));
    room.let_go().await;
    assert_eq!(room.minute("2026-11-22T01:00:00Z").await, ["mei: storm"], "raj came later");
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_that_is_cancelled_while_a_digest_is_planned_comes_with_the_next() {
    let room = Room::open().await;
    room.people(&["mei all daily"]);
    room.release("ferry", "", "It sails.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: ferry"]);
    room.release("storm", "urgent: true", "Stay at home.");
    room.plan_at("2026-11-21T12:01:00Z").await;
    room.clock.set("2026-11-22T00:00:00Z");
    let due = plan_due(&room.press, room.now()).await.unwrap();
    assert!(due[0].is_empty(), "she is about to get it");
    let open = room.press.store.open_runs().await.unwrap();
    room.run(&["cancel", &open[0].id.to_string(), "--yes"]);
    start(&room.press, &due[0]).await.unwrap();
    assert_eq!(room.minute("2026-11-22T00:01:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-23T00:00:00Z").await, ["mei: storm"]);
}

/// More people than a plan looks at together, who follow nothing that comes.
fn add_crowd(room: &Room) {
    room.change(
        "insert into subscriber (lookup, address_version, domain, language, created_at)
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
         select cast(i as blob), 1, 'example.org', 'en', 0 from n;
         insert into subscription (subscriber_id, feed, digest_id, state, requested_at)
         select s.id, 'quiet', g.id, 'confirmed', 0 from subscriber s, digest g
         where length(s.lookup) < 5 and g.name = 'daily'",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_place_in_a_run_is_owed_what_was_cancelled_while_it_was_planned() {
    for is_before in [true, false] {
        let room = Room::open().await;
        let [first, last] =
            if is_before { ["mei events", "raj all"] } else { ["raj all", "mei events"] };
        room.people(&[&format!("{first} daily")]);
        add_crowd(&room);
        room.people(&[&format!("{last} daily")]);
        room.change("update subscription set owed_from = null");
        room.release("ferry", "", "It sails.");
        let event = "urgent: true\ncategory: event\nstart: 2027-01-01T10:00:00+08:00";
        room.release("storm", event, "Stay at home.");
        room.plan_at("2026-11-20T12:01:00Z").await;
        room.clock.set("2026-11-21T00:00:00Z");
        let due = plan_due(&room.press, room.now()).await.unwrap();
        assert_eq!(due[0].plan.recipients, 1);
        let urgent = room.press.store.open_runs().await.unwrap()[0].id;
        start(&room.press, &due[0]).await.unwrap().unwrap();
        // As if it had come while the pages were written.
        room.change("update run set state = 'planned' where recipients = 1");
        room.run(&["cancel", &urgent.to_string(), "--yes"]);
        room.change("update run set state = 'expanding' where state = 'planned'");
        assert_eq!(room.send().await, ["raj: ferry"]);
        assert_eq!(room.minute("2026-11-22T00:00:00Z").await, ["mei: storm", "raj: storm"]);
    }
}
