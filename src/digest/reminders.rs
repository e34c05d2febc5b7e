//! Reminders: which events are told again some days before they start.
//!
//! Days are counted by the site's calendar. An event is reminded of while it is going ahead and
//! has not begun; one that starts in the night is a day nearer for readers further east, and
//! that is no concern of ours.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::schedule::{self, Due};
use crate::feeds::{Criterion, Selection};
use crate::model::{Entry, Event, EventStatus, EventTime, Kind};

/// The moment that is due, its key the local day: nobody gets two on one day, whatever the
/// expression says. `newest_key` is that of the newest run.
pub fn due(
    cron: &Cron,
    zone: Tz,
    newest_key: Option<&str>,
    registered_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Due> {
    let end_of_day = newest_key.map(|key| format!("{}T23:59", day_of(key)));
    let due = schedule::due(cron, zone, end_of_day.as_deref(), registered_at, now)?;
    Some(Due { key: day_of(&due.key).to_owned(), ..due })
}

/// The day in the key of a run.
pub fn day_of(key: &str) -> &str {
    key.get(.."2026-11-21".len()).unwrap_or(key)
}

/// Days on which events may start, by any calendar, for a reminder on `today`.
pub fn start_days(today: NaiveDate, days: &[u32]) -> (NaiveDate, NaiveDate) {
    let ahead = |days: u32| today + TimeDelta::days(i64::from(days));
    let first = ahead(days.iter().copied().min().unwrap_or(0));
    let last = ahead(days.iter().copied().max().unwrap_or(0));
    // An author's day may be another than the site's.
    (first - TimeDelta::days(1), last + TimeDelta::days(1))
}

/// Whether people are reminded of this event on `today`, so many days ahead.
pub fn is_due(entry: &Entry, today: NaiveDate, days: &[u32], zone: Tz, now: DateTime<Utc>) -> bool {
    let Some(event) = &entry.event else { return false };
    let start = start_day(event, zone);
    let is_ahead = |days: &u32| start == today + TimeDelta::days(i64::from(*days));
    event.status == EventStatus::Confirmed
        && !has_begun(event, zone, now)
        && days.iter().any(is_ahead)
}

/// Whether it is too late to remind anybody. An event of whole days may still be come to on its
/// first.
pub fn has_begun(event: &Event, zone: Tz, now: DateTime<Utc>) -> bool {
    match event.start {
        EventTime::At(start) => start <= now,
        EventTime::Day(day) => day < now.with_timezone(&zone).date_naive(),
    }
}

fn start_day(event: &Event, zone: Tz) -> NaiveDate {
    match event.start {
        EventTime::At(start) => start.with_timezone(&zone).date_naive(),
        EventTime::Day(day) => day,
    }
}

/// Whether who follows this asked for events, and not for whatever comes.
pub fn asks_for_events(select: &Selection) -> bool {
    let is_event = |criterion: &Criterion| *criterion == Criterion::Kind(Kind::Event);
    select.all.iter().chain(&select.any).any(is_event)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Singapore;
    use croner::parser::CronParser;

    use super::*;
    use crate::feeds::samples::entry;

    fn event(start: EventTime) -> Entry {
        let event = Event {
            start,
            end: None,
            venue: None,
            online_url: None,
            registration_url: None,
            status: EventStatus::Confirmed,
        };
        Entry { kind: Kind::Event, event: Some(event), ..entry("a") }
    }

    fn at(text: &str) -> EventTime {
        EventTime::At(text.parse().unwrap())
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Whether a reminder on Saturday 21 November, 08:00 in Singapore, tells of it.
    fn is_told(entry: &Entry, days: &[u32]) -> bool {
        let now = "2026-11-21T00:00:00Z".parse().unwrap();
        is_due(entry, day("2026-11-21"), days, Singapore, now)
    }

    #[test]
    fn an_event_is_told_on_the_days_asked_for_and_on_no_other() {
        let tuesday = event(at("2026-11-24T10:00:00+08:00"));
        assert!(is_told(&tuesday, &[3]));
        assert!(is_told(&tuesday, &[1, 3]));
        assert!(!is_told(&tuesday, &[1, 2, 4]));
        assert!(is_told(&event(EventTime::Day(day("2026-11-22"))), &[1]));
    }

    #[test]
    fn days_are_those_of_the_site() {
        // Monday in London, Tuesday in Singapore.
        assert!(is_told(&event(at("2026-11-23T20:00:00+00:00")), &[3]));
        assert!(!is_told(&event(at("2026-11-23T20:00:00+00:00")), &[2]));
        let (first, last) = start_days(day("2026-11-21"), &[3, 1]);
        assert_eq!((first, last), (day("2026-11-21"), day("2026-11-25")));
    }

    #[test]
    fn what_will_not_take_place_or_has_begun_is_not_told() {
        let mut cancelled = event(at("2026-11-22T10:00:00+08:00"));
        for status in [EventStatus::Cancelled, EventStatus::Postponed] {
            cancelled.event.as_mut().unwrap().status = status;
            assert!(!is_told(&cancelled, &[1]));
        }
        let late = "2026-11-22T03:00:00Z".parse().unwrap();
        let begun = event(at("2026-11-22T10:00:00+08:00"));
        assert!(!is_due(&begun, day("2026-11-21"), &[1], Singapore, late));
        assert!(!is_told(&entry("a"), &[1]));
    }

    #[test]
    fn an_event_of_whole_days_has_begun_when_its_first_is_over() {
        let begun = |start, now: &str| {
            let event = event(start).event.unwrap();
            has_begun(&event, Singapore, now.parse().unwrap())
        };
        let sunday = || EventTime::Day(day("2026-11-22"));
        assert!(!begun(sunday(), "2026-11-22T15:59:59Z"));
        assert!(begun(sunday(), "2026-11-22T16:00:00Z"));
        let ten = || at("2026-11-22T10:00:00+08:00");
        assert!(!begun(ten(), "2026-11-22T01:59:59Z"));
        assert!(begun(ten(), "2026-11-22T02:00:00Z"));
    }

    #[test]
    fn a_day_has_one_reminder_whatever_the_expression_says() {
        let cron = CronParser::new().parse("0 8,18 * * *").unwrap();
        let registered = "2026-11-20T12:00:00Z".parse().unwrap();
        let key = |newest, now: &str| {
            due(&cron, Singapore, newest, registered, now.parse().unwrap()).map(|due| due.key)
        };
        assert_eq!(key(None, "2026-11-21T00:00:00Z").as_deref(), Some("2026-11-21"));
        assert_eq!(key(Some("2026-11-21"), "2026-11-21T10:00:00Z"), None);
        assert_eq!(key(Some("2026-11-21+1"), "2026-11-21T23:00:00Z"), None);
        let next = key(Some("2026-11-21"), "2026-11-22T00:00:00Z");
        assert_eq!(next.as_deref(), Some("2026-11-22"));
    }

    #[test]
    fn only_a_feed_that_names_events_asks_for_them() {
        let events = Selection { all: vec![Criterion::Kind(Kind::Event)], ..Selection::default() };
        let others = Selection { none: events.all.clone(), ..Selection::default() };
        assert!(asks_for_events(&events));
        assert!(!asks_for_events(&others));
        assert!(!asks_for_events(&Selection::default()));
    }
}
