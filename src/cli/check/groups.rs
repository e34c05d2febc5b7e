//! Groups problems by what is wrong, and prints a group in the columns of a terminal.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cli::output::{Output, count, fits};
use crate::content::{Problem, Severity};

/// Files of a group that are named without `--all`: an error stops a file, so more of them.
const ERRORS_NAMED: usize = 10;
const WARNINGS_NAMED: usize = 3;

/// Problems that say the same, whatever value they say it of.
#[derive(Debug, Serialize)]
pub(super) struct Group<'a> {
    severity: Severity,
    /// The field, where all have the same.
    field: Option<&'a str>,
    /// `…` stands where the problems differ.
    message: String,
    /// `…` stands where the remedies differ.
    remedy: String,
    /// How many files have it.
    files: usize,
    /// How many problems there are.
    count: usize,
    #[serde(skip)]
    problems: Vec<&'a Problem>,
}

/// Errors first, then what is wrong with most files.
pub(super) fn group(problems: &[Problem]) -> Vec<Group<'_>> {
    let mut by_kind: BTreeMap<(Severity, String, String), Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        let key = (problem.severity, pattern(&problem.message), pattern(&problem.remedy));
        by_kind.entry(key).or_default().push(problem);
    }
    let mut groups: Vec<Group<'_>> = by_kind
        .into_iter()
        .map(|((severity, ..), mut problems)| {
            problems.sort_by_key(|p| (&p.path, p.line));
            let files: BTreeSet<&str> = problems.iter().map(|p| p.path.as_str()).collect();
            let (files, count) = (files.len(), problems.len());
            let field = problems[0].field.as_deref();
            let field = field.filter(|_| problems.iter().all(|p| p.field.as_deref() == field));
            let message = common(problems.iter().map(|p| p.message.as_str()));
            let remedy = common(problems.iter().map(|p| p.remedy.as_str()));
            Group { severity, field, message, remedy, files, count, problems }
        })
        .collect();
    // Stable: groups of one size stay in the order of their words.
    groups.sort_by_key(|group| (group.severity, std::cmp::Reverse(group.files)));
    groups
}

/// A message without its values: neither what stands in backticks nor numbers.
fn pattern(message: &str) -> String {
    let part = |(index, part): (usize, &str)| match index % 2 {
        0 => without_numbers(part),
        _ => "…".to_owned(),
    };
    message.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
}

/// Numbers and dates become `…`.
fn without_numbers(text: &str) -> String {
    let mut kept = String::new();
    let mut in_number = false;
    for character in text.chars() {
        if character.is_ascii_digit() {
            if !in_number {
                kept.push('…');
            }
            in_number = true;
        } else if !(in_number && character == '-') {
            in_number = false;
            kept.push(character);
        }
    }
    kept
}

/// What all texts of one pattern say: parts in which they differ become `…`.
fn common<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut common: Vec<String> = Vec::new();
    for text in texts {
        for (index, part) in text.split('`').enumerate() {
            match common.get_mut(index) {
                None => common.push(part.to_owned()),
                Some(known) if known != part => {
                    *known = if index % 2 == 0 { without_numbers(part) } else { "…".to_owned() };
                }
                Some(_) => {}
            }
        }
    }
    common.join("`")
}

pub(super) fn show(output: Output, group: &Group<'_>, names_all: bool) {
    let (severity, most) = match group.severity {
        Severity::Error => ("error: ", ERRORS_NAMED),
        Severity::Warning => ("warning: ", WARNINGS_NAMED),
    };
    let files = count(group.files as u64, "file", "files");
    let files = if group.count == group.files {
        files
    } else {
        format!("{} times in {files}", group.count)
    };
    let field = group.field.map(in_backticks).filter(|field| !group.message.contains(field));
    let field = field.map(|field| format!("{field}: ")).unwrap_or_default();
    output.paragraph(severity, &format!("{field}{} ({files})", group.message));
    output.paragraph("hint: ", &group.remedy);
    // One more takes no more room than to say that it is left out.
    let is_short = group.problems.len() <= most + 1;
    let named = if names_all || is_short { group.problems.len() } else { most };
    for problem in &group.problems[..named] {
        show_file(output, problem, group);
    }
    let left_out = group.problems.len() - named;
    if left_out > 0 {
        output.data(&format!("  … and {left_out} more; `--all` names them"));
    }
}

/// Where it is, and what the group does not say of it.
fn show_file(output: Output, problem: &Problem, group: &Group<'_>) {
    let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    let place = format!("  {}{line}", problem.path);
    let detail = detail(problem, group);
    let whole = format!("{place}  {detail}");
    if fits(&whole) {
        output.data(whole.trim_end());
    } else {
        output.data(&place);
        output.paragraph("    ", &detail);
    }
    if problem.remedy != group.remedy {
        output.paragraph("    hint: ", &problem.remedy);
    }
}

/// Field, message and value, as far as the group leaves them open.
fn detail(problem: &Problem, group: &Group<'_>) -> String {
    let mut parts = Vec::new();
    let own_field = problem.field.as_deref().filter(|_| group.field.is_none()).map(in_backticks);
    parts.extend(own_field.filter(|field| !problem.message.contains(field)));
    parts.extend(special(&problem.message, &group.message));
    parts.extend(problem.value.as_deref().map(in_backticks).filter(|value| {
        // A long value may be cut in the one place and not in the other.
        let value = value.trim_end_matches(['`', '…']);
        !problem.message.contains(value)
    }));
    parts.join(": ")
}

/// What a message says beside the group's: the values that differ, or where it differs in more
/// than values, all of it.
fn special(message: &str, group_message: &str) -> Option<String> {
    if message == group_message {
        return None;
    }
    let parts = message.split('`').zip(group_message.split('`')).enumerate();
    let mut values = Vec::new();
    for (index, (own, common)) in parts {
        match (own == common, index % 2) {
            (true, _) => {}
            (false, 0) => return Some(message.to_owned()),
            (false, _) => values.push(in_backticks(own)),
        }
    }
    Some(values.join(", "))
}

fn in_backticks(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: Severity, path: &str, message: &str) -> Problem {
        Problem {
            severity,
            path: path.into(),
            line: None,
            field: None,
            value: None,
            message: message.into(),
            remedy: "mend it".into(),
        }
    }

    fn messages(problems: &[Problem]) -> Vec<(String, usize)> {
        group(problems).into_iter().map(|g| (g.message, g.files)).collect()
    }

    #[test]
    fn problems_that_differ_in_values_alone_are_one_group() {
        let problems = [
            problem(Severity::Error, "a.md", "`date` is not a date: `soon`"),
            problem(Severity::Error, "b.md", "`date` is not a date: `31/11/2026`"),
        ];
        assert_eq!(messages(&problems), [("`date` is not a date: `…`".to_owned(), 2)]);
        let problems = [
            problem(
                Severity::Warning,
                "a.md",
                "`date` says 2026-01-02, the file name says 2026-01-03",
            ),
            problem(
                Severity::Warning,
                "b.md",
                "`date` says 2025-01-02, the file name says 2026-01-04",
            ),
        ];
        assert_eq!(messages(&problems), [("`date` says …, the file name says …".to_owned(), 2)]);
    }

    #[test]
    fn remedies_that_differ_in_values_do_not_part_a_group() {
        let zoned = |remedy: &str| Problem {
            remedy: remedy.into(),
            ..problem(Severity::Error, "a.md", "`publish_at` has no time zone")
        };
        let problems = [zoned("write `2026-11-21`"), zoned("write `2026-11-22`")];
        assert_eq!(group(&problems)[0].remedy, "write `…`");
        assert_eq!(group(&problems).len(), 1);
    }

    #[test]
    fn errors_come_first_then_what_is_wrong_with_most_files() {
        let problems = [
            problem(Severity::Warning, "a.md", "one"),
            problem(Severity::Warning, "a.md", "two"),
            problem(Severity::Warning, "b.md", "two"),
            problem(Severity::Warning, "b.md", "two"),
            problem(Severity::Error, "c.md", "three"),
        ];
        let expected = [("three", 1), ("two", 2), ("one", 1)];
        assert_eq!(messages(&problems), expected.map(|(m, n)| (m.to_owned(), n)));
    }

    #[test]
    fn a_line_says_what_the_group_does_not() {
        let dated = |value: &str| Problem {
            field: Some("date".into()),
            value: Some(value.into()),
            ..problem(Severity::Error, "a.md", &format!("`date` is not a date: `{value}`"))
        };
        let check = |problems: &[Problem], expected: &[&str]| {
            let groups = group(problems);
            assert_eq!(groups.len(), 1);
            let details: Vec<String> = problems.iter().map(|p| detail(p, &groups[0])).collect();
            assert_eq!(details, expected);
        };
        check(&[dated("soon")], &[""]);
        check(&[dated("soon"), dated("later")], &["`soon`", "`later`"]);
        let tagged = |field: &str, value: &str| Problem {
            field: Some(field.into()),
            value: Some(value.into()),
            ..problem(Severity::Error, "a.md", "a tag was left out")
        };
        check(&[tagged("body", "{{ x }}")], &["`{{ x }}`"]);
        check(
            &[tagged("body", "{{ x }}"), tagged("title", "{{ y }}")],
            &["`body`: `{{ x }}`", "`title`: `{{ y }}`"],
        );
        let days = |message: &str| problem(Severity::Error, "a.md", message);
        check(&[days("`a` says 1"), days("`a` says 2")], &["`a` says 1", "`a` says 2"]);
    }
}
