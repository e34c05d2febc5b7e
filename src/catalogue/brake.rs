//! Stops a scan that changes more than anybody means to.
//!
//! A folder mounted empty, a checkout of the wrong branch, an import of ten years at once: none
//! of them may empty the feeds or mail everybody. What such a scan brings is held, as a whole,
//! until an operator lets it go or the files are as they were.

use std::collections::{HashMap, HashSet};

use super::{Cause, ChangeClass, EntryState, Known, KnownEntry, NewChange, Step, Tell};

/// Fewer than this many vanished never stop a scan.
const VANISHED_AT_LEAST: u64 = 10;

/// How much one scan may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `content.max_new`: new items and told changes together; none at a first scan.
    pub max_new: Option<u64>,
}

/// Paths that earlier scans held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Still waiting for an operator, with the hold each belongs to.
    pub waiting: HashMap<String, i64>,
    /// Let go by an operator: no limit counts for them.
    pub let_go: HashSet<String>,
    /// The holds those belonged to.
    pub released: Vec<i64>,
}

/// A path that a scan holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldItem {
    pub path: String,
    pub what: HeldWhat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldWhat {
    New,
    Changed,
    Vanished,
}

impl HeldWhat {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Vanished => "vanished",
        }
    }
}

/// What is left of a comparison.
#[derive(Debug, Default, PartialEq)]
pub struct Braked {
    pub steps: Vec<Step>,
    /// Paths whose step waits, in a hold that is there already.
    pub still_held: HashSet<String>,
    /// What a new hold keeps back; empty where none is needed.
    pub items: Vec<HeldItem>,
    /// Why, as a sentence without a final period.
    pub reason: String,
}

/// Takes out the steps that are held, and all that a scan over its limits brings.
///
/// What the clock does, and a file missing for the first time, is never held.
pub fn brake(steps: Vec<Step>, known: &Known, held: &Held, limits: Limits) -> Braked {
    let rows: HashMap<i64, &KnownEntry> = known.entries.iter().map(|k| (k.row, k)).collect();
    let mut braked = Braked::default();
    // In the order of the steps: what is free to go, and what counts.
    let mut counted: Vec<(Option<HeldItem>, Step)> = Vec::with_capacity(steps.len());
    let mut told = 0;
    let mut vanished = 0;
    for step in steps {
        let item = item_of(&step, &rows);
        if let Some(item) = &item
            && held.waiting.contains_key(&item.path)
        {
            braked.still_held.insert(item.path.clone());
            continue;
        }
        let item = item.filter(|item| !held.let_go.contains(&item.path));
        if let Some(item) = &item {
            told += u64::from(item.what == HeldWhat::New || is_told(&step));
            vanished += u64::from(item.what == HeldWhat::Vanished);
        }
        counted.push((item, step));
    }
    let Some(reason) = reason(told, vanished, known.current, limits) else {
        braked.steps = counted.into_iter().map(|(_, step)| step).collect();
        return braked;
    };
    braked.reason = reason;
    for (item, step) in counted {
        match item {
            Some(item) => braked.items.push(item),
            None => braked.steps.push(step),
        }
    }
    braked
}

/// Why a scan is held; `None` where it is within its limits.
fn reason(told: u64, vanished: u64, current: u64, limits: Limits) -> Option<String> {
    let max_new = limits.max_new?;
    let mut reasons = Vec::new();
    if told > max_new {
        reasons.push(format!(
            "{told} new items and told changes in one scan, more than `content.max_new` ({max_new})"
        ));
    }
    if vanished >= VANISHED_AT_LEAST && vanished * 5 > current {
        reasons.push(format!("{vanished} of {current} items vanished in one scan"));
    }
    if reasons.is_empty() { None } else { Some(reasons.join("; ")) }
}

/// What a step does to which path; `None` where it is never held.
fn item_of(step: &Step, rows: &HashMap<i64, &KnownEntry>) -> Option<HeldItem> {
    match step {
        Step::Accept(acceptance) => {
            let path = acceptance.path.clone();
            let what = match acceptance.row {
                None => HeldWhat::New,
                Some(row) => {
                    let was_there = rows.get(&row).is_some_and(|k| k.state != EntryState::Removed);
                    if acceptance.state == EntryState::Removed && was_there {
                        HeldWhat::Vanished
                    } else {
                        HeldWhat::Changed
                    }
                }
            };
            Some(HeldItem { path, what })
        }
        Step::Settle { row, cause: Cause::File, .. } => {
            let path = rows.get(row)?.path.clone()?;
            Some(HeldItem { path, what: HeldWhat::Vanished })
        }
        Step::Settle { cause: Cause::Time, .. } | Step::Missing { .. } | Step::Found { .. } => None,
    }
}

fn is_told(step: &Step) -> bool {
    let change: Option<&NewChange> = match step {
        Step::Accept(acceptance) => acceptance.change.as_ref(),
        Step::Settle { change, .. } => change.as_ref(),
        Step::Missing { .. } | Step::Found { .. } => None,
    };
    change.is_some_and(|c| c.tell != Tell::Nobody && c.class != ChangeClass::New)
}
