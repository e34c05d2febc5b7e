//! `approve HASH|ID`: lets a hold go.

use clap::Args;
use serde::Serialize;

use super::failure::{Failure, ON_HOLD};
use super::output::{Output, count, listed};
use super::pause::who;
use super::publish_now::{SHORTEST_HASH, stop_on_signals};
use super::session::when_it_goes_on;
use super::{Global, session};
use crate::config::Environment;
use crate::pipeline::Press;
use crate::pipeline::digests::approval::{self, Word};
use crate::pipeline::requests::{ApproveRequest, SendAnswer};
use crate::store::lock::{self, Asked};
use crate::store::{HeldRun, HoldRecord, RequestKind};

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

async fn unknown(press: &Press, what: &str) -> Result<Failure, Failure> {
    let open = press.store.open_holds().await?;
    let ids: Vec<String> = open.iter().map(|hold| format!("`{}`", hold.id)).collect();
    let is_plan = what.len() >= SHORTEST_HASH && !press.store.kept_plans(what).await?.is_empty();
    let hint = if is_plan {
        format!("nobody is asked about this plan: `tidings publish-now --plan {what}` sends it")
    } else if ids.is_empty() {
        "nothing is on hold".to_owned()
    } else {
        format!("on hold: {}", listed(&ids))
    };
    Ok(Failure::usage(format!("there is no hold `{what}`"), hint))
}

/// The run is planned again by whoever holds the lock, so that nothing else is planned meanwhile.
async fn let_run_go(
    press: &Press,
    waiting: &HeldRun,
    hold: HoldRecord,
    by: &str,
    output: Output,
) -> Result<u8, Failure> {
    let stop = stop_on_signals();
    let (word, is_taken_up) = loop {
        match lock::ask(&press.config.store_path, "approve")? {
            Asked::Taken(_lock) => break (approval::let_go(press, waiting, by).await?, false),
            Asked::HeldBy(Some(holder)) if holder.is_daemon() => {
                let request = ApproveRequest { approve: waiting.run, by: by.to_owned() };
                let argument = serde_json::to_string(&request).expect("requests are always JSON");
                match session::ask_and_wait(press, RequestKind::Send, &argument, &stop).await? {
                    Some(SendAnswer::Word(Some(word))) => break (word, true),
                    Some(SendAnswer::Failed(fault)) => return Err(session::failure(fault)),
                    Some(_) => return Err(unknown(press, &waiting.hold.to_string()).await?),
                    None => {}
                }
            }
            Asked::HeldBy(_) => {}
        }
        if *stop.borrow() {
            return Err(Failure::new(anyhow::anyhow!("stopped before it was approved")));
        }
        tokio::time::sleep(session::LOOK).await;
    };
    match word {
        Word::LetGo { run, leavers } => {
            output.say_paragraph("let go: ", &items(&hold));
            if leavers > 0 {
                let people = count(leavers, "person", "people");
                output.say_paragraph("", &format!("{people} left since: they get nothing"));
            }
            output.say_paragraph("", when_it_goes_on(is_taken_up));
            let (run, leavers) = (Some(run), Some(leavers));
            output.json(&Approved { hold, is_taken_up, run, leavers });
            Ok(0)
        }
        Word::Changed(changes) => Err(Failure {
            code: ON_HOLD,
            error: anyhow::anyhow!(
                "digest `{}` is not let go, for it is another plan now: {}",
                waiting.digest,
                changes.join("; ")
            ),
            hint: Some(
                "`tidings plan` shows what would go out now; the next run of the digest, or \
                 `tidings publish-now`, takes its place"
                    .into(),
            ),
        }),
    }
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
