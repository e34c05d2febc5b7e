//! An SMTP server (RFC 5321) on 127.0.0.1 that plays by a script and cannot be fooled: what it
//! answers 250 to is in its log, on disk, before the answer. [`checker`] compares that log with
//! the store.
//!
//! A test file takes it with `#[path = "support/relay.rs"] mod relay;`.

#![allow(unreachable_pub, reason = "there is no other crate to reach them")]
#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(clippy::allow_attributes, reason = "what is unused differs from test file to test file")]

// With the path given, it does not matter from where this file itself is taken.
#[path = "relay/certificates.rs"]
pub mod certificates;
#[path = "relay/checker.rs"]
pub mod checker;
#[path = "relay/conversation.rs"]
mod conversation;
#[path = "relay/ledger.rs"]
pub mod ledger;
#[path = "relay/log.rs"]
pub mod log;
#[path = "relay/message.rs"]
mod message;
#[path = "relay/script.rs"]
pub mod script;
#[path = "relay/wire.rs"]
mod wire;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use log::{Log, LogLine};
pub use script::{Act, Gate, Moment, Phase};

/// What the server is, as far as it does not change from moment to moment.
pub struct Settings {
    pub address: SocketAddr,
    /// Goes on behind what is there. Without it, a file that ends with the server.
    pub log: Option<PathBuf>,
    pub keep: Keep,
    pub tls: Tls,
    pub pipelining: Pipelining,
    /// Offered as SIZE (RFC 1870), and meant.
    pub size_limit: Option<usize>,
    /// User and password without which there is no MAIL (RFC 4954).
    pub login: Option<(String, String)>,
    /// Each byte of a reply is a write, and a packet, of its own.
    pub one_byte_writes: bool,
    /// Before each reply; for benchmarks.
    pub reply_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log: None,
            keep: Keep::Memory,
            tls: Tls::Absent,
            pipelining: Pipelining::Offered,
            size_limit: Some(10 << 20),
            login: None,
            one_byte_writes: false,
            reply_delay: Duration::ZERO,
        }
    }
}

/// Where accepted messages stay, beside their line in the log.
pub enum Keep {
    Nothing,
    Memory,
    /// As `NUMBER.eml`.
    Folder(PathBuf),
}

pub enum Tls {
    Absent,
    /// STARTTLS (RFC 3207).
    Offered(TlsAcceptor),
    /// RFC 8314, section 3.3.
    Implicit(TlsAcceptor),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipelining {
    Offered,
    Absent,
    AfterTls,
}

/// A message that was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub number: usize,
    pub recipient: String,
    pub message: Vec<u8>,
}

/// A command that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub connection: usize,
    /// In capitals, without what follows it.
    pub verb: String,
    pub is_secure: bool,
    /// The next command was there already: both came in one write.
    pub is_followed: bool,
}

/// Of [`Heard`] and faults so many are kept.
const KEPT: usize = 10_000;

type Script = Box<dyn Fn(&Moment<'_>) -> Act + Send + Sync>;

/// What the conversations share.
struct Shared {
    settings: Settings,
    script: Script,
    log: Log,
    open: AtomicUsize,
    most_open: AtomicUsize,
    /// Messages behind whose dot there was more before it was answered.
    ahead: AtomicUsize,
    /// By recipient, how often it was named.
    tries: Mutex<HashMap<String, usize>>,
    accepted: Mutex<Vec<Accepted>>,
    count: watch::Sender<usize>,
    heard: Mutex<Vec<Heard>>,
    faults: Mutex<Vec<String>>,
}

impl Shared {
    /// Keeps what a client did against the standard.
    fn fault(&self, connection: usize, what: &str) {
        let mut faults = self.faults.lock().unwrap();
        if faults.len() < KEPT {
            faults.push(format!("connection {connection}: {what}"));
        }
    }

    fn hear(&self, command: Heard) {
        let mut heard = self.heard.lock().unwrap();
        if heard.len() < KEPT {
            heard.push(command);
        }
    }
}

/// Counts a conversation for as long as it lasts.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn count(shared: &'a Shared) -> Self {
        let open = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_open.fetch_max(open, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A running server; dropping it ends it with all its conversations.
pub struct Relay {
    pub address: SocketAddr,
    log_path: PathBuf,
    _folder: Option<tempfile::TempDir>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Accepts everything.
    pub async fn usual() -> Self {
        Self::playing(|_| Act::usual()).await
    }

    /// In the clear, with PIPELINING, as `script` says.
    pub async fn playing(script: impl Fn(&Moment<'_>) -> Act + Send + Sync + 'static) -> Self {
        Self::start(Settings::default(), script).await
    }

    /// Every 250 to a dot but the first so many waits at the gate.
    pub async fn answering_first(messages: usize, gate: &Gate) -> Self {
        let (gate, count) = (gate.clone(), AtomicUsize::new(0));
        Self::playing(move |moment| {
            let is_it =
                moment.is(Phase::Logged) && count.fetch_add(1, Ordering::SeqCst) >= messages;
            if is_it { Act::usual().held_by(&gate) } else { Act::usual() }
        })
        .await
    }

    #[expect(clippy::unused_async, reason = "a server needs a runtime around it")]
    pub async fn start(
        settings: Settings,
        script: impl Fn(&Moment<'_>) -> Act + Send + Sync + 'static,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // A server that comes back takes the address it had.
        socket.set_reuseaddr(true).unwrap();
        socket.bind(settings.address).unwrap();
        let listener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let folder = settings.log.is_none().then(|| tempfile::tempdir().unwrap());
        let log_path = match (&settings.log, &folder) {
            (Some(path), _) => path.clone(),
            (None, folder) => folder.as_ref().unwrap().path().join("relay.log"),
        };
        let shared = Arc::new(Shared {
            log: Log::open(&log_path),
            settings,
            script: Box::new(script),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            ahead: AtomicUsize::new(0),
            tries: Mutex::default(),
            accepted: Mutex::default(),
            count: watch::channel(0).0,
            heard: Mutex::default(),
            faults: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, log_path, _folder: folder, shared, task }
    }

    /// What `mail.relay` is set to; with `@` after a user where one is wanted.
    pub fn url(&self) -> String {
        let settings = &self.shared.settings;
        let scheme = match settings.tls {
            Tls::Absent => "smtp",
            Tls::Offered(_) => "smtp+starttls",
            Tls::Implicit(_) => "smtps",
        };
        let user = settings.login.as_ref().map(|(user, _)| format!("{user}@")).unwrap_or_default();
        format!("{scheme}://{user}{}", self.address)
    }

    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// The log as it is on disk.
    pub fn lines(&self) -> Vec<LogLine> {
        log::read(&self.log_path)
    }

    /// Kept messages; empty with [`Keep::Nothing`] and [`Keep::Folder`].
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.accepted.lock().unwrap().clone()
    }

    /// Recipients of what was accepted, sorted.
    pub fn recipients(&self) -> Vec<String> {
        let mut list: Vec<_> = self.lines().into_iter().map(|line| line.recipient).collect();
        list.sort();
        list
    }

    /// A moment to compare [`LogLine::go_ahead_at`] with: whatever gets its 354 after this call
    /// has a greater one. Taken when an unsubscribe was answered, it bounds what may come.
    pub fn mark(&self) -> u64 {
        self.shared.log.tick()
    }

    /// Commands so far, in the order they came; the first 10,000.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// How often a command was given.
    pub fn times_heard(&self, verb: &str) -> usize {
        self.shared.heard.lock().unwrap().iter().filter(|heard| heard.verb == verb).count()
    }

    /// How often a command and the next one came in one write (RFC 2920).
    pub fn times_followed(&self, verb: &str) -> usize {
        let heard = self.shared.heard.lock().unwrap();
        heard.iter().filter(|heard| heard.verb == verb && heard.is_followed).count()
    }

    /// How often the next command came before the reply to a dot (RFC 2920).
    pub fn times_ahead(&self) -> usize {
        self.shared.ahead.load(Ordering::SeqCst)
    }

    /// What clients did against the standard.
    pub fn faults(&self) -> Vec<String> {
        self.shared.faults.lock().unwrap().clone()
    }

    /// Conversations at this moment.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// The most conversations there were at once.
    pub fn most_open(&self) -> usize {
        self.shared.most_open.load(Ordering::SeqCst)
    }

    /// Waits until so many messages are in the log.
    pub async fn wait_for(&self, n: usize) {
        let mut count = self.shared.count.subscribe();
        script::in_time(count.wait_for(|count| *count >= n)).await.expect("the server runs");
    }

    /// Ends the server with all its conversations.
    pub async fn stop(mut self) -> Vec<Accepted> {
        self.task.abort();
        // Its sockets are closed once the task is gone.
        let _ = (&mut self.task).await;
        self.accepted()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut conversations = JoinSet::new();
    let mut connection = 0;
    while let Ok((stream, _)) = listener.accept().await {
        connection += 1;
        let shared = Arc::clone(&shared);
        conversations.spawn(async move {
            let _open = Open::count(&shared);
            // A client that hangs up ends its conversation, and that is all.
            let _ = conversation::converse(stream, connection, &shared).await;
        });
        while conversations.try_join_next().is_some() {}
    }
}
