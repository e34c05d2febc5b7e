//! Renders the mail that answers one person: to confirm, to see their data, to use another
//! address, to know that another is used. No news, no promotion.

use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset};
use serde::Serialize;

use super::lint::{lint_told, lint_with};
use super::sender::{SenderView, SiteView, sender, site_view};
use super::{RenderError, RenderedIssue, Slot, inliner};
use crate::config::Legal;
use crate::dates;
use crate::feeds::Site;
use crate::subscribers::errand::ErrandKind;
use crate::templates::pages::Choice;
use crate::templates::text::language_name;
use crate::templates::{Known, TemplateError, Templates};
use crate::words::{Argument, Words};

/// What one such mail says, before it is rendered.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    pub kind: ErrandKind,
    /// Of the mail, and of the news that was asked for.
    pub language: &'a str,
    /// Title of a feed, and name of the digest that is to bring it.
    pub wants: Vec<(&'a str, &'a str)>,
    /// When it was asked for, at the site's place.
    pub asked_at: DateTime<FixedOffset>,
    /// Whether the person confirmed something before: to refuse this takes nothing from them.
    pub is_known: bool,
    /// Whether mail comes in several languages.
    pub has_languages: bool,
    pub sender: Option<&'a Legal>,
}

#[derive(Debug, Serialize)]
struct AnswerView<'a> {
    subject: String,
    /// In which its words are.
    language: &'a str,
    site: SiteView<'a>,
    sender: SenderView<'a>,
    heading: String,
    /// What was asked for, when, and for whom.
    asked: String,
    wants: Vec<String>,
    /// What to do, and what the button that does it says; absent where there is nothing to do.
    ask: Option<String>,
    button: Option<String>,
    /// How long that works.
    expiry: Option<String>,
    /// For who did not ask.
    otherwise: Option<String>,
    /// The link that says so; absent where nothing need be done.
    refuse: Option<String>,
    errand_url: char,
}

/// Renders an answer, with slots where the reader's address and link stand.
pub fn render_answer(
    templates: &Templates,
    site: &Site,
    answer: &Answer<'_>,
) -> Result<RenderedIssue, RenderError> {
    let view = view(templates.words(answer.language), site, answer);
    let html = templates.page("mail/answer.html", &view)?;
    let text = templates.page("mail/answer.txt", &view)?;
    let html = inliner().inline(&html)?;
    Ok(RenderedIssue { html, text, subject: view.subject, more: 0 })
}

/// What is wrong with a rendered answer; empty if nothing.
pub fn lint_answer(
    templates: &Templates,
    site: &Site,
    answer: &Answer<'_>,
    rendered: &RenderedIssue,
) -> Vec<String> {
    let view = view(templates.words(answer.language), site, answer);
    let slots: &[Slot] = if view.button.is_some() { &[Slot::Errand] } else { &[] };
    let wants = view.wants.iter().map(|want| ("wants", Some(want.as_str())));
    let texts = [
        ("asked", Some(view.asked.as_str())),
        ("expiry", view.expiry.as_deref()),
        ("otherwise", view.otherwise.as_deref()),
        ("sender.name", Some(view.sender.name.as_str())),
        ("sender.address", view.sender.address),
    ];
    let told: Vec<(&str, &str)> =
        texts.into_iter().chain(wants).filter_map(|(name, text)| Some((name, text?))).collect();
    [lint_with(rendered, slots), lint_told(rendered, &told)].concat()
}

fn view<'a>(words: Words<'a>, site: &'a Site, answer: &Answer<'a>) -> AnswerView<'a> {
    let legal = answer.sender;
    let contact = legal
        .and_then(|legal| legal.contact.as_deref())
        .or_else(|| site.author.as_ref()?.email.as_deref())
        .unwrap_or(site.url.as_str());
    let address = Slot::Address.marker().to_string();
    let arguments: [(&str, Argument<'_>); 4] = [
        ("site", site.title.as_str().into()),
        ("address", address.into()),
        ("date", dates::day_in(words, answer.asked_at).into()),
        ("contact", contact.into()),
    ];
    let say = |key: &str| words.say(key, &arguments);
    let keys = Keys::of(answer.kind, answer.is_known);
    AnswerView {
        subject: say(keys.subject),
        language: words.language(),
        site: site_view(site),
        sender: sender(words, site, legal),
        heading: say(keys.heading),
        asked: say(keys.asked),
        wants: wants(words, answer),
        ask: keys.ask.map(say),
        button: keys.button.map(say),
        expiry: keys.expiry.map(say),
        otherwise: keys.otherwise.map(say),
        refuse: keys.refuse.map(say),
        errand_url: Slot::Errand.marker(),
    }
}

/// Each feed with its digest, and the language where there are several.
fn wants(words: Words<'_>, answer: &Answer<'_>) -> Vec<String> {
    let item = |&(feed, digest): &(&str, &str)| {
        let choice = Choice::of_digest(digest, words).title;
        words.say("confirm-item", &[("feed", feed.into()), ("choice", choice.into())])
    };
    let mut wants: Vec<String> = answer.wants.iter().map(item).collect();
    if answer.has_languages && !wants.is_empty() {
        let name = language_name(answer.language);
        wants.push(words.say("confirm-language", &[("name", name.into())]));
    }
    wants
}

/// Where the words of each kind of answer stand.
struct Keys {
    subject: &'static str,
    heading: &'static str,
    asked: &'static str,
    ask: Option<&'static str>,
    button: Option<&'static str>,
    expiry: Option<&'static str>,
    otherwise: Option<&'static str>,
    refuse: Option<&'static str>,
}

impl Keys {
    fn of(kind: ErrandKind, is_known: bool) -> Self {
        match kind {
            ErrandKind::Confirm if is_known => Self {
                otherwise: Some("confirm-mail-drop"),
                refuse: Some("confirm-mail-drop-link"),
                ..Self::of(kind, false)
            },
            ErrandKind::Confirm => Self {
                subject: "confirm-mail-subject",
                heading: "confirm-mail-heading",
                asked: "confirm-mail-asked",
                ask: Some("confirm-mail-ask"),
                button: Some("confirm-mail-button"),
                expiry: Some("confirm-mail-expiry"),
                otherwise: Some("confirm-mail-refuse"),
                refuse: Some("confirm-mail-refuse-link"),
            },
            ErrandKind::SelfService => Self {
                subject: "self-mail-subject",
                heading: "self-mail-heading",
                asked: "self-mail-asked",
                ask: None,
                button: Some("self-mail-button"),
                expiry: Some("self-mail-expiry"),
                otherwise: Some("self-mail-ignore"),
                refuse: None,
            },
            ErrandKind::Move => Self {
                subject: "change-mail-subject",
                heading: "change-mail-heading",
                asked: "change-mail-asked",
                ask: Some("change-mail-ask"),
                button: Some("change-mail-button"),
                expiry: Some("change-mail-expiry"),
                otherwise: Some("change-mail-ignore"),
                refuse: None,
            },
            ErrandKind::Moved => Self {
                subject: "changed-mail-subject",
                heading: "changed-mail-heading",
                asked: "changed-mail-text",
                ask: None,
                button: None,
                expiry: None,
                otherwise: Some("changed-mail-contact"),
                refuse: None,
            },
        }
    }
}

/// Says all that a sender can say.
static SENDER: LazyLock<Legal> = LazyLock::new(|| {
    let given = |text: &str| Some(text.to_owned());
    Legal {
        organisation: given("Harbour City Council"),
        address: given("1 Pier Road, Singapore 099253"),
        contact: given("+65 6123 4567"),
        data_protection: given("dpo@press.example.org"),
        purpose: given("to send you the news you asked for"),
    }
});

/// One of each kind, and one to somebody who is known.
pub fn sample_answers() -> Vec<Answer<'static>> {
    let sample = |kind| Answer {
        kind,
        language: "en",
        wants: match kind {
            ErrandKind::Confirm => vec![("Press releases", "daily"), ("Events", "immediate")],
            _ => Vec::new(),
        },
        asked_at: DateTime::UNIX_EPOCH.fixed_offset(),
        is_known: false,
        has_languages: true,
        sender: Some(&SENDER),
    };
    let known = Answer { is_known: true, ..sample(ErrandKind::Confirm) };
    ErrandKind::ALL.map(sample).into_iter().chain([known]).collect()
}

/// Renders and checks every sample answer.
pub(super) fn try_answers(templates: &Templates, site: &Site) -> Result<(), RenderError> {
    for answer in sample_answers() {
        let rendered = render_answer(templates, site, &answer)?;
        let findings = lint_answer(templates, site, &answer, &rendered);
        if let Some(finding) = findings.into_iter().next() {
            let message = format!("in the mail `{}`, {finding}", answer.kind.name());
            return Err(TemplateError::Whole { name: "mail/answer".to_owned(), message }.into());
        }
    }
    Ok(())
}

/// What the templates of an answer are given.
pub(super) fn known(templates: &Templates, site: &Site) -> Vec<(&'static str, Known)> {
    let of = |answer: Answer<'_>| {
        let view = view(templates.words(answer.language), site, &answer);
        serde_json::to_value(view).expect("what templates see is always JSON")
    };
    let known = Known::of(sample_answers().into_iter().map(of));
    vec![("mail/answer.html", known.clone()), ("mail/answer.txt", known)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::samples::site;

    #[test]
    fn every_answer_is_sound_in_every_language() {
        let (templates, site) = (Templates::builtin(), site());
        for answer in sample_answers() {
            for language in ["en", "zh", "ms", "ta"] {
                let answer = Answer { language, ..answer.clone() };
                let rendered = render_answer(&templates, &site, &answer).unwrap();
                let findings = lint_answer(&templates, &site, &answer, &rendered);
                assert_eq!(findings, [""; 0], "{language} {:?}", answer.kind);
            }
        }
    }

    #[test]
    fn what_somebody_asked_for_stands_in_the_mail_and_nothing_else() {
        let answer = &sample_answers()[0];
        let rendered = render_answer(&Templates::builtin(), &site(), answer).unwrap();
        for part in [&rendered.html, &rendered.text] {
            assert!(part.contains("Press releases: In the daily digest"), "{part}");
            assert!(part.contains("Events: At once, a mail for each"), "{part}");
            assert!(part.contains("English"), "{part}");
            assert!(!part.contains(Slot::Unsubscribe.marker()), "{part}");
        }
    }
}
