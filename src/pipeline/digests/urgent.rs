//! Urgent news: mailed at once to everybody who follows a feed that selects it.

use super::readers::Readers;
use super::{Basis, DigestError, Occasion, Terms, add_translations, everybody, reserved};
use crate::digest::URGENT;
use crate::digest::plan::Window;
use crate::pipeline::Press;
use crate::store::{DigestProgress, StoreError, ToldChange};

/// The run over the urgent news that nobody was told yet; `None` where there is none.
pub(super) async fn basis(press: &Press) -> Result<Option<Basis>, DigestError> {
    let Some(progress) = press.store.digest_progress(URGENT).await? else { return Ok(None) };
    let to_seq = press.store.newest_seq().await?;
    let window = Window { from_seq: progress.covered_seq, to_seq };
    let changes = urgent_changes(press, window).await?;
    // It ends with the news itself, so that a run that is held stays the same while others are
    // numbered.
    let Some(to_seq) = changes.iter().map(|change| change.seq).max() else { return Ok(None) };
    let window = Window { to_seq, ..window };
    Ok(Some(basis_over(press, progress, Occasion::Immediate, window).await?))
}

/// The run over what is urgent in a window.
pub(super) async fn basis_over(
    press: &Press,
    progress: DigestProgress,
    occasion: Occasion,
    window: Window,
) -> Result<Basis, DigestError> {
    let mut changes = urgent_changes(press, window).await?;
    add_translations(press, &mut changes, window.from_seq).await?;
    let terms = Terms { occasion, window, advances: true };
    let basis = Basis::new(press, reserved(press, URGENT), progress, terms, changes).await?;
    Ok(Basis { readers: Readers::Followers, digests: everybody(press).await?, ..basis })
}

async fn urgent_changes(press: &Press, window: Window) -> Result<Vec<ToldChange>, StoreError> {
    if window.from_seq >= window.to_seq {
        return Ok(Vec::new());
    }
    let mut changes = press.store.told_changes(window.from_seq, window.to_seq).await?;
    changes.retain(|change| change.entry.urgent);
    Ok(changes)
}

/// Closes a window without anything urgent, so that what is called urgent later in a minor edit
/// is not: it was told as it was.
pub(super) async fn pass_over(press: &Press) -> Result<(), DigestError> {
    let Some(progress) = press.store.digest_progress(URGENT).await? else { return Ok(()) };
    let to_seq = press.store.newest_seq().await?;
    let window = Window { from_seq: progress.covered_seq, to_seq };
    if window.from_seq < to_seq && urgent_changes(press, window).await?.is_empty() {
        press.store.pass_over(URGENT, to_seq).await?;
    }
    Ok(())
}
