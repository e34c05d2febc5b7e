//! What may go wrong in the store.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::migrate::MigrateError;

/// What makes the store's file useless to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    Damaged,
    NoDatabase,
    ReadOnly,
    /// It cannot be opened.
    Closed,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("could not open store `{path}`")]
    Open { path: PathBuf, source: sqlx::Error },
    #[error("could not create folder `{path}`")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("store `{path}` is of an earlier version")]
    Older { path: PathBuf },
    #[error("could not bring store `{path}` up to this version")]
    Migrate { path: PathBuf, source: MigrateError },
    #[error("could not {action}")]
    Query { action: &'static str, source: sqlx::Error },
    #[error("could not {action}")]
    Ledger { action: &'static str, source: rusqlite::Error },
    #[error("the store holds a value this version cannot read: {what} `{value}`")]
    Value { what: &'static str, value: String },
    /// Of a transaction that several asked for.
    #[error(transparent)]
    Shared(Arc<StoreError>),
    #[error("the store was closed before it had written")]
    Closed,
}

impl StoreError {
    /// The error itself, where several share it.
    pub fn cause(&self) -> &Self {
        if let Self::Shared(error) = self { error.cause() } else { self }
    }

    /// Whether the disk is full, or fails.
    pub fn is_full_disk(&self) -> bool {
        // SQLITE_FULL, and SQLITE_IOERR with its kinds in the upper bits.
        self.code().is_some_and(|code| matches!(code & 0xff, 10 | 13))
    }

    /// Whether the file cannot be used at all.
    pub fn fault(&self) -> Option<FileFault> {
        match self.code()? & 0xff {
            // SQLITE_CORRUPT, SQLITE_NOTADB.
            11 => Some(FileFault::Damaged),
            26 => Some(FileFault::NoDatabase),
            // SQLITE_READONLY.
            8 => Some(FileFault::ReadOnly),
            // SQLITE_PERM, SQLITE_CANTOPEN.
            3 | 14 => Some(FileFault::Closed),
            _ => None,
        }
    }

    /// Whether it lies in what was to be written, so that it fails again whenever it is tried: a
    /// row that it needs is not there, or it breaks a rule of the tables. A store that is busy, or
    /// full, or cannot be read is none of it.
    pub fn is_about_the_row(&self) -> bool {
        match self.cause() {
            Self::Value { .. } | Self::Query { source: sqlx::Error::RowNotFound, .. } => true,
            // SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH.
            _ => self.code().is_some_and(|code| matches!(code & 0xff, 18..=20)),
        }
    }

    /// SQLite's, with its kind in the upper bits.
    fn code(&self) -> Option<i32> {
        match self.cause() {
            Self::Query { source, .. }
            | Self::Open { source, .. }
            | Self::Migrate { source: MigrateError::Execute(source), .. }
            | Self::Migrate { source: MigrateError::ExecuteMigration(source, _), .. } => {
                source.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok())
            }
            Self::Ledger { source, .. } => source.sqlite_error().map(|error| error.extended_code),
            _ => None,
        }
    }
}
