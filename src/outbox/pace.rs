//! How hard the relay is worked: what each outcome does to the number of connections, and
//! when it is time to stop and let the breaker, or an operator, have a word.

use super::window::Window;

/// Refusals of everything, by some rule and in a row, after which a run is paused. With the
/// connections that are under way then, fewer than 50 people are refused.
const POLICY_REFUSALS: u32 = 25;

/// A relay that took mail is not down for fewer failures, however few its connections.
const LEAST_FAILURES: u32 = 5;

/// Trust in a relay that reads on behind a dot, at its height, and what of it one failure
/// costs: one that fails more often than once in so many messages is not written ahead to.
const MOST_TRUST: u32 = 64;
const LOST_TRUST: u32 = 16;

/// What the connections found so far, together.
#[derive(Debug, Clone)]
pub struct Pace {
    window: Window,
    /// Failures since the last success, each as a part of the window it fell in: at 1 every
    /// connection has failed once (Postfix's pseudo-cohorts).
    failed_cohorts: f64,
    /// It was down, and took nothing since.
    is_probing: bool,
    policy_refusals: u32,
    /// Grows with each transaction that was announced behind another message and went on.
    trust: u32,
}

impl Pace {
    pub fn new(connections: usize) -> Self {
        Self {
            window: Window::new(connections),
            failed_cohorts: 0.0,
            is_probing: false,
            policy_refusals: 0,
            trust: MOST_TRUST,
        }
    }

    /// Connections that may work now.
    pub fn connections(&self) -> usize {
        self.window.size()
    }

    /// The relay took a message.
    pub fn accepted(&mut self) {
        self.window.grow();
        self.works();
        self.policy_refusals = 0;
    }

    /// The relay refused one recipient: it works.
    pub fn refused(&mut self) {
        self.works();
        self.policy_refusals = 0;
    }

    /// The relay refused one by a rule that may be about everything we send. Returns whether
    /// it is time to pause.
    pub fn refused_by_policy(&mut self) -> bool {
        self.works();
        self.policy_refusals += 1;
        self.policy_refusals >= POLICY_REFUSALS
    }

    /// A run was paused for its refusals: the next one is judged anew.
    pub fn forget_refusals(&mut self) {
        self.policy_refusals = 0;
    }

    /// Whether the next transaction may be announced behind a message.
    pub fn may_go_ahead(&self) -> bool {
        self.trust > 0
    }

    /// A transaction that was announced so went on.
    pub fn went_ahead(&mut self) {
        self.trust = (self.trust + 1).min(MOST_TRUST);
    }

    /// A transaction that was announced so came to nothing: the connection broke.
    pub fn fell_behind(&mut self) {
        self.trust = self.trust.saturating_sub(LOST_TRUST);
    }

    /// A connection failed. Returns whether the relay is down: as many failed in a row as
    /// there are connections.
    pub fn failed(&mut self) -> bool {
        self.count_failure();
        self.window.shrink();
        self.is_down()
    }

    /// The relay asked for less. Returns whether it takes nothing at all.
    pub fn throttled(&mut self) -> bool {
        self.count_failure();
        self.window.halve();
        self.is_down()
    }

    /// The relay was down, and is tried again with one connection.
    pub fn probe(&mut self) {
        self.window.probe();
        self.failed_cohorts = 0.0;
        self.is_probing = true;
    }

    fn works(&mut self) {
        self.failed_cohorts = 0.0;
        self.is_probing = false;
    }

    fn count_failure(&mut self) {
        let size = u32::try_from(self.window.size()).unwrap_or(u32::MAX);
        let least = if self.is_probing { 1 } else { LEAST_FAILURES };
        self.failed_cohorts += 1.0 / f64::from(size.max(least));
    }

    fn is_down(&self) -> bool {
        // Fifths and sevenths do not add up to 1 exactly.
        self.failed_cohorts > 0.999
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_down_when_as_many_failed_in_a_row_as_there_are_connections() {
        let mut pace = Pace::new(20);
        let mut failures = 1;
        while !pace.failed() {
            failures += 1;
        }
        assert_eq!(failures, 5);
    }

    #[test]
    fn a_relay_that_takes_some_is_not_down() {
        let mut pace = Pace::new(20);
        for _ in 0..100 {
            assert!(!pace.failed());
            assert!(!pace.throttled());
            pace.accepted();
            pace.accepted();
        }
    }

    #[test]
    fn a_probe_that_fails_ends_at_once() {
        let mut pace = Pace::new(20);
        pace.probe();
        assert_eq!(pace.connections(), 1);
        assert!(pace.failed());
    }

    #[test]
    fn throttling_halves_and_does_not_stop_what_still_goes_through() {
        let mut pace = Pace::new(20);
        (0..500).for_each(|_| pace.accepted());
        assert_eq!(pace.connections(), 20);
        assert!(!pace.throttled());
        assert_eq!(pace.connections(), 10);
    }

    #[test]
    fn a_relay_that_keeps_failing_behind_the_dot_is_not_written_ahead_to() {
        let mut pace = Pace::new(20);
        for _ in 0..100 {
            pace.fell_behind();
            (0..LOST_TRUST).for_each(|_| pace.went_ahead());
        }
        assert!(pace.may_go_ahead(), "once in a while is no harm");
        (0..4).for_each(|_| pace.fell_behind());
        assert!(!pace.may_go_ahead());
    }

    #[test]
    fn refusals_of_everything_ask_for_a_pause_and_single_ones_do_not() {
        let mut pace = Pace::new(20);
        for _ in 0..200 {
            assert!(!pace.refused_by_policy(), "every other one is taken");
            pace.accepted();
        }
        let asked = (0..25).map(|_| pace.refused_by_policy()).collect::<Vec<_>>();
        assert_eq!(asked.iter().filter(|asked| **asked).count(), 1, "the 25th");
    }
}
