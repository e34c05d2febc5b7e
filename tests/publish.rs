//! From files to documents and mails through the program, with mail in a Maildir.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use mail_parser::MessageParser;
use support::office::Office;
use tidings::feeds::xml;

/// The sample press room and config of this repository, in a folder of their own.
fn sample() -> Office {
    let office = Office::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["config", "content"] {
        copy(&root.join(folder), &office, folder);
    }
    office
}

fn copy(from: &Path, office: &Office, to: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = format!("{to}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            copy(&entry.path(), office, &to);
        } else {
            office.write(&to, std::fs::read(entry.path()).unwrap());
            office.settle(&to);
        }
    }
}

/// Messages without the two headers that the clock may change.
fn mails_without_time(mails: &[String]) -> Vec<String> {
    let is_timeless =
        |line: &&str| !line.starts_with("Date: ") && !line.starts_with("Message-ID: ");
    mails
        .iter()
        .map(|mail| mail.lines().filter(is_timeless).collect::<Vec<_>>().join("\n"))
        .collect()
}

#[test]
fn the_sample_run_writes_feeds_and_shows_a_digest() {
    let office = sample();
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 0, "{done:?}");
    // How many events are still shown goes by the day.
    let written = format!("{} written", office.documents().len() - 1);
    insta::assert_snapshot!(done.stdout.replace(&written, "N written"), @"
    Found      15 files in content
               10 releases, 3 events, 1 page, 1 template
    Changes    12 new, 1 entry waits for the time of publication
    Documents  N written to public, 0 unchanged
    Digests    daily: 12 entries in 2 issues to 2 people
               weekly: 12 entries in 1 issue to 1 person
               nobody has subscribed: config/rehearsal.csv stands in
    Mail       3 rehearsed
    Look at    public/index.html
               var/mail/new
    ");
    assert_eq!(office.mails().len(), 3);
    let addresses: Vec<String> = office
        .mails()
        .iter()
        .map(|mail| {
            let parsed = MessageParser::default().parse(mail.as_bytes()).unwrap();
            parsed.to().unwrap().first().unwrap().address().unwrap().to_owned()
        })
        .collect();
    assert!(addresses.iter().all(|address| address.ends_with("@example.org")), "{addresses:?}");
    for (path, bytes) in office.documents() {
        if path.ends_with(".rss") || path.ends_with(".atom") {
            xml::check(&bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        if path.ends_with(".css") || path.ends_with(".js") {
            continue;
        }
        // Pages have one script of their own.
        let text = String::from_utf8(bytes).unwrap().replace("<script src=\"", "");
        for leftover in ["{{", "{%", "{:", "<iframe", "<script"] {
            assert!(!text.contains(leftover), "{path}: {leftover}");
        }
        assert!(!text.contains("tunnel"), "{path} breaks the embargo");
    }
}

/// Who signs up chooses by title: two of one name would be a riddle.
#[test]
fn no_two_feeds_of_the_sample_have_one_title() {
    let office = sample();
    assert_eq!(office.run(&["publish-now", "--feeds-only"]).code, 0);
    let list = office.read("public/feeds.opml");
    let titles = list.split(" title=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut titles: Vec<String> = titles.map(|t| t.to_lowercase().replace('-', " ")).collect();
    titles.sort();
    assert!(titles.contains(&"events".to_owned()), "{titles:?}");
    assert!(titles.windows(2).all(|pair| pair[0] != pair[1]), "{titles:?}");
}

#[test]
fn the_sample_run_under_a_clock_in_2031_gives_the_same_mails_and_documents() {
    let office = sample();
    let rehearsed = office.run(&["--at", "2031-05-05T05:05:05Z", "publish-now"]);
    assert_eq!(rehearsed.code, 0, "{rehearsed:?}");
    let private = |what: &str| {
        let line = rehearsed.stderr.lines().find(|l| l.starts_with(what)).unwrap();
        line.split_once(": ").unwrap().1.to_owned()
    };
    assert!(!office.path("public").exists());
    assert!(office.mails().is_empty());
    assert_eq!(office.run(&["publish-now"]).code, 0);
    let mut later: Vec<_> = std::fs::read_dir(Path::new(&private("private mail")).join("new"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    later.sort();
    let later: Vec<_> = later.iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    // The clock that was set goes on; on a busy machine by more than a second.
    assert!(later[0].starts_with("Date: Mon, 5 May 2031 13:0"), "{}", later[0]);
    assert_eq!(mails_without_time(&later), mails_without_time(&office.mails()));
    // Calendars, and what pages say of events to come, go by the day.
    let is_timeless = |path: &str| {
        let shows_days = path.ends_with(".ics") || path.ends_with("/index.html");
        !shows_days && path != ".tidings"
    };
    for (path, bytes) in office.documents().into_iter().filter(|(path, _)| is_timeless(path)) {
        let private = Path::new(&private("private output")).join(&path);
        assert!(std::fs::read(private).unwrap() == bytes, "{path}");
    }
    std::fs::remove_dir_all(Path::new(&private("private output")).parent().unwrap()).unwrap();
}

#[test]
fn a_second_run_writes_no_document_and_sends_no_mail() {
    let office = sample();
    office.run(&["publish-now"]);
    let written = |office: &Office| -> BTreeMap<String, (u64, i64)> {
        let documents = office.documents().into_iter();
        documents
            .map(|(path, _)| {
                let stat = std::fs::metadata(office.path("public").join(&path)).unwrap();
                (path, (stat.ino(), stat.mtime_nsec()))
            })
            .collect()
    };
    let before = written(&office);
    let again = office.run(&["publish-now"]);
    assert_eq!(again.code, 0);
    assert!(again.stdout.contains("Documents  0 written"), "{again:?}");
    assert!(again.stdout.contains("Mail       none: nothing is new"), "{again:?}");
    assert_eq!(written(&office), before);
    assert_eq!(office.mails().len(), 3);
}

#[test]
fn touching_one_body_changes_only_its_documents_and_mails_nobody() {
    let office = sample();
    office.run(&["publish-now"]);
    let path = "content/_posts/2026-04-14-bus-lane-bay-road.md";
    office.write(path, format!("{}\nOne more sentence.\n", office.read(path)));
    office.settle(path);
    let done = office.run(&["publish-now", "--json"]).json();
    let written: Vec<&str> = done["scan"]["documents_written"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    assert_eq!(
        written,
        [
            "feeds/all.rss",
            "feeds/all.atom",
            "feeds/all.json",
            "feeds/releases.rss",
            "feeds/releases.atom",
            "feeds/releases.json",
            "feeds/category-transport.rss",
            "feeds/category-transport.atom",
            "feeds/category-transport.json",
        ]
    );
    assert_eq!(done["scan"]["changes"]["minor"], 1);
    assert_eq!(done["runs"].as_array().unwrap().len(), 0);
}

#[test]
fn a_broken_file_is_told_with_line_and_remedy_and_the_rest_goes_on() {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    office.write(
        "content/_posts/2026-11-02-broken.md",
        "---\ntitle: Broken\npublish_at: 2026-11-02T09:00:00\n---\nText\n",
    );
    office.settle("content/_posts/2026-11-02-broken.md");
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(
        done.stderr.contains("`_posts/2026-11-02-broken.md` line 3: `publish_at` "),
        "{done:?}"
    );
    assert!(done.stderr.contains("\nhint: "), "{done:?}");
    assert!(office.read("public/feeds/all.atom").contains("a new bridge"));
    let check = office.run(&["check"]);
    assert_eq!(check.code, 3);
    assert!(check.stdout.contains("1 error"), "{check:?}");
}

#[test]
fn a_file_that_breaks_later_keeps_its_last_good_revision() {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    office.run(&["publish-now"]);
    office.write("content/_posts/a-new-bridge.md", [b'-', b'-', b'-', b'\n', 0xff, 0xfe]);
    office.settle("content/_posts/a-new-bridge.md");
    for _ in 0..3 {
        let done = office.run(&["publish-now"]);
        assert_eq!(done.code, 3, "{done:?}");
        assert!(done.stderr.contains("UTF-8"), "{done:?}");
        assert!(office.read("public/feeds/all.atom").contains("It opens today."));
    }
}

#[test]
fn a_deleted_file_leaves_the_feeds_with_the_second_scan() {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    office.release("a-second-bridge", "It opens tomorrow.");
    office.run(&["publish-now"]);
    std::fs::remove_file(office.path("content/_posts/a-new-bridge.md")).unwrap();
    office.run(&["publish-now"]);
    assert!(office.read("public/feeds/all.atom").contains("It opens today."));
    office.run(&["publish-now"]);
    assert!(!office.read("public/feeds/all.atom").contains("It opens today."));
    assert!(office.read("public/feeds/all.atom").contains("It opens tomorrow."));
}

#[test]
fn show_tells_what_a_file_would_be() {
    let office = sample();
    let file = "content/events/2026-09-21-lantern-walk.md";
    let shown = office.run(&["show", file, "--json"]).json();
    for key in [
        "id",
        "kind",
        "title",
        "published",
        "published_source",
        "updated",
        "link",
        "language",
        "categories",
        "event",
        "enclosures",
        "summary",
        "problems",
    ] {
        assert!(shown.get(key).is_some(), "{key}");
    }
    assert_eq!(shown["kind"], "event");
    let page = office.run(&["show", "content/contact.md", "--json"]);
    assert_eq!((page.code, page.json()["kind"].as_str()), (0, Some("page")));
    assert!(!office.path("public").exists(), "show writes nothing");
}

#[test]
fn a_dry_run_writes_and_sends_nothing() {
    let office = sample();
    let done = office.run(&["publish-now", "--dry-run"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("Digests    daily: 12 entries"), "{done:?}");
    assert!(!office.path("public").exists());
    assert!(!office.path("var/mail").exists());
    assert!(!office.path("var/tidings.db").exists());
}

/// The five documents that the project began with.
#[expect(clippy::disallowed_methods, reason = "the corpus is named by the environment")]
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
#[test]
fn the_seeds_give_two_entries_and_three_pages() {
    let Ok(corpus) = std::env::var("TIDINGS_CORPUS") else {
        eprintln!("skipped: TIDINGS_CORPUS is not set");
        return;
    };
    let office = Office::new();
    for entry in std::fs::read_dir(Path::new(&corpus).join("seeds")).unwrap() {
        let entry = entry.unwrap();
        let path = format!("content/{}", entry.file_name().to_str().unwrap());
        office.write(&path, std::fs::read(entry.path()).unwrap());
        office.settle(&path);
    }
    let done = office.run(&["publish-now", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let files = &done.json()["scan"]["files"];
    assert_eq!(
        (&files["release"], &files["event"], &files["page"]),
        (&1.into(), &1.into(), &3.into())
    );
    for format in ["rss", "atom"] {
        let text = office.read(&format!("public/feeds/all.{format}"));
        xml::check(text.as_bytes()).unwrap();
        for leftover in
            ["{{", "{%", "{:", "&lt;iframe", "href=&quot;/", "src=&quot;/", "href=\"/", "src=\"/"]
        {
            assert!(!text.contains(leftover), "{format}: {leftover}");
        }
    }
    assert!(office.read("public/feeds/releases.atom").contains("2021-02-26T00:00:00+08:00"));
}
