//! Feeds: named selections of entries, rendered as documents.
//!
//! Everything in here is a function from entries and definitions to bytes: no I/O, no clock,
//! no randomness, so that equal entries give equal bytes and a stable `ETag`.

pub mod atom;
pub mod calendar;
pub mod content;
pub mod documents;
pub mod facets;
mod finish;
pub mod former;
pub mod json_feed;
pub mod name;
pub mod opml;
pub mod page;
pub mod rss;
pub mod select;
pub mod xml;

#[cfg(test)]
pub(crate) mod samples;

pub use name::feed_name;

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use url::Url;

use crate::model::{Address, Entry, EntryId, Language, Timestamp};

/// What every document says of the publisher.
#[derive(Debug, Clone)]
pub struct Site {
    pub title: String,
    pub url: Url,
    pub language: Language,
    pub author: Option<Author>,
    /// Midnight of `site.since`: the `updated` of a feed that never had an entry.
    pub since: Timestamp,
    /// `site.since` as written, for tag IRIs (RFC 4151).
    pub since_date: chrono::NaiveDate,
    pub time_zone: chrono_tz::Tz,
    /// Where the output folder is reached; ends with `/`.
    pub output_url: Url,
    /// Where the daemon is reached, for what it alone serves; ends with `/`.
    pub public_url: Url,
    /// Who holds which rights, as plain text (RFC 4287, 4.2.10; RSS `copyright`).
    pub rights: Option<String>,
    /// A small square picture (RFC 4287, 4.2.5; JSON Feed `favicon`).
    pub icon: Option<Url>,
    /// A larger picture, twice as wide as high (RFC 4287, 4.2.8; RSS `image`).
    pub logo: Option<Url>,
    /// WebSub hubs that are told of new bytes (W3C WebSub, section 4).
    pub hubs: Vec<Url>,
    /// Who answers for an event whose file is put into a calendar.
    pub organizer: Organizer,
}

/// Whom a calendar names with an event that was sent to it (RFC 5545, 3.8.4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organizer {
    pub name: String,
    /// With `mailto:` as its scheme (RFC 6068).
    pub address: Url,
}

impl Organizer {
    pub fn new(name: impl Into<String>, address: &Address) -> Self {
        let encoded = utf8_percent_encode(address.as_str(), ENCODED_IN_MAILTO);
        let address = format!("mailto:{encoded}").parse().expect("nothing else is left in it");
        Self { name: name.into(), address }
    }
}

/// RFC 6068, section 2: what stands in an address and would end it, or mean something else.
const ENCODED_IN_MAILTO: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'@').remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b'+');

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    pub name: String,
    pub email: Option<String>,
}

/// One feed of the config, `each:` already resolved into one definition per value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedDefinition {
    /// Part of addresses and file names: lower case, runs of anything else one `-`.
    pub name: String,
    pub title: String,
    pub select: Selection,
    /// How much of an entry its documents hold.
    pub text: Text,
    /// Newest entries in RSS, Atom and JSON Feed.
    pub length: usize,
    /// Whether the whole history is kept in archives (RFC 5005, section 4).
    pub archive: bool,
}

/// How much of an entry a feed's documents hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Text {
    #[default]
    Full,
    /// The summary alone; notices and event details stand before it.
    Summary,
}

impl FeedDefinition {
    /// A feed of whole texts, of usual length and without archives.
    pub fn new(name: impl Into<String>, title: impl Into<String>, select: Selection) -> Self {
        let text = Text::Full;
        Self { name: name.into(), title: title.into(), select, text, length: 50, archive: false }
    }
}

/// Which entries a feed holds. All three lists must agree; an empty list agrees with all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// At least one holds.
    pub any: Vec<Criterion>,
    /// Each one holds.
    pub all: Vec<Criterion>,
    /// Not one holds.
    pub none: Vec<Criterion>,
}

/// One test of an entry; text is compared under the rule of feed names (NFKC, case, runs).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Criterion {
    Kind(crate::model::Kind),
    Category(String),
    Tag(String),
    Agency(String),
    Language(Language),
}

/// A feed with its newest entries, ready to be rendered as a subscription document.
#[derive(Debug, Clone)]
pub struct Feed {
    pub definition: FeedDefinition,
    /// `updated` newest first, then id.
    pub entries: Vec<Arc<Entry>>,
    /// Time of the newest change in the feed.
    pub updated: Timestamp,
    /// Entries that were deleted of late, newest first, then id (RFC 6721).
    pub tombstones: Vec<Tombstone>,
    /// Number of the newest archive in place; 0 where there is none.
    pub archives: u64,
}

impl Feed {
    /// Puts entries in the order of feeds: `updated` newest first, then id.
    ///
    /// `updated` is never before `told`, what earlier documents of the feed said, so that it
    /// does not go back when its newest entry leaves.
    pub fn new(
        definition: FeedDefinition,
        entries: Vec<Arc<Entry>>,
        tombstones: Vec<Tombstone>,
        told: Timestamp,
    ) -> Self {
        let entries = newest_first(entries);
        let newest = entries.first().map(|entry| entry.updated);
        let buried = tombstones.iter().map(|tombstone| tombstone.at);
        let updated = buried.chain(newest).fold(told, Timestamp::max);
        Self { definition, entries, updated, tombstones, archives: 0 }
    }
}

/// `updated` newest first, then id; each once.
pub fn newest_first(mut entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
    entries.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
    entries.dedup_by(|a, b| a.id == b.id);
    entries
}

/// An entry that is no more (RFC 6721, section 3: `at:deleted-entry`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    pub id: EntryId,
    pub at: Timestamp,
}

/// Entries of an archive. It decides which of them a closed one holds, so it stays.
pub const ARCHIVE_LENGTH: u64 = 50;

/// A closed block of a feed's history (RFC 5005, section 4).
#[derive(Debug, Clone)]
pub struct Archive {
    pub definition: FeedDefinition,
    /// From 1, oldest first.
    pub number: u64,
    /// `updated` newest first, then id.
    pub entries: Vec<Arc<Entry>>,
    pub updated: Timestamp,
}

/// The events of a feed that a calendar shows: those to come, and those of late.
#[derive(Debug, Clone)]
pub struct Calendar {
    pub definition: FeedDefinition,
    /// By start, then id.
    pub events: Vec<Arc<Entry>>,
}

impl FeedDefinition {
    /// Which part of whose news it is, as plain text.
    pub fn description(&self, site: &Site) -> String {
        format!("{} – {}", self.title, site.title)
    }

    /// Path of its RSS document below the output folder; the others likewise.
    pub fn rss_path(&self) -> String {
        format!("feeds/{}.rss", self.name)
    }

    pub fn atom_path(&self) -> String {
        format!("feeds/{}.atom", self.name)
    }

    pub fn json_path(&self) -> String {
        format!("feeds/{}.json", self.name)
    }

    pub fn calendar_path(&self) -> String {
        format!("feeds/{}.ics", self.name)
    }

    pub fn page_path(&self) -> String {
        format!("feeds/{}/index.html", self.name)
    }

    pub fn atom_archive_path(&self, number: u64) -> String {
        format!("feeds/{}/archive/{number}.atom", self.name)
    }

    pub fn json_archive_path(&self, number: u64) -> String {
        format!("feeds/{}/archive/{number}.json", self.name)
    }
}

/// Style sheet of feeds and pages, and the script of the copy buttons.
pub const STYLE_PATH: &str = "feeds/style.css";
pub const SCRIPT_PATH: &str = "feeds/copy.js";
pub const OPML_PATH: &str = "feeds.opml";
pub const INDEX_PATH: &str = "index.html";

/// Readers ask again after this many seconds at the earliest, wherever a document is served.
pub const CACHE_CONTROL: &str = "public, max-age=60";

/// What the bytes at a path of the output folder are, by the ending of its name.
pub fn media_type(path: &str) -> &'static str {
    if calendar::is_of_event(path) {
        // RFC 5545 section 3.7.2: the same as METHOD in it.
        return "text/calendar; charset=utf-8; method=PUBLISH";
    }
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "rss" => "application/rss+xml; charset=utf-8",
        "atom" => "application/atom+xml; charset=utf-8",
        "json" => "application/feed+json; charset=utf-8",
        "ics" => "text/calendar; charset=utf-8",
        "opml" => "text/x-opml; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        _ => "application/octet-stream",
    }
}

impl Site {
    /// Address of a document, percent-encoded where its path has letters beyond ASCII.
    pub fn address(&self, path: &str) -> Url {
        let mut address = self.output_url.clone();
        address.set_path(&format!("{}{path}", self.output_url.path()));
        address
    }
}

/// One output: its path below the output folder, its bytes and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// With `/` between its parts, as `feeds/all.atom`; its ending says what it is.
    pub path: String,
    pub bytes: Vec<u8>,
}
