//! Finds documents in an output folder, whoever put them there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The Atom documents below an output folder: of its feeds, and of their archives. Sorted.
pub fn atom_documents(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut documents = Vec::new();
    for entry in files_of(&folder.join("feeds"))? {
        if entry.is_dir() {
            documents.extend(files_of(&entry.join("archive"))?);
        } else {
            documents.push(entry);
        }
    }
    documents.retain(|path| path.extension().is_some_and(|e| e == "atom") && path.is_file());
    documents.sort();
    Ok(documents)
}

/// What lies directly in a folder; nothing where it is not there.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_and_their_archives_are_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        assert!(atom_documents(folder.path()).unwrap().is_empty());
        let paths = [
            "feeds/a/archive/1.atom",
            "feeds/a/archive/1.json",
            "feeds/a/index.html",
            "feeds/a/other/1.atom",
            "feeds/b.atom",
            "feeds/b.rss",
            "elsewhere.atom",
        ];
        for path in paths {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = atom_documents(folder.path()).unwrap();
        assert_eq!(found, [paths[0], paths[4]].map(|path| folder.path().join(path)));
    }
}
