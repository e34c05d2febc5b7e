//! Plan: which runs there are to make now, and what they would send.

use std::collections::HashSet;
use std::io::Write;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Press, feeds};
use crate::config::{DigestConfig, Late};
use crate::digest::plan::{
    Line, Plan, PlannedIssue, PlannedPage, Planner, Question, Window, issue_hash,
};
use crate::digest::render::{IssueContent, RenderError, Section, lint, render, render_web};
use crate::digest::schedule::{self, Due};
use crate::feeds::FeedDefinition;
use crate::hash::hash;
use crate::mail::lint::lint_issue;
use crate::mail::message::{IssueHeaders, Personal, encode};
use crate::model::{Language, Seq};
use crate::outbox::sender::unsubscribe_url;
use crate::store::{
    Audience, DigestProgress, NewIssue, NewRun, PauseRecord, QuietRun, QuietState, Received,
    Rendering, RunPage, StoreError, SubscriberRange, Subscription, ToldChange,
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
        templates,
    );
    hash(&serde_json::to_vec(&whole).expect("these values are always JSON"))
}

/// Starts a planned run, page by page: each issue is rendered and checked with the page that
/// has its first readers. An empty scheduled run is recorded as covered.
///
/// `None` where the run was there already, or had nothing to send.
pub async fn start(press: &Press, run: &PlannedRun) -> Result<Option<i64>, DigestError> {
    if run.is_empty() {
        record_empty(press, run).await?;
        return Ok(None);
    }
    let Some(id) = begin(press, run).await? else { return Ok(None) };
    let planned = match plan_pages(press, run, id).await {
        Ok(plan) => plan,
        Err(error) => {
            // What is left of it counts for nothing; should this fail too, the next run does it.
            let _ = press.store.drop_begun_run().await;
            return Err(error);
        }
    };
    if planned.recipients == 0 {
        // Everybody left since it was shown.
        press.store.drop_begun_run().await?;
        record_empty(press, run).await?;
        return Ok(None);
    }
    let is_open = press.store.open_run(id, &planned.hash, planned.recipients).await?;
    Ok(is_open.then_some(id))
}

fn due_at(run: &PlannedRun) -> Option<DateTime<Utc>> {
    match &run.basis.occasion {
        Occasion::Scheduled(due) => Some(due.moment),
        Occasion::ByHand | Occasion::Immediate => None,
    }
}

/// Takes the run's key.
async fn begin(press: &Press, run: &PlannedRun) -> Result<Option<i64>, DigestError> {
    let Window { from_seq, to_seq } = run.plan.window;
    let due_at = due_at(run);
    let mut new_run = NewRun {
        digest: run.basis.progress.id,
        key: run.key(),
        due_at,
        from_seq,
        to_seq,
        advances: run.basis.advances,
    };
    let now = press.clock.now();
    for n in 1..=MOST_RUNS_OF_A_KEY {
        if let Some(id) = press.store.begin_run(&new_run, now).await? {
            return Ok(Some(id));
        }
        // A scheduled key that is taken was this very run. By hand it was another one over
        // a window that did not advance, or one that was cancelled.
        if due_at.is_some() {
            break;
        }
        new_run.key = format!("{}+{n}", run.key());
    }
    Ok(None)
}

/// Plans a run that was begun, and writes each page down.
async fn plan_pages(press: &Press, run: &PlannedRun, id: i64) -> Result<Plan, DigestError> {
    let basis = &run.basis;
    let question = basis.question();
    let mut planner = Planner::new(&question);
    let mut after = SubscriberRange::ALL.after;
    let mut number = 0;
    while let Some(people) = press.store.next_subscribers(&[basis.progress.id], after).await? {
        let known_issues = planner.issues().len();
        let (subscriptions, received) = read_people(press, basis, people).await?;
        let PlannedPage { recipients, owed_read } = planner.plan(&subscriptions, &received);
        let limit = press.config.mail.max_issues;
        if planner.issues().len() > limit {
            return Err(DigestError::TooMany { digest: basis.digest.name.clone(), limit });
        }
        let new = planner.issues()[known_issues..].iter();
        let issues =
            new.map(|issue| make_issue(press, basis, issue)).collect::<Result<Vec<_>, _>>()?;
        let owed_read = if basis.advances { owed_read } else { Vec::new() };
        if !recipients.is_empty() || !owed_read.is_empty() {
            let page = RunPage { number, subscribers: people, issues, recipients, owed_read };
            press.store.plan_page(id, &page).await?;
            number += 1;
        }
        after = people.upto;
    }
    Ok(planner.finish())
}

/// Records that a window held nothing new for anybody, and that nobody is owed any of it.
async fn record_empty(press: &Press, run: &PlannedRun) -> Result<(), DigestError> {
    let basis = &run.basis;
    let Window { from_seq, to_seq } = run.plan.window;
    let quiet = QuietRun {
        digest: basis.progress.id,
        key: run.key(),
        due_at: due_at(run),
        from_seq,
        to_seq,
        state: QuietState::Empty,
        reason: "nothing new".into(),
    };
    if !press.store.record_quiet_run(&quiet, press.clock.now()).await? {
        return Ok(());
    }
    let question = basis.question();
    let mut planner = Planner::new(&question);
    let mut after = SubscriberRange::ALL.after;
    while let Some(people) = press.store.next_subscribers(&[basis.progress.id], after).await? {
        let (subscriptions, received) = read_people(press, basis, people).await?;
        let page = planner.plan(&subscriptions, &received);
        // Who is owed something by now keeps it for the next plan.
        if page.recipients.is_empty() && !page.owed_read.is_empty() {
            press.store.clear_owed(basis.progress.id, &page.owed_read).await?;
        }
        after = people.upto;
    }
    Ok(())
}

/// Runs by hand over one and the same window before we stop counting.
const MOST_RUNS_OF_A_KEY: usize = 1_000;

fn make_issue(press: &Press, basis: &Basis, issue: &PlannedIssue) -> Result<NewIssue, DigestError> {
    let config = &press.config;
    let hash_of_issue = issue_hash(&basis.question(), issue);
    let web_url = format!("{}issues/{hash_of_issue}", config.web.public_url);
    let content = |lines: &[Line]| IssueContent {
        digest: &basis.digest.name,
        language: &issue.language,
        sections: sections(basis, lines),
        more: issue.lines.len() - lines.len(),
        web_url: &web_url,
    };
    let failed = |source| DigestError::Render { digest: basis.digest.name.clone(), source };
    let shown = content(&issue.lines[..issue.shown]);
    let rendered = render(&press.templates, &config.site, &shown).map_err(failed)?;
    if let Some(finding) = lint(&rendered).into_iter().next() {
        return Err(DigestError::Unfit { digest: basis.digest.name.clone(), finding });
    }
    let web = render_web(&press.templates, &config.site, &content(&issue.lines)).map_err(failed)?;
    let feedback_id =
        format!("{}:{}:digest:{}", &hash_of_issue[..12], basis.digest.name, press.site_host());
    let headers = IssueHeaders {
        from: &config.mail.from,
        reply_to: config.mail.reply_to.as_ref(),
        digest: &basis.digest.name,
        site_host: press.site_host(),
        web_url: &web_url,
        feedback_id: &feedback_id,
        unsubscribe_address: config.mail.unsubscribe_address.as_ref(),
    };
    let mail = encode(&rendered, &headers);
    check_structure(press, &basis.digest.name, &mail)?;
    Ok(NewIssue {
        hash: hash_of_issue,
        language: issue.language.clone(),
        subject: rendered.subject.clone(),
        lines: issue
            .lines
            .iter()
            .map(|line| {
                let change = &basis.changes[line.change];
                (basis.feeds[line.feed].name.clone(), change.row, change.entry.revision)
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

/// Lines as sections, one per feed.
fn sections<'a>(basis: &'a Basis, lines: &[Line]) -> Vec<Section<'a>> {
    lines
        .chunk_by(|a, b| a.feed == b.feed)
        .map(|lines| Section {
            feed_title: &basis.feeds[lines[0].feed].title,
            entries: lines.iter().map(|line| &basis.changes[line.change].entry).collect(),
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
