//! What is wrong with a config file, where, and what to write instead.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("could not read config `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}`{}: {message}", line.map(|l| format!(" line {l}")).unwrap_or_default())]
    Value { path: PathBuf, line: Option<usize>, message: String, hint: String },
}

impl ConfigError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Read { .. } => {
                "name the file with `--config FILE`, or run `tidings` where `config/tidings.yaml` is"
            }
            Self::Value { hint, .. } => hint,
        }
    }

    /// Turns what the YAML parser says into line, key and remedy.
    pub(super) fn from_yaml(path: &Path, error: &serde_yaml::Error) -> Self {
        let mut line = error.location().map(|l| l.line());
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
        let (message, hint) = match unknown_key(&said) {
            Some((key, nearest)) => (
                format!("unknown key `{key}`"),
                match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "remove it, or see `config/tidings.yaml` for the keys there are".into(),
                },
            ),
            None => match said.split_once("missing field `") {
                Some((place, rest)) => {
                    let key = rest.trim_end_matches('`');
                    let section = place.trim_end_matches([':', ' ']);
                    let name = if section.is_empty() {
                        line = None;
                        key.to_owned()
                    } else {
                        format!("{section}.{key}")
                    };
                    (format!("`{name}` is missing"), format!("add `{key}:` with its value"))
                }
                None => wrong_form(&said),
            },
        };
        Self::Value { path: path.to_owned(), line, message, hint }
    }
}

/// Tells a value of the wrong form in the words of who wrote it.
fn wrong_form(said: &str) -> (String, String) {
    let sample = "the project's own `config/tidings.yaml` shows the form of each key";
    let Some((key, reason)) = said.split_once(": ") else { return (said.into(), sample.into()) };
    if let Some((found, expected)) =
        reason.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
        && let Some((form, hint)) = form_of(expected)
    {
        return (format!("`{key}` is not {form}: {}", value_of(found)), hint.to_owned());
    }
    if let Some((value, known)) =
        reason.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected "))
    {
        return (format!("`{key}` is not known: `{value}`"), format!("write {known}"));
    }
    let is_date = ["input contains invalid characters", "premature end of input"].contains(&reason)
        || reason.starts_with("input is");
    if is_date {
        return (format!("`{key}` is not a date"), "write it as in `2026-01-31`".to_owned());
    }
    (said.to_owned(), sample.to_owned())
}

/// What serde expects, as people call it, and what to write.
fn form_of(expected: &str) -> Option<(&'static str, &'static str)> {
    Some(match expected {
        "u16" | "u32" | "u64" | "usize" => ("a whole number", "write one such as `20`"),
        "a boolean" => ("yes or no", "write `true` or `false`"),
        "a string" => ("a text", "write a text, in quotation marks where it looks like a number"),
        "a sequence" => ("a list", "write `[one, two]`, or an item a line, each behind `- `"),
        _ if expected.starts_with("struct ") || expected == "a map" => {
            ("a section", "write its keys below it, each indented")
        }
        _ => return None,
    })
}

/// A value as it stands in serde's message: `string "many"`, "integer `5`", `sequence`.
fn value_of(found: &str) -> String {
    let quoted = found.split_once(' ').map(|(_, value)| value.trim_matches(['"', '`']));
    match (found, quoted) {
        ("sequence", _) => "it is a list".to_owned(),
        ("map", _) => "it is a section".to_owned(),
        ("unit value", _) => "it is empty".to_owned(),
        (_, Some(value)) => format!("`{value}`"),
        _ => format!("it is {found}"),
    }
}

/// Takes the key and the nearest known one out of serde's "unknown field" message.
fn unknown_key(said: &str) -> Option<(String, Option<String>)> {
    let (_, rest) = said.split_once("unknown field `")?;
    let (key, known) = rest.split_once('`')?;
    let nearest = nearest(key, known.split('`').skip(1).step_by(2));
    Some((key.to_owned(), nearest.map(str::to_owned)))
}

/// The candidate that `name` may have been meant to be, unless none is like it.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 2)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Line, from 1, on which the key of `path` stands in a YAML text; a number names an item of
/// a list, from 0. For a flow mapping, or a key that is not there, the line of the nearest
/// parent that has one of its own.
pub(super) fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut block = 0..lines.len();
    let mut found = None;
    for key in path {
        // Keys and items of one block are its lines with the least indentation.
        let content = block.clone().filter(|at| {
            let line = lines[*at].trim_start();
            !line.is_empty() && !line.starts_with('#')
        });
        let level = content.clone().map(|at| indent_of(&lines[at])).min();
        let own: Vec<usize> = content.filter(|at| Some(indent_of(&lines[*at])) == level).collect();
        let is_item = |at: &usize| lines[*at].trim_start().starts_with("- ");
        let item = key.parse::<usize>().ok();
        let at = match item {
            Some(number) => own.iter().copied().filter(is_item).nth(number),
            None => own.iter().copied().find(|at| {
                let rest = lines[*at].trim_start().strip_prefix(key);
                rest.is_some_and(|rest| rest.starts_with(':'))
            }),
        };
        let Some(at) = at else { break };
        // The items of a list may stand no further in than its key.
        let next = own.iter().copied().find(|n| *n > at && (item.is_some() || !is_item(n)));
        let end = next.unwrap_or(block.end);
        if item.is_some() {
            lines[at] = lines[at].replacen('-', " ", 1);
            block = at..end;
        } else {
            block = at + 1..end;
        }
        found = Some(at + 1);
    }
    found
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_key_is_named() {
        let said = "site: unknown field `titel`, expected one of `title`, `url`, `since`";
        assert_eq!(unknown_key(said), Some(("titel".into(), Some("title".into()))));
        let said = "unknown field `zzz`, expected `title` or `url`";
        assert_eq!(unknown_key(said), Some(("zzz".into(), None)));
    }

    #[test]
    fn a_keys_line_is_found_below_its_section() {
        let text = "site:\n  url: a\nmail:\n  from: b\n  url: c\n";
        assert_eq!(line_of(text, &["mail", "url"]), Some(5));
        assert_eq!(line_of(text, &["mail", "relay"]), Some(3));
        assert_eq!(line_of(text, &["web"]), None);
        let text = "mail: {from: a}\nweb:\n  from: b\n";
        assert_eq!(line_of(text, &["mail", "from"]), Some(1));
    }

    #[test]
    fn an_item_of_a_list_is_found_by_its_number() {
        let text =
            "a:\n  - name: x\n    at: y\n\n  # note\n  - {name: z}\nb:\n- at: c\n- at: d\nat: e\n";
        assert_eq!(line_of(text, &["a", "0", "at"]), Some(3));
        assert_eq!(line_of(text, &["a", "1", "at"]), Some(6));
        assert_eq!(line_of(text, &["b", "1", "at"]), Some(9));
        assert_eq!(line_of(text, &["b", "2"]), Some(7));
        assert_eq!(line_of(text, &["at"]), Some(10));
    }
}
