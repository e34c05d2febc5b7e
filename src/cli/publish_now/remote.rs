//! A daemon holds the lock: the command asks it, and follows it to the end.

use std::collections::BTreeSet;

use tokio::sync::watch;
use tokio::time::Instant;

use super::brakes::{self, Chosen, Stopped};
use super::report::{self, Done, Report};
use super::{PublishNow, exit_code, may_send, settled};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::{self, Progress};
use crate::cli::session::{self, failure};
use crate::pipeline::Press;
use crate::pipeline::digests::hash_of;
use crate::pipeline::requests::{ScanAnswer, SendAnswer, SendRequest};
use crate::pipeline::send::{open_runs, run_reports};
use crate::store::{Override, RequestKind};

/// `None` where the daemon ended before it answered, or where the command is to stop.
pub(super) async fn run(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    output: Output,
    stop: &watch::Receiver<bool>,
) -> Result<Option<Report>, Failure> {
    let scan = match session::ask_and_wait(press, RequestKind::Scan, "", stop).await? {
        Some(ScanAnswer::Done(scan)) => *scan,
        Some(ScanAnswer::Failed(fault)) => return Err(failure(fault)),
        None => return Ok(None),
    };
    report::show_scan(output, press, &scan);
    if args.feeds_only {
        let exit_code = exit_code(&scan, false, false, None);
        return Ok(Some(Report { scan, exit_code, ..Report::default() }));
    }
    let mut has_changed = false;
    let done = loop {
        match plan_and_send(press, args, overrides, output, stop, has_changed).await? {
            Sent::Done(done) => break *done,
            Sent::DaemonEnded => return Ok(None),
            Sent::Changed => {
                output.note("the plan changed meanwhile; planning again");
                has_changed = true;
            }
        }
    };
    Ok(Some(report::finish(press, output, scan, done).await?))
}

/// What came of one plan that was shown.
enum Sent {
    Done(Box<Done>),
    /// It was another one by the time the daemon planned it.
    Changed,
    DaemonEnded,
}

async fn plan_and_send(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    output: Output,
    stop: &watch::Receiver<bool>,
    has_changed: bool,
) -> Result<Sent, Failure> {
    let open: Vec<i64> = open_runs(press).await?.iter().map(|run| run.id).collect();
    let before = run_reports(press, &open).await?;
    let mut chosen = brakes::choose(press, args, overrides).await?;
    if has_changed && chosen.stopped.is_none() && args.plan.is_some() {
        // Once more would come to the same.
        let changes = vec!["the daemon plans it in another way".to_owned()];
        chosen = chosen.stop(Stopped::changed(changes));
    }
    let mut done = report::begin(press, output, before, &chosen).await?;
    let goes_on = may_send(press, args, output, &chosen, overrides)?;
    let Chosen { going, stopped, .. } = chosen;
    done.stopped = stopped;
    if !goes_on && (open.is_empty() || done.stopped.is_some()) {
        return Ok(Sent::Done(Box::new(done)));
    }
    let request = SendRequest {
        plan: if goes_on { hash_of(&going) } else { String::new() },
        seen: args.plan.clone(),
        digests: args.digest.clone(),
        advances: !args.keep_window,
        is_after_pause: false,
        overrides: overrides.to_vec(),
    };
    match ask_to_send(press, &request, output, stop).await? {
        None => Ok(Sent::DaemonEnded),
        Some(SendAnswer::Sent { runs, fault, left_out }) => {
            Ok(Sent::Done(Box::new(Done { runs, left_out, fault, ..done })))
        }
        Some(SendAnswer::Failed(fault)) => Err(failure(fault)),
        Some(SendAnswer::Changed | SendAnswer::Word(_)) => Ok(Sent::Changed),
    }
}

/// Asks the daemon to send, and shows how far it is.
async fn ask_to_send(
    press: &Press,
    request: &SendRequest,
    output: Output,
    stop: &watch::Receiver<bool>,
) -> Result<Option<SendAnswer>, Failure> {
    let argument = serde_json::to_string(request).expect("a request is always JSON");
    let mut follower = Follower::start(press, output).await?;
    let look = async || follower.look().await;
    let answer = session::ask_and_follow(press, RequestKind::Send, &argument, stop, look).await?;
    let sent = match &answer {
        Some(SendAnswer::Sent { runs, .. }) => &runs[..],
        _ => &[],
    };
    follower.end(sent).await?;
    Ok(answer)
}

/// Shows how far the daemon is with what it sends.
struct Follower<'a> {
    press: &'a Press,
    progress: Progress,
    runs: BTreeSet<i64>,
    /// Settled before we came.
    before: u64,
    done: Count,
    look_at: Instant,
}

/// Deliveries of the runs that are followed.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
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
            done: Count::default(),
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
        let Count { settled, recipients } = self.done;
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
        self.done = Count::default();
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
