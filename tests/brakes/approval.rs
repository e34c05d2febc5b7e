//! Runs that wait for an operator's word.

use serde_json::Value;

use super::Mailroom;
use super::support::office::{Done, Office};
use tidings::pipeline::digests::approval::{Word, let_go};
use tidings::pipeline::digests::{plan_due, plan_told};

/// An office whose daily digest waits for a word, with so many readers.
fn office(approve: &str, readers: usize) -> Office {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let daily = format!("at: '0 8 * * *', approve: {approve}");
    office.write("config/tidings.yaml", config.replace("at: '0 8 * * *'", &daily));
    office.subscribe(readers, "daily");
    office
}

fn publish(office: &Office, code: i32) -> Value {
    let done = office.run(&["publish-now", "--json"]);
    assert_eq!(done.code, code, "{done:?}");
    done.json()
}

fn approve(office: &Office, what: &str, code: i32) -> Done {
    let done = office.run(&["approve", what]);
    assert_eq!(done.code, code, "{done:?}");
    done
}

/// The plan that waits.
fn held(report: &Value) -> String {
    assert_eq!(report["held"].as_array().unwrap().len(), 1, "{report}");
    report["held"][0]["plan"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_waits_for_a_word_and_then_goes_out() {
    let office = office("always", 3);
    office.release("a-new-bridge", "It opens today.");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.stderr.contains("to 3 people waits for a word\nhint: `tidings approve "));
    assert!(office.mails().is_empty());
    let plan = held(&publish(&office, 4));
    let status = office.run(&["status", "--json"]).json();
    assert_eq!(status["holds"][0]["plan"], plan);
    assert_eq!(status["holds"][0]["kind"], "approval");
    approve(&office, &plan, 0);
    let again = approve(&office, &plan, 2);
    assert!(
        again.stderr.contains("error: run 1 (daily now:1) was let go already, by "),
        "{again:?}"
    );
    assert_eq!(publish(&office, 0)["runs"][0]["deliveries"]["rehearsed"], 3);
    assert_eq!(office.mails().len(), 3);
    publish(&office, 0);
    assert_eq!(office.mails().len(), 3);
}

#[test]
fn a_hold_goes_by_its_number_and_by_the_beginning_of_its_plan() {
    for is_number in [true, false] {
        let office = office("always", 1);
        office.release("a-new-bridge", "It opens today.");
        let report = publish(&office, 4);
        let number = report["held"][0]["hold"].to_string();
        let plan = held(&report);
        approve(&office, &plan[..7], 2);
        approve(&office, if is_number { &number } else { &plan[..8] }, 0);
        publish(&office, 0);
        assert_eq!(office.mails().len(), 1);
    }
}

#[test]
fn over_a_number_waits_and_up_to_it_goes() {
    let office = office("{over: 2}", 2);
    office.release("a-new-bridge", "It opens today.");
    publish(&office, 0);
    assert_eq!(office.mails().len(), 2);
    office.subscribe(3, "daily");
    office.news("a-second-bridge", "It opens tomorrow.");
    publish(&office, 4);
    assert_eq!(office.mails().len(), 2);
}

#[test]
fn who_left_meanwhile_is_taken_out() {
    let office = office("always", 3);
    office.release("a-new-bridge", "It opens today.");
    let plan = held(&publish(&office, 4));
    let left = ["subscribers", "remove", "reader2@example.org"];
    assert_eq!(office.run(&left).code, 0);
    let done = approve(&office, &plan, 0);
    assert!(done.stdout.starts_with("let go: digest `daily` now:1 to 3 people\n"), "{done:?}");
    assert!(done.stdout.contains("1 person taken out: who left, paused"), "{done:?}");
    assert_eq!(publish(&office, 0)["runs"][0]["deliveries"]["rehearsed"], 2);
    assert_eq!(office.mails().len(), 2);
}

/// What is said when the run is approved after `change`; nothing goes out.
fn check_refused(change: impl Fn(&Office), said: &str) {
    let office = office("always", 2);
    office.release("a-new-bridge", "It opens today.");
    let plan = held(&publish(&office, 4));
    change(&office);
    let done = approve(&office, &plan, 4);
    assert!(done.stderr.contains(said), "{said}: {done:?}");
    assert!(office.mails().is_empty(), "{said}");
}

fn feeds_only(office: &Office) {
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn anything_else_that_changed_is_told_and_nothing_goes_out() {
    check_refused(
        |office| {
            let config = office.read("config/tidings.yaml");
            let other = config.replace("title: Test Office", "title: Other Office");
            office.write("config/tidings.yaml", other);
        },
        "the config that shapes mail changed",
    );
    check_refused(
        |office| {
            office.release("a-new-bridge", "It opens tomorrow.");
            feeds_only(office);
        },
        "the entry `a new bridge` was edited",
    );
    check_refused(
        // Nobody has scanned it yet.
        |office| office.release("a-new-bridge", "It opens tomorrow."),
        "the entry `a new bridge` was edited",
    );
    check_refused(
        |office| {
            std::fs::remove_file(office.path("content/_posts/a-new-bridge.md")).unwrap();
            feeds_only(office);
            feeds_only(office);
        },
        "the entry `a new bridge` is in it no longer",
    );
}

#[test]
fn a_daemon_looks_at_the_files_before_it_lets_a_run_go() {
    let office = office("always", 2);
    office.release("a-new-bridge", "It opens today.");
    let plan = held(&publish(&office, 4));
    let daemon = office.daemon();
    office.release("a-new-bridge", "It opens tomorrow.");
    let done = approve(&office, &plan, 4);
    assert!(done.stderr.contains("the entry `a new bridge` was edited"), "{done:?}");
    assert!(office.mails().is_empty());
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_hold_that_a_later_run_took_over_says_so() {
    let office = office("always", 2);
    office.release("a-new-bridge", "It opens today.");
    let plan = held(&publish(&office, 4));
    office.news("a-second-bridge", "It opens tomorrow.");
    publish(&office, 4);
    let done = approve(&office, &plan, 2);
    let said = "error: run 1 (daily now:1) waits for nobody any more\n\
                hint: `tidings runs show 1` says what became of it; on hold: `2`\n";
    assert!(done.stderr.contains(said), "{done:?}");
    let run = office.run(&["runs", "show", "1"]);
    assert!(run.stdout.contains("              run 2 took its place\n"), "{run:?}");
}

#[test]
fn who_joins_meanwhile_is_no_part_of_it() {
    let office = office("always", 2);
    office.release("a-new-bridge", "It opens today.");
    let plan = held(&publish(&office, 4));
    office.subscribe(3, "daily");
    approve(&office, &plan, 0);
    publish(&office, 0);
    assert_eq!(office.mails().len(), 2);
}

#[test]
fn an_operator_may_go_without_a_word() {
    let office = office("always", 2);
    office.release("a-new-bridge", "It opens today.");
    publish(&office, 4);
    let sends = ["publish-now", "--override", "approval", "--reason", "the minister called"];
    let done = office.run(&sends);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(office.mails().len(), 2);
    let status = office.run(&["status", "--json"]).json();
    assert_eq!(status["holds"].as_array().unwrap().len(), 0, "{status}");
}

#[test]
fn a_daemon_lets_it_go_at_once() {
    let office = office("always", 2);
    office.release("a-new-bridge", "It opens today.");
    let plan = held(&publish(&office, 4));
    let daemon = office.daemon();
    let done = approve(&office, &plan, 0);
    assert!(done.stdout.contains("the daemon goes on now"), "{done:?}");
    let done = office.run(&["publish-now", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(office.mails().len(), 2);
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_held_run_can_be_cancelled_and_its_news_is_owed() {
    let office = office("always", 1);
    office.release("a-new-bridge", "It opens today.");
    let run = publish(&office, 4)["held"][0]["run"].to_string();
    assert_eq!(office.run(&["cancel", &run, "--yes"]).code, 0);
    let status = office.run(&["status", "--json"]).json();
    assert_eq!(status["holds"].as_array().unwrap().len(), 0, "{status}");
    let plan = held(&publish(&office, 4));
    approve(&office, &plan, 0);
    publish(&office, 0);
    assert_eq!(office.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_moment_takes_the_place_of_a_held_run_and_covers_its_news() {
    let always = ("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    let room = Mailroom::open(2, "daily", &[always]).await;
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-21T00:00:00Z").await, 0);
    assert_eq!(room.runs().await, ["2026-11-21T08:00 held"]);
    assert_eq!(room.tick("2026-11-21T00:01:00Z").await, 0);
    assert_eq!(room.runs().await, ["2026-11-21T08:00 held"], "it is asked once");
    room.clock.set("2026-11-21T04:00:00Z");
    room.news("a-second-bridge").await;
    assert_eq!(room.tick("2026-11-22T00:00:00Z").await, 0);
    assert_eq!(room.runs().await, ["2026-11-21T08:00 superseded", "2026-11-22T08:00 held"]);
    let held = room.press.store.held_runs().await.unwrap();
    let holds = room.press.store.open_holds().await.unwrap();
    assert_eq!((held.len(), holds.len()), (1, 1));
    let_go(&room.press, &held[0], "mei").await.unwrap();
    assert_eq!(room.send().await, 2);
    let mail = &room.office.mails()[0];
    assert!(mail.contains("a-new-bridge") && mail.contains("a-second-bridge"), "{mail}");
    assert_eq!(room.tick("2026-11-23T00:00:00Z").await, 2, "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn immediate_news_that_waits_is_asked_for_once() {
    let always = ("{name: immediate}", "{name: immediate, approve: always}");
    let room = Mailroom::open(2, "immediate", &[always]).await;
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-20T12:01:00Z").await, 0);
    assert_eq!(room.tick("2026-11-20T12:02:00Z").await, 0);
    let runs = room.runs().await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert!(runs[0].ends_with(" held"), "{runs:?}");
}

/// With the strictest word that a digest wants.
#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_waits_for_a_word_where_a_digest_does() {
    let always = ("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    let room = Mailroom::open(2, "immediate", &[always]).await;
    room.urgent("storm", "Stay at home.").await;
    assert_eq!(room.tell("2026-11-20T12:01:00Z").await, 0);
    assert_eq!(room.runs().await, ["seq:1 held"]);
    // Others are numbered meanwhile, and it is not asked for again.
    room.news("a-new-bridge").await;
    assert!(plan_told(&room.press, room.now()).await.unwrap().is_empty());
    assert_eq!(room.tell("2026-11-20T12:02:00Z").await, 0);
    assert_eq!(room.runs().await, ["seq:1 held"]);
    let word = let_go(&room.press, &room.held().await[0], "mei").await.unwrap();
    assert!(matches!(word, Word::LetGo { leavers: 0, .. }), "{word:?}");
    assert_eq!(room.send().await, 2);
    assert_eq!(room.tell("2026-11-20T12:03:00Z").await, 2, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_withdrawn_before_its_word_is_not_let_go() {
    let always = ("at: '0 8 * * *'", "at: '0 8 * * *', approve: {over: 1}");
    let room = Mailroom::open(2, "immediate", &[always]).await;
    room.urgent("storm", "Stay at home.").await;
    assert_eq!(room.tell("2026-11-20T12:01:00Z").await, 0);
    room.remove("_posts/storm.md");
    room.clock.set("2026-11-20T12:05:00Z");
    room.scan().await;
    room.clock.set("2026-11-20T12:10:00Z");
    room.scan().await;
    assert_eq!(room.tell("2026-11-20T12:11:00Z").await, 0);
    let word = let_go(&room.press, &room.held().await[0], "mei").await.unwrap();
    let gone = "the entry `storm` is in it no longer";
    assert!(matches!(&word, Word::Changed(why) if why[0] == gone), "{word:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_that_was_edited_before_its_word_is_asked_for_anew() {
    let always = ("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    let room = Mailroom::open(2, "immediate", &[always]).await;
    room.urgent("storm", "Stay at home.").await;
    assert_eq!(room.tell("2026-11-20T12:01:00Z").await, 0);
    room.clock.set("2026-11-20T12:05:00Z");
    room.urgent("storm", "Stay at home, and close the windows.").await;
    assert_eq!(room.tell("2026-11-20T12:06:00Z").await, 0);
    let word = let_go(&room.press, &room.held().await[0], "mei").await.unwrap();
    assert!(matches!(word, Word::Changed(_)), "{word:?}");
    assert_eq!(room.tell("2026-11-20T12:07:00Z").await, 0);
    let held = room.held().await;
    assert_eq!(held.len(), 1, "{held:?}");
    let word = let_go(&room.press, &held[0], "mei").await.unwrap();
    assert!(matches!(word, Word::LetGo { leavers: 0, .. }), "{word:?}");
    assert_eq!(room.send().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_moment_of_a_held_digest_without_news_is_asked_for_once() {
    let always = ("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    let room = Mailroom::open(2, "daily", &[always]).await;
    room.news("a-new-bridge").await;
    room.tick("2026-11-21T00:00:00Z").await;
    room.tick("2026-11-22T00:00:00Z").await;
    assert_eq!(room.runs().await, ["2026-11-21T08:00 superseded", "2026-11-22T08:00 held"]);
    room.clock.set("2026-11-22T00:01:00Z");
    assert!(plan_due(&room.press, room.now()).await.unwrap().is_empty(), "not each minute");
    let word = let_go(&room.press, &room.held().await[0], "mei").await.unwrap();
    assert!(matches!(word, Word::LetGo { .. }), "{word:?}");
    assert_eq!(room.send().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waited_for_days_goes_out_when_the_word_comes() {
    let always = ("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    let room = Mailroom::open(2, "daily", &[always]).await;
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-21T00:00:00Z").await, 0);
    // A daily mail is given up after one day, but not for the days in which it was held.
    room.clock.set("2026-11-27T00:00:00Z");
    let held = room.press.store.held_runs().await.unwrap();
    let_go(&room.press, &held[0], "mei").await.unwrap();
    assert_eq!(room.send().await, 2);
    assert_eq!(room.runs().await, ["2026-11-21T08:00 complete"]);
}
