//! The first few deliveries of a run show whether the relay takes it, before all others follow.
//!
//! What is decided here is a function of counts over rows, so that a crash changes nothing.

use crate::store::Canary;

/// How many go first.
pub const FIRST: u64 = 20;

/// No more than so many go first, whatever becomes of them.
const MOST: u64 = 5 * FIRST;

/// What the first deliveries say of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not all of them have their outcome.
    Wait,
    /// So many more take the places of those that will have none soon.
    Widen(u64),
    GoOn,
    /// The run is paused, for this reason.
    Pause(String),
}

/// More than a quarter refused or laid aside is a run that nobody should get; fewer are wrong
/// addresses.
///
/// What the relay deferred has its outcome: it takes mail from us to such people, later. What
/// has none soon is passed over, so that a single delivery cannot hold all others.
pub fn verdict(canary: &Canary) -> Verdict {
    let Canary { first, open, put_off, laid_aside, .. } = *canary;
    if let Some(reason) = reason_to_pause(canary) {
        return Verdict::Pause(reason);
    }
    if open > 0 {
        return Verdict::Wait;
    }
    let passed_over = put_off + laid_aside;
    let missing = FIRST.saturating_sub(first - passed_over).min(passed_over);
    if missing > 0 && may_widen(canary) { Verdict::Widen(missing) } else { Verdict::GoOn }
}

/// Whether more people may be counted among the first.
pub(super) fn may_widen(canary: &Canary) -> bool {
    canary.first < MOST
}

fn reason_to_pause(canary: &Canary) -> Option<String> {
    let Canary { first, put_off, laid_aside, refused, .. } = *canary;
    // Those whose places are to be taken by others are counted until they are.
    let of = (first - put_off).max(first.min(FIRST));
    let failed = refused + laid_aside;
    if failed * 4 <= of {
        return None;
    }
    let what = if laid_aside == 0 { "refused" } else { "refused or laid aside" };
    let reply = canary.reply.as_deref().map(|reply| format!(": {reply}")).unwrap_or_default();
    Some(format!("{failed} of the first {of} were {what}{reply}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With 20 first of whom nobody has an outcome but those that were taken.
    fn canary(open: u64, refused: u64) -> Canary {
        let reply = Some("550 5.1.1 no such user".to_owned());
        let first = 20;
        Canary { run: 1, first, open, in_hand: 0, put_off: 0, laid_aside: 0, refused, reply }
    }

    fn check(open: u64, refused: u64, expected: &Verdict) {
        assert_eq!(verdict(&canary(open, refused)), *expected, "{open} open, {refused} refused");
    }

    #[test]
    fn the_others_wait_for_the_first_and_go_on_with_a_quarter_refused() {
        check(1, 0, &Verdict::Wait);
        check(1, 5, &Verdict::Wait);
        check(0, 0, &Verdict::GoOn);
        check(0, 5, &Verdict::GoOn);
    }

    #[test]
    fn more_than_a_quarter_refused_pauses_the_run_at_once() {
        let reason = "6 of the first 20 were refused: 550 5.1.1 no such user";
        for open in [0, 14] {
            check(open, 6, &Verdict::Pause(reason.into()));
        }
    }

    #[test]
    fn others_take_the_places_of_those_that_were_put_off_or_laid_aside() {
        let of = |first, open, put_off, laid_aside| {
            verdict(&Canary { first, put_off, laid_aside, ..canary(open, 0) })
        };
        assert_eq!(of(20, 1, 2, 1), Verdict::Wait, "first those that may have an outcome yet");
        assert_eq!(of(20, 0, 2, 1), Verdict::Widen(3));
        assert_eq!(of(23, 3, 2, 1), Verdict::Wait);
        assert_eq!(of(23, 0, 3, 1), Verdict::Widen(1));
        assert_eq!(of(24, 0, 3, 1), Verdict::GoOn);
        assert_eq!(of(20, 0, 20, 0), Verdict::Widen(20), "nobody has shown anything");
    }

    #[test]
    fn of_a_hundred_whose_turns_are_far_off_nobody_holds_the_others() {
        let of = |first, open| verdict(&Canary { first, put_off: 99, ..canary(open, 0) });
        assert_eq!(of(100, 1), Verdict::Wait);
        assert_eq!(of(100, 0), Verdict::GoOn);
    }

    #[test]
    fn who_was_laid_aside_counts_as_refused_and_who_was_put_off_does_not() {
        let of = |first, put_off, laid_aside| {
            let reply = Some("the relay closed the connection".to_owned());
            verdict(&Canary { first, put_off, laid_aside, reply, ..canary(0, 4) })
        };
        assert_eq!(of(20, 0, 1), Verdict::Widen(1));
        let reason =
            "6 of the first 20 were refused or laid aside: the relay closed the connection";
        assert_eq!(of(20, 0, 2), Verdict::Pause(reason.into()));
        assert_eq!(of(20, 16, 0), Verdict::Widen(16), "4 of 20, not of those that were tried");
        assert_eq!(of(36, 16, 2), Verdict::Pause(reason.into()));
        assert_eq!(of(44, 16, 2), Verdict::GoOn);
    }

    #[test]
    fn a_run_whose_first_are_gone_goes_on() {
        assert_eq!(verdict(&Canary { first: 0, ..canary(0, 0) }), Verdict::GoOn);
    }
}
