//! Where and when a history takes place: any zone, near a change of its clocks if it has one.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta,
    TimeZone, Timelike, Utc,
};
use chrono_tz::{TZ_VARIANTS, Tz};

const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// Long enough before a change for people to have joined.
const BEFORE_CHANGE: TimeDelta = TimeDelta::hours(200);

/// When the digest `daily` is due: in the morning, and at hours that clocks skip or repeat.
pub(crate) const DAILY_AT: [(u32, u32); 4] = [(8, 0), (2, 30), (0, 0), (1, 15)];
/// When the digest `weekly` is due.
pub(crate) const WEEKLY_AT: (u32, u32) = (17, 0);

/// Whether it waits for a word; urgent news then does too.
const APPROVE: [&str; 3] = ["never", "{over: 3}", "always"];

/// Numbers choose among what there is, and wrap around.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) zone: usize,
    pub(crate) year: i32,
    pub(crate) day: u32,
    pub(crate) daily_at: usize,
    pub(crate) approve: usize,
}

/// A place, and its time.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) zone: Tz,
    pub(crate) start: DateTime<Utc>,
    /// The change of the clocks that is near.
    pub(crate) change: Option<DateTime<Utc>>,
    pub(crate) daily_at: (u32, u32),
    pub(crate) approve: &'static str,
}

impl Setting {
    pub(crate) fn place(&self) -> Place {
        // Most zones of the world keep their clocks as they are; most histories are elsewhere.
        let has_change = !self.day.is_multiple_of(8);
        let (zone, changes) = (self.zone..self.zone + TZ_VARIANTS.len())
            .map(zone)
            .map(|zone| (zone, changes(zone, self.year)))
            .find(|(_, changes)| !changes.is_empty() || !has_change)
            .unwrap();
        let change = changes.get(self.day as usize % changes.len().max(1)).copied();
        let day = NaiveDate::from_yo_opt(self.year, self.day % 365 + 1).unwrap();
        let start = change.unwrap_or(day.and_time(NaiveTime::MIN).and_utc()) - BEFORE_CHANGE;
        let daily_at = DAILY_AT[self.daily_at % DAILY_AT.len()];
        Place { zone, start, change, daily_at, approve: APPROVE[self.approve % APPROVE.len()] }
    }
}

fn zone(n: usize) -> Tz {
    TZ_VARIANTS[n % TZ_VARIANTS.len()]
}

fn quarters(from: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    (0..).map(move |n| from + QUARTER * n)
}

fn offset(zone: Tz, at: DateTime<Utc>) -> FixedOffset {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix()
}

/// Moments of a year at which the clocks of a zone change.
fn changes(zone: Tz, year: i32) -> Vec<DateTime<Utc>> {
    let from = NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(NaiveTime::MIN).and_utc();
    let days = (0..365).map(|day| from + TimeDelta::days(day));
    days.filter(|day| offset(zone, *day) != offset(zone, *day + TimeDelta::days(1)))
        .flat_map(|day| quarters(day + QUARTER).take(96))
        .filter(|at| offset(zone, *at) != offset(zone, *at - QUARTER))
        .collect()
}

/// The first moment at which the clock shows this or later.
fn first_showing(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    quarters(local.and_utc() - TimeDelta::hours(24))
        .find(|at| at.with_timezone(&zone).naive_local() >= local)
        .unwrap()
}

impl Place {
    /// The next moment after `now` at which a digest may be due, or at which the clocks change.
    pub(crate) fn next_tick(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let quarter = now - TimeDelta::seconds(now.timestamp().rem_euclid(900));
        let is_tick = |at: &DateTime<Utc>| {
            let local = at.with_timezone(&self.zone);
            let time = (local.hour(), local.minute());
            time == self.daily_at
                || (time == WEEKLY_AT && local.weekday() == chrono::Weekday::Fri)
                || offset(self.zone, *at) != offset(self.zone, *at - QUARTER)
        };
        quarters(quarter + QUARTER).find(is_tick).unwrap()
    }
}

/// When something may be told, as its author wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Embargo {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) ends_at: DateTime<Utc>,
    /// Whether it ends at that very second, and not a few later in the order of a day.
    pub(crate) is_exact: bool,
}

/// How authors write an embargo.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// From now on.
    pub(crate) quarters: i32,
    pub(crate) spelling: usize,
    pub(crate) zone: usize,
    /// About when the clocks change, if they do so soon.
    pub(crate) is_by_change: bool,
}

impl Wish {
    pub(crate) fn embargo(&self, place: &Place, now: DateTime<Utc>) -> Embargo {
        let change = place.change.filter(|at| self.is_by_change && *at > now);
        let (zone, local) = if let Some(change) = change {
            let before = (change - QUARTER).with_timezone(&place.zone);
            (place.zone, before.naive_local() + QUARTER * (self.quarters % 12))
        } else {
            let zone = zone(self.zone);
            let at = now + QUARTER * self.quarters;
            (zone, at.with_timezone(&zone).naive_local())
        };
        let minute = local.minute() / 15 * 15;
        let local =
            local.date().and_time(NaiveTime::from_hms_opt(local.hour(), minute, 0).unwrap());
        match self.spelling % 4 {
            0 => with_offset(first_showing(local, zone), self.zone),
            1 => in_zone(local, zone),
            2 => wall_clock(local, place.zone),
            _ => day(local.date().succ_opt().unwrap(), place.zone),
        }
    }
}

/// `publish_at: 2026-10-25T01:30:00-03:00`
fn with_offset(ends_at: DateTime<Utc>, number: usize) -> Embargo {
    // Midnight with the offset nought is a day.
    let hours = i32::try_from(number % 12).unwrap() + 1;
    let east = if number.is_multiple_of(2) { hours } else { -hours };
    let written = ends_at.with_timezone(&FixedOffset::east_opt(east * 3600).unwrap());
    Embargo { key: "publish_at", value: written.to_rfc3339(), ends_at, is_exact: true }
}

/// `publish_at: 2026-10-25 01:30:00 Europe/London`
fn in_zone(local: NaiveDateTime, zone: Tz) -> Embargo {
    let value = format!("{} {zone}", local.format("%Y-%m-%d %H:%M:%S"));
    Embargo { key: "publish_at", value, ends_at: first_showing(local, zone), is_exact: true }
}

/// `date: 2026-10-25 01:30:00`, by the clock of the site.
fn wall_clock(local: NaiveDateTime, zone: Tz) -> Embargo {
    let value = local.format("%Y-%m-%d %H:%M:%S").to_string();
    Embargo { key: "date", value, ends_at: first_showing(local, zone), is_exact: false }
}

/// `date: 2026-10-25`, at the site's place.
fn day(day: NaiveDate, zone: Tz) -> Embargo {
    let ends_at = first_showing(day.and_time(NaiveTime::MIN), zone);
    Embargo { key: "date", value: day.to_string(), ends_at, is_exact: false }
}
