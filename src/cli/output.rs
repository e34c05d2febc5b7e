//! How commands print: data on stdout, all else on stderr.

#![expect(clippy::print_stderr, reason = "this is where commands print")]

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use super::failure::Failure;
use crate::content::{Problem, Severity};

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

    /// What was asked for, as one JSON value.
    pub(super) fn json(self, value: &impl Serialize) {
        if self.is_json {
            let text = serde_json::to_string_pretty(value).expect("reports are always JSON");
            print_line(&text);
        }
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
    let field = problem.field.as_ref().map(|f| format!(" `{f}`:")).unwrap_or_default();
    let value = problem.value.as_ref().map(|v| format!(": `{v}`")).unwrap_or_default();
    [
        format!("{severity}: `{}`{line}:{field} {}{value}", problem.path, problem.message),
        format!("hint: {}", problem.remedy),
    ]
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
    fn parts_are_listed_as_people_write_them() {
        let parts = |list: &[&str]| list.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        assert_eq!(listed(&parts(&["a"])), "a");
        assert_eq!(listed(&parts(&["a", "b", "c"])), "a, b and c");
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(0, "file", "files"), "0 files");
    }
}
