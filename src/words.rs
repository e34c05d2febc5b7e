//! What pages and mails say, in each language: messages of Project Fluent (Fluent Syntax 1.0),
//! built in from `messages/`, each replaceable key by key by an office.
//!
//! Pure: texts come in as sources, and words of a key and its arguments go out. A language that
//! lacks a key says it in English; a key that nobody has is found when templates are loaded.
//! Left out: marks of isolation around arguments (Unicode Standard Annex #9), which subjects and
//! text parts would show in some mail programs; templates set `dir` and `bdi` instead.

mod check;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

pub use fluent_bundle::FluentValue as Argument;
pub use request::{accepted, best};

/// Said by whoever has no other words.
const ENGLISH: &str = "en";

/// Folder of the messages, among the templates of an office too.
const FOLDER: &str = "messages/";

const BUILT_IN: &[(&str, &str)] = &[
    ("messages/en.ftl", include_str!("../messages/en.ftl")),
    ("messages/ms.ftl", include_str!("../messages/ms.ftl")),
    ("messages/ta.ftl", include_str!("../messages/ta.ftl")),
    ("messages/zh.ftl", include_str!("../messages/zh.ftl")),
];

#[derive(Debug, thiserror::Error)]
#[error(
    "messages `{file}` line {line}: {message}: mend the line, or remove it to use the built-in words"
)]
pub struct WordsError {
    pub file: String,
    pub line: usize,
    pub message: String,
}

/// The words of every language.
#[derive(Debug)]
pub struct Wordbook {
    /// By tag in lower case.
    languages: BTreeMap<String, Speech>,
    /// Keys that no other message refers to and that are not built in, with their files: of an
    /// office's own templates, or misspelt.
    added: BTreeMap<String, String>,
}

/// One language with all that stands behind it: English, then broader tags, then its own words.
struct Speech {
    /// As its file is named.
    tag: String,
    bundle: FluentBundle<Arc<FluentResource>>,
    /// Keys that it does not leave to English.
    own: BTreeSet<String>,
    /// No speaker has read it.
    is_draft: bool,
    /// Whether an office brought the language.
    is_foreign: bool,
}

impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// What one file says.
struct Source {
    file: String,
    resource: Arc<FluentResource>,
}

impl Source {
    fn keys(&self) -> impl Iterator<Item = &str> {
        check::keys(&self.resource)
    }
}

/// Name and source of each file that is built in.
pub(crate) fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILT_IN.iter().copied()
}

/// The language whose messages a file among the templates holds: `messages/zh.ftl`.
pub(crate) fn language_of_file(name: &str) -> Option<&str> {
    name.strip_prefix(FOLDER)?.strip_suffix(".ftl").filter(|tag| !tag.contains('/'))
}

impl Wordbook {
    /// The words that come with the program.
    pub fn builtin() -> &'static Arc<Self> {
        static BUILT_IN: LazyLock<Arc<Wordbook>> = LazyLock::new(|| {
            let book = Wordbook::with(&BTreeMap::new(), Path::new(""));
            Arc::new(book.expect("the built-in messages are tested"))
        });
        &BUILT_IN
    }

    /// The built-in words, and over them key by key those of `own`: sources by file name, as
    /// `messages/zh.ftl`, read from `folder`.
    pub fn with(own: &BTreeMap<String, String>, folder: &Path) -> Result<Self, WordsError> {
        let mut sources: BTreeMap<String, (String, Vec<Source>)> = BTreeMap::new();
        let named = BUILT_IN.iter().map(|&(name, source)| (name, source, PathBuf::from(name)));
        let own = own.iter().map(|(name, source)| (&**name, &**source, folder.join(name)));
        for (name, source, path) in named.chain(own) {
            let Some(tag) = language_of_file(name) else { continue };
            let file = path.display().to_string();
            let resource = Arc::new(check::parse(source, &file)?);
            let (_, sources) = sources
                .entry(tag.to_ascii_lowercase())
                .or_insert_with(|| (tag.to_owned(), Vec::new()));
            sources.push(Source { file, resource });
        }
        let languages = sources
            .iter()
            .map(|(key, (tag, _))| Ok((key.clone(), speech(tag, &sources)?)))
            .collect::<Result<_, WordsError>>()?;
        Ok(Self { added: added(&sources), languages })
    }

    /// The words for readers of `language`: of `zh-Hans-SG` those in `zh-Hans`, else in `zh`
    /// (RFC 4647, section 3.4), else in English.
    pub fn words(&self, language: &str) -> Words<'_> {
        let lower = language.to_ascii_lowercase();
        let speech = ranges(&lower).find_map(|range| self.languages.get(range));
        Words { speech: speech.unwrap_or_else(|| &self.languages[ENGLISH]) }
    }

    /// Whether readers of `language` get words that are theirs.
    pub fn speaks(&self, language: &str) -> bool {
        is_same_language(self.words(language).language(), language)
    }

    /// What a key is given, where there is such a key.
    pub(crate) fn arguments(&self, key: &str) -> Option<BTreeSet<String>> {
        let mut known = self.languages.values().filter_map(|speech| speech.arguments(key));
        let first = known.next()?;
        Some(known.fold(first, |all, more| all.union(&more).cloned().collect()))
    }

    /// The key that a mistaken one may stand for.
    pub(crate) fn nearest(&self, key: &str) -> Option<&str> {
        let known = self.languages[ENGLISH].own.iter().map(String::as_str);
        let known = known.filter(|known| !self.added.contains_key(*known));
        known.min_by_key(|known| distance(known, key)).filter(|known| distance(known, key) <= 3)
    }

    /// Keys that no template says, though only templates could, with their files and neighbours.
    pub(crate) fn unsaid(&self, said: &BTreeSet<&str>) -> impl Iterator<Item = String> {
        self.added.iter().filter(|(key, _)| !said.contains(key.as_str())).map(|(key, file)| {
            let near = self.nearest(key).map(|near| format!(": did you mean `{near}`?"));
            format!("nothing says the key `{key}` of `{file}`{}", near.unwrap_or_default())
        })
    }

    /// What the operator should know of the words in the languages that are in use.
    pub fn remarks<'a>(&self, in_use: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut remarks = BTreeSet::new();
        for language in in_use {
            if !self.speaks(language) {
                remarks.insert(format!(
                    "pages and mails have no words in `{language}` and say theirs in English: put \
                     a file `messages/{language}.ftl` among your templates"
                ));
                continue;
            }
            let Speech { tag, is_draft, is_foreign, own, .. } = self.words(language).speech;
            if *is_draft {
                remarks.insert(format!(
                    "the words of pages and mails in `{tag}` are a draft: let a speaker read them, \
                     then put `-status = read` into `messages/{tag}.ftl` among your templates"
                ));
            }
            let missing: Vec<&str> =
                self.languages[ENGLISH].own.difference(own).map(String::as_str).collect();
            if *is_foreign && !missing.is_empty() {
                remarks.insert(format!(
                    "`messages/{tag}.ftl` lacks what is said in English instead: `{}`",
                    missing.join("`, `")
                ));
            }
        }
        remarks.into_iter().collect()
    }
}

/// All that `tag` says, from the sources of every language.
fn speech(
    tag: &str,
    sources: &BTreeMap<String, (String, Vec<Source>)>,
) -> Result<Speech, WordsError> {
    let lower = tag.to_ascii_lowercase();
    let primary = lower.split('-').next().unwrap_or_default();
    // Plural rules of the language; those of tags that Fluent cannot read are English.
    let locale = lower.parse().or_else(|_| primary.parse()).unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    bundle.set_use_isolating(false);
    // Broad before narrow, so that what is narrow stands over it.
    let mut broader: Vec<&str> = ranges(&lower).filter(|range| *range != ENGLISH).collect();
    broader.reverse();
    let mut layers: Vec<(&Source, bool)> = Vec::new();
    for range in [ENGLISH].into_iter().chain(broader) {
        let is_own = range != ENGLISH || lower == ENGLISH;
        let found = sources.get(range).into_iter().flat_map(|(_, sources)| sources);
        layers.extend(found.map(|source| (source, is_own)));
    }
    for (source, _) in &layers {
        bundle.add_resource_overriding(Arc::clone(&source.resource));
    }
    let own = layers.iter().filter(|(_, is_own)| *is_own);
    let own = own.flat_map(|(source, _)| check::keys(&source.resource)).map(str::to_owned);
    let statuses = sources.get(&lower).into_iter().flat_map(|(_, sources)| sources);
    let is_draft = statuses.filter_map(|source| check::status(&source.resource)).next_back();
    let speech = Speech {
        tag: tag.to_owned(),
        own: own.collect(),
        is_draft: is_draft.is_some_and(|status| status == "draft"),
        is_foreign: language_files().all(|built_in| !built_in.eq_ignore_ascii_case(tag)),
        bundle,
    };
    let english = sources.get(ENGLISH).into_iter().filter_map(|(_, sources)| sources.first());
    let english: Vec<&FluentResource> = english.map(|source| &*source.resource).collect();
    // What is narrow first: whoever wrote it is to be told, not whose words refer to it.
    for (source, _) in layers.iter().rev() {
        check::arguments(&source.resource, &english, &speech)
            .map_err(|(line, message)| WordsError { file: source.file.clone(), line, message })?;
    }
    Ok(speech)
}

/// Keys that are not built in and that no message refers to, with a file of each.
fn added(sources: &BTreeMap<String, (String, Vec<Source>)>) -> BTreeMap<String, String> {
    let built_in: BTreeSet<&str> = sources[ENGLISH].1[..1].iter().flat_map(Source::keys).collect();
    let mut added: BTreeMap<String, String> = sources
        .values()
        .flat_map(|(_, sources)| sources)
        .flat_map(|source| source.keys().map(|key| (key.to_owned(), source.file.clone())))
        .filter(|(key, _)| !built_in.contains(key.as_str()))
        .collect();
    for source in sources.values().flat_map(|(_, sources)| sources) {
        for key in check::referred(&source.resource) {
            added.remove(key);
        }
    }
    added
}

/// Languages whose messages are built in.
fn language_files() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().filter_map(|(name, _)| language_of_file(name))
}

/// `zh-hans-sg`, `zh-hans`, `zh`: a tag and what it is a kind of, narrowest first.
fn ranges(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| tag.rsplit_once('-').map(|(range, _)| range))
}

/// Whether two tags name one language, however closely.
pub(crate) fn is_same_language(one: &str, other: &str) -> bool {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    primary(one) == primary(other)
}

/// How many letters differ (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}

impl Speech {
    /// What its message of this key is given, also by way of those it refers to.
    fn arguments(&self, key: &str) -> Option<BTreeSet<String>> {
        let mut arguments = BTreeSet::new();
        let mut keys = BTreeSet::new();
        let mut open = vec![key.to_owned()];
        self.bundle.get_message(key)?;
        while let Some(key) = open.pop() {
            if let Some(pattern) = self.bundle.get_message(&key).and_then(|m| m.value())
                && keys.insert(key)
            {
                let parts = check::parts(pattern);
                arguments.extend(parts.arguments.into_iter().map(str::to_owned));
                open.extend(parts.messages.into_iter().map(str::to_owned));
            }
        }
        Some(arguments)
    }
}

/// The words of one language.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    speech: &'a Speech,
}

impl Words<'static> {
    /// The built-in English words, for what is written in no other language.
    pub fn english() -> Self {
        Wordbook::builtin().words(ENGLISH)
    }
}

impl<'a> Words<'a> {
    /// Tag of the language that they are in.
    pub fn language(self) -> &'a str {
        &self.speech.tag
    }

    /// What stands under `key`, with its arguments in place. A key that there is not is said
    /// itself; the tests know all keys that the program says.
    pub fn say(self, key: &str, arguments: &[(&str, Argument<'_>)]) -> String {
        let arguments = arguments.iter().map(|(name, value)| (*name, value.clone()));
        self.said(key, &arguments.collect()).unwrap_or_else(|| key.to_owned())
    }

    /// As before; `None` where there is no such key.
    pub(crate) fn said(self, key: &str, arguments: &FluentArgs<'_>) -> Option<String> {
        let bundle = &self.speech.bundle;
        let pattern = bundle.get_message(key)?.value()?;
        let mut errors = Vec::new();
        Some(bundle.format_pattern(pattern, Some(arguments), &mut errors).into_owned())
    }
}

#[cfg(test)]
mod tests;
