//! The head of an entry's content: what the author says of this version, then time, place and
//! status of an event.
//!
//! HTML goes through an escaping writer. Labels are English.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesText, Event as XmlEvent};
use url::Url;

use crate::dates::event_when;
use crate::model::{Entry, Event, EventStatus};

/// Notices and event details as plain text, each part ended by a blank line.
pub(super) fn text(entry: &Entry) -> String {
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
        ("Corrected", notes.correction.as_deref()),
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
    super::event(entry).map(event_details).unwrap_or_default()
}

fn event_details(event: &Event) -> Vec<(&'static str, Detail)> {
    let link = |url: &Option<Url>| url.clone().map(Detail::Link);
    // What keeps a reader away comes first; that nothing does may come late.
    let (warning, status) = match event.status {
        EventStatus::Confirmed => (None, Some(Detail::Text("Confirmed".into()))),
        EventStatus::Cancelled => (Some(Detail::Warning("CANCELLED".into())), None),
        EventStatus::Postponed => (Some(Detail::Warning("POSTPONED".into())), None),
    };
    let all = [
        ("Status", warning),
        ("When", Some(Detail::Text(event_when(event)))),
        ("Where", event.venue.clone().map(Detail::Text)),
        ("Status", status),
        ("Online", link(&event.online_url)),
        ("Registration", link(&event.registration_url)),
    ];
    all.into_iter().filter_map(|(label, detail)| Some((label, detail?))).collect()
}

/// Notices and event details as HTML.
pub(super) fn write(writer: &mut Writer<Vec<u8>>, entry: &Entry) -> io::Result<()> {
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

pub(super) fn write_text(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) -> io::Result<()> {
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
    use super::super::super::samples::{self, entry};
    use super::*;

    fn html(entry: &Entry) -> String {
        let mut writer = Writer::new(Vec::new());
        write(&mut writer, entry).unwrap();
        String::from_utf8(writer.into_inner()).unwrap()
    }

    #[test]
    fn an_event_tells_time_place_and_that_it_takes_place() {
        let entry = Entry { event: Some(samples::event()), ..entry("a") };
        assert_eq!(
            text(&entry),
            "When: Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)\nWhere: Hall 1 & 2\n\
             Status: Confirmed\nRegistration: https://press.example/register\n\n"
        );
    }

    #[test]
    fn a_cancelled_event_says_so_before_its_time_and_place() {
        let event = Event { status: EventStatus::Cancelled, ..samples::event() };
        let entry = Entry { event: Some(event), ..entry("a") };
        assert_eq!(
            html(&entry),
            "<dl><dt>Status</dt><dd><strong>CANCELLED</strong></dd>\
             <dt>When</dt><dd>Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)</dd>\
             <dt>Where</dt><dd>Hall 1 &amp; 2</dd>\
             <dt>Registration</dt><dd><a href=\"https://press.example/register\">\
             https://press.example/register</a></dd></dl>"
        );
        assert_eq!(
            text(&entry),
            "Status: CANCELLED\nWhen: Thursday 26 February 2026, 14:00–16:00 (UTC+08:00)\n\
             Where: Hall 1 & 2\nRegistration: https://press.example/register\n\n"
        );
    }
}
