//! Plan: which runs there are to make now, and what they would send.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Press, feeds};
use crate::config::{DigestConfig, Late};
use crate::digest::plan::{Line, Plan, PlannedIssue, Question, Window, issue_hash, plan};
use crate::digest::render::{IssueContent, RenderError, Section, lint, render, render_web};
use crate::digest::schedule::{self, Due};
use crate::feeds::FeedDefinition;
use crate::hash::hash;
use crate::mail::lint::lint_issue;
use crate::mail::message::{IssueHeaders, Personal, encode};
use crate::model::Seq;
use crate::outbox::sender::unsubscribe_url;
use crate::store::{
    Audience, DigestProgress, NewIssue, NewRun, PauseRecord, QuietRun, QuietState, Rendering,
    StoreError, ToldChange,
};

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
        "the digest `{digest}` would need {count} different issues; `mail.max_issues` is {limit}"
    )]
    TooMany { digest: String, count: usize, limit: usize },
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

/// One run that could be started.
#[derive(Debug)]
pub struct PlannedRun {
    pub digest: DigestConfig,
    pub progress: DigestProgress,
    pub occasion: Occasion,
    pub advances: bool,
    /// Whose subscriptions the plan read.
    pub audience: Audience,
    pub plan: Plan,
    changes: Vec<ToldChange>,
    feeds: Vec<FeedDefinition>,
    shape: String,
}

impl PlannedRun {
    pub fn is_empty(&self) -> bool {
        self.plan.recipients.is_empty()
    }

    pub fn is_rehearsed_by_stand_ins(&self) -> bool {
        self.audience == Audience::Rehearsal
    }

    /// Different entries over all issues.
    pub fn entry_count(&self) -> usize {
        let mut rows: Vec<i64> = self
            .plan
            .issues
            .iter()
            .flat_map(|issue| &issue.lines)
            .map(|line| self.changes[line.change].row)
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows.len()
    }

    fn key(&self) -> String {
        match &self.occasion {
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
    let mut taken = HashMap::new();
    let mut planned = Vec::new();
    // The paused ones last: what they hold back, the others may bring.
    for digest in free.iter().chain(&stopped) {
        let occasion = Occasion::ByHand;
        let run = plan_one(press, digest, occasion, to_seq, advances, &mut taken).await?;
        planned.extend(run.filter(|run| !run.is_empty()));
    }
    let (waiting, runs) = planned.into_iter().partition(|run| is_paused(&pauses, &run.digest.name));
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
    let mut taken = HashMap::new();
    let mut runs = Vec::new();
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
        let occasion = Occasion::Scheduled(due);
        runs.extend(plan_one(press, digest, occasion, to_seq, true, &mut taken).await?);
    }
    Ok(runs)
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
        owed_read: Vec::new(),
    };
    press.store.record_quiet_run(&quiet, press.clock.now()).await?;
    Ok(())
}

/// The run of the digest `immediate` over what is numbered and not covered yet; one that
/// finds nothing for anybody is recorded, so that its window moves on. Under a pause it waits.
pub async fn plan_immediate(press: &Press) -> Result<Vec<PlannedRun>, DigestError> {
    let to_seq = press.store.newest_seq().await?;
    let pauses = press.store.pauses().await?;
    let mut taken = HashMap::new();
    let mut runs = Vec::new();
    let immediate = press.config.digests.iter().filter(|d| d.at.is_none());
    for digest in immediate.filter(|d| !is_paused(&pauses, &d.name)) {
        let progress = press.store.digest_progress(&digest.name).await?;
        if progress.is_none_or(|progress| progress.covered_seq >= to_seq) {
            continue;
        }
        let occasion = Occasion::Immediate;
        runs.extend(plan_one(press, digest, occasion, to_seq, true, &mut taken).await?);
    }
    Ok(runs)
}

/// Plans one digest. `taken` carries what digests planned before it will deliver, as if
/// their deliveries stood in the store already.
async fn plan_one(
    press: &Press,
    digest: &DigestConfig,
    occasion: Occasion,
    to_seq: Seq,
    advances: bool,
    taken: &mut HashMap<(i64, i64), i64>,
) -> Result<Option<PlannedRun>, DigestError> {
    let store = &press.store;
    let Some(progress) = store.digest_progress(&digest.name).await? else {
        return Ok(None);
    };
    let audience = press.audience().await?;
    let subscriptions = store.subscriptions(progress.id, audience).await?;
    let window = Window { from_seq: progress.covered_seq, to_seq };
    let lowest = subscriptions.iter().filter_map(|s| s.owed_from).min();
    let after = lowest.map_or(window.from_seq, |owed| owed.min(window.from_seq));
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
    let rows: Vec<i64> = changes.iter().map(|c| c.row).collect();
    let mut received = store.received(&rows).await?;
    for (key, revision) in taken.iter() {
        let known = received.entry(*key).or_insert(*revision);
        *known = (*known).max(*revision);
    }
    let feeds = feeds::definitions(press).await?;
    let shape = shape(press);
    let question = Question {
        digest: &digest.name,
        window,
        changes: &changes,
        feeds: &feeds,
        subscriptions: &subscriptions,
        received: &received,
        site_language: &press.config.site.language,
        cap: CAP,
        shape: &shape,
    };
    let plan = plan(&question);
    for (subscriber, issue) in &plan.recipients {
        for line in &plan.issues[*issue].lines {
            let change = &changes[line.change];
            taken.insert((*subscriber, change.row), change.entry.revision);
        }
    }
    let digest = digest.clone();
    Ok(Some(PlannedRun {
        digest,
        progress,
        occasion,
        advances,
        audience,
        plan,
        changes,
        feeds,
        shape,
    }))
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
        templates,
    );
    hash(&serde_json::to_vec(&whole).expect("these values are always JSON"))
}

/// Starts a planned run: renders and checks each issue, then stores run, issues and
/// recipients together. An empty scheduled run is recorded as covered.
///
/// `None` where the run was there already, or had nothing to send.
pub async fn start(press: &Press, run: &PlannedRun) -> Result<Option<i64>, DigestError> {
    let window = run.plan.window;
    let due_at = match &run.occasion {
        Occasion::Scheduled(due) => Some(due.moment),
        Occasion::ByHand | Occasion::Immediate => None,
    };
    if run.is_empty() {
        let quiet = QuietRun {
            digest: run.progress.id,
            key: run.key(),
            due_at,
            from_seq: window.from_seq,
            to_seq: window.to_seq,
            state: QuietState::Empty,
            reason: "nothing new".into(),
            owed_read: run.plan.owed_read.clone(),
        };
        press.store.record_quiet_run(&quiet, press.clock.now()).await?;
        return Ok(None);
    }
    let limit = press.config.mail.max_issues;
    if run.plan.issues.len() > limit {
        let (digest, count) = (run.digest.name.clone(), run.plan.issues.len());
        return Err(DigestError::TooMany { digest, count, limit });
    }
    let issues = run
        .plan
        .issues
        .iter()
        .map(|issue| make_issue(press, run, issue))
        .collect::<Result<Vec<_>, _>>()?;
    let mut new_run = NewRun {
        digest: run.progress.id,
        key: run.key(),
        due_at,
        from_seq: window.from_seq,
        to_seq: window.to_seq,
        advances: run.advances,
        plan_hash: run.plan.hash.clone(),
        issues,
        recipients: run.plan.recipients.clone(),
        owed_read: if run.advances { run.plan.owed_read.clone() } else { Vec::new() },
    };
    let now = press.clock.now();
    let is_scheduled = due_at.is_some();
    for n in 1..=MOST_RUNS_OF_A_KEY {
        if let Some(id) = press.store.start_run(&new_run, now).await? {
            return Ok(Some(id));
        }
        // A scheduled key that is taken was this very run. By hand it was another one over
        // a window that did not advance, or one that was cancelled.
        if is_scheduled {
            break;
        }
        new_run.key = format!("{}+{n}", run.key());
    }
    Ok(None)
}

/// Runs by hand over one and the same window before we stop counting.
const MOST_RUNS_OF_A_KEY: usize = 1_000;

fn make_issue(
    press: &Press,
    run: &PlannedRun,
    issue: &PlannedIssue,
) -> Result<NewIssue, DigestError> {
    let config = &press.config;
    let hash_of_issue = issue_hash_of(press, run, issue);
    let web_url = format!("{}issues/{hash_of_issue}", config.web.public_url);
    let content = |lines: &[Line]| IssueContent {
        digest: &run.digest.name,
        language: &issue.language,
        sections: sections(run, lines),
        more: issue.lines.len() - lines.len(),
        web_url: &web_url,
    };
    let failed = |source| DigestError::Render { digest: run.digest.name.clone(), source };
    let shown = content(&issue.lines[..issue.shown]);
    let rendered = render(&press.templates, &config.site, &shown).map_err(failed)?;
    if let Some(finding) = lint(&rendered).into_iter().next() {
        return Err(DigestError::Unfit { digest: run.digest.name.clone(), finding });
    }
    let web = render_web(&press.templates, &config.site, &content(&issue.lines)).map_err(failed)?;
    let feedback_id =
        format!("{}:{}:digest:{}", &hash_of_issue[..12], run.digest.name, press.site_host());
    let headers = IssueHeaders {
        from: &config.mail.from,
        reply_to: config.mail.reply_to.as_ref(),
        digest: &run.digest.name,
        site_host: press.site_host(),
        web_url: &web_url,
        feedback_id: &feedback_id,
        unsubscribe_address: config.mail.unsubscribe_address.as_ref(),
    };
    let mail = encode(&rendered, &headers);
    check_structure(press, &run.digest.name, &mail)?;
    Ok(NewIssue {
        hash: hash_of_issue,
        language: issue.language.clone(),
        subject: rendered.subject.clone(),
        lines: issue
            .lines
            .iter()
            .map(|line| {
                let change = &run.changes[line.change];
                (run.feeds[line.feed].name.clone(), change.row, change.entry.revision)
            })
            .collect(),
        mail: compressed(&mail),
        web: compressed(web.as_bytes()),
    })
}

/// Octets of a message: a tenth of what most relays take, and twice as much as an HTML part of
/// 100 KB and its text come to in any script.
const MOST_OCTETS: usize = 1_000_000;

/// An issue that some receiver could misread goes to nobody: it is looked at as the message
/// of a made-up person whose address and token are as long as they get.
fn check_structure(press: &Press, digest: &str, mail: &[u8]) -> Result<(), DigestError> {
    let address = format!("{}@{}example.org", "a".repeat(64), "a23456789.".repeat(17));
    let token = "a".repeat(TOKEN_CHARS);
    let url = unsubscribe_url(&press.config.web.public_url, &token);
    let sample = Personal {
        address: &address.parse().expect("this is an address"),
        message_id: &format!("{token}@{}", press.config.mail.from.address.domain()),
        date: DateTime::<Utc>::UNIX_EPOCH.fixed_offset(),
        unsubscribe_url: &url,
        unsubscribe_token: &token,
    };
    match lint_issue(mail, &sample, MOST_OCTETS).into_iter().next() {
        Some(finding) => Err(DigestError::Unfit { digest: digest.to_owned(), finding }),
        None => Ok(()),
    }
}

/// As long as `subscribers::token` makes them.
const TOKEN_CHARS: usize = 55;

fn issue_hash_of(press: &Press, run: &PlannedRun, issue: &PlannedIssue) -> String {
    let received = HashMap::new();
    let question = Question {
        digest: &run.digest.name,
        window: run.plan.window,
        changes: &run.changes,
        feeds: &run.feeds,
        subscriptions: &[],
        received: &received,
        site_language: &press.config.site.language,
        cap: CAP,
        shape: &run.shape,
    };
    issue_hash(&question, issue)
}

/// Lines as sections, one per feed.
fn sections<'a>(run: &'a PlannedRun, lines: &[Line]) -> Vec<Section<'a>> {
    lines
        .chunk_by(|a, b| a.feed == b.feed)
        .map(|lines| Section {
            feed_title: &run.feeds[lines[0].feed].title,
            entries: lines.iter().map(|line| &run.changes[line.change].entry).collect(),
        })
        .collect()
}

/// Compressed with gzip, whose header holds no time here: equal bytes give equal bytes.
fn compressed(bytes: &[u8]) -> Rendering {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("writing to memory does not fail");
    let compressed = encoder.finish().expect("writing to memory does not fail");
    Rendering { hash: hash(bytes), bytes: compressed }
}
