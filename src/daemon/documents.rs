//! The daemon's documents: brought up to what the store says, and served.

use std::sync::Arc;

use chrono::NaiveDate;
use tracing::error;

use super::Daemon;
use crate::pipeline::Press;
use crate::pipeline::feeds::{self, named};
use crate::pipeline::publish::{self, PublishReport, PublishingError};
use crate::store::DocumentRecord;
use crate::web::{DocumentSet, Former, Terms};

impl Daemon {
    /// Publishes unless nothing can have changed since `published_on`.
    pub(super) async fn publish_what_changed(
        &mut self,
        published_on: Option<NaiveDate>,
        report: &mut PublishReport,
    ) -> Result<(), PublishingError> {
        let today = feeds::today(&self.press);
        if report.changes.is_empty() && published_on == Some(today) {
            self.published_on = published_on;
            return Ok(());
        }
        self.publish(report).await
    }

    pub(super) async fn publish(
        &mut self,
        report: &mut PublishReport,
    ) -> Result<(), PublishingError> {
        self.has_archives_to_make = self.publish_and_swap(report).await?;
        Ok(())
    }

    /// Returns whether archives are left to be made.
    async fn publish_and_swap(
        &mut self,
        report: &mut PublishReport,
    ) -> Result<bool, PublishingError> {
        // Not until it is done: a failure is made up for by the next scan.
        self.published_on = None;
        let today = feeds::today(&self.press);
        let live = self.hubs.hold().await;
        let is_backlog = publish::publish(&self.press, report).await?;
        self.swap(self.press.store.documents().await?).await;
        drop(live);
        self.hubs.wake();
        if let Some(fault) = &report.bucket_fault {
            error!("the object store is behind the output folder: {}", fault.message);
        }
        let is_done = report.stand_ins == 0 && report.bucket_fault.is_none();
        self.published_on = is_done.then_some(today);
        Ok(is_backlog)
    }

    /// Makes a few archives; after the last ones the documents that refer to them.
    pub(super) async fn make_archives(&mut self) {
        let mut report = PublishReport::default();
        match publish::make_archives(&self.press, &mut report).await {
            Ok(true) => {}
            Ok(false) => {
                // What is still not right is for the next scan to mend.
                self.has_archives_to_make = false;
                if let Err(error) = self.publish_and_swap(&mut report).await {
                    error!("could not publish what refers to archives: {error:#}");
                }
            }
            Err(error) => {
                self.has_archives_to_make = false;
                self.published_on = None;
                error!("could not make archives: {:#}", anyhow::Error::from(error));
            }
        }
    }

    /// Serves what the records name from now on.
    async fn swap(&self, records: Vec<DocumentRecord>) {
        let previous = Arc::clone(&self.documents.borrow());
        self.documents.send_replace(load(&self.press, previous, records).await);
    }
}

/// What an earlier process put in place: it is served until the first scan is done.
pub(super) async fn standing(press: &Press) -> Arc<DocumentSet> {
    let nothing = Arc::new(DocumentSet::empty(terms(press)));
    match press.store.documents().await {
        Ok(records) => load(press, nothing, records).await,
        Err(error) => {
            error!("the documents could not be read: {error:#}");
            nothing
        }
    }
}

/// What the records name; `previous` where it cannot be loaded.
async fn load(
    press: &Press,
    previous: Arc<DocumentSet>,
    mut records: Vec<DocumentRecord>,
) -> Arc<DocumentSet> {
    let terms = terms(press);
    // What many ask for first: it stays in memory.
    let named: Vec<&str> = named(&press.config).map(|feed| feed.definition.name.as_str()).collect();
    records.sort_by_cached_key(|record| {
        let is_of = |name: &&str| {
            let rest = record.path.strip_prefix("feeds/").and_then(|r| r.strip_prefix(*name));
            rest.is_some_and(|rest| rest.starts_with(['.', '/']))
        };
        let is_deep = record.path.contains('/');
        (is_deep, named.iter().position(is_of).unwrap_or(usize::MAX))
    });
    let folder = press.config.output_folder.clone();
    let standing = Arc::clone(&previous);
    let load = move || DocumentSet::load(&previous.on(terms), &records, &folder);
    match tokio::task::spawn_blocking(load).await {
        Ok(set) => Arc::new(set),
        Err(error) => {
            error!("the documents could not be loaded: {error}");
            standing
        }
    }
}

/// On what terms the documents are served today.
pub(super) fn terms(press: &Press) -> Terms {
    let site = &press.config.site;
    let today = feeds::today(press);
    let was = |feed: &crate::config::NamedFeed| {
        let new = feed.definition.name.clone();
        feed.was.clone().into_iter().map(move |old| (old, new.clone()))
    };
    let closed = |feed: &crate::config::NamedFeed| {
        let closed = feed.closed.as_ref().filter(|closed| closed.from <= today)?;
        Some((feed.definition.name.clone(), closed.redirect.clone()))
    };
    Terms {
        url: site.output_url.clone(),
        hubs: site.hubs.clone(),
        style_feeds: press.config.web.style_feeds,
        former: Former {
            moved: named(&press.config).flat_map(was).collect(),
            closed: named(&press.config).filter_map(closed).collect(),
        },
    }
}
