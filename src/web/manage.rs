//! `/manage/TOKEN`: what one person gets, how often and in which language; to pause, to leave,
//! and to take that back. GET shows, POST acts.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::timeout;
use tracing::{error, info};

use super::forms::Fields;
use super::language::Asked;
use super::link::{Page, Sent};
use super::{Web, forms};
use crate::model::Language;
use crate::pipeline::feeds;
use crate::store::{Choices, ComeBack, Leave, LeftBy, PersonRecord};
use crate::subscribers::token::{Purpose, Subject};
use crate::templates::pages::{Choice, ManagePage, ManageState, ManagedFeed};

/// Name of the form in its seal.
const FORM: &str = "manage";

/// So long somebody who left may come back with one click.
pub(super) const UNDO: TimeDelta = TimeDelta::hours(1);

/// The page that is asked for.
#[derive(Debug)]
pub(super) struct Manage;

impl Page for Manage {
    const PURPOSE: Purpose = Purpose::Manage;
}

type Link = super::link::Link<Manage>;

pub(super) async fn show(State(web): State<Arc<Web>>, link: Link) -> Response {
    web.behind(&link, web.manage(&link, ManageState::Show, None)).await
}

pub(super) async fn act(State(web): State<Arc<Web>>, sent: Sent<Manage>) -> Response {
    let link = &sent.link;
    if !sent.is_of(&web, FORM) {
        return web.behind(link, web.manage(link, ManageState::Stale, None)).await;
    }
    if sent.field("action") == "leave" {
        return web.leave(link).await;
    }
    if !web.has_settled(link.subject.subscriber).await {
        return web.busy(&link.asked);
    }
    web.behind(link, web.managed(&sent)).await
}

impl Web {
    /// Does what a form asks for, and shows what stands then.
    async fn managed(&self, sent: &Sent<Manage>) -> anyhow::Result<Option<Response>> {
        let Sent { link, fields } = sent;
        let (press, subject, asked) = (&self.press, link.subject, &link.asked);
        let now = press.clock.now();
        let everything = Subject { run: Leave::EVERYTHING, ..subject };
        let Some(person) = press.store.person(subject.subscriber).await? else { return Ok(None) };
        let state = match sent.field("action") {
            "undo" if self.undo(everything, asked, &link.token, fields, now).await? => {
                ManageState::Back
            }
            "undo" => ManageState::Stale,
            "data" => {
                let words = self.words(asked, Some(&person.language));
                self.ask_for_data(subject, words.say("manage-data", &[])).await?;
                ManageState::Asked
            }
            _ => {
                let words = self.words(asked, Some(&person.language));
                let wording = words.say("manage-wording", &[]);
                let choices = self.choices(subject.subscriber, &person, fields, wording).await?;
                let changed = press.store.choose(&choices, now).await?;
                info!(run = subject.run, changed, "a reader chose");
                ManageState::Saved
            }
        };
        self.manage(link, state, None).await
    }

    /// Ends everything. As with a click in a mail the store is not asked; where it is long in
    /// coming, the page says that it will be.
    async fn leave(&self, link: &Link) -> Response {
        let Subject { run, subscriber } = link.subject;
        let at = self.leaving.moment(subscriber, self.press.clock.now());
        let leave = Leave { run: Leave::EVERYTHING, subscriber, by: LeftBy::Page, at };
        let position = match self.keep(&leave).await {
            Ok(position) => position,
            Err(error) => {
                error!("a reader could not leave: {error}");
                return self.failed(&link.asked);
            }
        };
        info!(run, "a reader left");
        let left = async {
            self.settled(position).await;
            if self.is_former(link.subject).await? {
                return Ok(None);
            }
            let store = &self.press.store;
            let left_at = store.last_left(leave.run, subscriber, at - UNDO).await?;
            self.manage(link, ManageState::Left, left_at).await
        };
        match timeout(self.leaving.patience, left).await {
            Ok(Ok(Some(page))) => page,
            Ok(Err(error)) => {
                error!("{error}");
                self.unsubscribed(&link.asked)
            }
            Ok(Ok(None)) | Err(_) => self.unsubscribed(&link.asked),
        }
    }

    /// Takes back an end that one of our pages offered to take back. `false` where it is too late,
    /// or no page of ours did.
    pub(super) async fn undo(
        &self,
        Subject { run, subscriber }: Subject,
        asked: &Asked,
        token: &str,
        fields: &Fields,
        now: DateTime<Utc>,
    ) -> anyhow::Result<bool> {
        let (left, seal) = (forms::field(fields, "left"), forms::field(fields, "seal"));
        let left_at = left.parse().ok().and_then(|left| DateTime::from_timestamp(left, 0));
        let Some(left_at) = left_at.filter(|left| *left + UNDO >= now) else { return Ok(false) };
        if !forms::is_sealed(&self.press.keys, "undo", token, left, seal) {
            return Ok(false);
        }
        let store = &self.press.store;
        let Some(person) = store.person(subscriber).await? else { return Ok(false) };
        let wording = self.words(asked, Some(&person.language)).say("manage-undo", &[]);
        let back = ComeBack { run, subscriber, left_at, source: "page".into(), wording };
        let back = store.take_back_end(&back, now).await?;
        info!(run, back, "a reader came back");
        Ok(back > 0)
    }

    /// What a form chose; a name that the config does not know chooses nothing.
    async fn choices(
        &self,
        subscriber: i64,
        person: &PersonRecord,
        fields: &Fields,
        wording: String,
    ) -> anyhow::Result<Choices> {
        let config = &self.press.config;
        let mut follows = BTreeMap::new();
        for feed in feeds::definitions(&self.press).await? {
            let Some(chosen) = fields.get(&format!("feed.{}", feed.name)) else { continue };
            if config.digests.iter().any(|digest| digest.name == *chosen) {
                follows.insert(feed.name, Some(chosen.clone()));
            } else if chosen.is_empty() && person.follows.contains_key(&feed.name) {
                follows.insert(feed.name, None);
            }
        }
        let language = fields.get("language").and_then(|tag| tag.parse::<Language>().ok());
        Ok(Choices {
            subscriber,
            follows,
            language: language.filter(|language| config.languages.contains(language)),
            is_paused: fields.contains_key("paused"),
            source: "page".into(),
            wording,
        })
    }

    async fn manage(
        &self,
        Link { subject, token, asked, .. }: &Link,
        state: ManageState,
        left_at: Option<DateTime<Utc>>,
    ) -> anyhow::Result<Option<Response>> {
        let press = &self.press;
        let config = &press.config;
        let Some(person) = press.store.person(subject.subscriber).await? else { return Ok(None) };
        let address = press.keys.open_address(person.address_key, &person.address_cipher)?;
        let feeds = feeds::definitions(press).await?;
        let left = left_at.map(|at| at.timestamp().to_string());
        let words = self.words(asked, Some(&person.language));
        let digests = config.digests.iter();
        let page = ManagePage {
            frame: self.frame(asked, Some(&person.language)),
            state,
            address_masked: &address.masked(),
            // Relative to the page's own address, so that a prefix in front of us holds.
            action: &asked.action(token),
            form: &forms::seal(&press.keys, FORM, token, ""),
            // Kept with each consent.
            wording: words.say("manage-wording", &[]),
            feeds: feeds.iter().map(|feed| ManagedFeed::of(feed, &person.follows)).collect(),
            digests: digests.map(|digest| Choice::of_digest(&digest.name, words)).collect(),
            languages: config.languages.iter().map(Language::as_str).collect(),
            mail_language: &person.language,
            is_paused: person.is_paused,
            undo_seal: left.as_deref().map(|left| forms::seal(&press.keys, "undo", token, left)),
            left,
        };
        let status = match state {
            ManageState::Stale => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        Ok(Some(self.page(status, press.templates.page("web/manage.html", &page))))
    }
}
