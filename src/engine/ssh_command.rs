//! An engine behind ssh, as the docker command reaches it: `ssh HOST docker system dial-stdio`, one process a connection.

use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};

use tokio::sync::Semaphore;

use super::command_wire::CommandConnection;

/// Logins under way at once: an SSH server turns away some of those that come when ten are (`MaxStartups`).
const LOGINS: usize = 4;
static LOGIN: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LOGINS)));

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
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
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

    /// The socket at the other end, where one is named.
    pub(crate) fn socket(&self) -> Option<&str> {
        self.socket.as_deref()
    }

    /// What connects to the engine at the other end.
    fn docker(&self) -> Vec<String> {
        let mut command = vec!["docker".to_owned()];
        if let Some(socket) = &self.socket {
            command.extend(["--host".to_owned(), format!("unix://{socket}")]);
        }
        command.extend(["system", "dial-stdio"].map(str::to_owned));
        command
    }

    /// The arguments of ssh for a command at the other end. No terminal, no questions: several of these run at once.
    fn arguments(&self, command: &[String]) -> Vec<String> {
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
        arguments.extend(["-T", "--", &self.host].map(str::to_owned));
        arguments.extend(command.iter().map(|word| quoted(word)));
        arguments
    }

    /// What a user can run to see what is wrong with a command there.
    pub(crate) fn trial(&self, command: &[String]) -> String {
        let user = self.user.as_ref().map(|user| format!("-l {user} ")).unwrap_or_default();
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        format!("ssh {user}{port}-o BatchMode=yes {} {}", self.host, command.join(" "))
    }
}

/// A word for the shell at the other end.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._-+@%".contains(&byte);
    if word.bytes().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Starts ssh to run docker there.
pub(super) async fn dial(target: &SshTarget) -> io::Result<CommandConnection> {
    target.run(&target.docker()).await
}

impl SshTarget {
    /// Starts ssh with this command for the other end, as a connection.
    pub(crate) async fn run(&self, command: &[String]) -> io::Result<CommandConnection> {
        let login = Arc::clone(&LOGIN).acquire_owned().await.map_err(io::Error::other)?;
        CommandConnection::start("ssh", &self.arguments(command), Some(login))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> String {
        let target = SshTarget::parse(text).expect(text);
        target.arguments(&target.docker()).join(" ")
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
        let command = ["docker", "version"].map(str::to_owned);
        assert_eq!(target.trial(&command), "ssh -l me -p 22 -o BatchMode=yes host docker version");
    }
}
