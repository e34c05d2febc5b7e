//! Token buckets: how fast the relay, and each group of recipient domains, gets mail.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Mail whose turn is further off waits in the store.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Lets `per_second` through on average, and a second's worth at once.
///
/// Time is given as the time since some fixed moment, by a clock that does not jump.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    per_second: f64,
    tokens: f64,
    filled_at: Duration,
}

impl Bucket {
    pub fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, tokens: per_second, filled_at: Duration::ZERO }
    }

    /// Takes a token that is there now or will be, and says how long to wait for it.
    pub fn reserve(&mut self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.filled_at = now.max(self.filled_at);
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second);
        self.tokens -= 1.0;
        Duration::from_secs_f64((-self.tokens / self.per_second).max(0.0))
    }

    /// Gives back a token that was reserved and will not be used.
    pub fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(self.per_second);
    }
}

/// What the relay and the groups of domains have had. Kept from one drain to the next: each
/// starts where the one before it ended, and not with a second's worth at once.
#[derive(Debug)]
pub struct Rates {
    started: Instant,
    relay: Option<Bucket>,
    /// By their numbers.
    groups: HashMap<usize, Group>,
}

/// Domains that share a rate.
#[derive(Debug)]
struct Group {
    bucket: Bucket,
    per_second: u32,
    /// When all mail is through that was given back to the store, its turn far off.
    beyond: Duration,
}

/// When a message's turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// So long after the start.
    Soon(Duration),
    /// So long from now; the store keeps it until then.
    Far(Duration),
}

impl Rates {
    /// With so many messages a second to the relay in all.
    pub fn new(per_second: Option<u32>) -> Self {
        let relay = per_second.map(Bucket::new);
        Self { started: Instant::now(), relay, groups: HashMap::new() }
    }

    /// What turns count from.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// How long the relay's next message has to wait.
    pub(super) fn reserve_for_relay(&mut self) -> Duration {
        let now = self.started.elapsed();
        self.relay.as_mut().map(|bucket| bucket.reserve(now)).unwrap_or_default()
    }

    /// A turn for one message to a group with such a rate.
    pub(super) fn reserve(&mut self, group: usize, per_second: u32, now: Duration) -> Turn {
        self.groups.entry(group).or_insert_with(|| Group::new(per_second)).reserve(now)
    }

    /// Gives back a turn that will not be used.
    pub(super) fn give_back(&mut self, group: usize) {
        if let Some(group) = self.groups.get_mut(&group) {
            group.bucket.give_back();
        }
    }
}

impl Group {
    fn new(per_second: u32) -> Self {
        Self { bucket: Bucket::new(per_second), per_second, beyond: Duration::ZERO }
    }

    fn reserve(&mut self, now: Duration) -> Turn {
        let wait = self.bucket.reserve(now);
        if wait <= LONGEST_WAIT {
            return Turn::Soon(now + wait);
        }
        self.bucket.give_back();
        let at = self.beyond.max(now + LONGEST_WAIT);
        self.beyond = at + Duration::from_secs(1) / self.per_second.max(1);
        Turn::Far(at.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_goes_at_once_and_the_rest_in_step() {
        let mut bucket = Bucket::new(10);
        let start = Duration::from_secs(5);
        let waits: Vec<u128> = (0..13).map(|_| bucket.reserve(start).as_millis()).collect();
        assert_eq!(waits[..10], [0; 10]);
        assert_eq!(waits[10..], [100, 200, 300]);
    }

    #[test]
    fn a_bucket_fills_up_to_a_second_and_no_further() {
        let mut bucket = Bucket::new(2);
        let later = Duration::from_hours(1);
        let waits: Vec<u128> = (0..4).map(|_| bucket.reserve(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1_000]);
    }

    #[test]
    fn what_is_given_back_is_there_for_the_next() {
        let mut bucket = Bucket::new(1);
        let now = Duration::from_secs(1);
        assert_eq!(bucket.reserve(now), Duration::ZERO);
        assert_eq!(bucket.reserve(now), Duration::from_secs(1));
        bucket.give_back();
        assert_eq!(bucket.reserve(now), Duration::from_secs(1));
    }

    #[test]
    fn a_group_hands_out_turns_in_step_and_sends_the_far_ones_back() {
        let mut group = Group::new(10);
        let now = Duration::from_secs(5);
        let turns: Vec<Turn> = (0..400).map(|_| group.reserve(now)).collect();
        let soon = |turn: &Turn| if let Turn::Soon(at) = turn { Some(*at) } else { None };
        let far = |turn: &Turn| if let Turn::Far(wait) = turn { Some(*wait) } else { None };
        assert_eq!(turns.iter().filter_map(soon).count(), 310, "a second's worth and 30 s more");
        assert_eq!(turns.iter().filter_map(soon).max(), Some(now + LONGEST_WAIT));
        // The 90 others come back when those before them are through, ten a second.
        assert_eq!(turns.iter().find_map(far), Some(Duration::from_secs(30)));
        assert_eq!(turns.iter().filter_map(far).max(), Some(Duration::from_millis(38_900)));
    }

    #[test]
    fn what_was_sent_back_long_ago_puts_nobody_off() {
        let mut group = Group::new(10);
        let far = |turn: Turn| if let Turn::Far(wait) = turn { Some(wait) } else { None };
        let furthest = |group: &mut Group, now| {
            (0..400).filter_map(|_| far(group.reserve(Duration::from_secs(now)))).max()
        };
        let first = furthest(&mut group, 1);
        assert_eq!(first, Some(Duration::from_millis(38_900)));
        assert_eq!(furthest(&mut group, 3_600), first);
    }

    #[test]
    fn what_was_sent_back_takes_no_turn_from_those_who_wait() {
        let mut group = Group::new(1);
        let now = Duration::from_secs(1);
        for _ in 0..100 {
            let _ = group.reserve(now);
        }
        let later = now + Duration::from_secs(31);
        assert!(matches!(group.reserve(later), Turn::Soon(at) if at <= later + LONGEST_WAIT));
    }
}
