//! `/unsubscribe/TOKEN`: GET shows, POST acts (RFC 8058).
//!
//! One click ends the person's subscriptions to the digest that the mail belongs to; of urgent
//! news, corrections and reminders those to the feeds that brought it. No cookie, no redirect:
//! the token in the address says who and what.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use tracing::{error, info};

use super::{Web, forms};
use crate::pipeline::feeds;
use crate::store::EndOfSubscription;
use crate::subscribers::token::{self, Purpose, Subject};
use crate::templates::{UnsubscribePage, UnsubscribeState};

pub(super) async fn show(State(web): State<Arc<Web>>, Path(token): Path<String>) -> Response {
    let Some(subject) = token::read(&web.press.keys, Purpose::Unsubscribe, &token) else {
        return web.unsubscribe_page(&token, None, UnsubscribeState::Invalid);
    };
    match web.named(subject).await {
        Ok(Some(named)) => {
            let state =
                if named.is_running { UnsubscribeState::Ask } else { UnsubscribeState::Ended };
            web.unsubscribe_page(&token, Some(&named), state)
        }
        Ok(None) => web.unsubscribe_page(&token, None, UnsubscribeState::Invalid),
        Err(error) => {
            error!("{error}");
            web.failed()
        }
    }
}

/// Takes the one-click POST of a mail program and the button of our own page alike: both
/// mean the same, whatever the body says.
pub(super) async fn act(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Some(subject) = token::read(&web.press.keys, Purpose::Unsubscribe, &token) else {
        return web.unsubscribe_page(&token, None, UnsubscribeState::Invalid);
    };
    let is_one_click = body.contains("List-Unsubscribe=One-Click");
    let fields = forms::fields(&headers, &body).unwrap_or_default();
    if fields.contains_key("left") && !is_one_click {
        return web.come_back(subject, &token, &fields).await;
    }
    match web.leave(subject, if is_one_click { "one-click" } else { "page" }).await {
        Ok(Some(Left { named, ended: 0, .. })) => {
            web.unsubscribe_page(&token, Some(&named), UnsubscribeState::Ended)
        }
        Ok(Some(Left { named, ended, at })) => {
            info!(run = subject.run, ended, "a reader unsubscribed");
            web.unsubscribe_page_with(&token, Some(&named), UnsubscribeState::Done, Some(at))
        }
        Ok(None) => web.unsubscribe_page(&token, None, UnsubscribeState::Invalid),
        Err(error) => {
            error!("{error}");
            web.failed()
        }
    }
}

/// The digest and the person that a token names.
struct Named {
    digest: String,
    feeds: Option<Vec<String>>,
    /// Their titles, as people know them.
    titles: Option<String>,
    address_masked: String,
    is_running: bool,
}

/// What a click ended, and when.
struct Left {
    named: Named,
    ended: u64,
    at: DateTime<Utc>,
}

impl Web {
    async fn named(&self, subject: Subject) -> anyhow::Result<Option<Named>> {
        let press = &self.press;
        let Some(delivery) = press.store.delivery(subject.run, subject.subscriber).await? else {
            return Ok(None);
        };
        let address = press.keys.open_address(delivery.address_key, &delivery.address_cipher)?;
        let mut titles = None;
        if let Some(names) = &delivery.feeds {
            let known = feeds::definitions(press).await?;
            let title = |name: &String| {
                let feed = known.iter().find(|feed| feed.name == *name);
                feed.map_or(name.clone(), |feed| feed.title.clone())
            };
            titles = Some(names.iter().map(title).collect::<Vec<_>>().join(", "));
        }
        Ok(Some(Named {
            digest: delivery.digest,
            titles,
            feeds: delivery.feeds,
            address_masked: address.masked(),
            is_running: delivery.running_subscriptions > 0,
        }))
    }

    async fn come_back(
        &self,
        subject: Subject,
        token: &str,
        fields: &BTreeMap<String, String>,
    ) -> Response {
        let now = self.press.clock.now();
        let back = match self.undo(subject, token, fields, now).await {
            Ok(_) => self.named(subject).await,
            Err(error) => Err(error),
        };
        match back {
            Ok(Some(named)) => {
                let state =
                    if named.is_running { UnsubscribeState::Back } else { UnsubscribeState::Ended };
                self.unsubscribe_page(token, Some(&named), state)
            }
            Ok(None) => self.unsubscribe_page(token, None, UnsubscribeState::Invalid),
            Err(error) => {
                error!("{error}");
                self.failed()
            }
        }
    }

    async fn leave(&self, subject: Subject, source: &str) -> anyhow::Result<Option<Left>> {
        let Some(named) = self.named(subject).await? else {
            return Ok(None);
        };
        let end = |digest: Option<&String>, feed: Option<&String>| EndOfSubscription {
            subscriber: subject.subscriber,
            digest: digest.cloned(),
            feed: feed.cloned(),
            source: source.to_owned(),
            reason: "left".to_owned(),
        };
        let ends = match &named.feeds {
            None => vec![end(Some(&named.digest), None)],
            Some(feeds) => feeds.iter().map(|feed| end(None, Some(feed))).collect(),
        };
        let (mut ended, at) = (0, self.press.clock.now());
        for end in ends {
            ended += self.press.store.end_subscriptions(&end, at).await?;
        }
        Ok(Some(Left { named, ended, at }))
    }

    fn unsubscribe_page(
        &self,
        token: &str,
        named: Option<&Named>,
        state: UnsubscribeState,
    ) -> Response {
        self.unsubscribe_page_with(token, named, state, None)
    }

    fn unsubscribe_page_with(
        &self,
        token: &str,
        named: Option<&Named>,
        state: UnsubscribeState,
        left_at: Option<DateTime<Utc>>,
    ) -> Response {
        let site = &self.press.config.site;
        let left = left_at.map(|at| at.timestamp().to_string());
        let page = UnsubscribePage {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: &site.language,
            state,
            digest: named.map_or("", |named| &named.digest),
            feeds: named.and_then(|named| named.titles.clone()),
            address_masked: named.map_or("", |named| &named.address_masked),
            // Relative to the page's own address, so that a prefix in front of us holds.
            action: token,
            undo_seal: left
                .as_deref()
                .map(|left| forms::seal(&self.press.keys, "undo", token, left)),
            left,
        };
        let status = match state {
            UnsubscribeState::Invalid => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        self.page(status, self.press.templates.page("web/unsubscribe.html", &page))
    }
}
