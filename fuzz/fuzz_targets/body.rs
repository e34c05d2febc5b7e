//! Arbitrary bytes as the body of a file; the first byte chooses how it is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings_fuzz::check;

const HEAD: &[u8] = b"---\ntitle: A\npermalink: /news/one/\n---\n";

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let path = match choice % 4 {
        0 | 1 => "_posts/2026-01-01-a.md",
        2 => "_posts/2026-01-01-a.html",
        _ => "_posts/2026-01-01-a.mdx",
    };
    let Some(draft) = check(path, &[HEAD, body].concat()) else { return };
    // What came out goes in again as HTML. Braces are hidden from the template tags.
    let again = draft.content_html.replace('{', "&#123;");
    let again = [HEAD, again.as_bytes()].concat();
    let again = check("_posts/2026-01-01-a.html", &again).expect("what was read once can be again");
    let is_markdown = choice % 4 < 2 && !body.contains(&b'<');
    if is_markdown {
        assert_eq!(plain(&again.content_html), plain(&draft.content_html), "not stable");
    }
});

/// Without what the sanitiser and the renderer of Markdown write in two ways.
fn plain(html: &str) -> String {
    let spellings = [("&nbsp;", "\u{a0}"), ("&#39;", "'"), ("&#x27;", "'"), ("\n", "")];
    spellings.iter().fold(html.to_owned(), |html, (one, other)| html.replace(one, other))
}
