//! Turns the frame of a video or audio player into a link with a title.
//!
//! Neither a mail nor most feed readers show a frame; a reader who is told where the film is
//! loses nothing. Works on HTML before it is sanitised.

use std::borrow::Cow;

use url::Url;

use super::links::Base;
use super::tags::{Piece, attribute, escape, has_tag, pieces};

/// Replaces every frame, `video` and `audio` that has an address.
pub(crate) fn link<'a>(html: &'a str, base: &Base) -> Cow<'a, str> {
    if !has_tag(html, &["iframe", "video", "audio", "embed"]) {
        return Cow::Borrowed(html);
    }
    let lower = html.to_ascii_lowercase();
    // A frame that is never closed must not swallow the rest of the text.
    let last_end = |name: &str| lower.rfind(&format!("</{name}")).unwrap_or(0);
    let players = ["iframe", "video", "audio"].map(|name| (name, last_end(name)));
    let mut at = 0;
    let mut out = String::with_capacity(html.len());
    let mut inside: Option<(&str, bool)> = None;
    for piece in pieces(html) {
        at += piece.raw().len();
        match (piece, &mut inside) {
            (Piece::Open(_), Some((name, is_linked))) if *name != "iframe" && !*is_linked => {
                // `<video><source src="…"></video>` names its file inside.
                if piece.is("source")
                    && let Some(link) = player_link(piece.raw(), base)
                {
                    out.push_str(&link);
                    *is_linked = true;
                }
            }
            (Piece::Close(_), Some((name, _))) if piece.is(name) => inside = None,
            (Piece::Open(_), Some((name, _))) if piece.is(name) => open(piece, base, &mut out),
            (_, Some(_)) => {}
            (Piece::Open(_), None) if piece.is("embed") => open(piece, base, &mut out),
            (Piece::Open(raw), None) => {
                let player = players.into_iter().find(|(name, _)| piece.is(name));
                let Some((name, last_end)) = player else {
                    out.push_str(raw);
                    continue;
                };
                let before = out.len();
                open(piece, base, &mut out);
                if at <= last_end {
                    inside = Some((name, out.len() > before));
                }
            }
            (piece, None) => out.push_str(piece.raw()),
        }
    }
    Cow::Owned(out)
}

fn open(piece: Piece<'_>, base: &Base, out: &mut String) {
    if let Some(link) = player_link(piece.raw(), base) {
        out.push_str(&link);
    }
}

fn player_link(tag: &str, base: &Base) -> Option<String> {
    let source = ["src", "data-src"].iter().find_map(|name| {
        attribute(tag, name).filter(|value| !value.is_empty() && value != "about:blank")
    })?;
    let url = base.resolve_web(&source)?;
    let title = attribute(tag, "title").filter(|t| is_telling(t));
    Some(paragraph(&url, title.as_deref()))
}

/// The paragraph that stands for a player at `url`.
pub(crate) fn paragraph(url: &Url, title: Option<&str>) -> String {
    let (address, label) = watch_page(url);
    let title = match title {
        Some(title) => escape(title.trim()),
        None => escape(label.1),
    };
    format!("<p><a href=\"{}\">{}: {title}</a></p>", escape(address.as_str()), label.0)
}

/// A title that says more than what kind of frame it is.
fn is_telling(title: &str) -> bool {
    let title = title.trim().to_lowercase();
    !title.is_empty() && title != "youtube video player" && title != "vimeo video player"
}

/// The page a person would open, with the words for it.
fn watch_page(url: &Url) -> (Url, (&str, &str)) {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    let segments: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
    let page = match (host, segments.as_slice()) {
        ("youtube.com" | "youtube-nocookie.com" | "m.youtube.com", ["embed", "videoseries"]) => {
            let list = url.query_pairs().find(|(key, _)| key == "list").map(|(_, id)| id);
            list.map(|id| format!("https://www.youtube.com/playlist?list={id}"))
        }
        (
            "youtube.com" | "youtube-nocookie.com" | "m.youtube.com",
            ["embed" | "v" | "shorts" | "live", id, ..],
        ) => Some(format!("https://www.youtube.com/watch?v={id}")),
        ("player.vimeo.com", ["video", id, ..]) => Some(format!("https://vimeo.com/{id}")),
        ("facebook.com", ["plugins", ..]) => {
            url.query_pairs().find(|(key, _)| key == "href").map(|(_, href)| href.into_owned())
        }
        _ => None,
    };
    let page = page.and_then(|page| Url::parse(&page).ok());
    let page = page.filter(|page| matches!(page.scheme(), "http" | "https"));
    let label = match host {
        "youtube.com" | "youtube-nocookie.com" | "m.youtube.com" | "youtu.be" => {
            ("Video", "YouTube")
        }
        "player.vimeo.com" | "vimeo.com" => ("Video", "Vimeo"),
        "facebook.com" => ("Video", "Facebook"),
        _ => {
            let suffix = url.path().rsplit_once('.').map_or("", |(_, suffix)| suffix);
            match suffix.to_ascii_lowercase().as_str() {
                "mp4" | "webm" | "mov" | "m4v" => ("Video", host),
                "mp3" | "m4a" | "ogg" | "wav" => ("Audio", host),
                _ => ("Open", host),
            }
        }
    };
    (page.unwrap_or_else(|| url.clone()), label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &str) {
        assert_eq!(link(html, &Base::sample()), expected);
    }

    #[test]
    fn a_players_frame_becomes_a_titled_link() {
        check(
            "<IFRAME width=5\n src=\"https://www.youtube.com/embed/abc?rel=0\" title=\"Our <day>\"></iframe>x",
            "<p><a href=\"https://www.youtube.com/watch?v=abc\">Video: Our &lt;day&gt;</a></p>x",
        );
        check(
            "<iframe src=\"https://player.vimeo.com/video/12\" title=\"\">old</iframe>",
            "<p><a href=\"https://vimeo.com/12\">Video: Vimeo</a></p>",
        );
        check(
            "<iframe src=\"https://form.example/x?a=1&amp;b=2\"></iframe>",
            "<p><a href=\"https://form.example/x?a=1&amp;b=2\">Open: form.example</a></p>",
        );
    }

    #[test]
    fn a_video_names_its_file_outside_or_inside() {
        let expected = "<p><a href=\"https://press.example/a.mp4\">Video: press.example</a></p>";
        check("<video src=\"/a.mp4\"></video>", expected);
        check(
            "<video controls><source src=\"/a.mp4\"><source src=\"/a.webm\">old</video>",
            expected,
        );
    }

    #[test]
    fn a_frame_without_address_goes_and_one_never_closed_swallows_nothing() {
        check("<iframe src=\"about:blank\"></iframe>x", "x");
        check("<iframe src=\"javascript:x()\"></iframe>x", "x");
        check(
            "<iframe src=\"https://a.example/\"><p>x</p>",
            "<p><a href=\"https://a.example/\">Open: a.example</a></p><p>x</p>",
        );
    }
}
