//! Measures whole processes, start to exit: wall time by the clock, processor time and peak
//! memory by GNU `time`.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Times that everything is measured, in turns.
pub(crate) const ROUNDS: usize = 5;
/// A measured process that takes longer is ended, and its figure left out.
pub(crate) const LIMIT_SECONDS: u64 = 60;
/// Where something must be there before anything is measured.
pub(crate) const PREPARATION_LIMIT_SECONDS: u64 = 300;

/// What one process cost.
pub(crate) struct Cost {
    pub wall: Duration,
    /// User and system, all threads.
    pub cpu: Duration,
    pub peak_kib: u64,
}

/// `publish-now --feeds-only --quiet` in the press office of this folder.
pub(crate) fn publish_now(office: &Path, limit_seconds: u64) -> Command {
    let arguments = ["publish-now", "--feeds-only", "--quiet"].map(OsStr::new);
    let mut command = command(limit_seconds, env!("CARGO_BIN_EXE_tidings"), &arguments);
    command.current_dir(office).env_remove("TIDINGS_CONFIG");
    command
}

/// Every post must have become a release, or the figure is for something else.
pub(crate) fn check_public(office: &Path, posts: usize) {
    let mut status = Command::new(env!("CARGO_BIN_EXE_tidings"));
    let answer = status
        .args(["status", "--json"])
        .current_dir(office)
        .env_remove("TIDINGS_CONFIG")
        .output()
        .unwrap();
    let status: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(status["entries"]["public"], posts, "{status}");
}

/// `program`, to be measured by GNU `time` and ended after the limit.
pub(crate) fn command(limit_seconds: u64, program: &str, arguments: &[&OsStr]) -> Command {
    let mut command = Command::new("timeout");
    command
        .arg(limit_seconds.to_string())
        .args(["/usr/bin/time", "-f", "%U %S %M"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Runs a process made by [`command`]; nothing where it took too long.
pub(crate) fn measure(command: &mut Command) -> Option<Cost> {
    let start = Instant::now();
    let done = command.stderr(Stdio::piped()).output().unwrap();
    let wall = start.elapsed();
    let said = String::from_utf8_lossy(&done.stderr);
    if done.status.code() == Some(124) {
        return None;
    }
    assert!(done.status.success(), "{command:?}: {said}");
    // `time` writes last.
    let line = said.lines().last().unwrap();
    let figures: Vec<f64> = line.split(' ').map(|figure| figure.parse().unwrap()).collect();
    let [user, system, _] = figures[..] else { panic!("`time` said `{line}`") };
    let peak_kib = line.rsplit(' ').next().unwrap().parse().unwrap();
    Some(Cost { wall, cpu: Duration::from_secs_f64(user + system), peak_kib })
}

/// Prints and returns the medians; nothing where some round took too long.
pub(crate) fn print(name: &str, rounds: &[Option<Cost>]) -> Option<Cost> {
    if rounds.is_empty() {
        return None;
    }
    let Some(rounds) = rounds.iter().map(Option::as_ref).collect::<Option<Vec<&Cost>>>() else {
        println!("{name:<36}skipped: it took too long");
        return None;
    };
    let cost = Cost {
        wall: median(rounds.iter().map(|cost| cost.wall).collect()),
        cpu: median(rounds.iter().map(|cost| cost.cpu).collect()),
        peak_kib: median(rounds.iter().map(|cost| cost.peak_kib).collect()),
    };
    println!(
        "{name:<36}{:>9.0} ms wall {:>7.0} ms CPU {:>6} MiB",
        milliseconds(cost.wall),
        milliseconds(cost.cpu),
        cost.peak_kib / 1024,
    );
    Some(cost)
}

pub(crate) fn print_ratio(ours: &Cost, theirs: &Cost, name: &str) {
    let wall = ours.wall.as_secs_f64() / theirs.wall.as_secs_f64();
    // `time` counts in hundredths of a second: below ten of them a ratio says nothing.
    let cpu = if theirs.cpu < Duration::from_millis(100) {
        String::new()
    } else {
        format!("{:>10.2} CPU", ours.cpu.as_secs_f64() / theirs.cpu.as_secs_f64())
    };
    println!("{:<36}{wall:>9.2} wall {cpu}", format!("times {name}"));
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort();
    values[values.len() / 2]
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// A file just written may still be written to, and would be waited for.
pub(crate) fn set_back(path: &Path, by: Duration) {
    let file = File::options().append(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified - by).unwrap();
}

/// Whether all of these programs are there; names the first that is not, with its package.
pub(crate) fn are_there(programs: &[(&str, &str)]) -> bool {
    let missing = programs.iter().find(|(program, _)| !is_there(program));
    if let Some((program, package)) = missing {
        println!("`{program}` is missing: install it with `apt-get install {package}`");
    }
    missing.is_none()
}

pub(crate) fn is_there(program: &str) -> bool {
    let tried = Command::new(program)
        .arg(if program == "hugo" { "version" } else { "--version" })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}
