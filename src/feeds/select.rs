//! Which entries a feed holds, in which order, and which values `{each: category}` stands for.
//!
//! Languages match by RFC 4647 section 3.3.1 (basic filtering); all other text under the rule
//! of [feed names](super::feed_name). Archives and tombstones are not made here.

use std::collections::BTreeMap;

use super::{Criterion, Feed, FeedDefinition, Selection, Site, feed_name};
use crate::model::Entry;

impl Selection {
    pub fn selects(&self, entry: &Entry) -> bool {
        (self.any.is_empty() || self.any.iter().any(|criterion| criterion.holds(entry)))
            && self.all.iter().all(|criterion| criterion.holds(entry))
            && !self.none.iter().any(|criterion| criterion.holds(entry))
    }
}

impl Criterion {
    fn holds(&self, entry: &Entry) -> bool {
        match self {
            Self::Kind(kind) => entry.kind == *kind,
            Self::Category(name) => names_one_of(name, &entry.categories),
            Self::Tag(name) => names_one_of(name, &entry.tags),
            Self::Agency(name) => names_one_of(name, entry.agency.as_slice()),
            Self::Language(range) => is_within(range.as_str(), entry.language.as_str()),
        }
    }
}

/// A text without letters names nothing, so two of them are not the same.
fn names_one_of(wanted: &str, values: &[String]) -> bool {
    let wanted = feed_name(wanted);
    !wanted.is_empty() && values.iter().any(|value| feed_name(value) == wanted)
}

/// RFC 4647 section 3.3.1: `zh` takes in `zh-Hans`, in any case of letters.
fn is_within(range: &str, tag: &str) -> bool {
    tag.get(..range.len()).is_some_and(|head| head.eq_ignore_ascii_case(range))
        && matches!(tag.as_bytes().get(range.len()), None | Some(b'-'))
}

/// The feed of a definition with its newest entries, at most `limit`.
///
/// Its `updated` is that of its newest entry, so that equal entries give equal bytes; a feed
/// that never had one takes the site's first day.
pub fn build(definition: &FeedDefinition, entries: &[Entry], site: &Site, limit: usize) -> Feed {
    let mut selected: Vec<&Entry> =
        entries.iter().filter(|entry| definition.select.selects(entry)).collect();
    selected.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
    selected.truncate(limit);
    Feed {
        definition: definition.clone(),
        updated: selected.first().map_or(site.since, |newest| newest.updated),
        entries: selected.into_iter().cloned().collect(),
    }
}

/// The feed name and title of each category in use, in the order of names.
///
/// Of several spellings the oldest entry's is the title, so that a later slip of the pen does
/// not rename a feed. A category without a letter or digit has no name and is passed over.
pub fn category_values(entries: &[Entry]) -> Vec<(String, String)> {
    let mut oldest_first: Vec<&Entry> = entries.iter().collect();
    oldest_first.sort_by_key(|entry| (entry.published, &entry.id));
    let mut titles = BTreeMap::new();
    for category in oldest_first.iter().flat_map(|entry| &entry.categories) {
        let name = feed_name(category);
        if !name.is_empty() {
            titles.entry(name).or_insert_with(|| category.trim().to_owned());
        }
    }
    titles.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{entry, site};
    use super::*;
    use crate::model::{EntryId, Kind};

    fn definition(select: Selection) -> FeedDefinition {
        FeedDefinition { name: "all".into(), title: "All news".into(), select }
    }

    fn ids(feed: &Feed) -> Vec<&str> {
        feed.entries.iter().map(|e| e.id.as_str()).collect()
    }

    #[test]
    fn an_empty_selection_selects_everything() {
        assert!(Selection::default().selects(&entry("a")));
    }

    #[test]
    fn any_all_and_none_must_agree() {
        let category = |text: &str| Criterion::Category(text.into());
        let both = Entry { categories: vec!["Budget".into(), "Tax".into()], ..entry("a") };
        let select = |any, all, none| Selection { any, all, none }.selects(&both);
        assert!(select(vec![category("budget"), category("other")], vec![], vec![]));
        assert!(select(vec![], vec![category("budget"), category("TAX")], vec![]));
        assert!(!select(vec![], vec![category("budget"), category("other")], vec![]));
        assert!(!select(vec![category("other")], vec![category("tax")], vec![]));
        assert!(!select(vec![], vec![], vec![category("tax")]));
    }

    #[test]
    fn text_is_compared_under_the_rule_of_feed_names() {
        let entry = Entry {
            tags: vec!["Ｃlimate  change".into(), "🎉".into()],
            agency: Some("Ministry of Example".into()),
            language: "zh-Hans".parse().unwrap(),
            ..entry("a")
        };
        assert!(Criterion::Tag("climate-change".into()).holds(&entry));
        assert!(!Criterion::Tag("!".into()).holds(&entry));
        assert!(Criterion::Agency("ministry-of-example".into()).holds(&entry));
        assert!(Criterion::Language("ZH".parse().unwrap()).holds(&entry));
        assert!(!Criterion::Language("zh-Hant".parse().unwrap()).holds(&entry));
        assert!(!Criterion::Kind(Kind::Event).holds(&entry));
    }

    #[test]
    fn entries_with_one_updated_are_ordered_by_id_and_the_newest_kept() {
        let older = "2026-02-25T09:00:00+08:00".parse().unwrap();
        let entries =
            [entry("b"), Entry { updated: older, published: older, ..entry("0") }, entry("a")];
        let feed = build(&definition(Selection::default()), &entries, &site(), 2);
        assert_eq!(
            ids(&feed),
            ["tag:press.example,2026-01-01:a", "tag:press.example,2026-01-01:b"]
        );
        assert_eq!(feed.updated, entry("a").updated);
    }

    #[test]
    fn an_empty_feed_is_as_old_as_the_site() {
        let feed = build(&definition(Selection::default()), &[], &site(), 50);
        assert_eq!(feed.updated, site().since);
    }

    #[test]
    fn a_category_takes_the_spelling_of_its_oldest_entry() {
        let oldest = "2026-01-05T09:00:00+08:00".parse().unwrap();
        let entries = [
            Entry { categories: vec!["TAX".into(), "🎉".into(), "Budget".into()], ..entry("b") },
            Entry {
                id: EntryId::new("z"),
                published: oldest,
                categories: vec!["Tax".into()],
                ..entry("a")
            },
        ];
        let values = category_values(&entries);
        assert_eq!(values, [("budget".into(), "Budget".into()), ("tax".into(), "Tax".into())]);
    }
}
