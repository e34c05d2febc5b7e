//! The Tera templates of mail and web pages: built in, each replaceable by a file.
//!
//! [`Templates::load`] is the only part that reads files; rendering is a function from a
//! name and values to text. Names ending in `.html` escape what they are given, names ending
//! in `.txt` do not. A variable that nobody gave is an error, never an empty place. What they
//! say is said by `t`, in the language of the page or mail.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tera::{Context, ErrorKind, Kwargs, State, Tera};
use walkdir::WalkDir;

use crate::feeds::Site;
use crate::words::{self, Wordbook, Words};
pub use check::Known;
pub use error::TemplateError;
use error::{sentence, syntax};
use pages::Frame;
use text::Direction;

mod check;
mod error;
mod names;
pub mod pages;
mod say;
pub mod text;

/// Name and source of every template that the program renders itself.
const BUILT_IN: &[(&str, &str)] = &[
    ("mail/answer.html", include_str!("../templates/mail/answer.html")),
    ("mail/answer.txt", include_str!("../templates/mail/answer.txt")),
    ("mail/digest.html", include_str!("../templates/mail/digest.html")),
    ("mail/digest.txt", include_str!("../templates/mail/digest.txt")),
    ("mail/digest_subject.txt", include_str!("../templates/mail/digest_subject.txt")),
    ("web/confirm.html", include_str!("../templates/web/confirm.html")),
    ("web/feed.html", include_str!("../templates/web/feed.html")),
    ("web/index.html", include_str!("../templates/web/index.html")),
    ("web/issue.html", include_str!("../templates/web/issue.html")),
    ("web/layout.html", include_str!("../templates/web/layout.html")),
    ("web/manage.html", include_str!("../templates/web/manage.html")),
    ("web/message.html", include_str!("../templates/web/message.html")),
    ("web/public.html", include_str!("../templates/web/public.html")),
    ("web/self.html", include_str!("../templates/web/self.html")),
    ("web/subscribe.html", include_str!("../templates/web/subscribe.html")),
    ("web/unsubscribe.html", include_str!("../templates/web/unsubscribe.html")),
];

/// A set of templates that are known to be well formed.
#[derive(Debug, Clone)]
pub struct Templates {
    tera: Tera,
    words: Arc<Wordbook>,
    /// Of messages too: they are as much of a page as its template.
    sources: BTreeMap<String, String>,
    /// Names of those that came from the operator's folder.
    replaced: Vec<String>,
}

/// More than any page has, and soon reached by a loop that does not end.
const MOST_BYTES: usize = 64 << 20;

/// Takes what is rendered, up to [`MOST_BYTES`].
#[derive(Default)]
struct Page {
    bytes: Vec<u8>,
    is_full: bool,
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_full = self.bytes.len() + bytes.len() > MOST_BYTES;
        if self.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Templates {
    /// The templates that come with the program.
    #[expect(clippy::missing_panics_doc, reason = "the sources are constant and tested")]
    pub fn builtin() -> Self {
        Self::with(BTreeMap::new(), Path::new("")).expect("the built-in templates are tested")
    }

    /// The built-in templates, each replaced by the file of its name in `folder`, if any; the
    /// built-in words, each replaced by that of its key in `folder`.
    ///
    /// Further `.html` and `.txt` files are taken too, for templates to include. A folder
    /// that does not exist replaces nothing.
    pub fn load(folder: &Path) -> Result<Self, TemplateError> {
        if !folder.exists() {
            return Ok(Self::builtin());
        }
        Self::with(read(folder)?, folder)
    }

    /// Parses the built-in sources and `replacements` that were read from `folder`.
    fn with(replacements: BTreeMap<String, String>, folder: &Path) -> Result<Self, TemplateError> {
        let replaced: Vec<String> = replacements.keys().cloned().collect();
        let words = if replaced.iter().any(|name| words::language_of_file(name).is_some()) {
            Arc::new(Wordbook::with(&replacements, folder)?)
        } else {
            Arc::clone(Wordbook::builtin())
        };
        let built_in = BUILT_IN.iter().copied().chain(words::built_in());
        let mut sources: BTreeMap<String, String> =
            built_in.map(|(name, source)| (name.to_owned(), source.to_owned())).collect();
        sources.extend(replacements);

        let tera = tera(&sources, &words).map_err(|error| syntax(&error, &replaced, folder))?;
        let templates = Self { tera, words, sources, replaced };
        templates.check_keys(folder)?;
        Ok(templates)
    }

    /// As before, with feeds that pages announce (RSS Autodiscovery 1.0, also for Atom): title
    /// and address of each. Templates get them by `feeds()`.
    #[must_use]
    pub fn announcing(mut self, feeds: &[AnnouncedFeed]) -> Self {
        let feeds = tera::Value::from_serializable(feeds);
        self.tera.register_function("feeds", move |_: Kwargs, _: &State<'_>| feeds.clone());
        self
    }

    /// A set of its own, whose sources are part of the program and of no plan.
    pub(crate) fn of(sources: &[(&str, &str)]) -> Self {
        let sources = sources.iter().map(|&(name, source)| (name.to_owned(), source.to_owned()));
        let sources: BTreeMap<String, String> = sources.collect();
        let words = Arc::clone(Wordbook::builtin());
        let tera = tera(&sources, &words).expect("templates of the program are tested");
        Self { tera, words, sources, replaced: Vec::new() }
    }

    /// The words of a language, as templates say them.
    pub fn words(&self, language: &str) -> Words<'_> {
        self.words.words(language)
    }

    pub fn wordbook(&self) -> &Arc<Wordbook> {
        &self.words
    }

    /// Renders the template `name` with the fields of `context`.
    pub fn page(&self, name: &str, context: &impl Serialize) -> Result<String, TemplateError> {
        let whole = |error: &tera::Error| TemplateError::Whole {
            name: name.to_owned(),
            message: error.to_string(),
        };
        let context = Context::from_serialize(context).map_err(|error| whole(&error))?;
        let mut page = Page::default();
        let outcome = self.tera.render_to(name, &context, &mut page);
        if page.is_full {
            let message = format!("it makes more than {} MB", MOST_BYTES >> 20);
            return Err(TemplateError::Whole { name: name.to_owned(), message });
        }
        outcome.map_err(|error| match error.kind() {
            ErrorKind::RenderingError(report) => TemplateError::Render {
                name: report.filename().to_owned(),
                line: report.span().start_line,
                message: sentence(report.message()),
            },
            _ => whole(&error),
        })?;
        Ok(String::from_utf8(page.bytes).expect("a template and its values are UTF-8"))
    }

    /// Whether any template is the operator's own.
    pub fn has_replacements(&self) -> bool {
        !self.replaced.is_empty()
    }

    /// Names of the operator's own templates.
    pub fn replacements(&self) -> impl Iterator<Item = &str> {
        self.replaced.iter().map(String::as_str)
    }

    /// Names of the templates that the program renders itself.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The operator's own that nothing is made with: they replace none, and none includes them.
    pub fn strays(&self) -> impl Iterator<Item = &str> {
        let used: BTreeSet<&str> = Self::names().flat_map(|name| self.reached(name)).collect();
        let is_part =
            move |name: &str| used.contains(name) || names::has_component(&self.sources[name]);
        let is_words = |name: &str| words::language_of_file(name).is_some();
        // Whose folder is a copy of ours has those of the preview's own frame.
        let is_of_preview = |name: &str| name.starts_with("web/preview");
        let is_known = move |name: &str| is_words(name) || is_of_preview(name) || is_part(name);
        self.replacements().filter(move |name| !is_known(name))
    }

    /// What the operator should know of the words in these languages, each once.
    pub fn remarks<'a>(&self, in_use: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let sources = self.sources.iter().filter(|(name, _)| is_template(name));
        let said = sources.flat_map(|(_, source)| names::said(source));
        let said: BTreeSet<&str> = said.filter_map(|said| said.key).collect();
        self.words.remarks(in_use).into_iter().chain(self.words.unsaid(&said)).collect()
    }

    /// Name and source of each template in the order of names, for a plan's hash.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.iter().map(|(name, source)| (name.as_str(), source.as_str()))
    }
}

/// A parsed set of those sources that are templates.
fn tera(sources: &BTreeMap<String, String>, words: &Arc<Wordbook>) -> Result<Tera, tera::Error> {
    let mut tera = Tera::default();
    register(&mut tera);
    say::register(&mut tera, Arc::clone(words));
    tera.add_raw_templates(sources.iter().filter(|(name, _)| is_template(name)))?;
    Ok(tera)
}

fn is_template(name: &str) -> bool {
    name.ends_with(".html") || name.ends_with(".txt")
}

/// Sources of the template and message files below `folder`, under names with `/` between their parts.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut sources = BTreeMap::new();
    for found in WalkDir::new(folder).follow_links(true) {
        let found = found.map_err(|error| TemplateError::Read {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        let path = found.path();
        let parts: Vec<_> = path
            .strip_prefix(folder)
            .unwrap_or(path)
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        let name = parts.join("/");
        let is_ours = is_template(&name) || words::language_of_file(&name).is_some();
        if !found.file_type().is_file() || !is_ours {
            continue;
        }
        let bytes = std::fs::read(path)
            .map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        let source = String::from_utf8(bytes)
            .map_err(|_| TemplateError::Encoding { file: path.display().to_string() })?;
        sources.insert(name, source);
    }
    Ok(sources)
}

/// Adds our filters: `wrap`, `labelled(label="When:")` and `underline(mark="-")` for text parts,
/// and `direction` for the `dir` attribute of a language. `wrap(indent=9)` is for a text that
/// stands behind a label of nine columns: its further lines start below the first one.
fn register(tera: &mut Tera) {
    tera.register_filter("wrap", |value: &str, kwargs: Kwargs, _: &State<'_>| {
        let indent = kwargs.get::<usize>("indent")?.unwrap_or(0);
        let lines = text::wrap(value, text::WIDTH.saturating_sub(indent));
        Ok::<_, tera::Error>(lines.replace('\n', &format!("\n{}", " ".repeat(indent))))
    });
    tera.register_filter("labelled", |value: &str, kwargs: Kwargs, _: &State<'_>| {
        Ok::<_, tera::Error>(text::labelled(kwargs.must_get::<&str>("label")?, value))
    });
    tera.register_filter("underline", |value: &str, kwargs: Kwargs, _: &State<'_>| {
        let mark = kwargs.get::<&str>("mark")?.and_then(|m| m.chars().next()).unwrap_or('-');
        Ok::<_, tera::Error>(text::underline(value, mark))
    });
    // Nobody is announced until somebody is named.
    tera.register_function("feeds", |_: Kwargs, _: &State<'_>| {
        tera::Value::from_serializable::<[AnnouncedFeed; 0]>(&[])
    });
    tera.register_filter("language_name", |value: &str, _: Kwargs, _: &State<'_>| {
        text::language_name(value).to_owned()
    });
    tera.register_filter("direction", |value: &str, _: Kwargs, _: &State<'_>| {
        Direction::of_language(value).as_str()
    });
}

/// A feed that a page tells browsers and readers of.
#[derive(Debug, Clone, Serialize)]
pub struct AnnouncedFeed {
    pub title: String,
    pub url: String,
}

/// What `web/unsubscribe.html` shows.
#[derive(Debug, Clone, Serialize)]
pub struct UnsubscribePage<'a> {
    #[serde(flatten)]
    pub frame: Frame<'a>,
    pub state: UnsubscribeState,
    /// Name of the digest; empty for an invalid link, and where the store cannot be read.
    pub digest: &'a str,
    /// Names of the feeds that end, where it is not the digest.
    pub feeds: Option<String>,
    /// As `m***@example.org`; empty likewise.
    pub address_masked: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
    /// When this person left, and the seal of it; absent where there is nothing to take back.
    pub left: Option<String>,
    pub undo_seal: Option<String>,
    /// Where this person chooses what they get, and stops all of it; absent likewise.
    pub manage: Option<String>,
}

impl<'a> UnsubscribePage<'a> {
    /// One that reaches every branch of its template.
    pub fn sample(site: &'a Site, state: UnsubscribeState, feeds: Option<&str>) -> Self {
        Self {
            frame: Frame::sample(site),
            state,
            digest: "daily",
            feeds: feeds.map(str::to_owned),
            address_masked: "m***@example.org",
            action: "/unsubscribe/TOKEN",
            left: Some("1".into()),
            undo_seal: Some("SEAL".into()),
            manage: Some("../manage/TOKEN".into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnsubscribeState {
    /// Shows a button; opening a link ends nothing.
    Ask,
    Done,
    /// The subscription had ended before.
    Ended,
    /// They left, and took it back.
    Back,
    /// The link names nobody.
    Invalid,
}

impl UnsubscribeState {
    pub const ALL: [Self; 5] = [Self::Ask, Self::Done, Self::Ended, Self::Back, Self::Invalid];
}

/// What `web/message.html` shows: a heading and a sentence, as for an address without a page.
#[derive(Debug, Clone, Serialize)]
pub struct MessagePage<'a> {
    #[serde(flatten)]
    pub frame: Frame<'a>,
    pub title: &'a str,
    pub message: &'a str,
}

#[cfg(test)]
mod tests;
