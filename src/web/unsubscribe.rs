//! `/unsubscribe/TOKEN`: GET shows, POST acts (RFC 8058).
//!
//! One click ends the person's subscriptions to the digest that the mail belongs to; of urgent
//! news, corrections and reminders those to the feeds that brought it. No cookie, no redirect:
//! the token in the address says who and what.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tracing::{error, info};

use super::Web;
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
    body: String,
) -> Response {
    let Some(subject) = token::read(&web.press.keys, Purpose::Unsubscribe, &token) else {
        return web.unsubscribe_page(&token, None, UnsubscribeState::Invalid);
    };
    let is_one_click = body.contains("List-Unsubscribe=One-Click");
    match web.leave(subject, if is_one_click { "one-click" } else { "page" }).await {
        Ok(Some((named, ended))) => {
            info!(run = subject.run, ended, "a reader unsubscribed");
            let state = if ended > 0 { UnsubscribeState::Done } else { UnsubscribeState::Ended };
            web.unsubscribe_page(&token, Some(&named), state)
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
    address_masked: String,
    is_running: bool,
}

impl Web {
    async fn named(&self, subject: Subject) -> anyhow::Result<Option<Named>> {
        let press = &self.press;
        let Some(delivery) = press.store.delivery(subject.run, subject.subscriber).await? else {
            return Ok(None);
        };
        let address = press.keys.open_address(delivery.address_key, &delivery.address_cipher)?;
        Ok(Some(Named {
            digest: delivery.digest,
            feeds: delivery.feeds,
            address_masked: address.masked(),
            is_running: delivery.running_subscriptions > 0,
        }))
    }

    async fn leave(&self, subject: Subject, source: &str) -> anyhow::Result<Option<(Named, u64)>> {
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
        let mut ended = 0;
        for end in ends {
            ended += self.press.store.end_subscriptions(&end, self.press.clock.now()).await?;
        }
        Ok(Some((named, ended)))
    }

    fn unsubscribe_page(
        &self,
        token: &str,
        named: Option<&Named>,
        state: UnsubscribeState,
    ) -> Response {
        let site = &self.press.config.site;
        let page = UnsubscribePage {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: &site.language,
            state,
            digest: named.map_or("", |named| &named.digest),
            feeds: named.and_then(|named| named.feeds.as_deref()).map(|feeds| feeds.join(", ")),
            address_masked: named.map_or("", |named| &named.address_masked),
            // Relative to the page's own address, so that a prefix in front of us holds.
            action: token,
        };
        let status = match state {
            UnsubscribeState::Invalid => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        self.page(status, self.press.templates.page("web/unsubscribe.html", &page))
    }
}
