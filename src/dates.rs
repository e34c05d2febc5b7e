//! Dates and times as readers see them, in mail and on pages.
//!
//! A time is shown at the offset it carries: the author's, or the site's where the author
//! wrote a date alone. Month and weekday names are English.

use chrono::{NaiveDate, Timelike};

use crate::model::{Event, EventTime, Timestamp};

/// Day of publication, as `26 February 2026`.
pub fn day(time: &Timestamp) -> String {
    time.format("%-d %B %Y").to_string()
}

/// Start and end of an event, as `Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)`.
///
/// An end is shown at the offset of the start, so that one zone is named for both.
pub fn when(event: &Event) -> String {
    match (event.start, event.end) {
        (EventTime::Day(start), None) => long_day(start),
        (EventTime::Day(start), Some(end)) => days(start, last_day(end)),
        (EventTime::At(start), None) => {
            format!("{} ({})", moment(&start), zone(&start))
        }
        (EventTime::At(start), Some(EventTime::At(end))) => {
            let end = end.with_timezone(start.offset());
            if start.date_naive() == end.date_naive() {
                format!("{}–{} ({})", moment(&start), clock(&end), zone(&start))
            } else {
                format!("{} to {} ({})", moment(&start), moment(&end), zone(&start))
            }
        }
        (EventTime::At(start), Some(EventTime::Day(end))) => {
            format!("{} ({}) to {}", moment(&start), zone(&start), long_day(end))
        }
    }
}

fn last_day(end: EventTime) -> NaiveDate {
    match end {
        EventTime::Day(day) => day,
        EventTime::At(time) => time.date_naive(),
    }
}

fn days(start: NaiveDate, end: NaiveDate) -> String {
    if start == end { long_day(start) } else { format!("{} to {}", long_day(start), long_day(end)) }
}

fn long_day(day: NaiveDate) -> String {
    day.format("%A %-d %B %Y").to_string()
}

fn moment(time: &Timestamp) -> String {
    format!("{}, {}", long_day(time.date_naive()), clock(time))
}

fn clock(time: &Timestamp) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

fn zone(time: &Timestamp) -> String {
    match time.offset().local_minus_utc() {
        0 => "UTC".to_owned(),
        _ => format!("UTC{}", time.offset()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventStatus;

    fn at(text: &str) -> EventTime {
        EventTime::At(text.parse().unwrap())
    }

    fn on(text: &str) -> EventTime {
        EventTime::Day(text.parse().unwrap())
    }

    fn check(start: EventTime, end: Option<EventTime>, expected: &str) {
        let event = Event {
            start,
            end,
            venue: None,
            online_url: None,
            registration_url: None,
            status: EventStatus::Confirmed,
        };
        assert_eq!(when(&event), expected);
    }

    #[test]
    fn a_day_is_read_at_the_offset_it_was_written_in() {
        assert_eq!(day(&"2026-02-26T00:00:00+08:00".parse().unwrap()), "26 February 2026");
    }

    #[test]
    fn a_span_within_a_day_names_the_day_once() {
        check(
            at("2026-02-26T14:00:00+08:00"),
            Some(at("2026-02-26T16:00:00+08:00")),
            "Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)",
        );
    }

    #[test]
    fn an_end_is_shown_at_the_offset_of_the_start() {
        check(
            at("2026-02-26T14:00:00+08:00"),
            Some(at("2026-02-26T17:00:00Z")),
            "Thursday 26 February 2026, 14:00 to Friday 27 February 2026, 01:00 (UTC+08:00)",
        );
    }

    #[test]
    fn whole_days_carry_no_time_and_no_zone() {
        check(on("2026-02-26"), None, "Thursday 26 February 2026");
        check(on("2026-02-26"), Some(on("2026-02-26")), "Thursday 26 February 2026");
        check(
            on("2026-02-26"),
            Some(on("2026-02-28")),
            "Thursday 26 February 2026 to Saturday 28 February 2026",
        );
    }

    #[test]
    fn a_start_without_an_end_stands_alone() {
        check(at("2026-02-26T09:05:00Z"), None, "Thursday 26 February 2026, 09:05 (UTC)");
    }
}
