//! Bodies on demand: a large scan stores none, and what wants one reads its file again.

use std::thread;

use tracing::warn;

use super::Press;
use crate::content::{self, Rules};
use crate::model::Entry;
use crate::store::{Body, BodyAtSource, StoreError};

/// Fills in the bodies of entries; those made from their files are stored.
///
/// A file that changed since its scan no longer has the text that was accepted. Until the next
/// scan takes it up, its entry says its summary instead.
pub(super) async fn fill(press: &Press, entries: &mut [Entry]) -> Result<(), StoreError> {
    let missing = press.store.fill_bodies(entries).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let folder = press.config.content.folder.clone();
    let rules = press.config.content.rules.clone();
    let asked = missing.clone();
    let made = tokio::task::spawn_blocking(move || make(&folder, &rules, &asked));
    let made = made.await.expect("a panic in a file is caught with it");
    let mut bodies = Vec::new();
    for (BodyAtSource { index, path, .. }, body) in missing.into_iter().zip(made) {
        let entry = &mut entries[index];
        if let Some(body) = body {
            entry.content_html.clone_from(&body.html);
            entry.content_text.clone_from(&body.text);
            bodies.push(body);
        } else {
            warn!(
                entry = %entry.id,
                path,
                "the file of an entry is not as it was scanned; its summary stands in for it"
            );
            entry.content_html = stand_in(&entry.summary);
            entry.content_text.clone_from(&entry.summary);
        }
    }
    press.store.keep_bodies(&bodies).await
}

/// Makes bodies on all cores; `None` where a file no longer holds the text asked for.
fn make(folder: &std::path::Path, rules: &Rules, asked: &[BodyAtSource]) -> Vec<Option<Body>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let slice = asked.len().div_ceil(threads).max(1);
    let make_slice = |asked: &[BodyAtSource]| -> Vec<Option<Body>> {
        let make_one = |one: &BodyAtSource| {
            let draft = content::read_again(folder, one.path.as_deref()?, rules)?;
            let body =
                Body { hash: draft.body_hash, html: draft.content_html, text: draft.content_text };
            (body.hash == one.body_hash).then_some(body)
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

fn stand_in(summary: &str) -> String {
    let escaped = summary.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<p>{escaped}</p>\n")
}
