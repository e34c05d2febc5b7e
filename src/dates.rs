//! Dates for people to read, in feeds, pages and mails.
//!
//! Twenty-four hours and the offset in full, as in `Thursday 26 February 2026, 14:00–16:00
//! (UTC+08:00)`: an offset is understood everywhere, an abbreviation such as `SST` is not.
//! Names of days and months are English.

use chrono::NaiveDate;

use crate::model::{Event, EventTime, Timestamp};

/// `26 February 2026`: the day at the author's place.
pub fn day(time: Timestamp) -> String {
    time.format("%-d %B %Y").to_string()
}

/// Start and end of an event, the day named once where it is the same.
///
/// An end that is not after the start says nothing and is left out.
pub fn event_when(event: &Event) -> String {
    match (event.start, event.end) {
        (EventTime::At(start), Some(EventTime::At(end))) if end > start => between(start, end),
        (EventTime::At(start), Some(EventTime::Day(last))) if last > start.date_naive() => {
            format!("{} – {}", moment(start), weekday(last))
        }
        (EventTime::At(start), _) => moment(start),
        (EventTime::Day(first), Some(EventTime::Day(last))) if last > first => {
            format!("{} – {}", weekday(first), weekday(last))
        }
        (EventTime::Day(first), Some(EventTime::At(end))) if end.date_naive() > first => {
            format!("{} – {}", weekday(first), moment(end))
        }
        (EventTime::Day(first), _) => weekday(first),
    }
}

fn between(start: Timestamp, end: Timestamp) -> String {
    if start.offset() != end.offset() {
        // Clocks change in between, or the two are given for two places.
        return format!("{} – {}", moment(start), moment(end));
    }
    let (first, last, offset) = (start.date_naive(), end.date_naive(), offset(start));
    if first == last {
        format!("{}, {}–{} ({offset})", weekday(first), clock(start), clock(end))
    } else {
        format!(
            "{}, {} – {}, {} ({offset})",
            weekday(first),
            clock(start),
            weekday(last),
            clock(end)
        )
    }
}

fn moment(time: Timestamp) -> String {
    format!("{}, {} ({})", weekday(time.date_naive()), clock(time), offset(time))
}

fn weekday(day: NaiveDate) -> String {
    day.format("%A %-d %B %Y").to_string()
}

fn clock(time: Timestamp) -> String {
    time.format("%H:%M").to_string()
}

fn offset(time: Timestamp) -> String {
    match time.offset().local_minus_utc() {
        0 => "UTC".to_owned(),
        _ => time.format("UTC%:z").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventStatus;

    fn check(start: &str, end: Option<&str>, expected: &str) {
        let time = |text: &str| {
            text.parse().map_or_else(|_| EventTime::Day(text.parse().unwrap()), EventTime::At)
        };
        let event = Event {
            start: time(start),
            end: end.map(time),
            venue: None,
            online_url: None,
            registration_url: None,
            status: EventStatus::Confirmed,
        };
        assert_eq!(event_when(&event), expected);
    }

    #[test]
    fn a_day_that_start_and_end_share_is_named_once() {
        check(
            "2026-02-26T14:00:00+08:00",
            Some("2026-02-26T16:00:00+08:00"),
            "Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)",
        );
        check(
            "2026-02-26T14:00:00+05:30",
            Some("2026-02-27T16:00:00+05:30"),
            "Thursday 26 February 2026, 14:00 – Friday 27 February 2026, 16:00 (UTC+05:30)",
        );
    }

    #[test]
    fn two_offsets_are_both_named() {
        check(
            "2026-03-28T22:00:00+00:00",
            Some("2026-03-29T10:00:00+01:00"),
            "Saturday 28 March 2026, 22:00 (UTC) – Sunday 29 March 2026, 10:00 (UTC+01:00)",
        );
    }

    #[test]
    fn whole_days_have_no_clock() {
        check("2026-02-26", None, "Thursday 26 February 2026");
        check("2026-02-26", Some("2026-02-26"), "Thursday 26 February 2026");
        check(
            "2026-02-26",
            Some("2026-02-28"),
            "Thursday 26 February 2026 – Saturday 28 February 2026",
        );
        check(
            "2026-02-26T14:00:00+08:00",
            Some("2026-02-28"),
            "Thursday 26 February 2026, 14:00 (UTC+08:00) – Saturday 28 February 2026",
        );
        check(
            "2026-02-26",
            Some("2026-02-28T16:00:00+08:00"),
            "Thursday 26 February 2026 – Saturday 28 February 2026, 16:00 (UTC+08:00)",
        );
    }

    #[test]
    fn an_end_that_is_not_after_the_start_is_left_out() {
        check(
            "2026-02-26T14:00:00+08:00",
            Some("2026-02-26T14:00:00+08:00"),
            "Thursday 26 February 2026, 14:00 (UTC+08:00)",
        );
        check("2026-02-26", Some("2026-02-20"), "Thursday 26 February 2026");
    }
}
