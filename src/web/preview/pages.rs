//! The pages that readers meet and that are no documents, with made-up values and the feeds,
//! digests and words of the office.

use std::collections::BTreeMap;

use super::Shown;
use crate::config::Legal;
use crate::feeds::FeedDefinition;
use crate::model::Language;
use crate::pipeline::Press;
use crate::templates::pages::{
    Choice, ConfirmPage, ConfirmState, Frame, ManagePage, ManageState, ManagedFeed, SelfPage,
    SelfState, SubscribePage,
};
use crate::templates::{MessagePage, TemplateError, UnsubscribePage, UnsubscribeState};
use crate::words::Words;

/// Names in addresses, and in the list of all there is.
pub(super) const PAGES: [(&str, &str); 26] = [
    ("subscribe", "Subscribe"),
    ("subscribe-unfit", "Subscribe, with a fault"),
    ("subscribed", "Check your mail"),
    ("confirm", "Confirm"),
    ("confirm-more", "Confirm, by somebody who gets news"),
    ("confirmed", "Confirmed"),
    ("confirmed-before", "Confirmed before"),
    ("confirm-late", "Confirmed too late"),
    ("refused", "It was somebody else"),
    ("manage", "Change what you get"),
    ("saved", "Saved"),
    ("left", "All mail stopped"),
    ("unsubscribe", "Unsubscribe"),
    ("unsubscribed", "Unsubscribed"),
    ("unsubscribed-before", "Unsubscribed before"),
    ("unsubscribed-and-back", "Unsubscribed, and back"),
    ("data-closed", "Your data, before it is opened"),
    ("data", "Your data"),
    ("data-unfit", "Your data, with a fault"),
    ("data-before", "Your data, opened before"),
    ("goodbye", "Your data is erased"),
    ("move", "Confirm another address"),
    ("moved", "Another address confirmed"),
    ("moved-to-taken", "An address that has news of its own"),
    ("broken-link", "A link that does not work"),
    ("not-found", "No such page"),
];

/// Its title, if there is such a page.
pub(super) fn title(name: &str) -> Option<&'static str> {
    PAGES.iter().find(|(page, _)| *page == name).map(|(_, title)| *title)
}

/// `None` where there is no such page.
pub(super) fn made(
    shown: &Shown,
    name: &str,
    language: &Language,
) -> Option<Result<String, TemplateError>> {
    let press = &shown.press;
    let words = press.templates.words(language.as_str());
    let maker = Maker { shown, press, words, follows: follows(shown) };
    Some(match name {
        "subscribe" => maker.subscribe(false, None),
        "subscribe-unfit" => maker.subscribe(false, Some("subscribe-error-missing")),
        "subscribed" => maker.subscribe(true, None),
        "confirm" => maker.confirm(ConfirmState::Ask),
        "confirm-more" => maker.confirm(ConfirmState::AskMore),
        "confirmed" => maker.confirm(ConfirmState::Done),
        "confirmed-before" => maker.confirm(ConfirmState::Used),
        "confirm-late" => maker.confirm(ConfirmState::Expired),
        "refused" => maker.confirm(ConfirmState::Refused),
        "manage" => maker.manage(ManageState::Show),
        "saved" => maker.manage(ManageState::Saved),
        "left" => maker.manage(ManageState::Left),
        "unsubscribe" => maker.unsubscribe(UnsubscribeState::Ask),
        "unsubscribed" => maker.unsubscribe(UnsubscribeState::Done),
        "unsubscribed-before" => maker.unsubscribe(UnsubscribeState::Ended),
        "unsubscribed-and-back" => maker.unsubscribe(UnsubscribeState::Back),
        "data-closed" => maker.own(SelfState::Closed, false),
        "data" => maker.own(SelfState::Open, false),
        "data-unfit" => maker.own(SelfState::Open, true),
        "data-before" => maker.own(SelfState::Used, false),
        "goodbye" => maker.own(SelfState::Erased, false),
        "move" => maker.confirm(ConfirmState::AskMove),
        "moved" => maker.confirm(ConfirmState::Moved),
        "moved-to-taken" => maker.confirm(ConfirmState::Taken),
        "broken-link" => maker.message("error-link"),
        "not-found" => maker.message("error-not-found"),
        _ => return None,
    })
}

/// The first feed, by the first digest.
fn follows(shown: &Shown) -> BTreeMap<String, String> {
    let feed = shown.preview.feeds.first();
    let digest = shown.press.config.digests.first();
    feed.zip(digest)
        .map(|(feed, digest)| (feed.name.clone(), digest.name.clone()))
        .into_iter()
        .collect()
}

struct Maker<'a> {
    shown: &'a Shown,
    press: &'a Press,
    words: Words<'a>,
    follows: BTreeMap<String, String>,
}

const ADDRESS: &str = "r***@preview.invalid";

type Made = Result<String, TemplateError>;

impl Maker<'_> {
    fn subscribe(&self, is_sent: bool, fault: Option<&str>) -> Made {
        let legal = self.press.config.mail.legal.as_ref();
        let page = SubscribePage {
            frame: self.frame(),
            is_sent,
            error: fault.map(|key| self.words.say(key, &[])),
            is_address_wrong: fault.is_some(),
            address: "",
            action: "subscribe".into(),
            feeds: self.feeds(),
            digests: self.digests(),
            languages: self.languages(),
            mail_language: self.words.language(),
            wording: self.press.consent_wording(self.words, "subscribe-consent"),
            contact: legal.and_then(Legal::answers_about_data),
            ..SubscribePage::sample(&self.press.config.site, is_sent)
        };
        self.press.templates.page("web/subscribe.html", &page)
    }

    fn confirm(&self, state: ConfirmState) -> Made {
        let page = ConfirmPage {
            frame: self.frame(),
            address_masked: ADDRESS.into(),
            old_masked: "o***@preview.invalid".into(),
            wants: self.gets(),
            wording: self.press.consent_wording(self.words, "confirm-consent"),
            ..ConfirmPage::sample(&self.press.config.site, state)
        };
        self.press.templates.page("web/confirm.html", &page)
    }

    fn manage(&self, state: ManageState) -> Made {
        let page = ManagePage {
            frame: self.frame(),
            address_masked: ADDRESS,
            wording: self.words.say("manage-wording", &[]),
            feeds: self.feeds(),
            digests: self.digests(),
            languages: self.languages(),
            mail_language: self.words.language(),
            is_paused: false,
            ..ManagePage::sample(&self.press.config.site, state)
        };
        self.press.templates.page("web/manage.html", &page)
    }

    fn unsubscribe(&self, state: UnsubscribeState) -> Made {
        let digest = self.press.config.digests.first().map_or("daily", |digest| &digest.name);
        let page = UnsubscribePage {
            frame: self.frame(),
            state,
            digest,
            feeds: None,
            address_masked: ADDRESS,
            action: "preview",
            left: Some("1".into()),
            undo_seal: Some("SEAL".into()),
            manage: Some("../manage/TOKEN".into()),
        };
        self.press.templates.page("web/unsubscribe.html", &page)
    }

    fn own(&self, state: SelfState, is_unfit: bool) -> Made {
        let mut page = SelfPage::sample(&self.press.config.site, state);
        page.frame = self.frame();
        page.notice = page.notice.filter(|_| is_unfit).map(|mut notice| {
            notice.text = self.words.say("self-erase-unsure", &[]);
            notice.address.clear();
            notice
        });
        if let Some(data) = &mut page.data {
            data.address = "reader@preview.invalid".into();
            self.words.language().clone_into(&mut data.language);
            data.gets = self.gets();
        }
        self.press.templates.page("web/self.html", &page)
    }

    fn message(&self, key: &str) -> Made {
        let page = MessagePage {
            frame: self.frame(),
            title: &self.words.say(&format!("{key}-title"), &[]),
            message: &self.words.say(key, &[]),
        };
        self.press.templates.page("web/message.html", &page)
    }

    fn frame(&self) -> Frame<'_> {
        let site = &self.press.config.site;
        Frame {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: self.words.language().to_owned(),
            switch: Vec::new(),
        }
    }

    fn feeds(&self) -> Vec<ManagedFeed<'_>> {
        let feeds = self.shown.preview.feeds.iter();
        feeds.map(|feed| ManagedFeed::of(feed, &self.follows)).collect()
    }

    fn digests(&self) -> Vec<Choice<'_>> {
        let digests = self.press.config.digests.iter();
        digests.map(|digest| Choice::of_digest(&digest.name, self.words)).collect()
    }

    fn languages(&self) -> Vec<&str> {
        self.press.config.languages.iter().map(Language::as_str).collect()
    }

    /// What they follow, a line each.
    fn gets(&self) -> Vec<String> {
        let feeds = self.shown.preview.feeds.iter();
        let line = |feed: &FeedDefinition| {
            let choice = Choice::of_digest(self.follows.get(&feed.name)?, self.words).title;
            let arguments = [("feed", feed.title.clone().into()), ("choice", choice.into())];
            Some(self.words.say("confirm-item", &arguments))
        };
        feeds.filter_map(line).collect()
    }
}
