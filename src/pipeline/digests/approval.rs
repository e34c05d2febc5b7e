//! Runs that wait for an operator's word, and what may have changed meanwhile.
//!
//! A held run has its key, its pages and its issues, and counts for nothing until it is let go:
//! its window is not covered, and nobody is about to get what it says. The word is for what was
//! planned: it is planned again, and only who left may differ.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::seen::{Difference, SeenPlan};
use super::{Basis, DigestError, Occasion, PlannedRun, Terms, basis_over, read_people, urgent};
use crate::config::DigestConfig;
use crate::digest::URGENT;
use crate::digest::plan::{Plan, Planner, Window};
use crate::hash::hash;
use crate::pipeline::Press;
use crate::store::{HeldRun, ReleasedRun, SubscriberRange};

/// What a plan is made of, so that a later one can be told apart from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub digest: String,
    from_seq: i64,
    to_seq: i64,
    /// By id: revision and title.
    entries: BTreeMap<String, (i64, String)>,
    feeds: String,
    templates: String,
    shape: String,
    pub recipients: u64,
}

impl Facts {
    pub(super) fn of(press: &Press, run: &PlannedRun) -> Self {
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

    pub(super) fn is_of(&self, window: Window) -> bool {
        (self.from_seq, self.to_seq) == (window.from_seq, window.to_seq)
    }

    /// What is different in `now`, as people read it.
    pub(super) fn changes(&self, now: &Self) -> Vec<String> {
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

/// What a held run is planned from now, or why it cannot be.
async fn again(press: &Press, held: &HeldRun) -> Result<Result<Basis, String>, DigestError> {
    let Some(progress) = press.store.digest_progress(&held.digest).await? else {
        return Ok(Err(format!("there is no digest `{}`", held.digest)));
    };
    // Who has urgent news already is left out, whatever brought it.
    if held.from_seq != progress.covered_seq && held.digest != URGENT {
        return Ok(Err(format!("digest `{}` went out meanwhile", held.digest)));
    }
    let window = Window { from_seq: held.from_seq, to_seq: held.to_seq };
    if held.digest == URGENT {
        let basis = urgent::basis_over(press, progress, Occasion::Immediate, window).await?;
        return Ok(Ok(basis));
    }
    let is_its = |digest: &&DigestConfig| digest.name == held.digest;
    let Some(digest) = press.config.digests.iter().find(is_its) else {
        return Ok(Err(format!("the config has no digest `{}` any more", held.digest)));
    };
    let terms = Terms { occasion: Occasion::ByHand, window, advances: true };
    Ok(Ok(basis_over(press, digest, progress, terms).await?))
}

/// Plans a held run again, and lets it go where only who left differs. The caller holds the
/// lock: nothing else is planned meanwhile.
pub async fn let_go(press: &Press, held: &HeldRun, by: &str) -> Result<Word, DigestError> {
    let again = match again(press, held).await? {
        Ok(again) => again,
        Err(gone) => return Ok(Word::Changed(vec![gone])),
    };
    let question = again.question();
    let mut planner = Planner::new(&question);
    let mut difference = Difference::default();
    let mut after = SubscriberRange::ALL.after;
    while let Some(people) = press.store.next_subscribers(&again.digests, after).await? {
        let (subscriptions, received) = read_people(press, &again, people).await?;
        let page = planner.plan(&subscriptions, &received);
        let held = press.store.held_recipients(held.run, people).await?;
        difference.add(held, &page, planner.issue_hashes());
        after = people.upto;
    }
    let rest = SubscriberRange { after, ..SubscriberRange::ALL };
    let rest = press.store.held_recipients(held.run, rest).await?;
    difference.leavers.extend(rest.into_iter().map(|(subscriber, _)| subscriber));
    let plan = planner.finish();
    // Where nobody would get anything, it is not that all of them left.
    if !difference.is_leavers_alone() || plan.recipients == 0 {
        let now = Facts::new(press, &again, &plan);
        let seen = SeenPlan::facts(press, &held.plan).await?;
        let mut changes = seen.map(|was| was.changes(&now)).unwrap_or_default();
        if changes.is_empty() {
            let Difference { more, others, .. } = difference;
            changes.push(format!("{more} more would get it, {others} something else"));
        }
        if held.digest == URGENT {
            // It has no next moment that would bring the other plan: the next look does.
            let reason = "it is another plan now";
            press.store.supersede_held(held.run, reason, press.clock.now()).await?;
        }
        return Ok(Word::Changed(changes));
    }
    let leavers = difference.leavers;
    let count = leavers.len() as u64;
    let released = ReleasedRun { run: held.run, leavers, by: by.to_owned() };
    if press.store.release_run(&released, press.clock.now()).await? {
        return Ok(Word::LetGo { run: held.run, leavers: count });
    }
    Ok(Word::Changed(vec!["it is held no longer".into()]))
}
