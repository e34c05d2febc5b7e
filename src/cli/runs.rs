//! `runs`: what went out, what is going out, and what was made of it.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Output, count, listed};
use super::pause::{stopped, stops, told};
use super::session::{self, local};
use super::{Global, outbox};
use crate::config::Environment;
use crate::digest::REMINDER;
use crate::pipeline::Press;
use crate::store::{Decision, PauseRecord, RefusedDelivery, RunAudit, RunDetails, RunsAsked};

/// Runs that are listed where not all are asked for.
const NEWEST: u32 = 20;

/// Issues of a run that are named to people; `--json` has all.
const ISSUES: usize = 20;

/// People that are named of those whom the relay refused.
const REFUSED: u32 = 20;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Runs {
    /// List every run, those that found nothing new included, not the newest twenty
    #[arg(long)]
    all: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one run
    Show {
        /// Number of the run
        run: i64,
    },
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    run: RunDetails,
    #[serde(flatten)]
    audit: RunAudit,
    /// Of a superseded run: the one that took over its window.
    successor: Option<i64>,
    /// The first of those whom the relay refused.
    refused: Vec<RefusedDelivery>,
    /// Pauses that keep it from being sent.
    pauses: Vec<PauseRecord>,
    uncertain: Vec<outbox::Row>,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Runs,
    output: Output,
) -> Result<u8, Failure> {
    let looking = session::look(global, environment, output).await?;
    let press = &looking.press;
    match &args.command {
        Some(Command::Show { run }) => show(press, *run, output).await,
        None => list(press, args.all, output).await,
    }
}

async fn list(press: &Press, is_all: bool, output: Output) -> Result<u8, Failure> {
    let mut runs = if is_all {
        press.store.runs(RunsAsked::Newest(u32::MAX)).await?
    } else {
        press.store.runs(RunsAsked::NewestWithNews(NEWEST + 1)).await?
    };
    let is_more = !is_all && runs.len() > NEWEST as usize;
    if is_more {
        runs.truncate(NEWEST as usize);
    }
    let pauses = press.store.pauses().await?;
    if runs.is_empty() {
        output.data("no run was made yet");
    }
    for run in &runs {
        show_line(press, output, run, &pauses);
    }
    if !is_all {
        let oldest = runs.last().filter(|_| is_more).map_or(0, |run| run.run);
        show_unlisted(press, output, oldest, is_more).await?;
    }
    output.json(&runs);
    Ok(0)
}

/// What the list of the newest leaves out, from its `oldest` run on.
async fn show_unlisted(
    press: &Press,
    output: Output,
    oldest: i64,
    is_more: bool,
) -> Result<(), Failure> {
    let empty = press.store.empty_runs_since(oldest).await?;
    let mut parts = Vec::new();
    if empty > 0 {
        parts.push(format!("{} that found nothing new", count(empty, "run", "runs")));
    }
    if is_more {
        parts.push("older ones".to_owned());
    }
    if !parts.is_empty() {
        output.note(&format!("not listed: {}; `tidings runs --all` has all", listed(&parts)));
    }
    Ok(())
}

/// A run in two lines: which and how it stands, then its deliveries.
pub(super) fn show_line(press: &Press, output: Output, run: &RunDetails, pauses: &[PauseRecord]) {
    let mut text = format!("{} {}: {}", run.digest, run.key, said_of(run));
    if let Some(pause) = pauses.iter().find(|p| is_stopped(run, p)) {
        text = format!("{text} {}", told(press, pause));
    }
    output.paragraph(&format!("run {:<8}", run.run), &text);
    if run.recipients > 0 {
        let people = count(run.recipients, "person", "people");
        output.paragraph(&format!("{:12}", ""), &format!("{people}: {}", deliveries(run)));
    }
}

async fn show(press: &Press, number: i64, output: Output) -> Result<u8, Failure> {
    let run = find_run(press, number).await?;
    let all = press.store.pauses().await?;
    let pauses: Vec<PauseRecord> = all.into_iter().filter(|p| is_stopped(&run, p)).collect();
    let uncertain = outbox::rows(press, Some(number)).await?;
    let audit = press.store.run_audit(number).await?;
    let successor = press.store.successor(number).await?;
    let refused = press.store.refused(number, REFUSED).await?;
    let line = |name: &str, text: &str| output.paragraph(&format!("{name:<13} "), text);
    line("run", &run.run.to_string());
    line("digest", &run.digest);
    line("key", &run.key);
    line("", &occasion(&run));
    line("state", &said_of(&run));
    if let Some(successor) = successor {
        line("", &format!("run {successor} took its place"));
    }
    for pause in &pauses {
        line("paused", &format!("{}, {}", stopped(pause), told(press, pause)));
    }
    line("window", &window(&run));
    if let Some(due_at) = run.due_at {
        line("due", &local(press, due_at));
    }
    line("started", &local(press, run.created_at));
    if let Some(finished_at) = run.finished_at {
        line("ended", &local(press, finished_at));
    }
    if let Some(plan) = &audit.plan {
        line("plan", plan);
    }
    line("issues", &run.issues.to_string());
    for issue in audit.issue_list.iter().take(ISSUES) {
        line("", &format!("{} ({})", issue.subject, issue.language));
        line("", &issue.hash);
    }
    line("people", &run.recipients.to_string());
    line("deliveries", &deliveries(&run));
    if run.resent > 0 {
        let mails = count(run.resent, "e-mail", "e-mails");
        line("", &format!("{mails} of these may have arrived twice"));
    }
    for RefusedDelivery { subscriber, reply } in &refused {
        line("refused", &format!("subscriber {subscriber}: {reply}"));
    }
    let more = run.deliveries.get("rejected").copied().unwrap_or(0);
    let more = more.saturating_sub(refused.len() as u64);
    if more > 0 {
        line("", &format!("and {more} more: `tidings who-got ENTRY --list` names all"));
    }
    for row in uncertain.iter().take(outbox::SHOWN) {
        for (name, text) in ["uncertain", ""].into_iter().zip(row.lines(press)) {
            line(name, &text);
        }
    }
    for decision in &audit.decisions {
        line(&decision.what, &decided(press, decision));
    }
    output.json(&Shown { run, audit, successor, refused, pauses, uncertain });
    Ok(0)
}

/// What the key of a run says, in words.
fn occasion(run: &RunDetails) -> String {
    let (key, again) = match run.key.split_once('+') {
        Some((key, n)) => (key, format!("; number {n} of this key after the first")),
        None => (run.key.as_str(), String::new()),
    };
    let occasion = match key.split_once(':') {
        Some(("now", seq)) => format!("`publish-now`, up to change {seq}"),
        Some(("seq", seq)) => format!("at once, with change {seq}"),
        _ if run.digest == REMINDER => "the day of the reminders".to_owned(),
        _ => "the moment it was due, by the digest's own clock".to_owned(),
    };
    format!("{occasion}{again}")
}

/// Who decided it, when and why.
fn decided(press: &Press, decision: &Decision) -> String {
    let at = local(press, decision.at);
    let scope = if decision.is_wider { ", with others" } else { "" };
    let why = decision.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("by {} at {at}{scope}{why}", decision.by)
}

fn is_stopped(run: &RunDetails, pause: &PauseRecord) -> bool {
    !run.is_ended() && stops(pause, run.run, &run.digest)
}

fn window(run: &RunDetails) -> String {
    if run.from_seq >= run.to_seq {
        return "nothing new; what people were owed".to_owned();
    }
    let changes = if run.from_seq + 1 == run.to_seq {
        format!("change {}", run.to_seq)
    } else {
        format!("changes {} to {}", run.from_seq + 1, run.to_seq)
    };
    if run.advances { changes } else { format!("{changes}, not covered by it") }
}

/// The run with this number.
pub(super) async fn find_run(press: &Press, number: i64) -> Result<RunDetails, Failure> {
    if let Some(run) = press.store.runs(RunsAsked::One(number)).await?.pop() {
        return Ok(run);
    }
    let newest = press.store.runs(RunsAsked::Newest(1)).await?.pop();
    let hint = newest.map_or("no run was made yet".to_owned(), |run| {
        format!("the newest is {}; `tidings runs` lists them", title(&run))
    });
    Err(Failure::usage(format!("there is no run `{number}`"), hint))
}

/// `run 3 (daily 2026-11-21T08:00)`.
pub(super) fn title(run: &RunDetails) -> String {
    format!("run {} ({} {})", run.run, run.digest, run.key)
}

/// Its state, with the reason where one is known.
pub(super) fn said_of(run: &RunDetails) -> String {
    match &run.reason {
        Some(reason) if reason.starts_with(&run.state) => reason.clone(),
        Some(reason) => format!("{}, {reason}", run.state),
        None => run.state.clone(),
    }
}

/// `2 accepted and 1 uncertain`.
pub(super) fn deliveries(run: &RunDetails) -> String {
    let parts: Vec<String> =
        run.deliveries.iter().map(|(state, n)| format!("{n} {state}")).collect();
    if parts.is_empty() { "no deliveries yet".to_owned() } else { listed(&parts) }
}
