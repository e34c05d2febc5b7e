//! Paths of requests, as the paths of documents below the output folder.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but what needs no encoding (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path without its first slash and its percent encoding. `None` where that is not UTF-8
/// or an encoded slash would come to mean another path (RFC 3986, 2.2).
pub(super) fn decoded(path: &str) -> Option<Cow<'_, str>> {
    let path = path.strip_prefix('/')?;
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    (slashes(&decoded) == slashes(path)).then_some(decoded)
}

/// Leads from a page without its last slash to the one with it. Relative, so that it holds
/// whatever prefix a proxy takes away.
pub(super) fn with_slash(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    format!("{}/", utf8_percent_encode(last, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_encoded_letters_mean_the_same() {
        assert_eq!(decoded("/feeds/all.atom").as_deref(), Some("feeds/all.atom"));
        assert_eq!(decoded("/%66eeds/all%2Eatom").as_deref(), Some("feeds/all.atom"));
        assert_eq!(decoded("/feeds/%E6%96%B0.ics").as_deref(), Some("feeds/新.ics"));
        assert_eq!(decoded("/").as_deref(), Some(""));
    }

    #[test]
    fn what_is_not_utf_8_or_hides_a_slash_is_no_path() {
        for path in ["/%ff", "/feeds%2Fall.atom", "/..%2fvar", "*", ""] {
            assert_eq!(decoded(path), None, "{path}");
        }
    }

    #[test]
    fn a_page_without_its_slash_leads_on_relatively() {
        assert_eq!(with_slash("feeds/all"), "all/");
        assert_eq!(with_slash("news"), "news/");
        assert_eq!(with_slash("feeds/新"), "%E6%96%B0/");
    }
}
