//! Preview: what a scan, a publish and a plan of now would make, on a private copy of the store.
//!
//! Nothing is sent, and no run is made. Where a digest has no follower, somebody who follows all
//! feeds by it stands in, in the copy alone.

mod parts;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::digests::preview::{MadeIssue, issues};
use super::digests::{DigestError, PlannedRun, plan_all_by_hand};
use super::people::{Consent, PeopleError, add_stand_ins, subscribe};
use super::publish::{PublishReport, PublishingError, publish};
use super::scan::scan;
use super::{Press, feeds};
use crate::content::Problem;
use crate::digest::schedule::next;
use crate::feeds::FeedDefinition;
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
    pub feeds: Vec<FeedDefinition>,
    /// Why something is shown as it last was, or not at all.
    pub faults: Vec<String>,
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
/// told, and shown as it was `before`.
pub async fn make(press: &Press, samples: &mut Samples, before: &Preview) -> Preview {
    let mut preview = Preview::default();
    match scanned(press).await {
        Ok(report) => {
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
    match digests(press, samples, &preview.feeds, before).await {
        Ok(digests) => preview.digests = digests,
        Err(error) => {
            preview.faults.push(said(error));
            preview.digests.clone_from(&before.digests);
        }
    }
    preview
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
    let mut previews = Vec::new();
    for digest in &press.config.digests {
        let is_it = |run: &&PlannedRun| run.digest() == digest.name;
        let waiting = planned.waiting.iter().find(is_it);
        let run = planned.runs.iter().find(is_it).or(waiting);
        let sample = samples.get(&digest.name);
        let mut preview = DigestPreview {
            name: digest.name.clone(),
            next: digest.at.as_ref().and_then(|at| next(at, digest.zone, now)),
            is_sample: sample.is_some(),
            is_paused: waiting.is_some(),
            ..DigestPreview::default()
        };
        if let Some(run) = run {
            preview.recipients = run.plan.recipients;
            preview.issues = run.plan.issues.len();
            fill(press, run, before, &mut preview);
        }
        previews.push(preview);
    }
    Ok(previews)
}

/// Makes the issues of a run; where one cannot be made, the digest stays as it was before.
fn fill(press: &Press, run: &PlannedRun, before: &Preview, preview: &mut DigestPreview) {
    let address = READER.parse().expect("this is an address");
    for made in issues(press, run, ISSUES, &address) {
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
const READER: &str = "reader@preview.invalid";

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
        if !press.store.subscriptions(progress.id, audience, people).await?.is_empty() {
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
    };
    subscribe(press, &rows, &consent).await?;
    // Not owed from now on alone: the digest's whole window is shown.
    let store = &press.store;
    let subscriber = store.subscriber_by_lookup(&press.keys.lookup(address)).await?;
    let (Some(subscriber), Some(progress)) = (subscriber, store.digest_progress(digest).await?)
    else {
        return Ok(());
    };
    let newest = store.newest_seq().await?;
    let owed: Vec<_> = feeds.iter().map(|feed| (subscriber, feed.name.clone(), newest)).collect();
    store.clear_owed(progress.id, &owed).await?;
    Ok(())
}
