//! Serves the documents from memory, as they stand in the output folder.
//!
//! Conditional requests follow RFC 9110, section 13: a strong `ETag` from the bytes, and
//! `Last-Modified` from when they last changed. Nothing is rendered per request.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Web;
use crate::feeds::{Document, media_type};
use crate::store::DocumentRecord;

/// Readers ask again after this many seconds at the earliest.
const CACHE_CONTROL: &str = "public, max-age=60";

/// All documents of one moment, ready to be sent.
#[derive(Debug, Default)]
pub struct DocumentSet {
    by_path: HashMap<String, Served>,
}

#[derive(Debug)]
struct Served {
    bytes: Bytes,
    media_type: &'static str,
    etag: HeaderValue,
    changed_at: DateTime<Utc>,
}

impl DocumentSet {
    /// `records` say when each document's bytes last changed.
    pub fn new(documents: Vec<Document>, records: &[DocumentRecord]) -> Self {
        let records: HashMap<&str, &DocumentRecord> =
            records.iter().map(|record| (record.path.as_str(), record)).collect();
        let served = documents.into_iter().filter_map(|document| {
            let record = records.get(document.path.as_str())?;
            let etag = HeaderValue::from_str(&format!("\"{}\"", &record.hash[..32])).ok()?;
            let bytes = Bytes::from(document.bytes);
            let served = Served {
                bytes,
                media_type: media_type(&document.path),
                etag,
                changed_at: record.changed_at,
            };
            Some((document.path, served))
        });
        Self { by_path: served.collect() }
    }

    /// The document of a request path; a folder's is its `index.html`.
    fn find(&self, path: &str) -> Option<&Served> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() || path.ends_with('/') {
            return self.by_path.get(&format!("{path}index.html"));
        }
        self.by_path.get(path)
    }
}

pub(super) async fn serve(
    State(web): State<Web>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let documents = web.documents.borrow().clone();
    let path = percent_decoded(uri.path());
    let Some(served) = path.as_deref().and_then(|path| documents.find(path)) else {
        return web.not_found();
    };
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let last_modified = http_date(served.changed_at);
    let shared = [
        (header::ETAG, served.etag.clone()),
        (header::LAST_MODIFIED, last_modified),
        (header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL)),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if is_fresh(&headers, served) {
        return (StatusCode::NOT_MODIFIED, shared).into_response();
    }
    let media_type = [(header::CONTENT_TYPE, HeaderValue::from_static(served.media_type))];
    (shared, media_type, served.bytes.clone()).into_response()
}

/// Whether the reader has these bytes already. `If-None-Match` alone decides where it is
/// given (RFC 9110, 13.2.2); it compares weakly (13.1.2).
fn is_fresh(headers: &HeaderMap, served: &Served) -> bool {
    let etag = served.etag.to_str().unwrap_or_default();
    let mut conditions = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
    if conditions.peek().is_some() {
        return conditions.filter_map(|value| value.to_str().ok()).any(|list| {
            list.split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
        });
    }
    headers
        .get(header::IF_MODIFIED_SINCE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
        .is_some_and(|since| served.changed_at <= since)
}

/// `Sat, 21 Nov 2026 00:00:00 GMT` (RFC 9110, 5.6.7).
fn http_date(moment: DateTime<Utc>) -> HeaderValue {
    let text = moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).expect("a date is ASCII")
}

/// The path with its percent encoding undone; `None` where that is not UTF-8.
fn percent_decoded(path: &str) -> Option<String> {
    percent_encoding::percent_decode_str(path).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served() -> Served {
        Served {
            bytes: Bytes::from_static(b"x"),
            media_type: "text/plain",
            etag: HeaderValue::from_static("\"abc\""),
            changed_at: "2026-11-21T00:00:00Z".parse().unwrap(),
        }
    }

    fn check(name: header::HeaderName, value: &'static str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(is_fresh(&headers, &served()), expected, "{value}");
    }

    #[test]
    fn equal_listed_weak_and_any_tags_match() {
        for value in ["\"abc\"", "\"x\", \"abc\"", "W/\"abc\"", "*"] {
            check(header::IF_NONE_MATCH, value, true);
        }
        check(header::IF_NONE_MATCH, "\"abcd\"", false);
    }

    #[test]
    fn a_reader_who_asks_by_date_gets_what_is_newer() {
        check(header::IF_MODIFIED_SINCE, "Sat, 21 Nov 2026 00:00:00 GMT", true);
        check(header::IF_MODIFIED_SINCE, "Fri, 20 Nov 2026 23:59:59 GMT", false);
        check(header::IF_MODIFIED_SINCE, "yesterday", false);
    }
}
