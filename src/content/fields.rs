//! Reads the plain keys of front matter: language, files, image, notes, lists.

use url::Url;

use super::front_matter::{Field, FrontMatter, Value};
use super::links::Base;
use super::problem::{Problems, shorten};
use super::text::one_line;
use super::{Rules, kind, permalink};
use crate::model::{Enclosure, EntryId, Language, Notes};

/// The author's, else Hugo's language folder or ending (`content/fr/`, `one.fr.md`), else the
/// site's.
pub(super) fn language(
    path: &str,
    front_matter: &FrontMatter,
    rules: &Rules,
    problems: &mut Problems,
) -> Language {
    if let Some(field) = front_matter.first(&["language", "lang", "locale"]) {
        match field.text().unwrap_or_default().parse() {
            Ok(language) => return language,
            Err(error) => problems.warn(
                field.place(),
                format!("{error}"),
                "write `language: en`; the site's language is used",
            ),
        }
    }
    let mut folders = kind::folders(path);
    let folder = folders.next().filter(|f| *f == "content").and_then(|_| folders.next());
    let ending = kind::stem(path).rsplit_once('.').map(|(_, ending)| ending);
    let by_place = [folder, ending].into_iter().flatten().find(|part| is_language_code(part));
    by_place.and_then(|part| part.parse().ok()).unwrap_or_else(|| rules.language.clone())
}

/// Two small letters; longer tags look like any other folder.
fn is_language_code(part: &str) -> bool {
    part.len() == 2 && part.bytes().all(|b| b.is_ascii_lowercase())
}

pub(super) fn enclosures(
    front_matter: &FrontMatter,
    rules: &Rules,
    problems: &mut Problems,
) -> Vec<Enclosure> {
    let Some(field) = front_matter.field("file_url") else { return Vec::new() };
    let Some(url) = permalink::elsewhere(&field, rules) else {
        problems.warn(
            field.place(),
            "`file_url` is not an address",
            "write `/files/statement.pdf` or a full address",
        );
        return Vec::new();
    };
    let media_type = permalink::media_type(&url).to_owned();
    vec![Enclosure { url, media_type, length_bytes: None }]
}

/// `id` where it is an IRI; other families use the key for names of their own.
pub(super) fn pinned_id(front_matter: &FrontMatter, problems: &mut Problems) -> Option<EntryId> {
    let field = front_matter.field("id")?;
    let text = field.text().unwrap_or_default();
    let is_iri = Url::parse(text).is_ok() && !text.contains(char::is_whitespace);
    if !is_iri {
        problems.warn(
            field.place(),
            format!("`id` is not an IRI and is not used: `{}`", shorten(text)),
            "write it as `tag:example.org,2026:news/board-appointments`, or leave it out",
        );
    }
    is_iri.then(|| EntryId::new(text))
}

pub(super) fn image(front_matter: &FrontMatter, base: &Base) -> Option<Url> {
    let field = front_matter.field("image")?;
    let text = match &field.value {
        Value::Map(_) => ["src", "url", "path"].iter().find_map(|key| {
            let child = front_matter.child(&field, key)?;
            child.text().map(str::to_owned)
        })?,
        _ => field.texts().into_iter().next()?,
    };
    // A bare word is a name in a media library.
    let is_address = text.contains(['/', '.']);
    if !is_address {
        return None;
    }
    rooted(&text, base)
}

/// Images of front matter are counted from the site's root, with or without a slash.
fn rooted(text: &str, base: &Base) -> Option<Url> {
    if text.starts_with('/') || text.contains("://") || text.starts_with("www.") {
        base.resolve_web(text)
    } else {
        base.resolve_web(&format!("/{text}"))
    }
}

pub(super) fn notes(front_matter: &FrontMatter, base: &Base, problems: &mut Problems) -> Notes {
    let text = |key: &str| {
        let text = front_matter.text(&[key]).map(|text| one_line(&text));
        text.filter(|text| !text.is_empty())
    };
    if front_matter.is_true("withdrawn")
        && let Some(field) = front_matter.field("withdrawn")
    {
        problems.error(
            field.place(),
            "`withdrawn` does not say why",
            "write the reason, as `withdrawn: Issued in error`",
        );
    }
    Notes {
        change: text("change_note"),
        correction: text("correction"),
        withdrawn: text("withdrawn").filter(|_| !front_matter.is_false("withdrawn")),
        replaced_by: front_matter
            .field("replaced_by")
            .and_then(|f| replaced_by(&f, base, problems)),
    }
}

fn replaced_by(field: &Field, base: &Base, problems: &mut Problems) -> Option<Url> {
    let url = field.text().and_then(|text| base.resolve_web(text));
    if url.is_none() {
        problems.warn(
            field.place(),
            "`replaced_by` is not an address",
            "write `/media/new-text/` or a full address",
        );
    }
    url
}

/// Words of a list, or of a text with commas, each once and in the author's order.
pub(super) fn list(front_matter: &FrontMatter, keys: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for field in keys.iter().filter_map(|key| front_matter.field(key)) {
        let texts = match &field.value {
            Value::Text(text) => text.split(',').map(str::to_owned).collect(),
            _ => field.texts(),
        };
        for text in texts.iter().map(|text| one_line(text)) {
            if !text.is_empty() && !all.contains(&text) {
                all.push(text);
            }
        }
    }
    all
}
