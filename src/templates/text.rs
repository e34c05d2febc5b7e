//! Plain text laid out in columns: wrapping, underlining, shortening.
//!
//! Widths are those of a terminal with a fixed pitch, after Unicode Standard Annex #11 in a
//! table of the blocks that matter: wide characters count two columns, combining marks none.
//! Lines break at blanks and between wide characters (a short form of Annex #14); a piece
//! that is too long, above all a URL, is never broken.

/// Columns that a mail's text part keeps to.
pub const WIDTH: usize = 72;

/// Columns that `text` takes on one line.
pub fn columns(text: &str) -> usize {
    text.chars().map(column_count).sum()
}

fn column_count(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        _ if is_wide(c) => 2,
        _ => 1,
    }
}

fn is_wide(c: char) -> bool {
    matches!(c as u32,
        0x1100..=0x115f        // Hangul Jamo
        | 0x2e80..=0x303e      // CJK radicals and punctuation
        | 0x3041..=0x33ff      // kana, Bopomofo, CJK compatibility
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff      // CJK unified ideographs
        | 0xa000..=0xa4cf
        | 0xac00..=0xd7a3      // Hangul syllables
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60      // fullwidth forms
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f    // pictographs
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd)
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
        let mut breaks = vec![0];
        let mut chars = word.char_indices().peekable();
        while let (Some((_, before)), Some(&(at, after))) = (chars.next(), chars.peek()) {
            if may_break(before, after) {
                breaks.push(at);
            }
        }
        breaks.push(word.len());
        let spans: Vec<(usize, usize)> = breaks.windows(2).map(|w| (w[0], w[1])).collect();
        spans
            .into_iter()
            .map(move |(from, to)| Piece { text: &word[from..to], after_blank: from == 0 })
    })
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
