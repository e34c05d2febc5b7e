//! Planning at scale: which issues the digests of a press office would send now, and to whom.
//!
//! Run it with `cargo bench --bench planning`; `-- 100000` takes another number of subscribers.
//! Needs Debian's `time`. The office has 20 feeds, 5 languages and 3 digests; each subscriber
//! follows two feeds, most by one digest. It is planned as `publish-now` does before it asks: all
//! digests, one after the other for each page of people, against an empty outbox.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[expect(dead_code, reason = "other benchmarks use the rest")]
#[path = "support/processes.rs"]
mod processes;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mimalloc::MiMalloc;
use processes::{Cost, are_there};
use tidings::clock::SystemClock;
use tidings::config::{self, Environment};
use tidings::pipeline::Press;
use tidings::pipeline::digests::plan_by_hand;
use tidings::store::sqlite::SqliteStore;
use tidings::subscribers::keys::Keys;
use tidings::templates::Templates;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A quarter first: what is linear costs a quarter.
const SUBSCRIBERS: [usize; 2] = [300_000, 1_200_000];
const FEEDS: usize = 20;
const LANGUAGES: [&str; 5] = ["en", "zh", "ms", "ta", "fr"];
const DIGESTS: [&str; 3] = ["immediate", "daily", "weekly"];
/// Of each feed and language, one.
const RELEASES: usize = FEEDS * LANGUAGES.len();
const LIMIT_SECONDS: u64 = 600;
const ROUNDS: usize = 3;

/// First argument of the process that is measured.
const PLAN: &str = "plan-here";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == PLAN) {
        return plan_here();
    }
    if !are_there(&[("/usr/bin/time", "time"), ("timeout", "coreutils")]) {
        return;
    }
    let asked: Option<usize> = arguments.iter().find_map(|argument| argument.parse().ok());
    for subscribers in asked.map_or(SUBSCRIBERS.to_vec(), |asked| vec![asked]) {
        let start = Instant::now();
        let office = make_office(subscribers);
        println!("{subscribers} subscribers made in {:.1} s", start.elapsed().as_secs_f64());
        let mut costs: Vec<Cost> = (0..ROUNDS).map(|_| measure(office.path())).collect();
        costs.sort_by_key(|cost| cost.wall);
        let Cost { wall, cpu, peak_kib } = &costs[ROUNDS / 2];
        println!(
            "  planned in {:.1} s, {:.1} s of processor, {} MB at most",
            wall.as_secs_f64(),
            cpu.as_secs_f64(),
            peak_kib * 1_024 / 1_000_000
        );
    }
}

/// A process of its own, so that its memory is its own.
fn measure(office: &Path) -> Cost {
    let program = std::env::current_exe().unwrap();
    let arguments = [OsStr::new(PLAN)];
    let mut command = processes::command(LIMIT_SECONDS, program.to_str().unwrap(), &arguments);
    processes::measure(command.current_dir(office)).unwrap()
}

fn plan_here() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config =
            config::load(Path::new("config/tidings.yaml"), &Environment::default()).unwrap();
        let press = Press {
            store: Arc::new(SqliteStore::open(&config.store_path).await.unwrap()),
            keys: Arc::new(Keys::open(&config.keys_folder).unwrap()),
            config: Arc::new(config),
            clock: Arc::new(SystemClock),
            templates: Arc::new(Templates::builtin()),
        };
        let runs = plan_by_hand(&press, &[], true).await.unwrap();
        assert_eq!(runs.len(), DIGESTS.len());
    });
}

/// Through the program itself: `subscribers import`, then a first scan that is news.
fn make_office(subscribers: usize) -> tempfile::TempDir {
    let office = tempfile::tempdir().unwrap();
    let folder = office.path();
    fs::create_dir_all(folder.join("config")).unwrap();
    fs::create_dir_all(folder.join("content/_posts")).unwrap();
    fs::write(folder.join("config/tidings.yaml"), config()).unwrap();
    write_people(&folder.join("people.csv"), subscribers);
    let import = ["subscribers", "import", "people.csv", "--consent", "made", "--confirmed"];
    run(folder, &import);
    write_releases(&folder.join("content/_posts"));
    run(folder, &["publish-now", "--feeds-only", "--quiet"]);
    office
}

fn config() -> String {
    let feeds: Vec<String> = (0..FEEDS)
        .map(|feed| {
            format!("  - {{name: topic-{feed}, title: Topic {feed}, select: {{all: [{{category: topic {feed}}}]}}}}\n")
        })
        .collect();
    format!(
        "site: {{title: Press Office, url: 'https://press.example.org/', since: 2026-01-01}}\n\
         content: {{first_scan: announce}}\n\
         web: {{public_url: 'https://press.example.org/'}}\n\
         mail: {{from: Press Office <press@press.example.org>, relay: 'smtp://127.0.0.1:9'}}\n\
         digests: [{{name: immediate}}, {{name: daily, at: '0 8 * * *'}}, {{name: weekly, at: '0 17 * * FRI'}}]\n\
         feeds:\n{}",
        feeds.concat()
    )
}

fn write_people(path: &Path, subscribers: usize) {
    let mut people = BufWriter::new(fs::File::create(path).unwrap());
    people.write_all(b"address,language,feed,digest\n").unwrap();
    for number in 0..subscribers {
        let language = LANGUAGES[number / 7 % LANGUAGES.len()];
        let digest = DIGESTS[number / 3 % DIGESTS.len()];
        for feed in [number % FEEDS, (number / FEEDS) % FEEDS] {
            writeln!(people, "reader{number}@example.org,{language},topic-{feed},{digest}")
                .unwrap();
        }
    }
    people.flush().unwrap();
}

/// Releases without a date: news from the moment they are first seen.
fn write_releases(content: &Path) {
    for number in 0..RELEASES {
        let (feed, language) = (number % FEEDS, LANGUAGES[number / FEEDS]);
        let path = content.join(format!("notice-{number}.md"));
        let text = format!(
            "---\ntitle: Notice {number}\nlayout: post\npermalink: /news/{number}/\n\
             category: topic {feed}\nlanguage: {language}\n---\nText of notice {number}.\n"
        );
        fs::write(&path, text).unwrap();
        // A file just written may still be written to, and would be waited for.
        let file = fs::File::options().append(true).open(&path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - Duration::from_mins(1)).unwrap();
    }
}

fn run(office: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(arguments).current_dir(office).env_remove("TIDINGS_CONFIG");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
