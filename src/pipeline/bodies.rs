//! Bodies on demand: a large scan stores none, and what wants one reads its file again.

use std::path::Path;
use std::thread;

use quick_xml::escape::escape;
use tracing::warn;

use super::Press;
use crate::content::{self, Draft, Rules};
use crate::model::Entry;
use crate::store::{Body, BodyAtSource, StoreError};

/// Fills in the bodies of entries; those made from their files are stored.
///
/// A file that changed since its scan no longer has the text that was accepted. Until the next
/// scan takes it up, its entry says its summary instead. Returns the indices of those that do.
pub(super) async fn fill(press: &Press, entries: &mut [Entry]) -> Result<Vec<usize>, StoreError> {
    let (bodies, stand_ins) = make_missing(press, entries).await?;
    if !bodies.is_empty() {
        press.store.keep_bodies(&bodies).await?;
    }
    Ok(stand_ins)
}

/// As [`fill`], and nothing is stored.
pub(super) async fn borrow(press: &Press, entries: &mut [Entry]) -> Result<Vec<usize>, StoreError> {
    Ok(make_missing(press, entries).await?.1)
}

async fn make_missing(
    press: &Press,
    entries: &mut [Entry],
) -> Result<(Vec<Body>, Vec<usize>), StoreError> {
    let missing = press.store.fill_bodies(entries).await?;
    if missing.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let folder = press.config.content.folder.clone();
    let rules = press.config.content.rules.clone();
    let asked = missing.clone();
    let made = tokio::task::spawn_blocking(move || make(&folder, &rules, &asked));
    let made = made.await.expect("a panic in a file is caught with it");
    let mut bodies = Vec::new();
    let mut stand_ins = Vec::new();
    for (asked, draft) in missing.into_iter().zip(made) {
        let BodyAtSource { index, row, path, .. } = asked;
        let entry = &mut entries[index];
        // The body of another address has other links.
        let draft = draft.filter(|draft| draft.link == entry.link);
        if let Some(Draft {
            body_hash: Some(hash), content_html: html, content_text: text, ..
        }) = draft
        {
            entry.content_html.clone_from(&html);
            entry.content_text.clone_from(&text);
            bodies.push(Body { row, revision: entry.revision, hash, html, text });
        } else {
            warn!(
                entry = %entry.id,
                path,
                "the file of an entry is not as it was scanned; its summary stands in for it"
            );
            stand_ins.push(index);
            entry.content_html = format!("<p>{}</p>\n", escape(&entry.summary));
            entry.content_text.clone_from(&entry.summary);
        }
    }
    Ok((bodies, stand_ins))
}

/// Reads files again on all cores; `None` where one no longer holds the text asked for.
fn make(folder: &Path, rules: &Rules, asked: &[BodyAtSource]) -> Vec<Option<Draft>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let slice = asked.len().div_ceil(threads).max(1);
    let make_slice = |asked: &[BodyAtSource]| -> Vec<Option<Draft>> {
        let make_one = |one: &BodyAtSource| {
            let draft = content::read_again(folder, one.path.as_deref()?, rules)?;
            let is_same = if one.body_hash.is_some() {
                draft.body_hash == one.body_hash
            } else {
                draft.source_hash == one.source_hash
            };
            is_same.then_some(draft)
        };
        asked.iter().map(make_one).collect()
    };
    thread::scope(|scope| {
        let slices: Vec<_> =
            asked.chunks(slice).map(|asked| scope.spawn(move || make_slice(asked))).collect();
        slices
            .into_iter()
            .flat_map(|slice| slice.join().expect("a panic in a file is caught with it"))
            .collect()
    })
}
