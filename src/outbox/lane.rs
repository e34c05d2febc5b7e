//! Lanes: which mail goes first, and what each kind is sure to get of the connections.

/// A kind of mail, by how long its reader can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Answers to what somebody did a moment ago: confirm, self, notice.
    Confirmations,
    Urgent,
    Corrections,
    /// With reminders, which may be as many.
    Digests,
}

/// Reserved names of digests whose mail goes out whatever the send windows say. Reminders and
/// corrections keep to them as all other digests do.
pub const PASS_WINDOWS: [&str; 4] = ["confirm", "self", "notice", "urgent"];

impl Lane {
    /// First to last.
    pub const ALL: [Self; 4] =
        [Self::Confirmations, Self::Urgent, Self::Corrections, Self::Digests];

    /// The reserved names of digests that go in this lane. All others are [`Lane::Digests`].
    pub fn digests(self) -> &'static [&'static str] {
        match self {
            Self::Confirmations => &["confirm", "self", "notice"],
            Self::Urgent => &["urgent"],
            Self::Corrections => &["correction"],
            Self::Digests => &[],
        }
    }

    pub fn of(digest: &str) -> Self {
        let is_its = |lane: &Self| lane.digests().contains(&digest);
        Self::ALL.into_iter().find(is_its).unwrap_or(Self::Digests)
    }

    /// What it gets, in percent, while every lane has mail.
    fn share_percent(self) -> usize {
        match self {
            Self::Confirmations => 30,
            Self::Urgent => 40,
            Self::Corrections => 20,
            Self::Digests => 10,
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// One figure for each lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerLane<T>(pub [T; 4]);

impl<T> std::ops::Index<Lane> for PerLane<T> {
    type Output = T;

    fn index(&self, lane: Lane) -> &T {
        &self.0[lane.index()]
    }
}

impl<T> std::ops::IndexMut<Lane> for PerLane<T> {
    fn index_mut(&mut self, lane: Lane) -> &mut T {
        &mut self.0[lane.index()]
    }
}

/// The lane that a free connection serves next; `None` where none has mail.
///
/// The first lane below its share comes first; where each lane with mail has its share, the
/// first of them takes what others leave. So a later lane is slowed by an earlier one, and
/// never stopped.
pub fn choose(
    has_mail: PerLane<bool>,
    in_hand: PerLane<usize>,
    connections: usize,
) -> Option<Lane> {
    let share = |lane: Lane| (connections * lane.share_percent() / 100).max(1);
    let with_mail = || Lane::ALL.into_iter().filter(|lane| has_mail[*lane]);
    with_mail().find(|lane| in_hand[*lane] < share(*lane)).or_else(|| with_mail().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: [bool; 4] = [true; 4];

    fn chosen(has_mail: [bool; 4], in_hand: [usize; 4]) -> Option<Lane> {
        choose(PerLane(has_mail), PerLane(in_hand), 20)
    }

    #[test]
    fn earlier_lanes_go_first_up_to_their_share() {
        assert_eq!(chosen(YES, [0; 4]), Some(Lane::Confirmations));
        assert_eq!(chosen(YES, [6, 0, 0, 0]), Some(Lane::Urgent));
        assert_eq!(chosen(YES, [6, 8, 0, 0]), Some(Lane::Corrections));
        assert_eq!(chosen(YES, [6, 8, 4, 0]), Some(Lane::Digests));
    }

    #[test]
    fn what_others_leave_goes_to_the_first_that_has_mail() {
        assert_eq!(chosen([false, false, false, true], [0, 0, 0, 19]), Some(Lane::Digests));
        assert_eq!(chosen([false, true, false, true], [0, 17, 0, 2]), Some(Lane::Urgent));
        assert_eq!(chosen([false; 4], [0; 4]), None);
    }

    #[test]
    fn a_later_lane_keeps_its_share_of_a_backlog_before_it() {
        let mut in_hand = PerLane::default();
        for _ in 0..20 {
            let lane = choose(PerLane([false, true, false, true]), in_hand, 20).unwrap();
            in_hand[lane] += 1;
        }
        assert_eq!(in_hand.0, [0, 18, 0, 2]);
    }

    #[test]
    fn with_one_connection_the_first_lane_has_it_next() {
        let next = choose(PerLane(YES), PerLane([0, 0, 0, 1]), 1);
        assert_eq!(next, Some(Lane::Confirmations));
    }

    #[test]
    fn only_a_few_lanes_have_mail_that_passes_the_send_windows() {
        use Lane::{Confirmations, Urgent};
        let passes = PASS_WINDOWS.map(Lane::of);
        assert_eq!(passes, [Confirmations, Confirmations, Confirmations, Urgent]);
        // And all mail of these does.
        for digest in Confirmations.digests().iter().chain(Urgent.digests()) {
            assert!(PASS_WINDOWS.contains(digest), "{digest}");
        }
    }

    #[test]
    fn a_digest_of_any_other_name_is_a_digest() {
        assert_eq!(Lane::of("urgent"), Lane::Urgent);
        assert_eq!(Lane::of("self"), Lane::Confirmations);
        assert_eq!(Lane::of("weekly"), Lane::Digests);
        assert_eq!(Lane::of("reminder"), Lane::Digests, "there may be a million of them");
    }
}
