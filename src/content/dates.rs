//! Reads the many ways in which authors and their editors write a date.
//!
//! RFC 3339 and its relatives in front matter, words in a text. A value that could be read in
//! two ways, as `03/04/2021`, is no date.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

use super::DateValue;
use crate::model::Timestamp;

/// What a text of front matter says, before the site's zone is brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Zoned(DateTime<FixedOffset>),
    /// A date and a time without a zone.
    Local(NaiveDateTime),
    Day(NaiveDate),
}

/// Why a text of front matter is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable<'a> {
    /// Date and time are plain, the zone behind them is not known.
    Zone(&'a str),
    Other,
}

/// Reads a date of front matter.
pub(crate) fn parse(text: &str) -> Result<Written, Unreadable<'_>> {
    let text = text.trim();
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) if text.as_bytes()[0].is_ascii_digit() && text[..at].contains(['-', '/']) => {
            (&text[..at], text[at + 1..].trim())
        }
        _ => (text, ""),
    };
    let Some(day) = numeric_day(date) else {
        return worded_day(text).map(Written::Day).ok_or(Unreadable::Other);
    };
    if rest.is_empty() {
        return Ok(Written::Day(day));
    }
    let end =
        rest.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(rest.len());
    let (time, zone) = half_of_day(&rest[..end], rest[end..].trim());
    let local = day.and_time(time.ok_or(Unreadable::Other)?);
    if zone.is_empty() {
        return Ok(Written::Local(local));
    }
    if let Some(offset) = offset(zone) {
        return offset
            .from_local_datetime(&local)
            .single()
            .map(Written::Zoned)
            .ok_or(Unreadable::Other);
    }
    // `Asia/Singapore`; what `SGT` or `IST` means depends on the reader.
    match zone.parse::<Tz>() {
        Ok(zone) => Ok(Written::Zoned(at_local(local, zone))),
        Err(_) if zone.starts_with(char::is_alphabetic) => Err(Unreadable::Zone(zone)),
        Err(_) => Err(Unreadable::Other),
    }
}

/// The time of `9:00` with `pm` behind it or not, and what follows.
fn half_of_day<'a>(clock: &str, rest: &'a str) -> (Option<NaiveTime>, &'a str) {
    let time = time_of_day(clock);
    let half =
        rest.get(..2).map(str::to_ascii_lowercase).filter(|half| half == "am" || half == "pm");
    let Some(half) = half.filter(|_| !rest[2..].starts_with(char::is_alphanumeric)) else {
        return (time, rest);
    };
    let twelve_hours = chrono::TimeDelta::hours(12);
    let time = time.filter(|time| (1..=12).contains(&time.hour())).map(|time| {
        let is_twelve = time.hour() == 12;
        match half.as_str() {
            "am" if is_twelve => time - twelve_hours,
            "pm" if !is_twelve => time + twelve_hours,
            _ => time,
        }
    });
    (time, rest[2..].trim())
}

/// A moment or a day in the site's zone. Exactly midnight UTC is what a content editor writes
/// for a day (`2020-08-25T00:00:00.000Z`).
pub(crate) fn in_zone(written: Written, zone: Tz) -> DateValue {
    match written {
        Written::Day(day) => DateValue::Day(day),
        Written::Local(local) => DateValue::At(at_local(local, zone)),
        Written::Zoned(moment) => {
            let is_utc = moment.offset().local_minus_utc() == 0;
            if is_utc && moment.num_seconds_from_midnight() == 0 && moment.nanosecond() == 0 {
                DateValue::Day(moment.date_naive())
            } else {
                DateValue::At(moment)
            }
        }
    }
}

/// The moment of a wall clock in a zone: the first of two, and where the clock skips it the
/// first valid one after it.
pub(crate) fn at_local(local: NaiveDateTime, zone: Tz) -> Timestamp {
    let mut tries = (0..=48).map(|quarters| local + chrono::TimeDelta::minutes(15 * quarters));
    let found = tries.find_map(|local| zone.from_local_datetime(&local).earliest());
    found.map_or_else(|| zone.from_utc_datetime(&local).fixed_offset(), |t| t.fixed_offset())
}

/// The first moment of a day in a zone.
pub(crate) fn day_start(day: NaiveDate, zone: Tz) -> Timestamp {
    at_local(day.and_time(NaiveTime::MIN), zone)
}

/// Days on which a value lies: in the site's zone, and in the one its author wrote.
pub(crate) fn days(value: DateValue, zone: Tz) -> [NaiveDate; 2] {
    match value {
        DateValue::Day(day) => [day, day],
        DateValue::At(moment) => [moment.with_timezone(&zone).date_naive(), moment.date_naive()],
    }
}

/// `YYYY-MM-DD-` at the head of a file name, and what follows it.
pub(crate) fn of_file_name(stem: &str) -> Option<(NaiveDate, &str)> {
    let mut parts = stem.splitn(4, '-');
    let date = [parts.next()?, parts.next()?, parts.next()?];
    let rest = parts.next().unwrap_or_default();
    if date[0].len() != 4 {
        return None;
    }
    Some((day_of(date[0], date[1], date[2])?, rest))
}

/// The date that a line of text is, with `Posted in …` behind it or not; nothing else.
pub(crate) fn of_line(line: &str) -> Option<NaiveDate> {
    let line = line.trim().trim_end_matches(['.', ',']);
    let line = ["Published on ", "Published: ", "Posted on ", "Date: "]
        .iter()
        .find_map(|head| line.strip_prefix(head))
        .unwrap_or(line);
    let line = line.find(" Posted in").map_or(line, |at| &line[..at]);
    let line = line.trim().trim_end_matches(['|', '-', '–', ',']).trim();
    numeric_day(line).or_else(|| worded_day(line))
}

/// `2021-02-26`, `2021/2/26`.
fn numeric_day(text: &str) -> Option<NaiveDate> {
    let separator = if text.contains('-') { '-' } else { '/' };
    let mut parts = text.split(separator);
    let day = day_of(parts.next()?, parts.next()?, parts.next()?)?;
    parts.next().is_none().then_some(day)
}

fn day_of(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let number = |text: &str, most: usize| -> Option<u32> {
        let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    let year = number(year, 4).filter(|y| (1900..=9999).contains(y))?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month, 2)?, number(day, 2)?)
}

/// `26 February 2021`, `26th Nov 2008`, `February 26, 2021`, `Friday, 26 February 2021`,
/// `2021年2月26日`.
fn worded_day(text: &str) -> Option<NaiveDate> {
    if let Some((year, rest)) = text.split_once('年') {
        let (month, rest) = rest.split_once('月')?;
        let day = rest.strip_suffix('日').or_else(|| rest.strip_suffix('号'))?;
        return day_of(year.trim(), month.trim(), day.trim());
    }
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == ',' || c == '-' || c == '/')
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.is_empty())
        .collect();
    let words = match words.as_slice() {
        [weekday, rest @ ..] if is_weekday(weekday) => rest,
        all => all,
    };
    let (day, month, year) = match words {
        [day, name, year] if month(name).is_some() => (day, month(name)?, year),
        [name, day, year] => (day, month(name)?, year),
        _ => return None,
    };
    let day = ["st", "nd", "rd", "th"].iter().find_map(|s| day.strip_suffix(s)).unwrap_or(day);
    let is_year = year.len() == 4;
    is_year.then(|| day_of(year, &month.to_string(), day)).flatten()
}

fn is_weekday(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        .iter()
        .any(|name| word.len() >= 3 && name.starts_with(&word))
}

fn month(word: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.to_ascii_lowercase();
    let index = NAMES.iter().position(|name| word.len() >= 3 && name.starts_with(&word))?;
    u32::try_from(index + 1).ok()
}

/// `9:00`, `09:00:00`, `00:00:00.000`.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let mut next = || -> Option<u32> {
        let part = parts.next()?;
        (1..=2).contains(&part.len()).then(|| part.parse().ok()).flatten()
    };
    let (hour, minute) = (next()?, next()?);
    let second = if clock.matches(':').count() == 2 { next()? } else { 0 };
    if clock.matches(':').count() > 2 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos.parse().ok()?)
}

/// `Z`, `UTC`, `-0500`, `+08:00`, `+08`.
fn offset(text: &str) -> Option<FixedOffset> {
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return FixedOffset::east_opt(0);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = digits.get(2..4).map_or(Some(0), |m| m.parse().ok())?;
    let fits = hours <= 14 && minutes < 60;
    fits.then(|| FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        match parse(text).map(|written| in_zone(written, chrono_tz::Asia::Singapore)) {
            Ok(DateValue::At(moment)) => moment.to_rfc3339(),
            Ok(DateValue::Day(day)) => day.to_string(),
            Err(_) => "none".to_owned(),
        }
    }

    #[test]
    fn every_form_of_the_corpus_is_read() {
        for (text, expected) in [
            ("2019-05-15 9:00:00 -0500", "2019-05-15T09:00:00-05:00"),
            ("2020-08-25T00:00:00.000Z", "2020-08-25"),
            ("2021-02-26", "2021-02-26"),
            ("2026-11-21T09:00:00+08:00", "2026-11-21T09:00:00+08:00"),
            ("2023-10-03T10:53:35", "2023-10-03T10:53:35+08:00"),
            ("2023-10-03 10:53", "2023-10-03T10:53:00+08:00"),
            ("2016-04-05 10:00:38 -0400", "2016-04-05T10:00:38-04:00"),
            ("2016-04-05 10:00 UTC", "2016-04-05T10:00:00+00:00"),
            ("2020-08-25T00:00:00+08:00", "2020-08-25T00:00:00+08:00"),
            ("26 February 2021", "2021-02-26"),
            ("26 Nov 2008", "2008-11-26"),
            ("February 26, 2021", "2021-02-26"),
            ("Friday, 26th February 2021", "2021-02-26"),
            ("26-Nov-2008", "2008-11-26"),
            ("2021年2月26日", "2021-02-26"),
            ("2015-4-23", "2015-04-23"),
            ("2026-11-21 09:00 Asia/Singapore", "2026-11-21T09:00:00+08:00"),
            ("2026-07-21 09:00 Europe/London", "2026-07-21T09:00:00+01:00"),
            ("2026-11-21 9:00 am", "2026-11-21T09:00:00+08:00"),
            ("2026-11-21 12:30PM +0800", "2026-11-21T12:30:00+08:00"),
            ("2026-11-21 12:30am", "2026-11-21T00:30:00+08:00"),
            ("2026-11-21 1:05 pm", "2026-11-21T13:05:00+08:00"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_or_is_no_day_is_no_date() {
        for text in [
            "03/04/2021",
            "2021-13-01",
            "2021-02-30",
            "soon",
            "",
            "26 February",
            "0021-01-01",
            "2021-02-26 25:00",
            "2021-02-26T10:00:00 SGT",
            "2021-02-26 14:00 pm",
            "31/11/2026",
            "2021-02-31",
            "May",
            "2021-02-26T10:00:00+99:00",
        ] {
            assert_eq!(value(text), "none", "{text}");
        }
    }

    #[test]
    fn a_zone_that_is_not_known_is_told_apart() {
        assert_eq!(parse("2021-02-26T10:00:00 SGT"), Err(Unreadable::Zone("SGT")));
        assert_eq!(parse("2021-02-26 10:00 Asia/Atlantis"), Err(Unreadable::Zone("Asia/Atlantis")));
        assert_eq!(parse("2021-02-30 10:00 SGT"), Err(Unreadable::Other));
        assert_eq!(parse("soon"), Err(Unreadable::Other));
    }

    #[test]
    fn a_time_that_the_clock_skips_is_the_first_valid_one() {
        let local = "2026-03-29T01:30:00".parse().unwrap();
        assert_eq!(
            at_local(local, chrono_tz::Europe::London).to_rfc3339(),
            "2026-03-29T02:00:00+01:00"
        );
        let twice = "2026-10-25T01:30:00".parse().unwrap();
        assert_eq!(
            at_local(twice, chrono_tz::Europe::London).to_rfc3339(),
            "2026-10-25T01:30:00+01:00"
        );
    }

    #[test]
    fn a_file_name_may_begin_with_a_date() {
        let (day, rest) = of_file_name("2021-02-26-post-One").unwrap();
        assert_eq!((day.to_string().as_str(), rest), ("2021-02-26", "post-One"));
        assert!(of_file_name("2015-4-23-draft").is_some());
        assert!(of_file_name("one-two-three").is_none());
        assert!(of_file_name("2021-02").is_none());
    }

    #[test]
    fn a_line_is_a_date_only_when_nothing_else_stands_in_it() {
        let line = |text| of_line(text).map(|day| day.to_string());
        assert_eq!(line("26 February 2021").as_deref(), Some("2021-02-26"));
        assert_eq!(
            line("26 Nov 2008 Posted in [Press releases](/p)").as_deref(),
            Some("2008-11-26")
        );
        for text in [
            "Last updated on 26 February 2021",
            "On 26 February 2021, six people",
            "Singapore, 3 May 2022 – Ms Grace Fu",
            "1 April 2022 – The Ministry",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }
}
