//! Large bodies of one mark over and over: what a parser could take the square of their length
//! for, or the whole stack.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::time::{Duration, Instant};

use tidings::content::{Rules, read};

/// A tenth of what a file may hold, because tests run without the optimiser.
const LARGE_BYTES: usize = 500_000;
/// Far more than the slowest of them takes, and less than the square of the length would.
const LIMIT: Duration = Duration::from_mins(2);

fn time_to_read(path: &str, mark: &str) -> Duration {
    let rules = Rules {
        site_url: "https://press.example/".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    };
    let body = mark.repeat(LARGE_BYTES / mark.len());
    let file = format!("---\ntitle: A\npermalink: /a/\n---\n{body}");
    let start = Instant::now();
    read(path, file.as_bytes(), &rules);
    start.elapsed()
}

/// Reads on a thread, whose stack is as small as in a scan.
fn check(path: &'static str, marks: &'static [&'static str]) {
    let read_all = move || {
        for mark in marks {
            let time = time_to_read(path, mark);
            assert!(time < LIMIT, "{mark:?} took {time:?}");
        }
    };
    std::thread::spawn(read_all).join().unwrap();
}

#[test]
fn a_body_of_markdown_marks_takes_seconds() {
    check(
        "_posts/2026-01-01-a.md",
        &["[", ">", "*", "**a", "](", "{:toc}\n", "* a\n{:toc}\n", "`"],
    );
}

#[test]
fn a_body_of_template_marks_takes_seconds() {
    check("_posts/2026-01-01-a.md", &["{{", "{%", "{{<", "{:"]);
}

#[test]
fn a_body_of_tags_takes_seconds() {
    check("_posts/2026-01-01-a.md", &["<div>", "<div>\n\n", "<", "<p>a\n\n", "</p>"]);
    check("_posts/2026-01-01-a.html", &["<div>", "<b>", "<table>", "<iframe src=\"/a\">"]);
}
