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
