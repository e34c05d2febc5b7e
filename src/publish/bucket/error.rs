//! What can go wrong between the output folder and a bucket, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter::successors;
use std::path::PathBuf;

/// What an object store, or the way to it, said.
///
/// Its own texts name their cause, and so do the causes theirs: a chain would say it all four
/// times. This says it once, with the last cause, and has none itself.
#[derive(Debug)]
pub struct StoreError(Box<object_store::Error>);

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let causes = successors(self.0.source(), |&cause| cause.source());
        match causes.last().map(ToString::to_string) {
            Some(last) if !text.contains(&last) => write!(f, "{text}: {last}"),
            _ => f.write_str(&text),
        }
    }
}

impl Error for StoreError {}

#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    #[error("could not use bucket `{bucket}`")]
    Open { bucket: String, source: StoreError },
    #[error("could not list bucket `{bucket}`")]
    List { bucket: String, source: StoreError },
    #[error("could not {action} `{object}`")]
    Object { action: &'static str, object: String, source: StoreError },
    #[error("could not read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` is not what was published")]
    Changed { path: PathBuf },
    #[error("bucket `{bucket}` has no `.tidings` mark and is not empty: it holds `{example}`")]
    NotOurs { bucket: String, example: String },
    #[error("`{object}` was not uploaded by Tidings")]
    Foreign { object: String },
    #[error("mark `{mark}` names `{path}`, which is no file of Tidings")]
    Mark { mark: String, path: String },
}

impl BucketError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        use object_store::Error::{AlreadyExists, NotFound, PermissionDenied, Unauthenticated};
        match self {
            Self::Open { source, .. } | Self::List { source, .. } | Self::Object { source, .. } => {
                match *source.0 {
                    PermissionDenied { .. } | Unauthenticated { .. } => {
                        "give the key the right to list, read, write and delete below the prefix"
                    }
                    NotFound { .. } => "make the bucket, or name another one in `output.folder`",
                    AlreadyExists { .. } => "publish to a prefix from one place alone",
                    _ => {
                        "what was uploaded is valid; mend the cause and publish again, and the rest \
                     follows"
                    }
                }
            }
            Self::Read { .. } | Self::Changed { .. } => {
                "publish again: what is missing or spoilt is then made anew"
            }
            Self::NotOurs { .. } => {
                "name an empty or new prefix in `output.folder`: objects there could be overwritten"
            }
            Self::Foreign { .. } => "move the object away or give the feed another name",
            Self::Mark { .. } => "remove that line: each object it names may be deleted by Tidings",
        }
    }

    /// Whether what the config names is the cause.
    pub fn is_config(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::NotOurs { .. })
    }
}
