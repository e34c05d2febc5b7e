//! What the pages that act for one person show.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::feeds::{FeedDefinition, Site};
use crate::model::Language;

/// What `web/manage.html` shows.
#[derive(Debug, Clone, Serialize)]
pub struct ManagePage<'a> {
    pub site_title: &'a str,
    pub site_url: &'a str,
    pub language: &'a Language,
    pub state: ManageState,
    /// As `m***@example.org`.
    pub address_masked: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
    /// What the form carries so that nobody else's does.
    pub form: &'a str,
    pub wording: &'a str,
    pub feeds: Vec<ManagedFeed<'a>>,
    pub digests: Vec<Choice<'a>>,
    /// None where mail is written in one language.
    pub languages: Vec<&'a str>,
    pub mail_language: &'a str,
    pub is_paused: bool,
    /// When this person left, and the seal of it; absent where there is nothing to take back.
    pub left: Option<String>,
    pub undo_seal: Option<String>,
}

impl<'a> ManagePage<'a> {
    /// One that reaches every branch of its template.
    pub fn sample(site: &'a Site, state: ManageState) -> Self {
        let feed = |name, title, digest| ManagedFeed { name, title, digest };
        Self {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: &site.language,
            state,
            address_masked: "m***@example.org",
            action: "TOKEN",
            form: "SEAL",
            wording: "Choose what you get.",
            feeds: vec![feed("releases", "Press releases", "daily"), feed("events", "Events", "")],
            digests: ["immediate", "daily"].map(Choice::of_digest).into(),
            languages: vec!["en", "zh"],
            mail_language: "zh",
            is_paused: true,
            left: Some("1".into()),
            undo_seal: Some("SEAL".into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ManageState {
    Show,
    Saved,
    Left,
    /// They left, and took it back.
    Back,
    /// The form was not ours, or is too old.
    Stale,
}

/// A feed that can be followed.
#[derive(Debug, Clone, Serialize)]
pub struct ManagedFeed<'a> {
    pub name: &'a str,
    pub title: &'a str,
    /// Name of the digest that brings it; empty where none does.
    pub digest: &'a str,
}

impl<'a> ManagedFeed<'a> {
    pub fn of(feed: &'a FeedDefinition, follows: &'a BTreeMap<String, String>) -> Self {
        let digest = follows.get(&feed.name).map_or("", String::as_str);
        Self { name: &feed.name, title: &feed.title, digest }
    }
}

/// A digest that can be chosen.
#[derive(Debug, Clone, Serialize)]
pub struct Choice<'a> {
    pub name: &'a str,
    pub title: String,
}

impl<'a> Choice<'a> {
    pub fn of_digest(name: &'a str) -> Self {
        let title = if name == "immediate" {
            "At once, a mail for each".to_owned()
        } else {
            format!("In the {} digest", name.replace('-', " "))
        };
        Self { name, title }
    }
}
