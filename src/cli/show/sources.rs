//! Where in its file each date of an entry stands.
//!
//! The YAML library keeps no lines, and a draft keeps values alone; so this looks at the text
//! between the fences, for the keys that the readers of `content` look for, in their order.

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use crate::content::{DateValue, Draft, PublishedSource};

/// Lines of the body among which a date line may stand.
const BODY_LINES: usize = 60;

/// A key of the front matter, or another place, with its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Source {
    /// `publish_at`, `event.start` …; or `file name`, `text`, `first seen`, `publication
    /// time`, `accepted`.
    pub(super) from: String,
    /// Absent for what is no line of the file.
    pub(super) line: Option<usize>,
}

impl Source {
    pub(super) fn place(from: &str) -> Self {
        Self { from: from.to_owned(), line: None }
    }

    /// As a sentence goes on: ``from `date`, line 3``.
    pub(super) fn words(&self) -> String {
        match (self.line, self.from.as_str()) {
            (Some(line), "text") => format!("from the text, line {line}"),
            (Some(line), key) => format!("from `{key}`, line {line}"),
            (None, "file name") => "from the file name".to_owned(),
            (None, "text") => "from the text".to_owned(),
            (None, "first seen") => "the time it is first seen".to_owned(),
            (None, "publication time") => "the publication time".to_owned(),
            (None, "accepted") => "when the change was accepted".to_owned(),
            (None, key) => format!("from `{key}`"),
        }
    }
}

/// Sources of the dates that an entry has.
#[derive(Debug, Serialize)]
pub(super) struct Sources {
    pub(super) published: Source,
    pub(super) updated: Source,
    pub(super) expires_at: Option<Source>,
    pub(super) event_start: Option<Source>,
    pub(super) event_end: Option<Source>,
}

impl Sources {
    /// `updated_by_author`: whether the entry's `updated` is the one of the front matter;
    /// `None` where it is the publication time.
    pub(super) fn of(bytes: &[u8], draft: &Draft, updated_by_author: Option<bool>) -> Self {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
        let front_matter = FrontMatter::of(text.trim_start_matches('\u{feff}'));
        let start = front_matter.start();
        Self {
            published: front_matter.published(draft),
            updated: match updated_by_author {
                None => Source::place("publication time"),
                Some(true) => front_matter.first(&["updated"]),
                Some(false) => Source::place("accepted"),
            },
            expires_at: draft
                .expires_at
                .map(|_| front_matter.first(&["expires_at", "expiryDate", "unpublishDate"])),
            event_start: draft.event.as_ref().and(start),
            event_end: draft.event.as_ref().and_then(|event| event.end).map(|_| {
                let ours = front_matter.nested("event", "end");
                ours.unwrap_or_else(|| front_matter.first(&["end_date"]))
            }),
        }
    }
}

/// Numbered lines between the fences, and below them.
struct FrontMatter<'a> {
    lines: Vec<(usize, &'a str)>,
    body: Vec<(usize, &'a str)>,
}

impl<'a> FrontMatter<'a> {
    fn of(text: &'a str) -> Self {
        let is_fence = |line: &str| line.trim_end() == "---";
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line)).peekable();
        while lines.next_if(|(_, line)| line.trim().is_empty()).is_some() {}
        if lines.next_if(|(_, line)| is_fence(line)).is_none() {
            return Self { lines: Vec::new(), body: lines.collect() };
        }
        let is_end = |line: &str| is_fence(line) || line.trim_end() == "...";
        let inner = lines.by_ref().take_while(|(_, line)| !is_end(line)).collect();
        Self { lines: inner, body: lines.collect() }
    }

    fn published(&self, draft: &Draft) -> Source {
        let day = draft.published.value.map(|value| match value {
            DateValue::At(moment) => moment.date_naive(),
            DateValue::Day(day) => day,
        });
        match (draft.published.source, day) {
            (PublishedSource::PublishAt, _) => self.first(&["publish_at"]),
            (PublishedSource::Date, Some(day)) => self.date(day),
            (PublishedSource::Date, None) => self.first(&["date"]),
            (PublishedSource::FileName, _) => Source::place("file name"),
            (PublishedSource::Body, Some(day)) => self.date_line(day),
            (PublishedSource::Body, None) => Source::place("text"),
            (PublishedSource::FirstSeen, _) => Source::place("first seen"),
        }
    }

    /// Of the keys that may date a release the one that holds the day: Hugo's may stand beside
    /// `date`, and `date` may be the start of an event.
    fn date(&self, day: NaiveDate) -> Source {
        let keys = ["date", "publishDate", "pubdate", "published"];
        // A text that begins with the day as numbers says it clearer than one that has them all.
        let forms = ["%Y-%m-%d", "%Y/%m/%d", "%Y-%-m-%-d"].map(|form| day.format(form).to_string());
        let says = |text: &str| forms.iter().any(|form| text.contains(form));
        let find = |fits: &dyn Fn(&str) -> bool| {
            keys.into_iter().find(|key| self.value(key).is_some_and(fits))
        };
        let fitting = find(&says).or_else(|| find(&|text| holds_day(text, day)));
        fitting.map_or_else(|| self.first(&keys), |key| self.first(&[key]))
    }

    fn start(&self) -> Option<Source> {
        let ours = self.nested("event", "start");
        ours.or_else(|| self.find("start_date")).or_else(|| self.find("date"))
    }

    /// The first of the keys that is there; one must be, for its value was read.
    fn first(&self, keys: &[&str]) -> Source {
        keys.iter().find_map(|key| self.find(key)).unwrap_or_else(|| Source::place(keys[0]))
    }

    /// A key of the top level that holds something.
    fn find(&self, key: &str) -> Option<Source> {
        let index = self.index_of(key)?;
        let (line, text) = self.lines[index];
        let value = after_key(text, key)?;
        let goes_on =
            self.lines.get(index + 1).is_some_and(|(_, next)| next.starts_with([' ', '-']));
        (!is_blank(value) || goes_on)
            .then(|| Source { from: spelling(text, key), line: Some(line) })
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        after_key(self.lines[self.index_of(key)?].1, key)
    }

    fn index_of(&self, key: &str) -> Option<usize> {
        let is_top = |line: &str| !line.starts_with([' ', '\t', '-', '#']);
        self.lines.iter().position(|(_, line)| is_top(line) && after_key(line, key).is_some())
    }

    /// A key of the mapping below `parent`, on lines of its own or between braces.
    fn nested(&self, parent: &str, key: &str) -> Option<Source> {
        let index = self.index_of(parent)?;
        let head = after_key(self.lines[index].1, parent)?;
        let below = self.lines[index + 1..].iter();
        let below = below.take_while(|(_, line)| line.starts_with([' ', '\t']) || line.is_empty());
        let lines = [(self.lines[index].0, head)].into_iter().chain(below.copied());
        let found = lines.flat_map(|(line, text)| {
            text.split(['{', ',']).map(move |part| (line, part.trim_start()))
        });
        let mut found = found.filter_map(|(line, part)| Some((line, after_key(part, key)?)));
        let (line, _) = found.find(|(_, value)| !is_blank(value))?;
        Some(Source { from: format!("{parent}.{key}"), line: Some(line) })
    }

    /// The line of the text that holds a day.
    fn date_line(&self, day: NaiveDate) -> Source {
        let head = self.body.iter().take(BODY_LINES);
        let line = head.filter(|(_, text)| holds_day(text, day)).map(|(line, _)| *line).next();
        Source { line, ..Source::place("text") }
    }
}

/// Whether the numbers in a text are those of a day: its year and its day of the month. The
/// month may be a word of any language.
fn holds_day(text: &str, day: NaiveDate) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<i64> = numbers.filter_map(|number| number.parse().ok()).collect();
    numbers.contains(&i64::from(day.year())) && numbers.contains(&i64::from(day.day()))
}

/// What stands behind `key:`, the key in any case and quoted or not.
fn after_key<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let line = line.strip_prefix(['"', '\'']).unwrap_or(line);
    let head = line.get(..key.len()).filter(|head| head.eq_ignore_ascii_case(key))?;
    let rest = line[head.len()..].trim_start_matches(['"', '\'']).trim_start();
    rest.strip_prefix(':')
}

/// The key as the author wrote it.
fn spelling(line: &str, key: &str) -> String {
    line.trim_start_matches(['"', '\'']).chars().take(key.chars().count()).collect()
}

fn is_blank(value: &str) -> bool {
    let value = value.split(" #").next().unwrap_or_default().trim().trim_end_matches('}');
    matches!(value.trim(), "" | "~" | "null" | "\"\"" | "''")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str, find: impl Fn(&FrontMatter<'_>) -> Option<Source>) -> Option<String> {
        find(&FrontMatter::of(text)).map(|source| source.words())
    }

    #[test]
    fn a_key_is_found_with_its_line_and_as_it_is_spelled() {
        let text =
            "\n---\ntitle: A\ndescription: |\n  date: no\nDate:\n\"expirydate\": 2026-01-01\n---\n";
        assert_eq!(source(text, |f| f.find("date")), None, "it is blank");
        assert_eq!(
            source(text, |f| f.find("expiryDate")).as_deref(),
            Some("from `expirydate`, line 7")
        );
    }

    #[test]
    fn a_key_of_the_event_is_found_on_its_own_line_or_in_braces() {
        for (text, line) in [
            ("---\nevent:\n  venue: Hall\n  start: 2026-01-01\nstart: no\n---\n", 4),
            ("---\nevent: {venue: Hall, start: 2026-01-01}\n---\n", 2),
            ("---\nevent: {venue: Hall,\n  start: 2026-01-01}\n---\n", 3),
        ] {
            let found = source(text, |f| f.nested("event", "start"));
            assert_eq!(found, Some(format!("from `event.start`, line {line}")), "{text}");
        }
        let text = "---\nevent:\n  start:\n---\n";
        assert_eq!(source(text, |f| f.nested("event", "start")), None);
    }

    #[test]
    fn a_date_line_is_found_however_it_is_written() {
        let day = NaiveDate::from_ymd_opt(2021, 2, 26).unwrap();
        for line in ["_26 February 2021_", "26th Feb 2021 Posted in [News](/news)", "2021年2月26日"]
        {
            let text = format!("---\ntitle: A\n---\n# 2021\n\n{line}\n");
            let found = source(&text, |f| Some(f.date_line(day)));
            assert_eq!(found.as_deref(), Some("from the text, line 6"), "{line}");
        }
    }
}
