//! From the store to the documents in place.

mod look;
mod make;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::look::{Look, Standing, look, paths_of};
use self::make::Made;
pub(super) use self::make::rank;
use super::Press;
use super::feeds::{ActiveFeed, active_feeds, place};
use super::mirror;
use super::requests::Fault;
use crate::content::{Problem, ScanError, Severity};
use crate::feeds::documents::{self, CALENDAR_DAYS, DocumentError};
use crate::feeds::facets::days_since_1970;
use crate::feeds::page::{self, FeedSummary};
use crate::feeds::{INDEX_PATH, OPML_PATH, SCRIPT_PATH, STYLE_PATH};
use crate::model::Entry;
use crate::publish::{self, Publication, PublishError, Published, PutDocument};
use crate::store::{DocumentRecord, HoldRecord, PublicationRecord, StoreError};

/// Entries that the list of feeds shows of each.
const HEADS: usize = 3;
/// Archives that a publish makes by itself, before what refers to them.
const ARCHIVES: usize = 20;
/// Archives of a backlog that are made at once.
const BACKLOG: usize = 50;

#[derive(Debug, thiserror::Error)]
pub enum PublishingError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl PublishingError {
    /// What an operator can do, where we know it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Publish(error) => Some(error.hint()),
            Self::Scan(error) => Some(error.hint()),
            Self::Store(_) | Self::Document(_) => None,
        }
    }

    /// Whether a folder that the config names is the cause.
    pub fn is_config(&self) -> bool {
        matches!(
            self,
            Self::Scan(ScanError::Missing(_) | ScanError::NotAFolder(_))
                | Self::Publish(PublishError::NotOurs { .. } | PublishError::Overlap { .. })
        )
    }
}

/// What one scan found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishReport {
    /// Content files by what they are.
    pub files: BTreeMap<String, u64>,
    /// Numbered changes by class.
    pub changes: BTreeMap<String, u64>,
    /// Changes that followers are told.
    pub told: u64,
    /// Changes of a first scan that took the folder in and tells nobody.
    #[serde(default)]
    pub adopted: u64,
    /// Entries whose time lies ahead.
    pub waiting: u64,
    /// Files still being written.
    pub moving: Vec<String>,
    pub problems: Vec<Problem>,
    pub documents_written: Vec<String>,
    pub documents_removed: Vec<String>,
    pub documents_unchanged: usize,
    /// Copies made in an object store.
    #[serde(default)]
    pub documents_uploaded: usize,
    /// Why the object store is behind the folder.
    #[serde(default)]
    pub bucket_fault: Option<Fault>,
    pub entries_public: u64,
    /// Entries that say their summary alone, because their file is not as it was scanned.
    #[serde(default)]
    pub stand_ins: u64,
    /// Mass changes that wait for an operator.
    pub holds: Vec<HoldRecord>,
}

impl PublishReport {
    /// Whether an error holds some file back.
    pub fn is_held_back(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }
}

/// Brings the folder up to what the store says; fills in the report.
///
/// Only documents of feeds that changed are rendered, and only those whose bytes change are
/// written. Where archives are many they are left to [`make_archives`]; returns whether some
/// are.
pub async fn publish(press: &Press, report: &mut PublishReport) -> Result<bool, PublishingError> {
    let feeds = place(press).await?;
    report.holds = press.store.open_holds().await?;
    let output = publish::open(&press.config.output_folder, &press.config.content.folder)?;
    let standing = Standing::of(press, &feeds, &output).await?;
    let publication = Arc::new(output.begin()?);
    let mut made = Made::default();
    let archives = due_archives(press, &feeds, &standing, ARCHIVES + 1).await?;
    let is_backlog = archives.len() > ARCHIVES;
    let archives = if is_backlog { Vec::new() } else { archives };
    make::archives(press, &publication, &standing, &archives, &mut made).await?;
    let mut looked = 0;
    let mut due = Vec::new();
    for feed in &feeds {
        let in_place = archives_after(&standing, feed, &archives);
        match look(press, &standing, feed, in_place).await? {
            Look::Rests => {}
            Look::Same(feed) => {
                looked += 1;
                made.feeds.push(unchanged(*feed, press));
            }
            Look::Due(one) => due.push(*one),
        }
    }
    let has_due = !due.is_empty();
    make::feeds(press, &publication, &standing, &feeds, due, &mut made).await?;
    if has_due || looked > 0 || !standing.damaged.is_empty() {
        make_events(press, &publication, &standing, &mut made).await?;
    }
    let lists_stand = [INDEX_PATH, OPML_PATH, STYLE_PATH, SCRIPT_PATH];
    if has_due || standing.is_new_base || lists_stand.iter().any(|path| !standing.has(path)) {
        make_lists(press, &publication, &feeds, &mut made).await?;
    }
    report.stand_ins = made.stand_ins;
    let wanted = wanted(&feeds, &standing, &made);
    let remove: Vec<String> = publication
        .documents()
        .chain(standing.records.keys().map(String::as_str))
        .filter(|path| !wanted.contains(*path))
        .map(str::to_owned)
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    let unchanged = wanted.len();
    put_in_place(press, publication, &standing, made, remove, report).await?;
    report.documents_unchanged = unchanged.saturating_sub(report.documents_written.len());
    standing.settle(press).await?;
    mirror::copy(press, report).await?;
    Ok(is_backlog)
}

/// How many archives of feeds that keep them are still to be made.
pub async fn archives_to_make(press: &Press) -> Result<u64, StoreError> {
    let feeds = active_feeds(press).await?;
    let kept = feeds.iter().filter(|feed| feed.definition.archive);
    Ok(kept.map(|feed| feed.record.stale_archives).sum())
}

/// Makes some of the archives that are still to be made. `true` while some are left that it
/// did not try.
///
/// Each is put in place before what refers to it: older ones first, and the feed's own
/// documents when [`publish()`] comes next.
pub async fn make_archives(
    press: &Press,
    report: &mut PublishReport,
) -> Result<bool, PublishingError> {
    let feeds = place(press).await?;
    let output = publish::open(&press.config.output_folder, &press.config.content.folder)?;
    let standing = Standing::of(press, &feeds, &output).await?;
    let mut due = due_archives(press, &feeds, &standing, BACKLOG + 1).await?;
    let is_more = due.len() > BACKLOG;
    due.truncate(BACKLOG);
    if due.is_empty() {
        return Ok(false);
    }
    let publication = Arc::new(output.begin()?);
    let mut made = Made::default();
    make::archives(press, &publication, &standing, &due, &mut made).await?;
    // What says a summary stays to be made again, and not at once.
    let is_whole = made.stand_ins == 0;
    put_in_place(press, publication, &standing, made, Vec::new(), report).await?;
    Ok(is_more && is_whole)
}

/// Archives that are to be made: new ones, those in which an entry was withdrawn or removed,
/// and those whose files are not as they were left; oldest first.
async fn due_archives(
    press: &Press,
    feeds: &[ActiveFeed],
    standing: &Standing,
    limit: usize,
) -> Result<Vec<(ActiveFeed, u64)>, StoreError> {
    let mut due = Vec::new();
    for feed in feeds.iter().filter(|feed| feed.definition.archive) {
        let mut numbers = Vec::new();
        if feed.record.stale_archives > 0 {
            numbers = press.store.stale_archives(feed.record.id, limit).await?;
        }
        let is_lost = |number: &u64| {
            let paths = [
                feed.definition.atom_archive_path(*number),
                feed.definition.json_archive_path(*number),
            ];
            paths.iter().any(|path| !standing.has(path))
        };
        if numbers.len() < limit {
            numbers.extend((1..=feed.record.closed_archives).filter(is_lost));
            numbers.sort_unstable();
            numbers.dedup();
        }
        due.extend(numbers.into_iter().map(|number| (feed.clone(), number)));
        if due.len() >= limit {
            due.truncate(limit);
            break;
        }
    }
    Ok(due)
}

/// Archives of a feed in place, without a gap, once `made` are.
fn archives_after(standing: &Standing, feed: &ActiveFeed, made: &[(ActiveFeed, u64)]) -> u64 {
    if !feed.definition.archive {
        return 0;
    }
    let is_made = |number: u64| {
        made.iter().any(|(other, n)| other.record.id == feed.record.id && *n == number)
    };
    let closed = feed.record.closed_archives;
    let there = standing.archives(&feed.definition, closed);
    (there + 1..=closed).take_while(|number| is_made(*number)).last().unwrap_or(there)
}

fn unchanged(feed: ActiveFeed, press: &Press) -> crate::store::MadeFeed {
    crate::store::MadeFeed {
        feed: feed.record.id,
        made_of: feed.record.made_of,
        told: feed.record.told.unwrap_or(press.config.site.since),
    }
}

async fn make_events(
    press: &Press,
    publication: &Arc<Publication>,
    standing: &Standing,
    made: &mut Made,
) -> Result<(), PublishingError> {
    let since = days_since_1970(standing.today) - CALENDAR_DAYS;
    let events = press.store.events(since).await?;
    make::events(press, publication, standing, &events, made).await
}

/// Lists of all feeds, and what everything refers to.
async fn make_lists(
    press: &Press,
    publication: &Publication,
    feeds: &[ActiveFeed],
    made: &mut Made,
) -> Result<(), PublishingError> {
    let heads = press.store.feed_heads(HEADS).await?;
    let mut rows: Vec<i64> = heads.iter().map(|(_, row)| *row).collect();
    rows.sort_unstable();
    rows.dedup();
    let entries = press.store.entries(&rows).await?.into_iter().map(Arc::new);
    let entries: HashMap<i64, Arc<Entry>> = rows.iter().copied().zip(entries).collect();
    let site = &press.config.site;
    let told: HashMap<i64, _> = made.feeds.iter().map(|feed| (feed.feed, feed.told)).collect();
    let summary = |feed: &ActiveFeed| {
        let own = heads.iter().filter(|(id, _)| *id == feed.record.id);
        let told = told.get(&feed.record.id).copied().or(feed.record.told);
        FeedSummary {
            definition: feed.definition.clone(),
            newest: own.filter_map(|(_, row)| entries.get(row).cloned()).collect(),
            entries: feed.record.members,
            updated: told.unwrap_or(site.since),
        }
    };
    let summaries: Vec<FeedSummary> = feeds.iter().map(summary).collect();
    let updated = make::newest(feeds, made, site);
    make::stage(publication, page::assets(), made)?;
    let lists = documents::lists(&summaries, site, &press.templates, updated)?;
    make::stage(publication, lists, made)?;
    Ok(())
}

/// Paths of all documents that there are to be.
fn wanted(feeds: &[ActiveFeed], standing: &Standing, made: &Made) -> HashSet<String> {
    let mut wanted: HashSet<String> =
        [INDEX_PATH, OPML_PATH, STYLE_PATH, SCRIPT_PATH].map(str::to_owned).into();
    for ActiveFeed { record, definition } in feeds {
        wanted.extend(paths_of(definition));
        if definition.archive {
            let paths = (1..=record.closed_archives).flat_map(|number| {
                [definition.atom_archive_path(number), definition.json_archive_path(number)]
            });
            wanted.extend(paths.filter(|path| standing.records.contains_key(path)));
        }
    }
    wanted.extend(made.staged.iter().map(|staged| staged.path().to_owned()));
    wanted.extend(made.events.iter().flatten().cloned());
    if made.events.is_none() {
        let known = standing.records.keys().filter(|path| path.starts_with("events/"));
        wanted.extend(known.cloned());
    }
    wanted
}

/// Puts what was made in place, and remembers it.
async fn put_in_place(
    press: &Press,
    publication: Arc<Publication>,
    standing: &Standing,
    made: Made,
    remove: Vec<String>,
    report: &mut PublishReport,
) -> Result<(), PublishingError> {
    let Made { mut staged, feeds, archives, sources, .. } = made;
    if staged.is_empty() && feeds.is_empty() && remove.is_empty() {
        return Ok(());
    }
    staged.sort_by_key(|staged| rank(staged.path()));
    let publication = Arc::into_inner(publication).expect("nobody renders any more");
    let place = move || publication.put_in_place(staged, &remove);
    mirror::fall_behind(press).await?;
    let published = tokio::task::spawn_blocking(place).await.expect("renaming does not panic")?;
    let now = press.clock.now();
    let record = PublicationRecord {
        documents: records(&published, &sources, now),
        removed: published.removed.clone(),
        feeds,
        archives,
        pings: pings(press, standing, &published),
    };
    press.store.record_publication(&record, now).await?;
    report.documents_written.extend(published.written);
    report.documents_removed.extend(published.removed);
    Ok(())
}

fn records(
    published: &Published,
    sources: &HashMap<String, String>,
    now: DateTime<Utc>,
) -> Vec<DocumentRecord> {
    let record = |document: &PutDocument| DocumentRecord {
        path: document.path.clone(),
        hash: document.hash.clone(),
        size_bytes: document.size_bytes,
        changed_at: now,
        stat: document.stat.clone(),
        made_of: sources.get(&document.path).cloned().unwrap_or_default(),
        bucket_tag: None,
    };
    published.documents.iter().map(record).collect()
}

/// Which hub is to be told of which topic: feeds whose bytes are not those that were recorded.
/// After a kill between the two they stand there already, and nobody was told.
fn pings(press: &Press, standing: &Standing, published: &Published) -> Vec<(String, String)> {
    let site = &press.config.site;
    let is_topic = |path: &str| {
        let is_archive = path.contains("/archive/");
        !is_archive && [".rss", ".atom", ".json"].iter().any(|ending| path.ends_with(ending))
    };
    let is_other = |document: &&PutDocument| {
        let recorded = standing.records.get(&document.path);
        recorded.is_none_or(|recorded| recorded.hash != document.hash)
    };
    let changed = published.documents.iter().filter(is_other);
    let topics = changed.filter(|d| is_topic(&d.path)).map(|d| site.address(&d.path));
    topics
        .flat_map(|topic| site.hubs.iter().map(move |hub| (hub.to_string(), topic.to_string())))
        .collect()
}
