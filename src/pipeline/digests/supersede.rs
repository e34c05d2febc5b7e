//! Runs that a newer text ends, and those that take their place.
//!
//! Which run is outdated is read from the store, not from what just happened: a process that
//! dies between two steps leaves nothing that the next look does not find.

use tracing::warn;

use super::readers::Readers;
use super::{Basis, DigestError, Occasion, Terms, basis_over, reminders, urgent};
use crate::digest::plan::Window;
use crate::digest::{REMINDER, URGENT, reminders as digest_reminders};
use crate::pipeline::Press;
use crate::store::{OutdatedRun, StoreError, UnservedRun};

/// What whoever holds the lock does after a scan, before it plans: ends the runs with a text that
/// is no longer the right one, and says which.
pub async fn settle(press: &Press) -> Result<Vec<OutdatedRun>, DigestError> {
    let (store, now) = (&press.store, press.clock.now());
    // What has nothing left to send is complete, and stays so.
    store.complete_runs(now).await?;
    let outdated = end_outdated(press).await?;
    // One that could not be ended before: nobody would be planned anew.
    store.end_cancelled(press.keys.token_key(), now).await?;
    give_up(press).await?;
    urgent::pass_over(press).await?;
    Ok(outdated)
}

/// Nothing takes the place of a run whose digest is gone, or of a reminder that is late by now:
/// news that it left out is owed.
async fn give_up(press: &Press) -> Result<(), DigestError> {
    for run in press.store.unserved_runs().await? {
        let superseded = run.run;
        match successor(press, run).await {
            Ok(Some(_)) => {}
            Ok(None) => press.store.succeed_run(superseded).await?,
            // It keeps nothing else from going on.
            Err(error) => warn!(superseded, "{:#}", anyhow::Error::from(error)),
        }
    }
    Ok(())
}

/// Ends the runs with a text that is no longer the right one by what the store knows, and says
/// which.
pub async fn end_outdated(press: &Press) -> Result<Vec<OutdatedRun>, StoreError> {
    let (store, now) = (&press.store, press.clock.now());
    let mut outdated = store.outdated_runs().await?;
    for (run, entry) in store.open_reminders().await? {
        let is_known = outdated.iter().any(|known| known.run == run);
        let has_begun =
            |event| digest_reminders::has_begun(event, press.config.site.time_zone, now);
        if !is_known && entry.event.as_ref().is_some_and(has_begun) {
            outdated.push(OutdatedRun { run, reason: format!("`{}` has begun", entry.title) });
        }
    }
    for run in &outdated {
        store.supersede_run(run, press.keys.token_key(), now).await?;
    }
    Ok(outdated)
}

/// The runs for those whom superseded ones left, with the texts of now.
pub(super) async fn successors(
    press: &Press,
    is_meant: impl Fn(&str) -> bool,
) -> Result<Vec<Basis>, DigestError> {
    let mut bases = Vec::new();
    let runs = press.store.unserved_runs().await?;
    for run in runs.into_iter().filter(|run| is_meant(&run.digest)) {
        bases.extend(successor(press, run).await?);
    }
    Ok(bases)
}

async fn successor(press: &Press, run: UnservedRun) -> Result<Option<Basis>, DigestError> {
    let Some(progress) = press.store.digest_progress(&run.digest).await? else { return Ok(None) };
    let base = run.key.split('+').next().unwrap_or(&run.key).to_owned();
    let window = Window { from_seq: run.from_seq, to_seq: run.to_seq };
    let occasion = Occasion::Succession(base);
    let basis = match run.digest.as_str() {
        URGENT => urgent::basis_over(press, progress, occasion, window).await?,
        REMINDER => match reminders::basis_of(press, progress, occasion, window).await? {
            Some(basis) => basis,
            None => return Ok(None),
        },
        name => {
            let Some(digest) = press.config.digests.iter().find(|d| d.name == name) else {
                return Ok(None);
            };
            let terms = Terms { occasion, window, advances: run.advances };
            basis_over(press, digest, progress, terms).await?
        }
    };
    debug_assert!(basis.readers != Readers::Receivers, "corrections have no successors");
    Ok(Some(Basis { succeeds: Some(run.run), ..basis }))
}
