//! VEVENT (RFC 5545, section 3.6.1).
//!
//! Times stand in the site's zone where the author's offset agrees with it, else in UTC. There is
//! no ATTENDEE, and an ORGANIZER in the file of one event alone: following a calendar is no
//! invitation, and takes nobody's time (`TRANSP`). A withdrawn event keeps its time, so that readers find it, and loses its place.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::line::{Lines, date, escaped, local, next, quoted};
use super::zone;
use crate::feeds::{Organizer, Site, Text, content};
use crate::model::{Entry, Event, EventStatus, EventTime, Language, Timestamp};

/// When an event is, as a calendar says it; an end is after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The end is the day after the last one.
    Days(NaiveDate, Option<NaiveDate>),
    Zoned(DateTime<Tz>, Option<DateTime<Tz>>),
    Utc(Timestamp, Option<Timestamp>),
}

impl When {
    /// `None` where a year has no four digits, which no calendar can say (RFC 5545, 3.3.4).
    pub(crate) fn new(event: &Event, zone: Tz) -> Option<Self> {
        let when = match event.start {
            EventTime::Day(first) => Self::Days(first, end_day(event.end, first)),
            EventTime::At(start) => timed(start, event.end, zone),
        };
        when.years().into_iter().all(|year| (1..=9999).contains(&year)).then_some(when)
    }

    /// Years in which it starts and ends.
    fn years(self) -> Vec<i32> {
        let (start, end) = match self {
            Self::Days(first, end) => (first.year(), end.map(|d| d.year())),
            Self::Zoned(start, end) => (start.year(), end.map(|t| t.year())),
            Self::Utc(start, end) => (start.to_utc().year(), end.map(|t| t.to_utc().year())),
        };
        std::iter::once(start).chain(end).collect()
    }

    /// Years for which the zone has to be given.
    pub(super) fn zoned_years(self) -> Vec<i32> {
        if matches!(self, Self::Zoned(..)) { self.years() } else { Vec::new() }
    }

    fn render(self, lines: &mut Lines) {
        match self {
            Self::Days(first, end) => {
                lines.add("DTSTART;VALUE=DATE", &date(first));
                if let Some(end) = end {
                    lines.add("DTEND;VALUE=DATE", &date(end));
                }
            }
            Self::Zoned(start, end) => {
                let id = start.timezone().name();
                lines.add(&format!("DTSTART;TZID={id}"), &local(start.naive_local()));
                if let Some(end) = end {
                    lines.add(&format!("DTEND;TZID={id}"), &local(end.naive_local()));
                }
            }
            Self::Utc(start, end) => {
                lines.utc("DTSTART", start);
                if let Some(end) = end {
                    lines.utc("DTEND", end);
                }
            }
        }
    }
}

/// The day after the last one. Without an end a day lasts a day (RFC 5545, 3.6.1).
fn end_day(end: Option<EventTime>, first: NaiveDate) -> Option<NaiveDate> {
    let end = match end? {
        EventTime::Day(last) => next(last),
        EventTime::At(end) if end.time() == NaiveTime::MIN => end.date_naive(),
        EventTime::At(end) => next(end.date_naive()),
    };
    (end > first).then_some(end)
}

/// Without an end a moment lasts no time (RFC 5545, 3.6.1): we do not make one up.
fn timed(start: Timestamp, end: Option<EventTime>, zone: Tz) -> When {
    let zoned = zone::agrees(zone, start);
    let end = end.map(|end| match end {
        EventTime::At(end) => end,
        EventTime::Day(last) => midnight(next(last), start, zoned.then_some(zone)),
    });
    let end = end.filter(|end| *end > start);
    if zoned && end.is_none_or(|end| zone::agrees(zone, end)) {
        let local = |time: Timestamp| time.with_timezone(&zone);
        When::Zoned(local(start), end.map(local))
    } else {
        When::Utc(start, end)
    }
}

/// The first moment of `day` in the zone; without one, at the offset of `start`.
fn midnight(day: NaiveDate, start: Timestamp, zone: Option<Tz>) -> Timestamp {
    let clock = day.and_time(NaiveTime::MIN);
    zone.and_then(|zone| zone.from_local_datetime(&clock).earliest())
        .map(|moment| moment.fixed_offset())
        .or_else(|| start.timezone().from_local_datetime(&clock).earliest())
        .unwrap_or(start)
}

/// Adds one event. Equal entries give equal lines: `DTSTAMP` is the last change, which is what
/// it means where there is no METHOD; where there is one, what is said is as old (RFC 5545,
/// 3.8.7.2).
pub(super) fn render(
    lines: &mut Lines,
    entry: &Entry,
    event: &Event,
    when: When,
    text: Text,
    site: &Site,
    organizer: Option<&Organizer>,
) {
    let withdrawn = entry.notes.withdrawn.is_some();
    let language = (entry.language != site.language).then_some(&entry.language);
    lines.component("VEVENT", |lines| {
        lines.text("UID", entry.id.as_str());
        lines.utc("DTSTAMP", entry.modified());
        lines.utc("CREATED", entry.published);
        lines.utc("LAST-MODIFIED", entry.modified());
        lines.add("SEQUENCE", &entry.sequence.to_string());
        if let Some(Organizer { name, address }) = organizer {
            lines.uri(&format!("ORGANIZER;CN={}", quoted(name)), address);
        }
        when.render(lines);
        lines.add("STATUS", status(entry, event));
        lines.text_in("SUMMARY", language, &entry.title);
        lines.text_in("DESCRIPTION", language, &description(entry, text));
        if !withdrawn {
            render_place(lines, event, language);
            render_categories(lines, &entry.categories, language);
        }
        lines.uri("URL", &entry.link);
        lines.add("CLASS", "PUBLIC");
        lines.add("TRANSP", "TRANSPARENT");
    });
}

fn render_place(lines: &mut Lines, event: &Event, language: Option<&Language>) {
    if let Some(venue) = &event.venue {
        lines.text_in("LOCATION", language, venue);
    }
    if let Some(address) = &event.online_url {
        // RFC 7986 section 5.11 asks for the value type though there is but one.
        lines.uri("CONFERENCE;VALUE=URI;LABEL=Take part online", address);
    }
}

/// RFC 5545 section 3.8.1.2: a comma parts the values, so that it is not escaped.
fn render_categories(lines: &mut Lines, categories: &[String], language: Option<&Language>) {
    let texts: Vec<String> =
        categories.iter().map(|c| escaped(c)).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return;
    }
    let name = language
        .map_or_else(|| "CATEGORIES".to_owned(), |tag| format!("CATEGORIES;LANGUAGE={tag}"));
    lines.add(&name, &texts.join(","));
}

/// RFC 5545 section 3.8.1.11. A postponed event has no other date yet.
fn status(entry: &Entry, event: &Event) -> &'static str {
    match event.status {
        _ if entry.notes.withdrawn.is_some() => "CANCELLED",
        EventStatus::Cancelled => "CANCELLED",
        EventStatus::Postponed => "TENTATIVE",
        EventStatus::Confirmed => "CONFIRMED",
    }
}

/// Plain text: notices and details first, many programs show no status; the page last.
fn description(entry: &Entry, text: Text) -> String {
    let said = content::plain(entry, text);
    format!("{}\n\n{}", said.trim_end(), entry.link)
}
