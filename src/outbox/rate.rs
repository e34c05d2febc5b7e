//! Token buckets: how fast the relay, and each group of recipient domains, gets mail.

use std::time::Duration;

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
}
