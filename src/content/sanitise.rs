//! Lets through only the HTML that a feed reader and a mail may show.
//!
//! An allow-list: what is not named here goes. Links are made absolute on the way, players
//! become links before it, because a mail shows no frame.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use ammonia::Builder;

use super::links::Base;
use super::players;
use super::tags::{Piece, pieces};
use super::text::strip_unpublishable;

const TAGS: &[&str] = &[
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
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
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
    "var",
    "wbr",
];

/// These go with all that is in them; of other unknown tags the text stays.
const TAGS_WITH_CONTENT: &[&str] = &[
    "applet", "audio", "button", "canvas", "datalist", "head", "iframe", "math", "noembed",
    "noframes", "noscript", "object", "script", "select", "style", "svg", "template", "textarea",
    "title", "video", "xmp",
];

/// Elements without an end tag, or with one that may be left out.
const FLAT_TAGS: &[&str] = &[
    "br", "hr", "img", "input", "wbr", "col", "embed", "source", "link", "meta", "p", "li", "dt",
    "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option",
];
/// Elements inside each other.
pub(crate) const DEPTH_LIMIT: usize = 100;

const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href", "hreflang", "title"]),
    ("abbr", &["title"]),
    ("bdo", &["dir"]),
    ("col", &["span"]),
    ("colgroup", &["span"]),
    ("img", &["src", "alt", "title", "width", "height"]),
    ("ol", &["start", "reversed", "type"]),
    ("li", &["value"]),
    ("td", &["colspan", "rowspan"]),
    ("th", &["colspan", "rowspan", "scope"]),
    ("time", &["datetime"]),
];

thread_local! {
    static BASE: RefCell<Option<Base>> = const { RefCell::new(None) };
    /// Built once for each thread: building costs as much as cleaning a file.
    static BUILDER: Builder<'static> = builder();
}

fn builder() -> Builder<'static> {
    let attributes: HashMap<&str, HashSet<&str>> =
        ATTRIBUTES.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(TAGS_WITH_CONTENT.iter().copied().collect())
        .tag_attributes(attributes)
        .generic_attributes(HashSet::from(["dir", "lang"]))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .link_rel(None)
        .strip_comments(true)
        .attribute_filter(|_, attribute, value| match attribute {
            "href" | "src" => BASE.with_borrow(|base| {
                base.as_ref().and_then(|base| base.resolve(value)).map(Cow::Owned)
            }),
            // `auto` and `100%` belong into a style sheet.
            "width" | "height" => {
                let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                is_number.then_some(Cow::Borrowed(value))
            }
            _ => Some(Cow::Borrowed(value)),
        });
    builder
}

/// Cleans a body: well nested, allowed tags alone, every link absolute.
pub(crate) fn sanitise(html: &str, base: &Base) -> String {
    let html = players::link(html, base);
    let html = mend_addresses(&html);
    let html = flatten(&html);
    BASE.set(Some(base.clone()));
    let clean = BUILDER.with(|builder| builder.clean(&html).to_string());
    BASE.set(None);
    // An entity such as `&#1;` has become its character by now.
    tidy(strip_unpublishable(clean))
}

/// Takes the blank out of addresses such as `https: //…`, for which the sanitiser would drop
/// them before it asks us. What stands in the text stays as it is.
fn mend_addresses(html: &str) -> Cow<'_, str> {
    const SPLIT: [(&str, &str); 2] = [("https: //", "https://"), ("http: //", "http://")];
    if !html.contains("s: //") && !html.contains("p: //") {
        return Cow::Borrowed(html);
    }
    let mended = pieces(html).map(|piece| match piece {
        Piece::Open(raw) => {
            Cow::Owned(SPLIT.iter().fold(raw.to_owned(), |tag, (from, to)| tag.replace(from, to)))
        }
        piece => Cow::Borrowed(piece.raw()),
    });
    Cow::Owned(mended.collect())
}

/// Leaves out the tags beyond a depth that no author writes: the parser's time grows with the
/// square of it. Tags that another one ends do not nest.
fn flatten(html: &str) -> Cow<'_, str> {
    // Few tags cannot be deep.
    if html.bytes().filter(|byte| *byte == b'<').take(DEPTH_LIMIT).count() < DEPTH_LIMIT {
        return Cow::Borrowed(html);
    }
    let nests = |piece: Piece<'_>| {
        let name = piece.name();
        matches!(piece, Piece::Open(_) | Piece::Close(_))
            && !FLAT_TAGS.iter().any(|flat| flat.eq_ignore_ascii_case(name))
    };
    if pieces(html).filter(|piece| nests(*piece)).take(DEPTH_LIMIT).count() < DEPTH_LIMIT {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(html.len());
    let mut depth = 0_usize;
    for piece in pieces(html) {
        match piece {
            Piece::Open(_) if nests(piece) => depth += 1,
            Piece::Close(_) if nests(piece) => {
                if depth <= DEPTH_LIMIT {
                    out.push_str(piece.raw());
                }
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => {}
        }
        if depth <= DEPTH_LIMIT || !nests(piece) {
            out.push_str(piece.raw());
        }
    }
    Cow::Owned(out)
}

/// Takes away what cleaning left without use: links that lead nowhere or have nothing to
/// click on, images without source, paragraphs without text; and what that leaves empty.
pub(crate) fn tidy(html: String) -> String {
    let mut tidied = html;
    loop {
        let again = tidy_once(&tidied);
        if again.len() == tidied.len() {
            return again;
        }
        tidied = again;
    }
}

fn tidy_once(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    // For each open link whether it leads nowhere; the parser's mending can nest them.
    let mut dead_links = Vec::new();
    let mut pieces = pieces(html).peekable();
    while let Some(piece) = pieces.next() {
        let Piece::Open(raw) = piece else {
            let is_dead = piece.name() == "a" && dead_links.pop().unwrap_or_default();
            out.push_str(if is_dead { "" } else { piece.raw() });
            continue;
        };
        // The sanitiser writes names in lower case.
        let name = piece.name();
        let is_hollow = matches!(name, "a" | "p")
            && pieces.peek().is_some_and(|next| matches!(next, Piece::Close(_)));
        if is_hollow {
            pieces.next();
            continue;
        }
        let is_dead = match name {
            "a" => !raw.contains(" href=\""),
            "img" => !raw.contains(" src=\""),
            _ => false,
        };
        if name == "a" {
            dead_links.push(is_dead);
        }
        out.push_str(if is_dead { "" } else { raw });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(sanitise(html, &Base::sample()), expected);
    }

    #[test]
    fn scripts_styles_forms_and_handlers_go() {
        check("<p onclick=\"x()\" style=\"a\" class=\"b\" id=\"c\" data-x=\"d\">A</p>", "<p>A</p>");
        check("<script>x()</script><style>p{}</style><p>A</p>", "<p>A</p>");
        check("<form>Name <input name=x><button>Go</button></form>", "Name ");
        check("<svg onload=x()><a href=\"#\">b</a></svg>A", "A");
        check("<object data=x><p>b</p></object><!-- c -->A", "A");
    }

    #[test]
    fn links_are_absolute_and_dead_links_are_unwrapped() {
        check(
            "<a href=\"/a b\" target=\"_blank\">x</a>",
            "<a href=\"https://press.example/a%20b\">x</a>",
        );
        check("<a href=\"#p\">x</a>", "<a href=\"https://press.example/news/one/#p\">x</a>");
        check("<a href=\"javascript:alert(1)\">x</a>", "x");
        check("<a href=\" java&#10;script:alert(1)\">x</a>", "x");
        check("<p></p><a href=\"/x\"></a><p> </p>", "<p> </p>");
        check("<a name=\"x\"></a><a>y <b>z</b></a><img alt=\"q\">", "y <b>z</b>");
    }

    #[test]
    fn images_keep_their_source_and_text() {
        check(
            "<img src='/i m.jpg' alt='A \"b\"' onerror=x() srcset='/x 2x'>",
            "<img src=\"https://press.example/i%20m.jpg\" alt=\"A &quot;b&quot;\">",
        );
    }

    #[test]
    fn nesting_has_a_limit() {
        let html = format!("{}a{}", "<div>".repeat(50_000), "</div>".repeat(50_000));
        assert_eq!(sanitise(&html, &Base::sample()).matches("<div>").count(), DEPTH_LIMIT);
    }

    #[test]
    fn an_address_with_a_blank_is_mended_and_the_text_left() {
        check(
            "<a href=\"https: //a.example/\">http: //a.example</a>",
            "<a href=\"https://a.example/\">http: //a.example</a>",
        );
    }

    #[test]
    fn dead_links_inside_each_other_are_unwrapped() {
        check(
            "<a><table><tr><td><a>x</a></td></tr></table>y</a>z",
            "<table><tbody><tr><td>x</td></tr></tbody></table>yz",
        );
    }

    #[test]
    fn sizes_are_numbers() {
        check(
            "<img src=\"/a.png\" width=\"100%\" height=\"80\">",
            "<img src=\"https://press.example/a.png\" height=\"80\">",
        );
    }

    #[test]
    fn bad_nesting_is_mended() {
        check("<p><b>a<p>b</i>", "<p><b>a</b></p><p><b>b</b></p>");
    }

    #[test]
    fn characters_that_break_feeds_are_taken_out_also_as_entities() {
        check("a&#1;b&#xF0026;c&#xFFFF;d", "abcd");
    }
}
