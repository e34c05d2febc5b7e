//! The other end: says and hears exactly what a test writes down.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, DuplexStream, duplex};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::join;
use tokio_rustls::TlsAcceptor;

use super::super::wire::Stream;
use super::super::*;
use crate::config::{Secret, Security, SmtpRelay};

pub(super) struct Peer(BufReader<Box<dyn Stream>>);

impl Peer {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    /// Fails where we hung up, which a test that cares finds out by what we return.
    pub(super) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(bytes.as_ref()).await;
        let _ = self.0.get_mut().flush().await;
    }

    pub(super) async fn hear(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        let read = self.0.read_exact(&mut bytes).await;
        assert!(read.is_ok(), "hung up in place of {expected:?}");
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    /// All that comes before the end.
    pub(super) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // Cut off within a TLS record, it ends with an error.
        let _ = self.0.read_to_end(&mut rest).await;
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Nothing more comes but the end.
    pub(super) async fn hear_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    pub(super) async fn hear_ehlo(&mut self) {
        self.hear_greeting("EHLO ").await;
    }

    pub(super) async fn hear_greeting(&mut self, verb: &str) {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        assert!(line.starts_with(verb) && line.ends_with("\r\n"), "{line:?}");
    }

    /// Answers EHLO with these extensions.
    pub(super) async fn offer(&mut self, extensions: &[&str]) {
        self.hear_ehlo().await;
        let mut reply = String::from("250-relay.example.org\r\n");
        for extension in extensions {
            write!(reply, "250-{extension}\r\n").unwrap();
        }
        reply.push_str("250 HELP\r\n");
        self.say(reply).await;
    }

    pub(super) async fn welcome(&mut self, extensions: &[&str]) {
        self.say("220 relay.example.org ESMTP\r\n").await;
        self.offer(extensions).await;
    }

    /// Goes on under TLS.
    pub(super) async fn accept_tls(self, identity: &Identity) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.server));
        Ok(Self::new(acceptor.accept(self.0.into_inner()).await?))
    }
}

/// Counts the calls by which something is written.
struct Counted(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.0).poll_write_vectored(context, pieces)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Takes so many bytes from when the limit is set, and then fails.
struct Breaking(DuplexStream, Arc<AtomicUsize>);

impl Breaking {
    /// As much of `bytes` as may still go out.
    fn left<'a>(&self, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        match self.1.load(Ordering::SeqCst) {
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            left => Ok(&bytes[..left.min(bytes.len())]),
        }
    }
}

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = self.left(bytes)?;
        let written = ready!(Pin::new(&mut self.0).poll_write(context, bytes))?;
        self.1.fetch_sub(written, Ordering::SeqCst);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        self.poll_write(context, &bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A pipe that breaks after so many bytes, once the test says how many.
pub(super) fn breaking() -> (Box<dyn Stream>, Peer, Arc<AtomicUsize>) {
    let (near, far) = duplex(64 * 1024);
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    (Box::new(Breaking(near, Arc::clone(&left))), Peer::new(far), left)
}

/// Both ends of a pipe with room for so many bytes.
pub(super) fn pipe(room_bytes: usize) -> (Box<dyn Stream>, Peer) {
    let (near, far) = duplex(room_bytes);
    (Box::new(near), Peer::new(far))
}

pub(super) fn relay(security: Security, user: Option<&str>) -> SmtpRelay {
    let host = "relay.example.org".to_owned();
    let credentials = user.map(|user| (user.to_owned(), Secret::new("hunter2".into())));
    SmtpRelay { host, port: 25, security, credentials, lacks_password_of: None }
}

/// Each phase has its own, so that a test sees which timer ran out.
pub(super) fn timeouts() -> Timeouts {
    let seconds = Duration::from_secs;
    Timeouts {
        connect: seconds(1),
        greeting: seconds(2),
        hello: seconds(3),
        tls: seconds(4),
        auth: seconds(5),
        sender: seconds(6),
        recipient: seconds(7),
        data_go_ahead: seconds(8),
        body: seconds(9),
        reply_to_dot: seconds(10),
        quit: seconds(11),
    }
}

/// Opens over `near` as `relay` says, trusting nobody in particular.
pub(super) async fn open(
    near: Box<dyn Stream>,
    relay: &SmtpRelay,
) -> Result<Connection, RelayError> {
    let nobody = TlsSettings::trusting(RootCertStore::empty());
    Connection::over(near, true, relay, timeouts(), &nobody).await
}

/// A plain connection that is ready, with these extensions.
pub(super) async fn ready(extensions: &[&str]) -> (Connection, Peer) {
    let (near, peer) = pipe(64 * 1024);
    ready_over(near, peer, extensions).await
}

pub(super) async fn ready_over(
    near: Box<dyn Stream>,
    mut peer: Peer,
    extensions: &[&str],
) -> (Connection, Peer) {
    let relay = relay(Security::Plain, None);
    let (connection, ()) = join!(open(near, &relay), peer.welcome(extensions));
    (connection.unwrap(), peer)
}

/// The same, with a count of writes.
pub(super) async fn counted(extensions: &[&str]) -> (Connection, Peer, Arc<AtomicUsize>) {
    let (near, far) = duplex(64 * 1024);
    let writes = Arc::new(AtomicUsize::new(0));
    let near = Box::new(Counted(near, Arc::clone(&writes)));
    let (connection, peer) = ready_over(near, Peer::new(far), extensions).await;
    (connection, peer, writes)
}

pub(super) const MAIL: &str = "MAIL FROM:<press@example.org>\r\n";
pub(super) const RCPT: &str = "RCPT TO:<mei@example.com>\r\n";
pub(super) const GROUP: &str =
    "MAIL FROM:<press@example.org>\r\nRCPT TO:<mei@example.com>\r\nDATA\r\n";

static FROM: LazyLock<Address> = LazyLock::new(|| "press@example.org".parse().unwrap());
static TO: LazyLock<Address> = LazyLock::new(|| "mei@example.com".parse().unwrap());

/// Of a message with so many octets.
pub(super) fn envelope(size_bytes: u64) -> Envelope<'static> {
    Envelope { from: &FROM, to: &TO, size_bytes }
}

pub(super) async fn begin(connection: &mut Connection) -> Result<(), BeginError> {
    connection.begin(envelope(1_000)).await
}

/// A connection with pipelining and an open go-ahead.
pub(super) async fn going_ahead() -> (Connection, Peer) {
    let (mut connection, mut peer) = ready(&["PIPELINING"]).await;
    let (begun, ()) = join!(begin(&mut connection), async {
        peer.hear(GROUP).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
    });
    begun.unwrap();
    (connection, peer)
}

/// A certificate for a name, signed by itself, and who trusts it.
pub(super) struct Identity {
    server: Arc<ServerConfig>,
    pub(super) trusted: TlsSettings,
}

impl Identity {
    pub(super) fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self { server: Arc::new(server), trusted: TlsSettings::trusting(roots) }
    }
}
