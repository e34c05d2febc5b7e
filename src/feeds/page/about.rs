//! What a feed selects and how much it holds, in sentences. English, like all labels.

use crate::dates::day;
use crate::feeds::{Criterion, Feed, FeedDefinition, Selection};
use crate::model::{Kind, Timestamp};

/// `All events in the category “Budget”, except those tagged “Internal”.`
pub(super) fn selected(definition: &FeedDefinition) -> String {
    let Selection { any, all, none } = &definition.select;
    let (kinds, all): (Vec<&Criterion>, Vec<&Criterion>) =
        all.iter().partition(|criterion| matches!(criterion, Criterion::Kind(_)));
    let what = match kinds.first() {
        Some(Criterion::Kind(kind)) => plural(*kind),
        _ => "news releases and events",
    };
    let all = joined(all, " and ");
    let any = joined(any, " or ");
    let both = if all.is_empty() || any.is_empty() { "" } else { ", and" };
    let except = match joined(none, " or ") {
        none if none.is_empty() => none,
        none => format!(", except those{none}"),
    };
    format!("All {what}{all}{both}{any}{except}.")
}

/// `12 entries, last changed 5 February 2026.`
pub(super) fn held(entries: u64, updated: Timestamp) -> String {
    match entries {
        0 => "Nothing published yet.".to_owned(),
        1 => format!("1 entry, last changed {}.", day(updated)),
        n => format!("{n} entries, last changed {}.", day(updated)),
    }
}

/// How much the documents of a feed hold, and where the rest is.
pub(super) fn shown(feed: &Feed) -> String {
    let Feed { definition, entries, updated, archives, .. } = feed;
    if entries.len() < definition.length {
        return held(entries.len() as u64, *updated);
    }
    let rest = if *archives > 0 { ", archives all that is older" } else { "" };
    format!(
        "Its documents hold the newest {} entries{rest}; last changed {}.",
        entries.len(),
        day(*updated)
    )
}

/// Each phrase with a blank before it.
fn joined<'a>(criteria: impl IntoIterator<Item = &'a Criterion>, word: &str) -> String {
    let phrases: Vec<String> = criteria.into_iter().map(phrase).collect();
    if phrases.is_empty() { String::new() } else { format!(" {}", phrases.join(word)) }
}

fn phrase(criterion: &Criterion) -> String {
    match criterion {
        Criterion::Kind(kind) => format!("that are {}", plural(*kind)),
        Criterion::Category(name) => format!("in the category “{name}”"),
        Criterion::Tag(name) => format!("tagged “{name}”"),
        Criterion::Agency(name) => format!("from “{name}”"),
        Criterion::Language(tag) => format!("in the language “{tag}”"),
    }
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Release => "news releases",
        Kind::Event => "events",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples::{entry, feed};
    use super::*;

    fn check(any: &[Criterion], all: &[Criterion], none: &[Criterion], expected: &str) {
        let select = Selection { any: any.into(), all: all.into(), none: none.into() };
        assert_eq!(selected(&FeedDefinition::new("a", "A", select)), expected);
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
        assert_eq!(shown(&feed), "2 entries, last changed 26 February 2026.");
        feed.definition.length = 2;
        feed.archives = 3;
        assert_eq!(
            shown(&feed),
            "Its documents hold the newest 2 entries, archives all that is older; \
             last changed 26 February 2026."
        );
    }
}
