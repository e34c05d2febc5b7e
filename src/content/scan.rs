//! Walks the content folder and reads what changed. The only I/O of `content`.
//!
//! A file's stat tells whether it changed; a file still being written waits for the next scan.
//! Nothing outside the folder is read: links out of it and special files are refused.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use walkdir::{DirEntry, WalkDir};

use super::links::site_path;
use super::problem::{Place, Problems};
use super::read::read;
use super::source::{FILE_LIMIT, report_size};
use super::{Outcome, Problem, Reading, Rules};

/// A file modified less than this before now may still be written to.
const SETTLE_NS: i64 = 2_000_000_000;
/// How long to wait before such files are looked at again, once for all of them.
const PAUSE: Duration = Duration::from_secs(1);
const SUFFIXES: &[&str] = &["md", "markdown", "mdx", "html"];

/// What is remembered of a file to see whether it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    pub size_bytes: u64,
    pub modified_ns: i64,
    pub inode: u64,
}

impl FileStat {
    fn of(metadata: &Metadata) -> Self {
        let seconds = metadata.mtime().saturating_mul(1_000_000_000);
        let modified_ns = seconds.saturating_add(metadata.mtime_nsec());
        Self { size_bytes: metadata.len(), modified_ns, inode: metadata.ino() }
    }
}

/// One content file that a scan met.
#[derive(Debug, Clone, PartialEq)]
pub struct ScannedFile {
    /// Path from the content folder on, with `/` between its parts.
    pub path: String,
    pub stat: FileStat,
    pub finding: Finding,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Its stat is the known one; it was not opened.
    Unchanged,
    Read(Reading),
}

/// What one walk through the folder found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scan {
    /// Sorted by path.
    pub files: Vec<ScannedFile>,
    /// Still being written: they wait for the next scan. Sorted.
    pub moving: Vec<String>,
    /// What could not be read at all: links out of the folder, special files, names that are
    /// not UTF-8, folders without permission. The problems of a file are in its reading.
    pub problems: Vec<Problem>,
}

/// Why nothing could be scanned.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(
        "the content folder `{}` does not exist", .0.display()
    )]
    Missing(PathBuf),
    #[error(
        "the content folder `{}` is not a folder", .0.display()
    )]
    NotAFolder(PathBuf),
    #[error(
        "could not read the content folder `{}`", folder.display()
    )]
    Unreadable { folder: PathBuf, source: io::Error },
}

impl ScanError {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) => "create it, or name another as `content.folder`",
            Self::NotAFolder(_) => "name a folder as `content.folder`",
            Self::Unreadable { .. } => "let the user that runs tidings read it",
        }
    }
}

/// Walks `folder` and reads the files whose stat is not the `known` one.
#[expect(clippy::implicit_hasher, reason = "one caller, which has the usual map")]
pub fn scan(
    folder: &Path,
    rules: &Rules,
    known: &HashMap<String, FileStat>,
    now: &dyn Fn() -> DateTime<Utc>,
    pause: &dyn Fn(Duration),
) -> Result<Scan, ScanError> {
    let root = check_folder(folder)?;
    let mut scan = Scan::default();
    let mut found = walk(&root, &mut scan.problems);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    settle(&root, &mut found, &mut scan.moving, now, pause);
    let (unchanged, changed): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(path, stat)| known.get(path) == Some(stat));
    scan.files.extend(unchanged.into_iter().map(|(path, stat)| ScannedFile {
        path,
        stat,
        finding: Finding::Unchanged,
    }));
    scan.files.extend(read_all(&root, changed, rules, &mut scan.moving));
    scan.files.sort_by(|a, b| a.path.cmp(&b.path));
    scan.moving.sort();
    scan.problems.sort();
    Ok(scan)
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
    fs::read_dir(folder).map_err(unreadable)?;
    folder.canonicalize().map_err(unreadable)
}

/// Content files with their stat; what cannot be one is reported.
fn walk(root: &Path, problems: &mut Vec<Problem>) -> Vec<(String, FileStat)> {
    let mut found = Vec::new();
    let entries = WalkDir::new(root).min_depth(1).into_iter().filter_entry(|e| !is_hidden(e));
    for entry in entries {
        match entry {
            Ok(entry) => found.extend(look_at(root, &entry, problems)),
            Err(error) => {
                let vanished =
                    error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound);
                if let Some(path) = error.path().filter(|_| !vanished) {
                    report(
                        root,
                        path,
                        "it could not be read",
                        "let the user that runs tidings read it",
                        problems,
                    );
                }
            }
        }
    }
    found
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn look_at(
    root: &Path,
    entry: &DirEntry,
    problems: &mut Vec<Problem>,
) -> Option<(String, FileStat)> {
    let kind = entry.file_type();
    if kind.is_dir() {
        return None;
    }
    let path = entry.path();
    if kind.is_symlink() && path.is_dir() {
        let remedy = "put the folder itself into the content folder";
        report(root, path, "it is a link to a folder, which is not followed", remedy, problems);
        return None;
    }
    let is_content = path
        .extension()
        .and_then(|suffix| suffix.to_str())
        .is_some_and(|suffix| SUFFIXES.iter().any(|s| suffix.eq_ignore_ascii_case(s)));
    if !is_content {
        return None;
    }
    let Some(name) = path.strip_prefix(root).ok().and_then(|relative| relative.to_str()) else {
        report(root, path, "its name is not UTF-8", "rename it", problems);
        return None;
    };
    if kind.is_symlink() {
        let target = path.canonicalize().ok()?;
        if !target.starts_with(root) {
            let remedy = "put the file itself into the folder";
            report(
                root,
                path,
                "it is a link that leads out of the content folder",
                remedy,
                problems,
            );
            return None;
        }
    }
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() {
        let remedy = "remove it from the content folder";
        report(root, path, "it is not an ordinary file", remedy, problems);
        return None;
    }
    Some((name.to_owned(), FileStat::of(&metadata)))
}

fn report(root: &Path, path: &Path, message: &str, remedy: &str, problems: &mut Vec<Problem>) {
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    let mut one = Problems::of(&name);
    one.error(Place::default(), message, remedy);
    problems.extend(one.into_list());
}

/// Takes out the files that change while we look, after one pause for all of them.
fn settle(
    root: &Path,
    found: &mut Vec<(String, FileStat)>,
    moving: &mut Vec<String>,
    now: &dyn Fn() -> DateTime<Utc>,
    pause: &dyn Fn(Duration),
) {
    let now_ns = now().timestamp_nanos_opt().unwrap_or(i64::MAX);
    let is_fresh = |stat: &FileStat| now_ns.abs_diff(stat.modified_ns) < SETTLE_NS.unsigned_abs();
    if !found.iter().any(|(_, stat)| is_fresh(stat)) {
        return;
    }
    pause(PAUSE);
    found.retain(|(path, stat)| {
        if !is_fresh(stat) {
            return true;
        }
        match fs::metadata(root.join(path)) {
            Ok(metadata) if FileStat::of(&metadata) == *stat => true,
            Ok(_) => {
                moving.push(path.clone());
                false
            }
            Err(_) => false,
        }
    });
}

enum Opened {
    Read(Reading),
    Moving,
    Vanished,
}

/// Reads files on all cores, in equal slices.
fn read_all(
    root: &Path,
    changed: Vec<(String, FileStat)>,
    rules: &Rules,
    moving: &mut Vec<String>,
) -> Vec<ScannedFile> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let slice = changed.len().div_ceil(threads).max(1);
    let opened: Vec<Opened> = thread::scope(|scope| {
        let read_slice = |files: &[(String, FileStat)]| -> Vec<Opened> {
            files.iter().map(|(path, stat)| open(root, path, *stat, rules)).collect()
        };
        let handles: Vec<_> =
            changed.chunks(slice).map(|files| scope.spawn(move || read_slice(files))).collect();
        handles.into_iter().flat_map(|h| h.join().expect("reading a file does not panic")).collect()
    });
    let mut files = Vec::new();
    for ((path, stat), opened) in changed.into_iter().zip(opened) {
        match opened {
            Opened::Read(reading) => {
                files.push(ScannedFile { path, stat, finding: Finding::Read(reading) });
            }
            Opened::Moving => moving.push(path),
            Opened::Vanished => {}
        }
    }
    files
}

fn open(root: &Path, path: &str, stat: FileStat, rules: &Rules) -> Opened {
    let file = root.join(path);
    if stat.size_bytes > FILE_LIMIT {
        let mut problems = Problems::of(path);
        report_size(stat.size_bytes, &mut problems);
        return Opened::Read(held_back(problems));
    }
    let bytes = match fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Opened::Vanished,
        Err(error) => {
            let mut problems = Problems::of(path);
            problems.error(
                Place::default(),
                format!("the file could not be read: {error}"),
                "let the user that runs tidings read it",
            );
            return Opened::Read(held_back(problems));
        }
    };
    // What was read must be what was stat'ed, or the change after it would never be seen.
    match fs::metadata(&file) {
        Ok(metadata) if FileStat::of(&metadata) == stat => {}
        Ok(_) => return Opened::Moving,
        Err(_) => return Opened::Vanished,
    }
    let mut reading = read(path, &bytes, rules);
    if let Outcome::Draft(draft) = &mut reading.outcome {
        for enclosure in &mut draft.enclosures {
            enclosure.length_bytes = length_at_hand(root, &enclosure.url, rules);
        }
    }
    Opened::Read(reading)
}

fn held_back(problems: Problems) -> Reading {
    Reading { outcome: Outcome::HeldBack, problems: problems.into_list() }
}

/// Length of a file that the site serves from this same folder.
fn length_at_hand(root: &Path, url: &url::Url, rules: &Rules) -> Option<u64> {
    let is_own = url.origin() == rules.site_url.origin();
    let path = url.path().strip_prefix(site_path(&rules.site_url)).filter(|_| is_own)?;
    let path = percent_decode(path.trim_start_matches('/'))?;
    let relative = Path::new(&path);
    let is_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let file = root.join(relative).canonicalize().ok().filter(|_| is_inside)?;
    let metadata = fs::metadata(&file).ok().filter(|_| file.starts_with(root))?;
    metadata.is_file().then_some(metadata.len())
}

fn percent_decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}
