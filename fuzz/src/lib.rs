//! What must hold for whatever comes out of `content::read`, whatever went in.

use tidings::content::{Draft, Outcome, Rules, Severity, read};

/// Tags without an end tag.
const VOID: &[&str] = &["br", "hr", "img", "col", "wbr"];
/// Among the attributes that a sanitised tag may have, these carry addresses.
const ADDRESSES: &[&str] = &["href", "src"];
const ATTRIBUTES: &[&str] = &[
    "alt", "colspan", "datetime", "dir", "height", "href", "hreflang", "lang", "reversed",
    "rowspan", "scope", "span", "src", "start", "title", "type", "value", "width",
];
const FORBIDDEN: &[&str] = &[
    "script", "style", "iframe", "form", "input", "object", "embed", "svg", "math", "template",
    "noscript", "link", "meta", "base",
];

/// Reads a file and checks what came of it. Gives the draft, if it is one.
pub fn check(path: &str, bytes: &[u8]) -> Option<Draft> {
    let reading = read(path, bytes, &rules());
    let is_held = reading.problems.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(is_held, reading.outcome == Outcome::HeldBack, "held back and errors do not agree");
    for problem in &reading.problems {
        assert!(!problem.message.is_empty() && !problem.remedy.is_empty(), "{problem:?}");
    }
    let Outcome::Draft(draft) = reading.outcome else { return None };
    for text in [&draft.title, &draft.summary, &draft.content_html, &draft.content_text] {
        assert!(text.chars().all(is_xml), "a character that XML forbids: {text:?}");
    }
    assert!(!draft.title.contains('\n') && !draft.summary.contains('\n'), "more than a line");
    check_html(&draft.content_html);
    Some(*draft)
}

/// XML 1.0, section 2.2.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Every tag is closed in order, no tag or attribute is active, every address absolute.
fn check_html(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a bare `>`: {html}");
        let end = rest[at..].find('>').unwrap_or_else(|| panic!("a tag without end: {html}"));
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "badly nested: {html}");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()), "<{tag}>");
        assert!(!FORBIDDEN.contains(&name), "<{tag}> in {html}");
        check_attributes(&tag[name.len()..]);
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(!rest.contains('>'), "a bare `>`: {html}");
    assert!(open.is_empty(), "{open:?} left open: {html}");
}

/// ` name="value" name="value"`, as the sanitiser writes them.
fn check_attributes(attributes: &str) {
    let mut rest = attributes;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{attributes}"));
        let (value, left) = after.split_once('"').unwrap_or_else(|| panic!("{attributes}"));
        rest = left;
        let name = name.strip_prefix(' ').unwrap_or_else(|| panic!("{attributes}"));
        assert!(ATTRIBUTES.contains(&name), "attribute `{name}` in {attributes}");
        if ADDRESSES.contains(&name) {
            let schemes = ["http://", "https://", "mailto:", "tel:"];
            assert!(schemes.iter().any(|scheme| value.starts_with(scheme)), "not absolute: {value}");
            assert!(!value.contains(char::is_whitespace), "a blank in {value}");
        }
    }
}

fn rules() -> Rules {
    Rules {
        site_url: "https://press.example/".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    }
}
