//! What the templates of an issue see: texts ready to be set, in the order of the mail.
//!
//! Nothing is decided in a template that matters to a reader's trust: which notice stands
//! first, how a date reads, what is cut short.

use serde::Serialize;
use url::Url;

use super::{IssueContent, Slot};
use crate::dates;
use crate::feeds::Site;
use crate::model::{Entry, Event, EventStatus, Kind};
use crate::templates::text::clip;

/// Room for what authors may write at any length, so that 25 entries stay below 90 KB.
const SUMMARY_CHARS: usize = 360;
const NOTICE_CHARS: usize = 300;
const TITLE_CHARS: usize = 200;
/// Mail programs show about this much of the preheader beside the subject.
const PREHEADER_CHARS: usize = 120;

#[derive(Debug, Serialize)]
pub(super) struct IssueView<'a> {
    pub(super) subject: String,
    preheader: String,
    language: &'a str,
    site: SiteView<'a>,
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
}

#[derive(Debug, Serialize)]
struct SiteView<'a> {
    title: &'a str,
    url: &'a str,
    /// Title of the site, and the author with address where the config names one.
    author_line: String,
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
    links: Vec<Link<'a>>,
}

#[derive(Debug, Serialize)]
struct EventView<'a> {
    when: String,
    venue: Option<&'a str>,
    online_url: Option<&'a str>,
    online_number: Option<usize>,
    registration_url: Option<&'a str>,
    registration_number: Option<usize>,
    /// Absent while the event is going ahead.
    status: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Notice {
    label: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Link<'a> {
    number: usize,
    url: &'a str,
}

impl<'a> IssueView<'a> {
    pub(super) fn new(site: &'a Site, issue: &IssueContent<'a>, subject: String) -> Self {
        let mut numbers = 0;
        let sections: Vec<SectionView<'a>> = issue
            .sections
            .iter()
            .map(|section| SectionView {
                title: section.feed_title,
                entries: section.entries.iter().map(|e| entry_view(e, &mut numbers)).collect(),
            })
            .collect();
        let total = total(issue);
        Self {
            subject,
            preheader: preheader(issue),
            language: issue.language.as_str(),
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
        }
    }
}

/// Entries that the issue stands for, also those left out by the cap.
pub(super) fn total(issue: &IssueContent<'_>) -> usize {
    issue.sections.iter().map(|s| s.entries.len()).sum::<usize>() + issue.more
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
    let title = clip(&entry.title, TITLE_CHARS);
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

fn entry_view<'a>(entry: &'a Entry, numbers: &mut usize) -> EntryView<'a> {
    let mut links = Vec::new();
    let mut link = |url: &'a Url| {
        *numbers += 1;
        links.push(Link { number: *numbers, url: url.as_str() });
        *numbers
    };
    let link_number = link(&entry.link);
    let event = entry.event.as_ref().map(|event| event_view(event, &mut link));
    let replaced = entry.notes.replaced_by.as_ref();
    let replaced_number = replaced.map(link);
    EntryView {
        title: title(entry),
        url: entry.link.as_str(),
        link_number,
        language: entry.language.as_str(),
        about: about(entry),
        summary: summary(entry),
        notices: notices(entry),
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

fn event_view<'a>(event: &'a Event, link: &mut impl FnMut(&'a Url) -> usize) -> EventView<'a> {
    // Nobody is asked to book a place at what will not take place.
    let is_open = event.status != EventStatus::Cancelled;
    let online = event.online_url.as_ref().filter(|_| is_open);
    let registration = event.registration_url.as_ref().filter(|_| is_open);
    EventView {
        when: dates::event_when(event),
        venue: event.venue.as_deref(),
        online_url: online.map(Url::as_str),
        online_number: online.map(&mut *link),
        registration_url: registration.map(Url::as_str),
        registration_number: registration.map(&mut *link),
        status: status(event.status),
    }
}

/// What is taken back is not said again, nor is the title of a post without a text.
fn summary(entry: &Entry) -> Option<String> {
    let is_told = entry.notes.withdrawn.is_some() || entry.summary == entry.title;
    (!is_told).then(|| clip(&entry.summary, SUMMARY_CHARS))
}

fn notices(entry: &Entry) -> Vec<Notice> {
    let notes = &entry.notes;
    [("Withdrawn", &notes.withdrawn), ("Correction", &notes.correction), ("Updated", &notes.change)]
        .into_iter()
        .filter_map(|(label, text)| {
            text.as_ref().map(|text| Notice { label, text: clip(text, NOTICE_CHARS) })
        })
        .collect()
}

fn about(entry: &Entry) -> String {
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
    [kind]
        .into_iter()
        .chain(entry.agency.as_deref())
        .chain(categories)
        .map(str::to_owned)
        .chain([day])
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

fn heading(digest: &str) -> String {
    match digest {
        "urgent" => "Urgent notice".to_owned(),
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
