//! An engine behind ssh, as the docker command reaches it: `ssh HOST docker system dial-stdio`, one process a connection.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

/// Logins under way at once: an SSH server turns away some of those that come when ten are (`MaxStartups`).
const LOGINS: usize = 4;
static LOGIN: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LOGINS)));

/// How much of what ssh says is kept.
const LONGEST_COMPLAINT: usize = 2000;
/// How long ssh's last words are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where ssh is to go, and which socket is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SshTarget {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    socket: Option<String>,
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.socket.as_deref().unwrap_or_default())
    }
}

impl SshTarget {
    /// Reads what stands behind `ssh://`: `[USER@]HOST[:PORT][/SOCKET]`. The error says what is wrong. A password is
    /// not for command lines, and ssh would not take it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (authority, path) = text.find('/').map_or((text, ""), |at| text.split_at(at));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("a password has no place in it");
        }
        let host_end = if host.starts_with('[') {
            host.find(']').ok_or("its address has no `]`")? + 1
        } else {
            host.find(':').unwrap_or(host.len())
        };
        let (host, port) = host.split_at(host_end);
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().ok().filter(|port| *port > 0).ok_or("its port is not a number")?),
            None if port.is_empty() => None,
            None => return Err("its host is not a host name"),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        if !is_plain(host) || !user.is_none_or(is_plain) {
            return Err("its host or user is not a name");
        }
        if text.contains(['?', '#']) {
            return Err("nothing may follow the socket's path");
        }
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            socket: Some(path).filter(|path| !matches!(*path, "" | "/")).map(str::to_owned),
        })
    }

    /// The arguments of ssh. No terminal, no questions: several of these run at once.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        for option in
            ["ConnectTimeout=30", "BatchMode=yes", "ServerAliveInterval=10", "ServerAliveCountMax=2"]
        {
            arguments.extend(["-o".to_owned(), option.to_owned()]);
        }
        arguments.extend(["-T", "--", &self.host, "docker"].map(str::to_owned));
        if let Some(socket) = &self.socket {
            arguments.extend(["--host".to_owned(), quoted(&format!("unix://{socket}"))]);
        }
        arguments.extend(["system", "dial-stdio"].map(str::to_owned));
        arguments
    }

    /// What a user can run to see what is wrong.
    pub(super) fn trial(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("-l {user} ")).unwrap_or_default();
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        format!("ssh {user}{port}-o BatchMode=yes {} docker version", self.host)
    }
}

/// A word for the shell at the other end.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._-+@%".contains(&byte);
    if word.bytes().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A connection through a process of ssh, which ends with it.
pub(super) struct SshConnection {
    input: ChildStdin,
    output: ChildStdout,
    complaint: Arc<Mutex<Vec<u8>>>,
    listening: AbortOnDropHandle<()>,
    /// Held until the other end has answered.
    login: Option<OwnedSemaphorePermit>,
    /// Given time for ssh's last words once its output has ended.
    ending: Option<Pin<Box<tokio::time::Sleep>>>,
    _process: Child,
}

/// Starts ssh. Whether it gets through shows with the first byte that is read.
pub(super) async fn dial(target: &SshTarget) -> io::Result<SshConnection> {
    let login = Arc::clone(&LOGIN).acquire_owned().await.map_err(io::Error::other)?;
    let mut command = Command::new("ssh");
    command.args(target.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
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
        io::Error::other(format!("ssh cannot be started: {why}"))
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
    let login = Some(login);
    Ok(SshConnection { input, output, complaint, listening, login, ending: None, _process: process })
}

impl SshConnection {
    /// Why nothing came. Ready when ssh has said all it has to say.
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
            format!("ssh: {}", crate::printable::printable(&said)),
        ))
    }
}

impl AsyncRead for SshConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.ending.is_none() {
            std::task::ready!(Pin::new(&mut self.output).poll_read(cx, buffer))?;
            if buffer.filled().len() > before {
                self.login = None;
                return Poll::Ready(Ok(()));
            }
            if self.login.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        let refusal = std::task::ready!(self.poll_refusal(cx));
        self.login = None;
        Poll::Ready(Err(refusal))
    }
}

impl AsyncWrite for SshConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match std::task::ready!(Pin::new(&mut self.input).poll_write(cx, bytes)) {
            // What ssh says is worth more than that it has gone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.login.is_some() => {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> String {
        SshTarget::parse(text).expect(text).arguments().join(" ")
    }

    #[test]
    fn says_to_ssh_what_docker_says() {
        assert!(arguments("me@host:22/run/x.sock").starts_with("-l me -p 22 -o "));
        for (text, end) in [
            ("host", "-T -- host docker system dial-stdio"),
            ("host/", "-T -- host docker system dial-stdio"),
            ("[::1]:2222", "-T -- ::1 docker system dial-stdio"),
            ("me@host/run/x.sock", "-T -- host docker --host unix:///run/x.sock system dial-stdio"),
            ("host/a b;c", "-T -- host docker --host 'unix:///a b;c' system dial-stdio"),
        ] {
            assert!(arguments(text).ends_with(end), "{text}: {}", arguments(text));
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "/x",
            "me:secret@host",
            "host:0",
            "host:x",
            "@host",
            "-oProxyCommand=x",
            "a b",
            "host/x?y",
            "[::1",
        ] {
            assert!(SshTarget::parse(text).is_err(), "{text}");
        }
        let target = SshTarget::parse("me@host:22/run/x.sock").expect("an address");
        assert_eq!(target.to_string(), "ssh://me@host:22/run/x.sock");
        assert_eq!(target.trial(), "ssh -l me -p 22 -o BatchMode=yes host docker version");
    }
}
