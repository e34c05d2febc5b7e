//! What a rule finds, and the values that more than one format has.

use chrono::DateTime;
use url::Url;

/// Faults of a document, in words.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<String>);

impl Findings {
    pub fn expect(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.0.push(fault());
        }
    }
}

/// An absolute address that a reader can follow.
pub fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// RFC 3986 section 3: a scheme and something behind it, in ASCII.
pub fn is_uri(text: &str) -> bool {
    text.is_ascii() && Url::parse(text).is_ok()
}

/// RFC 6838 section 4.2, two names and parameters after them.
pub fn is_media_type(text: &str) -> bool {
    let name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    essence.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype))
}

/// RFC 3339 section 5.6, `T` and `Z` in capitals as RFC 4287 section 3.3 wants.
pub fn is_rfc_3339(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
        && text.as_bytes().get(10) == Some(&b'T')
        && !text.ends_with('z')
}

/// RFC 5646 section 2.1, the shape alone.
pub fn is_language(text: &str) -> bool {
    text.split('-').all(|part| {
        (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// Addresses in `href` and `src` of HTML that are not absolute, and tags that do things.
pub fn html_faults(html: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for attribute in [" href=\"", " src=\""] {
        for rest in html.split(attribute).skip(1) {
            let address = rest.split('"').next().unwrap_or_default().replace("&amp;", "&");
            if Url::parse(&address).is_err() {
                faults.push(format!("relative address `{address}` in content"));
            }
        }
    }
    for tag in ["<script", "<iframe", "<object", "<embed", "<form", "<style"] {
        if html.contains(tag) {
            faults.push(format!("`{tag}` in content"));
        }
    }
    faults
}
