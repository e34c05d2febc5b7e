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

/// A page by its name in addresses, and in the list of all there is.
type Page = (&'static str, &'static str, fn(&Maker<'_>) -> Made);

pub(super) const PAGES: [Page; 26] = [
    ("subscribe", "Subscribe", |maker| maker.subscribe(false, None)),
    ("subscribe-unfit", "Subscribe, with a fault", |maker| {
        maker.subscribe(false, Some("subscribe-error-missing"))
    }),
    ("subscribed", "Check your mail", |maker| maker.subscribe(true, None)),
    ("confirm", "Confirm", |maker| maker.confirm(ConfirmState::Ask)),
    ("confirm-more", "Confirm, by somebody who gets news", |maker| {
        maker.confirm(ConfirmState::AskMore)
    }),
    ("confirmed", "Confirmed", |maker| maker.confirm(ConfirmState::Done)),
    ("confirmed-before", "Confirmed before", |maker| maker.confirm(ConfirmState::Used)),
    ("confirm-late", "Confirmed too late", |maker| maker.confirm(ConfirmState::Expired)),
    ("refused", "It was somebody else", |maker| maker.confirm(ConfirmState::Refused)),
    ("manage", "Change what you get", |maker| maker.manage(ManageState::Show)),
    ("saved", "Saved", |maker| maker.manage(ManageState::Saved)),
    ("left", "All mail stopped", |maker| maker.manage(ManageState::Left)),
    ("unsubscribe", "Unsubscribe", |maker| maker.unsubscribe(UnsubscribeState::Ask)),
    ("unsubscribed", "Unsubscribed", |maker| maker.unsubscribe(UnsubscribeState::Done)),
    ("unsubscribed-before", "Unsubscribed before", |maker| {
        maker.unsubscribe(UnsubscribeState::Ended)
    }),
    ("unsubscribed-and-back", "Unsubscribed, and back", |maker| {
        maker.unsubscribe(UnsubscribeState::Back)
    }),
    ("data-closed", "Your data, before it is opened", |maker| maker.own(SelfState::Closed, false)),
    ("data", "Your data", |maker| maker.own(SelfState::Open, false)),
    ("data-unfit", "Your data, with a fault", |maker| maker.own(SelfState::Open, true)),
    ("data-before", "Your data, opened before", |maker| maker.own(SelfState::Used, false)),
    ("goodbye", "Your data is erased", |maker| maker.own(SelfState::Erased, false)),
    ("move", "Confirm another address", |maker| maker.confirm(ConfirmState::AskMove)),
    ("moved", "Another address confirmed", |maker| maker.confirm(ConfirmState::Moved)),
    ("moved-to-taken", "An address that has news of its own", |maker| {
        maker.confirm(ConfirmState::Taken)
    }),
    ("broken-link", "A link that does not work", |maker| maker.message("error-link")),
    ("not-found", "No such page", |maker| maker.message("error-not-found")),
];

fn page(name: &str) -> Option<&'static Page> {
    PAGES.iter().find(|(page, ..)| *page == name)
}

/// Its title, if there is such a page.
pub(super) fn title(name: &str) -> Option<&'static str> {
    page(name).map(|(_, title, _)| *title)
}

/// `None` where there is no such page.
pub(super) fn made(shown: &Shown, name: &str, language: &Language) -> Option<Made> {
    let (.., make) = page(name)?;
    let words = shown.press.templates.words(language.as_str());
    Some(make(&Maker { shown, press: &shown.press, words, follows: follows(shown) }))
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

pub(super) struct Maker<'a> {
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
