//! Looks at what there is, and says what has to be made.
//!
//! A feed's documents are made again where what they are made of differs from what they were
//! made of, or where a file is not as it was left; nothing is rendered to find out.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use crate::catalogue::NOTICE;
use crate::config::Config;
use crate::feeds::documents::CALENDAR_DAYS;
use crate::feeds::facets::days_since_1970;
use crate::feeds::{ARCHIVE_LENGTH, FeedDefinition};
use crate::hash::hash;
use crate::pipeline::Press;
use crate::pipeline::feeds::{ActiveFeed, named};
use crate::publish::OutputFolder;
use crate::store::{DocumentRecord, FeedLists, ListsAsked, Member, StoreError};

/// What all documents were made of besides their entries, and on which day.
const BASE_FACT: &str = "documents";

/// A feed whose documents have to be made.
pub(super) struct Due {
    pub(super) feed: ActiveFeed,
    pub(super) lists: FeedLists,
    pub(super) made_of: String,
    /// Archives in place, without a gap.
    pub(super) archives: u64,
}

/// The documents as we left them, and as they are.
pub(super) struct Standing {
    pub(super) records: HashMap<String, DocumentRecord>,
    /// Recorded, and not as they were left.
    pub(super) damaged: HashSet<String>,
    pub(super) today: NaiveDate,
    /// Hash of what shapes every document.
    pub(super) base: String,
    /// Hash of that and of all feeds there are.
    whole: String,
    /// Whether that, or the day, is another one than the last time.
    pub(super) is_new_base: bool,
}

impl Standing {
    pub(super) async fn of(
        press: &Press,
        feeds: &[ActiveFeed],
        output: &OutputFolder,
    ) -> Result<Self, StoreError> {
        let records = press.store.documents().await?;
        let output = output.clone();
        let compare = move || {
            let is_damaged =
                |r: &&DocumentRecord| output.stat_of(&r.path).ok().as_ref() != Some(&r.stat);
            let damaged = records.iter().filter(is_damaged).map(|r| r.path.clone()).collect();
            (records, damaged)
        };
        let (records, damaged) =
            tokio::task::spawn_blocking(compare).await.expect("looking at files does not panic");
        let today = crate::pipeline::feeds::today(press);
        let base = base(press, feeds);
        let all: Vec<&FeedDefinition> = feeds.iter().map(|feed| &feed.definition).collect();
        let whole = hash(format!("{base} {all:?}").as_bytes());
        let last = press.store.fact(BASE_FACT).await?;
        Ok(Self {
            records: records.into_iter().map(|record| (record.path.clone(), record)).collect(),
            damaged,
            is_new_base: last.as_deref() != Some(&fact(&whole, today)),
            today,
            base,
            whole,
        })
    }

    /// Remembers, after everything was put in place, what it was made of.
    pub(super) async fn settle(&self, press: &Press) -> Result<(), StoreError> {
        if self.is_new_base {
            press.store.set_fact(BASE_FACT, &fact(&self.whole, self.today)).await?;
        }
        Ok(())
    }

    /// A hash that differs where an event by itself might.
    pub(super) fn made_of_event(&self, member: &Member) -> String {
        hash(format!("{} {} {member:?}", self.base, self.today).as_bytes())
    }

    /// Whether a document is there as it was left.
    pub(super) fn has(&self, path: &str) -> bool {
        self.records.contains_key(path) && !self.damaged.contains(path)
    }

    /// How many of so many archives are in place without a gap, from the oldest.
    pub(super) fn archives(&self, feed: &FeedDefinition, closed: u64) -> u64 {
        let has = |number: u64| {
            let paths = [feed.atom_archive_path(number), feed.json_archive_path(number)];
            paths.iter().all(|path| self.has(path))
        };
        (1..=closed).take_while(|number| has(*number)).last().unwrap_or(0)
    }
}

fn fact(whole: &str, today: NaiveDate) -> String {
    format!("{whole} {today}")
}

/// All that shapes every document: version, site, templates, which feeds there are.
fn base(press: &Press, feeds: &[ActiveFeed]) -> String {
    let Config { site, .. } = &*press.config;
    let templates: Vec<(&str, &str)> = press.templates.sources().collect();
    let names: Vec<&FeedDefinition> = named_feeds(press, feeds).collect();
    let version = env!("CARGO_PKG_VERSION");
    hash(format!("{version} {site:?} {names:?} {templates:?}").as_bytes())
}

/// Feeds that the config names: those of `each:` would be too many for a page to announce.
pub(super) fn named_feeds<'a>(
    press: &Press,
    feeds: &'a [ActiveFeed],
) -> impl Iterator<Item = &'a FeedDefinition> {
    let names: HashSet<String> =
        named(&press.config).map(|feed| feed.definition.name.clone()).collect();
    feeds.iter().map(|feed| &feed.definition).filter(move |feed| names.contains(&feed.name))
}

/// Paths of a feed's documents, without its archives.
pub(super) fn paths_of(feed: &FeedDefinition) -> Vec<String> {
    let mut paths = vec![feed.rss_path(), feed.atom_path(), feed.json_path(), feed.page_path()];
    if feed.has_calendar() {
        paths.push(feed.calendar_path());
    }
    paths
}

/// What there is to do for one feed.
pub(super) enum Look {
    /// Nothing of it can have changed.
    Rests,
    /// It was looked at, and its documents say all there is to say.
    Same(Box<ActiveFeed>),
    Due(Box<Due>),
}

/// Looks at one feed. `archives` will be in place when its documents are.
pub(super) async fn look(
    press: &Press,
    standing: &Standing,
    feed: &ActiveFeed,
    archives: u64,
) -> Result<Look, StoreError> {
    let ActiveFeed { record, definition } = feed;
    let is_whole = paths_of(definition).iter().all(|path| standing.has(path));
    let may_differ = record.is_stale || standing.is_new_base || definition.archive;
    if is_whole && !may_differ {
        return Ok(Look::Rests);
    }
    let now = press.clock.now();
    let asked = ListsAsked {
        feed: record.id,
        length: definition.length,
        after_position: definition.archive.then_some(record.closed_archives * ARCHIVE_LENGTH),
        events_since: days_since_1970(standing.today) - CALENDAR_DAYS,
        tombstones_since: now.checked_sub_signed(NOTICE).unwrap_or(now),
    };
    let lists = press.store.feed_lists(&asked).await?;
    let made_of = made_of(standing, feed, &lists, archives);
    if is_whole && made_of == record.made_of {
        return Ok(Look::Same(Box::new(feed.clone())));
    }
    Ok(Look::Due(Box::new(Due { feed: feed.clone(), lists, made_of, archives })))
}

/// A hash that differs where the documents of a feed might.
fn made_of(standing: &Standing, feed: &ActiveFeed, lists: &FeedLists, archives: u64) -> String {
    let ActiveFeed { record, definition } = feed;
    // Which events are to come, and which a calendar has done with, goes by the day.
    let day = if lists.events.is_empty() { None } else { Some(standing.today) };
    let parts =
        format!("{} {definition:?} {} {lists:?} {archives} {day:?}", standing.base, record.members);
    hash(parts.as_bytes())
}
