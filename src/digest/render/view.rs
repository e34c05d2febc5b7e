//! What the templates of an issue see: texts ready to be set, in the order of the mail.
//!
//! Nothing is decided in a template that matters to a reader's trust: which notice stands
//! first, how a date reads, what is cut short.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde::Serialize;
use url::Url;

use super::add_to_calendar::calendar_links;
use super::sender::{SenderView, SiteView, sender, site_view};
use super::{Form, IssueContent, Slot};
use crate::dates;
use crate::feeds::Site;
use crate::model::{Entry, Event, EventStatus, Kind};
use crate::templates::text::{Direction, clip};
use crate::words::{Words, is_same_language};

/// Room for what authors may write at any length, so that 25 entries stay below 90 KB.
#[derive(Debug, Clone, Copy)]
struct Room {
    title: usize,
    summary: usize,
    notice: usize,
    /// A venue, or agency and categories.
    place: usize,
}

const FULL: Room = Room { title: TITLE_CHARS, summary: 360, notice: 300, place: 160 };
/// A line of each.
const COMPACT: Room = Room { title: 120, summary: 90, notice: 120, place: 60 };

const TITLE_CHARS: usize = 200;
/// Mail programs show about this much of the preheader beside the subject.
const PREHEADER_CHARS: usize = 120;

#[derive(Debug, Serialize)]
pub(super) struct IssueView<'a> {
    pub(super) subject: String,
    preheader: String,
    language: &'a str,
    /// In which our own words are: that of the issue, or English.
    words_language: &'a str,
    /// Our own words are in another language than the issue.
    is_foreign: bool,
    /// An issue that would be too large for mail programs: a title, a day and a line of each.
    compact: bool,
    site: SiteView<'a>,
    sender: SenderView<'a>,
    /// For `web/layout.html`, which knows sites by these names on every page.
    site_title: &'a str,
    site_url: &'a str,
    heading: String,
    total_text: String,
    sections: Vec<SectionView<'a>>,
    more: usize,
    web_url: &'a str,
    reason: String,
    stop_text: String,
    unsubscribe_url: char,
    manage_url: char,
}

#[derive(Debug, Serialize)]
struct SectionView<'a> {
    title: &'a str,
    entries: Vec<EntryView<'a>>,
}

#[derive(Debug, Serialize)]
struct EntryView<'a> {
    title: String,
    url: &'a str,
    link_number: usize,
    language: &'a str,
    /// Value of `dir`: that of the title, which authors mix with any language.
    direction: Direction,
    /// Kind, agency, categories and day, as `Press release · transport · 26 February 2026`.
    about: String,
    /// Absent where there is nothing to say that the title or the notice does not.
    summary: Option<String>,
    /// An author may sum up in another direction than the title's.
    summary_direction: Direction,
    notices: Vec<Notice>,
    replaced_url: Option<&'a str>,
    replaced_number: Option<usize>,
    event: Option<EventView<'a>>,
    read_more: String,
    image: Option<&'a str>,
    /// Every link of the entry, in the order of their numbers.
    links: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct EventView<'a> {
    when: String,
    venue: Option<String>,
    online_url: Option<&'a str>,
    online_number: Option<usize>,
    registration_url: Option<&'a str>,
    registration_number: Option<usize>,
    /// The event's `.ics`; absent where there is nothing to go to any more.
    calendar_url: Option<String>,
    calendar_number: Option<usize>,
    google_url: Option<String>,
    outlook_url: Option<String>,
    /// Absent while the event is going ahead.
    status: Option<String>,
}

#[derive(Debug, Serialize)]
struct Notice {
    label: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Link {
    number: usize,
    url: String,
}

impl<'a> IssueView<'a> {
    pub(super) fn new(
        words: Words<'a>,
        site: &'a Site,
        issue: &IssueContent<'a>,
        subject: String,
        form: Form,
    ) -> Self {
        let room = match form {
            Form::Full => FULL,
            Form::Compact => COMPACT,
        };
        let mut setter = Setter { words, site, now: issue.now, room, numbers: 0 };
        let sections: Vec<SectionView<'a>> = issue
            .sections
            .iter()
            .map(|section| SectionView {
                title: section.feed_title,
                entries: section.entries.iter().map(|e| setter.entry(e)).collect(),
            })
            .collect();
        let total = total(issue);
        Self {
            subject,
            preheader: preheader(words, issue),
            language: issue.language.as_str(),
            words_language: words.language(),
            is_foreign: !is_same_language(words.language(), issue.language.as_str()),
            compact: form == Form::Compact,
            sender: sender(words, site, issue.sender),
            site: site_view(site),
            site_title: &site.title,
            site_url: site.url.as_str(),
            heading: heading(words, issue.digest),
            total_text: words.say("mail-total", &[("count", total.into())]),
            sections,
            more: issue.more,
            web_url: issue.web_url,
            reason: reason(words, issue.digest, &site.title),
            stop_text: stop_text(words, issue.digest),
            unsubscribe_url: Slot::Unsubscribe.marker(),
            manage_url: Slot::Manage.marker(),
        }
    }
}

impl IssueView<'_> {
    /// What both parts of a mail must say of its sender and its reason, by name; only what there
    /// is.
    pub(super) fn must_say(&self) -> Vec<(&'static str, &str)> {
        let SenderView { name, address, contact, purpose, data_protection } = &self.sender;
        [
            ("reason", Some(self.reason.as_str())),
            ("sender.name", Some(name)),
            ("sender.address", *address),
            ("sender.contact.text", contact.as_ref().map(|contact| contact.text)),
            ("sender.purpose", purpose.as_deref()),
            ("sender.data_protection.text", data_protection.as_ref().map(|contact| contact.text)),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
        .collect()
    }
}

/// Entries that the issue stands for, also those left out by the cap.
pub(super) fn total(issue: &IssueContent<'_>) -> usize {
    shown(issue) + issue.more
}

/// Entries that stand in the issue itself.
pub(super) fn shown(issue: &IssueContent<'_>) -> usize {
    issue.sections.iter().map(|section| section.entries.len()).sum()
}

/// Newest entry of the issue; of equally new ones the first.
pub(super) fn newest<'a>(issue: &IssueContent<'a>) -> Option<&'a Entry> {
    issue
        .sections
        .iter()
        .flat_map(|section| section.entries.iter().copied())
        .reduce(|newest, entry| if entry.updated > newest.updated { entry } else { newest })
}

/// The title with the one word before it that a reader must not miss.
pub(super) fn title(words: Words<'_>, entry: &Entry) -> String {
    clipped_title(words, entry, TITLE_CHARS)
}

fn clipped_title(words: Words<'_>, entry: &Entry, chars: usize) -> String {
    let title = clip(&entry.title, chars);
    match mark(words, entry) {
        Some(mark) if !title.to_lowercase().starts_with(&mark.to_lowercase()) => {
            words.say("label-text", &[("label", mark.into()), ("text", title.into())])
        }
        _ => title,
    }
}

fn mark(words: Words<'_>, entry: &Entry) -> Option<String> {
    let notes = &entry.notes;
    let status = entry.event.as_ref().and_then(|event| status(words, event.status));
    if notes.withdrawn.is_some() {
        Some(words.say("entry-withdrawn", &[]))
    } else if status.is_some() {
        status
    } else if notes.correction.is_some() {
        Some(words.say("entry-correction", &[]))
    } else {
        notes.change.as_ref().map(|_| words.say("entry-updated", &[]))
    }
}

fn status(words: Words<'_>, status: EventStatus) -> Option<String> {
    match status {
        EventStatus::Confirmed => None,
        EventStatus::Cancelled => Some(words.say("entry-cancelled", &[])),
        EventStatus::Postponed => Some(words.say("entry-postponed", &[])),
    }
}

/// Sets entries one after the other, their links numbered through.
struct Setter<'a> {
    words: Words<'a>,
    site: &'a Site,
    now: DateTime<Utc>,
    room: Room,
    numbers: usize,
}

impl Setter<'_> {
    fn entry<'a>(&mut self, entry: &'a Entry) -> EntryView<'a> {
        let mut links = Vec::new();
        let mut link = |url: &dyn Display| {
            self.numbers += 1;
            links.push(Link { number: self.numbers, url: url.to_string() });
            self.numbers
        };
        let link_number = link(&entry.link);
        let event = entry.event.as_ref().map(|event| {
            event_view(self.words, entry, event, self.site, self.now, self.room, &mut link)
        });
        let replaced = entry.notes.replaced_by.as_ref();
        let replaced_number = replaced.map(|url| link(url));
        let direction_of = |text: &str| {
            Direction::of_text(text)
                .unwrap_or_else(|| Direction::of_language(entry.language.as_str()))
        };
        EntryView {
            title: clipped_title(self.words, entry, self.room.title),
            url: entry.link.as_str(),
            link_number,
            language: entry.language.as_str(),
            direction: direction_of(&entry.title),
            about: about(self.words, entry, self.room.place),
            summary: summary(entry, self.room.summary),
            summary_direction: direction_of(&entry.summary),
            notices: notices(self.words, entry, self.room.notice),
            replaced_url: replaced.map(Url::as_str),
            replaced_number,
            event,
            read_more: match entry.kind {
                _ if entry.notes.withdrawn.is_some() => self.words.say("entry-read-withdrawn", &[]),
                Kind::Release => self.words.say("entry-read-release", &[]),
                Kind::Event => self.words.say("entry-read-event", &[]),
            },
            image: entry.image.as_ref().map(Url::as_str),
            links,
        }
    }
}

fn event_view<'a>(
    words: Words<'_>,
    entry: &Entry,
    event: &'a Event,
    site: &Site,
    now: DateTime<Utc>,
    room: Room,
    link: &mut impl FnMut(&dyn Display) -> usize,
) -> EventView<'a> {
    // Nobody is asked to book a place at what will not take place.
    let is_open = event.status != EventStatus::Cancelled && entry.notes.withdrawn.is_none();
    let online = event.online_url.as_ref().filter(|_| is_open);
    let registration = event.registration_url.as_ref().filter(|_| is_open);
    let calendar = calendar_links(entry, event, site, now);
    let (file, web) = calendar.map(|links| (links.file, links.web)).unzip();
    let web = web.flatten();
    EventView {
        when: dates::event_when_in(words, event),
        venue: event.venue.as_ref().map(|venue| clip(venue, room.place)),
        online_url: online.map(Url::as_str),
        online_number: online.map(|url| link(url)),
        registration_url: registration.map(Url::as_str),
        registration_number: registration.map(|url| link(url)),
        calendar_number: file.as_ref().map(|url| link(url)),
        calendar_url: file.map(Into::into),
        google_url: web.as_ref().map(|web| web.google.to_string()),
        outlook_url: web.as_ref().map(|web| web.outlook.to_string()),
        status: status(words, event.status),
    }
}

/// What is taken back is not said again, nor is the title of a post without a text.
fn summary(entry: &Entry, chars: usize) -> Option<String> {
    let is_told = entry.notes.withdrawn.is_some() || entry.summary == entry.title;
    (!is_told).then(|| clip(&entry.summary, chars))
}

fn notices(words: Words<'_>, entry: &Entry, chars: usize) -> Vec<Notice> {
    let notes = &entry.notes;
    [
        (&notes.withdrawn, words.say("entry-withdrawn", &[])),
        (&notes.correction, words.say("entry-correction", &[])),
        (&notes.change, words.say("entry-updated", &[])),
    ]
    .into_iter()
    .filter_map(|(text, label)| Some(Notice { label, text: clip(text.as_ref()?, chars) }))
    .collect()
}

fn about(words: Words<'_>, entry: &Entry, chars: usize) -> String {
    let day = dates::day_in(words, entry.published);
    let (kind, day) = match entry.kind {
        Kind::Release => (words.say("entry-release", &[]), day),
        // A bare date beside an event would be taken for the event's.
        Kind::Event => {
            (words.say("entry-event", &[]), words.say("entry-announced", &[("day", day.into())]))
        }
    };
    // A category that only repeats the kind, as `events`, tells a reader nothing.
    let repeats_kind = |category: &str| {
        category.to_lowercase().trim_end_matches('s').ends_with(entry.kind.as_str())
    };
    let categories = entry.categories.iter().map(String::as_str).filter(|c| !repeats_kind(c));
    let labels: Vec<&str> = entry.agency.as_deref().into_iter().chain(categories).collect();
    let labels = clip(&labels.join(" · "), chars);
    [kind.as_str(), labels.as_str(), day.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// What stands beside the subject in a list of mails: the other titles, else the summary, or
/// the reason why there is none.
fn preheader(words: Words<'_>, issue: &IssueContent<'_>) -> String {
    let Some(newest) = newest(issue) else { return String::new() };
    let others: Vec<String> = issue
        .sections
        .iter()
        .flat_map(|section| &section.entries)
        .filter(|entry| entry.id != newest.id)
        .take(4)
        .map(|entry| title(words, entry))
        .collect();
    if others.is_empty() {
        let text = newest.notes.withdrawn.as_ref().unwrap_or(&newest.summary);
        clip(text, PREHEADER_CHARS)
    } else {
        let also = words.say("mail-also", &[("titles", others.join("; ").into())]);
        clip(&also, PREHEADER_CHARS)
    }
}

fn heading(words: Words<'_>, digest: &str) -> String {
    match digest {
        "urgent" => words.say("mail-heading-urgent", &[]),
        "correction" => words.say("mail-heading-correction", &[]),
        "reminder" => words.say("mail-heading-reminder", &[]),
        _ => {
            let heading = words.say("mail-heading-digest", &[("digest", digest.into())]);
            let mut chars = heading.chars();
            let head = chars.next().into_iter().flat_map(char::to_uppercase);
            head.chain(chars).collect()
        }
    }
}

fn reason(words: Words<'_>, digest: &str, site_title: &str) -> String {
    let site = ("site", site_title.into());
    match digest {
        "urgent" => words.say("mail-reason-urgent", &[site]),
        "correction" => words.say("mail-reason-correction", &[site]),
        "reminder" => words.say("mail-reason-reminder", &[site]),
        _ => words.say("mail-reason-digest", &[("digest", digest.into()), site]),
    }
}

fn stop_text(words: Words<'_>, digest: &str) -> String {
    match digest {
        "urgent" | "correction" | "reminder" => words.say("mail-stop-feeds", &[]),
        _ => words.say("mail-stop-digest", &[("digest", digest.into())]),
    }
}
