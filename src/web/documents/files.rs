//! A document and its codings as they stand in the output folder.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::coding::Coding;
use super::form::{Content, Contents};
use crate::store::DocumentRecord;

/// Header fields of one form, roughly.
const FORM_BYTES: u64 = 4 << 10;

/// A document and its codings are made in one go; an older coding is of other bytes.
const SAME_MAKING: Duration = Duration::from_secs(10);

/// What one look at the folder found.
#[derive(Debug)]
pub(super) struct Files {
    /// Tells these bytes from all others of the same path.
    pub(super) tag: String,
    pub(super) changed_at: DateTime<Utc>,
    /// By coding, with their lengths in bytes.
    codings: [Option<(PathBuf, u64)>; 3],
}

impl Files {
    /// Looks for the document of `record` and its codings below `folder`.
    ///
    /// Documents are renamed into place before they are recorded. So a file can be newer than
    /// its record, never older; where its length tells, it gets a tag of its own.
    pub(super) fn look_at(folder: &Path, record: &DocumentRecord) -> io::Result<Self> {
        let document = folder.join(&record.path);
        let metadata = fs::metadata(&document)?;
        let modified = metadata.modified()?;
        let is_recorded = metadata.len() == record.size_bytes;
        let codings = Coding::ALL.map(|coding| {
            let Some(ending) = coding.ending() else {
                return Some((document.clone(), metadata.len()));
            };
            let file = folder.join(format!("{}.{ending}", record.path));
            let coded = fs::metadata(&file).ok().filter(|coded| is_of(coded, modified))?;
            Some((file, coded.len()))
        });
        let changed_at = if is_recorded { record.changed_at } else { modified.into() };
        let tag = if is_recorded { of_hash(&record.hash) } else { of_file(&metadata, modified) };
        Ok(Self { tag, changed_at, codings })
    }

    /// What they take in memory.
    pub(super) fn cost_bytes(&self, is_styled: bool) -> u64 {
        let forms = if is_styled { 2 } else { 1 };
        self.codings.iter().flatten().map(|(_, length)| length + forms * FORM_BYTES).sum()
    }

    pub(super) fn read(self) -> io::Result<Contents> {
        let mut contents = [None, None, None];
        for (content, file) in contents.iter_mut().zip(self.codings) {
            if let Some((file, _)) = file {
                let bytes = Bytes::from(fs::read(file)?);
                let length = bytes.len() as u64;
                *content = Some((Content::Memory(bytes), length));
            }
        }
        Ok(contents)
    }

    /// To be read when a reader asks.
    pub(super) fn unread(self) -> Contents {
        self.codings.map(|file| file.map(|(file, length)| (Content::Disk(file), length)))
    }
}

fn is_of(coded: &Metadata, modified: SystemTime) -> bool {
    let made = coded.modified().unwrap_or(UNIX_EPOCH);
    coded.is_file() && made + SAME_MAKING >= modified
}

/// Half of a SHA-256 tells bytes apart, and is half as long in each answer.
fn of_hash(hash: &str) -> String {
    hash.get(..32).unwrap_or(hash).to_owned()
}

fn of_file(metadata: &Metadata, modified: SystemTime) -> String {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", since.as_nanos(), metadata.len())
}
