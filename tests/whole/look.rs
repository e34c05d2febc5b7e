//! What a reader sees who begins with the list of feeds and follows every link to a document.

use std::collections::BTreeSet;

use serde_json::Value;
use tidings::feeds::{calendar, xml};
use url::Url;

use super::URL;

/// Where a reader begins.
const ENTRANCES: [&str; 2] = ["index.html", "feeds.opml"];

/// Reads all that the entrances lead to. Fails where a document is not whole, or names one
/// that is missing, unless it was replaced meanwhile and names it no more. Returns how many there were.
pub fn look(read: impl Fn(&str) -> Option<Vec<u8>>) -> usize {
    let mut waiting: Vec<(String, String)> =
        ENTRANCES.map(|path| (path.to_owned(), path.to_owned())).into();
    let mut known: BTreeSet<String> = ENTRANCES.map(str::to_owned).into();
    let mut count = 0;
    while let Some((path, named_by)) = waiting.pop() {
        let Some(bytes) = read(&path) else {
            let now = read(&named_by);
            let is_named = now.is_some_and(|bytes| links(&named_by, &bytes).contains(&path));
            assert!(!is_named, "`{named_by}` names `{path}`, which is missing");
            continue;
        };
        assert_whole(&path, &bytes);
        count += 1;
        for link in links(&path, &bytes) {
            if known.insert(link.clone()) {
                waiting.push((link, path.clone()));
            }
        }
    }
    count
}

/// Fails unless these bytes are a whole document of their kind.
pub fn assert_whole(path: &str, bytes: &[u8]) {
    let is_whole = match path.rsplit('.').next().unwrap() {
        "rss" | "atom" | "opml" => xml::check(bytes).is_ok(),
        "json" => serde_json::from_slice::<Value>(bytes).is_ok(),
        "ics" => calendar::check(bytes).is_ok(),
        "html" => bytes.trim_ascii_end().ends_with(b"</html>"),
        "css" | "js" => bytes.ends_with(b"\n"),
        _ => panic!("`{path}` is no document"),
    };
    assert!(is_whole, "`{path}` is not whole:\n{}", String::from_utf8_lossy(bytes));
}

/// Paths of the documents that this one names.
fn links(path: &str, bytes: &[u8]) -> BTreeSet<String> {
    let base = Url::parse(URL).unwrap();
    let here = base.join(path).unwrap();
    let text = String::from_utf8_lossy(bytes);
    let relative = ["href=\"", "src=\""].into_iter().flat_map(|mark| text.split(mark).skip(1));
    let absolute = text.match_indices(URL).map(|(at, _)| &text[at..]);
    let ends = ['"', '<', '\'', ' ', '\r', '\n', ')'];
    relative
        .chain(absolute)
        .filter_map(|rest| here.join(rest.split(ends).next()?).ok())
        .filter(|url| url.host() == base.host() && url.scheme() == base.scheme())
        .map(|url| url.path()[1..].to_owned())
        .filter(|path| !path.is_empty())
        .collect()
}
