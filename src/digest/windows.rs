//! When digests may be mailed: windows of the week in the site's zone, and days without any.
//!
//! Outside them what is due waits, under the key of its moment. Clock changes are treated as in
//! `schedule`: a time that is skipped is the first valid instant after it.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use super::holidays::Holidays;
use super::schedule::instant;

/// One window of the week, on some of its days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendWindow {
    /// From Monday on.
    pub days: [bool; 7],
    pub from: NaiveTime,
    /// Behind `from`; absent for the end of the day.
    pub to: Option<NaiveTime>,
}

impl SendWindow {
    fn is_on(&self, day: Weekday) -> bool {
        self.days[day.num_days_from_monday() as usize]
    }
}

/// All windows of a press office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendWindows {
    pub zone: Tz,
    /// Empty where every time is right.
    pub windows: Vec<SendWindow>,
    /// Days without a window.
    pub holidays: Holidays,
}

/// Whether mail that keeps to the windows may go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    Open,
    Closed,
}

/// Days looked ahead: a calendar that leaves no window for so long never does.
const LOOK_AHEAD: usize = 800;

impl SendWindows {
    /// Every time is right.
    pub fn always(zone: Tz) -> Self {
        Self { zone, windows: Vec::new(), holidays: Holidays::default() }
    }

    /// Whether there is any time that is not right.
    pub fn is_always(&self) -> bool {
        self.windows.is_empty() && self.holidays.is_empty()
    }

    pub fn state(&self, now: DateTime<Utc>) -> WindowState {
        if self.opens(now) == Some(now) { WindowState::Open } else { WindowState::Closed }
    }

    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.state(now) == WindowState::Open
    }

    /// The first moment from `now` on that is right: `now` itself in a window. `None` where
    /// the calendar leaves none.
    pub fn opens(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_always() {
            return Some(now);
        }
        let today = now.with_timezone(&self.zone).date_naive();
        // A clock change over midnight may leave the window of the day before open.
        let days = today.pred_opt().unwrap_or(today).iter_days().take(LOOK_AHEAD);
        days.flat_map(|day| self.of_day(day))
            .filter(|(_, end)| *end > now)
            .map(|(start, _)| start.max(now))
            .next()
    }

    /// When mail stops next, where a window is open and ever closes.
    pub fn closes(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut end = now;
        if self.is_always() || !self.is_open(now) {
            return None;
        }
        let today = now.with_timezone(&self.zone).date_naive();
        let first = today.pred_opt().unwrap_or(today);
        for (start, until) in first.iter_days().take(LOOK_AHEAD).flat_map(|day| self.of_day(day)) {
            if start > end {
                return Some(end);
            }
            end = end.max(until);
        }
        None
    }

    /// How much of the time from `from` to `to` was right.
    pub fn open_time(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        if self.is_always() || from >= to {
            return to - from;
        }
        let (mut total, mut counted) = (TimeDelta::zero(), from);
        let first = from.with_timezone(&self.zone).date_naive();
        let days = first.pred_opt().unwrap_or(first).iter_days().take(LOOK_AHEAD);
        for (start, end) in days.flat_map(|day| self.of_day(day)) {
            if start >= to {
                break;
            }
            // Windows may overlap.
            let start = start.max(counted);
            let end = end.min(to);
            if start < end {
                total += end - start;
                counted = end;
            }
        }
        total
    }

    /// Begin and end of the windows of a day, in order.
    fn of_day(&self, day: NaiveDate) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        if self.holidays.is_on(day) {
            return Vec::new();
        }
        let tomorrow = day.checked_add_days(Days::new(1)).unwrap_or(day);
        let at = |day: NaiveDate, time: NaiveTime| instant(day.and_time(time), self.zone);
        let midnight = || at(tomorrow, NaiveTime::MIN);
        if self.windows.is_empty() {
            return vec![(at(day, NaiveTime::MIN), midnight())];
        }
        let windows = self.windows.iter().filter(|window| window.is_on(day.weekday()));
        let mut spans: Vec<_> = windows
            .map(|window| {
                // The later of two equal times: a window is as long as it says, or longer.
                let end = window.to.map_or_else(midnight, |to| {
                    let latest = self.zone.from_local_datetime(&day.and_time(to)).latest();
                    latest.map_or_else(|| at(day, to), |at| at.to_utc())
                });
                (at(day, window.from), end)
            })
            .filter(|(start, end)| start < end)
            .collect();
        spans.sort_unstable();
        spans
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Singapore;
    use chrono_tz::Europe::Berlin;

    use super::*;

    fn time(text: &str) -> NaiveTime {
        text.parse().unwrap()
    }

    /// 08:00 to 18:00, Monday to Friday.
    fn office_hours(zone: Tz) -> SendWindows {
        let days = [true, true, true, true, true, false, false];
        let window = SendWindow { days, from: time("08:00:00"), to: Some(time("18:00:00")) };
        SendWindows { windows: vec![window], ..SendWindows::always(zone) }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// `now` and the moment that is right from there on.
    fn check(windows: &SendWindows, now: &str, opens: &str) {
        assert_eq!(windows.opens(at(now)), Some(at(opens)), "{now}");
    }

    #[test]
    fn without_windows_every_time_is_right() {
        let windows = SendWindows::always(Singapore);
        check(&windows, "2026-11-21T19:00:00Z", "2026-11-21T19:00:00Z");
        assert_eq!(windows.closes(at("2026-11-21T19:00:00Z")), None);
    }

    #[test]
    fn a_window_is_open_from_its_first_moment_up_to_its_last() {
        let windows = office_hours(Singapore);
        for (now, opens) in [
            ("2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z"),
            ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("2026-11-20T09:59:59Z", "2026-11-20T09:59:59Z"),
            // Friday evening waits for Monday morning.
            ("2026-11-20T10:00:00Z", "2026-11-23T00:00:00Z"),
            ("2026-11-21T12:00:00Z", "2026-11-23T00:00:00Z"),
        ] {
            check(&windows, now, opens);
        }
        let closes = windows.closes(at("2026-11-20T00:00:00Z"));
        assert_eq!(closes, Some(at("2026-11-20T10:00:00Z")));
    }

    #[test]
    fn a_holiday_has_no_window() {
        let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261123\n\
                    END:VEVENT\nEND:VCALENDAR\n";
        let holidays = Holidays::parse(text, Singapore).unwrap();
        let windows = SendWindows { holidays: holidays.clone(), ..office_hours(Singapore) };
        check(&windows, "2026-11-20T10:00:00Z", "2026-11-24T00:00:00Z");
        let alone = SendWindows { holidays, ..SendWindows::always(Singapore) };
        check(&alone, "2026-11-22T16:00:00Z", "2026-11-23T16:00:00Z");
        check(&alone, "2026-11-22T15:59:00Z", "2026-11-22T15:59:00Z");
        assert_eq!(alone.closes(at("2026-11-20T00:00:00Z")), Some(at("2026-11-22T16:00:00Z")));
    }

    #[test]
    fn windows_keep_to_the_clock_on_the_wall_over_its_changes() {
        let windows = office_hours(Berlin);
        check(&windows, "2026-03-27T18:00:00Z", "2026-03-30T06:00:00Z");
        check(&windows, "2026-10-23T18:00:00Z", "2026-10-26T07:00:00Z");
        let night =
            SendWindow { days: [true; 7], from: time("02:30:00"), to: Some(time("03:30:00")) };
        let night = SendWindows { windows: vec![night], ..SendWindows::always(Berlin) };
        // 02:30 is skipped: the first valid instant is 03:00 in summer time.
        check(&night, "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z");
        // It comes twice: the first of them.
        check(&night, "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z");
    }

    #[test]
    fn time_outside_does_not_count() {
        let windows = office_hours(Singapore);
        let hours = |from, to| windows.open_time(at(from), at(to)).num_hours();
        // Friday 08:30 to Monday 09:00.
        assert_eq!(hours("2026-11-20T00:30:00Z", "2026-11-23T01:00:00Z"), 10);
        assert_eq!(hours("2026-11-20T02:00:00Z", "2026-11-20T05:00:00Z"), 3);
        assert_eq!(hours("2026-11-21T02:00:00Z", "2026-11-22T05:00:00Z"), 0);
        let always = SendWindows::always(Singapore);
        let (from, to) = (at("2026-11-21T02:00:00Z"), at("2026-11-22T02:00:00Z"));
        assert_eq!(always.open_time(from, to).num_hours(), 24);
    }

    #[test]
    fn a_window_may_last_to_the_end_of_the_day_and_go_on_in_the_next() {
        let window = SendWindow { days: [true; 7], from: time("00:00:00"), to: None };
        let windows = SendWindows { windows: vec![window], ..SendWindows::always(Singapore) };
        check(&windows, "2026-11-21T15:59:59Z", "2026-11-21T15:59:59Z");
        check(&windows, "2026-11-21T16:00:00Z", "2026-11-21T16:00:00Z");
        assert_eq!(windows.closes(at("2026-11-21T16:00:00Z")), None);
    }
}
