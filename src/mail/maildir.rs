//! Writes messages as files of a Maildir: the rehearsal a new installation starts in.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::private::make_folder;

#[derive(Debug, thiserror::Error)]
#[error("could not write to Maildir `{path}`")]
pub struct MaildirError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// Writes `message` as `new/NAME` below `folder`, made with its three folders where missing.
///
/// The name is the delivery's own, so that writing it again after a crash replaces the file
/// instead of adding a second one.
pub fn deliver(folder: &Path, name: &str, message: &[u8]) -> Result<PathBuf, MaildirError> {
    let wrong = |source| MaildirError { path: folder.to_owned(), source };
    for part in ["tmp", "new", "cur"] {
        make_folder(&folder.join(part)).map_err(wrong)?;
    }
    let beside = folder.join("tmp").join(name);
    let place = folder.join("new").join(name);
    let mut file = File::create(&beside).map_err(wrong)?;
    file.write_all(message).map_err(wrong)?;
    file.sync_all().map_err(wrong)?;
    fs::rename(&beside, &place).map_err(wrong)?;
    Ok(place)
}
