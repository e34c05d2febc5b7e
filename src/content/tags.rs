//! Cuts HTML into tags and texts, nothing more.
//!
//! No parser: it builds no tree and mends nothing. It finds players before sanitising, and
//! walks what the sanitiser wrote, which is well nested and quoted.

use std::borrow::Cow;

use memchr::memchr_iter;

/// One piece of HTML; together the pieces are the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    /// A start tag as it is written, `<a href="…">`.
    Open(&'a str),
    /// An end tag as it is written.
    Close(&'a str),
    /// A comment or a declaration.
    Other(&'a str),
}

impl<'a> Piece<'a> {
    pub(crate) fn raw(self) -> &'a str {
        match self {
            Self::Text(raw) | Self::Open(raw) | Self::Close(raw) | Self::Other(raw) => raw,
        }
    }

    /// Name of the tag as it is written; empty for anything else.
    pub(crate) fn name(self) -> &'a str {
        match self {
            Self::Open(raw) => leading_word(&raw[1..]),
            Self::Close(raw) => leading_word(&raw[2..]),
            _ => "",
        }
    }

    pub(crate) fn is(self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }
}

fn leading_word(text: &str) -> &str {
    let length = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    &text[..length]
}

/// Whether one of the tags begins anywhere in `html`, in any case; quicker than cutting it up.
pub(crate) fn has_tag(html: &str, names: &[&str]) -> bool {
    memchr_iter(b'<', html.as_bytes()).any(|at| {
        let rest = &html.as_bytes()[at + 1..];
        names.iter().any(|name| {
            rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
        })
    })
}

/// The pieces of `html` in order.
pub(crate) fn pieces(html: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let piece = next_piece(rest);
        rest = &rest[piece.raw().len()..];
        Some(piece)
    })
}

fn next_piece(rest: &str) -> Piece<'_> {
    let bytes = rest.as_bytes();
    let begins_tag = |at: usize| match bytes.get(at + 1) {
        Some(b'/') => bytes.get(at + 2).is_some_and(u8::is_ascii_alphabetic),
        Some(next) => next.is_ascii_alphabetic() || *next == b'!' || *next == b'?',
        None => false,
    };
    if bytes[0] != b'<' || !begins_tag(0) {
        let next = memchr_iter(b'<', &bytes[1..]).map(|at| at + 1).find(|at| begins_tag(*at));
        return Piece::Text(&rest[..next.unwrap_or(rest.len())]);
    }
    if let Some(comment) = rest.strip_prefix("<!--") {
        let end = comment.find("-->").map_or(rest.len(), |at| at + 7);
        return Piece::Other(&rest[..end]);
    }
    let raw = &rest[..tag_end(bytes)];
    match bytes[1] {
        b'!' | b'?' => Piece::Other(raw),
        b'/' => Piece::Close(raw),
        _ => Piece::Open(raw),
    }
}

/// Length of the tag that begins here; a `>` inside quotes does not end it.
fn tag_end(bytes: &[u8]) -> usize {
    let mut quote = None;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') if bytes[at - 1] == b'=' => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    bytes.len()
}

/// Value of an attribute of a start tag, its entities resolved.
pub(crate) fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
    rest = &rest[rest.find(|c: char| c.is_ascii_whitespace())?..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let key = &rest[..end];
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let (text, left) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    after[1..].split_once(quote).unwrap_or((&after[1..], ""))
                }
                _ => after
                    .split_at(after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len())),
            };
            value = text;
            rest = left;
        } else if end == 0 {
            return None;
        }
        if key.eq_ignore_ascii_case(name) {
            return Some(decode(value).into_owned());
        }
    }
}

/// Resolves numeric entities and the few names that serialisers write.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest[1..rest.floor_char_boundary(10)].split_once(';').map(|(name, _)| name);
        let known = entity.and_then(|name| Some((character(name)?, name.len() + 2)));
        let (c, length) = known.unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Text fit to stand in an attribute or between tags.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_joined_are_the_whole() {
        for html in ["a < b <p class=\"x>y\">c</p><!-- <p> -->d<", "<br/><3 <", "", "<a href='>'>x"]
        {
            assert_eq!(pieces(html).map(Piece::raw).collect::<String>(), html);
        }
        let names: Vec<&str> = pieces("<P x=\"a>b\">c</P>").map(Piece::name).collect();
        assert_eq!(names, ["P", "", "P"]);
    }

    #[test]
    fn an_attribute_is_found_in_any_quotes() {
        let tag =
            "<iframe width=\"5\" SRC='https://a.example/?x=1&amp;y=2' allowfullscreen title=T>";
        assert_eq!(attribute(tag, "src").as_deref(), Some("https://a.example/?x=1&y=2"));
        assert_eq!(attribute(tag, "title").as_deref(), Some("T"));
        assert_eq!(attribute(tag, "allowfullscreen").as_deref(), Some(""));
        assert_eq!(attribute(tag, "height"), None);
        assert_eq!(attribute("<iframe = = \"", "src"), None);
    }

    #[test]
    fn entities_are_resolved_and_the_unknown_left() {
        assert_eq!(decode("a&amp;b&#46;&#x2014;&what; & &"), "a&b.—&what; & &");
    }
}
