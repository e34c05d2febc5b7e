//! Walks the content folder: which content files there are, and their stats. No file is opened.
//!
//! A pass over an unchanged folder is this walk and little else, so it asks the system for as
//! little as can be: one open per folder, one stat per file, both relative to a folder already
//! open, on a few threads. Each folder gets a signature over the stats of its files; where it
//! is the one remembered, nobody needs to look at the files one by one.
//!
//! Nothing outside the folder is content: links out of it and special files are refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

use aws_lc_rs::digest::{Context, SHA256};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use unicode_normalization::UnicodeNormalization;

use super::problem::{Place, Problems};
use super::{Problem, ScanError};

const SUFFIXES: &[&str] = &["md", "markdown", "mdx", "html"];
/// More threads than this only wait for each other.
const THREADS: usize = 4;
/// Hexadecimal digits of a signature that are kept: 128 bits.
const SIGNATURE_DIGITS: usize = 32;

/// What is remembered of a file to see whether it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    pub size_bytes: u64,
    pub modified_ns: i64,
    pub inode: u64,
}

impl FileStat {
    pub(super) fn of(stat: &Stat) -> Self {
        // The width of these fields differs from system to system.
        #[expect(clippy::useless_conversion, reason = "not useless everywhere")]
        let seconds = i64::from(stat.st_mtime);
        let nanoseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Self {
            size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            modified_ns: seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds),
            inode: stat.st_ino,
        }
    }

    /// The stat of a file now, by its whole path.
    pub(super) fn look(file: &Path) -> io::Result<Self> {
        Ok(Self::of(&rustix::fs::stat(file)?))
    }
}

/// All content files of a folder, by folder.
#[derive(Debug)]
pub struct Walk {
    pub(super) root: PathBuf,
    /// Content files by folder, each from the content folder on (empty for itself); sorted.
    pub(super) folders: BTreeMap<String, Folder>,
    /// What could not be looked at, or is refused.
    problems: Vec<Problem>,
    /// One folder on each file system that was met.
    file_systems: Vec<PathBuf>,
}

/// The content files that lie directly in one folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// By name, sorted.
    pub(super) files: Vec<(String, FileStat)>,
    pub(super) signature: String,
}

impl Walk {
    /// How many content files there are.
    pub fn files(&self) -> usize {
        self.folders.values().map(|folder| folder.files.len()).sum()
    }

    /// Folders in which something is not as the remembered signatures say: changed, new, gone.
    pub fn changed_folders(&self, known: &HashMap<String, String>) -> Vec<String> {
        let is_changed = |(path, folder): &(&String, &Folder)| {
            known.get(*path).is_none_or(|signature| *signature != folder.signature)
        };
        let changed = self.folders.iter().filter(is_changed).map(|(path, _)| path.clone());
        let gone = known.keys().filter(|path| !self.folders.contains_key(*path)).cloned();
        let mut folders: Vec<String> = changed.chain(gone).collect();
        folders.sort();
        folders
    }

    /// Whether a content file lies at `path`.
    pub fn contains(&self, path: &str) -> bool {
        let (folder, name) = split(path);
        self.folders.get(folder).is_some_and(|folder| {
            folder.files.binary_search_by(|(other, _)| other.as_str().cmp(name)).is_ok()
        })
    }

    /// Whether `path` is, or lies below, something that could not be looked at; it may be
    /// there all the same.
    pub fn is_hidden_by_problem(&self, path: &str) -> bool {
        let is_below = |folder: &str| {
            path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        self.problems.iter().any(|problem| is_below(&problem.path))
    }

    /// What could not be looked at, or is refused.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What tells whether anything changed in a folder; `None` where it has no content file.
    pub fn signature(&self, folder: &str) -> Option<&str> {
        self.folders.get(folder).map(|folder| folder.signature.as_str())
    }

    /// One folder on each file system below the content folder.
    pub fn file_systems(&self) -> &[PathBuf] {
        &self.file_systems
    }
}

/// Folder and name of a path; the folder of a file at the top is empty.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The path of `name` in `folder`.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Walks `folder` down to its last file.
pub fn walk(folder: &Path) -> Result<Walk, ScanError> {
    let root = check_folder(folder)?;
    let unreadable = |source| ScanError::Unreadable { folder: folder.to_owned(), source };
    let top = open_folder(CWD, &root).map_err(unreadable)?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let queue = Queue::default();
    queue.add([String::new()]);
    let parts: Vec<Part> = thread::scope(|scope| {
        let work = || {
            let mut part = Part::default();
            while let Some(path) = queue.take() {
                let below = look_into(&root, &top, &path, &mut part);
                queue.done(below);
            }
            part
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = others.into_iter().map(|t| t.join().expect("looking at files does not panic"));
        others.chain([own]).collect()
    });
    let mut walk =
        Walk { root, folders: BTreeMap::new(), problems: Vec::new(), file_systems: Vec::new() };
    let mut devices = BTreeMap::new();
    for part in parts {
        walk.folders.extend(part.folders);
        walk.problems.extend(part.problems);
        devices.extend(part.devices);
    }
    walk.file_systems = devices.into_values().map(|path| walk.root.join(path)).collect();
    walk.problems.extend(equal_names(&walk));
    walk.problems.sort();
    Ok(walk)
}

fn check_folder(folder: &Path) -> Result<PathBuf, ScanError> {
    let unreadable = |source| ScanError::Unreadable { folder: folder.to_owned(), source };
    let metadata = match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ScanError::Missing(folder.to_owned()));
        }
        other => other.map_err(unreadable)?,
    };
    if !metadata.is_dir() {
        return Err(ScanError::NotAFolder(folder.to_owned()));
    }
    folder.canonicalize().map_err(unreadable)
}

/// What one thread found.
#[derive(Default)]
struct Part {
    folders: Vec<(String, Folder)>,
    problems: Vec<Problem>,
    /// A folder on each device.
    devices: BTreeMap<u64, String>,
}

/// Folders still to be looked into, and how many are being.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    folders: Vec<String>,
    in_hand: usize,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().expect("no thread panics while it holds the queue")
    }

    fn add(&self, folders: impl IntoIterator<Item = String>) {
        self.lock().folders.extend(folders);
    }

    /// The next folder; `None` once all are done.
    fn take(&self) -> Option<String> {
        let mut waiting = self.lock();
        loop {
            if let Some(folder) = waiting.folders.pop() {
                waiting.in_hand += 1;
                return Some(folder);
            }
            if waiting.in_hand == 0 {
                return None;
            }
            waiting = self.changed.wait(waiting).expect("no thread panics with the queue");
        }
    }

    fn done(&self, below: Vec<String>) {
        let mut waiting = self.lock();
        waiting.folders.extend(below);
        waiting.in_hand -= 1;
        drop(waiting);
        self.changed.notify_all();
    }
}

fn open_folder(at: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, path, flags, Mode::empty())?)
}

/// Takes down the content files of one folder, and returns the folders in it.
fn look_into(root: &Path, top: &OwnedFd, path: &str, part: &mut Part) -> Vec<String> {
    let name = if path.is_empty() { Path::new(".") } else { Path::new(path) };
    let entries = open_folder(top, name).and_then(|handle| {
        let device = rustix::fs::fstat(&handle)?.st_dev;
        part.devices.entry(device).or_insert_with(|| path.to_owned());
        Ok((Dir::read_from(&handle)?, handle))
    });
    let (entries, handle) = match entries {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(_) => {
            let remedy = "let the user that runs tidings read it";
            report(path, "it could not be read", remedy, &mut part.problems);
            return Vec::new();
        }
    };
    let mut below = Vec::new();
    let mut files = Vec::new();
    for entry in entries {
        let Ok(entry) = entry else {
            let remedy = "let the user that runs tidings read it";
            report(path, "it could not be read", remedy, &mut part.problems);
            break;
        };
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        let is_content = is_content(name.to_bytes());
        // Most file systems tell what a name is; a stat answers where they do not.
        let kind = match entry.file_type() {
            FileType::Unknown => match statat(&handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(_) => continue,
            },
            kind => kind,
        };
        let is_folder = kind == FileType::Directory;
        if !is_folder && !is_content && kind != FileType::Symlink {
            continue;
        }
        let Ok(name) = name.to_str() else {
            if is_folder || is_content {
                let shown = join(path, &name.to_string_lossy());
                report(&shown, "its name is not UTF-8", "rename it", &mut part.problems);
            }
            continue;
        };
        if is_folder {
            below.push(join(path, name));
        } else if let Some(stat) = stat_of(root, &handle, path, name, is_content, part) {
            files.push((name.to_owned(), stat));
        }
    }
    if !files.is_empty() {
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let signature = signature(&files);
        part.folders.push((path.to_owned(), Folder { files, signature }));
    }
    below
}

fn is_content(name: &[u8]) -> bool {
    let suffix = name.iter().rposition(|byte| *byte == b'.').map(|dot| &name[dot + 1..]);
    suffix.is_some_and(|suffix| SUFFIXES.iter().any(|s| suffix.eq_ignore_ascii_case(s.as_bytes())))
}

/// The stat of a content file, or what is wrong with it.
fn stat_of(
    root: &Path,
    folder: &OwnedFd,
    path: &str,
    name: &str,
    is_content: bool,
    part: &mut Part,
) -> Option<FileStat> {
    let mut stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let file = join(path, name);
    let mut refuse = |message, remedy| {
        report(&file, message, remedy, &mut part.problems);
        None
    };
    if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
        let Ok(target) = statat(folder, name, AtFlags::empty()) else {
            return if is_content {
                refuse("it is a link that leads nowhere", "remove it, or put the file itself there")
            } else {
                None
            };
        };
        if FileType::from_raw_mode(target.st_mode) == FileType::Directory {
            return refuse(
                "it is a link to a folder, which is not followed",
                "put the folder itself into the content folder",
            );
        }
        if !is_content {
            return None;
        }
        let is_inside =
            root.join(&file).canonicalize().is_ok_and(|target| target.starts_with(root));
        if !is_inside {
            return refuse(
                "it is a link that leads out of the content folder",
                "put the file itself into the folder",
            );
        }
        stat = target;
    }
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return refuse("it is not an ordinary file", "remove it from the content folder");
    }
    Some(FileStat::of(&stat))
}

fn report(path: &str, message: &str, remedy: &str, problems: &mut Vec<Problem>) {
    let mut one = Problems::of(path);
    one.error(Place::default(), message, remedy);
    problems.extend(one.into_list());
}

/// Says names and stats of a folder's files in a few bytes.
fn signature(files: &[(String, FileStat)]) -> String {
    let mut hash = Context::new(&SHA256);
    for (name, stat) in files {
        hash.update(name.as_bytes());
        // No name holds a zero byte, so no two lists give the same bytes.
        hash.update(&[0]);
        hash.update(&stat.size_bytes.to_le_bytes());
        hash.update(&stat.modified_ns.to_le_bytes());
        hash.update(&stat.inode.to_le_bytes());
    }
    let mut digits = String::with_capacity(SIGNATURE_DIGITS);
    for byte in &hash.finish().as_ref()[..SIGNATURE_DIGITS / 2] {
        write!(digits, "{byte:02x}").expect("writing to a string does not fail");
    }
    digits
}

/// Warns of files whose paths differ in case or Unicode form alone: on many a computer one
/// of them overwrites the other.
fn equal_names(walk: &Walk) -> Vec<Problem> {
    // A path that is its own folded form can only clash with one that is not.
    let mut odd: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (folder, found) in &walk.folders {
        let is_plain_folder = is_plain(folder);
        for (name, _) in &found.files {
            if !is_plain_folder || !is_plain(name) {
                let path = join(folder, name);
                let folded = fold(&path);
                if folded != path {
                    odd.entry(folded).or_default().insert(path);
                }
            }
        }
    }
    let mut problems = Vec::new();
    for (folded, mut paths) in odd {
        if walk.contains(&folded) {
            paths.insert(folded);
        }
        let mut paths = paths.into_iter();
        let first = paths.next().unwrap_or_default();
        for path in paths {
            let mut one = Problems::of(&path);
            one.warn(
                Place::default(),
                format!("its path differs from `{first}` in case or Unicode form alone"),
                "rename one of them: on many computers one would overwrite the other",
            );
            problems.extend(one.into_list());
        }
    }
    problems
}

fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

fn fold(path: &str) -> String {
    path.nfc().flat_map(char::to_lowercase).nfc().collect()
}
