//! Corrections and withdrawals: one run each, to those who have the old text.

use super::readers::Readers;
use super::{Basis, DigestError, Occasion, Terms, everybody, reserved};
use crate::digest::CORRECTION;
use crate::digest::plan::Window;
use crate::feeds::Selection;
use crate::pipeline::Press;
use crate::store::{Audience, Correction};

/// The runs that are to be made, oldest first. One whose old text is in somebody's hands waits
/// until it is known who has it.
pub(super) async fn bases(press: &Press) -> Result<Vec<Basis>, DigestError> {
    let mut bases = Vec::new();
    for correction in press.store.untold_corrections().await? {
        if !correction.is_in_hand {
            bases.extend(basis(press, correction).await?);
        }
    }
    Ok(bases)
}

async fn basis(press: &Press, correction: Correction) -> Result<Option<Basis>, DigestError> {
    let Some(progress) = press.store.digest_progress(CORRECTION).await? else { return Ok(None) };
    let Correction { told, seq, .. } = correction;
    let window = Window { from_seq: seq - 1, to_seq: seq };
    let changes = Vec::from_iter(told);
    let terms = Terms { occasion: Occasion::Immediate, window, advances: true };
    let mut basis =
        Basis::new(press, reserved(press, CORRECTION), progress, terms, changes).await?;
    basis.readers = Readers::Receivers;
    basis.digests = everybody(press).await?;
    if let Some(told) = basis.changes.first() {
        let holds = |feed: &&crate::feeds::FeedDefinition| feed.select.selects(&told.entry);
        basis.selecting = basis.feeds.iter().filter(holds).map(|feed| feed.name.clone()).collect();
        if basis.audience == Audience::Real {
            basis.untold =
                press.store.unreachable(told.row, told.told_revision, &basis.selecting).await?;
        }
    }
    // A feed that brought the old text is told, though it may not select the new one.
    for feed in &mut basis.feeds {
        feed.select = Selection::default();
    }
    Ok(Some(basis))
}
