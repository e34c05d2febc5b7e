//! The relaxed canonical forms (RFC 6376, 3.4.2 and 3.4.4): what relays may do to blanks and
//! folds without breaking a signature.

use aws_lc_rs::digest::{Digest, SHA256, digest};
use memchr::memmem;

pub fn sha256(text: &[u8]) -> Digest {
    digest(&SHA256, text)
}

/// Adds a field to `out`: name in lower case, unfolded, each run of blanks one, none around
/// the colon or at the end; with its CRLF.
pub fn relaxed_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.trim_ascii().bytes().map(|b| b.to_ascii_lowercase()));
    out.push(b':');
    let mut has_blank = false;
    let mut rest = value.trim_ascii();
    // Every CRLF of a field's value is a fold, which is gone before blanks are looked at.
    while let Some(at) = memmem::find(rest, b"\r\n") {
        relaxed_line(&rest[..at], &mut has_blank, out);
        rest = &rest[at + 2..];
    }
    relaxed_line(rest, &mut has_blank, out);
    out.extend_from_slice(b"\r\n");
}

/// A body: each run of blanks one, none at the end of a line, no empty line at the end, which
/// is a CRLF unless nothing is left.
pub fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut end = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let at = memmem::find(rest, b"\r\n");
        relaxed_line(&rest[..at.unwrap_or(rest.len())], &mut false, &mut out);
        let is_empty = out.ends_with(b"\r\n") || out.is_empty();
        out.extend_from_slice(b"\r\n");
        if !is_empty {
            end = out.len();
        }
        rest = at.map_or(&[], |at| &rest[at + 2..]);
    }
    out.truncate(end);
    out
}

/// Adds a line with each run of blanks as one, and none at its end. `has_blank` says that one
/// stood before it.
fn relaxed_line(line: &[u8], has_blank: &mut bool, out: &mut Vec<u8>) {
    let mut add = |run: &[u8], has_blank: &mut bool| {
        if run.is_empty() {
            return;
        }
        if std::mem::take(has_blank) {
            out.push(b' ');
        }
        out.extend_from_slice(run);
    };
    let mut rest = line;
    while let Some(at) = memchr::memchr2(b' ', b'\t', rest) {
        add(&rest[..at], has_blank);
        *has_blank = true;
        rest = &rest[at + 1..];
    }
    add(rest, has_blank);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> String {
        let mut out = Vec::new();
        relaxed_field(name, value.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn body(text: &str) -> String {
        String::from_utf8(relaxed_body(text.as_bytes())).unwrap()
    }

    #[test]
    fn the_example_of_the_standard_reads_as_there() {
        // RFC 6376, 3.4.5.
        assert_eq!(field("A", " X"), "a:X\r\n");
        assert_eq!(field("B ", " Y\t\r\n\tZ  "), "b:Y Z\r\n");
        assert_eq!(body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
    }

    #[test]
    fn a_body_ends_with_one_line_break_or_is_empty() {
        for text in ["a", "a\r\n", "a\r\n\r\n \t\r\n"] {
            assert_eq!(body(text), "a\r\n");
        }
        for text in ["", "\r\n", " \r\n\t\r\n", " "] {
            assert_eq!(body(text), "");
        }
        assert_eq!(body("\r\n\r\na\r\n\r\nb"), "\r\n\r\na\r\n\r\nb\r\n");
    }

    #[test]
    fn an_empty_field_keeps_its_colon() {
        assert_eq!(field("Subject", " \r\n "), "subject:\r\n");
    }
}
