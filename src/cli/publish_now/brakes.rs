//! What keeps `publish-now` from sending: a plan that is another one, a send window, a run that
//! waits for a word.

use clap::ValueEnum;
use serde::Serialize;

use super::PublishNow;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::pause::who;
use crate::config::Environment;
use crate::pipeline::Press;
use crate::pipeline::digests::{PlannedRun, approval, hash_of, plan_by_hand};
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
}

impl Stopped {
    pub(super) fn show(&self, output: Output) {
        output.note(&self.why);
        for change in &self.changes {
            output.note(&format!("  {change}"));
        }
        output.note(&format!("hint: {}", self.hint));
    }
}

fn is_hash_of(run: &PlannedRun, hash: &str) -> bool {
    run.plan.hash.starts_with(hash)
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
pub(super) async fn choose(
    press: &Press,
    args: &PublishNow,
    overrides: &[Override],
    mut plans: Vec<PlannedRun>,
) -> Result<(Vec<PlannedRun>, Option<Stopped>), Failure> {
    if let Some(hash) = &args.plan {
        let is_whole = hash.len() >= SHORTEST_HASH;
        if is_whole && hash_of(&plans).starts_with(hash.as_str()) && !plans.is_empty() {
            // All of it.
        } else if let Some(run) = plans.iter().find(|run| is_whole && is_hash_of(run, hash)) {
            let name = run.digest().to_owned();
            plans = plan_by_hand(press, std::slice::from_ref(&name), true).await?;
            if !plans.iter().any(|run| is_hash_of(run, hash)) {
                let stopped = Stopped {
                    why: format!("not sent: digest `{name}` alone is another plan"),
                    changes: vec!["it would bring what digests before it bring".into()],
                    hint: format!("send the whole plan, or see `tidings plan --digest {name}`"),
                };
                return Ok((plans, Some(stopped)));
            }
        } else if !is_whole {
            return Err(Failure::usage(
                format!("`{hash}` is too short for the hash of a plan"),
                format!("write at least {SHORTEST_HASH} characters of it, as `plan` shows it"),
            ));
        } else {
            let changes = approval::changed_since(press, hash, &plans).await?;
            let stopped = Stopped {
                why: "not sent: the plan is another one now".into(),
                changes,
                hint: "`tidings plan` shows what would go out now".into(),
            };
            return Ok((plans, Some(stopped)));
        }
    }
    let now = press.clock.now();
    let windows = &press.config.mail.windows;
    let is_overridden = overrides.iter().any(|one| one.brake == Brake::SendWindow);
    if plans.is_empty() || is_overridden || windows.is_open(now) {
        return Ok((plans, None));
    }
    let opens = windows.opens(now).map_or_else(
        || "the calendar leaves no time at all".to_owned(),
        |opens| format!("it opens {}", opens.with_timezone(&windows.zone).to_rfc3339()),
    );
    let stopped = Stopped {
        why: format!("not sent: this is outside the send windows; {opens}"),
        changes: Vec::new(),
        hint: "the daemon sends it then, and so does `publish-now`; `--override send-window \
               --reason TEXT` sends it now"
            .into(),
    };
    Ok((plans, Some(stopped)))
}
