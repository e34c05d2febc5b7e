//! Any text in any field: documents stay well-formed, and every reader gets the text that was
//! written, without the characters that XML cannot hold.

use proptest::prelude::*;
use tidings::feeds::{Author, Feed, Site, Text, Tombstone, atom, content, json_feed, rss, xml};
use tidings::model::{Enclosure, Entry, EntryId, Event, EventStatus, EventTime, Notes};

use crate::samples::{entry, new_feed, site, time};

/// What tends to break markup, among characters of all kinds.
const TEXT: &str = r#"(\PC|[&<>\]"'\x00-\x1F\x7F-\x9F]|\u{FFFE}|\u{FFFF}|\u{F0026}|&#1;|&amp;|]]>|<!\[CDATA\[|-->|\?>|</title>|<entry>){0,20}"#;

prop_compose! {
    /// A site, and an entry on it, with texts of their own everywhere.
    fn parts()(texts in prop::collection::vec(TEXT, 20)) -> (Site, Entry, String) {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap();
        let site = Site {
            title: next(),
            author: Some(Author { name: next(), email: Some(next()) }),
            rights: Some(next()),
            ..site()
        };
        let address = |text: String| {
            let mut url: url::Url = "https://press.example/".parse().unwrap();
            url.set_path(&text);
            url.set_query(Some(&text));
            url
        };
        let event = Event {
            start: EventTime::At(time("2026-02-26T14:00:00+08:00")),
            end: None,
            venue: Some(next()),
            online_url: Some(address(next())),
            registration_url: None,
            status: EventStatus::Confirmed,
        };
        let entry = Entry {
            title: next(),
            link: address(next()),
            categories: vec![next()],
            tags: vec![next()],
            agency: Some(next()),
            summary: next(),
            content_html: next(),
            content_text: next(),
            image: Some(address(next())),
            enclosures: vec![Enclosure {
                url: address("file".into()), media_type: next(), length_bytes: Some(1),
            }],
            event: Some(event),
            notes: Notes { change: Some(next()), ..Notes::default() },
            ..entry("a")
        };
        (site, entry, next())
    }
}

/// What of a text a document can hold; XML 1.0 section 2.11 makes a line feed of each line end,
/// and not every crate does.
fn legal(text: &str) -> String {
    xml::legal(text).replace("\r\n", "\n").replace('\r', "\n")
}

/// The crates that read leave blanks at both ends out.
fn same(read: Option<&str>, written: &str) -> bool {
    legal(read.unwrap_or_default()).trim() == legal(written).trim()
}

fn feed_of(entry: Entry, title: String, text: Text) -> Feed {
    let tombstones =
        vec![Tombstone { id: EntryId::new(title.clone()), at: time("2026-02-26T14:00:00+08:00") }];
    let mut feed = Feed { tombstones, archives: 1, ..new_feed(&[entry], text) };
    feed.definition.title = title;
    feed
}

fn check_rss(feed: &Feed, site: &Site, entry: &Entry) -> Result<(), TestCaseError> {
    let bytes = rss::render(feed, site);
    prop_assert_eq!(xml::check(&bytes), Ok(()));
    let channel = ::rss::Channel::read_from(bytes.as_slice()).unwrap();
    let item = &channel.items[0];
    prop_assert!(same(Some(&channel.title), &feed.definition.title));
    prop_assert!(same(item.title.as_deref(), &entry.title));
    prop_assert_eq!(item.link.as_deref(), Some(entry.link.as_str()));
    let category = item.categories.first().map(|category| category.name.as_str());
    prop_assert!(same(category, &entry.categories[0]));
    let creator = item.dublin_core_ext().unwrap().creators.first().map(String::as_str);
    prop_assert!(same(creator, entry.agency.as_ref().unwrap()));
    let text = feed.definition.text;
    let html = match text {
        Text::Full => item.content.as_deref(),
        Text::Summary => item.description.as_deref(),
    };
    prop_assert!(same(html, &content::html(entry, text)));
    Ok(())
}

fn check_atom(feed: &Feed, site: &Site, entry: &Entry) -> Result<(), TestCaseError> {
    let bytes = atom::render(feed, site);
    prop_assert_eq!(xml::check(&bytes), Ok(()));
    let document = atom_syndication::Feed::read_from(bytes.as_slice()).unwrap();
    let read = &document.entries[0];
    let rights = document.rights.as_ref().map(|rights| rights.value.as_str());
    prop_assert!(same(rights, site.rights.as_ref().unwrap()));
    prop_assert!(same(Some(&document.title.value), &feed.definition.title));
    prop_assert!(same(Some(&read.title.value), &entry.title));
    prop_assert_eq!(&read.links[0].href, entry.link.as_str());
    prop_assert!(same(read.summary.as_ref().map(|text| text.value.as_str()), &entry.summary));
    let html = read.content.as_ref().unwrap().value.as_deref();
    prop_assert!(same(html, &content::html(entry, feed.definition.text)));
    let deleted = &document.extensions["at"]["deleted-entry"][0].attrs["ref"];
    // XML 1.0 section 3.3.3: blanks of an attribute are spaces to its reader.
    let blanks = |text: &str| legal(text).replace(['\t', '\n'], " ");
    prop_assert_eq!(blanks(deleted), blanks(feed.tombstones[0].id.as_str()));
    Ok(())
}

fn check_json(feed: &Feed, site: &Site, entry: &Entry) -> Result<(), TestCaseError> {
    let bytes = json_feed::render(feed, site);
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let item = &document["items"][0];
    let text = feed.definition.text;
    prop_assert_eq!(document["title"].as_str().unwrap(), xml::legal(&feed.definition.title));
    prop_assert_eq!(item["title"].as_str().unwrap(), xml::legal(&entry.title));
    prop_assert_eq!(item["tags"][0].as_str().unwrap(), xml::legal(&entry.categories[0]));
    let (html, plain) = (content::html(entry, text), content::plain(entry, text));
    prop_assert_eq!(item["content_html"].as_str().unwrap(), xml::legal(html));
    prop_assert_eq!(item["content_text"].as_str().unwrap(), xml::legal(plain));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read((site, entry, title) in parts()) {
        for text in [Text::Full, Text::Summary] {
            let feed = feed_of(entry.clone(), title.clone(), text);
            check_rss(&feed, &site, &entry)?;
            check_atom(&feed, &site, &entry)?;
            check_json(&feed, &site, &entry)?;
        }
    }
}
