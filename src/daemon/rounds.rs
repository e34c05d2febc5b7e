//! When the content folder is walked though no file event asked for it.
//!
//! Where events come, a walk now and then makes up for one that was lost. Where they do not - a
//! network mount, a system out of watches - the clock does their work.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// File systems that another computer may write to, or that hand on no events. Their numbers
/// are those of statfs(2).
const WITHOUT_EVENTS: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x517b, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x786f_4256, "VirtualBox"),
];

/// Keeps the time of the last walk, and what is known of file events.
#[derive(Debug)]
pub(super) struct Rounds {
    /// `content.scan`: between walks where there are no events, or something moves.
    scan: Duration,
    /// `content.scan_full`: between walks where there are.
    scan_full: Duration,
    walked_at: Option<DateTime<Utc>>,
    has_events: bool,
    /// A file is missing or still being written, or the last walk failed: a second look says
    /// what became of it.
    is_second_look_due: bool,
}

impl Rounds {
    pub(super) fn new(scan: Duration, scan_full: Duration, has_events: bool) -> Self {
        Self { scan, scan_full, walked_at: None, has_events, is_second_look_due: false }
    }

    /// Whether to walk now; asked every `content.scan`.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let pause = if self.has_events && !self.is_second_look_due {
            self.scan_full.max(self.scan)
        } else {
            self.scan
        };
        // A tick that comes a moment early is not put off to the next one.
        let pause = pause.saturating_sub(Duration::from_millis(500));
        self.walked_at.is_none_or(|walked_at| {
            // A clock put back must not stop the walks.
            now < walked_at || (now - walked_at).to_std().is_ok_and(|passed| passed >= pause)
        })
    }

    pub(super) fn walked(&mut self, now: DateTime<Utc>, is_second_look_due: bool) {
        self.walked_at = Some(now);
        self.is_second_look_due = is_second_look_due;
    }

    /// The walk, or what it found, came to nothing: the next `content.scan` tries again.
    pub(super) fn failed(&mut self, now: DateTime<Utc>) {
        self.walked(now, true);
    }

    /// Whether the next walk may find what an earlier one saw and could not settle.
    pub(super) fn is_second_look_due(&self) -> bool {
        self.is_second_look_due
    }

    pub(super) fn has_events(&self) -> bool {
        self.has_events
    }

    /// From now on the clock does the work of events.
    pub(super) fn lose_events(&mut self) {
        self.has_events = false;
    }
}

/// The first of these folders whose file system hands on no events, with that one's name.
pub(super) fn without_events(folders: &[PathBuf]) -> Option<(&PathBuf, &'static str)> {
    folders.iter().find_map(|folder| {
        let stat = rustix::fs::statfs(folder).ok()?;
        let number = u64::try_from(stat.f_type).ok()?;
        let (_, name) = WITHOUT_EVENTS.iter().find(|(known, _)| *known == number)?;
        Some((folder, *name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + minutes * 60, 0).unwrap()
    }

    fn rounds(has_events: bool) -> Rounds {
        let mut rounds = Rounds::new(Duration::from_mins(1), Duration::from_mins(15), has_events);
        assert!(rounds.is_due(at(0)), "the first walk");
        rounds.walked(at(0), false);
        rounds
    }

    #[test]
    fn with_events_an_idle_minute_costs_no_walk() {
        let rounds = rounds(true);
        assert_eq!((1..15).filter(|minutes| rounds.is_due(at(*minutes))).count(), 0);
        assert!(rounds.is_due(at(15)));
    }

    #[test]
    fn without_events_each_interval_is_a_walk() {
        assert!(rounds(false).is_due(at(1)));
        let mut rounds = rounds(true);
        rounds.lose_events();
        assert!(rounds.is_due(at(1)));
    }

    #[test]
    fn a_missing_file_is_looked_for_once_more_at_the_next_interval() {
        let mut rounds = rounds(true);
        rounds.walked(at(0), true);
        assert!(rounds.is_due(at(1)));
        rounds.walked(at(1), false);
        assert!(!rounds.is_due(at(2)));
    }

    #[test]
    fn a_clock_put_back_does_not_stop_the_walks() {
        assert!(rounds(true).is_due(at(-60)));
    }
}
