//! Reads when and where an event is (RFC 5545 section 3.6.1).
//!
//! From our own `event:` mapping, from keys of the top level (`start_date`, `venue` …), and
//! from Hugo sites that write the start as `date` beside an `end_date`.

use super::front_matter::{Field, FrontMatter, Value};
use super::links::Base;
use super::problem::{Place, Problems};
use super::published::value;
use super::text::one_line;
use super::{DateValue, Rules, dates};
use crate::model::{Event, EventStatus, EventTime};

/// Keys of our own `event:` mapping.
const KEYS: &[&str] = &["start", "end", "venue", "online_url", "registration_url", "status"];
const VENUE_PARTS: &[&str] = &[
    "name",
    "venue_name",
    "room",
    "address",
    "street",
    "city",
    "state",
    "zip",
    "postcode",
    "country",
];

/// Whether the front matter says when something starts.
pub(crate) fn has_start(front_matter: &FrontMatter) -> bool {
    start(front_matter).is_some()
}

/// Whether `date` is the start of an event and so no publication time: `end_date` or `venue`
/// stand beside it and nothing else says when it starts, or `start_date` repeats it.
pub(crate) fn date_is_start(front_matter: &FrontMatter) -> bool {
    let Some(date) = front_matter.field("date") else { return false };
    if ours(front_matter, "start").is_some() {
        return false;
    }
    match front_matter.field("start_date") {
        Some(start) => start.text().map(dates::parse) == date.text().map(dates::parse),
        None => front_matter.first(&["end_date", "venue"]).is_some(),
    }
}

/// The event, or `None` where its start is not known; then a warning says what to add.
pub(crate) fn read(
    front_matter: &FrontMatter,
    base: &Base,
    rules: &Rules,
    problems: &mut Problems,
) -> Option<Event> {
    warn_of_unknown_keys(front_matter, problems);
    let Some(start_field) = start(front_matter) else {
        problems.warn(
            Place::missing("event.start"),
            "the event has no start, so no calendar shows it",
            "add `event: {start: 2026-11-21T09:00:00+08:00}`",
        );
        return None;
    };
    let start = value(&start_field, rules, problems).map(event_time);
    let end_field = either(front_matter, "end", &["end_date"]);
    let end = end_field.as_ref().and_then(|f| value(f, rules, problems)).map(event_time);
    if let (Some(field), Some(start), Some(end)) = (&end_field, start, end)
        && ends_before(start, end, rules)
    {
        problems.error(
            field.place(),
            format!("`{}` is before `{}`", field.name, start_field.name),
            "write an end after the start",
        );
    }
    let online_url = online_url(front_matter, base, problems);
    let registration_url = either(front_matter, "registration_url", &["registration_url"])
        .and_then(|field| address(&field, base, problems));
    let status = status(front_matter, problems);
    let start = start?;
    Some(Event { start, end, venue: venue(front_matter), online_url, registration_url, status })
}

/// Our own mapping has few keys, so that another one is a slip of the pen.
fn warn_of_unknown_keys(front_matter: &FrontMatter, problems: &mut Problems) {
    let Some(event) = front_matter.field("event") else { return };
    let Value::Map(fields) = &event.value else { return };
    let unknown = fields.iter().map(|(key, _)| key).filter(|key| !KEYS.contains(&key.as_str()));
    for key in unknown {
        let remedy = if key.to_lowercase().contains("zone") {
            "write the zone behind each time, as `2026-11-21T09:00:00+08:00`"
        } else {
            "an event has `start`, `end`, `venue`, `online_url`, `registration_url` and `status`"
        };
        let field = front_matter.child(&event, key);
        let place = field.map_or_else(|| event.place(), |field| field.place());
        let key = super::problem::shorten(key);
        problems.warn(
            place,
            format!("`event.{key}` is not a key of an event, so it is left out"),
            remedy,
        );
    }
}

fn event_time(value: DateValue) -> EventTime {
    match value {
        DateValue::At(moment) => EventTime::At(moment),
        DateValue::Day(day) => EventTime::Day(day),
    }
}

fn ends_before(start: EventTime, end: EventTime, rules: &Rules) -> bool {
    let day = |time| match time {
        EventTime::At(moment) => moment.with_timezone(&rules.time_zone).date_naive(),
        EventTime::Day(day) => day,
    };
    match (start, end) {
        (EventTime::At(start), EventTime::At(end)) => end < start,
        (start, end) => day(end) < day(start),
    }
}

fn start(front_matter: &FrontMatter) -> Option<Field> {
    let date = || front_matter.field("date").filter(|_| date_is_start(front_matter));
    either(front_matter, "start", &["start_date"]).or_else(date)
}

/// A key of our own `event:` mapping.
fn ours(front_matter: &FrontMatter, key: &str) -> Option<Field> {
    front_matter.child(&front_matter.field("event")?, key)
}

fn either(front_matter: &FrontMatter, key: &str, top: &[&str]) -> Option<Field> {
    ours(front_matter, key).or_else(|| front_matter.first(top))
}

/// A name, or the parts of an address in the order of a letter.
fn venue(front_matter: &FrontMatter) -> Option<String> {
    let field = either(front_matter, "venue", &["venue"]);
    let parts: Vec<String> = match &field {
        Some(field) if matches!(field.value, Value::Map(_)) => VENUE_PARTS
            .iter()
            .filter_map(|part| front_matter.child(field, part)?.text().map(one_line))
            .collect(),
        Some(field) => field.texts().iter().map(|text| one_line(text)).collect(),
        // Some sites write the parts without the mapping.
        None => ["venue_name", "room", "address", "city", "state"]
            .iter()
            .filter_map(|part| front_matter.text(&[part]).map(|text| one_line(&text)))
            .collect(),
    };
    let venue = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    (!venue.is_empty()).then_some(venue)
}

fn online_url(
    front_matter: &FrontMatter,
    base: &Base,
    problems: &mut Problems,
) -> Option<url::Url> {
    if let Some(field) = either(front_matter, "online_url", &["online_url"]) {
        return address(&field, base, problems);
    }
    // Hugo's `event_platform` is a name as often as an address.
    let platform = front_matter.text(&["event_platform"]).filter(|text| text.starts_with("http"));
    let video = || {
        let id = front_matter.text(&["youtube_id"])?;
        Some(format!("https://www.youtube.com/watch?v={id}"))
    };
    base.resolve_web(&platform.or_else(video)?)
}

fn address(field: &Field, base: &Base, problems: &mut Problems) -> Option<url::Url> {
    let url = field.text().and_then(|text| base.resolve_web(text));
    if url.is_none() {
        problems.warn(
            field.place(),
            format!("`{}` is not an address", field.name),
            "write it in full, as `https://example.org/register`",
        );
    }
    url
}

fn status(front_matter: &FrontMatter, problems: &mut Problems) -> EventStatus {
    let known = |field: &Field| match field.text().map(str::to_ascii_lowercase).as_deref() {
        Some("confirmed") => Some(EventStatus::Confirmed),
        Some("cancelled" | "canceled") => Some(EventStatus::Cancelled),
        Some("postponed") => Some(EventStatus::Postponed),
        _ => None,
    };
    if let Some(field) = ours(front_matter, "status") {
        if known(&field).is_none() {
            problems.error(
                field.place(),
                "`event.status` is not known",
                "write `confirmed`, `cancelled` or `postponed`",
            );
        }
        return known(&field).unwrap_or_default();
    }
    // Elsewhere `status` may speak of anything.
    front_matter.field("status").and_then(|field| known(&field)).unwrap_or_default()
}
