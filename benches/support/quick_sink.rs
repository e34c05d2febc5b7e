//! An SMTP server that does nothing but take mail and count it, as quickly as we know how.
//!
//! One thread, one read for all that a connection has written, replies to pipelined commands
//! in one write (RFC 2920). With a delay each reply takes that long, one after the other, and
//! connections have threads of their own: a timer of whole milliseconds would be too coarse.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::{memchr, memmem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The argument that makes this program the sink; the delay in milliseconds follows it.
pub(crate) const ARGUMENT: &str = "quick-sink";

/// More than one message of the benchmark.
const READ_BYTES: usize = 128 * 1024;

/// What came since the sink was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub messages: u64,
    pub recipients: u64,
}

static MESSAGES: AtomicU64 = AtomicU64::new(0);
static RECIPIENTS: AtomicU64 = AtomicU64::new(0);

/// The sink in a process of its own, so that cores are shared fairly; dropping it ends it.
pub(crate) struct QuickSink {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
    pub address: SocketAddr,
}

impl QuickSink {
    pub(crate) fn start(delay: Duration) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([ARGUMENT, &delay.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        Self { process, answers, address: line.trim().parse().unwrap() }
    }

    /// What came since the last call.
    pub(crate) fn counts(&mut self) -> Counts {
        self.process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (messages, recipients) = line.trim().split_once(' ').unwrap();
        Counts { messages: messages.parse().unwrap(), recipients: recipients.parse().unwrap() }
    }
}

impl Drop for QuickSink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The sink itself: tells its address, then its counts for each line on its standard input.
pub(crate) fn serve(delay: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::thread::spawn(|| {
        for _ in io::stdin().lines().map_while(Result::ok) {
            let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
            println!("{} {}", take(&MESSAGES), take(&RECIPIENTS));
        }
        std::process::exit(0);
    });
    if delay.is_zero() { serve_all(listener) } else { serve_each(&listener, delay) }
}

fn serve_all(listener: TcpListener) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(converse(stream));
        }
    });
}

/// A client that hangs up ends it.
async fn converse(mut stream: tokio::net::TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut conversation = Conversation::default();
    let mut buffer = vec![0; READ_BYTES];
    stream.write_all(GREETING).await?;
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let replies: Vec<&[u8]> = conversation.take(&buffer[..length]);
        if let [reply] = replies[..] {
            stream.write_all(reply).await?;
        } else if !replies.is_empty() {
            stream.write_all(&replies.concat()).await?;
        }
    }
}

fn serve_each(listener: &TcpListener, delay: Duration) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        std::thread::spawn(move || converse_slowly(stream, delay));
    }
}

fn converse_slowly(mut stream: TcpStream, delay: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut conversation = Conversation::default();
    let mut buffer = vec![0; READ_BYTES];
    stream.write_all(GREETING)?;
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        for reply in conversation.take(&buffer[..length]) {
            std::thread::sleep(delay);
            stream.write_all(reply)?;
        }
    }
}

const GREETING: &[u8] = b"220 sink.example.org ESMTP\r\n";
const DOT: &[u8] = b"\r\n.\r\n";

/// One connection, as far as it has come.
#[derive(Default)]
struct Conversation {
    is_in_message: bool,
    /// A command without its end, or the last bytes of a message that may begin its end.
    rest: Vec<u8>,
}

impl Conversation {
    /// The replies that these bytes call for.
    fn take(&mut self, bytes: &[u8]) -> Vec<&'static [u8]> {
        let joined = (!self.rest.is_empty()).then(|| {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(bytes);
            joined
        });
        let mut bytes = joined.as_deref().unwrap_or(bytes);
        let mut replies = Vec::with_capacity(4);
        loop {
            if self.is_in_message {
                let Some(at) = memmem::find(bytes, DOT) else {
                    let kept = bytes.len().min(DOT.len() - 1);
                    self.rest.extend_from_slice(&bytes[bytes.len() - kept..]);
                    return replies;
                };
                self.is_in_message = false;
                MESSAGES.fetch_add(1, Ordering::Relaxed);
                replies.push(&b"250 2.0.0 Ok\r\n"[..]);
                bytes = &bytes[at + DOT.len()..];
            } else {
                let Some(at) = memchr(b'\n', bytes) else {
                    self.rest.extend_from_slice(bytes);
                    return replies;
                };
                replies.push(self.reply(&bytes[..at]));
                bytes = &bytes[at + 1..];
            }
        }
    }

    fn reply(&mut self, command: &[u8]) -> &'static [u8] {
        match command.first_chunk().map(|verb: &[u8; 4]| verb.to_ascii_uppercase()).as_deref() {
            Some(b"EHLO") => b"250-sink.example.org\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            Some(b"DATA") => {
                self.is_in_message = true;
                b"354 End data with <CR><LF>.<CR><LF>\r\n"
            }
            Some(b"RCPT") => {
                RECIPIENTS.fetch_add(1, Ordering::Relaxed);
                b"250 2.1.5 Ok\r\n"
            }
            Some(b"QUIT") => b"221 2.0.0 Bye\r\n",
            _ => b"250 2.0.0 Ok\r\n",
        }
    }
}
