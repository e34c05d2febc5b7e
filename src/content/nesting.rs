//! Tells where HTML that was written by hand has closed all that it opened.
//!
//! What stands behind such a place is parsed as if it stood alone, so each part can be
//! sanitised by itself, and a part without HTML not at all. The HTML standard mends bad markup
//! in many ways that reach further than a tag; whatever is not plainly in order here - a tag
//! out of turn, an unknown name, a quote that is odd - counts as never closed.

use super::tags::{Piece, pieces};

/// Elements whose start and end tag, properly nested, leave the parser as they found it (HTML
/// standard, section 13.2.6.4.7 and the modes for tables): no raw text, no forms, no scripts,
/// no foreign content, no scopes of their own but tables.
const PLAIN: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "big",
    "blockquote",
    "caption",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "i",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
];
const VOID: &[&str] = &["br", "hr", "img", "wbr"];

/// The tags that are open after the pieces fed so far.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    open: Vec<&'static str>,
    /// Something was not plainly in order.
    is_lost: bool,
}

impl Nesting {
    /// Goes on with `html`, which begins and ends outside a tag.
    pub(crate) fn feed(&mut self, html: &str) {
        for piece in pieces(html) {
            if self.is_lost {
                return;
            }
            let is_in_order = match piece {
                Piece::Text(text) => !text.contains('<'),
                Piece::Open(raw) => self.open(piece.name(), raw),
                Piece::Close(raw) => self.close(piece.name(), raw),
                Piece::Other(raw) => self.is_outside_frames() && is_plain_comment(raw),
            };
            self.is_lost = !is_in_order;
        }
    }

    /// Whether the parser would stand where it stood before the first piece.
    pub(crate) fn is_closed(&self) -> bool {
        self.open.is_empty() && !self.is_lost
    }

    fn open(&mut self, name: &str, raw: &str) -> bool {
        if !self.is_outside_frames() || !is_plain_tag(&raw[1 + name.len()..]) {
            return false;
        }
        if VOID.iter().any(|void| void.eq_ignore_ascii_case(name)) {
            return true;
        }
        let is_iframe = name.eq_ignore_ascii_case("iframe");
        let plain = PLAIN.iter().find(|plain| plain.eq_ignore_ascii_case(name)).copied();
        let Some(plain) = plain.or(is_iframe.then_some("iframe")) else { return false };
        // A link in a link closes the outer one, and a frame becomes a link.
        if matches!(plain, "a" | "iframe") && self.open.contains(&"a") {
            return false;
        }
        self.open.push(plain);
        true
    }

    /// A frame hides what is in it: tags and comments there are text.
    fn is_outside_frames(&self) -> bool {
        self.open.last() != Some(&"iframe")
    }

    fn close(&mut self, name: &str, raw: &str) -> bool {
        raw[2 + name.len()..].trim_ascii_start() == ">"
            && self.open.pop().is_some_and(|open| open.eq_ignore_ascii_case(name))
    }
}

/// Whether what follows the name of a start tag is a row of attributes and `>`, with no quote,
/// bracket or equals sign out of place. A slash before the `>` says nothing in HTML.
fn is_plain_tag(after_name: &str) -> bool {
    let mut rest = after_name;
    loop {
        let trimmed = rest.trim_ascii_start();
        if matches!(trimmed, ">" | "/>") {
            return true;
        }
        let is_name =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
        let length = trimmed.bytes().take_while(|byte| is_name(byte)).count();
        if length == 0 || trimmed.len() == rest.len() {
            return false;
        }
        rest = &trimmed[length..];
        let Some(value) = rest.trim_ascii_start().strip_prefix('=') else { continue };
        let value = value.trim_ascii_start();
        let after = match value.as_bytes().first() {
            Some(b'"') => value[1..].split_once('"'),
            Some(b'\'') => value[1..].split_once('\''),
            _ => {
                let odd = |c: char| c.is_ascii_whitespace() || "\"'=<>`/".contains(c);
                let end = value.find(odd).unwrap_or(value.len());
                (end > 0).then(|| value.split_at(end))
            }
        };
        let Some((_, after)) = after else { return false };
        rest = after;
    }
}

/// A comment that every reading of the standard ends at the same place.
fn is_plain_comment(raw: &str) -> bool {
    let inside = raw.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
    inside.is_some_and(|inside| !inside.contains('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_closed(html: &str) -> bool {
        let mut nesting = Nesting::default();
        nesting.feed(html);
        nesting.is_closed()
    }

    #[test]
    fn what_is_plainly_nested_is_closed() {
        for html in [
            "",
            "a &lt; b",
            "<table class=\"g\"><tr><td style='a' width=50%>x<br></td></tr></table>\n",
            "<P>a</p><!-- b --><img src=\"/a.png\" />",
            "<div hidden><a href=\"/b\">c</a> <a href=\"/d\">e</a></div>",
            "<p><iframe src=\"https://a.example/\" allowfullscreen></iframe></p>",
        ] {
            assert!(is_closed(html), "{html}");
        }
    }

    #[test]
    fn what_may_reach_further_is_not() {
        for html in [
            "<div>",
            "</div>",
            "<b><p>a</b></p>",
            "<a href=\"/b\"><b><a href=\"/c\">d</a></b></a>",
            "<script></script>",
            "<form></form>",
            "<svg></svg>",
            "<p title=\"a></p>",
            "<p title= \"a>\"></p>",
            "<p title=a\"b></p>",
            "<p a==\">\"></p>",
            "<p \"></p>",
            "<p a=\"b\"c></p>",
            "<p a></p b>",
            "a < b </ c",
            "<p",
            "<!--> a -->",
            "<!-- a --!> b -->",
            "<!-- a",
            "<!DOCTYPE html>",
            "<iframe><b></iframe></b>",
            "<iframe><!--</iframe>--></iframe>",
            "<a href=\"/b\"><iframe src=\"/c\"></iframe></a>",
        ] {
            assert!(!is_closed(html), "{html}");
        }
    }
}
