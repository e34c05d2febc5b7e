//! The circuit breaker: when a relay that failed is tried again.
//!
//! Such failures are nobody's fault among the recipients: no claim is held while it is open,
//! and nobody is charged with an attempt. The try after a pause is a probe: one connection.

use std::time::Duration;

/// The longest pause between two probes.
const LONGEST: Duration = Duration::from_mins(5);

/// Pauses between tries of a relay, growing from 1 second to 5 minutes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Breaker {
    failures: u32,
}

impl Breaker {
    /// Counts a failure and says how long to wait before the next probe.
    pub fn fail(&mut self) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(9));
        self.failures += 1;
        pause.min(LONGEST)
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the relay failed when it was last tried.
    pub fn is_open(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes() {
        let mut breaker = Breaker::default();
        assert!(!breaker.is_open());
        let pauses: Vec<u64> = (0..10).map(|_| breaker.fail().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert!(breaker.is_open());
    }
}
