//! What stands in the frames of the preview: texts of others, as a light or a dark screen shows
//! them, without the right to load, run or lead anywhere.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::feeds::media_type;

/// Which of its two looks a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Styles of ours and of mails stand in the text or beside it; nothing else is loaded.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'; sandbox";

/// HTML for a frame.
pub(super) fn framed(scheme: Scheme, html: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, in_scheme(html, scheme)).into_response()
}

/// A file for a frame, or for a page in one.
pub(super) fn file(scheme: Scheme, path: &str, bytes: Vec<u8>) -> Response {
    let media = media_type(path);
    let headers = [(header::CONTENT_TYPE, media), (header::CONTENT_SECURITY_POLICY, POLICY)];
    match String::from_utf8(bytes) {
        Ok(text) if media.starts_with("text/html") || media.starts_with("text/css") => {
            (headers, in_scheme(&text, scheme)).into_response()
        }
        Ok(text) => (headers, text).into_response(),
        Err(error) => (headers, error.into_bytes()).into_response(),
    }
}

/// Answers what a page asks about the screen ahead of the browser, whose own screen has one of
/// the two looks alone.
fn in_scheme(text: &str, scheme: Scheme) -> String {
    let (dark, light) = match scheme {
        Scheme::Dark => ("(min-width:0)", "(max-width:0)"),
        Scheme::Light => ("(max-width:0)", "(min-width:0)"),
    };
    let name = scheme.as_str();
    let mut text = text.to_owned();
    for (asked, answer) in [("dark", dark), ("light", light)] {
        for blank in ["", " "] {
            text = text.replace(&format!("(prefers-color-scheme:{blank}{asked})"), answer);
        }
    }
    for blank in ["", " "] {
        let both = format!("color-scheme:{blank}light dark");
        text = text.replace(&both, &format!("color-scheme:{name}"));
    }
    text.replace("content=\"light dark\"", &format!("content=\"{name}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_which_screen_it_is_on() {
        let page = "<meta name=\"color-scheme\" content=\"light dark\"><style>:root { \
                    color-scheme: light dark } @media (prefers-color-scheme: dark) { p { } } \
                    @media screen and (prefers-color-scheme:dark) { p { } }</style>";
        assert_eq!(
            in_scheme(page, Scheme::Dark),
            "<meta name=\"color-scheme\" content=\"dark\"><style>:root { \
             color-scheme:dark } @media (min-width:0) { p { } } \
             @media screen and (min-width:0) { p { } }</style>"
        );
        assert!(in_scheme(page, Scheme::Light).contains("@media (max-width:0) { p"));
    }
}
