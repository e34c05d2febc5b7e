//! Checks an issue before it goes out: structure, size, links, language, headings, contrast.
//!
//! A template can be replaced by the operator's own, so nothing of it is taken on trust.

mod contrast;
mod markup;

use super::{RenderedIssue, Slot};
use crate::link_text;
use crate::templates::text::{Direction, columns, wrap};
use contrast::lint_contrast;
use markup::{Tag, Token, tokens};

/// Gmail cuts a message off at 102 KB of HTML.
const HTML_BYTES: usize = 100_000;
/// RFC 5322 section 2.1.1: lines should have no more characters.
const TEXT_COLUMNS: usize = 78;

/// What is wrong with `rendered`, each as a sentence without a final period; empty if nothing.
pub fn lint(rendered: &RenderedIssue) -> Vec<String> {
    lint_with(rendered, &[Slot::Unsubscribe])
}

/// As [`lint`], of a mail that needs a place for each of `slots`.
pub fn lint_with(rendered: &RenderedIssue, slots: &[Slot]) -> Vec<String> {
    let mut problems = Vec::new();
    lint_subject(&rendered.subject, &mut problems);
    lint_html(&rendered.html, slots, &mut problems);
    lint_text(&rendered.text, slots, &mut problems);
    problems
}

/// What a template does wrong by itself: for samples, whose words are known to be sound. In a
/// real issue the same could be an author's title, and is nothing to hold back the mail for.
pub fn lint_own_words(rendered: &RenderedIssue) -> Vec<String> {
    let mut problems = Vec::new();
    lint_leftovers(rendered, &mut problems);
    for Link { text, .. } in links(&rendered.html) {
        if let Some(flaw) = link_text::flaw(&text) {
            problems.push(format!("the link text `{text}` {flaw}"));
        }
    }
    problems
}

/// Looks whether both parts hold what a reader must be told, given by its name in templates.
pub(super) fn lint_told(rendered: &RenderedIssue, told: &[(&str, &str)]) -> Vec<String> {
    let parts = [("HTML", body_text(&rendered.html)), ("text", solid(&rendered.text))];
    let is_missing = |part: &str, text: &str| !part.contains(&solid(text));
    let mut problems = Vec::new();
    for (part, content) in &parts {
        for (name, text) in told.iter().filter(|(_, text)| is_missing(content, text)) {
            problems.push(format!(
                "the {part} part does not hold `{name}`, which tells readers who writes and why: \
                 `{text}`"
            ));
        }
    }
    problems
}

/// Without blanks, as lines are broken anywhere.
fn solid(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The texts of a page's body, without the references that the CSS inliner writes.
fn body_text(html: &str) -> String {
    let body = html.find("<body").map_or(html, |at| &html[at..]);
    let texts = tokens(body).filter_map(|token| match token {
        Token::Text(text) => Some(text),
        _ => None,
    });
    let text: String = texts.collect();
    let text = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">");
    solid(&text.replace("&amp;", "&"))
}

fn lint_leftovers(rendered: &RenderedIssue, problems: &mut Vec<String>) {
    let RenderedIssue { subject, html, text, .. } = rendered;
    for (part, text) in [("subject", subject), ("HTML part", html), ("text part", text)] {
        for mark in ["{{", "{%"] {
            if text.contains(mark) {
                problems.push(format!("the {part} holds `{mark}`: template code was left over"));
            }
        }
    }
}

fn lint_subject(subject: &str, problems: &mut Vec<String>) {
    if subject.trim().is_empty() {
        problems.push("the subject is empty".to_owned());
    }
    if subject.chars().any(char::is_control) {
        problems.push("the subject holds a line break or another control character".to_owned());
    }
    if subject.chars().any(is_private) {
        problems.push("the subject holds a private-use character".to_owned());
    }
}

fn lint_html(html: &str, slots: &[Slot], problems: &mut Vec<String>) {
    if html.len() > HTML_BYTES {
        let kilobytes = html.len().div_ceil(1000);
        problems.push(format!("the HTML part has {kilobytes} KB, more than 100 KB"));
    }
    lint_elements(html, problems);
    lint_contrast(html, problems);
    if html.matches("<style").count() != html.matches("</style>").count() {
        problems.push("the HTML part has a `style` that is not closed".to_owned());
    }
    lint_slots("HTML", html, slots, problems, |before, after| {
        before.ends_with('"') && after.starts_with('"')
    });
}

/// What a walk through the elements finds, in their order.
fn lint_elements(html: &str, problems: &mut Vec<String>) {
    let mut levels = Vec::new();
    let mut title = None;
    let mut is_named = false;
    let mut is_title = false;
    for token in tokens(html) {
        match token {
            Token::Open(tag) => {
                match tag.name {
                    "html" => {
                        is_named = true;
                        lint_language(&tag, problems);
                    }
                    "title" => is_title = true,
                    _ => {}
                }
                levels.extend(heading_level(tag.name));
                lint_tag(&tag, problems);
            }
            Token::Text(text) if is_title => title = Some(text),
            Token::Close("title") => is_title = false,
            Token::Text(_) | Token::Close(_) => {}
        }
    }
    if !is_named {
        lint_language(&Tag::default(), problems);
    }
    if title.is_none_or(|title| title.trim().is_empty()) {
        problems.push("the HTML part has no title".to_owned());
    }
    lint_headings(&levels, problems);
    for Link { address, .. } in links(html).into_iter().filter(|link| link.text.is_empty()) {
        problems.push(format!("the link to `{address}` has no text"));
    }
}

/// WCAG 2.2, success criterion 3.1.1; HTML, section 3.2.6.4.
fn lint_language(html: &Tag<'_>, problems: &mut Vec<String>) {
    let language = html.attribute("lang").unwrap_or_default();
    if language.is_empty() {
        problems.push("the HTML part does not name its language: `lang` is missing".to_owned());
        return;
    }
    let expected = Direction::of_language(language).as_str();
    match html.attribute("dir") {
        Some(direction) if direction == expected => {}
        Some(direction) => problems.push(format!(
            "the HTML part has `dir=\"{direction}\"` where the language `{language}` is {expected}"
        )),
        None => problems.push("the HTML part does not name its direction: `dir` is missing".into()),
    }
}

fn heading_level(name: &str) -> Option<u8> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

/// One heading of the first level, and no level skipped on the way down.
fn lint_headings(levels: &[u8], problems: &mut Vec<String>) {
    let firsts: Vec<&u8> = levels.iter().filter(|level| **level == 1).collect();
    match firsts.len() {
        0 => problems.push("the HTML part has no heading of the first level".to_owned()),
        1 => {}
        n => problems.push(format!("the HTML part has {n} headings of the first level")),
    }
    let mut before = 0;
    for &level in levels {
        if level > before + 1 && before > 0 {
            problems.push(format!("a heading `h{level}` follows `h{before}`: a level is skipped"));
            return;
        }
        before = level;
    }
}

struct Link<'a> {
    address: &'a str,
    /// With the `alt` of images in it, and blanks alone.
    text: String,
}

/// The links of a page that lead somewhere.
fn links(html: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut open: Option<Link<'_>> = None;
    for token in tokens(html) {
        match token {
            Token::Open(tag) if tag.name == "a" => {
                open = tag.attribute("href").map(|address| Link { address, text: String::new() });
            }
            Token::Open(tag) if tag.name == "img" => {
                if let (Some(link), Some(alt)) = (&mut open, tag.attribute("alt")) {
                    link.text.push_str(alt);
                }
            }
            Token::Text(text) => {
                if let Some(link) = &mut open {
                    link.text.push_str(text);
                }
            }
            Token::Close("a") => {
                if let Some(link) = open.take() {
                    let text = link.text.split_whitespace().collect::<Vec<_>>().join(" ");
                    links.push(Link { text, ..link });
                }
            }
            Token::Open(_) | Token::Close(_) => {}
        }
    }
    links
}

fn lint_tag(tag: &Tag<'_>, problems: &mut Vec<String>) {
    match tag.name {
        "img" if tag.attribute("alt").is_none() => {
            let source = tag.attribute("src").unwrap_or_default();
            problems.push(format!("the image `{source}` has no `alt`"));
        }
        "script" | "iframe" | "form" | "object" | "embed" | "link" => {
            problems.push(format!("the HTML part holds `<{}>`, which mail must not", tag.name));
        }
        _ => {}
    }
    for (name, value) in tag.attributes() {
        if matches!(name, "href" | "src" | "background" | "action") && !is_absolute(value) {
            problems.push(format!("the link `{value}` is not absolute"));
        }
        if name.starts_with("on") {
            problems.push(format!("`<{}>` holds the event handler `{name}`", tag.name));
        }
    }
}

fn lint_text(text: &str, slots: &[Slot], problems: &mut Vec<String>) {
    if text.trim().is_empty() {
        problems.push("the text part is empty".to_owned());
    }
    for (number, line) in (1..).zip(text.lines()) {
        // A column takes an octet at least.
        if line.len() <= TEXT_COLUMNS || columns(line) <= TEXT_COLUMNS {
            continue;
        }
        let has_url = line.contains("https://") || line.contains("http://");
        // A word that nothing breaks, or a script without blanks, is no fault of the template.
        if !has_url && wrap(line, TEXT_COLUMNS).contains('\n') {
            problems.push(format!(
                "line {number} of the text part has {} columns, more than {TEXT_COLUMNS}",
                columns(line)
            ));
        }
    }
    lint_slots("text", text, slots, problems, |before, after| {
        (before.is_empty() || before.ends_with('\n'))
            && (after.is_empty() || after.starts_with('\n'))
    });
}

/// Looks whether each slot has room of its own and every private-use character is a slot.
fn lint_slots(
    part: &str,
    text: &str,
    needed: &[Slot],
    problems: &mut Vec<String>,
    has_room: impl Fn(&str, &str) -> bool,
) {
    for slot in needed.iter().filter(|slot| !text.contains(slot.marker())) {
        problems.push(format!("the {part} part has no place for {}", slot.what()));
    }
    let mut stray = None;
    for (at, c) in text.char_indices().filter(|(_, c)| is_private(*c)) {
        let slot = Slot::of(c);
        if slot.is_none() {
            stray.get_or_insert(c);
        } else if slot != Some(Slot::Address) && !has_room(&text[..at], &text[at + c.len_utf8()..])
        {
            problems.push(format!("a slot of the {part} part does not stand alone"));
        }
    }
    if let Some(stray) = stray {
        problems.push(format!(
            "the {part} part holds the private-use character `{}`",
            stray.escape_unicode()
        ));
    }
}

/// Unicode, section 23.5.
fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

fn is_absolute(address: &str) -> bool {
    ["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| address.starts_with(scheme))
        || Slot::ALL.iter().any(|slot| address == slot.marker().to_string())
}

#[cfg(test)]
mod tests;
