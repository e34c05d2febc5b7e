//! All documents of a feed, an archive, an event, and what is the same for all feeds; each
//! checked before anybody puts it in place.

use std::sync::Arc;

use chrono::NaiveDate;

use super::facets::{Facets, days_since_1970};
use super::page::{self, FeedSummary};
use super::xml::XmlError;
use super::{
    Archive, Calendar, Document, Feed, FeedDefinition, INDEX_PATH, OPML_PATH, Site, atom, calendar,
    json_feed, opml, rss, xml,
};
use crate::model::{Entry, EventStatus, Timestamp};
use crate::templates::{TemplateError, Templates};

/// Days after its last one that a calendar shows an event.
pub const CALENDAR_DAYS: i64 = 90;
/// The same for one that was cancelled or withdrawn.
const CANCELLED_DAYS: i64 = 30;
/// Events to come on the page of a feed.
const UPCOMING: usize = 10;

#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A fault of ours: what authors write must not be able to cause it.
    #[error("document `{path}` is not well-formed")]
    Xml { path: String, source: XmlError },
    #[error(transparent)]
    Page(#[from] TemplateError),
}

/// The formats of a feed, without its page.
pub fn formats(
    feed: &Feed,
    events: &[Arc<Entry>],
    site: &Site,
    today: NaiveDate,
) -> Result<Vec<Document>, DocumentError> {
    let definition = &feed.definition;
    let mut documents = vec![
        well_formed(definition.rss_path(), rss::render(feed, site))?,
        well_formed(definition.atom_path(), atom::render(feed, site))?,
        Document { path: definition.json_path(), bytes: json_feed::render(feed, site) },
    ];
    if definition.has_calendar() {
        let events: Vec<_> =
            events.iter().filter(|event| is_shown(event, today)).cloned().collect();
        let calendar = Calendar { definition: definition.clone(), events };
        let bytes = calendar::render(&calendar, site);
        documents.push(Document { path: definition.calendar_path(), bytes });
    }
    Ok(documents)
}

/// The page of a feed; `others` are announced beside it.
pub fn feed_page(
    feed: &Feed,
    others: &[FeedDefinition],
    events: &[Arc<Entry>],
    site: &Site,
    templates: &Templates,
    today: NaiveDate,
) -> Result<Document, DocumentError> {
    let upcoming = upcoming(events, today);
    let bytes = page::render_feed(templates, feed, others, &upcoming, site)?;
    Ok(Document { path: feed.definition.page_path(), bytes })
}

/// A closed block of a feed's history.
pub fn archive(archive: &Archive, site: &Site) -> Result<[Document; 2], DocumentError> {
    let definition = &archive.definition;
    let atom = atom::render_archive(archive, site);
    Ok([
        Document {
            path: definition.json_archive_path(archive.number),
            bytes: json_feed::render_archive(archive, site),
        },
        well_formed(definition.atom_archive_path(archive.number), atom)?,
    ])
}

/// An event by itself.
pub fn event(entry: &Entry, site: &Site) -> Document {
    Document { path: calendar::event_path(&entry.id), bytes: calendar::render_event(entry, site) }
}

/// The list of all feeds, for programs and for people.
pub fn lists(
    feeds: &[FeedSummary],
    site: &Site,
    templates: &Templates,
    updated: Timestamp,
) -> Result<[Document; 2], DocumentError> {
    let definitions: Vec<FeedDefinition> = feeds.iter().map(|f| f.definition.clone()).collect();
    let opml = opml::render(&definitions, site, updated);
    let index = page::render_index(templates, feeds, site)?;
    Ok([
        well_formed(OPML_PATH.to_owned(), opml)?,
        Document { path: INDEX_PATH.to_owned(), bytes: index },
    ])
}

fn well_formed(path: String, bytes: Vec<u8>) -> Result<Document, DocumentError> {
    match xml::check(&bytes) {
        Ok(()) => Ok(Document { path, bytes }),
        Err(source) => Err(DocumentError::Xml { path, source }),
    }
}

/// Whether a calendar still shows an event: long enough that a reader's calendar takes over
/// that it is cancelled, and what has been for a while.
pub fn is_shown(entry: &Entry, today: NaiveDate) -> bool {
    let status = entry.event.as_ref().map(|event| event.status);
    let is_cancelled = entry.notes.withdrawn.is_some() || status == Some(EventStatus::Cancelled);
    let days = if is_cancelled { CANCELLED_DAYS } else { CALENDAR_DAYS };
    ends_within(entry, today, days)
}

fn ends_within(entry: &Entry, today: NaiveDate, days: i64) -> bool {
    Facets::of(entry).last_day.is_some_and(|day| day >= days_since_1970(today) - days)
}

/// Events that are still to come and take place, the next first.
fn upcoming(events: &[Arc<Entry>], today: NaiveDate) -> Vec<Arc<Entry>> {
    let takes_place =
        |entry: &&Arc<Entry>| entry.notes.withdrawn.is_none() && ends_within(entry, today, 0);
    events.iter().filter(takes_place).take(UPCOMING).cloned().collect()
}
