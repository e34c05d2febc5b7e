//! The recipes that commands and daemon share: scan and publish, plan, send.
//!
//! Each is a list of steps over the modules that know how; the decisions are theirs. Every
//! recipe can be run again after a crash at any line: what was done is found done.

mod bodies;
pub mod digests;
pub mod people;
pub mod publish;
pub mod requests;
pub mod scan;
pub mod send;

use std::collections::HashSet;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, FeedConfig, Relay};
use crate::feeds::select::category_values;
use crate::feeds::{Criterion, FeedDefinition, Selection};
use crate::model::Entry;
use crate::store::{Audience, Store, StoreError};
use crate::subscribers::keys::Keys;
use crate::templates::Templates;

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
    /// The feeds of the config, with one for each category that `entries` use, in config
    /// order.
    pub fn feeds(&self, entries: &[Entry]) -> Vec<FeedDefinition> {
        let mut feeds: Vec<FeedDefinition> = Vec::new();
        for feed in &self.config.feeds {
            match feed {
                FeedConfig::One(definition) => feeds.push(definition.clone()),
                FeedConfig::EachCategory => {
                    let values = category_values(entries).into_iter();
                    feeds.extend(values.map(|(name, title)| {
                        let all = vec![Criterion::Category(title.clone())];
                        let select = Selection { all, ..Selection::default() };
                        FeedDefinition::new(format!("{CATEGORY_PREFIX}{name}"), title, select)
                    }));
                }
            }
        }
        // A feed of the config keeps its name against one made from a category.
        let mut seen = HashSet::new();
        feeds.retain(|feed| seen.insert(feed.name.clone()));
        feeds
    }

    /// Whose subscriptions count now: the rehearsal's stand-ins while mail goes to a Maildir
    /// and nobody has subscribed.
    pub async fn audience(&self) -> Result<Audience, StoreError> {
        let is_rehearsal = matches!(self.config.mail.relay, Relay::Maildir(_))
            && self.config.rehearsal_subscribers.is_some()
            && !self.store.has_real_subscribers().await?;
        Ok(if is_rehearsal { Audience::Rehearsal } else { Audience::Real })
    }

    /// The site's host: in ids, in List-Ids.
    pub fn site_host(&self) -> &str {
        self.config.site.url.host_str().unwrap_or("localhost")
    }
}

/// How the feed of a category is named.
pub const CATEGORY_PREFIX: &str = "category-";
