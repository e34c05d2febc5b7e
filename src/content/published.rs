//! Finds the publication time: `publish_at`, `date`, file name, date line, first seen.

use chrono::NaiveDate;

use super::dates::{self, Written};
use super::front_matter::{Field, FrontMatter};
use super::problem::{Place, Problems};
use super::{DateValue, Published, PublishedSource, Rules};
use crate::model::Timestamp;

const DATE_REMEDY: &str = "write `2026-11-21` or `2026-11-21T09:00:00+08:00`";

/// A date line at the head of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DateLine {
    pub(crate) day: NaiveDate,
    /// As the reader sees it.
    pub(crate) text: String,
    /// Line in the body, from 0.
    pub(crate) line: usize,
}

/// One place that names a publication time, with the words for it in a message.
struct Candidate {
    source: PublishedSource,
    value: DateValue,
    words: String,
    place: Place,
}

/// The first of the places that name a time; a later one that says another day is reported.
pub(crate) fn find(
    front_matter: &FrontMatter,
    date: Option<Field>,
    file_name: Option<NaiveDate>,
    date_line: Option<(&DateLine, usize)>,
    rules: &Rules,
    problems: &mut Problems,
) -> Published {
    let mut candidates = Vec::new();
    if let Some(field) = front_matter.field("publish_at")
        && let Some(moment) = embargo(&field, problems)
    {
        candidates.push(Candidate {
            source: PublishedSource::PublishAt,
            value: DateValue::At(moment),
            words: "`publish_at`".to_owned(),
            place: field.place(),
        });
    }
    if let Some(field) = date
        && let Some(value) = value(&field, rules, problems)
    {
        let (words, place) = (format!("`{}`", field.name), field.place());
        candidates.push(Candidate { source: PublishedSource::Date, value, words, place });
    }
    if let Some(day) = file_name {
        candidates.push(Candidate {
            source: PublishedSource::FileName,
            value: DateValue::Day(day),
            words: "the file name".to_owned(),
            place: Place::default(),
        });
    }
    if let Some((found, line)) = date_line {
        candidates.push(Candidate {
            source: PublishedSource::Body,
            value: DateValue::Day(found.day),
            words: "the date line of the text".to_owned(),
            place: Place::line(line).with_value(&found.text),
        });
    }
    let Some(first) = candidates.first() else {
        problems.warn(
            Place::missing("date"),
            "there is no publication date; the time it is first seen stands in for it",
            "add `date: 2026-11-21`",
        );
        return Published { value: None, source: PublishedSource::FirstSeen };
    };
    warn_of_disagreement(first, &candidates[1..], rules, problems);
    Published { value: Some(first.value), source: first.source }
}

/// A time far ahead or past in one zone can be another day in the next: two values agree when
/// they do so in the site's zone or in the author's.
fn warn_of_disagreement(
    first: &Candidate,
    others: &[Candidate],
    rules: &Rules,
    problems: &mut Problems,
) {
    let first_days = dates::days(first.value, rules.time_zone);
    let other = others.iter().find(|other| {
        let days = dates::days(other.value, rules.time_zone);
        !days.iter().any(|day| first_days.contains(day))
    });
    if let Some(other) = other {
        let other_day = dates::days(other.value, rules.time_zone)[0];
        let place =
            if other.place.line.is_some() { other.place.clone() } else { first.place.clone() };
        problems.warn(
            place.named("date"),
            format!("{} says {}, {} says {other_day}", first.words, first_days[0], other.words),
            &format!("{} is used; make the two agree", first.words),
        );
    }
}

/// A date of front matter in the site's zone; one that cannot be read is reported.
pub(crate) fn value(field: &Field, rules: &Rules, problems: &mut Problems) -> Option<DateValue> {
    written(field, problems).map(|written| dates::in_zone(written, rules.time_zone))
}

/// A moment; a day alone is its beginning.
pub(crate) fn moment(field: &Field, rules: &Rules, problems: &mut Problems) -> Option<Timestamp> {
    value(field, rules, problems).map(|value| match value {
        DateValue::At(moment) => moment,
        DateValue::Day(day) => dates::day_start(day, rules.time_zone),
    })
}

/// An embargo must be clear to the minute wherever it is read.
fn embargo(field: &Field, problems: &mut Problems) -> Option<Timestamp> {
    match written(field, problems)? {
        Written::Zoned(moment) => Some(moment),
        Written::Local(_) | Written::Day(_) => {
            let text = field.text().unwrap_or_default();
            problems.error(
                field.place(),
                format!("`publish_at` has no time zone: `{text}`"),
                "write the time with its zone, as `2026-11-21T09:00:00+08:00`",
            );
            None
        }
    }
}

fn written(field: &Field, problems: &mut Problems) -> Option<Written> {
    let parsed = field.text().and_then(dates::parse);
    if parsed.is_none() {
        let text = super::problem::shorten(field.text().unwrap_or("a list"));
        problems.error(
            field.place(),
            format!("`{}` is not a date: `{text}`", field.name),
            DATE_REMEDY,
        );
    }
    parsed
}

/// The date line among the first lines of a body. Before it only the title, another heading, a
/// picture or `Last updated on …` may stand; a date inside a sentence is never taken.
pub(crate) fn date_line(body: &str, title: &str) -> Option<DateLine> {
    let mut seen = 0;
    let mut hidden_until: Option<&str> = None;
    for (index, line) in body.lines().enumerate() {
        // Style sheets and scripts stand above the text in many files.
        if let Some(end) = hidden_until {
            hidden_until = hidden_until.filter(|_| !line.contains(end));
            continue;
        }
        let hidden = [("<style", "</style>"), ("<script", "</script>"), ("<!--", "-->")];
        if let Some((_, end)) = hidden.iter().find(|(open, _)| line.trim_start().starts_with(open))
        {
            hidden_until = Some(end).filter(|end| !line.contains(**end)).copied();
            continue;
        }
        let text = plain(line);
        if !text.contains(char::is_alphanumeric) {
            continue;
        }
        if let Some(day) = dates::of_line(&text) {
            return Some(DateLine { day, text, line: index });
        }
        let may_come_before = line.trim_start().starts_with(['#', '!'])
            || text.to_lowercase().starts_with("last updated")
            || text.to_lowercase() == title.to_lowercase();
        seen += 1;
        if !may_come_before || seen == 3 {
            return None;
        }
    }
    None
}

/// A line without tags and emphasis.
fn plain(line: &str) -> String {
    if line.len() > 2_000 {
        // Whatever it is, it is no date line.
        return line.to_owned();
    }
    let text: String = super::tags::pieces(line)
        .filter_map(|piece| match piece {
            super::tags::Piece::Text(text) => Some(text),
            _ => None,
        })
        .collect();
    let text = super::tags::decode(&text).replace('\u{a0}', " ");
    text.trim().trim_matches(['*', '_', '#', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(body: &str) -> Option<String> {
        date_line(body, "The title").map(|found| found.day.to_string())
    }

    #[test]
    fn a_date_line_stands_at_the_head_of_the_body() {
        for body in [
            "\n_26 February 2021_\n\ntext",
            "**26 February 2021**  \n",
            "<p><em>26 February&nbsp;2021</em></p>\n",
            "26 Feb 2021 Posted in [Press releases](/news)\n",
            "## Title\n\n26 Feb 2021\n",
            "<style>\n.a {}\n</style>\n\nThe Title\n---\n\n26 Feb 2021\n",
            "Last updated on 3 May 2024\n\n26 Feb 2021\n",
        ] {
            assert_eq!(line(body).as_deref(), Some("2021-02-26"), "{body}");
        }
    }

    #[test]
    fn a_date_in_prose_or_further_down_is_not_taken() {
        for body in [
            "On 26 February 2021, six people\n",
            "Last updated on 26 February 2021\n\ntext",
            "text\n\n26 February 2021\n",
            "<td>26 February 2021 was</td>",
            "",
        ] {
            assert_eq!(line(body), None, "{body}");
        }
    }
}
