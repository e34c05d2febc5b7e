//! The pages that are made for each request: the form to subscribe, and what one of 100,000
//! people gets. Requests per second and the 99th percentile.
//!
//! Run it with `cargo bench --bench pages`; `-- 9` takes another number of rounds. Needs `wrk`
//! and `taskset`. The server has one worker on the first core, and `wrk` one thread with 50
//! connections on the second; it asks as fast as it is answered. Every request for somebody's
//! page is for another of 1,000 people, spread over all.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[path = "support/server.rs"]
mod server;
#[path = "support/wrk.rs"]
mod wrk;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mimalloc::MiMalloc;
use server::SERVE;
use tidings::config::{self, Environment};
use tidings::pipeline::Press;
use tidings::subscribers::keys::Keys;
use tidings::subscribers::token::{self, Purpose, Subject};
use tidings::web::{DocumentSet, Former, Terms};
use wrk::{Report, median, pinned};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ROUNDS: usize = 9;
const SECONDS_A_RUN: u32 = 2;
const PEOPLE: usize = 100_000;
const ASKED_FOR: usize = 1_000;

/// Ten feeds and three digests, in two languages.
const CONFIG: &str = "\
site: {title: Press Office, url: 'https://press.example.org/', since: 2026-01-01, \
       time_zone: Asia/Singapore, languages: [en, zh]}
mail: {from: 'Press Office <press@press.example.org>', relay: 'smtp://127.0.0.1:9'}
web: {public_url: 'https://press.example.org/'}
digests: [{name: immediate}, {name: daily, at: '0 8 * * *'}, {name: weekly, at: '0 17 * * FRI'}]
feeds:
";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == SERVE) {
        return server::serve(Path::new(&arguments[at + 1]), documents);
    }
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(ROUNDS);
    let folder = tempfile::tempdir().unwrap();
    make_office(folder.path());
    println!("{PEOPLE} people, medians of {rounds} runs of {SECONDS_A_RUN} s");
    let server = Server::start(folder.path());
    let scripts = [
        ("subscribe", script(folder.path(), "subscribe", &["/subscribe".to_owned()])),
        ("manage", script(folder.path(), "manage", &manage_paths(folder.path()))),
    ];
    let mut reports: [Vec<Report>; 2] = Default::default();
    for _ in 0..rounds {
        for ((_, script), reports) in scripts.iter().zip(&mut reports) {
            reports.push(server.load(script));
        }
    }
    for ((name, _), reports) in scripts.iter().zip(&reports) {
        println!(
            "{name:<12}{:>8.0} requests a second{:>10.2} ms p99, {:.0} answered in all",
            median(reports.iter().map(|report| report.requests_a_second)),
            median(reports.iter().map(|report| report.p99_milliseconds)),
            reports.iter().map(|report| report.requests).sum::<f64>(),
        );
    }
}

/// Through the program itself: `subscribers import`.
fn make_office(folder: &Path) {
    fs::create_dir_all(folder.join("config")).unwrap();
    fs::create_dir_all(folder.join("content")).unwrap();
    let feeds = (0..10).fold(String::new(), |mut feeds, feed| {
        writeln!(feeds, "  - {{name: topic-{feed}, title: Topic {feed}}}").unwrap();
        feeds
    });
    fs::write(folder.join("config/tidings.yaml"), format!("{CONFIG}{feeds}")).unwrap();
    let mut people = BufWriter::new(fs::File::create(folder.join("people.csv")).unwrap());
    people.write_all(b"address,language,feed,digest\n").unwrap();
    for number in 1..=PEOPLE {
        let feed = number % 10;
        writeln!(people, "reader{number}@example.org,en,topic-{feed},daily").unwrap();
    }
    people.flush().unwrap();
    let import = ["subscribers", "import", "people.csv", "--consent", "made", "--confirmed"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(import).current_dir(folder).env_remove("TIDINGS_CONFIG");
    assert!(command.stdout(Stdio::null()).stdin(Stdio::null()).status().unwrap().success());
}

/// Pages of people all over the store.
fn manage_paths(folder: &Path) -> Vec<String> {
    let config =
        config::load(&folder.join("config/tidings.yaml"), &Environment::default()).unwrap();
    let keys = Keys::open(&config.keys_folder).unwrap();
    let path = |number| {
        let subscriber = i64::try_from(1 + number * (PEOPLE / ASKED_FOR)).unwrap();
        let subject = Subject { run: 1, subscriber };
        let token = token::make(&keys, keys.token_key(), Purpose::Manage, subject).unwrap();
        format!("/manage/{token}")
    };
    (0..ASKED_FOR).map(path).collect()
}

/// A script for `wrk` that asks for one path after the other.
fn script(folder: &Path, name: &str, paths: &[String]) -> PathBuf {
    let mut list = String::new();
    for path in paths {
        writeln!(list, "\"{path}\",").unwrap();
    }
    let text = format!(
        "local paths = {{\n{list}}}\nlocal at = 0\nrequest = function()\n  at = at % #paths + 1\n  \
         return wrk.format(\"GET\", paths[at])\nend\n"
    );
    let script = folder.join(format!("{name}.lua"));
    fs::write(&script, text).unwrap();
    script
}

/// No documents: only what is made for each request.
fn documents(press: &Press) -> DocumentSet {
    let url = press.config.site.output_url.clone();
    let (hubs, former) = (Vec::new(), Former::default());
    DocumentSet::empty(Terms { url, hubs, style_feeds: false, former })
}

/// A process on the first core; dropping it ends it.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let (process, address) = server::start(folder);
        Self { process, address }
    }

    fn load(&self, script: &Path) -> Report {
        let mut command = pinned("1", Path::new("wrk"));
        command.args(["-t1", "-c50", "--latency", "-s"]).arg(script);
        command.arg(format!("-d{SECONDS_A_RUN}s")).arg(format!("http://{}/", self.address));
        Report::read(&String::from_utf8(command.output().unwrap().stdout).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
