//! Feed names: what stands in addresses and file names for a title or a category.
//!
//! Compatibility forms become one (NFKC, Unicode Standard Annex 15), so that full-width and
//! plain spellings of a word name one feed. Letters are not transliterated: a Tamil category
//! keeps its Tamil name, percent-encoded where it stands in an address.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most file systems take 255 bytes for a name; this leaves room for `category-` and `.atom`.
const MAX_BYTES: usize = 200;

/// NFKC, lower case, letters and digits of any script kept, any other run one `-`.
///
/// Marks stay with their letter: without its vowel signs a Tamil word is another one. Two texts
/// whose first 200 bytes give the same name have the same name. Empty where the text has neither
/// letter nor digit.
pub fn feed_name(text: &str) -> String {
    if text.is_ascii() {
        // Already NFKC; selecting asks for a name for each category of each entry.
        return hyphenated(text.chars().map(|letter| letter.to_ascii_lowercase()));
    }
    // Lower case can leave a form that NFKC would join, so that it is applied twice.
    hyphenated(text.nfkc().flat_map(char::to_lowercase).nfkc())
}

fn hyphenated(letters: impl Iterator<Item = char>) -> String {
    let mut name = String::new();
    for letter in letters {
        let after_letter = !name.is_empty() && !name.ends_with('-');
        if letter.is_alphanumeric() || (after_letter && is_combining_mark(letter)) {
            if name.len() + letter.len_utf8() > MAX_BYTES {
                break;
            }
            name.push(letter);
        } else if after_letter && name.len() < MAX_BYTES {
            name.push('-');
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_with_one_hyphen_for_any_other_run() {
        assert_eq!(feed_name("  Press Releases & Speeches! "), "press-releases-speeches");
        assert_eq!(feed_name("COVID-19"), "covid-19");
        assert_eq!(feed_name("a/../b"), "a-b");
    }

    #[test]
    fn spellings_that_look_alike_give_one_name() {
        assert_eq!(feed_name("ＮＥＷＳ　２"), "news-2");
        assert_eq!(feed_name("Cafe\u{301}"), feed_name("Café"));
        assert_eq!(feed_name("ﬁnance"), "finance");
    }

    #[test]
    fn letters_of_any_script_stay_with_their_marks() {
        assert_eq!(feed_name("新闻 发布"), "新闻-发布");
        assert_eq!(feed_name("தமிழ் செய்தி"), "தமிழ்-செய்தி");
    }

    #[test]
    fn a_text_without_letters_gives_an_empty_name() {
        assert_eq!(feed_name("🎉 !?"), "");
    }

    #[test]
    fn a_long_text_is_cut_at_a_letter() {
        let name = feed_name(&"ü".repeat(300));
        assert_eq!(name.len(), 200);
        assert_eq!(feed_name(&format!("{} b", "a".repeat(199))), "a".repeat(199));
    }

    #[test]
    fn a_name_names_itself() {
        for text in ["İstanbul ‰ ½", "Ǆ ŉ ς Σ", "தமிழ்", "a\u{301}\u{327}b--c"] {
            let name = feed_name(text);
            assert_eq!(feed_name(&name), name, "{text}");
        }
    }
}
