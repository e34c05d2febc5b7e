//! Reads `config/tidings.yaml` and the environment once, into one checked [`Config`].
//!
//! Whatever is wrong is told with file, line, value and remedy. Modules receive the values
//! they need, never the whole `Config`. `serde_yaml` is used here and in
//! `content::yaml` alone (see `docs/decisions/001-serde-yaml.md`).

mod check;
mod digests;
mod dkim;
mod duration;
mod error;
mod feed_lines;
mod file;
mod legal;
mod limits;
mod mail;
mod output;
mod relay;
mod reminders;
mod windows;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use croner::Cron;
use ipnet::IpNet;
use url::Url;

use crate::content;
use crate::digest::windows::SendWindows;
use crate::feeds::facets::Facet;
use crate::feeds::{self, FeedDefinition, Text};
use crate::mail::dkim::Signer;
use crate::model::{Address, Language};
use crate::outbox::limits::RelayLimits;
use crate::publish::bucket::BucketConfig;

pub use error::ConfigError;
pub(crate) use error::{edit_distance, nearest};
pub use legal::Legal;
pub use relay::{Relay, Secret, Security, SmtpRelay};
pub use reminders::RemindersConfig;
pub use windows::AllowList;

/// Where the config is looked for when nothing else is said.
pub const DEFAULT_PATH: &str = "config/tidings.yaml";

/// Digests that the program itself sends; no config may take these names.
pub const RESERVED_DIGESTS: [&str; 6] =
    ["confirm", "notice", "reminder", "self", "urgent", "correction"];

/// Everything the config says, checked, with every path made absolute or relative to the
/// current folder.
#[derive(Debug, Clone)]
pub struct Config {
    pub path: PathBuf,
    pub site: feeds::Site,
    /// Languages that readers may choose; empty where any may be.
    pub languages: Vec<Language>,
    pub content: ContentConfig,
    /// Where documents are put in place; with a bucket, what it is a copy of.
    pub output_folder: PathBuf,
    /// The object store that `output.folder` names.
    pub bucket: Option<BucketConfig>,
    pub templates_folder: PathBuf,
    /// The SQLite file.
    pub store_path: PathBuf,
    pub keys_folder: PathBuf,
    pub mail: MailConfig,
    pub web: WebConfig,
    pub feeds: Vec<FeedConfig>,
    pub digests: Vec<DigestConfig>,
    /// Absent where events are not told again.
    pub reminders: Option<RemindersConfig>,
    pub rehearsal_subscribers: Option<PathBuf>,
    /// What the file asks for and this version does not do; told once at start.
    pub warnings: Vec<String>,
}

impl Config {
    /// Whether readers may have this language: itself, or what it is a kind of.
    pub fn has_language(&self, language: &Language) -> bool {
        let mut listed = self.languages.iter().chain([&self.site.language]);
        self.languages.is_empty() || listed.any(|listed| language.is_kind_of(listed))
    }
}

#[derive(Debug, Clone)]
pub struct ContentConfig {
    pub folder: PathBuf,
    /// How often the folder is scanned where file events are not enough.
    pub scan: Duration,
    /// How often it is scanned even where file events work.
    pub scan_full: Duration,
    pub first_scan: FirstScan,
    /// Older news is published, not mailed.
    pub max_age: Duration,
    /// More new items than this in one scan are held.
    pub max_new: usize,
    pub rules: content::Rules,
}

/// What becomes of the files that lie there when a folder is first scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstScan {
    /// In the feeds, not in the mail.
    Adopt,
    /// News, whatever their age.
    Announce,
}

#[derive(Debug, Clone)]
pub struct MailConfig {
    pub from: Sender,
    pub reply_to: Option<Sender>,
    pub relay: Relay,
    pub unsubscribe_address: Option<Address>,
    /// Signs what is sent; its selector is what a new delivery keeps.
    pub dkim: Option<Arc<Signer>>,
    /// More distinct issues in one run than this are held.
    pub max_issues: usize,
    /// How hard the relay is worked.
    pub limits: RelayLimits,
    /// When digests, corrections and reminders may go out.
    pub windows: SendWindows,
    /// Mail to others is rehearsed.
    pub allow: AllowList,
    /// Who answers for the mail; absent in configs from before there were profiles.
    pub legal: Option<Legal>,
}

/// A display name and an address (RFC 5322, 3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub name: Option<String>,
    pub address: Address,
}

#[derive(Debug, Clone)]
pub struct WebConfig {
    pub listen: SocketAddr,
    /// Ends with `/`.
    pub public_url: Url,
    /// Whose word for where a request comes from is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Feeds are answered as XML to who prefers a page, so that their style sheet shows.
    pub style_feeds: bool,
}

/// One line of `feeds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedConfig {
    One(Box<NamedFeed>),
    /// `each: category`: a feed for every value that occurs.
    Each(EachFeed),
}

/// A feed that the config names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFeed {
    pub definition: FeedDefinition,
    /// Names it had: their addresses lead here, and their subscribers come along.
    pub was: Vec<String>,
    pub closed: Option<Closed>,
}

/// The end of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// First day without it, in the site's zone.
    pub from: NaiveDate,
    /// Where its readers are sent; they are told that it is gone where this is absent.
    pub redirect: Option<Url>,
}

/// A feed for every value of a facet; once made a feed stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EachFeed {
    pub facet: Facet,
    /// More feeds than this are not made until an operator approves.
    pub limit: usize,
    pub text: Text,
    pub length: usize,
    pub archive: bool,
}

#[derive(Debug, Clone)]
pub struct DigestConfig {
    pub name: String,
    /// Absent for `immediate`.
    pub at: Option<Cron>,
    pub zone: Tz,
    pub late: Late,
    pub uncertain: Uncertain,
    pub approve: Approve,
}

/// Which runs of a digest wait for an operator's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approve {
    Never,
    Always,
    /// Those that go to more people.
    Over(u64),
}

impl Approve {
    pub fn is_needed(self, recipients: u64) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Over(limit) => recipients > limit,
        }
    }
}

/// What a digest that missed its moment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Sends one issue over all missed windows, until this long after the moment.
    Send { until: Duration },
    /// Drops the mail, not the news.
    Skip,
}

/// What becomes of a message whose reply was never seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncertain {
    /// Sent once more, same Message-ID and bytes.
    Resend,
    Hold,
}

/// What the environment adds: secrets that must not stand in a file that is shared.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `TIDINGS_SMTP_PASSWORD`.
    pub smtp_password: Option<Secret>,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    pub bucket_key: Option<String>,
    pub bucket_secret: Option<Secret>,
    pub bucket_token: Option<Secret>,
    /// `AWS_REGION` and `AWS_ENDPOINT_URL`.
    pub bucket_region: Option<String>,
    pub bucket_endpoint: Option<String>,
    /// `TIDINGS_LOG`: a filter such as `info` or `tidings::outbox=debug`.
    pub log: Option<String>,
    /// Who is at work: `SUDO_USER`, else `USER` or `LOGNAME`.
    pub user: Option<String>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn read() -> Self {
        let read = |name| std::env::var(name).ok();
        Self {
            smtp_password: read("TIDINGS_SMTP_PASSWORD").map(Secret::new),
            bucket_key: read("AWS_ACCESS_KEY_ID"),
            bucket_secret: read("AWS_SECRET_ACCESS_KEY").map(Secret::new),
            bucket_token: read("AWS_SESSION_TOKEN").map(Secret::new),
            bucket_region: read("AWS_REGION"),
            bucket_endpoint: read("AWS_ENDPOINT_URL"),
            log: read("TIDINGS_LOG"),
            user: ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(read),
        }
    }
}

/// Reads and checks the config at `path`.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let file: file::File =
        serde_yaml::from_str(&text).map_err(|error| ConfigError::from_yaml(path, &error))?;
    check::Checker { path, text: &text }.check(file, environment)
}

#[cfg(test)]
mod tests;
