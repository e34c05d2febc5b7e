//! Turns files that were read into what is to be remembered: steps, holds, outcomes.

use std::collections::{HashMap, HashSet};

use super::{Folder, context, outcome_of};
use crate::catalogue::{
    self, About, Adoption, Braked, Diff, Former, Held, Known, KnownEntry, Limits, Standing, Step,
    brake, diff,
};
use crate::content::{DraftKind, Outcome, ScannedFile, Severity};
use crate::pipeline::Press;
use crate::store::{FileOutcome, KnownFile, NewHold, ScanRecord, StoreError};

/// What a comparison goes by, beside the files.
pub(super) struct Comparison<'a> {
    pub(super) folder: &'a Folder,
    /// Paths that are there and could not be read now.
    pub(super) unread: Vec<String>,
    pub(super) held: &'a Held,
    pub(super) is_first: bool,
    /// Nothing is in the store that these files could touch.
    pub(super) knows_nothing: bool,
}

pub(super) struct Compared {
    pub(super) record: ScanRecord,
    pub(super) adoption: Adoption,
}

/// Turns files that were read into what is to be remembered.
pub(super) async fn compare(
    press: &Press,
    files: Vec<ScannedFile>,
    gone: Vec<String>,
    question: Comparison<'_>,
    former: Option<Vec<Former>>,
) -> Result<Compared, StoreError> {
    let Comparison { folder: Folder { walk, .. }, mut unread, held, is_first, knows_nothing } =
        question;
    unread.sort();
    let mut record = ScanRecord { gone, ..Default::default() };
    let mut scanned = catalogue::Scanned::default();
    for file in files {
        let outcome = outcome_of(&file.reading);
        record.problems.extend(file.reading.problems);
        match file.reading.outcome {
            Outcome::Draft(draft) if draft.kind != DraftKind::Page => scanned.drafts.push(draft),
            other => {
                let is_other = other != Outcome::HeldBack;
                scanned.standing.push(Standing { path: file.path.clone(), is_other });
            }
        }
        record.files.push(KnownFile { path: file.path, stat: file.stat, outcome });
    }
    let context = context(press, is_first);
    let known = if knows_nothing {
        catalogue::reserved(former.as_deref().unwrap_or_default())
    } else {
        press.store.known(&About::of(&scanned, &record.gone, &context)).await?
    };
    // What could not be looked at is not gone: a file being written, a folder we may not read.
    let is_there = |path: &str| {
        walk.contains(path)
            || walk.is_hidden_by_problem(path)
            || unread.binary_search_by(|unread| unread.as_str().cmp(path)).is_ok()
    };
    let read: HashSet<&str> = record.files.iter().map(|file| file.path.as_str()).collect();
    let known_paths = known.entries.iter().filter_map(|entry| entry.path.as_deref());
    let others = known_paths.filter(|path| !read.contains(path) && is_there(path));
    let standing = others.map(|path| Standing { path: path.to_owned(), is_other: false });
    scanned.standing.extend(standing);
    let Diff { mut steps, mut problems } = diff(&known, scanned, &context);
    let adoption = former
        .map(|former| catalogue::adopt(&mut steps, &mut problems, former, &context))
        .unwrap_or_default();

    let max_new = u64::try_from(press.config.content.max_new).unwrap_or(u64::MAX);
    let limits = Limits { max_new: (!is_first).then_some(max_new) };
    let Braked { steps, still_held, items, reason } = brake(steps, &known, held, limits);
    record.steps = steps;
    let refused: HashSet<&str> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.path.as_str())
        .collect();
    let left = left_behind(&record.steps, &known);
    let resolves = |file: &KnownFile| {
        file.outcome != FileOutcome::HeldBack && !refused.contains(file.path.as_str())
    };
    // A file that cannot be read says nothing of what is held.
    let settled = record.files.iter().filter(|file| resolves(file)).map(|file| &file.path);
    let settled: HashSet<&String> = settled.chain(&record.gone).chain(left).collect();
    let is_resolved = |path: &&String| !still_held.contains(*path) && settled.contains(path);
    record.resolved = held.waiting.keys().filter(is_resolved).cloned().collect();
    record.taken_up.clone_from(&held.released);
    let on_hold: HashSet<&str> = still_held
        .iter()
        .map(String::as_str)
        .chain(items.iter().map(|i| i.path.as_str()))
        .collect();
    for file in &mut record.files {
        if refused.contains(file.path.as_str()) {
            file.outcome = FileOutcome::Refused;
        } else if on_hold.contains(file.path.as_str()) {
            file.outcome = FileOutcome::OnHold;
        }
    }
    record.problems.extend(problems);
    record.hold = (!items.is_empty()).then_some(NewHold { reason, items });
    Ok(Compared { record, adoption })
}

/// Paths that entries have left for another.
fn left_behind<'k>(steps: &[Step], known: &'k Known) -> Vec<&'k String> {
    let accepted: HashMap<i64, &str> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Accept(acceptance) => Some((acceptance.row?, acceptance.path.as_str())),
            _ => None,
        })
        .collect();
    let has_left = |entry: &&KnownEntry| {
        accepted.get(&entry.row).is_some_and(|path| entry.path.as_deref() != Some(path))
    };
    known.entries.iter().filter(has_left).filter_map(|entry| entry.path.as_ref()).collect()
}
