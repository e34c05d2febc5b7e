//! Gives out seconds: two entries share a moment only on a day that is full.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::model::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;

/// Seconds since 1970 that an entry already has as its `published` or `updated`.
#[derive(Debug, Default)]
pub(super) struct TakenSeconds {
    taken: HashSet<i64>,
    /// For each day and for the time first seen: how many seconds from its start are known to
    /// be taken, so that thousands of files of one day do not each begin from its first.
    searched: HashMap<i64, i64>,
}

impl TakenSeconds {
    pub(super) fn of(taken: HashSet<i64>) -> Self {
        Self { taken, searched: HashMap::new() }
    }

    pub(super) fn take(&mut self, moment: &Timestamp) {
        self.taken.insert(moment.timestamp());
    }

    /// First free second of `day` in `zone`; a full day repeats its last second.
    pub(super) fn first_of(&mut self, day: NaiveDate, zone: Tz) -> Timestamp {
        let midnight = start_of(day, zone);
        let free = self.first_free(midnight.timestamp(), 1).min(SECONDS_A_DAY - 1);
        let moment = (midnight + TimeDelta::seconds(free)).with_timezone(&zone).fixed_offset();
        self.take(&moment);
        moment
    }

    /// The first free second from `moment` on, looked for over one day; `moment` where there is
    /// none.
    pub(super) fn first_from(&mut self, moment: Timestamp) -> Timestamp {
        let ahead = self.first_free(moment.timestamp(), 1);
        let ahead = if ahead < SECONDS_A_DAY { ahead } else { 0 };
        let moment = moment + TimeDelta::seconds(ahead);
        self.take(&moment);
        moment
    }

    /// The last free second at or before `now`, looked for over one day.
    pub(super) fn last_before(&mut self, now: DateTime<Utc>, zone: Tz) -> Timestamp {
        let back = self.first_free(now.timestamp(), -1);
        let back = if back < SECONDS_A_DAY { back } else { 0 };
        let whole = DateTime::from_timestamp(now.timestamp() - back, 0).unwrap_or(now);
        let moment = whole.with_timezone(&zone).fixed_offset();
        self.take(&moment);
        moment
    }

    /// How many seconds from `start`, forwards or backwards, the first free one lies; a day
    /// where none is.
    fn first_free(&mut self, start: i64, direction: i64) -> i64 {
        // A second, once taken, is never given back, so the search goes on where it ended.
        let searched = self.searched.entry(start.wrapping_mul(2) + direction).or_default();
        while *searched < SECONDS_A_DAY && self.taken.contains(&(start + direction * *searched)) {
            *searched += 1;
        }
        *searched
    }
}

/// First instant of `day` in `zone`: midnight, or where a clock change skips it the first
/// moment after.
pub(super) fn start_of(day: NaiveDate, zone: Tz) -> DateTime<Tz> {
    (0..24 * 4)
        .filter_map(|quarters| day.and_hms_opt(quarters / 4, quarters % 4 * 15, 0))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .unwrap_or_else(|| zone.from_utc_datetime(&day.and_hms_opt(0, 0, 0).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn each_item_of_a_day_gets_a_second_of_its_own() {
        let mut taken = TakenSeconds::default();
        let zone = chrono_tz::Asia::Singapore;
        let first = taken.first_of(day("2026-11-21"), zone);
        let second = taken.first_of(day("2026-11-21"), zone);
        assert_eq!(first.to_rfc3339(), "2026-11-21T00:00:00+08:00");
        assert_eq!(second.to_rfc3339(), "2026-11-21T00:00:01+08:00");
    }

    #[test]
    fn one_time_given_twice_moves_on_to_the_next_second() {
        let mut taken = TakenSeconds::default();
        let given: Timestamp = "2026-11-21T23:59:59+08:00".parse().unwrap();
        assert_eq!(taken.first_from(given), given);
        assert_eq!(taken.first_from(given).to_rfc3339(), "2026-11-22T00:00:00+08:00");
    }

    #[test]
    fn a_full_day_repeats_its_last_second() {
        let mut taken = TakenSeconds::default();
        let zone = chrono_tz::UTC;
        let start = day("2026-11-21").and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp();
        taken.taken.extend(start..start + SECONDS_A_DAY);
        let moment = taken.first_of(day("2026-11-21"), zone);
        assert_eq!(moment.to_rfc3339(), "2026-11-21T23:59:59+00:00");
    }

    #[test]
    fn a_midnight_that_a_clock_change_skips_becomes_the_first_moment_after() {
        // Lebanon moves its clocks at midnight.
        let start = start_of(day("2024-03-31"), chrono_tz::Asia::Beirut);
        assert_eq!(start.to_rfc3339(), "2024-03-31T01:00:00+03:00");
    }

    #[test]
    fn the_time_first_seen_moves_back_to_a_free_second() {
        let mut taken = TakenSeconds::default();
        let now = "2026-11-21T04:00:00.5Z".parse().unwrap();
        let zone = chrono_tz::Asia::Singapore;
        assert_eq!(taken.last_before(now, zone).to_rfc3339(), "2026-11-21T12:00:00+08:00");
        assert_eq!(taken.last_before(now, zone).to_rfc3339(), "2026-11-21T11:59:59+08:00");
    }
}
