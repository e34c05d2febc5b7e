//! Documents as real readers understand them: a daemon serves them, the reader fetches them
//! over loopback, and what it remembers is compared with what was published.
//!
//! Needs `newsboat`, `r2e` (rss2email), `sfeed`, `xmllint`, and a Python with `feedparser` and
//! `icalendar`, named by `TIDINGS_PYTHON` where it is not `python3`.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(unreachable_pub, reason = "there is no other crate to reach them")]

mod corpus;
mod feedparser;
mod icalendar;
mod item;
mod newsboat;
mod program;
mod room;
mod rss2email;
mod sfeed;
#[path = "../support/mod.rs"]
mod support;
mod xmllint;

use item::{check, published, without_updates};
use room::Room;

/// The formats that readers of feeds know.
const FORMATS: [&str; 2] = ["rss", "atom"];

#[test]
fn the_json_feed_says_what_authors_wrote() {
    let room = Room::open();
    let items = published(&room.document("feeds/all.json"));
    check(&without_updates(items.clone()), &room::expected(), "JSON Feed");
    let later = items.iter().filter(|item| item.updated != Some(item.published));
    let later: Vec<&str> = later.map(|item| item.id.rsplit('/').next().unwrap()).collect();
    assert_eq!(later, room::CHANGED);
}

#[test]
fn feedparser_reads_what_was_published() {
    let Some(python) = program::python("feedparser") else { return };
    let room = Room::open();
    let expected = published(&room.document("feeds/all.json"));
    for format in FORMATS {
        let address = room.address(&format!("feeds/all.{format}"));
        check(&feedparser::read(&python, &[address]).concat(), &expected, format);
    }
}

#[tokio::test]
async fn newsboat_reads_what_was_published() {
    let Some(newsboat) = program::find("newsboat", "--version") else { return };
    for room in [Room::open(), Room::sample()] {
        let expected = without_updates(published(&room.document("feeds/all.json")));
        for format in FORMATS {
            let read =
                newsboat::read(&newsboat, &room.address(&format!("feeds/all.{format}"))).await;
            check(&read, &expected, format);
        }
    }
}

#[test]
fn rss2email_mails_what_was_published_and_nothing_twice() {
    let Some(r2e) = program::find("r2e", "--version") else { return };
    for room in [Room::open(), Room::sample()] {
        let expected = without_updates(published(&room.document("feeds/all.json")));
        let in_rss = rss2email::as_guessed(expected.clone());
        for (format, expected) in [("rss", in_rss), ("atom", expected)] {
            let address = room.address(&format!("feeds/all.{format}"));
            let reader = rss2email::Reader::subscribe(&r2e, &address);
            for time in ["first", "second"] {
                check(&reader.run(), &expected, &format!("{format}, {time} time"));
            }
        }
    }
}

#[test]
fn sfeed_reads_what_was_published() {
    let Some(sfeed) = program::find("sfeed", "") else { return };
    for room in [Room::open(), Room::sample()] {
        let expected = without_updates(published(&room.document("feeds/all.json")));
        for format in FORMATS {
            let read = sfeed::read(&sfeed, &room.document(&format!("feeds/all.{format}")));
            check(&read, &expected, format);
        }
    }
}

#[test]
fn icalendar_reads_what_was_published() {
    let Some(python) = program::python("icalendar") else { return };
    let room = Room::open();
    let mut expected = item::events(&room.document("feeds/all.json"));
    assert_eq!(expected.len(), room::EVENTS);
    expected.push(room::withdrawn_event());
    expected.sort();
    let read = icalendar::read(&python, &[room.document("feeds/events.ics")]);
    assert_eq!(read, [expected.clone()]);
    let alone = room.paths("events/").iter().map(|path| room.document(path)).collect::<Vec<_>>();
    let mut read = icalendar::read(&python, &alone).concat();
    read.sort();
    assert_eq!(read, expected);
}

#[test]
fn xmllint_reads_every_document_of_the_room_and_of_the_sample() {
    let Some(xmllint) = program::find("xmllint", "--version") else { return };
    for room in [Room::open(), Room::sample()] {
        let paths: Vec<String> =
            room.paths("").into_iter().filter(|path| xmllint::is_xml(path)).collect();
        assert!(paths.len() > 6, "{paths:?}");
        let documents: Vec<_> = paths.iter().map(|path| room.document(path)).collect();
        assert_eq!(xmllint::findings(&xmllint, &documents), "");
    }
}

#[test]
fn every_feed_of_the_sample_reads_the_same_in_every_format() {
    let Some(python) = program::python("feedparser") else { return };
    let room = Room::sample();
    let paths = room.paths("feeds/").into_iter();
    let names: Vec<String> =
        paths.filter_map(|path| Some(path.strip_suffix(".json")?.to_owned())).collect();
    assert!(names.len() > 4, "{names:?}");
    let expected: Vec<_> =
        names.iter().map(|name| published(&room.document(&format!("{name}.json")))).collect();
    for format in FORMATS {
        let addresses: Vec<String> =
            names.iter().map(|name| room.address(&format!("{name}.{format}"))).collect();
        let read = feedparser::read(&python, &addresses);
        assert_eq!(read.len(), expected.len());
        for ((read, expected), name) in read.iter().zip(&expected).zip(&names) {
            check(read, expected, &format!("{name}.{format}"));
        }
    }
}
