//! What the templates of public pages see: texts fit for HTML, addresses relative to the page.

use serde::Serialize;
use url::{Position, Url};

use crate::dates::{day_in, event_when_in};
use crate::feeds::xml::legal;
use crate::feeds::{FeedDefinition, Site, calendar, content};
use crate::model::{Entry, EventStatus, Notes};
use crate::words::{Words, is_same_language};

/// The page that is being written; addresses are relative to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) site: &'a Site,
    pub(super) words: Words<'a>,
    pub(super) path: &'a str,
}

impl Place<'_> {
    /// Also where the folder is looked at from elsewhere, so that it names no host.
    pub(super) fn relative(self, path: &str) -> String {
        let (page, address) = (self.site.address(self.path), self.site.address(path));
        page.make_relative(&address).unwrap_or_else(|| address.into())
    }
}

/// What every page has: who publishes, style, and the feeds it announces.
#[derive(Serialize)]
pub(super) struct Frame<'a> {
    site_title: &'a str,
    site_url: &'a str,
    /// The site's, or that of the words where they are of another.
    language: &'a str,
    style: String,
    /// Where people leave their address; the daemon alone serves it.
    subscribe: String,
    alternates: Vec<Alternate>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        site: &'a Site,
        words: Words<'a>,
        place: Place<'_>,
        feed: Option<&FeedDefinition>,
        alternates: Vec<Alternate>,
    ) -> Self {
        let (language, words) = (site.language.as_str(), words.language());
        Self {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: if is_same_language(language, words) { language } else { words },
            style: place.relative(crate::feeds::STYLE_PATH),
            subscribe: subscribe(site, feed),
            alternates,
        }
    }
}

fn subscribe(site: &Site, feed: Option<&FeedDefinition>) -> String {
    let mut address = site.public_url.clone();
    address.set_path(&format!("{}subscribe", site.public_url.path()));
    if let Some(feed) = feed {
        address.query_pairs_mut().append_pair("feed", &feed.name);
    }
    address.into()
}

/// `link rel=alternate`: how browsers and readers find a feed.
#[derive(Serialize)]
pub(super) struct Alternate {
    media_type: &'static str,
    title: String,
    url: String,
}

/// The Atom document of a feed; readers that find it need no other.
pub(super) fn atom_alternate(definition: &FeedDefinition, place: Place<'_>) -> Alternate {
    alternate(&format(definition, FORMATS[0], place), definition, place)
}

/// All documents of a feed.
pub(super) fn alternates(definition: &FeedDefinition, place: Place<'_>) -> Vec<Alternate> {
    let formats = FORMATS.into_iter().filter(|format| is_made(definition, *format));
    formats.map(|kind| alternate(&format(definition, kind, place), definition, place)).collect()
}

fn alternate(format: &Format, definition: &FeedDefinition, place: Place<'_>) -> Alternate {
    Alternate {
        media_type: format.media_type,
        title: shown(&format!("{} – {} ({})", definition.title, place.site.title, format.name)),
        url: format.url.clone(),
    }
}

/// One document of a feed.
#[derive(Serialize)]
pub(super) struct Format {
    name: String,
    media_type: &'static str,
    url: String,
    /// In full, to be copied.
    address: String,
}

/// Name, media type and path of each format, in the order in which they are announced.
type FormatKind = (&'static str, &'static str, fn(&FeedDefinition) -> String);

const CALENDAR: FormatKind = ("Calendar", "text/calendar", FeedDefinition::calendar_path);
const FORMATS: [FormatKind; 4] = [
    ("Atom", "application/atom+xml", FeedDefinition::atom_path),
    ("RSS", "application/rss+xml", FeedDefinition::rss_path),
    ("JSON Feed", "application/feed+json", FeedDefinition::json_path),
    CALENDAR,
];

fn is_made(definition: &FeedDefinition, (name, ..): FormatKind) -> bool {
    name != CALENDAR.0 || definition.has_calendar()
}

/// The formats to copy, the one that most people know first.
pub(super) fn formats(definition: &FeedDefinition, place: Place<'_>) -> Vec<Format> {
    let [atom, rss, json, calendar] = FORMATS;
    let formats = [rss, atom, json, calendar].into_iter();
    formats.filter(|f| is_made(definition, *f)).map(|f| format(definition, f, place)).collect()
}

fn format(
    definition: &FeedDefinition,
    (name, media_type, path): FormatKind,
    place: Place<'_>,
) -> Format {
    let path = path(definition);
    let name = match name {
        _ if name == CALENDAR.0 => place.words.say("feed-calendar", &[]),
        _ => name.to_owned(),
    };
    Format {
        name,
        media_type,
        url: place.relative(&path),
        address: place.site.address(&path).into(),
    }
}

/// The address that calendar programs take up: the scheme is a custom of Apple's, known to all.
pub(super) fn webcal(definition: &FeedDefinition, site: &Site) -> String {
    let address: Url = site.address(&definition.calendar_path());
    format!("webcal://{}", &address[Position::BeforeUsername..])
}

#[derive(Serialize)]
pub(super) struct EntryView<'a> {
    title: String,
    url: &'a str,
    language: &'a str,
    /// For `datetime`.
    published: String,
    /// For people.
    published_day: String,
    /// `Withdrawn`, `Cancelled` and the like, or empty.
    mark: String,
    summary: String,
}

pub(super) fn entry_view<'a>(words: Words<'_>, entry: &'a Entry) -> EntryView<'a> {
    EntryView {
        title: shown(&entry.title),
        url: entry.link.as_str(),
        language: entry.language.as_str(),
        published: entry.published.to_rfc3339(),
        published_day: day_in(words, entry.published),
        mark: mark(words, entry),
        summary: shown(&content::summary(entry)),
    }
}

#[derive(Serialize)]
pub(super) struct EventView<'a> {
    title: String,
    url: &'a str,
    language: &'a str,
    when: String,
    /// Empty where there is none, or nobody should go.
    venue: String,
    mark: String,
    /// Its own iCalendar document; of what takes place.
    calendar: Option<String>,
}

/// `None` of an entry without a start.
pub(super) fn event_view<'a>(entry: &'a Entry, place: Place<'_>) -> Option<EventView<'a>> {
    let event = entry.event.as_ref()?;
    let withdrawn = entry.notes.withdrawn.is_some();
    let venue = event.venue.as_deref().filter(|_| !withdrawn);
    let takes_place = !withdrawn && event.status != EventStatus::Cancelled;
    Some(EventView {
        title: shown(&entry.title),
        url: entry.link.as_str(),
        language: entry.language.as_str(),
        when: event_when_in(place.words, event),
        venue: shown(venue.unwrap_or_default()),
        mark: mark(place.words, entry),
        calendar: takes_place.then(|| place.relative(&calendar::event_path(&entry.id))),
    })
}

/// The one thing to know before following the link.
fn mark(words: Words<'_>, entry: &Entry) -> String {
    let Notes { withdrawn, correction, change, .. } = &entry.notes;
    match entry.event.as_ref().map(|event| event.status) {
        _ if withdrawn.is_some() => words.say("entry-withdrawn", &[]),
        Some(EventStatus::Cancelled) => words.say("entry-cancelled", &[]),
        Some(EventStatus::Postponed) => words.say("entry-postponed", &[]),
        _ if correction.is_some() => words.say("entry-corrected", &[]),
        _ if change.is_some() => words.say("entry-updated", &[]),
        _ => String::new(),
    }
}

/// Without control characters, which HTML does not allow either (HTML section 13.2.3.5).
pub(super) fn shown(text: &str) -> String {
    legal(text).replace(|c: char| c.is_control() && !c.is_ascii_whitespace(), "")
}
