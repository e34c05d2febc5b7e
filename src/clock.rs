//! The only place that asks the time.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. Everything else takes a moment as a parameter, or this.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The machine's clock moved to another day, for rehearsals with `--at`; it runs on from there.
#[derive(Debug, Clone, Copy)]
pub struct ShiftedClock {
    shift: TimeDelta,
}

impl ShiftedClock {
    /// Reads `at` now, as `clock` sees it.
    pub fn reading(at: DateTime<Utc>, clock: &dyn Clock) -> Self {
        Self { shift: at - clock.now() }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.shift
    }
}
