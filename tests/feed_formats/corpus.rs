//! Real sites through all formats. The corpus is not part of the repository; its folder is named
//! by `TIDINGS_CORPUS` and holds one folder for each site.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tidings::catalogue::{Announce, Context, EntryState, Known, Scanned, Step, diff};
use tidings::content::{DraftKind, Outcome, Rules, scan};
use tidings::feeds::{Feed, Site, Text};
use tidings::model::Entry;
use tidings::words::Wordbook;

use crate::samples::{feed, site};

/// Entries in each feed.
const LENGTH: usize = 50;

/// Every entry of a site, in feeds of usual length.
pub fn feeds_of(folder: &Path) -> (Site, Vec<Feed>) {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let host = name.rsplit("--").next().unwrap().to_lowercase();
    let site = Site { url: format!("https://{host}/").parse().unwrap(), ..site() };
    let entries = entries_of(folder, &site, &host);
    let feeds = entries.chunks(LENGTH).map(|entries| feed(entries, Text::Full)).collect();
    (site, feeds)
}

fn entries_of(folder: &Path, site: &Site, host: &str) -> Vec<Entry> {
    let rules = Rules {
        site_url: site.url.clone(),
        time_zone: site.time_zone,
        language: site.language.clone(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    };
    let now = DateTime::<Utc>::from_timestamp(1_795_000_000, 0).unwrap();
    let files = scan(folder, &rules, &HashMap::new(), &|| now, &|_| {}).unwrap().files;
    let drafts = files.into_iter().filter_map(|file| match file.reading.outcome {
        Outcome::Draft(draft) if draft.kind != DraftKind::Page => Some(draft),
        _ => None,
    });
    let context = Context {
        now,
        zone: site.time_zone,
        site_host: host.to_owned(),
        since: site.since_date,
        announce: Announce::Nothing,
        max_age: TimeDelta::days(7),
        words: Arc::clone(Wordbook::builtin()),
    };
    let scanned = Scanned { drafts: drafts.collect(), ..Scanned::default() };
    let steps = diff(&Known::default(), scanned, &context).steps;
    let shown = steps.into_iter().filter_map(|step| match step {
        Step::Accept(accepted)
            if matches!(accepted.state, EntryState::Public | EntryState::Withdrawn) =>
        {
            Some(*accepted.entry)
        }
        _ => None,
    });
    shown.collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the corpus lies where the environment says")]
#[expect(clippy::print_stdout, reason = "counts are what a reader of this test wants to see")]
fn the_rules_find_nothing_in_the_feeds_of_real_sites() {
    let Ok(corpus) = std::env::var("TIDINGS_CORPUS") else {
        println!("skipped: TIDINGS_CORPUS is not set");
        return;
    };
    let mut faults = Vec::new();
    for folder in std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        let (site, feeds) = feeds_of(&folder);
        let count: usize = feeds.iter().map(|feed| feed.entries.len()).sum();
        println!("{}: {count} entries in {} feeds", folder.display(), feeds.len());
        for feed in feeds {
            let found = crate::findings(&feed, &site).into_iter();
            faults.extend(found.map(|fault| format!("{}: {fault}", folder.display())));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
