//! Named moments at which a test lets the process die as `kill -9` would have it die.
//!
//! `TIDINGS_FAILPOINT=NAME:N` ends it when it comes to NAME for the N-th time; the names stand
//! in `docs/testing.md`. Of a release build, without `debug_assertions`, nothing of this is a
//! part.

#[cfg(debug_assertions)]
pub(crate) use armed::{die, is_due, reach};

/// Whether the process is to die here.
#[cfg(not(debug_assertions))]
pub(crate) const fn is_due(_name: &str) -> bool {
    false
}

#[cfg(not(debug_assertions))]
pub(crate) const fn reach(_name: &str) {}

#[cfg(not(debug_assertions))]
pub(crate) const fn die() {}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    static POINT: OnceLock<Option<Point>> = OnceLock::new();

    #[derive(Debug)]
    pub(super) struct Point {
        name: String,
        /// Times that are still to come, the last one included.
        left: AtomicU64,
    }

    impl Point {
        /// `NAME:N`, with N from 1.
        pub(super) fn parse(text: &str) -> Option<Self> {
            let (name, number) = text.split_once(':')?;
            let number = number.parse().ok().filter(|number| *number > 0)?;
            Some(Self { name: name.to_owned(), left: AtomicU64::new(number) })
        }

        /// Counts one time; whether it is the one. After it, no other is.
        pub(super) fn is_due(&self, name: &str) -> bool {
            let one_less = |left: u64| left.checked_sub(1);
            self.name == name
                && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) == Ok(1)
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the config")]
    fn point() -> Option<&'static Point> {
        let from_environment = || {
            let text = std::env::var("TIDINGS_FAILPOINT").ok()?;
            Some(Point::parse(&text).expect("`TIDINGS_FAILPOINT` is NAME:N"))
        };
        POINT.get_or_init(from_environment).as_ref()
    }

    /// Whether the process is to die here; who asks does so with [`die`].
    pub(crate) fn is_due(name: &str) -> bool {
        point().is_some_and(|point| point.is_due(name))
    }

    /// The process passes this moment, or dies of it.
    pub(crate) fn reach(name: &str) {
        if is_due(name) {
            die();
        }
    }

    /// No destructor runs and nothing is flushed.
    pub(crate) fn die() {
        let _ = kill_process(getpid(), Signal::KILL);
        // The signal is on its way, and nothing more may happen.
        loop {
            std::thread::park();
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::armed::Point;

    #[test]
    fn a_point_is_due_at_its_number_and_not_again() {
        let point = Point::parse("after-dot:2").unwrap();
        assert!(!point.is_due("after-dot"));
        assert!(!point.is_due("after-reply"));
        assert!(point.is_due("after-dot"));
        assert!(!point.is_due("after-dot"));
    }

    #[test]
    fn a_point_without_a_number_from_1_is_none() {
        for text in ["", "after-dot", "after-dot:", "after-dot:0", "after-dot:x"] {
            assert!(Point::parse(text).is_none(), "{text}");
        }
    }
}
