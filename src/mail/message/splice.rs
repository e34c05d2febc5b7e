//! Personal parts of a message, and the marked places of an encoded issue they go to.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::issue::{Issue, stuffed};
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
    Answers,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Date,
        Self::MessageId,
        Self::To,
        Self::HeaderUnsubscribe,
        Self::UnsubscribeToken,
        Self::BodyUnsubscribe,
        Self::Answers,
    ];

    fn letter(self) -> u8 {
        match self {
            Self::Date => b'd',
            Self::MessageId => b'm',
            Self::To => b't',
            Self::HeaderUnsubscribe => b'u',
            Self::UnsubscribeToken => b'k',
            Self::BodyUnsubscribe => b'b',
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
    body_unsubscribe: Vec<u8>,
    stuffed_body_unsubscribe: Option<Vec<u8>>,
}

impl Values {
    pub(super) fn new(personal: &Personal<'_>) -> Self {
        let unsubscribe_url = visible(personal.unsubscribe_url);
        let body_unsubscribe = quoted_printable::encode(unsubscribe_url.as_bytes());
        // It begins a line, and is itself broken where it is long.
        let stuffed_body_unsubscribe = match stuffed(&body_unsubscribe) {
            Cow::Borrowed(_) => None,
            Cow::Owned(stuffed) => Some(stuffed),
        };
        Self {
            date: personal.date.to_rfc2822(),
            message_id: visible(personal.message_id),
            answers: visible(personal.answers.unwrap_or_default()),
            to: personal.address.as_str().to_owned(),
            unsubscribe_url,
            unsubscribe_token: visible(personal.unsubscribe_token),
            body_unsubscribe,
            stuffed_body_unsubscribe,
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
            Place::BodyUnsubscribe => &self.body_unsubscribe,
        }
    }

    /// As SMTP carries it.
    pub(super) fn stuffed(&self, place: Place) -> &[u8] {
        match (place, &self.stuffed_body_unsubscribe) {
            (Place::BodyUnsubscribe, Some(stuffed)) => stuffed,
            _ => self.plain(place),
        }
    }

    /// Dots that stuffing adds at one place of the body.
    pub(super) fn stuffed_dots(&self) -> usize {
        self.stuffed(Place::BodyUnsubscribe).len() - self.plain(Place::BodyUnsubscribe).len()
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
