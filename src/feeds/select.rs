//! Which entries a feed holds, in which order, and which values `{each: category}` stands for.
//!
//! Languages match by RFC 4647 section 3.3.1 (basic filtering); all other text under the rule
//! of [feed names](super::feed_name). Archives and tombstones are not made here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Criterion, Feed, FeedDefinition, Selection, Site, feed_name};
use crate::model::Entry;

impl Selection {
    pub fn selects(&self, entry: &Entry) -> bool {
        self.named().holds(&Named::new(entry))
    }

    fn holds(&self, entry: &Named<'_>) -> bool {
        (self.any.is_empty() || self.any.iter().any(|criterion| criterion.holds(entry)))
            && self.all.iter().all(|criterion| criterion.holds(entry))
            && !self.none.iter().any(|criterion| criterion.holds(entry))
    }

    /// With each text as its feed name, made once for many entries.
    fn named(&self) -> Self {
        let named = |criteria: &[Criterion]| criteria.iter().map(Criterion::named).collect();
        Self { any: named(&self.any), all: named(&self.all), none: named(&self.none) }
    }
}

impl Criterion {
    fn named(&self) -> Self {
        match self {
            Self::Category(text) => Self::Category(feed_name(text)),
            Self::Tag(text) => Self::Tag(feed_name(text)),
            Self::Agency(text) => Self::Agency(feed_name(text)),
            Self::Kind(_) | Self::Language(_) => self.clone(),
        }
    }

    fn holds(&self, Named { entry, categories, tags, agency }: &Named<'_>) -> bool {
        match self {
            Self::Kind(kind) => entry.kind == *kind,
            Self::Category(name) => categories.contains(name),
            Self::Tag(name) => tags.contains(name),
            Self::Agency(name) => agency.contains(name),
            Self::Language(range) => is_within(range.as_str(), entry.language.as_str()),
        }
    }
}

/// An entry with its texts as feed names, made once for many selections.
struct Named<'a> {
    entry: &'a Entry,
    categories: Vec<String>,
    tags: Vec<String>,
    agency: Vec<String>,
}

impl<'a> Named<'a> {
    /// A text without letters names nothing, so two of them are not the same.
    fn new(entry: &'a Entry) -> Self {
        let names = |texts: &[String]| -> Vec<String> {
            texts.iter().map(|text| feed_name(text)).filter(|name| !name.is_empty()).collect()
        };
        Self {
            entry,
            categories: names(&entry.categories),
            tags: names(&entry.tags),
            agency: names(entry.agency.as_slice()),
        }
    }
}

/// RFC 4647 section 3.3.1: `zh` takes in `zh-Hans`, in any case of letters.
fn is_within(range: &str, tag: &str) -> bool {
    tag.get(..range.len()).is_some_and(|head| head.eq_ignore_ascii_case(range))
        && matches!(tag.as_bytes().get(range.len()), None | Some(b'-'))
}

/// The feed of each definition with its newest entries, at most `limit`, in the order given.
///
/// Its `updated` is that of its newest entry, so that equal entries give equal bytes; a feed
/// that never had one takes the site's first day.
pub fn build_all(
    definitions: &[FeedDefinition],
    entries: &[Entry],
    site: &Site,
    limit: usize,
) -> Vec<Feed> {
    let mut newest_first: Vec<Named<'_>> = entries.iter().map(Named::new).collect();
    newest_first.sort_by(|Named { entry: a, .. }, Named { entry: b, .. }| {
        b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id))
    });
    definitions
        .iter()
        .map(|definition| {
            let select = definition.select.named();
            let selected = newest_first.iter().filter(|entry| select.holds(entry)).take(limit);
            let entries: Vec<Arc<Entry>> =
                selected.map(|named| Arc::new(named.entry.clone())).collect();
            Feed {
                definition: definition.clone(),
                updated: entries.first().map_or(site.since, |newest| newest.updated),
                entries,
                tombstones: Vec::new(),
                archives: 0,
            }
        })
        .collect()
}

/// The feed of one definition; see [`build_all`].
pub fn build(definition: &FeedDefinition, entries: &[Entry], site: &Site, limit: usize) -> Feed {
    build_all(std::slice::from_ref(definition), entries, site, limit).remove(0)
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
        FeedDefinition::new("all", "All news", select)
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
        let holds = |criterion: Criterion| {
            Selection { all: vec![criterion], ..Selection::default() }.selects(&entry)
        };
        assert!(holds(Criterion::Tag("Climate change".into())));
        assert!(!holds(Criterion::Tag("!".into())));
        assert!(holds(Criterion::Agency("ministry-of-example".into())));
        assert!(holds(Criterion::Language("ZH".parse().unwrap())));
        assert!(!holds(Criterion::Language("zh-Hant".parse().unwrap())));
        assert!(!holds(Criterion::Kind(Kind::Event)));
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
