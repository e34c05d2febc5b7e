//! `approve HASH|ID`: lets a hold go.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use super::failure::{Failure, ON_HOLD};
use super::output::{Output, count, listed};
use super::pause::who;
use super::publish_now::{SHORTEST_HASH, stop_on_signals};
use super::runs::{find_run, title};
use super::session::{local, when_it_goes_on};
use super::turns::{Scanned, Turn, Turns};
use super::{Global, session};
use crate::config::Environment;
use crate::content::Severity;
use crate::digest::URGENT;
use crate::pipeline::Press;
use crate::pipeline::digests::approval::{self, Word};
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::{ApproveRequest, SendAnswer};
use crate::store::{HeldRun, HoldRecord, PastHold, RequestKind, lock};

#[derive(Debug, Args)]
pub(super) struct Approve {
    /// Hash of the plan that waits, or number of the hold, as `status` and `publish-now` show it
    #[arg(value_name = "HASH|ID")]
    what: String,
}

#[derive(Debug, Serialize)]
struct Approved {
    hold: HoldRecord,
    /// Whether a daemon takes it up by itself.
    is_taken_up: bool,
    /// The run that goes out, and how many left it since it was planned.
    run: Option<i64>,
    leavers: Option<u64>,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Approve,
    output: Output,
) -> Result<u8, Failure> {
    let press = session::open(global, environment, output).await?;
    let hold = find(&press, &args.what).await?;
    let runs = press.store.held_runs().await?;
    if let Some(run) = runs.into_iter().find(|run| run.hold == hold.id) {
        return let_run_go(&press, &run, hold, &who(environment), output).await;
    }
    let now = press.clock.now();
    let Some(hold) = press.store.release_hold(hold.id, &who(environment), now).await? else {
        return Err(unknown(&press, &args.what).await?);
    };
    let daemon = lock::holder(&press.config.store_path).filter(lock::Holder::is_daemon);
    if daemon.is_some() {
        press.store.request(RequestKind::Scan, "", now).await?;
    }
    output.say(&format!("let go: {}", items(&hold)));
    output.say(if daemon.is_some() {
        "the daemon takes it up now"
    } else {
        "the next scan takes it up: `tidings publish-now`, or the daemon when it starts"
    });
    let is_taken_up = daemon.is_some();
    output.json(&Approved { hold, is_taken_up, run: None, leavers: None });
    Ok(0)
}

/// By its number, or by the beginning of its plan's hash.
async fn find(press: &Press, what: &str) -> Result<HoldRecord, Failure> {
    let is_meant = |hold: &HoldRecord| {
        let is_plan = |plan: &String| what.len() >= SHORTEST_HASH && plan.starts_with(what);
        what.parse() == Ok(hold.id) || hold.plan.as_ref().is_some_and(is_plan)
    };
    let mut holds = press.store.open_holds().await?.into_iter().filter(is_meant);
    match holds.next() {
        Some(hold) => Ok(hold),
        None => Err(unknown(press, what).await?),
    }
}

/// Why nothing is let go: what waits no longer is told with its end.
async fn unknown(press: &Press, what: &str) -> Result<Failure, Failure> {
    if let Some(past) = press.store.past_hold(what).await? {
        return past_hold(press, &past).await;
    }
    let is_plan = what.len() >= SHORTEST_HASH && !press.store.kept_plans(what).await?.is_empty();
    let hint = if is_plan {
        format!("nobody is asked about this plan: `tidings publish-now --plan {what}` sends it")
    } else {
        what_waits(press).await?
    };
    Ok(Failure::usage(format!("there is no hold `{what}`"), hint))
}

async fn what_waits(press: &Press) -> Result<String, Failure> {
    let open = press.store.open_holds().await?;
    let ids: Vec<String> = open.iter().map(|hold| format!("`{}`", hold.id)).collect();
    Ok(if ids.is_empty() {
        "nothing is on hold".to_owned()
    } else {
        format!("on hold: {}", listed(&ids))
    })
}

async fn past_hold(press: &Press, past: &PastHold) -> Result<Failure, Failure> {
    let run = match past.run {
        Some(run) => Some(find_run(press, run).await?),
        None => None,
    };
    let name = run.as_ref().map_or_else(|| format!("hold `{}`", past.id), title);
    let text = match &past.released {
        Some((at, by)) if past.was_approved() => {
            format!("{name} was let go already, by {by} at {}", local(press, *at))
        }
        _ => format!("{name} waits for nobody any more"),
    };
    let hint = match &run {
        Some(run) => {
            let waits = what_waits(press).await?;
            format!("`tidings runs show {}` says what became of it; {waits}", run.run)
        }
        None => what_waits(press).await?,
    };
    Ok(Failure::usage(text, hint))
}

/// Lets a run go, after a scan: a text that was edited meanwhile makes it another run. It is
/// planned again by whoever holds the lock, so that nothing else is planned meanwhile.
async fn let_run_go(
    press: &Press,
    waiting: &HeldRun,
    hold: HoldRecord,
    by: &str,
    output: Output,
) -> Result<u8, Failure> {
    let stop = stop_on_signals();
    let mut turns = Turns::new(press, "approve", output, &stop);
    let (word, is_taken_up) = loop {
        let Scanned { report, turn } = turns.scan().await?;
        refuse_unscanned(&report)?;
        show_kept_back(output, &report);
        if !press.store.held_runs().await?.iter().any(|held| held.run == waiting.run) {
            // What the scan found has made a newer run of it.
            return Err(unknown(press, &hold.id.to_string()).await?);
        }
        match turn {
            Turn::Ours(_lock) => break (approval::let_go(press, waiting, by).await?, false),
            Turn::Daemons => {
                let request = ApproveRequest { approve: waiting.run, by: by.to_owned() };
                let argument = serde_json::to_string(&request).expect("requests are always JSON");
                match session::ask_and_wait(press, RequestKind::Send, &argument, &stop).await? {
                    Some(SendAnswer::Word(Some(word))) => break (word, true),
                    Some(SendAnswer::Failed(fault)) => return Err(session::failure(fault)),
                    Some(_) => return Err(unknown(press, &hold.id.to_string()).await?),
                    None => {}
                }
            }
        }
    };
    let leavers = match word {
        Word::LetGo { leavers, .. } => leavers,
        Word::Changed(changes) => return Err(changed(&waiting.digest, &changes)),
    };
    output.say_paragraph("let go: ", &named(waiting));
    if leavers > 0 {
        let people = count(leavers, "person", "people");
        let why = "who left, paused or has the news by now gets nothing";
        output.say_paragraph("", &format!("{people} taken out: {why}"));
    }
    output.say_paragraph("", when_it_goes_on(is_taken_up));
    let (run, leavers) = (Some(waiting.run), Some(leavers));
    output.json(&Approved { hold, is_taken_up, run, leavers });
    Ok(0)
}

/// A file that nobody could read may hold a text that is not the one that was planned.
fn refuse_unscanned(report: &PublishReport) -> Result<(), Failure> {
    match report.moving.first() {
        None => Ok(()),
        Some(path) => Err(Failure {
            code: ON_HOLD,
            error: anyhow::anyhow!("not let go: `{path}` is still being written"),
            hint: Some("run it again in a moment".into()),
        }),
    }
}

/// Edits that count for nothing yet: what is let go has the texts from before them.
fn show_kept_back(output: Output, report: &PublishReport) {
    let errors = report.problems.iter().filter(|problem| problem.severity == Severity::Error);
    let files: BTreeSet<&str> = errors.map(|problem| problem.path.as_str()).collect();
    if !files.is_empty() {
        let files = count(files.len() as u64, "file is", "files are");
        output.note(&format!(
            "{files} held back by errors, and readers get what was there before: `tidings check`"
        ));
    }
    for text in report.holds.iter().filter(|hold| hold.plan.is_none()).flat_map(hold_lines) {
        output.note(&text);
    }
}

fn changed(digest: &str, changes: &[String]) -> Failure {
    Failure {
        code: ON_HOLD,
        error: anyhow::anyhow!(
            "digest `{digest}` is not let go, for it is another plan now: {}",
            changes.join("; ")
        ),
        hint: Some(if digest == URGENT {
            "it is planned anew within a minute by a daemon, else by `tidings publish-now`: \
             `tidings status` then names what waits for a word"
                .into()
        } else {
            "`tidings plan` shows what would go out now; the next run of the digest, or \
             `tidings publish-now`, takes its place"
                .into()
        }),
    }
}

/// A held run as people read it: ``digest `daily` now:2 to 3 people``.
pub(super) fn named(run: &HeldRun) -> String {
    let HeldRun { digest, key, recipients, .. } = run;
    format!("digest `{digest}` {key} to {}", count(*recipients, "person", "people"))
}

/// As much of a hash as people copy.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// What a hold keeps back, counted.
pub(super) fn items(hold: &HoldRecord) -> String {
    if hold.items.is_empty() {
        return hold.reason.clone();
    }
    let parts: Vec<String> = hold.items.iter().map(|(what, n)| format!("{n} {what}")).collect();
    let all: u64 = hold.items.values().sum();
    format!("{} ({})", count(all, "file", "files"), listed(&parts))
}

/// A hold in two lines: what and why, then what to do about it.
pub(super) fn hold_lines(hold: &HoldRecord) -> [String; 2] {
    if let Some(plan) = &hold.plan {
        return [
            format!("hold {}: {}", hold.id, hold.reason),
            format!("hint: `tidings approve {}` lets it go", short(plan)),
        ];
    }
    if hold.items.is_empty() {
        return [
            format!("hold {}: {}", hold.id, hold.reason),
            format!("hint: `tidings approve {}` lets them be made", hold.id),
        ];
    }
    let are = if hold.items.values().sum::<u64>() == 1 { "is" } else { "are" };
    [
        format!("hold {}: {} {are} on hold: {}", hold.id, items(hold), hold.reason),
        format!(
            "hint: `tidings approve {}` lets them go; put the files back as they were to drop them",
            hold.id
        ),
    ]
}
