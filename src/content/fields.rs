//! Reads the plain keys of front matter: title, language, files, image, notes, lists.

use url::Url;

use super::front_matter::{Field, FrontMatter, Value};
use super::links::Base;
use super::problem::{Place, Problems, is_direction_mark};
use super::text::{one_line, strip_unpublishable};
use super::{DraftKind, Rules, dates, kind, permalink};
use crate::link_text;
use crate::model::{Enclosure, EntryId, Language, Notes};

/// The longest title: more than that is a text that lost its place.
const TITLE_CHARACTERS: usize = 500;
/// Keys that decide what is published, each with one value.
const SINGLE_KEYS: &[&str] =
    &["title", "permalink", "url", "draft", "published", "withdrawn", "correction", "change_note"];
/// Keys that are left out where they hold more than one value.
const SINGLE_KEYS_LEFT_OUT: &[&str] = &[
    "id",
    "language",
    "lang",
    "agency",
    "description",
    "slug",
    "urgent",
    "external",
    "file_url",
    "replaced_by",
];

/// Reports lists and mappings where one value is due, and words where yes or no is.
///
/// Dates have a check of their own, and the readers of the other keys pass over such a value.
pub(super) fn check_shapes(front_matter: &FrontMatter, problems: &mut Problems) {
    let shaped = |key: &&str| {
        let field = front_matter.field(key).filter(|field| field.text().is_none())?;
        let shape = field.shape();
        let message = format!("`{key}` is {shape} where one value is due");
        Some((field.place(), message, format!("write one value behind `{key}:`")))
    };
    for (place, message, remedy) in SINGLE_KEYS.iter().filter_map(shaped) {
        problems.error(place, message, &remedy);
    }
    for (place, message, remedy) in SINGLE_KEYS_LEFT_OUT.iter().filter_map(shaped) {
        problems.warn(place, format!("{message}, so it is left out"), &remedy);
    }
    if let Some(field) = front_matter.field("event")
        && matches!(field.value, Value::List(_))
    {
        problems.warn(
            field.place(),
            "`event` is a list where keys of its own are due, so it is left out",
            "write `event: {start: 2026-11-21T09:00:00+08:00}`",
        );
    }
    for key in ["draft", "published", "urgent"] {
        let Some(field) = front_matter.field(key) else { continue };
        let Some(text) = field.text() else { continue };
        // In Hugo `published` may be a date.
        let is_date = key == "published" && dates::parse(text).is_ok();
        if is_date || front_matter.is_true(key) || front_matter.is_false(key) {
            continue;
        }
        // Whoever wrote it may have meant to keep the text back.
        problems.error(
            field.place(),
            format!("`{key}` is neither `true` nor `false`"),
            &format!("write `{key}: true` or `{key}: false`"),
        );
    }
}

/// The title in one line of plain text. A page without one takes its heading or file name.
pub(super) fn title(
    path: &str,
    kind: DraftKind,
    front_matter: &FrontMatter,
    body: &str,
    problems: &mut Problems,
) -> String {
    let field = front_matter.field("title");
    let written = field.as_ref().and_then(|f| f.text().map(one_line)).unwrap_or_default();
    let title = without_strong(written.replace(is_direction_mark, "").trim());
    let place = field.as_ref().map(Field::place);
    // An open one would turn what stands behind the title in a reader's list.
    if let Some(place) = place.clone().filter(|_| written.contains(is_direction_mark)) {
        problems.warn(
            place,
            "`title` holds invisible characters that turn the direction of writing; they are left out",
            "write it without them: Arabic and Hebrew need none",
        );
    }
    let length = title.chars().count();
    if let Some(flaw) = link_text::flaw(&title).filter(|_| kind != DraftKind::Page) {
        problems.warn(
            place.clone().unwrap_or_default(),
            format!("`title` is all that links to it say, and {flaw}"),
            "say in a few words what is new",
        );
    }
    if let Some(place) = place.filter(|_| length > TITLE_CHARACTERS) {
        problems.error(
            place,
            format!("`title` is {length} characters long, more than {TITLE_CHARACTERS}"),
            "write a short one, and the rest below the front matter",
        );
    }
    if !title.is_empty() {
        return title;
    }
    let is_shaped = field.as_ref().is_some_and(|field| field.text().is_none());
    if kind != DraftKind::Page && !is_shaped {
        let (place, message) = match front_matter.blank("title") {
            Some(place) => (place, "`title` is empty"),
            None => (Place::missing("title"), "there is no title"),
        };
        problems.error(place, message, "write `title: Board appointments`");
    }
    let heading = body.lines().find_map(|line| line.trim().strip_prefix("# ").map(one_line));
    heading.filter(|h| !h.is_empty()).unwrap_or_else(|| plain_name(kind::stem(path)))
}

/// `a **word** more` without the stars; a title is no Markdown, but authors use it so.
fn without_strong(title: &str) -> String {
    let parts: Vec<&str> = title.split("**").collect();
    let is_paired = parts.len() > 2 && parts.len() % 2 == 1;
    let is_strong = |inner: &str| !inner.is_empty() && inner.trim() == inner;
    if is_paired && parts.iter().skip(1).step_by(2).all(|inner| is_strong(inner)) {
        parts.concat()
    } else {
        title.to_owned()
    }
}

/// The author's, else Hugo's language folder or ending (`content/fr/`, `one.fr.md`), else the
/// site's.
pub(super) fn language(
    path: &str,
    front_matter: &FrontMatter,
    rules: &Rules,
    problems: &mut Problems,
) -> Language {
    if let Some(field) = front_matter.first(&["language", "lang", "locale"])
        && let Some(text) = field.text()
    {
        match text.parse() {
            Ok(language) => return language,
            Err(_) => problems.warn(
                field.place(),
                format!("`{}` is not a language", field.name),
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
    let field = front_matter.field("file_url").filter(|field| field.text().is_some());
    let Some(field) = field else { return Vec::new() };
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
    let text = field.text()?;
    let is_iri = Url::parse(text).is_ok() && !text.contains(char::is_whitespace);
    if !is_iri {
        problems.warn(
            field.place(),
            "`id` is not an IRI, so it is not used",
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
    let withdrawn = front_matter.field("withdrawn").filter(|_| !front_matter.is_false("withdrawn"));
    if withdrawn.is_some()
        && let Some(field) = front_matter.field("correction")
    {
        problems.warn(
            field.place(),
            "`correction` and `withdrawn` are both given; it is withdrawn, and nobody is told of a new correction",
            "take `withdrawn` out if the text still stands, else `correction`",
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
    let url = base.resolve_web(field.text()?);
    if url.is_none() {
        problems.warn(
            field.place(),
            "`replaced_by` is not an address",
            "write `/media/new-text/` or a full address",
        );
    }
    url
}

/// What an entry is filed under: the author's categories, and those the place of the file says.
pub(super) struct Categories {
    pub(super) own: Vec<String>,
    /// The folders above `_posts`, then the author's.
    pub(super) all: Vec<String>,
}

/// In Jekyll each folder above `_posts` is a category. Isomer has two, as in
/// `news/press-releases/_posts/`, and shows only the inner one as a category: the outer one is
/// the room that holds all of them. Marks that sort folders (`--press-releases`) are no part
/// of a name.
pub(super) fn categories(path: &str, front_matter: &FrontMatter) -> Categories {
    let own = words_or_list(path, front_matter, "categories", "category");
    let rooms = usize::from(kind::folders_above_posts(path).count() > 1);
    let folders = kind::folders_above_posts(path).skip(rooms);
    let mut all: Vec<String> = Vec::new();
    for folder in folders {
        let name = plain_name(folder);
        let name = name.trim_matches(['-', '_', ' ']);
        let is_same = |other: &String| other.to_lowercase() == name.to_lowercase();
        if !name.is_empty() && !own.iter().chain(&all).any(is_same) {
            all.push(name.to_owned());
        }
    }
    all.extend(own.iter().cloned());
    Categories { own, all }
}

/// The name of a file or folder in one line, without what a feed may not hold.
fn plain_name(name: &str) -> String {
    let name = name.replace(char::is_whitespace, " ");
    strip_unpublishable(name).replace(is_direction_mark, "")
}

/// The values of a key for many (`tags`) and of that for one (`tag`), each once.
///
/// In a post of Jekyll's a text without a comma under the first is split at its blanks.
pub(super) fn words_or_list(
    path: &str,
    front_matter: &FrontMatter,
    many: &str,
    one: &str,
) -> Vec<String> {
    let mut all = list(front_matter, &[many, one]);
    if kind::is_in_posts(path)
        && let Some(text) = front_matter.field(many).as_ref().and_then(Field::text)
        && !text.contains(',')
    {
        all = text.split_whitespace().map(one_line).collect();
        for word in list(front_matter, &[one]) {
            if !all.contains(&word) {
                all.push(word);
            }
        }
    }
    all
}

/// Words of a list, or of a text with commas, each once and in the author's order.
fn list(front_matter: &FrontMatter, keys: &[&str]) -> Vec<String> {
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
