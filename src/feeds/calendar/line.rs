//! Content lines of iCalendar (RFC 5545, section 3.1), and the value types that we write.
//!
//! A line ends with CR LF and is folded at 75 octets, never inside a character nor between a
//! backslash and its letter: readers that unfold only after they have decoded would otherwise
//! see another text.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, Utc};
use url::Url;

use crate::model::{Language, Timestamp};

/// Octets of a line without its end (RFC 5545, section 3.1).
pub(super) const MAX_OCTETS: usize = 75;

/// The lines of an iCalendar object, in the order they were added.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// A component with what `fill` adds between its first and its last line.
    pub(super) fn component(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.add("BEGIN", name);
        fill(self);
        self.add("END", name);
    }

    /// A line whose value is written as it is; `name` takes its parameters with it.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.fold(&format!("{name}:{value}"));
    }

    /// TEXT (RFC 5545, section 3.3.11).
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.add(name, &escaped(value));
    }

    /// TEXT in a language that differs from the calendar's (RFC 5545, section 3.2.10).
    pub(super) fn text_in(&mut self, name: &str, language: Option<&Language>, value: &str) {
        match language {
            Some(language) => self.text(&format!("{name};LANGUAGE={language}"), value),
            None => self.text(name, value),
        }
    }

    /// URI (RFC 5545, section 3.3.13), which is not escaped; [`Url`] lets no line end pass.
    pub(super) fn uri(&mut self, name: &str, value: &Url) {
        self.add(name, value.as_str());
    }

    /// DATE-TIME in UTC (RFC 5545, section 3.3.5, form 2).
    pub(super) fn utc(&mut self, name: &str, moment: Timestamp) {
        let moment: DateTime<Utc> = moment.to_utc();
        self.add(name, &format!("{}Z", local(moment.naive_utc())));
    }

    fn fold(&mut self, line: &str) {
        let mut octets = 0;
        for unit in units(line) {
            if octets + unit.len() > MAX_OCTETS {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push_str(unit);
            octets += unit.len();
        }
        self.text.push_str("\r\n");
    }
}

/// What may not be parted: a character, or a backslash with the character after it.
fn units(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let second = rest[first.len_utf8()..].chars().next().filter(|_| first == '\\');
        let (unit, after) = rest.split_at(first.len_utf8() + second.map_or(0, char::len_utf8));
        rest = after;
        Some(unit)
    })
}

/// Value of a parameter (RFC 5545, section 3.1), which holds neither quotes nor control
/// characters; few readers know the escapes of RFC 6868.
pub(super) fn quoted(text: &str) -> String {
    let text = text.replace('"', "'").replace(char::is_control, " ");
    format!("\"{text}\"")
}

/// RFC 5545 section 3.3.11. Every kind of line end becomes `\n`, also those of Unicode, at
/// which some readers would cut the line; other control characters are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.replace("\r\n", "\n").chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => escaped.push_str("\\n"),
            '\t' => escaped.push('\t'),
            control if control.is_control() => {}
            character => escaped.push(character),
        }
    }
    escaped
}

/// DATE-TIME as a clock on a wall shows it (RFC 5545, section 3.3.5, forms 1 and 3).
pub(super) fn local(time: NaiveDateTime) -> String {
    time.format("%Y%m%dT%H%M%S").to_string()
}

/// DATE (RFC 5545, section 3.3.4).
pub(super) fn date(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

/// The day after: ends are exclusive (RFC 5545, section 3.6.1).
pub(super) fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, value: &str) -> String {
        let mut lines = Lines::default();
        lines.text(name, value);
        String::from_utf8(lines.into_bytes()).unwrap()
    }

    #[test]
    fn a_line_is_folded_at_75_octets() {
        let text = written("SUMMARY", &"a".repeat(200));
        let lengths: Vec<usize> = text.split_terminator("\r\n").map(str::len).collect();
        assert_eq!(lengths, [75, 75, 60]);
        assert_eq!(text.replace("\r\n ", ""), format!("SUMMARY:{}\r\n", "a".repeat(200)));
    }

    #[test]
    fn a_fold_parts_neither_a_character_nor_an_escape() {
        for before in 60..70 {
            let before = "a".repeat(before);
            let text = written("SUMMARY", &format!("{before}தமிழ்"));
            assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text:?}");
            let text = written("SUMMARY", &format!("{before}\\,;\n,"));
            assert!(!text.replace("\\\\", "..").contains("\\\r\n"), "{text:?}");
        }
    }

    #[test]
    fn text_is_escaped_and_control_characters_are_left_out() {
        assert_eq!(escaped("a,b;c\\d\r\ne\rf\ng\u{2028}h"), r"a\,b\;c\\d\ne\nf\ng\nh");
        assert_eq!(escaped("a\u{0}b\u{7}c\u{7F}d\u{9B}\te:\"f\""), "abcd\te:\"f\"");
    }
}
