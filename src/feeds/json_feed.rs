//! JSON Feed 1.1 (jsonfeed.org), with events and notices as data in `_tidings`.
//!
//! What is absent is left out, never null or an empty list. Texts are those of the XML formats:
//! characters that no XML document can hold are left out here too, so that titles are equal in
//! all formats. Tombstones and rights, for which JSON Feed has no word, are not written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use url::Url;

use super::xml::legal;
use super::{Archive, Feed, FeedDefinition, Site, Text, content};
use crate::model::{Entry, Event, EventStatus, EventTime, Kind, Language, Notes, Timestamp};

/// Renders a subscription document; equal entries give equal bytes.
pub fn render(feed: &Feed, site: &Site) -> Vec<u8> {
    let definition = &feed.definition;
    let hub = |url| Hub { hub_type: "WebSub", url };
    bytes(&Document {
        feed_url: site.address(&definition.json_path()),
        next_url: archive_address(definition, feed.archives, site),
        icon: site.logo.as_ref(),
        favicon: site.icon.as_ref(),
        hubs: site.hubs.iter().map(hub).collect(),
        ..document(definition, &feed.entries, site)
    })
}

/// Renders an archive. It names the older one alone, so that its bytes stay when newer close.
pub fn render_archive(archive: &Archive, site: &Site) -> Vec<u8> {
    let definition = &archive.definition;
    bytes(&Document {
        feed_url: site.address(&definition.json_archive_path(archive.number)),
        next_url: archive_address(definition, archive.number.saturating_sub(1), site),
        ..document(definition, &archive.entries, site)
    })
}

fn archive_address(definition: &FeedDefinition, number: u64, site: &Site) -> Option<Url> {
    (number > 0).then(|| site.address(&definition.json_archive_path(number)))
}

fn bytes(document: &Document<'_>) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(document).expect("it has text keys alone");
    bytes.push(b'\n');
    bytes
}

#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    title: Cow<'a, str>,
    home_page_url: Url,
    feed_url: Url,
    description: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    favicon: Option<&'a Url>,
    authors: [Author<'a>; 1],
    language: &'a Language,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url>,
}

#[derive(Serialize)]
struct Hub<'a> {
    #[serde(rename = "type")]
    hub_type: &'static str,
    url: &'a Url,
}

#[derive(Serialize)]
struct Item<'a> {
    id: Cow<'a, str>,
    url: &'a Url,
    title: Cow<'a, str>,
    content_html: Cow<'a, str>,
    content_text: Cow<'a, str>,
    summary: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a Url>,
    #[serde(serialize_with = "rfc_3339")]
    date_published: Timestamp,
    #[serde(serialize_with = "rfc_3339")]
    date_modified: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    authors: Option<[Author<'a>; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a Language>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    #[serde(rename = "_tidings")]
    extension: Extension<'a>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    url: &'a Url,
    mime_type: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
}

/// What JSON Feed has no word for (section "Extensions"); the keys are those of front matter.
#[derive(Serialize)]
struct Extension<'a> {
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_note: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correction: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<&'a Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventData<'a>>,
}

/// Days where `all_day` holds, else moments; the last day is included.
#[derive(Serialize)]
struct EventData<'a> {
    start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    all_day: bool,
    status: EventStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    venue: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    online_url: Option<&'a Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_url: Option<&'a Url>,
}

fn document<'a>(
    definition: &'a FeedDefinition,
    entries: &'a [Arc<Entry>],
    site: &'a Site,
) -> Document<'a> {
    Document {
        version: "https://jsonfeed.org/version/1.1",
        title: legal(&definition.title),
        home_page_url: site.address(&definition.page_path()),
        feed_url: site.address(&definition.json_path()),
        description: legal(definition.description(site)),
        next_url: None,
        icon: None,
        favicon: None,
        authors: [publisher(site)],
        language: &site.language,
        hubs: Vec::new(),
        items: entries.iter().map(|entry| item(entry, definition.text, site)).collect(),
    }
}

fn publisher(site: &Site) -> Author<'_> {
    let address = content::publisher_address(site);
    let url = address.and_then(|address| Url::parse(&format!("mailto:{}", address.as_str())).ok());
    Author { name: legal(content::publisher(site)), url }
}

fn item<'a>(entry: &'a Entry, text: Text, site: &Site) -> Item<'a> {
    let agency = entry.agency.as_deref().map(legal);
    Item {
        id: legal(entry.id.as_str()),
        url: &entry.link,
        title: legal(&entry.title),
        content_html: legal(content::html(entry, text)),
        content_text: legal(content::plain(entry, text)),
        summary: legal(content::summary(entry)),
        image: content::image(entry),
        date_published: entry.published,
        date_modified: entry.updated,
        authors: agency.clone().map(|name| [Author { name, url: None }]),
        tags: tags(entry),
        language: (entry.language != site.language).then_some(&entry.language),
        attachments: content::enclosures(entry)
            .iter()
            .map(|file| Attachment {
                url: &file.url,
                mime_type: legal(&file.media_type),
                size_in_bytes: file.length_bytes,
            })
            .collect(),
        extension: extension(entry, agency),
    }
}

/// Categories and tags, each once.
fn tags(entry: &Entry) -> Vec<Cow<'_, str>> {
    let mut known = HashSet::new();
    let terms = entry.categories.iter().chain(&entry.tags);
    terms.filter(|term| known.insert(term.as_str())).map(legal).collect()
}

fn extension<'a>(entry: &'a Entry, agency: Option<Cow<'a, str>>) -> Extension<'a> {
    let Notes { change, correction, withdrawn, replaced_by } = &entry.notes;
    let said = |note: &'a Option<String>| note.as_deref().map(legal);
    Extension {
        kind: entry.kind,
        agency,
        change_note: said(change),
        correction: said(correction),
        withdrawn: said(withdrawn),
        replaced_by: replaced_by.as_ref(),
        event: content::event(entry).map(event_data),
    }
}

fn event_data(event: &Event) -> EventData<'_> {
    EventData {
        start: event_time(event.start),
        end: event.end.map(event_time),
        all_day: matches!(event.start, EventTime::Day(_)),
        status: event.status,
        venue: event.venue.as_deref().map(legal),
        online_url: event.online_url.as_ref(),
        registration_url: event.registration_url.as_ref(),
    }
}

/// RFC 3339: `full-date` for a day, else `date-time`.
fn event_time(time: EventTime) -> String {
    match time {
        EventTime::At(moment) => moment.to_rfc3339(),
        EventTime::Day(day) => day.to_string(),
    }
}

fn rfc_3339<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::samples::{self, archive, entry, feed, site};
    use super::*;
    use crate::model::Enclosure;

    fn read(bytes: &[u8]) -> Value {
        assert!(bytes.ends_with(b"}\n"));
        serde_json::from_slice(bytes).unwrap()
    }

    fn rendered_item(entry: Entry) -> Value {
        read(&render(&feed("all", &[entry]), &site()))["items"][0].take()
    }

    #[test]
    fn an_entry_without_extras_has_no_empty_members() {
        let expected = json!({
            "id": "tag:press.example,2026-01-01:a",
            "url": "https://press.example/a",
            "title": "Title a",
            "content_html": "<p>Text a.</p>",
            "content_text": "Text a.",
            "summary": "Summary a.",
            "date_published": "2026-02-26T09:00:00+08:00",
            "date_modified": "2026-02-26T09:00:00+08:00",
            "_tidings": {"kind": "release"},
        });
        assert_eq!(rendered_item(entry("a")), expected);
    }

    #[test]
    fn an_entry_with_everything_shows_it() {
        let item = rendered_item(Entry {
            kind: Kind::Event,
            event: Some(samples::event()),
            agency: Some("Parks\u{7}".into()),
            image: Some("https://press.example/a.png".parse().unwrap()),
            language: "ta".parse().unwrap(),
            categories: vec!["Health".into(), "Parks".into()],
            tags: vec!["Parks".into(), "trees".into()],
            enclosures: vec![Enclosure {
                url: "https://press.example/a.pdf".parse().unwrap(),
                media_type: "application/pdf".into(),
                length_bytes: Some(7),
            }],
            notes: Notes { change: Some("New".into()), ..Notes::default() },
            ..entry("a")
        });
        assert_eq!(item["authors"], json!([{"name": "Parks"}]));
        assert_eq!(item["image"], "https://press.example/a.png");
        assert_eq!(item["language"], "ta");
        assert_eq!(item["tags"], json!(["Health", "Parks", "trees"]));
        let file = json!({"url": "https://press.example/a.pdf", "mime_type": "application/pdf",
            "size_in_bytes": 7});
        assert_eq!(item["attachments"], json!([file]));
        let event = json!({"start": "2026-02-26T14:00:00+08:00", "all_day": false,
            "end": "2026-02-26T16:00:00+08:00", "status": "confirmed", "venue": "Hall 1 & 2",
            "registration_url": "https://press.example/register"});
        let extension =
            json!({"kind": "event", "agency": "Parks", "change_note": "New", "event": event});
        assert_eq!(item["_tidings"], extension);
    }

    #[test]
    fn a_withdrawn_event_is_no_longer_offered() {
        let item = rendered_item(Entry {
            event: Some(samples::event()),
            image: Some("https://press.example/a.png".parse().unwrap()),
            notes: Notes { withdrawn: Some("In error.".into()), ..Notes::default() },
            ..entry("a")
        });
        assert_eq!(item["_tidings"], json!({"kind": "release", "withdrawn": "In error."}));
        assert_eq!(item["content_text"], "Withdrawn: In error.\n\n");
        assert_eq!(item.get("image"), None);
    }

    #[test]
    fn days_are_dates() {
        let day = |day: &str| EventTime::Day(day.parse().unwrap());
        let event =
            Event { start: day("2026-03-01"), end: Some(day("2026-03-02")), ..samples::event() };
        let item = rendered_item(Entry { event: Some(event), ..entry("a") });
        let event = &item["_tidings"]["event"];
        assert_eq!((&event["start"], &event["end"]), (&json!("2026-03-01"), &json!("2026-03-02")));
        assert_eq!(event["all_day"], true);
    }

    #[test]
    fn a_feed_names_its_newest_archive_and_an_archive_the_older() {
        let newest = Feed { archives: 2, ..feed("all", &[]) };
        let next = |bytes: &[u8]| read(bytes).get("next_url").cloned();
        let address = |number| {
            Some(json!(format!("https://feeds.example/out/feeds/all/archive/{number}.json")))
        };
        assert_eq!(next(&render(&newest, &site())), address(2));
        assert_eq!(next(&render_archive(&archive(2, &[entry("a")]), &site())), address(1));
        assert_eq!(next(&render_archive(&archive(1, &[entry("a")]), &site())), None);
        assert_eq!(next(&render(&feed("all", &[]), &site())), None);
    }

    #[test]
    fn hubs_pictures_and_the_publisher_are_the_sites() {
        let site = Site {
            author: Some(crate::feeds::Author {
                name: "Press".into(),
                email: Some("press@example.org".into()),
            }),
            icon: Some("https://press.example/icon.png".parse().unwrap()),
            logo: Some("https://press.example/logo.png".parse().unwrap()),
            hubs: vec!["https://hub.example/".parse().unwrap()],
            ..site()
        };
        let document = read(&render(&feed("all", &[]), &site));
        assert_eq!(document["hubs"], json!([{"type": "WebSub", "url": "https://hub.example/"}]));
        assert_eq!(document["icon"], "https://press.example/logo.png");
        assert_eq!(document["favicon"], "https://press.example/icon.png");
        let author = json!([{"name": "Press", "url": "mailto:press@example.org"}]);
        assert_eq!(document["authors"], author);
        assert_eq!(document["items"], json!([]));
    }
}
