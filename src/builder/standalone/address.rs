use std::fmt;
use std::path::PathBuf;

use super::{BuilderCertificates, BuilderError};
use crate::engine::SshTarget;
use crate::redact;

/// Where a stand-alone `BuildKit` is, and which certificates lead there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuilderAddress {
    /// As a user writes it.
    text: String,
    pub(super) route: Route,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Unix(PathBuf),
    Tcp {
        /// `host:port`.
        address: String,
        /// None: without encryption.
        certificates: Option<BuilderCertificates>,
    },
    Ssh(SshTarget),
    Program {
        program: &'static str,
        arguments: Vec<String>,
    },
}

impl fmt::Display for BuilderAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What connects its standard input and output to the `BuildKit` beside it.
const DIAL: [&str; 2] = ["buildctl", "dial-stdio"];

/// The addresses that there are.
const FORMS: &str = "write unix:///path/to/buildkitd.sock, tcp://HOST:PORT, ssh://USER@HOST, docker-container://NAME, \
                     kube-pod://POD, or the name of a builder that `docker buildx create` made";

impl BuilderAddress {
    /// Reads one. The certificates count where there is a network in between.
    ///
    /// # Errors
    ///
    /// With what is wrong about it.
    pub(crate) fn parse(text: &str, certificates: &BuilderCertificates) -> Result<Self, BuilderError> {
        let wrong = |reason: &str| BuilderError::Address {
            address: redact::masked(text).into_owned(),
            reason: reason.to_owned(),
            hint: FORMS,
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        let route = match scheme {
            "unix" if rest.starts_with('/') => Route::Unix(rest.into()),
            "unix" => return Err(wrong("the path of its socket does not begin with /")),
            "tcp" => Route::Tcp {
                address: host_and_port(rest).map_err(wrong)?,
                certificates: certificates.are_given().then(|| certificates.clone()),
            },
            "ssh" => Route::Ssh(SshTarget::parse(rest).map_err(wrong)?),
            "docker-container" => {
                let (name, options) = options(rest, &["context"]).map_err(|it| wrong(&it))?;
                let place = options.iter().flat_map(|(_, value)| ["--context".to_owned(), value.clone()]);
                container(place.collect(), &name)
            }
            "kube-pod" => {
                let (name, options) =
                    options(rest, &["context", "namespace", "container"]).map_err(|it| wrong(&it))?;
                pod(&name, &options)
            }
            "http" | "https" => {
                return Err(wrong("BuildKit has no such scheme; TLS is tcp:// with certificates"));
            }
            _ => return Err(wrong("there is no such scheme")),
        };
        Ok(Self { text: text.to_owned(), route })
    }

    /// A container of the engine that `place`, options of docker, says.
    pub(super) fn container(place: Vec<String>, name: &str) -> Self {
        Self { text: format!("docker-container://{name}"), route: container(place, name) }
    }

    pub(super) fn pod(name: &str, options: &[(String, String)]) -> Self {
        Self { text: format!("kube-pod://{name}"), route: pod(name, options) }
    }

    /// Whether there is a network in between that certificates are for.
    pub(crate) fn takes_certificates(&self) -> bool {
        matches!(self.route, Route::Tcp { .. })
    }

    /// Whether whoever answers there could be anybody, as far as the one knows who starts this: a host that is only
    /// named, or a socket that others may have made. Ssh has its known hosts, docker and kubectl their own.
    pub(crate) fn could_be_anybody(&self) -> bool {
        match &self.route {
            Route::Unix(path) => !["/run", "/var/run"].iter().any(|folder| path.starts_with(folder)),
            Route::Tcp { .. } => true,
            Route::Ssh(target) => target.socket().is_some(),
            Route::Program { .. } => false,
        }
    }
}

fn container(mut arguments: Vec<String>, name: &str) -> Route {
    arguments.extend(["exec", "-i", name].map(str::to_owned));
    arguments.extend(DIAL.map(str::to_owned));
    Route::Program { program: "docker", arguments }
}

fn pod(name: &str, options: &[(String, String)]) -> Route {
    let mut arguments: Vec<String> = options
        .iter()
        .filter(|(key, _)| key != "container")
        .map(|(key, value)| format!("--{key}={value}"))
        .collect();
    arguments.extend(["exec", "-i"].map(str::to_owned));
    let container = options.iter().find(|(key, _)| key == "container");
    arguments.extend(container.map(|(_, value)| format!("--container={value}")));
    arguments.extend([name, "--"].map(str::to_owned));
    arguments.extend(DIAL.map(str::to_owned));
    Route::Program { program: "kubectl", arguments }
}

/// The command at the other end of ssh.
pub(super) fn remote_dial(target: &SshTarget) -> Vec<String> {
    let [program, verb] = DIAL.map(str::to_owned);
    match target.socket() {
        Some(socket) => vec![program, "--addr".to_owned(), format!("unix://{socket}"), verb],
        None => vec![program, verb],
    }
}

fn host_and_port(text: &str) -> Result<String, &'static str> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) =
        text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).ok_or("its port is missing")?;
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_host = if is_bracketed {
        host[1..host.len() - 1].parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty() && host.bytes().all(is_plain)
    };
    if !is_host {
        return Err("its host is not a host name");
    }
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err("its port is not a number");
    }
    Ok(format!("{host}:{port}"))
}

/// `NAME[?KEY=VALUE[&…]]`, of these keys.
fn options(text: &str, known: &[&str]) -> Result<(String, Vec<(String, String)>), String> {
    let (name, query) = text.split_once('?').unwrap_or((text, ""));
    if !is_name(name) {
        return Err("its name is not a name".to_owned());
    }
    let mut options = Vec::new();
    for field in query.split('&').filter(|field| !field.is_empty()) {
        match field.split_once('=') {
            Some((key, value)) if known.contains(&key) && is_name(value) => {
                options.push((key.to_owned(), value.to_owned()));
            }
            _ => return Err(format!("`{field}` is none of {}", known.join("=, ") + "=")),
        }
    }
    Ok((name.to_owned(), options))
}

/// Whether no program takes it for an option.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@:/".contains(&byte);
    text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BuilderAddress, String> {
        let parsed = BuilderAddress::parse(text, &BuilderCertificates::default());
        parsed.map_err(|error| error.to_string())
    }

    fn words(text: &str) -> String {
        match parse(text).expect(text).route {
            Route::Program { program, arguments } => format!("{program} {}", arguments.join(" ")),
            Route::Ssh(target) => remote_dial(&target).join(" "),
            route => panic!("{route:?}"),
        }
    }

    #[test]
    fn sockets_and_hosts() {
        let unix = parse("unix:///run/b.sock").expect("a socket");
        assert_eq!(unix.route, Route::Unix("/run/b.sock".into()));
        for (text, expected) in
            [("tcp://h:1234", "h:1234"), ("tcp://[::1]:1/", "[::1]:1"), ("tcp://10.0.0.1:9", "10.0.0.1:9")]
        {
            let Route::Tcp { address, certificates: None } = parse(text).expect(text).route else {
                panic!("{text}")
            };
            assert_eq!(address, expected);
        }
        let given =
            BuilderCertificates { authority: Some("ca.pem".into()), ..BuilderCertificates::default() };
        let with_tls = BuilderAddress::parse("tcp://h:1", &given).expect("valid");
        assert_eq!(with_tls.route, Route::Tcp { address: "h:1".into(), certificates: Some(given) });
    }

    #[test]
    fn programs_that_lead_there() {
        for (text, expected) in [
            ("docker-container://b0", "docker exec -i b0 buildctl dial-stdio"),
            ("docker-container://b0?context=far", "docker --context far exec -i b0 buildctl dial-stdio"),
            ("kube-pod://p", "kubectl exec -i p -- buildctl dial-stdio"),
            (
                "kube-pod://p?namespace=n&container=c&context=x",
                "kubectl --namespace=n --context=x exec -i --container=c p -- buildctl dial-stdio",
            ),
            ("ssh://me@host", "buildctl dial-stdio"),
            ("ssh://host/run/b.sock", "buildctl --addr unix:///run/b.sock dial-stdio"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn who_is_known_by_more_than_an_address() {
        for (text, could) in [
            ("unix:///run/buildkit/b.sock", false),
            ("unix:///var/run/b.sock", false),
            ("unix:///tmp/b.sock", true),
            ("unix:///runaway/b.sock", true),
            ("tcp://h:1", true),
            ("ssh://h", false),
            ("ssh://h/tmp/b.sock", true),
            ("docker-container://b0", false),
            ("kube-pod://p", false),
        ] {
            assert_eq!(parse(text).expect(text).could_be_anybody(), could, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, part) in [
            ("b0", "no scheme"),
            ("unix://b.sock", "begin with /"),
            ("tcp://h", "port is missing"),
            ("tcp://h:x", "not a number"),
            ("tcp://h:0", "not a number"),
            ("tcp://h/x:1", "not a host name"),
            ("tcp://[::g]:1", "not a host name"),
            ("ssh://-oProxyCommand=x", "not a name"),
            ("ssh://me:secret@host", "password"),
            ("docker-container://-v", "not a name"),
            ("docker-container://", "not a name"),
            ("docker-container://x?context=-c", "is none of context="),
            ("kube-pod://p?pod=x", "is none of context=, namespace=, container="),
            ("https://h", "TLS is tcp://"),
            ("npipe:////./pipe/x", "no such scheme"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
