//! Compares what a reviewer found in files of real sites with what the program reads there:
//! the date and the line it stands in, the kind, the beginning of the title.
//!
//! The table was filled by opening each file, before the program was asked. Its line is 0 for
//! a date in the file's name, `-` for none. Of the texts only those beginnings were taken over;
//! the corpus itself is not part of the repository and is named by `TIDINGS_CORPUS`.

#![expect(clippy::disallowed_methods, reason = "the corpus lies where the environment says")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use tidings::content::{
    DateValue, Draft, DraftKind, Outcome, PublishedSource, Reading, Rules, scan,
};

const TABLE: &str = include_str!("corpus_table.tsv");

/// One reviewed file.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    /// `SITE/PATH`.
    path: &'a str,
    date: &'a str,
    line: &'a str,
    kind: &'a str,
    title: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [path, date, line, kind, title] =
                line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            Row { path, date, line, kind, title }
        })
        .collect()
}

#[test]
fn the_table_spans_all_sites_and_kinds() {
    let rows = rows();
    let sites: BTreeSet<&str> =
        rows.iter().map(|row| row.path.split_once('/').unwrap().0).collect();
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.kind).collect();
    assert!(rows.len() >= 90, "{}", rows.len());
    assert_eq!(sites.len(), 21, "{sites:?}");
    let all = ["empty", "event", "held back", "page", "release", "template"];
    assert!(kinds.iter().eq(&all), "{kinds:?}");
    assert!(rows.iter().all(|row| row.title.chars().count() <= 40));
}

#[test]
fn every_reviewed_file_is_read_as_its_reviewer_found_it() {
    let Ok(corpus) = std::env::var("TIDINGS_CORPUS") else {
        println!("skipped: TIDINGS_CORPUS is not set");
        return;
    };
    let rows = rows();
    let mut by_site: BTreeMap<&str, Vec<&Row<'_>>> = BTreeMap::new();
    for row in &rows {
        by_site.entry(row.path.split_once('/').unwrap().0).or_default().push(row);
    }
    let mut faults = Vec::new();
    for (site, rows) in by_site {
        let folder = Path::new(&corpus).join(site);
        let readings = read_site(&folder, site);
        for row in rows {
            let path = row.path.split_once('/').unwrap().1;
            let reading = readings.get(path).unwrap_or_else(|| panic!("{} is gone", row.path));
            check(row, reading, &fs::read(folder.join(path)).unwrap(), &mut faults);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn read_site(folder: &Path, site: &str) -> HashMap<String, Reading> {
    let host = site.rsplit("--").next().unwrap().to_lowercase();
    let rules = Rules {
        site_url: format!("https://{host}/").parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    };
    let now = || DateTime::<Utc>::from_timestamp(4_000_000_000, 0).unwrap();
    let scan = scan(folder, &rules, &HashMap::new(), &now, &|_| {}).unwrap();
    scan.files.into_iter().map(|file| (file.path, file.reading)).collect()
}

fn check(row: &Row<'_>, reading: &Reading, bytes: &[u8], faults: &mut Vec<String>) {
    let (kind, draft) = match &reading.outcome {
        Outcome::Draft(draft) => match draft.kind {
            DraftKind::Release => ("release", Some(draft)),
            DraftKind::Event => ("event", Some(draft)),
            DraftKind::Page => ("page", Some(draft)),
        },
        Outcome::Template => ("template", None),
        Outcome::Empty => ("empty", None),
        Outcome::HeldBack => ("held back", None),
    };
    let date = draft.map_or("-".to_owned(), |draft| date(draft));
    let title: String = draft.map_or("-".into(), |draft| draft.title.chars().take(40).collect());
    let found = Row { path: row.path, date: &date, line: row.line, kind, title: title.trim_end() };
    if found != *row {
        faults.push(format!("{row:?}\n  is read as {found:?}"));
    }
    if let Some(draft) = draft
        && !line_holds(draft, row.line, bytes)
    {
        let source = draft.published.source;
        faults.push(format!("{}: line {} is not the date's, {source:?}", row.path, row.line));
    }
}

fn date(draft: &Draft) -> String {
    match draft.published.value {
        Some(DateValue::At(moment)) => moment.to_rfc3339(),
        Some(DateValue::Day(day)) => day.to_string(),
        None => "-".to_owned(),
    }
}

/// Whether the place the program took the date from is the line the reviewer saw it in.
fn line_holds(draft: &Draft, line: &str, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let number: Option<usize> = line.parse().ok();
    let text_at = |number: usize| text.lines().nth(number.wrapping_sub(1)).unwrap_or_default();
    let day = match draft.published.value {
        Some(DateValue::At(moment)) => moment.date_naive(),
        Some(DateValue::Day(day)) => day,
        None => return number.is_none() && draft.published.source == PublishedSource::FirstSeen,
    };
    match (draft.published.source, number) {
        (PublishedSource::FileName, Some(0)) => {
            draft.path.contains(&day.to_string())
                || draft.path.contains(&day.format("%Y-%-m-%-d").to_string())
        }
        (PublishedSource::Date, Some(number)) if number > 0 => {
            let line = text_at(number);
            line.starts_with("date:") && line.contains(&day.to_string())
        }
        (PublishedSource::Body, Some(number)) if number > 0 => {
            text_at(number).contains(&day.format("%-d %B %Y").to_string())
        }
        _ => false,
    }
}
