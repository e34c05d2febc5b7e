//! Reading one file, through the boundary that the catalogue uses: bytes in, reading out.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use chrono_tz::Tz;
use tidings::content::{
    DateValue, Draft, DraftKind, KindMatch, KindRule, Outcome, PermalinkRule, PublishedSource,
    Reading, Rules, Severity, read,
};
use tidings::model::{EventStatus, EventTime};

fn rules() -> Rules {
    Rules {
        site_url: "https://press.example/".parse().unwrap(),
        time_zone: Tz::Asia__Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    }
}

fn draft_with(path: &str, text: &str, rules: &Rules) -> (Draft, Vec<String>) {
    let reading = read(path, text.as_bytes(), rules);
    let problems: Vec<String> = reading.problems.iter().map(|p| p.message.clone()).collect();
    match reading.outcome {
        Outcome::Draft(draft) => (*draft, problems),
        other => panic!("{path}: {other:?}, {problems:?}"),
    }
}

fn draft(path: &str, text: &str) -> (Draft, Vec<String>) {
    draft_with(path, text, &rules())
}

/// The only problem of a file that is held back: line, field, message and remedy.
fn held_back(path: &str, text: &str) -> (Option<usize>, Option<String>, String, String) {
    let reading = read(path, text.as_bytes(), &rules());
    assert_eq!(reading.outcome, Outcome::HeldBack, "{:?}", reading.problems);
    let mut errors = reading.problems.into_iter().filter(|p| p.severity == Severity::Error);
    let error = errors.next().expect("a file is held back by an error");
    assert_eq!(errors.next(), None);
    assert_eq!(error.path, path);
    (error.line, error.field, error.message, error.remedy)
}

fn published(draft: &Draft) -> (String, PublishedSource) {
    let value = match draft.published.value {
        Some(DateValue::At(moment)) => moment.to_rfc3339(),
        Some(DateValue::Day(day)) => day.to_string(),
        None => String::new(),
    };
    (value, draft.published.source)
}

#[test]
fn a_release_has_all_that_feeds_need() {
    let (draft, problems) = draft(
        "news/_posts/2026-11-20-board.md",
        "---\ntitle: Board &amp; committees\npermalink: /news/board/\ndate: 2026-11-20\n\
         description: Who sits where.\ncategory: Board\ntags: [a, b, a]\nimage: /images/a b.jpg\n\
         agency: Ministry\nlang: zh_CN\nurgent: true\n---\nSee [the list](list.pdf).\n\n- one\n",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(draft.kind, DraftKind::Release);
    assert_eq!(draft.title, "Board & committees");
    assert_eq!(draft.link.as_str(), "https://press.example/news/board/");
    assert_eq!(published(&draft), ("2026-11-20".to_owned(), PublishedSource::Date));
    assert_eq!(draft.language.as_str(), "zh-CN");
    assert_eq!(draft.categories, ["news", "Board"]);
    assert_eq!(draft.tags, ["a", "b"]);
    assert_eq!(draft.summary, "Who sits where.");
    assert_eq!(
        draft.image.map(String::from).as_deref(),
        Some("https://press.example/images/a%20b.jpg")
    );
    assert_eq!(
        draft.content_html,
        "<p>See <a href=\"https://press.example/news/board/list.pdf\">the list</a>.</p>\n\
         <ul>\n<li>one</li>\n</ul>\n"
    );
    assert_eq!(draft.content_text, "See the list.\n\n- one");
    assert!(draft.urgent);
}

#[test]
fn the_publication_time_comes_from_the_first_place_that_has_one() {
    let all = "publish_at: 2026-11-21T09:00:00+08:00\ndate: 2026-11-21\n";
    for (keys, path, body, expected) in [
        (
            all,
            "_posts/2026-11-21-a.md",
            "21 November 2026\n\nx",
            ("2026-11-21T09:00:00+08:00", PublishedSource::PublishAt),
        ),
        (
            "date: 2026-11-21\n",
            "_posts/2026-11-21-a.md",
            "x",
            ("2026-11-21", PublishedSource::Date),
        ),
        (
            "",
            "_posts/2026-11-21-a.md",
            "21 November 2026\n\nx",
            ("2026-11-21", PublishedSource::FileName),
        ),
        (
            "permalink: /a/\n",
            "_posts/a.md",
            "_21 November 2026_\n\nx",
            ("2026-11-21", PublishedSource::Body),
        ),
        (
            "permalink: /a/\n",
            "_posts/a.md",
            "On 21 November 2026, x",
            ("", PublishedSource::FirstSeen),
        ),
    ] {
        let (draft, _) = draft(path, &format!("---\ntitle: A\n{keys}---\n{body}"));
        assert_eq!(published(&draft), (expected.0.to_owned(), expected.1));
    }
}

#[test]
fn a_date_is_read_as_people_write_it() {
    for (date, expected) in [
        ("2026-11-21T09:00:00+08:00", "2026-11-21T09:00:00+08:00"),
        ("2019-05-15 9:00:00 -0500", "2019-05-15T09:00:00-05:00"),
        ("2020-08-25T00:00:00.000Z", "2020-08-25"),
        ("26 February 2021", "2021-02-26"),
        ("\"Friday, February 26, 2021\"", "2021-02-26"),
        ("2026-11-21 9:30 am", "2026-11-21T09:30:00+08:00"),
        ("2026-11-21 09:00 Europe/London", "2026-11-21T09:00:00+00:00"),
    ] {
        let text = format!("---\ntitle: A\npermalink: /a/\ndate: {date}\n---\nx");
        let (draft, problems) = draft("_posts/a.md", &text);
        assert_eq!(problems, Vec::<String>::new(), "{date}");
        assert_eq!(published(&draft), (expected.to_owned(), PublishedSource::Date), "{date}");
    }
    // Midnight UTC is that day in Singapore as well, so that the file name agrees.
    let text = "---\ntitle: A\ndate: 2020-08-25T00:00:00.000Z\n---\nx";
    assert_eq!(draft("_posts/2020-08-25-a.md", text).1, Vec::<String>::new());
    let text = "---\ntitle: A\npermalink: /a/\n---\n26 Nov 2008 Posted in [News](/news)\n\nx";
    assert_eq!(published(&draft("_posts/a.md", text).0).0, "2008-11-26");
    let text = "---\ntitle: A\npermalink: /a/\n---\nLast updated on 26 Nov 2008\n\nx";
    assert_eq!(published(&draft("_posts/a.md", text).0).1, PublishedSource::FirstSeen);
}

#[test]
fn a_file_among_jekylls_drafts_is_not_published() {
    let text = "---\ntitle: A\nlayout: post\npermalink: /a/\n---\nx";
    assert!(draft("_drafts/a.md", text).0.is_unpublished);
    assert!(!draft("_posts/a.md", text).0.is_unpublished);
}

#[test]
fn places_that_disagree_are_named_together() {
    let (draft, problems) =
        draft("_posts/2026-11-20-a.md", "---\ntitle: A\ndate: 2026-11-21\n---\nx");
    assert_eq!(problems, ["`date` says 2026-11-21, the file name says 2026-11-20"]);
    assert_eq!(published(&draft).0, "2026-11-21");
    let late = "---\ntitle: A\ndate: 2026-11-20 20:00:00 -0500\n---\nx";
    assert_eq!(self::draft("_posts/2026-11-20-a.md", late).1, Vec::<String>::new());
}

#[test]
fn an_embargo_without_a_zone_is_an_error() {
    let (line, field, message, remedy) =
        held_back("_posts/2026-11-21-a.md", "---\ntitle: A\npublish_at: 2026-11-21 09:00\n---\nx");
    assert_eq!((line, field.as_deref()), (Some(3), Some("publish_at")));
    assert_eq!(message, "`publish_at` has no time zone");
    assert_eq!(remedy, "write date, time and zone, as `2026-11-21T09:00:00+08:00`");
}

#[test]
fn a_date_that_cannot_be_read_is_an_error_with_line_and_remedy() {
    let (line, field, message, remedy) =
        held_back("_posts/2026-11-21-a.md", "---\ntitle: A\ndate: 21/11/2026\n---\nx");
    assert_eq!((line, field.as_deref()), (Some(3), Some("date")));
    assert_eq!(message, "`date` is not a date");
    assert_eq!(remedy, "write `2026-11-21` or `2026-11-21T09:00:00+08:00`");
}

#[test]
fn what_a_post_lacks_is_named() {
    let path = "_posts/2026-11-21-a.md";
    assert_eq!(held_back(path, "---\nlayout: post\n---\nx").2, "there is no title");
    assert_eq!(held_back(path, "---\ntitle: A\n---\n\n").2, "there is nothing to read in it");
    assert_eq!(held_back(path, "just text\n").2, "the file has no front matter");
    let (_, field, message, _) = held_back("a.md", "---\nlayout: post\ntitle: A\n---\nx");
    assert_eq!(field.as_deref(), Some("permalink"));
    assert_eq!(message, "no address can be made for it");
    let (_, _, message, _) = held_back("_posts/a.md", "---\ntitle: A\n---\nx");
    assert_eq!(
        message,
        "the pattern `/:categories/:year/:month/:day/:title.html` gives no address: `:year` needs a date"
    );
    let (line, _, message, _) =
        held_back(path, "---\ntitle: A\npermalink: javascript:alert(1)\n---\nx");
    assert_eq!((line, message.as_str()), (Some(3), "`permalink` is not an address"));
}

#[test]
fn the_address_comes_from_the_permalink_the_target_or_a_pattern() {
    for (path, keys, body, expected) in [
        ("_posts/2026-11-21-a.md", "permalink: news/a b", "x", "https://press.example/news/a%20b"),
        (
            "_posts/2026-11-21-a.md",
            "external: https://other.example/a",
            "",
            "https://other.example/a",
        ),
        (
            "_posts/2026-11-21-a.md",
            "file_url: /files/a b.pdf",
            "",
            "https://press.example/files/a%20b.pdf",
        ),
        (
            "_posts/2026-11-21-a.md",
            "file_url: /files/a.pdf",
            "x",
            "https://press.example/2026/11/21/a.html",
        ),
        (
            "Press/_posts/2026-11-21-A & b.md",
            "category: X",
            "x",
            "https://press.example/press/x/2026/11/21/A-&-b.html",
        ),
        ("content/news/2026/2026-11-21-a.md", "", "x", "https://press.example/news/2026/a/"),
        (
            "content/news/2026/2026-11-21-a.md",
            "date: 2026-11-21",
            "x",
            "https://press.example/news/2026/2026-11-21-a/",
        ),
        (
            "content/News Room/post/What’s new ?.md",
            "date: 2026-11-21",
            "x",
            "https://press.example/news-room/post/whats-new-/",
        ),
        (
            "content/en/post/a.md",
            "date: 2026-11-21\nslug: b?c",
            "x",
            "https://press.example/post/bc/",
        ),
        ("content/fr/post/2026-11-21-a/index.md", "", "x", "https://press.example/fr/post/a/"),
        (
            "content/news/Some_File Name (x), y+z@w~v.md",
            "date: 2026-11-21",
            "x",
            "https://press.example/news/some_file-name-x-y+z@w~v/",
        ),
        (
            "content/news/a - b  c .md",
            "date: 2026-11-21",
            "x",
            "https://press.example/news/a-b-c-/",
        ),
    ] {
        let (draft, _) = draft(path, &format!("---\ntitle: A\n{keys}\n---\n{body}"));
        assert_eq!(draft.link.as_str(), expected, "{path} {keys}");
    }
}

#[test]
fn a_mark_of_a_pattern_means_what_it_means_in_its_family() {
    let link = |pattern: &str, path: &str, keys: &str| {
        let rule = PermalinkRule { folder: String::new(), pattern: pattern.into() };
        let rules = Rules { permalinks: vec![rule], ..rules() };
        let text = format!("---\ntitle: Rates & taxes\n{keys}---\nx");
        draft_with(path, &text, &rules).0.link.path().to_owned()
    };
    let jekyll = "News/-press/_posts/2026-03-02-Up & Away.md";
    let hugo = "content/news/2026/Up and Away.md";
    let date = "date: 2026-03-02\n";
    for (pattern, path, keys, expected) in [
        ("none", jekyll, "", "/news/-press/Up-&-Away.html"),
        ("pretty", jekyll, "category: A b\n", "/news/-press/a%20b/2026/03/02/Up-&-Away/"),
        ("ordinal", jekyll, "", "/news/-press/2026/061/Up-&-Away.html"),
        ("weekdate", jekyll, "", "/news/-press/2026/W10/Mon/Up-&-Away.html"),
        ("/:slug:output_ext", jekyll, "", "/up-away.html"),
        ("/:title/", jekyll, "slug: Own_Name\n", "/Own_Name/"),
        ("/:short_year/:i_month/:i_day/:short_month/", jekyll, "", "/26/3/2/Mar/"),
        (":year/:month/:day/:slug/", hugo, date, "/2026/03/02/rates-taxes/"),
        (":year/:month/:day/:slug/", hugo, "date: 2026-03-02\nslug: own\n", "/2026/03/02/own/"),
        ("/:section/:title/", hugo, date, "/news/rates-taxes/"),
        ("/:weekdayname/:monthname/:yearday/", hugo, date, "/monday/march/61/"),
        ("/:sections/:filename/", hugo, date, "/news/2026/up-and-away/"),
        ("/:sections/:contentbasename/", "content/news/a-b/index.md", date, "/news/a-b/"),
    ] {
        assert_eq!(link(pattern, path, keys), expected, "{pattern} {keys}");
    }
}

#[test]
fn a_full_address_as_permalink_must_be_on_the_site() {
    for (permalink, expected) in [
        ("https://press.example/news/a/", "https://press.example/news/a/"),
        ("http://www.press.example/a b/?x=1#top", "https://press.example/a%20b/?x=1#top"),
        ("//press.example/a", "https://press.example/a"),
        ("../../a", "https://press.example/a"),
    ] {
        let text = format!("---\ntitle: A\npermalink: {permalink}\n---\nx");
        assert_eq!(draft("_posts/2026-11-21-a.md", &text).0.link.as_str(), expected);
    }
    for permalink in ["https://other.example/a", "//other.example/a", "'/\\other.example/a'"] {
        let text = format!("---\ntitle: A\npermalink: {permalink}\n---\nx");
        let message = held_back("_posts/2026-11-21-a.md", &text).2;
        assert_eq!(message, "`permalink` leads to another site than `press.example`");
    }
}

#[test]
fn folders_above_posts_are_categories() {
    let categories = |path: &str, keys: &str| {
        draft(path, &format!("---\ntitle: A\npermalink: /a/\n{keys}---\nx")).0.categories
    };
    let path = "news/--Press-Releases/_posts/en/2026-01-02-a.md";
    assert_eq!(categories(path, ""), ["Press-Releases"]);
    assert_eq!(
        categories(path, "category: Press releases\n"),
        ["Press-Releases", "Press releases"]
    );
    assert_eq!(categories(path, "category: [press-releases]\n"), ["press-releases"]);
    assert_eq!(categories("sport/_posts/2026-01-02-a.md", "tag: x\n"), ["sport"]);
    // As in Jekyll, a text under the plural is words; with commas it is what people mean.
    assert_eq!(categories("_posts/2026-01-02-a.md", "categories: a b\n"), ["a", "b"]);
    assert_eq!(categories("_posts/2026-01-02-a.md", "categories: a b, c\n"), ["a b", "c"]);
    assert_eq!(categories("news/2026-01-02-a.md", "categories: a b\n"), ["a b"]);
    assert!(categories("news/2026-01-02-a.md", "").is_empty());
    // A folder alone does not make a file in `_posts` an event.
    let (draft, _) = draft("press/events/_posts/2026-01-02-a.md", "---\ntitle: A\n---\nx");
    assert_eq!(draft.kind, DraftKind::Release);
}

#[test]
fn a_later_publish_date_of_hugos_is_the_publication_time() {
    let date = |keys: &str| {
        let text = format!("---\ntitle: A\n{keys}---\nx");
        published(&draft("content/news/a.md", &text).0).0
    };
    assert_eq!(
        date("date: 2026-11-20\npublishDate: 2026-11-21T09:00:00+08:00\n"),
        "2026-11-21T09:00:00+08:00"
    );
    assert_eq!(date("date: 2026-11-20\npubdate: 2026-11-19\n"), "2026-11-20");
    assert_eq!(date("publishDate: 2026-11-19\n"), "2026-11-19");
    assert_eq!(date("date: 2026-11-20\npublished: 2026-11-22\n"), "2026-11-22");
}

#[test]
fn a_pattern_of_the_config_comes_before_the_familys() {
    let permalinks = vec![
        PermalinkRule { folder: "news".into(), pattern: "/n/:year/:i_month/:slug/".into() },
        PermalinkRule { folder: String::new(), pattern: "/:path/".into() },
    ];
    let rules = Rules { permalinks, ..rules() };
    let text = "---\ntitle: A\n---\nx";
    let link = |path| draft_with(path, text, &rules).0.link.to_string();
    assert_eq!(link("news/2026-01-02-a.md"), "https://press.example/n/2026/1/a/");
    assert_eq!(link("press/2026-01-02-a.md"), "https://press.example/press/2026-01-02-a/");
}

#[test]
fn a_post_that_is_only_a_file_offers_it() {
    let (draft, problems) = draft(
        "news/_posts/2026-11-21-file-a.md",
        "---\ntitle: Q & A\nlayout: file\nfile_url: /files/Q A.PDF\n---\n",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(draft.enclosures[0].url.as_str(), "https://press.example/files/Q%20A.PDF");
    assert_eq!(draft.enclosures[0].media_type, "application/pdf");
    assert_eq!(draft.enclosures[0].length_bytes, None);
    assert_eq!(draft.summary, "Q & A");
    assert_eq!(
        draft.content_html,
        "<p><a href=\"https://press.example/files/Q%20A.PDF\">Q &amp; A</a></p>\n"
    );
}

#[test]
fn an_event_is_read_from_our_own_mapping() {
    let (draft, problems) = draft(
        "_posts/2026-10-01-a.md",
        "---\ntitle: A\nevent:\n  start: 2026-11-21T09:00:00+08:00\n  end: 2026-11-21 17:00\n  \
         venue: Town Hall\n  online_url: https://a.example/\n  registration_url: /register\n  \
         status: postponed\n---\nx",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(draft.kind, DraftKind::Event);
    let event = draft.event.expect("it has a start");
    let (EventTime::At(start), Some(EventTime::At(end))) = (event.start, event.end) else {
        panic!("{event:?}")
    };
    assert_eq!(start.to_rfc3339(), "2026-11-21T09:00:00+08:00");
    assert_eq!(end.to_rfc3339(), "2026-11-21T17:00:00+08:00");
    assert_eq!(event.venue.as_deref(), Some("Town Hall"));
    assert_eq!(
        event.registration_url.map(String::from).as_deref(),
        Some("https://press.example/register")
    );
    assert_eq!(event.status, EventStatus::Postponed);
    assert_eq!(draft.published.source, PublishedSource::FileName);
}

#[test]
fn in_hugo_a_date_beside_an_end_is_the_start() {
    let (draft, problems) = draft(
        "content/events/2020/2020-03-01-a.md",
        "---\ntitle: A\ndate: 2020-04-08 14:00:00 -0500\nend_date: 2020-04-08 15:00:00 -0500\n\
         venue:\n  venue_name: Library\n  room: 12\n  city: Washington\nyoutube_id: abc\n---\nx",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(published(&draft), ("2020-03-01".to_owned(), PublishedSource::FileName));
    let event = draft.event.expect("it has a start");
    let EventTime::At(start) = event.start else { panic!("{event:?}") };
    assert_eq!(start.to_rfc3339(), "2020-04-08T14:00:00-05:00");
    assert_eq!(event.venue.as_deref(), Some("Library, 12, Washington"));
    assert_eq!(
        event.online_url.map(String::from).as_deref(),
        Some("https://www.youtube.com/watch?v=abc")
    );
}

#[test]
fn a_start_date_of_its_own_leaves_date_as_publication() {
    let (draft, _) = draft(
        "events/a.md",
        "---\ntitle: A\ndate: 2026-10-01\nstart_date: 2026-11-21\nend_date: 2026-11-22\n---\nx",
    );
    assert_eq!(published(&draft), ("2026-10-01".to_owned(), PublishedSource::Date));
    let event = draft.event.expect("it has a start");
    assert!(matches!((event.start, event.end), (EventTime::Day(_), Some(EventTime::Day(_)))));
}

#[test]
fn an_event_is_read_from_the_keys_of_other_sites() {
    let (draft, problems) = draft(
        "events/2026-10-01-a.md",
        "---\ntitle: A\nstart_date: 2026-11-21\nend_date: 2026-11-22\nvenue: Town Hall\n\
         registration_url: https://register.example/a b\nevent_platform: https://meet.example/a\n\
         status: canceled\n---\nx",
    );
    assert_eq!(problems, Vec::<String>::new());
    let event = draft.event.expect("it has a start");
    // Days alone: it lasts all of them.
    assert!(matches!((event.start, event.end), (EventTime::Day(_), Some(EventTime::Day(_)))));
    assert_eq!(event.venue.as_deref(), Some("Town Hall"));
    assert_eq!(event.online_url.unwrap().as_str(), "https://meet.example/a");
    assert_eq!(event.registration_url.unwrap().as_str(), "https://register.example/a%20b");
    assert_eq!(event.status, EventStatus::Cancelled);
}

#[test]
fn prose_never_makes_an_event() {
    let text = "---\ntitle: A\ncategory: events\npermalink: /a\n---\nDate: 21 November 2026, 9 am to 5 pm\n";
    let (draft, _) = draft("_posts/2026-10-01-a.md", text);
    assert_eq!((draft.kind, draft.event), (DraftKind::Event, None));
}

#[test]
fn an_event_without_start_is_told_what_to_add() {
    let reading = read(
        "a.md",
        b"---\nlayout: post\ntitle: A\ncategory: events\npermalink: /a\ndate: 2026-01-01\n---\nx",
        &rules(),
    );
    assert_eq!(reading.problems.len(), 1);
    assert_eq!(reading.problems[0].message, "the event has no start, so no calendar shows it");
    assert_eq!(reading.problems[0].remedy, "add `event: {start: 2026-11-21T09:00:00+08:00}`");
}

#[test]
fn an_event_that_ends_before_it_starts_is_held_back() {
    let (line, field, message, _) = held_back(
        "_posts/2026-10-01-a.md",
        "---\ntitle: A\nevent:\n  start: 2026-11-21\n  end: 2026-11-20\n---\nx",
    );
    assert_eq!((line, field.as_deref()), (Some(5), Some("event.end")));
    assert_eq!(message, "`event.end` is before `event.start`");
    let (line, _, message, remedy) = held_back(
        "_posts/2026-10-01-a.md",
        "---\ntitle: A\nevent: {start: 2026-11-21, status: maybe}\n---\nx",
    );
    assert_eq!((line, message.as_str()), (Some(3), "`event.status` is not known"));
    assert_eq!(remedy, "write `confirmed`, `cancelled` or `postponed`");
}

#[test]
fn a_rule_of_the_config_comes_before_the_default_kinds() {
    let matches = KindMatch { folder: Some("notices".into()), ..KindMatch::default() };
    let rules = Rules { kinds: vec![KindRule { matches, kind: DraftKind::Page }], ..rules() };
    let text = "---\ntitle: A\n---\nx";
    let kind = |path| draft_with(path, text, &rules).0.kind;
    assert_eq!(kind("notices/_posts/2026-01-01-a.md"), DraftKind::Page);
    assert_eq!(kind("news/_posts/2026-01-01-a.md"), DraftKind::Release);
    // A category given by the folder is one, too.
    let matches = KindMatch { category: Some("Hearings".into()), ..KindMatch::default() };
    let rules = Rules { kinds: vec![KindRule { matches, kind: DraftKind::Event }], ..rules };
    let path = "news/hearings/_posts/2026-01-01-a.md";
    assert_eq!(draft_with(path, text, &rules).0.kind, DraftKind::Event);
}

#[test]
fn a_page_is_never_held_back_by_its_keys() {
    let (draft, problems) =
        draft("about.md", "---\ntitle: A\ndate: soon\nid: x y\n---\n{{ what }}");
    assert_eq!(draft.kind, DraftKind::Page);
    assert_eq!(draft.link.as_str(), "https://press.example/about/");
    assert_eq!(problems, ["`date` is not a date"]);
}

#[test]
fn files_without_content_are_told_apart() {
    let outcome = |path: &str, text: &str| read(path, text.as_bytes(), &rules()).outcome;
    assert_eq!(outcome("a.md", ""), Outcome::Empty);
    assert_eq!(outcome("a.md", " \r\n\t\n"), Outcome::Empty);
    assert_eq!(outcome("a.md", "---\n---\n"), Outcome::Empty);
    assert_eq!(outcome("images/ignore.md", "placeholder\n"), Outcome::Empty);
    assert_eq!(outcome("news/index.html", "---\nlayout: resources-alt\n---\n"), Outcome::Template);
    assert_eq!(outcome("search.md", "---\nlayout: search\ntitle: S\n---\n"), Outcome::Template);
}

#[test]
fn notes_and_the_rest_of_our_keys_are_read() {
    let (draft, _) = draft(
        "_posts/2026-01-01-a.md",
        "---\ntitle: A\nid: tag:press.example,2026:a\npublished: false\nexpires_at: 2026-02-01\n\
         updated: 2026-01-02T10:00:00+08:00\nchange_note: New dates.\ncorrection: 4.2, not 42.\n\
         withdrawn: Issued in error.\nreplaced_by: /b/\ntranslationKey: k\n---\nx",
    );
    assert_eq!(
        draft.pinned_id.as_ref().map(tidings::model::EntryId::as_str),
        Some("tag:press.example,2026:a")
    );
    assert!(draft.is_unpublished);
    assert_eq!(
        draft.expires_at.map(|t| t.to_rfc3339()).as_deref(),
        Some("2026-02-01T00:00:00+08:00")
    );
    assert!(matches!(draft.updated, Some(DateValue::At(_))));
    assert_eq!(draft.notes.change.as_deref(), Some("New dates."));
    assert_eq!(draft.notes.correction.as_deref(), Some("4.2, not 42."));
    assert_eq!(draft.notes.withdrawn.as_deref(), Some("Issued in error."));
    assert_eq!(
        draft.notes.replaced_by.map(String::from).as_deref(),
        Some("https://press.example/b/")
    );
    assert_eq!(draft.translation_key.as_deref(), Some("k"));
}

#[test]
fn tags_that_mean_nothing_are_left_out_with_a_warning() {
    let reading = read(
        "_posts/2026-01-01-a.md",
        b"---\ntitle: A\n---\n\n{% include toc.html %}\nSee [x]({{ \"/y\" | absolute_url }}) and `{{ z }}`{: .c}.\n",
        &rules(),
    );
    let Outcome::Draft(draft) = reading.outcome else { panic!("{:?}", reading.problems) };
    assert_eq!(
        draft.content_html,
        "<p>See <a href=\"https://press.example/y\">x</a> and <code>{{ z }}</code>.</p>\n"
    );
    assert_eq!(reading.problems.len(), 1);
    assert_eq!(reading.problems[0].line, Some(5));
    assert_eq!(
        reading.problems[0].message,
        "the tag `include toc.html` means nothing here and was left out"
    );
}

#[test]
fn components_of_mdx_leave_their_text() {
    let (draft, _) = draft(
        "news/2026-01-01-a.mdx",
        "---\ntitle: A\n---\nimport Note from './note'\n\n<Note>careful</Note> now\n",
    );
    assert_eq!(draft.content_text, "careful now");
}

#[test]
fn a_yaml_tag_says_nothing() {
    let (draft, _) = draft("_posts/2026-01-01-a.md", "---\ntitle: !text A\nx: !map {a: b}\n---\nx");
    assert_eq!(draft.title, "A");
}

#[test]
fn rich_text_of_an_editor_comes_out_bare() {
    let (draft, _) = draft(
        "_posts/2026-01-01-a.md",
        "---\ntitle: A\nvariant: tiptap\n---\n<div class=\"w\"><p style=\"x\">a {b}</p></div>\
         <iframe src=\"https://www.youtube.com/embed/abc\"></iframe><ul data-tight=\"true\"><li><p>c</p></li></ul>",
    );
    assert_eq!(
        draft.content_html,
        "<div><p>a {b}</p></div>\
         <p><a href=\"https://www.youtube.com/watch?v=abc\">Video: YouTube</a></p><ul><li><p>c</p></li></ul>"
    );
    assert_eq!(draft.content_text, "a {b}\n\nVideo: YouTube\n\n- c");
}

/// Characters that a feed, a terminal or a YAML reader trips over, and some that none does.
fn nasty_text() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::{Strategy, any, prop_oneof};
    let nasty = proptest::sample::select(
        "\0\u{1}\u{7}\u{8}\u{b}\u{c}\u{1b}\u{7f}\u{85}\u{9f}\u{a0}\u{2028}\u{202e}\u{2066}\u{feff}\
         \u{fffd}\u{fffe}\u{ffff}\u{1fffe}\u{f0000}\u{10ffff}\t\r\n:#'\"[]{}&*!|>%@`-?,\\<=/"
            .chars()
            .collect::<Vec<_>>(),
    );
    proptest::collection::vec(
        prop_oneof![nasty, any::<char>(), proptest::char::range('a', 'z')],
        0..24,
    )
    .prop_map(String::from_iter)
}

/// `text` as a YAML value that says exactly this, escapes and all.
fn quoted(text: &str) -> String {
    let escaped: Vec<String> = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    format!("\"{}\"", escaped.concat())
}

/// Reads and looks at every string that may reach a feed, a mail or a terminal.
fn check_strings(path: &str, bytes: &[u8]) {
    check_reading(&read(path, bytes, &rules()));
}

fn check_reading(reading: &Reading) {
    for problem in &reading.problems {
        let texts = [Some(&problem.message), Some(&problem.remedy), problem.field.as_ref()];
        for text in texts.into_iter().chain([problem.value.as_ref()]).flatten() {
            assert!(!text.contains(char::is_control), "{problem:?}");
        }
    }
    let Outcome::Draft(draft) = &reading.outcome else { return };
    let Draft { event, notes, .. } = &**draft;
    let mut texts = vec![
        draft.title.as_str(),
        draft.link.as_str(),
        draft.language.as_str(),
        &draft.summary,
        &draft.content_html,
        &draft.content_text,
    ];
    texts.extend(draft.categories.iter().chain(&draft.tags).map(String::as_str));
    texts.extend([&draft.agency, &draft.translation_key].into_iter().flatten().map(String::as_str));
    texts.extend(
        [&notes.change, &notes.correction, &notes.withdrawn]
            .into_iter()
            .flatten()
            .map(String::as_str),
    );
    texts.extend([&notes.replaced_by, &draft.image].into_iter().flatten().map(url::Url::as_str));
    texts.extend(draft.pinned_id.iter().map(tidings::model::EntryId::as_str));
    texts.extend(draft.enclosures.iter().map(|enclosure| enclosure.url.as_str()));
    if let Some(event) = event {
        texts.extend(event.venue.as_deref());
        texts.extend(
            [&event.online_url, &event.registration_url]
                .into_iter()
                .flatten()
                .map(url::Url::as_str),
        );
    }
    for text in texts {
        let illegal = text.chars().find(|c| !is_xml_character(*c));
        assert_eq!(illegal, None, "{text:?}");
    }
    assert!(!draft.title.contains(['\u{202e}', '\u{2066}', '\n']), "{:?}", draft.title);
}

/// XML 1.0, section 2.2.
fn is_xml_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_make_reading_panic(
        head in "(---\n)?([a-z]{1,5}: ?[\"'\\[{&*|>!%@`a-z0-9:#. -]{0,12}\n){0,4}(---\n)?",
        body in "([a-z<>/\"'=&;:{}%|\\[\\]()*_`~#!\t -]|\n|<p|<a href=|iframe|\\{\\{|\\{%|\\{:|\\]\\(|年|\u{a0}){0,60}",
        junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
    ) {
        let text = format!("{head}{body}");
        for path in ["_posts/2026-01-01-a.md", "events/a.html", "a.mdx"] {
            read(path, text.as_bytes(), &rules());
            read(path, &[text.as_bytes(), &junk].concat(), &rules());
        }
    }

    #[test]
    fn no_key_makes_reading_panic(
        key in "(title|date|event|end_date|venue|permalink|file_url|image|id|lang|tags|status|publish_at|external)",
        value in "(\\PC{0,20}|\\[.{0,6}\\]|\\{start: .{0,9}\\}|:?[a-z:/#%é年]{0,12}|[0-9T:+. -]{0,25})",
        body in "\\PC{0,40}",
    ) {
        for path in ["_posts/2026-01-01-a.md", "content/é/news/年-1.html", "events/..md"] {
            let text = format!("---\ntitle: A\nlayout: post\ndate: 2026-01-01\n{key}: {value}\n---\n{body}");
            read(path, text.as_bytes(), &rules());
            read(path, format!("---\n{key}: {value}\n---\n{body}").as_bytes(), &rules());
        }
    }

    #[test]
    fn no_path_reaches_a_feed_that_xml_forbids(
        room in nasty_text(),
        folder in nasty_text(),
        name in nasty_text(),
        keys in "(layout: post\n)?(title: A\n)?(date: 2026-01-01\n)?",
        pattern in "(|/:(sections|section|path|categories|filename|title|slug)/:(filename|slugorfilename|year)/|pretty)",
    ) {
        let text = format!("---\n{keys}---\nx");
        let permalinks = if pattern.is_empty() {
            Vec::new()
        } else {
            vec![PermalinkRule { folder: String::new(), pattern }]
        };
        let rules = Rules { permalinks, ..rules() };
        for path in [
            format!("{room}/{folder}/_posts/{name}.md"),
            format!("{room}/news/{folder}/2026-01-01-{name}.html"),
            format!("{name}.md"),
        ] {
            check_reading(&read(&path, text.as_bytes(), &rules));
        }
    }

    #[test]
    fn no_bytes_reach_a_feed_that_xml_forbids(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        body in nasty_text(),
        value in nasty_text(),
        key in nasty_text(),
        known in "(title|date|description|category|tags|agency|permalink|url|external|file_url|image|id|lang|kind|slug|correction|withdrawn|replaced_by|translationKey|venue|event)",
    ) {
        for path in ["_posts/2026-01-01-a.md", "content/events/a.html", "a.mdx"] {
            check_strings(path, &bytes);
            let whole = [b"---\ntitle: A\n---\n", bytes.as_slice()].concat();
            check_strings(path, &whole);
            for value in [value.clone(), quoted(&value), format!("[{}]", quoted(&value))] {
                let known_key = format!("---\nlayout: post\ntitle: A b\n{known}: {value}\n---\n{body}");
                check_strings(path, known_key.as_bytes());
                check_strings(path, known_key.replacen("title: A b\n", "", 1).as_bytes());
                check_strings(path, format!("---\ntitle: A\n{key}: {value}\n---\nx").as_bytes());
                let inner = format!("---\ntitle: A\nevent:\n  start: 2026-01-01\n  {}: {value}\n  venue: {value}\n---\nx", quoted(&key));
                check_strings(path, inner.as_bytes());
            }
        }
    }
}
