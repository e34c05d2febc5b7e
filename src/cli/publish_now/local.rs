//! The command does the work itself: it holds the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::{Mutex, watch};
use tokio::time::MissedTickBehavior;

use super::brakes::{self, Chosen, Stopped, asked};
use super::report::{self, DigestReport, Report};
use super::{PublishNow, exit_code, may_send, prepare, settled};
use crate::cli::failure::{FAILED, Failure};
use crate::cli::output::{Output, count};
use crate::cli::progress::{self, Progress};
use crate::outbox::breaker::Breaker;
use crate::outbox::sender::{Outbox, SendError};
use crate::pipeline::digests::{Started, pass_windows, settle, start_seen};
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::{Fault, LeftOut};
use crate::pipeline::send::{carry, next_due, open_runs, outbox, resent_digests, run_reports};
use crate::pipeline::{Press, hubs, publish, scan};
use crate::publish::websub;
use crate::store::{OutdatedRun, Override};

/// Tries of a relay that fails before the command leaves the rest to the next run.
const TRIES: u32 = 3;

pub(super) async fn run(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    output: Output,
    stop: &watch::Receiver<bool>,
    hubs: Hubs,
) -> Result<Report, Failure> {
    let mut report = publish_and_send(press, args, overrides, output, stop).await?;
    if hubs == Hubs::AreTold {
        // Last, so that a hub that hangs holds nothing up.
        tell_hubs(press, output, &mut report).await?;
    }
    Ok(report)
}

/// Whether hubs hear of what changed: not of a rehearsal on a private copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hubs {
    AreTold,
    HearNothing,
}

async fn tell_hubs(press: &Press, output: Output, report: &mut Report) -> Result<(), Failure> {
    if press.config.site.hubs.is_empty() {
        return Ok(());
    }
    let client = websub::client(websub::TIMEOUT).map_err(Failure::new)?;
    let told = hubs::tell(press, &client, &Mutex::new(())).await?;
    let waiting = press.store.pings().await?;
    if told.failed.is_empty() && waiting > 0 {
        let topics = count(waiting, "document", "documents");
        output.note(&format!("hubs are still to be told of {topics}: a later run tries again"));
    }
    for (hub, reason) in told.failed {
        let fault = Fault {
            message: format!("a hub was not told what changed: {reason}"),
            hint: Some(
                "the documents are in place; the hub is told again by the next run, or by the \
                 daemon"
                    .into(),
            ),
        };
        output.error(&Failure {
            hint: fault.hint.clone(),
            ..Failure::new(anyhow::anyhow!(fault.message))
        });
        report.hubs_not_told.push(hub);
        report.exit_code = report.exit_code.max(FAILED);
    }
    Ok(())
}

async fn publish_and_send(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    output: Output,
    stop: &watch::Receiver<bool>,
) -> Result<Report, Failure> {
    let store = &press.store;
    let recovered = store.recover(&resent_digests(press), press.clock.now()).await?;
    store.end_cancelled(press.keys.token_key(), press.clock.now()).await?;
    if recovered.uncertain > 0 {
        output.warn(&format!(
            "an earlier run was cut off: it is not known whether {} went out",
            count(recovered.uncertain, "e-mail", "e-mails")
        ));
    }
    prepare(press, args).await?;
    let mut scan = scan::scan(press).await?;
    if publish::publish(press, &mut scan).await? {
        make_archives(press, &mut scan, output).await?;
    }
    report::show_scan(output, press, &scan);
    if args.feeds_only {
        let exit_code = exit_code(&scan, false, false, None);
        return Ok(Report { scan, exit_code, ..Report::default() });
    }

    for superseded in settle(press).await? {
        let OutdatedRun { run, reason } = superseded;
        output.note(&format!("run {run} was superseded: {reason}"));
    }
    let open: Vec<i64> = open_runs(press).await?.iter().map(|run| run.id).collect();
    report::show_open_runs(output, &run_reports(press, &open).await?);
    let chosen = brakes::choose(press, args, overrides).await?;
    let digests: Vec<DigestReport> = chosen.shown().map(DigestReport::of).collect();
    let waiting: Vec<DigestReport> = chosen.waiting.iter().map(DigestReport::of).collect();
    report::show_pauses(output, press, &store.pauses().await?, &waiting);
    let goes_on = may_send(press, args, output, &chosen, overrides)?;
    let Chosen { going, seen, mut stopped, .. } = chosen;
    let mut runs = open;
    let mut left_out = Vec::new();
    for run in going.iter().filter(|_| goes_on) {
        match start_seen(press, run, overrides, seen.as_ref()).await {
            Ok(Started::Run(run)) => runs.push(run),
            // People changed while somebody was asked.
            Ok(Started::Changed(changes)) => {
                let other = Stopped::changed(changes);
                other.show(output);
                stopped = Some(other);
            }
            Ok(Started::Held(_) | Started::Nothing) => {}
            // What is wrong with one digest is no reason to keep the others.
            Err(error) => left_out.push(LeftOut::of(run.digest(), error)),
        }
    }
    if !args.dry_run {
        pass_windows(press, &asked(args, overrides)).await?;
    }
    let held = store.held_runs().await?;
    let is_plan_changed = stopped.as_ref().is_some_and(|stopped| !stopped.changes.is_empty());
    let fault = if runs.is_empty() || args.dry_run || (is_plan_changed && !goes_on) {
        None
    } else {
        send(press, output, &runs, stop).await?
    };
    let runs = run_reports(press, &runs).await?;
    let is_partly_sent = !args.dry_run && report::is_partly_sent(&runs, &waiting);
    let pauses = store.pauses().await?;
    report::show_runs(output, press, &runs, &digests, &waiting, &pauses, fault.as_ref());
    report::show_window(output, press).await?;
    report::show_held(output, press, &held);
    let is_stopped = stopped.is_some() || !held.is_empty();
    report::show_left_out(output, &left_out);
    let exit_code = exit_code(&scan, is_stopped, is_partly_sent, fault.as_ref());
    let exit_code = report::code_of(&left_out, exit_code);
    let rest = Report { held, stopped, fault, exit_code, ..Report::default() };
    Ok(Report { scan, digests, waiting, runs, left_out, ..rest })
}

/// Makes the archives that a publish left, and then what refers to them.
async fn make_archives(
    press: &Press,
    scan: &mut PublishReport,
    output: Output,
) -> Result<(), Failure> {
    let total = publish::archives_to_make(press).await?;
    let bar = archive_bar(total, output);
    while publish::make_archives(press, scan).await? {
        bar.set_position(total.saturating_sub(publish::archives_to_make(press).await?));
    }
    bar.finish_and_clear();
    publish::publish(press, scan).await?;
    Ok(())
}

/// Sends what is due; a relay that fails is tried again a few times. The fault is what is
/// left standing in the way.
async fn send(
    press: &Press,
    output: Output,
    runs: &[i64],
    stop: &watch::Receiver<bool>,
) -> Result<Option<Fault>, Failure> {
    let mut total = 0;
    for run in run_reports(press, runs).await?.iter().filter(|run| run.state != "paused") {
        total += run.recipients.saturating_sub(settled(&run.deliveries));
    }
    let counter = Arc::new(AtomicU64::new(0));
    let tally = Arc::clone(&counter);
    let outbox = outbox(
        press,
        Arc::new(move || {
            tally.fetch_add(1, Ordering::Relaxed);
        }),
    );
    let mut progress = Progress::start(output);
    let mut looks = tokio::time::interval(progress::LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sending = std::pin::pin!(send_with_retries(press, &outbox, stop));
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut sending => break outcome,
            _ = looks.tick() => progress.show(counter.load(Ordering::Relaxed), total),
        }
    };
    progress.end(counter.load(Ordering::Relaxed));
    Ok(outcome.err().map(|error| Fault {
        hint: error.hint().map(str::to_owned),
        message: format!("{:#}", anyhow::Error::from(error)),
    }))
}

async fn send_with_retries(
    press: &Press,
    outbox: &Arc<Outbox>,
    stop: &watch::Receiver<bool>,
) -> Result<(), SendError> {
    let mut breaker = Breaker::default();
    loop {
        let due_now = |at| at <= press.clock.now();
        match carry(press, outbox, stop, &tokio::sync::Notify::new()).await {
            // A message whose reply was lost falls due again at once.
            Ok(()) if next_due(press).await?.is_some_and(due_now) && !*stop.borrow() => {}
            Ok(()) => return Ok(()),
            Err(error) => {
                let pause = breaker.fail();
                if breaker.failures() >= TRIES || *stop.borrow() {
                    return Err(error);
                }
                let mut stop = stop.clone();
                let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
            }
        }
    }
}

/// Rate and time left on a terminal, nothing elsewhere.
fn archive_bar(total: u64, output: Output) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if output.is_quiet || output.is_json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} archives, {per_sec}, {eta} left");
    bar.with_style(style.expect("the template is constant"))
}
