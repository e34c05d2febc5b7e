//! Which entries a feed holds.
//!
//! Languages match by RFC 4647 section 3.3.1 (basic filtering); all other text under the rule
//! of [feed names](super::feed_name).

use super::facets::{Facet, Facets, Value};
use super::{Criterion, FeedDefinition, Selection, feed_name};
use crate::model::{Entry, Kind};

impl Selection {
    pub fn selects(&self, entry: &Entry) -> bool {
        self.named().holds(&Facets::of(entry))
    }

    /// Whether all three lists agree; texts must be [feed names](Self::named) already.
    pub fn holds(&self, facets: &Facets) -> bool {
        (self.any.is_empty() || self.any.iter().any(|criterion| criterion.holds(facets)))
            && self.all.iter().all(|criterion| criterion.holds(facets))
            && !self.none.iter().any(|criterion| criterion.holds(facets))
    }

    /// With each text as its feed name, made once for many entries.
    #[must_use]
    pub fn named(&self) -> Self {
        let named = |criteria: &[Criterion]| criteria.iter().map(Criterion::named).collect();
        Self { any: named(&self.any), all: named(&self.all), none: named(&self.none) }
    }

    /// Whether an entry of this kind could be selected, whatever else it is.
    pub fn may_hold(&self, kind: Kind) -> bool {
        let is_other =
            |criterion: &Criterion| matches!(criterion, Criterion::Kind(k) if *k != kind);
        let is_none = self.any.is_empty() || !self.any.iter().all(is_other);
        is_none && !self.all.iter().any(is_other) && !self.none.contains(&Criterion::Kind(kind))
    }

    /// What every value of a facet selects.
    pub fn by(facet: Facet, value: &str) -> Self {
        let text = || value.to_owned();
        let criterion = match facet {
            Facet::Kind if value == Kind::Event.as_str() => Criterion::Kind(Kind::Event),
            Facet::Kind => Criterion::Kind(Kind::Release),
            Facet::Category => Criterion::Category(text()),
            Facet::Tag => Criterion::Tag(text()),
            Facet::Agency => Criterion::Agency(text()),
            Facet::Language => match value.parse() {
                Ok(language) => Criterion::Language(language),
                // No language tag becomes such a name; it then selects nothing.
                Err(_) => Criterion::Tag(String::new()),
            },
        };
        Self { all: vec![criterion], ..Self::default() }
    }
}

impl FeedDefinition {
    /// Whether it has a calendar: one that can hold no event would stay empty for ever.
    pub fn has_calendar(&self) -> bool {
        self.select.may_hold(Kind::Event)
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

    fn holds(&self, facets: &Facets) -> bool {
        let is_among = |values: &[Value], name: &str| values.iter().any(|v| v.name() == name);
        match self {
            Self::Kind(kind) => facets.kind == *kind,
            Self::Category(name) => is_among(&facets.categories, name),
            Self::Tag(name) => is_among(&facets.tags, name),
            Self::Agency(name) => is_among(facets.agency.as_slice(), name),
            Self::Language(range) => is_within(range.as_str(), facets.language.as_str()),
        }
    }
}

/// RFC 4647 section 3.3.1: `zh` takes in `zh-Hans`, in any case of letters.
fn is_within(range: &str, tag: &str) -> bool {
    tag.get(..range.len()).is_some_and(|head| head.eq_ignore_ascii_case(range))
        && matches!(tag.as_bytes().get(range.len()), None | Some(b'-'))
}

#[cfg(test)]
mod tests {
    use super::super::samples::entry;
    use super::*;

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
    fn each_value_of_a_facet_selects_what_has_it() {
        let entry = Entry {
            categories: vec!["R&D".into()],
            language: "zh-Hant".parse().unwrap(),
            ..entry("a")
        };
        for facet in [Facet::Kind, Facet::Category, Facet::Language] {
            for value in Facets::of(&entry).values(facet) {
                assert!(Selection::by(facet, value.name()).selects(&entry), "{facet:?}");
            }
        }
        assert!(!Selection::by(Facet::Language, "not a tag at all").selects(&entry));
    }

    #[test]
    fn only_what_can_hold_an_event_has_a_calendar() {
        let (event, release) = (Criterion::Kind(Kind::Event), Criterion::Kind(Kind::Release));
        let check = |any: &[&Criterion], all: &[&Criterion], none: &[&Criterion]| {
            let list = |criteria: &[&Criterion]| criteria.iter().copied().cloned().collect();
            let select = Selection { any: list(any), all: list(all), none: list(none) };
            FeedDefinition::new("a", "A", select).has_calendar()
        };
        assert!(check(&[], &[], &[]));
        assert!(check(&[&event, &release], &[], &[]));
        assert!(check(&[], &[&event], &[&release]));
        assert!(!check(&[&release], &[], &[]));
        assert!(!check(&[], &[&release], &[]));
        assert!(!check(&[], &[], &[&event]));
    }
}
