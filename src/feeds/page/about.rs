//! What a feed selects and how much it holds, in sentences.

use crate::dates::day_in;
use crate::feeds::{Criterion, Feed, FeedDefinition, Selection};
use crate::model::{Kind, Timestamp};
use crate::words::Words;

/// `All events in the category “Budget”, except those tagged “Internal”.`
pub(super) fn selected(words: Words<'_>, definition: &FeedDefinition) -> String {
    let Selection { any, all, none } = &definition.select;
    let (kinds, all): (Vec<&Criterion>, Vec<&Criterion>) =
        all.iter().partition(|criterion| matches!(criterion, Criterion::Kind(_)));
    let what = match kinds.first() {
        Some(Criterion::Kind(kind)) => plural(words, *kind),
        _ => words.say("feed-kind-all", &[]),
    };
    let or = |criteria| joined(words, criteria, "feed-or");
    let place = match (joined(words, all, "feed-and"), or(any.iter().collect())) {
        (Some(all), Some(any)) => {
            Some(words.say("feed-both", &[("all", all.into()), ("any", any.into())]))
        }
        (all, any) => all.or(any),
    };
    let what = ("what", what.into());
    match (place, or(none.iter().collect())) {
        (None, None) => words.say("feed-selects", &[what]),
        (Some(place), None) => words.say("feed-selects-where", &[what, ("where", place.into())]),
        (None, Some(none)) => words.say("feed-selects-except", &[what, ("except", none.into())]),
        (Some(place), Some(none)) => words.say(
            "feed-selects-where-except",
            &[what, ("where", place.into()), ("except", none.into())],
        ),
    }
}

/// `12 entries, last changed 5 February 2026.`
pub(super) fn held(words: Words<'_>, entries: u64, updated: Timestamp) -> String {
    if entries == 0 {
        return words.say("feed-held-none", &[]);
    }
    let day = day_in(words, updated);
    words.say("feed-held", &[("count", entries.into()), ("day", day.into())])
}

/// How much the documents of a feed hold, and where the rest is.
pub(super) fn shown(words: Words<'_>, feed: &Feed) -> String {
    let Feed { definition, entries, updated, archives, .. } = feed;
    if entries.len() < definition.length {
        return held(words, entries.len() as u64, *updated);
    }
    let parts = [("count", entries.len().into()), ("day", day_in(words, *updated).into())];
    if *archives > 0 {
        words.say("feed-held-archived", &parts)
    } else {
        words.say("feed-held-newest", &parts)
    }
}

/// The phrases of criteria, joined by the words of the key `join`; `None` where there is none.
fn joined(words: Words<'_>, criteria: Vec<&Criterion>, join: &str) -> Option<String> {
    let phrases = criteria.into_iter().map(|criterion| phrase(words, criterion));
    phrases.reduce(|one, other| words.say(join, &[("one", one.into()), ("other", other.into())]))
}

fn phrase(words: Words<'_>, criterion: &Criterion) -> String {
    let name = |name: &str| [("name", name.to_owned().into())];
    match criterion {
        Criterion::Kind(kind) => {
            words.say("feed-that-are", &[("kind", plural(words, *kind).into())])
        }
        Criterion::Category(category) => words.say("feed-in-category", &name(category)),
        Criterion::Tag(tag) => words.say("feed-tagged", &name(tag)),
        Criterion::Agency(agency) => words.say("feed-from-agency", &name(agency)),
        Criterion::Language(tag) => words.say("feed-in-language", &name(tag.as_str())),
    }
}

fn plural(words: Words<'_>, kind: Kind) -> String {
    match kind {
        Kind::Release => words.say("feed-kind-release", &[]),
        Kind::Event => words.say("feed-kind-event", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples::{entry, feed};
    use super::*;

    fn check(any: &[Criterion], all: &[Criterion], none: &[Criterion], expected: &str) {
        let select = Selection { any: any.into(), all: all.into(), none: none.into() };
        assert_eq!(selected(Words::english(), &FeedDefinition::new("a", "A", select)), expected);
    }

    #[test]
    fn a_sentence_says_what_a_feed_selects() {
        let kind = Criterion::Kind;
        let category = |name: &str| Criterion::Category(name.into());
        let tag = |name: &str| Criterion::Tag(name.into());
        let tamil = || Criterion::Language("ta".parse().unwrap());
        check(&[], &[], &[], "All news releases and events.");
        check(&[], &[kind(Kind::Event)], &[], "All events.");
        check(
            &[],
            &[category("Budget"), kind(Kind::Release), tamil()],
            &[tag("Internal"), Criterion::Agency("Port".into())],
            "All news releases in the category “Budget” and in the language “ta”, \
             except those tagged “Internal” or from “Port”.",
        );
        check(
            &[tag("a"), kind(Kind::Event)],
            &[category("b")],
            &[],
            "All news releases and events in the category “b”, and tagged “a” or that are events.",
        );
    }

    #[test]
    fn a_full_feed_says_where_the_rest_is() {
        let mut feed = feed("all", &["a", "b"].map(entry));
        assert_eq!(shown(Words::english(), &feed), "2 entries, last changed 26 February 2026.");
        feed.definition.length = 2;
        feed.archives = 3;
        assert_eq!(
            shown(Words::english(), &feed),
            "Its documents hold the newest 2 entries, archives all that is older; \
             last changed 26 February 2026."
        );
    }
}
