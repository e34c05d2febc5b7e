//! The lock beside the database: one process scans, plans and sends at a time.
//!
//! It is a lock of the operating system (`flock`), so it ends with the process that holds
//! it, however that ends. The file says who holds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// Held for the life of the value.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub process: u32,
    /// `daemon`, or the command.
    pub command: String,
}

impl Holder {
    pub fn is_daemon(&self) -> bool {
        self.command == "daemon"
    }
}

/// Outcome of asking for the lock.
#[derive(Debug)]
pub enum Asked {
    Taken(StoreLock),
    /// Somebody else has it; unnamed for the moment in which they write their name.
    HeldBy(Option<Holder>),
}

#[derive(Debug, thiserror::Error)]
#[error("could not lock `{path}`")]
pub struct LockError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// Asks for the lock of the store at `store_path`, without waiting.
pub fn ask(store_path: &Path, command: &str) -> Result<Asked, LockError> {
    let path = lock_path(store_path);
    let wrong = |source| LockError { path: path.clone(), source };
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        crate::private::make_folder(folder).map_err(wrong)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(wrong)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            let holder = Holder { process: std::process::id(), command: command.to_owned() };
            let text = serde_json::to_string(&holder).expect("a holder is always JSON");
            file.set_len(0).map_err(wrong)?;
            file.rewind().map_err(wrong)?;
            writeln!(file, "{text}").map_err(wrong)?;
            Ok(Asked::Taken(StoreLock { _file: file }))
        }
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(wrong)?;
            Ok(Asked::HeldBy(serde_json::from_str(&text).ok()))
        }
        Err(error) => Err(wrong(error.into())),
    }
}

/// Who holds the lock now. Looking takes a shared lock for a moment, under no name.
pub fn holder(store_path: &Path) -> Option<Holder> {
    let text = std::fs::read_to_string(lock_path(store_path)).ok()?;
    let holder: Holder = serde_json::from_str(&text).ok()?;
    let file = File::open(lock_path(store_path)).ok()?;
    let is_free = flock(&file, FlockOperation::NonBlockingLockShared).is_ok();
    (!is_free).then_some(holder)
}

fn lock_path(store_path: &Path) -> PathBuf {
    let mut name = store_path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_ask_learns_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("var/tidings.db");
        let Asked::Taken(first) = ask(&store, "daemon").unwrap() else {
            panic!("nobody else is there");
        };
        let Asked::HeldBy(Some(holder)) = ask(&store, "publish-now").unwrap() else {
            panic!("the first holds it and says so");
        };
        assert!(holder.is_daemon());
        assert_eq!(holder.process, std::process::id());
        drop(first);
        assert!(matches!(ask(&store, "publish-now").unwrap(), Asked::Taken(_)));
    }
}
