//! Puts the personal parts of one recipient into an encoded issue.

use chrono::{DateTime, FixedOffset};

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
}

impl Place {
    const ALL: [Self; 6] = [
        Self::Date,
        Self::MessageId,
        Self::To,
        Self::HeaderUnsubscribe,
        Self::UnsubscribeToken,
        Self::BodyUnsubscribe,
    ];

    fn letter(self) -> u8 {
        match self {
            Self::Date => b'd',
            Self::MessageId => b'm',
            Self::To => b't',
            Self::HeaderUnsubscribe => b'u',
            Self::UnsubscribeToken => b'k',
            Self::BodyUnsubscribe => b'b',
        }
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
    /// Fixed with the delivery.
    pub date: DateTime<FixedOffset>,
    pub unsubscribe_url: &'a str,
    pub unsubscribe_token: &'a str,
}

/// Makes one recipient's message; equal input gives equal bytes.
///
/// Returns `None` where `encoded` was not made by `encode`.
pub fn splice(encoded: &[u8], personal: &Personal<'_>) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(encoded.len() + 1_024);
    let mut rest = encoded;
    while let Some(at) = rest.iter().position(|b| *b == 0) {
        message.extend_from_slice(&rest[..at]);
        let [0, letter, 0, ..] = rest[at..] else {
            return None;
        };
        let place = Place::ALL.into_iter().find(|p| p.letter() == letter)?;
        match place {
            Place::Date => message.extend(personal.date.to_rfc2822().bytes()),
            Place::MessageId => message.extend(personal.message_id.bytes()),
            Place::To => message.extend(personal.address.as_str().bytes()),
            Place::HeaderUnsubscribe => message.extend(personal.unsubscribe_url.bytes()),
            Place::UnsubscribeToken => message.extend(personal.unsubscribe_token.bytes()),
            Place::BodyUnsubscribe => {
                message.extend(quoted_printable::encode(personal.unsubscribe_url));
            }
        }
        rest = &rest[at + 3..];
    }
    message.extend_from_slice(rest);
    Some(message)
}
