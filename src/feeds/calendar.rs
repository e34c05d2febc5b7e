//! iCalendar (RFC 5545, with the calendar properties of RFC 7986): a calendar of each feed that
//! has events, and a file for each event.
//!
//! A calendar is subscribed to, not sent: it has no METHOD, and Outlook takes it for a published
//! one. The file of an event is linked from mails and taken up once: it is a message of RFC 5546,
//! with METHOD, the ORGANIZER that section 3.2.1 asks for, and a parameter of its media type
//! (RFC 5545, section 3.7.2). What changes is found by UID and SEQUENCE.

mod check;
mod event;
mod line;
mod zone;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Datelike;

use super::{Calendar, FeedDefinition, Organizer, Site, Text, feed_name};
use crate::hash::hash;
use crate::model::{Entry, EntryId, Event, Timestamp};
pub use check::{CalendarError, check};
pub(crate) use event::When;
use line::Lines;

/// How often a reader may ask again (RFC 7986, section 5.7).
const REFRESH: &str = "PT1H";

/// Most of a file name that an entry's id gives; a hash comes after it.
const NAME_BYTES: usize = 80;

/// Renders the calendar of a feed. Without an event it still holds a component, the site's time
/// zone, because RFC 5545 section 3.4 asks for one.
pub fn render(calendar: &Calendar, site: &Site) -> Vec<u8> {
    let Calendar { definition, events } = calendar;
    let shown = shown(events.iter().map(Arc::as_ref), site);
    let newest = shown.iter().map(|shown| shown.entry.modified()).max();
    object(|lines| {
        render_head(lines, definition, newest, site);
        render_components(lines, &shown, definition.text, site, None);
    })
}

/// Renders the file of one event, to be added to a calendar by hand.
pub fn render_event(entry: &Entry, site: &Site) -> Vec<u8> {
    let shown = shown(std::iter::once(entry), site);
    // RFC 5546 section 3.2.1: one at least. A year beyond 9999 leaves none.
    let organizer = (!shown.is_empty()).then_some(&site.organizer);
    object(|lines| {
        if organizer.is_some() {
            lines.add("METHOD", "PUBLISH");
        }
        render_components(lines, &shown, Text::Full, site, organizer);
    })
}

/// `events/NAME-HASH.ics`: a name people can read, from the end of the entry's id, and the hash
/// of the whole id, so that it is unique and stays as long as the id does.
pub fn event_path(id: &EntryId) -> String {
    let id = id.as_str();
    let path = id.rsplit_once(':').map_or(id, |(_, path)| path);
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let name = feed_name(&parts[parts.len().saturating_sub(2)..].join("-"));
    let name = name[..name.floor_char_boundary(NAME_BYTES)].trim_end_matches('-');
    let hash = &hash(id.as_bytes())[..12];
    if name.is_empty() { format!("events/{hash}.ics") } else { format!("events/{name}-{hash}.ics") }
}

/// Whether the document at `path` is the file of one event.
pub(super) fn is_of_event(path: &str) -> bool {
    path.starts_with("events/") && path.ends_with(".ics")
}

/// An entry that a calendar can show.
struct Shown<'a> {
    entry: &'a Entry,
    event: &'a Event,
    when: When,
}

fn shown<'a>(entries: impl Iterator<Item = &'a Entry>, site: &Site) -> Vec<Shown<'a>> {
    entries
        .filter_map(|entry| {
            let event = entry.event.as_ref()?;
            Some(Shown { entry, event, when: When::new(event, site.time_zone)? })
        })
        .collect()
}

/// The least that every iCalendar object has (RFC 5545, section 3.6).
fn object(fill: impl FnOnce(&mut Lines)) -> Vec<u8> {
    let mut lines = Lines::default();
    lines.component("VCALENDAR", |lines| {
        lines.add("VERSION", "2.0");
        lines.add("PRODID", "-//Tidings//Tidings//EN");
        lines.add("CALSCALE", "GREGORIAN");
        fill(lines);
    });
    lines.into_bytes()
}

/// What a calendar says of itself: RFC 7986 section 5, and the older names for the same.
fn render_head(
    lines: &mut Lines,
    definition: &FeedDefinition,
    newest: Option<Timestamp>,
    site: &Site,
) {
    let name = format!("{} – {}", definition.title, site.title);
    let description = format!("Events in the feed “{}” of {}", definition.title, site.title);
    lines.text("NAME", &name);
    lines.text("X-WR-CALNAME", &name);
    lines.text("DESCRIPTION", &description);
    lines.text("X-WR-CALDESC", &description);
    lines.add("X-WR-TIMEZONE", site.time_zone.name());
    if let Some(newest) = newest {
        lines.utc("LAST-MODIFIED", newest);
    }
    lines.uri("URL", &site.address(&definition.page_path()));
    lines.uri("SOURCE;VALUE=URI", &site.address(&definition.calendar_path()));
    lines.add("REFRESH-INTERVAL;VALUE=DURATION", REFRESH);
    lines.add("X-PUBLISHED-TTL", REFRESH);
}

/// The time zone where a time refers to it or there is nothing else, then the events.
fn render_components(
    lines: &mut Lines,
    shown: &[Shown<'_>],
    text: Text,
    site: &Site,
    organizer: Option<&Organizer>,
) {
    let mut years: BTreeSet<i32> =
        shown.iter().flat_map(|shown| shown.when.zoned_years()).collect();
    if shown.is_empty() {
        years.insert(site.since.year());
    }
    if !years.is_empty() {
        zone::render(lines, site.time_zone, &years);
    }
    for Shown { entry, event, when } in shown {
        event::render(lines, entry, event, *when, text, site, organizer);
    }
}
