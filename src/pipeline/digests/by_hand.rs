//! What `publish-now` would send.

use std::collections::HashSet;

use super::walk::{Onlooker, Word, plan_before};
use super::{AsSeen, SeenPlan, plan_as_seen};
use super::{
    Basis, DigestError, Occasion, PlannedRun, basis, is_paused, reminders, told, too_many,
};
use crate::digest::REMINDER;
use crate::digest::windows::WindowState;
use crate::hash::hash;
use crate::outbox::lane::PASS_WINDOWS;
use crate::pipeline::Press;
use crate::pipeline::requests::SendRequest;
use crate::pipeline::send::open_runs;
use crate::store::{Brake, Override, PauseRecord, RunRecord, StoreError};

/// What somebody asks to be sent now.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// These digests alone; empty for all, with what does not wait for a digest's moment.
    pub names: Vec<String>,
    /// Whether the next run begins behind this one.
    pub advances: bool,
    pub overrides: Vec<Override>,
}

impl Asked {
    pub fn overrides(&self, brake: Brake) -> bool {
        self.overrides.iter().any(|one| one.brake == brake)
    }
}

/// What `publish-now` would send, and what it would if nothing stood in the way.
#[derive(Debug)]
pub struct ByHand {
    pub runs: Vec<PlannedRun>,
    /// Not to be started: they keep to the send windows, and none is open.
    pub closed: Vec<PlannedRun>,
    /// Not to be started: their news waits for the end of a pause.
    pub waiting: Vec<PlannedRun>,
}

/// Which runs `publish-now` would make, whatever the send windows say: for each digest (of
/// `names`, where given) one over (last covered, newest change], in config order. Urgent news,
/// corrections and what takes the place of superseded runs come before, reminders that are due
/// behind, unless `names` are given. Those with nothing to send are left out, and so are those
/// that a pause stops, and those an operator is asked about for their many issues.
pub async fn plan_by_hand(
    press: &Press,
    names: &[String],
    advances: bool,
) -> Result<Vec<PlannedRun>, DigestError> {
    Ok(plan_all_by_hand(press, names, advances).await?.runs)
}

/// As [`plan_by_hand`], with what the pauses keep back.
pub async fn plan_all_by_hand(
    press: &Press,
    names: &[String],
    advances: bool,
) -> Result<ByHand, DigestError> {
    let asked = Asked { names: names.to_vec(), advances, overrides: Vec::new() };
    plan_in(press, &asked, WindowState::Open, &mut ()).await
}

/// What is asked for, as of now.
pub async fn plan_asked(press: &Press, asked: &Asked) -> Result<ByHand, DigestError> {
    plan_seen_by(press, asked, &mut ()).await
}

pub(super) async fn plan_seen_by(
    press: &Press,
    asked: &Asked,
    onlooker: &mut impl Onlooker,
) -> Result<ByHand, DigestError> {
    let state = if asked.overrides(Brake::SendWindow) {
        WindowState::Open
    } else {
        press.config.mail.windows.state(press.clock.now())
    };
    plan_in(press, asked, state, onlooker).await
}

async fn plan_in(
    press: &Press,
    asked: &Asked,
    windows: WindowState,
    onlooker: &mut impl Onlooker,
) -> Result<ByHand, DigestError> {
    let pauses = press.store.pauses().await?;
    let passed_over = too_many::asked_about(press).await?;
    let way = |digest: &str| Way::of(digest, windows, &pauses);
    let bases = bases(press, asked, &passed_over, way).await?;
    let word = if asked.overrides(Brake::Approval) { Word::Given } else { Word::Wanted };
    let mut planned = plan_before(press, bases, word, onlooker).await?;
    planned.retain(|run| !run.is_empty() || run.closes_something());
    let mut by_hand = ByHand { runs: Vec::new(), closed: Vec::new(), waiting: Vec::new() };
    for run in planned {
        match way(run.digest()) {
            Way::Free => by_hand.runs.push(run),
            Way::Closed => by_hand.closed.push(run),
            Way::Paused => by_hand.waiting.push(run),
        }
    }
    Ok(by_hand)
}

/// What stands in the way of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Free,
    Closed,
    Paused,
}

impl Way {
    pub(super) fn of(digest: &str, windows: WindowState, pauses: &[PauseRecord]) -> Self {
        if is_paused(pauses, digest) {
            Self::Paused
        } else if windows == WindowState::Closed && !PASS_WINDOWS.contains(&digest) {
            Self::Closed
        } else {
            Self::Free
        }
    }
}

/// What the runs are planned from, in order. Those that something stops come last: what they hold
/// back, the others may bring.
pub(super) async fn bases(
    press: &Press,
    asked: &Asked,
    passed_over: &HashSet<String>,
    way: impl Fn(&str) -> Way,
) -> Result<Vec<Basis>, DigestError> {
    let Asked { names, advances, .. } = asked;
    let is_meant = |name: &str| {
        (names.is_empty() || names.iter().any(|one| one == name)) && !passed_over.contains(name)
    };
    let to_seq = press.store.newest_seq().await?;
    let mut bases = told(press, is_meant).await?;
    for digest in press.config.digests.iter().filter(|digest| is_meant(&digest.name)) {
        bases.extend(basis(press, digest, Occasion::ByHand, to_seq, *advances).await?);
    }
    if is_meant(REMINDER) {
        bases.extend(reminders::basis(press, press.clock.now()).await?);
    }
    bases.sort_by_key(|basis| way(&basis.digest.name));
    Ok(bases)
}

/// One hash over several plans: what `publish-now` shows is what the daemon sends. Runs that only
/// close something send nothing, and are no part of it.
pub fn hash_of(runs: &[PlannedRun]) -> String {
    let runs = runs.iter().filter(|run| !run.is_empty());
    let hashes: Vec<&str> = runs.map(|run| run.plan.hash.as_str()).collect();
    hash(hashes.join(" ").as_bytes())
}

/// Lets runs go that wait for a send window, where somebody overrides that.
pub async fn pass_windows(press: &Press, asked: &Asked) -> Result<(), StoreError> {
    let is_it = |one: &&Override| one.brake == Brake::SendWindow;
    let overrides: Vec<Override> = asked.overrides.iter().filter(is_it).cloned().collect();
    if overrides.is_empty() {
        return Ok(());
    }
    let is_meant = |run: &RunRecord| asked.names.is_empty() || asked.names.contains(&run.digest);
    for run in open_runs(press).await?.iter().filter(|run| is_meant(run)) {
        if !PASS_WINDOWS.contains(&&*run.digest) {
            press.store.override_run(run.id, &overrides).await?;
        }
    }
    Ok(())
}

/// What the daemon is to start for a command, with the plan that somebody has seen.
#[derive(Debug)]
pub struct Wanted {
    pub runs: Vec<PlannedRun>,
    pub seen: Option<SeenPlan>,
}

/// Plans what a command has shown; `None` where it is another plan now.
pub async fn plan_wanted(
    press: &Press,
    request: &SendRequest,
) -> Result<Option<Wanted>, DigestError> {
    let SendRequest { plan, seen, digests, advances, overrides, .. } = request;
    let (names, overrides) = (digests.clone(), overrides.clone());
    let asked = Asked { names, advances: *advances, overrides };
    let Some(prefix) = seen else {
        let runs = plan_asked(press, &asked).await?.runs;
        return Ok((hash_of(&runs) == *plan).then_some(Wanted { runs, seen: None }));
    };
    let Some(as_seen) = plan_as_seen(press, prefix, &asked).await? else { return Ok(None) };
    let AsSeen { by_hand, seen, changes } = as_seen;
    let is_all = changes.is_empty() && by_hand.closed.is_empty();
    Ok(is_all.then_some(Wanted { runs: by_hand.runs, seen: Some(seen) }))
}
