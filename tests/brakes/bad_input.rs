//! Configs and people that no run can be made of: refused, or stopped before the first mail.

use super::support::office::Office;

fn with(from: &str, to: &str) -> Office {
    let office = Office::new();
    office.subscribe(2, "daily");
    office.release("a-new-bridge", "It opens today.");
    edit(&office, from, to);
    office
}

fn edit(office: &Office, from: &str, to: &str) {
    let config = office.read("config/tidings.yaml");
    assert!(config.contains(from), "{from}");
    office.write("config/tidings.yaml", config.replace(from, to));
}

/// Each command that could send refuses, and says what and how to mend it.
fn check(office: &Office, said: &str, hint: &str) {
    for command in [&["publish-now"][..], &["plan"], &["daemon"]] {
        let done = office.run(command);
        assert_eq!(done.code, 2, "{command:?}: {done:?}");
        assert!(done.stderr.contains(said), "{command:?}: {done:?}");
        assert!(done.stderr.contains(hint), "{command:?}: {done:?}");
    }
    assert!(office.mails().is_empty());
}

#[test]
fn an_unknown_zone_is_refused() {
    let office = with("at: '0 8 * * *'", "at: '0 8 * * *', time_zone: Asia/Sinapore");
    check(
        &office,
        "`digests.time_zone` is not a time zone: `Asia/Sinapore`",
        "as `Asia/Singapore`",
    );
}

#[test]
fn a_digest_that_never_comes_is_refused() {
    let office = with("0 8 * * *", "0 8 31 2,4 *");
    check(&office, "digest `daily`: `at` never comes: `0 8 31 2,4 *`", "a day that its month has");
}

#[test]
fn two_digests_with_one_name_are_refused() {
    let office = with("{name: immediate}", "{name: daily, at: '0 9 * * *'}");
    check(&office, "two digests are named `daily`", "give each digest a name of its own");
}

#[test]
fn a_config_without_a_feed_is_refused() {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let (head, rest) = config.split_once("feeds:\n").unwrap();
    let (_, digests) = rest.split_once("digests:\n").unwrap();
    office.write("config/tidings.yaml", format!("{head}feeds: []\ndigests:\n{digests}"));
    check(&office, "there is no feed", "add `- {name: all, title: All news}`");
}

#[test]
fn a_digest_that_people_follow_and_the_config_lost_is_refused() {
    let office = with("{name: daily, at", "{name: morning, at");
    check(&office, "digest `daily`", "hint: ");
}

#[test]
fn a_feed_that_people_follow_and_the_config_lost_is_refused() {
    let office = with("{name: all, title: All news}", "{name: everything, title: All news}");
    check(&office, "feed `all`", "was: [all]");
}

#[test]
fn more_issues_than_allowed_is_a_hold_that_names_the_feeds() {
    let office = with("mail: {from:", "mail: {max_issues: 1, from:");
    let list = "address,language,feed,digest\nreader3@example.org,zh,releases,daily\n";
    office.write("people.csv", list);
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 4, "{done:?}");
    let said = "the digest `daily` would need more than 1 different issues; they differ by the \
                feeds `all`, `releases`";
    assert!(done.stderr.contains(said), "{done:?}");
    assert!(office.mails().is_empty());
    let holds = office.run(&["status", "--json"]).json()["holds"].clone();
    let number = holds[0]["id"].to_string();
    assert_eq!(office.run(&["approve", &number]).code, 0);
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(office.mails().len(), 3);
}

/// An office whose daily digest would need two issues and may have one; `immediate` has a reader
/// of its own.
fn more_than_one_issue() -> Office {
    let office = with("mail: {from:", "mail: {max_issues: 1, from:");
    let list = "address,language,feed,digest\nreader3@example.org,zh,releases,daily\n\
                mei@example.org,en,all,immediate\n";
    office.write("people.csv", list);
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    office
}

#[test]
fn publish_now_leaves_out_what_an_operator_is_asked_about_and_goes_on_with_the_others() {
    let office = more_than_one_issue();
    assert_eq!(office.run(&["publish-now", "--digest", "daily"]).code, 4);
    assert!(office.mails().is_empty());
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 4, "{done:?}");
    assert!(!done.stderr.contains("error:"), "{done:?}");
    assert_eq!(office.mails().len(), 1, "to mei: {done:?}");
}

#[test]
fn a_plan_with_too_many_issues_says_so_and_offers_no_hash_of_it() {
    let office = more_than_one_issue();
    for is_asked in [false, true] {
        let done = office.run(&["plan", "--digest", "daily", "--json"]);
        let plan = done.json();
        assert_eq!(plan["plan"], serde_json::Value::Null, "{plan}");
        let daily = &plan["digests"][0];
        assert_eq!(daily["too_many"]["limit"], 1);
        assert_eq!(daily["too_many"]["feeds"], "`all`, `releases`");
        assert_eq!(daily["is_on_hold"], true);
        assert_eq!(done.code, 4, "asked: {is_asked}, {done:?}");
        let text = office.run(&["plan"]).stdout;
        assert!(text.contains("more than 1 different issues"), "{text}");
        assert!(text.contains("immediate  1 entry in 1 issue to 1 person"), "{text}");
        assert_eq!(office.run(&["publish-now", "--digest", "daily"]).code, 4);
    }
}

/// Nor each minute, of what does not wait for a digest's moment.
#[tokio::test(flavor = "multi_thread")]
async fn urgent_news_with_too_many_issues_is_asked_about_once() {
    use super::Mailroom;
    use tidings::pipeline::digests::{DigestError, plan_told, start};

    let one = ("mail: {from:", "mail: {max_issues: 1, from:");
    let room = Mailroom::open(1, "daily", &[one]).await;
    let list = "address,language,feed,digest\nreader2@example.org,zh,all,daily\n";
    room.office.write("people.csv", list);
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    assert_eq!(room.office.run(&import).code, 0);
    room.urgent("storm", "Stay at home.").await;
    let plans = plan_told(&room.press, room.now()).await.unwrap();
    assert!(plans[0].has_too_many_issues());
    let error = start(&room.press, &plans[0]).await.unwrap_err();
    assert!(matches!(error, DigestError::TooMany { limit: 1, .. }), "{error}");
    assert!(plan_told(&room.press, room.now()).await.unwrap().is_empty());
    let holds = room.press.store.open_holds().await.unwrap();
    room.press.store.release_hold(holds[0].id, "mei", room.now()).await.unwrap();
    assert_eq!(room.tell("2026-11-20T12:01:00Z").await, 2);
}

#[test]
fn a_language_that_people_read_and_the_config_lost_is_refused() {
    let office = Office::new();
    let list = "address,language,feed,digest\nreader1@example.org,zh-Hans,all,daily\n";
    office.write("people.csv", list);
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    edit(&office, "site: {title", "site: {languages: [en, zh], title");
    assert_eq!(office.run(&import).code, 0);
    assert_eq!(office.run(&["publish-now"]).code, 0);
    edit(&office, "languages: [en, zh]", "languages: [en]");
    office.write("others.csv", list.replace("zh-Hans", "fr"));
    let others = ["subscribers", "import", "others.csv", "--consent", "test"];
    let done = office.run(&others);
    let refused = "`site.languages` has no `fr`; it has `en`";
    assert!(format!("{done:?}").contains(refused), "{done:?}");
    let said = "language `zh-Hans` is not in `site.languages` and has 1 follower";
    check(&office, said, "import its readers with another language");
    office.write("people.csv", list.replace("zh-Hans", "en"));
    assert_eq!(office.run(&import).code, 0);
    assert_eq!(office.run(&["publish-now"]).code, 0);
}
