//! The documents through the program, from the outside: readers that loop while the office
//! publishes, kills at any moment, and places that cannot take what is published.

#![expect(clippy::print_stdout, reason = "a skipped test says so, and what was looked at")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(unreachable_pub, reason = "there is no other crate to reach them")]

mod disk;
mod elsewhere;
mod kills;
mod look;
#[path = "../support/moto.rs"]
mod moto;
mod readers;
#[path = "../support/mod.rs"]
mod support;

use support::office::Office;

/// Where the documents are reached; apart from the site, so that links tell them apart.
const URL: &str = "https://feeds.example.org/";

/// An office whose feed of everything has archives.
fn office() -> Office {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let config = config
        .replace("scan: 1s}", "scan: 1s, max_new: 500}")
        .replace("title: All news}", "title: All news, archive: true}");
    office.write("config/tidings.yaml", config + &format!("output: {{url: '{URL}'}}\n"));
    office
}

/// Writes a post whose time is its own and rises with its number.
fn put(office: &Office, name: &str, number: usize, keys: &str, body: &str) {
    let path = format!("content/_posts/{name}.md");
    let date = format!("2026-02-{:02}T{:02}:{:02}:00+08:00", 1 + number / 60, 10, number % 60);
    office.write(
        &path,
        format!(
            "---\ntitle: {name}\ndate: {date}\npermalink: /news/{name}/\n{keys}\n---\n{body}\n"
        ),
    );
    office.settle(&path);
}

/// One more release, in one of ten categories.
fn put_release(office: &Office, number: usize) {
    let category = format!("category: c{}", number % 10);
    put(office, &format!("release-{number}"), number, &category, &format!("Text {number}."));
}

/// Releases enough for an archive to be closed soon.
fn put_first_releases(office: &Office) {
    (0..FIRST).for_each(|number| put_release(office, number));
}

const FIRST: usize = 45;

fn publish(office: &Office) {
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert_eq!(done.code, 0, "{done:?}");
}
