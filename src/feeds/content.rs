//! What an entry says in every format: notices first, then what an event's reader needs, then
//! the text.
//!
//! HTML goes through an escaping writer. Labels are English. A withdrawn entry says only that
//! it is withdrawn, and why: its text and files are no longer offered.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesText, Event as XmlEvent};
use url::Url;

use crate::dates::event_when;
use crate::model::{Enclosure, Entry, Event, EventStatus};

/// What the summary of a withdrawn entry begins with.
const WITHDRAWN: &str = "Withdrawn: ";

/// The whole content as HTML.
pub fn full_html(entry: &Entry) -> String {
    let head = head_html(entry);
    if entry.notes.withdrawn.is_some() { head } else { head + &entry.content_html }
}

/// The whole content as plain text.
pub fn full_text(entry: &Entry) -> String {
    let head = head_text(entry);
    if entry.notes.withdrawn.is_some() { head } else { head + &entry.content_text }
}

/// The summary as plain text; of a withdrawn entry, the notice.
pub fn summary_text(entry: &Entry) -> String {
    match &entry.notes.withdrawn {
        Some(reason) => format!("{WITHDRAWN}{reason}"),
        None => entry.summary.clone(),
    }
}

/// The reason of a withdrawal, where this is the summary of a withdrawn entry.
pub(super) fn withdrawn_by_summary(summary: &str) -> Option<&str> {
    summary.strip_prefix(WITHDRAWN)
}

/// The files still offered.
pub fn enclosures(entry: &Entry) -> &[Enclosure] {
    if entry.notes.withdrawn.is_some() { &[] } else { &entry.enclosures }
}

/// Notices and event details as HTML; empty where there are none.
#[expect(clippy::missing_panics_doc, reason = "writing to memory does not fail")]
pub fn head_html(entry: &Entry) -> String {
    let mut writer = Writer::new(Vec::new());
    write_head(&mut writer, entry).expect("writing to memory does not fail");
    String::from_utf8(writer.into_inner()).expect("UTF-8 texts were written")
}

/// Notices and event details as plain text, each part ended by a blank line.
pub fn head_text(entry: &Entry) -> String {
    let mut parts: Vec<String> = notices(entry)
        .iter()
        .map(|notice| {
            format!("{}: {}{}", notice.label, notice.text, notice.link.map_or("", Url::as_str))
        })
        .collect();
    let details: Vec<String> = details(entry)
        .iter()
        .map(|(label, detail)| match detail {
            Detail::Text(value) | Detail::Warning(value) => format!("{label}: {value}"),
            Detail::Link(url) => format!("{label}: {url}"),
        })
        .collect();
    if !details.is_empty() {
        parts.push(details.join("\n"));
    }
    parts.into_iter().map(|part| part + "\n\n").collect()
}

/// What the author says of this version, or the address that stands in its place.
struct Notice<'a> {
    label: &'static str,
    text: &'a str,
    link: Option<&'a Url>,
}

fn notices(entry: &Entry) -> Vec<Notice<'_>> {
    let notes = &entry.notes;
    let mut notices = Vec::new();
    let said = [
        ("Withdrawn", notes.withdrawn.as_deref()),
        ("Correction", notes.correction.as_deref()),
        ("Updated", notes.change.as_deref()),
    ];
    for (label, text) in said {
        notices.extend(text.map(|text| Notice { label, text, link: None }));
    }
    let link = notes.replaced_by.as_ref();
    notices.extend(link.map(|_| Notice { label: "Replaced by", text: "", link }));
    notices
}

enum Detail {
    Text(String),
    /// Something that keeps a reader from going in vain.
    Warning(String),
    Link(Url),
}

fn details(entry: &Entry) -> Vec<(&'static str, Detail)> {
    match &entry.event {
        Some(event) if entry.notes.withdrawn.is_none() => event_details(event),
        _ => Vec::new(),
    }
}

fn event_details(event: &Event) -> Vec<(&'static str, Detail)> {
    let link = |url: &Option<Url>| url.clone().map(Detail::Link);
    let status = match event.status {
        EventStatus::Confirmed => None,
        EventStatus::Cancelled => Some(Detail::Warning("CANCELLED".into())),
        EventStatus::Postponed => Some(Detail::Warning("POSTPONED".into())),
    };
    let all = [
        ("Status", status),
        ("When", Some(Detail::Text(event_when(event)))),
        ("Where", event.venue.clone().map(Detail::Text)),
        ("Online", link(&event.online_url)),
        ("Registration", link(&event.registration_url)),
    ];
    all.into_iter().filter_map(|(label, detail)| Some((label, detail?))).collect()
}

fn write_head(writer: &mut Writer<Vec<u8>>, entry: &Entry) -> io::Result<()> {
    for notice in notices(entry) {
        writer.create_element("p").write_inner_content(|p| {
            write_text(p, "strong", &format!("{}:", notice.label))?;
            p.write_event(XmlEvent::Text(BytesText::new(&format!(" {}", notice.text))))?;
            notice.link.map_or(Ok(()), |url| write_link(p, url))
        })?;
    }
    let details = details(entry);
    if details.is_empty() {
        return Ok(());
    }
    writer.create_element("dl").write_inner_content(|dl| {
        for (label, detail) in &details {
            write_text(dl, "dt", label)?;
            dl.create_element("dd").write_inner_content(|dd| match detail {
                Detail::Text(value) => dd.write_event(XmlEvent::Text(BytesText::new(value))),
                Detail::Warning(value) => write_text(dd, "strong", value),
                Detail::Link(url) => write_link(dd, url),
            })?;
        }
        Ok(())
    })?;
    Ok(())
}

fn write_text(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) -> io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(text)).map(|_| ())
}

fn write_link(writer: &mut Writer<Vec<u8>>, url: &Url) -> io::Result<()> {
    writer
        .create_element("a")
        .with_attribute(("href", url.as_str()))
        .write_text_content(BytesText::new(url.as_str()))
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{entry, event};
    use super::*;
    use crate::model::Notes;

    #[test]
    fn an_entry_without_notice_or_event_is_its_text_alone() {
        let entry = entry("a");
        assert_eq!(head_html(&entry), "");
        assert_eq!(head_text(&entry), "");
        assert_eq!(full_html(&entry), entry.content_html);
    }

    #[test]
    fn notices_come_first_and_are_escaped() {
        let entry = Entry {
            notes: Notes {
                correction: Some("The figure is < 5 & \"rising\".".into()),
                change: Some("New dates.".into()),
                ..Notes::default()
            },
            ..entry("a")
        };
        assert_eq!(
            full_html(&entry),
            "<p><strong>Correction:</strong> The figure is &lt; 5 &amp; &quot;rising&quot;.</p>\
             <p><strong>Updated:</strong> New dates.</p><p>Text a.</p>"
        );
        assert_eq!(
            full_text(&entry),
            "Correction: The figure is < 5 & \"rising\".\n\nUpdated: New dates.\n\nText a."
        );
    }

    #[test]
    fn a_withdrawn_entry_offers_neither_text_nor_files() {
        let entry = Entry {
            event: Some(event()),
            notes: Notes {
                withdrawn: Some("Issued in error.".into()),
                replaced_by: Some("https://press.example/b?x=1&y=2".parse().unwrap()),
                ..Notes::default()
            },
            ..entry("a")
        };
        assert_eq!(
            full_html(&entry),
            "<p><strong>Withdrawn:</strong> Issued in error.</p><p><strong>Replaced by:</strong> \
             <a href=\"https://press.example/b?x=1&amp;y=2\">https://press.example/b?x=1&amp;y=2</a></p>"
        );
        assert_eq!(
            full_text(&entry),
            "Withdrawn: Issued in error.\n\nReplaced by: https://press.example/b?x=1&y=2\n\n"
        );
        assert_eq!(summary_text(&entry), "Withdrawn: Issued in error.");
        assert_eq!(enclosures(&entry), []);
    }

    #[test]
    fn a_cancelled_event_says_so_before_its_time_and_place() {
        let event = Event { status: EventStatus::Cancelled, ..event() };
        let entry = Entry { event: Some(event), ..entry("a") };
        assert_eq!(
            head_html(&entry),
            "<dl><dt>Status</dt><dd><strong>CANCELLED</strong></dd>\
             <dt>When</dt><dd>Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)</dd>\
             <dt>Where</dt><dd>Hall 1 &amp; 2</dd>\
             <dt>Registration</dt><dd><a href=\"https://press.example/register\">\
             https://press.example/register</a></dd></dl>"
        );
        assert_eq!(
            head_text(&entry),
            "Status: CANCELLED\nWhen: Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)\n\
             Where: Hall 1 & 2\nRegistration: https://press.example/register\n\n"
        );
    }
}
