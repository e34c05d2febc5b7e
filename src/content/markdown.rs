//! Renders Markdown (CommonMark with tables, footnotes, strikethrough, definition lists).
//!
//! Text without raw HTML comes out clean by itself, because the renderer escapes and every
//! link goes through us; only the rest needs the sanitiser, the dearest step of a scan.

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use super::links::Base;
use super::sanitise::sanitise;
use super::tags::{Piece, pieces};
use super::text::{is_publishable, strip_unpublishable};

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
}

/// Ranges of `body` that are code, in order; templates and attribute lists do not act there.
pub(crate) fn code_ranges(body: &str) -> Vec<Range<usize>> {
    Parser::new_ext(body, options())
        .into_offset_iter()
        .filter(|(event, _)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))))
        .map(|(_, range)| range)
        .collect()
}

/// The code range that `at` lies in; the ranges are in order.
pub(crate) fn code_at(code: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    let next = code.partition_point(|range| range.end <= at);
    code.get(next).filter(|range| range.start <= at)
}

/// HTML of a body, clean, with every link absolute.
pub(crate) fn render(body: &str, base: &Base) -> String {
    let mut writer = Writer { base, open: Vec::new(), notes: HashMap::new() };
    let mut events = Vec::new();
    let is_html = |event: &Event<'_>| matches!(event, Event::Html(_) | Event::InlineHtml(_));
    let parsed: Vec<Event<'_>> = Parser::new_ext(body, options()).collect();
    let has_html = parsed.iter().any(is_html);
    let parsed = if has_html { with_indented_html(parsed) } else { parsed };
    for event in parsed {
        writer.map(event, &mut events);
    }
    // Footnotes bring tags of ours.
    let has_html = events.iter().any(is_html);
    let mut out = String::with_capacity(body.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    let out = with_missed_emphasis(out);
    // A link with nothing to click on is for the sanitiser to take away.
    if has_html || out.contains("\"></a>") {
        return sanitise(&out, base);
    }
    // As the sanitiser writes it; a `>` in text is escaped, so this can only end a tag.
    let out = out.replace(" />", ">");
    if out.chars().all(is_publishable) { out } else { strip_unpublishable(&out) }
}

/// Takes indented lines of nothing but tags for HTML again: below a blank line inside a
/// `<div>` `CommonMark` sees code in them, the authors' own renderers do not.
fn with_indented_html(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut out: Vec<Event<'_>> = Vec::with_capacity(events.len());
    let mut code = None;
    for event in events {
        match (&mut code, event) {
            (None, Event::Start(Tag::CodeBlock(CodeBlockKind::Indented))) => {
                code = Some(String::new());
            }
            (None, event) => out.push(event),
            (Some(text), Event::Text(part)) => text.push_str(&part),
            (Some(_), _) => {
                let text = code.take().unwrap_or_default();
                if is_only_tags(&text) {
                    out.push(Event::Html(text.into()));
                } else {
                    out.push(Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)));
                    out.push(Event::Text(text.into()));
                    out.push(Event::End(TagEnd::CodeBlock));
                }
            }
        }
    }
    out
}

fn is_only_tags(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.all(|line| line.starts_with('<') && line.ends_with('>'))
}

/// Makes `**` that `CommonMark` left in the text strong: its rules ask for blanks around
/// punctuation, which Chinese does not write (`**“一家”**在`).
fn with_missed_emphasis(html: String) -> String {
    if !html.contains("**") {
        return html;
    }
    let mut out = String::with_capacity(html.len());
    let mut code_depth = 0_usize;
    for piece in pieces(&html) {
        match piece {
            Piece::Open(_) if piece.is("code") => code_depth += 1,
            Piece::Close(_) if piece.is("code") => code_depth = code_depth.saturating_sub(1),
            Piece::Text(text) if code_depth == 0 && text.contains("**") => {
                push_strong(text, &mut out);
                continue;
            }
            _ => {}
        }
        out.push_str(piece.raw());
    }
    out
}

fn push_strong(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("**") {
        out.push_str(before);
        let inside = after.split_once("**").filter(|(inside, _)| {
            let is_edge = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || c == '*');
            !is_edge(inside.chars().next()) && !is_edge(inside.chars().next_back())
        });
        if let Some((inside, left)) = inside {
            out.push_str("<strong>");
            out.push_str(inside);
            out.push_str("</strong>");
            rest = left;
        } else {
            out.push_str("**");
            rest = after;
        }
    }
    out.push_str(rest);
}

struct Writer<'a> {
    base: &'a Base,
    /// For each open link or image, whether its tags are written.
    open: Vec<bool>,
    /// Footnotes by name, numbered as they come.
    notes: HashMap<String, usize>,
}

impl Writer<'_> {
    fn map<'e>(&mut self, event: Event<'e>, events: &mut Vec<Event<'e>>) {
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let target = match link_type {
                    LinkType::Email => self.base.resolve(&format!("mailto:{dest_url}")),
                    _ => self.base.resolve(&dest_url),
                };
                self.open.push(target.is_some());
                if let Some(target) = target {
                    let link_type = LinkType::Inline;
                    let dest_url = CowStr::from(target);
                    events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let target = self.base.resolve(&dest_url).filter(|t| t.starts_with("http"));
                self.open.push(target.is_some());
                if let Some(target) = target {
                    let dest_url = CowStr::from(target);
                    events.push(Event::Start(Tag::Image { link_type, dest_url, title, id }));
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if self.open.pop().unwrap_or_default() {
                    events.push(event);
                }
            }
            // What the renderer would write as `id`, `class` and `style`.
            Event::Start(Tag::Heading { level, .. }) => {
                let (id, classes, attrs) = (None, Vec::new(), Vec::new());
                events.push(Event::Start(Tag::Heading { level, id, classes, attrs }));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                let no_language = CodeBlockKind::Fenced(CowStr::from(""));
                events.push(Event::Start(Tag::CodeBlock(no_language)));
            }
            Event::Start(Tag::Table(alignments)) => {
                let plain = vec![pulldown_cmark::Alignment::None; alignments.len()];
                events.push(Event::Start(Tag::Table(plain)));
            }
            // A link between note and text needs ids, which a mail cannot have.
            Event::FootnoteReference(name) => {
                let mark = format!("<sup>{}</sup>", self.number(&name));
                events.push(Event::InlineHtml(mark.into()));
            }
            Event::Start(Tag::FootnoteDefinition(name)) => {
                let mark = format!("<div><sup>{}</sup>\n", self.number(&name));
                events.push(Event::Html(mark.into()));
            }
            Event::End(TagEnd::FootnoteDefinition) => events.push(Event::Html("</div>\n".into())),
            event => events.push(event),
        }
    }

    fn number(&mut self, name: &str) -> usize {
        let next = self.notes.len() + 1;
        *self.notes.entry(name.to_owned()).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        Base {
            page: "https://press.example/news/one/".parse().unwrap(),
            site: "https://press.example/".parse().unwrap(),
        }
    }

    fn check(body: &str, expected: &str) {
        assert_eq!(render(body, &base()), expected);
    }

    #[test]
    fn markdown_comes_out_as_html_with_absolute_links() {
        check(
            "a [b](/c \"T\") **d**",
            "<p>a <a href=\"https://press.example/c\" title=\"T\">b</a> <strong>d</strong></p>\n",
        );
        check(
            "![a b](</i m.png>)",
            "<p><img src=\"https://press.example/i%20m.png\" alt=\"a b\"></p>\n",
        );
        check("<mei@a.example>", "<p><a href=\"mailto:mei@a.example\">mei@a.example</a></p>\n");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_its_text() {
        check("[a]() [b](javascript:x) ![c](data:x) [a](<> \"T\")", "<p>a b c a</p>\n");
    }

    #[test]
    fn code_tables_and_headings_carry_no_class_id_or_style() {
        check("```rust\na\n```", "<pre><code>a\n</code></pre>\n");
        check("# A {#x .y}", "<h1>A</h1>\n");
        check(
            "a|b\n:-|-:\n1|2",
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>\n<tr><td>1</td><td>2</td></tr>\n</tbody></table>\n",
        );
    }

    #[test]
    fn a_footnote_keeps_its_number() {
        check("a[^x]\n\n[^x]: b", "<p>a<sup>1</sup></p>\n<div><sup>1</sup>\n<p>b</p>\n</div>\n");
    }

    #[test]
    fn raw_html_is_sanitised() {
        check(
            "a <span onclick=\"x()\">b</span>\n\n<script>c</script>",
            "<p>a <span>b</span></p>\n",
        );
    }

    #[test]
    fn indented_tags_inside_html_are_no_code() {
        check("<div>\n\n*a*\n\n    </div>\n\nb", "<div>\n<p><em>a</em></p>\n</div>\n<p>b</p>\n");
        check("a\n\n    <b>\n", "<p>a</p>\n<pre><code>&lt;b&gt;\n</code></pre>\n");
    }

    #[test]
    fn chinese_needs_no_blanks_around_strong_words() {
        check("**“一家”**在", "<p><strong>“一家”</strong>在</p>\n");
        check(
            "2020**,** with `**a**` 2 ** 3 ** 4",
            "<p>2020<strong>,</strong> with <code>**a**</code> 2 ** 3 ** 4</p>\n",
        );
    }

    #[test]
    fn ordered_lists_keep_their_start() {
        check("4. a\n5. b", "<ol start=\"4\">\n<li>a</li>\n<li>b</li>\n</ol>\n");
    }

    #[test]
    fn code_is_found_with_its_place() {
        assert_eq!(code_ranges("a `b` c\n\n```\nd\n```\n"), [2..5, 9..18]);
    }

    #[test]
    fn a_link_with_nothing_to_click_on_is_left_out() {
        check("[](|)", "\n");
        check("a [](|) b", "<p>a  b</p>\n");
    }

    proptest::proptest! {
        #[test]
        fn text_without_html_needs_no_sanitiser(body in "[a-c \\n#*_`>|~\\[\\]()!&;:/0-9.-]{0,80}") {
            let html = render(&body, &base());
            let again = sanitise(&html, &base());
            let same = |s: &str| s.replace("&nbsp;", "\u{a0}").replace('\n', "");
            proptest::prop_assert_eq!(same(&again), same(&html));
        }
    }
}
