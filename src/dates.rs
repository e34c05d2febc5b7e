//! Dates for people to read, in feeds, pages and mails.
//!
//! Twenty-four hours and the offset in full, as in `Thursday 26 February 2026, 14:00–16:00
//! (UTC+08:00)`: an offset is understood everywhere, an abbreviation such as `SST` is not.
//! Names of days and months, and the order of all, are those of the language.

use chrono::{Datelike, NaiveDate};

use crate::model::{Event, EventTime, Timestamp};
use crate::words::{Argument, Words};

/// In English, as feeds and the operator's own texts are.
pub fn day(time: Timestamp) -> String {
    day_in(Words::english(), time)
}

/// In English, as before.
pub fn event_when(event: &Event) -> String {
    event_when_in(Words::english(), event)
}

/// `26 February 2026`: the day at the author's place.
pub fn day_in(words: Words<'_>, time: Timestamp) -> String {
    let [day, month, year] = parts(time.date_naive());
    words.say("date-day", &[("day", day), ("month", month), ("year", year)])
}

/// Start and end of an event, the day named once where it is the same.
///
/// An end that is not after the start says nothing and is left out.
pub fn event_when_in(words: Words<'_>, event: &Event) -> String {
    let (moment, long) = (|time| moment(words, time), |day| long(words, day));
    let range = |first: String, last: String| {
        words.say("date-range", &[("first", first.into()), ("last", last.into())])
    };
    match (event.start, event.end) {
        (EventTime::At(start), Some(EventTime::At(end))) if end > start => {
            between(words, start, end)
        }
        (EventTime::At(start), Some(EventTime::Day(last))) if last > start.date_naive() => {
            range(moment(start), long(last))
        }
        (EventTime::At(start), _) => moment(start),
        (EventTime::Day(first), Some(EventTime::Day(last))) if last > first => {
            range(long(first), long(last))
        }
        (EventTime::Day(first), Some(EventTime::At(end))) if end.date_naive() > first => {
            range(long(first), moment(end))
        }
        (EventTime::Day(first), _) => long(first),
    }
}

fn between(words: Words<'_>, start: Timestamp, end: Timestamp) -> String {
    if start.offset() != end.offset() {
        // Clocks change in between, or the two are given for two places.
        let (first, last) = (moment(words, start).into(), moment(words, end).into());
        return words.say("date-range", &[("first", first), ("last", last)]);
    }
    let (first, last) = (start.date_naive(), end.date_naive());
    let times = [
        ("from", clock(start).into()),
        ("to", clock(end).into()),
        ("offset", offset(start).into()),
    ];
    let [from, to, offset] = times;
    if first == last {
        words.say("date-hours", &[("date", long(words, first).into()), from, to, offset])
    } else {
        let (first, last) = (long(words, first).into(), long(words, last).into());
        words.say("date-moments", &[("first", first), from, ("last", last), to, offset])
    }
}

fn moment(words: Words<'_>, time: Timestamp) -> String {
    let date = long(words, time.date_naive());
    let (time, offset) = (clock(time), offset(time));
    words.say(
        "date-moment",
        &[("date", date.into()), ("time", time.into()), ("offset", offset.into())],
    )
}

/// `Thursday 26 February 2026`.
fn long(words: Words<'_>, date: NaiveDate) -> String {
    let [day, month, year] = parts(date);
    let weekday = date.weekday().number_from_monday().into();
    let parts = [("weekday", weekday), ("day", day), ("month", month), ("year", year)];
    words.say("date-long", &parts)
}

/// Day, number of the month and year, as messages take them.
fn parts(date: NaiveDate) -> [Argument<'static>; 3] {
    [date.day().into(), date.month().into(), date.year().into()]
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
    use crate::words::Wordbook;

    fn check(start: &str, end: Option<&str>, expected: &str) {
        check_in("en", start, end, expected);
    }

    fn check_in(language: &str, start: &str, end: Option<&str>, expected: &str) {
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
        assert_eq!(event_when_in(Wordbook::builtin().words(language), &event), expected);
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

    #[test]
    fn each_language_has_its_own_names_and_order() {
        let (start, end) = ("2026-02-26T14:00:00+08:00", "2026-02-26T16:00:00+08:00");
        check_in("zh", start, Some(end), "2026年2月26日星期四 14:00–16:00（UTC+08:00）");
        check_in("ms", start, None, "Khamis, 26 Februari 2026, 14:00 (UTC+08:00)");
        check_in("ta", "2026-02-26", None, "வியாழக்கிழமை, 26 பிப்ரவரி 2026");
        let day = |language| day_in(Wordbook::builtin().words(language), start.parse().unwrap());
        assert_eq!([day("zh"), day("ms")], ["2026年2月26日", "26 Februari 2026"]);
    }
}
