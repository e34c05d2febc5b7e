//! Feeds through their outer boundary: entries in, documents out, read back as readers do.

#![expect(clippy::unwrap_used, reason = "a test stops where its own data is wrong")]

#[path = "support/news.rs"]
mod news;

use std::sync::Arc;

use atom_syndication::TextType;
use news::{entry, time};
use tidings::feeds::documents::formats;
use tidings::feeds::{Document, Feed, FeedDefinition, Selection, Site, atom, rss, xml};
use tidings::model::{Enclosure, Entry, EntryId, Event, EventStatus, EventTime, Kind, Notes};

fn site() -> Site {
    Site {
        title: "Example Agency".into(),
        output_url: "https://feeds.example/".parse().unwrap(),
        public_url: "https://feeds.example/".parse().unwrap(),
        ..news::site()
    }
}

/// One entry of each kind, with what tends to break feeds.
fn samples() -> Vec<Entry> {
    let release = Entry {
        updated: time("2026-02-20T10:30:00+08:00"),
        title: "R&D <grants> rise ]]> 5 % & “more” 😀\u{7}".into(),
        categories: vec!["Press Releases".into(), "R&D".into()],
        summary: "Grants < 5 million & rising\u{B}.".into(),
        content_html:
            "<p>A &amp; B ]]&gt; ]]> <a href=\"https://press.example/?a=1&amp;b=2\">c</a>\u{0}</p>"
                .into(),
        enclosures: vec![Enclosure {
            url: "https://press.example/files/grants.pdf?x=1&y=2".parse().unwrap(),
            media_type: "application/pdf".into(),
            length_bytes: Some(12345),
        }],
        notes: Notes {
            correction: Some("The figure was 4.2 %, not 42 %.".into()),
            ..Notes::default()
        },
        ..entry("grants")
    };
    let event = Entry {
        kind: Kind::Event,
        title: "Open day".into(),
        event: Some(Event {
            start: EventTime::At(time("2026-02-26T14:00:00+08:00")),
            end: Some(EventTime::At(time("2026-02-26T16:00:00+08:00"))),
            venue: Some("Hall 1 & 2".into()),
            online_url: None,
            registration_url: Some("https://press.example/register".parse().unwrap()),
            status: EventStatus::Postponed,
        }),
        ..entry("open-day")
    };
    let tamil = Entry {
        title: "தமிழ் செய்தி".into(),
        language: "ta".parse().unwrap(),
        categories: vec!["தமிழ்".into()],
        ..entry("tamil")
    };
    vec![release, event, tamil]
}

fn feed(entries: &[Entry]) -> Feed {
    let definition = FeedDefinition::new("all", "News <all> & more", Selection::default());
    let entries = entries.iter().cloned().map(Arc::new).collect();
    Feed::new(definition, entries, vec![], site().since)
}

fn all_documents(entries: &[Entry]) -> Vec<Document> {
    let feed = feed(entries);
    let today = "2026-02-26".parse().unwrap();
    formats(&feed, &feed.entries, &site(), today).unwrap()
}

fn read_rss(feed: &Feed) -> ::rss::Channel {
    ::rss::Channel::read_from(rss::render(feed, &site()).as_slice()).unwrap()
}

fn read_atom(feed: &Feed) -> atom_syndication::Feed {
    atom_syndication::Feed::read_from(atom::render(feed, &site()).as_slice()).unwrap()
}

#[test]
fn equal_entries_give_equal_bytes() {
    let mut turned = samples();
    turned.reverse();
    assert_eq!(all_documents(&samples()), all_documents(&turned));
}

#[test]
fn documents_are_in_order_with_their_media_types() {
    let documents = all_documents(&samples());
    let listed: Vec<(&str, &str)> = documents
        .iter()
        .map(|document| (document.path.as_str(), tidings::feeds::media_type(&document.path)))
        .collect();
    assert_eq!(
        listed,
        [
            ("feeds/all.rss", "application/rss+xml; charset=utf-8"),
            ("feeds/all.atom", "application/atom+xml; charset=utf-8"),
            ("feeds/all.json", "application/feed+json; charset=utf-8"),
            ("feeds/all.ics", "text/calendar; charset=utf-8"),
        ]
    );
}

#[test]
fn an_rss_document_looks_like_this() {
    insta::assert_snapshot!(String::from_utf8(rss::render(&feed(&samples()), &site())).unwrap());
}

#[test]
fn an_atom_document_looks_like_this() {
    insta::assert_snapshot!(String::from_utf8(atom::render(&feed(&samples()), &site())).unwrap());
}

#[test]
fn an_rss_document_reads_back() {
    let channel = read_rss(&feed(&samples()));
    assert_eq!(channel.title, "News <all> & more");
    assert_eq!(channel.last_build_date.as_deref(), Some("Fri, 20 Feb 2026 10:30:00 +0800"));
    let item = &channel.items[0];
    assert_eq!(item.title.as_deref(), Some("R&D <grants> rise ]]> 5 % & “more” 😀"));
    assert_eq!(item.pub_date.as_deref(), Some("Thu, 05 Feb 2026 09:00:00 +0800"));
    let guid = item.guid.as_ref().unwrap();
    assert_eq!(guid.value, "tag:press.example,2026-01-01:media/grants");
    assert!(!guid.permalink);
    assert_eq!(
        item.content.as_deref(),
        Some(
            "<p><strong>Corrected:</strong> The figure was 4.2 %, not 42 %.</p><p>A &amp; B ]]&gt; \
             ]]> <a href=\"https://press.example/?a=1&amp;b=2\">c</a></p>"
        )
    );
    assert_eq!(item.enclosure.as_ref().unwrap().length, "12345");
    assert_eq!(item.dublin_core_ext.as_ref().unwrap().creators, ["Press Office, R&D"]);
}

#[test]
fn an_atom_document_reads_back() {
    let document = read_atom(&feed(&samples()));
    assert_eq!(document.id, "tag:press.example,2026-01-01:feeds/all");
    assert_eq!(document.title.value, "News <all> & more");
    assert_eq!(document.updated, time("2026-02-20T10:30:00+08:00"));
    assert_eq!(document.authors[0].name, "Press Office, R&D");
    let entry = &document.entries[0];
    assert_eq!(entry.title.value, "R&D <grants> rise ]]> 5 % & “more” 😀");
    assert_eq!(entry.title.r#type, TextType::Text);
    assert_eq!(entry.published, Some(time("2026-02-05T09:00:00+08:00")));
    assert_eq!(entry.categories[1].term, "r-d");
    assert_eq!(entry.categories[1].label.as_deref(), Some("R&D"));
    assert_eq!(entry.links[1].rel, "enclosure");
    assert_eq!(entry.links[1].length.as_deref(), Some("12345"));
    let rss_content = read_rss(&feed(&samples())).items[0].content.clone();
    assert_eq!(entry.content.as_ref().unwrap().value, rss_content);
}

#[test]
fn ids_and_order_are_equal_in_both_formats() {
    let feed = feed(&samples());
    let rss_ids: Vec<String> =
        read_rss(&feed).items.into_iter().map(|item| item.guid.unwrap().value).collect();
    let atom_ids: Vec<String> = read_atom(&feed).entries.into_iter().map(|e| e.id).collect();
    assert_eq!(rss_ids, atom_ids);
    assert!(rss_ids[1].ends_with("open-day") && rss_ids[2].ends_with("tamil"));
}

#[test]
fn an_empty_feed_is_valid_and_as_old_as_the_site() {
    assert_eq!(all_documents(&[]).len(), 4);
    assert_eq!(read_atom(&feed(&[])).updated, site().since);
    let channel = read_rss(&feed(&[]));
    assert_eq!(channel.last_build_date.as_deref(), Some("Thu, 01 Jan 2026 00:00:00 +0800"));
    assert!(channel.items.is_empty());
}

#[test]
fn a_newer_entry_changes_updated_and_the_order() {
    let newer = Entry { updated: time("2026-02-21T00:00:00Z"), ..entry("newer") };
    let feed = feed(&[samples(), vec![newer]].concat());
    let document = read_atom(&feed);
    assert!(document.entries[0].id.ends_with("newer"));
    assert_eq!(document.updated, time("2026-02-21T00:00:00Z"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_of_an_author_breaks_a_document(
        text in r#"(\PC|[&<>\]"'\x00-\x1F\x7F-\x9F]|\u{FFFE}|\u{F0026}|\u{F003C}|&#1;|]]>|<!\[CDATA\[){0,40}"#
    ) {
        let entry = Entry {
            id: EntryId::new(text.clone()),
            title: text.clone(),
            summary: text.clone(),
            content_html: text.clone(),
            categories: vec![text.clone()],
            notes: Notes { change: Some(text), ..Notes::default() },
            ..entry("a")
        };
        for document in all_documents(&[entry]) {
            if [".rss", ".atom"].iter().any(|ending| document.path.ends_with(ending)) {
                proptest::prop_assert_eq!(xml::check(&document.bytes), Ok(()));
            }
        }
    }
}
