//! `/unsubscribe/TOKEN`: GET shows, POST acts (RFC 8058).
//!
//! One click ends the person's subscriptions to the digest that the mail belongs to; of urgent
//! news, corrections and reminders those to the feeds that brought it. No cookie, no redirect:
//! the token in the address says who and what. It is kept in a journal and answered; the store
//! takes it from there.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http_body_util::BodyExt;
use tokio::time::timeout;
use tracing::{error, warn};

use super::forms::Fields;
use super::language::Asked;
use super::manage::UNDO;
use super::{BODY_LIMIT, Web, forms};
use crate::pipeline::feeds;
use crate::store::{Leave, LeftBy, StoreError};
use crate::subscribers::journal::Position;
use crate::subscribers::token::{self, Purpose, Subject};
use crate::templates::{UnsubscribePage, UnsubscribeState};

/// Octets behind the beginning of a body that are read and dropped.
const DROPPED_LIMIT: usize = 16 << 20;

/// So long the rest of a body is waited for: the token says what is meant.
const BODY_PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn show(
    State(web): State<Arc<Web>>,
    asked: Asked,
    Path(token): Path<String>,
) -> Response {
    let Some(subject) = token::read(&web.press.keys, Purpose::Unsubscribe, &token) else {
        return web.unsubscribe_page(&asked, &token, None, UnsubscribeState::Invalid);
    };
    match web.named(subject).await {
        Ok(named) => {
            let state =
                if named.is_running { UnsubscribeState::Ask } else { UnsubscribeState::Ended };
            web.unsubscribe_page(&asked, &token, Some(&named), state)
        }
        // The button works all the same.
        Err(error) => {
            error!("{error}");
            web.unsubscribe_page(&asked, &token, None, UnsubscribeState::Ask)
        }
    }
}

/// Takes the one-click POST of a mail program and the button of our own page alike: both
/// mean the same, whatever the body says and however it says it.
///
/// The store is not asked: it may be busy, and its disk full.
pub(super) async fn act(
    State(web): State<Arc<Web>>,
    asked: Asked,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let Some(subject) = token::read(&web.press.keys, Purpose::Unsubscribe, &token) else {
        return web.unsubscribe_page(&asked, &token, None, UnsubscribeState::Invalid);
    };
    let (head, body) = request.into_parts();
    let body = beginning(body).await;
    let by = if is_one_click(&body) { LeftBy::OneClick } else { LeftBy::Page };
    let fields = forms::fields(&head.headers, &body).unwrap_or_default();
    if fields.contains_key("left") && by == LeftBy::Page {
        return web.come_back(subject, &asked, &token, &fields).await;
    }
    let Subject { run, subscriber } = subject;
    let at = web.leaving.moment(subscriber, web.press.clock.now());
    let leave = Leave { run, subscriber, by, at };
    match web.keep(&leave).await {
        Ok(_) if by == LeftBy::OneClick => web.unsubscribed(&asked),
        Ok(position) => web.left(subject, &asked, &token, leave.at, position).await,
        Err(error) => {
            error!("a reader could not leave: {error}");
            web.failed(&asked)
        }
    }
}

/// The first octets of a body, more than a form of ours has. What comes behind them is dropped,
/// and read all the same, up to a limit: who is cut off while writing does not hear the answer.
/// Whoever is long in saying more has said enough.
async fn beginning(body: Body) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(BODY_PATIENCE, read(body, &mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn read(mut body: Body, bytes: &mut Vec<u8>) {
    let mut dropped = 0;
    while dropped < DROPPED_LIMIT
        && let Some(Ok(frame)) = body.frame().await
    {
        let data = frame.into_data().unwrap_or_default();
        let room = BODY_LIMIT - bytes.len();
        bytes.extend(data.iter().take(room));
        dropped += data.len().saturating_sub(room);
    }
}

/// As a form, in either of its two codings (RFC 8058, 3.2).
fn is_one_click(body: &str) -> bool {
    body.contains("List-Unsubscribe=One-Click")
        || body.contains("\"List-Unsubscribe\"") && body.contains("One-Click")
}

/// The digest and the person that a token names.
struct Named {
    digest: String,
    /// What else ends, where it is not the digest: titles of the feeds that brought it, or of the
    /// site.
    titles: Option<String>,
    /// Empty where the address that the mail went to is kept no more.
    address_masked: String,
    /// Of their mail.
    language: Option<String>,
    is_running: bool,
}

impl Web {
    async fn named(&self, subject: Subject) -> anyhow::Result<Named> {
        let press = &self.press;
        let way_out = press.store.way_out(subject.run, subject.subscriber).await?;
        let address = way_out.address.map(|(key, cipher)| press.keys.open_address(key, &cipher));
        let titles = match (&way_out.feeds, &way_out.digest) {
            (Some(names), _) => {
                let known = feeds::definitions(press).await?;
                let title = |name: &String| {
                    let feed = known.iter().find(|feed| feed.name == *name);
                    feed.map_or(name.clone(), |feed| feed.title.clone())
                };
                Some(names.iter().map(title).collect::<Vec<_>>().join(", "))
            }
            (None, Some(_)) => None,
            (None, None) => Some(press.config.site.title.clone()),
        };
        Ok(Named {
            digest: way_out.digest.unwrap_or_default(),
            titles,
            address_masked: address.transpose()?.map_or(String::new(), |one| one.masked()),
            language: way_out.language,
            is_running: way_out.running_subscriptions > 0,
        })
    }

    async fn come_back(
        &self,
        subject: Subject,
        asked: &Asked,
        token: &str,
        fields: &Fields,
    ) -> Response {
        if !self.has_settled(subject.subscriber).await {
            return self.busy(asked);
        }
        let now = self.press.clock.now();
        let back = match self.undo(subject, asked, token, fields, now).await {
            Ok(_) => self.named(subject).await,
            Err(error) => Err(error),
        };
        match back {
            Ok(named) => {
                let state =
                    if named.is_running { UnsubscribeState::Back } else { UnsubscribeState::Ended };
                self.unsubscribe_page(asked, token, Some(&named), state)
            }
            Err(error) => {
                error!("{error}");
                self.failed(asked)
            }
        }
    }

    /// Keeps a click; where the journal takes no more, in the store itself.
    pub(super) async fn keep(&self, leave: &Leave) -> Result<Option<Position>, StoreError> {
        match self.leaving.keep(leave).await {
            Ok(position) => Ok(Some(position)),
            Err(error) => {
                warn!("{error}: a reader leaves without it");
                self.press.store.leave_all(&[*leave], leave.at).await?;
                Ok(None)
            }
        }
    }

    /// Shows what a click ended, this one or one within the hour, and offers to take it back;
    /// where the store is long in coming, says that it will be.
    async fn left(
        &self,
        subject: Subject,
        asked: &Asked,
        token: &str,
        at: DateTime<Utc>,
        position: Option<Position>,
    ) -> Response {
        let ended = async {
            self.settled(position).await;
            let Subject { run, subscriber } = subject;
            // Whoever has a former mailbox takes back what they ended themselves.
            let since = if self.is_former(subject).await? { at } else { at - UNDO };
            let left_at = self.press.store.last_left(run, subscriber, since).await?;
            anyhow::Ok((self.named(subject).await?, left_at))
        };
        match timeout(self.leaving.patience, ended).await {
            Ok(Ok((named, left_at))) => {
                let state = match left_at {
                    Some(_) => UnsubscribeState::Done,
                    None => UnsubscribeState::Ended,
                };
                self.unsubscribe_page_with(asked, token, Some(&named), state, left_at)
            }
            Ok(Err(error)) => {
                error!("{error}");
                self.unsubscribed(asked)
            }
            Err(_) => self.unsubscribed(asked),
        }
    }

    /// Waits until the store has a click that was kept.
    pub(super) async fn settled(&self, position: Option<Position>) {
        if let Some(position) = position {
            self.leaving.settled(position).await;
        }
    }

    /// What is said while the store has not taken it in yet.
    pub(super) fn unsubscribed(&self, asked: &Asked) -> Response {
        self.message(asked, StatusCode::OK, "unsubscribe-soon")
    }

    /// What somebody chose before counts before what they choose now. `false` where that takes
    /// too long.
    pub(super) async fn has_settled(&self, subscriber: i64) -> bool {
        timeout(self.leaving.patience, self.leaving.settled_of(subscriber)).await.is_ok()
    }

    fn unsubscribe_page(
        &self,
        asked: &Asked,
        token: &str,
        named: Option<&Named>,
        state: UnsubscribeState,
    ) -> Response {
        self.unsubscribe_page_with(asked, token, named, state, None)
    }

    /// Whoever has the mail in hand has the link to their choices in it as well.
    fn manage_link_of(&self, token: &str) -> Option<String> {
        self.manage_link(token::read(&self.press.keys, Purpose::Unsubscribe, token)?)
    }

    fn unsubscribe_page_with(
        &self,
        asked: &Asked,
        token: &str,
        named: Option<&Named>,
        state: UnsubscribeState,
        left_at: Option<DateTime<Utc>>,
    ) -> Response {
        let left = left_at.map(|at| at.timestamp().to_string());
        let page = UnsubscribePage {
            frame: self.frame(asked, named.and_then(|named| named.language.as_deref())),
            state,
            digest: named.map_or("", |named| &named.digest),
            feeds: named.and_then(|named| named.titles.clone()),
            address_masked: named.map_or("", |named| &named.address_masked),
            // Relative to the page's own address, so that a prefix in front of us holds.
            action: &asked.action(token),
            undo_seal: left
                .as_deref()
                .map(|left| forms::seal(&self.press.keys, "undo", token, left)),
            left,
            manage: named.and_then(|_| self.manage_link_of(token)),
        };
        let status = match state {
            UnsubscribeState::Invalid => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        self.page(status, self.press.templates.page("web/unsubscribe.html", &page))
    }
}
