//! At which deliveries the relay failed: one of them may be the cause.
//!
//! Such a delivery comes behind all others, so that these show whether the relay works. It is
//! remembered from one drain to the next: a relay that failed is probed with another.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::Claim;

/// A delivery at which the relay fails so often is laid aside.
const FAILURES: u32 = 3;
const LAID_ASIDE: TimeDelta = TimeDelta::minutes(5);
/// A delivery that failed comes again when so many others were taken, or there are no others.
const OTHERS: u64 = 50;
/// What failed no more for so long found its outcome.
const FORGOTTEN: TimeDelta = TimeDelta::days(1);

/// The relay's failures, by run and person, and how many messages it took.
#[derive(Debug, Clone, Default)]
pub struct Failures {
    accepted: u64,
    noted: u64,
    records: HashMap<(i64, i64), Record>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    count: u32,
    /// Messages taken before it failed first, and last.
    first: u64,
    last: u64,
    /// Its place among all failures.
    number: u64,
    at: DateTime<Utc>,
}

/// A delivery that waits behind others because the relay failed at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Who failed first comes first; no two are equal.
    pub(super) number: u64,
    /// It waits no longer when the relay took so many.
    pub(super) until: u64,
}

impl Failures {
    /// The relay took a message.
    pub(super) fn accepted(&mut self) {
        self.accepted += 1;
    }

    /// Messages the relay took.
    pub(super) fn count_accepted(&self) -> u64 {
        self.accepted
    }

    /// The relay failed while this delivery was under way; how long it rests. Where the relay
    /// took nothing since, no delivery is the cause.
    pub(super) fn note(&mut self, claim: &Claim, now: DateTime<Utc>) -> TimeDelta {
        let key = (claim.run, claim.subscriber);
        if !self.records.contains_key(&key) {
            self.records.retain(|_, record| now - record.at < FORGOTTEN);
        }
        self.noted += 1;
        let (accepted, number) = (self.accepted, self.noted);
        let fresh = Record { count: 0, first: accepted, last: accepted, number, at: now };
        let record = self.records.entry(key).or_insert(fresh);
        *record = Record { count: record.count + 1, first: record.first, ..fresh };
        let is_the_cause = record.count >= FAILURES && accepted > record.first;
        if is_the_cause { LAID_ASIDE } else { TimeDelta::zero() }
    }

    /// Where a delivery waits at which the relay failed.
    pub(super) fn place(&self, claim: &Claim) -> Option<Place> {
        let record = self.records.get(&(claim.run, claim.subscriber))?;
        Some(Place { number: record.number, until: record.last + OTHERS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::made::claim;

    #[test]
    fn a_delivery_is_laid_aside_only_where_the_relay_takes_others() {
        let mut failures = Failures::default();
        let now = DateTime::UNIX_EPOCH;
        for _ in 0..100 {
            assert!(failures.note(&claim(1), now).is_zero(), "the relay takes nothing");
        }
        failures.accepted();
        assert_eq!(failures.note(&claim(1), now), LAID_ASIDE);
        assert!(failures.note(&claim(2), now).is_zero(), "it failed once");
    }

    #[test]
    fn who_failed_last_comes_last() {
        let mut failures = Failures::default();
        assert_eq!(failures.place(&claim(1)), None);
        for subscriber in [1, 2, 1] {
            let _ = failures.note(&claim(subscriber), DateTime::UNIX_EPOCH);
        }
        let place = |subscriber| failures.place(&claim(subscriber)).unwrap().number;
        assert!(place(2) < place(1));
    }

    #[test]
    fn what_failed_long_ago_is_forgotten() {
        let mut failures = Failures::default();
        let _ = failures.note(&claim(1), DateTime::UNIX_EPOCH);
        let _ = failures.note(&claim(2), DateTime::UNIX_EPOCH + FORGOTTEN);
        assert_eq!(failures.place(&claim(1)), None);
    }
}
