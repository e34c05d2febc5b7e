//! RFC 4287 with RFC 5005 and RFC 6721, as rules: what the schema cannot say, and what it can
//! say where no program is at hand to ask it.

use std::collections::BTreeSet;

use crate::findings::{
    Findings, html_faults, is_language, is_media_type, is_rfc_3339, is_uri, is_web_address,
};
use crate::tree::{self, Element};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const HISTORY: &str = "http://purl.org/syndication/history/1.0";
const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";
const MEDIA: &str = "http://search.yahoo.com/mrss/";

pub fn findings(bytes: &[u8], address: &str) -> Vec<String> {
    let mut findings = Findings::default();
    let feed = tree::read(bytes);
    findings.expect(feed.is(ATOM, "feed"), || "the root is not `feed`".into());
    let language = feed.attribute("xml:lang").unwrap_or_default();
    findings.expect(is_language(language), || format!("xml:lang `{language}`"));
    once(&feed, &["id", "title", "updated"], true, &mut findings);
    once(&feed, &["generator", "icon", "logo", "rights", "subtitle"], false, &mut findings);
    check_common(&feed, &mut findings);
    check_feed_links(&feed, address, &mut findings);
    check_extensions(&feed, &mut findings);
    let entries: Vec<&Element> = feed.all(ATOM, "entry").collect();
    let has_author = feed.count(ATOM, "author") > 0;
    for entry in &entries {
        check_entry(entry, has_author, &mut findings);
    }
    // Section 4.2.6, and section 4.1.1 on entries of one id.
    let ids: BTreeSet<&str> = entries.iter().filter_map(|entry| text_of(entry, "id")).collect();
    findings.expect(ids.len() == entries.len(), || "entries of one id".into());
    findings.expect(has_author || !entries.is_empty(), || "an empty feed has no author".into());
    findings.0
}

fn text_of<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    element.first(ATOM, name).map(|child| child.text.as_str())
}

fn once(element: &Element, names: &[&str], required: bool, findings: &mut Findings) {
    for name in names {
        let count = element.count(ATOM, name);
        let fits = count == 1 || (count == 0 && !required);
        findings.expect(fits, || format!("`{name}` {count} times in `{}`", element.name));
    }
}

/// What feed and entry share.
fn check_common(element: &Element, findings: &mut Findings) {
    let id = text_of(element, "id").unwrap_or_default();
    findings.expect(is_uri(id), || format!("id `{id}`"));
    let title = element.first(ATOM, "title");
    let is_text = title.and_then(|title| title.attribute("type")) == Some("text");
    findings.expect(is_text, || "title without type=text".into());
    let is_filled = title.is_some_and(|title| !title.text.trim().is_empty());
    findings.expect(is_filled, || "empty title".into());
    for name in ["updated", "published"] {
        if let Some(date) = text_of(element, name) {
            findings.expect(is_rfc_3339(date), || format!("`{name}` `{date}`"));
        }
    }
    for author in element.all(ATOM, "author") {
        let name = text_of(author, "name").unwrap_or_default();
        findings.expect(!name.trim().is_empty(), || "author without name".into());
        let email = text_of(author, "email").unwrap_or("a@b");
        findings.expect(email.contains('@'), || format!("e-mail `{email}`"));
    }
    for name in ["icon", "logo"] {
        let address = text_of(element, name).unwrap_or("https://press.example/");
        findings.expect(is_web_address(address), || format!("`{name}` `{address}`"));
    }
    element.all(ATOM, "link").for_each(|link| check_link(link, findings));
    for category in element.all(ATOM, "category") {
        let term = category.attribute("term").unwrap_or_default();
        findings.expect(!term.is_empty(), || "category without term".into());
        let scheme = category.attribute("scheme").unwrap_or_default();
        findings.expect(is_uri(scheme), || format!("scheme `{scheme}`"));
    }
    // Sections 4.1.1 and 4.1.2: one alternate for each type and language.
    let alternates = element.all(ATOM, "link").filter(|link| rel(link) == "alternate");
    let kinds: Vec<_> =
        alternates.map(|link| (link.attribute("type"), link.attribute("hreflang"))).collect();
    let unique: BTreeSet<_> = kinds.iter().collect();
    findings.expect(unique.len() == kinds.len(), || "alternates of one type".into());
    let is_foreign_known = |child: &&Element| {
        let known =
            [(ATOM, ""), (HISTORY, "archive"), (TOMBSTONES, "deleted-entry"), (MEDIA, "content")];
        known.contains(&(&child.namespace, &child.name)) || child.namespace == ATOM
    };
    let foreign = element.children.iter().find(|child| !is_foreign_known(child));
    findings.expect(foreign.is_none(), || format!("unknown {:?}", foreign.map(|f| &f.name)));
}

fn rel(link: &Element) -> &str {
    link.attribute("rel").unwrap_or("alternate")
}

fn check_link(link: &Element, findings: &mut Findings) {
    let href = link.attribute("href").unwrap_or_default();
    findings.expect(is_web_address(href), || format!("link `{href}`"));
    if let Some(media_type) = link.attribute("type") {
        findings.expect(is_media_type(media_type), || format!("media type `{media_type}`"));
    }
    if let Some(language) = link.attribute("hreflang") {
        findings.expect(is_language(language), || format!("hreflang `{language}`"));
    }
    if let Some(length) = link.attribute("length") {
        findings.expect(length.parse::<u64>().is_ok(), || format!("length `{length}`"));
    }
    let known = ["self", "alternate", "enclosure", "hub", "prev-archive", "current"];
    findings.expect(known.contains(&rel(link)), || format!("rel `{}`", rel(link)));
}

/// RFC 4287, 4.1.1: one self; RFC 5005, section 4: an archive names the current document, and
/// here never a next one.
fn check_feed_links(feed: &Element, address: &str, findings: &mut Findings) {
    let hrefs = |name: &str| -> Vec<&str> {
        let links = feed.all(ATOM, "link").filter(|link| rel(link) == name);
        links.filter_map(|link| link.attribute("href")).collect()
    };
    findings.expect(hrefs("self") == [address], || format!("self is {:?}", hrefs("self")));
    let is_archive = feed.count(HISTORY, "archive") == 1;
    let names_current = hrefs("current").len() == 1 && hrefs("current") != [address];
    findings.expect(is_archive == names_current, || "`current` is not for archives".into());
    findings.expect(is_archive || hrefs("alternate").len() == 1, || "no alternate".into());
    findings.expect(!is_archive || hrefs("hub").is_empty(), || "a hub for an archive".into());
    findings.expect(hrefs("prev-archive").len() <= 1, || "two older archives".into());
}

/// RFC 6721 section 3, and RFC 4287 appendix B: all metadata before the first entry.
fn check_extensions(feed: &Element, findings: &mut Findings) {
    for tombstone in feed.all(TOMBSTONES, "deleted-entry") {
        let id = tombstone.attribute("ref").unwrap_or_default();
        findings.expect(is_uri(id), || format!("ref `{id}`"));
        let when = tombstone.attribute("when").unwrap_or_default();
        findings.expect(is_rfc_3339(when), || format!("when `{when}`"));
        let lives = feed.all(ATOM, "entry").any(|entry| text_of(entry, "id") == Some(id));
        findings.expect(!lives, || format!("`{id}` is deleted and there"));
    }
    let entries = feed.children.iter().skip_while(|child| !child.is(ATOM, "entry"));
    let misplaced = entries.filter(|child| !child.is(ATOM, "entry")).count();
    findings.expect(misplaced == 0, || format!("{misplaced} elements behind the first entry"));
}

fn check_entry(entry: &Element, feed_has_author: bool, findings: &mut Findings) {
    once(entry, &["id", "title", "updated", "published", "summary", "content"], true, findings);
    check_common(entry, findings);
    let has_author = feed_has_author || entry.count(ATOM, "author") > 0;
    findings.expect(has_author, || "an entry without author".into());
    let has_page = entry.all(ATOM, "link").any(|link| rel(link) == "alternate");
    findings.expect(has_page, || "an entry without alternate".into());
    let date = |name| {
        text_of(entry, name).and_then(|date| chrono::DateTime::parse_from_rfc3339(date).ok())
    };
    findings.expect(date("published") <= date("updated"), || "updated before published".into());
    if let Some(content) = entry.first(ATOM, "content") {
        let content_type = content.attribute("type");
        findings.expect(content_type == Some("html"), || format!("content `{content_type:?}`"));
        findings.0.extend(html_faults(&content.text));
    }
}
