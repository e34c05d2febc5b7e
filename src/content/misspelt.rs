//! Finds keys of front matter that are nearly one of ours.
//!
//! A key that nobody knows may be anything a site's templates read, so it is passed over. One
//! letter away from `publish_at` it was most likely meant to keep a text back, and nothing but
//! a warning tells its author before the text is out. Looked for are the keys that say whether,
//! when and as what a file is published; `id` is too short to be told from a word.

use super::front_matter::FrontMatter;
use super::problem::{Problems, shorten};
use crate::config::edit_distance;

/// What a slip of the pen is told from.
const KEYS: &[&str] = &[
    "publish_at",
    "publishDate",
    "unpublishDate",
    "expires_at",
    "expiryDate",
    "published",
    "draft",
    "updated",
    "change_note",
    "correction",
    "withdrawn",
    "replaced_by",
    "urgent",
];
/// Words further away that say the same.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("embargo", "publish_at"),
    ("embargo_until", "publish_at"),
    ("expiration_date", "expiryDate"),
    ("expirationdate", "expiryDate"),
    ("expire", "expires_at"),
    ("expires", "expires_at"),
    ("expires_on", "expires_at"),
    ("expiry", "expires_at"),
    ("unpublished", "draft"),
];
/// Keys behind which people put another word: `withdrawn_reason`.
const WHOLE: &[&str] = &["correction", "withdrawn"];
/// Keys of sites that only look alike.
const KEYS_OF_SITES: &[&str] = &["collection", "connection", "publisher", "pubdate"];
/// The shortest key in which two letters may be wrong.
const LONG: usize = 8;

/// Warns of each key that is nearly one of ours, where the file does not have that one too.
pub(super) fn warn_of_near_misses(front_matter: &FrontMatter, problems: &mut Problems) {
    for key in front_matter.keys() {
        let Some(meant) = meant(key) else { continue };
        let Some(field) = front_matter.field(key) else { continue };
        // A list or a mapping was meant for something else.
        if field.text().is_none() || front_matter.field(meant).is_some() {
            continue;
        }
        problems.warn(
            field.place(),
            format!("`{}` is not a key that is read", shorten(key)),
            &format!("did you mean `{meant}`?"),
        );
    }
}

fn meant(key: &str) -> Option<&'static str> {
    let key = key.trim().to_lowercase();
    let is_same = |known: &&str| known.eq_ignore_ascii_case(&key);
    if KEYS.iter().chain(KEYS_OF_SITES).any(is_same) {
        return None;
    }
    let other = OTHER_WORDS.iter().find(|(word, _)| *word == key).map(|(_, meant)| *meant);
    let longer = || {
        let begins = |known: &&&str| {
            key.strip_prefix(**known).is_some_and(|rest| rest.starts_with(['_', '-', ' ']))
        };
        WHOLE.iter().find(begins).copied()
    };
    other.or_else(longer).or_else(|| nearest(&key))
}

fn nearest(key: &str) -> Option<&'static str> {
    let near = KEYS.iter().filter_map(|known| {
        let distance = distance(key, &known.to_lowercase())?;
        Some((distance, *known))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// How many letters are wrong, where they are few, or two have changed places. The first letter
/// is right: `craft` is no slip of `draft`.
fn distance(key: &str, known: &str) -> Option<usize> {
    if key.chars().next() != known.chars().next() || key.len().abs_diff(known.len()) > 2 {
        return None;
    }
    let limit = if known.len() < LONG && !has_same_letters(key, known) { 1 } else { 2 };
    Some(edit_distance(key, known)).filter(|distance| *distance <= limit)
}

fn has_same_letters(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(one) == sorted(other)
}
