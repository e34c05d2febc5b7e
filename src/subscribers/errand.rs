//! Errands: what somebody asks for on a page and finishes by the link in the mail that answers.

use chrono::{DateTime, TimeDelta, Utc};

/// Reserved names of the digests whose mail answers an errand.
pub const CONFIRM: &str = "confirm";
pub const SELF: &str = "self";
pub const NOTICE: &str = "notice";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrandKind {
    /// To be signed up.
    Confirm,
    /// To see, change or erase what is kept.
    SelfService,
    /// To be written to at another address. The mail goes to the new one.
    Move,
    /// Nothing: tells the old address that there is a new one.
    Moved,
}

impl ErrandKind {
    pub const ALL: [Self; 4] = [Self::Confirm, Self::SelfService, Self::Move, Self::Moved];

    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::SelfService => "self",
            Self::Move => "move",
            Self::Moved => "moved",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The reserved digest whose runs carry its mail.
    pub fn digest(self) -> &'static str {
        match self {
            Self::Confirm | Self::Move => CONFIRM,
            Self::SelfService => SELF,
            Self::Moved => NOTICE,
        }
    }

    /// How long the link in its mail works.
    pub fn lasts(self) -> TimeDelta {
        match self {
            Self::Confirm | Self::Move | Self::Moved => TimeDelta::hours(72),
            Self::SelfService => TimeDelta::hours(1),
        }
    }
}

/// How often an address is written to for having been asked for, whoever asks.
pub const A_DAY: usize = 1;
pub const IN_THIRTY_DAYS: usize = 3;

/// How many links to their data, and how many mails to a new address, one person may ask for in a
/// day: whoever has a mail of theirs can.
pub const OWN_A_DAY: u64 = 3;

/// Since when earlier mails count.
pub fn counted_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(30)
}

/// Whether an address may be written to once more, by when it was in the last thirty days.
pub fn may_be_asked(earlier: &[DateTime<Utc>], now: DateTime<Utc>) -> bool {
    // A clock that was set back makes earlier mails later ones: they count as well.
    let since = |from: DateTime<Utc>| earlier.iter().filter(|at| **at > from).count();
    since(now - TimeDelta::days(1)) < A_DAY && since(counted_since(now)) < IN_THIRTY_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many hundredths of a day after the beginning.
    fn day(hundredths: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(hundredths * 864)
    }

    #[test]
    fn an_address_is_written_to_once_a_day_and_three_times_in_thirty_days() {
        let check = |earlier: &[i64], now, expected| {
            let earlier: Vec<_> = earlier.iter().map(|at| day(*at)).collect();
            assert_eq!(may_be_asked(&earlier, day(now)), expected, "{earlier:?} {now}");
        };
        check(&[], 0, true);
        check(&[0], 99, false);
        check(&[0], 100, true);
        check(&[0, 100], 200, true);
        check(&[0, 100, 200], 300, false);
        check(&[0, 100, 200], 2990, false);
        check(&[0, 100, 200], 3000, true);
        check(&[0, 100, 200, 3000], 3050, false);
        // The clock was set back.
        check(&[500], 400, false);
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in ErrandKind::ALL {
            assert_eq!(ErrandKind::of(kind.name()), Some(kind));
            assert!(crate::outbox::lane::PASS_WINDOWS.contains(&kind.digest()));
        }
        assert_eq!(ErrandKind::of("other"), None);
    }
}
