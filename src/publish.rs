//! Publishing: documents become the content of the output folder, and of a bucket.
//!
//! A reader sees each document whole, old or new, and never a reference to one that is not
//! there yet. `folder` is where documents lie, `publication` puts a set of them in place, with
//! their `twins`; `bucket` mirrors the folder to an object store, `websub` tells hubs.

pub mod bucket;
mod find;
pub mod folder;
mod mark;
pub mod publication;
pub mod twins;
pub mod websub;

use std::io;
use std::path::PathBuf;

pub use find::atom_documents;
pub use folder::{OutputFolder, open};
pub use publication::{Publication, Staged};

/// What a publish did, by paths below the output folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// In the order in which they were put in place.
    pub written: Vec<String>,
    pub removed: Vec<String>,
    pub unchanged: usize,
    /// All that were staged, written or unchanged, in the order given.
    pub documents: Vec<PutDocument>,
}

/// A document in place, as to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutDocument {
    pub path: String,
    /// SHA-256 in lower-case hex.
    pub hash: String,
    pub size_bytes: u64,
    /// What [`OutputFolder::stat_of`] says while nobody else writes to it or its twins.
    pub stat: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_that_nothing_is_lost() {
        let source = io::Error::from(io::ErrorKind::StorageFull);
        let error = PublishError::Io { action: "write", path: "out/a".into(), source };
        assert_eq!(error.to_string(), "could not write `out/a`");
        assert!(error.hint().contains("still there"));
    }
}
