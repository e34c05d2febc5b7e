//! Renders one issue of a digest: subject, HTML with inlined CSS, designed plain text.
//!
//! Equal issues give equal bytes: no clock, no randomness, no I/O. What is personal is left
//! open as [`Slot`]s, so that an issue is rendered once for all who get it.

use chrono::{DateTime, Utc};
use css_inline::{CSSInliner, InlineError};
use serde::Serialize;

use crate::config::Legal;
use crate::feeds::Site;
use crate::model::{Entry, Language};
use crate::templates::text::clip;
use crate::templates::{TemplateError, Templates};
use view::IssueView;

mod add_to_calendar;
pub mod answer;
mod lint;
pub mod samples;
mod sender;
pub mod trial;
mod view;

pub use lint::{lint, lint_own_words, lint_with};

/// From here on a mail is set anew in its compact form. Gmail cuts off behind 102 KB.
const ROOMY_BYTES: usize = 90_000;

/// Characters of a subject; most mail programs show fewer, none needs more.
const SUBJECT_CHARS: usize = 120;

/// Place in a rendered issue that is filled in per recipient.
///
/// A slot stands in the text as one character of a private use plane, which the content
/// pipeline strips from what authors write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Address of the page that ends the subscription.
    Unsubscribe,
    /// Address of the page that changes it.
    Manage,
    /// Address of the page that does what the reader asked for.
    Errand,
    /// The reader's e-mail address.
    Address,
}

impl Slot {
    pub const ALL: [Self; 4] = [Self::Unsubscribe, Self::Manage, Self::Errand, Self::Address];

    pub const fn marker(self) -> char {
        match self {
            Self::Unsubscribe => '\u{F0100}',
            Self::Manage => '\u{F0101}',
            Self::Errand => '\u{F0102}',
            Self::Address => '\u{F0103}',
        }
    }

    /// What is put there, for people.
    fn what(self) -> &'static str {
        match self {
            Self::Unsubscribe => "the unsubscribe link",
            Self::Manage => "the link to what its reader gets",
            Self::Errand => "the link that does what its reader asked for",
            Self::Address => "its reader's address",
        }
    }

    /// The slot that a character stands for.
    pub fn of(character: char) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.marker() == character)
    }
}

/// What one issue says, before it is rendered.
#[derive(Debug, Clone)]
pub struct IssueContent<'a> {
    /// Name of the digest, such as `daily`.
    pub digest: &'a str,
    pub language: &'a Language,
    /// One section per feed, in config order; no entry stands twice.
    pub sections: Vec<Section<'a>>,
    /// Entries left out because the issue is capped; the web copy has them.
    pub more: usize,
    /// Address of the web copy.
    pub web_url: &'a str,
    /// Who answers for the mail.
    pub sender: Option<&'a Legal>,
    /// The run's moment: events that are over by then are put into no calendar.
    pub now: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub struct Section<'a> {
    pub feed_title: &'a str,
    pub entries: Vec<&'a Entry>,
}

/// An issue ready to be put into a message; texts may hold [`Slot`] markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedIssue {
    pub subject: String,
    pub html: String,
    pub text: String,
    /// Entries that are left to the web copy, by the cap or for want of room.
    pub more: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("could not inline the CSS of template `mail/digest.html`")]
    Inline(#[from] InlineError),
}

/// Renders `issue` for mail, with slots where each recipient's own links stand.
///
/// HTML of 90 KB or more is set in the compact form; should that not be enough, the last
/// entries are left to the web copy, and the mail says how many they are.
pub fn render(
    templates: &Templates,
    site: &Site,
    issue: &IssueContent<'_>,
) -> Result<RenderedIssue, RenderError> {
    let mut rendered = render_as(templates, site, issue, Form::Full)?;
    if rendered.html.len() < ROOMY_BYTES {
        return Ok(rendered);
    }
    let mut shorter = issue.clone();
    loop {
        rendered = render_as(templates, site, &shorter, Form::Compact)?;
        let shown = view::shown(&shorter);
        if rendered.html.len() < ROOMY_BYTES || shown <= 1 {
            return Ok(rendered);
        }
        // As many as fit if all are alike, and at least one fewer.
        let fitting = shown * ROOMY_BYTES / rendered.html.len();
        shorter.keep_first(fitting.clamp(1, shown - 1));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Full,
    Compact,
}

fn render_as(
    templates: &Templates,
    site: &Site,
    issue: &IssueContent<'_>,
    form: Form,
) -> Result<RenderedIssue, RenderError> {
    let view = view_of(templates, site, issue, subject(templates, site, issue)?, form);
    let html = templates.page("mail/digest.html", &view)?;
    let text = templates.page("mail/digest.txt", &view)?;
    let html = inliner().inline(&html)?;
    Ok(RenderedIssue { html, text, subject: view.subject, more: issue.more })
}

/// In the language of the issue.
fn view_of<'a>(
    templates: &'a Templates,
    site: &'a Site,
    issue: &IssueContent<'a>,
    subject: String,
    form: Form,
) -> IssueView<'a> {
    IssueView::new(templates.words(issue.language.as_str()), site, issue, subject, form)
}

impl IssueContent<'_> {
    /// Leaves all but the first `count` entries to the web copy.
    fn keep_first(&mut self, count: usize) {
        let mut room = count;
        for section in &mut self.sections {
            let kept = section.entries.len().min(room);
            self.more += section.entries.len() - kept;
            section.entries.truncate(kept);
            room -= kept;
        }
        self.sections.retain(|section| !section.entries.is_empty());
    }
}

/// Renders the web copy of `issue`: a page without personal parts.
///
/// The page does not name its own address, which is made of its hash.
pub fn render_web(
    templates: &Templates,
    site: &Site,
    issue: &IssueContent<'_>,
) -> Result<String, RenderError> {
    let view = view_of(templates, site, issue, subject(templates, site, issue)?, Form::Full);
    Ok(templates.page("web/issue.html", &view)?)
}

/// Puts styles where mail programs look for them. Media queries stay in the head; nothing
/// is ever fetched.
fn inliner() -> CSSInliner<'static> {
    CSSInliner::options()
        .load_remote_stylesheets(false)
        .keep_at_rules(true)
        .minify_css(true)
        .build()
}

#[derive(Serialize)]
struct SubjectView<'a> {
    language: &'a str,
    title: &'a str,
    others: usize,
    site_title: &'a str,
}

/// One line; where it would be too long, the title gives way and not the rest.
fn subject(
    templates: &Templates,
    site: &Site,
    issue: &IssueContent<'_>,
) -> Result<String, TemplateError> {
    let words = templates.words(issue.language.as_str());
    let title = view::newest(issue).map(|entry| view::title(words, entry)).unwrap_or_default();
    let line = |title: &str| {
        let view = SubjectView {
            language: issue.language.as_str(),
            title,
            others: view::total(issue).saturating_sub(1),
            site_title: &site.title,
        };
        let text = templates.page("mail/digest_subject.txt", &view)?;
        Ok(clip(&text, usize::MAX))
    };
    let full: String = line(&title)?;
    let excess = full.chars().count().saturating_sub(SUBJECT_CHARS);
    if excess == 0 {
        return Ok(full);
    }
    let room = title.chars().count().saturating_sub(excess).max(SUBJECT_CHARS / 4);
    line(&clip(&title, room))
}

#[cfg(test)]
mod tests;
