//! Brings kramdown's own marks into CommonMark before rendering.
//!
//! Jekyll sites are written for kramdown. Its attribute lists (`{:target="_blank"}`,
//! `{: .class}`) say how a page looks and are consumed, `{:start="4"}` numbers the list that
//! follows, and its link targets may hold blanks. Nothing inside code is touched.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::markdown::code_at;

/// A longer link target or attribute list is none; the bound keeps one long line from taking long.
const MARK_BYTES: usize = 1_000;

/// Whether [`to_commonmark`] could change anything, told without knowing what is code.
pub(crate) fn may_have_marks(body: &str) -> bool {
    let find = |mark: &str| memmem::find(body.as_bytes(), mark.as_bytes());
    find("{:").is_some()
        || memmem::find_iter(body.as_bytes(), "](").any(|at| {
            let rest = head(&body[at + 2..]);
            target_length(rest).is_some_and(|length| needs_brackets(split_title(&rest[..length]).0))
        })
}

fn needs_brackets(target: &str) -> bool {
    (target.is_empty() || target.contains(char::is_whitespace)) && !target.contains(['<', '>'])
}

/// Rewrites `body`; `code` are the ranges that are shown as they are.
pub(crate) fn to_commonmark(body: &str, code: &[Range<usize>]) -> String {
    let has_lists = body.contains("{:");
    let mut out = String::with_capacity(body.len());
    let mut start: Option<u64> = None;
    let mut offset = 0;
    for line in body.split_inclusive('\n') {
        let at = offset;
        offset += line.len();
        if code_at(code, at).is_some_and(|range| offset <= range.end) {
            out.push_str(line);
            continue;
        }
        let line = Line { text: line, at, code };
        let bare = if has_lists { without_attribute_lists(&line) } else { None };
        match bare {
            Some((text, attributes)) if text.trim().is_empty() => {
                if attributes.contains("toc") {
                    drop_last_item(&mut out);
                }
                start = list_start(&attributes).or(start);
                out.push('\n');
            }
            Some((text, _)) if line.has_code() => push_line(&mut out, &text, &mut start),
            Some((text, _)) => {
                let bare = Line { text: &text, at: 0, code: &[] };
                push_line(&mut out, &mend_link_targets(&bare), &mut start);
            }
            None => push_line(&mut out, &mend_link_targets(&line), &mut start),
        }
    }
    out
}

/// A line of a body, with the ranges of the body that are code.
struct Line<'a> {
    text: &'a str,
    /// Where it begins in the body.
    at: usize,
    code: &'a [Range<usize>],
}

impl Line<'_> {
    fn has_code(&self) -> bool {
        let next = self.code.partition_point(|range| range.end <= self.at);
        self.code.get(next).is_some_and(|range| range.start < self.at + self.text.len())
    }

    fn is_code(&self, at: usize) -> bool {
        code_at(self.code, self.at + at).is_some()
    }
}

fn push_line(out: &mut String, line: &str, start: &mut Option<u64>) {
    if let Some(number) = *start
        && !line.trim().is_empty()
    {
        *start = None;
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && line[digits..].starts_with(". ") || line[digits..].starts_with(".\t") {
            out.push_str(&number.to_string());
            out.push_str(&line[digits..]);
            return;
        }
    }
    out.push_str(line);
}

/// The line without its attribute lists, and what they said; `None` if it has none.
fn without_attribute_lists(whole: &Line<'_>) -> Option<(String, String)> {
    let line = whole.text;
    let mut out = String::new();
    let mut said = String::new();
    let mut at = 0;
    let mut from = 0;
    while let Some(found) = line[from..].find("{:") {
        let start = from + found;
        let end = head(&line[start..]).find('}').map(|end| start + end + 1);
        let is_escaped = line[..start].ends_with('\\');
        match end {
            Some(end) if !is_escaped && !whole.is_code(start) => {
                out.push_str(&line[at..start]);
                said.push_str(&line[start + 2..end - 1]);
                said.push(' ');
                at = end;
                from = end;
            }
            _ => from = start + 2,
        }
    }
    if at == 0 {
        return None;
    }
    out.push_str(&line[at..]);
    Some((out, said))
}

/// Number of `start="4"`, whatever quotes the editor made of it.
fn list_start(attributes: &str) -> Option<u64> {
    let (_, rest) = attributes.split_once("start")?;
    let rest = rest.trim_start().strip_prefix('=')?;
    let digits: String =
        rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|n| *n < 1_000_000_000)
}

/// `{:toc}` puts a table of contents in the place of the list above it.
fn drop_last_item(out: &mut String) {
    // No further back than a line is long, or a file of nothing but `{:toc}` takes for ever.
    let tail = &out[out.ceil_char_boundary(out.len().saturating_sub(MARK_BYTES))..];
    let start = out.len() - tail.len();
    let Some(at) =
        tail.trim_end().rfind('\n').map(|at| start + at + 1).or((start == 0).then_some(0))
    else {
        return;
    };
    if out[at..].trim_start().starts_with(['*', '-', '+', '1']) {
        out.truncate(at);
    }
}

/// Puts `<>` around a link target with blanks, which CommonMark would not take as one.
fn mend_link_targets<'a>(whole: &Line<'a>) -> Cow<'a, str> {
    let line = whole.text;
    if !line.contains("](") {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len() + 8);
    let mut at = 0;
    while let Some(found) = line[at..].find("](") {
        let open = at + found + 2;
        out.push_str(&line[at..open]);
        at = open;
        if whole.is_code(open) {
            continue;
        }
        let Some(length) = target_length(head(&line[open..])) else { continue };
        let inside = &line[open..open + length];
        let (target, title) = split_title(inside);
        if needs_brackets(target) {
            out.push('<');
            out.push_str(target);
            out.push('>');
            if !title.is_empty() {
                out.push(' ');
                out.push_str(title);
            }
        } else {
            out.push_str(inside);
        }
        at = open + length;
    }
    out.push_str(&line[at..]);
    Cow::Owned(out)
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(MARK_BYTES)]
}

/// Length up to the `)` that closes the target; parentheses inside it may be paired.
fn target_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// Cuts `target "title"`.
fn split_title(inside: &str) -> (&str, &str) {
    let inside = inside.trim();
    for quote in ['"', '\''] {
        // A removed tag may have been the target.
        if inside.len() > 1 && inside.starts_with(quote) && inside.ends_with(quote) {
            return ("", inside);
        }
        if let Some(head) = inside.strip_suffix(quote)
            && let Some(at) =
                head.match_indices(quote).map(|(at, _)| at).find(|at| head[..*at].ends_with(' '))
        {
            let at = at - 1;
            return (inside[..at].trim(), &inside[at + 1..]);
        }
    }
    (inside, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        assert_eq!(to_commonmark(body, &[]), expected);
        assert!(may_have_marks(body) || expected == body, "{body}");
    }

    #[test]
    fn attribute_lists_are_consumed() {
        check("[a](/b){:target=\"_blank\"} c", "[a](/b) c");
        check("text\n{: .lead #x}\nmore", "text\n\nmore");
        check("# A {:#top}\n", "# A \n");
        check("{::nomarkdown}x{:/}", "x");
        check("\\{:x}", "\\{:x}");
    }

    #[test]
    fn a_start_numbers_the_list_that_follows_also_in_curly_quotes() {
        check("{:start=\"4\"}\n1. a\n", "\n4. a\n");
        check("{:start=“5”}\n\n5. a\n1. b\n", "\n\n5. a\n1. b\n");
        check("{:start=\"4\"}\ntext\n1. a\n", "\ntext\n1. a\n");
    }

    #[test]
    fn a_table_of_contents_goes_with_its_item() {
        check("a\n\n* TOC\n{:toc}\nb", "a\n\n\nb");
    }

    #[test]
    fn a_link_target_may_hold_blanks() {
        check("[a](/x y (1).pdf) b", "[a](</x y (1).pdf>) b");
        check("[a](/x y.pdf){:target=\"_blank\"}", "[a](</x y.pdf>)");
        check("![a](/x y.jpg \"T t\")", "![a](</x y.jpg> \"T t\")");
        check("[a]( \"T t\")", "[a](<> \"T t\")");
        check("[a](/x \"T\") [b]( /y )", "[a](/x \"T\") [b]( /y )");
    }

    #[test]
    fn code_is_left_alone() {
        let body = "`{:x}` `[a](b c)`";
        assert_eq!(to_commonmark(body, &[0..6, 7..17]), body);
    }
}
