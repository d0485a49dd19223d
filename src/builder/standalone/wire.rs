use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::certificates::distrust;
use crate::engine::Wire;

/// What went wrong last on the way, in the words of whoever noticed first. What comes out of HTTP/2 says less.
pub(super) type Faults = Arc<Mutex<Option<Fault>>>;

#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) reason: String,
    /// What to do, where it is about trust.
    pub(super) hint: Option<&'static str>,
    /// Whether it may be otherwise a moment later. Silence has been waited for long enough.
    pub(super) may_pass: bool,
}

impl Fault {
    pub(super) fn of(error: &io::Error) -> Self {
        match distrust(error) {
            Some((reason, hint)) => Self { reason, hint: Some(hint), may_pass: false },
            None => Self {
                reason: error.to_string(),
                hint: None,
                may_pass: error.kind() != io::ErrorKind::TimedOut,
            },
        }
    }
}

/// A connection whose failure is noted in its own words: a server says what it thinks of a certificate, and a program
/// why it did not get through, only when something is read.
pub(super) struct Heard {
    wire: Wire,
    fault: Faults,
}

impl Heard {
    pub(super) fn new(wire: Wire, fault: Faults) -> Self {
        Self { wire, fault }
    }

    fn noted<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome {
            let fault = &mut *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            fault.get_or_insert_with(|| Fault::of(error));
        }
        outcome
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.wire).poll_read(cx, buffer));
        Poll::Ready(self.noted(read))
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.wire).poll_write(cx, bytes));
        // That a pipe is closed says nothing yet: why, is still to be read.
        match &written {
            Err(error) if error.get_ref().is_some() => Poll::Ready(self.noted(written)),
            _ => Poll::Ready(written),
        }
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
        Pin::new(&mut self.wire).poll_write_vectored(cx, slices)
    }
}
