//! Reads real sites: every file must end as a draft, no content, or held back with words that
//! an author can act on, and what would be published must be clean.
//!
//! The corpus is not part of the repository; its folder is named by `TIDINGS_CORPUS`. It holds
//! one folder for each site.

#![expect(clippy::disallowed_methods, reason = "the corpus lies where the environment says")]
#![expect(clippy::print_stdout, reason = "counts are what a reader of this test wants to see")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use tidings::content::{
    Bodies, DateValue, Draft, DraftKind, Outcome, Problem, PublishedSource, Reading, Rules, Scan,
    Severity, read_as, scan,
};

/// What one site's files ended as: outcome or kind, and how often.
type Counts = BTreeMap<&'static str, usize>;

fn rules(site: &str) -> Rules {
    let host = site.rsplit("--").next().unwrap().to_lowercase();
    Rules {
        site_url: format!("https://{host}/").parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    }
}

fn scan_site(folder: &Path, site: &str) -> Scan {
    let now = || DateTime::<Utc>::from_timestamp(4_000_000_000, 0).unwrap();
    scan(folder, &rules(site), &HashMap::new(), &now, &|_| {}).unwrap()
}

#[test]
fn every_file_of_the_corpus_ends_clean_or_with_a_remedy() {
    let Ok(corpus) = std::env::var("TIDINGS_CORPUS") else {
        println!("skipped: TIDINGS_CORPUS is not set");
        return;
    };
    let mut faults = Vec::new();
    let mut sites: Vec<_> =
        std::fs::read_dir(&corpus).unwrap().map(|e| e.unwrap().path()).collect();
    sites.sort();
    for folder in sites.into_iter().filter(|path| path.is_dir()) {
        let site = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let scan = scan_site(&folder, &site);
        let mut counts = Counts::new();
        for file in &scan.files {
            let reading = &file.reading;
            *counts.entry(outcome(reading)).or_default() += 1;
            *counts.entry("warnings").or_default() += warnings(&reading.problems);
            let mut found = Vec::new();
            check_problems(reading, &mut found);
            if let Outcome::Draft(draft) = &reading.outcome
                && draft.kind != DraftKind::Page
            {
                check_draft(draft, &mut found);
            }
            faults.extend(found.into_iter().map(|fault| format!("{site}/{}: {fault}", file.path)));
            if std::env::var("TIDINGS_CORPUS_LIST").is_ok() {
                list(&file.path, reading);
            }
        }
        println!("{site}: {} files, {counts:?}", scan.files.len());
        if site == "seeds" {
            check_seeds(&scan);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A first scan of many files leaves bodies where nothing but a document or a mail wants them.
#[test]
fn without_bodies_a_file_reads_the_same_in_all_but_its_body() {
    let Ok(corpus) = std::env::var("TIDINGS_CORPUS") else {
        println!("skipped: TIDINGS_CORPUS is not set");
        return;
    };
    let (mut read, mut left) = (0, 0);
    for folder in std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        let site = folder.file_name().unwrap().to_str().unwrap().to_owned();
        for file in scan_site(&folder, &site).files {
            let bytes = std::fs::read(folder.join(&file.path)).unwrap();
            let rules = rules(&site);
            let whole = read_as(&file.path, &bytes, &rules, Bodies::Make);
            let lean = read_as(&file.path, &bytes, &rules, Bodies::LeaveWherePossible);
            read += 1;
            left += usize::from(is_left(&lean));
            assert_eq!(without_body(whole), without_body(lean), "{site}/{}", file.path);
        }
    }
    println!("{left} of {read} bodies were left");
    assert!(left * 4 > read, "{left} of {read}");
}

fn is_left(reading: &Reading) -> bool {
    matches!(&reading.outcome, Outcome::Draft(draft) if draft.body_hash.is_none())
}

fn without_body(mut reading: Reading) -> Reading {
    if let Outcome::Draft(draft) = &mut reading.outcome {
        if draft.kind == DraftKind::Page {
            draft.summary = String::new();
        }
        draft.body_hash = None;
        draft.content_html = String::new();
        draft.content_text = String::new();
    }
    reading
}

fn outcome(reading: &Reading) -> &'static str {
    match &reading.outcome {
        Outcome::Draft(draft) => match draft.kind {
            DraftKind::Release => "release",
            DraftKind::Event => "event",
            DraftKind::Page => "page",
        },
        Outcome::Template => "template",
        Outcome::Empty => "empty",
        Outcome::HeldBack => "held back",
    }
}

fn warnings(problems: &[Problem]) -> usize {
    problems.iter().filter(|p| p.severity == Severity::Warning).count()
}

fn list(path: &str, reading: &Reading) {
    println!("{:9} {path}", outcome(reading));
    if let Outcome::Draft(draft) = &reading.outcome
        && draft.kind != DraftKind::Page
    {
        let date = match draft.published.value {
            Some(DateValue::At(moment)) => moment.to_rfc3339(),
            Some(DateValue::Day(day)) => day.to_string(),
            None => "-".to_owned(),
        };
        println!("          {date} {:?} {} {}", draft.published.source, draft.language, draft.link);
        println!("          {}", draft.summary);
        if let Some(event) = &draft.event {
            println!("          {event:?}");
        }
        if std::env::var("TIDINGS_CORPUS_LIST").is_ok_and(|detail| detail == "bodies") {
            println!("{}", draft.content_html);
        }
    }
    for p in &reading.problems {
        println!("          {:?} {:?} {}; {}", p.severity, p.line, p.message, p.remedy);
    }
}

fn check_problems(reading: &Reading, found: &mut Vec<String>) {
    for problem in &reading.problems {
        let is_sentence = problem.message.starts_with(|c: char| c.is_lowercase() || c == '`');
        if problem.path.is_empty() || problem.remedy.is_empty() || !is_sentence {
            found.push(format!("an unclear problem: {problem:?}"));
        }
        if problem.message.ends_with("is not a key that is read") {
            found.push(format!("a key of the site is taken for a slip: {problem:?}"));
        }
    }
    let has_error = reading.problems.iter().any(|p| p.severity == Severity::Error);
    if has_error != (reading.outcome == Outcome::HeldBack) {
        found.push("held back and errors do not agree".to_owned());
    }
}

fn check_draft(draft: &Draft, found: &mut Vec<String>) {
    if draft.title.trim().is_empty() || draft.summary.trim().is_empty() {
        found.push("title or summary is blank".to_owned());
    }
    let html = &draft.content_html;
    for attribute in [" href=\"", " src=\""] {
        for link in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            let is_absolute =
                ["http://", "https://", "mailto:", "tel:"].iter().any(|s| link.starts_with(s));
            if !is_absolute || link.contains(char::is_whitespace) {
                found.push(format!("a link is not absolute and encoded: {link}"));
            }
        }
    }
    let lower = html.to_lowercase();
    let tags: Vec<&str> =
        lower.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
    for tag in &tags {
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        let bad_name = ["iframe", "script", "style", "form", "input", "object", "embed", "svg"]
            .contains(&name);
        let bad_attribute = [" on", " id=", " class=", " data-", " style="]
            .iter()
            .any(|bad| outside_quotes(tag).contains(bad));
        if bad_name || bad_attribute {
            found.push(format!("a tag is not clean: <{tag}>"));
        }
    }
    let prose = without_code(html);
    for mark in ["{{", "{%", "{:"] {
        if prose.contains(mark) {
            found.push(format!("`{mark}` is left in the text"));
        }
    }
}

/// A tag with the values of its attributes left out.
fn outside_quotes(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}

fn without_code(html: &str) -> String {
    let mut out = String::new();
    for (index, part) in html.split("<code>").enumerate() {
        let text = if index == 0 { part } else { part.split_once("</code>").unwrap_or(("", "")).1 };
        out.push_str(text);
    }
    out
}

fn check_seeds(scan: &Scan) {
    let drafts: Vec<&Draft> = scan
        .files
        .iter()
        .map(|file| match &file.reading {
            Reading { outcome: Outcome::Draft(draft), .. } => draft.as_ref(),
            other => panic!("{}: {other:?}", file.path),
        })
        .collect();
    let kinds: Vec<DraftKind> = drafts.iter().map(|draft| draft.kind).collect();
    assert_eq!(
        kinds,
        [DraftKind::Event, DraftKind::Page, DraftKind::Release, DraftKind::Page, DraftKind::Page]
    );
    assert!(drafts[0].event.is_none());
    let day = NaiveDate::from_ymd_opt(2021, 2, 26).unwrap();
    assert_eq!(drafts[2].published.value, Some(DateValue::Day(day)));
    assert_eq!(drafts[2].published.source, PublishedSource::Body);
}
