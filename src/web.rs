//! HTTP: the documents, the web copies of issues, and the pages behind the links in mail.
//!
//! GET and HEAD never change state. Pages that act for one person are not stored, not
//! indexed and send no referrer; tokens are never logged. No cookies; no script but that of the
//! copy buttons.

mod documents;
mod forms;
mod manage;
pub mod preview;
mod server;
mod unsubscribe;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
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
use crate::templates::{MessagePage, TemplateError};
pub use documents::{DocumentSet, Former, Terms};
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
    documents: watch::Receiver<Arc<DocumentSet>>,
    /// What may stand before a path where a proxy leaves it there: `news/`.
    prefixes: Vec<String>,
}

/// Everything that is served, over a set of documents that is swapped whole.
///
/// Documents are the fallback, outside the layers: they read no body and run no code that
/// waits for others.
pub fn site(press: Press, documents: watch::Receiver<Arc<DocumentSet>>) -> Site {
    let pages = Router::new()
        .route("/unsubscribe/{token}", get(unsubscribe::show).post(unsubscribe::act))
        .route("/manage/{token}", get(manage::show).post(manage::act))
        .route("/issues/{hash}", get(issue))
        .route("/subscribe", get(subscribe))
        .route("/healthz", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_LIMIT))
        .layer(CatchPanicLayer::new());
    let urls = [&press.config.site.output_url, &press.config.site.public_url];
    let prefixes = prefixes(urls);
    let mut router = pages.clone();
    for prefix in &prefixes {
        router = router.nest(&format!("/{prefix}"), pages.clone());
    }
    let prefixes = prefixes.iter().filter_map(|prefix| decoded(prefix)).collect();
    let web = Arc::new(Web { press, documents, prefixes });
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
async fn issue(State(web): State<Arc<Web>>, Path(hash): Path<String>) -> Response {
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hash {
        return web.not_found();
    }
    match web.press.store.web_copy(&hash).await {
        Ok(Some(compressed)) => {
            let mut html = Vec::new();
            if let Err(error) = GzDecoder::new(&compressed[..]).read_to_end(&mut html) {
                error!("a web copy cannot be read: {error}");
                return web.failed();
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
        Ok(None) => web.not_found(),
        Err(error) => {
            error!("{error}");
            web.failed()
        }
    }
}

/// Where the pages of feeds lead who wants one by mail: people are added by the operator.
async fn subscribe(State(web): State<Arc<Web>>) -> Response {
    let author = web.press.config.site.author.as_ref();
    let message = match author.and_then(|author| author.email.as_deref()) {
        Some(address) => format!(
            "Write to {address} and say which feed you would like, and how often. Somebody there \
             adds you; each mail has a link that ends it."
        ),
        None => "Ask the press office to add you, and say which feed you would like and how \
                 often. Each mail has a link that ends it."
            .to_owned(),
    };
    web.message(StatusCode::OK, "News by e-mail", &message)
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

impl Web {
    fn not_found(&self) -> Response {
        self.message(
            StatusCode::NOT_FOUND,
            "There is no such page",
            "The address may be misspelt, or what it named may be gone.",
        )
    }

    /// A feed that ended for good: readers stop asking (RFC 9110, 15.5.11).
    fn closed(&self) -> Response {
        self.message(
            StatusCode::GONE,
            "This feed is closed",
            "It will not come back. Please remove it from your reader.",
        )
    }

    fn failed(&self) -> Response {
        self.message(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong on our side",
            "Please try again in a few minutes.",
        )
    }

    fn message(&self, status: StatusCode, title: &str, message: &str) -> Response {
        let site = &self.press.config.site;
        let page = MessagePage {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: &site.language,
            title,
            message,
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
