//! Sites, feeds and entries with everything that a format has a word for.

use std::sync::Arc;

use crate::news;
pub use crate::news::{entry, time};
use tidings::feeds::{Archive, Feed, FeedDefinition, Selection, Site, Text, Tombstone};
use tidings::model::{Enclosure, Entry, EntryId, Event, EventStatus, EventTime, Kind, Notes};

/// Says all that a site can say.
pub fn site() -> Site {
    Site {
        title: "Harbour City <Office> & Partners".into(),
        output_url: "https://feeds.example/a&b/".parse().unwrap(),
        public_url: "https://feeds.example/".parse().unwrap(),
        rights: Some("© 2026 Harbour City & others <all rights reserved>".into()),
        icon: Some("https://press.example/icon.png?a=1&b=2".parse().unwrap()),
        logo: Some("https://press.example/logo.png?a=1&b=2".parse().unwrap()),
        hubs: vec![
            "https://hub.example/?a=1&b=2".parse().unwrap(),
            "https://other-hub.example/".parse().unwrap(),
        ],
        ..news::site()
    }
}

/// Says as little as a site can.
pub fn plain_site() -> Site {
    Site { author: None, rights: None, icon: None, logo: None, hubs: vec![], ..site() }
}

fn file(name: &str, media_type: &str, length_bytes: Option<u64>) -> Enclosure {
    let url = format!("https://press.example/files/{name}?x=1&y=2").parse().unwrap();
    Enclosure { url, media_type: media_type.into(), length_bytes }
}

/// A corrected release with everything.
fn grants() -> Entry {
    Entry {
        updated: time("2026-02-20T10:30:01+08:00"),
        title: "R&D <grants> rise ]]> 5 % & “more” 😀\u{7}".into(),
        categories: vec!["Press Releases".into(), "R&D".into(), "]]> <b>\u{FFFE}".into()],
        tags: vec!["R&D".into(), "money".into()],
        agency: Some("Ministry of <Research> & Development".into()),
        summary: "Grants < 5 million & rising\u{B}.".into(),
        content_html: "<p>A &amp; B ]]&gt; ]]> <a href=\"https://press.example/?a=1&amp;b=2\">c\
                       </a>\u{0} <img src=\"https://press.example/i.png\" alt=\"\"></p>"
            .into(),
        image: Some("https://press.example/grants.jpg?w=1&h=2".parse().unwrap()),
        enclosures: vec![
            file("draft.bin", "application/octet-stream", None),
            file("grants.pdf", "application/pdf", Some(12345)),
            file("grants.csv", "text/csv", Some(0)),
        ],
        notes: Notes {
            change: Some("New table.".into()),
            correction: Some("The figure was 4.2 %, not < 42 %.".into()),
            ..Notes::default()
        },
        ..entry("grants")
    }
}

fn open_day() -> Entry {
    Entry {
        kind: Kind::Event,
        updated: time("2026-02-05T09:00:01+08:00"),
        title: "Open day".into(),
        event: Some(Event {
            start: EventTime::At(time("2026-02-26T14:00:00+08:00")),
            end: Some(EventTime::At(time("2026-02-26T16:00:00+08:00"))),
            venue: Some("Hall 1 & 2 <east>".into()),
            online_url: Some("https://press.example/live?a&b".parse().unwrap()),
            registration_url: Some("https://press.example/register".parse().unwrap()),
            status: EventStatus::Postponed,
        }),
        ..entry("open-day")
    }
}

fn festival() -> Entry {
    let day = |day: &str| EventTime::Day(day.parse().unwrap());
    Entry {
        kind: Kind::Event,
        published: time("2026-02-05T01:00:00Z"),
        updated: time("2026-02-05T01:00:02Z"),
        event: Some(Event {
            start: day("2026-03-01"),
            end: Some(day("2026-03-03")),
            venue: None,
            online_url: None,
            registration_url: None,
            status: EventStatus::Confirmed,
        }),
        ..entry("festival")
    }
}

fn tamil() -> Entry {
    Entry {
        title: "தமிழ் செய்தி".into(),
        updated: time("2026-02-05T09:00:05+08:00"),
        link: "https://press.example/செய்தி/".parse().unwrap(),
        language: "ta".parse().unwrap(),
        categories: vec!["தமிழ்".into()],
        ..entry("tamil")
    }
}

fn withdrawn() -> Entry {
    Entry {
        image: Some("https://press.example/error.svg".parse().unwrap()),
        event: open_day().event,
        notes: Notes {
            withdrawn: Some("Issued in error & <late>.".into()),
            replaced_by: Some("https://press.example/media/grants/?a&b".parse().unwrap()),
            ..Notes::default()
        },
        ..entry("withdrawn")
    }
}

/// One entry of each kind, with what tends to break feeds.
pub fn entries() -> Vec<Entry> {
    vec![grants(), open_day(), festival(), tamil(), withdrawn()]
}

pub fn definition(text: Text) -> FeedDefinition {
    let definition = FeedDefinition::new("all", "News <all> & more", Selection::default());
    FeedDefinition { text, archive: true, ..definition }
}

/// A feed in the middle of its life: with two archives and a tombstone.
pub fn feed(entries: &[Entry], text: Text) -> Feed {
    Feed {
        tombstones: vec![Tombstone {
            id: EntryId::new("tag:press.example,2026-01-01:media/gone&away"),
            at: time("2026-02-19T08:00:00+08:00"),
        }],
        archives: 2,
        ..new_feed(entries, text)
    }
}

/// A feed on its first day.
pub fn new_feed(entries: &[Entry], text: Text) -> Feed {
    let entries = entries.iter().cloned().map(Arc::new).collect();
    Feed::new(definition(text), entries, vec![], site().since)
}

pub fn archive(number: u64, entries: &[Entry], text: Text) -> Archive {
    let Feed { definition, entries, updated, .. } = new_feed(entries, text);
    let entries: Vec<Arc<Entry>> = entries;
    Archive { definition, number, entries, updated }
}
