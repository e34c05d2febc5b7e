//! One walk through all people, page by page, that plans several runs one after the other: each
//! as if the deliveries of those before it stood in the store already.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::too_many::{self, TooMany};
use super::{Basis, DigestError, PlannedRun, Readers, read_people};
use crate::digest::plan::{Plan, PlannedPage, Planner, Question};
use crate::model::Revision;
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
        // One that has too many issues is not sent anyway.
        let is_open = |run: &usize| planners[*run].issues().len() <= limits[*run];
        let open: Vec<usize> = (0..bases.len()).filter(is_open).collect();
        let pages = open.iter().map(|run| read_people(press, &bases[*run], people));
        let pages = try_join_all(pages).await?;
        let mut taken: Vec<(usize, Vec<(i64, usize)>)> = Vec::new();
        for (run, (subscriptions, mut received)) in open.into_iter().zip(pages) {
            for (earlier, recipients) in &taken {
                let lines = |issue: usize| lines(&bases[*earlier], &planners[*earlier], issue);
                add(&mut received, &subscriptions, recipients, lines);
            }
            let planned = planners[run].plan(&subscriptions, &received);
            let (subscriptions, received) = (&subscriptions, &received);
            onlooker
                .look(&Page {
                    press,
                    run,
                    basis: &bases[run],
                    planner: &planners[run],
                    people,
                    subscriptions,
                    received,
                    planned: &planned,
                })
                .await?;
            if bases[run].is_news() && !stay[run] {
                taken.push((run, planned.recipients));
            }
        }
        after = people.upto;
    }
    Ok(planners.into_iter().map(Planner::finish).collect())
}

/// Entries of an issue, with their revisions.
fn lines<'a>(
    basis: &'a Basis,
    planner: &'a Planner<'_>,
    issue: usize,
) -> impl Iterator<Item = (i64, Revision)> + use<'a> {
    let lines = planner.issues()[issue].lines.iter();
    lines.map(|line| (basis.changes[line.change].row, basis.changes[line.change].entry.revision))
}

/// Counts as received what those of these people are about to get who are among `recipients`.
fn add<L: Iterator<Item = (i64, Revision)>>(
    received: &mut Received,
    people: &[Subscription],
    recipients: &[(i64, usize)],
    lines: impl Fn(usize) -> L,
) {
    for theirs in people.chunk_by(|a, b| a.subscriber == b.subscriber) {
        let subscriber = theirs[0].subscriber;
        let Ok(at) = recipients.binary_search_by_key(&subscriber, |(who, _)| *who) else {
            continue;
        };
        for (row, revision) in lines(recipients[at].1) {
            let known = received.entry((subscriber, row)).or_insert(revision);
            *known = (*known).max(revision);
        }
    }
}

impl Basis {
    /// A reminder is no news: the event may stand in a digest beside it.
    fn is_news(&self) -> bool {
        self.readers != Readers::Reminded
    }
}
