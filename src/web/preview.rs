//! The preview: a server on loopback that shows what would go out now.
//!
//! It shows what is under embargo, so it answers only to names of this machine: a page elsewhere
//! that points a name of its own at it is turned away. What authors and templates make stands in
//! frames without any right, and no page loads anything from elsewhere.

mod frame;
mod pages;
mod view;

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::{Component, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::sync::watch;

use self::frame::{Scheme, framed};
use self::view::{FrameShown, IndexView, ShowView, Tab};
use crate::feeds::media_type;
use crate::model::Language;
use crate::pipeline::Press;
use crate::pipeline::preview::{DigestPreview, IssuePreview, Preview};
use crate::templates::text::language_name;
use crate::templates::{TemplateError, Templates};

/// What is shown until the next file is saved.
#[derive(Debug)]
pub struct Shown {
    /// Grows with each that differs from the one before it.
    pub generation: u64,
    pub at: DateTime<Utc>,
    pub press: Press,
    pub preview: Preview,
}

#[derive(Debug)]
struct Server {
    shown: watch::Receiver<Arc<Shown>>,
    templates: Templates,
    /// Where the documents of the private copy lie.
    folder: PathBuf,
}

const TEMPLATES: [(&str, &str); 3] = [
    ("web/preview.html", include_str!("../../templates/web/preview.html")),
    ("web/preview_index.html", include_str!("../../templates/web/preview_index.html")),
    ("web/preview_show.html", include_str!("../../templates/web/preview_show.html")),
];

const STYLE: &str = include_str!("../../templates/web/style.css");
const PREVIEW_STYLE: &str = include_str!("../../templates/web/preview.css");
const SCRIPT: &str = include_str!("../../templates/web/preview.js");

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Everything that the preview serves, over what is shown now.
pub fn router(shown: watch::Receiver<Arc<Shown>>) -> Router {
    let folder = shown.borrow().press.config.output_folder.clone();
    let server = Arc::new(Server { shown, templates: Templates::of(&TEMPLATES), folder });
    let asset = |media: &'static str, text: &'static str| {
        get(async move || ([(header::CONTENT_TYPE, media)], text))
    };
    Router::new()
        .route("/", get(index))
        .route("/digests/{name}/{issue}", mail(Group::Digests))
        .route("/digests/{name}/{issue}/{view}", mail_as(Group::Digests))
        .route("/answers/{name}/{issue}", mail(Group::Answers))
        .route("/answers/{name}/{issue}/{view}", mail_as(Group::Answers))
        .route("/documents/{*path}", get(document))
        .route("/pages/{page}", get(page))
        .route("/templates/{*name}", get(template))
        .route("/light/{*path}", get(light))
        .route("/dark/{*path}", get(dark))
        .route("/events", get(events))
        .route("/style.css", asset("text/css; charset=utf-8", STYLE))
        .route("/preview.css", asset("text/css; charset=utf-8", PREVIEW_STYLE))
        .route("/preview.js", asset("text/javascript; charset=utf-8", SCRIPT))
        .fallback(async |State(server): State<Arc<Server>>| server.missing())
        .layer(middleware::from_fn(only_this_machine))
        .with_state(server)
}

/// A name that somebody else made for our address is not ours (DNS rebinding).
async fn only_this_machine(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_of_this_machine) {
        let text = "the preview answers to `localhost` and loopback addresses alone\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn is_of_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[derive(Debug, Deserialize)]
struct Look {
    /// As somebody sees it whose screen is dark.
    dark: Option<String>,
    /// Of a page; the site's where it is absent.
    lang: Option<Language>,
}

impl Look {
    fn scheme(&self) -> Scheme {
        if self.dark.is_some() { Scheme::Dark } else { Scheme::Light }
    }
}

async fn index(State(server): State<Arc<Server>>) -> Response {
    let shown = server.shown();
    server.answer(server.templates.page("web/preview_index.html", &IndexView::new(&shown)))
}

fn mail(group: Group) -> MethodRouter<Arc<Server>> {
    get(
        async move |State(server): State<Arc<Server>>,
                    Path((name, number)): Path<(String, usize)>,
                    Query(look): Query<Look>| {
            server.mail((group, &name, number), "mail", look.scheme())
        },
    )
}

fn mail_as(group: Group) -> MethodRouter<Arc<Server>> {
    get(
        async move |State(server): State<Arc<Server>>,
                    Path((name, number, view)): Path<(String, usize, String)>,
                    Query(look): Query<Look>| {
            server.mail((group, &name, number), &view, look.scheme())
        },
    )
}

/// A document of the private copy: pages as a browser shows them, all others as their text.
async fn document(
    State(server): State<Arc<Server>>,
    Path(path): Path<String>,
    Query(look): Query<Look>,
) -> Response {
    let Some(bytes) = server.read(&path) else { return server.missing() };
    let own = format!("/documents/{path}");
    let view = ShowView::of(&path, "As it would stand in the output folder.");
    if media_type(&path).starts_with("text/html") {
        let path = format!("site/{path}");
        return server.show(view.tabs(schemes(&own, look.scheme())).framed(look.scheme(), &path));
    }
    server.show(view.text(String::from_utf8_lossy(&bytes).into_owned()))
}

async fn page(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Query(look): Query<Look>,
) -> Response {
    let Some(title) = pages::title(&name) else { return server.missing() };
    let press = &server.shown().press;
    let language = look.lang.as_ref().unwrap_or(&press.config.site.language);
    let scheme = look.scheme();
    let mut tabs = schemes(&format!("/pages/{name}?lang={language}"), scheme);
    let languages = press.languages();
    for other in languages.iter().filter(|_| languages.len() > 1) {
        let dark = if scheme == Scheme::Dark { "&dark" } else { "" };
        let url = format!("/pages/{name}?lang={other}{dark}");
        let name = language_name(other.as_str()).to_owned();
        tabs.push(Tab { name, url, is_here: other == language });
    }
    let view = ShowView::of(title, "With made-up values, as a reader sees it.");
    server.show(view.tabs(tabs).framed(scheme, &format!("pages/{language}/{name}")))
}

async fn template(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response {
    let shown = server.shown();
    let Some((_, source)) = shown.press.templates.sources().find(|(other, _)| *other == name)
    else {
        return server.missing();
    };
    let own = shown.press.config.templates_folder.join(&name);
    let about = if view::is_own(&name, source) {
        format!("Yours, from {}.", own.display())
    } else {
        format!("Built in. To have your own, save it as {}.", own.display())
    };
    server.show(ShowView::of(&name, &about).text(source.to_owned()))
}

async fn light(State(server): State<Arc<Server>>, Path(path): Path<String>) -> Response {
    frame(&server, &path, Scheme::Light)
}

async fn dark(State(server): State<Arc<Server>>, Path(path): Path<String>) -> Response {
    frame(&server, &path, Scheme::Dark)
}

/// What stands in a frame: a mail, a web copy, a page, or a document with what it refers to.
fn frame(server: &Server, path: &str, scheme: Scheme) -> Response {
    let shown = server.shown();
    let mut parts = path.splitn(2, '/');
    let (kind, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match kind {
        "mail" | "copy" => {
            let Some(issue) = issue_at(&shown, rest) else { return server.missing() };
            framed(scheme, if kind == "mail" { &issue.parts.html } else { &issue.web_copy })
        }
        "pages" => match page_at(&shown, rest) {
            Some(Ok(html)) => framed(scheme, &html),
            Some(Err(error)) => (StatusCode::OK, format!("{error}\n")).into_response(),
            None => server.missing(),
        },
        "site" => match server.read(rest) {
            Some(bytes) => frame::file(scheme, rest, bytes),
            None => server.missing(),
        },
        _ => server.missing(),
    }
}

/// Tells a page which generation is shown, now and whenever there is a new one.
async fn events(
    State(server): State<Arc<Server>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut shown = server.shown.clone();
    shown.mark_changed();
    let made = stream::unfold(shown, async |mut shown| {
        shown.changed().await.ok()?;
        let generation = shown.borrow_and_update().generation;
        Some((Ok(Event::default().event("made").data(generation.to_string())), shown))
    });
    Sse::new(made).keep_alive(KeepAlive::default())
}

/// The page at `LANGUAGE/NAME`.
fn page_at(shown: &Shown, path: &str) -> Option<Result<String, TemplateError>> {
    let (language, name) = path.split_once('/')?;
    pages::made(shown, name, &language.parse().ok()?)
}

/// What a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Digests,
    Answers,
}

impl Group {
    fn as_str(self) -> &'static str {
        match self {
            Self::Digests => "digests",
            Self::Answers => "answers",
        }
    }

    fn of(self, preview: &Preview) -> &[DigestPreview] {
        match self {
            Self::Digests => &preview.digests,
            Self::Answers => &preview.answers,
        }
    }
}

/// The issue at `GROUP/NAME/NUMBER`.
fn issue_at<'a>(shown: &'a Shown, path: &str) -> Option<&'a IssuePreview> {
    let mut parts = path.splitn(3, '/');
    let (group, name) = (parts.next()?, parts.next()?);
    let group = [Group::Digests, Group::Answers].into_iter().find(|one| one.as_str() == group)?;
    issue(shown, (group, name, parts.next()?.parse().ok()?))
}

fn issue<'a>(
    shown: &'a Shown,
    (group, name, number): (Group, &str, usize),
) -> Option<&'a IssuePreview> {
    let digest = group.of(&shown.preview).iter().find(|other| other.name == name)?;
    digest.made.get(number.checked_sub(1)?)
}

/// Links to a page in light and in dark.
fn schemes(url: &str, scheme: Scheme) -> Vec<Tab> {
    let dark = if url.contains('?') { "&dark" } else { "?dark" };
    vec![
        Tab { name: "Light".into(), url: url.to_owned(), is_here: scheme == Scheme::Light },
        Tab { name: "Dark".into(), url: format!("{url}{dark}"), is_here: scheme == Scheme::Dark },
    ]
}

impl Server {
    fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.borrow())
    }

    fn mail(&self, at: (Group, &str, usize), view: &str, scheme: Scheme) -> Response {
        let shown = self.shown();
        let Some(issue) = issue(&shown, at) else { return self.missing() };
        let (group, name, number) = at;
        let path = format!("{}/{name}/{number}", group.as_str());
        let own = format!("/{path}");
        let mut tabs: Vec<Tab> = schemes(&own, scheme);
        for tab in &mut tabs {
            tab.is_here &= view == "mail";
        }
        let copy = (group == Group::Digests).then_some(("Web copy", "copy"));
        for (name, other) in [("Text part", "text"), ("Source", "source")].into_iter().chain(copy) {
            let url = format!("{own}/{other}");
            tabs.push(Tab { name: name.to_owned(), url, is_here: view == other });
        }
        let about = match group {
            Group::Digests => format!("The {name} digest, in {}.", issue.language),
            Group::Answers => format!("To somebody who asked, in {}.", issue.language),
        };
        let page = ShowView::of(&issue.subject, &about).tabs(tabs);
        self.show(match view {
            "mail" => page.framed(scheme, &format!("mail/{path}")),
            "copy" if copy.is_some() => page.framed(scheme, &format!("copy/{path}")),
            "text" => page.text(issue.parts.text.clone()),
            "source" => page.text(issue.message.replace("\r\n", "\n")),
            _ => return self.missing(),
        })
    }

    fn show(&self, view: ShowView) -> Response {
        let shown = self.shown();
        let view = FrameShown::new(&shown, view);
        self.answer(self.templates.page("web/preview_show.html", &view))
    }

    fn missing(&self) -> Response {
        let view = ShowView::of("Not here any more", "It may be back when its file is.");
        (StatusCode::NOT_FOUND, self.show(view)).into_response()
    }

    #[expect(clippy::unused_self, reason = "reads as what the server answers")]
    fn answer(&self, html: Result<String, TemplateError>) -> Response {
        let html = html.unwrap_or_else(|error| error.to_string());
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
        ];
        (headers, html).into_response()
    }

    /// A file of the private output folder, and none beside it.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let path = PathBuf::from(path);
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        if is_inside { std::fs::read(self.folder.join(path)).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:8090", "127.0.0.1:1", "127.0.0.9", "[::1]:8090"] {
            assert!(is_of_this_machine(host), "{host}");
        }
        for host in ["press.example.org", "press.example.org:80", "10.0.0.1", "localhost.evil.org"]
        {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }
}
