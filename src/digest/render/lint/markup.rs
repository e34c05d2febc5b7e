//! Walks HTML as the CSS inliner writes it: attributes in double quotes, names in lower case,
//! every element closed but the void ones.

/// What stands between two tags, or a tag.
#[derive(Debug)]
pub(super) enum Token<'a> {
    Open(Tag<'a>),
    Close(&'a str),
    /// As it is written, character references and all.
    Text(&'a str),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Nothing can stand in it (HTML, section 13.1.2).
    pub(super) fn is_void(&self) -> bool {
        const VOID: [&str; 13] = [
            "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
            "track", "wbr",
        ];
        VOID.contains(&self.name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.attributes.trim_start();
        std::iter::from_fn(move || {
            let (name, after) = rest.split_once("=\"")?;
            let (value, after) = after.split_once('"').unwrap_or((after, ""));
            rest = after.trim_start();
            // An attribute without a value may stand before the name.
            Some((name.split_ascii_whitespace().last().unwrap_or(name), value))
        })
    }
}

/// Tags and texts in order. Comments, and with them Outlook's conditionals, are passed over; so
/// is the doctype.
pub(super) fn tokens(html: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            if let Some(comment) = rest.strip_prefix("<!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            if !rest.starts_with('<') {
                let end = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
                let (text, after) = rest.split_at(end);
                rest = after;
                return Some(Token::Text(text));
            }
            let (tag, after) = rest.split_at(tag_end(rest));
            rest = after;
            let inner = tag.trim_start_matches('<').trim_end_matches('>');
            if let Some(name) = inner.strip_prefix('/') {
                return Some(Token::Close(name.trim()));
            }
            if inner.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let (name, attributes) =
                    inner.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inner, ""));
                let name = name.trim_end_matches('/');
                return Some(Token::Open(Tag { name, attributes }));
            }
        }
    })
}

/// End of the tag at the start of `html`; a `>` inside double quotes does not end it.
fn tag_end(html: &str) -> usize {
    let mut is_quoted = false;
    for at in memchr::memchr2_iter(b'"', b'>', html.as_bytes()) {
        match html.as_bytes()[at] {
            b'"' => is_quoted = !is_quoted,
            _ if !is_quoted => return at + 1,
            _ => {}
        }
    }
    html.len()
}
