//! Compares what is known with what was scanned.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::identity::new_id;
use super::seconds::TakenSeconds;
use super::{
    Acceptance, Acted, Announce, Cause, ChangeClass, Context, Departure, Diff, EntryState, Known,
    KnownEntry, NewChange, Scanned, Step, Tell,
};
use crate::content::{Draft, Problem};
use crate::hash::hash;
use crate::model::{Entry, EntryId, Timestamp};
use appointment::what_changed;
use entry::{
    acted_of, draft_event_facts, entry_of, event_facts, has_same_body, is_other_appointment,
    says_the_same,
};
use problems::{id_taken, same_id, title_and_date_changed};

mod appointment;
mod entry;
pub(super) mod problems;
mod times;

/// A path missing in this many scans counts as deleted; before, it may have moved.
const SCANS_UNTIL_DELETED: u32 = 2;

/// How long a notice stands in the place of what was withdrawn.
pub(crate) const NOTICE: TimeDelta = TimeDelta::days(30);

/// Says what to remember of a scan, and which changes to number.
///
/// Files are gone through in path order, so that seconds and `-2` ids fall the same way in
/// a repeated scan. What becomes public or expires by the clock alone is settled last.
pub fn diff(known: &Known, scanned: Scanned, context: &Context) -> Diff {
    let mut comparison = Comparison::new(known, &scanned, context);
    for draft in scanned.drafts {
        let draft = *draft;
        match comparison.find(&draft) {
            Found::Known { known, moved } => comparison.revise(known, draft, moved),
            Found::New => comparison.welcome(draft),
            Found::Clash(problem) => {
                comparison.clashes.insert(draft.path);
                comparison.diff.problems.push(problem);
            }
        }
    }
    for known in &known.entries {
        if !comparison.matched.contains(&known.row) {
            comparison.settle_unread(known);
        }
    }
    comparison.diff
}

/// A draft as it would be published now: what is known of its entry is kept, and the rest
/// is made as a scan would make it.
pub fn preview(draft: Draft, known: &Known, context: &Context) -> Entry {
    let mut comparison = Comparison::new(known, &Scanned::default(), context);
    let at_path = known.entries.iter().find(|k| match &draft.pinned_id {
        Some(id) => k.entry.id == *id,
        None => k.path.as_deref() == Some(&draft.path),
    });
    let published = comparison.publication_time(&draft, at_path);
    if let Some(known) = at_path {
        let updated = known.entry.updated.max(published);
        entry_of(draft, known.entry.id.clone(), published, updated, known.entry.revision)
    } else {
        let id = draft.pinned_id.clone();
        let id = id.unwrap_or_else(|| comparison.derive_id(&draft));
        entry_of(draft, id, published, published, 1)
    }
}

enum Found<'k> {
    Known { known: &'k KnownEntry, moved: bool },
    New,
    Clash(Problem),
}

struct Comparison<'a> {
    context: &'a Context,
    /// Entries whose path is gone and may have moved.
    gone: Vec<&'a KnownEntry>,
    by_path: HashMap<&'a str, &'a KnownEntry>,
    by_id: HashMap<&'a EntryId, &'a KnownEntry>,
    /// Which known paths are there, and whether a draft was read from them.
    present: HashMap<&'a str, Presence>,
    /// Paths whose draft was refused for its `id`.
    clashes: HashSet<String>,
    /// Rows that a draft of this scan belongs to.
    matched: HashSet<i64>,
    /// Ids that are in use, with those this scan gave out.
    ids: HashSet<EntryId>,
    /// Hash of a body without a byte, which says nothing about where a file came from.
    no_body: String,
    seconds: TakenSeconds,
    diff: Diff,
}

#[derive(Clone, PartialEq, Eq)]
enum Presence {
    /// With its own `id`, where it has one.
    Draft(Option<EntryId>),
    /// Unchanged, or held back by an error: what is known of it stays.
    Standing,
    /// No item any more.
    Other,
}

impl<'a> Comparison<'a> {
    fn new(known: &'a Known, scanned: &Scanned, context: &'a Context) -> Self {
        let entries = &known.entries;
        let by_path: HashMap<&str, &KnownEntry> =
            entries.iter().filter_map(|k| Some((k.path.as_deref()?, k))).collect();
        let mut present = HashMap::new();
        let paths = |path: &str| by_path.get_key_value(path).map(|(path, _)| *path);
        for draft in &scanned.drafts {
            let presence = || Presence::Draft(draft.pinned_id.clone());
            present.extend(paths(&draft.path).map(|path| (path, presence())));
        }
        for standing in &scanned.standing {
            let presence = if standing.is_other { Presence::Other } else { Presence::Standing };
            present.extend(paths(&standing.path).map(|path| (path, presence)));
        }
        let is_gone = |known: &&KnownEntry| {
            known.state != EntryState::Removed
                && known.path.as_deref().is_some_and(|path| !present.contains_key(path))
        };
        Self {
            context,
            gone: entries.iter().filter(is_gone).collect(),
            by_path,
            by_id: entries.iter().map(|k| (&k.entry.id, k)).collect(),
            present,
            clashes: HashSet::new(),
            matched: HashSet::new(),
            ids: known.taken_ids.clone(),
            no_body: hash(b""),
            seconds: TakenSeconds::of(known.taken_seconds.clone()),
            diff: Diff::default(),
        }
    }

    /// Which known entry a draft is: by its own `id`, its path, or as one that moved.
    fn find(&mut self, draft: &Draft) -> Found<'a> {
        if let Some(id) = &draft.pinned_id {
            if let Some(known) = self.by_id.get(id).copied() {
                let path = known.path.as_deref();
                let lives_elsewhere = path.is_some_and(|path| {
                    path != draft.path
                        && match self.present.get(path) {
                            None | Some(Presence::Other) => false,
                            Some(Presence::Draft(own)) => own.as_ref().is_none_or(|own| own == id),
                            Some(Presence::Standing) => true,
                        }
                });
                if lives_elsewhere && self.is_unseen(draft) {
                    return Found::New;
                }
                if lives_elsewhere || !self.matched.insert(known.row) {
                    return Found::Clash(same_id(draft, id, self.who_has(id).or(path)));
                }
                return Found::Known { known, moved: path != Some(draft.path.as_str()) };
            }
            return if self.is_unseen(draft) || self.ids.insert(id.clone()) {
                Found::New
            } else {
                Found::Clash(same_id(draft, id, self.who_has(id)))
            };
        }
        let at_path = self.by_path.get(draft.path.as_str()).copied();
        if let Some(known) = at_path
            && !(known.state == EntryState::Removed && self.is_other_news(known, draft))
            && self.matched.insert(known.row)
        {
            return Found::Known { known, moved: false };
        }
        let has_body = draft.body_hash.as_ref() != Some(&self.no_body);
        let gone = self.gone.iter().copied().filter(|known| !self.matched.contains(&known.row));
        // An equal body says most, and an empty one nothing.
        let moved = gone
            .clone()
            .find(|known| has_body && has_same_body(draft, known))
            .or_else(|| gone.clone().find(|known| known.entry.link == draft.link))
            .or_else(|| {
                gone.clone().find(|known| {
                    known.entry.title == draft.title && !self.is_redated(known, draft)
                })
            });
        match moved {
            Some(known) => {
                self.matched.insert(known.row);
                Found::Known { known, moved: true }
            }
            None => Found::New,
        }
    }

    /// Path of the file that this scan accepted under an id.
    fn who_has(&self, id: &EntryId) -> Option<&str> {
        self.diff.steps.iter().find_map(|step| match step {
            Step::Accept(acceptance) if acceptance.entry.id == *id => Some(&*acceptance.path),
            _ => None,
        })
    }

    /// A draft, or expired: no reader ever sees it unless it was an entry before.
    fn is_unseen(&self, draft: &Draft) -> bool {
        draft.is_unpublished || draft.expires_at.is_some_and(|at| at <= self.context.now)
    }

    /// Both title and day differ: another text under the same path.
    fn is_other_news(&self, known: &KnownEntry, draft: &Draft) -> bool {
        known.entry.title != draft.title && self.is_redated(known, draft)
    }

    /// Takes in a file that nothing is known of.
    fn welcome(&mut self, draft: Draft) {
        if self.is_unseen(&draft) {
            return;
        }
        let id = match &draft.pinned_id {
            Some(id) => id.clone(),
            None => self.derive_id(&draft),
        };
        let published = self.publication_time(&draft, None);
        let state = if self.lies_ahead(&draft) {
            EntryState::Waiting
        } else if draft.notes.withdrawn.is_some() {
            EntryState::Withdrawn
        } else {
            EntryState::Public
        };
        let change = match state {
            EntryState::Waiting => None,
            EntryState::Withdrawn => Some(new_notice()),
            _ => Some(self.new_change(&published)),
        };
        let updated = match state {
            EntryState::Withdrawn => self.moment_of(draft.updated).max(published),
            _ => self.second_of(&draft, published),
        };
        let acted = acted_of(&draft, &Acted::default());
        self.accept(Accepted { row: None, state, acted, change }, draft, |draft| {
            entry_of(draft, id, published, updated, 1)
        });
    }

    /// An id from the path; a warning where it had to be numbered.
    fn derive_id(&mut self, draft: &Draft) -> EntryId {
        let Context { site_host, since, .. } = self.context;
        let (id, clashed) = new_id(site_host, *since, &draft.path, &self.ids);
        if clashed {
            self.diff.problems.push(id_taken(&draft.path, &id));
        }
        self.ids.insert(id.clone());
        id
    }

    /// The change that makes an entry public.
    fn new_change(&self, published: &Timestamp) -> NewChange {
        let is_recent = self.context.now - published.to_utc() <= self.context.max_age;
        let tell = match self.context.announce {
            Announce::Everything => Tell::Followers,
            Announce::Recent if is_recent => Tell::Followers,
            Announce::Recent | Announce::Nothing => Tell::Nobody,
        };
        NewChange { class: ChangeClass::New, tell, note: None }
    }

    /// Compares a draft with the revision that is known, and accepts what differs.
    fn revise(&mut self, known: &KnownEntry, draft: Draft, moved: bool) {
        let acted = acted_of(&draft, &known.acted);
        let is_pinned = draft.pinned_id.as_ref() == Some(&known.entry.id);
        let has_new_note = acted.change != known.acted.change;
        let was_shown = matches!(known.state, EntryState::Public | EntryState::Withdrawn);
        if was_shown && !is_pinned && !has_new_note && self.is_other_news(known, &draft) {
            if draft.is_unpublished {
                // The text that readers know is dropped; this one was never theirs.
                let change = Some(removal(Departure::Draft));
                self.settle(known, EntryState::Removed, change, Cause::File);
            } else {
                self.diff.problems.push(title_and_date_changed(known, &draft));
                if moved {
                    // Until somebody decides, each scan has to find it again at the new path.
                    self.diff.steps.push(Step::Missing { row: known.row, scans: 1 });
                }
            }
            return;
        }
        let published = self.publication_time(&draft, Some(known));
        let state = self.next_state(known, &draft);
        let change = self.classify(known, &draft, &acted, state, moved, &published);
        let updated = self.update_time(known, &draft, &acted, change.as_ref(), published);
        let is_same = state == known.state
            && !moved
            && says_the_same(&draft, known, published, updated)
            && acted == known.acted
            && draft.expires_at == known.expires_at;
        if is_same {
            if known.missing_scans > 0 {
                self.diff.steps.push(Step::Found { row: known.row });
            }
            return;
        }
        let KnownEntry { row, entry: Entry { id, revision, sequence, .. }, .. } = known;
        let is_rescheduled = known.was_public && is_other_appointment(&draft, &known.entry);
        let sequence = sequence + u32::from(is_rescheduled);
        let now = self.context.now.trunc_subsecs(0).with_timezone(&self.context.zone);
        self.accept(Accepted { row: Some(*row), state, acted, change }, draft, |draft| Entry {
            revised: Some(now.fixed_offset()),
            sequence,
            ..entry_of(draft, id.clone(), published, updated, revision + 1)
        });
    }

    /// Why a draft that readers are not to see any more leaves the feeds.
    fn departure_of(&self, draft: &Draft) -> Departure {
        if draft.is_unpublished {
            Departure::Draft
        } else if self.is_unseen(draft) {
            Departure::Expired
        } else {
            Departure::Withdrawn
        }
    }

    fn next_state(&self, known: &KnownEntry, draft: &Draft) -> EntryState {
        let is_public = matches!(known.state, EntryState::Public | EntryState::Withdrawn);
        if self.is_unseen(draft) {
            EntryState::Removed
        } else if !is_public && self.lies_ahead(draft) {
            EntryState::Waiting
        } else if draft.notes.withdrawn.is_some() {
            let same_notice = draft.notes.withdrawn == known.entry.notes.withdrawn;
            let is_over = match known.state {
                EntryState::Removed => known.was_public,
                EntryState::Withdrawn => is_notice_over(known, self.context.now),
                _ => false,
            };
            if same_notice && is_over { EntryState::Removed } else { EntryState::Withdrawn }
        } else {
            EntryState::Public
        }
    }

    /// The change a revision is numbered as; `None` where readers see nothing of it.
    fn classify(
        &self,
        known: &KnownEntry,
        draft: &Draft,
        acted: &Acted,
        state: EntryState,
        moved: bool,
        published: &Timestamp,
    ) -> Option<NewChange> {
        use EntryState::{Public, Removed, Waiting, Withdrawn};
        let change = |class, tell, note: &Option<String>| {
            Some(NewChange { class, tell, note: note.clone() })
        };
        let notes = &draft.notes;
        match (known.state, state) {
            (_, Waiting) | (Waiting | Removed, Removed) => None,
            (_, Removed) => Some(removal(self.departure_of(draft))),
            (Waiting | Removed, Public) if !known.was_public => Some(self.new_change(published)),
            (Waiting | Removed | Withdrawn, Public) => {
                change(ChangeClass::Reinstated, Tell::Nobody, &None)
            }
            (Waiting | Removed, Withdrawn) if !known.was_public => Some(new_notice()),
            (Waiting | Removed | Public, Withdrawn) => {
                change(ChangeClass::Withdrawn, Tell::Receivers, &notes.withdrawn)
            }
            (Withdrawn, Withdrawn) if acted.withdrawn != known.acted.withdrawn => {
                change(ChangeClass::Withdrawn, Tell::Receivers, &notes.withdrawn)
            }
            (Withdrawn, Withdrawn) => change(ChangeClass::Minor, Tell::Nobody, &None),
            (Public, Public) => {
                let event_changed = event_facts(&known.entry) != draft_event_facts(draft);
                if acted.correction != known.acted.correction {
                    change(ChangeClass::Correction, Tell::Receivers, &notes.correction)
                } else if acted.change != known.acted.change
                    || acted.updated != known.acted.updated
                    || event_changed
                {
                    let says_so = acted.change != known.acted.change;
                    let words = self.context.words.words(draft.language.as_str());
                    let (old, new) = (known.entry.event.as_ref(), draft.event.as_ref());
                    let event = || what_changed(words, old, new);
                    let note = if says_so { notes.change.clone() } else { event() };
                    change(ChangeClass::Major, Tell::Followers, &note)
                } else if moved {
                    change(ChangeClass::Moved, Tell::Nobody, &None)
                } else {
                    change(ChangeClass::Minor, Tell::Nobody, &None)
                }
            }
        }
    }

    fn accept(&mut self, accepted: Accepted, draft: Draft, entry: impl FnOnce(Draft) -> Entry) {
        let Accepted { row, state, acted, change } = accepted;
        self.diff.steps.push(Step::Accept(Box::new(Acceptance {
            row,
            path: draft.path.clone(),
            state,
            published_source: draft.published.source,
            expires_at: draft.expires_at,
            source_hash: draft.source_hash.clone(),
            body_hash: draft.body_hash.clone(),
            acted,
            entry: Box::new(entry(draft)),
            change,
        })));
    }

    /// What time and absence do to an entry whose file was not read.
    fn settle_unread(&mut self, known: &KnownEntry) {
        use EntryState::{Public, Removed, Withdrawn};
        if known.state == Removed {
            return;
        }
        let now = self.context.now;
        let is_expired = known.expires_at.is_some_and(|at| at <= now);
        if is_expired || is_notice_over(known, now) {
            // The clock does this, whether or not the file is there.
            let departure = if is_expired { Departure::Expired } else { Departure::Withdrawn };
            let change = known.was_public.then(|| removal(departure));
            return self.settle(known, Removed, change, Cause::Time);
        }
        let path = known.path.as_deref();
        let is_there = match path.and_then(|path| self.present.get(path)) {
            None if known.missing_scans + 1 < SCANS_UNTIL_DELETED => {
                let scans = known.missing_scans + 1;
                self.diff.steps.push(Step::Missing { row: known.row, scans });
                return;
            }
            None | Some(Presence::Other) => false,
            Some(Presence::Standing) => true,
            // The path belongs to another entry now, unless that was refused.
            Some(Presence::Draft(_)) => path.is_some_and(|path| self.clashes.contains(path)),
        };
        if !is_there {
            let change = known.was_public.then(|| removal(Departure::Deleted));
            self.settle(known, Removed, change, Cause::File);
        } else if known.state == EntryState::Waiting && known.entry.published <= now {
            if known.entry.notes.withdrawn.is_some() {
                self.settle(known, Withdrawn, Some(new_notice()), Cause::Time);
            } else if known.was_public {
                let class = ChangeClass::Reinstated;
                let change = NewChange { class, tell: Tell::Nobody, note: None };
                self.settle(known, Public, Some(change), Cause::Time);
            } else {
                let change = self.new_change(&known.entry.published);
                self.settle(known, Public, Some(change), Cause::Time);
            }
        } else if known.missing_scans > 0 {
            self.diff.steps.push(Step::Found { row: known.row });
        }
    }

    fn settle(
        &mut self,
        known: &KnownEntry,
        state: EntryState,
        change: Option<NewChange>,
        cause: Cause,
    ) {
        self.diff.steps.push(Step::Settle { row: known.row, state, change, cause });
    }
}

/// What a comparison says of a draft it accepts.
struct Accepted {
    /// Absent for a new entry.
    row: Option<i64>,
    state: EntryState,
    acted: Acted,
    change: Option<NewChange>,
}

pub(super) fn removal(departure: Departure) -> NewChange {
    let note = Some(departure.as_str().to_owned());
    NewChange { class: ChangeClass::Removed, tell: Tell::Nobody, note }
}

/// A notice about something that no reader of ours has seen.
pub(super) fn new_notice() -> NewChange {
    NewChange { class: ChangeClass::New, tell: Tell::Nobody, note: None }
}

/// Withdrawing sets `updated`, so the notice stands from there.
fn is_notice_over(known: &KnownEntry, now: DateTime<Utc>) -> bool {
    known.state == EntryState::Withdrawn && known.entry.updated + NOTICE <= now
}

#[cfg(test)]
pub(super) mod tests;
