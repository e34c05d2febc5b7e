//! Fields that a template asks for, found in its text.
//!
//! Tera takes a field that is not there as false where it stands in a condition, so that a
//! misspelt one would hide its part from every reader for ever, without an error.

use std::collections::BTreeSet;

/// Fields of `loop` (Tera, section on loops).
const OF_LOOPS: [&str; 5] = ["first", "index", "index0", "last", "length"];

/// First field behind a dot that is not among `known`: its line and the path it ends. Keys that
/// the template gives to maps of its own are known too.
pub(super) fn unknown_field(source: &str, known: &BTreeSet<String>) -> Option<(usize, String)> {
    let own: BTreeSet<&str> = tags(source).flat_map(|tag| strings(tag.code)).collect();
    let is_known = |field: &str| {
        known.contains(field)
            || own.contains(field)
            || OF_LOOPS.contains(&field)
            || field.bytes().all(|b| b.is_ascii_digit())
    };
    tags(source).find_map(|tag| {
        paths(&without_strings(tag.code)).find_map(|path| {
            let mut parts = path.split('.');
            parts.next();
            parts.any(|field| !is_known(field)).then(|| (tag.line, path.clone()))
        })
    })
}

/// Templates that this one extends or includes.
pub(super) fn referred(source: &str) -> impl Iterator<Item = &str> {
    tags(source)
        .filter(|tag| matches!(tag.words().next(), Some("extends" | "include")))
        .flat_map(|tag| strings(tag.code))
}

/// Names that it gives to values of its own: those of loops, and what it sets.
pub(super) fn bound(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for tag in tags(source) {
        let mut words = tag.words();
        match words.next() {
            Some("for") => names.extend(words.take_while(|word| *word != "in").map(str::to_owned)),
            Some("set" | "set_global") => names.extend(words.next().map(str::to_owned)),
            _ => {}
        }
    }
    names
}

/// Whether it holds a component, which others use without naming the file.
pub(super) fn has_component(source: &str) -> bool {
    tags(source).any(|tag| tag.words().next() == Some("component"))
}

/// Line of the first tag that names `name` alone.
pub(super) fn line_of(source: &str, name: &str) -> Option<usize> {
    let names = |tag: &TemplateTag<'_>| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        without_strings(tag.code)
            .split(|c| !is_part(c))
            .any(|word| word.split('.').next() == Some(name))
    };
    tags(source).find(names).map(|tag| tag.line)
}

/// What a template asks `t` to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) line: usize,
    /// None where it is not written out.
    pub(super) key: Option<&'a str>,
    /// Names of everything that is given.
    pub(super) arguments: BTreeSet<&'a str>,
}

pub(super) fn said(source: &str) -> Vec<Said<'_>> {
    let calls = tags(source).flat_map(|tag| {
        calls_of_t(tag.code).into_iter().map(move |parameters| (tag.line, parameters))
    });
    let said = calls.map(|(line, parameters)| {
        let parameters: Vec<(&str, &str)> = parameters
            .into_iter()
            .filter_map(|parameter| parameter.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let key = parameters.iter().find(|(name, _)| *name == "key");
        Said {
            line,
            key: key.and_then(|(_, value)| whole_string(value)),
            arguments: parameters.into_iter().map(|(name, _)| name).collect(),
        }
    });
    said.collect()
}

/// The parameters of each call of `t`, also of calls within calls.
fn calls_of_t(code: &str) -> Vec<Vec<&str>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let is_t =
        |before: &str| before.trim_end().strip_suffix('t').is_some_and(|b| !b.ends_with(is_part));
    let opening = outside_strings(code).filter(|(at, c)| *c == '(' && is_t(&code[..*at]));
    opening.map(|(at, _)| parameters(&code[at + 1..])).collect()
}

/// What stands between commas, up to the parenthesis that closes.
fn parameters(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut from) = (0, 0);
    for (at, c) in outside_strings(code) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                found.push(&code[from..at]);
                return found;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&code[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn outside_strings(code: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    code.char_indices().filter(move |(_, c)| {
        if let Some(open) = quote {
            if *c == open {
                quote = None;
            }
            return false;
        }
        quote = QUOTES.contains(c).then_some(*c);
        quote.is_none()
    })
}

/// The text of a string that stands alone.
fn whole_string(value: &str) -> Option<&str> {
    let quote = value.chars().next().filter(|c| QUOTES.contains(c))?;
    let inner = value[1..].strip_suffix(quote)?;
    (!inner.contains(quote)).then_some(inner)
}

struct TemplateTag<'a> {
    line: usize,
    code: &'a str,
}

impl<'a> TemplateTag<'a> {
    /// The first is empty where the tag begins with anything else.
    fn words(&self) -> impl Iterator<Item = &'a str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let code = self.code.trim_start_matches('-').trim_start();
        let (first, rest) = code.split_at(code.find(|c| !is_part(c)).unwrap_or(code.len()));
        let rest = rest.split(move |c| !is_part(c)).filter(|word| !word.is_empty());
        std::iter::once(first).chain(rest)
    }
}

/// What stands between the braces of expressions and statements, without comments.
fn tags(source: &str) -> impl Iterator<Item = TemplateTag<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let open = at + source[at..].find('{')?;
            let end = match source.as_bytes().get(open + 1)? {
                b'{' => "}}",
                b'%' => "%}",
                b'#' => "#}",
                _ => {
                    at = open + 1;
                    continue;
                }
            };
            let code = &source[open + 2..];
            let code = &code[..code.find(end).unwrap_or(code.len())];
            at = open + 2 + code.len();
            if end != "#}" {
                let line = source[..open].matches('\n').count() + 1;
                return Some(TemplateTag { line, code });
            }
        }
    })
}

const QUOTES: [char; 3] = ['"', '\'', '`'];

fn strings(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(open) = rest.find(QUOTES) {
        let quote = rest[open..].chars().next().unwrap_or('"');
        let inner = &rest[open + 1..];
        let Some(end) = inner.find(quote) else { break };
        found.push(&inner[..end]);
        rest = &inner[end + 1..];
    }
    found
}

fn without_strings(code: &str) -> String {
    strings(code).iter().fold(code.to_owned(), |code, string| {
        if string.is_empty() { code } else { code.replacen(string, "", 1) }
    })
}

/// `entry.event.when`: names joined by dots, a question mark before a dot left out.
fn paths(code: &str) -> impl Iterator<Item = String> {
    let code = code.replace("?.", ".");
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    code.split(|c| !is_part(c))
        .map(|path| path.trim_matches('.').to_owned())
        .filter(|path| path.contains('.') && path.starts_with(|c: char| c.is_ascii_alphabetic()))
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: Option<(usize, &str)>) {
        let known = ["event", "when"].map(str::to_owned).into();
        let expected = expected.map(|(line, path)| (line, path.to_owned()));
        assert_eq!(unknown_field(source, &known), expected, "{source}");
    }

    #[test]
    fn what_a_template_refers_to_and_names_itself_is_known() {
        let source = "{% extends \"a.html\" %}{%- include 'b.txt' -%}{{ \"include c\" }}\
                      {% for key, value in map %}{% set own = value %}{% endfor %}";
        assert_eq!(referred(source).collect::<Vec<_>>(), ["a.html", "b.txt"]);
        assert_eq!(bound(source), ["key", "own", "value"].map(str::to_owned).into());
        assert!(!has_component(source) && has_component("{% component a(n) %}"));
    }

    fn check_said(source: &str, expected: &[(usize, Option<&str>, &[&str])]) {
        let expected = expected.iter().map(|&(line, key, arguments)| Said {
            line,
            key,
            arguments: arguments.iter().copied().collect(),
        });
        assert_eq!(said(source), expected.collect::<Vec<_>>(), "{source}");
    }

    #[test]
    fn what_is_asked_of_t_is_found_with_what_it_is_given() {
        check_said(
            "a\n{{ t(key=\"a-b\", count=n | default(value=(1, 2)), site = `x, (y)`) | wrap }}",
            &[(2, Some("a-b"), &["count", "key", "site"])],
        );
        check_said(
            "{% set x = t(key='label', text=t(key=\"inner\")) ~ t ( key=\"last\") %}",
            &[
                (1, Some("label"), &["key", "text"]),
                (1, Some("inner"), &["key"]),
                (1, Some("last"), &["key"]),
            ],
        );
        check_said(
            "{{ t(key=\"a\" ~ b) }}{{ t(key=b) }}{{ t() }}",
            &[(1, None, &["key"]), (1, None, &["key"]), (1, None, &[])],
        );
        check_said(
            "{% if not (a) %}{{ part(key=\"a\") }}{{ \"t(key=b)\" }}{# t(key=\"c\") #}",
            &[],
        );
    }

    #[test]
    fn a_misspelt_field_of_a_condition_is_found() {
        check("a\n{% if entry.evnt %}", Some((2, "entry.evnt")));
        check("{{ entry.event.wen }}", Some((1, "entry.event.wen")));
        check("{{ entry.event?.when ~ \" entry.x \" }} {# entry.y #} entry.z {entry.z}", None);
        check("{% if loop.first and entry.event.0 or 1.5 > 1 %}", None);
        check("{% set m = {\"own\": 1} %}{{ m.own }}", None);
    }
}
