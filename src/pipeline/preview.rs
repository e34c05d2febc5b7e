//! Preview: what a scan, a publish and a plan of now would make, on a private copy of the store.
//!
//! Nothing is sent, and no run is made. Where a digest has no follower, somebody who follows all
//! feeds by it stands in, in the copy alone.

mod answers;
mod parts;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::digests::preview::{MadeIssue, issues};
use super::digests::{ByHand, DigestError, PlannedRun, plan_all_by_hand};
use super::people::{Consent, PeopleError, add_stand_ins, subscribe};
use super::publish::{PublishReport, PublishingError, publish};
use super::scan::scan;
use super::{Press, feeds};
use crate::content::Problem;
use crate::digest::schedule::next;
use crate::digest::{CORRECTION, REMINDER, URGENT};
use crate::feeds::FeedDefinition;
use crate::hash::hash;
use crate::model::Address;
use crate::store::{Audience, StoreError, SubscriberRange};
use crate::subscribers::import::Row;
pub use parts::Parts;

/// Issues of one digest that are made: more than anybody looks through.
const ISSUES: usize = 20;

/// What there is to be seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preview {
    pub problems: Vec<Problem>,
    /// Mass changes that wait for an operator.
    pub holds: Vec<String>,
    /// Files that were still being written.
    pub moving: Vec<String>,
    pub digests: Vec<DigestPreview>,
    /// The mail that answers people, by what they ask for: an issue for each language.
    pub answers: Vec<DigestPreview>,
    pub feeds: Vec<FeedDefinition>,
    /// Why something is shown as it last was, or not at all.
    pub faults: Vec<String>,
    /// What the digests were planned of; absent where they could not be.
    planned_of: Option<PlannedOf>,
}

/// What plans are made of besides the store, which a scan alone changes: templates, the day, on
/// which feeds close, and the moments that come next.
#[derive(Debug, Clone, PartialEq)]
struct PlannedOf {
    templates: String,
    day: NaiveDate,
    moments: Vec<Option<DateTime<Utc>>>,
}

impl PlannedOf {
    fn now(press: &Press) -> Self {
        let (config, now) = (&press.config, press.clock.now());
        let zone = config.site.time_zone;
        let names = config.digests.iter().map(|digest| digest.name.as_str());
        let sources: Vec<(&str, &str)> = press.templates.sources().collect();
        Self {
            templates: hash(format!("{sources:?}").as_bytes()),
            day: now.with_timezone(&zone).date_naive(),
            moments: names.chain([REMINDER]).map(|name| next_of(press, name, now)).collect(),
        }
    }
}

/// What one digest would send now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DigestPreview {
    pub name: String,
    /// When it goes out next; absent for one that goes out with each scan that finds news.
    pub next: Option<DateTime<Utc>>,
    pub recipients: u64,
    /// Issues in all, made here or not.
    pub issues: usize,
    pub made: Vec<IssuePreview>,
    /// Nobody follows by it: shown as somebody who follows all feeds would get it.
    pub is_sample: bool,
    /// Its news waits for the end of a pause.
    pub is_paused: bool,
    /// It would be held for an operator's word.
    pub needs_word: bool,
    pub fault: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IssuePreview {
    pub language: String,
    pub subject: String,
    pub message: String,
    pub parts: Parts,
    pub web_copy: String,
}

/// Digests that nobody followed when they were first looked at.
pub type Samples = BTreeMap<String, Address>;

/// Brings the private copy up to the files of now, and makes what is to be seen. What fails is
/// told, and shown as it was `before`; so are digests where nothing changed that they are
/// planned of, because planning goes through all people.
pub async fn make(press: &Press, samples: &mut Samples, before: &Preview) -> Preview {
    let mut preview = Preview::default();
    let mut is_changed = true;
    match scanned(press).await {
        Ok(report) => {
            is_changed = is_change(&report);
            preview.holds = report.holds.into_iter().map(|hold| hold.reason).collect();
            preview.moving = report.moving;
            preview.problems = report.problems;
        }
        Err(fault) => {
            preview.problems.clone_from(&before.problems);
            preview.faults.push(fault);
        }
    }
    preview.feeds = match feeds::definitions(press).await {
        Ok(feeds) => feeds,
        Err(error) => {
            preview.faults.push(said(error));
            before.feeds.clone()
        }
    };
    preview.answers = answers::answers(press, &preview.feeds);
    let planned_of = Some(PlannedOf::now(press));
    if !is_changed && before.planned_of == planned_of {
        preview.digests.clone_from(&before.digests);
        preview.planned_of = planned_of;
        return preview;
    }
    match digests(press, samples, &preview.feeds, before).await {
        Ok(digests) => {
            preview.digests = digests;
            preview.planned_of = planned_of;
        }
        Err(error) => {
            preview.faults.push(said(error));
            preview.digests.clone_from(&before.digests);
        }
    }
    preview
}

/// Whether a scan took up anything that people could be told.
fn is_change(report: &PublishReport) -> bool {
    !report.changes.is_empty()
        || !report.documents_written.is_empty()
        || !report.documents_removed.is_empty()
}

/// Scans and publishes into the private folder.
async fn scanned(press: &Press) -> Result<PublishReport, String> {
    add_stand_ins(press).await.map_err(said)?;
    let mut report = scan(press).await.map_err(said)?;
    publish(press, &mut report).await.map_err(said)?;
    Ok(report)
}

/// An error with its causes, as a command prints it.
fn said(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

#[derive(Debug, thiserror::Error)]
enum PlanningError {
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publishing(#[from] PublishingError),
}

async fn digests(
    press: &Press,
    samples: &mut Samples,
    feeds: &[FeedDefinition],
    before: &Preview,
) -> Result<Vec<DigestPreview>, PlanningError> {
    add_samples(press, samples, feeds).await?;
    let planned = plan_all_by_hand(press, &[], true).await?;
    let now = press.clock.now();
    let names = press.config.digests.iter().map(|digest| digest.name.as_str());
    let nobody_follows = samples.len() == press.config.digests.len();
    let mut previews = Vec::new();
    for name in told_at_once(&planned).into_iter().chain(names) {
        let is_it = |run: &&PlannedRun| run.digest() == name;
        let is_paused = planned.waiting.iter().any(|run| run.digest() == name);
        let mut preview = DigestPreview {
            name: name.to_owned(),
            next: next_of(press, name, now),
            is_sample: samples.contains_key(name) || is_reserved(name) && nobody_follows,
            is_paused,
            ..DigestPreview::default()
        };
        // More than one where a run was superseded, or several texts are corrected.
        for run in planned.runs.iter().chain(&planned.waiting).filter(is_it) {
            preview.recipients += run.plan.recipients;
            preview.issues += run.plan.issues.len();
            preview.needs_word |= run.needs_approval() || run.has_too_many_issues();
            fill(press, run, before, &mut preview);
        }
        if matches!(name, URGENT | REMINDER) {
            // Those who stand in follow all feeds, and so get these too.
            preview.recipients = preview.recipients.saturating_sub(samples.len() as u64);
        }
        previews.push(preview);
    }
    Ok(previews)
}

/// Names of what goes out whatever people's digests are, once each, in the order of the runs.
fn told_at_once(planned: &ByHand) -> Vec<&str> {
    let mut names = Vec::new();
    for run in planned.runs.iter().chain(&planned.waiting) {
        if is_reserved(run.digest()) && !names.contains(&run.digest()) {
            names.push(run.digest());
        }
    }
    names
}

fn is_reserved(digest: &str) -> bool {
    matches!(digest, URGENT | CORRECTION | REMINDER)
}

/// When a digest goes out next; absent where it does not go by the clock.
fn next_of(press: &Press, name: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let config = &press.config;
    let (at, zone) = match config.digests.iter().find(|digest| digest.name == name) {
        Some(digest) => (digest.at.as_ref()?, digest.zone),
        None if name == REMINDER => (&config.reminders.as_ref()?.at, config.site.time_zone),
        None => return None,
    };
    next(at, zone, now)
}

/// Makes the issues of a run; where one cannot be made, the digest stays as it was before.
fn fill(press: &Press, run: &PlannedRun, before: &Preview, preview: &mut DigestPreview) {
    for made in issues(press, run, ISSUES, &reader()) {
        match made {
            Ok(made) => preview.made.push(seen(made)),
            Err(error) => {
                preview.fault = Some(said(error));
                let before = before.digests.iter().find(|digest| digest.name == preview.name);
                preview.made = before.map(|digest| digest.made.clone()).unwrap_or_default();
                return;
            }
        }
    }
}

/// To whom the messages go that are shown.
fn reader() -> Address {
    "reader@preview.invalid".parse().expect("this is an address")
}

fn seen(made: MadeIssue) -> IssuePreview {
    let MadeIssue { language, subject, message, web_copy } = made;
    let parts = Parts::of(&message);
    IssuePreview { language, subject, message, parts, web_copy }
}

/// Adds somebody who follows all feeds by each digest that nobody follows by.
async fn add_samples(
    press: &Press,
    samples: &mut Samples,
    feeds: &[FeedDefinition],
) -> Result<(), PlanningError> {
    let audience = press.audience().await?;
    for (number, digest) in press.config.digests.iter().enumerate() {
        if !samples.contains_key(&digest.name) {
            if has_followers(press, &digest.name, audience).await? {
                continue;
            }
            let address = format!("follower{number}@preview.invalid");
            let address = address.parse().expect("this is an address");
            samples.insert(digest.name.clone(), address);
        }
        add_sample(press, &samples[&digest.name], &digest.name, feeds, audience).await?;
    }
    Ok(())
}

async fn has_followers(
    press: &Press,
    digest: &str,
    audience: Audience,
) -> Result<bool, StoreError> {
    let Some(progress) = press.store.digest_progress(digest).await? else { return Ok(false) };
    let mut after = SubscriberRange::ALL.after;
    while let Some(people) = press.store.next_subscribers(&[progress.id], after).await? {
        let follows = press.store.subscriptions(progress.id, audience, people).await?;
        if follows.iter().any(|subscription| !subscription.is_paused) {
            return Ok(true);
        }
        after = people.upto;
    }
    Ok(false)
}

async fn add_sample(
    press: &Press,
    address: &Address,
    digest: &str,
    feeds: &[FeedDefinition],
    audience: Audience,
) -> Result<(), PlanningError> {
    let row = |feed: &FeedDefinition| Row {
        line: 0,
        address: address.clone(),
        language: press.config.site.language.clone(),
        feed: feed.name.clone(),
        digest: digest.to_owned(),
    };
    let rows: Vec<Row> = feeds.iter().map(row).collect();
    let consent = Consent {
        source: "preview",
        wording: "stands in for a reader, in a private copy".into(),
        is_confirmed: true,
        is_rehearsal: audience == Audience::Rehearsal,
        brings_back: true,
    };
    subscribe(press, &rows, &consent).await?;
    // Not owed from now on alone: the digest's whole window is shown.
    let store = &press.store;
    let subscriber = store.subscriber_by_lookup(&press.keys.lookup(address)).await?;
    let (Some(subscriber), Some(progress)) = (subscriber, store.digest_progress(digest).await?)
    else {
        return Ok(());
    };
    store.begin_with_digest(subscriber, progress.id).await?;
    Ok(())
}
