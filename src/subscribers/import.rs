//! Lists of subscribers: CSV with the header `address,language,feed,digest`.

use std::collections::HashSet;
use std::io::Read;

use crate::model::{Address, Language};

const HEADER: [&str; 4] = ["address", "language", "feed", "digest"];

/// One line that can be subscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// In the file, from 1.
    pub line: u64,
    pub address: Address,
    pub language: Language,
    pub feed: String,
    pub digest: String,
}

/// One line that cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub line: u64,
    pub reason: String,
}

/// What a line of the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Row(Row),
    Refused(Refusal),
}

/// Names that a row may use, and the language of rows that give none.
#[derive(Debug, Clone)]
pub struct Known {
    pub feeds: HashSet<String>,
    pub digests: HashSet<String>,
    pub language: Language,
    /// Those that a row may give; any where there are none.
    pub languages: Vec<Language>,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the header is not `address,language,feed,digest`: `{0}`")]
    Header(String),
    #[error("its fields are separated by {0}, not by commas")]
    Separator(&'static str),
    #[error("the file is not CSV in UTF-8")]
    Csv(#[source] csv::Error),
}

/// Reads a list line by line; lines that cannot be used are told and the rest goes on.
pub fn read<'a>(
    file: impl Read + 'a,
    known: &'a Known,
) -> Result<impl Iterator<Item = Result<Line, ImportError>> + 'a, ImportError> {
    let mut reader = reader(file);
    let header = reader.headers().map_err(ImportError::Csv)?;
    let header = header.iter().map(|h| h.trim_start_matches('\u{feff}')).collect::<Vec<_>>();
    if header != HEADER {
        let header = header.join(",");
        return Err(match separator(&header) {
            Some(name) => ImportError::Separator(name),
            None => ImportError::Header(header),
        });
    }
    Ok(reader.into_records().map(|record| {
        let record = record.map_err(ImportError::Csv)?;
        let line = record.position().map_or(0, csv::Position::line);
        Ok(match row(line, &record, known) {
            Ok(row) => Line::Row(row),
            Err(reason) => Line::Refused(Refusal { line, reason }),
        })
    }))
}

/// What stands between the fields of a header that is right but for it.
fn separator(header: &str) -> Option<&'static str> {
    [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")]
        .into_iter()
        .find(|(mark, _)| {
            header.split(*mark).map(|field| field.trim_matches([' ', '"'])).eq(HEADER)
        })
        .map(|(_, name)| name)
}

/// The feeds that a list names, as far as it can be read.
pub fn feeds(file: impl Read) -> HashSet<String> {
    let records = reader(file).into_records().filter_map(Result::ok);
    let mut feeds = HashSet::new();
    for record in records {
        if let (Some(feed), Some(_)) = (record.get(2), record.get(3))
            && !feeds.contains(feed)
        {
            feeds.insert(feed.to_owned());
        }
    }
    feeds
}

fn reader<R: Read>(file: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file)
}

fn row(line: u64, record: &csv::StringRecord, known: &Known) -> Result<Row, String> {
    let [address, language, feed, digest] = record
        .iter()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "it has not four fields".to_owned())?;
    check_names(feed, digest, known)?;
    Ok(Row {
        line,
        address: address.parse::<Address>().map_err(|error| error.to_string())?,
        language: match language {
            "" => known.language.clone(),
            text => {
                let language = text.parse::<Language>().map_err(|error| error.to_string())?;
                check_language(&language, known)?;
                language
            }
        },
        feed: feed.to_owned(),
        digest: digest.to_owned(),
    })
}

/// Whether the language is one that the config has.
pub fn check_language(language: &Language, known: &Known) -> Result<(), String> {
    let mut listed = known.languages.iter().chain([&known.language]);
    if known.languages.is_empty() || listed.any(|listed| language.is_kind_of(listed)) {
        return Ok(());
    }
    let names: Vec<_> = known.languages.iter().map(|l| format!("`{}`", l.as_str())).collect();
    let name = language.as_str();
    Err(format!("`site.languages` has no `{name}`; it has {}", names.join(", ")))
}

/// Whether feed and digest are ones that the config has.
pub fn check_names(feed: &str, digest: &str, known: &Known) -> Result<(), String> {
    let unknown = |what: &str, name: &str, names: &HashSet<String>| {
        let mut names: Vec<_> = names.iter().map(|n| format!("`{n}`")).collect();
        names.sort();
        format!("there is no {what} `{name}`; there are {}", names.join(", "))
    };
    if !known.feeds.contains(feed) {
        return Err(unknown("feed", feed, &known.feeds));
    }
    if !known.digests.contains(digest) {
        return Err(unknown("digest", digest, &known.digests));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        Known {
            languages: Vec::new(),
            feeds: set(&["all", "events"]),
            digests: set(&["daily"]),
            language: "en".parse().unwrap(),
        }
    }

    #[test]
    fn a_line_that_cannot_be_used_is_told_and_the_rest_goes_on() {
        let text = "address,language,feed,digest\n\
            mei@example.org,zh,all,daily\n\
            mei@localhost,en,all,daily\n\
            ali@example.org,,events,daily\n\
            ali@example.org,en,sport,daily\n\
            ali@example.org,en,all\n";
        let known = known();
        let lines = read(text.as_bytes(), &known).unwrap().map(|line| match line.unwrap() {
            Line::Row(row) => (row.line, format!("in {}", row.language.as_str())),
            Line::Refused(refusal) => (refusal.line, refusal.reason),
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                (2, "in zh"),
                (3, "`mei@localhost` is not an e-mail address: the domain has no dot"),
                (4, "in en"),
                (5, "there is no feed `sport`; there are `all`, `events`"),
                (6, "it has not four fields"),
            ]
            .map(|(line, text)| (line, text.to_owned()))
        );
        assert_eq!(feeds(text.as_bytes()), ["all", "events", "sport"].map(str::to_owned).into());
    }

    #[test]
    fn another_header_is_refused_whole() {
        let known = known();
        let error = read("mail,feed\na@b.cc,all\n".as_bytes(), &known).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the header is not `address,language,feed,digest`: `mail,feed`"
        );
    }
}
