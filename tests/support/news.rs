//! A site, an entry and an event that tests of calendars and pages change to their need.

#![allow(unreachable_pub, reason = "there is no other crate to reach them")]
#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(clippy::allow_attributes, reason = "what is unused differs from test file to test file")]

use std::sync::Arc;

use tidings::feeds::{Author, Calendar, FeedDefinition, Organizer, Selection, Site};
use tidings::model::{Entry, EntryId, Event, EventStatus, EventTime, Kind, Notes, Timestamp};

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn site() -> Site {
    Site {
        title: "Harbour City Press Office".into(),
        url: "https://press.example/".parse().unwrap(),
        language: "en".parse().unwrap(),
        author: Some(Author {
            name: "Press Office, R&D".into(),
            email: Some("press@agency.example".into()),
        }),
        since: time("2026-01-01T00:00:00+08:00"),
        since_date: "2026-01-01".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        output_url: "https://feeds.example/out/".parse().unwrap(),
        public_url: "https://feeds.example/out/".parse().unwrap(),
        rights: None,
        icon: None,
        logo: None,
        hubs: vec![],
        organizer: Organizer::new("Press Office; R&D", &"press@agency.example".parse().unwrap()),
    }
}

pub fn entry(name: &str) -> Entry {
    Entry {
        id: EntryId::new(format!("tag:press.example,2026-01-01:media/{name}")),
        kind: Kind::Release,
        title: format!("Title {name}"),
        link: format!("https://press.example/media/{name}/").parse().unwrap(),
        published: time("2026-02-05T09:00:00+08:00"),
        updated: time("2026-02-05T09:00:00+08:00"),
        revision: 1,
        revised: None,
        sequence: 0,
        language: "en".parse().unwrap(),
        translation_key: None,
        categories: vec![],
        tags: vec![],
        agency: None,
        summary: format!("Summary {name}."),
        content_html: format!("<p>Text {name}.</p>"),
        content_text: format!("Text {name}."),
        image: None,
        enclosures: vec![],
        event: None,
        notes: Notes::default(),
        urgent: false,
    }
}

/// A moment or a day, as an author writes it.
pub fn event_time(text: &str) -> EventTime {
    text.parse().map_or_else(|_| EventTime::Day(text.parse().unwrap()), EventTime::At)
}

pub fn event(name: &str, start: &str, end: Option<&str>) -> Entry {
    let event = Event {
        start: event_time(start),
        end: end.map(event_time),
        venue: Some("Hall 1, North; Pier".into()),
        online_url: None,
        registration_url: None,
        status: EventStatus::Confirmed,
    };
    Entry { kind: Kind::Event, event: Some(event), ..entry(name) }
}

pub fn calendar(events: Vec<Entry>) -> Calendar {
    let definition = FeedDefinition::new("events", "Events", Selection::default());
    Calendar { definition, events: events.into_iter().map(Arc::new).collect() }
}
