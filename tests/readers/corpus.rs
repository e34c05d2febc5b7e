//! Real sites, each an office of its own, read back by feedparser, xmllint and icalendar. The
//! corpus is not part of the repository; its folder is named by `TIDINGS_CORPUS`.

use std::path::Path;
use std::sync::Arc;

use tidings::config::{self, Environment};
use tidings::feeds::{Calendar, FeedDefinition, Selection, calendar};
use tidings::store::Store;
use tidings::store::sqlite::SqliteStore;

use super::item::{EventItem, Item, check, events, published};
use super::support::office::Office;
use super::{FORMATS, feedparser, icalendar, program, room, xmllint};

/// A feed of a site, as its JSON Feed has it.
struct SiteFeed {
    /// Site, and path without ending.
    name: String,
    items: Vec<Item>,
    /// Files in the order of [`FORMATS`].
    files: [String; 2],
}

#[tokio::test]
async fn readers_read_what_real_sites_published() {
    let Some(corpus) = corpus() else { return };
    let Some(python) = program::python("feedparser, icalendar") else { return };
    let Some(xmllint) = program::find("xmllint", "--version") else { return };
    let folders = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    let (mut offices, mut feeds, mut calendars) = (Vec::new(), Vec::new(), Vec::new());
    for folder in folders.filter(|folder| folder.is_dir()) {
        let office = published_site(&folder);
        let documents = office.documents().into_iter();
        let documents = documents.filter(|(path, _)| xmllint::is_xml(path)).map(|(_, xml)| xml);
        assert_eq!(xmllint::findings(&xmllint, &documents.collect::<Vec<_>>()), "", "{folder:?}");
        calendars.push(calendar_of(&office).await);
        feeds.extend(feeds_of(&office, &folder));
        offices.push(office);
    }
    check_feeds(&python, &feeds);
    let event_count = check_calendars(&python, &calendars);
    let count: usize = feeds.iter().map(|feed| feed.items.len()).sum();
    println!("{count} items in {} feeds, {event_count} events", feeds.len());
    assert!(count > 100 && event_count > 10, "{count} items, {event_count} events");
}

fn corpus() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the corpus lies where the environment says")]
    let corpus = std::env::var("TIDINGS_CORPUS").ok();
    if corpus.is_none() {
        println!("skipped: TIDINGS_CORPUS is not set");
    }
    corpus
}

/// An office with the site's files, published; some files are held back.
fn published_site(folder: &Path) -> Office {
    let office = Office::new();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let host = name.rsplit("--").next().unwrap().to_lowercase();
    let config = office.read("config/tidings.yaml");
    let config = config
        .replace("https://press.example.org'", &format!("https://{host}/'"))
        .replace("title: All news}", "title: All news, entries: 1000}");
    office.write("config/tidings.yaml", config);
    room::copy(folder, &office, "content");
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert!([0, 3].contains(&done.code), "{name}: {done:?}");
    office
}

fn feeds_of(office: &Office, folder: &Path) -> Vec<SiteFeed> {
    let documents = office.documents().into_iter();
    let feed = |(path, bytes): (String, Vec<u8>)| {
        let name = path.strip_suffix(".json")?;
        let file = |format| office.path(&format!("public/{name}.{format}")).display().to_string();
        Some(SiteFeed {
            name: format!("{} {name}", folder.display()),
            items: published(&bytes),
            files: FORMATS.map(file),
        })
    };
    documents.filter_map(feed).collect()
}

fn check_feeds(python: &str, feeds: &[SiteFeed]) {
    for (index, format) in FORMATS.iter().enumerate() {
        let files: Vec<String> = feeds.iter().map(|feed| feed.files[index].clone()).collect();
        let read = feedparser::read(python, &files);
        assert_eq!(read.len(), feeds.len());
        for (read, feed) in read.iter().zip(feeds) {
            check(read, &feed.items, &format!("{}.{format}", feed.name));
        }
    }
}

/// A calendar of all events that the store has, as most are over; and the events of the site
/// as its JSON Feed has them.
async fn calendar_of(office: &Office) -> (Vec<u8>, Vec<EventItem>) {
    let path = office.path("config/tidings.yaml");
    let config = config::load(&path, &Environment::default()).unwrap();
    let store = SqliteStore::open(&config.store_path).await.unwrap();
    let rows: Vec<i64> =
        store.events(0).await.unwrap().iter().map(|event| event.member.row).collect();
    let entries = store.entries(&rows).await.unwrap().into_iter().map(Arc::new).collect();
    let definition = FeedDefinition::new("events", "Events", Selection::default());
    let calendar = Calendar { definition, events: entries };
    let expected = events(office.read("public/feeds/all.json").as_bytes());
    (calendar::render(&calendar, &config.site), expected)
}

/// Returns how many events there were.
fn check_calendars(python: &str, calendars: &[(Vec<u8>, Vec<EventItem>)]) -> usize {
    let documents: Vec<Vec<u8>> = calendars.iter().map(|(bytes, _)| bytes.clone()).collect();
    let read = icalendar::read(python, &documents).concat();
    let mut expected: Vec<EventItem> = calendars.iter().flat_map(|(_, e)| e.clone()).collect();
    expected.sort();
    // Where an author's end is none, a calendar has none: ends are looked at elsewhere.
    let without_end = |[id, title, start, _, status]: EventItem| [id, title, start, status];
    let mut read: Vec<_> = read.into_iter().map(without_end).collect();
    read.sort();
    assert_eq!(read, expected.into_iter().map(without_end).collect::<Vec<_>>());
    read.len()
}
