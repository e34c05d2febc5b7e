//! Plain text laid out in columns: wrapping, underlining, shortening.
//!
//! Widths are those of a terminal with a fixed pitch, after Unicode Standard Annex #11: wide
//! characters count two columns, combining marks none.
//! Lines break at blanks and between wide characters (a short form of Annex #14); a piece
//! that is too long, above all a URL, is never broken.

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

/// Columns that a mail's text part keeps to.
pub const WIDTH: usize = 72;

/// Value of `dir` (HTML, section 3.2.6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Direction {
    #[serde(rename = "ltr")]
    LeftToRight,
    #[serde(rename = "rtl")]
    RightToLeft,
}

/// Languages written from right to left, by primary subtag.
const RIGHT_TO_LEFT: &[&str] =
    &["ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"];

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeftToRight => "ltr",
            Self::RightToLeft => "rtl",
        }
    }

    pub fn of_language(tag: &str) -> Self {
        let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let is_rtl = RIGHT_TO_LEFT.contains(&primary.as_str());
        if is_rtl { Self::RightToLeft } else { Self::LeftToRight }
    }

    /// That of the first letter (Unicode Standard Annex #9, rules P2 and P3); `None` where
    /// there is no letter.
    pub fn of_text(text: &str) -> Option<Self> {
        let letter = text.chars().find(|c| c.is_alphabetic())?;
        let is_rtl = matches!(letter as u32,
            0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x10800..=0x10fff
            | 0x1e800..=0x1efff);
        Some(if is_rtl { Self::RightToLeft } else { Self::LeftToRight })
    }
}

/// Columns that `text` takes on one line.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|byte| !byte.is_ascii_control()).count();
    }
    text.chars().map(column_count).sum()
}

fn column_count(c: char) -> usize {
    c.width().unwrap_or(0)
}

fn is_wide(c: char) -> bool {
    column_count(c) == 2
}

/// Breaks `text` into lines of at most `width` columns. Line breaks of the text are kept.
pub fn wrap(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for piece in pieces(paragraph) {
            let gap = usize::from(piece.after_blank && used > 0);
            if used > 0 && used + gap + columns(piece.text) > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if gap == 1 {
                line.push(' ');
                used += 1;
            }
            line.push_str(piece.text);
            used += columns(piece.text);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// A run of text that stays on one line.
struct Piece<'a> {
    text: &'a str,
    after_blank: bool,
}

fn pieces(paragraph: &str) -> impl Iterator<Item = Piece<'_>> {
    paragraph.split_ascii_whitespace().flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let after_blank = rest.len() == word.len();
            let (text, after) = rest.split_at(first_break(rest)?);
            rest = after;
            Some(Piece { text, after_blank })
        })
    })
}

/// Where the first piece of a word ends; `None` where there is no word.
fn first_break(word: &str) -> Option<usize> {
    if word.is_empty() || word.is_ascii() {
        return (!word.is_empty()).then_some(word.len());
    }
    let pairs = word.char_indices().skip(1).zip(word.chars());
    let mut breaks = pairs.filter(|((_, after), before)| may_break(*before, *after));
    Some(breaks.next().map_or(word.len(), |((at, _), _)| at))
}

/// Whether a line may end between two characters that no blank parts.
fn may_break(before: char, after: char) -> bool {
    const NOT_FIRST: &str =
        "、。，．：；！？）」』】》〉〕］｝’”…ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.:;!?)]}%";
    const NOT_LAST: &str = "（「『【《〈〔［｛‘“([{$";
    (is_wide(before) || is_wide(after))
        && column_count(after) > 0
        && !NOT_FIRST.contains(after)
        && !NOT_LAST.contains(before)
}

/// `text`, wrapped, with a line of `mark` below it, as wide as the widest line.
pub fn underline(text: &str, mark: char) -> String {
    let wrapped = wrap(text, WIDTH);
    let widest = wrapped.lines().map(columns).max().unwrap_or(0);
    format!("{wrapped}\n{}", mark.to_string().repeat(widest))
}

/// Columns of the labels of a text part.
const LABEL_COLUMNS: usize = 9;

/// `text` behind a label, wrapped, its further lines below the first one.
pub fn labelled(label: &str, text: &str) -> String {
    let indent = LABEL_COLUMNS.max(columns(label) + 1);
    let gap = " ".repeat(indent - columns(label));
    let below = format!("\n{}", " ".repeat(indent));
    let text = wrap(text, WIDTH.saturating_sub(indent)).replace('\n', &below);
    format!("{label}{gap}{text}")
}

/// `text` on one line, shortened to `max` characters at the end of a word, with `…` where
/// something is missing.
pub fn clip(text: &str, max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    let head: String = line.chars().take(max.saturating_sub(1)).collect();
    let next = line.chars().nth(max.saturating_sub(1));
    let cut_in_word = next.is_some_and(|c| c != ' ' && !is_wide(c));
    // A text without blanks, as in Chinese, is cut where the room ends.
    let kept = match head.rfind(' ') {
        Some(blank) if cut_in_word && blank * 2 > head.len() => &head[..blank],
        _ => &head,
    };
    format!("{}…", kept.trim_end_matches([' ', ',', ';', ':', '.', '–', '-']))
}

/// What a language calls itself; its tag where we do not know.
pub fn language_name(tag: &str) -> &str {
    match tag.to_ascii_lowercase().as_str() {
        "zh-hant" | "zh-tw" | "zh-hk" => return "繁體中文",
        "zh-hans" | "zh-cn" | "zh-sg" => return "简体中文",
        _ => {}
    }
    match tag.split('-').next().unwrap_or(tag) {
        "ar" => "العربية",
        "de" => "Deutsch",
        "en" => "English",
        "es" => "Español",
        "fr" => "Français",
        "hi" => "हिन्दी",
        "id" => "Bahasa Indonesia",
        "ja" => "日本語",
        "ko" => "한국어",
        "ms" => "Bahasa Melayu",
        "pt" => "Português",
        "ta" => "தமிழ்",
        "zh" => "中文",
        _ => tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_keep_the_breaks_of_the_text() {
        assert_eq!(wrap("one  two three four", 9), "one two\nthree\nfour");
        assert_eq!(wrap("one two\n\nthree", 10), "one two\n\nthree");
    }

    #[test]
    fn a_url_is_never_broken() {
        let url = "https://press.example.org/media/press-releases/a-very-long-address/";
        assert_eq!(wrap(&format!("See {url} now"), 20), format!("See\n{url}\nnow"));
    }

    #[test]
    fn wide_text_wraps_by_columns_and_keeps_punctuation_off_line_starts() {
        assert_eq!(columns("海港"), 4);
        assert_eq!(wrap("海港市政府今天公布，新渡轮班次", 18), "海港市政府今天公\n布，新渡轮班次");
        let wrapped = wrap(&"海港市，".repeat(20), 10);
        assert!(wrapped.lines().all(|l| !l.starts_with('，') && columns(l) <= 10), "{wrapped}");
    }

    #[test]
    fn marks_above_and_below_letters_take_no_column() {
        // Vowel signs of Arabic and Tamil, and an accent put behind its letter.
        assert_eq!(columns("مُدُن"), 3);
        assert_eq!(columns("கீ"), 1);
        assert_eq!(columns("e\u{301}"), 1);
    }

    #[test]
    fn the_first_letter_gives_the_direction() {
        let check = |text, expected| assert_eq!(Direction::of_text(text), expected, "{text}");
        check("2026: رسوم", Some(Direction::RightToLeft));
        check("Rates رسوم", Some(Direction::LeftToRight));
        check("துறைமுகம்", Some(Direction::LeftToRight));
        check("24/7", None);
    }

    #[test]
    fn an_underline_is_as_wide_as_its_widest_line() {
        assert_eq!(underline("Ferries", '='), "Ferries\n=======");
        assert_eq!(underline("渡轮", '-'), "渡轮\n----");
    }

    #[test]
    fn a_clipped_text_ends_with_a_whole_word() {
        assert_eq!(clip("New ferry  timetable\nfrom March", 100), "New ferry timetable from March");
        assert_eq!(clip("New ferry timetable from March", 22), "New ferry timetable…");
        assert_eq!(clip("New ferry timetable from March", 16), "New ferry…");
        assert_eq!(clip("海港市政府今天公布", 5), "海港市政…");
    }
}
