//! A client that says what it is told.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::relay::Relay;
use super::relay::script::in_time;

pub(super) struct Client<S = TcpStream>(pub(super) BufReader<S>);

impl Client {
    /// Connects and says nothing.
    pub(super) async fn connect(relay: &Relay) -> Self {
        let stream = TcpStream::connect(relay.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Past the greeting and EHLO.
    pub(super) async fn greeted(relay: &Relay) -> Self {
        let mut client = Self::connect(relay).await;
        assert!(client.reply().await.starts_with("220 "));
        assert!(client.say("EHLO client.example.org").await.starts_with("250-"));
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).await.unwrap();
        self.0.get_mut().flush().await.unwrap();
    }

    /// One reply, all its lines; empty where the server hung up.
    pub(super) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = Vec::new();
            let read = in_time(self.0.read_until(b'\n', &mut line)).await.unwrap_or(0);
            reply.push_str(&String::from_utf8_lossy(&line));
            if read == 0 || line.get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    pub(super) async fn say(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n")).await;
        self.reply().await
    }

    /// Up to the 354.
    pub(super) async fn begin(&mut self, recipient: &str) {
        assert_eq!(self.say("MAIL FROM:<press@example.org>").await, "250 2.1.0 Ok\r\n");
        assert_eq!(self.say(&format!("RCPT TO:<{recipient}>")).await, "250 2.1.5 Ok\r\n");
        assert_eq!(self.say("DATA").await, "354 Go ahead\r\n");
    }

    /// The reply to a message of one line.
    pub(super) async fn send(&mut self, recipient: &str, id: &str) -> String {
        self.begin(recipient).await;
        self.say(&format!("{}.", message(id))).await
    }

    pub(super) async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        matches!(in_time(self.0.read(&mut byte)).await, Ok(0) | Err(_))
    }
}

pub(super) fn message(id: &str) -> String {
    format!("Message-ID: <{id}>\r\n\r\nThe bridge opens today.\r\n")
}
