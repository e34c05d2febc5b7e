//! A folder as the place of publication, served by any web server.
//!
//! POSIX `rename` is what makes a document appear whole. The file `.tidings` marks the folder
//! as ours and lists our files; nothing else is ever replaced or removed. Two publishers at
//! once are kept apart by the caller's lock, not here. `publication` does the putting.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::mark::{self, MARK};
use super::twins::Coding;
use super::{Publication, PublishError, Published};
use crate::feeds::Document;

const STAGING: &str = ".tidings-staging";

/// A folder that is ours to publish in; built only by [`open`].
#[derive(Debug, Clone)]
pub struct OutputFolder {
    path: PathBuf,
}

/// Opens the output folder, making it where it is missing.
///
/// Only an empty folder or one with our mark is taken, and none that the content folder
/// contains or lies in.
pub fn open(folder: &Path, content_folder: &Path) -> Result<OutputFolder, PublishError> {
    let output = resolve(folder)?;
    let content = resolve(content_folder)?;
    if output.starts_with(&content) || content.starts_with(&output) {
        return Err(PublishError::Overlap { output, content });
    }
    fs::create_dir_all(&output).map_err(io_error("make output folder", &output))?;
    let opened = OutputFolder { path: output };
    if !opened.path.join(MARK).is_file() {
        opened.refuse_foreign_files()?;
    }
    Ok(opened)
}

/// The path without links and `..`, also of a folder that is yet to be made.
fn resolve(path: &Path) -> Result<PathBuf, PublishError> {
    let failed = io_error("find folder", path);
    let whole = std::path::absolute(path).map_err(&failed)?;
    let mut missing = Vec::new();
    let mut existing = whole.as_path();
    loop {
        match (existing.canonicalize(), existing.parent(), existing.file_name()) {
            (Ok(found), _, _) => return Ok(missing.iter().rev().fold(found, |p, n| p.join(n))),
            (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
                missing.push(name);
                existing = parent;
            }
            (Err(error), _, _) => return Err(failed(error)),
        }
    }
}

impl OutputFolder {
    /// Where the folder is, without links and `..`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to put documents in place; ends what an earlier publish left when it was cut
    /// short. One at a time.
    pub fn begin(&self) -> Result<Publication, PublishError> {
        self.clear_staging()?;
        Ok(Publication::new(self.clone(), self.owned()?))
    }

    /// Makes the folder hold exactly `documents`, beside files that are not ours.
    pub fn publish(&self, documents: &[Document]) -> Result<Published, PublishError> {
        let publication = self.begin()?;
        let staged = documents.iter().map(|document| publication.stage(document));
        let staged = staged.collect::<Result<_, _>>()?;
        let wanted: BTreeSet<&str> = documents.iter().map(|d| d.path.as_str()).collect();
        let remove: Vec<String> =
            publication.documents().filter(|d| !wanted.contains(d)).map(str::to_owned).collect();
        publication.put_in_place(staged, &remove)
    }

    /// Size and time of a document and of its twins, as short text: where it differs from
    /// what was remembered, somebody else wrote or removed one of them. Reads no bytes.
    pub fn stat_of(&self, path: &str) -> io::Result<String> {
        let twins = Coding::ALL.map(|coding| coding.path(path));
        let stats = std::iter::once(path).chain(twins.iter().map(String::as_str));
        Ok(stats.map(|path| stat(&self.path.join(path))).collect::<io::Result<Vec<_>>>()?.join(" "))
    }

    /// The files that the mark lists; none where there is no mark yet.
    fn owned(&self) -> Result<BTreeSet<String>, PublishError> {
        let mark = self.path.join(MARK);
        let text = match fs::read_to_string(&mark) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io_error("read", &mark)(error)),
        };
        mark::read(&text).map_err(|path| PublishError::Mark { mark, path })
    }

    /// Replaces the mark where it would change.
    pub(super) fn write_mark(&self, paths: &BTreeSet<String>) -> Result<(), PublishError> {
        let mark = self.path.join(MARK);
        let text = mark::text(paths);
        if fs::read(&mark).is_ok_and(|present| present == text.as_bytes()) {
            return Ok(());
        }
        let staged = self.write_staged("mark", text.as_bytes())?;
        sync(&staged)?;
        fs::rename(staged, &mark).map_err(io_error("write", &mark))?;
        sync(&self.path)
    }

    /// Writes a file beside its place; to be synced before it is renamed.
    pub(super) fn write_staged(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, PublishError> {
        let folder = self.path.join(STAGING);
        fs::create_dir_all(&folder).map_err(io_error("make folder", &folder))?;
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(io_error("write", &path))?;
        Ok(path)
    }

    /// What an earlier publish left when it was cut short.
    pub(super) fn clear_staging(&self) -> Result<(), PublishError> {
        let folder = self.path.join(STAGING);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("clear", &folder)(error))
            }
            _ => Ok(()),
        }
    }

    /// A first publish that was cut short leaves only the staging folder.
    fn refuse_foreign_files(&self) -> Result<(), PublishError> {
        let read = || {
            let names = fs::read_dir(&self.path)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<BTreeSet<String>>>()?;
            Ok(names.into_iter().find(|name| name != STAGING))
        };
        match read().map_err(io_error("read output folder", &self.path))? {
            Some(example) => Err(PublishError::NotOurs { folder: self.path.clone(), example }),
            None => Ok(()),
        }
    }
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().expect("the path lies below the output folder")
}

/// `SIZE.MTIME` in bytes and nanoseconds; `-` where there is no file.
fn stat(path: &Path) -> io::Result<String> {
    match path.symlink_metadata() {
        Ok(file) if file.is_file() => {
            let nanoseconds =
                i128::from(file.mtime()) * 1_000_000_000 + i128::from(file.mtime_nsec());
            Ok(format!("{}.{nanoseconds}", file.len()))
        }
        Err(error) if !is_missing(&error) => Err(error),
        _ => Ok("-".into()),
    }
}

/// Whether nothing is there, or a file where a folder on the way would have to be.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Makes the bytes of a file, or the renames in a folder, last through a power cut.
pub(super) fn sync(path: &Path) -> Result<(), PublishError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(io_error("save", path))
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> PublishError {
    move |source| PublishError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::mark::EXPLANATION;

    fn document(path: &str, text: &str) -> Document {
        Document { path: path.into(), bytes: text.into() }
    }

    fn set() -> Vec<Document> {
        vec![document("feeds/all.rss", "rss"), document("index.html", "index")]
    }

    /// A folder with `content` in it; the output is to be `out`.
    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            fs::create_dir(place.at("content")).unwrap();
            place
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(path)
        }

        fn write(&self, path: &str, text: &str) {
            fs::create_dir_all(parent(&self.at(path))).unwrap();
            fs::write(self.at(path), text).unwrap();
        }

        fn open(&self) -> Result<OutputFolder, PublishError> {
            open(&self.at("out"), &self.at("content"))
        }

        fn publish(&self, documents: &[Document]) -> Published {
            self.open().unwrap().publish(documents).unwrap()
        }

        /// Every file in the output folder with its inode and text: a rewrite shows.
        fn files(&self) -> Vec<(String, u64, String)> {
            use std::os::unix::fs::MetadataExt;
            let mut files: Vec<_> = walkdir::WalkDir::new(self.at("out"))
                .into_iter()
                .map(Result::unwrap)
                .filter(|file| file.file_type().is_file())
                .map(|file| {
                    let name = file.path().strip_prefix(self.at("out")).unwrap();
                    let inode = file.metadata().unwrap().ino();
                    let text = fs::read_to_string(file.path()).unwrap();
                    (name.to_str().unwrap().to_owned(), inode, text)
                })
                .collect();
            files.sort();
            files
        }

        fn names(&self) -> Vec<String> {
            self.files().into_iter().map(|(name, _, _)| name).collect()
        }
    }

    #[test]
    fn documents_are_written_in_the_order_given_and_marked_as_ours() {
        let place = Place::new();
        let published = place.publish(&set());
        assert_eq!(published.written, ["feeds/all.rss", "index.html"]);
        assert_eq!(place.names(), [".tidings", "feeds/all.rss", "index.html"]);
        let mark = fs::read_to_string(place.at("out/.tidings")).unwrap();
        assert_eq!(mark, format!("{EXPLANATION}\nfeeds/all.rss\nindex.html\n"));
        assert!(!place.at("out/.tidings-staging").exists());
    }

    #[test]
    fn a_second_publish_of_equal_documents_writes_nothing() {
        let place = Place::new();
        place.publish(&set());
        let before = place.files();
        let published = place.publish(&set());
        assert_eq!((published.written.len(), published.removed.len()), (0, 0));
        assert_eq!(published.unchanged, 2);
        assert_eq!(place.files(), before);
    }

    #[test]
    fn a_changed_document_is_replaced_and_the_others_left_alone() {
        let place = Place::new();
        place.publish(&set());
        let before = place.files();
        let published =
            place.publish(&[document("feeds/all.rss", "RSS"), document("index.html", "index")]);
        assert_eq!(published.written, ["feeds/all.rss"]);
        assert_eq!((published.removed.len(), published.unchanged), (0, 1));
        let after = place.files();
        assert_eq!(after[1].2, "RSS");
        assert_eq!([&after[0], &after[2]], [&before[0], &before[2]]);
    }

    #[test]
    fn the_file_of_a_removed_feed_goes_and_its_empty_folder_too() {
        let place = Place::new();
        place.publish(&set());
        place.write("out/notes/mine.txt", "not ours");
        let published = place.publish(&[document("index.html", "index")]);
        assert_eq!(published.removed, ["feeds/all.rss"]);
        assert_eq!(place.names(), [".tidings", "index.html", "notes/mine.txt"]);
        assert!(!place.at("out/feeds").exists());
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_left_as_it_is() {
        let place = Place::new();
        place.write("out/thesis.txt", "ten years of work");
        let error = place.open().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "output folder `{}` has no `.tidings` mark and is not empty: it holds `thesis.txt`",
                place.at("out").display()
            )
        );
        assert!(error.hint().contains("`output.folder`"));
        assert_eq!(place.names(), ["thesis.txt"]);
    }

    #[test]
    fn a_file_of_somebody_else_at_our_path_is_refused_by_name() {
        let place = Place::new();
        place.publish(&[document("feeds/all.rss", "rss")]);
        place.write("out/index.html", "their page");
        let error = place.open().unwrap().publish(&set()).unwrap_err();
        assert!(matches!(&error, PublishError::ForeignFile { path, .. } if path == "index.html"));
        assert_eq!(fs::read_to_string(place.at("out/index.html")).unwrap(), "their page");
    }

    #[test]
    fn a_link_at_our_path_is_not_followed() {
        let place = Place::new();
        place.publish(&[document("feeds/all.rss", "rss")]);
        std::os::unix::fs::symlink(place.at("nowhere"), place.at("out/index.html")).unwrap();
        let error = place.open().unwrap().publish(&set()).unwrap_err();
        assert!(matches!(error, PublishError::ForeignFile { .. }));
    }

    #[test]
    fn output_and_content_may_not_contain_each_other() {
        let place = Place::new();
        for (output, content) in [
            ("content", "content"),
            ("content/public", "content"),
            ("content/new/../public", "content"),
            ("content", "content/2026"),
            ("link/public", "content"),
        ] {
            let _ = std::os::unix::fs::symlink(place.at("content"), place.at("link"));
            let error = open(&place.at(output), &place.at(content)).unwrap_err();
            assert!(error.to_string().contains("folder `"), "{error}");
        }
        assert_eq!(fs::read_dir(place.at("content")).unwrap().count(), 0);
        assert!(open(&place.at("content-public"), &place.at("content")).is_ok());
    }

    #[test]
    fn a_crash_before_the_first_mark_is_healed() {
        let place = Place::new();
        place.write("out/.tidings-staging/mark", "half a ma");
        assert_eq!(place.publish(&set()).written.len(), 2);
        assert_eq!(place.names(), [".tidings", "feeds/all.rss", "index.html"]);
    }

    #[test]
    fn a_crash_between_two_renames_is_healed() {
        let place = Place::new();
        place.publish(&[document("feeds/all.rss", "rss"), document("feeds/old.rss", "old")]);
        // As a publish of `set` leaves it: superset mark, one file renamed, one staged.
        let mark =
            format!("{EXPLANATION}\nfeeds/all.rss\nfeeds/new.rss\nfeeds/old.rss\nindex.html\n");
        place.write("out/.tidings", &mark);
        place.write("out/feeds/new.rss", "new");
        place.write("out/.tidings-staging/1", "ind");
        let documents = [set(), vec![document("feeds/new.rss", "new")]].concat();
        let published = place.publish(&documents);
        assert_eq!(published.written, ["index.html"]);
        assert_eq!(published.removed, ["feeds/old.rss"]);
        assert_eq!(published.unchanged, 2);
        assert_eq!(place.names(), [".tidings", "feeds/all.rss", "feeds/new.rss", "index.html"]);
        let mark = fs::read_to_string(place.at("out/.tidings")).unwrap();
        assert_eq!(mark.lines().count(), 4);
    }

    #[test]
    fn a_file_that_was_deleted_or_spoilt_is_made_up_for() {
        let place = Place::new();
        place.publish(&set());
        fs::remove_file(place.at("out/feeds/all.rss")).unwrap();
        place.write("out/index.html", "");
        assert_eq!(place.publish(&set()).written, ["feeds/all.rss", "index.html"]);
    }

    #[test]
    fn a_failure_while_staging_leaves_the_old_set() {
        let place = Place::new();
        place.publish(&[document("index.html", "index")]);
        place.write("out/feeds", "a file where a folder must be");
        let changed = [document("index.html", "INDEX"), document("feeds/all.rss", "rss")];
        let error = place.open().unwrap().publish(&changed).unwrap_err();
        assert!(error.to_string().contains("out/feeds"), "{error}");
        assert_eq!(fs::read_to_string(place.at("out/index.html")).unwrap(), "index");
        assert!(!place.at("out/.tidings-staging").exists());
    }

    #[test]
    fn a_mark_or_a_document_cannot_lead_out_of_the_folder() {
        let place = Place::new();
        place.write("precious", "mine");
        place.write("out/.tidings", &format!("{EXPLANATION}\n../precious\n"));
        let error = place.open().unwrap().publish(&set()).unwrap_err();
        assert!(matches!(error, PublishError::Mark { path, .. } if path == "../precious"));
        assert!(place.at("precious").exists());
        fs::remove_file(place.at("out/.tidings")).unwrap();
        fs::remove_dir_all(place.at("out")).unwrap();
        let error = place.open().unwrap().publish(&[document("../precious", "ours")]).unwrap_err();
        assert!(matches!(error, PublishError::Path { path } if path == "../precious"));
    }
}
