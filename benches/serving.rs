//! Serving one feed, beside nginx: requests per second and the 99th percentile, for 200 with
//! gzip and for 304.
//!
//! Run it with `cargo bench --bench serving`; `-- 9` takes another number of rounds. Needs
//! `nginx`, `wrk` and `taskset`. Both servers have one worker on the first core, `wrk` one
//! thread on the second, and they take turns, so that whatever else the machine does weighs
//! on both alike: the ratios count. nginx serves the same files. The processor's time for one
//! request is told too; it scatters less where others use the machine.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[path = "support/server.rs"]
mod server;
mod support;
#[path = "support/wrk.rs"]
mod wrk;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use mimalloc::MiMalloc;
use server::SERVE;
use tidings::pipeline::Press;
use tidings::store::DocumentRecord;
use tidings::web::{DocumentSet, Former, Terms};
use wrk::{Report, median, pinned};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ROUNDS: usize = 21;
const SECONDS_A_RUN: u32 = 1;
const FEED_BYTES: usize = 60_000;
const PATH: &str = "feeds/all.atom";
/// Unit of the times in `/proc`, on every Linux of today.
const TICK_MICROSECONDS: f64 = 10_000.0;

const CONFIG: &str = "\
site: {title: Press Office, url: 'https://press.example.org/', since: 2026-01-01, \
       time_zone: Asia/Singapore}
mail: {from: 'Press Office <press@press.example.org>'}
web: {public_url: 'https://press.example.org/'}
feeds: [{name: all, title: All news}]
digests: [{name: daily, at: '0 8 * * *'}]
";

const NGINX: &str = "\
daemon off;
worker_processes 1;
error_log stderr;
pid {folder}/nginx.pid;
events { worker_connections 1024; }
http {
    types { application/atom+xml atom; }
    charset utf-8;
    charset_types application/atom+xml;
    access_log off;
    sendfile on;
    tcp_nopush on;
    gzip_static on;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {
        listen {address};
        root {folder}/public;
        add_header Cache-Control 'public, max-age=60';
    }
}
";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == SERVE) {
        let folder = Path::new(&arguments[at + 1]);
        return server::serve(folder, |press| documents(press, &folder.join("public")));
    }
    for program in ["nginx", "wrk", "taskset"] {
        if !is_there(program) {
            println!("`{program}` is missing: install it, and run this again");
            return;
        }
    }
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(ROUNDS);
    compare(rounds);
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn compare(rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    make_office(folder.path());
    let servers = [Server::ours(folder.path()), Server::nginx(folder.path())];
    for (case, is_poll) in [("200, gzip", false), ("304", true)] {
        let mut runs: [Vec<Run>; 2] = Default::default();
        for _ in 0..rounds {
            for (server, runs) in servers.iter().zip(&mut runs) {
                runs.push(server.load(is_poll));
            }
        }
        print(case, &runs);
    }
}

/// A press office with one feed of 60 KB, and its coding with gzip beside it.
fn make_office(folder: &Path) {
    let posts = support::make_posts(&folder.join("posts"), FEED_BYTES / 3_000);
    let texts = posts.iter().map(|post| fs::read_to_string(post).unwrap());
    let mut feed = texts.collect::<String>().into_bytes();
    feed.truncate(FEED_BYTES);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&feed).unwrap();
    let gzip = gzip.finish().unwrap();
    println!("{} bytes, {} with gzip", feed.len(), gzip.len());
    fs::create_dir_all(folder.join("config")).unwrap();
    fs::create_dir_all(folder.join("public/feeds")).unwrap();
    fs::write(folder.join("config/tidings.yaml"), CONFIG).unwrap();
    fs::write(folder.join("public").join(PATH), &feed).unwrap();
    fs::write(folder.join("public").join(format!("{PATH}.gz")), &gzip).unwrap();
}

fn documents(press: &Press, public: &Path) -> DocumentSet {
    let terms = Terms {
        url: press.config.site.output_url.clone(),
        hubs: vec!["https://hub.example.org/".parse().unwrap()],
        style_feeds: true,
        former: Former::default(),
    };
    let record = DocumentRecord {
        path: PATH.to_owned(),
        hash: "0123456789abcdef".repeat(4),
        size_bytes: FEED_BYTES as u64,
        changed_at: "2026-11-21T00:00:00Z".parse().unwrap(),
        stat: String::new(),
        made_of: String::new(),
        bucket_tag: None,
    };
    DocumentSet::load(&DocumentSet::empty(terms), &[record], public)
}

/// A process on the first core; dropping it ends it.
struct Server {
    process: Child,
    address: SocketAddr,
    etag: String,
}

impl Server {
    fn ours(folder: &Path) -> Self {
        let (process, address) = server::start(folder);
        Self::ready(process, address)
    }

    fn nginx(folder: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = NGINX
            .replace("{folder}", folder.to_str().unwrap())
            .replace("{address}", &address.to_string());
        let text =
            if rustix::process::geteuid().is_root() { format!("user root;\n{text}") } else { text };
        let path = folder.join("nginx.conf");
        fs::write(&path, text).unwrap();
        let mut command = pinned("0", Path::new("nginx"));
        let process = command.arg("-p").arg(folder).arg("-c").arg(&path).spawn().unwrap();
        Self::ready(process, address)
    }

    /// Waits until it answers, and takes its tag.
    fn ready(process: Child, address: SocketAddr) -> Self {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "the server at {address} does not answer");
            std::thread::yield_now();
        }
        let mut server = Self { process, address, etag: String::new() };
        let head = server.head("");
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-encoding: gzip"), "{head}");
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
        let poll = server.head(&format!("If-None-Match: {tag}\r\n"));
        assert!(poll.starts_with("http/1.1 304"), "{poll}");
        server.etag = tag;
        server
    }

    /// Status line and header fields, in lower case.
    fn head(&self, fields: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let request = format!(
            "GET /{PATH} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n{fields}\
             Connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        answer.split("\r\n\r\n").next().unwrap().to_owned()
    }

    fn load(&self, is_poll: bool) -> Run {
        let mut command = pinned("1", Path::new("wrk"));
        command.args(["-t1", "-c50", "--latency", "-H", "Accept-Encoding: gzip"]);
        command.arg(format!("-d{SECONDS_A_RUN}s"));
        if is_poll {
            command.arg("-H").arg(format!("If-None-Match: {}", self.etag));
        }
        let before = self.processor_microseconds();
        let output = command.arg(format!("http://{}/{PATH}", self.address)).output().unwrap();
        let used = self.processor_microseconds() - before;
        Run::read(&String::from_utf8(output.stdout).unwrap(), used)
    }

    /// What the process that answers used so far: user and system, from `/proc`.
    fn processor_microseconds(&self) -> f64 {
        let id = self.process.id();
        // nginx's master has a worker for it; we have none.
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let worker = children.split(' ').find_map(|child| child.parse().ok()).unwrap_or(id);
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) * TICK_MICROSECONDS
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx's worker ends with its master only where that is asked and not killed.
        let process = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

/// What `wrk` measured in one run.
#[derive(Clone, Copy)]
struct Run {
    requests_a_second: f64,
    p99_milliseconds: f64,
    processor_microseconds: f64,
}

impl Run {
    fn read(report: &str, used_microseconds: f64) -> Self {
        let Report { requests, requests_a_second, p99_milliseconds } = Report::read(report);
        let processor_microseconds = used_microseconds / requests;
        Self { requests_a_second, p99_milliseconds, processor_microseconds }
    }
}

fn print(case: &str, [ours, nginx]: &[Vec<Run>; 2]) {
    println!("\n{case}: medians of {} runs in turns", ours.len());
    for (name, runs) in [("tidings", ours), ("nginx", nginx)] {
        println!(
            "{name:<10}{:>10.0} requests a second{:>10.2} ms p99{:>10.2} µs of processor each",
            median(runs.iter().map(|run| run.requests_a_second)),
            median(runs.iter().map(|run| run.p99_milliseconds)),
            median(runs.iter().map(|run| run.processor_microseconds)),
        );
    }
    let ratios = |figure: fn(&Run) -> f64| -> Vec<f64> {
        ours.iter().zip(nginx).map(|(ours, theirs)| figure(ours) / figure(theirs)).collect()
    };
    for (name, ratios) in [
        ("requests", ratios(|run| run.requests_a_second)),
        ("p99", ratios(|run| run.p99_milliseconds)),
        ("processor", ratios(|run| run.processor_microseconds)),
    ] {
        let middle = median(ratios.iter().copied());
        println!(
            "{name}, times nginx: {middle:.2} ({:.2} to {:.2})",
            least(&ratios),
            most(&ratios)
        );
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
