use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::own_file::read_own_file;
use super::ssh_command::SshTarget;
use super::{BuilderKind, EngineError};
use crate::printable::hex;
use crate::redact;

/// Where a container engine listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// Plain HTTP over TCP, `host:port`.
    Tcp(String),
    /// Through `ssh`, which runs `docker system dial-stdio` there.
    Ssh(SshTarget),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Ssh(target) => target.fmt(f),
        }
    }
}

/// What of the environment says where the engine is, under the names that the docker command knows.
#[derive(Clone, Debug, Default)]
pub struct EngineEnvironment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`, else `~/.docker`. None where there is no home: a folder below the current one would be the
    /// checkout's.
    pub docker_config: Option<PathBuf>,
    /// Whether `DOCKER_TLS_VERIFY` is set.
    pub tls_verify: bool,
    /// What `DOCKER_BUILDKIT` asks for: `0` is the classic builder; anything else changes nothing.
    pub builder: Option<BuilderKind>,
}

impl EngineEnvironment {
    /// Reads the variables through `variable`, which gives `None` for one that is not set.
    pub fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let docker_config = set("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set("HOME")?).join(".docker")).filter(|path| path.is_absolute()));
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            docker_config,
            tls_verify: set("DOCKER_TLS_VERIFY").is_some(),
            builder: set("DOCKER_BUILDKIT").filter(|value| value == "0").map(|_| BuilderKind::Classic),
        }
    }
}

/// Where Docker listens unless told otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

impl Endpoint {
    /// Whether each connection is a process of ssh, and a login.
    pub(super) fn is_ssh(&self) -> bool {
        matches!(self, Self::Ssh(_))
    }

    /// Decides as the docker command does: `host` (from `-H`), `DOCKER_HOST`, `DOCKER_CONTEXT`, the current
    /// context of its configuration, the default socket. Empty values count as unset.
    pub fn resolve(host: Option<&str>, environment: &EngineEnvironment) -> Result<Self, EngineError> {
        fn set(value: Option<&str>) -> Option<&str> {
            value.filter(|value| !value.is_empty())
        }
        if let Some(host) = set(host).or(set(environment.docker_host.as_deref())) {
            return Self::parse(host, environment.tls_verify);
        }
        let name = match set(environment.docker_context.as_deref()) {
            Some(name) => Some(name.to_owned()),
            None => environment.docker_config.as_deref().map(current_context).transpose()?.flatten(),
        };
        match (name.as_deref(), &environment.docker_config) {
            (None | Some("" | "default"), _) => Ok(Self::Unix(DEFAULT_SOCKET.into())),
            (Some(name), Some(directory)) => from_context(name, directory),
            (Some(name), None) => Err(EngineError::UnknownContext { name: name.to_owned(), directory: None }),
        }
    }

    fn parse(text: &str, tls: bool) -> Result<Self, EngineError> {
        let invalid = || EngineError::InvalidEndpoint(redact::masked(text).into_owned());
        let unsupported = |what, hint: &str| {
            Err(EngineError::UnsupportedEndpoint {
                address: redact::masked(text).into_owned(),
                what,
                hint: hint.to_owned(),
            })
        };
        let (scheme, rest) = match text.split_once("://") {
            Some(parts) => parts,
            None if text.starts_with('/') => ("unix", text),
            None => ("tcp", text),
        };
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "https" => unsupported("TLS", TLS_HINT),
            "tcp" | "http" if tls => unsupported("TLS", TLS_HINT),
            "tcp" | "http" => {
                let default_port = if scheme == "tcp" { "2375" } else { "80" };
                tcp_address(rest, default_port).map(Self::Tcp).ok_or_else(invalid)
            }
            "ssh" => match SshTarget::parse(rest) {
                Ok(target) => Ok(Self::Ssh(target)),
                Err(reason) => Err(EngineError::InvalidSshEndpoint {
                    // It may hold the password.
                    address: format!("ssh://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
                    reason,
                }),
            },
            "npipe" => unsupported("a named pipe", "use unix:// or tcp://"),
            _ => Err(invalid()),
        }
    }
}

const TLS_HINT: &str = "use the engine over ssh: -H ssh://USER@HOST";

/// `host`, `host:port`, `[::1]:port`; a path behind it is not supported, as nothing speaks it.
fn tcp_address(rest: &str, default_port: &str) -> Option<String> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host_end =
        if rest.starts_with('[') { rest.find(']')? + 1 } else { rest.find(':').unwrap_or(rest.len()) };
    let (host, port) = rest.split_at(host_end);
    let port = match port.strip_prefix(':') {
        Some(port) => port,
        None if port.is_empty() => default_port,
        None => return None,
    };
    let host_is_valid = |b: u8| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b);
    let valid =
        !host.is_empty() && host.bytes().all(host_is_valid) && port.parse::<u16>().is_ok_and(|p| p > 0);
    valid.then(|| format!("{host}:{port}"))
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "currentContext", default)]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct ContextFile {
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

/// `currentContext` of config.json, as `docker context use` leaves it.
fn current_context(directory: &Path) -> Result<Option<String>, EngineError> {
    let path = directory.join("config.json");
    Ok(read_json::<Configuration>(&path)?.and_then(|configuration| configuration.current_context))
}

/// Contexts are kept under the SHA-256 of their name.
fn from_context(name: &str, directory: &Path) -> Result<Endpoint, EngineError> {
    let id = hex(&Sha256::digest(name.as_bytes()));
    let contexts = directory.join("contexts");
    let path = contexts.join("meta").join(&id).join("meta.json");
    let unknown = || EngineError::UnknownContext { name: name.to_owned(), directory: Some(contexts.clone()) };
    let file: ContextFile = read_json(&path)?.ok_or_else(unknown)?;
    let host = file.endpoints.docker.map(|docker| docker.host).filter(|host| !host.is_empty());
    let tls = contexts.join("tls").join(&id).join("docker").is_dir();
    Endpoint::parse(host.as_deref().unwrap_or(DEFAULT_SOCKET), tls)
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, EngineError> {
    let failed = |reason: String| EngineError::Configuration { path: path.to_owned(), reason };
    match read_own_file(path) {
        // `docker` takes an empty file for none.
        Ok(bytes) if bytes.trim_ascii().is_empty() => Ok(None),
        Ok(bytes) => serde_json::from_slice::<Option<T>>(&bytes).map_err(|error| failed(error.to_string())),
        // A home without .docker, or one that is not ours to look into (`docker` ignores both).
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &str) -> Endpoint {
        Endpoint::Unix(path.into())
    }

    /// `printf remote | sha256sum`
    const REMOTE: &str = "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a";

    /// A docker configuration with the context `remote`, and `current` as the current one.
    fn configuration(current: &str, host: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let meta = directory.path().join("contexts/meta").join(REMOTE);
        std::fs::create_dir_all(&meta).expect("writable");
        let text =
            format!(r#"{{"Name":"remote","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
        std::fs::write(meta.join("meta.json"), text).expect("writable");
        let text = format!(r#"{{"auths":{{}},"currentContext":"{current}"}}"#);
        std::fs::write(directory.path().join("config.json"), text).expect("writable");
        directory
    }

    #[test]
    fn parses_what_docker_parses() {
        for (text, endpoint) in [
            ("unix:///run/x.sock", unix("/run/x.sock")),
            ("/run/x.sock", unix("/run/x.sock")),
            ("tcp://10.0.0.1", Endpoint::Tcp("10.0.0.1:2375".into())),
            ("tcp://build-host:99/", Endpoint::Tcp("build-host:99".into())),
            ("http://[::1]:99", Endpoint::Tcp("[::1]:99".into())),
            ("tcp://[::1]", Endpoint::Tcp("[::1]:2375".into())),
            ("localhost:2375", Endpoint::Tcp("localhost:2375".into())),
        ] {
            assert_eq!(Endpoint::parse(text, false).expect(text), endpoint);
        }
        for text in
            ["unix://relative", "tcp://", "tcp://h:0", "tcp://h:x", "tcp://h/base", "ftp://h", "tcp://[::1]x"]
        {
            let error = Endpoint::parse(text, false).expect_err(text);
            assert!(matches!(error, EngineError::InvalidEndpoint(_)), "{text}: {error}");
        }
    }

    #[test]
    fn says_what_it_does_not_speak() {
        for (text, tls) in [("https://host", false), ("tcp://host:2376", true)] {
            let error = Endpoint::parse(text, tls).expect_err(text);
            assert!(matches!(error, EngineError::UnsupportedEndpoint { .. }), "{text}: {error}");
            assert!(error.to_string().contains("not supported yet") && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn precedence_is_dockers() {
        let directory = configuration("remote", "unix:///from/context.sock");
        let mut environment = EngineEnvironment {
            docker_config: Some(directory.path().to_owned()),
            ..EngineEnvironment::default()
        };
        let resolve = |host: Option<&str>, environment: &EngineEnvironment| {
            Endpoint::resolve(host, environment).expect("resolves")
        };
        assert_eq!(resolve(None, &environment), unix("/from/context.sock"));
        environment.docker_context = Some("default".into());
        assert_eq!(resolve(None, &environment), unix(DEFAULT_SOCKET));
        environment.docker_host = Some("unix:///from/variable.sock".into());
        assert_eq!(resolve(None, &environment), unix("/from/variable.sock"));
        assert_eq!(resolve(Some("tcp://flag:1"), &environment), Endpoint::Tcp("flag:1".into()));
        environment.docker_host = Some(String::new());
        environment.docker_context = Some(String::new());
        assert_eq!(resolve(Some(""), &environment), unix("/from/context.sock"));
    }

    #[test]
    fn contexts_that_are_not_there_or_broken() {
        let directory = configuration("gone", "");
        let mut environment = EngineEnvironment {
            docker_config: Some(directory.path().to_owned()),
            ..EngineEnvironment::default()
        };
        let error = Endpoint::resolve(None, &environment).expect_err("no such context");
        assert!(error.to_string().contains("`gone`"), "{error}");
        // A context without a host means the default socket.
        environment.docker_context = Some("remote".into());
        assert_eq!(Endpoint::resolve(None, &environment).expect("resolves"), unix(DEFAULT_SOCKET));
        environment.docker_context = None;
        for nothing in ["", "\n", "null", "{}"] {
            std::fs::write(directory.path().join("config.json"), nothing).expect("writable");
            assert_eq!(Endpoint::resolve(None, &environment).expect(nothing), unix(DEFAULT_SOCKET));
        }
        std::fs::write(directory.path().join("config.json"), "{").expect("writable");
        let error = Endpoint::resolve(None, &environment).expect_err("broken");
        assert!(error.to_string().contains("config.json"), "{error}");
        environment.docker_config = Some(directory.path().join("nowhere"));
        assert_eq!(Endpoint::resolve(None, &environment).expect("resolves"), unix(DEFAULT_SOCKET));
    }

    #[test]
    fn a_context_with_certificates_needs_tls() {
        let directory = configuration("remote", "tcp://host:2376");
        let environment = EngineEnvironment {
            docker_config: Some(directory.path().to_owned()),
            ..EngineEnvironment::default()
        };
        assert_eq!(Endpoint::resolve(None, &environment).expect("plain"), Endpoint::Tcp("host:2376".into()));
        let tls = directory.path().join("contexts/tls").join(REMOTE).join("docker");
        std::fs::create_dir_all(tls).expect("writable");
        let error = Endpoint::resolve(None, &environment).expect_err("needs TLS");
        assert!(matches!(error, EngineError::UnsupportedEndpoint { what: "TLS", .. }), "{error}");
    }

    #[test]
    fn reads_the_variables_and_takes_empty_for_unset() {
        let environment = EngineEnvironment::new(&|name| match name {
            "DOCKER_HOST" => Some(String::new()),
            "HOME" => Some("/home/me".into()),
            "DOCKER_TLS_VERIFY" => Some("1".into()),
            _ => None,
        });
        assert_eq!(environment.docker_host, None);
        assert_eq!(environment.docker_config.as_deref(), Some(Path::new("/home/me/.docker")));
        assert!(environment.tls_verify);
    }

    #[test]
    fn without_a_home_there_is_no_configuration() {
        for (home, config, expected) in [
            (None, None, None),
            (Some(""), Some(""), None),
            (Some("."), None, None),
            (None, Some("/c"), Some("/c")),
            // Whoever names the folder means it.
            (Some("/home/me"), Some("ci/docker"), Some("ci/docker")),
        ] {
            let environment = EngineEnvironment::new(&|name| match name {
                "HOME" => home.map(str::to_owned),
                "DOCKER_CONFIG" => config.map(str::to_owned),
                _ => None,
            });
            assert_eq!(environment.docker_config.as_deref(), expected.map(Path::new), "{home:?} {config:?}");
        }
    }
}
