//! One publish: documents are staged beside their place, then put in place one after another.
//!
//! A failure before the first rename leaves the old set as it was. One after it, or a crash,
//! is made up for by the next publish, because it looks at bytes and not at what an earlier
//! one meant to do. An equal document writes nothing.
//!
//! Brotli takes longer than all else a document costs, so those twins are made when the
//! documents are live. Until then a web server finds none, and sends another coding.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::folder::{io_error, is_missing, parent, sync};
use super::twins::{self, Coding};
use super::{OutputFolder, PublishError, Published, PutDocument, mark};
use crate::feeds::Document;
use crate::hash::hash;

/// Files are synced side by side, because they then share what the disk has to do: 90 small
/// ones take a third of the time of one after another.
const SYNCERS: usize = 16;

/// The twin that goes live with its document.
const EARLY: Coding = Coding::Gzip;
/// The twin that follows it.
const LATE: Coding = Coding::Brotli;

/// A publish under way; begun by [`OutputFolder::begin`]. A drop leaves the old set.
#[derive(Debug)]
pub struct Publication {
    folder: OutputFolder,
    /// Files that are ours, twins among them.
    owned: BTreeSet<String>,
    /// Number of the next document to be staged.
    next: AtomicU64,
}

/// A document that is ready to be put in place, or stands there already.
#[derive(Debug)]
pub struct Staged {
    path: String,
    hash: String,
    size_bytes: u64,
    /// Where its bytes lie in the staging folder, its twins beside; `None` if it is unchanged.
    place: Option<PathBuf>,
}

impl Staged {
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether this document and its twins stand there already.
    pub fn is_unchanged(&self) -> bool {
        self.place.is_none()
    }

    fn has_twins(&self) -> bool {
        twins::has_twins(self.size_bytes)
    }

    /// What it has in the staging folder before it is put in place.
    fn staged_files(&self) -> impl Iterator<Item = PathBuf> {
        self.place.iter().flat_map(|place| {
            let twin = self.has_twins().then(|| with_suffix(place, EARLY));
            std::iter::once(place.clone()).chain(twin)
        })
    }
}

impl Drop for Publication {
    /// On a full disk the staged bytes are in the way. What this cannot clear the next
    /// publish does, or tells.
    fn drop(&mut self) {
        let _ = self.folder.clear_staging();
    }
}

impl Publication {
    pub(super) fn new(folder: OutputFolder, owned: BTreeSet<String>) -> Self {
        Self { folder, owned, next: AtomicU64::new(0) }
    }

    /// The documents that are ours, as the mark lists them; also one that a publish that was
    /// cut short did not come to write.
    pub fn documents(&self) -> impl Iterator<Item = &str> {
        self.owned.iter().map(String::as_str).filter(|file| twins::document_of(file).is_none())
    }

    /// Writes a document and its twins beside their place, unless they stand there already.
    ///
    /// May be called from several threads at once.
    pub fn stage(&self, document: &Document) -> Result<Staged, PublishError> {
        if !mark::is_publishable(&document.path) {
            return Err(PublishError::Path { path: document.path.clone() });
        }
        let place = if self.stands(document)? { None } else { Some(self.write(document)?) };
        Ok(Staged {
            path: document.path.clone(),
            hash: hash(&document.bytes),
            size_bytes: document.bytes.len() as u64,
            place,
        })
    }

    /// Puts the documents in place in the order given, then removes those named in `remove`
    /// that are ours and were not staged. A document in neither list stays.
    pub fn put_in_place(
        self,
        order: Vec<Staged>,
        remove: &[String],
    ) -> Result<Published, PublishError> {
        let wanted = files_of(&order)?;
        let paths: BTreeSet<&str> = order.iter().map(Staged::path).collect();
        let remove: Vec<&str> =
            remove.iter().map(String::as_str).filter(|path| !paths.contains(path)).collect();
        // A file must be known as ours before it is there, and until it is gone.
        self.folder.write_mark(&(&self.owned | &wanted))?;
        sync_all(&order.iter().flat_map(Staged::staged_files).collect::<Vec<_>>())?;
        self.rename(&order)?;
        self.add_late_twins(&order)?;
        let removed = self.remove(&remove)?;
        self.folder.write_mark(&self.owned_after(&order, wanted, &remove))?;
        self.folder.clear_staging()?;
        let documents = order.iter().map(|staged| self.put(staged)).collect::<Result<_, _>>()?;
        let (unchanged, written): (Vec<_>, Vec<_>) =
            order.into_iter().partition(Staged::is_unchanged);
        let written = written.into_iter().map(|staged| staged.path).collect();
        Ok(Published { written, removed, unchanged: unchanged.len(), documents })
    }

    /// Whether the document and its twins stand there as they would be written; refuses
    /// files that are not ours.
    fn stands(&self, document: &Document) -> Result<bool, PublishError> {
        let size_bytes = document.bytes.len() as u64;
        let mut stands = self.size_at(&document.path)? == Some(size_bytes);
        for twin in Coding::ALL.map(|coding| coding.path(&document.path)) {
            stands &= if twins::has_twins(size_bytes) {
                self.size_at(&twin)?.is_some()
            } else {
                !self.owned.contains(&twin)
            };
        }
        let has_twin = |coding: Coding| {
            let twin = self.read(&coding.path(&document.path))?;
            Ok(coding.decodes_to(&twin, &document.bytes))
        };
        Ok(stands
            && self.read(&document.path)? == document.bytes
            && (!twins::has_twins(size_bytes)
                || (has_twin(Coding::Gzip)? && has_twin(Coding::Brotli)?)))
    }

    /// Size of our file at `path`; `None` where there is none, or something else.
    fn size_at(&self, path: &str) -> Result<Option<u64>, PublishError> {
        let place = self.folder.path().join(path);
        // Not followed: a link is somebody's, wherever it leads.
        let file = match place.symlink_metadata() {
            Err(error) if is_missing(&error) => return Ok(None),
            found => found.map_err(io_error("look at", &place))?,
        };
        if !self.owned.contains(path) {
            let (folder, path) = (self.folder.path().into(), path.to_owned());
            return Err(PublishError::ForeignFile { folder, path });
        }
        Ok(file.is_file().then_some(file.len()))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, PublishError> {
        let place = self.folder.path().join(path);
        fs::read(&place).map_err(io_error("read", &place))
    }

    /// Writes a document and its early twin to the staging folder and makes the folder they
    /// will lie in. The document first: no twin is ever older than what it codes.
    fn write(&self, document: &Document) -> Result<PathBuf, PublishError> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let place = self.folder.write_staged(&name, &document.bytes)?;
        if twins::has_twins(document.bytes.len() as u64) {
            self.folder.write_staged(&EARLY.path(&name), &EARLY.encode(&document.bytes))?;
        }
        let target = self.folder.path().join(&document.path);
        fs::create_dir_all(parent(&target)).map_err(io_error("make folder", parent(&target)))?;
        Ok(place)
    }

    fn rename(&self, order: &[Staged]) -> Result<(), PublishError> {
        let mut folders = BTreeSet::new();
        for staged in order {
            let Some(place) = &staged.place else { continue };
            let target = self.folder.path().join(&staged.path);
            self.rename_twins(staged, place, &target)?;
            fs::rename(place, &target).map_err(io_error("put in place", &target))?;
            let above = target.ancestors().skip(1);
            let ours = above.take_while(|folder| folder.starts_with(self.folder.path()));
            folders.extend(ours.map(Path::to_owned));
        }
        folders.iter().try_for_each(|folder| sync(folder))
    }

    /// No twin outlives the bytes it codes: the late one goes, and so does the early one of a
    /// document that became too small for twins.
    fn rename_twins(
        &self,
        staged: &Staged,
        place: &Path,
        target: &Path,
    ) -> Result<(), PublishError> {
        let early = with_suffix(target, EARLY);
        if staged.has_twins() {
            fs::rename(with_suffix(place, EARLY), &early)
                .map_err(io_error("put in place", &early))?;
        } else if self.owned.contains(&EARLY.path(&staged.path)) {
            remove_file(&early)?;
        }
        if self.owned.contains(&LATE.path(&staged.path)) {
            remove_file(&with_suffix(target, LATE))?;
        }
        Ok(())
    }

    /// Makes the twins that the documents went live without.
    fn add_late_twins(&self, order: &[Staged]) -> Result<(), PublishError> {
        let is_due = |staged: &&Staged| staged.place.is_some() && staged.has_twins();
        let due: Vec<&Staged> = order.iter().filter(is_due).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let twins = side_by_side(&due, threads, |staged| self.stage_late_twin(staged))?;
        let staged: Vec<PathBuf> = twins.iter().map(|(staged, _)| staged.clone()).collect();
        sync_all(&staged)?;
        let mut folders = BTreeSet::new();
        for (staged, twin) in &twins {
            fs::rename(staged, twin).map_err(io_error("put in place", twin))?;
            folders.insert(parent(twin));
        }
        folders.into_iter().try_for_each(sync)
    }

    /// Where the twin is staged, and where it belongs.
    fn stage_late_twin(&self, staged: &Staged) -> Result<(PathBuf, PathBuf), PublishError> {
        let twin = LATE.encode(&self.read(&staged.path)?);
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let place = self.folder.write_staged(&name, &twin)?;
        Ok((place, self.folder.path().join(LATE.path(&staged.path))))
    }

    /// Removes documents with their twins and the folders that become empty; returns the
    /// documents that were there.
    fn remove(&self, paths: &[&str]) -> Result<Vec<String>, PublishError> {
        let mut removed = Vec::new();
        for &path in paths.iter().filter(|&&path| self.owned.contains(path)) {
            let place = self.folder.path().join(path);
            if remove_file(&place)? {
                removed.push(path.to_owned());
            }
            for twin in Coding::ALL.map(|coding| coding.path(path)) {
                if self.owned.contains(&twin) {
                    remove_file(&self.folder.path().join(twin))?;
                }
            }
            // A folder that is not empty refuses, and so ends the way up.
            let mut folder = parent(&place);
            while folder != self.folder.path() && fs::remove_dir(folder).is_ok() {
                folder = parent(folder);
            }
        }
        Ok(removed)
    }

    /// The files that are ours when all is done.
    fn owned_after(
        &self,
        order: &[Staged],
        wanted: BTreeSet<String>,
        remove: &[&str],
    ) -> BTreeSet<String> {
        let made_anew: BTreeSet<&str> =
            order.iter().map(Staged::path).chain(remove.iter().copied()).collect();
        let stays =
            |file: &&String| !made_anew.contains(twins::document_of(file).unwrap_or(file.as_str()));
        self.owned.iter().filter(stays).cloned().chain(wanted).collect()
    }

    fn put(&self, staged: &Staged) -> Result<PutDocument, PublishError> {
        let Staged { path, hash, size_bytes, .. } = staged;
        let place = self.folder.path().join(path);
        let stat = self.folder.stat_of(path).map_err(io_error("look at", &place))?;
        Ok(PutDocument { path: path.clone(), hash: hash.clone(), size_bytes: *size_bytes, stat })
    }
}

/// All files of the documents; refuses two documents at one path.
fn files_of(order: &[Staged]) -> Result<BTreeSet<String>, PublishError> {
    let mut files = BTreeSet::new();
    for staged in order {
        for file in twins::files(&staged.path, staged.size_bytes) {
            if !files.insert(file) {
                return Err(PublishError::Twice { path: staged.path.clone() });
            }
        }
    }
    Ok(files)
}

fn with_suffix(path: &Path, coding: Coding) -> PathBuf {
    path.with_added_extension(coding.suffix().trim_start_matches('.'))
}

/// Whether the file was there.
fn remove_file(path: &Path) -> Result<bool, PublishError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(io_error("remove", path)(error)),
    }
}

/// The bytes are on the disk before the name: after a power cut no document is empty.
fn sync_all(files: &[PathBuf]) -> Result<(), PublishError> {
    side_by_side(files, SYNCERS, |file| sync(file)).map(|_| ())
}

/// Does `work` for each item on at most `threads` threads; results in the order of the items.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<R, PublishError> + Sync,
) -> Result<Vec<R>, PublishError> {
    let work_off = |part: &[T]| part.iter().map(&work).collect::<Result<Vec<R>, _>>();
    let work_off = &work_off;
    thread::scope(|scope| {
        let parts = items.chunks(items.len().div_ceil(threads).max(1));
        let workers: Vec<_> = parts.map(|part| scope.spawn(move || work_off(part))).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| worker.join().expect("does not panic");
        let done = workers.into_iter().map(join).collect::<Result<Vec<Vec<R>>, _>>()?;
        Ok(done.into_iter().flatten().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::open;

    fn news(text: &str) -> Document {
        let bytes = text.repeat(100).into_bytes();
        Document { path: "feeds/all.atom".into(), bytes }
    }

    #[test]
    fn a_document_goes_live_without_the_older_brotli_twin_and_gets_its_own_after() {
        let place = tempfile::tempdir().unwrap();
        let content = place.path().join("content");
        fs::create_dir(&content).unwrap();
        let folder = open(&place.path().join("out"), &content).unwrap();
        folder.publish(&[news("old ")]).unwrap();
        let read = |suffix: &str| fs::read(folder.path().join(format!("feeds/all.atom{suffix}")));
        assert!(LATE.decodes_to(&read(".br").unwrap(), &news("old ").bytes));

        let publication = folder.begin().unwrap();
        let staged = [publication.stage(&news("new ")).unwrap()];
        publication.rename(&staged).unwrap();
        assert_eq!(read("").unwrap(), news("new ").bytes);
        assert!(EARLY.decodes_to(&read(".gz").unwrap(), &news("new ").bytes));
        assert!(read(".br").is_err(), "it coded the older bytes");

        publication.add_late_twins(&staged).unwrap();
        assert!(LATE.decodes_to(&read(".br").unwrap(), &news("new ").bytes));
    }
}
