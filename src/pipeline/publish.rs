//! From the store to the documents in place.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Press, bodies};
use crate::config::{Config, FeedConfig};
use crate::content::{Problem, ScanError, Severity};
use crate::feeds::documents::{DocumentError, documents};
use crate::feeds::select::build_all;
use crate::feeds::{Document, Feed};
use crate::hash::hash;
use crate::model::Entry;
use crate::publish::{self, PublishError};
use crate::store::{DocumentRecord, HoldRecord, StoreError};

/// Entries in one subscription document.
const FEED_LENGTH: usize = 50;
/// Entries that are read at first to fill feeds from.
const FIRST_PAGE: usize = 200;

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
    /// Entries whose time lies ahead.
    pub waiting: u64,
    /// Files still being written.
    pub moving: Vec<String>,
    pub problems: Vec<Problem>,
    pub documents_written: Vec<String>,
    pub documents_removed: Vec<String>,
    pub documents_unchanged: usize,
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

/// All that the documents in the folder were made of.
const DOCUMENTS_FACT: &str = "documents";

/// As [`publish()`], unless the folder holds the documents already that this would make.
pub async fn publish_changed(
    press: &Press,
    report: &mut PublishReport,
) -> Result<(), PublishingError> {
    let made_of = made_of(press).await?;
    if press.store.fact(DOCUMENTS_FACT).await?.as_deref() == Some(made_of.as_str()) {
        let output = publish::open(&press.config.output_folder, &press.config.content.folder)?;
        let records = press.store.documents().await?;
        if output.holds(records.iter().map(|r| (r.path.as_str(), r.hash.as_str())))? {
            report.documents_unchanged = records.len();
            return Ok(());
        }
    }
    publish(press, report).await?;
    Ok(())
}

/// A hash that differs where documents might: another change, day, config, template, version.
async fn made_of(press: &Press) -> Result<String, StoreError> {
    let seq = press.store.newest_seq().await?;
    let Config { site, feeds, .. } = &*press.config;
    let today = press.clock.now().with_timezone(&site.time_zone).date_naive();
    let templates: Vec<(&str, &str)> = press.templates.sources().collect();
    let version = env!("CARGO_PKG_VERSION");
    Ok(hash(format!("{version} {seq} {today} {site:?} {feeds:?} {templates:?}").as_bytes()))
}

/// Renders every document from the store and puts the changed ones in place; fills in the
/// report. Returns the documents, which the daemon serves.
pub async fn publish(
    press: &Press,
    report: &mut PublishReport,
) -> Result<Vec<Document>, PublishingError> {
    let made_of = made_of(press).await?;
    let feeds = feeds_with_bodies(press, report).await?;
    let titles: Vec<(String, String)> = feeds
        .iter()
        .map(|feed| (feed.definition.name.clone(), feed.definition.title.clone()))
        .collect();
    press.store.register_feeds(&titles, press.clock.now()).await?;
    let documents = documents(&feeds, &press.config.site, &press.templates)?;
    let output = publish::open(&press.config.output_folder, &press.config.content.folder)?;
    let published = output.publish(&documents)?;
    let now = press.clock.now();
    let records: Vec<DocumentRecord> = documents
        .iter()
        .map(|document| DocumentRecord {
            path: document.path.clone(),
            hash: hash(&document.bytes),
            size_bytes: document.bytes.len() as u64,
            changed_at: now,
        })
        .collect();
    press.store.record_documents(&records, &published.removed).await?;
    // With a stand-in among them they are made again, whether or not anything changes.
    let made_of = if report.stand_ins == 0 { made_of } else { String::new() };
    press.store.set_fact(DOCUMENTS_FACT, &made_of).await?;
    report.documents_written = published.written;
    report.documents_removed = published.removed;
    report.documents_unchanged = published.unchanged;
    Ok(documents)
}

/// Builds the feeds; bodies are read for the entries that stand in one, each once.
async fn feeds_with_bodies(
    press: &Press,
    report: &mut PublishReport,
) -> Result<Vec<Feed>, PublishingError> {
    let mut feeds = newest_feeds(press).await?;
    let mut shown: HashMap<_, Entry> = feeds
        .iter()
        .flat_map(|feed| &feed.entries)
        .map(|entry| (entry.id.clone(), Entry::clone(entry)))
        .collect();
    let mut whole: Vec<Entry> = shown.drain().map(|(_, entry)| entry).collect();
    report.stand_ins = bodies::fill(press, &mut whole).await?;
    let whole: HashMap<_, Arc<Entry>> =
        whole.into_iter().map(|e| (e.id.clone(), Arc::new(e))).collect();
    for entry in feeds.iter_mut().flat_map(|feed| &mut feed.entries) {
        entry.clone_from(&whole[&entry.id]);
    }
    Ok(feeds)
}

/// Reads the newest entries until every feed is full. Which categories there are is known
/// from all of them alone.
async fn newest_feeds(press: &Press) -> Result<Vec<Feed>, StoreError> {
    let site = &press.config.site;
    if press.config.feeds.iter().any(|feed| matches!(feed, FeedConfig::EachCategory)) {
        let entries = press.store.public_entries().await?;
        return Ok(build_all(&press.feeds(&entries), &entries, site, FEED_LENGTH));
    }
    let definitions = press.feeds(&[]);
    let mut entries = Vec::new();
    let mut page = FIRST_PAGE;
    loop {
        let more = press.store.newest_public_entries(entries.len(), page).await?;
        let is_all = more.len() < page;
        entries.extend(more);
        let feeds = build_all(&definitions, &entries, site, FEED_LENGTH);
        if is_all || feeds.iter().all(|feed| feed.entries.len() == FEED_LENGTH) {
            return Ok(feeds);
        }
        page *= 4;
    }
}
