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
