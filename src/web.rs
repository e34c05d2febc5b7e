//! HTTP: the documents, the web copies of issues, and the pages behind the links in mail.
//!
//! GET and HEAD never change state. Pages that act for one person are not stored, not
//! indexed and send no referrer; tokens are never logged. No cookies; no script but that of the
//! copy buttons.

mod budget;
mod client;
mod confirm;
mod documents;
mod forms;
mod language;
mod link;
mod manage;
mod personal;
mod places;
pub mod preview;
mod server;
mod subscribe;
mod unsubscribe;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::error;
use url::Url;

use crate::pipeline::Press;
use crate::subscribers::joining::Joining;
use crate::subscribers::leaving::Leaving;
use crate::templates::{MessagePage, TemplateError};
use budget::Budget;
pub use documents::{DocumentSet, Former, Terms};
use language::Asked;
pub use server::{Site, serve};

/// Largest body of a form.
const BODY_LIMIT: usize = 16 * 1024;

const REQUEST_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
#[error("could not listen on `{address}`")]
pub struct ListenError {
    pub address: SocketAddr,
    pub source: std::io::Error,
}

#[derive(Debug)]
struct Web {
    press: Press,
    joining: Arc<Joining>,
    /// How many may still sign up.
    budget: Mutex<Budget>,
    leaving: Arc<Leaving>,
    documents: watch::Receiver<Arc<DocumentSet>>,
    /// What may stand before a path where a proxy leaves it there: `news/`.
    prefixes: Vec<String>,
}

/// Everything that is served, over a set of documents that is swapped whole. Who leaves is kept in
/// `leaving`, who signs up in `joining`.
///
/// Documents are the fallback, outside the layers: they read no body and run no code that
/// waits for others.
pub fn site(
    press: Press,
    documents: watch::Receiver<Arc<DocumentSet>>,
    leaving: Arc<Leaving>,
    joining: Arc<Joining>,
) -> Site {
    let prefixes = prefixes([&press.config.site.output_url, &press.config.site.public_url]);
    let budget = Mutex::new(Budget::new(press.clock.now()));
    let web = Arc::new(Web {
        press,
        joining,
        budget,
        leaving,
        documents,
        prefixes: prefixes.iter().filter_map(|prefix| decoded(prefix)).collect(),
    });
    let pages = Router::new()
        .route("/unsubscribe/{token}", get(unsubscribe::show).post(unsubscribe::act))
        .route("/manage/{token}", get(manage::show).post(manage::act))
        .route("/issues/{hash}", get(issue))
        .route("/subscribe", get(subscribe::show).post(subscribe::act))
        .route("/confirm/{token}", get(confirm::show).post(confirm::act))
        .route("/self/{token}", get(personal::show).post(personal::act))
        .route("/healthz", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_LIMIT))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(Arc::clone(&web), guarded));
    let mut router = pages.clone();
    for prefix in &prefixes {
        router = router.nest(&format!("/{prefix}"), pages.clone());
    }
    let router = router.fallback(documents::serve).with_state(Arc::clone(&web));
    Site { web, router }
}

/// The paths of our addresses as requests have them, without those that are only a slash.
fn prefixes(urls: [&Url; 2]) -> BTreeSet<String> {
    let paths = urls.map(|url| url.path().trim_matches('/').to_owned());
    paths.into_iter().filter(|path| !path.is_empty()).collect()
}

/// As the paths of documents are compared: without percent encoding, with the last slash.
fn decoded(prefix: &str) -> Option<String> {
    let prefix = percent_decode_str(prefix).decode_utf8().ok()?;
    Some(format!("{prefix}/"))
}

pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Web copy of an issue: the same for everyone, and it never changes.
async fn issue(State(web): State<Arc<Web>>, asked: Asked, Path(hash): Path<String>) -> Response {
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hash {
        return web.not_found(&asked);
    }
    match web.press.store.web_copy(&hash).await {
        Ok(Some(compressed)) => {
            let mut html = Vec::new();
            if let Err(error) = GzDecoder::new(&compressed[..]).read_to_end(&mut html) {
                error!("a web copy cannot be read: {error}");
                return web.failed(&asked);
            }
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400")),
                (ROBOTS, HeaderValue::from_static("noindex")),
                (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ];
            (headers, html).into_response()
        }
        Ok(None) => web.not_found(&asked),
        Err(error) => {
            error!("{error}");
            web.failed(&asked)
        }
    }
}

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Our pages carry their styles inside, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// Headers of a page that acts for one person.
fn personal_headers() -> [(HeaderName, HeaderValue); 6] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (ROBOTS, HeaderValue::from_static("noindex")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

/// What no page of ours answers, a refused body, a timeout or another method, is answered in the
/// words and with the headers of a page.
async fn guarded(
    State(web): State<Arc<Web>>,
    asked: Asked,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if !response.headers().contains_key(header::CONTENT_SECURITY_POLICY)
        && let Some(key) = refusal(response.status())
    {
        let (head, _) = response.into_parts();
        response = web.message(&asked, head.status, key);
        if let Some(methods) = head.headers.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, methods.clone());
        }
    }
    for (name, value) in personal_headers() {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// What a request is told that did not come to a page.
fn refusal(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => Some("error-method"),
        StatusCode::REQUEST_TIMEOUT => Some("error-slow"),
        StatusCode::PAYLOAD_TOO_LARGE => Some("error-large"),
        status if status.is_client_error() => Some("error-request"),
        status if status.is_server_error() => Some("error-failed"),
        _ => None,
    }
}

impl Web {
    fn not_found(&self, asked: &Asked) -> Response {
        self.message(asked, StatusCode::NOT_FOUND, "error-not-found")
    }

    /// A feed that ended for good: readers stop asking (RFC 9110, 15.5.11).
    fn closed(&self, asked: &Asked) -> Response {
        self.message(asked, StatusCode::GONE, "error-closed")
    }

    fn failed(&self, asked: &Asked) -> Response {
        self.message(asked, StatusCode::INTERNAL_SERVER_ERROR, "error-failed")
    }

    /// What was asked for has to wait for what was asked for before.
    fn busy(&self, asked: &Asked) -> Response {
        self.message(asked, StatusCode::SERVICE_UNAVAILABLE, "error-waiting")
    }

    /// A heading and a sentence: the words of `key` with `-title`, and those of `key`.
    fn message(&self, asked: &Asked, status: StatusCode, key: &str) -> Response {
        self.message_to(None, asked, status, key)
    }

    /// As [`Web::message`], to a person whose language is known.
    fn message_to(
        &self,
        person: Option<&str>,
        asked: &Asked,
        status: StatusCode,
        key: &str,
    ) -> Response {
        let words = self.words(asked, person);
        let page = MessagePage {
            frame: self.frame(asked, person),
            title: &words.say(&format!("{key}-title"), &[]),
            message: &words.say(key, &[]),
        };
        self.page(status, self.press.templates.page("web/message.html", &page))
    }

    /// A page, or a plain sentence where its template fails.
    #[expect(clippy::unused_self, reason = "reads as what the site answers")]
    fn page(&self, status: StatusCode, html: Result<String, TemplateError>) -> Response {
        match html {
            Ok(html) => (status, personal_headers(), html).into_response(),
            Err(error) => {
                error!("{error}");
                (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.\n")
                    .into_response()
            }
        }
    }
}
