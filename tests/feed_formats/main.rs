//! RSS, Atom and JSON Feed against the rules of their standards: our own in Rust, the schema of
//! RFC 4287, and any text that an author may write.

#![expect(clippy::unwrap_used, reason = "a test stops where its own data is wrong")]
#![expect(unreachable_pub, reason = "there is no other crate to reach them")]

mod any_text;
mod atom_rules;
mod corpus;
mod findings;
mod json_rules;
#[path = "../support/news.rs"]
mod news;
mod rss_rules;
mod samples;
mod schema;
mod tree;

use samples::{archive, entries, entry, feed, new_feed, plain_site, site};
use tidings::feeds::{Archive, Feed, Site, Text, atom, json_feed, rss, xml};
use tidings::model::Entry;

/// Everything that is wrong with the documents of a feed.
fn findings(feed: &Feed, site: &Site) -> Vec<String> {
    let definition = &feed.definition;
    let address = |path: String| site.address(&path).to_string();
    [
        rss_rules::findings(&rss::render(feed, site), &address(definition.rss_path())),
        atom_rules::findings(&atom::render(feed, site), &address(definition.atom_path())),
        json_rules::findings(&json_feed::render(feed, site), &address(definition.json_path())),
    ]
    .concat()
}

fn archive_findings(archive: &Archive, site: &Site) -> Vec<String> {
    let (definition, number) = (&archive.definition, archive.number);
    let atom_address = site.address(&definition.atom_archive_path(number));
    let json_address = site.address(&definition.json_archive_path(number));
    let atom = atom::render_archive(archive, site);
    let json = json_feed::render_archive(archive, site);
    [
        atom_rules::findings(&atom, atom_address.as_str()),
        json_rules::findings(&json, json_address.as_str()),
    ]
    .concat()
}

#[test]
fn the_rules_find_nothing_in_feeds_of_any_kind() {
    let nothing: Vec<String> = vec![];
    for site in [site(), plain_site()] {
        for text in [Text::Full, Text::Summary] {
            for entries in [entries(), vec![entry("a")], vec![]] {
                assert_eq!(findings(&feed(&entries, text), &site), nothing);
                assert_eq!(findings(&new_feed(&entries, text), &site), nothing);
            }
            for number in [1, 2] {
                assert_eq!(archive_findings(&archive(number, &entries(), text), &site), nothing);
            }
        }
    }
}

/// Breaks one thing in what was rendered; the rules must see it.
fn check_seen(
    rendered: &[u8],
    rules: fn(&[u8], &str) -> Vec<String>,
    path: &str,
    faults: &[[&str; 3]],
) {
    let text = std::str::from_utf8(rendered).unwrap();
    let address = site().address(path).to_string();
    for [from, to, fault] in faults {
        assert!(text.contains(from), "`{from}` is not in {text}");
        let found = rules(text.replacen(from, to, 1).as_bytes(), &address);
        let is_seen = found.iter().any(|found| found.contains(fault));
        assert!(is_seen, "`{from}` to `{to}`: {found:?}");
    }
}

#[test]
fn the_rules_see_what_is_wrong_with_rss() {
    let rendered = rss::render(&feed(&entries(), Text::Full), &site());
    check_seen(
        &rendered,
        rss_rules::findings,
        "feeds/all.rss",
        &[
            ["version=\"2.0\"", "version=\"0.91\"", "version"],
            ["R&#x26;D &#x3C;", "R&amp;D &#x3C;", "hexadecimal"],
            ["<dc:creator>", "<dc:creator>&lt;", "hexadecimal"],
            ["<language>en", "<language>english please", "language"],
            [" +0800</lastBuildDate>", " SGT</lastBuildDate>", "date `"],
            ["<lastBuildDate>Fri", "<lastBuildDate>Mon", "date `"],
            ["press@agency.example (", "press (", "mailbox"],
            ["<ttl>60", "<ttl>often", "ttl"],
            ["<docs>", "<docs/><docs>", "`docs` more than once"],
            ["<generator>Tidings</generator>", "<maker>Tidings</maker>", "unknown element"],
            ["/a&amp;b/feeds/all.rss\" rel=\"self", "/feeds/all.rss\" rel=\"self", "self is"],
            ["rel=\"self\"", "rel=\"hub\"", "not one atom:link"],
            ["rel=\"hub\"", "rel=\"next\"", "rel `"],
            ["<url>https:", "<url>ftp:", "image `"],
            ["isPermaLink=\"false\"", "isPermaLink=\"true\"", "guid"],
            ["media/open-day</guid>", "media/grants</guid>", "unique"],
            ["length=\"12345\"", "length=\"\"", "length"],
            ["type=\"application/pdf\"", "type=\"pdf\"", "media type"],
            ["<category domain=\"https://press.example/#category\">", "<category>", "domain"],
            ["medium=\"image\"", "", "medium"],
            ["10:30:01+08:00</atom:updated>", "10:30:01</atom:updated>", "atom:updated"],
            ["href=\"https://press.example/?a=1", "href=\"/?a=1", "relative address"],
            ["<link>https://press.example/media/open-day/", "<link>/media/open-day/", "link `"],
            ["<pubDate>", "<pubdate/><pubDate>", "unknown element"],
        ],
    );
}

#[test]
fn the_rules_see_what_is_wrong_with_atom() {
    let rendered = atom::render(&feed(&entries(), Text::Full), &site());
    check_seen(
        &rendered,
        atom_rules::findings,
        "feeds/all.atom",
        &[
            ["xml:lang=\"en\"", "", "xml:lang"],
            ["<title type=\"text\">", "<title>", "type=text"],
            ["<title type=\"text\">Open day</title>", "<title type=\"text\"/>", "empty title"],
            ["<id>tag:press.example,2026-01-01:feeds/all</id>", "", "`id` 0 times"],
            ["10:30:01+08:00</updated>", "10:30:01</updated>", "`updated`"],
            ["T10:30:01+08:00</updated>", " 10:30:01+08:00</updated>", "`updated`"],
            ["media/open-day</id>", "media/grants</id>", "one id"],
            ["<published>2026-02-05", "<published>2026-02-25", "updated before"],
            ["<name>Press Office, R&amp;D</name>", "<name/>", "author without name"],
            ["rel=\"self\"", "rel=\"via\"", "self is"],
            ["rel=\"alternate\" type=\"text/html\"", "rel=\"hub\"", "no alternate"],
            ["rel=\"alternate\" hreflang=\"en\"", "rel=\"hub\"", "entry without alternate"],
            ["ref=\"tag:", "ref=\"", "ref `"],
            ["media/gone&amp;away", "media/grants", "deleted and there"],
            ["when=\"2026-02-19T08:00:00+08:00\"", "when=\"yesterday\"", "when"],
            ["<content type=\"html\">", "<content>", "content"],
            ["href=&quot;https://press.example/?a=1", "href=\"/?a=1", "relative address"],
            ["<icon>https:", "<icon>", "icon"],
            ["scheme=\"https://press.example/#category\"", "", "scheme"],
            ["length=\"12345\"", "length=\"long\"", "length"],
            ["</feed>", "<rights/></feed>", "behind the first entry"],
            ["<generator>", "<generator/><generator>", "`generator` 2 times"],
        ],
    );
    let rendered = atom::render_archive(&archive(2, &entries(), Text::Full), &site());
    check_seen(
        &rendered,
        atom_rules::findings,
        "feeds/all/archive/2.atom",
        &[
            ["rel=\"current\"", "rel=\"hub\"", "current"],
            ["<fh:archive>", "<fh:archive></fh:archive><fh:archive>", "current"],
        ],
    );
}

#[test]
fn the_rules_see_what_is_wrong_with_json() {
    let rendered = json_feed::render(&feed(&entries(), Text::Full), &site());
    check_seen(
        &rendered,
        json_rules::findings,
        "feeds/all.json",
        &[
            ["version/1.1", "version/1", "version"],
            ["\"id\":\"tag:press.example,2026-01-01:media/grants\"", "\"id\":7", "`id`"],
            ["\"language\":\"ta\"", "\"language\":null", "null"],
            [
                "\"date_published\":\"2026-02-05T",
                "\"date_published\":\"2026-02-05 ",
                "date_published",
            ],
            ["\"size_in_bytes\":12345", "\"size_in_bytes\":\"12345\"", "size_in_bytes"],
            ["\"mime_type\":\"text/csv\",", "", "mime_type"],
            ["\"tags\":[", "\"tags\":[],\"more\":[", "`tags`"],
            ["\"type\":\"WebSub\"", "\"kind\":\"WebSub\"", "`kind`"],
            ["\"feed_url\":\"https:", "\"feed_url\":\"http:", "feed_url"],
            ["\"kind\":\"event\"", "\"kind\":\"party\"", "kind"],
            ["\"all_day\":false", "\"all_day\":true", "start"],
            ["\"status\":\"confirmed\"", "\"status\":\"sure\"", "status"],
        ],
    );
}

#[test]
fn an_atom_document_with_everything_looks_like_this() {
    let rendered = atom::render(&feed(&entries(), Text::Full), &site());
    insta::assert_snapshot!(String::from_utf8(rendered).unwrap());
}

#[test]
fn an_rss_document_with_everything_looks_like_this() {
    let rendered = rss::render(&feed(&entries(), Text::Full), &site());
    insta::assert_snapshot!(String::from_utf8(rendered).unwrap());
}

#[test]
fn a_json_document_with_everything_looks_like_this() {
    let rendered = json_feed::render(&feed(&entries(), Text::Full), &site());
    let document: serde_json::Value = serde_json::from_slice(&rendered).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn summaries_look_like_this() {
    let rendered = rss::render(&new_feed(&entries(), Text::Summary), &plain_site());
    insta::assert_snapshot!(String::from_utf8(rendered).unwrap());
}

#[test]
fn archives_look_like_this() {
    let archive = archive(2, &[entry("a")], Text::Full);
    let atom = String::from_utf8(atom::render_archive(&archive, &site())).unwrap();
    let json = String::from_utf8(json_feed::render_archive(&archive, &site())).unwrap();
    insta::assert_snapshot!(atom + "\n" + &json);
}

#[test]
fn ids_titles_and_dates_are_equal_in_all_formats() {
    let feed = feed(&entries(), Text::Full);
    let second = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    let channel = ::rss::Channel::read_from(rss::render(&feed, &site()).as_slice()).unwrap();
    let rss = channel.items.into_iter().map(|item| {
        let published = chrono::DateTime::parse_from_rfc2822(&item.pub_date.unwrap()).unwrap();
        (item.guid.unwrap().value, item.title.unwrap(), published)
    });
    let atom = atom_syndication::Feed::read_from(atom::render(&feed, &site()).as_slice()).unwrap();
    let atom = atom
        .entries
        .into_iter()
        .map(|entry| (entry.id, entry.title.value, entry.published.unwrap()));
    let json: serde_json::Value =
        serde_json::from_slice(&json_feed::render(&feed, &site())).unwrap();
    let json = json["items"].as_array().unwrap().iter().map(|item| {
        let text = |name: &str| item[name].as_str().unwrap().to_owned();
        (text("id"), text("title"), second(&text("date_published")))
    });
    let rss: Vec<_> = rss.collect();
    assert_eq!(rss.len(), 5);
    assert_eq!(rss, atom.collect::<Vec<_>>());
    assert_eq!(rss, json.collect::<Vec<_>>());
}

#[test]
fn an_entry_of_five_megabytes_is_whole_in_every_format() {
    let paragraph = "<p>A &amp; B, and so on: <em>தமிழ்</em> ]]&gt; text.</p>\n";
    let content_html = paragraph.repeat(5_000_000 / paragraph.len()) + "<p>End.</p>";
    let long = Entry { content_text: content_html.clone(), content_html, ..entry("long") };
    let feed = new_feed(std::slice::from_ref(&long), Text::Full);
    let (rss, atom) = (rss::render(&feed, &site()), atom::render(&feed, &site()));
    assert_eq!((xml::check(&rss), xml::check(&atom)), (Ok(()), Ok(())));
    let channel = ::rss::Channel::read_from(rss.as_slice()).unwrap();
    // Not `assert_eq`, which would print it.
    assert!(channel.items[0].content.as_ref() == Some(&long.content_html));
    let read = atom_syndication::Feed::read_from(atom.as_slice()).unwrap();
    assert!(read.entries[0].content().unwrap().value.as_ref() == Some(&long.content_html));
    let json: serde_json::Value =
        serde_json::from_slice(&json_feed::render(&feed, &site())).unwrap();
    assert!(json["items"][0]["content_html"] == long.content_html);
}
