//! Plain text for summaries, text parts and titles; and which characters may leave this module.

use super::dates;
use super::tags::{Piece, attribute, decode, pieces};

/// About as long as a reader's list shows.
const SUMMARY_CHARACTERS: usize = 280;
/// As much text nearly always holds a summary.
const SUMMARY_SOURCE_BYTES: usize = 2_000;
const DESCRIPTION_CHARACTERS: usize = 500;
/// Lists nested deeper than this are not indented further.
const INDENT_LIMIT: usize = 8;

/// Whether a character may stand in a feed and a mail.
///
/// XML 1.0 forbids control characters and U+FFFE, U+FFFF. The private planes 15 and 16 are
/// other modules' marks.
fn is_publishable(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{fffe}' | '\u{ffff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Leaves out what may not stand in a feed or a mail; nearly always there is nothing to do.
pub(crate) fn strip_unpublishable(text: String) -> String {
    // Every character that is left out begins with one of these bytes in UTF-8; most texts hold
    // none of them, and bytes are looked at many at a time.
    let may_begin_one = |byte: u8| {
        byte < b' ' && byte != b'\n' && byte != b'\t' || matches!(byte, 0x7f | 0xc2 | 0xef | 0xf3..)
    };
    let is_suspect = text.bytes().fold(false, |found, byte| found | may_begin_one(byte));
    if !is_suspect || text.chars().all(is_publishable) {
        return text;
    }
    text.chars().filter(|c| is_publishable(*c)).collect()
}

/// One line of text from what an author may have written with entities or tags in it.
pub(crate) fn one_line(text: &str) -> String {
    let has_markup = text.contains('&') || text.contains('<');
    let text = if has_markup { of_html(&ammonia::clean(text)) } else { text.to_owned() };
    join_words(&strip_unpublishable(text))
}

fn join_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The text of sanitised HTML: blocks set apart by a blank line, lists with their marks,
/// table cells by ` | `, images as `[their text]`.
pub(crate) fn of_html(html: &str) -> String {
    let out = String::with_capacity(html.len());
    Writer { names_images: true, out, ..Writer::default() }.write(html)
}

/// The first whole lines of that text, without images: about `length_bytes` where there is as
/// much.
fn head_of_html(html: &str, length_bytes: usize) -> String {
    Writer { length_bytes: Some(length_bytes), ..Writer::default() }.write(html)
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Text of the line in work.
    line: String,
    /// One for each open list; the number of the next item where it is ordered.
    lists: Vec<Option<i64>>,
    /// Mark of the item whose first line is still to come.
    mark: Option<String>,
    pre_depth: usize,
    /// Newlines wanted before the next line.
    gap: usize,
    names_images: bool,
    /// Where to stop.
    length_bytes: Option<usize>,
}

impl Writer {
    fn write(mut self, html: &str) -> String {
        for piece in pieces(html) {
            match piece {
                Piece::Text(text) => self.text(&decode(text)),
                Piece::Open(raw) => self.open(piece.name(), raw),
                Piece::Close(_) => self.close(piece.name()),
                Piece::Other(_) => {}
            }
            if self.length_bytes.is_some_and(|length| self.out.len() >= length) {
                return self.out;
            }
        }
        self.end_line(1);
        self.out
    }

    fn text(&mut self, text: &str) {
        if self.pre_depth > 0 {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.end_line(1);
                }
                self.line.push_str(line);
            }
            return;
        }
        if has_single_spaces(text) {
            let is_at_word = !self.line.is_empty() && !self.line.ends_with(' ');
            self.line.push_str(if is_at_word { text } else { text.trim_start_matches(' ') });
            return;
        }
        let mut rest = text;
        while let Some(at) = find_odd_blank(rest) {
            let (words, blanks) = rest.split_at(at);
            self.line.push_str(words);
            if !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
            rest = blanks.trim_start();
        }
        self.line.push_str(rest);
    }

    fn open(&mut self, name: &str, raw: &str) {
        match name {
            "br" | "tr" => self.end_line(1),
            "hr" => self.end_line(2),
            "img" if self.names_images => {
                if let Some(alt) = attribute(raw, "alt").map(|a| join_words(&a))
                    && !alt.is_empty()
                {
                    self.text(&format!(" [{alt}] "));
                }
            }
            "ul" | "ol" => {
                self.end_line(if self.lists.is_empty() { 2 } else { 1 });
                let start = attribute(raw, "start").and_then(|s| s.parse().ok()).unwrap_or(1);
                self.lists.push((name == "ol").then_some(start));
            }
            "li" => {
                self.end_line(1);
                self.mark = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                });
            }
            "td" | "th" if !self.line.trim().is_empty() => self.line.push_str("| "),
            "pre" => {
                self.end_line(2);
                self.pre_depth += 1;
            }
            _ if is_block(name) => self.end_line(self.block_gap()),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "ul" | "ol" => {
                self.lists.pop();
                self.end_line(if self.lists.is_empty() { 2 } else { 1 });
            }
            "li" | "tr" => {
                self.end_line(1);
                self.mark = None;
            }
            "td" | "th" => self.text(" "),
            "pre" => {
                self.end_line(2);
                self.pre_depth = self.pre_depth.saturating_sub(1);
            }
            _ if is_block(name) => self.end_line(self.block_gap()),
            _ => {}
        }
    }

    /// Paragraphs inside list items stand close.
    fn block_gap(&self) -> usize {
        if self.lists.is_empty() { 2 } else { 1 }
    }

    fn end_line(&mut self, gap: usize) {
        let line = self.line.trim_end();
        let line = if self.pre_depth > 0 { line } else { line.trim_start() };
        if !line.is_empty() {
            if !self.out.is_empty() {
                self.out.push_str(if self.gap > 1 { "\n\n" } else { "\n" });
            }
            self.gap = 0;
            let depth = self.lists.len();
            if depth > 0 {
                self.out.push_str(&"  ".repeat(depth.min(INDENT_LIMIT) - 1));
                self.out.push_str(self.mark.take().as_deref().unwrap_or("  "));
            }
            self.out.push_str(line);
        }
        self.line.clear();
        self.gap = self.gap.max(gap);
    }
}

/// Whether all blanks of a text are single spaces, as far as bytes can tell; looks at many at a
/// time.
fn has_single_spaces(text: &str) -> bool {
    let bytes = text.as_bytes();
    let may_be_odd = |byte: u8| byte < b' ' || matches!(byte, 0xc2 | 0xe1..=0xe3);
    !bytes.iter().fold(false, |found, byte| found | may_be_odd(*byte))
        && memchr::memmem::find(bytes, b"  ").is_none()
}

/// Where the first blank is that is no single space between two words.
fn find_odd_blank(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // What is no blank in ASCII, or cannot begin another blank in UTF-8, is passed over.
    let may_be_blank = |byte: &u8| *byte <= b' ' || matches!(byte, 0xc2 | 0xe1..=0xe3);
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(may_be_blank)?;
        let stands_between_words =
            bytes[at] == b' ' && at > 0 && bytes.get(at + 1).is_some_and(u8::is_ascii_graphic);
        if stands_between_words {
            at += 1;
            continue;
        }
        let c = text[at..].chars().next()?;
        if c.is_whitespace() {
            return Some(at);
        }
        at += c.len_utf8();
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "blockquote"
            | "table"
            | "figure"
            | "figcaption"
            | "dl"
            | "dt"
            | "dd"
            | "details"
            | "summary"
            | "caption"
    )
}

/// What stands for an entry in a list: the author's description, else the first words of the
/// text, else the title. Never blank while the title is not.
///
/// The text's head often repeats what a reader sees beside the summary: the title, the date.
pub(crate) fn summary(description: Option<&str>, html: &str, title: &str) -> String {
    if let Some(description) = description.map(one_line).filter(|d| !d.is_empty()) {
        return cut(&description, DESCRIPTION_CHARACTERS);
    }
    let says_something = |paragraph: &String| {
        dates::of_line(paragraph).is_none()
            && !paragraph.starts_with("Last updated on")
            && paragraph.to_lowercase() != title.to_lowercase()
            && paragraph.chars().any(char::is_alphanumeric)
    };
    let words_of = |text: &str| {
        let lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
        lines.map(join_words).filter(says_something).collect::<Vec<_>>().join(" ")
    };
    let mut words = words_of(&head_of_html(html, SUMMARY_SOURCE_BYTES));
    if words.chars().nth(SUMMARY_CHARACTERS).is_none() {
        // What is left out of the head was too much of it.
        words = words_of(&head_of_html(html, usize::MAX));
    }
    cut(if words.is_empty() { title } else { &words }, SUMMARY_CHARACTERS)
}

/// The first whole words of at most `limit` characters, with `…` where something is left out.
/// A text without blanks, as Chinese, is cut between characters.
fn cut(text: &str, limit: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(limit) else { return text.to_owned() };
    let head = &text[..end];
    let head = match head.rfind(' ').filter(|at| *at > end / 2) {
        Some(at) if !text[end..].starts_with(' ') => &head[..at],
        _ => head,
    };
    let head = head.trim_end_matches(|c: char| c.is_whitespace() || ",;:–—-(".contains(c));
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(of_html(html), expected);
    }

    #[test]
    fn paragraphs_are_set_apart_and_blanks_joined() {
        check(
            "<h2>A</h2>\n<p>b\n c&nbsp;&amp; <b>d</b></p>\n<p>e<br>f</p>",
            "A\n\nb c & d\n\ne\nf",
        );
    }

    #[test]
    fn lists_carry_their_marks() {
        check(
            "<p>x</p><ul><li>a</li><li><p>b</p><ul><li>c</li></ul></li></ul><p>y</p>",
            "x\n\n- a\n- b\n  - c\n\ny",
        );
        check("<ol start=\"3\"><li>a</li><li>b</li></ol>", "3. a\n4. b");
    }

    #[test]
    fn tables_code_and_images_can_be_read() {
        check(
            "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "A | B\n1 | 2",
        );
        check("<pre><code>a\n  b\n</code></pre>", "a\n  b");
        check("<p><img src=\"x\" alt=\"The hall\"></p>", "[The hall]");
    }

    #[test]
    fn a_summary_is_the_description_or_the_first_words() {
        assert_eq!(summary(Some("A &amp; <b>b</b>\n c"), "text", "T"), "A & b c");
        assert_eq!(summary(Some(" "), "<ul><li>One</li><li>two</li></ul>", "T"), "One two");
        assert_eq!(summary(None, "", "The title"), "The title");
        assert_eq!(summary(None, "<img src=\"x\" alt=\"Picture\">", "The title"), "The title");
    }

    #[test]
    fn a_summary_does_not_repeat_title_and_date() {
        let html =
            "<h2>The title</h2><p>2 July 2024 Posted in News</p><p><img alt=\"A\">One two</p>";
        assert_eq!(summary(None, html, "The Title"), "One two");
    }

    #[test]
    fn a_long_summary_ends_after_a_whole_word() {
        let text = "word ".repeat(100);
        let summary = summary(None, &text, "T");
        assert!(summary.ends_with("word…"), "{summary}");
        assert!(summary.chars().count() <= 281);
        let chinese = "新".repeat(400);
        assert_eq!(cut(&chinese, 280).chars().count(), 281);
    }

    #[test]
    fn blanks_of_every_kind_are_joined() {
        for c in '\0'..='\u{4000}' {
            let expected = if c.is_whitespace() { "a b".to_owned() } else { format!("a{c}b") };
            if !matches!(c, '<' | '&') {
                assert_eq!(of_html(&format!("a{c}b")), expected, "{c:?}");
            }
        }
        check(" a  b <b> c</b> d\u{a0} \u{a0}’e ", "a b c d ’e");
    }

    #[test]
    fn a_summary_is_found_below_a_long_repetition_of_the_title() {
        let title = "The title ".repeat(300).trim().to_owned();
        let html = format!("<p>{title}</p><p>One</p><p>two</p>");
        assert_eq!(summary(None, &html, &title), "One two");
        let long = format!("<p>{}</p><p>end</p>", "word ".repeat(56));
        assert_eq!(summary(None, &long, "T"), format!("{}…", "word ".repeat(56).trim()));
    }

    #[test]
    fn only_characters_that_break_feeds_are_left_out() {
        let text = "a\u{1}\u{7f}\u{85}\u{a0}é€\u{fdd0}\u{fffd}\u{fffe}\u{ffff}😀\u{effff}\u{f0000}\u{10ffff}\tb\n";
        let kept = "a\u{a0}é€\u{fdd0}\u{fffd}😀\u{effff}\tb\n";
        assert_eq!(strip_unpublishable(text.to_owned()), kept);
        for c in ('\0'..=char::MAX).step_by(7) {
            let left = strip_unpublishable(c.to_string());
            assert_eq!(left.is_empty(), !is_publishable(c), "{c:?}");
        }
    }

    #[test]
    fn a_title_keeps_its_ampersand_and_angle() {
        assert_eq!(one_line("AT&T &amp; a < b &#8211; <em>c</em>"), "AT&T & a < b – c");
    }
}
