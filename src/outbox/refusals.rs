//! Who was refused by a rule that may be about everything we send: where a run is paused for
//! that, they are tried again when it goes on.

use std::collections::HashMap;

use crate::store::Claim;

#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Run and person of those refused since a message was last taken.
    since_taken: Vec<(i64, i64)>,
    /// By runs that were paused for it: their refusals do not count, whenever they are written.
    freed: HashMap<i64, Vec<i64>>,
}

impl Refusals {
    pub(super) fn note(&mut self, claim: &Claim) {
        match self.freed.get_mut(&claim.run) {
            Some(people) => people.push(claim.subscriber),
            None => self.since_taken.push((claim.run, claim.subscriber)),
        }
    }

    /// The relay took a message: what it refused before that has its own reasons.
    pub(super) fn taken(&mut self) {
        self.since_taken.clear();
    }

    /// The people of a run whose refusals are to be forgotten: those that were refused, and
    /// from now on all others.
    pub(super) fn free(&mut self, run: i64) -> Vec<i64> {
        let people: Vec<i64> = self
            .since_taken
            .extract_if(.., |(of, _)| *of == run)
            .map(|(_, subscriber)| subscriber)
            .collect();
        self.freed.entry(run).or_default().extend(&people);
        people
    }

    /// All people whose refusals do not count, by run.
    pub(super) fn take_freed(&mut self) -> HashMap<i64, Vec<i64>> {
        std::mem::take(&mut self.freed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::made::claim;

    #[test]
    fn who_was_refused_since_a_message_was_taken_is_freed_and_whoever_follows() {
        let mut refusals = Refusals::default();
        refusals.note(&claim(1));
        refusals.taken();
        refusals.note(&claim(2));
        refusals.note(&Claim { run: 2, ..claim(3) });
        assert_eq!(refusals.free(1), [2]);
        refusals.note(&claim(4));
        refusals.taken();
        assert_eq!(refusals.take_freed(), HashMap::from([(1, vec![2, 4])]));
        assert_eq!(refusals.free(2), [0; 0], "a message was taken since");
    }
}
