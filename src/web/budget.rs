//! How many sign-ups are taken: from one neighbourhood, and in all.
//!
//! Each has a bucket of tokens that fills again with time. Who signs up others floods them with
//! mail, one each; these are the limits of that, above what an office or a school asks for on a
//! busy day. Unsubscribing has none.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

/// What there is at first, and fills again in an hour.
const NEIGHBOURHOOD: f64 = 30.0;
const ALL: f64 = 1_800.0;

/// Neighbourhoods that are remembered. More within an hour are more than there is room for in all.
const MOST: usize = 4_096;

/// Tokens as of a moment.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

impl Bucket {
    fn full(size: f64, at: DateTime<Utc>) -> Self {
        Self { left: size, at }
    }

    /// As of now. A clock that was set back fills nothing.
    fn now(self, size: f64, now: DateTime<Utc>) -> Self {
        let hours = (now - self.at).max(TimeDelta::zero()).as_seconds_f64() / 3_600.0;
        Self { left: (self.left + hours * size).min(size), at: now }
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    all: Bucket,
    by_neighbourhood: HashMap<IpAddr, Bucket>,
}

impl Budget {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { all: Bucket::full(ALL, now), by_neighbourhood: HashMap::new() }
    }

    /// Takes one sign-up from both buckets; `false` where either is empty.
    pub(super) fn take(&mut self, neighbourhood: IpAddr, now: DateTime<Utc>) -> bool {
        self.all = self.all.now(ALL, now);
        let known = self.by_neighbourhood.get(&neighbourhood).copied();
        let mut own = known.unwrap_or(Bucket::full(NEIGHBOURHOOD, now)).now(NEIGHBOURHOOD, now);
        let is_there = self.all.left >= 1.0 && own.left >= 1.0;
        if is_there {
            self.all.left -= 1.0;
            own.left -= 1.0;
            self.by_neighbourhood.insert(neighbourhood, own);
            self.forget_full(now);
        }
        is_there
    }

    /// Who has a full bucket is nobody in particular.
    fn forget_full(&mut self, now: DateTime<Utc>) {
        if self.by_neighbourhood.len() > MOST {
            let is_used = |bucket: &Bucket| bucket.now(NEIGHBOURHOOD, now).left < NEIGHBOURHOOD;
            self.by_neighbourhood.retain(|_, bucket| is_used(bucket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn from(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    /// How many of `count` sign-ups are taken.
    fn taken(budget: &mut Budget, from: IpAddr, count: usize, now: DateTime<Utc>) -> usize {
        (0..count).filter(|_| budget.take(from, now)).count()
    }

    #[test]
    fn a_neighbourhood_has_thirty_an_hour() {
        let mut budget = Budget::new(minute(0));
        assert_eq!(taken(&mut budget, from(1), 100, minute(0)), 30);
        assert_eq!(taken(&mut budget, from(2), 100, minute(0)), 30, "others have their own");
        assert_eq!(taken(&mut budget, from(1), 100, minute(20)), 10);
        assert_eq!(taken(&mut budget, from(1), 100, minute(500)), 30);
        assert_eq!(taken(&mut budget, from(1), 100, minute(0)), 0, "the clock was set back");
    }

    #[test]
    fn all_together_have_a_budget_too_and_little_is_remembered() {
        let mut budget = Budget::new(minute(0));
        let all =
            |budget: &mut Budget, now| (0..10_000).filter(|n| budget.take(from(*n), now)).count();
        assert_eq!(all(&mut budget, minute(0)), 1_800);
        assert_eq!(all(&mut budget, minute(30)), 900);
        for hour in 1..10 {
            all(&mut budget, minute(60 * hour));
        }
        assert!(budget.by_neighbourhood.len() <= MOST + 1, "{}", budget.by_neighbourhood.len());
    }
}
