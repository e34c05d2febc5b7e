//! What would go out now: for each digest its issues, how many people by feed and domain, who is
//! left out and why, and what is different from its last run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::issues::{Composed, compose};
use super::{
    Basis, DigestError, PlannedRun, approval, hash_of, is_paused, plan_every_by_hand, read_people,
};
use crate::digest::plan::{PlannedPage, Planner, Question};
use crate::pipeline::Press;
use crate::store::{Received, SubscriberRange, ToldChange};

/// Everything `plan` tells.
#[derive(Debug, Serialize)]
pub struct Outlook {
    /// What `publish-now --plan` asks for; absent where nothing would go out.
    pub plan: Option<String>,
    pub digests: Vec<DigestOutlook>,
    /// Entries whose time of publication lies ahead.
    pub embargoed: u64,
    /// Files on hold.
    pub files_on_hold: u64,
    /// When digests may go out; absent where they may now.
    pub opens_at: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct DigestOutlook {
    pub digest: String,
    pub plan: String,
    pub from_seq: i64,
    pub to_seq: i64,
    pub recipients: u64,
    pub entries: Vec<EntryOutlook>,
    pub issues: Vec<IssueOutlook>,
    /// People who get something from a feed.
    pub feeds: Vec<(String, u64)>,
    /// Most people first.
    pub domains: Vec<(String, u64)>,
    pub left_out: LeftOut,
    pub last_run: Option<LastRun>,
    pub needs_approval: bool,
    pub is_paused: bool,
}

#[derive(Debug, Serialize)]
pub struct EntryOutlook {
    pub id: String,
    pub title: String,
    pub revision: i64,
    /// Whether the last run of the digest brought it in this revision or another.
    pub is_again: bool,
}

#[derive(Debug, Serialize)]
pub struct IssueOutlook {
    pub hash: String,
    pub language: String,
    pub subject: String,
    pub entries: usize,
    /// Entries that stand in the web copy alone.
    pub more: usize,
    pub recipients: u64,
    /// Octets of the message, less what is personal.
    pub size_bytes: usize,
}

/// An issue as it would be mailed; looked at and let go, for there may be thousands.
#[derive(Debug, Clone, Copy)]
pub struct Preview<'a> {
    pub digest: &'a str,
    pub hash: &'a str,
    pub html: &'a str,
    pub text: &'a str,
    /// The web copy.
    pub web: &'a str,
}

/// Who gets nothing, or less, and why.
#[derive(Debug, Default, Serialize)]
pub struct LeftOut {
    /// People.
    pub paused: u64,
    pub suppressed: u64,
    /// People who have all of it already, or get it by another digest.
    pub already_received: u64,
    /// Copies of an entry of which the person gets, or has, another translation.
    pub translations: u64,
    /// New entries nobody is told of: older than `content.max_age`, or from the first scan.
    pub too_old: u64,
}

#[derive(Debug, Serialize)]
pub struct LastRun {
    pub run: i64,
    pub key: String,
    pub new: u64,
    pub again: u64,
    pub dropped: u64,
}

/// What is counted of one digest.
#[derive(Default)]
struct Survey {
    by_issue: Vec<u64>,
    by_feed: BTreeMap<usize, u64>,
    by_domain: HashMap<String, u64>,
    left_out: LeftOut,
}

/// Plans what `publish-now` would send, renders all of it, and counts. What it was made of is
/// remembered under its hash.
pub async fn outlook(
    press: &Press,
    names: &[String],
    mut show: impl FnMut(Preview<'_>),
) -> Result<Outlook, DigestError> {
    let pauses = press.store.pauses().await?;
    let runs = plan_every_by_hand(press, names, true, &pauses).await?;
    let surveys = survey(press, &runs).await?;
    let mut digests = Vec::with_capacity(runs.len());
    for (run, survey) in runs.iter().zip(surveys) {
        digests
            .push(describe(press, run, survey, is_paused(&pauses, run.digest()), &mut show).await?);
    }
    let goes = |run: &PlannedRun| !run.is_empty() && !is_paused(&pauses, run.digest());
    let going: Vec<PlannedRun> = runs.into_iter().filter(goes).collect();
    let plan = (!going.is_empty()).then(|| hash_of(&going));
    if let Some(hash) = &plan {
        approval::keep(press, hash, &approval::facts_of(press, &going)).await?;
        for run in &going {
            approval::keep(press, &run.plan.hash, &[approval::Facts::of(press, run)]).await?;
        }
    }
    let now = press.clock.now();
    let windows = &press.config.mail.windows;
    let opens = windows.opens(now).filter(|opens| *opens > now);
    let holds = press.store.open_holds().await?;
    Ok(Outlook {
        plan,
        digests,
        embargoed: press.store.entry_counts().await?.get("waiting").copied().unwrap_or(0),
        files_on_hold: holds.iter().flat_map(|hold| hold.items.values()).sum(),
        opens_at: opens.map(|opens| opens.with_timezone(&windows.zone).to_rfc3339()),
    })
}

/// Plans page by page once more, beside two plans that tell why somebody is left out: one for
/// people who have nothing yet, and one in which no entry is a translation of another.
async fn survey(press: &Press, runs: &[PlannedRun]) -> Result<Vec<Survey>, DigestError> {
    let bases: Vec<&Basis> = runs.iter().map(|run| &run.basis).collect();
    let untied: Vec<Vec<ToldChange>> = bases.iter().map(|basis| untied(basis)).collect();
    let questions: Vec<Question<'_>> = bases.iter().map(|basis| basis.question()).collect();
    let plain: Vec<Question<'_>> = questions
        .iter()
        .zip(&untied)
        .map(|(question, changes)| Question { changes, ..*question })
        .collect();
    let mut planners: Vec<[Planner<'_>; 3]> = questions
        .iter()
        .zip(&plain)
        .map(|(all, plain)| [Planner::new(all), Planner::new(all), Planner::new(plain)])
        .collect();
    let mut surveys: Vec<Survey> = bases.iter().map(|_| Survey::default()).collect();
    let digests: Vec<i64> = bases.iter().map(|basis| basis.progress.id).collect();
    let mut after = SubscriberRange::ALL.after;
    while let Some(people) = press.store.next_subscribers(&digests, after).await? {
        let mut taken = Received::new();
        for ((basis, planners), survey) in bases.iter().zip(&mut planners).zip(&mut surveys) {
            let (subscriptions, mut received) = read_people(press, basis, people).await?;
            for (key, revision) in &taken {
                let known = received.entry(*key).or_insert(*revision);
                *known = (*known).max(*revision);
            }
            let [planner, fresh, plain] = planners;
            let page = planner.plan(&subscriptions, &received);
            let of_fresh = fresh.plan(&subscriptions, &Received::new());
            let of_plain = plain.plan(&subscriptions, &received);
            let copies = copies(planner, &page);
            let left = &mut survey.left_out;
            left.already_received +=
                of_fresh.recipients.len().saturating_sub(page.recipients.len()) as u64;
            left.translations += self::copies(plain, &of_plain).saturating_sub(copies);
            let domains = people_of(press, basis, people, survey).await?;
            count(planner, &page, &domains, survey);
            for (subscriber, issue) in &page.recipients {
                for line in &planner.issues()[*issue].lines {
                    let change = &basis.changes[line.change];
                    taken.insert((*subscriber, change.row), change.entry.revision);
                }
            }
        }
        after = people.upto;
    }
    for (basis, survey) in bases.iter().zip(&mut surveys) {
        let window = basis.window;
        survey.left_out.too_old = press.store.untold_news(window.from_seq, window.to_seq).await?;
    }
    Ok(surveys)
}

/// The changes of a digest, none of which is a translation of another.
fn untied(basis: &Basis) -> Vec<ToldChange> {
    let mut changes = basis.changes.clone();
    for change in &mut changes {
        change.entry.translation_key = None;
    }
    changes
}

fn copies(planner: &Planner<'_>, page: &PlannedPage) -> u64 {
    let lines = |(_, issue): &(i64, usize)| planner.issues()[*issue].lines.len() as u64;
    page.recipients.iter().map(lines).sum()
}

/// Counts who gets nothing at all; the domains of all.
async fn people_of(
    press: &Press,
    basis: &Basis,
    people: SubscriberRange,
    survey: &mut Survey,
) -> Result<HashMap<i64, String>, DigestError> {
    let people = press.store.people(basis.progress.id, people).await?;
    survey.left_out.paused += people.iter().filter(|person| person.is_paused).count() as u64;
    survey.left_out.suppressed +=
        people.iter().filter(|person| person.is_suppressed).count() as u64;
    Ok(people.into_iter().map(|person| (person.subscriber, person.domain)).collect())
}

fn count(
    planner: &Planner<'_>,
    page: &PlannedPage,
    domains: &HashMap<i64, String>,
    survey: &mut Survey,
) {
    survey.by_issue.resize(planner.issues().len(), 0);
    for (subscriber, issue) in &page.recipients {
        survey.by_issue[*issue] += 1;
        let feeds: BTreeSet<usize> =
            planner.issues()[*issue].lines.iter().map(|line| line.feed).collect();
        for feed in feeds {
            *survey.by_feed.entry(feed).or_default() += 1;
        }
        if let Some(domain) = domains.get(subscriber) {
            *survey.by_domain.entry(domain.clone()).or_default() += 1;
        }
    }
}

async fn describe(
    press: &Press,
    run: &PlannedRun,
    survey: Survey,
    is_paused: bool,
    show: &mut impl FnMut(Preview<'_>),
) -> Result<DigestOutlook, DigestError> {
    let basis = &run.basis;
    let last = press.store.last_run_entries(basis.progress.id).await?;
    let known: BTreeSet<&str> =
        last.iter().flat_map(|last| &last.entries).map(|(id, _)| id.as_str()).collect();
    let changes: BTreeSet<usize> =
        run.plan.issues.iter().flat_map(|issue| &issue.lines).map(|line| line.change).collect();
    let entries: Vec<EntryOutlook> = changes
        .into_iter()
        .map(|at| &basis.changes[at].entry)
        .map(|entry| EntryOutlook {
            id: entry.id.as_str().to_owned(),
            title: entry.title.clone(),
            revision: entry.revision,
            is_again: known.contains(entry.id.as_str()),
        })
        .collect();
    let again = entries.iter().filter(|entry| entry.is_again).count() as u64;
    let last_run = last.as_ref().map(|last| LastRun {
        run: last.run,
        key: last.key.clone(),
        new: entries.len() as u64 - again,
        again,
        dropped: last.entries.len() as u64 - again,
    });
    let mut domains: Vec<(String, u64)> = survey.by_domain.into_iter().collect();
    domains.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut issues = Vec::with_capacity(run.plan.issues.len());
    for (at, issue) in run.plan.issues.iter().enumerate() {
        let Composed { hash, rendered, web, mail } = compose(press, basis, issue)?;
        show(Preview {
            digest: run.digest(),
            hash: &hash,
            html: &rendered.html,
            text: &rendered.text,
            web: &web,
        });
        issues.push(IssueOutlook {
            hash,
            language: issue.language.as_str().to_owned(),
            subject: rendered.subject,
            entries: issue.lines.len(),
            more: issue.lines.len() - issue.shown,
            recipients: survey.by_issue.get(at).copied().unwrap_or(0),
            size_bytes: mail.len(),
        });
    }
    let name = |(feed, people): (usize, u64)| (basis.feeds[feed].name.clone(), people);
    Ok(DigestOutlook {
        digest: run.digest().to_owned(),
        plan: run.plan.hash.clone(),
        from_seq: run.plan.window.from_seq,
        to_seq: run.plan.window.to_seq,
        recipients: run.plan.recipients,
        entries,
        issues,
        feeds: survey.by_feed.into_iter().map(name).collect(),
        domains,
        left_out: survey.left_out,
        last_run,
        needs_approval: run.needs_approval() && !run.is_empty(),
        is_paused,
    })
}
