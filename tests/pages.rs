//! Public pages through their outer boundary: feeds in, HTML out.

#![expect(clippy::unwrap_used, reason = "a test stops where its own data is wrong")]

#[path = "support/news.rs"]
mod news;

use std::sync::Arc;

use news::{entry, event, site};
use tidings::feeds::calendar::event_path;
use tidings::feeds::page::{FeedSummary, assets, render_feed, render_index};
use tidings::feeds::{Criterion, Feed, FeedDefinition, Selection, Site};
use tidings::model::{Entry, EventStatus, Kind, Notes};
use tidings::templates::Templates;

fn feed(name: &str, entries: &[Entry]) -> Feed {
    let definition = FeedDefinition::new(name, format!("Feed {name}"), Selection::default());
    let entries = entries.iter().cloned().map(Arc::new).collect();
    Feed::new(definition, entries, vec![], site().since)
}

fn definition(name: &str) -> FeedDefinition {
    feed(name, &[]).definition
}

fn of_kind(kind: Kind) -> Selection {
    Selection { all: vec![Criterion::Kind(kind)], ..Selection::default() }
}

fn summary(name: &str, newest: &[Entry]) -> FeedSummary {
    FeedSummary {
        definition: definition(name),
        newest: newest.iter().cloned().map(Arc::new).collect(),
        entries: newest.len() as u64,
        updated: site().since,
    }
}

fn index(feeds: &[FeedSummary]) -> String {
    String::from_utf8(render_index(&Templates::builtin(), feeds, &site()).unwrap()).unwrap()
}

fn page_of(feed: &Feed, others: &[FeedDefinition], upcoming: &[Entry]) -> String {
    let upcoming: Vec<Arc<Entry>> = upcoming.iter().cloned().map(Arc::new).collect();
    let page = render_feed(&Templates::builtin(), feed, others, &upcoming, &site());
    String::from_utf8(page.unwrap()).unwrap()
}

fn page(entries: &[Entry]) -> String {
    page_of(&feed("all", entries), &[], &[])
}

/// Addresses of the feeds that a page announces, in order.
fn announced(page: &str) -> Vec<&str> {
    page.lines()
        .filter(|line| line.starts_with("<link rel=\"alternate\""))
        .map(|line| line.split("href=\"").nth(1).unwrap().split('"').next().unwrap())
        .collect()
}

#[track_caller]
fn contains(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
}

#[test]
fn the_index_announces_and_links_each_feed_with_relative_addresses() {
    let page = index(&[summary("all", &[entry("a")]), summary("category-新闻", &[])]);
    let name = "feeds/category-%E6%96%B0%E9%97%BB";
    for ending in [".atom", ".rss", ".json", ".ics"] {
        assert_eq!(page.matches(&format!("href=\"{name}{ending}\"")).count(), 2, "{page}");
    }
    assert_eq!(announced(&page)[..2], ["feeds/all.atom", "feeds/all.rss"]);
    contains(
        &page,
        &[
            &format!("<a href=\"{name}/index.html\">Feed category-新闻</a>"),
            "href=\"feeds/style.css\"",
            "href=\"feeds.opml\"",
            "href=\"https://feeds.example/out/subscribe\"",
        ],
    );
}

#[test]
fn the_index_shows_three_entries_of_a_feed_and_how_many_there_are() {
    let mut feed = summary("all", &["a", "b", "c", "d"].map(entry));
    feed.entries = 1234;
    let page = index(&[feed]);
    assert!(page.contains("Title c") && !page.contains("Title d"), "{page}");
    contains(&page, &["1234 entries, last changed 1 January 2026."]);
}

#[test]
fn a_site_without_feeds_has_an_index() {
    contains(&index(&[]), &["No feeds yet"]);
}

#[test]
fn many_feeds_are_also_listed_by_name() {
    let feeds: Vec<FeedSummary> = (0..300).map(|n| summary(&format!("f{n}"), &[])).collect();
    contains(&index(&feeds), &["<a href=\"#feed-f299\">Feed f299</a>", "id=\"feed-f299\""]);
    assert!(!index(&feeds[..3]).contains("href=\"#feed-f2\""));
}

#[test]
fn a_feed_announces_itself_before_others_and_each_once() {
    let others = ["releases", "all", "events"].map(definition);
    let page = page_of(&feed("all", &[]), &others, &[]);
    let own = ["../all.atom", "../all.rss", "../all.json", "../all.ics"];
    assert_eq!(announced(&page)[..4], own);
    assert_eq!(announced(&page)[4..], ["../releases.atom", "../events.atom"]);
}

#[test]
fn a_feed_gives_whole_addresses_to_copy_and_ways_to_subscribe() {
    let page = page_of(&feed("category-a b&c", &[]), &[], &[]);
    for ending in ["rss", "atom", "json", "ics"] {
        contains(
            &page,
            &[&format!(">https://feeds.example/out/feeds/category-a%20b&amp;c.{ending}</code>")],
        );
    }
    assert_eq!(page.matches("<button type=\"button\" hidden data-copies=").count(), 4);
    contains(
        &page,
        &[
            "href=\"webcal://feeds.example/out/feeds/category-a%20b&amp;c.ics\"",
            "href=\"https://feeds.example/out/subscribe?feed=category-a+b%26c\"",
            "href=\"../../index.html\"",
            "<script src=\"../copy.js\" defer></script>",
            "href=\"../style.css\"",
            "role=\"status\" aria-live=\"polite\"",
        ],
    );
}

#[test]
fn a_feed_that_selects_no_events_has_no_calendar() {
    let without = |select: Selection| {
        let mut feed = feed("all", &[]);
        feed.definition.select = select;
        let page = page_of(&feed, &[], &[]);
        !page.contains(".ics") && !page.contains("webcal:") && !page.contains("Upcoming")
    };
    let release = Criterion::Kind(Kind::Release);
    assert!(without(of_kind(Kind::Release)));
    assert!(without(Selection { any: vec![release], ..Selection::default() }));
    let event = Criterion::Kind(Kind::Event);
    assert!(without(Selection { none: vec![event], ..Selection::default() }));
    assert!(!without(of_kind(Kind::Event)));
    assert!(!without(Selection { any: vec![Criterion::Tag("a".into())], ..Selection::default() }));
}

#[test]
fn an_upcoming_event_can_be_added_to_a_calendar_unless_it_is_off() {
    let mut event = event("open-day", "2026-02-26T14:00:00+08:00", None);
    let file = format!("href=\"../../{}\"", event_path(&event.id));
    let page = page_of(&feed("all", &[]), &[], std::slice::from_ref(&event));
    let when =
        "Thursday 26 February 2026, 14:00 (UTC+08:00)</bdi> · <bdi>Hall 1, North; Pier</bdi>";
    contains(&page, &[&file, when]);
    event.event.as_mut().unwrap().status = EventStatus::Cancelled;
    let page = page_of(&feed("all", &[]), &[], &[event]);
    contains(&page, &[when, ">Cancelled</strong>"]);
    assert!(!page.contains(&file), "{page}");
}

#[test]
fn marks_say_what_became_of_an_entry() {
    let notes = |notes| Entry { notes, ..entry("a") };
    let reason = || Some("Wrong figure.".to_owned());
    for (entry, mark) in [
        (notes(Notes { change: reason(), ..Notes::default() }), "Updated"),
        (notes(Notes { correction: reason(), ..Notes::default() }), "Corrected"),
        (notes(Notes { withdrawn: reason(), ..Notes::default() }), "Withdrawn"),
    ] {
        contains(&page(&[entry]), &[&format!(">{mark}</strong>")]);
    }
    let page = page(&[notes(Notes { withdrawn: reason(), ..Notes::default() })]);
    assert!(page.contains("Withdrawn: Wrong figure.") && !page.contains("Summary a."), "{page}");
}

#[test]
fn archives_are_named_only_where_there_are_some() {
    let mut feed = feed("all", &[]);
    assert!(!page_of(&feed, &[], &[]).contains("archive"));
    feed.archives = 12;
    contains(&page_of(&feed, &[], &[]), &["12 archives", "archive/12.atom\"", "archive/12.json\""]);
}

#[test]
fn a_feed_without_entries_and_events_says_so() {
    contains(&page(&[]), &["Nothing published yet.", "No events are planned at the moment."]);
}

#[test]
fn an_entry_in_another_language_says_so() {
    let arabic = Entry { language: "ar".parse().unwrap(), ..entry("a") };
    contains(&page(std::slice::from_ref(&arabic)), &["<li lang=\"ar\" dir=\"rtl\">"]);
    contains(&index(&[summary("all", &[arabic])]), &["hreflang=\"ar\" lang=\"ar\" dir=\"rtl\""]);
    assert!(!page(&[entry("a")]).contains("<li lang"));
}

#[test]
fn what_authors_write_is_escaped() {
    let title = "<script>\"&\u{7}\u{85}";
    let bad = Entry { title: title.into(), summary: title.into(), ..entry("a") };
    let mut event = event("b", "2026-02-26", None);
    event.title = title.into();
    event.event.as_mut().unwrap().venue = Some(title.into());
    let mut feed = feed("all", std::slice::from_ref(&bad));
    feed.definition.title = title.into();
    feed.definition.select.any = vec![Criterion::Tag(title.into())];
    for page in [index(&[summary("all", &[bad])]), page_of(&feed, &[], &[event])] {
        contains(&page, &["&lt;script&gt;&quot;&amp;</a>"]);
        assert!(!page.contains("<script>") && !page.contains(['\u{7}', '\u{85}']), "{page}");
    }
}

#[test]
fn pages_hold_no_script_or_style_of_their_own_and_load_nothing_from_elsewhere() {
    let pages = [index(&[summary("all", &[entry("a")])]), page(&[entry("a")])];
    for page in pages {
        for forbidden in
            ["<style", "style=\"", "onclick", "<img", "<iframe", "src=\"http", "@import"]
        {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
        for line in page.lines().filter(|line| line.contains("rel=\"stylesheet\"")) {
            assert!(!line.contains("//"), "{line}");
        }
    }
    let [style, script] = assets().map(|asset| String::from_utf8(asset.bytes).unwrap());
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(!script.contains("http") && !script.contains("innerHTML"));
}

#[test]
fn a_site_below_a_path_prefix_keeps_it() {
    let site = Site {
        output_url: "https://cdn.example/press/".parse().unwrap(),
        public_url: "https://www.example/press/mail/".parse().unwrap(),
        ..site()
    };
    let page = render_feed(&Templates::builtin(), &feed("all", &[]), &[], &[], &site).unwrap();
    contains(
        &String::from_utf8(page).unwrap(),
        &[
            "https://www.example/press/mail/subscribe?feed=all",
            ">https://cdn.example/press/feeds/all.rss</code>",
            "href=\"../all.rss\"",
        ],
    );
}
