//! Plan: which runs there are to make now, and what they would send.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Press, feeds};
use crate::config::{Approve, DigestConfig, Late, Uncertain};
use crate::digest::plan::{Plan, Question, Window};
use crate::digest::render::RenderError;
use crate::digest::schedule::{self, Due};
use crate::digest::{CORRECTION, REMINDER, URGENT};
use crate::feeds::FeedDefinition;
use crate::model::{Language, Seq};
use crate::store::{
    Audience, DigestProgress, HeldRun, KnownCancellations, PauseRecord, QuietRun, QuietState,
    StoreError, ToldChange, Untold,
};

pub mod approval;
mod by_hand;
mod corrections;
mod issues;
pub mod outlook;
pub mod preview;
mod readers;
mod reminders;
mod seen;
mod shape;
mod start;
mod supersede;
mod too_many;
mod urgent;
mod walk;

pub use by_hand::{
    Asked, ByHand, Wanted, hash_of, pass_windows, plan_all_by_hand, plan_asked, plan_by_hand,
    plan_wanted,
};
pub use seen::{AsSeen, SeenPlan, plan_as_seen};
pub use start::{Started, start, start_seen, start_with};
pub use supersede::{end_outdated, settle};

pub(super) use issues::{check_structure, compressed};
use readers::{Readers, read_people};
use shape::shape;
pub use too_many::TooMany;
use walk::plan_all;

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
        "the digest `{digest}` would need more than {limit} different issues; they differ by the \
         feeds {feeds}"
    )]
    TooMany { digest: String, limit: usize, feeds: String },
    #[error("the entry `{title}` ({id}) cannot be mailed")]
    Entry { title: String, id: String, source: Box<DigestError> },
}

impl DigestError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(_) => None,
            Self::TooMany { .. } => Some(
                "`tidings status` shows the hold that `approve` lets go, for twice as many; or \
                 raise `mail.max_issues`",
            ),
            Self::Render { .. } | Self::Unfit { .. } | Self::Entry { .. } => {
                Some("mend the template or the entry and run again; its next run brings the news")
            }
        }
    }
}

/// Where a run's key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// `publish-now`.
    ByHand,
    /// Each scan that numbered changes for followers, or one that is told at once.
    Immediate,
    /// The digest's schedule.
    Scheduled(Due),
    /// A run with this key was superseded.
    Succession(String),
}

/// What sets one run of a digest apart from the others.
#[derive(Debug)]
struct Terms {
    occasion: Occasion,
    window: Window,
    advances: bool,
}

/// What one run is planned from, the same for all its people.
#[derive(Debug)]
struct Basis {
    digest: DigestConfig,
    progress: DigestProgress,
    known: KnownCancellations,
    occasion: Occasion,
    advances: bool,
    audience: Audience,
    window: Window,
    /// Where the changes begin: at the lowest that somebody was owed when they were read.
    after: Seq,
    changes: Vec<ToldChange>,
    feeds: Vec<FeedDefinition>,
    site_language: Language,
    shape: String,
    readers: Readers,
    /// Whose people are gone through: those with a subscription to one of these.
    digests: Vec<i64>,
    /// The superseded run whose people it is for, and nobody else.
    succeeds: Option<i64>,
    /// Of a correction: the feeds that hold the entry now.
    selecting: Vec<String>,
    /// Of a correction: who has the old text and cannot be told.
    untold: Untold,
}

impl Basis {
    /// A run for those who chose its digest.
    async fn new(
        press: &Press,
        digest: DigestConfig,
        progress: DigestProgress,
        Terms { occasion, window, advances }: Terms,
        changes: Vec<ToldChange>,
    ) -> Result<Self, DigestError> {
        let at = press.clock.now();
        Ok(Self {
            digest,
            digests: vec![progress.id],
            known: KnownCancellations { newest: progress.newest_cancellation, at },
            progress,
            occasion,
            advances,
            audience: press.audience().await?,
            window,
            after: window.from_seq,
            changes,
            feeds: feeds::definitions(press).await?,
            site_language: press.config.site.language.clone(),
            shape: shape(&press.config, &press.templates),
            readers: Readers::OfDigest,
            succeeds: None,
            selecting: Vec::new(),
            untold: Untold::default(),
        })
    }

    /// Whether it waits for an operator's word where it goes to so many. Who takes the place of a
    /// run that went out needs none: it had it.
    fn needs_word(&self, recipients: u64) -> bool {
        self.succeeds.is_none() && self.digest.approve.is_needed(recipients)
    }

    /// Whether it brings people what they were owed by its digest.
    fn clears_owed(&self) -> bool {
        self.advances && self.readers == Readers::OfDigest
    }

    fn question(&self) -> Question<'_> {
        Question {
            digest: &self.digest.name,
            window: self.window,
            after: self.after,
            changes: &self.changes,
            feeds: &self.feeds,
            site_language: &self.site_language,
            cap: CAP,
            shape: &self.shape,
        }
    }

    /// Whether this very window is held already: planned again it would come to the same.
    fn is_held_as(&self, held: &HeldRun) -> bool {
        let Window { from_seq, to_seq } = self.window;
        self.succeeds.is_none()
            && held.digest == self.digest.name
            && (held.from_seq, held.to_seq) == (from_seq, to_seq)
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
    /// It is held for its many issues, of which the plan has not all.
    too_many: Option<TooMany>,
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

    /// Whether it waits for an operator's word, by what the config says.
    pub fn needs_approval(&self) -> bool {
        self.basis.needs_word(self.plan.recipients)
    }

    /// Whether it has more different issues than it may, so that it is held when it is started.
    pub fn has_too_many_issues(&self) -> bool {
        self.too_many.is_some()
    }

    /// Different entries over all issues.
    pub fn entry_count(&self) -> usize {
        let lines = self.plan.issues.iter().flat_map(|issue| &issue.lines);
        let rows: HashSet<i64> = lines.map(|line| self.basis.changes[line.change].row).collect();
        rows.len()
    }

    /// Of a correction: how many have the old text and cannot be told.
    pub fn untold(&self) -> Untold {
        self.basis.untold
    }

    /// Whether it is to be started though nobody gets anything, so that it is done with.
    fn closes_something(&self) -> bool {
        self.basis.readers == Readers::Receivers || self.basis.succeeds.is_some()
    }

    fn key(&self) -> String {
        match &self.basis.occasion {
            Occasion::ByHand => format!("now:{}", self.plan.window.to_seq),
            Occasion::Immediate => format!("seq:{}", self.plan.window.to_seq),
            Occasion::Scheduled(due) => due.key.clone(),
            Occasion::Succession(key) => key.clone(),
        }
    }
}

fn is_paused(pauses: &[PauseRecord], digest: &str) -> bool {
    pauses.iter().any(|pause| pause.stops_digest(digest))
}

/// What does not wait for the moment of a digest, in the order in which it is planned: what one
/// of them brings is left out of those behind it. Of digests that are not meant nothing is read.
async fn told(press: &Press, is_meant: impl Fn(&str) -> bool) -> Result<Vec<Basis>, DigestError> {
    let mut bases = Vec::new();
    if is_meant(URGENT) {
        bases.extend(urgent::basis(press).await?);
    }
    // Before the corrections: who had nothing yet gets the new text alone.
    bases.extend(supersede::successors(press, &is_meant).await?);
    if is_meant(CORRECTION) {
        bases.extend(corrections::bases(press).await?);
    }
    Ok(bases)
}

/// Runs for urgent news, for those whom superseded runs left, for corrections, and the reminders
/// that are due. [`settle`] comes before.
pub async fn plan_told(press: &Press, now: DateTime<Utc>) -> Result<Vec<PlannedRun>, DigestError> {
    let pauses = press.store.pauses().await?;
    let passed_over = too_many::asked_about(press).await?;
    let is_meant = |digest: &str| !is_paused(&pauses, digest) && !passed_over.contains(digest);
    let mut bases = told(press, is_meant).await?;
    if is_meant(REMINDER) {
        reminders::record_late(press, now).await?;
        bases.extend(reminders::basis(press, now).await?);
    }
    let held = press.store.held_runs().await?;
    bases.retain(|basis| !held.iter().any(|held| basis.is_held_as(held)));
    plan_all(press, bases).await
}

/// Which scheduled runs are due at `now`; those too late are recorded and not sent.
///
/// A pause is as a time without a daemon: its moments stay due, and at its end one issue covers
/// them, unless that is too late by then. Outside the send windows they stay due too; how late
/// they are is counted in time in which they were open.
pub async fn plan_due(press: &Press, now: DateTime<Utc>) -> Result<Vec<PlannedRun>, DigestError> {
    let windows = &press.config.mail.windows;
    if !windows.is_open(now) {
        return Ok(Vec::new());
    }
    let pauses = press.store.pauses().await?;
    let mut bases = Vec::new();
    for digest in press.config.digests.iter().filter(|d| !is_paused(&pauses, &d.name)) {
        let Some(cron) = &digest.at else { continue };
        let Some(progress) = press.store.digest_progress(&digest.name).await? else { continue };
        let newest = press.store.newest_due_key(progress.id, now).await?;
        let newest = newest.as_deref();
        let Some(due) = schedule::due(cron, digest.zone, newest, progress.registered_at, now)
        else {
            continue;
        };
        let to_seq = press.store.newest_seq_before(due.moment).await?.max(progress.covered_seq);
        if too_many::is_asked(press, &digest.name).await? {
            continue;
        }
        if is_too_late(digest, windows.open_time(due.moment, now)) {
            let reason = format!("too late for {}", due.key);
            record_quiet(press, &progress, &due, to_seq, QuietState::Expired, reason).await?;
            continue;
        }
        bases.extend(basis(press, digest, Occasion::Scheduled(due), to_seq, true).await?);
    }
    plan_all(press, bases).await
}

/// `late` is the time in which it could have gone out.
fn is_too_late(digest: &DigestConfig, late: TimeDelta) -> bool {
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
        known: KnownCancellations { newest: progress.newest_cancellation, at: press.clock.now() },
    };
    press.store.record_quiet_run(&quiet, press.clock.now()).await?;
    Ok(())
}

/// The run of the digest `immediate` over what is numbered and not covered yet; one that
/// finds nothing for anybody is recorded, so that its window moves on. Under a pause, outside the
/// send windows and for an operator's word it waits.
pub async fn plan_immediate(press: &Press) -> Result<Vec<PlannedRun>, DigestError> {
    if !press.config.mail.windows.is_open(press.clock.now()) {
        return Ok(Vec::new());
    }
    let held = press.store.held_runs().await?;
    let to_seq = press.store.newest_seq().await?;
    let pauses = press.store.pauses().await?;
    let mut bases = Vec::new();
    let immediate = press.config.digests.iter().filter(|d| d.at.is_none());
    for digest in immediate.filter(|d| !is_paused(&pauses, &d.name)) {
        let progress = press.store.digest_progress(&digest.name).await?;
        if progress.is_none_or(|progress| progress.covered_seq >= to_seq)
            || held.iter().any(|held| held.digest == digest.name && held.to_seq >= to_seq)
            || too_many::is_asked(press, &digest.name).await?
        {
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
    let Some(progress) = press.store.digest_progress(&digest.name).await? else {
        return Ok(None);
    };
    let window = Window { from_seq: progress.covered_seq, to_seq };
    let terms = Terms { occasion, window, advances };
    Ok(Some(basis_over(press, digest, progress, terms).await?))
}

/// Reads what a run over this window is planned from.
async fn basis_over(
    press: &Press,
    digest: &DigestConfig,
    progress: DigestProgress,
    terms: Terms,
) -> Result<Basis, DigestError> {
    let (store, window) = (&press.store, terms.window);
    let audience = press.audience().await?;
    let lowest = store.lowest_owed(progress.id, audience, window.from_seq).await?;
    let after = lowest.unwrap_or(window.from_seq);
    let mut changes = store.told_changes(after, window.to_seq).await?;
    add_translations(press, &mut changes, after).await?;
    let basis = Basis::new(press, digest.clone(), progress, terms, changes).await?;
    Ok(Basis { after, ..basis })
}

/// Adds the older ones of the same groups of translations: who has one is not mailed another,
/// however long ago that was.
async fn add_translations(
    press: &Press,
    changes: &mut Vec<ToldChange>,
    after: Seq,
) -> Result<(), StoreError> {
    let groups: BTreeSet<String> =
        changes.iter().filter_map(|c| c.entry.translation_key.clone()).collect();
    if !groups.is_empty() {
        let groups: Vec<String> = groups.into_iter().collect();
        changes.extend(press.store.told_translations(&groups, after).await?);
    }
    Ok(())
}

/// A digest of the program itself as one of the config.
fn reserved(press: &Press, name: &str) -> DigestConfig {
    DigestConfig {
        name: name.to_owned(),
        at: None,
        zone: press.config.site.time_zone,
        late: Late::Skip,
        uncertain: Uncertain::Resend,
        approve: if name == URGENT { strictest(&press.config.digests) } else { Approve::Never },
    }
}

/// Urgent news goes to the readers of all digests: what one of them waits for, it waits for.
fn strictest(digests: &[DigestConfig]) -> Approve {
    let strictness = |approve: &Approve| match approve {
        Approve::Never => None,
        Approve::Over(limit) => Some(Reverse(*limit)),
        Approve::Always => Some(Reverse(0)),
    };
    let all = digests.iter().map(|digest| digest.approve);
    all.max_by_key(strictness).unwrap_or(Approve::Never)
}

/// All digests that people can choose, by number.
async fn everybody(press: &Press) -> Result<Vec<i64>, StoreError> {
    let mut digests = Vec::new();
    for digest in &press.config.digests {
        let progress = press.store.digest_progress(&digest.name).await?;
        digests.extend(progress.map(|progress| progress.id));
    }
    Ok(digests)
}
