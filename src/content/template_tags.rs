//! Resolves Liquid (Jekyll) and shortcodes (Hugo) outside code.
//!
//! No template engine: a tag that stands for text or an address becomes it, any other is
//! removed and named in a warning, and the text between a pair of tags stays.

use std::ops::Range;

use super::hugo;
use super::liquid;
use super::markdown;

/// A tag longer than this is no tag; the bound keeps a file full of `{{` from taking long.
const TAG_BYTES: usize = 4_000;
/// More than an author can act on at once.
const REMOVED_LIMIT: usize = 20;

/// What tags may refer to.
#[derive(Debug, Clone)]
pub(crate) struct Site<'a> {
    /// Address of the site without its last slash.
    pub(crate) url: String,
    /// Path of the site's address without its last slash.
    pub(crate) base_path: &'a str,
    pub(crate) title: &'a str,
}

/// A tag that was taken out because it means nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removed {
    /// As the author wrote it, without the braces.
    pub(crate) tag: String,
    /// Line in the body, from 0.
    pub(crate) line: usize,
}

/// What one tag turns into.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Text(String),
    /// Means something to its engine that leaves no trace in the text.
    Nothing,
    Unknown,
    /// What follows up to the end tag is shown as it is, between `before` and `after`.
    Verbatim {
        end: &'static str,
        before: String,
        after: &'static str,
    },
    /// What follows up to the end tag is not shown.
    Comment {
        end: &'static str,
    },
}

/// Replaces every tag outside `code`, ranges of `body` that are shown as they are.
pub(crate) fn resolve(
    body: &str,
    code: &[Range<usize>],
    site: &Site<'_>,
) -> (String, Vec<Removed>) {
    let mut out = String::with_capacity(body.len());
    let mut removed: Vec<Removed> = Vec::new();
    let mut at = 0;
    while let Some(start) = next_tag(body, at, code) {
        out.push_str(&body[at..start]);
        let Some(tag) = Tag::at(body, start) else {
            // Never closed: no tag, two braces in a text.
            out.push_str(&body[start..start + 2]);
            at = start + 2;
            continue;
        };
        at = start + tag.length;
        match tag.meaning(site) {
            Meaning::Text(text) => out.push_str(&text),
            Meaning::Nothing => {}
            Meaning::Unknown => {
                let name = tag.inner.trim().to_owned();
                if removed.len() < REMOVED_LIMIT && !removed.iter().any(|r| r.tag == name) {
                    let line = body[..start].matches('\n').count();
                    removed.push(Removed { tag: name, line });
                }
            }
            Meaning::Verbatim { end, before, after } => {
                let (inside, next) = until_end(body, at, end);
                out.push_str(&before);
                out.push_str(inside);
                out.push_str(after);
                at = next;
            }
            Meaning::Comment { end } => at = until_end(body, at, end).1,
        }
    }
    out.push_str(&body[at..]);
    (out, removed)
}

/// Where the next `{{` or `{%` outside code is.
fn next_tag(body: &str, from: usize, code: &[Range<usize>]) -> Option<usize> {
    let mut at = from;
    loop {
        at += body[at..].find('{')?;
        if let Some(range) = markdown::code_at(code, at) {
            at = range.end;
        } else if body[at + 1..].starts_with(['{', '%']) {
            return Some(at);
        } else {
            at += 1;
        }
    }
}

/// Text up to the tag named `end`, and where the text after that tag begins.
fn until_end<'a>(body: &'a str, from: usize, end: &str) -> (&'a str, usize) {
    let mut at = from;
    while let Some(found) = body[at..].find('{') {
        let start = at + found;
        if let Some(tag) = Tag::at(body, start)
            && tag.inner.trim().trim_start_matches(['/', ' ']) == end.trim_start_matches('/')
            && (tag.kind == TagKind::Liquid || tag.inner.trim().starts_with('/'))
        {
            return (&body[from..start], start + tag.length);
        }
        at = start + 1;
    }
    (&body[from..], body.len())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagKind {
    /// `{{ … }}`
    Output,
    /// `{% … %}`
    Liquid,
    /// `{{< … >}}` or `{{% … %}}`
    Shortcode,
}

#[derive(Debug)]
struct Tag<'a> {
    kind: TagKind,
    inner: &'a str,
    length: usize,
}

impl<'a> Tag<'a> {
    fn at(body: &'a str, start: usize) -> Option<Self> {
        let end = body.len().min(start + TAG_BYTES);
        let rest = &body[start..body.floor_char_boundary(end)];
        let (kind, open, close) = [
            (TagKind::Shortcode, "{{<", ">}}"),
            (TagKind::Shortcode, "{{%", "%}}"),
            (TagKind::Output, "{{", "}}"),
            (TagKind::Liquid, "{%", "%}"),
        ]
        .into_iter()
        .find(|(_, open, _)| rest.starts_with(open))?;
        let end = rest.find(close).filter(|end| *end >= open.len())?;
        // Liquid trims blanks around a tag with `{%-` and `-%}`.
        let inner = rest[open.len()..end].trim_start_matches('-').trim_end_matches('-');
        Some(Self { kind, inner, length: end + close.len() })
    }

    fn meaning(&self, site: &Site<'_>) -> Meaning {
        match self.kind {
            TagKind::Output => liquid::output(self.inner, site),
            TagKind::Liquid => liquid::tag(self.inner),
            TagKind::Shortcode => hugo::shortcode(self.inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site<'static> {
        Site { url: "https://press.example/sub".into(), base_path: "/sub", title: "One" }
    }

    fn check(body: &str, expected: &str, removed: &[&str]) {
        let (text, tags) = resolve(body, &[], &site());
        assert_eq!(text, expected);
        assert_eq!(tags.iter().map(|r| r.tag.as_str()).collect::<Vec<_>>(), removed);
    }

    #[test]
    fn addresses_become_what_they_mean() {
        check(
            "![a]({{ \"/i.png\" | absolute_url }})",
            "![a](https://press.example/sub/i.png)",
            &[],
        );
        check("{{\"/x/\"|relative_url}} {{ '/y' | url }}", "/sub/x/ /sub/y", &[]);
        check(
            "{{site.baseurl}}/z {{ site.url }}{{site.baseurl}}/z",
            "/sub/z https://press.example/sub/z",
            &[],
        );
        check("{{ page.title }}", "One", &[]);
    }

    #[test]
    fn an_unknown_tag_is_removed_and_the_text_between_a_pair_kept() {
        check("{% githubify u %}text{% endgithubify %}", "text", &["githubify u"]);
        check("{{< note variant=\"a\" >}}text{{< /note >}}", "text", &["note variant=\"a\""]);
        check("a{% include toc.html %}b{% include toc.html %}", "ab", &["include toc.html"]);
    }

    #[test]
    fn a_removed_tag_knows_its_line() {
        let (_, removed) = resolve("a\n\n{% include b %}", &[], &site());
        assert_eq!(removed, [Removed { tag: "include b".into(), line: 2 }]);
    }

    #[test]
    fn raw_text_stays_and_comments_go() {
        check("{% raw %}{{ x }}{% endraw %}", "{{ x }}", &[]);
        check("a{% comment %}b{% include c %}{% endcomment %}d", "ad", &[]);
        check(
            "{%- highlight rust -%}\nfn a() {}\n{% endhighlight %}",
            "\n```rust\n\nfn a() {}\n\n```\n",
            &[],
        );
        check(
            "{{< highlight go >}}\n{{ x }}\n{{< /highlight >}}",
            "\n```go\n\n{{ x }}\n\n```\n",
            &[],
        );
    }

    #[test]
    fn tags_in_code_and_braces_never_closed_are_text() {
        let body = "`{{ x }}` {{ y";
        assert_eq!(resolve(body, &markdown::code_ranges(body), &site()).0, body);
    }
}
