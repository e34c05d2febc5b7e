//! Reads the content folder: files in, drafts and problems out.
//!
//! A file is Markdown or HTML with YAML front matter, as in Isomer, Jekyll and Hugo sites.
//! `read` turns the bytes of one file into a [`Reading`] and does no I/O; `scan` walks the
//! folder and leaves out what did not change. What a draft becomes - an entry, a change,
//! nothing - is the catalogue's to say.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use url::Url;

mod body;
mod dates;
mod event;
mod fields;
mod front_matter;
mod hugo;
mod kind;
mod kramdown;
mod links;
mod liquid;
mod markdown;
mod misspelt;
mod nesting;
mod permalink;
mod players;
mod problem;
mod published;
mod read;
mod sanitise;
mod scan;
mod source;
mod tags;
mod template_tags;
mod text;
mod walk;
mod yaml;

pub(crate) use permalink::media_type;
pub use read::{Bodies, read, read_as};
pub use scan::{
    Changed, Remembered, Scan, ScanError, ScannedFile, Wanted, find_changed, read_again,
    read_files, scan,
};
pub use walk::{FileStat, Walk, split as split_path, walk};

use crate::model::{Enclosure, EntryId, Event, Language, Notes, Timestamp};

/// What reading needs to know of the site; nothing else of the config reaches this module.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Address of the site; relative links are resolved against the entry's own link on it.
    pub site_url: Url,
    pub time_zone: Tz,
    /// Language of a file that does not name one.
    pub language: Language,
    /// Explicit rules of the config, tried in order before the default ones.
    pub kinds: Vec<KindRule>,
    /// Patterns for files without an address of their own, the first match of `folder` wins.
    pub permalinks: Vec<PermalinkRule>,
}

/// `content.kinds` of the config: what a matching file is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    #[serde(rename = "match")]
    pub matches: KindMatch,
    pub kind: DraftKind,
}

/// All given fields must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KindMatch {
    /// A folder name anywhere in the path, or a path from the content folder on.
    pub folder: Option<String>,
    /// A category, compared without regard to case.
    pub category: Option<String>,
    /// Beginning of the permalink.
    pub permalink: Option<String>,
}

/// One line of `content.permalink`: folder (empty for all) and pattern such as
/// `/:categories/:year/:month/:day/:title/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermalinkRule {
    pub folder: String,
    pub pattern: String,
}

/// Which way a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DraftKind {
    Release,
    Event,
    /// Recognised and never published.
    Page,
}

/// One source file, read: what it would be published as, before identity and history.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Path from the content folder on, with `/` between its parts.
    pub path: String,
    pub kind: DraftKind,
    /// `id` of the front matter.
    pub pinned_id: Option<EntryId>,
    pub title: String,
    pub link: Url,
    pub published: Published,
    pub expires_at: Option<Timestamp>,
    /// `updated` of the front matter.
    pub updated: Option<DateValue>,
    /// `draft: true` or `published: false`.
    pub is_unpublished: bool,
    pub language: Language,
    pub translation_key: Option<String>,
    pub categories: Vec<String>,
    pub tags: Vec<String>,
    pub agency: Option<String>,
    pub summary: String,
    /// SHA-256, in lower-case hex, of the body as it is written.
    pub source_hash: String,
    /// SHA-256 of `content_html`; absent where that was not made.
    pub body_hash: Option<String>,
    /// Empty, like `content_text`, where it was not made or was let go.
    pub content_html: String,
    pub content_text: String,
    pub image: Option<Url>,
    pub enclosures: Vec<Enclosure>,
    pub event: Option<Event>,
    pub notes: Notes,
    pub urgent: bool,
}

impl Draft {
    /// Lets the body go; `body_hash` still tells it from others.
    fn drop_body(&mut self) {
        self.content_html = String::new();
        self.content_text = String::new();
    }
}

/// Publication time and where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Absent where only the time first seen is left.
    pub value: Option<DateValue>,
    pub source: PublishedSource,
}

/// A moment, or a day whose second of publication the catalogue gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateValue {
    At(Timestamp),
    Day(NaiveDate),
}

/// Where a publication time came from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishedSource {
    /// `publish_at`: an embargo.
    PublishAt,
    /// `date` of the front matter.
    Date,
    FileName,
    /// A date line at the head of the body.
    Body,
    FirstSeen,
}

/// Result of reading one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub outcome: Outcome,
    /// With an error among them the outcome is [`Outcome::HeldBack`].
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A release, an event, or a page (with `kind: page`), complete.
    Draft(Box<Draft>),
    /// Index, search, layout and include files.
    Template,
    /// Nothing in it to publish: no byte, blanks alone, or a placeholder.
    Empty,
    /// An error stops this file until it is mended.
    HeldBack,
}

/// Something to mend, in words that an author can act on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    pub severity: Severity,
    pub path: String,
    /// Line in the file, from 1; absent where the whole file is meant.
    pub line: Option<usize>,
    /// Front matter key or part of the body.
    pub field: Option<String>,
    /// The value that is wrong, cut to 80 characters.
    pub value: Option<String>,
    /// What is wrong, as a sentence without a final period.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The item is held back.
    Error,
    /// The item is published all the same.
    Warning,
}
