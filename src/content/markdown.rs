//! Renders Markdown (CommonMark with tables, footnotes, strikethrough, definition lists).
//!
//! Text without raw HTML comes out clean by itself, because the renderer escapes and every
//! link goes through us; only the rest needs the sanitiser, the dearest step of a scan. So a
//! text is rendered block by block, and each run of blocks that opens and closes tags by hand
//! is sanitised by itself.

use std::collections::HashMap;
use std::ops::Range;

use memchr::memmem;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use super::links::Base;
use super::nesting::Nesting;
use super::sanitise::{DEPTH_LIMIT, sanitise, tidy};
use super::tags::{Piece, pieces};
use super::text::strip_unpublishable;

/// Stands for a `*` that the author escaped, until emphasis is settled. Of the private planes
/// that no text that we read holds.
const ESCAPED_STAR: char = '\u{f002a}';

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
    let mut writer = Writer::new(base);
    let parsed = Parser::new_ext(body, options())
        .into_offset_iter()
        .map(|(event, range)| with_escaped_stars(event, body, range.start));
    let mut out = String::with_capacity(body.len() * 5 / 4);
    if may_hold_html(body) {
        let events: Vec<Event<'_>> = parsed.collect();
        let has_html = events.iter().any(is_html);
        let events = if has_html { with_indented_html(events) } else { events };
        let events = events.into_iter().filter_map(|event| writer.map(event)).collect();
        push_blocks(&mut out, events, base);
    } else {
        push_clean(&mut out, parsed.filter_map(|event| writer.map(event)));
    }
    if writer.deepest > DEPTH_LIMIT {
        return sanitise(&out, base);
    }
    // What the sanitiser takes away as well.
    let hollow = ["\"></a>", "<p></p>"];
    let is_hollow =
        hollow.iter().any(|tags| memmem::find(out.as_bytes(), tags.as_bytes()).is_some());
    if is_hollow { tidy(out) } else { out }
}

/// Whether there could be a tag or a footnote, which is written with tags of ours.
fn may_hold_html(body: &str) -> bool {
    let bytes = body.as_bytes();
    let begins_tag = |at: usize| {
        let next = bytes.get(at + 1);
        next.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?'))
    };
    memchr::memchr_iter(b'<', bytes).any(begins_tag) || memmem::find(bytes, b"[^").is_some()
}

fn is_html(event: &Event<'_>) -> bool {
    matches!(event, Event::Html(_) | Event::InlineHtml(_))
}

/// Renders blocks one after the other. From one that holds HTML on, they are kept together
/// until all tags are closed, and sanitised at once.
fn push_blocks(out: &mut String, events: Vec<Event<'_>>, base: &Base) {
    let mut unclean = String::new();
    let mut nesting = Nesting::default();
    let mut events = events.into_iter();
    loop {
        let block = next_block(&mut events);
        if block.is_empty() {
            break;
        }
        if unclean.is_empty() && !block.iter().any(is_html) {
            push_clean(out, block.into_iter());
            continue;
        }
        let start = unclean.len();
        html::push_html(&mut unclean, block.into_iter());
        nesting.feed(&unclean[start..]);
        if nesting.is_closed() {
            out.push_str(&sanitise(&with_missed_emphasis(std::mem::take(&mut unclean)), base));
        }
    }
    if !unclean.is_empty() {
        out.push_str(&sanitise(&with_missed_emphasis(unclean), base));
    }
}

/// The events of the next block that lies in no other one; none at the end.
fn next_block<'e>(events: &mut impl Iterator<Item = Event<'e>>) -> Vec<Event<'e>> {
    let mut block = Vec::new();
    let mut depth = 0_usize;
    for event in events {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        block.push(event);
        if depth == 0 {
            break;
        }
    }
    block
}

/// Renders events without HTML, as the sanitiser would write them.
fn push_clean<'e>(out: &mut String, events: impl Iterator<Item = Event<'e>>) {
    let mut html = String::with_capacity(out.capacity() - out.len());
    html::push_html(&mut html, events);
    let html = with_missed_emphasis(html);
    // A `>` in text is escaped, so this can only end a tag.
    let html = if memmem::find(html.as_bytes(), b" />").is_some() {
        html.replace(" />", ">")
    } else {
        html
    };
    out.push_str(&strip_unpublishable(html));
}

/// Marks a `*` at the head of a text that was written as `\*`.
fn with_escaped_stars<'e>(event: Event<'e>, body: &str, start: usize) -> Event<'e> {
    match event {
        Event::Text(text) if text.starts_with('*') => {
            // Two backslashes are one in the text, and escape nothing.
            let backslashes = body[..start].bytes().rev().take_while(|byte| *byte == b'\\').count();
            match backslashes % 2 {
                0 => Event::Text(text),
                _ => Event::Text(format!("{ESCAPED_STAR}{}", &text[1..]).into()),
            }
        }
        event => event,
    }
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
    if memchr::memchr(b'*', html.as_bytes()).is_none() && !html.contains(ESCAPED_STAR) {
        return html;
    }
    let html = if html.contains("**") { with_strong(&html) } else { html };
    if html.contains(ESCAPED_STAR) { html.replace(ESCAPED_STAR, "*") } else { html }
}

fn with_strong(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut code_depth = 0_usize;
    for piece in pieces(html) {
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
    /// Elements that are open, and the most that ever were.
    depth: usize,
    deepest: usize,
}

impl<'a> Writer<'a> {
    fn new(base: &'a Base) -> Self {
        Self { base, open: Vec::new(), notes: HashMap::new(), depth: 0, deepest: 0 }
    }

    fn map<'e>(&mut self, event: Event<'e>) -> Option<Event<'e>> {
        match event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.deepest = self.deepest.max(self.depth);
        Some(match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let target = match link_type {
                    LinkType::Email => self.base.resolve(&format!("mailto:{dest_url}")),
                    _ => self.base.resolve(&dest_url),
                };
                self.open.push(target.is_some());
                let (link_type, dest_url) = (LinkType::Inline, CowStr::from(target?));
                Event::Start(Tag::Link { link_type, dest_url, title, id })
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let target = self.base.resolve(&dest_url).filter(|t| t.starts_with("http"));
                self.open.push(target.is_some());
                let dest_url = CowStr::from(target?);
                Event::Start(Tag::Image { link_type, dest_url, title, id })
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                return self.open.pop().unwrap_or_default().then_some(event);
            }
            // What the renderer would write as `id`, `class` and `style`.
            Event::Start(Tag::Heading { level, .. }) => {
                let (id, classes, attrs) = (None, Vec::new(), Vec::new());
                Event::Start(Tag::Heading { level, id, classes, attrs })
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                let no_language = CodeBlockKind::Fenced(CowStr::from(""));
                Event::Start(Tag::CodeBlock(no_language))
            }
            Event::Start(Tag::Table(alignments)) => {
                let plain = vec![pulldown_cmark::Alignment::None; alignments.len()];
                Event::Start(Tag::Table(plain))
            }
            // A link between note and text needs ids, which a mail cannot have.
            Event::FootnoteReference(name) => {
                let mark = format!("<sup>{}</sup>", self.number(&name));
                Event::InlineHtml(mark.into())
            }
            Event::Start(Tag::FootnoteDefinition(name)) => {
                let mark = format!("<div><sup>{}</sup>\n", self.number(&name));
                Event::Html(mark.into())
            }
            Event::End(TagEnd::FootnoteDefinition) => Event::Html("</div>\n".into()),
            event => event,
        })
    }

    fn number(&mut self, name: &str) -> usize {
        let next = self.notes.len() + 1;
        *self.notes.entry(name.to_owned()).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        assert_eq!(render(body, &Base::sample()), expected);
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
    fn nesting_has_a_limit_without_html_too() {
        let html = render(&format!("{}a", ">".repeat(DEPTH_LIMIT + 50)), &Base::sample());
        assert_eq!(html.matches("<blockquote>").count(), DEPTH_LIMIT);
    }

    #[test]
    fn escaped_stars_are_stars() {
        check(r"\*\*x\*\* `\*\*y\*\*`", "<p>**x** <code>\\*\\*y\\*\\*</code></p>\n");
        check(r"\*\*a\*\* b**,**", "<p>**a** b<strong>,</strong></p>\n");
        check(r"a\\**,**b", "<p>a\\<strong>,</strong>b</p>\n");
        check(
            r"<b>\*\*x\*\*</b> ![\*\*](/a)",
            "<p><b>**x**</b> <img src=\"https://press.example/a\" alt=\"**\"></p>\n",
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

    /// The whole text at once, as the sanitiser would have it.
    fn render_whole(body: &str) -> String {
        let base = Base::sample();
        let mut writer = Writer::new(&base);
        let parsed = Parser::new_ext(body, options())
            .into_offset_iter()
            .map(|(event, range)| with_escaped_stars(event, body, range.start));
        let events: Vec<Event<'_>> = parsed.collect();
        let has_html = events.iter().any(is_html);
        let events = if has_html { with_indented_html(events) } else { events };
        let mut html = String::new();
        html::push_html(&mut html, events.into_iter().filter_map(|event| writer.map(event)));
        sanitise(&with_missed_emphasis(html), &base)
    }

    /// Without what the sanitiser and the renderer write in two ways.
    fn plain(html: &str) -> String {
        html.replace("&nbsp;", "\u{a0}")
            .replace("&#39;", "'")
            .replace("&#x27;", "'")
            .replace('\n', "")
    }

    proptest::proptest! {
        #[test]
        fn text_without_html_needs_no_sanitiser(
            body in "([a-c \u{a0}\"'\\\\#*_`>|~\\[\\]()!&;:/0-9.-]|\n|    |\n\n|[*]{2}|\\]\\(|&#[0-9]{1,3};|- |[|]-){0,60}"
        ) {
            // A carriage return is a line break to one and left out by the other.
            proptest::prop_assume!(!body.contains("13;"));
            let html = render(&body, &Base::sample());
            proptest::prop_assert_eq!(plain(&sanitise(&html, &Base::sample())), plain(&html));
            proptest::prop_assert_eq!(plain(&render_whole(&body)), plain(&html));
        }

        #[test]
        fn blocks_sanitised_one_by_one_are_the_whole_sanitised(
            body in "(</?(p|b|i|a|a href=\"/x\"|div|li|ul|h1|h2|table|tr|td|th|tbody|caption|pre|span|dt|dd|br|form|svg|select|option|iframe|iframe src=\"/y\"|foo|marquee|video|p title=\"[a>\"]?\")>|<!-- [a>]? -->|[a-c*'`\u{a0} >|-]|\n|\n\n|\n\n|    |\n- |\\[a\\]\\(/b\\)|\\[\\^x\\]|\n\n\\[\\^x\\]: |&amp;){0,40}"
        ) {
            proptest::prop_assert_eq!(plain(&render(&body, &Base::sample())), plain(&render_whole(&body)));
        }

        #[test]
        fn well_nested_blocks_sanitised_one_by_one_are_the_whole_sanitised(
            blocks in proptest::collection::vec(nested(), 0..6)
        ) {
            let body = blocks.join("\n\n");
            proptest::prop_assert_eq!(plain(&render(&body, &Base::sample())), plain(&render_whole(&body)));
        }
    }

    /// Elements inside each other, each closed where it was opened, in any order.
    fn nested() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let text = "[a-c*']{1,3}|\n\n|\u{a0}|".prop_map(String::from);
        text.prop_recursive(6, 40, 4, |inner| {
            let name = "(p|b|i|a|div|li|ul|h1|h2|table|tbody|tr|td|th|caption|pre|span|dt|dd|dl|font|u|code|blockquote)";
            (name, "(| class=\"x\"| href=\"/y\")", proptest::collection::vec(inner, 0..4))
                .prop_map(|(name, attribute, inside)| format!("<{name}{attribute}>{}</{name}>", inside.concat()))
        })
    }
}
