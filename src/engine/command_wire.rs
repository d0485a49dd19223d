//! A connection through the standard input and output of a program, which ends with it.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

/// How much of what a program says is kept.
const LONGEST_COMPLAINT: usize = 2000;
/// How long its last words are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program that leads somewhere, such as `ssh HOST docker system dial-stdio`.
pub(crate) struct CommandConnection {
    program: &'static str,
    input: ChildStdin,
    output: ChildStdout,
    complaint: Arc<Mutex<Vec<u8>>>,
    listening: AbortOnDropHandle<()>,
    has_answered: bool,
    /// Held until the other end has answered.
    turn: Option<OwnedSemaphorePermit>,
    /// Given time for the program's last words once its output has ended.
    ending: Option<Pin<Box<tokio::time::Sleep>>>,
    _process: Child,
}

impl CommandConnection {
    /// Starts a program. Whether it gets through shows with the first byte that is read.
    pub(crate) fn start(
        program: &'static str,
        arguments: &[String],
        turn: Option<OwnedSemaphorePermit>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        // Ctrl-C is for the run to answer, which may have tags to finish over this connection.
        #[cfg(unix)]
        command.process_group(0);
        let started = command.spawn();
        let mut process = started.map_err(|error| {
            let why = if error.kind() == io::ErrorKind::NotFound {
                "it is not installed".to_owned()
            } else {
                error.to_string()
            };
            io::Error::other(format!("{program} cannot be started: {why}"))
        })?;
        let (Some(input), Some(output), Some(mut errors)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let complaint = Arc::<Mutex<Vec<u8>>>::default();
        let heard = Arc::clone(&complaint);
        let listening = tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = errors.read(&mut buffer).await {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                let room = LONGEST_COMPLAINT.saturating_sub(heard.len());
                heard.extend_from_slice(&buffer[..count.min(room)]);
            }
        });
        let listening = AbortOnDropHandle::new(listening);
        let (has_answered, ending) = (false, None);
        Ok(Self {
            program,
            input,
            output,
            complaint,
            listening,
            has_answered,
            turn,
            ending,
            _process: process,
        })
    }

    /// Why nothing came. Ready when the program has said all it has to say.
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let ending = self.ending.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_WORDS)));
        let is_over =
            Pin::new(&mut self.listening).poll(cx).is_ready() || ending.as_mut().poll(cx).is_ready();
        if !is_over {
            return Poll::Pending;
        }
        let said = String::from_utf8_lossy(&self.complaint.lock().unwrap_or_else(PoisonError::into_inner))
            .into_owned();
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let said = if lines.is_empty() { "it ended without a message".to_owned() } else { lines.join("; ") };
        Poll::Ready(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            format!("{}: {}", self.program, crate::printable::printable(&said)),
        ))
    }
}

impl AsyncRead for CommandConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.ending.is_none() {
            std::task::ready!(Pin::new(&mut self.output).poll_read(cx, buffer))?;
            if buffer.filled().len() > before {
                self.has_answered = true;
                self.turn = None;
                return Poll::Ready(Ok(()));
            }
            if self.has_answered {
                return Poll::Ready(Ok(()));
            }
        }
        let refusal = std::task::ready!(self.poll_refusal(cx));
        self.turn = None;
        Poll::Ready(Err(refusal))
    }
}

impl AsyncWrite for CommandConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match std::task::ready!(Pin::new(&mut self.input).poll_write(cx, bytes)) {
            // What the program says is worth more than that it has gone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !self.has_answered => {
                Poll::Ready(Err(std::task::ready!(self.poll_refusal(cx))))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}
