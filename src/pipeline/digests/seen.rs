//! Plans that somebody has seen: who was to get what, and what is different since.
//!
//! A word for a plan is for the people and the issues that it had. Who left meanwhile, or has the
//! news by now, is taken out; anything else makes it another plan.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};

use data_encoding::BASE64;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::approval::Facts;
use super::by_hand::{Asked, ByHand, plan_seen_by};
use super::walk::{Onlooker, Page};
use super::{Basis, DigestError, PlannedRun};
use crate::digest::plan::{Plan, PlannedPage};
use crate::pipeline::Press;
use crate::store::{StoreError, SubscriberRange};

/// A plan as it was shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeenPlan {
    /// What was asked for: these digests, or all.
    names: Vec<String>,
    runs: Vec<SeenRun>,
}

/// One run of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SeenRun {
    /// Hash of its plan.
    plan: String,
    facts: Facts,
    /// Kept with the run's own plan, not with one of several; none of a run that is held, which
    /// has its pages.
    people: Option<People>,
}

impl SeenPlan {
    /// One run alone.
    pub(super) fn of_run(press: &Press, run: &PlannedRun, people: Option<People>) -> Self {
        let seen = SeenRun { plan: run.plan.hash.clone(), facts: Facts::of(press, run), people };
        Self { names: vec![run.digest().to_owned()], runs: vec![seen] }
    }

    /// Several, each of which is kept by itself too.
    pub(super) fn of_runs(press: &Press, names: &[String], runs: &[PlannedRun]) -> Self {
        let alone = |run| Self::of_run(press, run, None).runs;
        Self { names: names.to_vec(), runs: runs.iter().flat_map(alone).collect() }
    }

    /// Of so many people, as they were counted last.
    pub(super) fn to(mut self, recipients: u64) -> Self {
        for run in &mut self.runs {
            run.facts.recipients = recipients;
        }
        self
    }

    /// Remembers it under its hash.
    pub(super) async fn keep(&self, press: &Press, hash: &str) -> Result<(), StoreError> {
        let text = serde_json::to_string(self).expect("plans are always JSON");
        press.store.keep_plan(hash, &text, press.clock.now()).await
    }

    /// The plan with a hash that begins so; `None` where none is known.
    async fn find(press: &Press, prefix: &str) -> Result<Option<Self>, StoreError> {
        let plans = press.store.kept_plans(prefix).await?;
        let seen: Option<Self> =
            plans.first().and_then(|(_, text)| serde_json::from_str(text).ok());
        let Some(mut seen) = seen else { return Ok(None) };
        for run in seen.runs.iter_mut().filter(|run| run.people.is_none()) {
            let alone = press.store.kept_plans(&run.plan).await?;
            let alone = alone.first().and_then(|(_, text)| serde_json::from_str(text).ok());
            run.people = alone.and_then(|mut alone: Self| alone.runs.pop()?.people);
        }
        Ok(Some(seen))
    }

    /// Facts of the one run of a plan.
    pub(super) async fn facts(press: &Press, hash: &str) -> Result<Option<Facts>, StoreError> {
        let seen = Self::find(press, hash).await?;
        Ok(seen.and_then(|mut seen| seen.runs.pop()).map(|run| run.facts))
    }

    /// Index of what was seen of a run. By hand its window may have grown by what is for nobody.
    fn index_of(&self, basis: &Basis) -> Option<usize> {
        let (digest, window) = (&basis.digest.name, basis.window);
        let is_its = |run: &SeenRun| run.facts.digest == *digest;
        let same = self.runs.iter().position(|run| is_its(run) && run.facts.is_of(window));
        let is_alone = self.runs.iter().filter(|run| is_its(run)).count() == 1;
        same.or_else(|| self.runs.iter().position(|run| is_alone && is_its(run)))
    }

    pub(super) fn run(&self, basis: &Basis) -> Option<&SeenRun> {
        self.index_of(basis).map(|at| &self.runs[at])
    }
}

impl SeenRun {
    pub(super) fn compare(
        &self,
        difference: &mut Difference,
        people: SubscriberRange,
        planned: &PlannedPage,
        issues: &[String],
    ) {
        if let Some(known) = &self.people {
            difference.add(known.between(people), planned, issues);
        }
    }

    /// What is different in a plan now, but for who left; nothing where it is the same.
    pub(super) fn changes(&self, difference: &Difference, plan: &Plan, now: &Facts) -> Vec<String> {
        let is_same = match &self.people {
            Some(_) => difference.is_leavers_alone(),
            None => self.plan == plan.hash,
        };
        if is_same {
            return Vec::new();
        }
        let mut changes = self.facts.changes(now);
        if changes.is_empty() {
            changes.push("who gets which entries changed".into());
        }
        changes
    }
}

/// What is different between who was to get what, and who would get what now.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub leavers: Vec<i64>,
    /// People who were not to get anything.
    pub more: u64,
    /// People who were to get another issue.
    pub others: u64,
}

impl Difference {
    /// Looks at a page: issues by their hashes, those of now as the page counts them.
    pub(super) fn add<H: AsRef<str>>(
        &mut self,
        was: impl IntoIterator<Item = (i64, H)>,
        now: &PlannedPage,
        issues: &[String],
    ) {
        let mut was: BTreeMap<i64, H> = was.into_iter().collect();
        for (subscriber, issue) in &now.recipients {
            match was.remove(subscriber) {
                None => self.more += 1,
                Some(hash) if hash.as_ref() != issues[*issue] => self.others += 1,
                Some(_) => {}
            }
        }
        self.leavers.extend(was.into_keys());
    }

    pub(super) fn is_leavers_alone(&self) -> bool {
        self.more == 0 && self.others == 0
    }
}

/// Who was to get which issue.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct People {
    /// Hashes of the issues.
    issues: Vec<String>,
    /// By subscriber: the index of the issue.
    #[serde(serialize_with = "pack", deserialize_with = "unpack")]
    people: Vec<(i64, u32)>,
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} people", self.people.len())
    }
}

impl People {
    /// The next page, with the hashes of all issues so far.
    pub(super) fn add(&mut self, planned: &PlannedPage, issues: &[String]) {
        self.issues.extend_from_slice(&issues[self.issues.len()..]);
        let index = |at: usize| u32::try_from(at).expect("issues are few beside people");
        self.people.extend(planned.recipients.iter().map(|(who, issue)| (*who, index(*issue))));
    }

    fn between(&self, range: SubscriberRange) -> impl Iterator<Item = (i64, &str)> {
        let first = self.people.partition_point(|(who, _)| *who <= range.after);
        let end = self.people.partition_point(|(who, _)| *who <= range.upto);
        let issue = |at: &u32| self.issues.get(*at as usize).map_or("", String::as_str);
        self.people[first..end.max(first)].iter().map(move |(who, at)| (*who, issue(at)))
    }
}

/// A line for each: the distance to the number of the one before, and the index of the issue. A
/// million neighbours with one issue come to a few kilobytes.
fn pack<S: Serializer>(people: &[(i64, u32)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    let mut last = 0;
    for (who, issue) in people {
        writeln!(packed, "{} {issue}", who - last).map_err(ser::Error::custom)?;
        last = *who;
    }
    let packed = packed.finish().map_err(ser::Error::custom)?;
    serializer.serialize_str(&BASE64.encode(&packed))
}

fn unpack<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(i64, u32)>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let packed = BASE64.decode(text.as_bytes()).map_err(de::Error::custom)?;
    let mut text = String::new();
    DeflateDecoder::new(&packed[..]).read_to_string(&mut text).map_err(de::Error::custom)?;
    let mut last = 0;
    let person = |line: &str| {
        let (distance, issue) = line.split_once(' ')?;
        last += distance.parse::<i64>().ok()?;
        Some((last, issue.parse().ok()?))
    };
    let people: Option<Vec<(i64, u32)>> = text.lines().map(person).collect();
    people.ok_or_else(|| de::Error::custom("not a list of people"))
}

/// A plan that was asked for by its hash.
#[derive(Debug)]
pub struct AsSeen {
    pub by_hand: ByHand,
    pub seen: SeenPlan,
    /// What is different; nothing where only who left is.
    pub changes: Vec<String>,
}

/// Plans what somebody has seen, by the beginning of its hash, once more; `None` where no such
/// plan is known.
pub async fn plan_as_seen(
    press: &Press,
    prefix: &str,
    asked: &Asked,
) -> Result<Option<AsSeen>, DigestError> {
    let Some(seen) = SeenPlan::find(press, prefix).await? else { return Ok(None) };
    let names = if asked.names.is_empty() { &seen.names } else { &asked.names };
    let asked = Asked { names: names.clone(), ..asked.clone() };
    let mut comparison = Comparison { seen: &seen, differences: Vec::new() };
    let mut by_hand = plan_seen_by(press, &asked, &mut comparison).await?;
    let differences = comparison.differences;
    for runs in [&mut by_hand.runs, &mut by_hand.closed] {
        // What a hold keeps back was no part of it either.
        runs.retain(|run| !run.has_too_many_issues());
    }
    let changes = changes(press, &seen, &by_hand, &differences);
    Ok(Some(AsSeen { by_hand, seen, changes }))
}

fn changes(
    press: &Press,
    seen: &SeenPlan,
    by_hand: &ByHand,
    differences: &[Difference],
) -> Vec<String> {
    let mut changes = Vec::new();
    let mut is_there = vec![false; seen.runs.len()];
    let runs = by_hand.runs.iter().chain(&by_hand.closed);
    for run in runs.filter(|run| !run.is_empty()) {
        let Some(at) = seen.index_of(&run.basis) else {
            changes.push(format!("digest `{}` has something to send too", run.digest()));
            continue;
        };
        is_there[at] = true;
        let now = Facts::of(press, run);
        changes.extend(seen.runs[at].changes(&differences[at], &run.plan, &now));
    }
    for (run, _) in seen.runs.iter().zip(is_there).filter(|(_, is_there)| !is_there) {
        let digest = &run.facts.digest;
        let is_paused = by_hand.waiting.iter().any(|waiting| waiting.digest() == digest);
        let why = if is_paused { "is paused" } else { "has nothing to send any more" };
        changes.push(format!("digest `{digest}` {why}"));
    }
    changes
}

/// Compares who gets what with what was seen.
struct Comparison<'a> {
    seen: &'a SeenPlan,
    /// By run of what was seen.
    differences: Vec<Difference>,
}

impl Onlooker for Comparison<'_> {
    fn begin(&mut self, _: &[Basis]) {
        self.differences = self.seen.runs.iter().map(|_| Difference::default()).collect();
    }

    async fn look(&mut self, page: &Page<'_>) -> Result<(), DigestError> {
        if let Some(at) = self.seen.index_of(page.basis) {
            let difference = &mut self.differences[at];
            let issues = page.planner.issue_hashes();
            self.seen.runs[at].compare(difference, page.people, page.planned, issues);
        }
        Ok(())
    }
}
