//! A press room of about sixty entries with what tends to break readers, served by the daemon.

use std::path::Path;

use chrono::DateTime;

use super::item::{EventItem, Item};
use super::support::office::{Daemon, Office};

/// Entries that are corrected, changed or withdrawn after they were published, by id.
pub const CHANGED: [&str; 3] = ["fare-table", "moved-hearing", "withdrawn-walk"];
/// Entries with a start, apart from the withdrawn one: feeds offer that no longer.
pub const EVENTS: usize = 4;
/// Entries without anything remarkable.
const PLAIN: usize = 46;

/// Name, front matter without title and date, body.
const ENTRIES: [(&str, &str, &str, &str); 14] = [
    (
        "grants",
        "R&D &lt;grants&gt; rise: 5 > 4 & \u{201C}more\u{201D}",
        "category: Research & money",
        "A < B & C > D.",
    ),
    ("quotes", "It's \"quoted\", said 'nobody'", "tags: [\"a, b\", c]", "Text."),
    (
        "entity",
        "What &amp;amp; and &lt;b&gt;bold&lt;/b&gt; mean",
        "category: Words",
        "Text &amp; more.",
    ),
    ("bridges", "Über Brücken: Größe, Öffnung, Äußeres", "language: de", "Grüße aus dem Büro."),
    ("渡轮", "新渡轮时刻表：更多班次", "language: zh", "从下周起，渡轮每十分钟一班。"),
    ("ferry-ta", "புதிய படகு நேர அட்டவணை", "language: ta", "படகுகள் பத்து நிமிடங்களுக்கு ஒருமுறை."),
    (
        "fireworks",
        "Fireworks 🎆 for families 👨‍👩‍👧 at the pier",
        "image: /images/pier.jpg",
        "See you 🎇.",
    ),
    ("report", "The annual report", "file_url: /files/report.pdf", "The report is there."),
    ("fare-table", "New fares: 10 % less", "category: Transport", "The fare is 42 dollars."),
    (
        "open-day",
        "Open day; all, welcome",
        "event: {start: 2091-02-03T10:00:00+08:00, end: 2091-02-03T17:30:00+08:00, \
         venue: 'Hall 1, North; Pier'}",
        "Come.",
    ),
    (
        "festival",
        "Festival \\ of boats",
        "event: {start: 2091-03-01, end: 2091-03-03}",
        "Three days.",
    ),
    (
        "moved-hearing",
        "Hearing on the budget",
        "event: {start: 2091-04-05T10:00:00+01:00}",
        "All may speak.",
    ),
    (
        "postponed",
        "Concert",
        "event: {start: 2091-05-06T20:00:00+08:00, status: postponed}",
        "Later.",
    ),
    ("withdrawn-walk", "Walk to the lighthouse", "event: {start: 2091-06-07}", "Bring shoes."),
];

/// A daemon and its office; both end with the test.
pub struct Room {
    daemon: Daemon,
    office: Office,
}

impl Room {
    /// The made press room after a correction, a change and a withdrawal.
    pub fn open() -> Self {
        let office = Office::new();
        let config = office.read("config/tidings.yaml");
        let config = config
            .replace("scan: 1s}", "scan: 1s, max_new: 500}")
            .replace("title: All news}", "title: 'All <news> & more', entries: 200}");
        office.write("config/tidings.yaml", config);
        for (index, (name, title, keys, body)) in ENTRIES.into_iter().enumerate() {
            put(&office, name, &text(index, title, keys, body));
        }
        for index in ENTRIES.len()..ENTRIES.len() + PLAIN {
            let (name, title) = plain(index);
            put(&office, &name, &text(index, &title, "category: Notes", "Nothing special."));
        }
        publish(&office);
        add(&office, "fare-table", "correction: The fare is 4.20 dollars, not 42.");
        add(&office, "moved-hearing", "change_note: Please book a seat.");
        add(&office, "withdrawn-walk", "withdrawn: Announced in error.");
        publish(&office);
        Self::serve(office)
    }

    /// The sample content and config of this repository.
    pub fn sample() -> Self {
        let office = Office::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&root.join("content"), &office, "content");
        publish(&office);
        Self::serve(office)
    }

    pub fn serve(office: Office) -> Self {
        Self { daemon: office.daemon(), office }
    }

    pub fn address(&self, path: &str) -> String {
        format!("http://{}/{path}", self.daemon.address())
    }

    /// What the daemon answers.
    pub fn document(&self, path: &str) -> Vec<u8> {
        let answer = self.daemon.get(&format!("/{path}"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        body.as_bytes().to_vec()
    }

    /// Paths of all documents below a folder.
    pub fn paths(&self, folder: &str) -> Vec<String> {
        let paths = self.office.documents().into_iter().map(|(path, _)| path);
        paths.filter(|path| path.starts_with(folder)).collect()
    }
}

/// The withdrawn entry as calendars keep it.
pub fn withdrawn_event() -> EventItem {
    let id = "tag:press.example.org,2026-01-01:_posts/withdrawn-walk";
    [id, "Walk to the lighthouse", "2091-06-07", "", "CANCELLED"].map(str::to_owned)
}

/// All that was made, by id.
pub fn expected() -> Vec<Item> {
    let special = ENTRIES.iter().map(|(name, title, ..)| ((*name).to_owned(), (*title).to_owned()));
    let all = special.chain((ENTRIES.len()..ENTRIES.len() + PLAIN).map(plain));
    let mut expected: Vec<_> = all
        .enumerate()
        .map(|(index, (name, title))| {
            let path = percent_encoding::utf8_percent_encode(&name, percent_encoding::CONTROLS);
            let id = format!("tag:press.example.org,2026-01-01:_posts/{path}");
            // What authors write as markup readers see as text.
            let title = ["&lt;<", "&gt;>", "&amp;&"].iter().fold(title, |title, mark| {
                let (written, read) = mark.split_at(mark.len() - 1);
                title.replace(written, read)
            });
            let published = DateTime::parse_from_rfc3339(&date(index)).unwrap().timestamp();
            Item { id, title, published, updated: None }
        })
        .collect();
    expected.sort();
    expected
}

/// A time of its own, and several offsets.
fn date(index: usize) -> String {
    let offset = ["+08:00", "Z", "-05:00", "+05:30"][index % 4];
    format!("2025-{:02}-{:02}T{:02}:05:09{offset}", 1 + index % 12, 1 + index % 28, index % 24)
}

fn plain(index: usize) -> (String, String) {
    (format!("note-{index}"), format!("Note {index}"))
}

fn text(index: usize, title: &str, keys: &str, body: &str) -> String {
    let title = serde_json::to_string(title).unwrap();
    let keys =
        if keys.starts_with("event:") { format!("kind: event\n{keys}") } else { keys.into() };
    format!(
        "---\ntitle: {title}\ndate: {}\npermalink: /news/{index}/\n{keys}\n---\n{body}\n",
        date(index)
    )
}

fn put(office: &Office, name: &str, text: &str) {
    let path = format!("content/_posts/{name}.md");
    office.write(&path, text);
    office.settle(&path);
}

/// Adds a line to the front matter.
fn add(office: &Office, name: &str, line: &str) {
    let text = office.read(&format!("content/_posts/{name}.md"));
    put(office, name, &text.replacen("---\n", &format!("---\n{line}\n"), 1));
}

pub fn publish(office: &Office) {
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert_eq!(done.code, 0, "{done:?}");
}

/// Copies files into the office.
pub fn copy(from: &Path, office: &Office, to: &str) {
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
