//! Send windows and holidays.

use tidings::pipeline::digests::{
    Asked, PlannedRun, Started, hash_of, pass_windows, plan_asked, plan_by_hand, plan_wanted,
    start, start_with,
};
use tidings::pipeline::requests::SendRequest;
use tidings::pipeline::send::next_due;
use tidings::store::{Brake, Override, RunsAsked};

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
fn status_says_when_a_digest_goes_out_whose_moment_is_outside_the_windows() {
    let office = wednesdays();
    office.run(&["publish-now", "--feeds-only"]);
    let status = office.run(&["status", "--at", THURSDAY]).stdout;
    let daily = "digest        daily: 2026-11-27T08:00:00+08:00\n              \
                 outside the send windows: it goes out 2026-12-02T08:00:00+08:00\n";
    assert!(status.contains(daily), "{status}");
    assert!(status.contains("closed until 2026-12-02T08:00:00+08:00\n"), "nobody waits: {status}");
    let json = office.run(&["status", "--at", THURSDAY, "--json"]).json();
    assert_eq!(json["digests"][1]["goes_out"], "2026-12-02T08:00:00+08:00");
    let inside = office.run(&["status", "--at", "2026-11-24T12:00:00+08:00", "--json"]).json();
    assert_eq!(inside["digests"][1]["goes_out"], serde_json::Value::Null);
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
    let room = Mailroom::open(1, "daily", &[OFFICE_HOURS]).await;
    room.news("a-new-bridge").await;
    let overrides = [ferry_accident()];
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

fn ferry_accident() -> Override {
    let (reason, by) = ("ferry accident".to_owned(), "mei".to_owned());
    Override { brake: Brake::SendWindow, reason, by }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_missed_inside_a_window_is_late_by_the_open_time_alone() {
    let before_closing = ("at: '0 8 * * *'", "at: '50 17 * * FRI', late: skip");
    let room = Mailroom::open(2, "daily", &[OFFICE_HOURS, before_closing]).await;
    room.news("a-new-bridge").await;
    // Due on Friday the 27th at 17:50; the host was down from 17:45 to 18:05.
    assert_eq!(room.tick("2026-11-27T10:05:00Z").await, 0);
    assert_eq!(room.tick("2026-11-30T00:00:00Z").await, 2, "ten minutes of an open window");
    assert_eq!(room.runs().await, ["2026-11-27T17:50 complete"]);
}

#[test]
fn urgent_news_goes_out_by_hand_whatever_the_windows_say() {
    let office = wednesdays();
    office.release("a-new-bridge", "It opens today.");
    let storm = "---\ntitle: storm\nlayout: post\npermalink: /storm/\nurgent: true\n---\nStay.\n";
    office.write("content/_posts/storm.md", storm);
    office.settle("content/_posts/storm.md");
    let done = office.run(&["publish-now", "--at", THURSDAY, "--json"]);
    assert_eq!(done.code, 4, "{done:?}");
    let report = done.json();
    assert_eq!(report["runs"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["runs"][0]["digest"], "urgent");
    assert_eq!(report["runs"][0]["deliveries"]["rehearsed"], 2);
    let said = office.run(&["publish-now", "--at", THURSDAY]).stderr;
    let why = "urgent news alone is sent: this is outside the send windows; it opens 2026-12-02";
    assert!(said.contains(why), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_starts_urgent_news_by_hand_whatever_the_windows_say() {
    let room = Mailroom::open(1, "daily", &[OFFICE_HOURS]).await;
    room.news("a-new-bridge").await;
    room.urgent("storm", "Stay at home.").await;
    let asked = Asked { advances: true, ..Asked::default() };
    let shown = plan_asked(&room.press, &asked).await.unwrap();
    assert_eq!((shown.runs.len(), shown.closed.len()), (1, 1), "{shown:?}");
    let plan = hash_of(&shown.runs);
    let request = SendRequest { plan, ..SendRequest::what_is_open() };
    let wanted = plan_wanted(&room.press, &request).await.unwrap().unwrap();
    let names: Vec<_> = wanted.runs.iter().map(PlannedRun::digest).collect();
    assert_eq!(names, ["urgent"]);
    room.clock.set("2026-11-23T00:00:00Z");
    assert!(plan_wanted(&room.press, &request).await.unwrap().is_none(), "the window opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_a_window_goes_where_that_is_overridden() {
    let room = Mailroom::open(2, "daily", &[OFFICE_HOURS]).await;
    room.news("a-new-bridge").await;
    let plans = plan_by_hand(&room.press, &[], true).await.unwrap();
    let run = start(&room.press, &plans[0]).await.unwrap().unwrap();
    assert_eq!(room.send().await, 0, "Friday evening");
    let others = Asked { names: vec!["immediate".into()], ..asked_to_pass() };
    pass_windows(&room.press, &others).await.unwrap();
    assert_eq!(room.send().await, 0, "it is of another digest");
    for _ in 0..2 {
        pass_windows(&room.press, &asked_to_pass()).await.unwrap();
    }
    assert_eq!(room.send().await, 2);
    let details = room.press.store.runs(RunsAsked::One(run)).await.unwrap().remove(0);
    assert_eq!(details.overrides, [ferry_accident()], "once");
}

fn asked_to_pass() -> Asked {
    Asked { overrides: vec![ferry_accident()], ..Asked::default() }
}

/// By the program: a run that an earlier command left to a window.
#[tokio::test(flavor = "multi_thread")]
async fn publish_now_says_what_waits_for_the_window_and_how_to_send_it() {
    let room = Mailroom::open(2, "daily", &[(MAIL, NEVER_TODAY)]).await;
    room.news("a-new-bridge").await;
    let plans = plan_by_hand(&room.press, &[], true).await.unwrap();
    start(&room.press, &plans[0]).await.unwrap().unwrap();
    let done = room.office.run(&["publish-now"]);
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains("2 e-mails wait for the send window; "), "{done:?}");
    let sends = ["publish-now", "--override", "send-window", "--reason", "ferry accident"];
    let done = room.office.run(&sends);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(room.office.mails().len(), 2);
}

/// The program reads the clock: a window of a minute each year.
const NEVER_TODAY: &str = "mail: {send_windows: [{days: mon, from: '00:00', to: '00:01'}], from:";
