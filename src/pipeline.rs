//! The recipes that commands and daemon share: scan and publish, plan, send.
//!
//! Each is a list of steps over the modules that know how; the decisions are theirs. Every
//! recipe can be run again after a crash at any line: what was done is found done.

mod bodies;
pub mod digests;
pub mod errands;
pub mod feeds;
pub mod hubs;
pub mod joining;
pub mod leaving;
pub mod mirror;
pub mod people;
pub mod preview;
pub mod publish;
pub mod requests;
pub mod scan;
pub mod send;
pub mod trial;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, Relay};
use crate::model::Language;
use crate::store::{Audience, Store, StoreError};
use crate::subscribers::keys::Keys;
use crate::templates::Templates;
use crate::words::Words;

/// One press office at work: its config and what it works with.
#[derive(Debug, Clone)]
pub struct Press {
    pub config: Arc<Config>,
    pub store: Arc<dyn Store>,
    pub keys: Arc<Keys>,
    pub clock: Arc<dyn Clock>,
    pub templates: Arc<Templates>,
}

impl Press {
    /// Whose subscriptions count now: the rehearsal's stand-ins while mail goes to a Maildir
    /// and nobody has subscribed.
    pub async fn audience(&self) -> Result<Audience, StoreError> {
        let is_rehearsal = matches!(self.config.mail.relay, Relay::Maildir(_))
            && self.config.rehearsal_subscribers.is_some()
            && !self.store.has_real_subscribers().await?;
        Ok(if is_rehearsal { Audience::Rehearsal } else { Audience::Real })
    }

    /// Languages of the config that there are words in, the site's among them.
    pub fn languages(&self) -> Vec<Language> {
        let config = &self.config;
        let mut languages = config.languages.clone();
        if !languages.contains(&config.site.language) {
            languages.insert(0, config.site.language.clone());
        }
        let book = self.templates.wordbook();
        languages.retain(|language| book.speaks(language.as_str()));
        languages
    }

    /// What who signs up, or confirms it, agrees to, in the words of `key`.
    pub fn consent_wording(&self, words: Words<'_>, key: &str) -> String {
        let legal = self.config.mail.legal.as_ref();
        let organisation = legal.and_then(|legal| legal.organisation.clone());
        let sender = organisation.unwrap_or_else(|| self.config.site.title.clone());
        words.say(key, &[("sender", sender.into())])
    }

    /// The site's host: in ids, in List-Ids.
    pub fn site_host(&self) -> &str {
        self.config.site.url.host_str().unwrap_or("localhost")
    }
}
