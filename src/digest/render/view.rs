//! What the templates of an issue see: texts ready to be set, in the order of the mail.
//!
//! Nothing is decided in a template that matters to a reader's trust: which notice stands
//! first, how a date reads, what is cut short.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde::Serialize;
use url::Url;

use super::add_to_calendar::calendar_links;
use super::{Form, IssueContent, Slot};
use crate::config::Legal;
use crate::dates;
use crate::feeds::Site;
use crate::model::{Entry, Event, EventStatus, Kind};
use crate::templates::text::{Direction, clip};

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
    /// Our own words are English and stand in a text that is not.
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
struct SiteView<'a> {
    title: &'a str,
    url: &'a str,
    /// Title of the site, and the author with address where the config names one.
    author_line: String,
}

/// Who answers for the mail, as its foot says it.
#[derive(Debug, Serialize)]
struct SenderView<'a> {
    name: String,
    /// Where letters reach the sender.
    address: Option<&'a str>,
    contact: Option<Contact<'a>>,
    /// What the reader's address is used for, as a sentence.
    purpose: Option<String>,
    data_protection: Option<Contact<'a>>,
}

/// An e-mail address or telephone number, and the link that uses it.
#[derive(Debug, Serialize)]
struct Contact<'a> {
    text: &'a str,
    url: String,
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
    notices: Vec<Notice>,
    replaced_url: Option<&'a str>,
    replaced_number: Option<usize>,
    event: Option<EventView<'a>>,
    read_more: &'static str,
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
    status: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Notice {
    label: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Link {
    number: usize,
    url: String,
}

impl<'a> IssueView<'a> {
    pub(super) fn new(
        site: &'a Site,
        issue: &IssueContent<'a>,
        subject: String,
        form: Form,
    ) -> Self {
        let room = match form {
            Form::Full => FULL,
            Form::Compact => COMPACT,
        };
        let mut setter = Setter { site, now: issue.now, room, numbers: 0 };
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
            preheader: preheader(issue),
            language: issue.language.as_str(),
            is_foreign: issue.language.as_str().split('-').next() != Some("en"),
            compact: form == Form::Compact,
            sender: sender(site, issue.sender),
            site: SiteView {
                title: &site.title,
                url: site.url.as_str(),
                author_line: author_line(site),
            },
            site_title: &site.title,
            site_url: site.url.as_str(),
            heading: heading(issue.digest),
            total_text: format!("{total} {}", if total == 1 { "item" } else { "items" }),
            sections,
            more: issue.more,
            web_url: issue.web_url,
            reason: reason(issue.digest, &site.title),
            stop_text: stop_text(issue.digest),
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
pub(super) fn title(entry: &Entry) -> String {
    clipped_title(entry, TITLE_CHARS)
}

fn clipped_title(entry: &Entry, chars: usize) -> String {
    let title = clip(&entry.title, chars);
    match mark(entry) {
        Some(mark) if !title.to_lowercase().starts_with(&mark.to_lowercase()) => {
            format!("{mark}: {title}")
        }
        _ => title,
    }
}

fn mark(entry: &Entry) -> Option<&'static str> {
    let notes = &entry.notes;
    notes
        .withdrawn
        .as_ref()
        .map(|_| "Withdrawn")
        .or_else(|| entry.event.as_ref().and_then(|event| status(event.status)))
        .or_else(|| notes.correction.as_ref().map(|_| "Correction"))
        .or_else(|| notes.change.as_ref().map(|_| "Updated"))
}

fn status(status: EventStatus) -> Option<&'static str> {
    match status {
        EventStatus::Confirmed => None,
        EventStatus::Cancelled => Some("Cancelled"),
        EventStatus::Postponed => Some("Postponed"),
    }
}

/// Sets entries one after the other, their links numbered through.
struct Setter<'a> {
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
        let event = entry
            .event
            .as_ref()
            .map(|event| event_view(entry, event, self.site, self.now, self.room, &mut link));
        let replaced = entry.notes.replaced_by.as_ref();
        let replaced_number = replaced.map(|url| link(url));
        EntryView {
            title: clipped_title(entry, self.room.title),
            url: entry.link.as_str(),
            link_number,
            language: entry.language.as_str(),
            direction: Direction::of_text(&entry.title)
                .unwrap_or_else(|| Direction::of_language(entry.language.as_str())),
            about: about(entry, self.room.place),
            summary: summary(entry, self.room.summary),
            notices: notices(entry, self.room.notice),
            replaced_url: replaced.map(Url::as_str),
            replaced_number,
            event,
            read_more: match entry.kind {
                _ if entry.notes.withdrawn.is_some() => "Read the notice of withdrawal",
                Kind::Release => "Read the full release",
                Kind::Event => "Read more about this event",
            },
            image: entry.image.as_ref().map(Url::as_str),
            links,
        }
    }
}

fn event_view<'a>(
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
        when: dates::event_when(event),
        venue: event.venue.as_ref().map(|venue| clip(venue, room.place)),
        online_url: online.map(Url::as_str),
        online_number: online.map(|url| link(url)),
        registration_url: registration.map(Url::as_str),
        registration_number: registration.map(|url| link(url)),
        calendar_number: file.as_ref().map(|url| link(url)),
        calendar_url: file.map(Into::into),
        google_url: web.as_ref().map(|web| web.google.to_string()),
        outlook_url: web.as_ref().map(|web| web.outlook.to_string()),
        status: status(event.status),
    }
}

/// What is taken back is not said again, nor is the title of a post without a text.
fn summary(entry: &Entry, chars: usize) -> Option<String> {
    let is_told = entry.notes.withdrawn.is_some() || entry.summary == entry.title;
    (!is_told).then(|| clip(&entry.summary, chars))
}

fn notices(entry: &Entry, chars: usize) -> Vec<Notice> {
    let notes = &entry.notes;
    [("Withdrawn", &notes.withdrawn), ("Correction", &notes.correction), ("Updated", &notes.change)]
        .into_iter()
        .filter_map(|(label, text)| {
            text.as_ref().map(|text| Notice { label, text: clip(text, chars) })
        })
        .collect()
}

fn about(entry: &Entry, chars: usize) -> String {
    let day = dates::day(entry.published);
    let (kind, day) = match entry.kind {
        Kind::Release => ("Press release", day),
        // A bare date beside an event would be taken for the event's.
        Kind::Event => ("Event", format!("announced {day}")),
    };
    // A category that only repeats the kind, as `events`, tells a reader nothing.
    let repeats_kind = |category: &str| {
        category.to_lowercase().trim_end_matches('s').ends_with(entry.kind.as_str())
    };
    let categories = entry.categories.iter().map(String::as_str).filter(|c| !repeats_kind(c));
    let labels: Vec<&str> = entry.agency.as_deref().into_iter().chain(categories).collect();
    let labels = clip(&labels.join(" · "), chars);
    [kind, labels.as_str(), day.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// What stands beside the subject in a list of mails: the other titles, else the summary, or
/// the reason why there is none.
fn preheader(issue: &IssueContent<'_>) -> String {
    let Some(newest) = newest(issue) else { return String::new() };
    let others: Vec<String> = issue
        .sections
        .iter()
        .flat_map(|section| &section.entries)
        .filter(|entry| entry.id != newest.id)
        .take(4)
        .map(|entry| title(entry))
        .collect();
    if others.is_empty() {
        let text = newest.notes.withdrawn.as_ref().unwrap_or(&newest.summary);
        clip(text, PREHEADER_CHARS)
    } else {
        clip(&format!("Also: {}", others.join("; ")), PREHEADER_CHARS)
    }
}

fn author_line(site: &Site) -> String {
    match &site.author {
        None => site.title.clone(),
        Some(author) => {
            let name = if author.name == site.title {
                site.title.clone()
            } else {
                format!("{}, {}", author.name, site.title)
            };
            match &author.email {
                Some(mail) => format!("{name} ({mail})"),
                None => name,
            }
        }
    }
}

/// Without a legal profile the foot says what the config knows of the author.
fn sender<'a>(site: &'a Site, legal: Option<&'a Legal>) -> SenderView<'a> {
    let legal = legal.unwrap_or(const { &Legal::UNKNOWN });
    let author = site.author.as_ref();
    let author_mail = author.and_then(|author| author.email.as_deref());
    let name = legal.organisation.as_deref().or(author.map(|author| author.name.as_str()));
    SenderView {
        name: match name {
            Some(name) if name != site.title => format!("{name}, for {}", site.title),
            _ => site.title.clone(),
        },
        address: legal.address.as_deref(),
        contact: legal.contact.as_deref().or(author_mail).map(contact),
        purpose: legal.purpose.as_ref().map(|purpose| {
            format!("Your e-mail address is used {}.", purpose.trim_end_matches('.'))
        }),
        data_protection: legal.data_protection.as_deref().map(contact),
    }
}

fn contact(text: &str) -> Contact<'_> {
    let url = if text.contains('@') {
        format!("mailto:{text}")
    } else {
        // RFC 3966, section 5.1.1: marks between the digits mean nothing.
        let is_dialled = |c: &char| c.is_ascii_digit() || *c == '+';
        format!("tel:{}", text.chars().filter(is_dialled).collect::<String>())
    };
    Contact { text, url }
}

fn heading(digest: &str) -> String {
    match digest {
        "urgent" => "Urgent news".to_owned(),
        "correction" => "Correction".to_owned(),
        "reminder" => "Coming up".to_owned(),
        _ => {
            let mut chars = digest.chars();
            let head = chars.next().into_iter().flat_map(char::to_uppercase);
            format!("{} digest", head.chain(chars).collect::<String>())
        }
    }
}

fn reason(digest: &str, site_title: &str) -> String {
    match digest {
        "urgent" => format!(
            "You get this e-mail at once because it is urgent and you follow a feed of {site_title}."
        ),
        "correction" => format!(
            "You get this e-mail because an earlier one from {site_title} brought you the text that is corrected here."
        ),
        "reminder" => format!(
            "You get this e-mail because you follow the events of {site_title} and one of them is near."
        ),
        _ => format!(
            "You get this e-mail because you asked for the {digest} digest of {site_title}."
        ),
    }
}

fn stop_text(digest: &str) -> String {
    match digest {
        "urgent" | "correction" | "reminder" => {
            "Unsubscribe from the feeds that brought this e-mail".to_owned()
        }
        _ => format!("Unsubscribe from the {digest} digest"),
    }
}
