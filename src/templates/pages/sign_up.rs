//! What the pages show to people who sign up, and behind the links in the mail that answers them.

use serde::Serialize;

use super::{Choice, Frame, ManagedFeed};
use crate::feeds::Site;
use crate::words::Words;

/// What `web/subscribe.html` shows.
#[derive(Debug, Clone, Serialize)]
pub struct SubscribePage<'a> {
    #[serde(flatten)]
    pub frame: Frame<'a>,
    /// Whether the form was taken; then it is not shown again.
    pub is_sent: bool,
    /// What is wrong with the form.
    pub error: Option<String>,
    /// Whether it is the address.
    pub is_address_wrong: bool,
    /// As it was typed.
    pub address: &'a str,
    pub action: String,
    /// When the form was opened, and the seal of it.
    pub opened: &'a str,
    pub seal: &'a str,
    pub feeds: Vec<ManagedFeed<'a>>,
    pub digests: Vec<Choice<'a>>,
    /// Fewer than two where mail is written in one language.
    pub languages: Vec<&'a str>,
    pub mail_language: &'a str,
    /// What the person agrees to.
    pub wording: String,
    /// Who answers questions about it.
    pub contact: Option<&'a str>,
}

impl<'a> SubscribePage<'a> {
    /// One that reaches every branch of its template.
    pub fn sample(site: &'a Site, is_sent: bool) -> Self {
        let feed = |name, title, digest| ManagedFeed { name, title, digest };
        Self {
            frame: Frame::sample(site),
            is_sent,
            error: Some("Write your e-mail address.".into()),
            is_address_wrong: true,
            address: "mei",
            action: "subscribe".into(),
            opened: "1",
            seal: "SEAL",
            feeds: vec![feed("releases", "Press releases", "daily"), feed("events", "Events", "")],
            digests: ["immediate", "daily"]
                .map(|name| Choice::of_digest(name, Words::english()))
                .into(),
            languages: vec!["en", "zh"],
            mail_language: "zh",
            wording: "You agree.".into(),
            contact: Some("dpo@example.org"),
        }
    }
}

/// What `web/confirm.html` shows.
#[derive(Debug, Clone, Serialize)]
pub struct ConfirmPage<'a> {
    #[serde(flatten)]
    pub frame: Frame<'a>,
    pub state: ConfirmState,
    /// As `m***@example.org`; empty where it is kept no more.
    pub address_masked: String,
    /// Of a move: the address before, as masked.
    pub old_masked: String,
    /// What was asked for, a line each.
    pub wants: Vec<String>,
    /// What the person agrees to by confirming it.
    pub wording: String,
    pub action: String,
    pub form: &'a str,
    /// Where what the person gets is changed; empty where that is not told.
    pub manage: String,
    /// Where one signs up.
    pub subscribe: String,
}

impl<'a> ConfirmPage<'a> {
    pub fn sample(site: &'a Site, state: ConfirmState) -> Self {
        Self {
            frame: Frame::sample(site),
            state,
            address_masked: "m***@example.org".into(),
            old_masked: "o***@example.org".into(),
            wants: vec!["Press releases: In the daily digest".into()],
            wording: "You agree.".into(),
            action: "TOKEN".into(),
            form: "SEAL",
            manage: "../manage/TOKEN".into(),
            subscribe: "../subscribe".into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmState {
    /// Shown what was asked for, with a button.
    Ask,
    /// The same of somebody who is known: refusing it takes nothing from them.
    AskMore,
    Done,
    /// It was done before.
    Used,
    Expired,
    /// It was somebody else who asked, and the address is deleted.
    Refused,
    /// It was somebody else who asked in the name of somebody who is known.
    Dropped,
    /// Asked whether the new address shall be theirs.
    AskMove,
    Moved,
    /// The new address is somebody else's by now.
    Taken,
    ExpiredMove,
}

impl ConfirmState {
    pub const ALL: [Self; 11] = [
        Self::Ask,
        Self::AskMore,
        Self::Done,
        Self::Used,
        Self::Expired,
        Self::Refused,
        Self::Dropped,
        Self::AskMove,
        Self::Moved,
        Self::Taken,
        Self::ExpiredMove,
    ];
}

/// What `web/self.html` shows.
#[derive(Debug, Clone, Serialize)]
pub struct SelfPage<'a> {
    #[serde(flatten)]
    pub frame: Frame<'a>,
    pub state: SelfState,
    pub action: String,
    pub form: &'a str,
    /// Absent until the page was opened.
    pub data: Option<SelfData>,
    pub notice: Option<Notice>,
}

/// What is to be told of what was asked for last.
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    pub text: String,
    /// The field that has to be looked at, by its id.
    pub wrong: Option<&'static str>,
    /// The address that was asked for and cannot be had.
    pub address: String,
}

impl Notice {
    pub fn said(text: String) -> Self {
        Self { text, wrong: None, address: String::new() }
    }

    /// What is wrong with the field `id`, and what was written there.
    pub fn wrong(id: &'static str, text: String, written: &str) -> Self {
        Self { text, wrong: Some(id), address: written.to_owned() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SelfState {
    /// A button that opens it.
    Closed,
    Open,
    Used,
    Expired,
    /// Everything was erased.
    Erased,
}

impl SelfState {
    pub const ALL: [Self; 5] = [Self::Closed, Self::Open, Self::Used, Self::Expired, Self::Erased];
}

/// Everything that is kept of one person, as they read it.
#[derive(Debug, Clone, Serialize)]
pub struct SelfData {
    pub address: String,
    /// Addresses before a change, and those that are to be confirmed.
    pub former: Vec<String>,
    pub asked_for: Vec<String>,
    pub language: String,
    pub since: String,
    /// How many were sent to them.
    pub mails: u64,
    pub is_paused: bool,
    pub gets: Vec<String>,
    pub consents: Vec<SelfConsent>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SelfConsent {
    pub at: String,
    pub what: String,
    pub source: String,
    pub wording: Option<String>,
    pub reason: Option<String>,
}

impl<'a> SelfPage<'a> {
    pub fn sample(site: &'a Site, state: SelfState) -> Self {
        let consent = SelfConsent {
            at: "22 November 2026".into(),
            what: "Confirmed: Press releases".into(),
            source: "By the form on our pages".into(),
            wording: Some("You agree.".into()),
            reason: Some("left".into()),
        };
        let data = SelfData {
            address: "mei@example.org".into(),
            former: vec!["old@example.org".into()],
            asked_for: vec!["new@example.org".into()],
            language: "en".into(),
            since: "22 November 2026".into(),
            mails: 3,
            is_paused: true,
            gets: vec!["Press releases: In the daily digest".into()],
            consents: vec![consent],
        };
        Self {
            frame: Frame::sample(site),
            state,
            action: "TOKEN".into(),
            form: "SEAL",
            data: (state == SelfState::Open).then_some(data),
            notice: Some(Notice::wrong("sure", "Tick the box.".into(), "a@b.example")),
        }
    }
}
