//! Reads YAML into texts, within bounds.
//!
//! The only place of `content` that calls `serde_yaml`, which is archived upstream: a successor
//! is put in here. The bounds hold for a file that someone else wrote: depth, number of values
//! and length of texts (aliases counted at each use), and duplicate keys.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::front_matter::{Value, starts_with_key};
use super::problem::{Place, Problems};

const DEPTH_LIMIT: usize = 24;
/// Brackets open at once, those of prose that are never closed among them.
const BRACKETS_LIMIT: usize = 500;
const VALUES_LIMIT: usize = 10_000;
/// A long text can be repeated by short aliases, too.
const TEXT_LIMIT: usize = 1024 * 1024;
/// More fields, or a longer key, than a plain file has.
const PLAIN_LIMIT: usize = 100;

const TOO_DEEP: &str = "the front matter is nested too deeply";
const TOO_MANY: &str = "the front matter holds too many values, or aliases that multiply";
const DUPLICATE: &str = "duplicate key ";

/// Reads a mapping; anything else is reported. `first_line` is the line of `text` in the file.
pub(crate) fn parse(
    text: &str,
    first_line: usize,
    problems: &mut Problems,
) -> Option<Vec<(String, Value)>> {
    if let Some(fields) = plain_fields(text) {
        return Some(fields);
    }
    if let Some(line) = line_too_deep(text) {
        problems.error(
            Place::line(first_line + line),
            TOO_DEEP,
            "write the keys without nesting them",
        );
        return None;
    }
    match deserialize(text) {
        Ok(Value::Map(fields)) => Some(fields),
        Ok(Value::Null) => Some(Vec::new()),
        Ok(_) => {
            problems.error(
                Place::line(first_line),
                "the front matter is no list of keys",
                "write one `key: value` a line, as `title: Board appointments`",
            );
            None
        }
        Err(error) => {
            report(&error, text, first_line, problems);
            None
        }
    }
}

/// Index of the line where more brackets are open than any reader of YAML has a use for.
///
/// The parser looks at all that are open for each token it reads, so that a file of nothing
/// else would take it minutes; and it counts them only when it is through.
fn line_too_deep(text: &str) -> Option<usize> {
    let mut open: usize = 0;
    for (index, line) in text.lines().enumerate() {
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            if open > BRACKETS_LIMIT {
                return Some(index);
            }
        }
    }
    None
}

fn deserialize(text: &str) -> Result<Value, serde_yaml::Error> {
    let left = Left { values: Cell::new(VALUES_LIMIT), text_bytes: Cell::new(TEXT_LIMIT) };
    Seed { depth: 0, left: &left }.deserialize(serde_yaml::Deserializer::from_str(text))
}

/// The fields of a text in which every line is a plain word, `: ` and a plain text or a date;
/// for anything that YAML could take for something else, `None`. Most files are like this, and
/// the library takes longer for one than the rest of a short file.
fn plain_fields(text: &str) -> Option<Vec<(String, Value)>> {
    let mut fields: Vec<(String, Value)> = Vec::new();
    for line in text.lines() {
        let (key, value) = line.split_once(": ")?;
        let is_new = fields.iter().all(|(name, _)| !name.eq_ignore_ascii_case(key));
        if !is_new || fields.len() == PLAIN_LIMIT || !is_plain_key(key) || !is_plain_value(value) {
            return None;
        }
        fields.push((key.to_owned(), Value::Text(value.to_owned())));
    }
    (!fields.is_empty()).then_some(fields)
}

fn is_plain_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.len() < PLAIN_LIMIT
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !key.eq_ignore_ascii_case("null")
}

fn is_plain_value(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _-/.,()'".contains(&byte);
    // What begins with a letter or a slash is no number, and no mark of YAML.
    let begins_text = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let is_value = |word: &&str| value.eq_ignore_ascii_case(word);
    let is_text = begins_text
        && value.bytes().all(is_plain)
        && !value.ends_with(' ')
        && !["null", "true", "false"].iter().any(is_value);
    is_text || is_day(value.as_bytes())
}

/// `2026-11-21`, which is a text to YAML 1.2.
fn is_day(value: &[u8]) -> bool {
    value.len() == 10
        && value.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Says what is wrong in an author's words, where the text shows it.
fn report(error: &serde_yaml::Error, text: &str, first_line: usize, problems: &mut Problems) {
    let whole = error.to_string();
    let index = error.location().map(|l| l.line().saturating_sub(1));
    if let Some(key) = whole.split(DUPLICATE).nth(1).and_then(|rest| rest.split('`').nth(1)) {
        let mut lines = text.lines().enumerate().filter(|(_, l)| starts_with_key(l, key));
        let line = lines.nth(1).map(|(i, _)| first_line + i);
        let place = Place { line, ..Place::default() }.named(key);
        problems.error(place, format!("`{key}` is given twice"), "keep one of the two");
        return;
    }
    let line_text = index.and_then(|i| text.lines().nth(i)).unwrap_or_default();
    let place = Place { line: index.map(|i| first_line + i), ..Place::default() };
    let place = if line_text.trim().is_empty() { place } else { place.with_value(line_text) };
    if whole.contains(TOO_DEEP) || whole.contains("recursion limit") {
        problems.error(Place::line(first_line), TOO_DEEP, "write the keys without nesting them");
    } else if whole.contains(TOO_MANY) || whole.contains("repetition limit") {
        problems.error(Place::line(first_line), TOO_MANY, "write the values out");
    } else if let Some((i, tab)) = tab_line(text) {
        problems.error(
            Place::line(first_line + i).with_value(tab),
            "a tab is used to indent the front matter",
            "indent with spaces",
        );
    } else if let Some(i) = open_quote(&whole) {
        let line = text.lines().nth(i).unwrap_or_default();
        problems.error(
            Place::line(first_line + i).with_value(line),
            "a value begins with a quotation mark that is never closed",
            "close it, or write the value without",
        );
    } else if whole.contains("mapping values are not allowed") {
        problems.error(
            place,
            "a value with a colon is not put in quotes",
            "put quotes around it, as in `title: \"Budget 2026: an overview\"`",
        );
    } else {
        let reason = whole.split(" at line ").next().unwrap_or(&whole);
        problems.error(
            place,
            format!("the front matter is not valid YAML: {reason}"),
            "write one `key: value` a line, and put quotes around a value with `:`, `#`, `'` or `\"`",
        );
    }
}

/// Index of the line that opens a quotation mark which the parser missed the end of.
fn open_quote(error: &str) -> Option<usize> {
    let (_, rest) = error.split_once("while scanning a quoted scalar at line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}

fn tab_line(text: &str) -> Option<(usize, &str)> {
    text.lines()
        .enumerate()
        .find(|(_, line)| line.trim_start_matches(' ').starts_with('\t') && !line.trim().is_empty())
}

/// How much more may come.
struct Left {
    values: Cell<usize>,
    text_bytes: Cell<usize>,
}

/// Builds a [`Value`], counting as it goes.
#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: usize,
    left: &'a Left,
}

impl Seed<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_LIMIT { Err(E::custom(TOO_DEEP)) } else { Ok(self) }
            .map(|seed| Self { depth: seed.depth + 1, ..seed })
    }

    fn count<E: Error>(self) -> Result<(), E> {
        take(&self.left.values, 1)
    }
}

fn take<E: Error>(left: &Cell<usize>, number: usize) -> Result<(), E> {
    left.set(left.get().checked_sub(number).ok_or_else(|| E::custom(TOO_MANY))?);
    Ok(())
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        take(&self.left.text_bytes, value.len())?;
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let seed = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(seed)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let seed = self.inner()?;
        let mut fields: Vec<(String, Value)> = Vec::new();
        while let Some(key) = access.next_key_seed(seed)? {
            let key = match key {
                Value::Text(key) => key,
                _ => String::new(),
            };
            let value = access.next_value_seed(seed)?;
            // Keys are found in any case, so that two of them would hide one another.
            if fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(&key)) {
                return Err(A::Error::custom(format!("{DUPLICATE}`{key}`")));
            }
            fields.push((key, value));
        }
        Ok(Value::Map(fields))
    }

    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        // A tagged value, as `!text x`: the tag says nothing here.
        let (_, variant) = access.variant_seed(self)?;
        serde::de::VariantAccess::newtype_variant_seed(variant, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (Option<usize>, Option<String>, String, String) {
        let mut problems = Problems::of("a.md");
        assert!(parse(text, 2, &mut problems).is_none(), "{text:?} was taken");
        let problem = problems.into_list().remove(0);
        (problem.line, problem.field, problem.message, problem.remedy)
    }

    #[test]
    fn a_key_given_twice_is_refused_with_the_second_line() {
        let (line, field, message, remedy) = refused("title: A\ndate: 2026-01-01\ntitle: B\n");
        assert_eq!(line, Some(4));
        assert_eq!(field.as_deref(), Some("title"));
        assert_eq!(message, "`title` is given twice");
        assert_eq!(remedy, "keep one of the two");
    }

    #[test]
    fn an_unquoted_colon_is_refused_with_its_line() {
        let (line, _, message, remedy) = refused("date: 2026-01-01\ntitle: Budget: an overview\n");
        assert_eq!(line, Some(3));
        assert_eq!(message, "a value with a colon is not put in quotes");
        assert_eq!(remedy, "put quotes around it, as in `title: \"Budget 2026: an overview\"`");
    }

    #[test]
    fn a_tab_for_indentation_is_refused_with_its_line() {
        let (line, _, message, remedy) = refused("title: A\nevent:\n\tstart: 2026-01-01\n");
        assert_eq!(line, Some(4));
        assert_eq!(message, "a tab is used to indent the front matter");
        assert_eq!(remedy, "indent with spaces");
    }

    #[test]
    fn a_list_or_a_text_is_no_front_matter() {
        assert_eq!(refused("- a\n- b\n").2, "the front matter is no list of keys");
        assert_eq!(refused("just words\n").2, "the front matter is no list of keys");
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let alias = format!("*a{}", n - 1);
            let list = vec![alias; 10].join(", ");
            text = [text, format!("a{n}: &a{n} [{list}]\n")].concat();
        }
        assert_eq!(refused(&text).2, TOO_MANY);
    }

    #[test]
    fn a_long_text_that_aliases_repeat_is_refused() {
        let aliases = vec!["*a"; 9_000].join(", ");
        let text = format!("a: &a {}\nb: [{aliases}]\n", "x".repeat(30_000));
        assert_eq!(refused(&text).2, TOO_MANY);
    }

    #[test]
    fn a_key_in_another_case_is_the_same_key() {
        assert_eq!(refused("title: A\nTitle: B\n").2, "`Title` is given twice");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("a: {}{}\n", "[".repeat(60), "]".repeat(60));
        assert_eq!(refused(&text).2, TOO_DEEP);
    }

    #[test]
    fn brackets_without_end_are_refused_before_the_parser_counts_them() {
        // With 60,000 of them it took minutes. That it was not asked shows in the line.
        for mark in ["[", "{", "{a: ", "[a, "] {
            let text = format!("title: A\nx: {}\n", mark.repeat(60_000 / mark.len()));
            let (line, _, message, _) = refused(&text);
            assert_eq!((line, message.as_str()), (Some(3), TOO_DEEP), "{mark}");
        }
        let mut problems = Problems::of("a.md");
        let links = "[a](b) ".repeat(2_000);
        assert!(parse(&format!("x: |\n  {links}\n"), 2, &mut problems).is_some());
    }

    #[test]
    fn no_run_of_one_mark_overflows_the_stack() {
        for mark in ["- ", "? ", "&a ", "!a ", "*a ", "\"", "'", "|\n", "a: b\n", "%", "# ", ": "] {
            for text in ["a: ", ""].map(|head| [head, &mark.repeat(30_000)].concat()) {
                parse(&text, 2, &mut Problems::of("a.md"));
            }
        }
    }

    #[test]
    fn an_open_quote_is_refused_with_its_line() {
        let (line, _, message, _) = refused("date: 2026-01-01\ntitle: \"A\nlang: en\n");
        assert_eq!(line, Some(3));
        assert_eq!(message, "a value begins with a quotation mark that is never closed");
        let (line, _, message, _) = refused("title: 'It's here'\n");
        assert!(line.is_some());
        assert!(message.starts_with("the front matter is not valid YAML: "), "{message}");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(5_000))]

        #[test]
        fn plain_fields_are_what_the_library_reads(
            text in "(([a-cN_]{1,2}[0-9]?|null|true|y|a b|'a'|- a|a)(: |:|:  |: \t)\
                ([a-cA-C/ .,()'_-]{0,6}|[0-9e.+_-]{1,5}|[0-9]{4}-[0-9]{2}-[0-9]{2}|true|Null|inf|nan|\
                \\.inf|0x1f|1e3|a: b|a #b|a:|#a|\"a\"|[\\[{&*!|>%@`a]{1,3}|~|/x/:y)\
                ( |)(\n|\n  |\n\n|\r|)){1,4}"
        ) {
            if let Some(fields) = plain_fields(&text) {
                proptest::prop_assert_eq!(deserialize(&text).ok(), Some(Value::Map(fields)));
            }
        }
    }

    #[test]
    fn most_front_matter_is_plain() {
        let text = "layout: post\ntitle: Board's new (old) chair, again\ndate: 2026-11-21\npermalink: /a/b-c/\n";
        let fields = plain_fields(text).unwrap();
        assert_eq!(deserialize(text).unwrap(), Value::Map(fields));
    }

    #[test]
    fn numbers_and_booleans_become_texts() {
        let mut problems = Problems::of("a.md");
        let fields = parse("a: 12\nb: true\nc: 2020-01-02\nd:\n", 2, &mut problems).unwrap();
        let texts = [("a", "12"), ("b", "true"), ("c", "2020-01-02")];
        for (i, (key, text)) in texts.iter().enumerate() {
            assert_eq!(fields[i], ((*key).to_owned(), Value::Text((*text).to_owned())));
        }
        assert_eq!(fields[3].1, Value::Null);
    }
}
