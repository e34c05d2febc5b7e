//! How commands print: data on stdout, all else on stderr.

#![expect(clippy::print_stderr, reason = "this is where commands print")]

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use super::failure::Failure;
use crate::content::{Problem, Severity};
use crate::store::FileOutcome;
use crate::templates::text::{columns, wrap};

/// Columns of a terminal that nobody made wider.
const WIDTH: usize = 80;

#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub is_json: bool,
    pub is_quiet: bool,
}

impl Output {
    /// A line for people: left out with `--json` and `--quiet`.
    pub(super) fn say(self, line: &str) {
        if !self.is_json && !self.is_quiet {
            print_line(line);
        }
    }

    /// A line of what was asked for: left out with `--json` alone.
    pub(super) fn data(self, line: &str) {
        if !self.is_json {
            print_line(line);
        }
    }

    /// As [`Output::say`], in the columns of a terminal; see [`hanging`].
    pub(super) fn say_paragraph(self, head: &str, text: &str) {
        for line in hanging(head, text) {
            self.say(&line);
        }
    }

    /// As [`Output::data`], in the columns of a terminal; see [`hanging`].
    pub(super) fn paragraph(self, head: &str, text: &str) {
        for line in hanging(head, text) {
            self.data(&line);
        }
    }

    /// What was asked for, as one JSON value.
    pub(super) fn json(self, value: &impl Serialize) {
        if self.is_json {
            let text = serde_json::to_string_pretty(value).expect("reports are always JSON");
            print_line(&text);
        }
    }

    /// As [`Output::json`], of a list that is longer than memory need be.
    pub(super) fn json_list(self) -> JsonList {
        JsonList { output: self, length: 0 }
    }

    pub(super) fn note(self, line: &str) {
        if !self.is_quiet {
            eprintln!("{line}");
        }
    }

    pub(super) fn warn(self, line: &str) {
        self.note(&format!("warning: {line}"));
    }

    /// Prints an error with its causes, and what to do about it.
    #[expect(clippy::unused_self, reason = "errors are printed whatever was asked for")]
    pub(super) fn error(self, failure: &Failure) {
        eprintln!("error: {:#}", failure.error);
        if let Some(hint) = &failure.hint {
            eprintln!("hint: {hint}");
        }
    }

    pub(super) fn fail(self, failure: &Failure) -> ExitCode {
        self.error(failure);
        ExitCode::from(failure.code)
    }
}

/// A list that is printed item by item.
pub(super) struct JsonList {
    output: Output,
    length: u64,
}

impl JsonList {
    pub(super) fn add(&mut self, item: &impl Serialize) {
        if self.output.is_json {
            let text = serde_json::to_string(item).expect("reports are always JSON");
            print_line(&format!("{} {text}", if self.length == 0 { "[" } else { "," }));
        }
        self.length += 1;
    }

    /// Returns how many there were.
    pub(super) fn end(self) -> u64 {
        if self.output.is_json {
            print_line(if self.length == 0 { "[]" } else { "]" });
        }
        self.length
    }
}

/// Prints to stdout; a reader that closed its end has seen what it wanted.
fn print_line(line: &str) {
    let written = writeln!(std::io::stdout(), "{line}");
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("error: could not write to standard output: {error}");
    }
}

/// A problem in two lines: where and what, then the remedy.
pub(super) fn problem_lines(problem: &Problem) -> [String; 2] {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let line = problem.line.map(|line| format!(" line {line}")).unwrap_or_default();
    let field = problem.field.as_ref().map(|field| format!(" `{field}`:"));
    let field = field.filter(|field| !problem.message.contains(field.trim_matches([' ', ':'])));
    let field = field.unwrap_or_default();
    [
        format!("{severity}: `{}`{line}:{field} {}", problem.path, message_and_value(problem)),
        format!("hint: {}", problem.remedy),
    ]
}

/// What is wrong, and the value unless it is said already.
pub(super) fn message_and_value(problem: &Problem) -> String {
    let value = problem.value.as_ref().map(|value| format!("`{value}`"));
    match value.filter(|value| !problem.message.contains(value.as_str())) {
        Some(value) => format!("{}: {value}", problem.message),
        None => problem.message.clone(),
    }
}

/// `text` behind `head`, wrapped so that later lines begin where it began. A word that is
/// too long, above all a path, is never broken.
pub(super) fn hanging(head: &str, text: &str) -> Vec<String> {
    let indent = columns(head);
    let wrapped = wrap(text, WIDTH.saturating_sub(indent));
    let lines = wrapped.lines().enumerate().map(|(index, line)| {
        if index == 0 { format!("{head}{line}") } else { format!("{:indent$}{line}", "") }
    });
    lines.collect()
}

/// Whether `text` stands on one line of a terminal.
pub(super) fn fits(text: &str) -> bool {
    columns(text) <= WIDTH
}

/// `text` in what is left of a line behind `used` columns, its end cut off where it must be.
pub(super) fn cut(text: &str, used: usize) -> String {
    let room = WIDTH.saturating_sub(used);
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if columns(&kept) > room.saturating_sub(1) {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

/// How many files of each kind, by the names of [`FileOutcome`]; kinds without any are left
/// out.
pub(super) fn file_kinds(of: impl Fn(FileOutcome) -> u64) -> String {
    let kinds = [
        (FileOutcome::Release, "release", "releases"),
        (FileOutcome::Event, "event", "events"),
        (FileOutcome::Page, "page", "pages"),
        (FileOutcome::Template, "template", "templates"),
        (FileOutcome::Empty, "empty file", "empty files"),
        (FileOutcome::HeldBack, "held back by an error", "held back by errors"),
        (FileOutcome::OnHold, "on hold", "on hold"),
    ];
    let kinds = kinds.into_iter().filter(|(kind, _, _)| of(*kind) > 0);
    kinds.map(|(kind, one, many)| count(of(kind), one, many)).collect::<Vec<_>>().join(", ")
}

/// `1 file`, `2 files`.
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_file_line_field_value_and_remedy() {
        let problem = Problem {
            severity: Severity::Error,
            path: "news/rates.md".into(),
            line: Some(3),
            field: Some("date".into()),
            value: Some("31/11/2026".into()),
            message: "this is no date".into(),
            remedy: "write `2026-11-30`".into(),
        };
        assert_eq!(
            problem_lines(&problem),
            [
                "error: `news/rates.md` line 3: `date`: this is no date: `31/11/2026`",
                "hint: write `2026-11-30`",
            ]
        );
    }

    #[test]
    fn text_hangs_behind_its_head_in_eighty_columns() {
        let lines = hanging("hint: ", &"word ".repeat(20));
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| fits(line)), "{lines:?}");
        assert!(lines[1].starts_with("      word"), "{lines:?}");
        assert_eq!(hanging("a  ", "b"), ["a  b"]);
    }

    #[test]
    fn what_is_cut_fills_its_line_and_no_more() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(columns(&cut(&"a".repeat(100), 10)), 70);
        assert!(columns(&cut(&"数".repeat(100), 11)) <= 69);
    }

    #[test]
    fn parts_are_listed_as_people_write_them() {
        let parts = |list: &[&str]| list.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        assert_eq!(listed(&parts(&["a"])), "a");
        assert_eq!(listed(&parts(&["a", "b", "c"])), "a, b and c");
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(0, "file", "files"), "0 files");
    }
}
