//! Whether a request for a feed comes from a browser, which shows it to a person.
//!
//! A browser offers `application/rss+xml` for download and shows `application/xml` with the
//! style sheet that the feed names. Feed readers must not notice: they ask for `*/*`, or name
//! the types of feeds.

use axum::http::{HeaderMap, header};

use super::coding::weighed;

const FEED_TYPES: [&str; 4] =
    ["application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"];

/// Whether `Accept` names `text/html`, above `*/*` and no type of feed (RFC 9110, 12.5.1).
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let mut html = 0;
    let mut anything = 0;
    for value in headers.get_all(header::ACCEPT) {
        for member in value.as_bytes().split(|byte| *byte == b',') {
            let (name, weight) = weighed(member);
            if FEED_TYPES.iter().any(|feed| name.eq_ignore_ascii_case(feed.as_bytes())) {
                return false;
            }
            match name {
                b"*/*" => anything = weight,
                name if name.eq_ignore_ascii_case(b"text/html") => html = weight,
                _ => {}
            }
        }
    }
    html > anything
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(accept: &'static str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(prefers_html(&headers), expected, "{accept}");
    }

    #[test]
    fn browsers_prefer_html() {
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true);
        check("text/html, application/xhtml+xml, image/jxr, */*;q=0.5", true);
        check("text/html", true);
    }

    #[test]
    fn feed_readers_and_tools_do_not() {
        check("*/*", false);
        check("", false);
        check("application/atom+xml, application/xml;q=0.9, text/html;q=0.5, */*;q=0.1", false);
        check("text/html, application/rss+xml;q=0.9, */*;q=0.1", false);
        check("text/html;q=0.1, */*", false);
        check("text/html, */*", false);
        check("text/html;q=0", false);
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
