//! `index.html`: what there is to follow, and how.
//!
//! One page of HTML without script; feeds announce themselves to browsers and readers by
//! `link rel=alternate` (RSS Autodiscovery 1.0, of the RSS Advisory Board). Addresses within the
//! output folder are relative, so the page also works where the folder is looked at from
//! elsewhere.

use serde::Serialize;

use super::xml::legal;
use super::{Feed, Site};
use crate::dates::day;
use crate::model::{Entry, EventStatus, Language, Notes};
use crate::templates::{TemplateError, Templates};

/// Entries shown of each feed.
const NEWEST: usize = 3;

/// Renders `web/index.html`, the shipped template or an operator's own.
pub fn render(
    templates: &Templates,
    feeds: &[Feed],
    site: &Site,
) -> Result<Vec<u8>, TemplateError> {
    let view = IndexView {
        site_title: &site.title,
        site_url: site.url.as_str(),
        language: &site.language,
        feeds: feeds.iter().map(|feed| feed_view(feed, site)).collect(),
    };
    Ok(templates.page("web/index.html", &view)?.into_bytes())
}

pub struct FeedSummary {
    pub definition: super::FeedDefinition,
    pub newest: Vec<std::sync::Arc<Entry>>,
    pub entries: u64,
    pub updated: crate::model::Timestamp,
}
pub fn render_index(
    _t: &Templates,
    _feeds: &[FeedSummary],
    _site: &Site,
) -> Result<Vec<u8>, TemplateError> {
    Ok(b"x".to_vec())
}
pub fn render_feed(
    _t: &Templates,
    _feed: &Feed,
    _o: &[super::FeedDefinition],
    _u: &[std::sync::Arc<Entry>],
    _site: &Site,
) -> Result<Vec<u8>, TemplateError> {
    Ok(b"x".to_vec())
}
/// What the template sees.
#[derive(Serialize)]
struct IndexView<'a> {
    site_title: &'a str,
    site_url: &'a str,
    language: &'a Language,
    feeds: Vec<FeedView<'a>>,
}

/// What a template sees of a feed.
#[derive(Serialize)]
struct FeedView<'a> {
    name: &'a str,
    title: String,
    /// One sentence: how much it holds and how new that is.
    description: String,
    rss: String,
    atom: String,
    newest: Vec<EntryView<'a>>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    title: String,
    url: &'a str,
    language: &'a str,
    /// For `datetime`.
    published: String,
    /// For people.
    published_day: String,
    /// `Withdrawn`, `Cancelled` and the like, or empty.
    mark: &'static str,
}

fn feed_view<'a>(feed: &'a Feed, site: &Site) -> FeedView<'a> {
    FeedView {
        name: &feed.definition.name,
        title: shown(&feed.definition.title),
        description: description(feed),
        rss: relative(site, &feed.definition.rss_path()),
        atom: relative(site, &feed.definition.atom_path()),
        newest: feed.entries.iter().take(NEWEST).map(|entry| entry_view(entry)).collect(),
    }
}

fn description(feed: &Feed) -> String {
    match feed.entries.len() {
        0 => "Nothing published yet.".to_owned(),
        1 => format!("1 entry, last changed {}.", day(feed.updated)),
        n => format!("{n} entries, last changed {}.", day(feed.updated)),
    }
}

fn entry_view(entry: &Entry) -> EntryView<'_> {
    EntryView {
        title: shown(&entry.title),
        url: entry.link.as_str(),
        language: entry.language.as_str(),
        published: entry.published.to_rfc3339(),
        published_day: day(entry.published),
        mark: mark(entry),
    }
}

/// The one thing to know before following the link.
fn mark(entry: &Entry) -> &'static str {
    let Notes { withdrawn, correction, change, .. } = &entry.notes;
    match entry.event.as_ref().map(|event| event.status) {
        _ if withdrawn.is_some() => "Withdrawn",
        Some(EventStatus::Cancelled) => "Cancelled",
        Some(EventStatus::Postponed) => "Postponed",
        _ if correction.is_some() => "Corrected",
        _ if change.is_some() => "Updated",
        _ => "",
    }
}

/// Without control characters, which HTML does not allow either (HTML section 13.2.3.5).
fn shown(text: &str) -> String {
    legal(text).replace(|c: char| c.is_control() && !c.is_ascii_whitespace(), "")
}

fn relative(site: &Site, path: &str) -> String {
    let address = site.address(path);
    site.output_url.make_relative(&address).unwrap_or_else(|| address.into())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{entry, feed, site};
    use super::*;

    fn rendered(feeds: &[Feed]) -> String {
        String::from_utf8(render(&Templates::builtin(), feeds, &site()).unwrap()).unwrap()
    }

    #[test]
    fn each_feed_is_announced_and_linked_with_relative_addresses() {
        let text = rendered(&[feed("category-新闻", &[entry("a")])]);
        let address = "\"feeds/category-%E6%96%B0%E9%97%BB.atom\"";
        assert_eq!(text.matches(&format!("href={address}")).count(), 2, "{text}");
    }

    #[test]
    fn what_authors_write_is_escaped() {
        let text = rendered(&[feed(
            "all",
            &[Entry { title: "<script>\"&\u{7}\u{85}".into(), ..entry("a") }],
        )]);
        assert!(text.contains("&lt;script&gt;&quot;&amp;</a>"), "{text}");
        assert!(!text.contains("<script"));
    }

    #[test]
    fn three_entries_are_shown() {
        let text = rendered(&[feed("all", &["a", "b", "c", "d"].map(entry))]);
        assert!(text.contains("Title c") && !text.contains("Title d"), "{text}");
    }

    #[test]
    fn a_site_without_feeds_has_a_page() {
        assert!(rendered(&[]).contains("No feeds yet"));
    }
}
