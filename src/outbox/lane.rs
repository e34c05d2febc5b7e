//! When a relay that failed is tried again. Such failures cost no recipient an attempt.

use std::time::Duration;

/// Pauses between tries of a relay, growing from 1 second to 5 minutes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lane {
    failures: u32,
}

impl Lane {
    /// Counts a failure and says how long to wait.
    pub fn fail(&mut self) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(9));
        self.failures += 1;
        pause.min(Duration::from_mins(5))
    }

    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes_and_start_anew_after_a_success() {
        let mut lane = Lane::default();
        let pauses: Vec<u64> = (0..10).map(|_| lane.fail().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        lane.succeed();
        assert_eq!(lane.fail(), Duration::from_secs(1));
    }
}
