//! Signs messages with DKIM (RFC 6376), with RSA (RFC 8301) and beside it Ed25519 (RFC 8463).
//!
//! Both canonicalisations are relaxed, and every signed field is named once more than it
//! occurs, so that nobody can add a second one (RFC 6376, 8.15). There is no `l=`, which would
//! let others add to a body, and no `x=`: a message that waits in a queue stays valid. The
//! time is the caller's, so that equal input gives equal bytes.

pub mod canonical;
mod key;

use std::fmt::{self, Write};

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256};
use chrono::{DateTime, FixedOffset};
use data_encoding::BASE64;

pub use key::{DkimKeyError, Kind, PrivateKey};

/// Fields that are signed, and named once more than they occur. RFC 8058, 4 asks for the two of
/// List-Unsubscribe; RFC 6376, 5.4.1 for most others. `Cc` is named so that none can be added.
pub const SIGNED_FIELDS: [&str; 13] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
];

/// RFC 5322, 2.1.1: lines should have no more characters.
const COLUMNS: usize = 78;

/// Signs for one domain. Used from many threads at once.
pub struct Signer {
    domain: String,
    /// RSA first: who knows no Ed25519 should meet the signature he knows.
    keys: Vec<Key>,
}

/// A private key and the name under which its public half stands in the DNS.
struct Key {
    selector: String,
    private: PrivateKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}._domainkey.{})", self.selector(), self.domain)
    }
}

/// What the signatures of a message cover.
#[derive(Debug)]
pub struct Covered<'a> {
    /// Value of `h=`, as [`names`] writes it.
    pub names: &'a str,
    /// The fields named, in relaxed form, each with its CRLF (RFC 6376, 3.4.2).
    pub fields: &'a [u8],
    /// SHA-256 of the body in relaxed form (RFC 6376, 3.4.4).
    pub body_hash: Digest,
}

impl Signer {
    /// A signer with an RSA key.
    pub fn new(domain: String, selector: String, private: PrivateKey) -> Self {
        Self { domain, keys: vec![Key { selector, private }] }
    }

    /// Adds a second signature to each message, with another key.
    #[must_use]
    pub fn and(mut self, selector: String, private: PrivateKey) -> Self {
        self.keys.push(Key { selector, private });
        self
    }

    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Names this signer among those of other years: a delivery keeps it, so that a resend
    /// is signed by the same keys.
    pub fn selector(&self) -> &str {
        &self.keys[0].selector
    }

    /// Names and texts of the TXT records that verifiers look for (RFC 6376, 3.6.1).
    pub fn records(&self) -> Vec<(String, String)> {
        let record = |key: &Key| {
            let name = format!("{}._domainkey.{}", key.selector, self.domain);
            (name, format!("v=DKIM1; k={}; p={}", key.private.kind(), public_half(&key.private)))
        };
        self.keys.iter().map(record).collect()
    }

    /// The fields `DKIM-Signature` of one message, to stand above all others.
    pub fn signature(&self, covered: &Covered<'_>, at: DateTime<FixedOffset>) -> Vec<u8> {
        let mut text = Vec::with_capacity(covered.fields.len() + 1_024);
        text.extend_from_slice(covered.fields);
        let mut fields = Vec::with_capacity(1_024 * self.keys.len());
        for key in &self.keys {
            let mut value = self.unsigned(key, covered, at);
            // RFC 6376, 3.7: the field itself comes last, without a signature and CRLF.
            text.truncate(covered.fields.len());
            canonical::relaxed_field("DKIM-Signature", value.as_bytes(), &mut text);
            text.truncate(text.len() - 2);
            fold(&mut value, &BASE64.encode(&sign(&key.private, &text)));
            fields.extend_from_slice(b"DKIM-Signature: ");
            fields.extend_from_slice(value.as_bytes());
            fields.extend_from_slice(b"\r\n");
        }
        fields
    }

    /// The field's value up to `b=` (RFC 6376, 3.5).
    fn unsigned(&self, key: &Key, covered: &Covered<'_>, at: DateTime<FixedOffset>) -> String {
        let mut value = String::with_capacity(1_536);
        let (kind, at) = (key.private.kind(), at.timestamp());
        write!(
            value,
            "v=1; a={kind}-sha256; c=relaxed/relaxed;\r\n d={};\r\n s={}; t={at};\r\n h={}",
            self.domain, key.selector, covered.names,
        )
        .expect("writing to memory does not fail");
        value.push_str(";\r\n bh=");
        BASE64.encode_append(covered.body_hash.as_ref(), &mut value);
        value.push_str(";\r\n b=");
        value
    }
}

/// Writes names of fields as the value of `h=`, folded.
pub fn names(names: &[&str]) -> String {
    let mut value = String::new();
    let mut column = " h=".len();
    for (number, name) in names.iter().enumerate() {
        if number > 0 {
            value.push(':');
        }
        // One is kept for the colon or semicolon behind it.
        if column + name.len() >= COLUMNS {
            value.push_str("\r\n  ");
            column = 2;
        }
        value.push_str(name);
        column += name.len() + 1;
    }
    value
}

/// Adds text that may be broken anywhere, to a line that holds ` b=` so far.
fn fold(value: &mut String, text: &str) {
    let (first, rest) = text.split_at(text.len().min(COLUMNS - " b=".len()));
    value.push_str(first);
    let mut rest = rest;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS - 2));
        value.push_str("\r\n  ");
        value.push_str(line);
        rest = after;
    }
}

fn sign(key: &PrivateKey, text: &[u8]) -> Vec<u8> {
    match key {
        PrivateKey::Rsa(pair) => {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
                .expect("a key that was checked when it was read signs");
            signature
        }
        // RFC 8463, 3: what Ed25519 signs is the hash.
        PrivateKey::Ed25519(pair) => pair.sign(canonical::sha256(text).as_ref()).as_ref().to_vec(),
    }
}

/// RSA as `SubjectPublicKeyInfo` (RFC 6376, 3.6.1), Ed25519 as it is (RFC 8463, 4.2).
fn public_half(key: &PrivateKey) -> String {
    match key {
        PrivateKey::Rsa(pair) => {
            let public = pair.public_key().as_der().expect("a public key can be written down");
            BASE64.encode(public.as_ref())
        }
        PrivateKey::Ed25519(pair) => BASE64.encode(pair.public_key().as_ref()),
    }
}

#[cfg(test)]
mod tests;
