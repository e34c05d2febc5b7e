//! All documents of one moment: in memory what is small and asked for often, the rest named
//! and read per request.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use tracing::error;
use url::Url;

use super::files::Files;
use super::form::{Description, Forms};
use super::former::{Former, Verdict};
use super::fresh::LastModified;
use super::path::{decoded, with_slash};
use crate::feeds::media_type;
use crate::store::DocumentRecord;

/// What the documents in memory may take, all codings and header fields counted.
const BUDGET_BYTES: u64 = 64 << 20;

/// What stays the same from set to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Where the output folder is reached; ends with `/`.
    pub url: Url,
    /// WebSub hubs that feeds name.
    pub hubs: Vec<Url>,
    /// Whether browsers get feeds as `application/xml`, so that the style sheet shows.
    pub style_feeds: bool,
    pub former: Former,
}

/// All documents of one moment, ready to be sent.
#[derive(Debug)]
pub struct DocumentSet {
    terms: Terms,
    folder: PathBuf,
    /// By path below the folder; a page also by the path of its folder, with the slash.
    by_path: HashMap<String, Place>,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    Memory(Arc<Held>),
    Disk(Arc<DocumentRecord>),
}

/// A document in memory.
#[derive(Debug)]
pub(super) struct Held {
    hash: String,
    changed_at: DateTime<Utc>,
    /// What it takes of the budget.
    cost_bytes: u64,
    pub(super) forms: Forms,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Document(&'a Place),
    /// A page asked for without its last slash, and where that is.
    Folder(HeaderValue),
    Former(Verdict),
    Nothing,
}

impl DocumentSet {
    /// The set of a start, before anything was loaded.
    pub fn empty(terms: Terms) -> Self {
        Self { terms, folder: PathBuf::new(), by_path: HashMap::new() }
    }

    /// The same documents on other terms.
    #[must_use]
    pub fn on(&self, terms: Terms) -> Self {
        Self { terms, folder: self.folder.clone(), by_path: self.by_path.clone() }
    }

    /// The documents that `records` name, under the terms of `previous`.
    ///
    /// What has the same hash there is taken from there, the rest is read. Archives, and what
    /// is beyond the budget in the order of `records`, stay on disk. Of a document that cannot
    /// be read the previous bytes stay. Blocks while it reads.
    pub fn load(previous: &Self, records: &[DocumentRecord], folder: &Path) -> Self {
        Self::load_within(BUDGET_BYTES, previous, records, folder)
    }

    fn load_within(
        budget_bytes: u64,
        previous: &Self,
        records: &[DocumentRecord],
        folder: &Path,
    ) -> Self {
        let mut set = Self::empty(previous.terms.clone());
        folder.clone_into(&mut set.folder);
        let mut left_bytes = budget_bytes;
        for record in records {
            let before = previous.by_path.get(&record.path);
            match set.place(record, before, left_bytes) {
                Ok(place) => {
                    left_bytes -= place.cost_bytes();
                    set.insert(&record.path, place);
                }
                Err(error) => {
                    error!(path = %record.path, "document `{}` is not served anew: {error}", record.path);
                    if let Some(before) = before {
                        set.insert(&record.path, before.clone());
                    }
                }
            }
        }
        set
    }

    fn insert(&mut self, path: &str, place: Place) {
        if let Some(folder) = path.strip_suffix("index.html") {
            self.by_path.insert(folder.to_owned(), place.clone());
        }
        self.by_path.insert(path.to_owned(), place);
    }

    fn place(
        &self,
        record: &DocumentRecord,
        before: Option<&Place>,
        left_bytes: u64,
    ) -> io::Result<Place> {
        let on_disk = || Place::Disk(Arc::new(record.clone()));
        if record.path.contains("/archive/") {
            return Ok(on_disk());
        }
        if let Some(Place::Memory(held)) = before
            && held.hash == record.hash
            && held.changed_at == record.changed_at
        {
            let fits = held.cost_bytes <= left_bytes;
            return Ok(if fits { Place::Memory(Arc::clone(held)) } else { on_disk() });
        }
        let files = Files::look_at(&self.folder, record)?;
        let description = self.describe(record, &files);
        let cost_bytes = files.cost_bytes(description.is_styled);
        if cost_bytes > left_bytes {
            return Ok(on_disk());
        }
        let forms = Forms::new(&description, &files.read()?);
        let (hash, changed_at) = (record.hash.clone(), record.changed_at);
        Ok(Place::Memory(Arc::new(Held { hash, changed_at, cost_bytes, forms })))
    }

    /// The forms of a document on disk, as it stands there now.
    pub(super) async fn look(&self, record: &Arc<DocumentRecord>) -> io::Result<Forms> {
        let (folder, looked_for) = (self.folder.clone(), Arc::clone(record));
        let looking = move || Files::look_at(&folder, &looked_for);
        let files = tokio::task::spawn_blocking(looking).await.map_err(io::Error::other)??;
        Ok(Forms::new(&self.describe(record, &files), &files.unread()))
    }

    fn describe(&self, record: &DocumentRecord, files: &Files) -> Description {
        let media_type = media_type(&record.path);
        let is_feed =
            ["application/rss", "application/atom"].iter().any(|t| media_type.starts_with(t));
        Description {
            media_type,
            tag: files.tag.clone(),
            last_modified: LastModified::new(files.changed_at),
            link: self.terms.link(&record.path),
            is_styled: is_feed && self.terms.style_feeds,
        }
    }

    /// The document of exactly this path, if it lies in memory.
    pub(super) fn in_memory(&self, path: &str) -> Option<&Forms> {
        match self.by_path.get(&*decoded(path)?)? {
            Place::Memory(held) => Some(&held.forms),
            Place::Disk(_) => None,
        }
    }

    /// What the path of a request leads to. A proxy takes a path prefix away or leaves it.
    pub(super) fn find(&self, path: &str, prefixes: &[String]) -> Found<'_> {
        let Some(path) = decoded(path) else {
            return Found::Nothing;
        };
        if let Some(place) = self.by_path.get(&*path) {
            return Found::Document(place);
        }
        let paths: Vec<&str> = std::iter::once(&*path)
            .chain(prefixes.iter().filter_map(|prefix| path.strip_prefix(&**prefix)))
            .collect();
        if let Some(place) = paths.iter().find_map(|path| self.by_path.get(*path)) {
            return Found::Document(place);
        }
        let is_prefix = prefixes.iter().any(|prefix| prefix.strip_suffix('/') == Some(&*path));
        if is_prefix || paths.iter().any(|path| self.by_path.contains_key(&format!("{path}/"))) {
            let location = HeaderValue::from_str(&with_slash(&path));
            return Found::Folder(location.expect("an encoded path is ASCII"));
        }
        let former = paths.iter().find_map(|path| self.terms.former.find(path, &self.terms.url));
        former.map_or(Found::Nothing, Found::Former)
    }
}

impl Place {
    fn cost_bytes(&self) -> u64 {
        match self {
            Self::Memory(held) => held.cost_bytes,
            Self::Disk(_) => 0,
        }
    }
}

impl Terms {
    /// `Link` of a document that can be a topic: its hubs and its own address (W3C WebSub,
    /// section 4). Without a hub there is nothing to tell.
    fn link(&self, path: &str) -> Option<HeaderValue> {
        let name = path.strip_prefix("feeds/")?;
        let (_, ending) = name.rsplit_once('.')?;
        if self.hubs.is_empty() || name.contains('/') || !["rss", "atom", "json"].contains(&ending)
        {
            return None;
        }
        let mut topic = self.url.clone();
        topic.set_path(&format!("{}{path}", self.url.path()));
        let hubs = self.hubs.iter().map(|hub| format!("<{hub}>; rel=\"hub\""));
        let links: Vec<String> = hubs.chain([format!("<{topic}>; rel=\"self\"")]).collect();
        HeaderValue::from_str(&links.join(", ")).ok()
    }
}

#[cfg(test)]
mod tests;
