//! The keys of a file's front matter, each with its line.
//!
//! What leaves here is a tree of texts: a key of one site family may hold anything in another's,
//! so each reader of a key decides what fits. Keys are compared without regard to case, as Hugo
//! does.

use super::problem::Place;
use super::text::strip_unpublishable;

/// The keys between the fences.
#[derive(Debug, Default)]
pub(crate) struct FrontMatter {
    text: String,
    /// Line of the file where `text` begins.
    first_line: usize,
    fields: Vec<(String, Value)>,
}

/// What a key holds. Numbers and booleans are texts, as YAML reads them: `1.10` is `1.1`, here
/// as on the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

/// A key that holds something, with its line.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// As it is spelled in messages: `date`, `event.start`.
    pub(crate) name: String,
    pub(crate) line: Option<usize>,
    pub(crate) value: Value,
}

impl Field {
    pub(crate) fn place(&self) -> Place {
        let place = Place { line: self.line, ..Place::default() }.named(&self.name);
        match &self.value {
            Value::Text(text) => place.with_value(text),
            _ => place,
        }
    }

    /// The text, trimmed; nothing for lists and mappings.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text.trim()).filter(|t| !t.is_empty()),
            _ => None,
        }
    }

    /// What stands there instead of a single value, for a message.
    pub(crate) fn shape(&self) -> &'static str {
        match self.value {
            Value::Map(_) => "a mapping",
            _ => "a list",
        }
    }

    /// The texts of a list, or the one text, blanks left out.
    pub(crate) fn texts(&self) -> Vec<String> {
        let values = match &self.value {
            Value::List(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let text = |v: &Value| match v {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        };
        values.iter().filter_map(text).collect()
    }
}

impl FrontMatter {
    /// The first of the keys that is there and not blank.
    pub(crate) fn first(&self, keys: &[&str]) -> Option<Field> {
        keys.iter().find_map(|key| self.field(key))
    }

    /// Every key, as it is spelled.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(key, _)| key.as_str())
    }

    pub(crate) fn field(&self, key: &str) -> Option<Field> {
        let (spelling, value) = find(&self.fields, key)?;
        let line = self.line_of(spelling, 0).map(|(line, _)| line);
        Some(Field { name: spelling.to_owned(), line, value: value.clone() })
    }

    /// Where a key stands that holds nothing, as in `title: null`.
    pub(crate) fn blank(&self, key: &str) -> Option<Place> {
        let (spelling, _) = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        let line = self.line_of(spelling, 0).map(|(line, _)| line);
        Some(Place { line, ..Place::default() }.named(spelling))
    }

    /// A key of the mapping that `parent` holds.
    pub(crate) fn child(&self, parent: &Field, key: &str) -> Option<Field> {
        let Value::Map(fields) = &parent.value else { return None };
        let (spelling, value) = find(fields, key)?;
        let start = self.line_of(&parent.name, 0).map_or(0, |(_, index)| index);
        let line = self.line_of(spelling, start).map(|(line, _)| line).or(parent.line);
        let name = format!("{}.{spelling}", parent.name);
        Some(Field { name, line, value: value.clone() })
    }

    pub(crate) fn text(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| match find(&self.fields, key)?.1 {
            Value::Text(text) => Some(text.trim().to_owned()),
            _ => None,
        })
    }

    /// Whether a key says yes. YAML 1.1 has many words for it.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.text(&[key]).is_some_and(|t| {
            matches!(t.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y" | "1")
        })
    }

    /// Whether a key is there and says no.
    pub(crate) fn is_false(&self, key: &str) -> bool {
        self.text(&[key]).is_some_and(|t| {
            matches!(t.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "n" | "0")
        })
    }

    /// Finds a key by a look at the text: the YAML library does not keep lines.
    /// Gives the line in the file and the index in the text, looking from line `from` on;
    /// a key of the top level (`from` 0) is not indented.
    fn line_of(&self, key: &str, from: usize) -> Option<(usize, usize)> {
        let is_nested = from > 0;
        let found = self.text.lines().enumerate().skip(from).find(|(index, line)| {
            let is_indented = line.starts_with([' ', '\t', '-']);
            let head_matches = is_nested && *index == from;
            is_indented == is_nested && !head_matches && starts_with_key(line, key)
                || head_matches && line.contains(&format!("{key}:"))
        });
        found.map(|(index, _)| (self.first_line + index, index))
    }
}

impl FrontMatter {
    /// `first_line` is the line of the file where `text` begins.
    pub(crate) fn of(text: &str, first_line: usize, fields: Vec<(String, Value)>) -> Self {
        let fields = fields.into_iter().map(|(key, value)| (key, strip(value))).collect();
        Self { text: text.to_owned(), first_line, fields }
    }
}

fn find<'a>(fields: &'a [(String, Value)], key: &str) -> Option<(&'a str, &'a Value)> {
    let is_blank = |value: &Value| match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::List(values) => values.is_empty(),
        Value::Map(fields) => fields.is_empty(),
    };
    fields
        .iter()
        .find(|(name, value)| name.eq_ignore_ascii_case(key) && !is_blank(value))
        .map(|(name, value)| (name.as_str(), value))
}

/// Whether a line of YAML begins with `key:`, quoted or not.
pub(super) fn starts_with_key(line: &str, key: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t', '-']);
    let line = line.strip_prefix(['"', '\'']).unwrap_or(line);
    let Some(rest) = line.get(..key.len()).filter(|head| head.eq_ignore_ascii_case(key)) else {
        return false;
    };
    let rest = &line[rest.len()..];
    rest.trim_start_matches(['"', '\'', ' ', '\t']).starts_with(':')
}

/// Takes out what a YAML escape (`"\x07"`) may have brought back in.
fn strip(value: Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Text(text) => Value::Text(strip_unpublishable(text)),
        Value::List(values) => Value::List(values.into_iter().map(strip).collect()),
        Value::Map(fields) => Value::Map(fields.into_iter().map(|(k, v)| (k, strip(v))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::problem::Problems;
    use super::super::source::split;
    use super::*;

    fn front_matter(text: &str) -> FrontMatter {
        split(text.as_bytes(), &mut Problems::of("a.md")).unwrap().front_matter.unwrap()
    }

    #[test]
    fn a_field_knows_its_line_also_inside_a_mapping() {
        let front_matter = front_matter(
            "---\ntitle: A\ndescription: |\n  start: no\nevent:\n  start: 2026-01-01\n  venue: Hall\n---\n",
        );
        let event = front_matter.field("event").unwrap();
        assert_eq!(event.line, Some(5));
        let start = front_matter.child(&event, "start").unwrap();
        assert_eq!((start.name.as_str(), start.line), ("event.start", Some(6)));
        assert_eq!(front_matter.child(&event, "venue").unwrap().line, Some(7));
    }

    #[test]
    fn keys_are_found_in_any_case() {
        let front_matter = front_matter("---\nTitle: A\nexpirydate: 2025-01-01\n---\n");
        assert_eq!(front_matter.text(&["title"]).as_deref(), Some("A"));
        assert_eq!(front_matter.field("expiryDate").unwrap().line, Some(3));
    }
}
