//! The id an entry keeps for ever (RFC 4151 tag URIs).

use std::collections::HashSet;
use std::fmt::Write;

use crate::model::EntryId;
use chrono::NaiveDate;

/// `tag:HOST,SINCE:PATH` from the path when first seen, without its extension; where that
/// is taken, with the first free of `-2`, `-3`, …
///
/// The second part says whether the first choice was taken.
pub(super) fn new_id(
    host: &str,
    since: NaiveDate,
    path: &str,
    taken: &HashSet<EntryId>,
) -> (EntryId, bool) {
    let id = first_choice(host, since, path);
    if !taken.contains(&id) {
        return (id, false);
    }
    let free = (2..u64::MAX)
        .map(|n| EntryId::new(format!("{id}-{n}")))
        .find(|id| !taken.contains(id))
        .expect("some number is free");
    (free, true)
}

/// The id of a path that nothing else took.
pub(super) fn first_choice(host: &str, since: NaiveDate, path: &str) -> EntryId {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(f, n)| (f, n));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let bare = if folder.is_empty() { stem.to_owned() } else { format!("{folder}/{stem}") };
    EntryId::new(format!("tag:{host},{since}:{}", percent_encode(&bare)))
}

/// Encodes all but unreserved characters and `/` (RFC 3986, 2.3).
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_from_the_path_without_its_extension() {
        let since = "2026-01-01".parse().unwrap();
        let (id, clashed) =
            new_id("press.example.org", since, "news/-Q & A/a b.c.md", &HashSet::new());
        assert_eq!(id.as_str(), "tag:press.example.org,2026-01-01:news/-Q%20%26%20A/a%20b.c");
        assert!(!clashed);
    }

    #[test]
    fn an_id_that_is_taken_gets_a_number() {
        let since = "2026-01-01".parse().unwrap();
        let mut taken = HashSet::new();
        for expected in ["tag:a.b,2026-01-01:x", "tag:a.b,2026-01-01:x-2", "tag:a.b,2026-01-01:x-3"]
        {
            let (id, _) = new_id("a.b", since, "x.md", &taken);
            assert_eq!(id.as_str(), expected);
            taken.insert(id);
        }
    }
}
