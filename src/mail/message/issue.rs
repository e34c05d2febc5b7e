//! An encoded issue, taken apart once, and the messages made from it.
//!
//! What is the same for everybody is dot-stuffed (RFC 5321, 4.5.2), brought into canonical
//! form and hashed up to its first personal place when the issue is prepared. A message then
//! costs its personal parts, the hash of the rest of its body, and the signature; the text for
//! everybody is never copied.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use memchr::memmem;

use super::splice::{Personal, Place, Values};
use crate::digest::render::Slot;
use crate::mail::dkim::{self, Covered, SIGNED_FIELDS, Signer, canonical};

/// An encoded issue from which messages are made; a clone is the same issue. Used from many
/// threads at once.
#[derive(Clone)]
pub struct Issue(Arc<Parts>);

/// What all messages of an issue share.
struct Parts {
    header: Pieces,
    /// Dot-stuffed; begins with the empty line.
    body: Pieces,
    /// Dots that stuffing added to `body`.
    stuffed_dots: usize,
    /// Value of `h=`, folded.
    signed_names: String,
    signed_fields: Pieces,
    /// Hash of the canonical body up to its first place.
    body_hash: Context,
    /// The canonical body from there on.
    canonical_body: Pieces,
}

impl fmt::Debug for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issue({} octets)", self.0.header.len() + self.0.body.len())
    }
}

impl Issue {
    /// Takes apart what `encode` made; `None` for anything else.
    pub fn prepare(encoded: impl AsRef<[u8]>) -> Option<Self> {
        let encoded = encoded.as_ref();
        let end = memmem::find(encoded, b"\r\n\r\n")? + 2;
        let (header, body) = (&encoded[..end], &encoded[end + 2..]);
        let in_header = |place: Place| !place.is_in_body();
        let header_pieces = Pieces::parse(header)?;
        let stuffed_body = stuffed(body);
        let mut body_pieces = Pieces::parse(&stuffed_body)?;
        if !header_pieces.places().all(in_header)
            || body_pieces.places().any(in_header)
            || !each_place_has_a_line(body)
        {
            return None;
        }
        body_pieces.0.insert(0, Piece::Text(b"\r\n".to_vec()));
        let (signed_names, signed_fields) = signed(header)?;
        let mut canonical_body = Pieces::parse(&canonical::relaxed_body(body))?;
        let mut body_hash = Context::new(&SHA256);
        if let Some(Piece::Text(text)) = canonical_body.0.first() {
            body_hash.update(text);
            canonical_body.0.remove(0);
        }
        Some(Self(Arc::new(Parts {
            header: header_pieces,
            body: body_pieces,
            stuffed_dots: stuffed_body.len() - body.len(),
            signed_names,
            signed_fields: Pieces::parse(&signed_fields)?,
            body_hash,
            canonical_body,
        })))
    }

    /// Makes one recipient's message; equal input gives equal bytes.
    pub fn message(&self, personal: &Personal<'_>) -> Message {
        let issue = Arc::clone(&self.0);
        Message { issue, values: Values::new(personal), signature: Vec::new() }
    }

    /// As [`Issue::message`], signed. The time of the signature is the message's Date, so that
    /// a resend has the same bytes.
    pub fn signed_message(&self, personal: &Personal<'_>, signer: &Signer) -> Message {
        let issue = &self.0;
        let values = Values::new(personal);
        let mut fields = Vec::with_capacity(issue.signed_fields.len() + 1_024);
        issue.signed_fields.each(|place| values.plain(place), |text| fields.extend(text));
        let mut body_hash = issue.body_hash.clone();
        issue.canonical_body.each(|place| values.plain(place), |text| body_hash.update(text));
        let body_hash = body_hash.finish();
        let covered = Covered { names: &issue.signed_names, fields: &fields, body_hash };
        let signature = signer.signature(&covered, personal.date);
        Message { issue: Arc::clone(issue), values, signature }
    }
}

/// One recipient's message.
pub struct Message {
    issue: Arc<Parts>,
    values: Values,
    /// Fields of the signatures, above all others.
    signature: Vec<u8>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} octets)", self.size_bytes())
    }
}

impl Message {
    /// The message as SMTP carries it, in pieces: dot-stuffed (RFC 5321, 4.5.2), its last line
    /// ended, without the final dot.
    pub fn pieces(&self) -> Vec<&[u8]> {
        let mut pieces = vec![&self.signature[..]];
        for part in [&self.issue.header, &self.issue.body] {
            part.each(|place| self.values.stuffed(place), |text| pieces.push(text));
        }
        pieces
    }

    /// Octets of the message itself, as SIZE counts them (RFC 1870, 5).
    pub fn size_bytes(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum::<usize>() - self.dots()
    }

    /// Dots that stuffing added.
    fn dots(&self) -> usize {
        let personal = self.issue.body.places().map(|place| self.values.stuffed_dots(place));
        self.issue.stuffed_dots + personal.sum::<usize>()
    }

    /// The message itself, as a mailbox keeps it.
    pub fn unstuffed(&self) -> Vec<u8> {
        let stuffed = self.pieces().concat();
        if self.dots() == 0 {
            return stuffed;
        }
        let mut text = Vec::with_capacity(stuffed.len());
        let mut rest = &stuffed[..];
        while let Some(at) = memmem::find(rest, b"\r\n.") {
            text.extend_from_slice(&rest[..at + 2]);
            rest = &rest[at + 3..];
        }
        text.extend_from_slice(rest);
        text
    }
}

/// Doubles the dots that begin a line (RFC 5321, 4.5.2).
pub(super) fn stuffed(text: &[u8]) -> Cow<'_, [u8]> {
    let begins_with_dot = text.starts_with(b".");
    if !begins_with_dot && memmem::find(text, b"\r\n.").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 64);
    if begins_with_dot {
        out.push(b'.');
    }
    let mut rest = text;
    while let Some(at) = memmem::find(rest, b"\r\n.") {
        out.extend_from_slice(&rest[..at + 3]);
        out.push(b'.');
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Whether each place stands on a line of its own between soft line breaks (RFC 2045, 6.7,
/// rule 5). Then nothing that is put in can change how the text around it is stuffed or
/// brought into canonical form.
fn each_place_has_a_line(body: &[u8]) -> bool {
    let has_a_line = |slot: Slot| {
        let marker = Place::in_body(slot).marker();
        memmem::find_iter(body, marker.as_bytes()).all(|at| {
            body[..at].ends_with(b"=\r\n") && body[at + marker.len()..].starts_with(b"=\r\n")
        })
    };
    Slot::ALL.into_iter().all(has_a_line)
}

/// The value of `h=`: the signed fields, each once more than it occurs (RFC 6376, 8.15), and the
/// fields in canonical form in that order, of equal ones the lowest first (5.4.2).
fn signed(header: &[u8]) -> Option<(String, Vec<u8>)> {
    let fields = fields(header)?;
    let mut names = Vec::new();
    let mut canonical = Vec::new();
    for name in SIGNED_FIELDS {
        for (_, value) in fields.iter().rev().filter(|(n, _)| n.eq_ignore_ascii_case(name)) {
            names.push(name);
            canonical::relaxed_field(name, value, &mut canonical);
        }
        names.push(name);
    }
    Some((dkim::names(&names), canonical))
}

/// Names and values of a header's fields (RFC 5322, 2.2); `None` where a line is none.
fn fields(header: &[u8]) -> Option<Vec<(&str, &[u8])>> {
    let mut fields = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        let end = memmem::find_iter(rest, b"\r\n")
            .map(|at| at + 2)
            .find(|end| !matches!(rest.get(*end), Some(b' ' | b'\t')))?;
        let (field, after) = rest.split_at(end);
        let colon = memchr::memchr(b':', field)?;
        let name = str::from_utf8(&field[..colon]).ok()?;
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return None;
        }
        fields.push((name, &field[colon + 1..end - 2]));
        rest = after;
    }
    Some(fields)
}

/// Text for everybody, and the places between.
struct Pieces(Vec<Piece>);

enum Piece {
    Text(Vec<u8>),
    Place(Place),
}

impl Pieces {
    /// `None` where a NUL belongs to no place.
    fn parse(marked: &[u8]) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = marked;
        while let Some(at) = memchr::memchr(0, rest) {
            let [0, letter, 0, ref after @ ..] = rest[at..] else { return None };
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].to_vec()));
            }
            pieces.push(Piece::Place(Place::of(letter)?));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_vec()));
        }
        Some(Self(pieces))
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(*place),
            Piece::Text(_) => None,
        })
    }

    /// Octets of the text for everybody.
    fn len(&self) -> usize {
        let length = |piece: &Piece| if let Piece::Text(text) = piece { text.len() } else { 0 };
        self.0.iter().map(length).sum()
    }

    fn each<'a>(&'a self, value: impl Fn(Place) -> &'a [u8], mut take: impl FnMut(&'a [u8])) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => take(text),
                Piece::Place(place) => take(value(*place)),
            }
        }
    }
}
