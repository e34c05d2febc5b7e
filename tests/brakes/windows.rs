//! Send windows and holidays.

use tidings::pipeline::digests::{plan_by_hand, start};
use tidings::pipeline::send::next_due;

use super::Mailroom;
use super::support::office::Office;

const MAIL: &str = "mail: {from:";

/// Monday to Friday, 08:00 to 18:00.
const OFFICE_HOURS: (&str, &str) =
    (MAIL, "mail: {send_windows: [{days: mon-fri, from: '08:00', to: '18:00'}], from:");

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_outside_goes_out_when_the_window_opens_under_its_own_key() {
    let room = Mailroom::open(2, "daily", &[OFFICE_HOURS]).await;
    room.news("a-new-bridge").await;
    // Saturday and Sunday at 08:00 are outside.
    assert_eq!(room.tick("2026-11-21T00:00:00Z").await, 0);
    assert_eq!(room.tick("2026-11-22T00:00:00Z").await, 0);
    assert_eq!(room.runs().await, [""; 0]);
    assert_eq!(room.tick("2026-11-23T00:00:00Z").await, 2);
    assert_eq!(room.runs().await, ["2026-11-23T08:00 complete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_late_it_is_is_counted_from_the_opening_and_news_after_its_moment_waits() {
    let friday_evening = ("at: '0 8 * * *'", "at: '0 19 * * FRI', late: skip");
    let room = Mailroom::open(2, "daily", &[OFFICE_HOURS, friday_evening]).await;
    // Due on Friday the 27th at 19:00.
    room.news("a-new-bridge").await;
    room.clock.set("2026-11-28T04:00:00Z");
    room.news("a-second-bridge").await;
    assert_eq!(room.tick("2026-11-29T23:59:00Z").await, 0);
    assert_eq!(room.tick("2026-11-30T00:05:00Z").await, 2, "sixty hours later, five minutes late");
    assert_eq!(room.runs().await, ["2026-11-27T19:00 complete"]);
    assert!(!room.office.mails()[0].contains("a-second-bridge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wakes_long_after_the_opening_is_late_all_the_same() {
    let friday_evening = ("at: '0 8 * * *'", "at: '0 19 * * FRI', late: skip");
    let room = Mailroom::open(2, "daily", &[OFFICE_HOURS, friday_evening]).await;
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-30T00:11:00Z").await, 0);
    assert_eq!(room.runs().await, ["2026-11-27T19:00 expired"]);
    // The news is not lost: Friday's waits for the next Monday.
    assert_eq!(room.tick("2026-12-07T00:00:00Z").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_when_the_window_closes_goes_on_at_the_next_opening() {
    let room = Mailroom::open(2, "daily", &[OFFICE_HOURS]).await;
    room.clock.set("2026-11-20T00:30:00Z");
    room.news("a-new-bridge").await;
    for plan in plan_by_hand(&room.press, &[], true).await.unwrap() {
        start(&room.press, &plan).await.unwrap();
    }
    room.clock.set("2026-11-20T10:00:00Z");
    assert_eq!(room.send().await, 0, "18:00: it is closed");
    let opens = "2026-11-23T00:00:00Z".parse().unwrap();
    assert_eq!(next_due(&room.press).await.unwrap(), Some(opens));
    assert_eq!(room.press.store.waiting_for_window().await.unwrap(), 2);
    room.clock.set("2026-11-23T00:00:00Z");
    assert_eq!(room.send().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn immediate_news_waits_too_and_goes_in_one_issue() {
    let room = Mailroom::open(1, "immediate", &[OFFICE_HOURS]).await;
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-20T12:01:00Z").await, 0);
    room.news("a-second-bridge").await;
    assert_eq!(room.tick("2026-11-21T12:01:00Z").await, 0);
    assert_eq!(room.tick("2026-11-23T00:00:00Z").await, 1);
    let mail = &room.office.mails()[0];
    assert!(mail.contains("a-new-bridge") && mail.contains("a-second-bridge"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holiday_has_no_window() {
    let calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20251121\n\
                    RRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n";
    let room = Mailroom::open(1, "daily", &[]).await;
    room.office.write("config/holidays.ics", calendar);
    let add = |config: &str| config.replace(MAIL, "mail: {holidays: config/holidays.ics, from:");
    let room = Mailroom(room.0.reopen(add).await);
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-21T00:00:00Z").await, 0);
    assert_eq!(room.tick("2026-11-21T15:59:00Z").await, 0);
    assert_eq!(room.tick("2026-11-21T16:00:00Z").await, 1, "the next day begins");
    assert_eq!(room.runs().await, ["2026-11-21T08:00 complete"]);
}

/// An office whose only window is on Wednesdays.
fn wednesdays() -> Office {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let window = "mail: {send_windows: [{days: wed, from: '08:00', to: '18:00'}], from:";
    office.write("config/tidings.yaml", config.replace(MAIL, window));
    office.subscribe(2, "daily");
    office
}

const THURSDAY: &str = "2026-11-26T12:00:00+08:00";

#[test]
fn publish_now_outside_a_window_sends_nothing_and_says_when_it_opens() {
    let office = wednesdays();
    office.release("a-new-bridge", "It opens today.");
    let done = office.run(&["publish-now", "--at", THURSDAY]);
    assert_eq!(done.code, 4, "{done:?}");
    let said = "not sent: this is outside the send windows; it opens 2026-12-02T08:00:00+08:00\n";
    assert!(done.stderr.contains(said), "{done:?}");
    assert!(done.stdout.contains("Mail       none: not sent this time"), "{done:?}");
    let json = office.run(&["publish-now", "--at", THURSDAY, "--json"]).json();
    assert_eq!(json["exit_code"], 4);
    assert_eq!(json["runs"].as_array().unwrap().len(), 0);
    let inside = office.run(&["publish-now", "--at", "2026-11-25T12:00:00+08:00", "--json"]);
    assert_eq!(inside.code, 0, "{inside:?}");
    assert_eq!(inside.json()["runs"][0]["deliveries"]["rehearsed"], 2);
}

#[test]
fn an_operator_may_send_outside_and_the_reason_is_kept() {
    let office = wednesdays();
    office.release("a-new-bridge", "It opens today.");
    let sends = ["publish-now", "--at", THURSDAY, "--override", "send-window", "--reason"];
    let done = office.run(&[&sends[..], &["ferry accident", "--json"]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.json()["runs"][0]["deliveries"]["rehearsed"], 2);
    assert_eq!(office.run(&sends[..5]).code, 2, "a reason is wanted");
    assert_eq!(office.run(&[&sends[..], &[" "]].concat()).code, 2, "a blank one is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_passes_the_windows_shows_why() {
    use tidings::pipeline::digests::{Started, start_with};
    use tidings::store::{Brake, Override, RunsAsked};

    let room = Mailroom::open(1, "daily", &[OFFICE_HOURS]).await;
    room.news("a-new-bridge").await;
    let (reason, by) = ("ferry accident".to_owned(), "mei".to_owned());
    let overrides = [Override { brake: Brake::SendWindow, reason, by }];
    let plans = plan_by_hand(&room.press, &[], true).await.unwrap();
    let Started::Run(run) = start_with(&room.press, &plans[0], &overrides).await.unwrap() else {
        panic!("it was not started");
    };
    assert_eq!(room.send().await, 1, "Friday evening");
    let details = room.press.store.runs(RunsAsked::One(run)).await.unwrap().remove(0);
    assert_eq!(details.overrides, overrides);
    let shown = room.office.run(&["runs", "show", &run.to_string()]);
    let said = shown.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let overridden = "overridden by mei at 2026-11-20T20:00:00+08:00: send-window, ferry accident";
    assert!(said.contains(overridden), "{shown:?}");
}

#[test]
fn status_says_when_the_window_opens() {
    let office = wednesdays();
    let done = office.run(&["status", "--at", THURSDAY]);
    assert!(done.stdout.contains("closed until 2026-12-02T08:00:00+08:00"), "{done:?}");
    let json = office.run(&["status", "--at", THURSDAY, "--json"]).json();
    assert_eq!(json["window_opens_at"], "2026-12-02T08:00:00+08:00");
}
