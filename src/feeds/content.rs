//! What an entry says in every format: notices first, then what an event's reader needs, then
//! the text; who says it, and under which terms.
//!
//! A withdrawn entry says only that it is withdrawn, and why: its text, picture and files are
//! no longer offered.

mod head;

use std::borrow::Cow;

use quick_xml::Writer;
use url::Url;

use super::{Site, Text};
use crate::model::{Address, Enclosure, Entry, Event};

/// What the summary of a withdrawn entry begins with.
const WITHDRAWN: &str = "Withdrawn: ";

/// The content as HTML: the whole text, or its summary.
#[expect(clippy::missing_panics_doc, reason = "writing to memory does not fail")]
pub fn html(entry: &Entry, text: Text) -> Cow<'_, str> {
    let mut writer = Writer::new(Vec::new());
    head::write(&mut writer, entry).expect("writing to memory does not fail");
    if text == Text::Summary && entry.notes.withdrawn.is_none() {
        head::write_text(&mut writer, "p", &entry.summary)
            .expect("writing to memory does not fail");
    }
    let head = String::from_utf8(writer.into_inner()).expect("UTF-8 texts were written");
    match text {
        Text::Full => with_body(head, &entry.content_html, entry),
        Text::Summary => head.into(),
    }
}

/// The content as plain text: the whole, or its summary.
pub fn plain(entry: &Entry, text: Text) -> Cow<'_, str> {
    let body = match text {
        Text::Full => &entry.content_text,
        Text::Summary => &entry.summary,
    };
    with_body(head::text(entry), body, entry)
}

fn with_body<'a>(mut head: String, body: &'a str, entry: &Entry) -> Cow<'a, str> {
    if entry.notes.withdrawn.is_some() {
        return head.into();
    }
    if head.is_empty() {
        return body.into();
    }
    head.push_str(body);
    head.into()
}

/// The summary as plain text; of a withdrawn entry, the notice.
pub fn summary(entry: &Entry) -> Cow<'_, str> {
    match &entry.notes.withdrawn {
        Some(reason) => format!("{WITHDRAWN}{reason}").into(),
        None => entry.summary.as_str().into(),
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

/// The picture, where it is still offered.
pub fn image(entry: &Entry) -> Option<&Url> {
    entry.image.as_ref().filter(|_| entry.notes.withdrawn.is_none())
}

/// Media type of a picture, where the ending of its name tells.
pub fn image_type(image: &Url) -> Option<&'static str> {
    Some(crate::content::media_type(image)).filter(|media_type| media_type.starts_with("image/"))
}

/// The event, where it still counts.
pub fn event(entry: &Entry) -> Option<&Event> {
    entry.event.as_ref().filter(|_| entry.notes.withdrawn.is_none())
}

/// Who publishes what names nobody else.
pub fn publisher(site: &Site) -> &str {
    site.author.as_ref().map_or(&site.title, |author| &author.name)
}

/// Where to write to them, if that is an address.
pub fn publisher_address(site: &Site) -> Option<Address> {
    site.author.as_ref()?.email.as_ref()?.parse().ok()
}

/// IRIs of the vocabularies that an entry's terms are of (RFC 4287, 4.2.2.2; RSS `domain`):
/// the site's address with a fragment, because that names them and promises no page.
pub struct Schemes {
    pub kind: String,
    pub category: String,
    pub tag: String,
}

impl Schemes {
    pub fn of(site: &Site) -> Self {
        let scheme = |name: &str| {
            let mut iri = site.url.clone();
            iri.set_fragment(Some(name));
            iri.into()
        };
        Self { kind: scheme("kind"), category: scheme("category"), tag: scheme("tag") }
    }

    /// Categories, then tags, each with its scheme.
    pub fn terms<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = (&'a str, &'a str)> {
        let categories = entry.categories.iter().map(|term| (self.category.as_str(), term));
        let tags = entry.tags.iter().map(|term| (self.tag.as_str(), term));
        categories.chain(tags).map(|(scheme, term)| (scheme, term.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, entry};
    use super::*;
    use crate::model::Notes;

    #[test]
    fn an_entry_without_notice_or_event_is_its_text_alone() {
        let entry = entry("a");
        assert!(matches!(html(&entry, Text::Full), Cow::Borrowed("<p>Text a.</p>")));
        assert!(matches!(plain(&entry, Text::Full), Cow::Borrowed("Text a.")));
    }

    #[test]
    fn a_summary_has_the_head_of_the_whole_text() {
        let entry = Entry {
            summary: "1 < 2".into(),
            notes: Notes { change: Some("New dates.".into()), ..Notes::default() },
            ..entry("a")
        };
        let expected = "<p><strong>Updated:</strong> New dates.</p><p>1 &lt; 2</p>";
        assert_eq!(html(&entry, Text::Summary), expected);
        assert_eq!(plain(&entry, Text::Summary), "Updated: New dates.\n\n1 < 2");
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
            html(&entry, Text::Full),
            "<p><strong>Corrected:</strong> The figure is &lt; 5 &amp; &quot;rising&quot;.</p>\
             <p><strong>Updated:</strong> New dates.</p><p>Text a.</p>"
        );
        assert_eq!(
            plain(&entry, Text::Full),
            "Corrected: The figure is < 5 & \"rising\".\n\nUpdated: New dates.\n\nText a."
        );
    }

    #[test]
    fn a_withdrawn_entry_offers_neither_text_nor_files() {
        let entry = Entry {
            event: Some(samples::event()),
            image: Some("https://press.example/a.jpg".parse().unwrap()),
            enclosures: vec![Enclosure {
                url: "https://press.example/a.pdf".parse().unwrap(),
                media_type: "application/pdf".into(),
                length_bytes: Some(7),
            }],
            notes: Notes {
                withdrawn: Some("Issued in error.".into()),
                replaced_by: Some("https://press.example/b?x=1&y=2".parse().unwrap()),
                ..Notes::default()
            },
            ..entry("a")
        };
        assert_eq!(
            html(&entry, Text::Full),
            "<p><strong>Withdrawn:</strong> Issued in error.</p><p><strong>Replaced by:</strong> \
             <a href=\"https://press.example/b?x=1&amp;y=2\">https://press.example/b?x=1&amp;y=2</a></p>"
        );
        assert_eq!(
            plain(&entry, Text::Full),
            "Withdrawn: Issued in error.\n\nReplaced by: https://press.example/b?x=1&y=2\n\n"
        );
        assert_eq!(summary(&entry), "Withdrawn: Issued in error.");
        assert_eq!((enclosures(&entry), image(&entry), event(&entry)), (&[][..], None, None));
        assert_eq!(html(&entry, Text::Summary), html(&entry, Text::Full));
        assert_eq!(plain(&entry, Text::Summary), plain(&entry, Text::Full));
    }
}
