//! The mark `.tidings`: makes a folder or a bucket ours and lists our files in it, documents
//! and twins. Nothing it does not list is ever replaced or removed.

use std::collections::BTreeSet;

use super::twins;

pub(super) const MARK: &str = ".tidings";
pub(super) const EXPLANATION: &str = "Tidings wrote the files below; it replaces and removes them. \
     Other files in this folder are left alone.";

/// The mark that lists these files.
pub(super) fn text(files: &BTreeSet<String>) -> String {
    let lines = std::iter::once(EXPLANATION).chain(files.iter().map(String::as_str));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The files a mark lists, or the first line that names no file of ours.
pub(super) fn read(text: &str) -> Result<BTreeSet<String>, String> {
    let lines = text.lines().skip(1).filter(|line| !line.is_empty());
    let files: BTreeSet<String> = lines.map(str::to_owned).collect();
    let is_bad = |file: &&String| !is_publishable(twins::document_of(file).unwrap_or(file));
    match files.iter().find(is_bad) {
        Some(file) => Err(file.clone()),
        None => Ok(files),
    }
}

/// Plain names one below the other, none that we keep for ourselves and none of a twin.
pub(super) fn is_publishable(path: &str) -> bool {
    path.split('/').all(|name| !matches!(name, "" | "." | ".."))
        && !path.starts_with(MARK)
        && !path.contains(char::is_control)
        && twins::document_of(path).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_what_it_lists() {
        let files =
            BTreeSet::from(["feeds/a.atom", "feeds/a.atom.gz", "index.html"].map(Into::into));
        assert_eq!(read(&text(&files)), Ok(files));
        assert_eq!(read(""), Ok(BTreeSet::new()));
    }

    #[test]
    fn a_line_that_leads_elsewhere_is_told() {
        for line in ["../precious", "/etc/passwd", "a//b", "..gz", ".tidings-staging/1", ".gz"] {
            assert_eq!(read(&format!("{EXPLANATION}\n{line}\n")), Err(line.into()));
        }
    }

    #[test]
    fn no_document_leads_out_or_takes_the_place_of_mark_or_twin() {
        let bad =
            ["", "/etc/x", "../x", "a/../../x", "a//b", "./a", ".tidings", "a\nb", "a.gz", "a.br"];
        for path in bad {
            assert!(!is_publishable(path), "{path:?}");
        }
    }
}
