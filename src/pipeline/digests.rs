//! Plan: which runs there are to make now, and what they would send.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Press, feeds};
use crate::config::{DigestConfig, Late};
use crate::digest::plan::{Plan, Planner, Question, Window};
use crate::digest::render::RenderError;
use crate::digest::schedule::{self, Due};
use crate::feeds::FeedDefinition;
use crate::hash::hash;
use crate::model::{Language, Seq};
use crate::store::{
    Audience, DigestProgress, PauseRecord, QuietRun, QuietState, Received, StoreError,
    SubscriberRange, Subscription, ToldChange,
};

mod issues;
mod start;

pub use start::start;

/// Entries that stand in one mail; the rest stands in the web copy.
const CAP: usize = 25;

/// A digest that skips late mail counts as late from here on.
const LATE_AFTER: TimeDelta = TimeDelta::minutes(10);

#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not render the digest `{digest}`")]
    Render { digest: String, source: RenderError },
    #[error("an issue of the digest `{digest}` is not fit to send: {finding}")]
    Unfit { digest: String, finding: String },
    #[error(
        "the digest `{digest}` would need more different issues than `mail.max_issues`, {limit}"
    )]
    TooMany { digest: String, limit: usize },
}

/// Where a run's key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// `publish-now`.
    ByHand,
    /// Each scan that numbered changes for followers.
    Immediate,
    /// The digest's schedule.
    Scheduled(Due),
}

/// What one run is planned from, the same for all its people.
#[derive(Debug)]
struct Basis {
    digest: DigestConfig,
    progress: DigestProgress,
    occasion: Occasion,
    advances: bool,
    audience: Audience,
    window: Window,
    changes: Vec<ToldChange>,
    feeds: Vec<FeedDefinition>,
    site_language: Language,
    shape: String,
}

impl Basis {
    fn question(&self) -> Question<'_> {
        Question {
            digest: &self.digest.name,
            window: self.window,
            changes: &self.changes,
            feeds: &self.feeds,
            site_language: &self.site_language,
            cap: CAP,
            shape: &self.shape,
        }
    }

    /// Rows of the entries it is about.
    fn rows(&self) -> Vec<i64> {
        self.changes.iter().map(|change| change.row).collect()
    }
}

/// One run that could be started. Who gets it is read again, page by page, when it is.
#[derive(Debug)]
pub struct PlannedRun {
    basis: Basis,
    pub plan: Plan,
}

impl PlannedRun {
    pub fn digest(&self) -> &str {
        &self.basis.digest.name
    }

    pub fn is_empty(&self) -> bool {
        self.plan.recipients == 0
    }

    pub fn is_rehearsed_by_stand_ins(&self) -> bool {
        self.basis.audience == Audience::Rehearsal
    }

    /// Different entries over all issues.
    pub fn entry_count(&self) -> usize {
        let lines = self.plan.issues.iter().flat_map(|issue| &issue.lines);
        let rows: HashSet<i64> = lines.map(|line| self.basis.changes[line.change].row).collect();
        rows.len()
    }

    fn key(&self) -> String {
        match &self.basis.occasion {
            Occasion::ByHand => format!("now:{}", self.plan.window.to_seq),
            Occasion::Immediate => format!("seq:{}", self.plan.window.to_seq),
            Occasion::Scheduled(due) => due.key.clone(),
        }
    }
}

/// Which runs `publish-now` would make: for each digest (of `names`, where given) one over
/// (last covered, newest change], in config order. Those with nothing to send are left out, and
/// so are those that a pause stops.
pub async fn plan_by_hand(
    press: &Press,
    names: &[String],
    advances: bool,
) -> Result<Vec<PlannedRun>, DigestError> {
    Ok(plan_all_by_hand(press, names, advances).await?.runs)
}

/// What `publish-now` would send, and what it would if nothing were paused.
#[derive(Debug)]
pub struct ByHand {
    pub runs: Vec<PlannedRun>,
    /// Not to be started: their news waits for the end of a pause.
    pub waiting: Vec<PlannedRun>,
}

/// As [`plan_by_hand`], with what the pauses keep back.
pub async fn plan_all_by_hand(
    press: &Press,
    names: &[String],
    advances: bool,
) -> Result<ByHand, DigestError> {
    let to_seq = press.store.newest_seq().await?;
    let pauses = press.store.pauses().await?;
    let is_meant = |digest: &&DigestConfig| names.is_empty() || names.contains(&digest.name);
    let (stopped, free): (Vec<&DigestConfig>, Vec<&DigestConfig>) =
        press.config.digests.iter().filter(is_meant).partition(|d| is_paused(&pauses, &d.name));
    let mut bases = Vec::new();
    // The paused ones last: what they hold back, the others may bring.
    for digest in free.into_iter().chain(stopped) {
        bases.extend(basis(press, digest, Occasion::ByHand, to_seq, advances).await?);
    }
    let mut planned = plan_all(press, bases).await?;
    planned.retain(|run| !run.is_empty());
    let (waiting, runs) = planned.into_iter().partition(|run| is_paused(&pauses, run.digest()));
    Ok(ByHand { runs, waiting })
}

fn is_paused(pauses: &[PauseRecord], digest: &str) -> bool {
    pauses.iter().any(|pause| pause.stops_digest(digest))
}

/// One hash over several plans: what `publish-now` shows is what the daemon sends.
pub fn hash_of(runs: &[PlannedRun]) -> String {
    let hashes: Vec<&str> = runs.iter().map(|run| run.plan.hash.as_str()).collect();
    hash(hashes.join(" ").as_bytes())
}

/// Which scheduled runs are due at `now`; those too late are recorded and not sent.
///
/// A pause is as a time without a daemon: its moments stay due, and at its end one issue covers
/// them, unless that is too late by then.
pub async fn plan_due(press: &Press, now: DateTime<Utc>) -> Result<Vec<PlannedRun>, DigestError> {
    let pauses = press.store.pauses().await?;
    let mut bases = Vec::new();
    for digest in press.config.digests.iter().filter(|d| !is_paused(&pauses, &d.name)) {
        let Some(cron) = &digest.at else { continue };
        let Some(progress) = press.store.digest_progress(&digest.name).await? else { continue };
        let newest = progress.newest_due_key.as_deref();
        let Some(due) = schedule::due(cron, digest.zone, newest, progress.registered_at, now)
        else {
            continue;
        };
        let to_seq = press.store.newest_seq_before(due.moment).await?.max(progress.covered_seq);
        if is_too_late(digest, &due, now) {
            let reason = format!("too late for {}", due.key);
            record_quiet(press, &progress, &due, to_seq, QuietState::Expired, reason).await?;
            continue;
        }
        bases.extend(basis(press, digest, Occasion::Scheduled(due), to_seq, true).await?);
    }
    plan_all(press, bases).await
}

fn is_too_late(digest: &DigestConfig, due: &Due, now: DateTime<Utc>) -> bool {
    let late = now - due.moment;
    match digest.late {
        Late::Send { until } => TimeDelta::from_std(until).is_ok_and(|until| late > until),
        Late::Skip => late > LATE_AFTER,
    }
}

async fn record_quiet(
    press: &Press,
    progress: &DigestProgress,
    due: &Due,
    to_seq: Seq,
    state: QuietState,
    reason: String,
) -> Result<(), StoreError> {
    let quiet = QuietRun {
        digest: progress.id,
        key: due.key.clone(),
        due_at: Some(due.moment),
        from_seq: progress.covered_seq,
        to_seq,
        state,
        reason,
    };
    press.store.record_quiet_run(&quiet, press.clock.now()).await?;
    Ok(())
}

/// The run of the digest `immediate` over what is numbered and not covered yet; one that
/// finds nothing for anybody is recorded, so that its window moves on. Under a pause it waits.
pub async fn plan_immediate(press: &Press) -> Result<Vec<PlannedRun>, DigestError> {
    let to_seq = press.store.newest_seq().await?;
    let pauses = press.store.pauses().await?;
    let mut bases = Vec::new();
    let immediate = press.config.digests.iter().filter(|d| d.at.is_none());
    for digest in immediate.filter(|d| !is_paused(&pauses, &d.name)) {
        let progress = press.store.digest_progress(&digest.name).await?;
        if progress.is_none_or(|progress| progress.covered_seq >= to_seq) {
            continue;
        }
        bases.extend(basis(press, digest, Occasion::Immediate, to_seq, true).await?);
    }
    plan_all(press, bases).await
}

/// Reads what a run is planned from; `None` where the digest is not registered.
async fn basis(
    press: &Press,
    digest: &DigestConfig,
    occasion: Occasion,
    to_seq: Seq,
    advances: bool,
) -> Result<Option<Basis>, DigestError> {
    let store = &press.store;
    let Some(progress) = store.digest_progress(&digest.name).await? else {
        return Ok(None);
    };
    let audience = press.audience().await?;
    let window = Window { from_seq: progress.covered_seq, to_seq };
    let lowest = store.lowest_owed(progress.id, audience, window.from_seq).await?;
    let after = lowest.unwrap_or(window.from_seq);
    let mut changes = store.told_changes(after, to_seq).await?;
    let translated: HashSet<String> =
        changes.iter().filter_map(|c| c.entry.translation_key.clone()).collect();
    if !translated.is_empty() {
        // Who has one translation is not mailed another, however long ago that was.
        let older = store.told_changes(0, after).await?.into_iter();
        changes.extend(older.filter(|change| {
            change.entry.translation_key.as_ref().is_some_and(|key| translated.contains(key))
        }));
    }
    Ok(Some(Basis {
        digest: digest.clone(),
        progress,
        occasion,
        advances,
        audience,
        window,
        changes,
        feeds: feeds::definitions(press).await?,
        site_language: press.config.site.language.clone(),
        shape: shape(press),
    }))
}

/// Plans digests one after the other for each page of people, each as if the deliveries of
/// those before it stood in the store already.
async fn plan_all(press: &Press, bases: Vec<Basis>) -> Result<Vec<PlannedRun>, DigestError> {
    let questions: Vec<Question<'_>> = bases.iter().map(Basis::question).collect();
    let mut planners: Vec<Planner<'_>> = questions.iter().map(Planner::new).collect();
    let digests: Vec<i64> = bases.iter().map(|basis| basis.progress.id).collect();
    let mut after = SubscriberRange::ALL.after;
    while let Some(people) = press.store.next_subscribers(&digests, after).await? {
        let mut taken = Received::new();
        for (basis, planner) in bases.iter().zip(&mut planners) {
            if planner.issues().len() > press.config.mail.max_issues {
                // It is not sent anyway.
                continue;
            }
            let (subscriptions, mut received) = read_people(press, basis, people).await?;
            for (key, revision) in &taken {
                let known = received.entry(*key).or_insert(*revision);
                *known = (*known).max(*revision);
            }
            let page = planner.plan(&subscriptions, &received);
            if bases.len() > 1 {
                for (subscriber, issue) in &page.recipients {
                    for line in &planner.issues()[*issue].lines {
                        let change = &basis.changes[line.change];
                        taken.insert((*subscriber, change.row), change.entry.revision);
                    }
                }
            }
        }
        after = people.upto;
    }
    let plans: Vec<Plan> = planners.into_iter().map(Planner::finish).collect();
    Ok(bases.into_iter().zip(plans).map(|(basis, plan)| PlannedRun { basis, plan }).collect())
}

/// What some people follow, and what they have of the entries that a run is about.
async fn read_people(
    press: &Press,
    basis: &Basis,
    people: SubscriberRange,
) -> Result<(Vec<Subscription>, Received), StoreError> {
    let store = &press.store;
    let digest = basis.progress.id;
    let subscriptions = store.subscriptions(digest, basis.audience, people).await?;
    Ok((subscriptions, store.received(&basis.rows(), people).await?))
}

/// Whatever of config and templates shapes a mail.
fn shape(press: &Press) -> String {
    let config = &press.config;
    let templates: Vec<(&str, &str)> = press.templates.sources().collect();
    let whole = (
        &config.site.title,
        config.site.url.as_str(),
        config.web.public_url.as_str(),
        config.site.author.as_ref().map(|a| (&a.name, &a.email)),
        format!("{:?} {:?}", config.mail.from.name, config.mail.from.address.as_str()),
        config.mail.reply_to.as_ref().map(|s| (&s.name, s.address.as_str())),
        config.mail.unsubscribe_address.as_ref().map(|a| a.as_str().to_owned()),
        &config.mail.legal,
        templates,
    );
    hash(&serde_json::to_vec(&whole).expect("these values are always JSON"))
}
