//! A clock that stands where the test puts it.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use tidings::clock::Clock;

#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub fn at(moment: &str) -> Self {
        Self(Mutex::new(moment.parse().unwrap()))
    }

    pub fn set(&self, moment: &str) {
        *self.0.lock().unwrap() = moment.parse().unwrap();
    }

    pub fn forward(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}
