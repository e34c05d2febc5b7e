//! Gives the entries of a folder back the ids and dates that readers know them by.
//!
//! Where the store is lost, the Atom documents still say what was published. A first scan of
//! the folder makes entries of its files as if nobody had seen them; here they take over what
//! the documents say of them.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::NaiveDate;
use serde::Serialize;

use super::diff::problems::id_taken;
use super::diff::{new_notice, removal};
use super::identity::{first_choice, new_id};
use super::{
    Acceptance, ChangeClass, Context, Departure, EntryState, Known, NewChange, Step, Tell,
};
use crate::content::{Problem, PublishedSource};
use crate::model::{EntryId, Timestamp};

/// An entry as a document of ours shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Former {
    pub id: EntryId,
    pub title: String,
    pub link: Option<String>,
    pub published: Timestamp,
    pub updated: Timestamp,
    /// The reason, where a notice of withdrawal stands in its place.
    pub withdrawn: Option<String>,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Paths of files that are former entries, with the id they have again.
    pub adopted: Vec<(String, EntryId)>,
    /// Former entries that no file matches, newest first.
    pub unmatched: Vec<Former>,
    /// Paths of files that no document knows.
    pub unknown: Vec<String>,
}

/// What a first scan must not give to another file: the seconds that former entries have.
pub fn reserved(former: &[Former]) -> Known {
    let moments = former.iter().flat_map(|former| [former.published, former.updated]);
    Known { taken_seconds: moments.map(|at| at.timestamp()).collect(), ..Known::default() }
}

/// Lets the entries that a first scan would accept take over what is known of them.
///
/// The steps are those of [`diff`](super::diff()) over what is [`reserved`], told to nobody.
/// An id in the front matter stands; a file without one is the former entry with its link,
/// else with its title and day, else with the id of its path and one of title and day: the
/// same path with other title and day is other news, whose id gets a number.
pub fn adopt(
    steps: &mut [Step],
    problems: &mut Vec<Problem>,
    former: Vec<Former>,
    context: &Context,
) -> Adoption {
    let mut acceptances: Vec<&mut Acceptance> = steps
        .iter_mut()
        .filter_map(|step| match step {
            Step::Accept(acceptance) => Some(&mut **acceptance),
            _ => None,
        })
        .collect();
    let choices: Vec<EntryId> = acceptances
        .iter()
        .map(|acceptance| first_choice(&context.site_host, context.since, &acceptance.path))
        .collect();
    let former_of = matches(&acceptances, &choices, &former, context);
    let mut ids: HashSet<EntryId> = former.iter().map(|former| former.id.clone()).collect();
    let pinned = acceptances.iter().zip(&choices).filter(|(a, choice)| is_pinned(a, choice));
    ids.extend(pinned.map(|(acceptance, _)| acceptance.entry.id.clone()));
    let mut adoption = Adoption::default();
    for ((acceptance, choice), index) in acceptances.iter_mut().zip(&choices).zip(&former_of) {
        let path = acceptance.path.clone();
        let scanned_id = acceptance.entry.id.clone();
        if let Some(index) = index {
            take_over(acceptance, &former[*index], context);
            adoption.adopted.push((path.clone(), acceptance.entry.id.clone()));
        } else {
            keep_quiet(acceptance);
            if !is_pinned(acceptance, choice) {
                let (id, _) = new_id(&context.site_host, context.since, &path, &ids);
                ids.insert(id.clone());
                acceptance.entry.id = id;
            }
            adoption.unknown.push(path.clone());
        }
        let id = &acceptance.entry.id;
        if *id != scanned_id {
            problems.retain(|problem| *problem != id_taken(&path, &scanned_id));
            if index.is_none() {
                problems.push(id_taken(&path, id));
            }
        }
    }
    let matched: HashSet<usize> = former_of.into_iter().flatten().collect();
    let unmatched = former.into_iter().enumerate().filter(|(at, _)| !matched.contains(at));
    adoption.unmatched = unmatched.map(|(_, former)| former).collect();
    adoption.unmatched.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
    adoption
}

/// What a file and a former entry may have in common.
struct Traits<'a> {
    /// Of a file: what its path would give it.
    id: &'a EntryId,
    link: Option<&'a str>,
    title: &'a str,
    /// Absent for a file without a date.
    day: Option<NaiveDate>,
}

/// Hash key of some traits; equal where all of them are.
type Key<'a> = (Option<&'a EntryId>, Option<&'a str>, Option<&'a str>, Option<NaiveDate>);

/// What must be equal, surest first; `None` where the traits do not say.
const RUNGS: [for<'a> fn(&Traits<'a>) -> Option<Key<'a>>; 6] = [
    |t| Some((Some(t.id), Some(t.link?), None, None)),
    |t| Some((None, Some(t.link?), None, None)),
    |t| Some((Some(t.id), None, Some(t.title), Some(t.day?))),
    |t| Some((None, None, Some(t.title), Some(t.day?))),
    |t| Some((Some(t.id), None, Some(t.title), None)),
    |t| Some((Some(t.id), None, None, Some(t.day?))),
];

/// Which former entry each acceptance is, as an index; each is one file's at most.
fn matches(
    acceptances: &[&mut Acceptance],
    choices: &[EntryId],
    former: &[Former],
    context: &Context,
) -> Vec<Option<usize>> {
    let day = |at: Timestamp| at.with_timezone(&context.zone).date_naive();
    let former_traits: Vec<Traits<'_>> = former
        .iter()
        .map(|former| Traits {
            id: &former.id,
            link: former.link.as_deref(),
            title: &former.title,
            day: Some(day(former.published)),
        })
        .collect();
    let by_id: HashMap<&EntryId, usize> =
        former.iter().enumerate().map(|(index, former)| (&former.id, index)).collect();
    let mut found: Vec<Option<usize>> = acceptances
        .iter()
        .zip(choices)
        .map(|(a, choice)| by_id.get(&a.entry.id).copied().filter(|_| is_pinned(a, choice)))
        .collect();
    let mut taken: HashSet<usize> = found.iter().copied().flatten().collect();
    for rung in RUNGS {
        let mut by_key: HashMap<Key<'_>, VecDeque<usize>> = HashMap::new();
        for (index, traits) in former_traits.iter().enumerate() {
            if let Some(key) = rung(traits).filter(|_| !taken.contains(&index)) {
                by_key.entry(key).or_default().push_back(index);
            }
        }
        for ((acceptance, choice), found) in acceptances.iter().zip(choices).zip(&mut found) {
            if found.is_some() || is_pinned(acceptance, choice) {
                continue;
            }
            let is_dated = acceptance.published_source != PublishedSource::FirstSeen;
            let traits = Traits {
                id: choice,
                link: Some(acceptance.entry.link.as_str()),
                title: &acceptance.entry.title,
                day: is_dated.then(|| day(acceptance.entry.published)),
            };
            *found = rung(&traits).and_then(|key| by_key.get_mut(&key)?.pop_front());
            taken.extend(*found);
        }
    }
    found
}

/// Whether the id is the author's own: it is not made from the path.
fn is_pinned(acceptance: &Acceptance, choice: &EntryId) -> bool {
    let rest = acceptance.entry.id.as_str().strip_prefix(choice.as_str());
    let number = |rest: &str| rest.strip_prefix('-').is_some_and(|n| n.parse::<u64>().is_ok());
    !rest.is_some_and(|rest| rest.is_empty() || number(rest))
}

fn take_over(acceptance: &mut Acceptance, former: &Former, context: &Context) {
    let entry = &mut acceptance.entry;
    entry.id = former.id.clone();
    let day = |at: Timestamp| at.with_timezone(&context.zone).date_naive();
    // An embargo moved behind the publication does not take it back.
    let is_public_already =
        acceptance.state == EntryState::Waiting && former.published <= context.now;
    if is_public_already
        || acceptance.published_source == PublishedSource::FirstSeen
        || day(entry.published) == day(former.published)
    {
        entry.published = former.published;
    }
    if is_public_already && entry.notes.withdrawn.is_some() {
        acceptance.state = EntryState::Withdrawn;
        acceptance.change = Some(new_notice());
    } else if is_public_already {
        acceptance.state = EntryState::Public;
        let (class, tell) = (ChangeClass::New, Tell::Nobody);
        acceptance.change = Some(NewChange { class, tell, note: None });
    }
    // A withdrawal that readers do not know yet begins now.
    let is_new_notice =
        entry.notes.withdrawn.is_some() && entry.notes.withdrawn != former.withdrawn;
    if !is_new_notice {
        entry.updated = former.updated;
    }
    entry.updated = entry.updated.max(entry.published);
}

/// A notice that stands in no document was over, or never told anybody anything.
fn keep_quiet(acceptance: &mut Acceptance) {
    if acceptance.state == EntryState::Withdrawn {
        acceptance.state = EntryState::Removed;
        acceptance.change = Some(removal(Departure::Withdrawn));
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::catalogue::diff::tests::{at, draft, embargo, on, pinned, remembered, withdrawn};
    use crate::catalogue::{Announce, Scanned, diff};
    use crate::content::{Draft, Published};
    use crate::model::Notes;
    use crate::words::Wordbook;
    use std::sync::Arc;

    const NOW: &str = "11-21T12:00";

    fn context() -> Context {
        Context {
            now: at(NOW).to_utc(),
            zone: chrono_tz::Asia::Singapore,
            site_host: "press.example".into(),
            since: "2026-01-01".parse().unwrap(),
            announce: Announce::Nothing,
            max_age: TimeDelta::days(7),
            words: Arc::clone(Wordbook::builtin()),
        }
    }

    /// What a document says of the entry that `draft(path)` once became, under this name.
    fn former(name: &str, path: &str) -> Former {
        let draft = draft(path);
        Former {
            id: EntryId::new(format!("tag:press.example,2026-01-01:{name}")),
            title: draft.title,
            link: Some(draft.link.to_string()),
            published: at("10-01T00:00"),
            updated: at("10-05T09:00"),
            withdrawn: None,
        }
    }

    struct Done {
        accepted: Vec<Acceptance>,
        unmatched: Vec<Former>,
        unknown: Vec<String>,
        problems: Vec<String>,
    }

    impl Done {
        fn of(drafts: &[Draft], former: &[Former]) -> Self {
            let scanned = Scanned {
                drafts: drafts.iter().cloned().map(Box::new).collect(),
                ..Scanned::default()
            };
            let mut found = diff(&reserved(former), scanned, &context());
            let problems = &mut found.problems;
            let adoption = adopt(&mut found.steps, problems, former.to_vec(), &context());
            let accepted: Vec<Acceptance> = found
                .steps
                .into_iter()
                .map(|step| match step {
                    Step::Accept(acceptance) => *acceptance,
                    step => panic!("{step:?}"),
                })
                .collect();
            let is_told =
                |a: &&Acceptance| a.change.as_ref().is_some_and(|c| c.tell != Tell::Nobody);
            assert_eq!(accepted.iter().filter(is_told).count(), 0);
            let ids: HashSet<&EntryId> = accepted.iter().map(|a| &a.entry.id).collect();
            assert_eq!(ids.len(), accepted.len(), "each has an id of its own");
            let problems = found.problems.iter();
            Self {
                accepted,
                unmatched: adoption.unmatched,
                unknown: adoption.unknown,
                problems: problems.map(|p| format!("{}: {}", p.path, p.message)).collect(),
            }
        }

        /// Path and last part of the id of each entry.
        fn ids(&self) -> Vec<(&str, &str)> {
            let name = |a: &'_ Acceptance| a.entry.id.as_str().rfind(':').unwrap() + 1;
            self.accepted
                .iter()
                .map(|a| (a.path.as_str(), &a.entry.id.as_str()[name(a)..]))
                .collect()
        }
    }

    fn check(drafts: &[Draft], former: &[Former], expected: &[(&str, &str)]) {
        assert_eq!(Done::of(drafts, former).ids(), expected);
    }

    #[test]
    fn an_entry_has_its_former_id_and_dates_again() {
        let done = Done::of(&[draft("a.md")], &[former("old/place", "a.md")]);
        assert_eq!(done.ids(), [("a.md", "old/place")]);
        let entry = &done.accepted[0].entry;
        assert_eq!((entry.published, entry.updated), (at("10-01T00:00"), at("10-05T09:00")));
        assert_eq!((done.unmatched.len(), done.unknown.len()), (0, 0));
        assert_eq!(done.problems, [""; 0]);
    }

    #[test]
    fn the_link_says_more_than_title_and_day() {
        let twin = Former { link: former("x", "a.md").link, ..former("by-link", "b.md") };
        check(&[draft("a.md")], &[former("by-title", "c.md"), twin], &[("a.md", "by-link")]);
        let elsewhere = |name| Former { link: None, ..former(name, "a.md") };
        check(&[draft("a.md")], &[elsewhere("by-title")], &[("a.md", "by-title")]);
        let other_day = Former { published: at("10-02T00:00"), ..elsewhere("other") };
        check(&[draft("a.md")], &[other_day], &[("a.md", "a")]);
    }

    #[test]
    fn of_equal_ones_each_file_gets_the_id_of_its_path_and_else_they_share_in_order() {
        let report = |path| Draft { title: "Report".into(), ..draft(path) };
        let former = |name| Former { title: "Report".into(), link: None, ..former(name, "a.md") };
        let drafts = [report("a.md"), report("b.md"), report("c.md")];
        let known = [former("0"), former("1"), former("a")];
        check(&drafts, &known, &[("a.md", "a"), ("b.md", "0"), ("c.md", "1")]);
    }

    #[test]
    fn the_id_of_a_path_stands_where_title_or_day_changed_and_not_where_both_did() {
        let redirected = |path| Former { link: None, ..former("a", path) };
        check(&[draft("a.md")], &[redirected("b.md")], &[("a.md", "a")]);
        let redated = Draft { published: on("11-20"), ..draft("a.md") };
        check(std::slice::from_ref(&redated), &[redirected("a.md")], &[("a.md", "a")]);
        let done = Done::of(&[redated], &[redirected("b.md")]);
        assert_eq!(done.ids(), [("a.md", "a-2")]);
        assert_eq!(done.unknown, ["a.md"]);
        assert_eq!(done.unmatched, [redirected("b.md")]);
        let taken = "a.md: the id of this path is taken, so a number was added to it";
        assert_eq!(done.problems, [taken]);
    }

    #[test]
    fn an_id_that_went_with_a_file_to_another_path_is_not_given_twice() {
        let new = Draft { title: "New".into(), published: on("11-20"), ..draft("a.md") };
        let new = Draft { link: draft("z.md").link, ..new };
        let moved = Draft { link: draft("a.md").link, ..draft("b.md") };
        check(&[new, moved], &[former("a", "a.md")], &[("a.md", "a-2"), ("b.md", "a")]);
    }

    #[test]
    fn a_warning_of_a_number_goes_where_the_number_goes() {
        let drafts = [draft("a.html"), Draft { title: "B".into(), ..draft("a.md") }];
        let known = [
            Former { link: Some(drafts[0].link.to_string()), ..former("a-2", "a.html") },
            Former { link: Some(drafts[1].link.to_string()), ..former("a", "a.md") },
        ];
        let done = Done::of(&drafts, &known);
        assert_eq!(done.ids(), [("a.html", "a-2"), ("a.md", "a")]);
        assert_eq!(done.problems, [""; 0]);
        let done = Done::of(&drafts, &[]);
        assert_eq!(done.ids(), [("a.html", "a"), ("a.md", "a-2")]);
        assert_eq!(done.problems.len(), 1);
    }

    #[test]
    fn an_id_of_the_authors_own_stands() {
        let own = EntryId::new("tag:pinned:one");
        let known = [former("a", "a.md"), Former { id: own.clone(), ..former("z", "z.md") }];
        let done = Done::of(&[pinned("a.md", "one")], &known);
        assert_eq!(done.accepted[0].entry.id, own);
        assert_eq!(done.accepted[0].entry.updated, at("10-05T09:00"));
        assert_eq!(done.unmatched, [former("a", "a.md")]);
        let done = Done::of(&[pinned("a.md", "one")], &[former("a", "a.md")]);
        assert_eq!(done.accepted[0].entry.id, own);
        assert_eq!(done.unknown, ["a.md"]);
    }

    #[test]
    fn a_file_without_a_date_is_of_the_time_it_was_first_published() {
        let published = Published { value: None, source: PublishedSource::FirstSeen };
        let done = Done::of(&[Draft { published, ..draft("a.md") }], &[former("a", "a.md")]);
        assert_eq!(done.accepted[0].entry.published, at("10-01T00:00"));
    }

    #[test]
    fn a_date_that_was_changed_since_is_taken_from_the_file() {
        let redated = Draft { published: on("10-07"), ..draft("a.md") };
        let done = Done::of(&[redated], &[former("a", "a.md")]);
        let entry = &done.accepted[0].entry;
        assert_eq!((entry.published, entry.updated), (at("10-07T00:00"), at("10-07T00:00")));
    }

    #[test]
    fn the_seconds_of_former_entries_are_given_to_nobody_else() {
        let known = Former { published: at("10-01T00:00"), ..former("b", "b.md") };
        let done = Done::of(&[draft("a.md"), draft("b.md")], &[known]);
        assert_eq!(done.unknown, ["a.md"]);
        assert_eq!(done.accepted[0].entry.published, at("10-01T00:00") + TimeDelta::seconds(1));
        assert_eq!(done.accepted[1].entry.published, at("10-01T00:00"));
    }

    #[test]
    fn what_was_published_stays_so_behind_a_later_embargo() {
        let later = |draft| Draft { published: embargo("12-01T09:00"), ..draft };
        let files = [later(draft("a.md")), later(draft("b.md")), later(withdrawn("c.md", "Off"))];
        let done = Done::of(&files, &[former("a", "a.md"), former("c", "c.md")]);
        let states: Vec<EntryState> = done.accepted.iter().map(|a| a.state).collect();
        assert_eq!(states, [EntryState::Public, EntryState::Waiting, EntryState::Withdrawn]);
        assert_eq!(done.accepted[0].entry.published, at("10-01T00:00"));
        let numbered: Vec<bool> = done.accepted.iter().map(|a| a.change.is_some()).collect();
        assert_eq!(numbered, [true, false, true]);
    }

    #[test]
    fn a_notice_goes_on_begins_or_is_over() {
        let known = |name: &str, reason: Option<&str>| Former {
            withdrawn: reason.map(str::to_owned),
            ..former(name, &format!("{name}.md"))
        };
        let files = ["a.md", "b.md", "c.md"].map(|path| withdrawn(path, "In error"));
        let done = Done::of(&files, &[known("a", Some("In error")), known("b", None)]);
        let found: Vec<_> = done.accepted.iter().map(|a| (a.state, a.entry.updated)).collect();
        assert_eq!(found[0], (EntryState::Withdrawn, at("10-05T09:00")));
        assert_eq!(found[1].0, EntryState::Withdrawn);
        assert!(found[1].1 > at("11-21T11:00"), "{}", found[1].1);
        assert_eq!(found[2].0, EntryState::Removed);
        // Taken back in the meantime.
        let back = Draft { notes: Notes::default(), ..draft("a.md") };
        let done = Done::of(&[back], &[known("a", Some("In error"))]);
        assert_eq!(done.accepted[0].state, EntryState::Public);
    }

    #[test]
    fn a_scan_after_it_finds_nothing_to_change() {
        let redated = Draft { published: on("10-07"), ..draft("c.md") };
        let files = [draft("a.md"), withdrawn("b.md", "Off"), redated, withdrawn("d.md", "Off")];
        let notice = Former {
            withdrawn: Some("Off".into()),
            updated: at("11-20T09:00"),
            ..former("b", "b.md")
        };
        let done = Done::of(&files, &[former("x", "a.md"), notice, former("c", "c.md")]);
        let known = done.accepted.into_iter().zip(1..);
        let known = known.map(|(accepted, row)| remembered(accepted, row));
        let scanned =
            Scanned { drafts: files.iter().cloned().map(Box::new).collect(), ..Scanned::default() };
        let again = diff(&Known::all(known.collect()), scanned, &context());
        assert_eq!((again.steps, again.problems), (vec![], vec![]));
    }
}
