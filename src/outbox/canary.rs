//! The first few deliveries of a run show whether the relay takes it, before all others follow.
//!
//! What is decided here is a function of counts over rows, so that a crash changes nothing.

use crate::store::Canary;

/// How many go first.
pub const FIRST: i64 = 20;

/// What the first deliveries say of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not all of them have their outcome.
    Wait,
    GoOn,
    /// The run is paused, for this reason.
    Pause(String),
}

/// More than a quarter refused is a run that nobody should get; fewer are wrong addresses.
///
/// What the relay deferred has its outcome: it takes mail from us to such people, later.
pub fn verdict(canary: &Canary) -> Verdict {
    let Canary { first, open, refused, .. } = *canary;
    if refused * 4 > first {
        let reply = canary.reply.as_deref().map(|reply| format!(": {reply}")).unwrap_or_default();
        return Verdict::Pause(format!("{refused} of the first {first} were refused{reply}"));
    }
    if open == 0 { Verdict::GoOn } else { Verdict::Wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(open: u64, refused: u64, expected: &Verdict) {
        let reply = Some("550 5.1.1 no such user".to_owned());
        let canary = Canary { run: 1, first: 20, open, in_hand: 0, refused, reply };
        assert_eq!(verdict(&canary), *expected, "{open} open, {refused} refused");
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
}
