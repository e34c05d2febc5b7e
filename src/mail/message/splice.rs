//! Personal parts of a message, and the marked places of an encoded issue they go to.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::issue::{Issue, stuffed};
use crate::digest::render::Slot;
use crate::model::Address;

/// A marked place of an encoded issue: NUL, a letter, NUL. A 7-bit message holds no other
/// NUL (RFC 5322, 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Date,
    MessageId,
    To,
    HeaderUnsubscribe,
    UnsubscribeToken,
    BodyUnsubscribe,
    BodyManage,
    BodyErrand,
    BodyAddress,
    Answers,
}

impl Place {
    const ALL: [Self; 10] = [
        Self::Date,
        Self::MessageId,
        Self::To,
        Self::HeaderUnsubscribe,
        Self::UnsubscribeToken,
        Self::BodyUnsubscribe,
        Self::BodyManage,
        Self::BodyErrand,
        Self::BodyAddress,
        Self::Answers,
    ];

    /// Where a slot of the text is filled in.
    pub(super) fn in_body(slot: Slot) -> Self {
        match slot {
            Slot::Unsubscribe => Self::BodyUnsubscribe,
            Slot::Manage => Self::BodyManage,
            Slot::Errand => Self::BodyErrand,
            Slot::Address => Self::BodyAddress,
        }
    }

    pub(super) fn is_in_body(self) -> bool {
        Slot::ALL.into_iter().any(|slot| Self::in_body(slot) == self)
    }

    fn letter(self) -> u8 {
        match self {
            Self::Date => b'd',
            Self::MessageId => b'm',
            Self::To => b't',
            Self::HeaderUnsubscribe => b'u',
            Self::UnsubscribeToken => b'k',
            Self::BodyUnsubscribe => b'b',
            Self::BodyManage => b'g',
            Self::BodyErrand => b'e',
            Self::BodyAddress => b'o',
            Self::Answers => b'a',
        }
    }

    pub(super) fn of(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.letter() == letter)
    }

    pub(super) fn marker(self) -> String {
        format!("\0{}\0", char::from(self.letter()))
    }
}

/// What differs from recipient to recipient.
#[derive(Debug, Clone)]
pub struct Personal<'a> {
    pub address: &'a Address,
    /// Without its angle brackets (RFC 5322, 3.6.4).
    pub message_id: &'a str,
    /// Message-ID of the mail that a correction answers; other mails have no place for it.
    pub answers: Option<&'a str>,
    /// Fixed with the delivery.
    pub date: DateTime<FixedOffset>,
    pub unsubscribe_url: &'a str,
    pub unsubscribe_token: &'a str,
    pub manage_url: &'a str,
    /// Where what they asked for is done; other mails have no place for it.
    pub errand_url: Option<&'a str>,
}

/// The personal parts as they stand in the message. All are visible ASCII, the date with
/// single blanks: what is put in neither ends a line nor has another canonical form.
pub(super) struct Values {
    date: String,
    message_id: String,
    answers: String,
    to: String,
    unsubscribe_url: String,
    unsubscribe_token: String,
    body_unsubscribe: InBody,
    body_manage: InBody,
    body_errand: InBody,
    body_address: InBody,
}

/// A value as it stands in the body: encoded, and once more with its dots doubled where that
/// differs.
struct InBody {
    plain: Vec<u8>,
    stuffed: Option<Vec<u8>>,
}

impl InBody {
    fn new(text: &str) -> Self {
        let plain = quoted_printable::encode(text.as_bytes());
        // It begins a line, and is itself broken where it is long.
        let stuffed = match stuffed(&plain) {
            Cow::Borrowed(_) => None,
            Cow::Owned(stuffed) => Some(stuffed),
        };
        Self { plain, stuffed }
    }

    fn stuffed(&self) -> &[u8] {
        self.stuffed.as_deref().unwrap_or(&self.plain)
    }
}

impl Values {
    pub(super) fn new(personal: &Personal<'_>) -> Self {
        let unsubscribe_url = visible(personal.unsubscribe_url);
        Self {
            date: personal.date.to_rfc2822(),
            message_id: visible(personal.message_id),
            answers: visible(personal.answers.unwrap_or_default()),
            to: personal.address.as_str().to_owned(),
            body_unsubscribe: InBody::new(&unsubscribe_url),
            unsubscribe_url,
            unsubscribe_token: visible(personal.unsubscribe_token),
            body_manage: InBody::new(&visible(personal.manage_url)),
            body_errand: InBody::new(&visible(personal.errand_url.unwrap_or_default())),
            body_address: InBody::new(personal.address.as_str()),
        }
    }

    /// As in the canonical form.
    pub(super) fn plain(&self, place: Place) -> &[u8] {
        match place {
            Place::Date => self.date.as_bytes(),
            Place::MessageId => self.message_id.as_bytes(),
            Place::Answers => self.answers.as_bytes(),
            Place::To => self.to.as_bytes(),
            Place::HeaderUnsubscribe => self.unsubscribe_url.as_bytes(),
            Place::UnsubscribeToken => self.unsubscribe_token.as_bytes(),
            Place::BodyUnsubscribe => &self.body_unsubscribe.plain,
            Place::BodyManage => &self.body_manage.plain,
            Place::BodyErrand => &self.body_errand.plain,
            Place::BodyAddress => &self.body_address.plain,
        }
    }

    /// As SMTP carries it.
    pub(super) fn stuffed(&self, place: Place) -> &[u8] {
        match place {
            Place::BodyUnsubscribe => self.body_unsubscribe.stuffed(),
            Place::BodyManage => self.body_manage.stuffed(),
            Place::BodyErrand => self.body_errand.stuffed(),
            Place::BodyAddress => self.body_address.stuffed(),
            _ => self.plain(place),
        }
    }

    /// Dots that stuffing adds at a place.
    pub(super) fn stuffed_dots(&self, place: Place) -> usize {
        self.stuffed(place).len() - self.plain(place).len()
    }
}

const BLANK: AsciiSet = CONTROLS.add(b' ');

/// Percent-encodes what is not visible ASCII; nothing, in what the program makes itself.
fn visible(text: &str) -> String {
    utf8_percent_encode(text, &BLANK).to_string()
}

/// Makes one recipient's message; equal input gives equal bytes. For many of one issue,
/// prepare an [`Issue`] once.
///
/// Returns `None` where `encoded` was not made by `encode`.
pub fn splice(encoded: &[u8], personal: &Personal<'_>) -> Option<Vec<u8>> {
    Some(Issue::prepare(encoded)?.message(personal).unstuffed())
}
