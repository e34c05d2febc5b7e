//! RSS 2.0.11 and the Best Practices Profile of the RSS Advisory Board, as rules: what MUST and
//! SHOULD be, for documents of ours.

use chrono::DateTime;

use crate::findings::{
    Findings, html_faults, is_language, is_media_type, is_rfc_3339, is_uri, is_web_address,
};
use crate::tree::{self, Element};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";
const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const MEDIA: &str = "http://search.yahoo.com/mrss/";

/// Elements of a channel that the specification knows; but `category` and `item` once at most.
const CHANNEL: &[&str] = &[
    "title",
    "link",
    "description",
    "language",
    "copyright",
    "managingEditor",
    "webMaster",
    "pubDate",
    "lastBuildDate",
    "category",
    "generator",
    "docs",
    "cloud",
    "ttl",
    "image",
    "rating",
    "textInput",
    "skipHours",
    "skipDays",
    "item",
];

const ITEM: &[&str] = &[
    "title",
    "link",
    "description",
    "author",
    "category",
    "comments",
    "enclosure",
    "guid",
    "pubDate",
    "source",
];

const FOREIGN: &[(&str, &str)] = &[
    (ATOM, "link"),
    (ATOM, "updated"),
    (CONTENT, "encoded"),
    (DUBLIN_CORE, "creator"),
    (MEDIA, "content"),
];

pub fn findings(bytes: &[u8], address: &str) -> Vec<String> {
    let mut findings = Findings::default();
    let written = std::str::from_utf8(bytes).unwrap();
    check_plain_texts(written, &mut findings);
    let root = tree::read(bytes);
    findings.expect(root.is("", "rss"), || "the root is not `rss`".into());
    findings.expect(root.attribute("version") == Some("2.0"), || "version is not 2.0".into());
    findings.expect(root.children.len() == 1, || "not one channel".into());
    match root.first("", "channel") {
        Some(channel) => check_channel(channel, address, &mut findings),
        None => findings.0.push("no channel".into()),
    }
    findings.0
}

/// Profile, "Character Data": `&` and `<` in plain text as hexadecimal references.
fn check_plain_texts(written: &str, findings: &mut Findings) {
    for name in ["title", "copyright", "category", "dc:creator"] {
        for text in written.split(&format!("<{name}")).skip(1) {
            let text = text.split_once('>').map_or("", |(_, text)| text);
            let text = text.split("</").next().unwrap_or_default();
            let named = ["&amp;", "&lt;", "&gt;"].iter().any(|name| text.contains(name));
            findings.expect(!named, || format!("`{text}` without hexadecimal references"));
        }
    }
}

fn check_channel(channel: &Element, address: &str, findings: &mut Findings) {
    known(channel, CHANNEL, &["category", "item"], findings);
    for name in ["title", "link", "description"] {
        filled(channel, name, findings);
    }
    let text = |name| channel.first("", name).map(|element| element.text.as_str());
    let link = text("link").unwrap_or_default();
    findings.expect(is_web_address(link), || format!("link `{link}`"));
    if let Some(language) = text("language") {
        findings.expect(is_language(language), || format!("language `{language}`"));
    }
    for name in ["pubDate", "lastBuildDate"] {
        if let Some(date) = text(name) {
            check_date(date, findings);
        }
    }
    for name in ["managingEditor", "webMaster"] {
        if let Some(mailbox) = text(name) {
            check_mailbox(mailbox, findings);
        }
    }
    if let Some(minutes) = text("ttl") {
        findings.expect(minutes.parse::<u32>().is_ok(), || format!("ttl `{minutes}`"));
    }
    channel.first("", "image").into_iter().for_each(|image| check_image(image, channel, findings));
    check_atom_links(channel, address, findings);
    let items: Vec<&Element> = channel.all("", "item").collect();
    for item in &items {
        check_item(item, findings);
    }
    let mut guids: Vec<&str> = items.iter().filter_map(|item| text_of(item, "guid")).collect();
    guids.sort_unstable();
    guids.dedup();
    findings.expect(guids.len() == items.len(), || "guids that are missing or not unique".into());
}

fn text_of<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    element.first("", name).map(|child| child.text.as_str())
}

/// Nothing that the specification does not know, and each thing once.
fn known(element: &Element, names: &[&str], many: &[&str], findings: &mut Findings) {
    for child in &element.children {
        let (namespace, name) = (child.namespace.as_str(), child.name.as_str());
        let is_known = if namespace.is_empty() {
            names.contains(&name)
        } else {
            FOREIGN.contains(&(namespace, name))
        };
        findings.expect(is_known, || format!("unknown element `{namespace}` `{name}`"));
        let is_once = many.contains(&name) || element.count(namespace, name) == 1;
        let is_atom_link = (namespace, name) == (ATOM, "link");
        findings.expect(is_once || is_atom_link, || format!("`{name}` more than once"));
    }
}

fn filled(element: &Element, name: &str, findings: &mut Findings) {
    let is_filled = text_of(element, name).is_some_and(|text| !text.trim().is_empty());
    findings.expect(is_filled, || format!("no `{name}` in `{}`", element.name));
}

/// RFC 822 section 5 with a year of four digits and an offset in digits, as the profile wants.
fn check_date(date: &str, findings: &mut Findings) {
    let parsed = DateTime::parse_from_str(date, "%a, %d %b %Y %H:%M:%S %z");
    let is_same =
        parsed.is_ok_and(|time| time.format("%a, %d %b %Y %H:%M:%S %z").to_string() == date);
    findings.expect(is_same, || format!("date `{date}`"));
}

/// Profile, "managingEditor": `address (Name)`.
fn check_mailbox(mailbox: &str, findings: &mut Findings) {
    let is_mailbox = mailbox.split_once(" (").is_some_and(|(address, name)| {
        address.parse::<tidings::model::Address>().is_ok() && name.len() > 1 && name.ends_with(')')
    });
    findings.expect(is_mailbox, || format!("mailbox `{mailbox}`"));
}

/// Profile, "image": title and link of the channel; a picture for the web.
fn check_image(image: &Element, channel: &Element, findings: &mut Findings) {
    for name in ["title", "link"] {
        let is_equal = text_of(image, name) == text_of(channel, name);
        findings.expect(is_equal, || format!("`{name}` of the image is not the channel's"));
    }
    let url = text_of(image, "url").unwrap_or_default();
    findings.expect(is_web_address(url), || format!("image `{url}`"));
}

/// Profile, "atom:link": one with `rel=self`, the document's own address; WebSub section 4.
fn check_atom_links(channel: &Element, address: &str, findings: &mut Findings) {
    let own: Vec<&Element> =
        channel.all(ATOM, "link").filter(|link| link.attribute("rel") == Some("self")).collect();
    findings.expect(own.len() == 1, || "not one atom:link with rel=self".into());
    for link in own {
        let (href, media_type) = (link.attribute("href"), link.attribute("type"));
        findings.expect(href == Some(address), || format!("self is `{href:?}`"));
        findings.expect(media_type == Some("application/rss+xml"), || "type of self".into());
    }
    for link in channel.all(ATOM, "link") {
        let (rel, href) = (link.attribute("rel"), link.attribute("href").unwrap_or_default());
        findings.expect(matches!(rel, Some("self" | "hub")), || format!("rel `{rel:?}`"));
        findings.expect(is_web_address(href), || format!("atom:link `{href}`"));
    }
}

fn check_item(item: &Element, findings: &mut Findings) {
    known(item, ITEM, &["category"], findings);
    for name in ["title", "link", "description", "guid", "pubDate"] {
        filled(item, name, findings);
    }
    let link = text_of(item, "link").unwrap_or_default();
    findings.expect(is_web_address(link), || format!("link `{link}`"));
    if let Some(date) = text_of(item, "pubDate") {
        check_date(date, findings);
    }
    if let Some(guid) = item.first("", "guid") {
        let permalink = guid.attribute("isPermaLink");
        findings.expect(permalink == Some("false"), || "guid is said to be a link".into());
        findings.expect(is_uri(&guid.text), || format!("guid `{}`", guid.text));
    }
    for category in item.all("", "category") {
        let domain = category.attribute("domain").unwrap_or_default();
        findings.expect(is_uri(domain), || format!("domain `{domain}`"));
        findings.expect(!category.text.trim().is_empty(), || "empty category".into());
    }
    item.first("", "enclosure").into_iter().for_each(|file| check_enclosure(file, findings));
    check_foreign(item, findings);
    check_order(item, findings);
}

/// Specification, "enclosure": three attributes, the address of the web.
fn check_enclosure(file: &Element, findings: &mut Findings) {
    let attribute = |name| file.attribute(name).unwrap_or_default();
    let (url, length, media_type) = (attribute("url"), attribute("length"), attribute("type"));
    findings.expect(is_web_address(url), || format!("enclosure `{url}`"));
    findings.expect(length.parse::<u64>().is_ok(), || format!("length `{length}`"));
    findings.expect(is_media_type(media_type), || format!("media type `{media_type}`"));
}

fn check_foreign(item: &Element, findings: &mut Findings) {
    if let Some(updated) = item.first(ATOM, "updated") {
        findings.expect(is_rfc_3339(&updated.text), || format!("atom:updated `{}`", updated.text));
    }
    for creator in item.all(DUBLIN_CORE, "creator") {
        findings.expect(!creator.text.trim().is_empty(), || "empty dc:creator".into());
    }
    for picture in item.all(MEDIA, "content") {
        let url = picture.attribute("url").unwrap_or_default();
        findings.expect(is_web_address(url), || format!("media:content `{url}`"));
        findings.expect(picture.attribute("medium") == Some("image"), || "medium".into());
        let media_type = picture.attribute("type").unwrap_or("image/png");
        findings.expect(is_media_type(media_type), || format!("media type `{media_type}`"));
    }
    let html = item.first(CONTENT, "encoded").or_else(|| item.first("", "description"));
    findings.0.extend(html.map(|html| html_faults(&html.text)).unwrap_or_default());
}

/// Profile, "content:encoded": `description` comes before it.
fn check_order(item: &Element, findings: &mut Findings) {
    let position = |namespace, name| item.children.iter().position(|c| c.is(namespace, name));
    if let Some(content) = position(CONTENT, "encoded") {
        let is_before =
            position("", "description").is_some_and(|description| description < content);
        findings.expect(is_before, || "content:encoded before description".into());
    }
}
