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
            braked.steps.extend(missing_meanwhile(&step, &rows));
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
            Some(item) => {
                braked.items.push(item);
                braked.steps.extend(missing_meanwhile(&step, &rows));
            }
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

/// A move that is held leaves its entry without a file: it is missing for as long, so that
/// each scan asks for it and finds it again at the new path.
fn missing_meanwhile(step: &Step, rows: &HashMap<i64, &KnownEntry>) -> Option<Step> {
    let Step::Accept(acceptance) = step else { return None };
    let row = acceptance.row?;
    let has_moved = rows.get(&row)?.path.as_deref() != Some(acceptance.path.as_str());
    has_moved.then_some(Step::Missing { row, scans: 1 })
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::catalogue::diff::tests::{at, draft, remembered};
    use crate::catalogue::{Acceptance, Announce, Context, Scanned, diff};
    use crate::content::Draft;
    use crate::words::Wordbook;
    use std::sync::Arc;

    const FIVE: Limits = Limits { max_new: Some(5) };

    fn path(n: u32) -> String {
        format!("{n:02}.md")
    }

    /// What a scan of these files accepts as new.
    fn accepted(drafts: Vec<Draft>) -> Vec<Acceptance> {
        let context = Context {
            now: at("11-21T12:00").to_utc(),
            zone: chrono_tz::Asia::Singapore,
            site_host: "press.example".into(),
            since: "2026-01-01".parse().unwrap(),
            announce: Announce::Recent,
            max_age: TimeDelta::days(7),
            words: Arc::clone(Wordbook::builtin()),
        };
        let found = diff(
            &Known::default(),
            Scanned { drafts: drafts.into_iter().map(Box::new).collect(), standing: vec![] },
            &context,
        );
        let accepted = found.steps.into_iter().map(|step| match step {
            Step::Accept(acceptance) => *acceptance,
            step => panic!("{step:?}"),
        });
        accepted.collect()
    }

    /// So many public entries, at [`path`] 1 and so on and in the row of that number.
    fn catalogue(n: u32) -> Known {
        let drafts = (1..=n).map(|n| draft(&path(n))).collect();
        let entries = accepted(drafts).into_iter().zip(1..);
        Known::all(entries.map(|(accepted, row)| remembered(accepted, row)).collect())
    }

    fn new(n: u32) -> Vec<Step> {
        let drafts = (1..=n).map(|n| draft(&format!("new-{}", path(n)))).collect();
        accepted(drafts).into_iter().map(|new| Step::Accept(Box::new(new))).collect()
    }

    /// Revisions of the first so many entries, numbered as these.
    fn revised(n: u32, class: ChangeClass, tell: Tell, state: EntryState) -> Vec<Step> {
        let drafts = (1..=n).map(|n| draft(&path(n))).collect();
        let revise = |(accepted, row)| {
            let change = Some(NewChange { class, tell, note: None });
            Step::Accept(Box::new(Acceptance { row: Some(row), change, state, ..accepted }))
        };
        accepted(drafts).into_iter().zip(1..).map(revise).collect()
    }

    fn major(n: u32) -> Vec<Step> {
        revised(n, ChangeClass::Major, Tell::Followers, EntryState::Public)
    }

    fn settled(n: u32, cause: Cause) -> Vec<Step> {
        let state = EntryState::Removed;
        let change = NewChange { class: ChangeClass::Removed, tell: Tell::Nobody, note: None };
        (1..=i64::from(n))
            .map(|row| Step::Settle { row, state, change: Some(change.clone()), cause })
            .collect()
    }

    fn holding(paths: &[u32], waiting: bool) -> Held {
        let paths = paths.iter().map(|n| path(*n));
        if waiting {
            Held { waiting: paths.map(|path| (path, 1)).collect(), ..Held::default() }
        } else {
            Held { let_go: paths.collect(), released: vec![1], ..Held::default() }
        }
    }

    /// How many steps go, and how many are held for which reason.
    fn check(steps: Vec<Step>, known: &Known, expected: (usize, usize, &str)) {
        let all = steps.len();
        let braked = brake(steps, known, &Held::default(), FIVE);
        assert_eq!((braked.steps.len(), braked.items.len(), braked.reason.as_str()), expected);
        assert_eq!(braked.steps.len() + braked.items.len(), all);
        assert_eq!(braked.still_held.len(), 0);
    }

    const SIX_TOLD: &str =
        "6 new items and told changes in one scan, more than `content.max_new` (5)";

    #[test]
    fn new_items_and_told_changes_count_together() {
        let known = catalogue(20);
        check(new(5), &known, (5, 0, ""));
        check(new(6), &known, (0, 6, SIX_TOLD));
        check(major(6), &known, (0, 6, SIX_TOLD));
        check([new(3), major(3)].concat(), &known, (0, 6, SIX_TOLD));
        let correction = revised(3, ChangeClass::Correction, Tell::Receivers, EntryState::Public);
        check([new(3), correction].concat(), &known, (0, 6, SIX_TOLD));
    }

    #[test]
    fn an_edit_that_nobody_is_told_of_does_not_count_and_is_held_with_the_rest() {
        let known = catalogue(20);
        let minor = revised(20, ChangeClass::Minor, Tell::Nobody, EntryState::Public);
        check(minor.clone(), &known, (20, 0, ""));
        check([new(6), minor].concat(), &known, (0, 26, SIX_TOLD));
    }

    #[test]
    fn more_than_a_fifth_and_ten_at_least_may_not_vanish() {
        for (n, current, reason) in [
            (9, 9, None),
            (10, 50, None),
            (10, 49, Some("10 of 49 items vanished in one scan")),
            (11, 55, None),
            (11, 54, Some("11 of 54 items vanished in one scan")),
        ] {
            let known = catalogue(current);
            let count = n as usize;
            let expected = reason.map_or((count, 0, ""), |reason| (0, count, reason));
            check(settled(n, Cause::File), &known, expected);
            let drafted = revised(n, ChangeClass::Removed, Tell::Nobody, EntryState::Removed);
            check(drafted, &known, expected);
        }
    }

    #[test]
    fn what_the_clock_does_and_a_first_miss_are_never_held() {
        let known = catalogue(20);
        check(settled(20, Cause::Time), &known, (20, 0, ""));
        let missing = |n| (1..=n).map(|row| Step::Missing { row, scans: 1 }).collect::<Vec<_>>();
        check(missing(20), &known, (20, 0, ""));
        let found = vec![Step::Found { row: 20 }];
        let clock = settled(9, Cause::Time);
        check([new(6), missing(3), found, clock].concat(), &known, (13, 6, SIX_TOLD));
    }

    #[test]
    fn both_reasons_are_told_of_a_scan_that_has_both() {
        let known = catalogue(20);
        let reason = format!("{SIX_TOLD}; 10 of 20 items vanished in one scan");
        check([new(6), settled(10, Cause::File)].concat(), &known, (0, 16, &reason));
    }

    #[test]
    fn without_limits_nothing_is_held() {
        let steps = [new(60), settled(20, Cause::File)].concat();
        let limits = Limits { max_new: None };
        let braked = brake(steps.clone(), &catalogue(20), &Held::default(), limits);
        assert_eq!(braked, Braked { steps, ..Braked::default() });
    }

    #[test]
    fn what_waits_stays_and_does_not_count_again() {
        let known = catalogue(20);
        let held = holding(&[1, 2, 3], true);
        let braked = brake([major(6), new(2)].concat(), &known, &held, FIVE);
        assert_eq!((braked.steps.len(), braked.items.len()), (5, 0));
        assert_eq!(braked.still_held, [1, 2, 3].map(path).into());
        let braked = brake([major(6), new(3)].concat(), &known, &held, FIVE);
        assert_eq!((braked.steps.len(), braked.items.len()), (0, 6));
        assert_eq!(braked.reason, SIX_TOLD);
    }

    #[test]
    fn what_was_let_go_goes_whatever_else_comes() {
        let known = catalogue(20);
        let held = holding(&[1, 2, 3], false);
        let braked = brake([major(3), new(5)].concat(), &known, &held, FIVE);
        assert_eq!((braked.steps.len(), braked.items.len()), (8, 0));
        let braked = brake([major(3), new(6)].concat(), &known, &held, FIVE);
        assert_eq!((braked.steps.len(), braked.items.len()), (3, 6));
        let all = holding(&(1..=20).collect::<Vec<_>>(), false);
        let braked = brake(settled(20, Cause::File), &known, &all, FIVE);
        assert_eq!((braked.steps.len(), braked.items.len()), (20, 0));
    }

    #[test]
    fn each_item_says_what_it_is() {
        let known = catalogue(20);
        let drafted = revised(1, ChangeClass::Removed, Tell::Nobody, EntryState::Removed);
        let steps = [new(6), major(1), drafted, settled(2, Cause::File)].concat();
        let braked = brake(steps, &known, &Held::default(), FIVE);
        let said: Vec<String> =
            braked.items.iter().map(|i| format!("{} {}", i.path, i.what.as_str())).collect();
        assert_eq!(
            said[5..],
            [
                "new-06.md new",
                "01.md changed",
                "01.md vanished",
                "01.md vanished",
                "02.md vanished"
            ]
        );
    }
}
