//! When a digest is due: a function of its cron expression and its newest scheduled run.
//!
//! Times are walked as local wall-clock times, and each is then put on the time line. So a
//! time that a clock change skips runs at the first valid instant under its own name, and
//! one that comes twice runs once.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// A due moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Local wall-clock time to the minute, as `2026-11-21T08:00`.
    pub key: String,
    pub moment: DateTime<Utc>,
    /// Moments between the newest run and this one, that one issue now covers.
    pub missed: usize,
}

const KEY_FORM: &str = "%Y-%m-%dT%H:%M";

/// Due moments looked at in one go; a digest that slept through more is due at one of them
/// and at the rest right after.
const LOOK_AHEAD: usize = 100_000;

/// The newest moment that is due at `now` and has no run yet.
///
/// `newest_key` is the key of the newest scheduled run. A digest without one starts behind
/// `registered_at` and never catches up on what came before it.
pub fn due(
    cron: &Cron,
    zone: Tz,
    newest_key: Option<&str>,
    registered_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Due> {
    let from = newest_key
        .and_then(|key| NaiveDateTime::parse_from_str(key, KEY_FORM).ok())
        .unwrap_or_else(|| registered_at.with_timezone(&zone).naive_local());
    let mut newest = None;
    let mut missed = 0;
    for local in local_times(cron, from).take(LOOK_AHEAD) {
        let moment = instant(local, zone);
        if moment > now {
            break;
        }
        // Behind a clock change two names can lie before the moment of registration.
        if newest_key.is_none() && moment <= registered_at {
            continue;
        }
        if newest.is_some() {
            missed += 1;
        }
        newest = Some((local, moment));
    }
    newest.map(|(local, moment)| Due { key: local.format(KEY_FORM).to_string(), moment, missed })
}

/// The first moment after `now`; what `status` shows as the next one.
pub fn next(cron: &Cron, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let from = now.with_timezone(&zone).naive_local() - TimeDelta::hours(3);
    local_times(cron, from).take(LOOK_AHEAD).map(|l| instant(l, zone)).find(|m| *m > now)
}

/// Whether the digest comes at least once a day, as of `now`.
pub fn is_daily(cron: &Cron, now: DateTime<Utc>) -> bool {
    let mut times = local_times(cron, now.naive_utc());
    let (first, second) = (times.next(), times.next());
    first.zip(second).is_some_and(|(first, second)| second - first <= TimeDelta::hours(24))
}

/// Whether the expression matches any day at all: not a 30th of February.
pub fn ever_fires(cron: &Cron) -> bool {
    let from = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default();
    local_times(cron, from.and_time(NaiveTime::MIN)).next().is_some()
}

/// Local times that match, after `from`, in order.
fn local_times(cron: &Cron, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
    // croner keeps the part of a second it is given.
    let from = from.with_nanosecond(0).unwrap_or(from);
    cron.iter_after(from.and_utc()).map(|at| at.naive_utc())
}

/// The instant of a local time: the first of two, or the first valid one after a gap.
pub(super) fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    (0..24 * 60)
        .find_map(|minutes| {
            zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))).earliest()
        })
        .map_or_else(|| local.and_utc(), |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Asia::Singapore, Europe::Berlin};
    use croner::parser::CronParser;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Keys and instants at which a digest registered at `from` runs when asked each minute
    /// until `until`.
    fn runs(expression: &str, zone: Tz, from: &str, until: &str) -> Vec<(String, String)> {
        let cron = CronParser::new().parse(expression).unwrap();
        let mut newest: Option<String> = None;
        let mut runs = Vec::new();
        let mut now = at(from);
        while now <= at(until) {
            if let Some(due) = due(&cron, zone, newest.as_deref(), at(from), now) {
                runs.push((due.key.clone(), due.moment.format("%H:%MZ").to_string()));
                newest = Some(due.key);
            }
            now += TimeDelta::minutes(1);
        }
        runs
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn a_daily_digest_runs_once_a_day_at_its_local_time() {
        assert_eq!(
            runs("0 8 * * *", Singapore, "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z"),
            pairs(&[("2026-11-21T08:00", "00:00Z"), ("2026-11-22T08:00", "00:00Z")])
        );
    }

    #[test]
    fn a_time_that_the_clock_skips_runs_at_the_first_valid_instant_under_its_own_name() {
        assert_eq!(
            runs("30 2 * * *", Berlin, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            pairs(&[("2026-03-29T02:30", "01:00Z")])
        );
    }

    #[test]
    fn a_time_that_comes_twice_runs_once() {
        assert_eq!(
            runs("30 2 * * *", Berlin, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
            pairs(&[("2026-10-25T02:30", "00:30Z")])
        );
    }

    #[test]
    fn an_hourly_digest_passes_over_the_repeated_hour() {
        let keys: Vec<_> =
            runs("0 * * * *", Berlin, "2026-10-24T23:30:00Z", "2026-10-25T03:00:00Z")
                .into_iter()
                .map(|(key, _)| key)
                .collect();
        let expected = ["2026-10-25T02:00", "2026-10-25T03:00", "2026-10-25T04:00"];
        assert_eq!(keys, expected);
    }

    #[test]
    fn after_a_long_sleep_one_run_covers_all_that_was_missed() {
        let cron = CronParser::new().parse("0 8 * * *").unwrap();
        let due = due(
            &cron,
            Singapore,
            Some("2026-11-18T08:00"),
            at("2026-01-01T00:00:00Z"),
            at("2026-11-21T00:00:30Z"),
        )
        .unwrap();
        assert_eq!((due.key.as_str(), due.missed), ("2026-11-21T08:00", 2));
    }

    #[test]
    fn a_new_digest_never_catches_up_on_earlier_periods() {
        let cron = CronParser::new().parse("0 8 * * *").unwrap();
        let registered = at("2026-11-21T00:00:00Z");
        assert_eq!(due(&cron, Singapore, None, registered, at("2026-11-21T23:59:59Z")), None);
        assert!(due(&cron, Singapore, None, registered, at("2026-11-22T00:00:00Z")).is_some());
    }

    #[test]
    fn an_expression_that_no_day_matches_never_fires() {
        let fires = |text: &str| ever_fires(&CronParser::new().parse(text).unwrap());
        assert!(fires("0 8 29 2 *"), "leap days come");
        assert!(fires("0 8 30 2 FRI"), "day of month or day of week");
        assert!(!fires("0 8 30 2 *"));
        assert!(!fires("0 8 31 4,6,9,11 *"));
    }

    #[test]
    fn a_leap_day_runs_in_leap_years() {
        let cron = CronParser::new().parse("0 8 29 2 *").unwrap();
        let next = next(&cron, Singapore, at("2026-11-21T00:00:00Z")).unwrap();
        assert_eq!(next, at("2028-02-29T00:00:00Z"));
    }

    #[test]
    fn a_clock_that_is_set_back_runs_nothing_twice() {
        let cron = CronParser::new().parse("0 8,17 * * *").unwrap();
        let registered = at("2026-11-20T00:00:00Z");
        let newest = Some("2026-11-21T17:00");
        for now in ["2026-11-21T09:00:00Z", "2026-11-21T00:00:00Z", "2026-11-20T00:00:00Z"] {
            assert_eq!(due(&cron, Singapore, newest, registered, at(now)), None, "{now}");
        }
        // Set forward by a day: one run over both moments.
        let due = due(&cron, Singapore, newest, registered, at("2026-11-22T09:00:00Z")).unwrap();
        assert_eq!((due.key.as_str(), due.missed), ("2026-11-22T17:00", 1));
    }

    #[test]
    fn a_weekday_name_is_understood() {
        let cron = CronParser::new().parse("0 17 * * FRI").unwrap();
        let next = next(&cron, Singapore, at("2026-11-21T00:00:00Z")).unwrap();
        assert_eq!(next, at("2026-11-27T09:00:00Z"));
    }
}
