//! Turns the body of a file into clean HTML, in this order: template tags, Markdown,
//! sanitising.

use std::borrow::Cow;
use std::ops::Range;

use super::kramdown;
use super::links::{Base, site_path};
use super::markdown;
use super::problem::{Place, Problems, shorten};
use super::sanitise::sanitise;
use super::source::Source;
use super::tags::{Piece, pieces};
use super::template_tags::{self, Site};

/// What UTF-8 looks like when it was read as Windows-1252 and saved again.
const MOJIBAKE: &[&str] = &["â€™", "â€œ", "â€\u{9d}", "â€“", "Ã©", "Ã¨", "Â\u{a0}", "\u{fffd}"];
/// Words that stand where a text was still to be written.
const PLACEHOLDERS: &[&str] = &["lorem ipsum", "[insert ", "[to be confirmed]", "xxxx"];

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Markup {
    Markdown,
    /// Markdown with components; of those only the text between their tags is left.
    Mdx,
    Html,
}

/// Clean HTML of a body. Tags that mean nothing here are named in warnings.
pub(crate) fn render(
    source: &Source,
    markup: Markup,
    title: &str,
    base: &Base,
    problems: &mut Problems,
) -> String {
    let body = resolve_tags(source, markup, title, base, problems);
    match markup {
        Markup::Html => sanitise(&body, base),
        Markup::Markdown | Markup::Mdx => {
            let body = if markup == Markup::Mdx { without_imports(&body).into() } else { body };
            if !kramdown::may_have_marks(&body) {
                return markdown::render(&body, base);
            }
            // Where the code is takes as long to find as the whole text to render.
            let code = markdown::code_ranges(&body);
            markdown::render(&kramdown::to_commonmark(&body, &code), base)
        }
    }
}

/// Whether a long text holds a word; quicker than `contains`.
fn holds(text: &str, word: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some()
}

fn resolve_tags<'a>(
    source: &'a Source,
    markup: Markup,
    title: &str,
    base: &Base,
    problems: &mut Problems,
) -> Cow<'a, str> {
    let body = source.body.as_str();
    if !holds(body, "{{") && !holds(body, "{%") {
        return Cow::Borrowed(body);
    }
    let code = match markup {
        Markup::Markdown | Markup::Mdx => markdown::code_ranges(body),
        Markup::Html => html_code_ranges(body),
    };
    let site = Site {
        url: base.site.as_str().trim_end_matches('/').to_owned(),
        base_path: site_path(&base.site),
        title,
    };
    let (text, removed) = template_tags::resolve(body, &code, &site);
    for removed in removed {
        problems.warn(
            Place::line(source.body_line + removed.line).named("body").with_value(&removed.tag),
            format!("the tag `{}` means nothing here and was left out", shorten(&removed.tag)),
            "write what it stands for, or remove it",
        );
    }
    Cow::Owned(text)
}

/// The lines of an MDX file that load and offer its components are no text.
fn without_imports(body: &str) -> String {
    let code = markdown::code_ranges(body);
    let mut at = 0;
    let is_text = |line: &&str| {
        let start = at;
        at += line.len();
        let is_module = line.starts_with("import ") || line.starts_with("export ");
        !is_module || markdown::code_at(&code, start).is_some()
    };
    body.split_inclusive('\n').filter(is_text).collect()
}

/// Ranges of `<pre>` and `<code>` elements.
fn html_code_ranges(html: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut at, mut depth, mut start) = (0, 0_usize, 0);
    for piece in pieces(html) {
        let is_code = piece.is("pre") || piece.is("code");
        match piece {
            Piece::Open(_) if is_code => {
                start = if depth == 0 { at } else { start };
                depth += 1;
            }
            Piece::Close(_) if is_code && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    ranges.push(start..at);
                }
            }
            _ => {}
        }
        at += piece.raw().len();
    }
    ranges
}

/// Whether a reader finds anything in it: a letter, a picture, a link.
pub(crate) fn is_readable(html: &str, text: &str) -> bool {
    text.chars().any(char::is_alphanumeric) || html.contains("<img ")
}

/// Elements whose text is kept, whatever becomes of the element.
const TEXT_ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "article",
    "b",
    "blockquote",
    "br",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

/// Whether a reader certainly finds something in a body, seen without making it.
///
/// `false` where that takes a closer look: no plain line of words, template tags, comments,
/// elements that may swallow their text, tags that are not closed.
pub(crate) fn surely_says_something(source: &Source, markup: Markup) -> bool {
    let body = source.body.as_str();
    markup == Markup::Markdown
        && !["{{", "{%", "{::"].iter().any(|mark| body.contains(mark))
        && body.split('<').skip(1).all(is_harmless)
        && has_line_of_words(body)
}

/// Whether what follows a `<` is no tag, or a whole one of an element that keeps its text.
fn is_harmless(after: &str) -> bool {
    let name = after.strip_prefix('/').unwrap_or(after);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    if end == 0 {
        return !name.starts_with(['!', '?', '/']);
    }
    let Some((tag, _)) = after.split_once('>') else { return false };
    let is_even = |quote: char| tag.matches(quote).count() % 2 == 0;
    TEXT_ELEMENTS.iter().any(|element| name[..end].eq_ignore_ascii_case(element))
        && is_even('"')
        && is_even('\'')
}

/// Whether some paragraph begins with three words and is no definition of a link or a note.
fn has_line_of_words(body: &str) -> bool {
    let mut follows_blank = true;
    body.lines().any(|line| {
        let begins = follows_blank && line.starts_with(char::is_alphabetic);
        follows_blank = line.trim().is_empty();
        begins && line.split_ascii_whitespace().nth(2).is_some()
    })
}

/// Warns of a text that was damaged or not finished.
pub(crate) fn check_words(source: &Source, title: &str, problems: &mut Problems) {
    let warn =
        |needle: &str, line: Option<usize>, message: String, remedy, problems: &mut Problems| {
            let place = Place { line, ..Place::default() }.named("body").with_value(needle);
            problems.warn(place, message, remedy);
        };
    let line_of = |needle: &str| {
        let at = source.body.lines().position(|line| line.contains(needle))?;
        Some(source.body_line + at)
    };
    let may_be_damaged = !source.body.is_ascii() || !title.is_ascii();
    let is_damage = |needle: &&&str| source.body.contains(**needle) || title.contains(**needle);
    if let Some(needle) = MOJIBAKE.iter().filter(|_| may_be_damaged).find(is_damage) {
        let message = format!("the text has damaged characters: `{needle}`");
        warn(
            needle,
            line_of(needle),
            message,
            "open the source again and save it as UTF-8",
            problems,
        );
    }
    let lower = source.body.to_ascii_lowercase();
    if let Some(needle) = PLACEHOLDERS.iter().find(|needle| holds(&lower, needle)) {
        let line = lower.lines().position(|line| line.contains(*needle));
        let line = line.map(|at| source.body_line + at);
        let message = format!("the text has a placeholder: `{}`", needle.trim());
        warn(needle, line, message, "write the text that belongs there", problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_surely_says_something_where_a_line_of_words_cannot_be_swallowed() {
        let says = |body: &str| {
            let source = Source { front_matter: None, body: body.to_owned(), body_line: 1 };
            surely_says_something(&source, Markup::Markdown)
        };
        for body in [
            "The bridge opens.",
            "<table class=\"a\"><tr><td>1</td></tr></table>\n\nThe bridge opens.\n",
            "a < b\n\nThe bridge opens.",
            "海 湾 大桥\n",
        ] {
            assert!(says(body), "{body}");
        }
        for body in [
            "",
            "word",
            "[a]: /b 'c d e'",
            "<!-- \n\nThe bridge opens.\n\n-->",
            "<script>\n\nThe bridge opens.\n\n</script>",
            "<div title=\"a>\n\nThe bridge opens.",
            "<div\n\nThe bridge opens.",
            "{::comment}\n\nThe bridge opens.\n\n{:/comment}",
            "{% comment %}\n\nThe bridge opens.\n\n{% endcomment %}",
        ] {
            assert!(!says(body), "{body}");
        }
    }
}
