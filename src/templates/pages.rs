//! What the pages that are made for one request show.

mod sign_up;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::feeds::{FeedDefinition, Site};
use crate::templates::text::language_name;
use crate::words::Words;
pub use sign_up::{
    ConfirmPage, ConfirmState, Notice, SelfConsent, SelfData, SelfPage, SelfState, SubscribePage,
};

/// What each of these pages has.
#[derive(Debug, Clone, Serialize)]
pub struct Frame<'a> {
    pub site_title: &'a str,
    pub site_url: &'a str,
    /// In which its words are.
    pub language: String,
    /// The same page in other languages; empty where there is but one.
    pub switch: Vec<SwitchLink>,
}

impl<'a> Frame<'a> {
    /// One that reaches every branch of `web/layout.html`.
    pub fn sample(site: &'a Site) -> Self {
        let link = |tag: &str, is_here| SwitchLink::new(tag, format!("?lang={tag}"), is_here);
        Self {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: "en".to_owned(),
            switch: vec![link("en", true), link("zh", false)],
        }
    }
}

/// Leads to the same page in one language.
#[derive(Debug, Clone, Serialize)]
pub struct SwitchLink {
    language: String,
    /// What the language calls itself.
    name: String,
    url: String,
    is_here: bool,
}

impl SwitchLink {
    pub fn new(language: &str, url: String, is_here: bool) -> Self {
        let name = language_name(language).to_owned();
        Self { language: language.to_owned(), name, url, is_here }
    }
}

/// What `web/manage.html` shows.
#[derive(Debug, Clone, Serialize)]
pub struct ManagePage<'a> {
    #[serde(flatten)]
    pub frame: Frame<'a>,
    pub state: ManageState,
    /// As `m***@example.org`.
    pub address_masked: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
    /// What the form carries so that nobody else's does.
    pub form: &'a str,
    /// What the person agrees to by saving it.
    pub wording: String,
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
            frame: Frame::sample(site),
            state,
            address_masked: "m***@example.org",
            action: "TOKEN",
            form: "SEAL",
            wording: Words::english().say("manage-wording", &[]),
            feeds: vec![feed("releases", "Press releases", "daily"), feed("events", "Events", "")],
            digests: ["immediate", "daily"]
                .map(|name| Choice::of_digest(name, Words::english()))
                .into(),
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
    /// The link to their data is on its way.
    Asked,
}

impl ManageState {
    pub const ALL: [Self; 6] =
        [Self::Show, Self::Saved, Self::Left, Self::Back, Self::Stale, Self::Asked];
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
    pub fn of_digest(name: &'a str, words: Words<'_>) -> Self {
        let title = if name == "immediate" {
            words.say("choice-immediate", &[])
        } else {
            words.say("choice-digest", &[("digest", name.replace('-', " ").into())])
        };
        Self { name, title }
    }
}
