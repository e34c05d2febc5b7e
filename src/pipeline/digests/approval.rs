//! Runs that wait for an operator's word, and what may have changed meanwhile.
//!
//! A held run has its key, its pages and its issues, and counts for nothing until it is let go:
//! its window is not covered, and nobody is about to get what it says. The word is for what was
//! planned: it is planned again, and only who left may differ.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Basis, DigestError, Occasion, PlannedRun, basis, read_people};
use crate::config::DigestConfig;
use crate::digest::plan::{Plan, Planner, issue_hash};
use crate::hash::hash;
use crate::pipeline::Press;
use crate::store::{HeldRun, ReleasedRun, StoreError, SubscriberRange};

/// What a plan is made of, so that a later one can be told apart from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub digest: String,
    from_seq: i64,
    to_seq: i64,
    /// By id: revision and title.
    entries: BTreeMap<String, (i64, String)>,
    feeds: String,
    templates: String,
    shape: String,
    recipients: u64,
}

impl Facts {
    pub fn of(press: &Press, run: &PlannedRun) -> Self {
        Self::new(press, &run.basis, &run.plan)
    }

    fn new(press: &Press, basis: &Basis, plan: &Plan) -> Self {
        let changes: HashSet<usize> =
            plan.issues.iter().flat_map(|issue| &issue.lines).map(|line| line.change).collect();
        let entry = |at: usize| {
            let entry = &basis.changes[at].entry;
            (entry.id.as_str().to_owned(), (entry.revision, entry.title.clone()))
        };
        let templates: Vec<(&str, &str)> = press.templates.sources().collect();
        let templates = serde_json::to_vec(&templates).expect("templates are always JSON");
        Self {
            digest: basis.digest.name.clone(),
            from_seq: plan.window.from_seq,
            to_seq: plan.window.to_seq,
            entries: changes.into_iter().map(entry).collect(),
            // Not those of `each:`: a new category is no change of what people follow.
            feeds: hash(format!("{:?}", press.config.feeds).as_bytes()),
            templates: hash(&templates),
            shape: basis.shape.clone(),
            recipients: plan.recipients,
        }
    }

    /// Of so many people, as they were counted last.
    pub(super) fn to(self, recipients: u64) -> Self {
        Self { recipients, ..self }
    }

    /// What is different in `now`, as people read it.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (id, (revision, title)) in &now.entries {
            match self.entries.get(id) {
                None => changes.push(format!("the entry `{title}` is new in it")),
                Some((known, _)) if known != revision => {
                    changes.push(format!("the entry `{title}` was edited"));
                }
                Some(_) => {}
            }
        }
        for (id, (_, title)) in &self.entries {
            if !now.entries.contains_key(id) {
                changes.push(format!("the entry `{title}` is in it no longer"));
            }
        }
        if self.feeds != now.feeds {
            changes.push("the feeds changed".into());
        }
        if self.templates != now.templates {
            changes.push("the templates changed".into());
        } else if self.shape != now.shape {
            changes.push("the config that shapes mail changed".into());
        }
        let people = now.recipients.abs_diff(self.recipients);
        if now.recipients > self.recipients {
            changes.push(format!("it would go to {people} more"));
        } else if people > 0 {
            changes.push(format!("it would go to {people} fewer"));
        }
        if changes.is_empty() && self.from_seq != now.from_seq {
            changes.push(format!("digest `{}` went out meanwhile", self.digest));
        }
        changes
    }
}

/// What became of an operator's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// It goes out, without so many who left it meanwhile.
    LetGo { run: i64, leavers: u64 },
    /// It is another plan now.
    Changed(Vec<String>),
}

/// Plans what several runs would bring in a word that can be kept.
pub fn facts_of(press: &Press, runs: &[PlannedRun]) -> Vec<Facts> {
    runs.iter().map(|run| Facts::of(press, run)).collect()
}

/// Remembers what a plan was made of, under its hash.
pub async fn keep(press: &Press, hash: &str, facts: &[Facts]) -> Result<(), StoreError> {
    let text = serde_json::to_string(facts).expect("facts are always JSON");
    press.store.keep_plan(hash, &text, press.clock.now()).await
}

/// What a plan that somebody has seen was made of; `None` where it is not known.
async fn kept(press: &Press, prefix: &str) -> Result<Option<Vec<Facts>>, StoreError> {
    let plans = press.store.kept_plans(prefix).await?;
    Ok(plans.first().and_then(|(_, facts)| serde_json::from_str(facts).ok()))
}

/// What is different from the plan that somebody has seen.
pub async fn changed_since(
    press: &Press,
    prefix: &str,
    runs: &[PlannedRun],
) -> Result<Vec<String>, StoreError> {
    let Some(seen) = kept(press, prefix).await? else {
        return Ok(vec![format!("no plan that was shown begins with `{prefix}`")]);
    };
    let now = facts_of(press, runs);
    let mut changes = Vec::new();
    for was in &seen {
        match now.iter().find(|facts| facts.digest == was.digest) {
            Some(facts) => changes.extend(was.changes(facts)),
            None => changes.push(format!("digest `{}` has nothing to send any more", was.digest)),
        }
    }
    for facts in &now {
        if seen.iter().all(|was| was.digest != facts.digest) {
            changes.push(format!("digest `{}` has something to send too", facts.digest));
        }
    }
    if changes.is_empty() {
        changes.push("who gets which entries changed".into());
    }
    Ok(changes)
}

/// Plans a held run again, and lets it go where only who left differs. The caller holds the
/// lock: nothing else is planned meanwhile.
pub async fn let_go(press: &Press, held: &HeldRun, by: &str) -> Result<Word, DigestError> {
    let is_its = |digest: &&DigestConfig| digest.name == held.digest;
    let Some(digest) = press.config.digests.iter().find(is_its) else {
        let gone = format!("the config has no digest `{}` any more", held.digest);
        return Ok(Word::Changed(vec![gone]));
    };
    let again = basis(press, digest, Occasion::ByHand, held.to_seq, true).await?;
    let Some(again) = again.filter(|again| again.window.from_seq == held.from_seq) else {
        return Ok(Word::Changed(vec![format!("digest `{}` went out meanwhile", held.digest)]));
    };
    let question = again.question();
    let mut planner = Planner::new(&question);
    let mut hashes: Vec<String> = Vec::new();
    let (mut leavers, mut more, mut others) = (Vec::new(), 0_u64, 0_u64);
    let mut after = SubscriberRange::ALL.after;
    let digests = [again.progress.id];
    while let Some(people) = press.store.next_subscribers(&digests, after).await? {
        let (subscriptions, received) = read_people(press, &again, people).await?;
        let page = planner.plan(&subscriptions, &received);
        let new = &planner.issues()[hashes.len()..];
        hashes.extend(new.iter().map(|issue| issue_hash(&question, issue)));
        let held = press.store.held_recipients(held.run, people).await?;
        let mut held: BTreeMap<i64, String> = held.into_iter().collect();
        for (subscriber, issue) in page.recipients {
            match held.remove(&subscriber) {
                None => more += 1,
                Some(hash) if hash != hashes[issue] => others += 1,
                Some(_) => {}
            }
        }
        leavers.extend(held.into_keys());
        after = people.upto;
    }
    let rest = SubscriberRange { after, ..SubscriberRange::ALL };
    let rest = press.store.held_recipients(held.run, rest).await?;
    leavers.extend(rest.into_iter().map(|(subscriber, _)| subscriber));
    let plan = planner.finish();
    // Where nobody would get anything, it is not that all of them left.
    if more > 0 || others > 0 || plan.recipients == 0 {
        let now = Facts::new(press, &again, &plan);
        let seen = kept(press, &held.plan).await?.unwrap_or_default();
        let mut changes = seen.first().map(|was| was.changes(&now)).unwrap_or_default();
        if changes.is_empty() {
            changes.push(format!("{more} more would get it, {others} something else"));
        }
        return Ok(Word::Changed(changes));
    }
    let count = leavers.len() as u64;
    let released = ReleasedRun { run: held.run, leavers, by: by.to_owned() };
    if press.store.release_run(&released, press.clock.now()).await? {
        return Ok(Word::LetGo { run: held.run, leavers: count });
    }
    Ok(Word::Changed(vec!["it is held no longer".into()]))
}
