//! `publish-now`: the whole way from the folder to the inbox, at once.
//!
//! Where a daemon holds the lock, the command asks it to scan and to send, and follows it to
//! the same output and exit code; where it ends meanwhile, the command goes on itself.

mod brakes;
mod local;
mod remote;
mod report;

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use self::local::Hubs;
use super::failure::{FAILED, Failure, HELD_BACK, ON_HOLD, PARTLY_SENT};
use super::output::Output;
use super::session::{self, open_private};
use super::turns::{Turn, Turns};
use super::{Global, ask};
use crate::config::{Environment, Relay};
use crate::pipeline::digests::PlannedRun;
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::Fault;
use crate::pipeline::{Press, people};
use crate::store::{Brake, Override};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct PublishNow {
    /// Write the documents and send nothing
    #[arg(long)]
    feeds_only: bool,
    /// Send this digest alone; may be given more than once
    #[arg(long, value_name = "NAME")]
    digest: Vec<String>,
    /// Send without advancing: the digest's next run covers the same news again
    #[arg(long)]
    keep_window: bool,
    /// Send exactly the plan with this hash, as `plan` shows it, or nothing
    #[arg(long, value_name = "HASH", conflicts_with = "keep_window")]
    plan: Option<String>,
    /// Send though this brake says to wait; may be given more than once
    #[arg(long = "override", value_name = "BRAKE", requires = "reason")]
    overrides: Vec<brakes::Overridden>,
    /// Why a brake is overridden; kept with the run
    #[arg(long, value_name = "TEXT", requires = "overrides")]
    reason: Option<String>,
    /// Say what would be written and sent, and do neither
    #[arg(long)]
    dry_run: bool,
    /// Send without asking
    #[arg(long)]
    yes: bool,
}

pub(super) use self::brakes::SHORTEST_HASH;

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &PublishNow,
    output: Output,
) -> Result<u8, Failure> {
    let press = if args.dry_run && global.at.is_none() {
        let config = session::config(global, environment, output)?;
        open_private(config, session::clock(global), output).await?
    } else {
        session::open(global, environment, output).await?
    };
    session::refuse_unfit(&press, output).await?;
    check_digests(&press, &args.digest)?;
    if !args.feeds_only {
        session::warn_without_law(&press.config, output);
    }
    let overrides = brakes::overrides(args, environment)?;
    let is_real = matches!(press.config.mail.relay, Relay::Smtp(_));
    if is_real && !args.yes && !args.feeds_only && !args.dry_run && !ask::is_possible() {
        return Err(Failure::usage(
            "nobody is there to be asked before mail is sent",
            "run it at a terminal, or add `--yes`",
        ));
    }
    let is_rehearsal = args.dry_run || global.at.is_some();
    let hubs = if is_rehearsal { Hubs::HearNothing } else { Hubs::AreTold };
    let stop = stop_on_signals();
    let mut turns = Turns::new(&press, "publish-now", output, &stop);
    let report = loop {
        match turns.next().await? {
            Turn::Ours(_lock) => {
                if !args.feeds_only {
                    session::refuse_without_password(&press)?;
                }
                break local::run(&press, args, &overrides, output, &stop, hubs).await?;
            }
            Turn::Daemons => {
                if let Some(report) = remote::run(&press, args, &overrides, output, &stop).await? {
                    break report;
                }
                if *stop.borrow() {
                    return Err(no_longer_followed());
                }
                output.note("the daemon ended: this command goes on with what is left");
            }
        }
    };
    output.json(&report);
    Ok(report.exit_code)
}

/// The daemon goes on though nobody looks any more.
fn no_longer_followed() -> Failure {
    let hint = "what it has taken up goes on: `tidings status` shows it, `tidings pause` stops it";
    Failure {
        hint: Some(hint.to_owned()),
        ..Failure::new(anyhow::anyhow!("stopped following the daemon"))
    }
}

pub(super) fn check_digests(press: &Press, names: &[String]) -> Result<(), Failure> {
    let known: Vec<&str> = press.config.digests.iter().map(|d| d.name.as_str()).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Failure::usage(
            format!("there is no digest `{name}`"),
            format!("the config has `{}`", known.join("`, `")),
        )),
        None => Ok(()),
    }
}

/// Turns true at ctrl-C or SIGTERM: the messages in hand are finished, the rest waits. A ctrl-C
/// after that ends the process at once, as a kill does: the next start knows what was in hand.
pub(super) fn stop_on_signals() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let listen = |kind| signal(kind).expect("the runtime handles signals");
    tokio::spawn(async move {
        let (mut interrupt, mut terminate) =
            (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let _ = sender.send(true);
        interrupt.recv().await;
        std::process::exit(FAILED.into());
    });
    receiver
}

/// Shows what would go out, and asks where that takes a person's word. `false`: do not send.
fn may_send(
    press: &Press,
    args: &PublishNow,
    output: Output,
    chosen: &brakes::Chosen,
    overrides: &[Override],
) -> Result<bool, Failure> {
    report::show_plans(output, press, &chosen.shown().collect::<Vec<_>>());
    if let Some(stopped) = &chosen.stopped {
        stopped.show(output);
    }
    if chosen.going.is_empty() || args.dry_run {
        return Ok(false);
    }
    let is_real = matches!(press.config.mail.relay, Relay::Smtp(_));
    if !is_real || args.yes {
        return Ok(true);
    }
    let is_overridden = overrides.iter().any(|one| one.brake == Brake::Approval);
    let is_free = |run: &PlannedRun| is_overridden || !run.needs_approval();
    let goes = |run: &&PlannedRun| is_free(run) && !run.has_too_many_issues();
    let mails: u64 = chosen.going.iter().filter(goes).map(|run| run.plan.recipients).sum();
    if mails == 0 {
        return Ok(true);
    }
    ask::yes(&format!("Send {mails} e-mails through {}?", press.config.mail.relay))
        .map_err(Failure::new)
}

/// The exit code of what was done: the highest that applies.
fn exit_code(
    scan: &PublishReport,
    is_stopped: bool,
    is_partly_sent: bool,
    fault: Option<&Fault>,
) -> u8 {
    let mut code = 0;
    if scan.is_held_back() {
        code = HELD_BACK;
    }
    // A held run may be let go by now.
    if scan.holds.iter().any(|hold| hold.plan.is_none()) || is_stopped {
        code = code.max(ON_HOLD);
    }
    if is_partly_sent {
        code = code.max(PARTLY_SENT);
    }
    if fault.is_some() || scan.bucket_fault.is_some() {
        code = code.max(FAILED);
    }
    code
}

/// A path as people read it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Adds the rehearsal's stand-ins, unless nothing is to be mailed anyway.
async fn prepare(press: &Press, args: &PublishNow) -> Result<(), Failure> {
    if !args.feeds_only {
        people::add_stand_ins(press).await?;
    }
    Ok(())
}

/// Deliveries that found their outcome, by the counts of their states.
fn settled(deliveries: &BTreeMap<String, u64>) -> u64 {
    let is_open = |state: &str| matches!(state, "pending" | "claimed" | "intent");
    deliveries.iter().filter(|(state, _)| !is_open(state)).map(|(_, n)| n).sum()
}
