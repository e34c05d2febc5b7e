//! The config file as it is written: one struct per section, unknown keys refused.
//!
//! Keys that later versions are to have are known here, so that a file written for a
//! later version is answered with what this one cannot do instead of "unknown key".

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_yaml::Value;

use super::legal::Profile;
use super::reminders::RemindersSection;
use crate::content::KindRule;
use crate::feeds::Author;
use crate::model::{Kind, Language};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub site: SiteSection,
    #[serde(default)]
    pub content: ContentSection,
    #[serde(default)]
    pub output: OutputSection,
    #[serde(default)]
    pub templates: FolderSection,
    #[serde(default)]
    pub store: StoreSection,
    #[serde(default)]
    pub keys: FolderSection,
    pub mail: MailSection,
    #[serde(default)]
    pub web: WebSection,
    #[serde(default)]
    pub websub: WebSubSection,
    #[serde(default)]
    pub retention: BTreeMap<String, Value>,
    pub feeds: Vec<FeedSection>,
    pub digests: Vec<DigestSection>,
    pub reminders: Option<RemindersSection>,
    pub rehearsal: Option<RehearsalSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteSection {
    pub title: String,
    pub url: String,
    pub since: NaiveDate,
    pub language: Option<String>,
    #[serde(default)]
    pub languages: Vec<String>,
    pub time_zone: Option<String>,
    pub author: Option<Author>,
    pub rights: Option<String>,
    pub icon: Option<String>,
    pub logo: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ContentSection {
    pub folder: Option<PathBuf>,
    pub scan: Option<String>,
    pub scan_full: Option<String>,
    pub first_scan: Option<String>,
    pub max_age: Option<String>,
    pub max_new: Option<usize>,
    pub permalink: Permalink,
    pub kinds: Vec<KindRule>,
}

/// One pattern for all folders, or one per folder.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Permalink {
    All(String),
    PerFolder(serde_yaml::Mapping),
}

impl Default for Permalink {
    fn default() -> Self {
        Self::PerFolder(serde_yaml::Mapping::new())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OutputSection {
    pub folder: Option<String>,
    pub url: Option<String>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
    pub access_key: Option<String>,
    pub secret_key_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FolderSection {
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StoreSection {
    pub url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailSection {
    pub from: String,
    pub reply_to: Option<String>,
    pub relay: Option<String>,
    pub password_file: Option<PathBuf>,
    #[serde(default)]
    pub allow: Vec<String>,
    #[serde(default)]
    pub allow_plain: bool,
    pub unsubscribe_address: Option<String>,
    #[serde(default)]
    pub send_windows: Vec<WindowSection>,
    pub holidays: Option<PathBuf>,
    pub legal: Option<LegalSection>,
    pub dkim: Option<DkimSection>,
    pub max_issues: Option<usize>,
    pub limits: Option<LimitsSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowSection {
    pub days: Option<Value>,
    pub from: String,
    pub to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegalSection {
    pub profile: Profile,
    pub organisation: Option<String>,
    pub address: Option<String>,
    pub contact: Option<String>,
    pub data_protection: Option<String>,
    pub purpose: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    pub connections: Option<usize>,
    pub per_second: Option<u32>,
    #[serde(default)]
    pub domains: Vec<DomainsSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DomainsSection {
    pub names: Vec<String>,
    pub per_second: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DkimSection {
    pub domain: String,
    pub selector: String,
    pub key_file: PathBuf,
    pub ed25519: Option<DkimKey>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DkimKey {
    pub selector: String,
    pub key_file: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebSection {
    pub listen: Option<String>,
    pub public_url: Option<String>,
    pub admin_listen: Option<String>,
    pub trusted_proxies: Vec<String>,
    pub style_feeds: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebSubSection {
    pub hubs: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedSection {
    pub name: Option<String>,
    pub title: Option<String>,
    pub each: Option<String>,
    pub limit: Option<usize>,
    pub select: Option<SelectSection>,
    pub text: Option<String>,
    pub entries: Option<usize>,
    #[serde(default)]
    pub archive: bool,
    #[serde(default)]
    pub was: Vec<String>,
    pub closed: Option<String>,
    pub redirect: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SelectSection {
    pub any: Vec<CriterionItem>,
    pub all: Vec<CriterionItem>,
    pub none: Vec<CriterionItem>,
}

/// One of these per item: which of two would have to hold is for `any` and `all` to say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CriterionItem {
    pub kind: Option<Kind>,
    pub category: Option<String>,
    pub tag: Option<String>,
    pub agency: Option<String>,
    pub language: Option<Language>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DigestSection {
    pub name: String,
    pub at: Option<String>,
    pub time_zone: Option<String>,
    pub late: Option<String>,
    pub max_late: Option<String>,
    pub uncertain: Option<String>,
    pub approve: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RehearsalSection {
    pub subscribers: PathBuf,
}
