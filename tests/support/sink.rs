//! A small SMTP server on 127.0.0.1 (RFC 5321), with PIPELINING, that plays by a script.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the server does with a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Play {
    Accept,
    /// Answers RCPT with this reply.
    RefuseRecipient(&'static str),
    /// Answers the dot with this reply.
    RefuseMessage(&'static str),
    /// Hangs up in place of the answer to DATA.
    HangUpBeforeGoAhead,
    /// Takes the message, keeps it, and hangs up in place of the reply.
    HangUpAfterDot,
    /// Takes the message, keeps it, and never answers.
    FallSilentAfterDot,
}

#[derive(Debug, Clone)]
pub struct Accepted {
    pub recipient: String,
    pub message: String,
}

type Script = Box<dyn Fn(&str, usize) -> Play + Send + Sync>;

/// A running server; dropping it ends it.
pub struct Sink {
    pub address: SocketAddr,
    accepted: Arc<Mutex<Vec<Accepted>>>,
    count: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

struct Shared {
    accepted: Arc<Mutex<Vec<Accepted>>>,
    count: watch::Sender<usize>,
    tries: Mutex<HashMap<String, usize>>,
    script: Script,
    has_pipelining: bool,
}

impl Shared {
    fn next_play(&self, address: &str) -> Play {
        let mut tries = self.tries.lock().unwrap();
        let before = tries.entry(address.to_owned()).or_default();
        let play = (self.script)(address, *before);
        *before += 1;
        play
    }
}

impl Sink {
    pub async fn start() -> Self {
        Self::playing(|_, _| Play::Accept).await
    }

    /// The reply to the first message to this person is lost.
    pub async fn losing_reply_about(recipient: &'static str) -> Self {
        Self::playing(move |address, tries| {
            if address == recipient && tries == 0 { Play::HangUpAfterDot } else { Play::Accept }
        })
        .await
    }

    /// `script` is asked per transaction: recipient, and how often they were tried before.
    pub async fn playing(script: impl Fn(&str, usize) -> Play + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), true, script).await
    }

    #[expect(clippy::unused_async, reason = "a server needs a runtime around it")]
    pub async fn at(
        address: SocketAddr,
        has_pipelining: bool,
        script: impl Fn(&str, usize) -> Play + Send + Sync + 'static,
    ) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener: TcpListener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let (count_sender, count) = watch::channel(0);
        let shared = Arc::new(Shared {
            accepted: Arc::clone(&accepted),
            count: count_sender,
            tries: Mutex::default(),
            script: Box::new(script),
            has_pipelining,
        });
        let task = tokio::spawn(async move {
            let mut conversations = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                conversations.spawn(async move {
                    // A client that hangs up ends its conversation, and that is all.
                    let _ = converse(stream, &shared).await;
                });
            }
        });
        Self { address, accepted, count, task }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// What was accepted so far.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.accepted.lock().unwrap().clone()
    }

    /// Messages to one person that were accepted.
    pub fn messages_to(&self, recipient: &str) -> Vec<String> {
        let mails = self.accepted().into_iter().filter(|mail| mail.recipient == recipient);
        mails.map(|mail| mail.message).collect()
    }

    /// Recipients of what was accepted, sorted.
    pub fn recipients(&self) -> Vec<String> {
        let mut list: Vec<_> = self.accepted().into_iter().map(|a| a.recipient).collect();
        list.sort();
        list
    }

    /// Waits until so many messages were accepted.
    pub async fn wait_for(&self, n: usize) {
        let mut count = self.count.clone();
        let waited = count.wait_for(|count| *count >= n);
        tokio::time::timeout(std::time::Duration::from_secs(30), waited)
            .await
            .expect("messages come within the deadline")
            .expect("the server runs");
    }

    /// Ends the server with all its conversations.
    pub async fn stop(mut self) -> Vec<Accepted> {
        self.task.abort();
        // Its sockets are closed once the task is gone.
        let _ = (&mut self.task).await;
        self.accepted()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"220 sink.example.org ESMTP\r\n").await?;
    let mut recipient = String::new();
    let mut play = Play::Accept;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.split([' ', '\r', ':']).next().unwrap_or_default().to_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" if shared.has_pipelining => {
                b"250-sink.example.org\r\n250-PIPELINING\r\n250 SIZE 10485760\r\n"
            }
            "EHLO" => b"250-sink.example.org\r\n250 SIZE 10485760\r\n",
            "MAIL" | "RSET" => {
                recipient.clear();
                b"250 2.0.0 Ok\r\n"
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                play = shared.next_play(&address);
                if let Play::RefuseRecipient(reply) = play {
                    stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await?;
                    continue;
                }
                recipient = address;
                b"250 2.1.5 Ok\r\n"
            }
            "DATA" if recipient.is_empty() => b"503 5.5.1 no valid recipients\r\n",
            "DATA" if play == Play::HangUpBeforeGoAhead => return Ok(()),
            "DATA" => {
                stream.get_mut().write_all(b"354 go ahead\r\n").await?;
                let message = read_message(&mut stream).await?;
                if let Play::RefuseMessage(reply) = play {
                    stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await?;
                    continue;
                }
                let accepted = Accepted { recipient: std::mem::take(&mut recipient), message };
                shared.accepted.lock().unwrap().push(accepted);
                shared.count.send_modify(|count| *count += 1);
                match play {
                    Play::HangUpAfterDot => return Ok(()),
                    Play::FallSilentAfterDot => std::future::pending().await,
                    _ => {}
                }
                b"250 2.0.0 Ok: queued\r\n"
            }
            "QUIT" => {
                stream.get_mut().write_all(b"221 2.0.0 Bye\r\n").await?;
                return Ok(());
            }
            _ => b"502 5.5.2 not known\r\n",
        };
        stream.get_mut().write_all(reply).await?;
    }
}

/// Up to the final dot, with the doubled dots undone (RFC 5321, 4.5.2).
async fn read_message(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut message = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
