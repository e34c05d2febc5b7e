//! Documents as they are served: codings, tags, dates, types, paths, former addresses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::time::Duration;

use axum::http::StatusCode;
use support::served::{Answer, Served, ask, get};

const ATOM: &str = "/feeds/all.atom";
const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A site with a feed in all codings, its page, and an archive.
async fn site() -> Served {
    site_at("https://press.example.org/").await
}

async fn site_at(public_url: &str) -> Served {
    let mut site = Served::at(public_url).await;
    site.coded("feeds/all.atom", "<feed/>");
    site.coded("feeds/all.rss", "<rss/>");
    site.coded("feeds/all.json", "{}");
    site.coded("feeds/all/index.html", "<p>All news</p>");
    site.coded("feeds/all/archive/1.atom", "<feed>old</feed>");
    site.document("index.html", "<p>Feeds</p>");
    site
}

fn assert_not_modified(answer: &Answer, tag: &str) {
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{answer:?}");
    assert_eq!((answer.field("etag"), answer.body.len()), (tag, 0));
}

#[tokio::test]
async fn each_document_has_its_exact_type_and_no_cookie() {
    let mut site = Served::at("https://press.example.org/").await;
    let types = [
        ("feeds/all.rss", "application/rss+xml; charset=utf-8"),
        ("feeds/all.atom", "application/atom+xml; charset=utf-8"),
        ("feeds/all.json", "application/feed+json; charset=utf-8"),
        ("feeds/all.ics", "text/calendar; charset=utf-8"),
        ("events/fair-1.ics", "text/calendar; charset=utf-8; method=PUBLISH"),
        ("feeds.opml", "text/x-opml; charset=utf-8"),
        ("feeds/all/index.html", "text/html; charset=utf-8"),
        ("feeds/style.css", "text/css; charset=utf-8"),
        ("feeds/copy.js", "text/javascript; charset=utf-8"),
    ];
    for (path, _) in types {
        site.document(path, "text");
    }
    let router = site.router();
    for (path, media_type) in types {
        let answer = get(&router, &format!("/{path}"), &[]).await;
        assert_eq!((answer.status, answer.body.as_slice()), (StatusCode::OK, &b"text"[..]));
        assert_eq!(answer.field("content-type"), media_type);
        assert_eq!(answer.field("cache-control"), "public, max-age=60");
        assert_eq!(answer.field("access-control-allow-origin"), "*");
        assert_eq!(answer.field("x-content-type-options"), "nosniff");
        assert_eq!(answer.field("last-modified"), "Sat, 21 Nov 2026 00:00:00 GMT");
        assert_eq!(answer.field("accept-ranges"), "none");
        assert_eq!(answer.field("vary"), "Accept-Encoding");
        assert!(!answer.fields.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn a_coding_is_sent_as_it_lies_in_the_folder_under_a_tag_of_its_own() {
    let site = site().await;
    let router = site.router();
    for path in [ATOM, "/feeds/all/archive/1.atom"] {
        let plain = get(&router, path, &[]).await;
        let text = String::from_utf8(plain.body.clone()).unwrap();
        let tag = plain.field("etag").trim_matches('"').to_owned();
        assert_eq!((plain.field("content-encoding"), tag.len()), ("", 32));
        for (accepted, coding, ending) in
            [("gzip, deflate", "gzip", "gz"), ("gzip, deflate, br, zstd", "brotli", "br")]
        {
            let answer = get(&router, path, &[&format!("Accept-Encoding: {accepted}")]).await;
            assert_eq!(answer.body, format!("{text} in {coding}").into_bytes());
            assert_eq!(
                answer.field("content-encoding"),
                if ending == "gz" { "gzip" } else { "br" }
            );
            assert_eq!(answer.field("etag"), format!("\"{tag}-{ending}\""));
            assert_eq!(answer.field("content-length"), answer.body.len().to_string());
            assert_eq!(answer.field("content-type"), plain.field("content-type"));
        }
    }
}

#[tokio::test]
async fn a_coding_that_is_missing_or_older_than_its_document_is_not_sent() {
    let site = site().await;
    site.age("feeds/all.atom.br", Duration::from_hours(1));
    site.age("feeds/all/archive/1.atom.br", Duration::from_hours(1));
    let router = site.router();
    let accepted = ["Accept-Encoding: br, gzip;q=0.5"];
    for path in [ATOM, "/feeds/all/archive/1.atom"] {
        assert_eq!(get(&router, path, &accepted).await.field("content-encoding"), "gzip");
    }
    let page = get(&router, "/", &accepted).await;
    assert_eq!((page.field("content-encoding"), page.body.as_slice()), ("", &b"<p>Feeds</p>"[..]));
}

#[tokio::test]
async fn what_a_reader_refuses_is_not_sent() {
    let site = site().await;
    let router = site.router();
    let coding = async |accepted: &str| {
        let answer = get(&router, ATOM, &[&format!("Accept-Encoding: {accepted}")]).await;
        (answer.status.as_u16(), answer.field("content-encoding").to_owned())
    };
    assert_eq!(coding("gzip;q=0, br;q=0").await, (200, String::new()));
    assert_eq!(coding("identity;q=0, gzip").await, (200, "gzip".into()));
    assert_eq!(coding("identity;q=0").await, (406, String::new()));
    assert_eq!(coding("*;q=0").await, (406, String::new()));
    // The index has no codings.
    let answer = get(&router, "/", &["Accept-Encoding: gzip, identity;q=0"]).await;
    assert_eq!((answer.status.as_u16(), answer.field("vary")), (406, "Accept-Encoding"));
}

#[tokio::test]
async fn a_poll_with_the_tag_is_answered_without_a_body() {
    let site = site().await;
    let router = site.router();
    for path in [ATOM, "/feeds/all/archive/1.atom"] {
        for coding in ["identity", "gzip", "br"] {
            let coding = format!("Accept-Encoding: {coding}");
            let whole = get(&router, path, &[&coding]).await;
            let tag = whole.field("etag").to_owned();
            for known in [&*tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
                let poll = [&*coding, &format!("If-None-Match: {known}")];
                let answer = get(&router, path, &poll).await;
                assert_not_modified(&answer, &tag);
                // RFC 9110, 15.4.5: what a cache needs, and nothing of the content.
                for same in ["cache-control", "vary", "access-control-allow-origin"] {
                    assert_eq!(answer.field(same), whole.field(same));
                }
                for none in ["content-type", "content-encoding", "last-modified"] {
                    assert!(!answer.fields.contains_key(none), "{none}");
                }
            }
            let listed = ["If-None-Match: \"x\"", &format!("If-None-Match: {tag}"), &*coding];
            assert_not_modified(&get(&router, path, &listed).await, &tag);
            for other in ["\"x\"", "x", tag.trim_matches('"'), "", &tag[..20]] {
                let poll = [&*coding, &format!("If-None-Match: {other}")];
                assert_eq!(get(&router, path, &poll).await.body, whole.body, "{other}");
            }
        }
    }
}

#[tokio::test]
async fn the_tag_of_another_coding_counts_only_where_that_coding_is_accepted() {
    let site = site().await;
    let router = site.router();
    let gzip = get(&router, ATOM, &["Accept-Encoding: gzip"]).await;
    let tag = gzip.field("etag").to_owned();
    let poll = format!("If-None-Match: {tag}");
    let both = get(&router, ATOM, &["Accept-Encoding: br, gzip", &poll]).await;
    assert_not_modified(&both, &tag);
    for accepted in ["br", "identity", "gzip;q=0"] {
        let accepted = format!("Accept-Encoding: {accepted}");
        let answer = get(&router, ATOM, &[&accepted, &poll]).await;
        assert_eq!(answer.status, StatusCode::OK, "{accepted}");
    }
}

#[tokio::test]
async fn a_poll_by_date_counts_only_without_a_tag() {
    let site = site().await;
    let router = site.router();
    let (same, before) = (
        "If-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT",
        "If-Modified-Since: Fri, 20 Nov 2026 00:00:00 GMT",
    );
    let tag = get(&router, ATOM, &[]).await.field("etag").to_owned();
    assert_not_modified(&get(&router, ATOM, &[same]).await, &tag);
    assert_eq!(get(&router, ATOM, &[before]).await.status, StatusCode::OK);
    assert_eq!(get(&router, ATOM, &[same, "If-None-Match: \"x\""]).await.status, StatusCode::OK);
    let known = format!("If-None-Match: {tag}");
    assert_not_modified(&get(&router, ATOM, &[before, &known]).await, &tag);
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_body() {
    let site = site().await;
    let router = site.router();
    for path in [ATOM, "/", "/feeds/all/", "/feeds/all/archive/1.atom", "/none", "/feeds/all"] {
        for coding in ["Accept-Encoding: identity", "Accept-Encoding: br"] {
            let got = get(&router, path, &[coding]).await;
            let head = ask(&router, "HEAD", path, &[coding]).await;
            assert_eq!((head.status, head.fields), (got.status, got.fields), "{path}");
            assert!(head.body.is_empty());
        }
    }
    let poll = ["If-None-Match: *"];
    let tag = get(&router, ATOM, &poll).await.field("etag").to_owned();
    assert_not_modified(&ask(&router, "HEAD", ATOM, &poll).await, &tag);
}

#[tokio::test]
async fn other_methods_are_refused_by_name() {
    let site = site().await;
    let router = site.router();
    for method in ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"] {
        let answer = ask(&router, method, ATOM, &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.field("allow"), "GET, HEAD, OPTIONS");
        assert_eq!(ask(&router, method, "/none", &[]).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_script_of_another_site_may_poll() {
    let site = site().await;
    let router = site.router();
    let fields = ["Origin: https://reader.example", "Access-Control-Request-Method: GET"];
    let answer = ask(&router, "OPTIONS", ATOM, &fields).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.field("access-control-allow-origin"), "*");
    assert_eq!(answer.field("access-control-allow-methods"), "GET, HEAD");
    assert!(answer.field("access-control-allow-headers").contains("If-None-Match"));
    let answer = get(&router, ATOM, &[]).await;
    assert_eq!(answer.field("access-control-expose-headers"), "ETag, Link");
}

#[tokio::test]
async fn deltas_and_ranges_are_answered_with_the_whole() {
    let site = site().await;
    let router = site.router();
    let fields = ["A-IM: feed", "If-None-Match: \"x\"", "Range: bytes=0-1"];
    let answer = get(&router, ATOM, &fields).await;
    assert_eq!((answer.status, answer.body.as_slice()), (StatusCode::OK, &b"<feed/>"[..]));
    assert!(!answer.fields.contains_key("im"));
}

#[tokio::test]
async fn a_browser_gets_a_feed_as_xml_where_that_is_wanted() {
    let mut site = site().await;
    let unstyled = get(&site.router(), ATOM, &[BROWSER]).await;
    assert_eq!(unstyled.field("content-type"), "application/atom+xml; charset=utf-8");
    site.terms.style_feeds = true;
    let router = site.router();
    for path in [ATOM, "/feeds/all.rss", "/feeds/all/archive/1.atom"] {
        let feed = get(&router, path, &["Accept: */*"]).await;
        let shown = get(&router, path, &[BROWSER]).await;
        assert_eq!(shown.field("content-type"), "application/xml; charset=utf-8");
        assert!(feed.field("content-type").contains("+xml"), "{path}");
        assert_eq!(shown.body, feed.body);
        // One tag must not stand for two types: a cache would mix them up.
        assert_ne!(shown.field("etag"), feed.field("etag"));
        assert_eq!(
            (shown.field("vary"), feed.field("vary")),
            ("Accept-Encoding, Accept", "Accept-Encoding, Accept")
        );
        let poll = format!("If-None-Match: {}", shown.field("etag"));
        assert_not_modified(&get(&router, path, &[BROWSER, &poll]).await, shown.field("etag"));
        assert_eq!(get(&router, path, &[&poll]).await.status, StatusCode::OK);
        let gzip = get(&router, path, &[BROWSER, "Accept-Encoding: gzip"]).await;
        assert_eq!(gzip.field("content-encoding"), "gzip");
    }
    for path in ["/feeds/all.json", "/"] {
        let answer = get(&router, path, &[BROWSER]).await;
        assert_eq!(answer.field("vary"), "Accept-Encoding", "{path}");
        assert!(!answer.field("content-type").contains("xml"), "{path}");
    }
}

#[tokio::test]
async fn a_feed_names_its_hubs_and_itself() {
    let mut site = site_at("https://press.example.org/news/").await;
    assert_eq!(get(&site.router(), ATOM, &[]).await.field("link"), "");
    site.terms.hubs = vec![
        "https://hub.example/".parse().unwrap(),
        "https://other.example/push".parse().unwrap(),
    ];
    let router = site.router();
    for path in [ATOM, "/feeds/all.rss", "/feeds/all.json"] {
        let link = format!(
            "<https://hub.example/>; rel=\"hub\", <https://other.example/push>; rel=\"hub\", \
             <https://press.example.org/news{path}>; rel=\"self\""
        );
        assert_eq!(get(&router, path, &["Accept-Encoding: br"]).await.field("link"), link);
    }
    for path in ["/", "/feeds/all/", "/feeds/all/archive/1.atom"] {
        assert_eq!(get(&router, path, &[]).await.field("link"), "", "{path}");
    }
}

#[tokio::test]
async fn a_page_loads_its_own_styles_and_script_and_cannot_be_framed() {
    let site = site().await;
    let router = site.router();
    let policy = get(&router, "/feeds/all/", &[]).await.field("content-security-policy").to_owned();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; \
         img-src * data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    assert_eq!(get(&router, ATOM, &[]).await.field("content-security-policy"), "");
}

#[tokio::test]
async fn no_path_leads_out_of_the_documents() {
    let site = site().await;
    fs::write(site.file("../secret"), "secret").unwrap();
    fs::write(site.file("not-ours.txt"), "secret").unwrap();
    let router = site.router();
    for path in [
        "/../secret",
        "/feeds/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/feeds/%2e%2e/%2e%2e/secret",
        "//feeds/all.atom",
        "/feeds//all.atom",
        "/feeds%2fall.atom",
        "/feeds/all.atom%00",
        "/%00",
        "/%ff",
        "/feeds/all.atom/",
        "/not-ours.txt",
        "/.tidings",
        "/feeds/all.atom.gz",
        "/config/tidings.yaml",
        "/feeds/./all.atom",
        "/feeds\\all.atom",
        "/FEEDS/all.atom",
        "/feeds/",
        "/feeds/all/archive/",
        "/feeds/all/archive/../../../../secret",
    ] {
        let answer = get(&router, path, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.body.windows(6).any(|text| text == b"secret"), "{path}");
    }
    for path in ["/%66eeds/all.atom", "/feeds/all.atom?at=1", "/feeds/all%2Eatom"] {
        assert_eq!(get(&router, path, &[]).await.body, b"<feed/>", "{path}");
    }
}

#[tokio::test]
async fn a_name_beyond_ascii_is_found_by_its_encoded_address() {
    let mut site = site().await;
    site.document("feeds/category-交通.atom", "<feed/>");
    site.document("feeds/category-交通/index.html", "<p/>");
    site.terms.hubs = vec!["https://hub.example/".parse().unwrap()];
    let router = site.router();
    let encoded = "/feeds/category-%E4%BA%A4%E9%80%9A";
    let answer = get(&router, &format!("{encoded}.atom"), &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.field("link").contains(&format!("org{encoded}.atom>")), "{answer:?}");
    assert_eq!(get(&router, encoded, &[]).await.field("location"), "category-%E4%BA%A4%E9%80%9A/");
}

#[tokio::test]
async fn a_page_without_its_last_slash_leads_to_it() {
    let site = site().await;
    let router = site.router();
    let answer = get(&router, "/feeds/all", &[]).await;
    assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(answer.field("location"), "all/");
    assert_eq!(get(&router, "/feeds/all/", &[]).await.body, b"<p>All news</p>");
    assert_eq!(get(&router, "/feeds/all/index.html", &[]).await.body, b"<p>All news</p>");
}

#[tokio::test]
async fn a_feed_that_moved_or_closed_is_told_as_such() {
    let mut site = site_at("https://press.example.org/news/").await;
    site.terms.former.moved = vec![("old".into(), "all".into())];
    site.terms.former.closed = vec![
        ("budget".into(), None),
        ("jobs".into(), Some("https://jobs.example/".parse().unwrap())),
    ];
    let router = site.router();
    let to = "https://press.example.org/news/feeds/all";
    for (path, location) in [
        ("/feeds/old.rss", format!("{to}.rss")),
        ("/news/feeds/old.atom", format!("{to}.atom")),
        ("/feeds/old/", format!("{to}/")),
        ("/feeds/old/archive/1.atom", format!("{to}/archive/1.atom")),
        ("/feeds/jobs.json", "https://jobs.example/".into()),
    ] {
        let answer = get(&router, path, &[]).await;
        assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY, "{path}");
        assert_eq!(answer.field("location"), location);
    }
    for path in ["/feeds/budget.rss", "/feeds/budget/", "/feeds/budget"] {
        let answer = get(&router, path, &[]).await;
        assert_eq!(answer.status, StatusCode::GONE, "{path}");
        assert!(String::from_utf8(answer.body).unwrap().contains("This feed is closed"));
    }
}

#[tokio::test]
async fn a_path_prefix_may_be_taken_away_by_the_proxy_or_not() {
    let site = site_at("https://press.example.org/news/").await;
    let router = site.router();
    for prefix in ["", "/news"] {
        let answer = async |path: &str| get(&router, &format!("{prefix}{path}"), &[]).await;
        assert_eq!(answer(ATOM).await.body, b"<feed/>");
        assert_eq!(answer("/").await.body, b"<p>Feeds</p>");
        assert_eq!(answer("/feeds/all").await.field("location"), "all/");
        assert_eq!(answer("/healthz").await.body, b"ok\n");
        let unsubscribe = String::from_utf8(answer("/unsubscribe/x").await.body).unwrap();
        assert!(unsubscribe.contains("<form") || unsubscribe.contains("link"), "{unsubscribe}");
        assert_eq!(answer("/none").await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(get(&router, "/news", &[]).await.field("location"), "news/");
    assert_eq!(get(&router, "/newsfeeds/all.atom", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&router, "/other/feeds/all.atom", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_archive_is_read_when_it_is_asked_for() {
    let mut site = site().await;
    let path = "/feeds/all/archive/1.atom";
    let router = site.router();
    let before = get(&router, path, &[]).await;
    // The folder is ahead of the records for a moment at each publication.
    site.document("feeds/all/archive/1.atom", "<feed>without one</feed>");
    let after = get(&router, path, &[]).await;
    assert_eq!(after.body, b"<feed>without one</feed>");
    assert_eq!(after.field("content-length"), "24");
    assert_ne!(after.field("etag"), before.field("etag"));
    let recorded = get(&site.router(), path, &[]).await;
    assert_ne!(recorded.field("etag"), before.field("etag"));
    fs::remove_file(site.file("feeds/all/archive/1.atom")).unwrap();
    assert_eq!(get(&router, path, &[]).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}
