//! What the pages of the preview say.

use chrono::DateTime;
use serde::Serialize;

use super::frame::Scheme;
use super::pages::PAGES;
use super::{Group, Shown};
use crate::content::{Problem, Severity};
use crate::feeds::{FeedDefinition, INDEX_PATH, OPML_PATH};
use crate::pipeline::preview::DigestPreview;
use crate::subscribers::errand::ErrandKind;
use crate::templates::Templates;

/// Problems that are listed.
const PROBLEMS: usize = 50;

/// What every page says.
#[derive(Serialize)]
struct Frame<'a> {
    generation: u64,
    site_title: &'a str,
    as_of: String,
    faults: &'a [String],
}

impl<'a> Frame<'a> {
    fn new(shown: &'a Shown) -> Self {
        let site = &shown.press.config.site;
        Self {
            generation: shown.generation,
            site_title: &site.title,
            as_of: local(shown, shown.at),
            faults: &shown.preview.faults,
        }
    }
}

/// As people in the site's time zone write it.
fn local(shown: &Shown, at: DateTime<chrono::Utc>) -> String {
    let zone = shown.press.config.site.time_zone;
    format!("{} ({zone})", at.with_timezone(&zone).format("%A, %-d %B %Y, %H:%M"))
}

#[derive(Serialize)]
pub(super) struct IndexView<'a> {
    #[serde(flatten)]
    frame: Frame<'a>,
    problems: Vec<ProblemView<'a>>,
    more_problems: usize,
    holds: &'a [String],
    digests: Vec<DigestView<'a>>,
    /// Mail that answers people.
    answers: Vec<AnswerView<'a>>,
    feeds: Vec<FeedView<'a>>,
    pages: Vec<Link<'a>>,
    templates: Vec<TemplateView<'a>>,
}

#[derive(Serialize)]
struct ProblemView<'a> {
    is_error: bool,
    /// `news/a.md line 3`.
    place: String,
    message: String,
    remedy: &'a str,
}

#[derive(Serialize)]
struct DigestView<'a> {
    name: &'a str,
    when: String,
    /// What is unusual about it.
    note: Option<&'static str>,
    to: String,
    issues: Vec<IssueView<'a>>,
    more: usize,
    fault: Option<&'a str>,
}

#[derive(Serialize)]
struct AnswerView<'a> {
    name: &'static str,
    issues: Vec<IssueView<'a>>,
    fault: Option<&'a str>,
}

#[derive(Serialize)]
struct IssueView<'a> {
    url: String,
    subject: &'a str,
    language: &'a str,
}

#[derive(Serialize)]
struct FeedView<'a> {
    title: &'a str,
    url: String,
    formats: Vec<Link<'a>>,
}

#[derive(Serialize)]
struct Link<'a> {
    name: &'a str,
    url: String,
}

#[derive(Serialize)]
struct TemplateView<'a> {
    name: &'a str,
    url: String,
    is_own: bool,
}

impl<'a> IndexView<'a> {
    pub(super) fn new(shown: &'a Shown) -> Self {
        let preview = &shown.preview;
        let pages = [("List of all feeds", INDEX_PATH), ("List of all feeds as OPML", OPML_PATH)];
        let pages = pages.map(|(name, path)| Link { name, url: format!("/documents/{path}") });
        let others =
            PAGES.iter().map(|(page, name, _)| Link { name, url: format!("/pages/{page}") });
        let template = |(name, source)| TemplateView {
            name,
            url: format!("/templates/{name}"),
            is_own: is_own(name, source),
        };
        Self {
            frame: Frame::new(shown),
            problems: preview.problems.iter().take(PROBLEMS).map(problem).collect(),
            more_problems: preview.problems.len().saturating_sub(PROBLEMS),
            holds: &preview.holds,
            digests: preview.digests.iter().map(|one| digest(shown, one)).collect(),
            answers: preview.answers.iter().map(answer).collect(),
            feeds: preview.feeds.iter().map(feed).collect(),
            pages: pages.into_iter().chain(others).collect(),
            templates: shown.press.templates.sources().map(template).collect(),
        }
    }
}

/// Whether a template is the operator's own.
pub(super) fn is_own(name: &str, source: &str) -> bool {
    Templates::builtin().sources().find(|(other, _)| *other == name) != Some((name, source))
}

fn problem(problem: &Problem) -> ProblemView<'_> {
    let line = problem.line.map(|line| format!(" line {line}")).unwrap_or_default();
    let field = problem.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    let value = problem.value.as_ref().map(|value| format!(": {value}")).unwrap_or_default();
    ProblemView {
        is_error: problem.severity == Severity::Error,
        place: format!("{}{line}", problem.path),
        message: format!("{field}{}{value}", problem.message),
        remedy: &problem.remedy,
    }
}

fn digest<'a>(shown: &'a Shown, digest: &'a DigestPreview) -> DigestView<'a> {
    let when = match digest.next {
        Some(next) => format!("Next on {}", local(shown, next)),
        None => "Goes out with each scan that finds news".to_owned(),
    };
    let note = if digest.is_sample {
        Some("Nobody follows by it yet: shown as somebody who follows all feeds would get it.")
    } else if digest.is_paused {
        Some("Paused: its news waits until somebody resumes it.")
    } else if digest.needs_word {
        Some("It would wait for a word: somebody approves it before it goes out.")
    } else {
        None
    };
    let people = match digest.recipients {
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    };
    let to = match digest.issues {
        _ if digest.is_sample => "One issue.".to_owned(),
        1 => format!("One issue for {people}."),
        n => format!("{n} different issues for {people}."),
    };
    DigestView {
        name: &digest.name,
        when,
        note,
        to,
        issues: issues(Group::Digests, digest),
        more: digest.issues.saturating_sub(digest.made.len()),
        fault: digest.fault.as_deref(),
    }
}

fn answer(answer: &DigestPreview) -> AnswerView<'_> {
    let name = match ErrandKind::of(&answer.name) {
        Some(ErrandKind::SelfService) => "Who asks for their data",
        Some(ErrandKind::Move) => "Who gives another address, there",
        Some(ErrandKind::Moved) => "The same, at the address before",
        _ => "Who signs up",
    };
    AnswerView { name, issues: issues(Group::Answers, answer), fault: answer.fault.as_deref() }
}

fn issues(group: Group, digest: &DigestPreview) -> Vec<IssueView<'_>> {
    let url = |at: usize| format!("/{}/{}/{}", group.as_str(), digest.name, at + 1);
    let issues = digest.made.iter().enumerate();
    issues
        .map(|(at, issue)| IssueView {
            url: url(at),
            subject: &issue.subject,
            language: &issue.language,
        })
        .collect()
}

fn feed(feed: &FeedDefinition) -> FeedView<'_> {
    let url = |path: String| format!("/documents/{path}");
    let mut formats = vec![
        Link { name: "RSS", url: url(feed.rss_path()) },
        Link { name: "Atom", url: url(feed.atom_path()) },
        Link { name: "JSON", url: url(feed.json_path()) },
    ];
    if feed.has_calendar() {
        formats.push(Link { name: "Calendar", url: url(feed.calendar_path()) });
    }
    FeedView { title: &feed.title, url: url(feed.page_path()), formats }
}

/// One thing that is shown: as a text, or in frames.
#[derive(Serialize)]
pub(super) struct ShowView {
    title: String,
    about: String,
    tabs: Vec<Tab>,
    text: Option<String>,
    frames: Vec<Framed>,
    is_dark: bool,
}

#[derive(Serialize)]
pub(super) struct Tab {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) is_here: bool,
}

#[derive(Serialize)]
struct Framed {
    name: &'static str,
    /// Class of its width.
    width: &'static str,
    url: String,
}

impl ShowView {
    pub(super) fn of(title: &str, about: &str) -> Self {
        Self {
            title: title.to_owned(),
            about: about.to_owned(),
            tabs: Vec::new(),
            text: None,
            frames: Vec::new(),
            is_dark: false,
        }
    }

    pub(super) fn tabs(mut self, tabs: Vec<Tab>) -> Self {
        self.tabs = tabs;
        self
    }

    pub(super) fn text(mut self, text: String) -> Self {
        self.text = Some(text);
        self
    }

    /// On a desk and on a phone of 360 pixels.
    pub(super) fn framed(mut self, scheme: Scheme, path: &str) -> Self {
        let url = format!("/{}/{path}", scheme.as_str());
        self.frames = [("On a desk", "desk"), ("On a phone, 360 pixels wide", "phone")]
            .map(|(name, width)| Framed { name, width, url: url.clone() })
            .into();
        self.is_dark = scheme == Scheme::Dark;
        self
    }
}

#[derive(Serialize)]
pub(super) struct FrameShown<'a> {
    #[serde(flatten)]
    frame: Frame<'a>,
    #[serde(flatten)]
    view: ShowView,
}

impl<'a> FrameShown<'a> {
    pub(super) fn new(shown: &'a Shown, view: ShowView) -> Self {
        Self { frame: Frame::new(shown), view }
    }
}
