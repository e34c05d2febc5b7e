//! `plan`, and `publish-now --plan`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidings::clock::Clock;
use tidings::pipeline::digests::{Asked, Started, plan_as_seen, start_seen};
use tidings::pipeline::publish::PublishReport;
use tidings::pipeline::requests::{ScanAnswer, SendAnswer, SendRequest};
use tidings::store::RequestKind;
use tidings::store::lock::{self, Asked as LockAsked};

use super::Mailroom;
use super::support::office::{Done, Office};

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
fn what_a_mail_has_no_room_for_is_counted_whether_by_number_or_by_size() {
    let office = Office::new();
    office.subscribe(1, "daily");
    for number in 0..27 {
        let path = format!("content/_posts/release-{number}.md");
        let address = "x".repeat(5_000);
        let text = format!(
            "---\ntitle: Release {number}\npermalink: /{number}/{address}/\n\
             date: 2026-11-01\n---\nText\n"
        );
        office.write(&path, text);
        office.settle(&path);
    }
    let shown = office.run(&["plan", "--json", "--html", "issues"]).json();
    let issue = &daily(&shown)["issues"][0];
    let files = std::fs::read_dir(office.path("issues")).unwrap().map(|file| file.unwrap().path());
    let text = files.filter(|path| path.extension().is_some_and(|end| end == "txt"));
    let text = std::fs::read_to_string(text.last().unwrap()).unwrap();
    let more = text.split_once("\nAnd ").unwrap().1.split_once(" more in the web copy").unwrap().0;
    assert_eq!(issue["more"].to_string(), more);
    assert!(more.parse::<u64>().unwrap() > 2, "{more}");
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
    let unknown = "not sent: no plan is known whose hash begins with `0123456789abcdef`\nhint: ";
    assert!(done.stderr.contains(unknown), "{done:?}");
    assert!(done.stdout.contains("Mail       none: not sent this time\n"), "{done:?}");
    assert_eq!(office.run(&["publish-now", "--plan", "012"]).code, 2);
}

#[test]
fn a_plan_that_waits_for_a_word_ends_as_its_start_would() {
    let office = office();
    let config = office.read("config/tidings.yaml");
    let approve = config.replace("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    office.write("config/tidings.yaml", approve);
    let done = office.run(&["plan"]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.stdout.contains("waits for a word: `approve` of the digest"), "{done:?}");
}

#[test]
fn a_digest_that_cannot_be_sent_is_told_beside_the_others() {
    let office = office();
    let done = office.run(&[
        "subscribers",
        "add",
        "mei@example.org",
        "--feed",
        "events",
        "--digest",
        "immediate",
        "--consent",
        "test",
        "--confirmed",
    ]);
    assert_eq!(done.code, 0, "{done:?}");
    let text = "---\ntitle: Lantern walk\ncategory: events\ndate: 2026-10-01\nlayout: post\n\
                permalink: /lanterns/\n---\nOn the sea wall.\n";
    office.write("content/_posts/lanterns.md", text);
    office.settle("content/_posts/lanterns.md");
    // No sample has this title, and the other digest has newer news.
    let builtin = tidings::templates::Templates::builtin();
    let (_, html) = builtin.sources().find(|(name, _)| *name == "mail/digest.html").unwrap();
    let broken = "{% if sections[0].entries[0].title == \"Lantern walk\" %}<a href=\"/x\">Rates</a>{% endif %}</body>";
    office.write("templates/mail/digest.html", html.replace("</body>", broken));
    let done = office.run(&["plan"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stderr.contains("error: nothing of `immediate` would be sent: "), "{done:?}");
    assert!(done.stdout.contains("daily      2 entries in 1 issue to 3 people"), "{done:?}");
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

fn send(office: &Office, hash: &str) -> Done {
    office.run(&["publish-now", "--plan", hash])
}

fn import(office: &Office, line: &str) {
    office.write("people.csv", format!("address,language,feed,digest\n{line}\n"));
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    let done = office.run(&import);
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn who_left_since_is_taken_out_of_a_plan_and_does_not_change_it() {
    for is_one_digest in [false, true] {
        let office = office();
        let shown = plan(&office);
        let whole = hash(&shown);
        let alone = daily(&shown)["plan"].as_str().unwrap();
        assert_eq!(office.run(&["subscribers", "remove", "reader2@example.org"]).code, 0);
        let done = send(&office, if is_one_digest { alone } else { &whole });
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(office.mails().len(), 2);
    }
}

#[test]
fn who_would_get_another_issue_or_one_at_all_changes_a_plan() {
    let check = |line: &str, said: &str| {
        let office = office();
        let shown = hash(&plan(&office));
        import(&office, line);
        let done = send(&office, &shown);
        assert_eq!(done.code, 4, "{done:?}");
        assert!(done.stderr.contains(said), "{said}: {done:?}");
        assert!(office.mails().is_empty());
    };
    check("reader1@example.org,zh,all,daily", "who gets which entries changed");
    // They are owed what a digest of their own would have brought.
    check("reader1@example.org,en,all,immediate", "digest `immediate` has something to send too");
}

#[test]
fn the_plan_of_one_digest_is_sent_as_it_was_asked_for() {
    let office = office();
    import(&office, "mei@example.net,en,all,immediate");
    let shown = office.run(&["plan", "--digest", "daily", "--json"]).json();
    let done = send(&office, &hash(&shown));
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(office.mails().len(), 3, "nothing to mei");
}

#[test]
fn a_correction_that_nobody_has_to_be_told_of_is_no_part_of_a_plan() {
    let office = office();
    plan(&office);
    let text = "---\ntitle: a new bridge\nlayout: post\npermalink: /news/a-new-bridge/\n\
                date: 2026-11-01\ncategory: transport\ncorrection: It opens tomorrow.\n---\n\
                It opens tomorrow.\n";
    office.write("content/_posts/a-new-bridge.md", text);
    office.settle("content/_posts/a-new-bridge.md");
    let shown = plan(&office);
    let names: Vec<_> =
        shown["digests"].as_array().unwrap().iter().map(|d| d["digest"].clone()).collect();
    assert!(names.contains(&json!("correction")), "{shown}");
    let done = send(&office, &hash(&shown));
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(office.mails().len(), 3);
}

#[test]
fn urgent_news_is_planned_with_its_people() {
    let office = office();
    let storm = "---\ntitle: storm\nlayout: post\npermalink: /storm/\nurgent: true\n---\nStay.\n";
    office.write("content/_posts/storm.md", storm);
    office.settle("content/_posts/storm.md");
    let shown = plan(&office);
    let urgent = &shown["digests"][0];
    assert_eq!(urgent["digest"], "urgent");
    assert_eq!(urgent["domains"], json!([["example.org", 3]]), "{urgent}");
    let alone = urgent["plan"].as_str().unwrap();
    assert_eq!(send(&office, alone).code, 0);
    assert_eq!(office.mails().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_between_the_plan_and_its_start_is_found_before_the_first_mail() {
    let room = Mailroom::open(3, "daily", &[]).await;
    room.news("a-new-bridge").await;
    let shown = hash(&room.office.run(&["plan", "--json"]).json());
    let asked = Asked { advances: true, ..Asked::default() };
    let as_seen = plan_as_seen(&room.press, &shown, &asked).await.unwrap().unwrap();
    assert!(as_seen.changes.is_empty(), "{as_seen:?}");
    // Somebody is asked, and minutes go by.
    let (run, seen) = (&as_seen.by_hand.runs[0], Some(&as_seen.seen));
    import(&room.office, "reader1@example.org,zh,all,daily");
    let started = start_seen(&room.press, run, &[], seen).await.unwrap();
    assert!(matches!(started, Started::Changed(_)), "{started:?}");
    assert_eq!((room.send().await, room.runs().await.len()), (0, 0));
    import(&room.office, "reader1@example.org,en,all,daily");
    assert_eq!(room.office.run(&["subscribers", "remove", "reader2@example.org"]).code, 0);
    let started = start_seen(&room.press, run, &[], seen).await.unwrap();
    assert!(matches!(started, Started::Run(_)), "{started:?}");
    assert_eq!(room.send().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_digests_each_is_sent_as_it_was_seen_or_not_at_all() {
    let room = Mailroom::open(3, "daily", &[]).await;
    import(&room.office, "mei@example.org,en,all,immediate");
    room.news("a-new-bridge").await;
    let shown = hash(&room.office.run(&["plan", "--json"]).json());
    let asked = Asked { advances: true, ..Asked::default() };
    let as_seen = plan_as_seen(&room.press, &shown, &asked).await.unwrap().unwrap();
    let [immediate, daily] = &as_seen.by_hand.runs[..] else { panic!("{as_seen:?}") };
    import(&room.office, "reader1@example.org,zh,all,daily");
    // All together are another plan, of which nothing is sent.
    let done = send(&room.office, &shown);
    assert_eq!((done.code, room.runs().await.len()), (4, 0), "{done:?}");
    // Had they been found the same, the second alone would be kept back.
    let seen = Some(&as_seen.seen);
    let started = start_seen(&room.press, immediate, &[], seen).await.unwrap();
    assert!(matches!(started, Started::Run(_)), "{started:?}");
    let started = start_seen(&room.press, daily, &[], seen).await.unwrap();
    assert!(matches!(started, Started::Changed(_)), "{started:?}");
    assert_eq!(room.send().await, 1);
}

/// Somebody who holds the lock as a daemon does, and says each time that the plan changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_plans_it_in_another_way_is_asked_once() {
    let room = Mailroom::open(3, "daily", &[]).await;
    room.news("a-new-bridge").await;
    let shown = hash(&room.office.run(&["plan", "--json"]).json());
    let LockAsked::Taken(_lock) = lock::ask(&room.press.config.store_path, "daemon").unwrap()
    else {
        panic!("somebody holds the lock");
    };
    let (asked, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (store, clock) = (room.press.store.clone(), room.clock.clone());
    let (count, end) = (asked.clone(), is_over.clone());
    let daemon = tokio::spawn(async move {
        while !end.load(Ordering::Relaxed) {
            match store.take_request(clock.now()).await.unwrap() {
                Some(request) => {
                    let answer = answer(request.kind, &request.argument, &count);
                    store.finish_request(request.id, &answer, clock.now()).await.unwrap();
                }
                None => tokio::task::yield_now().await,
            }
        }
    });
    let done = room.office.run_async(&["publish-now", "--plan", &shown]).await;
    is_over.store(true, Ordering::Relaxed);
    daemon.await.unwrap();
    assert_eq!(done.code, 4, "{done:?}");
    assert!(done.stderr.contains("the daemon plans it in another way"), "{done:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

fn answer(kind: RequestKind, argument: &str, asked: &AtomicUsize) -> String {
    if kind == RequestKind::Scan {
        let report = Box::new(PublishReport::default());
        return serde_json::to_string(&ScanAnswer::Done(report)).unwrap();
    }
    let request: SendRequest = serde_json::from_str(argument).unwrap();
    assert!(request.digests.is_empty() && request.seen.is_some(), "all of it: {request:?}");
    asked.fetch_add(1, Ordering::Relaxed);
    serde_json::to_string(&SendAnswer::Changed).unwrap()
}
