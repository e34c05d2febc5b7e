//! Feeds: named selections of entries, rendered as documents.
//!
//! Everything in here is a function from entries and definitions to bytes: no I/O, no clock,
//! no randomness, so that equal entries give equal bytes and a stable `ETag`.

pub mod atom;
pub mod content;
pub mod documents;
pub mod former;
pub mod name;
pub mod page;
pub mod rss;
pub mod select;
pub mod xml;

#[cfg(test)]
mod samples;

pub use name::feed_name;

use serde::Deserialize;
use url::Url;

use crate::model::{Entry, Language, Timestamp};

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
}

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

/// A feed with its newest entries, ready to be rendered in any format.
#[derive(Debug, Clone)]
pub struct Feed {
    pub definition: FeedDefinition,
    /// `updated` newest first, then id.
    pub entries: Vec<Entry>,
    /// Time of the newest change in the feed.
    pub updated: Timestamp,
}

impl Feed {
    /// Path of its RSS document below the output folder.
    pub fn rss_path(&self) -> String {
        format!("feeds/{}.rss", self.definition.name)
    }

    /// Path of its Atom document below the output folder.
    pub fn atom_path(&self) -> String {
        format!("feeds/{}.atom", self.definition.name)
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
    /// With `/` between its parts, as `feeds/all.atom`.
    pub path: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}
