//! `plan`, and `publish-now --plan`.

use serde_json::{Value, json};

use super::support::office::Office;

fn plan(office: &Office) -> Value {
    let done = office.run(&["plan", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    done.json()
}

fn office() -> Office {
    let office = Office::new();
    office.subscribe(3, "daily");
    office.release("a-new-bridge", "It opens today.");
    office
}

fn hash(plan: &Value) -> String {
    plan["plan"].as_str().unwrap().to_owned()
}

/// The plan of the daily digest.
fn daily(plan: &Value) -> &Value {
    plan["digests"].as_array().unwrap().iter().find(|digest| digest["digest"] == "daily").unwrap()
}

#[test]
fn a_plan_says_what_would_go_out_and_sends_nothing() {
    let office = office();
    let shown = plan(&office);
    let daily = daily(&shown);
    assert_eq!(daily["recipients"], 3);
    assert_eq!(daily["entries"][0]["title"], "a new bridge");
    assert_eq!(daily["issues"][0]["recipients"], 3);
    assert_eq!(daily["feeds"], json!([["all", 3]]));
    assert_eq!(daily["domains"], json!([["example.org", 3]]));
    assert_eq!(daily["last_run"], Value::Null);
    assert!(office.mails().is_empty() && office.documents().is_empty());
    assert_eq!(plan(&office)["plan"], shown["plan"], "it is the same the second time");
    let text = office.run(&["plan"]);
    assert!(text.stdout.contains("daily      1 entry in 1 issue to 3 people"), "{text:?}");
    let is_wide = |line: &&str| line.chars().count() > 80;
    assert_eq!(text.stdout.lines().find(is_wide), None);
}

#[test]
fn exactly_the_plan_that_was_shown_is_sent() {
    for is_one_digest in [false, true] {
        let office = office();
        let shown = plan(&office);
        let hash = if is_one_digest {
            daily(&shown)["plan"].as_str().unwrap().to_owned()
        } else {
            hash(&shown)
        };
        let done = office.run(&["publish-now", "--plan", &hash[..12]]);
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(office.mails().len(), 3);
        assert_eq!(plan(&office)["plan"], Value::Null);
    }
}

#[test]
fn a_plan_that_is_another_one_now_is_not_sent_and_what_changed_is_told() {
    let office = office();
    let shown = hash(&plan(&office));
    office.news("a-second-bridge", "It opens tomorrow.");
    let done = office.run(&["publish-now", "--plan", &shown]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.stderr.contains("not sent: the plan is another one now\n"), "{done:?}");
    assert!(done.stderr.contains("  the entry `a-second-bridge` is new in it\n"), "{done:?}");
    assert!(office.mails().is_empty());
    let done = office.run(&["publish-now", "--plan", "0123456789abcdef"]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.stderr.contains("no plan that was shown begins with"), "{done:?}");
    assert_eq!(office.run(&["publish-now", "--plan", "012"]).code, 2);
}

#[test]
fn a_daemon_sends_exactly_the_plan_too() {
    let office = office();
    let daemon = office.daemon();
    let shown = hash(&plan(&office));
    let done = office.run(&["publish-now", "--plan", &shown]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(office.mails().len(), 3);
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn who_is_left_out_is_counted() {
    let office = office();
    let add = |address: &str, feed: &str, digest: &str| {
        let done = office.run(&[
            "subscribers",
            "add",
            address,
            "--feed",
            feed,
            "--digest",
            digest,
            "--consent",
            "test",
            "--confirmed",
        ]);
        assert_eq!(done.code, 0, "{done:?}");
    };
    // They get it by the digest that comes first.
    add("reader1@example.org", "releases", "immediate");
    add("mei@example.net", "all", "daily");
    let shown = plan(&office);
    let daily = daily(&shown);
    assert_eq!(daily["left_out"]["already_received"], 1, "{daily}");
    assert_eq!(daily["domains"], json!([["example.org", 2], ["example.net", 1]]));
}

#[test]
fn the_plan_is_told_apart_from_the_last_run() {
    let office = office();
    assert_eq!(office.run(&["publish-now"]).code, 0);
    office.news("a-second-bridge", "It opens tomorrow.");
    let shown = plan(&office);
    let last = &daily(&shown)["last_run"];
    assert_eq!((&last["new"], &last["again"], &last["dropped"]), (&json!(1), &json!(0), &json!(1)));
}

#[test]
fn each_issue_can_be_written_to_a_folder() {
    let office = office();
    let done = office.run(&["plan", "--html", "seen", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let shown = done.json();
    let hash = &daily(&shown)["issues"][0]["hash"].as_str().unwrap()[..12];
    for end in [".html", ".txt", "-web.html"] {
        let text = office.read(&format!("seen/daily-{hash}{end}"));
        assert!(text.contains("a new bridge"), "{end}");
    }
}

#[test]
fn a_plan_of_another_time_is_made_on_a_copy() {
    let office = office();
    let done = office.run(&["plan", "--at", "2026-11-28T08:00:00+08:00", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(daily(&done.json())["recipients"], 3);
    assert_eq!(office.run(&["status", "--json"]).json()["newest_seq"], 0);
}
