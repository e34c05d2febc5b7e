//! RSS 2.0 after the RSS Advisory Board's specification and Best Practices Profile, with the
//! namespaces Atom (`atom:link`, `atom:updated`), Content (`content:encoded`), Dublin Core
//! (`dc:creator`) and Media RSS (`media:content`).
//!
//! What RSS has no word for stays in the Atom document: the language of an entry, a second
//! enclosure, one whose length is unknown, archives, tombstones.

use rss::extension::atom::{AtomExtension, Link};
use rss::extension::dublincore::DublinCoreExtension;
use rss::extension::{Extension, ExtensionMap};
use url::Url;

use super::content::{self, Schemes};
use super::finish::{self, plain_text};
use super::xml::legal;
use super::{Feed, Site, Text};
use crate::model::{Entry, Timestamp};

const MEDIA: &str = "http://search.yahoo.com/mrss/";

/// Renders an RSS document. `lastBuildDate` is the feed's newest change, so equal entries give
/// equal bytes and a stable `ETag`; for the same reason `generator` has no version.
#[expect(clippy::missing_panics_doc, reason = "writing to memory does not fail")]
pub fn render(feed: &Feed, site: &Site) -> Vec<u8> {
    let definition = &feed.definition;
    let schemes = Schemes::of(site);
    let page = site.address(&definition.page_path());
    let mut channel = rss::Channel {
        title: plain_text(&definition.title),
        link: page.into(),
        description: plain_text(&definition.description(site)),
        language: Some(site.language.to_string()),
        copyright: site.rights.as_deref().map(plain_text),
        managing_editor: managing_editor(site),
        last_build_date: Some(date(feed.updated)),
        generator: Some("Tidings".into()),
        docs: Some("https://www.rssboard.org/rss-specification".into()),
        ttl: Some("60".into()),
        atom_ext: Some(AtomExtension { links: links(feed, site) }),
        items: feed
            .entries
            .iter()
            .map(|entry| item(entry, definition.text, site, &schemes))
            .collect(),
        ..rss::Channel::default()
    };
    channel.image = image(&channel, site);
    if channel.items.iter().any(|item| item.extensions.contains_key("media")) {
        channel.namespaces.insert("media".into(), MEDIA.into());
    }
    let bytes = channel.pretty_write_to(Vec::new(), b' ', 1);
    finish::rss(&bytes.expect("writing to memory does not fail"), site)
}

/// The profile's form of a mailbox: address, then the name in parentheses.
fn managing_editor(site: &Site) -> Option<String> {
    let address = content::publisher_address(site)?;
    Some(format!("{} ({})", address.as_str(), plain_text(content::publisher(site))))
}

fn links(feed: &Feed, site: &Site) -> Vec<Link> {
    let link =
        |rel: &str, href: &Url| Link { href: href.to_string(), rel: rel.into(), ..Link::default() };
    let own = Link {
        mime_type: Some("application/rss+xml".into()),
        ..link("self", &site.address(&feed.definition.rss_path()))
    };
    std::iter::once(own).chain(site.hubs.iter().map(|hub| link("hub", hub))).collect()
}

/// The profile wants title and link of the image equal to the channel's.
fn image(channel: &rss::Channel, site: &Site) -> Option<rss::Image> {
    let url = site.logo.as_ref().or(site.icon.as_ref())?.to_string();
    let (title, link) = (channel.title.clone(), channel.link.clone());
    Some(rss::Image { url, title, link, ..rss::Image::default() })
}

fn item(entry: &Entry, text: Text, site: &Site, schemes: &Schemes) -> rss::Item {
    // `description` holds HTML; with a whole text it stands before `content:encoded`.
    let (description, content) = match text {
        Text::Full => (as_html(&content::summary(entry)), Some(content::html(entry, text))),
        Text::Summary => (clean(&content::html(entry, text)), None),
    };
    let creator = entry.agency.as_deref().unwrap_or_else(|| content::publisher(site));
    rss::Item {
        title: Some(plain_text(&entry.title)),
        link: Some(entry.link.to_string()),
        guid: Some(rss::Guid { value: clean(entry.id.as_str()), permalink: false }),
        pub_date: Some(date(entry.published)),
        description: Some(description),
        content: content.map(|html| legal(html).into_owned()),
        categories: schemes
            .terms(entry)
            .map(|(scheme, term)| rss::Category {
                name: plain_text(term),
                domain: Some(scheme.into()),
            })
            .collect(),
        enclosure: enclosure(entry),
        dublin_core_ext: Some(DublinCoreExtension {
            creators: vec![plain_text(creator)],
            ..DublinCoreExtension::default()
        }),
        extensions: extensions(entry),
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

/// The time of a change, and the picture, which is none of the files.
fn extensions(entry: &Entry) -> ExtensionMap {
    let mut extensions = ExtensionMap::new();
    let mut add = |prefix: &str, local: &str, extension: Extension| {
        let extension = Extension { name: format!("{prefix}:{local}"), ..extension };
        extensions.entry(prefix.into()).or_default().insert(local.into(), vec![extension]);
    };
    if entry.updated != entry.published {
        let value = Some(entry.updated.to_rfc3339());
        add("atom", "updated", Extension { value, ..Extension::default() });
    }
    if let Some(image) = content::image(entry) {
        let media_type = content::image_type(image).map(|media_type| ("type", media_type));
        let attributes = [("url", image.as_str()), ("medium", "image")].into_iter();
        let attrs =
            attributes.chain(media_type).map(|(name, value)| (name.into(), value.into())).collect();
        add("media", "content", Extension { attrs, ..Extension::default() });
    }
    extensions
}

/// RFC 822 section 5.1 with the four-digit year that RSS prefers and the author's offset.
fn date(time: Timestamp) -> String {
    time.format("%a, %d %b %Y %H:%M:%S %z").to_string()
}

fn as_html(text: &str) -> String {
    quick_xml::escape::partial_escape(legal(text)).into_owned()
}

fn clean(text: &str) -> String {
    legal(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{entry, feed, site};
    use super::*;
    use crate::feeds::Author;
    use crate::model::Enclosure;

    fn rendered_as(feed: &Feed, site: &Site) -> String {
        String::from_utf8(render(feed, site)).unwrap()
    }

    fn rendered(entry: Entry) -> String {
        rendered_as(&feed("all", &[entry]), &site())
    }

    #[test]
    fn a_title_has_hexadecimal_references() {
        let text = rendered(Entry { title: "R&D <5> ]]> \"q\" 😀\u{7}".into(), ..entry("a") });
        let title = "<title>R&#x26;D &#x3C;5&#x3E; ]]&#x3E; &quot;q&quot; 😀</title>";
        assert!(text.contains(title), "{text}");
    }

    #[test]
    fn a_stand_in_that_an_author_wrote_does_not_become_markup() {
        let text = rendered(Entry { content_html: "<p>x\u{2}b\u{1}y</p>".into(), ..entry("a") });
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
    fn a_feed_of_summaries_has_no_content() {
        let mut feed = feed("all", &[entry("a")]);
        feed.definition.text = Text::Summary;
        let text = rendered_as(&feed, &site());
        assert!(
            text.contains("<description><![CDATA[<p>Summary a.</p>]]></description>"),
            "{text}"
        );
        assert!(!text.contains("content"), "{text}");
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
    fn a_picture_is_media_content_and_its_prefix_declared() {
        let image = Some("https://press.example/a.png?b&c".parse().unwrap());
        let text = rendered(Entry { image, ..entry("a") });
        let content = "<media:content medium=\"image\" type=\"image/png\" \
                       url=\"https://press.example/a.png?b&amp;c\">";
        assert!(text.contains(content), "{text}");
        assert!(text.contains("xmlns:media=\"http://search.yahoo.com/mrss/\""), "{text}");
        assert!(!rendered(entry("a")).contains("media"));
    }

    #[test]
    fn only_a_changed_item_tells_when() {
        let updated = "2026-02-27T09:00:00+08:00".parse().unwrap();
        let text = rendered(Entry { updated, ..entry("a") });
        assert!(text.contains("<atom:updated>2026-02-27T09:00:00+08:00</atom:updated>"), "{text}");
        assert!(!rendered(entry("a")).contains("atom:updated"));
    }

    #[test]
    fn the_agency_is_the_creator_before_the_publisher() {
        let agency = Some("Parks & Gardens".into());
        let text = rendered(Entry { agency, ..entry("a") });
        assert!(text.contains("<dc:creator>Parks &#x26; Gardens</dc:creator>"), "{text}");
        assert!(rendered(entry("a")).contains("<dc:creator>Example Agency</dc:creator>"));
    }

    #[test]
    fn the_editor_needs_an_address() {
        let author = |email: Option<&str>| {
            let author = Author { name: "R&D".into(), email: email.map(str::to_owned) };
            rendered_as(&feed("all", &[]), &Site { author: Some(author), ..site() })
        };
        let editor = "<managingEditor>press@example.org (R&#x26;D)</managingEditor>";
        assert!(author(Some("press@example.org")).contains(editor));
        for email in [None, Some("press"), Some("a b@example.org")] {
            assert!(!author(email).contains("managingEditor"), "{email:?}");
        }
    }

    #[test]
    fn a_date_keeps_the_offset_of_its_author() {
        let published = "2026-02-05T09:00:00+08:00".parse().unwrap();
        assert_eq!(date(published), "Thu, 05 Feb 2026 09:00:00 +0800");
    }
}
