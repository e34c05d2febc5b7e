//! VTIMEZONE (RFC 5545, section 3.6.5): the offsets of a zone in the years that are needed.
//!
//! Each change of the clocks is an observance of its own, with its onset and no rule: rules are
//! made for years that nobody knows yet. The offsets are those that `chrono-tz` knows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{
    DateTime, Datelike, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc,
};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use super::line::{Lines, local};
use crate::model::Timestamp;

/// From its onset on, clocks show another offset.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Observance {
    /// As the clocks showed it before the change (RFC 5545, 3.8.2.4).
    onset: NaiveDateTime,
    from_seconds: i32,
    to_seconds: i32,
    /// Whether clocks are ahead of the standard time of the zone.
    is_daylight: bool,
    name: String,
}

/// Whether the author's offset is what clocks in the zone show at that moment, and their time
/// names no other one. A time that comes twice means the first (RFC 5545, 3.3.5); that is not
/// how every reader takes it.
pub(super) fn agrees(zone: Tz, moment: Timestamp) -> bool {
    offset_seconds(zone, moment.to_utc()) == moment.offset().local_minus_utc()
        && zone.from_local_datetime(&moment.naive_local()).single()
            == Some(moment.with_timezone(&zone))
}

/// Adds the zone as it is in `years`, each from its first to its last moment.
pub(super) fn render(lines: &mut Lines, zone: Tz, years: &BTreeSet<i32>) {
    lines.component("VTIMEZONE", |lines| {
        lines.add("TZID", zone.name());
        for observance in observances(zone, years) {
            let kind = if observance.is_daylight { "DAYLIGHT" } else { "STANDARD" };
            lines.component(kind, |lines| {
                lines.add("DTSTART", &local(observance.onset));
                lines.add("TZOFFSETFROM", &utc_offset(observance.from_seconds));
                lines.add("TZOFFSETTO", &utc_offset(observance.to_seconds));
                lines.text("TZNAME", &observance.name);
            });
        }
    });
}

/// In order of onset: what holds when each of the years begins, and what changes within it.
fn observances(zone: Tz, years: &BTreeSet<i32>) -> Vec<Observance> {
    let mut by_onset = BTreeMap::new();
    for &year in years {
        let Some(first) = NaiveDate::from_ymd_opt(year, 1, 1) else { continue };
        let before = changes(zone, year - 1);
        let holding = before.into_iter().next_back().unwrap_or_else(|| unchanging(zone, first));
        for observance in std::iter::once(holding).chain(changes(zone, year)) {
            by_onset.entry(observance.onset).or_insert(observance);
        }
    }
    by_onset.into_values().collect()
}

/// The changes of one year, earliest first. Looks at each day of the calendar in UTC, a day
/// more on either side, because a year begins earlier or later elsewhere.
fn changes(zone: Tz, year: i32) -> Vec<Observance> {
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let first = NaiveDate::from_ymd_opt(year, 1, 1).and_then(|d| d.checked_sub_days(Days::new(1)));
    let Some(first) = first else { return Vec::new() };
    let days = first.iter_days().take_while(|day| day.year() <= year || day.ordinal() == 1);
    days.map(midnight)
        .filter_map(|start| {
            let end = start + Duration::days(1);
            (offset_seconds(zone, start) != offset_seconds(zone, end))
                .then(|| observance(zone, change_between(zone, start, end)))
        })
        .filter(|observance| observance.onset.year() == year)
        .collect()
}

/// The first second with the new offset, where it changes once between the two.
fn change_between(zone: Tz, start: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
    let old = offset_seconds(zone, start);
    let (mut before, mut after) = (start.timestamp(), end.timestamp());
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or(end);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset_seconds(zone, at(middle)) == old { before = middle } else { after = middle }
    }
    at(after)
}

fn observance(zone: Tz, change: DateTime<Utc>) -> Observance {
    let from_seconds = offset_seconds(zone, change - Duration::seconds(1));
    let onset = change.naive_utc() + Duration::seconds(from_seconds.into());
    Observance { onset, from_seconds, ..from_then_on(zone, change) }
}

/// What held long before `first` and still does.
fn unchanging(zone: Tz, first: NaiveDate) -> Observance {
    let onset = first.and_time(NaiveTime::MIN);
    Observance { onset, ..from_then_on(zone, onset.and_utc()) }
}

/// What clocks show at a moment, as if they had never shown anything else.
fn from_then_on(zone: Tz, moment: DateTime<Utc>) -> Observance {
    let offset = zone.offset_from_utc_datetime(&moment.naive_utc());
    let seconds = offset.fix().local_minus_utc();
    Observance {
        onset: moment.naive_utc(),
        from_seconds: seconds,
        to_seconds: seconds,
        is_daylight: offset.dst_offset() > Duration::zero(),
        name: offset.abbreviation().map_or_else(|| utc_offset(seconds), str::to_owned),
    }
}

fn offset_seconds(zone: Tz, moment: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc()
}

/// UTC-OFFSET (RFC 5545, section 3.3.14): seconds only where there are some.
fn utc_offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let rest = if rest == 0 { String::new() } else { format!("{rest:02}") };
    format!("{sign}{hours:02}{minutes:02}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: Tz, years: &[i32], expected: &[&str]) {
        let told: Vec<String> = observances(zone, &years.iter().copied().collect())
            .iter()
            .map(|o| {
                let kind = if o.is_daylight { "daylight" } else { "standard" };
                let (from, to) = (utc_offset(o.from_seconds), utc_offset(o.to_seconds));
                format!("{} {kind} {from} {to} {}", local(o.onset), o.name)
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_zone_whose_clocks_stay_has_one_observance_from_the_year_on() {
        check(chrono_tz::Asia::Singapore, &[2026], &["20260101T000000 standard +0800 +0800 +0800"]);
        check(chrono_tz::UTC, &[2026], &["20260101T000000 standard +0000 +0000 UTC"]);
    }

    #[test]
    fn each_change_of_the_clocks_is_an_observance_of_its_own() {
        check(
            chrono_tz::Europe::London,
            &[2026],
            &[
                "20251026T020000 standard +0100 +0000 GMT",
                "20260329T010000 daylight +0000 +0100 BST",
                "20261025T020000 standard +0100 +0000 GMT",
            ],
        );
        check(
            chrono_tz::America::New_York,
            &[2026, 2028],
            &[
                "20251102T020000 standard -0400 -0500 EST",
                "20260308T020000 daylight -0500 -0400 EDT",
                "20261101T020000 standard -0400 -0500 EST",
                "20271107T020000 standard -0400 -0500 EST",
                "20280312T020000 daylight -0500 -0400 EDT",
                "20281105T020000 standard -0400 -0500 EST",
            ],
        );
    }

    #[test]
    fn half_an_hour_of_daylight_in_the_south_is_told() {
        check(
            chrono_tz::Australia::Lord_Howe,
            &[2026],
            &[
                "20251005T020000 daylight +1030 +1100 +1100",
                "20260405T020000 standard +1100 +1030 +1030",
                "20261004T020000 daylight +1030 +1100 +1100",
            ],
        );
    }

    #[test]
    fn an_offset_with_seconds_keeps_them() {
        assert_eq!(utc_offset(-(5 * 3600 + 7)), "-050007");
        assert_eq!(utc_offset(34_200), "+0930");
    }

    #[test]
    fn an_offset_agrees_only_at_its_time_of_the_year() {
        let agrees = |text: &str| agrees(chrono_tz::Europe::London, text.parse().unwrap());
        assert!(agrees("2026-07-01T09:00:00+01:00") && agrees("2026-01-01T09:00:00+00:00"));
        assert!(!agrees("2026-07-01T09:00:00+00:00") && !agrees("2026-01-01T09:00:00+08:00"));
    }

    #[test]
    fn a_time_that_comes_twice_does_not_agree() {
        let agrees = |text: &str| agrees(chrono_tz::Europe::London, text.parse().unwrap());
        assert!(!agrees("2026-10-25T01:30:00+01:00") && !agrees("2026-10-25T01:30:00+00:00"));
        assert!(agrees("2026-10-25T00:30:00+01:00") && agrees("2026-10-25T02:00:00+00:00"));
    }
}
