//! OPML 2.0 (<http://opml.org/spec2.opml>): the list of all feeds, to be taken whole into a reader.
//!
//! Each outline names the RSS document: `type` knows no other word than `rss`, `version` has a
//! value for RSS and none for Atom, and there is no reader of lists that does not take RSS.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::xml::legal;
use super::{FeedDefinition, Site};
use crate::model::Timestamp;

/// Renders the list. `updated` is the newest change in any feed, so equal feeds give equal bytes.
#[expect(clippy::missing_panics_doc, reason = "writing to memory does not fail")]
pub fn render(feeds: &[FeedDefinition], site: &Site, updated: Timestamp) -> Vec<u8> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    write(&mut writer, feeds, site, updated).expect("writing to memory does not fail");
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    bytes
}

fn write(
    writer: &mut Writer<Vec<u8>>,
    feeds: &[FeedDefinition],
    site: &Site,
    updated: Timestamp,
) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let opml = writer.create_element("opml").with_attribute(("version", "2.0"));
    opml.write_inner_content(|opml| {
        opml.create_element("head").write_inner_content(|head| write_head(head, site, updated))?;
        opml.create_element("body")
            .write_inner_content(|body| feeds.iter().try_for_each(|f| outline(body, f, site)))?;
        Ok(())
    })?;
    Ok(())
}

fn write_head(head: &mut Writer<Vec<u8>>, site: &Site, updated: Timestamp) -> io::Result<()> {
    let author = site.author.as_ref();
    let elements = [
        ("title", Some(format!("News feeds – {}", site.title))),
        // RFC 822 with four digits of the year, as the specification has it.
        ("dateModified", Some(updated.format("%a, %d %b %Y %H:%M:%S %z").to_string())),
        ("ownerName", Some(author.map_or(&site.title, |author| &author.name).clone())),
        ("ownerEmail", author.and_then(|author| author.email.clone())),
        ("docs", Some("http://opml.org/spec2.opml".to_owned())),
    ];
    for (name, text) in elements {
        let Some(text) = text else { continue };
        head.create_element(name).write_text_content(BytesText::new(&legal(&text)))?;
    }
    Ok(())
}

fn outline(body: &mut Writer<Vec<u8>>, definition: &FeedDefinition, site: &Site) -> io::Result<()> {
    let title = legal(&definition.title);
    body.create_element("outline")
        .with_attributes([
            ("type", "rss"),
            ("text", &*title),
            ("title", &*title),
            ("xmlUrl", site.address(&definition.rss_path()).as_str()),
            ("htmlUrl", site.address(&definition.page_path()).as_str()),
            ("version", "RSS"),
            ("language", site.language.as_str()),
        ])
        .write_empty()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::site;
    use super::super::{Author, Selection, xml};
    use super::*;

    fn rendered(titles: &[&str], site: &Site) -> String {
        let feeds: Vec<FeedDefinition> = titles
            .iter()
            .map(|title| FeedDefinition::new("category-新闻", *title, Selection::default()))
            .collect();
        let bytes = render(&feeds, site, "2026-02-05T09:00:00+08:00".parse().unwrap());
        assert_eq!(xml::check(&bytes), Ok(()));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_list_looks_like_this() {
        let author = Author { name: "R&D <Press>".into(), email: Some("press@example.org".into()) };
        let text = rendered(&["Tax & \"more\" <5>\u{7}"], &Site { author: Some(author), ..site() });
        insta::assert_snapshot!(text, @r##"
        <?xml version="1.0" encoding="utf-8"?>
        <opml version="2.0">
         <head>
          <title>News feeds – Example Agency</title>
          <dateModified>Thu, 05 Feb 2026 09:00:00 +0800</dateModified>
          <ownerName>R&amp;D &lt;Press&gt;</ownerName>
          <ownerEmail>press@example.org</ownerEmail>
          <docs>http://opml.org/spec2.opml</docs>
         </head>
         <body>
          <outline type="rss" text="Tax &amp; &quot;more&quot; &lt;5&gt;" title="Tax &amp; &quot;more&quot; &lt;5&gt;" xmlUrl="https://feeds.example/out/feeds/category-%E6%96%B0%E9%97%BB.rss" htmlUrl="https://feeds.example/out/feeds/category-%E6%96%B0%E9%97%BB/index.html" version="RSS" language="en"/>
         </body>
        </opml>
        "##);
    }

    #[test]
    fn a_list_of_no_feeds_and_a_site_without_author_are_well_formed() {
        let text = rendered(&[], &site());
        assert!(text.contains("<ownerName>Example Agency</ownerName>"), "{text}");
        assert!(!text.contains("ownerEmail"), "{text}");
    }
}
