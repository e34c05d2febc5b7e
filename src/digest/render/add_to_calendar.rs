//! Links that put an event into a reader's calendar: the event's own `.ics`, and the forms of
//! the two calendars on the web that most readers have.
//!
//! The forms take what their address says and know no status, so only an event that goes ahead
//! gets them. What is over or does not take place gets no link at all.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use url::Url;

use crate::feeds::Site;
use crate::feeds::calendar::{When, event_path};
use crate::model::{Entry, Event, EventStatus};
use crate::templates::text::clip;

/// Room for a title and a place in an address, which some relays and programs cut when long.
const TEXT_CHARS: usize = 120;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct CalendarLinks {
    pub(super) file: Url,
    pub(super) web: Option<WebCalendars>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct WebCalendars {
    pub(super) google: Url,
    pub(super) outlook: Url,
}

pub(super) fn calendar_links(
    entry: &Entry,
    event: &Event,
    site: &Site,
    now: DateTime<Utc>,
) -> Option<CalendarLinks> {
    if entry.notes.withdrawn.is_some() || event.status == EventStatus::Cancelled {
        return None;
    }
    let span = Span::new(When::new(event, site.time_zone)?);
    if span.is_over(site.time_zone, now) {
        return None;
    }
    let web = (event.status == EventStatus::Confirmed).then(|| WebCalendars {
        google: google(entry, event, &span),
        outlook: outlook(entry, event, &span),
    });
    Some(CalendarLinks { file: site.address(&event_path(&entry.id)), web })
}

/// From a first moment or day to the first one after it.
enum Span {
    Days(NaiveDate, NaiveDate),
    Times(DateTime<Utc>, DateTime<Utc>),
}

impl Span {
    /// As the event's `.ics` says it. What has no end lasts that day, or no time.
    fn new(when: When) -> Self {
        match when {
            When::Days(first, end) => Self::Days(first, end.or(first.succ_opt()).unwrap_or(first)),
            When::Zoned(start, end) => Self::Times(start.to_utc(), end.unwrap_or(start).to_utc()),
            When::Utc(start, end) => Self::Times(start.to_utc(), end.unwrap_or(start).to_utc()),
        }
    }

    fn is_over(&self, zone: Tz, now: DateTime<Utc>) -> bool {
        match self {
            Self::Days(_, end) => {
                let midnight = end.and_time(NaiveTime::MIN);
                let end = zone
                    .from_local_datetime(&midnight)
                    .earliest()
                    .unwrap_or_else(|| zone.from_utc_datetime(&midnight));
                end <= now
            }
            Self::Times(_, end) => *end <= now,
        }
    }
}

/// <https://calendar.google.com/calendar/render?action=TEMPLATE>: dates as iCalendar writes
/// them, joined by a slash; days end with the day after the last.
fn google(entry: &Entry, event: &Event, span: &Span) -> Url {
    let dates = match span {
        Span::Days(first, end) => format!("{}/{}", first.format("%Y%m%d"), end.format("%Y%m%d")),
        Span::Times(start, end) => {
            let form = "%Y%m%dT%H%M%SZ";
            format!("{}/{}", start.format(form), end.format(form))
        }
    };
    let mut pairs = vec![
        ("action", "TEMPLATE".to_owned()),
        ("text", clip(&entry.title, TEXT_CHARS)),
        ("dates", dates),
        ("details", entry.link.to_string()),
    ];
    pairs.extend(place(event).map(|place| ("location", place)));
    with_query("https://calendar.google.com/calendar/render", &pairs)
}

/// <https://outlook.live.com/calendar/0/deeplink/compose>: dates after RFC 3339 in UTC; days
/// end with the day after the last.
fn outlook(entry: &Entry, event: &Event, span: &Span) -> Url {
    let (start, end, is_all_day) = match span {
        Span::Days(first, end) => (first.to_string(), end.to_string(), true),
        Span::Times(start, end) => {
            let form = "%Y-%m-%dT%H:%M:%SZ";
            (start.format(form).to_string(), end.format(form).to_string(), false)
        }
    };
    let mut pairs = vec![
        ("path", "/calendar/action/compose".to_owned()),
        ("rru", "addevent".to_owned()),
        ("subject", clip(&entry.title, TEXT_CHARS)),
        ("startdt", start),
        ("enddt", end),
    ];
    if is_all_day {
        pairs.push(("allday", "true".to_owned()));
    }
    pairs.push(("body", entry.link.to_string()));
    pairs.extend(place(event).map(|place| ("location", place)));
    with_query("https://outlook.live.com/calendar/0/deeplink/compose", &pairs)
}

fn place(event: &Event) -> Option<String> {
    let online = event.online_url.as_ref().map(Url::to_string);
    event.venue.as_ref().map(|venue| clip(venue, TEXT_CHARS)).or(online)
}

/// Percent-encoded after RFC 3986: a `+` for a blank, as forms have it, stays a plus in Outlook.
fn with_query(address: &str, pairs: &[(&str, String)]) -> Url {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    const ENCODED: &percent_encoding::AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let query: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, ENCODED)))
        .collect();
    let address = format!("{address}?{}", query.join("&"));
    Url::parse(&address).expect("a constant address with an encoded query parses")
}
