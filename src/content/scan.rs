//! Reads the files of a walk that changed. With the walk the only I/O of `content`.
//!
//! A file's stat tells whether it changed; a file still being written waits for the next scan.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::links::site_path;
use super::problem::{Place, Problems};
use super::read::{Bodies, read_as};
use super::source::{FILE_LIMIT, report_size};
use super::walk::{FileStat, Walk, join, walk};
use super::{Draft, Outcome, Problem, Reading, Rules};

/// A file modified less than this before now may still be written to.
const SETTLE_NS: i64 = 2_000_000_000;
/// How long to wait before such files are looked at again, once for all of them.
const PAUSE: Duration = Duration::from_secs(1);
/// Files that a thread reads before it asks for more.
const SLICE: usize = 64;
/// With more files than this to read, no body is kept: what wants one reads its file again.
const BODIES_KEPT: usize = 500;

/// One content file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ScannedFile {
    /// Path from the content folder on, with `/` between its parts.
    pub path: String,
    pub stat: FileStat,
    pub reading: Reading,
}

/// What one look at the folder found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Files that are new or changed, sorted by path.
    pub files: Vec<ScannedFile>,
    /// How many were not opened, because their stat is the known one.
    pub unchanged: usize,
    /// Known files that are no longer there. Sorted.
    pub gone: Vec<String>,
    /// Still being written: they wait for the next scan. Sorted.
    pub moving: Vec<String>,
    /// Gone between the walk and the look at them; the next scan says where they went.
    pub vanished: Vec<String>,
    /// There, and we may not read them.
    pub unreadable: Vec<String>,
    /// What could not be read at all: links out of the folder, special files, names that are
    /// not UTF-8, files and folders without permission. The problems of a file that was read
    /// are in its reading.
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

/// What is remembered of the files in the folders to look at.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Files that need not be read again while their stat is this.
    pub unchanged: HashMap<String, FileStat>,
    /// Files to read again, whatever their stat.
    pub to_read: HashSet<String>,
    /// Whether they are read again because the rules are others, so that every body may be.
    pub has_new_rules: bool,
}

/// Walks `folder` and reads the files whose stat is not the `known` one.
pub fn scan(
    folder: &Path,
    rules: &Rules,
    known: &HashMap<String, FileStat>,
    now: &dyn Fn() -> DateTime<Utc>,
    pause: &dyn Fn(Duration),
) -> Result<Scan, ScanError> {
    let walk = walk(folder)?;
    let folders: Vec<String> = walk.changed_folders(&HashMap::new());
    let remembered = Remembered { unchanged: known.clone(), ..Remembered::default() };
    Ok(read_changed(&walk, &folders, &remembered, rules, now, pause))
}

/// Reads what changed in `folders`, given what is `known` of the files there.
fn read_changed(
    walk: &Walk,
    folders: &[String],
    known: &Remembered,
    rules: &Rules,
    now: &dyn Fn() -> DateTime<Utc>,
    pause: &dyn Fn(Duration),
) -> Scan {
    let (mut scan, changed) = find_changed(walk, folders, known, now, pause);
    let part = read_files(walk, &changed.files, changed.wanted, rules);
    scan.add(part);
    scan
}

/// Finds what changed in `folders`, given what is `known` of the files there. The scan that it
/// returns tells all but what [`read_files`] finds in the changed files.
pub fn find_changed(
    walk: &Walk,
    folders: &[String],
    known: &Remembered,
    now: &dyn Fn() -> DateTime<Utc>,
    pause: &dyn Fn(Duration),
) -> (Scan, Changed) {
    let mut scan = Scan { problems: walk.problems().to_vec(), ..Scan::default() };
    let mut files = Vec::new();
    let mut looked_at = 0;
    for (path, folder) in folders.iter().filter_map(|f| walk.folders.get_key_value(f)) {
        looked_at += folder.files.len();
        for (name, stat) in &folder.files {
            let file = join(path, name);
            if known.unchanged.get(&file) != Some(stat) {
                files.push((file, *stat));
            }
        }
    }
    scan.unchanged = walk.files() - looked_at + (looked_at - files.len());
    let is_gone = |path: &&String| !walk.contains(path) && !walk.is_hidden_by_problem(path);
    let known_paths = known.unchanged.keys().chain(&known.to_read);
    scan.gone.extend(known_paths.filter(is_gone).cloned());
    scan.gone.sort();
    scan.gone.dedup();
    settle(&walk.root, &mut files, &mut scan, now, pause);
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let keeps_bodies = files.len() <= BODIES_KEPT;
    let bodies =
        if keeps_bodies || known.has_new_rules { Bodies::Make } else { Bodies::LeaveWherePossible };
    (scan, Changed { files, wanted: Wanted { bodies, keeps_bodies } })
}

/// Reads some of the files that changed.
pub fn read_files(
    walk: &Walk,
    files: &[(String, FileStat)],
    wanted: Wanted,
    rules: &Rules,
) -> Scan {
    let mut part = Scan::default();
    read_all(&walk.root, files, rules, wanted, &mut part);
    part
}

impl Scan {
    /// Takes in what was read of the next files.
    pub fn add(&mut self, part: Self) {
        self.files.extend(part.files);
        self.moving.extend(part.moving);
        self.vanished.extend(part.vanished);
        self.unreadable.extend(part.unreadable);
        self.problems.extend(part.problems);
        self.moving.sort();
        self.unreadable.sort();
    }
}

/// Takes out the files that change while we look, after one pause for all of them.
fn settle(
    root: &Path,
    changed: &mut Vec<(String, FileStat)>,
    scan: &mut Scan,
    now: &dyn Fn() -> DateTime<Utc>,
    pause: &dyn Fn(Duration),
) {
    let now_ns = now().timestamp_nanos_opt().unwrap_or(i64::MAX);
    let is_fresh = |stat: &FileStat| now_ns.abs_diff(stat.modified_ns) < SETTLE_NS.unsigned_abs();
    if !changed.iter().any(|(_, stat)| is_fresh(stat)) {
        return;
    }
    pause(PAUSE);
    changed.retain(|(path, stat)| {
        if !is_fresh(stat) {
            return true;
        }
        match FileStat::look(&root.join(path)) {
            Ok(now) if now == *stat => true,
            Ok(_) => {
                scan.moving.push(path.clone());
                false
            }
            Err(_) => {
                scan.vanished.push(path.clone());
                false
            }
        }
    });
}

/// Files to read, in path order.
#[derive(Debug)]
pub struct Changed {
    pub files: Vec<(String, FileStat)>,
    pub wanted: Wanted,
}

/// What is wanted of bodies; it goes by how many files there are in all.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    bodies: Bodies,
    keeps_bodies: bool,
}

enum Opened {
    Read(Reading),
    Moving,
    Vanished,
    /// We may not; it is tried again with each scan.
    Unreadable(Vec<Problem>),
}

/// Reads files on all cores; each takes the next few as it gets done.
fn read_all(
    root: &Path,
    changed: &[(String, FileStat)],
    rules: &Rules,
    wanted: Wanted,
    scan: &mut Scan,
) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let slices: Vec<&[(String, FileStat)]> = changed.chunks(SLICE).collect();
    let read_slices = || {
        let mut opened: Vec<(usize, Vec<Opened>)> = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(files) = slices.get(index) else { return opened };
            let open = |(path, stat): &(String, FileStat)| {
                let mut opened = open(root, path, *stat, rules, wanted.bodies);
                if let Opened::Read(Reading { outcome: Outcome::Draft(draft), .. }) = &mut opened
                    && !wanted.keeps_bodies
                {
                    draft.drop_body();
                }
                opened
            };
            opened.push((index, files.iter().map(open).collect()));
        }
    };
    let mut opened: Vec<(usize, Vec<Opened>)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(read_slices)).collect();
        let own = read_slices();
        let others = others
            .into_iter()
            .flat_map(|other| other.join().expect("a panic in a file is caught with it"));
        own.into_iter().chain(others).collect()
    });
    opened.sort_by_key(|(index, _)| *index);
    let opened = opened.into_iter().flat_map(|(_, opened)| opened);
    for ((path, stat), opened) in changed.iter().zip(opened) {
        let (path, stat) = (path.clone(), *stat);
        match opened {
            Opened::Read(reading) => scan.files.push(ScannedFile { path, stat, reading }),
            Opened::Moving => scan.moving.push(path),
            Opened::Vanished => scan.vanished.push(path),
            Opened::Unreadable(problems) => {
                scan.problems.extend(problems);
                scan.unreadable.push(path);
            }
        }
    }
}

fn open(root: &Path, path: &str, stat: FileStat, rules: &Rules, bodies: Bodies) -> Opened {
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
            return Opened::Unreadable(problems.into_list());
        }
    };
    // What was read must be what was stat'ed, or the change after it would never be seen.
    match FileStat::look(&file) {
        Ok(now) if now == stat => {}
        Ok(_) => return Opened::Moving,
        Err(_) => return Opened::Vanished,
    }
    let mut reading = read_guarded(path, &bytes, rules, bodies);
    if let Outcome::Draft(draft) = &mut reading.outcome {
        for enclosure in &mut draft.enclosures {
            enclosure.length_bytes = length_at_hand(root, &enclosure.url, rules);
        }
    }
    Opened::Read(reading)
}

/// The draft of one file as it is now; `None` where it brings none.
pub fn read_again(folder: &Path, path: &str, rules: &Rules) -> Option<Draft> {
    let root = folder.canonicalize().ok()?;
    let stat = FileStat::look(&root.join(path)).ok()?;
    match open(&root, path, stat, rules, Bodies::Make) {
        Opened::Read(Reading { outcome: Outcome::Draft(draft), .. }) => Some(*draft),
        _ => None,
    }
}

/// A file that we have no answer to is held back, and the scan goes on.
fn read_guarded(path: &str, bytes: &[u8], rules: &Rules, bodies: Bodies) -> Reading {
    catch_unwind(AssertUnwindSafe(|| read_as(path, bytes, rules, bodies))).unwrap_or_else(|_| {
        let mut problems = Problems::of(path);
        problems.error(
            Place::default(),
            "reading it failed inside the program",
            "send this file to those who maintain the program; the other files are not touched by it",
        );
        held_back(problems)
    })
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
