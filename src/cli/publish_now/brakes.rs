//! What keeps `publish-now` from sending: a plan that is another one, a send window, a run that
//! waits for a word.

use clap::ValueEnum;
use serde::Serialize;

use super::PublishNow;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::pause::who;
use crate::cli::session::opening_after;
use crate::config::Environment;
use crate::pipeline::Press;
use crate::pipeline::digests::{
    AsSeen, Asked, ByHand, PlannedRun, SeenPlan, plan_as_seen, plan_asked,
};
use crate::store::{Brake, Override};

/// Characters of a plan's hash that tell it apart from all others.
pub(in crate::cli) const SHORTEST_HASH: usize = 8;

/// A brake by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Overridden {
    /// Outside `mail.send_windows`, or on a day of `mail.holidays`
    SendWindow,
    /// `approve` of the digest
    Approval,
}

/// Why nothing new is sent, whatever else is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Stopped {
    pub why: String,
    /// What is different from the plan that was asked for.
    pub changes: Vec<String>,
    pub hint: String,
    /// Nothing at all goes out, not even what an earlier run left open: it is not the plan that
    /// was asked for.
    #[serde(skip)]
    pub is_other_plan: bool,
}

impl Stopped {
    /// The plan that was asked for is another one.
    pub(super) fn changed(changes: Vec<String>) -> Self {
        Self {
            why: "not sent: the plan is another one now".into(),
            changes,
            hint: "`tidings plan` shows what would go out now".into(),
            is_other_plan: true,
        }
    }

    /// Nobody knows the plan that was asked for.
    fn unknown(hash: &str) -> Self {
        Self {
            why: format!("not sent: no plan is known whose hash begins with `{hash}`"),
            changes: Vec::new(),
            hint: "`tidings plan` shows what would go out now, with its hash".into(),
            is_other_plan: true,
        }
    }

    pub(super) fn show(&self, output: Output) {
        output.note(&self.why);
        for change in &self.changes {
            output.note(&format!("  {change}"));
        }
        output.note(&format!("hint: {}", self.hint));
    }
}

pub(super) fn overrides(
    args: &PublishNow,
    environment: &Environment,
) -> Result<Vec<Override>, Failure> {
    let reason = args.reason.clone().unwrap_or_default();
    if !args.overrides.is_empty() && reason.trim().is_empty() {
        return Err(Failure::usage(
            "the reason for `--override` is blank",
            "say why, for those who look later: `--reason \"ferry accident\"`",
        ));
    }
    let mut brakes = args.overrides.clone();
    brakes.sort_unstable();
    brakes.dedup();
    let by = who(environment);
    let one = |brake| Override {
        brake: match brake {
            Overridden::SendWindow => Brake::SendWindow,
            Overridden::Approval => Brake::Approval,
        },
        reason: reason.clone(),
        by: by.clone(),
    };
    Ok(brakes.into_iter().map(one).collect())
}

/// The runs that are asked for, and what stands in their way before anything is started.
pub(super) struct Chosen {
    /// To be started.
    pub going: Vec<PlannedRun>,
    /// Shown, and not to be started.
    pub left: Vec<PlannedRun>,
    /// What a pause keeps back.
    pub waiting: Vec<PlannedRun>,
    pub stopped: Option<Stopped>,
    /// The plan that was asked for, where one was.
    pub seen: Option<SeenPlan>,
}

impl Chosen {
    pub(super) fn shown(&self) -> impl Iterator<Item = &PlannedRun> {
        self.going.iter().chain(&self.left)
    }

    /// Whether somebody gets less than they would.
    fn keeps_back(&self) -> bool {
        self.left.iter().any(|run| !run.is_empty())
    }

    /// Nothing goes.
    pub(super) fn stop(mut self, stopped: Stopped) -> Self {
        self.left.splice(0..0, self.going.drain(..));
        Self { stopped: Some(stopped), ..self }
    }
}

pub(super) async fn choose(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
) -> Result<Chosen, Failure> {
    let asked = asked(args, overrides);
    let Some(hash) = &args.plan else {
        let chosen = chosen(plan_asked(press, &asked).await?, None);
        if !chosen.keeps_back() {
            return Ok(chosen);
        }
        let stopped = outside(press, &chosen.going);
        return Ok(Chosen { stopped: Some(stopped), ..chosen });
    };
    if hash.len() < SHORTEST_HASH {
        return Err(Failure::usage(
            format!("`{hash}` is too short for the hash of a plan"),
            format!("write at least {SHORTEST_HASH} characters of it, as `plan` shows it"),
        ));
    }
    let Some(as_seen) = plan_as_seen(press, hash, &asked).await? else {
        let chosen = chosen(plan_asked(press, &asked).await?, None);
        return Ok(chosen.stop(Stopped::unknown(hash)));
    };
    let AsSeen { by_hand, seen, changes } = as_seen;
    let chosen = chosen(by_hand, Some(seen));
    if !changes.is_empty() {
        return Ok(chosen.stop(Stopped::changed(changes)));
    }
    if chosen.keeps_back() {
        // All of it, or nothing.
        return Ok(chosen.stop(outside(press, &[])));
    }
    Ok(chosen)
}

pub(super) fn asked(args: &PublishNow, overrides: &[Override]) -> Asked {
    let names = args.digest.clone();
    Asked { names, advances: !args.keep_window, overrides: overrides.to_vec() }
}

fn chosen(by_hand: ByHand, seen: Option<SeenPlan>) -> Chosen {
    let ByHand { runs: going, closed: left, waiting } = by_hand;
    Chosen { going, left, waiting, stopped: None, seen }
}

/// Why nothing goes that keeps to the send windows.
fn outside(press: &Press, going: &[PlannedRun]) -> Stopped {
    let what = if going.is_empty() { "not sent" } else { "urgent news alone is sent" };
    Stopped {
        why: format!("{what}: this is outside the send windows; {}", opening(press)),
        changes: Vec::new(),
        hint: OVERRIDE.into(),
        is_other_plan: false,
    }
}

pub(super) const OVERRIDE: &str = "the daemon sends it then, and so does `publish-now`; \
                                   `--override send-window --reason TEXT` sends it now";

/// When the next send window opens.
pub(super) fn opening(press: &Press) -> String {
    opening_after(press, press.clock.now()).map_or_else(
        || "the calendar leaves no time at all".to_owned(),
        |opens| format!("it opens {opens}"),
    )
}
