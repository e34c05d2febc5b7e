//! Reminders: some days before an event, to those who chose events.

use super::*;

const NO_MAIL: [&str; 0] = [];

async fn room_with(relay: Sink) -> Room {
    let reminders = "reminders: {days: [1, 3], at: '0 8 * * *'}\nmail: ";
    Room::with(relay, |config| config.replace("mail: ", reminders)).await
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
async fn who_left_the_events_gets_no_reminder_that_is_on_its_way() {
    let room = room_with(putting_off(&["mei"], 1).await).await;
    room.people(&["mei events weekly", "mei all weekly"]);
    room.release("talk", &event("2026-11-22T10:00:00+08:00", ""), "Come.");
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, NO_MAIL);
    room.change("update subscription set state = 'ended' where feed = 'events'");
    assert_eq!(room.minute("2026-11-21T02:00:00Z").await, NO_MAIL);
}
