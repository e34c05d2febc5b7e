//! Reminders: some days before an event, to those who chose events.

use super::*;

const NO_MAIL: [&str; 0] = [];

async fn room_with(relay: Sink) -> Room {
    room_within(relay, "0 8 * * *", "").await
}

/// With reminders at a time, and send windows.
async fn room_within(relay: Sink, at: &str, windows: &str) -> Room {
    let reminders = format!("reminders: {{days: [1, 3], at: '{at}'}}\nmail: {{{windows}");
    Room::with(relay, |config| config.replace("mail: {", &reminders)).await
}

fn event(start: &str, more: &str) -> String {
    format!("kind: event\nevent: {{start: '{start}'{more}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_chose_events_is_told_again_on_the_days_asked_for() {
    let room = room_with(Sink::start().await).await;
    room.people(&["mei events weekly", "raj all weekly", "tan releases daily"]);
    room.release("talk", &event("2026-11-24T10:00:00+08:00", ""), "Come.");
    assert_eq!(room.minute("2026-11-20T23:59:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: talk"]);
    assert!(room.mail_to("mei").contains("Coming up"));
    assert_eq!(room.minute("2026-11-21T00:01:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-22T00:00:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-23T00:00:00Z").await, ["mei: talk"]);
    assert_eq!(room.minute("2026-11-24T00:00:00Z").await, NO_MAIL);
    assert_eq!(room.runs().await, ["reminder 2026-11-21 complete", "reminder 2026-11-23 complete"]);
    // It is no news: the week brings the event all the same.
    let week = room.minute("2026-11-27T09:00:00Z").await;
    assert_eq!(week, ["mei: talk", "raj: talk"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_take_place_is_not_told_again() {
    let room = room_with(Sink::start().await).await;
    room.people(&["mei events weekly"]);
    room.release("talk", &event("2026-11-22T10:00:00+08:00", ", status: cancelled"), "No.");
    room.release("tour", &event("2026-11-22T10:00:00+08:00", ", status: postponed"), "Later.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, NO_MAIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_called_off_while_reminders_go_out_is_not_told_to_the_rest() {
    let room = room_with(putting_off(&["raj"], 1).await).await;
    room.people(&["mei events weekly", "raj events weekly"]);
    room.release("talk", &event("2026-11-22T10:00:00+08:00", ""), "Come.");
    room.release("tour", &event("2026-11-22T12:00:00+08:00", ""), "Come.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await.len(), 1);
    room.release("talk", &event("2026-11-22T10:00:00+08:00", ", status: cancelled"), "No.");
    assert_eq!(room.minute("2026-11-21T00:01:00Z").await, ["raj: tour"]);
    assert!(!room.mail_to("raj").contains("/news/talk/"));
    let runs = room.runs().await;
    assert_eq!(runs, ["reminder 2026-11-21 superseded", "reminder 2026-11-21+1 complete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_left_by_a_reminder_of_two_days_ago_gets_none() {
    let room = room_with(putting_off(&["raj"], 1).await).await;
    room.people(&["mei events weekly", "raj events weekly"]);
    room.release("talk", &event("2026-11-24T10:00:00+08:00", ""), "Come.");
    room.release("tour", &event("2026-11-24T12:00:00+08:00", ""), "Come.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await.len(), 1);
    room.pause(PauseScope::All).await;
    room.release("talk", &event("2026-11-24T10:00:00+08:00", ", status: cancelled"), "No.");
    assert_eq!(room.minute("2026-11-21T00:01:00Z").await, NO_MAIL);
    assert_eq!(room.press.store.unserved_runs().await.unwrap().len(), 1);
    room.resume(&PauseScope::All).await;
    assert_eq!(room.minute("2026-11-22T01:00:00Z").await, NO_MAIL);
    assert_eq!(room.press.store.unserved_runs().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_the_events_gets_no_reminder_that_is_on_its_way() {
    let room = room_with(putting_off(&["mei"], 1).await).await;
    room.people(&["mei events weekly", "mei all weekly"]);
    room.release("talk", &event("2026-11-22T10:00:00+08:00", ""), "Come.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, NO_MAIL);
    room.change("update subscription set state = 'ended' where feed = 'events'");
    assert_eq!(room.minute("2026-11-21T02:00:00Z").await, NO_MAIL);
}

/// The moment is 19:00 on Saturday, the window opens at 08:00 on Sunday, and the talk is at 07:30.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_began_before_the_window_opened_is_not_told() {
    let days = "send_windows: [{from: '08:00', to: '18:00'}], ";
    let room = room_within(Sink::start().await, "0 19 * * *", days).await;
    room.people(&["mei events weekly", "raj events weekly"]);
    room.release("talk", &event("2026-11-22T07:30:00+08:00", ""), "Come.");
    room.release("tour", &event("2026-11-22T12:00:00+08:00", ""), "Come.");
    assert_eq!(room.minute("2026-11-21T11:00:00Z").await, NO_MAIL);
    // Who sends wakes first.
    room.clock.set("2026-11-22T00:00:00Z");
    assert_eq!(room.send().await, NO_MAIL);
    assert_eq!(room.minute("2026-11-22T00:00:00Z").await, ["mei: tour", "raj: tour"]);
    assert!(!room.mail_to("mei").contains("/news/talk/"));
    let runs = room.runs().await;
    assert_eq!(runs, ["reminder 2026-11-21 superseded", "reminder 2026-11-21+1 complete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_is_given_up_after_a_day_though_the_window_was_closed() {
    let week = "send_windows: [{days: mon-fri, from: '08:00', to: '18:00'}], ";
    let room = room_within(Sink::start().await, "0 8 * * *", week).await;
    room.people(&["mei events weekly"]);
    room.release("talk", &event("2026-11-24T10:00:00+08:00", ""), "Come.");
    // Three days ahead is Saturday, one day ahead is Monday.
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-23T00:00:00Z").await, ["mei: talk"]);
    let runs = room.press.store.runs(RunsAsked::Newest(100)).await.unwrap();
    let saturday = runs.iter().find(|run| run.key == "2026-11-21").unwrap();
    let counts = room.press.store.run_counts(saturday.run).await.unwrap();
    assert_eq!(counts.get("cancelled"), Some(&1), "{counts:?}");
}
