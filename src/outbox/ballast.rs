//! The ballast: room that is kept on the disk while mail goes out.
//!
//! On a full disk SQLite cannot lengthen its write-ahead log, and the outcome of every message
//! whose dot is out would be lost: its reader gets a second copy. So a file lies beside the
//! database that is given up when the disk is full, and the results in flight take its place.
//! Without it nothing is claimed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A commit appends each page it changes to the log (4 KiB and a header of 24 bytes). A result
/// changes a page of the table and one of each index it moves in, six with a split: 20
/// connections that record one each in commits of their own take half a megabyte. The rest is
/// for the claims that are given back, 512 of them on a few dozen pages, and for a second try.
const SIZE_BYTES: u64 = 4 << 20;

/// Written at once.
const BLOCK_BYTES: usize = 64 << 10;

#[derive(Debug, thiserror::Error)]
#[error("could not keep room for results on the disk: `{path}`")]
pub struct BallastError {
    path: PathBuf,
    source: io::Error,
}

/// The file; it stays between two drains, and is made anew after it was given up.
#[derive(Debug, Clone)]
pub struct Ballast {
    path: PathBuf,
}

impl Ballast {
    /// `tidings.ballast` beside `tidings.db`.
    pub fn beside(store: &Path) -> Self {
        let path = store.with_extension("ballast");
        // Whoever calls the store so must not lose it.
        Self { path: if path == store { store.with_added_extension("ballast") } else { path } }
    }

    /// Makes it, unless it lies there whole.
    pub fn take_on(&self) -> Result<(), BallastError> {
        if fs::metadata(&self.path).is_ok_and(|file| {
            // In units of 512 bytes, whatever the file system's are.
            file.len() == SIZE_BYTES && file.blocks() * 512 >= SIZE_BYTES
        }) {
            return Ok(());
        }
        write(&self.path).map_err(|source| {
            // A part of it is room that somebody else may need.
            self.give_up();
            BallastError { path: self.path.clone(), source }
        })
    }

    /// Octets that are left on the disk, where they are too few for a ballast.
    pub fn shortage(store: &Path) -> Option<u64> {
        let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty());
        // A system that does not tell has no shortage that we know of.
        let disk = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))).ok()?;
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        (free_bytes < SIZE_BYTES).then_some(free_bytes)
    }

    /// Makes room on the disk. What cannot be removed is not there, or no help.
    pub fn give_up(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Really written, and of bytes that no file system makes smaller.
fn write(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    for _ in 0..SIZE_BYTES / BLOCK_BYTES as u64 {
        block.clear();
        while block.len() < BLOCK_BYTES {
            // Xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend(state.to_ne_bytes());
        }
        file.write_all(&block)?;
    }
    // Only here does a file system that allocates late say that there is no room.
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("tidings.db");
        (folder, store)
    }

    #[test]
    fn it_takes_its_room_for_real() {
        let (folder, store) = store();
        Ballast::beside(&store).take_on().unwrap();
        let file = fs::metadata(folder.path().join("tidings.ballast")).unwrap();
        assert_eq!(file.len(), 4 << 20);
        assert!(file.blocks() * 512 >= 4 << 20, "{}", file.blocks());
    }

    #[test]
    fn one_that_was_cut_or_given_up_or_is_hollow_is_made_anew() {
        let (_folder, store) = store();
        let ballast = Ballast::beside(&store);
        for length in [None, Some(SIZE_BYTES / 2), Some(0)] {
            ballast.take_on().unwrap();
            match length {
                None => ballast.give_up(),
                Some(length) => {
                    let file = File::options().write(true).open(&ballast.path).unwrap();
                    file.set_len(length).unwrap();
                    file.set_len(SIZE_BYTES).unwrap();
                }
            }
            ballast.take_on().unwrap();
            let file = fs::metadata(&ballast.path).unwrap();
            assert_eq!(file.len(), SIZE_BYTES);
            assert!(file.blocks() * 512 >= SIZE_BYTES, "{length:?}");
        }
    }

    #[test]
    fn where_it_cannot_be_made_the_error_names_it() {
        let (folder, store) = store();
        fs::create_dir(folder.path().join("tidings.ballast")).unwrap();
        let error = Ballast::beside(&store).take_on().unwrap_err();
        assert!(error.to_string().ends_with("/tidings.ballast`"), "{error}");
    }

    #[test]
    fn a_store_of_the_same_name_is_left_alone() {
        let ballast = Ballast::beside(Path::new("var/tidings.ballast"));
        assert_eq!(ballast.path, Path::new("var/tidings.ballast.ballast"));
    }
}
