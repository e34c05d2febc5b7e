//! Starts planned runs: their key is taken, their people are planned once more, page by page, and
//! written down with the issues they get.

use chrono::{DateTime, Utc};

use super::approval::Facts;
use super::issues::make_issues;
use super::readers::read_people;
use super::seen::{Difference, SeenPlan, SeenRun};
use super::{DigestError, Occasion, PlannedRun, too_many};
use crate::digest::plan::{Plan, PlannedPage, Planner, Window};
use crate::pipeline::Press;
use crate::store::{
    Brake, HeldRun, NewRun, Override, QuietRun, QuietState, RunPage, SubscriberRange,
};

/// Runs by hand over one and the same window before we stop counting.
const MOST_RUNS_OF_A_KEY: usize = 1_000;

/// Starts a planned run, page by page: each issue is rendered and checked with the page that
/// has its first readers. An empty scheduled run is recorded as covered.
///
/// `None` where the run was there already, or had nothing to send.
pub async fn start(press: &Press, run: &PlannedRun) -> Result<Option<i64>, DigestError> {
    match start_with(press, run, &[]).await? {
        Started::Run(id) => Ok(Some(id)),
        Started::Held(_) | Started::Changed(_) | Started::Nothing => Ok(None),
    }
}

/// What starting a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    Run(i64),
    /// It waits for an operator's word.
    Held(HeldRun),
    /// It is another run than the one that somebody has seen: what is different.
    Changed(Vec<String>),
    /// It was there already, or had nothing to send.
    Nothing,
}

/// As [`start`], whatever the brakes say that an operator overrode.
pub async fn start_with(
    press: &Press,
    run: &PlannedRun,
    overrides: &[Override],
) -> Result<Started, DigestError> {
    start_seen(press, run, overrides, None).await
}

/// As [`start_with`], but only what somebody has seen, less who left since.
pub async fn start_seen(
    press: &Press,
    run: &PlannedRun,
    overrides: &[Override],
    seen: Option<&SeenPlan>,
) -> Result<Started, DigestError> {
    let is_overridden = overrides.iter().any(|one| one.brake == Brake::Approval);
    let held = press.store.held_runs().await?;
    // Whom a superseded run left is served out of an older window: no other run is held for that.
    let is_in_the_way =
        |held: &HeldRun| held.digest == run.digest() && run.basis.succeeds.is_none();
    for held in held.into_iter().filter(is_in_the_way) {
        if is_same(&held, run) && !is_overridden {
            return Ok(Started::Held(held));
        }
        if run.basis.advances {
            // Its next moment has come, and the new window begins where the old one did.
            let reason = "a later run brings its news";
            press.store.supersede_held(held.run, reason, press.clock.now()).await?;
        }
    }
    let seen = seen.and_then(|seen| seen.run(&run.basis));
    let started = begin_and_open(press, run, overrides, seen).await?;
    // One that is not what was seen leaves its people where they are.
    let is_done = matches!(started, Started::Run(_) | Started::Nothing);
    if let Some(superseded) = run.basis.succeeds.filter(|_| is_done) {
        press.store.succeed_run(superseded).await?;
    }
    Ok(started)
}

/// Whether the run waits already. A moment of the schedule has a run of its own, even with the
/// same news.
fn is_same(held: &HeldRun, run: &PlannedRun) -> bool {
    let has_its_moment = !matches!(run.basis.occasion, Occasion::Scheduled(_));
    held.plan == run.plan.hash && (has_its_moment || held.key == run.key())
}

async fn begin_and_open(
    press: &Press,
    run: &PlannedRun,
    overrides: &[Override],
    seen: Option<&SeenRun>,
) -> Result<Started, DigestError> {
    if run.is_empty() {
        record_empty(press, run).await?;
        return Ok(Started::Nothing);
    }
    let Some(id) = begin(press, run).await? else { return Ok(Started::Nothing) };
    if !overrides.is_empty() {
        press.store.override_run(id, overrides).await?;
    }
    let (planned, difference) = match plan_pages(press, run, id, seen).await {
        Ok(planned) => planned,
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
        return Ok(Started::Nothing);
    }
    let now = || Facts::of(press, run).to(planned.recipients);
    let changes = seen.map(|seen| seen.changes(&difference, &planned, &now()));
    if let Some(changes) = changes.filter(|changes| !changes.is_empty()) {
        press.store.drop_begun_run().await?;
        return Ok(Started::Changed(changes));
    }
    let recipients = planned.recipients;
    let is_overridden = overrides.iter().any(|one| one.brake == Brake::Approval);
    if run.basis.needs_word(recipients) && !is_overridden {
        return hold(press, run, id, &planned).await;
    }
    let is_open = press.store.open_run(id, &planned.hash, recipients, press.clock.now()).await?;
    Ok(if is_open { Started::Run(id) } else { Started::Nothing })
}

async fn hold(
    press: &Press,
    run: &PlannedRun,
    id: i64,
    planned: &Plan,
) -> Result<Started, DigestError> {
    let seen = SeenPlan::of_run(press, run, None).to(planned.recipients);
    seen.keep(press, &planned.hash).await?;
    let people = match planned.recipients {
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    };
    let reason = format!("digest `{}` {} to {people} waits for a word", run.digest(), run.key());
    let (hash, recipients) = (&planned.hash, planned.recipients);
    let held = press.store.hold_run(id, hash, recipients, &reason, press.clock.now()).await?;
    Ok(held.map_or(Started::Nothing, Started::Held))
}

fn due_at(run: &PlannedRun) -> Option<DateTime<Utc>> {
    match &run.basis.occasion {
        Occasion::Scheduled(due) => Some(due.moment),
        Occasion::ByHand | Occasion::Immediate | Occasion::Succession(_) => None,
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
async fn plan_pages(
    press: &Press,
    run: &PlannedRun,
    id: i64,
    seen: Option<&SeenRun>,
) -> Result<(Plan, Difference), DigestError> {
    let mut difference = Difference::default();
    let basis = &run.basis;
    let question = basis.question();
    let mut planner = Planner::new(&question);
    let limit = too_many::allowance(press, &basis.digest.name).await?;
    let mut after = SubscriberRange::ALL.after;
    let (mut number, mut written_upto) = (0, after);
    while let Some(people) = press.store.next_subscribers(&basis.digests, after).await? {
        let known_issues = planner.issues().len();
        let (subscriptions, received) = read_people(press, basis, people).await?;
        let page = planner.plan(&subscriptions, &received);
        if let Some(seen) = seen {
            seen.compare(&mut difference, people, &page, planner.issue_hashes());
        }
        let PlannedPage { recipients, owed_read } = page;
        if planner.issues().len() > limit {
            return Err(too_many::ask(press, basis, limit, planner.issues()).await?);
        }
        let issues = make_issues(press, basis, &planner.issues()[known_issues..])?;
        let owed_read = if basis.clears_owed() { owed_read } else { Vec::new() };
        if !recipients.is_empty() || !owed_read.is_empty() {
            // With those before them who get nothing: they may be owed something by then.
            let subscribers = SubscriberRange { after: written_upto, upto: people.upto };
            let page = RunPage { number, subscribers, issues, recipients, owed_read };
            press.store.plan_page(id, &page).await?;
            number += 1;
            written_upto = people.upto;
        }
        after = people.upto;
    }
    if number > 0 && written_upto < after {
        let subscribers = SubscriberRange { after: written_upto, upto: after };
        let (issues, recipients, owed_read) = (Vec::new(), Vec::new(), Vec::new());
        let page = RunPage { number, subscribers, issues, recipients, owed_read };
        press.store.plan_page(id, &page).await?;
    }
    Ok((planner.finish(), difference))
}

/// Records that a window held nothing new for anybody, and that nobody is owed any of it.
async fn record_empty(press: &Press, run: &PlannedRun) -> Result<(), DigestError> {
    let basis = &run.basis;
    let Window { from_seq, to_seq } = run.plan.window;
    let mut quiet = QuietRun {
        digest: basis.progress.id,
        key: run.key(),
        due_at: due_at(run),
        from_seq,
        to_seq,
        state: QuietState::Empty,
        reason: "nothing new".into(),
        known: basis.known,
    };
    let mut is_new = press.store.record_quiet_run(&quiet, press.clock.now()).await?;
    // A run of the same key that covers nothing, for it was held, must not keep the window open.
    let is_open = quiet.due_at.is_none() && basis.progress.covered_seq < to_seq;
    for n in 1..=MOST_RUNS_OF_A_KEY {
        if is_new || !is_open {
            break;
        }
        quiet.key = format!("{}+{n}", run.key());
        is_new = press.store.record_quiet_run(&quiet, press.clock.now()).await?;
    }
    if !is_new || !basis.clears_owed() {
        return Ok(());
    }
    let question = basis.question();
    let mut planner = Planner::new(&question);
    let mut after = SubscriberRange::ALL.after;
    while let Some(people) = press.store.next_subscribers(&basis.digests, after).await? {
        let (subscriptions, received) = read_people(press, basis, people).await?;
        let page = planner.plan(&subscriptions, &received);
        // Who is owed something by now keeps it for the next plan.
        if page.recipients.is_empty() && !page.owed_read.is_empty() {
            let cleared = &page.owed_read;
            press.store.clear_owed(basis.progress.id, cleared, to_seq, basis.known).await?;
        }
        after = people.upto;
    }
    Ok(())
}
