//! RSS 2.0 after the RSS Advisory Board's specification and Best Practices Profile, with the
//! namespaces Atom (`atom:link rel=self`), Content (`content:encoded`) and Dublin Core
//! (`dc:creator`).
//!
//! What RSS has no word for stays in the Atom document: the time of the last change, the
//! language of an entry, a second enclosure, one whose length is unknown.

use rss::extension::atom::{AtomExtension, Link};
use rss::extension::dublincore::DublinCoreExtension;

use super::xml::legal;
use super::{Feed, Site, content};
use crate::model::{Entry, Timestamp};

/// Renders an RSS document. `lastBuildDate` is the feed's newest change, so equal entries give
/// equal bytes and a stable `ETag`; for the same reason `generator` has no version.
#[expect(clippy::missing_panics_doc, reason = "writing to memory does not fail")]
pub fn render(feed: &Feed, site: &Site) -> Vec<u8> {
    let link = Link {
        href: site.address(&feed.definition.rss_path()).into(),
        rel: "self".into(),
        mime_type: Some("application/rss+xml".into()),
        ..Link::default()
    };
    let title = &feed.definition.title;
    let channel = rss::Channel {
        title: plain_text(title),
        link: site.url.to_string(),
        description: plain_text(&format!("{title} – {}", site.title)),
        language: Some(site.language.to_string()),
        last_build_date: Some(date(feed.updated)),
        generator: Some("Tidings".into()),
        docs: Some("https://www.rssboard.org/rss-specification".into()),
        ttl: Some("60".into()),
        atom_ext: Some(AtomExtension { links: vec![link] }),
        items: feed.entries.iter().map(|entry| item(entry, site)).collect(),
        ..rss::Channel::default()
    };
    let bytes = channel.pretty_write_to(Vec::new(), b' ', 1);
    finish(&bytes.expect("writing to memory does not fail"))
}

fn item(entry: &Entry, site: &Site) -> rss::Item {
    rss::Item {
        title: Some(plain_text(&entry.title)),
        link: Some(entry.link.to_string()),
        guid: Some(rss::Guid { value: clean(entry.id.as_str()), permalink: false }),
        pub_date: Some(date(entry.published)),
        // The element holds HTML, and the profile wants it before `content:encoded`.
        description: Some(as_html(&content::summary_text(entry))),
        content: Some(clean(&content::full_html(entry))),
        categories: entry
            .categories
            .iter()
            .map(|category| rss::Category { name: clean(category), domain: None })
            .collect(),
        enclosure: enclosure(entry),
        dublin_core_ext: site.author.as_ref().map(|author| DublinCoreExtension {
            creators: vec![clean(&author.name)],
            ..DublinCoreExtension::default()
        }),
        ..rss::Item::default()
    }
}

/// The first file of known length: the profile allows one enclosure, the specification
/// requires its length.
fn enclosure(entry: &Entry) -> Option<rss::Enclosure> {
    content::enclosures(entry).iter().find_map(|file| {
        Some(rss::Enclosure {
            url: file.url.to_string(),
            length: file.length_bytes?.to_string(),
            mime_type: clean(&file.media_type),
        })
    })
}

/// RFC 822 section 5.1 with the four-digit year that RSS prefers and the author's offset.
fn date(time: Timestamp) -> String {
    time.format("%a, %d %b %Y %H:%M:%S %z").to_string()
}

fn as_html(text: &str) -> String {
    quick_xml::escape::partial_escape(clean(text)).into_owned()
}

/// The profile's way to write plain text where some readers expect HTML: `&`, `<` and `>` as
/// hexadecimal references, which both kinds of reader show as the character itself. The writer
/// knows only named ones, so that private-use characters stand in until [`finish`].
const STAND_INS: [(char, char, &str); 3] =
    [('&', '\u{F0026}', "&#x26;"), ('<', '\u{F003C}', "&#x3C;"), ('>', '\u{F003E}', "&#x3E;")];

fn plain_text(text: &str) -> String {
    STAND_INS.iter().fold(clean(text), |text, (plain, stand_in, _)| {
        text.replace(*plain, stand_in.encode_utf8(&mut [0; 4]))
    })
}

fn finish(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).expect("the writer was given UTF-8 texts");
    let text = STAND_INS
        .iter()
        .fold(text.to_owned(), |text, (_, stand_in, reference)| text.replace(*stand_in, reference));
    text.into_bytes()
}

/// Without what XML forbids, and without the characters that stand in for others.
fn clean(text: &str) -> String {
    let is_stand_in = |c: char| STAND_INS.iter().any(|(_, stand_in, _)| *stand_in == c);
    legal(text).replace(is_stand_in, "")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{entry, feed, site};
    use super::*;
    use crate::model::Enclosure;

    fn rendered(entry: Entry) -> String {
        String::from_utf8(render(&feed("all", &[entry]), &site())).unwrap()
    }

    #[test]
    fn a_title_has_hexadecimal_references() {
        let text = rendered(Entry { title: "R&D <5> ]]> \"q\" 😀\u{7}".into(), ..entry("a") });
        let title = "<title>R&#x26;D &#x3C;5&#x3E; ]]&#x3E; &quot;q&quot; 😀</title>";
        assert!(text.contains(title), "{text}");
    }

    #[test]
    fn a_stand_in_that_an_author_wrote_does_not_become_markup() {
        let text =
            rendered(Entry { content_html: "<p>x\u{F003C}b\u{F0026}y</p>".into(), ..entry("a") });
        assert!(
            text.contains("<content:encoded><![CDATA[<p>xby</p>]]></content:encoded>"),
            "{text}"
        );
    }

    #[test]
    fn the_description_is_html_and_stands_before_the_content() {
        let text = rendered(Entry { summary: "1 < 2 & 3".into(), ..entry("a") });
        let description = text.find("<description><![CDATA[1 &lt; 2 &amp; 3]]></description>");
        assert!(description.unwrap() < text.find("<content:encoded>").unwrap(), "{text}");
    }

    #[test]
    fn the_one_enclosure_is_the_first_of_known_length() {
        let file = |name: &str, length_bytes| Enclosure {
            url: format!("https://press.example/{name}?a=1&b=2").parse().unwrap(),
            media_type: "application/pdf".into(),
            length_bytes,
        };
        let text = rendered(Entry {
            enclosures: vec![file("a", None), file("b", Some(7)), file("c", Some(8))],
            ..entry("a")
        });
        let enclosure = "<enclosure url=\"https://press.example/b?a=1&amp;b=2\" length=\"7\" \
                         type=\"application/pdf\"/>";
        assert!(text.contains(enclosure), "{text}");
        assert_eq!(text.matches("<enclosure").count(), 1);
    }

    #[test]
    fn a_date_keeps_the_offset_of_its_author() {
        let published = "2026-02-05T09:00:00+08:00".parse().unwrap();
        assert_eq!(date(published), "Thu, 05 Feb 2026 09:00:00 +0800");
    }
}
