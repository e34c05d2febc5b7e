//! Scans that change more than anybody means to are held until an operator lets them go.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use std::fs;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use support::office::{Done, Office};

/// An office in which one scan may bring five new items and told changes, with two readers
/// and one release that is out already.
fn office() -> Office {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let limit = "content: {first_scan: adopt, max_new: 5,";
    office.write("config/tidings.yaml", config.replace("content: {first_scan: announce,", limit));
    office.news("known", "Some text.");
    publish(&office, 0);
    office.subscribe(2, "immediate");
    office
}

fn publish(office: &Office, code: i32) -> Value {
    let done = office.run(&["publish-now", "--json"]);
    assert_eq!(done.code, code, "{done:?}");
    done.json()
}

fn news(office: &Office, names: &[&str]) {
    for name in names {
        office.news(name, &format!("Text of {name}."));
    }
}

const SIX: [&str; 6] = ["alder", "birch", "cedar", "elm", "fir", "hazel"];

fn path_of(name: &str) -> String {
    format!("content/_posts/{name}.md")
}

/// Adds a line of front matter to each.
fn note(office: &Office, names: &[&str], line: &str) {
    for name in names {
        let path = path_of(name);
        let text = office.read(&path).replacen("---\n", &format!("---\n{line}\n"), 1);
        office.write(&path, text);
        office.settle(&path);
    }
}

/// Which of the names stand in the feed of all news.
fn in_feed<'a>(office: &Office, names: &[&'a str]) -> Vec<&'a str> {
    let feed = office.read("public/feeds/all.atom");
    let is_in = |name: &&&str| feed.contains(&format!("/news/{name}/\""));
    names.iter().filter(is_in).copied().collect()
}

fn mails(office: &Office) -> usize {
    office.mails().len()
}

fn status(office: &Office) -> Value {
    office.run(&["status", "--json"]).json()
}

/// Reason and items of each hold that waits.
fn holds(office: &Office) -> Value {
    let status = status(office);
    let holds = status["holds"].as_array().unwrap();
    holds.iter().map(|hold| json!([hold["id"], hold["reason"], hold["items"]])).collect()
}

fn too_many(n: u32) -> String {
    format!("{n} new items and told changes in one scan, more than `content.max_new` (5)")
}

fn approve(office: &Office, hold: i64, code: i32) -> Done {
    let done = office.run(&["approve", &hold.to_string()]);
    assert_eq!(done.code, code, "{done:?}");
    done
}

// More new items than one scan may bring.

#[test]
fn too_many_new_items_are_held_and_every_command_tells_of_it() {
    let office = office();
    news(&office, &SIX);
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 4, "{done:?}");
    let said = format!(
        "hold 1: 6 files (6 new) are on hold: {}\n\
         hint: `tidings approve 1` lets them go; put the files back as they were to drop them\n",
        too_many(6)
    );
    assert!(done.stderr.contains(&said), "{done:?}");
    assert!(done.stdout.contains("1 release, 6 on hold\nChanges    none\n"), "{done:?}");
    assert_eq!(in_feed(&office, &SIX), [""; 0]);
    assert_eq!(mails(&office), 0);
    assert_eq!(holds(&office), json!([[1, too_many(6), {"new": 6}]]));
    let status = office.run(&["status"]);
    assert!(status.stderr.contains(&said), "{status:?}");
    let pending = office.run(&["list", "pending", "--json"]).json();
    let pending = pending["entries"].as_array().unwrap();
    let row = |row: &Value| json!([row["path"], row["reason"], row["hold"], row["is_public"]]);
    assert_eq!(pending.len(), 6);
    assert_eq!(row(&pending[0]), json!(["_posts/alder.md", "on_hold", 1, false]));
    let list = office.run(&["list", "pending"]);
    assert!(list.stdout.contains("on hold"), "{list:?}");
    let show = office.run(&["show", &path_of("alder")]);
    assert!(show.stdout.contains("on hold: `tidings approve 1` lets it go"), "{show:?}");
    let files = &publish(&office, 4)["scan"]["files"];
    assert_eq!(files, &json!({"release": 1, "on_hold": 6}));
}

#[test]
fn a_single_release_goes_out_beside_what_is_held() {
    let office = office();
    news(&office, &SIX);
    publish(&office, 4);
    news(&office, &["urgent"]);
    let report = publish(&office, 4);
    assert_eq!(report["scan"]["changes"], json!({"new": 1}));
    assert_eq!(in_feed(&office, &["urgent", "alder"]), ["urgent"]);
    assert_eq!(mails(&office), 2);
    assert_eq!(holds(&office), json!([[1, too_many(6), {"new": 6}]]));
}

#[test]
fn what_is_approved_goes_out_with_the_next_scan_and_is_told_by_its_age() {
    let office = office();
    news(&office, &SIX);
    note(&office, &["alder"], "date: 2020-01-01");
    publish(&office, 4);
    let done = approve(&office, 1, 0);
    assert_eq!(
        done.stdout,
        "let go: 6 files (6 new)\n\
         the next scan takes it up: `tidings publish-now`, or the daemon when it starts\n"
    );
    let report = publish(&office, 0);
    assert_eq!(report["scan"]["changes"], json!({"new": 6}));
    assert_eq!(report["scan"]["told"], 5);
    assert_eq!(in_feed(&office, &SIX), SIX);
    assert_eq!(mails(&office), 2);
    assert!(office.mails().iter().all(|mail| mail.contains("birch") && !mail.contains("alder")));
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({}));
}

#[test]
fn what_is_approved_is_pending_until_the_next_scan_takes_it_up() {
    let office = office();
    news(&office, &SIX);
    publish(&office, 4);
    approve(&office, 1, 0);
    let pending = office.run(&["list", "pending", "--json"]).json();
    let reasons: Vec<&Value> =
        pending["entries"].as_array().unwrap().iter().map(|entry| &entry["reason"]).collect();
    assert_eq!(reasons, [&json!("approved"); 6]);
    let shown = office.run(&["show", &path_of("elm"), "--json"]).json();
    assert_eq!(shown["state"]["name"], "approved");
    publish(&office, 0);
    let pending = office.run(&["list", "pending", "--json"]).json();
    assert_eq!(pending["entries"], json!([]));
}

#[test]
fn what_is_approved_is_not_counted_with_what_is_new() {
    let office = office();
    news(&office, &SIX);
    publish(&office, 4);
    approve(&office, 1, 0);
    news(&office, &["late", "later"]);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"new": 8}));
}

#[test]
fn a_hold_is_approved_once_and_only_where_it_is() {
    let office = office();
    let none = approve(&office, 1, 2);
    assert_eq!(none.stderr, "error: there is no hold `1`\nhint: nothing is on hold\n");
    news(&office, &SIX);
    publish(&office, 4);
    let other = approve(&office, 7, 2);
    assert_eq!(other.stderr, "error: there is no hold `7`\nhint: on hold: `1`\n");
    approve(&office, 1, 0);
    approve(&office, 1, 2);
    publish(&office, 0);
    approve(&office, 1, 2);
}

#[test]
fn who_lets_a_hold_go_is_written_down_by_name() {
    let office = office();
    news(&office, &SIX);
    publish(&office, 4);
    let approved = office.command(&["approve", "1"]).env("SUDO_USER", "mei").output().unwrap();
    assert!(approved.status.success(), "{approved:?}");
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    let by = |sql: &str| -> String { store.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(by("select released_by from hold"), "mei");
    assert_eq!(by("select said ->> 'by' from audit where kind = 'approval'"), "mei");
}

#[test]
fn a_limit_is_what_one_scan_may_bring_and_no_less() {
    let office = office();
    news(&office, &SIX[..5]);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"new": 5}));
}

#[test]
fn a_first_scan_is_never_held() {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    office.write("config/tidings.yaml", config.replace("content: {", "content: {max_new: 0, "));
    news(&office, &SIX);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"new": 6}));
}

#[test]
fn a_move_that_is_held_keeps_its_identity() {
    let office = office();
    news(&office, &SIX);
    fs::rename(office.path(&path_of("known")), office.path(&path_of("renamed"))).unwrap();
    publish(&office, 4);
    publish(&office, 4);
    publish(&office, 4);
    approve(&office, 1, 0);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"moved": 1, "new": 6}));
    let feed = office.read("public/feeds/all.atom");
    assert_eq!(feed.matches(":_posts/known</id>").count(), 1);
    assert!(!feed.contains(":_posts/renamed</id>"));
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({}));
}

#[test]
fn a_held_file_stays_held_when_it_is_edited_and_leaves_when_it_is_as_it_was() {
    let office = office();
    news(&office, &SIX);
    publish(&office, 4);
    office.news("alder", "An edited text.");
    publish(&office, 4);
    assert_eq!(holds(&office), json!([[1, too_many(6), {"new": 6}]]));
    fs::remove_file(office.path(&path_of("birch"))).unwrap();
    publish(&office, 4);
    assert_eq!(holds(&office), json!([[1, too_many(6), {"new": 5}]]));
    assert_eq!(in_feed(&office, &SIX), [""; 0]);
    for name in SIX {
        let _ = fs::remove_file(office.path(&path_of(name)));
    }
    publish(&office, 0);
    assert_eq!(holds(&office), json!([]));
    assert_eq!(mails(&office), 0);
}

#[test]
fn a_held_file_that_is_broken_stays_held_until_it_is_mended_and_approved() {
    let office = office();
    news(&office, &SIX);
    publish(&office, 4);
    office.write(&path_of("alder"), "---\ntitle: [\n---\n");
    office.settle(&path_of("alder"));
    publish(&office, 4);
    news(&office, &["alder"]);
    publish(&office, 4);
    assert_eq!(in_feed(&office, &SIX), [""; 0]);
    assert_eq!(holds(&office)[0][2], json!({"new": 6}));
}

// More told changes than one scan may bring.

/// Six releases that are out, none of them told.
fn with_six() -> Office {
    let office = office();
    news(&office, &SIX);
    note(&office, &SIX, "date: 2020-01-01");
    publish(&office, 4);
    approve(&office, 1, 0);
    publish(&office, 0);
    assert_eq!((in_feed(&office, &SIX), mails(&office)), (SIX.to_vec(), 0));
    office
}

#[test]
fn too_many_told_changes_are_held_and_go_when_approved() {
    let office = with_six();
    note(&office, &SIX[..3], "change_note: New dates");
    note(&office, &SIX[3..], "correction: It is Tuesday");
    publish(&office, 4);
    let feed = office.read("public/feeds/all.atom");
    assert!(!feed.contains("New dates") && !feed.contains("It is Tuesday"), "{feed}");
    assert_eq!(holds(&office), json!([[2, too_many(6), {"changed": 6}]]));
    let show = office.run(&["show", &path_of("alder")]);
    assert!(show.stdout.contains("on hold: `tidings approve 2` lets it go"), "{show:?}");
    approve(&office, 2, 0);
    let report = publish(&office, 0);
    assert_eq!(report["scan"]["changes"], json!({"correction": 3, "major": 3}));
    assert_eq!(office.read("public/feeds/all.atom").matches("New dates").count(), 3);
    assert_eq!(mails(&office), 2);
}

#[test]
fn a_told_change_that_is_taken_back_leaves_the_hold() {
    let office = with_six();
    let before = SIX.map(|name| office.read(&path_of(name)));
    note(&office, &SIX, "change_note: New dates");
    publish(&office, 4);
    for (name, text) in SIX.into_iter().zip(&before).skip(1) {
        office.write(&path_of(name), text);
        office.settle(&path_of(name));
    }
    publish(&office, 4);
    assert_eq!(holds(&office)[0][2], json!({"changed": 1}));
    office.write(&path_of(SIX[0]), &before[0]);
    office.settle(&path_of(SIX[0]));
    publish(&office, 0);
    assert_eq!((holds(&office), mails(&office)), (json!([]), 0));
}

#[test]
fn minor_edits_are_never_too_many_and_tell_nobody() {
    let office = with_six();
    note(&office, &SIX, "tags: [wood]");
    let report = publish(&office, 0);
    assert_eq!(report["scan"]["changes"], json!({"minor": 6}));
    assert_eq!((holds(&office), mails(&office)), (json!([]), 0));
}

// More files gone than one scan may lose.

/// Twelve releases in a folder of their own, and as many as are needed beside them.
fn with_folder(others: usize) -> Office {
    let office = Office::new();
    for n in 1..=12 {
        office.release(&format!("2026/old-{n}"), &format!("Text of {n}."));
    }
    for n in 1..=others {
        office.release(&format!("other-{n}"), &format!("Text of other {n}."));
    }
    publish(&office, 0);
    office
}

fn old_in_feed(office: &Office) -> usize {
    office
        .read("public/feeds/all.atom")
        .matches("<id>tag:press.example.org,2026-01-01:_posts/2026/old-")
        .count()
}

fn take_away(office: &Office) {
    fs::rename(office.path("content/_posts/2026"), office.path("away")).unwrap();
}

const VANISHED: &str = "12 of 15 items vanished in one scan";

/// Twelve of fifteen files vanish: in two scans, for in the first they may have moved.
fn with_vanished() -> Office {
    let office = with_folder(3);
    take_away(&office);
    publish(&office, 0);
    let report = publish(&office, 4);
    assert_eq!(report["scan"]["changes"], json!({}));
    assert_eq!(old_in_feed(&office), 12);
    assert_eq!(holds(&office), json!([[1, VANISHED, {"vanished": 12}]]));
    office
}

#[test]
fn a_folder_that_vanishes_stays_in_the_feeds_until_its_files_are_back() {
    let office = with_vanished();
    office.release("new", "Some text.");
    assert_eq!(publish(&office, 4)["scan"]["changes"], json!({"new": 1}));
    assert_eq!(old_in_feed(&office), 12);
    fs::rename(office.path("away"), office.path("content/_posts/2026")).unwrap();
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({}));
    assert_eq!((holds(&office), old_in_feed(&office)), (json!([]), 12));
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({}));
}

#[test]
fn a_folder_that_vanished_is_removed_when_approved() {
    let office = with_vanished();
    approve(&office, 1, 0);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"removed": 12}));
    assert_eq!((holds(&office), old_in_feed(&office)), (json!([]), 0));
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({}));
}

#[test]
fn a_folder_that_vanished_and_turns_up_elsewhere_has_moved() {
    let office = with_vanished();
    fs::rename(office.path("away"), office.path("content/_posts/archive")).unwrap();
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"moved": 12}));
    assert_eq!((holds(&office), old_in_feed(&office)), (json!([]), 12));
}

#[test]
fn files_that_become_drafts_all_at_once_are_held_at_once() {
    let office = with_folder(3);
    let names: Vec<String> = (1..=12).map(|n| format!("2026/old-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    note(&office, &names, "draft: true");
    publish(&office, 4);
    assert_eq!(holds(&office), json!([[1, VANISHED, {"vanished": 12}]]));
    assert_eq!(old_in_feed(&office), 12);
    approve(&office, 1, 0);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"removed": 12}));
}

#[test]
fn a_fifth_may_vanish_and_so_may_nine() {
    let office = with_folder(48);
    take_away(&office);
    publish(&office, 0);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"removed": 12}));
    let office = with_folder(0);
    for n in 1..=9 {
        fs::remove_file(office.path(&path_of(&format!("2026/old-{n}")))).unwrap();
    }
    publish(&office, 0);
    assert_eq!(publish(&office, 0)["scan"]["changes"], json!({"removed": 9}));
}

// A crash.

#[tokio::test]
async fn a_crash_right_after_the_scan_was_accepted_lets_nothing_go() {
    let office = office();
    news(&office, &SIX);
    publish(&office, 4);
    // As a kill leaves it: what ends a scan was not written, nor any document.
    let options = SqliteConnectOptions::new().filename(office.path("var/tidings.db"));
    let mut store = SqliteConnection::connect_with(&options).await.unwrap();
    for statement in [
        "delete from source_folder",
        "delete from meta where name in ('content_rules', 'walk_problems')",
    ] {
        sqlx::query(statement).execute(&mut store).await.unwrap();
    }
    store.close().await.unwrap();
    let report = publish(&office, 4);
    assert_eq!(report["scan"]["changes"], json!({}));
    assert_eq!(holds(&office), json!([[1, too_many(6), {"new": 6}]]));
    assert_eq!((in_feed(&office, &SIX), mails(&office)), (vec![], 0));
}
