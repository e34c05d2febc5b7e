//! What of an entry feeds select by, small enough to be kept beside it and looked at in bulk.
//!
//! Texts are kept as [feed names](super::feed_name), made once when an entry is accepted;
//! where a feed may be named after one, with the author's spelling.

use serde::{Deserialize, Serialize};

use super::feed_name;
use crate::model::{Entry, EventTime, Kind, Language};

/// An entry as selections see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    #[serde(rename = "k")]
    pub kind: Kind,
    #[serde(rename = "l")]
    pub language: Language,
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Value>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Value>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<Value>,
    /// The day on which its event ends, in days since 1970; absent for what is no event.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<i64>,
}

/// A text with its feed name; one without letters or digits names nothing and is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value(pub String, pub String);

impl Value {
    fn of(text: &str) -> Option<Self> {
        let name = feed_name(text);
        (!name.is_empty()).then(|| Self(name, text.trim().to_owned()))
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    pub fn title(&self) -> &str {
        &self.1
    }
}

/// By what `each:` makes feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Facet {
    Kind,
    Category,
    Tag,
    Agency,
    Language,
}

impl Facet {
    pub const ALL: [Self; 5] =
        [Self::Kind, Self::Category, Self::Tag, Self::Agency, Self::Language];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Category => "category",
            Self::Tag => "tag",
            Self::Agency => "agency",
            Self::Language => "language",
        }
    }

    /// Name of the feed of a value: `category-VALUE`.
    pub fn feed_of(self, value: &str) -> String {
        format!("{}-{value}", self.as_str())
    }

    /// The value in the name of a feed, where it may be one of this facet.
    pub fn value_in(self, feed: &str) -> Option<&str> {
        let value = feed.strip_prefix(self.as_str())?.strip_prefix('-')?;
        (!value.is_empty() && feed_name(value) == value).then_some(value)
    }
}

impl Facets {
    pub fn of(entry: &Entry) -> Self {
        let values = |texts: &[String]| texts.iter().filter_map(|text| Value::of(text)).collect();
        Self {
            kind: entry.kind,
            language: entry.language.clone(),
            categories: values(&entry.categories),
            tags: values(&entry.tags),
            agency: entry.agency.as_deref().and_then(Value::of),
            last_day: entry.event.as_ref().map(|event| last_day(event.end.unwrap_or(event.start))),
        }
    }

    /// Name and title of each value it has for a facet.
    pub fn values(&self, facet: Facet) -> Vec<Value> {
        match facet {
            Facet::Kind => {
                let title = match self.kind {
                    Kind::Release => "Releases",
                    Kind::Event => "Events",
                };
                vec![Value(self.kind.to_string(), title.to_owned())]
            }
            Facet::Category => self.categories.clone(),
            Facet::Tag => self.tags.clone(),
            Facet::Agency => self.agency.iter().cloned().collect(),
            Facet::Language => Value::of(self.language.as_str()).into_iter().collect(),
        }
    }
}

/// In days since 1970, as the author wrote it.
fn last_day(end: EventTime) -> i64 {
    let day = match end {
        EventTime::At(moment) => moment.date_naive(),
        EventTime::Day(day) => day,
    };
    days_since_1970(day)
}

pub fn days_since_1970(day: chrono::NaiveDate) -> i64 {
    day.signed_duration_since(chrono::NaiveDate::default()).num_days()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{entry, event};
    use super::*;

    #[test]
    fn texts_become_names_and_those_without_letters_are_left_out() {
        let facets = Facets::of(&Entry {
            categories: vec![" Budget ".into(), "🎉".into()],
            agency: Some("Ministry of Example".into()),
            event: Some(event()),
            ..entry("a")
        });
        assert_eq!(facets.categories, [Value("budget".into(), "Budget".into())]);
        assert_eq!(facets.values(Facet::Agency)[0].name(), "ministry-of-example");
        assert_eq!(facets.last_day, Some(20_510));
        let json = serde_json::to_string(&facets).unwrap();
        assert_eq!(serde_json::from_str::<Facets>(&json).unwrap(), facets);
    }

    #[test]
    fn a_feed_name_gives_its_value_back() {
        assert_eq!(Facet::Category.feed_of("budget"), "category-budget");
        assert_eq!(Facet::Category.value_in("category-budget"), Some("budget"));
        for name in ["category-", "category", "category-Budget", "tag-budget", "releases"] {
            assert_eq!(Facet::Category.value_in(name), None, "{name}");
        }
    }
}
