use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection to an engine, over whatever it listens on.
pub(crate) type Wire = Box<dyn Duplex>;

/// What can be read from and written to.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What somebody wants to know of a connection, or to decide about it.
pub(crate) trait Guard: Unpin {
    /// Whether the connection is over, although its other end may not know.
    fn is_over(&mut self, _: &mut Context<'_>) -> bool {
        false
    }

    /// These bytes have come. An error ends the connection.
    fn has_read(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Something is about to be sent.
    fn writes(&mut self) {}
}

pub(crate) struct Guarded<G> {
    wire: Wire,
    guard: G,
}

impl<G: Guard> Guarded<G> {
    pub(crate) fn new(wire: Wire, guard: G) -> Self {
        Self { wire, guard }
    }

    /// The connection, to be written to.
    fn writable(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut Wire>> {
        if self.guard.is_over(cx) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.guard.writes();
        Ok(Pin::new(&mut self.wire))
    }
}

impl<G: Guard> AsyncRead for Guarded<G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Nothing read is the end of the connection.
        if self.guard.is_over(cx) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(cx, buffer))?;
        Poll::Ready(self.guard.has_read(&buffer.filled()[before..]))
    }
}

impl<G: Guard> AsyncWrite for Guarded<G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writable(cx)?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writable(cx)?.poll_write_vectored(cx, slices)
    }
}
