//! `publish-now`, killed at any moment: the next run finishes the set.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::look::look;
use super::support::office::Office;
use super::{FIRST, office, publish, put, put_first_releases, put_release};

const ROUNDS: usize = 20;
/// Rounds whose releases are edited in later ones.
const EDITED: [usize; 2] = [4, 5];
/// Where documents wait until all are made.
const STAGING: &str = "public/.tidings-staging";

#[test]
fn killed_at_any_moment_the_last_run_leaves_what_an_undisturbed_office_has() {
    let (disturbed, calm) = (office(), office());
    for office in [&disturbed, &calm] {
        put_first_releases(office);
        publish(office);
    }
    let begun = Instant::now();
    change(&calm, 0);
    publish(&calm);
    let one_run = begun.elapsed();
    let mut random = Random(20_261_121);
    let (mut kills, mut in_staging) = (0, 0);
    for round in 0..ROUNDS {
        change(&disturbed, round);
        let mut program = disturbed.command(&["publish-now", "--feeds-only"]);
        let mut program = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if round % 2 == 0 {
            pass(random.below(one_run * 5 / 4));
        } else {
            wait_for_staging(&disturbed, &mut program);
            pass(random.below(one_run / 20));
        }
        kills += usize::from(program.try_wait().unwrap().is_none());
        program.kill().unwrap();
        program.wait().unwrap();
        if round == EDITED[1] {
            // A time of change in a file that is new says nothing: these are known before.
            publish(&disturbed);
        }
        in_staging += usize::from(disturbed.path(STAGING).exists());
        look(|path| fs::read(disturbed.path("public").join(path)).ok());
        change(&calm, round);
        publish(&calm);
    }
    publish(&disturbed);
    println!("{kills} runs were killed before their end, {in_staging} while documents were staged");
    assert!(kills > ROUNDS / 2 && in_staging > 2, "{kills} kills, {in_staging} in staging");
    let (found, expected) = (tree(&disturbed), tree(&calm));
    let differs = |path: &&String| found.get(*path) != expected.get(*path);
    let paths: Vec<&String> = found.keys().chain(expected.keys()).filter(differs).collect();
    assert!(paths.is_empty(), "{paths:?}");
    assert!(found.contains_key("feeds/all/archive/1.atom"));
}

/// News, an edit without a note, and a major one; every time is the author's. What is edited
/// stands in no archive: there it would stay as it was when the archive was made.
fn change(office: &Office, round: usize) {
    put_release(office, FIRST + round);
    let event = "kind: event\nevent: {start: 2091-02-03}";
    put(office, &format!("event-{round}"), FIRST + round, event, "Come.");
    if round > EDITED[1] {
        let [minor, major] = EDITED.map(|round| FIRST + round);
        let body = format!("Edited in round {round}.");
        put(office, &format!("release-{minor}"), minor, "category: c1", &body);
        let updated = format!("category: c2\nupdated: 2026-03-01T10:{round:02}:00+08:00");
        put(office, &format!("release-{major}"), major, &updated, &body);
    }
}

fn wait_for_staging(office: &Office, program: &mut Child) {
    let staging = office.path(STAGING);
    while !staging.exists() && program.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
}

fn pass(time: Duration) {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        thread::yield_now();
    }
}

/// Everything in the output folder, twins and mark as well.
fn tree(office: &Office) -> BTreeMap<String, Vec<u8>> {
    let root = office.path("public");
    let files = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
    let files = files.filter(|file| file.file_type().is_file());
    let file = |file: walkdir::DirEntry| {
        let path = file.path().strip_prefix(&root).unwrap().display().to_string();
        (path, fs::read(file.path()).unwrap())
    };
    files.map(file).collect()
}

/// A linear congruential generator: the same moments in each run, as far as a clock allows.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Duration::from_micros((self.0 >> 33) % u64::try_from(limit.as_micros()).unwrap())
    }
}
