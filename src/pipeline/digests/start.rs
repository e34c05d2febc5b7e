//! Starts planned runs: their key is taken, their people are planned once more, page by page, and
//! written down with the issues they get.

use chrono::{DateTime, Utc};

use super::issues::make_issues;
use super::{DigestError, Occasion, PlannedRun, read_people};
use crate::digest::plan::{Plan, PlannedPage, Planner, Window};
use crate::pipeline::Press;
use crate::store::{NewRun, QuietRun, QuietState, RunPage, SubscriberRange};

/// Runs by hand over one and the same window before we stop counting.
const MOST_RUNS_OF_A_KEY: usize = 1_000;

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
        let issues = make_issues(press, basis, &planner.issues()[known_issues..])?;
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
