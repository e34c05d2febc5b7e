//! What would go out now: for each digest its issues, how many people by feed and domain, who is
//! left out and why, and what is different from its last run.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use super::by_hand::{self, Way};
use super::issues::{Composed, compose};
use super::seen::People;
use super::too_many::{self, TooMany};
use super::walk::{Onlooker, Page, Word, plan_before};
use super::{Asked, Basis, DigestError, PlannedRun, SeenPlan, hash_of, is_paused};
use crate::digest::plan::{PlannedPage, Planner};
use crate::pipeline::Press;
use crate::pipeline::requests::Fault;

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

impl Outlook {
    /// Whether `publish-now` would hold something of it for an operator's word.
    pub fn waits_for_word(&self) -> bool {
        let waits = |digest: &DigestOutlook| digest.needs_approval && !digest.is_paused;
        self.digests.iter().any(|digest| waits(digest) || digest.is_on_hold)
    }

    /// Whether nothing of some digest would be sent because of what it holds.
    pub fn has_fault(&self) -> bool {
        self.digests.iter().any(|digest| digest.fault.is_some())
    }
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
    /// Why nothing of it would be sent: an issue cannot be made, or is not fit.
    pub fault: Option<Fault>,
    /// People who get something from a feed.
    pub feeds: Vec<(String, u64)>,
    /// Most people first.
    pub domains: Vec<(String, u64)>,
    pub left_out: LeftOut,
    pub last_run: Option<LastRun>,
    pub needs_approval: bool,
    /// It would be held: numbers are those up to where planning it ended.
    pub too_many: Option<TooMany>,
    /// It is, or would be, held for its many issues, and is no part of the plan.
    pub is_on_hold: bool,
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
    people: People,
}

/// Plans what `publish-now` would send, renders all of it, and counts. What it was made of is
/// remembered under its hash.
pub async fn outlook(
    press: &Press,
    names: &[String],
    mut show: impl FnMut(Preview<'_>),
) -> Result<Outlook, DigestError> {
    let now = press.clock.now();
    let windows = &press.config.mail.windows;
    let pauses = press.store.pauses().await?;
    let asked = Asked { names: names.to_vec(), advances: true, overrides: Vec::new() };
    let way = |digest: &str| Way::of(digest, windows.state(now), &pauses);
    // Those an operator is asked about too: they are shown.
    let bases = by_hand::bases(press, &asked, &HashSet::new(), way).await?;
    let mut surveys = Surveys::default();
    let runs = plan_before(press, bases, Word::Wanted, &mut surveys).await?;
    let asked_about = too_many::asked_about(press).await?;
    let mut digests = Vec::with_capacity(runs.len());
    let mut going = Vec::new();
    for (run, mut survey) in runs.into_iter().zip(surveys.0) {
        let window = run.basis.window;
        survey.left_out.too_old = press.store.untold_news(window.from_seq, window.to_seq).await?;
        let people = std::mem::take(&mut survey.people);
        let mut digest = describe(press, &run, survey, &mut show).await?;
        digest.is_on_hold = run.has_too_many_issues() || asked_about.contains(run.digest());
        digest.is_paused = is_paused(&pauses, run.digest());
        let is_going = !run.is_empty() && !digest.is_on_hold && !digest.is_paused;
        digests.push(digest);
        if is_going {
            SeenPlan::of_run(press, &run, Some(people)).keep(press, &run.plan.hash).await?;
            going.push(run);
        }
    }
    let plan = (!going.is_empty()).then(|| hash_of(&going));
    if let Some(hash) = &plan {
        SeenPlan::of_runs(press, names, &going).keep(press, hash).await?;
    }
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

/// Counts while runs are planned; one for each.
#[derive(Default)]
struct Surveys(Vec<Survey>);

impl Onlooker for Surveys {
    fn begin(&mut self, bases: &[Basis]) {
        self.0 = bases.iter().map(|_| Survey::default()).collect();
    }

    async fn look(&mut self, page: &Page<'_>) -> Result<(), DigestError> {
        let Page { press, planner, planned, basis, .. } = *page;
        let survey = &mut self.0[page.run];
        let unreduced = planner.unreduced(page.subscriptions, page.received);
        let left = &mut survey.left_out;
        left.already_received += unreduced.people.saturating_sub(planned.recipients.len() as u64);
        left.translations += unreduced.copies.saturating_sub(copies(planner, planned));
        let people = press.store.people(&basis.digests, page.people).await?;
        left.paused += people.iter().filter(|person| person.is_paused).count() as u64;
        left.suppressed += people.iter().filter(|person| person.is_suppressed).count() as u64;
        let domains = people.into_iter().map(|person| (person.subscriber, person.domain));
        count(planner, planned, &domains.collect(), survey);
        survey.people.add(planned, planner.issue_hashes());
        Ok(())
    }
}

fn copies(planner: &Planner<'_>, page: &PlannedPage) -> u64 {
    let lines = |(_, issue): &(i64, usize)| planner.issues()[*issue].lines.len() as u64;
    page.recipients.iter().map(lines).sum()
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

/// Renders the issues of a run, shows each, and says how it looks; `readers` of each.
fn issues(
    press: &Press,
    run: &PlannedRun,
    readers: &[u64],
    show: &mut impl FnMut(Preview<'_>),
) -> Result<Vec<IssueOutlook>, DigestError> {
    let planned = if run.has_too_many_issues() { &[] } else { &run.plan.issues[..] };
    let mut issues = Vec::with_capacity(planned.len());
    for (at, issue) in planned.iter().enumerate() {
        let Composed { hash, rendered, web, mail } = compose(press, &run.basis, issue)?;
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
            more: rendered.more,
            recipients: readers.get(at).copied().unwrap_or(0),
            size_bytes: mail.len(),
        });
    }
    Ok(issues)
}

async fn describe(
    press: &Press,
    run: &PlannedRun,
    survey: Survey,
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
    let (issues, fault) = match issues(press, run, &survey.by_issue, show) {
        Ok(issues) => (issues, None),
        Err(DigestError::Store(error)) => return Err(error.into()),
        // What is wrong with one digest says nothing of the others.
        Err(error) => (Vec::new(), Some(Fault::of(error))),
    };
    let name = |(feed, people): (usize, u64)| (basis.feeds[feed].name.clone(), people);
    Ok(DigestOutlook {
        digest: run.digest().to_owned(),
        plan: run.plan.hash.clone(),
        from_seq: run.plan.window.from_seq,
        to_seq: run.plan.window.to_seq,
        recipients: run.plan.recipients,
        entries,
        issues,
        fault,
        feeds: survey.by_feed.into_iter().map(name).collect(),
        domains,
        left_out: survey.left_out,
        last_run,
        needs_approval: run.needs_approval() && !run.is_empty(),
        too_many: run.too_many.clone(),
        is_on_hold: false,
        is_paused: false,
    })
}
