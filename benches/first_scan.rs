//! How much longer a scan takes than reading the same files.
//!
//! Times are told as ratios to reading, because those carry over to another machine. Run it
//! with `cargo bench --bench first_scan`, or with another number of posts as
//! `cargo bench --bench first_scan -- 10000`. Needs no network and nothing installed.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

mod support;

use std::collections::HashMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tidings::content::{FileStat, Outcome, Reading, Rules, Scan, scan};

const POSTS: usize = 2_000;
const ROUNDS: usize = 5;

type Known = HashMap<String, FileStat>;

fn main() {
    // Cargo adds `--bench` to whatever it is given.
    let posts = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(POSTS);
    let folder = tempfile::tempdir().unwrap();
    let paths = support::make_posts(folder.path(), posts);
    let bytes = read_all(&paths);
    println!("{posts} posts of {} bytes on average, medians of {ROUNDS}", bytes / posts);

    let nothing = Known::new();
    let known: Known = look(folder.path(), &nothing)
        .files
        .into_iter()
        .map(|file| {
            assert!(is_draft(&file.reading), "{} is no draft", file.path);
            (file.path, file.stat)
        })
        .collect();
    assert_eq!(known.len(), posts);

    let mut times: [Vec<Duration>; 3] = Default::default();
    // In turns, so that whatever else the machine does weighs on all three.
    for _ in 0..ROUNDS {
        times[0].push(time(|| read_all(&paths)));
        times[1].push(time(|| look(folder.path(), &nothing)));
        times[2].push(time(|| look(folder.path(), &known)));
    }
    let again = look(folder.path(), &known);
    assert_eq!((again.files.len(), again.unchanged), (0, posts));
    let [reading, first, unchanged] = times.map(median);
    for (name, duration) in [
        ("(a) reading all files, one thread", reading),
        ("(b) scan, nothing known", first),
        ("(c) scan, all known and unchanged", unchanged),
    ] {
        let ratio = duration.as_secs_f64() / reading.as_secs_f64();
        println!("{name:<36}{:>9.1} ms {ratio:>7.2} times (a)", duration.as_secs_f64() * 1_000.0);
    }
}

fn read_all(paths: &[PathBuf]) -> usize {
    paths.iter().map(|path| std::fs::read(path).unwrap().len()).sum()
}

fn look(folder: &Path, known: &Known) -> Scan {
    let rules = Rules {
        site_url: "https://press.example.org/".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    };
    // Long after the files were written: none counts as still being written.
    let now = || DateTime::<Utc>::from_timestamp(4_000_000_000, 0).unwrap();
    scan(folder, &rules, known, &now, &|_| {}).unwrap()
}

fn is_draft(reading: &Reading) -> bool {
    matches!(reading.outcome, Outcome::Draft(_))
}

fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
