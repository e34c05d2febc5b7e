//! The command does the work itself: it holds the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::{Mutex, watch};
use tokio::time::MissedTickBehavior;

use super::brakes::{self, Chosen, Stopped, asked};
use super::report::{self, Done, Report};
use super::{PublishNow, exit_code, may_send, prepare, settled};
use crate::cli::failure::{FAILED, Failure};
use crate::cli::output::{Output, count};
use crate::cli::progress::{self, Progress};
use crate::outbox::breaker::Breaker;
use crate::outbox::progress::in_words;
use crate::outbox::sender::{Outbox, SendError};
use crate::pipeline::digests::{Started, pass_windows, settle, start_seen};
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::{Fault, LeftOut};
use crate::pipeline::send::{carry, next_due, open_runs, outbox, resent_digests, run_reports};
use crate::pipeline::{Press, hubs, publish, scan};
use crate::publish::websub;
use crate::store::{OutdatedRun, Override};

/// After being told to stop, before it is said what is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

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
    recover(press, output).await?;
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
    for OutdatedRun { run, reason } in settle(press).await? {
        output.note(&format!("run {run} was superseded: {reason}"));
    }
    let done = plan_and_send(press, args, overrides, output, stop).await?;
    report::finish(press, output, scan, done).await
}

/// Takes up what a process left that was cut off.
async fn recover(press: &Press, output: Output) -> Result<(), Failure> {
    let store = &press.store;
    let recovered = store.recover(&resent_digests(press), press.clock.now()).await?;
    store.end_cancelled(press.keys.token_key(), press.clock.now()).await?;
    if recovered.uncertain > 0 {
        output.warn(&format!(
            "an earlier run was cut off: it is not known whether {} went out",
            count(recovered.uncertain, "e-mail", "e-mails")
        ));
    }
    Ok(())
}

async fn plan_and_send(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    output: Output,
    stop: &watch::Receiver<bool>,
) -> Result<Done, Failure> {
    let open: Vec<i64> = open_runs(press).await?.iter().map(|run| run.id).collect();
    let before = run_reports(press, &open).await?;
    let chosen = brakes::choose(press, args, overrides).await?;
    let mut done = report::begin(press, output, before, &chosen).await?;
    done.is_dry_run = args.dry_run;
    let goes_on = may_send(press, args, output, &chosen, overrides)?;
    let is_other_plan = chosen.stopped.as_ref().is_some_and(|stopped| stopped.is_other_plan);
    if !is_other_plan {
        done.runs = open;
    }
    if goes_on {
        let chosen = once_more(press, args, overrides, output, chosen).await?;
        start_all(press, chosen, overrides, output, &mut done).await?;
    } else {
        done.stopped = chosen.stopped;
    }
    if args.dry_run {
        return Ok(done);
    }
    pass_windows(press, &asked(args, overrides)).await?;
    if !done.runs.is_empty() {
        done.fault = send(press, output, &done.runs, stop).await?;
    }
    Ok(done)
}

/// While somebody was asked, one digest of several may have become another than was shown: then
/// none of them is begun.
async fn once_more(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    output: Output,
    chosen: Chosen,
) -> Result<Chosen, Failure> {
    if args.plan.is_none() || chosen.going.len() < 2 {
        return Ok(chosen);
    }
    let chosen = brakes::choose(press, args, overrides).await?;
    if let Some(stopped) = &chosen.stopped {
        stopped.show(output);
    }
    Ok(chosen)
}

/// Starts what was chosen, one digest after the other.
async fn start_all(
    press: &Press,
    chosen: Chosen,
    overrides: &[Override],
    output: Output,
    done: &mut Done,
) -> Result<(), Failure> {
    let Chosen { going, seen, stopped, .. } = chosen;
    done.stopped = stopped;
    let mut has_begun = false;
    for run in &going {
        match start_seen(press, run, overrides, seen.as_ref()).await {
            Ok(Started::Run(run)) => {
                done.runs.push(run);
                has_begun = true;
            }
            Ok(Started::Changed(changes)) if has_begun => {
                done.left_out.push(LeftOut::changed(run.digest(), &changes));
            }
            // People changed while somebody was asked.
            Ok(Started::Changed(changes)) => {
                let other = Stopped::changed(changes);
                other.show(output);
                done.stopped = Some(other);
                return Ok(());
            }
            Ok(Started::Held(_) | Started::Nothing) => {}
            // What is wrong with one digest is no reason to keep the others.
            Err(error) => done.left_out.push(LeftOut::of(run.digest(), error)),
        }
    }
    Ok(())
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
    let mut lingering = std::pin::pin!(lingers(stop));
    let mut is_told = false;
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut sending => break outcome,
            () = &mut lingering, if !is_told => {
                is_told = true;
                progress.say(&stopping(outbox.timeouts.reply_to_dot));
            }
            _ = looks.tick() => progress.show(counter.load(Ordering::Relaxed), total),
        }
    };
    progress.end(counter.load(Ordering::Relaxed));
    Ok(outcome.err().map(|error| Fault {
        hint: error.hint().map(str::to_owned),
        message: format!("{:#}", anyhow::Error::from(error)),
    }))
}

/// Until it was told to stop some time ago: then a relay owes an answer.
async fn lingers(stop: &watch::Receiver<bool>) {
    let _ = stop.clone().wait_for(|stop| *stop).await;
    tokio::time::sleep(PATIENCE).await;
}

/// Why it does not end yet; `longest` is what a relay has to answer.
fn stopping(longest: Duration) -> String {
    format!(
        "stopping: waiting up to {} for what the relay has not answered yet\n\
         press Ctrl-C again to leave at once: nobody knows then whether it went out",
        in_words(longest)
    )
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
