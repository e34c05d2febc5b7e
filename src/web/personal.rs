//! `/self/TOKEN`: what is kept of one person, to change their address, and to have everything
//! erased. The link is mailed when they ask for it, works for an hour, and opens the page once.
//!
//! GET shows a button alone, so that no program that follows links opens the page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tracing::info;

use super::link::{Page, Sent};
use super::subscribe::unfit;
use super::{Web, forms};
use crate::dates;
use crate::model::Address;
use crate::pipeline::feeds;
use crate::store::{AskedFor, ConsentRecord, ErrandRecord, OwnErrand, PersonalData};
use crate::subscribers::errand::ErrandKind;
use crate::subscribers::token::{Purpose, Subject};
use crate::templates::pages::{Choice, Notice, SelfConsent, SelfData, SelfPage, SelfState};
use crate::templates::text::language_name;
use crate::words::Words;

/// Names of the forms in their seals: the button that opens the page, and those on it.
const CLOSED: &str = "self";
const OPEN: &str = "self-open";

/// The page that is asked for.
#[derive(Debug)]
pub(super) struct Personal;

impl Page for Personal {
    const PURPOSE: Purpose = Purpose::SelfService;
}

type Link = super::link::Link<Personal>;

pub(super) async fn show(State(web): State<Arc<Web>>, link: Link) -> Response {
    web.behind(&link, web.personal(&link)).await
}

pub(super) async fn act(State(web): State<Arc<Web>>, sent: Sent<Personal>) -> Response {
    let (link, action) = (&sent.link, sent.field("action"));
    if !sent.is_of(&web, if action == "open" { CLOSED } else { OPEN }) {
        return web.message(&link.asked, StatusCode::BAD_REQUEST, "error-form");
    }
    if !web.has_settled(link.subject.subscriber).await {
        return web.busy(&link.asked);
    }
    let page = async {
        match action {
            "open" => web.open_personal(link).await,
            "change" => web.change_address(link, sent.field("address")).await,
            "erase" => web.erase(link, sent.field("sure") == "yes").await,
            _ => web.personal(link).await,
        }
    };
    web.behind(link, page).await
}

impl Web {
    /// Mails a link to what is kept of a person.
    pub(super) async fn ask_for_data(
        &self,
        subject: Subject,
        wording: String,
    ) -> anyhow::Result<()> {
        let asked = OwnErrand {
            subscriber: subject.subscriber,
            kind: ErrandKind::SelfService,
            address: None,
            source: "page".into(),
            wording,
        };
        let answer = self.press.store.ask(&asked, self.press.clock.now()).await?;
        info!(run = subject.run, "a reader asks for their data: {answer}");
        self.joining.tell();
        Ok(())
    }

    /// The page as it is before it is opened, or when it cannot be any more.
    async fn personal(&self, link: &Link) -> anyhow::Result<Option<Response>> {
        let Subject { run, subscriber } = link.subject;
        let Some(errand) = self.press.store.errand(run, subscriber).await? else {
            return Ok(None);
        };
        let state = if !errand.is_open(self.press.clock.now()) {
            SelfState::Expired
        } else if errand.opened_at.is_some() {
            SelfState::Used
        } else {
            SelfState::Closed
        };
        Ok(Some(self.self_page(&errand, link, (state, None, None))))
    }

    async fn open_personal(&self, link: &Link) -> anyhow::Result<Option<Response>> {
        let Subject { run, subscriber } = link.subject;
        let now = self.press.clock.now();
        if !self.press.store.open_errand(run, subscriber, now).await? {
            return self.personal(link).await;
        }
        info!(run, "a reader looks at their data");
        self.opened(link, None).await
    }

    /// The page with everything on it, and what is to be told.
    async fn opened(
        &self,
        link: &Link,
        notice: Option<Notice>,
    ) -> anyhow::Result<Option<Response>> {
        let Subject { run, subscriber } = link.subject;
        let store = &self.press.store;
        let Some(errand) = store.errand(run, subscriber).await? else { return Ok(None) };
        let Some(data) = store.personal_data(subscriber).await? else { return Ok(None) };
        let words = self.words(&link.asked, Some(&data.language));
        let data = self.self_data(data, words).await?;
        let shown = (SelfState::Open, Some(data), notice);
        Ok(Some(self.self_page(&errand, link, shown)))
    }

    /// The errand of a page that was opened and still may act.
    async fn acting(
        &self,
        Subject { run, subscriber }: Subject,
    ) -> anyhow::Result<Option<ErrandRecord>> {
        let errand = self.press.store.errand(run, subscriber).await?;
        let now = self.press.clock.now();
        Ok(errand.filter(|errand| errand.opened_at.is_some() && errand.is_open(now)))
    }

    async fn change_address(&self, link: &Link, text: &str) -> anyhow::Result<Option<Response>> {
        let Some(errand) = self.acting(link.subject).await? else {
            return self.personal(link).await;
        };
        let words = self.words(&link.asked, Some(errand.language.as_str()));
        let address = match text.parse::<Address>() {
            Ok(address) => address,
            Err(error) => {
                let text = text.trim();
                let wrong = match text {
                    "" => words.say("subscribe-error-missing", &[]),
                    _ => unfit(words, text, error.reason),
                };
                let notice = Notice::wrong("address", wrong, text);
                return self.opened(link, Some(notice)).await;
            }
        };
        let wish = OwnErrand {
            subscriber: link.subject.subscriber,
            kind: ErrandKind::Move,
            address: Some(self.sealed(&address)?),
            source: "page".into(),
            wording: words.say("self-change", &[]),
        };
        // The same is said whatever comes of it: whose address it is concerns nobody else.
        let answer = self.press.store.ask(&wish, self.press.clock.now()).await?;
        if answer == AskedFor::Same {
            let wrong = words.say("self-change-same", &[]);
            let notice = Notice::wrong("address", wrong, address.as_str());
            return self.opened(link, Some(notice)).await;
        }
        info!(run = link.subject.run, "a reader asks for another address: {answer}");
        self.joining.tell();
        let notice = Notice::said(words.say("self-change-sent", &[]));
        self.opened(link, Some(notice)).await
    }

    async fn erase(&self, link: &Link, is_sure: bool) -> anyhow::Result<Option<Response>> {
        let Some(errand) = self.acting(link.subject).await? else {
            return self.personal(link).await;
        };
        if !is_sure {
            let words = self.words(&link.asked, Some(errand.language.as_str()));
            let text = words.say("self-erase-unsure", &[]);
            let notice = Notice::wrong("sure", text, "");
            return self.opened(link, Some(notice)).await;
        }
        let now = self.press.clock.now();
        self.press.store.erase(link.subject.subscriber, "page", now).await?;
        info!(run = link.subject.run, "a reader had everything erased");
        Ok(Some(self.self_page(&errand, link, (SelfState::Erased, None, None))))
    }

    fn self_page(
        &self,
        errand: &ErrandRecord,
        Link { token, asked, .. }: &Link,
        (state, data, notice): (SelfState, Option<SelfData>, Option<Notice>),
    ) -> Response {
        let press = &self.press;
        let form = if state == SelfState::Open { OPEN } else { CLOSED };
        let mut frame = self.frame(asked, Some(errand.language.as_str()));
        if matches!(state, SelfState::Open | SelfState::Erased) {
            // These pages are there once: in another language they would be gone.
            frame.switch.clear();
        }
        let page = SelfPage {
            frame,
            state,
            action: asked.action(token),
            form: &forms::seal(&press.keys, form, token, ""),
            data,
            notice,
        };
        self.page(StatusCode::OK, press.templates.page("web/self.html", &page))
    }

    async fn self_data(&self, data: PersonalData, words: Words<'_>) -> anyhow::Result<SelfData> {
        let press = &self.press;
        let address = press.keys.open_address(data.address_key, &data.address_cipher)?;
        let others = |is_former: bool| {
            let others = data.other_addresses.iter().filter(|one| one.is_former == is_former);
            let opened = others.map(|one| press.keys.open_address(one.key, &one.cipher));
            opened.map(|one| one.map(|one| one.as_str().to_owned())).collect::<Result<_, _>>()
        };
        let (former, asked_for) = (others(true)?, others(false)?);
        let feeds = feeds::definitions(press).await?;
        let title = |name: &str| {
            let known = feeds.iter().find(|known| known.name == name);
            known.map_or(name, |feed| feed.title.as_str()).to_owned()
        };
        let zone = press.config.site.time_zone;
        let day = |at: chrono::DateTime<chrono::Utc>| {
            dates::day_in(words, at.with_timezone(&zone).fixed_offset())
        };
        let item = |feed: &str, choice: String| {
            let arguments = [("feed", title(feed).into()), ("choice", choice.into())];
            words.say("confirm-item", &arguments)
        };
        let get = |(feed, digest, state, _): &(String, String, String, _)| {
            let choice = Choice::of_digest(digest, words).title;
            (state == "confirmed").then(|| item(feed, choice))
        };
        let chosen = |row: &ConsentRecord| {
            let choice = Choice::of_digest(&row.digest, words).title;
            match row.action.as_str() {
                "ended" => title(&row.feed),
                _ => item(&row.feed, choice),
            }
        };
        let what = |row: &ConsentRecord| {
            let key = match row.action.as_str() {
                "requested" => "self-action-requested",
                "confirmed" => "self-action-confirmed",
                "changed" => "self-action-changed",
                _ => "self-action-ended",
            };
            words.say(key, &[("feed", chosen(row).into())])
        };
        let consent = |row: ConsentRecord| SelfConsent {
            at: day(row.at),
            what: of_person(words, &row).unwrap_or_else(|| what(&row)),
            source: source(words, row.source),
            wording: row.wording.map(|wording| match wording.as_str() {
                // What the button said, as it was kept once.
                "undo" => words.say("manage-undo", &[]),
                _ => wording,
            }),
            reason: row
                .reason
                .filter(|given| !row.feed.is_empty() && given != "undo")
                .map(|given| reason(words, given)),
        };
        // What is uncertain may have arrived.
        let was_sent = |state: &str| matches!(state, "accepted" | "uncertain");
        let mails = data.deliveries.iter().filter(|(state, _)| was_sent(state));
        Ok(SelfData {
            address: address.as_str().to_owned(),
            former,
            asked_for,
            since: day(data.created_at),
            mails: mails.map(|(_, count)| *count).sum(),
            is_paused: data.paused_at.is_some(),
            gets: data.subscriptions.iter().filter_map(get).collect(),
            consents: data.consents.into_iter().map(consent).collect(),
            language: data.language,
        })
    }
}

/// What they changed that belongs to no one subscription.
fn of_person(words: Words<'_>, row: &ConsentRecord) -> Option<String> {
    let what = row.reason.as_deref().filter(|_| row.feed.is_empty())?;
    Some(match what {
        "paused" => words.say("self-action-paused", &[]),
        "resumed" => words.say("self-action-resumed", &[]),
        "address" => words.say("self-reason-address", &[]),
        _ => {
            let language = what.strip_prefix("language ")?;
            words.say("confirm-language", &[("name", language_name(language).into())])
        }
    })
}

/// How somebody agreed or left, as they read it.
fn source(words: Words<'_>, source: String) -> String {
    let key = match source.as_str() {
        "form" => "self-source-form",
        "page" => "self-source-page",
        "one-click" => "self-source-click",
        "mail" => "self-source-mail",
        "operator" => "self-source-operator",
        "config" | "system" => "self-source-system",
        "rehearsal" => "self-source-rehearsal",
        _ => return source,
    };
    words.say(key, &[])
}

/// Why something ended or changed, as its reader understands it; what an operator wrote stays.
fn reason(words: Words<'_>, reason: String) -> String {
    let key = match reason.as_str() {
        "left" => "self-reason-left",
        "address" => "self-reason-address",
        "not me" => "self-reason-refused",
        "not confirmed in time" => "self-reason-late",
        "removed" => "self-reason-removed",
        "rehearsal" => "self-reason-rehearsal",
        _ if reason.starts_with("feed renamed from ") => "self-reason-renamed",
        _ => return reason,
    };
    words.say(key, &[])
}
