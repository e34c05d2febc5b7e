//! Tokens: addresses of pages that act for one person without a password.
//!
//! A token is key number, purpose, run and subscriber under HMAC-SHA-256, cut to 128 bits
//! (RFC 2104, section 5), in base 32 without padding (RFC 4648, section 6): mail programs
//! that fold letters to one case do not harm it.

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use subtle::ConstantTimeEq;

use super::keys::Keys;

const MAC_LEN: usize = 16;
const BODY_LEN: usize = 1 + 1 + 8 + 8;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Ends the subscriptions to the digest its mail belongs to. Never expires.
    Unsubscribe,
    /// Changes what its reader follows. Never expires.
    Manage,
    /// Does what its reader asked for on a page; the errand in the store says until when.
    Confirm,
    /// Opens what is kept of its reader; the errand says until when, and whether it was.
    SelfService,
}

impl Purpose {
    fn code(self) -> u8 {
        match self {
            Self::Unsubscribe => b'u',
            Self::Manage => b'm',
            Self::Confirm => b'c',
            Self::SelfService => b's',
        }
    }
}

/// The delivery that a token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    pub run: i64,
    pub subscriber: i64,
}

/// Makes the token of one delivery; equal input gives an equal token.
///
/// `None` where the delivery's key is gone, or its number is above 255.
pub fn make(keys: &Keys, token_key: i64, purpose: Purpose, subject: Subject) -> Option<String> {
    let mut bytes = Vec::with_capacity(BODY_LEN + MAC_LEN);
    bytes.push(u8::try_from(token_key).ok()?);
    bytes.push(purpose.code());
    bytes.extend(subject.run.to_be_bytes());
    bytes.extend(subject.subscriber.to_be_bytes());
    let mac = keys.sign(token_key, &[b"token", &bytes])?;
    bytes.extend(&mac.as_ref()[..MAC_LEN]);
    Some(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// Reads a token; `None` unless it is whole, for this purpose, and signed by a key of ours.
pub fn read(keys: &Keys, purpose: Purpose, token: &str) -> Option<Subject> {
    let token = token.trim_end_matches(['=', '.', '>', ')']);
    let bytes = BASE32_NOPAD_NOCASE.decode(token.as_bytes()).ok()?;
    if bytes.len() != BODY_LEN + MAC_LEN {
        return None;
    }
    let (body, mac) = bytes.split_at(BODY_LEN);
    let expected = keys.sign(i64::from(body[0]), &[b"token", body])?;
    let is_ours = bool::from(mac.ct_eq(&expected.as_ref()[..MAC_LEN]));
    if !is_ours || body[1] != purpose.code() {
        return None;
    }
    let number = |at: usize| {
        i64::from_be_bytes(body[at..at + 8].try_into().expect("eight bytes were taken"))
    };
    Some(Subject { run: number(2), subscriber: number(10) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject = Subject { run: 7, subscriber: 1_200_000 };

    fn keys() -> (tempfile::TempDir, Keys) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        (folder, keys)
    }

    #[test]
    fn a_token_names_its_delivery_whatever_its_case_and_padding() {
        let (_folder, keys) = keys();
        let token = make(&keys, 1, Purpose::Unsubscribe, SUBJECT).unwrap();
        assert_eq!(token.len(), 55);
        for spelling in [token.clone(), token.to_ascii_uppercase(), format!("{token}=")] {
            assert_eq!(read(&keys, Purpose::Unsubscribe, &spelling), Some(SUBJECT));
        }
    }

    #[test]
    fn a_token_with_any_bit_flipped_is_refused() {
        let (_folder, keys) = keys();
        let token = make(&keys, 1, Purpose::Unsubscribe, SUBJECT).unwrap();
        let bytes = BASE32_NOPAD_NOCASE.decode(token.as_bytes()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = BASE32_NOPAD.encode(&flipped);
            assert_eq!(read(&keys, Purpose::Unsubscribe, &flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn a_token_is_for_one_purpose() {
        let (_folder, keys) = keys();
        let token = make(&keys, 1, Purpose::Unsubscribe, SUBJECT).unwrap();
        assert_eq!(read(&keys, Purpose::Manage, &token), None);
        let mut bytes = BASE32_NOPAD_NOCASE.decode(token.as_bytes()).unwrap();
        bytes[1] = Purpose::Manage.code();
        assert_eq!(read(&keys, Purpose::Manage, &BASE32_NOPAD.encode(&bytes)), None);
    }

    #[test]
    fn a_token_of_other_keys_is_refused() {
        let (_folder, keys_a) = keys();
        let (_folder, keys_b) = keys();
        let token = make(&keys_a, 1, Purpose::Unsubscribe, SUBJECT).unwrap();
        assert_eq!(read(&keys_b, Purpose::Unsubscribe, &token), None);
        assert_eq!(read(&keys_a, Purpose::Unsubscribe, ""), None);
        assert_eq!(read(&keys_a, Purpose::Unsubscribe, "töken"), None);
    }
}
