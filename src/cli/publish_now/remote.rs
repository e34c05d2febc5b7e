//! A daemon holds the lock: the command asks it, and follows it to the end.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use super::brakes::{self, Chosen, Stopped};
use super::report::{self, DigestReport, Report};
use super::{LOOK, PublishNow, exit_code, may_send, settled};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::{self, Progress};
use crate::cli::session::failure;
use crate::pipeline::Press;
use crate::pipeline::digests::hash_of;
use crate::pipeline::requests::{ScanAnswer, SendAnswer, SendRequest};
use crate::pipeline::send::{open_runs, run_reports};
use crate::store::lock::{self, Asked};
use crate::store::{Override, RequestKind};

/// `None` where the daemon ended before it answered.
pub(super) async fn run(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    output: Output,
    stop: &watch::Receiver<bool>,
) -> Result<Option<Report>, Failure> {
    let Some(answer) = ask(press, RequestKind::Scan, "", stop, None).await? else {
        return Ok(None);
    };
    let scan = match answer {
        ScanAnswer::Done(scan) => *scan,
        ScanAnswer::Failed(fault) => return Err(failure(fault)),
    };
    report::show_scan(output, press, &scan);
    if args.feeds_only {
        let exit_code = exit_code(&scan, false, false, None);
        return Ok(Some(Report { scan, exit_code, ..Report::default() }));
    }
    let (mut has_changed, mut left_out) = (false, Vec::new());
    let (digests, waiting, stopped, ids, fault) = loop {
        let open: Vec<i64> = open_runs(press).await?.iter().map(|run| run.id).collect();
        report::show_open_runs(output, &run_reports(press, &open).await?);
        let mut chosen = brakes::choose(press, args, overrides).await?;
        if has_changed && chosen.stopped.is_none() && args.plan.is_some() {
            // Once more would come to the same.
            let changes = vec!["the daemon plans it in another way".to_owned()];
            chosen = chosen.stop(Stopped::changed(changes));
        }
        let digests: Vec<DigestReport> = chosen.shown().map(DigestReport::of).collect();
        let waiting: Vec<DigestReport> = chosen.waiting.iter().map(DigestReport::of).collect();
        report::show_pauses(output, press, &press.store.pauses().await?, &waiting);
        let goes_on = may_send(press, args, output, &chosen, overrides)?;
        let Chosen { going, stopped, .. } = chosen;
        if !goes_on && (open.is_empty() || stopped.is_some()) {
            break (digests, waiting, stopped, Vec::new(), None);
        }
        let request = SendRequest {
            plan: if goes_on { hash_of(&going) } else { String::new() },
            seen: args.plan.clone(),
            digests: args.digest.clone(),
            advances: !args.keep_window,
            is_after_pause: false,
            overrides: overrides.to_vec(),
        };
        let argument = serde_json::to_string(&request).expect("a request is always JSON");
        let mut follower = Follower::start(press, output).await?;
        let answer = ask(press, RequestKind::Send, &argument, stop, Some(&mut follower)).await?;
        let sent = match &answer {
            Some(SendAnswer::Sent { runs, .. }) => &runs[..],
            _ => &[],
        };
        follower.end(sent).await?;
        match answer {
            None => return Ok(None),
            Some(SendAnswer::Sent { runs, fault, left_out: others }) => {
                left_out = others;
                break (digests, waiting, stopped, runs, fault);
            }
            Some(SendAnswer::Failed(fault)) => return Err(failure(fault)),
            Some(SendAnswer::Changed | SendAnswer::Word(_)) => {
                output.note("the plan changed meanwhile; planning again");
                has_changed = true;
            }
        }
    };
    let runs = run_reports(press, &ids).await?;
    let is_partly_sent = report::is_partly_sent(&runs, &waiting);
    let pauses = press.store.pauses().await?;
    report::show_runs(output, press, &runs, &digests, &waiting, &pauses, fault.as_ref());
    report::show_window(output, press).await?;
    let held = press.store.held_runs().await?;
    report::show_held(output, press, &held);
    let is_stopped = stopped.is_some() || !held.is_empty();
    report::show_left_out(output, &left_out);
    let exit_code = exit_code(&scan, is_stopped, is_partly_sent, fault.as_ref());
    let exit_code = report::code_of(&left_out, exit_code);
    let rest = Report { held, stopped, fault, exit_code, ..Report::default() };
    Ok(Some(Report { scan, digests, waiting, runs, left_out, ..rest }))
}

/// Asks the daemon, and waits for its answer for as long as it lives.
async fn ask<A: DeserializeOwned>(
    press: &Press,
    kind: RequestKind,
    argument: &str,
    stop: &watch::Receiver<bool>,
    mut follower: Option<&mut Follower<'_>>,
) -> Result<Option<A>, Failure> {
    let id = press.store.request(kind, argument, press.clock.now()).await?;
    loop {
        if let Some(answer) = press.store.request_outcome(id).await? {
            return match serde_json::from_str(&answer) {
                Ok(answer) => Ok(Some(answer)),
                Err(error) => Err(Failure::new(
                    anyhow::Error::from(error).context("the daemon is of another version"),
                )),
            };
        }
        let holder = lock::ask(&press.config.store_path, "publish-now")?;
        let is_alone = matches!(holder, Asked::Taken(_));
        if is_alone || *stop.borrow() {
            // Nobody else is to take up what we now do ourselves, or no longer want.
            press.store.finish_request(id, "null", press.clock.now()).await?;
            return Ok(None);
        }
        if let Some(follower) = &mut follower {
            follower.look().await?;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Shows how far the daemon is with what it sends.
struct Follower<'a> {
    press: &'a Press,
    progress: Progress,
    runs: BTreeSet<i64>,
    /// Settled before we came.
    before: u64,
    done: Done,
    look_at: Instant,
}

/// Deliveries of the runs that are followed.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    settled: u64,
    recipients: u64,
}

impl<'a> Follower<'a> {
    async fn start(press: &'a Press, output: Output) -> Result<Self, Failure> {
        let mut follower = Self {
            press,
            progress: Progress::start(output),
            runs: BTreeSet::new(),
            before: 0,
            done: Done::default(),
            look_at: Instant::now(),
        };
        follower.read().await?;
        follower.before = follower.done.settled;
        Ok(follower)
    }

    /// Looks again, unless it looked a moment ago.
    async fn look(&mut self) -> Result<(), Failure> {
        if Instant::now() < self.look_at {
            return Ok(());
        }
        let started = Instant::now();
        self.read().await?;
        // Counting a million deliveries takes a while: the daemon needs the machine more.
        self.look_at = Instant::now() + (started.elapsed() * 20).max(progress::LOOK);
        let Done { settled, recipients } = self.done;
        if recipients > self.before {
            let (count, total) = (settled - self.before.min(settled), recipients - self.before);
            self.progress.show(count, total);
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let open = self.press.store.open_runs().await?;
        self.runs.extend(open.iter().map(|run| run.id));
        let runs: Vec<i64> = self.runs.iter().copied().collect();
        self.done = Done::default();
        for run in run_reports(self.press, &runs).await? {
            let settled = settled(&run.deliveries);
            self.done.settled += settled;
            // What is paused is not waited for.
            self.done.recipients += if run.state == "paused" { settled } else { run.recipients };
        }
        Ok(())
    }

    /// `sent` are the runs that it was about: quick ones may have come and gone unseen.
    async fn end(mut self, sent: &[i64]) -> Result<(), Failure> {
        self.runs.extend(sent);
        self.read().await?;
        self.progress.end(self.done.settled.saturating_sub(self.before));
        Ok(())
    }
}
