//! Small values that the tests of this module share. Follows no standard and holds no logic.

use std::sync::Arc;

use super::{Archive, Feed, FeedDefinition, Organizer, Selection, Site};
use crate::model::{Entry, EntryId, Event, EventStatus, EventTime, Kind, Notes};

pub(crate) fn site() -> Site {
    Site {
        title: "Example Agency".into(),
        url: "https://press.example/".parse().unwrap(),
        language: "en".parse().unwrap(),
        author: None,
        since: "2026-01-01T00:00:00+08:00".parse().unwrap(),
        since_date: "2026-01-01".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        output_url: "https://feeds.example/out/".parse().unwrap(),
        public_url: "https://feeds.example/out/".parse().unwrap(),
        rights: None,
        icon: None,
        logo: None,
        hubs: vec![],
        organizer: Organizer::new("Press Office", &"press@agency.example".parse().unwrap()),
    }
}

pub(crate) fn entry(name: &str) -> Entry {
    Entry {
        id: EntryId::new(format!("tag:press.example,2026-01-01:{name}")),
        kind: Kind::Release,
        title: format!("Title {name}"),
        link: format!("https://press.example/{name}").parse().unwrap(),
        published: "2026-02-26T09:00:00+08:00".parse().unwrap(),
        updated: "2026-02-26T09:00:00+08:00".parse().unwrap(),
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

pub(super) fn event() -> Event {
    Event {
        start: EventTime::At("2026-02-26T14:00:00+08:00".parse().unwrap()),
        end: Some(EventTime::At("2026-02-26T16:00:00+08:00".parse().unwrap())),
        venue: Some("Hall 1 & 2".into()),
        online_url: None,
        registration_url: Some("https://press.example/register".parse().unwrap()),
        status: EventStatus::Confirmed,
    }
}

pub(super) fn feed(name: &str, entries: &[Entry]) -> Feed {
    let definition = FeedDefinition::new(name, format!("Feed {name}"), Selection::default());
    Feed::new(definition, entries.iter().cloned().map(Arc::new).collect(), vec![], site().since)
}

pub(super) fn archive(number: u64, entries: &[Entry]) -> Archive {
    let Feed { definition, entries, updated, .. } = feed("all", entries);
    Archive { definition, number, entries, updated }
}
