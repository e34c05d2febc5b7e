//! Collects what an author has to mend in one file.
//!
//! Every check reports here and goes on, so that an author sees all of a file's problems at
//! once instead of one a day.

use super::{Problem, Severity};

/// The longest part of a wrong value that a report shows.
const VALUE_CHARACTERS: usize = 80;

/// Where a problem lies: a line, a field, the value that stands there.
///
/// A report shows all three, so that the message names the field at most, never the value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) line: Option<usize>,
    pub(crate) field: Option<String>,
    pub(crate) value: Option<String>,
}

impl Place {
    /// A line of the file, counted from 1.
    pub(crate) fn line(line: usize) -> Self {
        Self { line: Some(line), ..Self::default() }
    }

    /// A front matter key that the file does not have.
    pub(crate) fn missing(field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..Self::default() }
    }

    pub(crate) fn named(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    pub(crate) fn with_value(mut self, value: &str) -> Self {
        self.value = Some(value.to_owned());
        self
    }
}

/// The problems of one file, in the order they were found.
#[derive(Debug)]
pub(crate) struct Problems {
    path: String,
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn of(path: &str) -> Self {
        Self { path: path.to_owned(), list: Vec::new() }
    }

    pub(crate) fn error(&mut self, place: Place, message: impl Into<String>, remedy: &str) {
        self.push(Severity::Error, place, &message.into(), remedy);
    }

    pub(crate) fn warn(&mut self, place: Place, message: impl Into<String>, remedy: &str) {
        self.push(Severity::Warning, place, &message.into(), remedy);
    }

    pub(crate) fn has_error(&self) -> bool {
        self.list.iter().any(|p| p.severity == Severity::Error)
    }

    /// For a page, which is never published: an error stops nothing, so it is a warning, and
    /// a warning is no one's work.
    pub(crate) fn soften(&mut self) {
        self.list.retain(|p| p.severity == Severity::Error);
        for problem in &mut self.list {
            problem.severity = Severity::Warning;
        }
    }

    pub(crate) fn into_list(self) -> Vec<Problem> {
        self.list
    }

    fn push(&mut self, severity: Severity, place: Place, message: &str, remedy: &str) {
        self.list.push(Problem {
            severity,
            path: self.path.clone(),
            line: place.line,
            // Keys come from the file as well.
            field: place.field.map(|f| shorten(&f)),
            value: place.value.map(|v| shorten(&v)),
            message: plain(message.chars()),
            remedy: remedy.to_owned(),
        });
    }
}

/// The beginning of a value, at most 80 characters, fit to stand in a message.
pub(crate) fn shorten(value: &str) -> String {
    // No more than is shown is looked at: a value may be a megabyte long.
    let one_line = plain(value.trim().chars().take(VALUE_CHARACTERS + 1));
    if one_line.chars().count() <= VALUE_CHARACTERS {
        return one_line;
    }
    let head: String = one_line.chars().take(VALUE_CHARACTERS - 1).collect();
    format!("{head}…")
}

/// A text that does no more to a terminal than be read: characters that would turn the
/// direction of the line are spelled out, and those that control something are blanks.
fn plain(text: impl Iterator<Item = char>) -> String {
    let mut plain = String::new();
    for c in text {
        match c {
            c if c.is_control() => plain.push(' '),
            c if is_direction_mark(c) => plain.extend(c.escape_unicode()),
            c => plain.push(c),
        }
    }
    plain
}

/// Embeddings, overrides and isolates (UAX #9, section 2).
pub(crate) fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_to_eighty_characters() {
        let cut = shorten(&"数".repeat(200));
        assert_eq!(cut.chars().count(), 80);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn a_pages_errors_become_warnings_and_its_warnings_go() {
        let mut problems = Problems::of("a.md");
        problems.warn(Place::line(1), "one", "a");
        problems.error(Place::line(2), "two", "b");
        problems.soften();
        assert!(!problems.has_error());
        assert_eq!(problems.into_list().len(), 1);
    }
}
