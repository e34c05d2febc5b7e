//! Bytes to and from a client, in the clear or over TLS.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, empty, join,
    sink,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Of one line so much is read; nobody needs more (RFC 5321, 4.5.3.1.6 allows 1000).
const LONGEST_LINE: u64 = 1 << 20;

/// What an endless reply comes to before it stops short of its end.
const ENDLESS: usize = 32 << 20;

pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    one_byte_writes: bool,
    delay: Duration,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, one_byte_writes: bool, delay: Duration) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(Box::new(stream)), one_byte_writes, delay })
    }

    /// Shakes hands; what was read ahead in the clear is forgotten (RFC 3207, 4.2).
    pub(super) async fn secure(&mut self, acceptor: &TlsAcceptor) -> Result<()> {
        let nothing: Box<dyn Stream> = Box::new(join(empty(), sink()));
        let plain = std::mem::replace(&mut self.stream, BufReader::new(nothing)).into_inner();
        let secure: Box<dyn Stream> = Box::new(acceptor.accept(plain).await?);
        self.stream = BufReader::new(secure);
        Ok(())
    }

    /// One line with its end; an error at the end of the stream.
    pub(super) async fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        if line.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
    }

    /// Whether the client has said more already.
    pub(super) fn has_input(&mut self) -> bool {
        matches!(self.stream.fill_buf().now_or_never(), Some(Ok(bytes)) if !bytes.is_empty())
    }

    /// Ends when the client hangs up; never once it has said something that nobody read.
    pub(super) async fn gone(&mut self) {
        if matches!(self.stream.fill_buf().await, Ok(bytes) if !bytes.is_empty()) {
            std::future::pending::<()>().await;
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if !bytes.is_empty() && !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let pieces = if self.one_byte_writes { 1 } else { bytes.len().max(1) };
        for piece in bytes.chunks(pieces) {
            self.stream.write_all(piece).await?;
            self.stream.flush().await?;
            if self.one_byte_writes {
                // Lets the client run in between; the packets are apart by nodelay.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Writes `piece` over and over; returns when the client is gone.
    pub(super) async fn write_endlessly(&mut self, piece: &[u8]) -> Error {
        let block = piece.repeat((16_384 / piece.len().max(1)).max(1));
        for _ in 0..ENDLESS / block.len().max(1) {
            if let Err(error) = self.write(&block).await {
                return error;
            }
        }
        self.gone().await;
        ErrorKind::ConnectionReset.into()
    }

    /// Hangs up so that what was written arrives: a socket closed over unread bytes is reset.
    pub(super) async fn close_gently(&mut self) {
        if self.stream.shutdown().await.is_ok() {
            let _ = tokio::io::copy(&mut self.stream, &mut sink()).await;
        }
    }
}
