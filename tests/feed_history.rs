//! Feeds over time, with a real store, a real folder and a clock of the test's own: what a
//! change touches, what stays, and what a reader of the archives can rebuild.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::desk::Desk;
use tidings::pipeline::publish::PublishReport;
use tidings::store::sqlite::SqliteStore;

/// Documents by path.
type Tree = BTreeMap<String, Vec<u8>>;

fn tree(desk: &Desk) -> Tree {
    let documents = desk.office.documents().into_iter();
    documents.filter(|(path, _)| path != ".tidings").collect()
}

/// Paths that differ between two trees.
fn changed(before: &Tree, after: &Tree) -> Vec<String> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = |path: &&&String| before.get(**path) != after.get(**path);
    paths.iter().filter(differs).map(|path| (**path).clone()).collect()
}

fn atom(desk: &Desk, path: &str) -> atom_syndication::Feed {
    let text = desk.office.read(&format!("public/{path}"));
    atom_syndication::Feed::read_from(text.as_bytes()).unwrap()
}

/// Last part of each entry's id, in the order of the document.
fn names(feed: &atom_syndication::Feed) -> Vec<String> {
    let name = |id: &str| id.rsplit('/').next().unwrap().to_owned();
    feed.entries.iter().map(|entry| name(&entry.id)).collect()
}

fn post(title: &str, category: &str, day: &str) -> String {
    format!(
        "---\ntitle: {title}\nlayout: post\ndate: {day}\ncategory: {category}\n\
         permalink: /news/{title}/\n---\nText of {title}.\n"
    )
}

async fn two_posts() -> Desk {
    let desk = Desk::open("2026-11-20T12:00:00Z").await;
    desk.put("_posts/bridge.md", &post("bridge", "Transport", "2026-11-01"));
    desk.put("_posts/library.md", &post("library", "Culture", "2026-11-02"));
    desk.publish().await;
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn two_offices_under_one_clock_have_equal_trees() {
    let (one, other) = (two_posts().await, two_posts().await);
    assert_eq!(changed(&tree(&one), &tree(&other)), [""; 0]);
    assert!(tree(&one).contains_key("feeds/category-culture.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_later_nothing_is_written_and_every_time_stays() {
    let desk = two_posts().await;
    let records = desk.press.store.documents().await.unwrap();
    desk.clock.set("2026-11-20T12:01:00Z");
    let report = desk.publish().await;
    assert_eq!((report.documents_written.len(), report.documents_removed.len()), (0, 0));
    assert_eq!(desk.press.store.documents().await.unwrap(), records);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_touches_only_the_feeds_that_hold_it() {
    let desk = two_posts().await;
    let before = tree(&desk);
    let updated = atom(&desk, "feeds/all.atom").updated;
    desk.clock.set("2026-11-20T13:00:00Z");
    desk.put(
        "_posts/bridge.md",
        &post("bridge", "Transport", "2026-11-01").replace("Text", "Word"),
    );
    let report = desk.publish().await;
    let changed = changed(&before, &tree(&desk));
    assert!(changed.contains(&"feeds/category-transport.rss".to_owned()), "{changed:?}");
    assert!(changed.iter().all(|path| !path.contains("culture")), "{changed:?}");
    assert_eq!(BTreeSet::from_iter(report.documents_written), BTreeSet::from_iter(changed));
    // A minor edit is no news: the time of the feed stays.
    assert_eq!(atom(&desk, "feeds/all.atom").updated, updated);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_category_moves_an_entry_and_the_empty_feed_stays() {
    let desk = two_posts().await;
    desk.put("_posts/library.md", &post("library", "Transport", "2026-11-02"));
    desk.publish().await;
    assert_eq!(names(&atom(&desk, "feeds/category-transport.atom")), ["library", "bridge"]);
    let empty = desk.office.read("public/feeds/category-culture.atom");
    assert!(!empty.contains("<entry>") && !empty.contains("deleted-entry"), "{empty}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_file_keeps_its_id_and_a_retitled_one_too() {
    let desk = two_posts().await;
    let ids = |desk: &Desk| -> BTreeSet<String> {
        atom(desk, "feeds/all.atom").entries.into_iter().map(|entry| entry.id).collect()
    };
    let before = ids(&desk);
    desk.remove("_posts/bridge.md");
    desk.put("_posts/old/bridge-2.md", &post("bridge", "Transport", "2026-11-01"));
    let library = post("library", "Culture", "2026-11-02").replace("title: library", "title: Lib");
    desk.put("_posts/library.md", &library);
    desk.publish().await;
    assert_eq!(ids(&desk), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_entry_leaves_a_tombstone_for_thirty_days() {
    let desk = two_posts().await;
    let updated = |desk: &Desk| atom(desk, "feeds/all.atom").updated;
    desk.clock.set("2026-11-21T12:00:00Z");
    desk.remove("_posts/bridge.md");
    desk.publish().await;
    desk.clock.set("2026-11-21T12:01:00Z");
    desk.publish().await;
    for feed in ["all", "category-transport"] {
        let text = desk.office.read(&format!("public/feeds/{feed}.atom"));
        assert_eq!(text.matches("<at:deleted-entry").count(), 1, "{text}");
        assert!(!desk.office.read(&format!("public/feeds/{feed}.rss")).contains("bridge"));
    }
    let culture = desk.office.read("public/feeds/category-culture.atom");
    assert!(!culture.contains("deleted-entry"), "{culture}");
    let buried = updated(&desk);
    assert_eq!(
        buried.to_utc(),
        "2026-11-21T12:01:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    );
    desk.clock.set("2026-12-22T12:00:00Z");
    desk.publish().await;
    assert!(!desk.office.read("public/feeds/all.atom").contains("deleted-entry"));
    assert_eq!(updated(&desk), buried, "the time of a feed never goes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_entry_is_a_notice_and_then_a_tombstone() {
    let desk = two_posts().await;
    let withdrawn = post("bridge", "Transport", "2026-11-01")
        .replace("layout: post", "layout: post\nwithdrawn: Issued in error.");
    desk.put("_posts/bridge.md", &withdrawn);
    desk.publish().await;
    let text = desk.office.read("public/feeds/all.json");
    assert!(text.contains("Issued in error.") && !text.contains("Text of bridge"), "{text}");
    desk.clock.set("2026-12-25T12:00:00Z");
    desk.publish().await;
    let text = desk.office.read("public/feeds/all.atom");
    assert_eq!(text.matches("<at:deleted-entry").count(), 1, "{text}");
    assert!(!text.contains("Issued in error"), "{text}");
    desk.put("_posts/bridge.md", &post("bridge", "Transport", "2026-11-01"));
    desk.publish().await;
    let text = desk.office.read("public/feeds/all.atom");
    assert!(!text.contains("deleted-entry") && text.contains("Text of bridge"), "{text}");
}

fn event(title: &str, start: &str, more: &str) -> String {
    format!(
        "---\ntitle: {title}\nlayout: post\ndate: 2026-11-01\ncategory: events\n\
         permalink: /events/fair/\nevent: {{start: {start}, venue: Hall 1}}\n{more}---\nCome.\n"
    )
}

/// `SEQUENCE` and `STATUS` of the one event in the calendar of all news.
fn appointment(desk: &Desk) -> (String, String) {
    let text = desk.office.read("public/feeds/all.ics");
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.map_or(String::new(), |line| line[name.len()..].trim().to_owned())
    };
    (value("SEQUENCE:"), value("STATUS:"))
}

fn status(sequence: &str, status: &str) -> (String, String) {
    (sequence.to_owned(), status.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_updates_one_event_and_cancels_it() {
    let desk = Desk::open("2026-11-20T12:00:00Z").await;
    let start = "2026-12-05T10:00:00+08:00";
    desk.put("_posts/fair.md", &event("Fair", start, ""));
    desk.publish().await;
    assert_eq!(appointment(&desk), status("0", "CONFIRMED"));
    let uid = |desk: &Desk| {
        let text = desk.office.read("public/feeds/all.ics").replace("\r\n ", "");
        text.lines().find(|line| line.starts_with("UID:")).unwrap().to_owned()
    };
    let first = uid(&desk);
    desk.put("_posts/fair.md", &event("Fair", start, "").replace("Come.", "Come all."));
    desk.publish().await;
    assert_eq!(appointment(&desk).0, "0", "another text is no other appointment");
    desk.put("_posts/fair.md", &event("Fair", "2026-12-06T10:00:00+08:00", ""));
    desk.publish().await;
    assert_eq!(appointment(&desk), status("1", "CONFIRMED"));
    desk.put("_posts/fair.md", &event("Winter fair", "2026-12-06T10:00:00+08:00", ""));
    desk.publish().await;
    assert_eq!(appointment(&desk), status("2", "CONFIRMED"));
    let withdrawn = event("Winter fair", "2026-12-06T10:00:00+08:00", "withdrawn: No hall.\n");
    desk.put("_posts/fair.md", &withdrawn);
    desk.publish().await;
    assert_eq!(appointment(&desk), status("3", "CANCELLED"));
    assert_eq!(uid(&desk), first);
    // The notice is over on 20 December; the calendar says it until 30 days past the date.
    desk.clock.set("2026-12-28T12:00:00Z");
    desk.publish().await;
    assert!(!desk.office.read("public/feeds/all.atom").contains("<entry>"));
    assert_eq!(appointment(&desk), status("3", "CANCELLED"));
    desk.clock.set("2027-01-06T12:00:00Z");
    desk.publish().await;
    assert_eq!(appointment(&desk), status("", ""));
}

/// Posts with numbers for names, the first on 1 January 2026, five a day.
fn put_posts(desk: &Desk, numbers: std::ops::Range<u32>) {
    let first: chrono::NaiveDate = "2026-01-01".parse().unwrap();
    for number in numbers {
        let day = first + chrono::Days::new(u64::from(number / 5));
        let name = format!("n{number:04}");
        desk.put(&format!("_posts/{name}.md"), &post(&name, "news", &day.to_string()));
    }
}

async fn archived(posts: u32) -> Desk {
    let desk = Desk::open_with("2026-11-20T12:00:00Z", |config| {
        config.replace("title: All news}", "title: All news, archive: true}")
    });
    let desk = desk.await;
    put_posts(&desk, 0..posts);
    desk.publish().await;
    desk
}

fn link(feed: &atom_syndication::Feed, rel: &str) -> Option<String> {
    let link = feed.links.iter().find(|link| link.rel == rel)?;
    Some(link.href.strip_prefix("https://press.example.org/").unwrap().to_owned())
}

/// What a walker of RFC 5005, section 4 comes to: all names, from the newest document back.
fn walk(desk: &Desk) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut next = Some("feeds/all.atom".to_owned());
    while let Some(path) = next {
        let feed = atom(desk, &path);
        all.extend(names(&feed));
        next = link(&feed, "prev-archive");
    }
    all
}

fn archives(tree: &Tree) -> Tree {
    tree.iter()
        .filter(|(path, _)| path.contains("/archive/"))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walker_of_the_archives_comes_to_all_there_ever_was() {
    let desk = archived(130).await;
    assert_eq!(archives(&tree(&desk)).len(), 4, "two blocks in two formats");
    let all: BTreeSet<String> = (0..130).map(|n| format!("n{n:04}")).collect();
    assert_eq!(walk(&desk), all);
    let oldest = atom(&desk, "feeds/all/archive/1.atom");
    assert_eq!(names(&oldest).last().unwrap(), "n0000");
    assert_eq!(link(&oldest, "current").as_deref(), Some("feeds/all.atom"));
    assert_eq!(link(&oldest, "prev-archive"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_archive_keeps_its_bytes() {
    let desk = archived(130).await;
    let before = archives(&tree(&desk));
    put_posts(&desk, 130..230);
    desk.put("_posts/late.md", &post("late", "news", "2026-01-02"));
    desk.put("_posts/n0003.md", &post("n0003", "news", "2026-01-01").replace("Text", "Word"));
    desk.publish().await;
    let after = archives(&tree(&desk));
    assert_eq!((before.len(), after.len()), (4, 8));
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
    assert_eq!(walk(&desk).len(), 231);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_archive_of_a_removed_entry_is_made_again() {
    let desk = archived(130).await;
    let before = archives(&tree(&desk));
    desk.remove("_posts/n0060.md");
    desk.publish().await;
    desk.publish().await;
    let after = archives(&tree(&desk));
    let changed = changed(&before, &after);
    assert_eq!(changed, ["feeds/all/archive/2.atom", "feeds/all/archive/2.json"]);
    assert_eq!(names(&atom(&desk, "feeds/all/archive/2.atom")).len(), 49);
    assert!(!walk(&desk).contains("n0060"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_archives_is_made_apart_and_then_referred_to() {
    let desk = archived(1_110).await;
    assert_eq!(archives(&tree(&desk)).len(), 0, "22 at once are left for later");
    assert_eq!(link(&atom(&desk, "feeds/all.atom"), "prev-archive"), None);
    desk.make_archives().await;
    assert_eq!(archives(&tree(&desk)).len(), 44);
    assert_eq!(walk(&desk).len(), 1_110);
    let json: serde_json::Value =
        serde_json::from_str(&desk.office.read("public/feeds/all.json")).unwrap();
    assert_eq!(json["next_url"], "https://press.example.org/feeds/all/archive/22.json");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_or_changed_in_the_folder_is_made_again() {
    let desk = archived(60).await;
    let before = tree(&desk);
    desk.office.write("public/feeds/all.rss", "half a docum");
    std::fs::remove_file(desk.office.path("public/feeds/all/archive/1.json")).unwrap();
    std::fs::remove_file(desk.office.path("public/feeds/all.atom.gz")).unwrap();
    std::fs::remove_file(desk.office.path("public/index.html")).unwrap();
    let report = desk.publish().await;
    assert_eq!(changed(&before, &tree(&desk)), [""; 0]);
    assert!(desk.office.path("public/feeds/all.atom.gz").exists());
    assert!(report.documents_written.len() <= 5, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_selection_is_no_news_and_moves_what_it_says() {
    let desk = two_posts().await;
    let seq = desk.press.store.newest_seq().await.unwrap();
    let desk = desk.reopen(|config| {
        config.replace("select: {all: [{kind: release}]}", "select: {all: [{category: culture}]}")
    });
    let desk = desk.await;
    desk.publish().await;
    assert_eq!(names(&atom(&desk, "feeds/releases.atom")), ["library"]);
    assert_eq!(desk.press.store.newest_seq().await.unwrap(), seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_values_wait_for_an_operator() {
    let desk = Desk::open_with("2026-11-20T12:00:00Z", |config| {
        config.replace("{each: category}", "{each: category, limit: 3}")
    });
    let desk = desk.await;
    for n in 0..5 {
        desk.put(
            &format!("_posts/p{n}.md"),
            &post(&format!("p{n}"), &format!("c{n}"), "2026-11-01"),
        );
    }
    let report = desk.publish().await;
    assert!(!tree(&desk).contains_key("feeds/category-c1.rss"));
    assert_eq!(report.holds.len(), 1, "{report:?}");
    assert_eq!(report.holds[0].reason, "`each: category` would make 5 feeds; its limit is 3");
    let now = desk.now();
    desk.press.store.release_hold(report.holds[0].id, "test", now).await.unwrap().unwrap();
    let report = desk.publish().await;
    assert!(report.holds.is_empty());
    assert_eq!(names(&atom(&desk, "feeds/category-c1.atom")), ["p1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_feed_goes_on_its_day_and_a_renamed_one_takes_its_readers_along() {
    let desk = two_posts().await;
    desk.office.subscribe(2, "daily");
    let desk = desk.reopen(|config| {
        config
            .replace("{name: all, title: All news}", "{name: news, title: All news, was: [all]}")
            .replace("title: Events,", "title: Events, closed: 2026-11-22,")
    });
    let desk = desk.await;
    desk.publish().await;
    assert!(tree(&desk).contains_key("feeds/news.atom"));
    assert!(!tree(&desk).contains_key("feeds/all.atom"));
    assert!(tree(&desk).contains_key("feeds/events.atom"));
    let followed = desk.press.store.followed().await.unwrap();
    assert_eq!((followed[0].feed.as_str(), followed[0].followers), ("news", 2));
    desk.clock.set("2026-11-21T16:00:00Z");
    desk.publish().await;
    assert!(!tree(&desk).contains_key("feeds/events.atom"), "it is 22 November in Singapore");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_made_by_a_category_keeps_the_spelling_of_its_oldest_entry() {
    let desk = Desk::open("2026-11-20T12:00:00Z").await;
    desk.put("_posts/b.md", &post("b", "PARKS & rivers", "2026-11-05"));
    desk.put("_posts/a.md", &post("a", "Parks & Rivers", "2026-11-01"));
    desk.publish().await;
    desk.put("_posts/c.md", &post("c", "parks  rivers", "2026-10-01"));
    desk.publish().await;
    let feed = atom(&desk, "feeds/category-parks-rivers.atom");
    assert_eq!((feed.title.value.as_str(), feed.entries.len()), ("Parks & Rivers", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_was_gone_for_a_while_holds_what_it_holds_now() {
    let desk = two_posts().await;
    let releases = "  - {name: releases, title: Releases, select: {all: [{kind: release}]}}\n";
    let desk = desk.reopen(|config| config.replace(releases, "")).await;
    desk.put("_posts/park.md", &post("park", "Parks", "2026-11-03"));
    desk.remove("_posts/bridge.md");
    desk.publish().await;
    desk.publish().await;
    assert!(!tree(&desk).contains_key("feeds/releases.rss"));
    let desk = desk.reopen(|config| config.replace("digests:\n", &format!("{releases}digests:\n")));
    let desk = desk.await;
    desk.publish().await;
    assert_eq!(names(&atom(&desk, "feeds/releases.atom")), ["park", "library"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_a_closed_feed_are_no_backlog() {
    let desk = archived(130).await;
    let desk =
        desk.reopen(|config| config.replace("archive: true", "archive: true, closed: 2026-01-01"));
    let desk = desk.await;
    desk.publish().await;
    let withdrawn = post("n0003", "news", "2026-01-01").replace("layout", "withdrawn: No.\nlayout");
    desk.put("_posts/n0003.md", &withdrawn);
    scan_and_publish(&desk, false).await;
}

/// Scans and publishes; says whether archives are left to be made.
async fn scan_and_publish(desk: &Desk, is_backlog: bool) {
    let mut report = tidings::pipeline::scan::scan(&desk.press).await.unwrap();
    let left = tidings::pipeline::publish::publish(&desk.press, &mut report).await.unwrap();
    assert_eq!(left, is_backlog);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_emptied_is_filled_again_with_all_its_archives() {
    let desk = archived(1_110).await;
    desk.make_archives().await;
    let before = tree(&desk);
    std::fs::remove_dir_all(desk.office.path("public")).unwrap();
    scan_and_publish(&desk, true).await;
    assert_eq!(link(&atom(&desk, "feeds/all.atom"), "prev-archive"), None);
    desk.make_archives().await;
    assert_eq!(changed(&before, &tree(&desk)), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_never_keeps_a_summary_in_the_place_of_a_text() {
    // A first scan of so many files keeps no bodies.
    let desk = Desk::open_with("2026-11-20T12:00:00Z", |config| {
        config.replace("title: All news}", "title: All news, archive: true}")
    });
    let desk = desk.await;
    put_posts(&desk, 0..600);
    tidings::pipeline::scan::scan(&desk.press).await.unwrap();
    let edited = post("n0003", "news", "2026-01-01").replace("Text of", "Another word of");
    desk.put("_posts/n0003.md", &edited);
    let mut report = PublishReport::default();
    tidings::pipeline::publish::publish(&desk.press, &mut report).await.unwrap();
    assert!(report.stand_ins > 0);
    desk.publish().await;
    let oldest = desk.office.read("public/feeds/all/archive/1.atom");
    assert!(oldest.contains("Another word of n0003"), "{oldest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_text_for_each_feed_and_a_line_less_are_seen_at_once() {
    let desk = two_posts().await;
    let desk =
        desk.reopen(|config| config.replace("{each: category}", "{each: category, text: summary}"));
    let desk = desk.await;
    let before = tree(&desk);
    desk.publish().await;
    let changed = changed(&before, &tree(&desk));
    assert!(changed.contains(&"feeds/category-culture.atom".to_owned()), "{changed:?}");
    assert!(!changed.contains(&"feeds/all.atom".to_owned()), "{changed:?}");
    let desk = desk.reopen(|config| config.replace("  - {each: category, text: summary}\n", ""));
    let desk = desk.await;
    desk.publish().await;
    assert!(!tree(&desk).contains_key("feeds/category-culture.atom"));
    for list in ["index.html", "feeds.opml"] {
        assert!(!desk.office.read(&format!("public/{list}")).contains("category-culture"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_values_wait_for_an_operator_none_is_made() {
    let desk = Desk::open_with("2026-11-20T12:00:00Z", |config| {
        config.replace("{each: category}", "{each: category, limit: 3}")
    });
    let desk = desk.await;
    let put = |n: usize| {
        let (name, category) = (format!("p{n}"), format!("c{n}"));
        desk.put(&format!("_posts/{name}.md"), &post(&name, &category, "2026-11-01"));
    };
    (0..5).for_each(put);
    desk.publish().await;
    put(6);
    let report = desk.publish().await;
    assert!(!tree(&desk).contains_key("feeds/category-c6.rss"));
    assert_eq!(report.holds.len(), 1);
    assert!(report.holds[0].reason.contains("would make 6 feeds"), "{report:?}");
    let desk = desk.reopen(|config| config.replace("limit: 3", "limit: 2")).await;
    let report = desk.publish().await;
    assert_eq!(report.holds[0].reason, "`each: category` would make 6 feeds; its limit is 2");
    let (hold, now) = (report.holds[0].id, desk.now());
    desk.press.store.release_hold(hold, "test", now).await.unwrap().unwrap();
    assert!(desk.publish().await.holds.is_empty());
    assert!(tree(&desk).contains_key("feeds/category-c6.rss"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_event_stays_though_its_feed_selects_anew_and_its_file_goes() {
    let desk = Desk::open("2026-11-20T12:00:00Z").await;
    let start = "2026-12-05T10:00:00+08:00";
    desk.put("_posts/fair.md", &event("Fair", start, ""));
    desk.publish().await;
    desk.put("_posts/fair.md", &event("Fair", start, "withdrawn: No hall.\n"));
    desk.publish().await;
    desk.remove("_posts/fair.md");
    desk.publish().await;
    desk.publish().await;
    assert_eq!(appointment(&desk).1, "CANCELLED");
    let desk = desk.reopen(|config| {
        config.replace("title: All news}", "title: All news, select: {none: [{tag: x}]}}")
    });
    let desk = desk.await;
    desk.publish().await;
    assert_eq!(appointment(&desk).1, "CANCELLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_hear_of_what_a_killed_process_put_in_place() {
    let desk = Desk::open_with("2026-11-20T12:00:00Z", |config| {
        format!("{config}websub: {{hubs: ['https://hub.example/']}}\n")
    });
    let desk = desk.await;
    desk.put("_posts/bridge.md", &post("bridge", "Transport", "2026-11-01"));
    desk.publish().await;
    let topics = async |desk: &Desk| {
        let due = desk.press.store.due_pings(desk.now(), 1_000).await.unwrap();
        due.into_iter().map(|ping| ping.topic).collect::<BTreeSet<_>>()
    };
    let all = topics(&desk).await;
    assert!(all.contains("https://press.example.org/feeds/all.json"), "{all:?}");
    assert!(all.iter().all(|topic| !topic.ends_with(".ics") && !topic.ends_with(".html")));
    for ping in desk.press.store.due_pings(desk.now(), 1_000).await.unwrap() {
        desk.press.store.settle_ping(&ping, None).await.unwrap();
    }
    // The process is killed after the renames: the store knows nothing of the new bytes.
    let (store, copy) = (&desk.press.config.store_path, desk.office.path("var/killed.db"));
    SqliteStore::copy(store, &copy).await.unwrap();
    desk.put("_posts/library.md", &post("library", "Transport", "2026-11-02"));
    desk.publish().await;
    let told = topics(&desk).await;
    let desk =
        desk.reopen(|config| format!("{config}store: {{url: 'sqlite:var/killed.db'}}\n")).await;
    let report = desk.publish().await;
    assert!(report.documents_written.iter().all(|path| !path.ends_with(".rss")), "{report:?}");
    assert_eq!(topics(&desk).await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_limit_ends_the_hold_and_so_does_a_line_less() {
    let desk = Desk::open_with("2026-11-20T12:00:00Z", |config| {
        config.replace("{each: category}", "{each: category, limit: 1}")
    });
    let desk = desk.await;
    desk.put("_posts/a.md", &post("a", "A", "2026-11-01"));
    desk.put("_posts/b.md", &post("b", "B", "2026-11-01"));
    assert_eq!(desk.publish().await.holds.len(), 1);
    let desk = desk.reopen(|config| config.replace("  - {each: category, limit: 1}\n", "")).await;
    assert!(desk.publish().await.holds.is_empty());
    let each = "  - {each: category, limit: 1}\n";
    let desk = desk.reopen(|config| config.replace("digests:\n", &format!("{each}digests:\n")));
    let desk = desk.await;
    assert_eq!(desk.publish().await.holds.len(), 1);
    let desk = desk.reopen(|config| config.replace("limit: 1", "limit: 2")).await;
    assert!(desk.publish().await.holds.is_empty());
    assert!(tree(&desk).contains_key("feeds/category-b.rss"));
}
