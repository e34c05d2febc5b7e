//! The store is lost: `adopt` takes ids and dates back from the Atom documents.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::office::{Done, Office};

fn run(office: &Office, arguments: &[&str], code: i32) -> Done {
    let done = office.run(arguments);
    assert_eq!(done.code, code, "{done:?}");
    done
}

fn lose_the_store(office: &Office) {
    for file in ["var/tidings.db", "var/tidings.db-wal", "var/tidings.db-shm"] {
        let _ = fs::remove_file(office.path(file));
    }
}

fn move_file(office: &Office, from: &str, to: &str) {
    let to = office.path(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(office.path(from), to).unwrap();
}

/// Releases of one day and of the moment, one that moved, one edited with a note, one
/// withdrawn, one under embargo: as years of work leave them.
fn published() -> Office {
    let office = Office::new();
    for name in ["ferry", "harbour", "market", "parks"] {
        office.release(name, "Some text.");
    }
    office.news("schools", "Some text.");
    let embargo = "---\ntitle: Tunnel\npermalink: /news/tunnel/\n\
                   publish_at: 2099-01-01T09:00:00+08:00\n---\nSome text.\n";
    office.write("content/_posts/tunnel.md", embargo);
    office.settle("content/_posts/tunnel.md");
    run(&office, &["publish-now"], 0);
    move_file(&office, "content/_posts/ferry.md", "content/_posts/2026/crossing.md");
    for (name, note) in [("harbour", "change_note: New dates"), ("market", "withdrawn: In error")] {
        let path = format!("content/_posts/{name}.md");
        let text = office.read(&path).replacen("---\n", &format!("---\n{note}\n"), 1);
        office.write(&path, text);
        office.settle(&path);
    }
    run(&office, &["publish-now"], 0);
    run(&office, &["publish-now"], 0);
    office
}

#[test]
fn after_it_the_documents_are_as_they_were_and_nobody_is_told() {
    let office = published();
    let documents = office.documents();
    let all = office.read("public/feeds/all.atom");
    assert!(all.contains("2026-01-01:_posts/ferry</id>"), "{all}");
    assert!(all.contains("Withdrawn: In error"), "{all}");
    lose_the_store(&office);
    // The config announces what a first scan finds, and readers are there to be told.
    office.subscribe(2, "immediate");
    let mails = office.mails().len();
    let done = run(&office, &["adopt"], 0);
    insta::assert_snapshot!(done.stdout, @"
    Read       4 Atom documents in public, with 5 entries
    Adopted    5 entries
    New        1 file that no document knows; `--json` names them
    ");
    let report = run(&office, &["publish-now", "--json"], 0).json();
    assert_eq!(report["scan"]["documents_written"], json!([]));
    assert_eq!(report["scan"]["documents_removed"], json!([]));
    assert_eq!((&report["scan"]["changes"], &report["runs"]), (&json!({}), &json!([])));
    assert_eq!(office.documents(), documents);
    assert_eq!(office.mails().len(), mails);
    let embargoed = run(&office, &["list", "embargoed", "--json"], 0).json();
    assert_eq!(embargoed["entries"][0]["title"], "Tunnel");
}

#[test]
fn entries_too_old_for_any_document_push_none_out() {
    let office = Office::new();
    for n in 10..65 {
        office.release(&format!("of-one-day-{n}"), "Some text.");
    }
    run(&office, &["publish-now", "--feeds-only"], 0);
    let documents = office.documents();
    lose_the_store(&office);
    let report = run(&office, &["adopt", "--json"], 0).json();
    let count = |key: &str| report[key].as_array().unwrap().len();
    assert_eq!((count("adopted"), count("unknown"), count("unmatched")), (50, 5, 0));
    run(&office, &["publish-now", "--feeds-only"], 0);
    assert_eq!(office.documents(), documents);
}

#[test]
fn without_it_they_would_not_be() {
    let office = published();
    let documents = office.documents();
    lose_the_store(&office);
    run(&office, &["publish-now", "--feeds-only"], 0);
    assert_ne!(office.documents(), documents);
}

#[test]
fn a_dry_run_says_the_same_and_remembers_nothing() {
    let office = published();
    lose_the_store(&office);
    let dry = run(&office, &["adopt", "--dry-run", "--json"], 0).json();
    assert!(!office.path("var/tidings.db").exists());
    let at = ["--at", "2099-02-01T00:00:00Z", "adopt", "--json"];
    assert_eq!(run(&office, &at, 0).json(), dry);
    assert!(!office.path("var/tidings.db").exists());
    assert_eq!(run(&office, &["adopt", "--json"], 0).json(), dry);
}

#[test]
fn what_has_no_match_is_told() {
    let office = published();
    lose_the_store(&office);
    fs::remove_file(office.path("content/_posts/parks.md")).unwrap();
    office.release("zoo", "Some text.");
    let done = run(&office, &["adopt", "--dry-run"], 0);
    insta::assert_snapshot!(done.stdout, @"
    Read       4 Atom documents in public, with 5 entries
    Adopted    4 entries
    New        2 files that no document knows; `--json` names them
    Not found  1 entry without a file, which the next `publish-now` drops:
      1 November 2026  parks
          https://press.example.org/news/parks/
    ");
    let report = run(&office, &["adopt", "--json"], 0).json();
    let ids: Vec<&Value> = report["adopted"].as_array().unwrap().iter().collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(
        ids[0],
        &json!({"path": "_posts/2026/crossing.md",
            "id": "tag:press.example.org,2026-01-01:_posts/ferry"})
    );
    assert_eq!(report["unknown"], json!(["_posts/tunnel.md", "_posts/zoo.md"]));
    let unmatched = &report["unmatched"];
    assert_eq!(unmatched.as_array().unwrap().len(), 1);
    assert_eq!(unmatched[0]["link"], "https://press.example.org/news/parks/");
}

#[test]
fn a_file_with_an_error_is_told_of_and_makes_exit_3() {
    let office = published();
    lose_the_store(&office);
    office.write("content/_posts/parks.md", "---\ntitle: [\n---\n");
    office.settle("content/_posts/parks.md");
    let done = run(&office, &["adopt", "--dry-run"], 3);
    assert!(done.stderr.contains("1 error; `tidings check` shows them"), "{done:?}");
}

#[test]
fn a_store_that_knows_the_folder_is_refused() {
    let office = published();
    for arguments in [&["adopt"][..], &["adopt", "--dry-run"]] {
        let done = run(&office, arguments, 2);
        assert!(done.stderr.contains("has scanned the content folder already\nhint: "), "{done:?}");
        assert!(done.stderr.contains("move `"), "{done:?}");
    }
}

#[test]
fn without_documents_there_is_nothing_to_adopt() {
    let office = Office::new();
    office.release("ferry", "Some text.");
    let done = run(&office, &["adopt"], 2);
    assert!(done.stderr.starts_with("error: there is no Atom document in `"), "{done:?}");
    assert!(done.stderr.contains("hint: bring the output folder back"), "{done:?}");
    assert!(!office.path("var/tidings.db").exists());
}

#[test]
fn a_document_that_cannot_be_read_stops_it() {
    let office = published();
    lose_the_store(&office);
    let text = office.read("public/feeds/all.atom");
    office.write("public/feeds/all.atom", &text[..text.len() / 2]);
    let done = run(&office, &["adopt"], 1);
    assert!(done.stderr.contains("public/feeds/all.atom`: "), "{done:?}");
    assert!(done.stderr.contains("hint: bring it back from a backup"), "{done:?}");
    assert!(!office.path("var/tidings.db").exists());
}

#[test]
fn beside_a_daemon_it_does_nothing() {
    let office = published();
    let daemon = office.daemon();
    let done = run(&office, &["adopt"], 1);
    assert!(done.stderr.contains("error: `daemon` (process "), "{done:?}");
    assert!(done.stderr.contains("uses the store\nhint: end it first"), "{done:?}");
    daemon.stop();
}
