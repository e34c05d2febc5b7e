//! Atom 1.0 (RFC 4287).
//!
//! The document that holds everything we know of an entry. Archive links (RFC 5005) and
//! tombstones (RFC 6721) are not written.

use atom_syndication::{Category, Content, Generator, Link, Person, Text, WriteConfig};
use url::Url;

use super::xml::legal;
use super::{Feed, Site, content, feed_name};
use crate::model::{Entry, Language};

/// Renders an Atom document. `updated` is the newest entry's, so equal entries give equal
/// bytes and a stable `ETag`; for the same reason `generator` has no version.
#[expect(clippy::missing_panics_doc, reason = "writing to memory does not fail")]
pub fn render(feed: &Feed, site: &Site) -> Vec<u8> {
    let title = &feed.definition.title;
    let document = atom_syndication::Feed {
        id: id(feed, site),
        title: text(title, None),
        subtitle: Some(text(&format!("{title} – {}", site.title), None)),
        updated: feed.updated,
        authors: vec![author(site)],
        links: vec![
            link("self", &site.address(&feed.definition.atom_path()), Some("application/atom+xml")),
            link("alternate", &site.url, Some("text/html")),
        ],
        generator: Some(Generator { value: "Tidings".into(), uri: None, version: None }),
        lang: Some(site.language.to_string()),
        entries: feed.entries.iter().map(|entry| atom_entry(entry, site)).collect(),
        ..atom_syndication::Feed::default()
    };
    // The crate's own declaration names no encoding.
    let declaration = b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_vec();
    document
        .write_with_config(
            declaration,
            WriteConfig { write_document_declaration: false, indent_size: Some(1) },
        )
        .expect("writing to memory does not fail")
}

/// A tag IRI (RFC 4151): unlike an address it survives a move of the output folder.
fn id(feed: &Feed, site: &Site) -> String {
    let host = site.url.host_str().unwrap_or("localhost");
    let tag = format!("tag:{host},{}:feeds/{}", site.since_date, feed.definition.name);
    // RFC 4151 section 2.1 takes ASCII alone; parsing percent-encodes the rest.
    Url::parse(&tag).map_or(tag, Url::into)
}

/// RFC 4287 section 4.1.1: a feed has an author unless each of its entries has one.
fn author(site: &Site) -> Person {
    let (name, email) = match &site.author {
        Some(author) => (&author.name, author.email.as_deref().map(clean)),
        None => (&site.title, None),
    };
    Person { name: clean(name), email, ..Person::default() }
}

fn atom_entry(entry: &Entry, site: &Site) -> atom_syndication::Entry {
    // `xml:lang` stands on the texts: the crate has no place for it on the entry.
    let language = (entry.language != site.language).then_some(&entry.language);
    let lang = language.map(Language::to_string);
    let page =
        Link { hreflang: Some(entry.language.to_string()), ..link("alternate", &entry.link, None) };
    let files = content::enclosures(entry).iter().map(|file| Link {
        length: file.length_bytes.map(|length| length.to_string()),
        ..link("enclosure", &file.url, Some(&file.media_type))
    });
    atom_syndication::Entry {
        id: clean(entry.id.as_str()),
        title: text(&entry.title, lang.clone()),
        updated: entry.updated,
        published: Some(entry.published),
        links: std::iter::once(page).chain(files).collect(),
        categories: entry.categories.iter().filter_map(|title| category(title)).collect(),
        summary: Some(text(&content::summary_text(entry), lang.clone())),
        content: Some(Content {
            value: Some(clean(&content::full_html(entry))),
            content_type: Some("html".into()),
            lang,
            ..Content::default()
        }),
        ..atom_syndication::Entry::default()
    }
}

/// RFC 4287 section 4.2.2: `term` is for programs, `label` for people.
fn category(title: &str) -> Option<Category> {
    let term = feed_name(title);
    (!term.is_empty()).then(|| Category { term, label: Some(clean(title)), scheme: None })
}

/// A text construct of type `text`, which is the default and not written.
fn text(value: &str, lang: Option<String>) -> Text {
    Text { value: clean(value), lang, ..Text::default() }
}

fn link(rel: &str, href: &Url, media_type: Option<&str>) -> Link {
    Link {
        href: href.to_string(),
        rel: rel.to_owned(),
        mime_type: media_type.map(clean),
        ..Link::default()
    }
}

fn clean(text: &str) -> String {
    legal(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{entry, feed, site};
    use super::*;
    use crate::feeds::Author;

    fn rendered(feed: &Feed, site: &Site) -> String {
        String::from_utf8(render(feed, site)).unwrap()
    }

    #[test]
    fn the_id_of_a_feed_is_a_tag_iri_in_ascii() {
        let feed = feed("category-新闻", &[]);
        assert_eq!(
            id(&feed, &site()),
            "tag:press.example,2026-01-01:feeds/category-%E6%96%B0%E9%97%BB"
        );
        assert!(rendered(&feed, &site()).contains(
            "<link href=\"https://feeds.example/out/feeds/category-%E6%96%B0%E9%97%BB.atom\" rel=\"self\""
        ));
    }

    #[test]
    fn a_feed_has_an_author_even_where_the_site_names_none() {
        let named = Author { name: "Press & Co".into(), email: Some("press@example.org".into()) };
        let named = Site { author: Some(named), ..site() };
        assert_eq!(author(&site()).name, "Example Agency");
        assert_eq!(author(&named).email.as_deref(), Some("press@example.org"));
    }

    #[test]
    fn an_entry_in_another_language_says_so() {
        let tamil = Entry { language: "ta".parse().unwrap(), ..entry("a") };
        let text = rendered(&feed("all", &[tamil, entry("b")]), &site());
        for part in ["<title xml:lang=\"ta\">", "<summary xml:lang=\"ta\">", "hreflang=\"ta\""] {
            assert_eq!(text.matches(part).count(), 1, "{text}");
        }
        assert!(text.contains("<content xml:lang=\"ta\" type=\"html\">"), "{text}");
    }
}
