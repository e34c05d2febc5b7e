//! One-click unsubscribes (RFC 8058) while a run is expanded: how long each waits for its answer,
//! and when the store has them all.
//!
//! Run it with `cargo bench --bench one_click`; `-- 100000` takes another number of subscribers.
//! The office, the run and the daemon are the program's own; nobody listens at the relay's port,
//! so that the deliveries are made and their mail waits. Clicks come at their moments whether
//! those before were answered or not, and a late answer counts from the moment of its click.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tidings::store::Store;
use tidings::store::sqlite::SqliteStore;
use tidings::subscribers::keys::Keys;
use tidings::subscribers::token::{self, Purpose, Subject};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SUBSCRIBERS: usize = 1_200_000;
const CLICKS_A_SECOND: u32 = 500;
const SECONDS: u32 = 20;

/// Nobody listens at the port of discard (RFC 863).
const CONFIG: &str = "\
site: {title: Press Office, url: 'https://press.example.org/', since: 2026-01-01}
content: {first_scan: announce, scan: 1s}
web: {listen: '127.0.0.1:0', public_url: 'https://press.example.org/'}
mail: {from: Press Office <press@press.example.org>, relay: 'smtp://127.0.0.1:9'}
feeds: [{name: all, title: All news}]
digests: [{name: immediate}]
";

fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let subscribers: usize = asked.unwrap_or(SUBSCRIBERS);
    let begun = Instant::now();
    let office = make_office(subscribers);
    println!("{subscribers} subscribers made in {:.1} s", begun.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(click(office.path(), subscribers));
}

/// Through the program itself: `subscribers import`, and a release that the daemon will find.
fn make_office(subscribers: usize) -> tempfile::TempDir {
    let office = tempfile::tempdir().unwrap();
    let folder = office.path();
    fs::create_dir_all(folder.join("config")).unwrap();
    fs::create_dir_all(folder.join("content/_posts")).unwrap();
    fs::write(folder.join("config/tidings.yaml"), CONFIG).unwrap();
    write_people(&folder.join("people.csv"), subscribers);
    let import = ["subscribers", "import", "people.csv", "--consent", "made", "--confirmed"];
    let output = program(folder, &import).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let release = folder.join("content/_posts/a-new-bridge.md");
    let text = "---\ntitle: A new bridge\nlayout: post\npermalink: /news/bridge/\n---\nIt opens.\n";
    fs::write(&release, text).unwrap();
    // A file just written may still be written to, and would be waited for.
    let file = fs::File::options().append(true).open(&release).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified - Duration::from_mins(1)).unwrap();
    office
}

fn write_people(path: &Path, subscribers: usize) {
    let mut people = BufWriter::new(fs::File::create(path).unwrap());
    people.write_all(b"address,language,feed,digest\n").unwrap();
    for number in 1..=subscribers {
        writeln!(people, "reader{number}@example.org,en,all,immediate").unwrap();
    }
    people.flush().unwrap();
}

fn program(office: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(arguments).current_dir(office).env_remove("TIDINGS_CONFIG").stdin(Stdio::null());
    command
}

/// A process that ends with this.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(office: &Path) -> Self {
        let log = office.join("daemon.txt");
        let mut command = program(office, &["daemon"]);
        let child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let address = address(&log);
        Self { child, address }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(log: &PathBuf) -> String {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let lines = BufReader::new(fs::File::open(log).unwrap()).lines().map(Result::unwrap);
        for line in lines {
            if let Some((_, rest)) = line.split_once("serving http://")
                && let Some((address, _)) = rest.split_once('/')
            {
                return address.to_owned();
            }
        }
        assert!(Instant::now() < deadline, "{}", fs::read_to_string(log).unwrap());
        std::thread::yield_now();
    }
}

async fn click(office: &Path, subscribers: usize) {
    let keys = Keys::open(&office.join("var/keys")).unwrap();
    let daemon = Daemon::start(office);
    let store = SqliteStore::open(&office.join("var/tidings.db")).await.unwrap();
    wait_until(|| is_expanding(&store)).await;

    let clicks = (CLICKS_A_SECOND * SECONDS) as usize;
    // All over the list, so that some have their delivery already and others have not.
    let step = (subscribers / clicks).max(1);
    let tokens = (0..clicks).map(|nth| {
        let subscriber = i64::try_from(1 + nth * step % subscribers).unwrap();
        token::make(&keys, keys.token_key(), Purpose::Unsubscribe, Subject { run: 1, subscriber })
    });
    let tokens: Vec<String> = tokens.map(Option::unwrap).collect();
    let clients = Arc::new(Clients { address: daemon.address.clone(), idle: Mutex::default() });
    let begun = Instant::now();
    let mut tasks = Vec::with_capacity(clicks);
    for (nth, token) in (0..).zip(tokens) {
        let moment = begun + Duration::from_secs(1) / CLICKS_A_SECOND * nth;
        tokio::time::sleep_until(moment.into()).await;
        let clients = Arc::clone(&clients);
        tasks.push(tokio::spawn(async move {
            clients.post(&format!("/unsubscribe/{token}")).await;
            moment.elapsed()
        }));
    }
    let mut waits = Vec::with_capacity(clicks);
    for task in tasks {
        waits.push(task.await.unwrap());
    }
    let is_expanding_still = is_expanding(&store).await;
    let answered = Instant::now();
    let left = subscribers.min(clicks);
    wait_until(|| async {
        let counts = store.subscription_counts().await.unwrap();
        usize::try_from(*counts.get("ended").unwrap_or(&0)).unwrap() >= left
    })
    .await;
    waits.sort();
    let wait = |part: usize| waits[(clicks * part / 1_000).min(clicks - 1)].as_secs_f64() * 1_000.0;
    let meanwhile = if is_expanding_still { "all the while" } else { "to its end" };
    println!("{clicks} clicks, {CLICKS_A_SECOND} a second, the run was expanded {meanwhile}");
    println!("  p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms", wait(500), wait(990), wait(1_000));
    println!("  the store had all {:.1} s after the last answer", answered.elapsed().as_secs_f64());
}

async fn is_expanding(store: &SqliteStore) -> bool {
    store.open_runs().await.unwrap().iter().any(|run| run.state == "expanding")
}

async fn wait_until<W: Future<Output = bool>>(is_so: impl Fn() -> W) {
    let deadline = Instant::now() + Duration::from_mins(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "it takes too long");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Connections that are kept; as many as clicks wait at once.
struct Clients {
    address: String,
    idle: Mutex<Vec<tokio::io::BufReader<TcpStream>>>,
}

impl Clients {
    async fn post(&self, path: &str) {
        let idle = self.idle.lock().unwrap().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => tokio::io::BufReader::new(TcpStream::connect(&self.address).await.unwrap()),
        };
        let body = "List-Unsubscribe=One-Click";
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: press.example.org\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "the connection was cut");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        self.idle.lock().unwrap().push(stream);
    }
}
