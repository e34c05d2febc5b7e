//! Sending, beside Postfix's `smtp-source`: messages a second of whole processes, into
//! Postfix's `smtp-sink` and into a quick sink of our own.
//!
//! Run it with `cargo bench --bench sending`; `-- 100000` takes another number of messages,
//! `-- plain`, `-- signed` and `-- distant` one part alone, and `-- million` measures one run
//! of 1,200,000 signed messages instead. Needs Debian's `postfix` and `time`. All take turns,
//! and the ratios count: figures scatter from hour to hour.
//!
//! Ours is `publish-now --yes` over a run that is planned and expanded, with the whole ledger,
//! less a pass that has nothing to send. Each pass ends with the sink's count, which must be
//! what was sent, and with the ledger's.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[path = "support/mail_office.rs"]
mod mail_office;
#[expect(dead_code, reason = "other benchmarks use the rest")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/quick_sink.rs"]
mod quick_sink;
mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use mail_office::{MailOffice, SEND, Sending, states, store_bytes};
use processes::{Cost, ROUNDS, are_there};
use quick_sink::{Counts, QuickSink};

const MESSAGES: usize = 50_000;
const MILLION: usize = 1_200_000;
/// As `smtp-source -l`; ours come to about as much.
const MESSAGE_BYTES: usize = 20_000;
/// `smtp-source -s`.
const THEIR_CONNECTIONS: usize = 16;
/// The more connections, the more messages one sync of the ledger pays for.
const CONNECTIONS: usize = 64;
const LIMIT_SECONDS: u64 = 3_600;
const SIGNING: Duration = Duration::from_secs(2);

const PLAIN: Sending = Sending { is_signed: false, connections: CONNECTIONS };
const AS_MANY: Sending = Sending { is_signed: false, connections: THEIR_CONNECTIONS };
const SIGNED: Sending = Sending { is_signed: true, connections: CONNECTIONS };
const DISTANT: Sending = Sending { is_signed: false, connections: CONNECTIONS };
const REPLY_DELAY: Duration = Duration::from_millis(10);

const PARTS: [&str; 3] = ["plain", "signed", "distant"];

fn main() {
    // Cargo adds `--bench` to whatever it is given.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, delay, ..] = &arguments[..]
        && argument == quick_sink::ARGUMENT
    {
        return quick_sink::serve(Duration::from_millis(delay.parse().unwrap()));
    }
    let is_named = |name: &str| arguments.iter().any(|argument| argument == name);
    let needed = [("/usr/bin/time", "time"), ("timeout", "coreutils"), ("cp", "coreutils")];
    if !are_there(&needed) || !is_postfix_there() {
        return;
    }
    let number = arguments.iter().find_map(|argument| argument.parse().ok());
    if is_named("million") {
        return million(number.unwrap_or(MILLION));
    }
    let is_any = PARTS.iter().any(|part| is_named(part));
    let is_wanted = |part| !is_any || is_named(part);
    let rsa = mail_office::make_key();
    let messages = number.unwrap_or(MESSAGES);
    if is_wanted("plain") || is_wanted("distant") {
        let bench = Bench::new(messages, &rsa, PLAIN);
        if is_wanted("plain") {
            plain(&bench);
        }
        if is_wanted("distant") {
            distant(&bench);
        }
    }
    if is_wanted("signed") {
        signed(&Bench::new(messages, &rsa, SIGNED), &rsa);
    }
}

/// They have no option that does nothing: a wrong one is answered with the usage.
fn is_postfix_there() -> bool {
    let is_there = ["smtp-sink", "smtp-source"].iter().all(|program| {
        Command::new(program).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    });
    if !is_there {
        println!("`smtp-sink` is missing: install it with `apt-get install postfix`");
    }
    is_there
}

/// Unsigned, beside `smtp-source`, into both sinks.
fn plain(bench: &Bench) {
    let mut quick = QuickSink::start(Duration::ZERO);
    let mut sink: [Vec<Pass>; 3] = Default::default();
    let mut quicker: [Vec<Pass>; 3] = Default::default();
    for _ in 0..ROUNDS {
        sink[0].push(bench.postfix(&mut SmtpSink::start(), THEIR_CONNECTIONS));
        sink[1].push(bench.ours(&mut SmtpSink::start(), AS_MANY));
        sink[2].push(bench.ours(&mut SmtpSink::start(), PLAIN));
        quicker[0].push(bench.postfix(&mut quick, THEIR_CONNECTIONS));
        quicker[1].push(bench.ours(&mut quick, AS_MANY));
        quicker[2].push(bench.ours(&mut quick, PLAIN));
    }
    for (name, [theirs, as_many, ours]) in [("smtp-sink", &sink), ("the quick sink", &quicker)] {
        println!("into {name}");
        print("  smtp-source, 16 connections", theirs);
        print("  tidings, 16 connections", as_many);
        print_ratio("  times smtp-source", as_many, theirs);
        print("  tidings, 64 connections", ours);
        print_ratio("  times smtp-source", ours, theirs);
    }
}

/// With RSA-2048, beside what all cores can sign when they do nothing else.
fn signed(bench: &Bench, rsa: &KeyPair) {
    let mut quick = QuickSink::start(Duration::ZERO);
    let (mut alone, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(sign_alone(rsa));
        ours.push(bench.ours(&mut quick, SIGNED));
    }
    print("signing alone, all cores", &alone);
    print("tidings, signed, quick sink", &ours);
    print_ratio("times signing alone", &ours, &alone);
}

/// Each reply takes 10 ms: what counts is how many connections are kept busy, by us and by
/// `smtp-source`, which writes nothing down.
fn distant(bench: &Bench) {
    let mut slow = QuickSink::start(REPLY_DELAY);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(bench.postfix(&mut slow, CONNECTIONS));
        ours.push(bench.ours(&mut slow, DISTANT));
    }
    println!("10 ms a reply, 64 connections");
    print("  smtp-source", &theirs);
    print("  tidings", &ours);
    print_ratio("  times smtp-source", &ours, &theirs);
}

/// One large run, told in full.
fn million(messages: usize) {
    let rsa = mail_office::make_key();
    let mut bench = Bench::made(messages, &rsa, SIGNED);
    let mut quick = QuickSink::start(Duration::ZERO);
    let office = bench.office.copy(&quick.address.to_string(), SIGNED);
    let before = store_bytes(office.path());
    let cost = publish(office.path());
    bench.check(&mut quick, office.path());
    let grown = store_bytes(office.path()).saturating_sub(before);
    bench.idle = publish(office.path()).wall;
    print("signed, quick sink", &[bench.pass(&cost, bench.idle)]);
    println!("peak memory {:.1} MB", figure(cost.peak_kib) * 1_024.0 / 1e6);
    println!(
        "database: {:.0} bytes a delivery before, {:.1} more after",
        figure(before) / figure(messages as u64),
        figure(grown) / figure(messages as u64),
    );
}

/// A prepared run, and what a pass costs that has nothing to send.
struct Bench {
    office: MailOffice,
    messages: usize,
    idle: Duration,
}

impl Bench {
    fn made(messages: usize, rsa: &KeyPair, sending: Sending) -> Self {
        let start = Instant::now();
        let office = MailOffice::new(messages, rsa, sending.is_signed);
        println!("{messages} deliveries made in {:.1} s", start.elapsed().as_secs_f64());
        Self { office, messages, idle: Duration::ZERO }
    }

    fn new(messages: usize, rsa: &KeyPair, sending: Sending) -> Self {
        let mut bench = Self::made(messages, rsa, sending);
        let mut quick = QuickSink::start(Duration::ZERO);
        let sent = bench.office.copy(&quick.address.to_string(), sending);
        publish(sent.path());
        bench.check(&mut quick, sent.path());
        let mut idle: Vec<_> = (0..ROUNDS).map(|_| publish(sent.path()).wall).collect();
        idle.sort();
        bench.idle = idle[idle.len() / 2];
        println!("a pass with nothing to send takes {} ms", bench.idle.as_millis());
        bench
    }

    /// Ours into this sink; everything that was prepared is accepted and counted there.
    fn ours(&self, sink: &mut dyn Sink, sending: Sending) -> Pass {
        let office = self.office.copy(&sink.address().to_string(), sending);
        let cost = publish(office.path());
        self.check(sink, office.path());
        self.pass(&cost, self.idle)
    }

    fn postfix(&self, sink: &mut dyn Sink, connections: usize) -> Pass {
        let arguments = [
            "-d",
            "-s",
            &connections.to_string(),
            "-l",
            &MESSAGE_BYTES.to_string(),
            "-m",
            &self.messages.to_string(),
            &sink.address().to_string(),
        ];
        let arguments = arguments.map(OsStr::new);
        let mut command = processes::command(LIMIT_SECONDS, "smtp-source", &arguments);
        let cost = processes::measure(&mut command).unwrap();
        assert_eq!(sink.counts().messages, self.messages as u64);
        self.pass(&cost, Duration::ZERO)
    }

    fn check(&self, sink: &mut dyn Sink, office: &Path) {
        let messages = self.messages as u64;
        assert_eq!(sink.counts(), Counts { messages, recipients: messages });
        assert_eq!(states(office)["accepted"], messages);
    }

    fn pass(&self, cost: &Cost, idle: Duration) -> Pass {
        let seconds = cost.wall.saturating_sub(idle).as_secs_f64();
        let messages = figure(self.messages as u64);
        Pass { rate: messages / seconds, microseconds: cost.cpu.as_secs_f64() * 1e6 / messages }
    }
}

fn publish(office: &Path) -> Cost {
    let arguments = SEND.map(OsStr::new);
    let mut command = processes::command(LIMIT_SECONDS, env!("CARGO_BIN_EXE_tidings"), &arguments);
    command.current_dir(office).env_remove("TIDINGS_CONFIG");
    processes::measure(&mut command).unwrap()
}

/// Body hash and signature of messages as large as ours, in as many threads as there are
/// cores: the least that signing takes, whoever does it.
fn sign_alone(rsa: &KeyPair) -> Pass {
    let threads = std::thread::available_parallelism().unwrap().get();
    let start = Instant::now();
    let signed: u32 = std::thread::scope(|scope| {
        let signers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| sign_until(rsa, start))).collect();
        signers.into_iter().map(|signer| signer.join().unwrap()).sum()
    });
    let seconds = start.elapsed().as_secs_f64();
    let rate = f64::from(signed) / seconds;
    Pass { rate, microseconds: 1e6 * figure(threads as u64) / rate }
}

fn sign_until(rsa: &KeyPair, start: Instant) -> u32 {
    let body = vec![b'a'; MESSAGE_BYTES];
    let mut signature = vec![0; rsa.public_modulus_len()];
    let mut signed = 0;
    while start.elapsed() < SIGNING {
        let hash = digest(&SHA256, std::hint::black_box(&body));
        rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), hash.as_ref(), &mut signature).unwrap();
        signed += 1;
    }
    signed
}

/// What takes mail and counts it.
trait Sink {
    fn address(&self) -> SocketAddr;
    fn counts(&mut self) -> Counts;
}

impl Sink for QuickSink {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn counts(&mut self) -> Counts {
        Self::counts(self)
    }
}

/// `smtp-sink -c`, for one pass: it tells its count when it ends.
struct SmtpSink {
    process: Child,
    address: SocketAddr,
    counts: tempfile::NamedTempFile,
}

impl SmtpSink {
    fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let counts = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("smtp-sink");
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg("-c").arg(address.to_string()).arg("100");
        let output = File::create(counts.path()).unwrap();
        let process = command.stdout(output).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "smtp-sink does not answer");
            std::thread::yield_now();
        }
        Self { process, address, counts }
    }
}

impl Sink for SmtpSink {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn counts(&mut self) -> Counts {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.process.wait().unwrap();
        let said = fs::read_to_string(self.counts.path()).unwrap();
        let (_, count) = said.rsplit_once("mesg=").unwrap_or(("", "0"));
        let messages = count.trim().parse().unwrap();
        // It counts no recipients; each of our messages has one.
        Counts { messages, recipients: messages }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One pass over all messages.
#[derive(Clone, Copy)]
struct Pass {
    /// Messages a second.
    rate: f64,
    /// Processor time of the sender for one message.
    microseconds: f64,
}

fn print(name: &str, passes: &[Pass]) {
    println!(
        "{name:<34}{:>9.0} a second{:>8.1} µs of processor each",
        median(passes.iter().map(|pass| pass.rate)),
        median(passes.iter().map(|pass| pass.microseconds)),
    );
}

/// Pair by pair: what the machine does besides weighs on both alike.
fn print_ratio(name: &str, ours: &[Pass], theirs: &[Pass]) {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a.rate / b.rate).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    println!("{name:<34}{:>9.2} ({least:.2} to {most:.2})", median(ratios.into_iter()));
}

#[expect(clippy::cast_precision_loss, reason = "a figure to be read by people")]
fn figure(value: u64) -> f64 {
    value as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
