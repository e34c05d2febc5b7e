//! Publishing: the set of documents becomes the content of the output folder.
//!
//! What to write and what to remove is decided here, from values; `folder` does it. A reader
//! sees each document whole, old or new, and never a reference to one that is not there yet.
//! Object stores and WebSub are not served.

mod find;
pub mod folder;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

pub use find::atom_documents;
pub use folder::{OutputFolder, open};

use crate::feeds::Document;

/// What a publish did, by paths below the output folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// In the order in which they were put in place.
    pub written: Vec<String>,
    pub removed: Vec<String>,
    pub unchanged: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("could not {action} `{path}`")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("output folder `{output}` and content folder `{content}` contain each other")]
    Overlap { output: PathBuf, content: PathBuf },
    #[error(
        "output folder `{folder}` has no `.tidings` mark and is not empty: it holds `{example}`"
    )]
    NotOurs { folder: PathBuf, example: String },
    #[error("`{path}` in output folder `{folder}` was not written by Tidings")]
    ForeignFile { folder: PathBuf, path: String },
    #[error("mark `{mark}` names `{path}`, which is no file of Tidings")]
    Mark { mark: PathBuf, path: String },
    #[error("two documents have the path `{path}`")]
    Twice { path: String },
    #[error("document path `{path}` leads out of the output folder or to a file kept for Tidings")]
    Path { path: String },
}

impl PublishError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on the disk and publish again; what was published before is still there"
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "let the user that runs Tidings write there, or name another `output.folder`"
                }
                _ => "mend the cause and publish again: what is missing is then made up for",
            },
            Self::Overlap { .. } => {
                "name an `output.folder` beside the content folder: what is published must not be \
                 read as content"
            }
            Self::NotOurs { .. } => {
                "name an empty or new folder as `output.folder`, or move its files away: files \
                 there could be overwritten"
            }
            Self::ForeignFile { .. } => "move the file away or give the feed another name",
            Self::Mark { .. } => "remove that line: each file it names may be deleted by Tidings",
            Self::Twice { .. } | Self::Path { .. } => "give the feed another name",
        }
    }
}

/// What stands at the path of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    SameBytes,
    SomethingElse,
}

/// What makes the folder hold exactly the documents.
#[derive(Debug, PartialEq, Eq)]
struct Steps<'a> {
    /// In the order given: referred-to before referring.
    write: Vec<&'a Document>,
    /// After all writes, so that nothing refers to them any more.
    remove: Vec<&'a str>,
    unchanged: usize,
}

/// Decides what to write and remove, from what was found at each document's path and the
/// files that are ours.
///
/// It looks at bytes and not at what an earlier publish meant to do, so that a publish that
/// was cut short is finished by the next one.
fn decide<'a>(
    folder: &Path,
    documents: &'a [Document],
    found: &[Found],
    owned: &'a BTreeSet<String>,
) -> Result<Steps<'a>, PublishError> {
    let mut paths = BTreeSet::new();
    let mut write = Vec::new();
    for (document, found) in documents.iter().zip(found) {
        let path = document.path.as_str();
        if !paths.insert(path) {
            return Err(PublishError::Twice { path: path.to_owned() });
        }
        if *found != Found::Nothing && !owned.contains(path) {
            return Err(PublishError::ForeignFile { folder: folder.into(), path: path.to_owned() });
        }
        if *found != Found::SameBytes {
            write.push(document);
        }
    }
    let unchanged = documents.len() - write.len();
    let remove = owned.iter().map(String::as_str).filter(|path| !paths.contains(path)).collect();
    Ok(Steps { write, remove, unchanged })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(path: &str) -> Document {
        Document { path: path.into(), bytes: vec![] }
    }

    fn check(found: &[Found], owned: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let documents = [document("b"), document("a")];
        let owned = owned.iter().map(|&path| path.to_owned()).collect();
        let steps = decide(Path::new("out"), &documents, found, &owned)
            .map_err(|error| error.to_string())?;
        assert_eq!(steps.unchanged + steps.write.len(), documents.len());
        let written = steps.write.iter().map(|document| document.path.clone()).collect();
        Ok((written, steps.remove.iter().map(|&path| path.to_owned()).collect()))
    }

    fn paths(written: &[&str], removed: &[&str]) -> (Vec<String>, Vec<String>) {
        let owned = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
        (owned(written), owned(removed))
    }

    #[test]
    fn what_is_missing_or_differs_is_written_in_the_order_given() {
        use Found::{Nothing, SameBytes, SomethingElse};
        assert_eq!(check(&[Nothing, Nothing], &[]).unwrap(), paths(&["b", "a"], &[]));
        assert_eq!(check(&[SomethingElse, SameBytes], &["a", "b"]).unwrap(), paths(&["b"], &[]));
        assert_eq!(check(&[SameBytes, SameBytes], &["a", "b"]).unwrap(), paths(&[], &[]));
    }

    #[test]
    fn what_is_ours_and_no_longer_wanted_is_removed() {
        assert_eq!(
            check(&[Found::SameBytes; 2], &["a", "b", "c", "d"]).unwrap(),
            paths(&[], &["c", "d"])
        );
    }

    #[test]
    fn what_somebody_else_wrote_is_refused_even_where_it_is_equal() {
        let message = "`b` in output folder `out` was not written by Tidings";
        assert_eq!(check(&[Found::SameBytes, Found::Nothing], &["a"]), Err(message.into()));
    }

    #[test]
    fn two_documents_at_one_path_are_refused() {
        let documents = [document("a"), document("a")];
        let owned = BTreeSet::new();
        let error = decide(Path::new("out"), &documents, &[Found::Nothing; 2], &owned).unwrap_err();
        assert_eq!(error.to_string(), "two documents have the path `a`");
    }

    #[test]
    fn a_full_disk_says_that_nothing_is_lost() {
        let source = io::Error::from(io::ErrorKind::StorageFull);
        let error = PublishError::Io { action: "write", path: "out/a".into(), source };
        assert_eq!(error.to_string(), "could not write `out/a`");
        assert!(error.hint().contains("still there"));
    }
}
