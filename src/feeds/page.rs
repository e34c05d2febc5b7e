//! The pages that are the same for everyone: `index.html`, what there is to follow; and a page
//! for each feed, what it is and how to follow it.
//!
//! Feeds announce themselves to browsers and readers by `link rel=alternate` (RSS Autodiscovery
//! 1.0, of the RSS Advisory Board). Addresses within the output folder are relative, so the pages
//! also work where the folder is looked at from elsewhere; those that people copy are whole. The
//! one script copies addresses; without it they are there to be selected.

mod about;
mod view;

use std::sync::Arc;

use serde::Serialize;

use super::{Document, Feed, FeedDefinition, INDEX_PATH, OPML_PATH, SCRIPT_PATH, STYLE_PATH, Site};
use crate::model::{Entry, Timestamp};
use crate::templates::{TemplateError, Templates};
use crate::words::Words;
use view::{Alternate, EntryView, EventView, Format, Frame, Place, shown};

/// Entries shown of each feed on the index.
const NEWEST: usize = 3;
/// Entries shown on the page of a feed.
const NEWEST_OF_FEED: usize = 20;

/// What the index says of a feed.
#[derive(Debug, Clone)]
pub struct FeedSummary {
    pub definition: FeedDefinition,
    /// At most three, newest first.
    pub newest: Vec<Arc<Entry>>,
    /// Public entries in all, archived ones too.
    pub entries: u64,
    pub updated: Timestamp,
}

/// The style sheet of the pages, and of RSS and Atom documents opened in a browser; the script
/// of the copy buttons.
pub fn assets() -> [Document; 2] {
    let style = include_bytes!("../../templates/web/style.css").to_vec();
    let script = include_bytes!("../../templates/web/copy.js").to_vec();
    [
        Document { path: STYLE_PATH.to_owned(), bytes: style },
        Document { path: SCRIPT_PATH.to_owned(), bytes: script },
    ]
}

/// Renders `web/index.html`, the shipped template or an operator's own.
pub fn render_index(
    templates: &Templates,
    feeds: &[FeedSummary],
    site: &Site,
) -> Result<Vec<u8>, TemplateError> {
    Ok(templates
        .page("web/index.html", &index_view(words(templates, site), feeds, site))?
        .into_bytes())
}

/// The words of the site, which has its pages in one language.
fn words<'a>(templates: &'a Templates, site: &Site) -> Words<'a> {
    templates.words(site.language.as_str())
}

/// What `web/index.html` sees of these feeds.
pub fn index_view<'a>(
    words: Words<'a>,
    feeds: &'a [FeedSummary],
    site: &'a Site,
) -> impl Serialize + 'a {
    let place = Place { site, words, path: INDEX_PATH };
    let alternates = feeds.iter().flat_map(|f| view::alternates(&f.definition, place)).collect();
    IndexView {
        frame: Frame::new(site, words, place, None, alternates),
        opml: place.relative(OPML_PATH),
        feeds: feeds.iter().map(|feed| card(feed, place)).collect(),
    }
}

/// Renders `web/feed.html`, the shipped template or an operator's own. `others` are the feeds of
/// the config that readers may want instead; `upcoming` the events to come, in that order.
pub fn render_feed(
    templates: &Templates,
    feed: &Feed,
    others: &[FeedDefinition],
    upcoming: &[Arc<Entry>],
    site: &Site,
) -> Result<Vec<u8>, TemplateError> {
    let view = feed_view(words(templates, site), feed, others, upcoming, site);
    Ok(templates.page("web/feed.html", &view)?.into_bytes())
}

/// What `web/feed.html` sees of this feed.
pub fn feed_view<'a>(
    words: Words<'a>,
    feed: &'a Feed,
    others: &[FeedDefinition],
    upcoming: &'a [Arc<Entry>],
    site: &'a Site,
) -> impl Serialize + 'a {
    let definition = &feed.definition;
    let path = definition.page_path();
    let place = Place { site, words, path: &path };
    let has_calendar = definition.has_calendar();
    FeedView {
        frame: Frame::new(
            site,
            words,
            place,
            Some(definition),
            feed_alternates(definition, others, place),
        ),
        script: place.relative(SCRIPT_PATH),
        index: place.relative(INDEX_PATH),
        title: shown(&definition.title),
        about: shown(&about::selected(words, definition)),
        description: about::shown(words, feed),
        formats: view::formats(definition, place),
        has_calendar,
        webcal: has_calendar.then(|| view::webcal(definition, site)),
        upcoming: upcoming.iter().filter_map(|entry| view::event_view(entry, place)).collect(),
        newest: feed
            .entries
            .iter()
            .take(NEWEST_OF_FEED)
            .map(|e| view::entry_view(words, e))
            .collect(),
        archives: archives(feed, place),
    }
}

/// What `web/index.html` sees.
#[derive(Serialize)]
struct IndexView<'a> {
    #[serde(flatten)]
    frame: Frame<'a>,
    opml: String,
    feeds: Vec<Card<'a>>,
}

/// What it sees of a feed.
#[derive(Serialize)]
struct Card<'a> {
    name: &'a str,
    title: String,
    /// One sentence: how much it holds and how new that is.
    description: String,
    page: String,
    rss: String,
    atom: String,
    json: String,
    calendar: Option<String>,
    newest: Vec<EntryView<'a>>,
}

fn card<'a>(feed: &'a FeedSummary, place: Place<'_>) -> Card<'a> {
    let definition = &feed.definition;
    let has_calendar = definition.has_calendar();
    Card {
        name: &definition.name,
        title: shown(&definition.title),
        description: about::held(place.words, feed.entries, feed.updated),
        page: place.relative(&definition.page_path()),
        rss: place.relative(&definition.rss_path()),
        atom: place.relative(&definition.atom_path()),
        json: place.relative(&definition.json_path()),
        calendar: has_calendar.then(|| place.relative(&definition.calendar_path())),
        newest: feed
            .newest
            .iter()
            .take(NEWEST)
            .map(|entry| view::entry_view(place.words, entry))
            .collect(),
    }
}

/// What `web/feed.html` sees.
#[derive(Serialize)]
struct FeedView<'a> {
    #[serde(flatten)]
    frame: Frame<'a>,
    script: String,
    index: String,
    title: String,
    /// One sentence: what it selects.
    about: String,
    /// One sentence: how much it holds and how new that is.
    description: String,
    formats: Vec<Format>,
    has_calendar: bool,
    webcal: Option<String>,
    upcoming: Vec<EventView<'a>>,
    newest: Vec<EntryView<'a>>,
    archives: Option<Archives>,
}

/// The newest archive, which leads to those before it (RFC 5005, section 4).
#[derive(Serialize)]
struct Archives {
    count: u64,
    atom: String,
    json: String,
}

fn archives(feed: &Feed, place: Place<'_>) -> Option<Archives> {
    let count = feed.archives;
    if count == 0 {
        return None;
    }
    Some(Archives {
        count,
        atom: place.relative(&feed.definition.atom_archive_path(feed.archives)),
        json: place.relative(&feed.definition.json_archive_path(feed.archives)),
    })
}

/// The feed's own documents first: a reader takes what comes first.
fn feed_alternates(
    definition: &FeedDefinition,
    others: &[FeedDefinition],
    place: Place<'_>,
) -> Vec<Alternate> {
    let others = others.iter().filter(|other| other.name != definition.name);
    let own = view::alternates(definition, place).into_iter();
    own.chain(others.map(|other| view::atom_alternate(other, place))).collect()
}
