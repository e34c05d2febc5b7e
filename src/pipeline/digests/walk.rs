//! One walk through all people, page by page, that plans several runs one after the other: each
//! as if the deliveries of those before it stood in the store already.

use std::collections::BTreeSet;

use super::too_many::{self, TooMany};
use super::{Basis, DigestError, PlannedRun, Readers, read_people};
use crate::digest::plan::{Plan, PlannedPage, Planner, Question};
use crate::pipeline::Press;
use crate::store::{Received, SubscriberRange, Subscription};

/// Who looks on while runs are planned.
pub(super) trait Onlooker: Send {
    /// A walk begins; what was seen of one before counts no more.
    fn begin(&mut self, bases: &[Basis]);

    /// A page of people was planned for one of the runs.
    async fn look(&mut self, page: &Page<'_>) -> Result<(), DigestError>;
}

impl Onlooker for () {
    fn begin(&mut self, _: &[Basis]) {}

    async fn look(&mut self, _: &Page<'_>) -> Result<(), DigestError> {
        Ok(())
    }
}

/// What a page of people came to for one run.
pub(super) struct Page<'a> {
    pub press: &'a Press,
    /// Index of the run.
    pub run: usize,
    pub basis: &'a Basis,
    pub planner: &'a Planner<'a>,
    pub people: SubscriberRange,
    pub subscriptions: &'a [Subscription],
    pub received: &'a Received,
    pub planned: &'a PlannedPage,
}

/// How a plan is made beside what the config says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Runs wait for an operator's word where their digest says so.
    Wanted,
    /// It was given.
    Given,
}

/// Plans these runs.
pub(super) async fn plan_all(
    press: &Press,
    bases: Vec<Basis>,
) -> Result<Vec<PlannedRun>, DigestError> {
    plan_before(press, bases, Word::Wanted, &mut ()).await
}

/// As [`plan_all`], before somebody who looks on.
///
/// A run that will be held takes nothing from those behind it. Which these are is known when all
/// were planned: then it is done once more.
pub(super) async fn plan_before(
    press: &Press,
    bases: Vec<Basis>,
    word: Word,
    onlooker: &mut impl Onlooker,
) -> Result<Vec<PlannedRun>, DigestError> {
    let mut limits = Vec::with_capacity(bases.len());
    for basis in &bases {
        limits.push(too_many::allowance(press, &basis.digest.name).await?);
    }
    let mut stay = vec![false; bases.len()];
    loop {
        onlooker.begin(&bases);
        let plans = walk(press, &bases, &limits, &stay, onlooker).await?;
        let stays = |((basis, limit), plan): ((&Basis, &usize), &Plan)| {
            let waits = word == Word::Wanted && basis.needs_word(plan.recipients);
            waits || plan.issues.len() > *limit
        };
        let now: Vec<bool> = bases.iter().zip(&limits).zip(&plans).map(stays).collect();
        let is_news = |at: usize| at + 1 < now.len() && now[at] && !stay[at];
        if !(0..now.len()).any(is_news) {
            return Ok(finish(bases, plans, &limits));
        }
        // One that stays once does so for good, so that this comes to an end.
        stay = stay.iter().zip(now).map(|(was, is)| *was || is).collect();
    }
}

fn finish(bases: Vec<Basis>, plans: Vec<Plan>, limits: &[usize]) -> Vec<PlannedRun> {
    bases
        .into_iter()
        .zip(plans)
        .zip(limits)
        .map(|((basis, plan), limit)| {
            let too_many =
                (plan.issues.len() > *limit).then(|| TooMany::of(&basis, *limit, &plan.issues));
            PlannedRun { basis, plan, too_many }
        })
        .collect()
}

async fn walk(
    press: &Press,
    bases: &[Basis],
    limits: &[usize],
    stay: &[bool],
    onlooker: &mut impl Onlooker,
) -> Result<Vec<Plan>, DigestError> {
    let questions: Vec<Question<'_>> = bases.iter().map(Basis::question).collect();
    let mut planners: Vec<Planner<'_>> = questions.iter().map(Planner::new).collect();
    let digests: BTreeSet<i64> =
        bases.iter().flat_map(|basis| basis.digests.iter().copied()).collect();
    let digests = Vec::from_iter(digests);
    let mut after = SubscriberRange::ALL.after;
    while let Some(people) = press.store.next_subscribers(&digests, after).await? {
        let mut taken = Received::new();
        for (run, (basis, planner)) in bases.iter().zip(&mut planners).enumerate() {
            if planner.issues().len() > limits[run] {
                // It is not sent anyway.
                continue;
            }
            let (subscriptions, mut received) = read_people(press, basis, people).await?;
            for (key, revision) in &taken {
                let known = received.entry(*key).or_insert(*revision);
                *known = (*known).max(*revision);
            }
            let planned = planner.plan(&subscriptions, &received);
            if bases.len() > 1 && basis.is_news() && !stay[run] {
                take(basis, planner, &planned, &mut taken);
            }
            let (subscriptions, received) = (&subscriptions, &received);
            let planned = &planned;
            let page =
                Page { press, run, basis, planner, people, subscriptions, received, planned };
            onlooker.look(&page).await?;
        }
        after = people.upto;
    }
    Ok(planners.into_iter().map(Planner::finish).collect())
}

/// What these people are about to get.
fn take(basis: &Basis, planner: &Planner<'_>, page: &PlannedPage, taken: &mut Received) {
    for (subscriber, issue) in &page.recipients {
        for line in &planner.issues()[*issue].lines {
            let change = &basis.changes[line.change];
            taken.insert((*subscriber, change.row), change.entry.revision);
        }
    }
}

impl Basis {
    /// A reminder is no news: the event may stand in a digest beside it.
    fn is_news(&self) -> bool {
        self.readers != Readers::Reminded
    }
}
