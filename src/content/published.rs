//! Finds the publication time: `publish_at`, `date`, file name, date line, first seen.

use chrono::NaiveDate;

use super::dates::{self, Unreadable, Written};
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
///
/// Where a date is given and cannot be read the value is absent and its source is not
/// [`PublishedSource::FirstSeen`]: the file waits for a better one.
pub(crate) fn find(
    front_matter: &FrontMatter,
    date: Option<Field>,
    file_name: Option<NaiveDate>,
    date_line: Option<(&DateLine, usize)>,
    rules: &Rules,
    problems: &mut Problems,
) -> Published {
    let mut candidates = Vec::new();
    let mut unreadable = None;
    if let Some(field) = front_matter.field("publish_at") {
        match embargo(&field, rules, problems) {
            Some(moment) => candidates.push(Candidate {
                source: PublishedSource::PublishAt,
                value: DateValue::At(moment),
                words: "`publish_at`".to_owned(),
                place: field.place(),
            }),
            None => unreadable = Some(PublishedSource::PublishAt),
        }
    }
    match later_of(date, hugo_publish_date(front_matter), rules, problems) {
        Ok(Some((field, value))) => {
            let (words, place) = (format!("`{}`", field.name), field.place());
            candidates.push(Candidate { source: PublishedSource::Date, value, words, place });
        }
        Ok(None) => {}
        Err(Reported) => unreadable = unreadable.or(Some(PublishedSource::Date)),
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
    if let Some(source) = unreadable {
        return Published { value: None, source };
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

/// Marks a value whose problem has been told.
struct Reported;

/// Hugo's date from which a page is public, under the names that Hugo knows.
fn hugo_publish_date(front_matter: &FrontMatter) -> Option<Field> {
    let is_date = |field: &Field| field.text().is_some_and(|text| dates::parse(text).is_ok());
    front_matter
        .first(&["publishDate", "pubdate"])
        .or_else(|| front_matter.field("published").filter(is_date))
}

/// `date`, or Hugo's `publishDate` where it is later: Hugo shows a page only from then on.
fn later_of(
    date: Option<Field>,
    publish_date: Option<Field>,
    rules: &Rules,
    problems: &mut Problems,
) -> Result<Option<(Field, DateValue)>, Reported> {
    let mut latest: Option<(Field, DateValue)> = None;
    let mut is_unreadable = false;
    for field in [date, publish_date].into_iter().flatten() {
        let Some(value) = value(&field, rules, problems) else {
            is_unreadable = true;
            continue;
        };
        let is_later = latest
            .as_ref()
            .is_none_or(|(_, before)| beginning(value, rules) > beginning(*before, rules));
        if is_later {
            latest = Some((field, value));
        }
    }
    if is_unreadable { Err(Reported) } else { Ok(latest) }
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

/// The moment from which an entry is gone; a day alone is its beginning.
pub(crate) fn expiry(
    front_matter: &FrontMatter,
    published: Published,
    rules: &Rules,
    problems: &mut Problems,
) -> Option<Timestamp> {
    let field = front_matter.first(&["expires_at", "expiryDate", "unpublishDate"])?;
    let expiry = beginning(value(&field, rules, problems)?, rules);
    if published.value.is_some_and(|published| expiry <= beginning(published, rules)) {
        problems.error(
            field.place(),
            format!(
                "`{}` is not after the publication time, so it would never be seen",
                field.name
            ),
            "write a later time, or take it out",
        );
    }
    Some(expiry)
}

fn beginning(value: DateValue, rules: &Rules) -> Timestamp {
    match value {
        DateValue::At(moment) => moment,
        DateValue::Day(day) => dates::day_start(day, rules.time_zone),
    }
}

/// An embargo must be clear to the minute wherever it is read.
fn embargo(field: &Field, rules: &Rules, problems: &mut Problems) -> Option<Timestamp> {
    let local = match written(field, problems)? {
        Written::Zoned(moment) => return Some(moment),
        Written::Local(local) => local,
        Written::Day(day) => day.and_hms_opt(9, 0, 0).expect("nine o'clock is a time"),
    };
    let example = dates::at_local(local, rules.time_zone).to_rfc3339();
    problems.error(
        field.place(),
        format!("`{}` has no time zone", field.name),
        &format!("write date, time and zone, as `{example}`"),
    );
    None
}

fn written(field: &Field, problems: &mut Problems) -> Option<Written> {
    let name = &field.name;
    let Some(text) = field.text() else {
        problems.error(
            field.place(),
            format!("`{name}` is {} where a date is due", field.shape()),
            DATE_REMEDY,
        );
        return None;
    };
    match dates::parse(text) {
        Ok(written) => Some(written),
        Err(Unreadable::Zone(zone)) => {
            let zone = super::problem::shorten(zone);
            problems.error(
                field.place(),
                format!("the time zone `{zone}` in `{name}` is not known"),
                "write its offset, as `2026-11-21T09:00:00+08:00`, or its name, as `2026-11-21 09:00 Asia/Singapore`",
            );
            None
        }
        Err(Unreadable::Other) => {
            problems.error(field.place(), format!("`{name}` is not a date"), DATE_REMEDY);
            None
        }
    }
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
