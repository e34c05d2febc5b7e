//! Atom 1.0 (RFC 4287), with archives (RFC 5005) and tombstones (RFC 6721).
//!
//! The document that holds everything we know of an entry but the times of an event, which
//! stand in its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use atom_syndication::extension::{Extension, ExtensionMap};
use atom_syndication::{Category, Content, Generator, Link, Person, WriteConfig};
use quick_xml::escape::escape;
use url::Url;

use super::content::{self, Schemes};
use super::xml::legal;
use super::{Archive, Feed, FeedDefinition, Site, Text, Tombstone, feed_name, finish};
use crate::model::{Entry, Language, Timestamp};

const MEDIA_TYPE: &str = "application/atom+xml";
const HISTORY: &str = "http://purl.org/syndication/history/1.0";
const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";
const MEDIA: &str = "http://search.yahoo.com/mrss/";

/// Renders a subscription document. `updated` is the newest change, so equal entries give equal
/// bytes and a stable `ETag`; for the same reason `generator` has no version.
pub fn render(feed: &Feed, site: &Site) -> Vec<u8> {
    let definition = &feed.definition;
    let mut document = document(definition, feed.updated, &feed.entries, site);
    document.subtitle = Some(text(&definition.description(site), None));
    document.icon = site.icon.as_ref().map(Url::to_string);
    document.logo = site.logo.as_ref().map(Url::to_string);
    document.links = vec![
        link("self", &site.address(&definition.atom_path()), Some(MEDIA_TYPE)),
        link("alternate", &site.address(&definition.page_path()), Some("text/html")),
    ];
    document.links.extend(site.hubs.iter().map(|hub| link("hub", hub, None)));
    document.links.extend(previous_archive(definition, feed.archives, site));
    if !feed.tombstones.is_empty() {
        document.namespaces.insert("at".into(), TOMBSTONES.into());
        let tombstones = feed.tombstones.iter().map(tombstone).collect();
        document.extensions = extensions("at", "deleted-entry", tombstones);
    }
    written(&document, site)
}

/// Renders an archive (RFC 5005, section 4). It names neither the newer archive nor what else
/// may come and go, so that its bytes stay while its entries do.
pub fn render_archive(archive: &Archive, site: &Site) -> Vec<u8> {
    let Archive { definition, number, .. } = archive;
    let mut document = document(definition, archive.updated, &archive.entries, site);
    let own = site.address(&definition.atom_archive_path(*number));
    document.links = vec![
        link("self", &own, Some(MEDIA_TYPE)),
        link("current", &site.address(&definition.atom_path()), Some(MEDIA_TYPE)),
    ];
    document.links.extend(previous_archive(definition, number.saturating_sub(1), site));
    document.namespaces.insert("fh".into(), HISTORY.into());
    document.extensions = extensions("fh", "archive", vec![Extension::default()]);
    written(&document, site)
}

/// What subscription document and archive share (RFC 5005, section 4: also the id).
fn document(
    definition: &FeedDefinition,
    updated: Timestamp,
    entries: &[Arc<Entry>],
    site: &Site,
) -> atom_syndication::Feed {
    let schemes = Schemes::of(site);
    let entries: Vec<_> =
        entries.iter().map(|entry| atom_entry(entry, definition.text, site, &schemes)).collect();
    let has_picture = entries.iter().any(|entry| !entry.extensions.is_empty());
    let media = has_picture.then(|| ("media".to_owned(), MEDIA.to_owned()));
    atom_syndication::Feed {
        id: id(definition, site),
        title: text(&definition.title, None),
        updated,
        authors: vec![author(site)],
        generator: Some(Generator { value: "Tidings".into(), uri: None, version: None }),
        rights: site.rights.as_deref().map(|rights| text(rights, None)),
        lang: Some(site.language.to_string()),
        namespaces: media.into_iter().collect(),
        entries,
        ..atom_syndication::Feed::default()
    }
}

fn written(document: &atom_syndication::Feed, site: &Site) -> Vec<u8> {
    let config = WriteConfig { write_document_declaration: false, indent_size: Some(1) };
    let written = document.write_with_config(Vec::new(), config);
    finish::atom(&written.expect("writing to memory does not fail"), site)
}

/// A tag IRI (RFC 4151): unlike an address it survives a move of the output folder.
fn id(definition: &FeedDefinition, site: &Site) -> String {
    let host = site.url.host_str().unwrap_or("localhost");
    let tag = format!("tag:{host},{}:feeds/{}", site.since_date, definition.name);
    // RFC 4151 section 2.1 takes ASCII alone; parsing percent-encodes the rest.
    Url::parse(&tag).map_or(tag, Url::into)
}

/// RFC 4287 section 4.1.1: a feed has an author unless each of its entries has one.
fn author(site: &Site) -> Person {
    let email = content::publisher_address(site).map(|address| address.as_str().to_owned());
    Person { name: clean(content::publisher(site)), email, ..Person::default() }
}

fn previous_archive(definition: &FeedDefinition, number: u64, site: &Site) -> Option<Link> {
    let address = || site.address(&definition.atom_archive_path(number));
    (number > 0).then(|| link("prev-archive", &address(), Some(MEDIA_TYPE)))
}

fn atom_entry(
    entry: &Entry,
    shown: Text,
    site: &Site,
    schemes: &Schemes,
) -> atom_syndication::Entry {
    // `xml:lang` stands on the texts: the crate has no place for it on the entry.
    let language = (entry.language != site.language).then_some(&entry.language);
    let lang = language.map(Language::to_string);
    let agency = entry.agency.as_deref().map(clean);
    atom_syndication::Entry {
        id: clean(entry.id.as_str()),
        title: text(&entry.title, lang.clone()),
        updated: entry.updated,
        published: Some(entry.published),
        authors: agency.map(|name| Person { name, ..Person::default() }).into_iter().collect(),
        links: entry_links(entry),
        categories: categories(entry, schemes),
        summary: Some(text(&content::summary(entry), lang.clone())),
        content: Some(Content {
            value: Some(legal(content::html(entry, shown)).into_owned()),
            content_type: Some("html".into()),
            lang,
            ..Content::default()
        }),
        extensions: content::image(entry).map(picture).unwrap_or_default(),
        ..atom_syndication::Entry::default()
    }
}

/// The page, then the files still offered.
fn entry_links(entry: &Entry) -> Vec<Link> {
    let page =
        Link { hreflang: Some(entry.language.to_string()), ..link("alternate", &entry.link, None) };
    let files = content::enclosures(entry).iter().map(|file| Link {
        length: file.length_bytes.map(|length| length.to_string()),
        ..link("enclosure", &file.url, Some(&file.media_type))
    });
    std::iter::once(page).chain(files).collect()
}

/// Categories, tags, kind (RFC 4287, 4.2.2): `term` is for programs, `label` for people. One without letter or
/// digit has no term and is left out.
fn categories(entry: &Entry, schemes: &Schemes) -> Vec<Category> {
    let category = |scheme: &str, term: String, label| {
        (!term.is_empty()).then(|| Category { term, scheme: Some(scheme.to_owned()), label })
    };
    let kind = category(&schemes.kind, entry.kind.to_string(), None);
    let terms = schemes
        .terms(entry)
        .map(|(scheme, title)| category(scheme, feed_name(title), Some(clean(title))));
    terms.flatten().chain(kind).collect()
}

/// Media RSS, which readers of both formats know.
fn picture(image: &Url) -> ExtensionMap {
    let media_type = content::image_type(image).map(|media_type| ("type", media_type));
    let attributes = [("url", image.as_str()), ("medium", "image")].into_iter().chain(media_type);
    let attrs = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    extensions("media", "content", vec![Extension { attrs, ..Extension::default() }])
}

/// RFC 6721 section 3: `at:deleted-entry`.
fn tombstone(tombstone: &Tombstone) -> Extension {
    let attributes = [
        ("ref".to_owned(), clean(tombstone.id.as_str())),
        ("when".to_owned(), tombstone.at.to_rfc3339()),
    ];
    Extension { attrs: BTreeMap::from(attributes), ..Extension::default() }
}

/// Elements of one name, as the crate takes them: it writes values of attributes as they are.
fn extensions(prefix: &str, local: &str, elements: Vec<Extension>) -> ExtensionMap {
    let named = |mut element: Extension| {
        element.name = format!("{prefix}:{local}");
        element.attrs.values_mut().for_each(|value| *value = escape(value.as_str()).into_owned());
        element
    };
    let elements = elements.into_iter().map(named).collect();
    BTreeMap::from([(prefix.to_owned(), BTreeMap::from([(local.to_owned(), elements)]))])
}

/// A text construct of type `text` (RFC 4287, 3.1.1.1).
fn text(value: &str, lang: Option<String>) -> atom_syndication::Text {
    atom_syndication::Text { value: clean(value), lang, ..atom_syndication::Text::default() }
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
    use super::super::samples::{archive, entry, feed, site};
    use super::*;
    use crate::feeds::Author;
    use crate::model::EntryId;

    fn rendered(feed: &Feed, site: &Site) -> String {
        String::from_utf8(render(feed, site)).unwrap()
    }

    #[test]
    fn the_id_of_a_feed_is_a_tag_iri_in_ascii() {
        let feed = feed("category-新闻", &[]);
        assert_eq!(
            id(&feed.definition, &site()),
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
        for part in [
            "<title type=\"text\" xml:lang=\"ta\">",
            "<summary xml:lang=\"ta\">",
            "hreflang=\"ta\"",
        ] {
            assert_eq!(text.matches(part).count(), 1, "{text}");
        }
        assert!(text.contains("<content xml:lang=\"ta\" type=\"html\">"), "{text}");
    }

    #[test]
    fn tombstones_stand_before_the_entries_and_their_prefix_is_declared() {
        let at = "2026-03-01T09:00:00+08:00".parse().unwrap();
        let tombstones = vec![Tombstone { id: EntryId::new("tag:press.example,2026-01-01:&"), at }];
        let text = rendered(&Feed { tombstones, ..feed("all", &[entry("a")]) }, &site());
        let tombstone = "<at:deleted-entry ref=\"tag:press.example,2026-01-01:&amp;\" \
                         when=\"2026-03-01T09:00:00+08:00\">";
        assert!(text.find(tombstone).unwrap() < text.find("<entry>").unwrap(), "{text}");
        assert!(text.contains(&format!("xmlns:at=\"{TOMBSTONES}\"")), "{text}");
        assert!(!rendered(&feed("all", &[]), &site()).contains("xmlns:at"));
    }

    /// Ends of the addresses of a document's links, by relation.
    fn links(bytes: &[u8]) -> Vec<(String, String)> {
        let document = atom_syndication::Feed::read_from(bytes).unwrap();
        let end = |href: &str| href.replace("https://feeds.example/out/feeds/all", "");
        document.links.into_iter().map(|link| (link.rel, end(&link.href))).collect()
    }

    fn pairs(links: &[(&str, &str)]) -> Vec<(String, String)> {
        links.iter().map(|(rel, end)| ((*rel).to_owned(), (*end).to_owned())).collect()
    }

    #[test]
    fn a_feed_names_hubs_and_its_newest_archive() {
        let site = Site { hubs: vec!["https://hub.example/".parse().unwrap()], ..site() };
        let expected = [
            ("self", ".atom"),
            ("alternate", "/index.html"),
            ("hub", "https://hub.example/"),
            ("prev-archive", "/archive/2.atom"),
        ];
        let feed = Feed { archives: 2, ..feed("all", &[]) };
        assert_eq!(links(&render(&feed, &site)), pairs(&expected));
    }

    #[test]
    fn an_archive_names_the_older_and_the_current_document_alone() {
        let rendered = render_archive(&archive(2, &[entry("a")]), &site());
        let mut expected = vec![
            ("self", "/archive/2.atom"),
            ("current", ".atom"),
            ("prev-archive", "/archive/1.atom"),
        ];
        assert_eq!(links(&rendered), pairs(&expected));
        let text = String::from_utf8(rendered).unwrap();
        assert!(text.find("<fh:archive>").unwrap() < text.find("<entry>").unwrap(), "{text}");
        assert!(text.contains(&format!("<id>{}</id>", id(&archive(1, &[]).definition, &site()))));

        expected.truncate(2);
        expected[0].1 = "/archive/1.atom";
        assert_eq!(links(&render_archive(&archive(1, &[entry("a")]), &site())), pairs(&expected));
    }

    #[test]
    fn the_bytes_of_an_archive_do_not_depend_on_hubs_and_pictures() {
        let picture: Option<Url> = Some("https://press.example/a.png".parse().unwrap());
        let hubs = vec!["https://hub.example/".parse().unwrap()];
        let other = Site { icon: picture.clone(), logo: picture, hubs, ..site() };
        let archive = archive(2, &[entry("a")]);
        assert_eq!(render_archive(&archive, &other), render_archive(&archive, &site()));
    }

    #[test]
    fn kind_categories_and_tags_are_told_apart_by_their_scheme() {
        let categories = vec!["Press Releases".into(), "!".into()];
        let entry = Entry { categories, tags: vec!["R&D".into()], ..entry("a") };
        let text = rendered(&feed("all", &[entry]), &site());
        for part in [
            "<category term=\"release\" scheme=\"https://press.example/#kind\"/>",
            "<category term=\"press-releases\" scheme=\"https://press.example/#category\" \
             label=\"Press Releases\"/>",
            "<category term=\"r-d\" scheme=\"https://press.example/#tag\" label=\"R&amp;D\"/>",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(text.matches("<category").count(), 3);
    }

    #[test]
    fn the_agency_is_the_author_and_the_picture_media_content() {
        let image = Some("https://press.example/a.webp?b&c".parse().unwrap());
        let entry = Entry { agency: Some("Parks".into()), image, ..entry("a") };
        let text = rendered(&feed("all", &[entry]), &site());
        assert!(text.contains("<author>\n   <name>Parks</name>\n  </author>"), "{text}");
        let picture = "<media:content medium=\"image\" type=\"image/webp\" \
                       url=\"https://press.example/a.webp?b&amp;c\">";
        assert!(text.contains(picture) && text.contains(&format!("\"{MEDIA}\"")), "{text}");
    }
}
