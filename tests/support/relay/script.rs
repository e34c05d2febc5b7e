//! What a script is asked, and what it can say.

use std::time::Duration;

use tokio::sync::watch;

/// Where in a conversation the server is about to reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The first line of the message is in; usually nothing is said.
    Body,
    /// The dot is in, and nothing is in the log: a refusal leaves no trace. Usually nothing is
    /// said, and the message goes into the log.
    Dot,
    /// The line is on disk; usually 250.
    Logged,
    /// The 250 is out; usually nothing more is said.
    Answered,
    Rset,
    Quit,
}

#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    pub phase: Phase,
    /// From 1, in the order they came.
    pub connection: usize,
    /// Connections at this moment, this one included.
    pub open: usize,
    /// Messages that this connection brought so far.
    pub messages: usize,
    /// First one of the transaction; at [`Phase::Rcpt`] the one that is named; else empty.
    pub recipient: &'a str,
    /// How often this recipient was named before.
    pub tries: usize,
}

impl Moment<'_> {
    pub fn is(&self, phase: Phase) -> bool {
        self.phase == phase
    }
}

/// What the server does at a moment.
#[derive(Clone)]
pub struct Act {
    pub(super) say: Say,
    pub(super) gate: Option<Gate>,
    pub(super) closes: bool,
}

#[derive(Clone)]
pub(super) enum Say {
    Usual,
    Instead(Vec<u8>),
    UsualAnd(Vec<u8>),
    Nothing,
    Endless(Vec<u8>),
}

impl Act {
    fn saying(say: Say) -> Self {
        Self { say, gate: None, closes: false }
    }

    pub fn usual() -> Self {
        Self::saying(Say::Usual)
    }

    /// This in place of the usual reply, one line or several, with any bytes. A code that begins
    /// with 4 or 5 is a refusal for the server too.
    pub fn reply(text: impl AsRef<[u8]>) -> Self {
        Self::saying(Say::Instead(ended(text.as_ref())))
    }

    /// The usual reply and these bytes behind it, in one write.
    pub fn also(text: impl AsRef<[u8]>) -> Self {
        Self::saying(Say::UsualAnd(ended(text.as_ref())))
    }

    /// No reply, and on to the next command as if there had been one.
    pub fn drop_reply() -> Self {
        Self::saying(Say::Nothing)
    }

    /// Hangs up in place of the reply.
    pub fn close() -> Self {
        Self::saying(Say::Nothing).and_close()
    }

    /// Nothing more until the client goes.
    pub fn silent() -> Self {
        Self::usual().held_by(&Gate::new())
    }

    /// This over and over, up to 32 MiB, and then silence: no reply ever ends.
    pub fn endless(piece: impl AsRef<[u8]>) -> Self {
        Self::saying(Say::Endless(piece.as_ref().to_vec()))
    }

    /// Hangs up after the reply.
    #[must_use]
    pub fn and_close(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Waits for the gate before the reply.
    #[must_use]
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

fn ended(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if !text.ends_with(b"\r\n") {
        text.extend(b"\r\n");
    }
    text
}

/// Holds replies back until the test lets them go.
#[derive(Debug, Clone)]
pub struct Gate {
    is_open: watch::Sender<bool>,
    came: watch::Sender<usize>,
}

impl Gate {
    pub fn new() -> Self {
        Self { is_open: watch::channel(false).0, came: watch::channel(0).0 }
    }

    /// Lets go what is held, and whatever comes later.
    pub fn release(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until so many replies came to the gate.
    pub async fn wait_until_held(&self, n: usize) {
        let mut came = self.came.subscribe();
        in_time(came.wait_for(|count| *count >= n)).await.expect("the gate is there");
    }

    pub(super) async fn pass(&self) {
        self.came.send_modify(|count| *count += 1);
        let mut is_open = self.is_open.subscribe();
        // It cannot be gone: we hold one end ourselves.
        let _ = is_open.wait_for(|open| *open).await;
    }
}

/// Waits for what must come; a test that waits in vain fails.
pub async fn in_time<T>(waited: impl Future<Output = T>) -> T {
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, waited).await.expect("it comes within the deadline")
}
