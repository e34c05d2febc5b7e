//! Serves the documents as they stand in the output folder (RFC 9110).
//!
//! Nothing is rendered, compressed or formatted per request: codings and header fields lie
//! ready, and what the reader has already is answered before anything else. What lies in
//! memory is answered before the router is asked, without waiting for anything. Ranges and
//! delta encoding (`A-IM`, 226) are left out: a feed is small and always sent whole.

mod coding;
mod files;
mod form;
mod former;
mod fresh;
mod path;
mod set;
mod styled;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Full;
use tracing::error;

use super::Web;
use super::language::Asked;
use form::{Choice, Content, Form, Forms};
pub use former::Former;
use former::Verdict;
pub use set::{DocumentSet, Terms};
use set::{Found, Place};

const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// Answers where the document lies in memory under this very path. Anything else is for the
/// router.
pub(super) fn from_memory<B>(web: &Web, request: &Request<B>) -> Option<Response<Full<Bytes>>> {
    let is_head = match *request.method() {
        Method::GET => false,
        Method::HEAD => true,
        _ => return None,
    };
    let documents = web.documents.borrow();
    let forms = documents.in_memory(request.uri().path())?;
    match forms.choose(request.headers()) {
        Choice::Fresh(form) => Some(not_modified(form)),
        Choice::Whole(form) => match &form.content {
            _ if is_head => Some(with_body(form, Bytes::new())),
            Content::Memory(bytes) => Some(with_body(form, bytes.clone())),
            Content::Disk(_) => None,
        },
        Choice::Nothing => None,
    }
}

/// Answers for every path that no other route takes.
pub(super) async fn serve(State(web): State<Arc<Web>>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let documents = Arc::clone(&web.documents.borrow());
    match documents.find(request.uri.path(), &web.prefixes) {
        Found::Document(place) => answer(&web, &documents, place, &request).await,
        Found::Folder(location) | Found::Former(Verdict::Moved(location)) => moved(location),
        Found::Former(Verdict::Closed) => web.closed(&Asked::of(&request.uri, &request.headers)),
        Found::Nothing => web.not_found(&Asked::of(&request.uri, &request.headers)),
    }
}

async fn answer(web: &Web, documents: &DocumentSet, place: &Place, request: &Parts) -> Response {
    let is_head = match request.method {
        Method::GET => false,
        Method::HEAD => true,
        Method::OPTIONS => return options(),
        _ => return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, ALLOW)]).into_response(),
    };
    let looked_at;
    let forms: &Forms = match place {
        Place::Memory(held) => &held.forms,
        Place::Disk(record) => match documents.look(record).await {
            Ok(forms) => {
                looked_at = forms;
                &looked_at
            }
            Err(error) => return lost(web, request, &error),
        },
    };
    match forms.choose(&request.headers) {
        Choice::Fresh(form) => not_modified(form).map(Body::new),
        Choice::Whole(form) if is_head => with_body(form, Bytes::new()).map(Body::new),
        Choice::Whole(form) => match &form.content {
            Content::Memory(bytes) => with_body(form, bytes.clone()).map(Body::new),
            Content::Disk(path) => match tokio::fs::read(path).await {
                Ok(bytes) => from_disk(form, bytes).map(Body::new),
                Err(error) => lost(web, request, &error),
            },
        },
        Choice::Nothing => not_acceptable(),
    }
}

fn not_modified(form: &Form) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = form.not_modified.clone();
    response
}

fn with_body(form: &Form, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.headers_mut() = form.whole.clone();
    response
}

/// What was read may be newer, and so of another length, than what was looked at.
fn from_disk(form: &Form, bytes: Vec<u8>) -> Response<Full<Bytes>> {
    let length = HeaderValue::from(bytes.len());
    let mut response = with_body(form, Bytes::from(bytes));
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    response
}

/// The records name a document that the folder does not have: the next publication mends it.
fn lost(web: &Web, request: &Parts, error: &std::io::Error) -> Response {
    error!("a document cannot be read: {error}");
    web.failed(&Asked::of(&request.uri, &request.headers))
}

/// The reader refuses identity and names no coding that we have (RFC 9110, 12.5.3).
fn not_acceptable() -> Response {
    let vary = [(header::VARY, HeaderValue::from_static("Accept-Encoding"))];
    (StatusCode::NOT_ACCEPTABLE, vary, "None of the codings you accept is there.\n").into_response()
}

/// For a feed reader that runs in a browser: its `If-None-Match` needs leave (Fetch, 4.8).
fn options() -> Response {
    let leave: [(HeaderName, HeaderValue); 5] = [
        (header::ALLOW, ALLOW),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD")),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("If-None-Match, If-Modified-Since"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, leave).into_response()
}

/// 301, kept as long as anything else: a feed can come back under its name.
fn moved(location: HeaderValue) -> Response {
    let fields = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static(crate::feeds::CACHE_CONTROL)),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (StatusCode::MOVED_PERMANENTLY, fields).into_response()
}
