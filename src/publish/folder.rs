//! A folder as the place of publication, served by any web server.
//!
//! POSIX `rename` is what makes a document appear whole. The file `.tidings` marks the folder
//! as ours and lists our files; nothing else is ever replaced or removed. Two publishers at
//! once are kept apart by the caller's lock, not here.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Found, PublishError, Published, Steps, decide};
use crate::feeds::Document;
use crate::hash::hash;

const MARK: &str = ".tidings";
const STAGING: &str = ".tidings-staging";
const EXPLANATION: &str = "Tidings wrote the files below; it replaces and removes them. \
                           Other files in this folder are left alone.";

/// A folder that is ours to publish in; built only by [`open`].
#[derive(Debug)]
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

    /// Makes the folder hold exactly `documents`, beside files that are not ours.
    ///
    /// Changed documents are written beside their place, then renamed in the order given;
    /// removals come last. A failure before the first rename leaves the old set as it was; one
    /// after it, or a crash, is made up for by the next publish. Equal documents write nothing.
    pub fn publish(&self, documents: &[Document]) -> Result<Published, PublishError> {
        self.clear_staging()?;
        let owned = self.owned()?;
        let found: Vec<Found> =
            documents.iter().map(|document| self.find(document)).collect::<Result<_, _>>()?;
        let steps = decide(&self.path, documents, &found, &owned)?;
        let applied = self.apply(&steps, documents, &owned);
        // Also after a failure: on a full disk the staged bytes are in the way.
        let cleared = self.clear_staging();
        let published = applied?;
        cleared?;
        Ok(published)
    }

    /// Whether the folder holds exactly these documents of ours, by path and SHA-256 in
    /// lower-case hex.
    pub fn holds<'a>(
        &self,
        documents: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<bool, PublishError> {
        let mut owned = self.owned()?;
        for (path, expected) in documents {
            let file = self.path.join(path);
            let is_file = file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            if !owned.remove(path) || !is_file {
                return Ok(false);
            }
            let bytes = fs::read(&file).map_err(io_error("read", &file))?;
            if hash(&bytes) != expected {
                return Ok(false);
            }
        }
        Ok(owned.is_empty())
    }

    fn apply(
        &self,
        steps: &Steps<'_>,
        documents: &[Document],
        owned: &BTreeSet<String>,
    ) -> Result<Published, PublishError> {
        let wanted: BTreeSet<String> = documents.iter().map(|d| d.path.clone()).collect();
        // A file must be known as ours before it is there, and until it is gone.
        self.write_mark(&(owned | &wanted))?;
        let staged = self.stage(&steps.write)?;
        self.put_in_place(&steps.write, &staged)?;
        let removed = self.remove(&steps.remove)?;
        self.write_mark(&wanted)?;
        Ok(Published {
            written: steps.write.iter().map(|document| document.path.clone()).collect(),
            removed,
            unchanged: steps.unchanged,
        })
    }

    fn find(&self, document: &Document) -> Result<Found, PublishError> {
        if !is_publishable(&document.path) {
            return Err(PublishError::Path { path: document.path.clone() });
        }
        let path = self.path.join(&document.path);
        // Not followed: a link is somebody's, wherever it leads.
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(io_error("look at", &path)(error)),
        };
        if !metadata.is_file() || metadata.len() != document.bytes.len() as u64 {
            return Ok(Found::SomethingElse);
        }
        let bytes = fs::read(&path).map_err(io_error("read", &path))?;
        Ok(if bytes == document.bytes { Found::SameBytes } else { Found::SomethingElse })
    }

    /// Writes every document beside its place, and makes the folders they will lie in.
    fn stage(&self, documents: &[&Document]) -> Result<Vec<PathBuf>, PublishError> {
        let mut staged = Vec::with_capacity(documents.len());
        for (number, document) in documents.iter().enumerate() {
            staged.push(self.stage_file(&number.to_string(), &document.bytes)?);
            let folder = parent(&self.path.join(&document.path)).to_owned();
            fs::create_dir_all(&folder).map_err(io_error("make folder", &folder))?;
        }
        Ok(staged)
    }

    /// The bytes are on the disk before the name: after a power cut no document is empty.
    fn stage_file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, PublishError> {
        let folder = self.path.join(STAGING);
        fs::create_dir_all(&folder).map_err(io_error("make folder", &folder))?;
        let path = folder.join(name);
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(io_error("write", &path))?;
        Ok(path)
    }

    fn put_in_place(
        &self,
        documents: &[&Document],
        staged: &[PathBuf],
    ) -> Result<(), PublishError> {
        let mut folders = BTreeSet::new();
        for (document, staged) in documents.iter().zip(staged) {
            let path = self.path.join(&document.path);
            fs::rename(staged, &path).map_err(io_error("put in place", &path))?;
            folders.insert(parent(&path).to_owned());
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Removes files and the folders that become empty; returns the files that were there.
    fn remove(&self, paths: &[&str]) -> Result<Vec<String>, PublishError> {
        let mut removed = Vec::new();
        for path in paths {
            let place = self.path.join(path);
            match fs::remove_file(&place) {
                Ok(()) => removed.push((*path).to_owned()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error("remove", &place)(error)),
            }
            // A folder that is not empty refuses, and so ends the way up.
            let mut folder = parent(&place);
            while folder != self.path && fs::remove_dir(folder).is_ok() {
                folder = parent(folder);
            }
        }
        Ok(removed)
    }

    /// The files that the mark lists; none where there is no mark yet.
    fn owned(&self) -> Result<BTreeSet<String>, PublishError> {
        let mark = self.path.join(MARK);
        let text = match fs::read_to_string(&mark) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io_error("read", &mark)(error)),
        };
        let paths: BTreeSet<String> =
            text.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        match paths.iter().find(|path| !is_publishable(path)) {
            Some(path) => Err(PublishError::Mark { mark, path: path.clone() }),
            None => Ok(paths),
        }
    }

    /// Replaces the mark where it would change.
    fn write_mark(&self, paths: &BTreeSet<String>) -> Result<(), PublishError> {
        let mark = self.path.join(MARK);
        let lines = std::iter::once(EXPLANATION).chain(paths.iter().map(String::as_str));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        if fs::read(&mark).is_ok_and(|present| present == text.as_bytes()) {
            return Ok(());
        }
        let staged = self.stage_file("mark", text.as_bytes())?;
        fs::rename(staged, &mark).map_err(io_error("write", &mark))?;
        sync_folder(&self.path)
    }

    /// What an earlier publish left when it was cut short.
    fn clear_staging(&self) -> Result<(), PublishError> {
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

/// Plain names one below the other, and none that we keep for ourselves.
fn is_publishable(path: &str) -> bool {
    path.split('/').all(|name| !matches!(name, "" | "." | ".."))
        && !path.starts_with(MARK)
        && !path.contains(char::is_control)
}

fn parent(path: &Path) -> &Path {
    path.parent().expect("the path lies below the output folder")
}

/// Makes renames in a folder last through a power cut.
fn sync_folder(folder: &Path) -> Result<(), PublishError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error("save", folder))
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> PublishError {
    move |source| PublishError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(published, Published { unchanged: 2, ..Published::default() });
        assert_eq!(place.files(), before);
    }

    #[test]
    fn the_folder_tells_whether_it_holds_what_was_published() {
        let place = Place::new();
        place.publish(&set());
        let hashes: Vec<String> = set().iter().map(|document| hash(&document.bytes)).collect();
        let set = set();
        let held = || set.iter().zip(&hashes).map(|(d, hash)| (d.path.as_str(), hash.as_str()));
        let holds = |skip| place.open().unwrap().holds(held().skip(skip)).unwrap();
        assert!(holds(0));
        assert!(!holds(1), "a document too many");
        let first = format!("out/{}", set[0].path);
        place.write(&first, "spoilt");
        assert!(!holds(0));
        fs::remove_file(place.at(&first)).unwrap();
        assert!(!holds(0));
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
        for path in ["", "/etc/x", "../x", "a/../../x", "a//b", "./a", ".tidings", "a\nb"] {
            assert!(!is_publishable(path), "{path:?}");
        }
    }
}
