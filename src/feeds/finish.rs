//! What RSS and Atom documents need and their crates do not write: a style sheet for who opens
//! one in a browser (Associating Style Sheets with XML documents 1.0), titles as hexadecimal
//! references in RSS, `type="text"` on titles and metadata before the entries in Atom.
//!
//! The one place where finished bytes are changed. It relies on the crates writing every `<`
//! of a text as `&lt;` or in CDATA of RSS, and on [`legal`] keeping control characters out.

use memchr::{memchr3_iter, memmem};
use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::{BytesDecl, BytesPI, BytesText, Event};

use super::xml::legal;
use super::{STYLE_PATH, Site};

/// Characters that RSS profile and validators want as hexadecimal references in plain text,
/// because readers that expect HTML and those that do not show these as the character itself.
/// The writer knows only named ones, so that control characters, which no XML holds, stand in
/// for them until [`rss()`].
const STAND_INS: [(char, char, &str); 3] =
    [('&', '\u{1}', "&#x26;"), ('<', '\u{2}', "&#x3C;"), ('>', '\u{3}', "&#x3E;")];

/// Plain text for the `rss` crate, to become hexadecimal references in [`rss()`].
pub(super) fn plain_text(text: &str) -> String {
    let stand_in = |c: char| match STAND_INS.iter().find(|(plain, _, _)| *plain == c) {
        Some((_, stand_in, _)) => *stand_in,
        None => c,
    };
    legal(text).chars().map(stand_in).collect()
}

/// Finishes what the `rss` crate wrote: its declaration makes place for ours.
pub(super) fn rss(written: &[u8], site: &Site) -> Vec<u8> {
    let root = memmem::find(written, b"<rss ").expect("the crate writes the root element");
    let body = &written[root..];
    let mut bytes = prolog(site, body.len() + body.len() / 64);
    let mut rest = 0;
    for at in memchr3_iter(1, 2, 3, body) {
        bytes.extend_from_slice(&body[rest..at]);
        let (_, _, reference) = STAND_INS[usize::from(body[at]) - 1];
        bytes.extend_from_slice(reference.as_bytes());
        rest = at + 1;
    }
    bytes.extend_from_slice(&body[rest..]);
    bytes
}

/// Finishes what the `atom_syndication` crate wrote, without a declaration.
pub(super) fn atom(written: &[u8], site: &Site) -> Vec<u8> {
    let mut bytes = prolog(site, written.len() + written.len() / 64);
    for part in metadata_first(written) {
        let mut rest = 0;
        for at in memmem::find_iter(part, b"<title") {
            let end = at + b"<title".len();
            bytes.extend_from_slice(&part[rest..end]);
            bytes.extend_from_slice(b" type=\"text\"");
            rest = end;
        }
        bytes.extend_from_slice(&part[rest..]);
    }
    bytes
}

/// The crate writes extensions of a feed behind its entries; RFC 4287 appendix B wants them
/// before.
fn metadata_first(written: &[u8]) -> [&[u8]; 4] {
    const END: &[u8] = b"</entry>";
    const FEED_END: &[u8] = b"\n</feed>";
    let first = memmem::find(written, b"\n <entry>");
    let last = memmem::rfind(written, END).map(|at| at + END.len());
    let (Some(first), Some(last)) = (first, last) else {
        return [written, &[], &[], &[]];
    };
    let feed_end = written.len() - FEED_END.len();
    [&written[..first], &written[last..feed_end], &written[first..last], &written[feed_end..]]
}

/// Declaration and style sheet. A CSS, not an XSLT, which browsers give up.
fn prolog(site: &Site, capacity: usize) -> Vec<u8> {
    let address = site.address(STYLE_PATH);
    let style = format!("xml-stylesheet type=\"text/css\" href=\"{}\"", escape(address.as_str()));
    let line = || Event::Text(BytesText::from_escaped("\n"));
    let mut writer = Writer::new(Vec::with_capacity(capacity + 256));
    for event in [
        Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)),
        line(),
        Event::PI(BytesPI::new(style)),
        line(),
    ] {
        writer.write_event(event).expect("writing to memory does not fail");
    }
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::super::samples::site;
    use super::*;

    fn finished(finish: fn(&[u8], &Site) -> Vec<u8>, written: &str) -> String {
        let site = Site { output_url: "https://feeds.example/a&b/".parse().unwrap(), ..site() };
        String::from_utf8(finish(written.as_bytes(), &site)).unwrap()
    }

    const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<?xml-stylesheet \
         type=\"text/css\" href=\"https://feeds.example/a&amp;b/feeds/style.css\"?>\n";

    #[test]
    fn plain_text_becomes_hexadecimal_references() {
        let written = format!("<?xml?>\n<rss >{}</rss>", plain_text("a & <b>\u{1}\u{2} &amp;"));
        let expected = "<rss >a &#x26; &#x3C;b&#x3E; &#x26;amp;</rss>";
        assert_eq!(finished(rss, &written), format!("{PROLOG}{expected}"));
    }

    #[test]
    fn titles_say_that_they_are_text() {
        let written = "<feed><title>&lt;title></title><title xml:lang=\"ta\"></title></feed>";
        let expected = "<feed><title type=\"text\">&lt;title></title>\
                        <title type=\"text\" xml:lang=\"ta\"></title></feed>";
        assert_eq!(finished(atom, written), format!("{PROLOG}{expected}"));
    }

    #[test]
    fn metadata_stands_before_the_entries() {
        let written = "<feed>\n <id/>\n <entry>\n  <id/>\n </entry>\n <entry>\n </entry>\n \
                       <at:deleted-entry/>\n</feed>";
        let expected = "<feed>\n <id/>\n <at:deleted-entry/>\n <entry>\n  <id/>\n </entry>\n \
                        <entry>\n </entry>\n</feed>";
        assert_eq!(finished(atom, written), format!("{PROLOG}{expected}"));
        let empty = "<feed>\n <id/>\n <at:deleted-entry/>\n</feed>";
        assert_eq!(finished(atom, empty), format!("{PROLOG}{empty}"));
    }
}
