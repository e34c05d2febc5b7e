//! Outside the send windows: urgent news passes, corrections and reminders wait.

use super::*;

const NO_MAIL: [&str; 0] = [];

/// Monday to Friday, 08:00 to 18:00; reminders at 19:00.
async fn office_hours() -> Room {
    let mail = "reminders: {days: [1], at: '0 19 * * *'}\n\
                mail: {send_windows: [{days: mon-fri, from: '08:00', to: '18:00'}], ";
    Room::with(Sink::start().await, |config| config.replace("mail: {", mail)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_goes_out_while_the_digests_wait() {
    let room = office_hours().await;
    room.people(&["mei all daily", "raj all immediate"]);
    room.release("bridge", "", "It opens.");
    room.release("storm", "urgent: true", "Stay at home.");
    // Saturday at 08:00, when the daily digest is due.
    assert_eq!(room.minute("2026-11-21T00:00:00Z").await, ["mei: storm", "raj: storm"]);
    assert_eq!(room.minute("2026-11-23T00:00:00Z").await, ["mei: bridge", "raj: bridge"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_wait_for_the_next_opening() {
    let room = office_hours().await;
    room.people(&["mei all daily"]);
    room.release("bridge", "", "It cost 4 million.");
    room.scan().await;
    assert_eq!(room.minute("2026-11-23T00:00:00Z").await, ["mei: bridge"]);
    room.release("bridge", "correction: It cost 40 million.", "It cost 40 million.");
    // Half past six in the evening, and a minute before eight.
    assert_eq!(room.minute("2026-11-23T10:30:00Z").await, NO_MAIL);
    assert_eq!(room.minute("2026-11-23T23:59:00Z").await, NO_MAIL);
    assert_eq!(room.runs().await.last().unwrap(), "correction seq:2 sending");
    assert_eq!(room.minute("2026-11-24T00:00:00Z").await, ["mei: Correction: bridge"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_wait_for_the_next_opening() {
    let room = office_hours().await;
    room.people(&["mei events weekly"]);
    room.release("talk", "kind: event\nevent: {start: '2026-11-24T10:00:00+08:00'}", "Come.");
    assert_eq!(room.minute("2026-11-23T11:00:00Z").await, NO_MAIL);
    assert_eq!(room.runs().await, ["reminder 2026-11-23 sending"]);
    assert_eq!(room.minute("2026-11-24T00:00:00Z").await, ["mei: talk"]);
}
