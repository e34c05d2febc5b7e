//! Checks an issue before it goes out: structure, size, links and what must not be left.
//!
//! A template can be replaced by the operator's own, so nothing of it is taken on trust.

use super::{RenderedIssue, Slot};
use crate::templates::text::{columns, wrap};

/// Gmail cuts a message off at 102 KB of HTML.
const HTML_BYTES: usize = 100_000;
/// RFC 5322 section 2.1.1: lines should have no more characters.
const TEXT_COLUMNS: usize = 78;

/// What is wrong with `rendered`, each as a sentence without a final period; empty if nothing.
pub fn lint(rendered: &RenderedIssue) -> Vec<String> {
    let mut problems = Vec::new();
    lint_subject(&rendered.subject, &mut problems);
    lint_html(&rendered.html, &mut problems);
    lint_text(&rendered.text, &mut problems);
    problems
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
    lint_leftovers("subject", subject, problems);
}

fn lint_html(html: &str, problems: &mut Vec<String>) {
    if html.len() > HTML_BYTES {
        let kilobytes = html.len().div_ceil(1000);
        problems.push(format!("the HTML part has {kilobytes} KB, more than 100 KB"));
    }
    let tags = start_tags(html);
    let find = |name: &str| tags.iter().find(|tag| tag.name == name);
    if find("html").and_then(|tag| tag.attribute("lang")).is_none_or(str::is_empty) {
        problems.push("the HTML part does not name its language: `lang` is missing".to_owned());
    }
    if find("title").is_none_or(|tag| html[tag.end..].trim_start().starts_with('<')) {
        problems.push("the HTML part has no title".to_owned());
    }
    if find("h1").is_none() {
        problems.push("the HTML part has no heading of the first level".to_owned());
    }
    for tag in &tags {
        lint_tag(tag, problems);
    }
    if html.matches("<style").count() != html.matches("</style>").count() {
        problems.push("the HTML part has a `style` that is not closed".to_owned());
    }
    lint_slots("HTML", html, problems, |before, after| {
        before.ends_with('"') && after.starts_with('"')
    });
    lint_leftovers("HTML part", html, problems);
}

fn lint_tag(tag: &Tag<'_>, problems: &mut Vec<String>) {
    match tag.name.as_str() {
        "img" if tag.attribute("alt").is_none() => {
            let source = tag.attribute("src").unwrap_or_default();
            problems.push(format!("the image `{source}` has no `alt`"));
        }
        "script" | "iframe" | "form" | "object" | "embed" | "link" => {
            problems.push(format!("the HTML part holds `<{}>`, which mail must not", tag.name));
        }
        _ => {}
    }
    for name in ["href", "src", "background", "action"] {
        if let Some(address) = tag.attribute(name)
            && !is_absolute(address)
        {
            problems.push(format!("the link `{address}` is not absolute"));
        }
    }
    if let Some((name, _)) = tag.attributes.iter().find(|(name, _)| name.starts_with("on")) {
        problems.push(format!("`<{}>` holds the event handler `{name}`", tag.name));
    }
}

fn lint_text(text: &str, problems: &mut Vec<String>) {
    if text.trim().is_empty() {
        problems.push("the text part is empty".to_owned());
    }
    for (number, line) in (1..).zip(text.lines()) {
        let has_url = line.contains("https://") || line.contains("http://");
        // A word that nothing breaks, or a script without blanks, is no fault of the template.
        let could_break = wrap(line, TEXT_COLUMNS).contains('\n');
        if columns(line) > TEXT_COLUMNS && could_break && !has_url {
            problems.push(format!(
                "line {number} of the text part has {} columns, more than {TEXT_COLUMNS}",
                columns(line)
            ));
        }
    }
    lint_slots("text", text, problems, |before, after| {
        (before.is_empty() || before.ends_with('\n'))
            && (after.is_empty() || after.starts_with('\n'))
    });
    lint_leftovers("text part", text, problems);
}

/// Looks whether each slot has room of its own and every private-use character is a slot.
fn lint_slots(
    part: &str,
    text: &str,
    problems: &mut Vec<String>,
    has_room: impl Fn(&str, &str) -> bool,
) {
    let marker = Slot::Unsubscribe.marker();
    if !text.contains(marker) {
        problems.push(format!("the {part} part has no place for the unsubscribe link"));
    }
    for (at, _) in text.match_indices(marker) {
        if !has_room(&text[..at], &text[at + marker.len_utf8()..]) {
            problems.push(format!("a slot of the {part} part does not stand alone"));
        }
    }
    if let Some(stray) = text.chars().find(|&c| is_private(c) && c != marker) {
        problems.push(format!(
            "the {part} part holds the private-use character `{}`",
            stray.escape_unicode()
        ));
    }
}

fn lint_leftovers(part: &str, text: &str, problems: &mut Vec<String>) {
    for mark in ["{{", "{%"] {
        if text.contains(mark) {
            problems.push(format!("the {part} holds `{mark}`: template code was left over"));
        }
    }
}

/// Unicode, section 23.5.
fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

fn is_absolute(address: &str) -> bool {
    ["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| address.starts_with(scheme))
        || address == Slot::Unsubscribe.marker().to_string()
}

/// A start tag as the CSS inliner writes it: attributes in double quotes, names in lower case.
struct Tag<'a> {
    name: String,
    attributes: Vec<(&'a str, &'a str)>,
    /// Where the tag ends in the text.
    end: usize,
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }
}

/// Start tags in order; comments, and with them Outlook's conditionals, are passed over.
fn start_tags(html: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|i| at + i) {
        let rest = &html[open..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(html.len(), |i| open + i + 3);
            continue;
        }
        let end = tag_end(html, open);
        let inner = html[open + 1..end].trim_end_matches('>');
        if inner.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let (name, attributes) =
                inner.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inner, ""));
            let name = name.trim_end_matches('/').to_ascii_lowercase();
            tags.push(Tag { name, attributes: split_attributes(attributes), end });
        }
        at = end;
    }
    tags
}

/// End of the tag that opens at `open`; a `>` inside double quotes does not end it.
fn tag_end(html: &str, open: usize) -> usize {
    let mut is_quoted = false;
    for (i, byte) in html[open..].bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return open + i + 1,
            _ => {}
        }
    }
    html.len()
}

fn split_attributes(text: &str) -> Vec<(&str, &str)> {
    let mut attributes = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap_or((after, ""));
        // An attribute without a value may stand before the name.
        let name = name.split_ascii_whitespace().last().unwrap_or(name);
        attributes.push((name, value));
        rest = after.trim_start();
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(html_body: &str, text: &str) -> RenderedIssue {
        let slot = Slot::Unsubscribe.marker();
        RenderedIssue {
            subject: "News".to_owned(),
            html: format!(
                "<html lang=\"en\"><head><title>News</title></head><body><h1>News</h1>\
                 {html_body}<a href=\"{slot}\">Unsubscribe</a></body></html>"
            ),
            text: format!("{text}\n{slot}\n"),
        }
    }

    fn check(html_body: &str, text: &str, expected: &[&str]) {
        assert_eq!(lint(&issue(html_body, text)), expected);
    }

    #[test]
    fn a_sound_issue_has_no_problems() {
        let url = format!("[1] https://press.example.org/{}", "long/".repeat(20));
        check("<img src=\"https://example.org/a.png\" alt=\"\">", &url, &[]);
    }

    #[test]
    fn each_flaw_of_the_html_part_is_named() {
        check(
            "<img src=\"https://example.org/a.png\">",
            "News",
            &["the image `https://example.org/a.png` has no `alt`"],
        );
        check(
            "<a class=\"x>y\" href=\"/rates\">Rates</a>",
            "News",
            &["the link `/rates` is not absolute"],
        );
        check(
            "<a href=\"javascript:x()\">Rates</a>",
            "News",
            &["the link `javascript:x()` is not absolute"],
        );
        check("<p onclick=\"x()\">", "News", &["`<p>` holds the event handler `onclick`"]);
        check("<script>", "News", &["the HTML part holds `<script>`, which mail must not"]);
        check("{{ title }}", "News", &["the HTML part holds `{{`: template code was left over"]);
        check("\u{e001}", "News", &["the HTML part holds the private-use character `\\u{e001}`"]);
        check("\u{f0100}", "News", &["a slot of the HTML part does not stand alone"]);
        check(&"x".repeat(100_000), "News", &["the HTML part has 101 KB, more than 100 KB"]);
        check("<style>", "News", &["the HTML part has a `style` that is not closed"]);
    }

    #[test]
    fn what_stands_in_a_comment_is_for_outlook_and_passes() {
        check("<!--[if mso]><a href=\"/x\"><![endif]-->", "News", &[]);
    }

    #[test]
    fn each_flaw_of_the_text_part_is_named() {
        check("", &"word ".repeat(20), &["line 1 of the text part has 100 columns, more than 78"]);
        check("", &"海".repeat(40), &["line 1 of the text part has 80 columns, more than 78"]);
        check("", &"ก".repeat(90), &[]);
        check("", "{% if %}", &["the text part holds `{%`: template code was left over"]);
    }

    #[test]
    fn an_issue_without_parts_is_refused_part_by_part() {
        let empty =
            RenderedIssue { subject: String::new(), html: String::new(), text: String::new() };
        assert_eq!(
            lint(&empty),
            [
                "the subject is empty",
                "the HTML part does not name its language: `lang` is missing",
                "the HTML part has no title",
                "the HTML part has no heading of the first level",
                "the HTML part has no place for the unsubscribe link",
                "the text part is empty",
                "the text part has no place for the unsubscribe link",
            ]
        );
    }
}
