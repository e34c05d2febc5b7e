//! Bytes to and from a relay: whole replies in, whole messages out, each with its timer.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::mail::reply::{RawReply, ReplyError, ReplyReader};

/// A socket, TLS over one, or a pipe in a test.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// Why no reply came, or not all was written.
#[derive(Debug)]
pub(super) enum Fault {
    Silent,
    Broken(io::Error),
    Unreadable(ReplyError),
}

/// What came although no reply was owed.
pub(super) enum Stray<'a> {
    Nothing,
    Reply(RawReply<'a>),
    Bytes,
    End,
    Fault(Fault),
}

pub(super) struct Wire {
    stream: Box<dyn Stream>,
    reader: ReplyReader,
}

/// One read; replies are short, and no message comes this way.
const READ_BYTES: usize = 2_048;

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, reader: ReplyReader::default() }
    }

    /// The stream alone, for TLS to begin on; absent where bytes were read that nobody took.
    pub(super) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.reader.is_empty().then_some(self.stream)
    }

    /// Whether nothing came behind the replies that were taken.
    pub(super) fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    /// Waits for a whole reply, however many reads it takes, for no longer than `limit`.
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<RawReply<'_>, Fault> {
        timeout(limit, self.fill()).await.map_err(|_| Fault::Silent)??;
        match self.reader.take() {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(Fault::Broken(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(Fault::Unreadable(error)),
        }
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        while !self.reader.is_ready().map_err(Fault::Unreadable)? {
            let read = poll_fn(|context| self.poll_fill(context)).await;
            if read.map_err(Fault::Broken)? == 0 {
                return Err(Fault::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(())
    }

    /// The buffer lives for one poll, so that an idle connection holds none.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        self.reader.push(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Looks, without waiting, for bytes that nobody asked for.
    pub(super) async fn stray(&mut self) -> Stray<'_> {
        let mut is_at_end = false;
        while !is_at_end && !matches!(self.reader.is_ready(), Ok(true) | Err(_)) {
            let look = poll_fn(|context| Poll::Ready(self.poll_fill(context))).await;
            match look {
                Poll::Pending => break,
                Poll::Ready(Ok(read)) => is_at_end = read == 0,
                Poll::Ready(Err(error)) => return Stray::Fault(Fault::Broken(error)),
            }
        }
        let has_bytes = !self.reader.is_empty();
        match self.reader.take() {
            Ok(Some(reply)) => Stray::Reply(reply),
            Err(error) => Stray::Fault(Fault::Unreadable(error)),
            Ok(None) if has_bytes => Stray::Bytes,
            Ok(None) if is_at_end => Stray::End,
            Ok(None) => Stray::Nothing,
        }
    }

    /// Writes commands.
    pub(super) async fn send(&mut self, commands: &str, limit: Duration) -> Result<(), Fault> {
        let write = async {
            self.stream.write_all(commands.as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(limit, write).await.map_err(|_| Fault::Silent)?.map_err(Fault::Broken)
    }

    /// Writes pieces of a message, in one system call where they fit; `limit` is for each
    /// block that goes out (RFC 5321, 4.5.3.2.5). With the fault comes how many bytes may have
    /// gone out.
    pub(super) async fn send_pieces(
        &mut self,
        pieces: &mut [IoSlice<'_>],
        limit: Duration,
    ) -> Result<(), (Fault, usize)> {
        let mut rest = pieces;
        let mut sent = 0;
        // Empty pieces at the front would look like a closed stream.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let stream = &mut self.stream;
            let write =
                poll_fn(|context| Pin::new(&mut *stream).poll_write_vectored(context, rest));
            match timeout(limit, write).await {
                Err(_) => return Err((Fault::Silent, sent)),
                Ok(Err(error)) => return Err((Fault::Broken(error), sent)),
                Ok(Ok(0)) => return Err((Fault::Broken(io::ErrorKind::WriteZero.into()), sent)),
                Ok(Ok(written)) => {
                    sent += written;
                    IoSlice::advance_slices(&mut rest, written);
                }
            }
        }
        match timeout(limit, self.stream.flush()).await {
            Err(_) => Err((Fault::Silent, sent)),
            Ok(Err(error)) => Err((Fault::Broken(error), sent)),
            Ok(Ok(())) => Ok(()),
        }
    }
}
