//! `/confirm/TOKEN`: does what somebody asked for, once they have the mail in hand: signs them up,
//! or uses their new address. GET shows, POST acts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tracing::info;

use super::link::{Page, Sent};
use super::{Web, forms};
use crate::pipeline::feeds;
use crate::store::{ErrandRecord, Finished, Outcome, Refused};
use crate::subscribers::errand::ErrandKind;
use crate::subscribers::token::{self, Purpose, Subject};
use crate::templates::pages::{Choice, ConfirmPage, ConfirmState};
use crate::templates::text::language_name;
use crate::words::Words;

/// Name of the form in its seal.
const FORM: &str = "confirm";

/// The page that is asked for.
#[derive(Debug)]
pub(super) struct Confirm;

impl Page for Confirm {
    const PURPOSE: Purpose = Purpose::Confirm;
}

type Link = super::link::Link<Confirm>;

pub(super) async fn show(State(web): State<Arc<Web>>, link: Link) -> Response {
    web.behind(&link, web.confirm(&link, None)).await
}

pub(super) async fn act(State(web): State<Arc<Web>>, sent: Sent<Confirm>) -> Response {
    let link = &sent.link;
    if !sent.is_of(&web, FORM) {
        return web.message(&link.asked, StatusCode::BAD_REQUEST, "error-form");
    }
    if !web.has_settled(link.subject.subscriber).await {
        return web.busy(&link.asked);
    }
    let page = async {
        match sent.field("action") {
            "confirm" => web.finish(link).await,
            "refuse" => web.refuse(link).await,
            _ => web.confirm(link, None).await,
        }
    };
    web.behind(link, page).await
}

impl Web {
    async fn finish(&self, link: &Link) -> anyhow::Result<Option<Response>> {
        let Subject { run, subscriber } = link.subject;
        let store = &self.press.store;
        let Some(errand) = store.errand(run, subscriber).await? else { return Ok(None) };
        // As the page said it that they pressed the button of.
        let words = self.words(&link.asked, Some(errand.language.as_str()));
        let wording = match errand.kind {
            // What is said above that button names the addresses, and they are not to be kept.
            ErrandKind::Move => words.say("change-button", &[]),
            _ => self.press.consent_wording(words, "confirm-consent"),
        };
        let now = self.press.clock.now();
        let state = match store.finish_errand(run, subscriber, &wording, now).await? {
            Finished::Unknown => return Ok(None),
            Finished::Before => None,
            Finished::Taken => Some(ConfirmState::Taken),
            Finished::Done if errand.kind == ErrandKind::Move => {
                info!(run, "a reader changed their address");
                // The old one is to be told.
                self.joining.tell();
                Some(ConfirmState::Moved)
            }
            Finished::Done => {
                info!(run, "a reader confirmed");
                Some(ConfirmState::Done)
            }
        };
        self.confirm(link, state).await
    }

    async fn refuse(&self, link: &Link) -> anyhow::Result<Option<Response>> {
        let Subject { run, subscriber } = link.subject;
        let now = self.press.clock.now();
        let state = match self.press.store.refuse_errand(run, subscriber, now).await? {
            Refused::Unknown => return Ok(None),
            Refused::Before => None,
            Refused::Forgotten => Some(ConfirmState::Refused),
            Refused::Kept => Some(ConfirmState::Dropped),
        };
        if state.is_some() {
            info!(run, "somebody says that they did not sign up");
        }
        self.confirm(link, state).await
    }

    /// The page of an errand as it stands, or in `state`.
    async fn confirm(
        &self,
        link: &Link,
        state: Option<ConfirmState>,
    ) -> anyhow::Result<Option<Response>> {
        let Subject { run, subscriber } = link.subject;
        let Some(errand) = self.press.store.errand(run, subscriber).await? else {
            return Ok(None);
        };
        let is_open = errand.is_open(self.press.clock.now());
        let state = state.unwrap_or(match (errand.outcome, errand.kind) {
            (Some(Outcome::Done), _) => ConfirmState::Used,
            (Some(Outcome::Refused), _) if errand.is_known => ConfirmState::Dropped,
            (Some(Outcome::Refused), _) => ConfirmState::Refused,
            (None, ErrandKind::Move) if is_open => ConfirmState::AskMove,
            (None, ErrandKind::Confirm) if is_open && errand.is_known => ConfirmState::AskMore,
            (None, ErrandKind::Confirm) if is_open => ConfirmState::Ask,
            (_, ErrandKind::Move) => ConfirmState::ExpiredMove,
            _ => ConfirmState::Expired,
        });
        self.confirm_page(&errand, link, state).await.map(Some)
    }

    async fn confirm_page(
        &self,
        errand: &ErrandRecord,
        Link { subject, token, asked, .. }: &Link,
        state: ConfirmState,
    ) -> anyhow::Result<Response> {
        let press = &self.press;
        let person = Some(errand.language.as_str());
        let words = self.words(asked, person);
        let masked = |key: i64, cipher: &[u8]| {
            press.keys.open_address(key, cipher).map(|address| address.masked())
        };
        let address = errand.address.as_ref().map(|(key, cipher)| masked(*key, cipher));
        let now = press.store.person(errand.subscriber).await?;
        let old = now.map(|person| masked(person.address_key, &person.address_cipher));
        let manage = match state {
            ConfirmState::Done => self.manage_link(*subject),
            _ => None,
        };
        let page = ConfirmPage {
            frame: self.frame(asked, person),
            state,
            address_masked: address.transpose()?.unwrap_or_default(),
            old_masked: old.transpose()?.unwrap_or_default(),
            wants: self.wants(errand, words).await?,
            wording: self.press.consent_wording(words, "confirm-consent"),
            action: asked.action(token),
            form: &forms::seal(&press.keys, FORM, token, ""),
            manage: manage.unwrap_or_default(),
            subscribe: "../subscribe".to_owned(),
        };
        Ok(self.page(StatusCode::OK, press.templates.page("web/confirm.html", &page)))
    }

    /// Where who has just confirmed changes what they chose: they have the mail in hand.
    pub(super) fn manage_link(&self, subject: Subject) -> Option<String> {
        let keys = &self.press.keys;
        let manage = token::make(keys, keys.token_key(), Purpose::Manage, subject)?;
        Some(format!("../manage/{manage}"))
    }

    /// What was asked for, a line each.
    async fn wants(&self, errand: &ErrandRecord, words: Words<'_>) -> anyhow::Result<Vec<String>> {
        let feeds = feeds::definitions(&self.press).await?;
        let line = |(feed, digest): (&String, &String)| {
            let known = feeds.iter().find(|known| known.name == *feed);
            let title = known.map_or(feed.as_str(), |feed| feed.title.as_str()).to_owned();
            let choice = Choice::of_digest(digest, words).title;
            words.say("confirm-item", &[("feed", title.into()), ("choice", choice.into())])
        };
        let mut lines: Vec<String> = errand.wants.iter().map(line).collect();
        if self.press.config.languages.len() > 1 && !lines.is_empty() {
            let name = language_name(errand.language.as_str()).to_owned();
            lines.push(words.say("confirm-language", &[("name", name.into())]));
        }
        Ok(lines)
    }
}
