//! What other processes ask of the daemon, and the answers they wait for.

use tracing::{error, info, warn};

use super::sender::News;
use super::{Daemon, chain};
use crate::outbox::sender::SendError;
use crate::pipeline::digests::{
    Asked, DigestError, Started, Wanted, approval, pass_windows, plan_immediate, plan_wanted,
    start_seen,
};
use crate::pipeline::publish::{PublishReport, PublishingError};
use crate::pipeline::requests::{
    ApproveRequest, Fault, LeftOut, ScanAnswer, SendAnswer, SendRequest,
};
use crate::pipeline::{people, send};
use crate::store::{Request, RequestKind, StoreError};

/// Tries of a failing relay before a command that waits is told.
const TRIES_BEFORE_TELLING: u32 = 3;

/// A request whose runs are not at their end.
pub(super) struct Awaited {
    request: i64,
    runs: Vec<i64>,
    left_out: Vec<LeftOut>,
}

impl Daemon {
    /// Answers what other processes asked. `false` where nobody did.
    pub(super) async fn answer_requests(&mut self) -> bool {
        let mut answered = false;
        loop {
            match self.press.store.take_request(self.press.clock.now()).await {
                Ok(Some(request)) => self.answer(request).await,
                Ok(None) => return answered,
                Err(error) => {
                    error!("could not read requests: {:#}", anyhow::Error::from(error));
                    return answered;
                }
            }
            answered = true;
        }
    }

    async fn answer(&mut self, request: Request) {
        match request.kind {
            RequestKind::Scan => {
                let answer = match self.answer_scan().await {
                    Ok(report) => ScanAnswer::Done(Box::new(report)),
                    Err(error) => ScanAnswer::Failed(fault(&error)),
                };
                self.finish(request.id, &answer).await;
            }
            RequestKind::Send if is_approval(&request.argument) => {
                let answer = match self.answer_approve(&request.argument).await {
                    Ok(answer) => answer,
                    Err(error) => SendAnswer::Failed(fault(&error)),
                };
                self.finish(request.id, &answer).await;
            }
            RequestKind::Send => match self.answer_send(&request.argument).await {
                Ok(Some((runs, left_out))) => {
                    self.awaited.push(Awaited { request: request.id, runs, left_out });
                    self.sender.wake();
                }
                Ok(None) => self.finish(request.id, &SendAnswer::Changed).await,
                Err(error) => {
                    self.finish(request.id, &SendAnswer::Failed(fault(&error))).await;
                }
            },
        }
    }

    /// As `publish-now` does it: the documents are compared with the folder, and the digest
    /// `immediate` is left to the plan that follows.
    async fn answer_scan(&mut self) -> anyhow::Result<PublishReport> {
        people::add_stand_ins(&self.press).await?;
        let mut report = self.scan().await?;
        self.publish(&mut report).await?;
        self.log(&report);
        Ok(report)
    }

    /// Whoever asks may have asked the daemon before this one to scan.
    async fn scan_first(&mut self) -> Result<(), PublishingError> {
        if !self.has_scanned {
            self.scan().await?;
        }
        Ok(())
    }

    /// Lets a held run go where it is what the operator has seen.
    async fn answer_approve(&mut self, argument: &str) -> anyhow::Result<SendAnswer> {
        let request: ApproveRequest = serde_json::from_str(argument)?;
        self.scan_first().await?;
        let held = self.press.store.held_runs().await?;
        let Some(held) = held.into_iter().find(|held| held.run == request.approve) else {
            return Ok(SendAnswer::Word(None));
        };
        let word = approval::let_go(&self.press, &held, &request.by).await?;
        if matches!(word, approval::Word::LetGo { .. }) {
            info!(run = held.run, by = request.by, "digest `{}` was approved", held.digest);
            self.sender.wake();
        }
        Ok(SendAnswer::Word(Some(word)))
    }

    /// Starts what the command has shown; `None` where the plan is another one now.
    async fn answer_send(
        &mut self,
        argument: &str,
    ) -> anyhow::Result<Option<(Vec<i64>, Vec<LeftOut>)>> {
        let request: SendRequest = serde_json::from_str(argument)?;
        self.scan_first().await?;
        // An operator may have opened a run again.
        self.supersede().await;
        if request.is_after_pause {
            self.send_due(self.press.clock.now()).await;
            let plans = plan_immediate(&self.press).await;
            self.start_all(plans).await;
        }
        let mut runs: Vec<i64> =
            send::open_runs(&self.press).await?.iter().map(|run| run.id).collect();
        let (names, overrides) = (request.digests.clone(), request.overrides.clone());
        pass_windows(&self.press, &Asked { names, overrides, advances: true }).await?;
        if request.plan.is_empty() {
            return Ok(Some((runs, Vec::new())));
        }
        let mut left_out = Vec::new();
        let mut has_begun = false;
        let Some(Wanted { runs: plans, seen }) = plan_wanted(&self.press, &request).await? else {
            return Ok(None);
        };
        for plan in &plans {
            let started = start_seen(&self.press, plan, &request.overrides, seen.as_ref()).await;
            match started {
                Ok(Started::Run(run)) => {
                    let (people, digest) = (plan.plan.recipients, plan.digest());
                    info!(run, people, "digest `{digest}` goes out by hand");
                    runs.push(run);
                    has_begun = true;
                }
                Ok(Started::Changed(changes)) => {
                    let one = LeftOut::changed(plan.digest(), &changes);
                    warn!("nothing of `{}` was sent: {}", one.digest, one.message);
                    if !has_begun {
                        return Ok(None);
                    }
                    left_out.push(one);
                }
                Ok(Started::Held(_) | Started::Nothing) => {}
                Err(DigestError::Store(error)) => return Err(error.into()),
                // What is wrong with one digest is no reason to keep the others.
                Err(error) => {
                    let one = LeftOut::of(plan.digest(), error);
                    error!("nothing of `{}` was sent: {}", one.digest, one.message);
                    left_out.push(one);
                }
            }
        }
        Ok(Some((runs, left_out)))
    }

    async fn finish(&self, request: i64, answer: &impl serde::Serialize) {
        let text = serde_json::to_string(answer).expect("answers are always JSON");
        let finished =
            self.press.store.finish_request(request, &text, self.press.clock.now()).await;
        if let Err(error) = finished {
            error!("could not answer a request: {:#}", anyhow::Error::from(error));
        }
    }

    /// What the sender did: tells the commands that wait for it.
    pub(super) async fn hear(&mut self, news: News) {
        let (fault, may_go_on) = match &news {
            News::Rested => (None, true),
            News::Failed { error, tries } => {
                (Some(send_fault(error)), *tries < TRIES_BEFORE_TELLING)
            }
        };
        for awaited in std::mem::take(&mut self.awaited) {
            let Awaited { request, runs, left_out } = awaited;
            let progress = match self.progress(&runs).await {
                Ok(progress) => progress,
                Err(error) => {
                    error!("could not look at runs: {:#}", anyhow::Error::from(error));
                    Progress::Moving
                }
            };
            match progress {
                Progress::Complete => {
                    self.finish(request, &SendAnswer::Sent { runs, fault: None, left_out }).await;
                }
                Progress::Moving if may_go_on => {
                    self.awaited.push(Awaited { request, runs, left_out });
                }
                Progress::Moving | Progress::Resting => {
                    let fault = fault.clone();
                    self.finish(request, &SendAnswer::Sent { runs, fault, left_out }).await;
                }
            }
        }
    }

    /// How far runs have come. News may be older than a run: what counts is the store.
    async fn progress(&self, runs: &[i64]) -> Result<Progress, StoreError> {
        let reports = send::run_reports(&self.press, runs).await?;
        if reports.iter().all(|run| matches!(&*run.state, "complete" | "superseded")) {
            return Ok(Progress::Complete);
        }
        let is_in_hand = reports.iter().any(|run| {
            run.state == "expanding"
                || run.deliveries.contains_key("claimed")
                || run.deliveries.contains_key("intent")
        });
        let next = send::next_due(&self.press).await?;
        let is_due = next.is_some_and(|due| due <= self.press.clock.now());
        Ok(if is_in_hand || is_due { Progress::Moving } else { Progress::Resting })
    }
}

enum Progress {
    Complete,
    /// Something is due or in hand.
    Moving,
    /// All that is left falls due later.
    Resting,
}

fn is_approval(argument: &str) -> bool {
    serde_json::from_str::<ApproveRequest>(argument).is_ok()
}

fn fault(error: &anyhow::Error) -> Fault {
    let hint = error.downcast_ref::<PublishingError>().and_then(PublishingError::hint);
    Fault { message: format!("{error:#}"), hint: hint.map(str::to_owned) }
}

fn send_fault(error: &SendError) -> Fault {
    Fault { message: chain(error), hint: error.hint().map(str::to_owned) }
}
