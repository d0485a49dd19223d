//! The `builder.yaml` of docker-builder 0.2 (PyPI): `registries`, each with `registry` (a URL to log in at, or `local`) and
//! `username`, which also stands in front of the names of images; and `containers`, the folders that are built one after
//! the other.

use std::fmt::Write as _;

use super::values::{namespace, registry};
use crate::diagnostic::{Diagnostic, Location, closest};
use crate::evidence::{YamlNode, YamlValue, parse_yaml};
use crate::image::Repository;
use crate::limits;
use crate::path::TreePath;
use crate::printable::printable;

/// What a file of another tool says that settings can say, each with its line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub namespace: Option<(String, usize)>,
    pub registries: Vec<(String, usize)>,
    /// Folders, in the order in which they are built.
    pub folders: Vec<(String, usize)>,
    /// Lines of `[names]`.
    pub names: Vec<(String, String, usize)>,
    /// What is not carried over, and why.
    pub lost: Vec<Diagnostic>,
}

const KEYS: [&str; 2] = ["registries", "containers"];
const REGISTRY_KEYS: [&str; 4] = ["registry", "username", "password", "email"];

/// Reads a `builder.yaml`.
///
/// # Errors
///
/// Where it is no YAML, or none of docker-builder.
pub(crate) fn parse_builder_yaml(text: &str, file: &TreePath) -> Result<Foreign, Vec<Diagnostic>> {
    let documents = parse_yaml(text).map_err(|error| {
        let message = format!("{file} is not read: {}", error.why);
        vec![Diagnostic::error(message).at(at(file, error.line))]
    })?;
    let mut reader = Reader { file, errors: Vec::new(), found: Foreign::default() };
    match &documents[..] {
        [document] if matches!(document.value, YamlValue::Mapping(_)) => reader.document(document),
        [_] | [] => reader.error(1, format!("{file} is not a file of docker-builder: it is no mapping")),
        [_, second, ..] => reader.error(second.line, format!("{file} has more than one document")),
    }
    if reader.errors.is_empty() { Ok(reader.found) } else { Err(reader.errors) }
}

fn at(file: &TreePath, line: usize) -> Location {
    Location { line: Some(line), ..Location::file(file.clone()) }
}

struct Reader<'a> {
    file: &'a TreePath,
    errors: Vec<Diagnostic>,
    found: Foreign,
}

impl Reader<'_> {
    fn error(&mut self, line: usize, message: String) {
        let hint = "it has to say `registries:` and `containers:`, as docker-builder's documentation shows";
        self.errors.push(Diagnostic::error(message).at(at(self.file, line)).hint(hint));
    }

    fn lost(&mut self, line: usize, message: String) {
        self.found.lost.push(Diagnostic::warning(message).at(at(self.file, line)));
    }

    fn lost_with(&mut self, line: usize, message: String, hint: String) {
        self.found.lost.push(Diagnostic::warning(message).at(at(self.file, line)).hint(hint));
    }

    fn document(&mut self, document: &YamlNode) {
        if !document.entries().any(|(key, _)| key.text().is_some_and(|key| KEYS.contains(&key))) {
            return self.error(document.line, format!("{} is not a file of docker-builder", self.file));
        }
        for (key, value) in document.entries() {
            match key.text() {
                Some("registries") => {
                    for entry in self.list(value, "registries") {
                        self.registry(&entry);
                    }
                    self.namespace_of_hosts();
                }
                Some("containers") => {
                    for entry in self.list(value, "containers") {
                        self.container(&entry);
                    }
                }
                other => self.unknown(key.line, other.unwrap_or("…"), &KEYS),
            }
        }
    }

    fn unknown(&mut self, line: usize, key: &str, known: &[&str]) {
        let meant = closest(key, known.iter().copied());
        let hint = match meant.first() {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        self.lost_with(
            line,
            format!("`{}` is not carried over: docker-builder has no such key", printable(key)),
            hint,
        );
    }

    fn list(&mut self, value: &YamlNode, key: &str) -> Vec<YamlNode> {
        match &value.value {
            YamlValue::Sequence(items) if items.len() > limits::EVIDENCE_BUILDS => {
                self.error(value.line, format!("`{key}` has more than {} entries", limits::EVIDENCE_BUILDS));
                Vec::new()
            }
            YamlValue::Sequence(items) => items.clone(),
            _ if value.is_null() => Vec::new(),
            _ => {
                self.error(value.line, format!("`{key}` must be a list"));
                Vec::new()
            }
        }
    }

    fn registry(&mut self, entry: &YamlNode) {
        if !matches!(entry.value, YamlValue::Mapping(_)) {
            return self.lost(entry.line, "this registry is not carried over: it is no mapping".to_owned());
        }
        for (key, _) in entry.entries() {
            let name = key.text().unwrap_or("…");
            if !REGISTRY_KEYS.contains(&name) {
                self.unknown(key.line, name, &REGISTRY_KEYS);
            }
        }
        let text = |key: &str| entry.get(key).filter(|node| !node.is_null()).and_then(YamlNode::text);
        let Some(address) = text("registry") else {
            return self
                .lost(entry.line, "this registry is not carried over: it has no `registry`".to_owned());
        };
        let Some(user) =
            text("username").map(|user| user.trim_end_matches('/')).filter(|user| !user.is_empty())
        else {
            let why = "this registry is not carried over: it has no `username`, which stands in front of the images";
            return self.lost(entry.line, why.to_owned());
        };
        let (host, before) = split_host(user);
        let is_local = address == "local";
        let host = match host {
            Some(host) => host.to_owned(),
            None if is_local => "docker.io".to_owned(),
            None => self.host_of_url(entry.line, address, user),
        };
        let host = match registry(&host) {
            Ok(host) => host,
            Err(error) => {
                return self.lost(entry.line, format!("this registry is not carried over: {error}"));
            }
        };
        if !is_local {
            self.login(entry, &host);
        }
        if !self.found.registries.iter().any(|(known, _)| *known == host) {
            self.found.registries.push((host.clone(), entry.line));
        }
        self.before(entry.line, before, &host);
    }

    fn host_of_url(&mut self, line: usize, address: &str, user: &str) -> String {
        let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
        let host = bare.split('/').next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let host = if matches!(host, "index.docker.io" | "registry-1.docker.io" | "hub.docker.com") {
            "docker.io"
        } else {
            host
        };
        if host != "docker.io" {
            let message = format!(
                "images go to {}: docker-builder logged in there, but pushed {}/NAME, which is on Docker Hub",
                printable(host),
                printable(user)
            );
            self.lost_with(line, message, "for Docker Hub write docker.io under `registry`".to_owned());
        }
        host.to_owned()
    }

    /// Passwords stay where they are.
    fn login(&mut self, entry: &YamlNode, host: &str) {
        let line =
            ["password", "username"].iter().find_map(|key| entry.get(key)).map_or(entry.line, |it| it.line);
        let hint = if entry.get("password").is_some_and(|it| !it.is_null()) {
            format!("`docker login {host}` keeps it; take it out of {}, and out of git's history", self.file)
        } else {
            format!("`docker login {host}` keeps one")
        };
        self.lost_with(line, format!("the login of {host} is not carried over"), hint);
    }

    /// What stands in front of the names of images, besides the host.
    fn before(&mut self, line: usize, before: &str, host: &str) {
        if before.is_empty() {
            return;
        }
        match (&self.found.namespace, namespace(before)) {
            (_, Err(error)) => self.lost(line, format!("the namespace is not carried over: {error}")),
            (None, Ok(text)) => self.found.namespace = Some((text, line)),
            (Some((first, _)), Ok(text)) if *first != text => {
                let message = format!("{text} is not carried over: images are {host}/{first}/NAME here");
                self.lost_with(line, message, "all registries get the same names".to_owned());
            }
            (Some(_), Ok(_)) => {}
        }
    }

    /// Registries without a user: NAME stands right behind the host.
    fn namespace_of_hosts(&mut self) {
        let Some((first, line)) = self.found.registries.first().cloned() else { return };
        match &self.found.namespace {
            None => {
                self.found.namespace = Some((first, line));
                if self.found.registries.len() == 1 {
                    // Names that begin with a host say where they go.
                    self.found.registries.clear();
                }
            }
            Some((namespace, from)) => {
                let (namespace, from) = (namespace.clone(), *from);
                let others =
                    self.found.registries.iter().filter(|(host, line)| *line != from && host != "docker.io");
                for (host, line) in others.cloned().collect::<Vec<_>>() {
                    let message =
                        format!("images are {host}/{namespace}/NAME here, with the namespace in between");
                    self.lost(line, message);
                }
            }
        }
    }

    fn container(&mut self, entry: &YamlNode) {
        let Some(name) = entry.text().filter(|_| !entry.is_null()) else {
            return self.lost(entry.line, "this container is not carried over: it is no text".to_owned());
        };
        let name = name.strip_prefix("./").unwrap_or(name).trim_end_matches('/');
        let is_inside =
            !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let mut message = format!("{} is not carried over: ", printable(name));
        if !is_inside {
            message.push_str("it is not a folder below this file");
            return self.lost(entry.line, message);
        }
        if let Err(error) = Repository::new(&format!("x/{name}")) {
            // Writing to a string cannot fail.
            let _ = write!(message, "{error}");
            return self.lost(entry.line, message);
        }
        self.found.folders.push((name.to_owned(), entry.line));
    }
}

/// The host that a name begins with, and what comes behind.
fn split_host(name: &str) -> (Option<&str>, &str) {
    let (first, rest) = name.split_once('/').unwrap_or((name, ""));
    if first.contains(['.', ':']) || first == "localhost" { (Some(first), rest) } else { (None, name) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Foreign {
        parse_builder_yaml(text, &"builder.yaml".into()).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
    }

    fn said(found: &[Diagnostic]) -> Vec<String> {
        let line = |found: &Diagnostic| found.location.as_ref().and_then(|it| it.line).unwrap_or(0);
        found.iter().map(|it| format!("{}: {}", line(it), it.message)).collect()
    }

    #[test]
    fn the_example_of_its_documentation() {
        let found = read(
            "registries:\n  - registry: https://index.docker.io/v1/\n    username: user\n    password: pass\n    \
             email: email\n\n  - registry: local\n    username: 127.0.0.1:5000\n\ncontainers:\n  - container1\n  \
             - container2\n",
        );
        assert_eq!(found.namespace, Some(("user".into(), 2)));
        assert_eq!(found.registries, [("docker.io".into(), 2), ("127.0.0.1:5000".into(), 7)]);
        assert_eq!(found.folders, [("container1".into(), 11), ("container2".into(), 12)]);
        assert_eq!(
            said(&found.lost),
            [
                "4: the login of docker.io is not carried over",
                "7: images are 127.0.0.1:5000/user/NAME here, with the namespace in between",
            ]
        );
        assert!(!format!("{:?}", found.lost).contains("pass\""), "no password is shown");
    }

    #[test]
    fn hosts_alone_are_the_namespace() {
        let found = read("registries: [{registry: local, username: 'reg.lan:5000'}]\ncontainers: [a]");
        assert_eq!((found.namespace, found.registries), (Some(("reg.lan:5000".into(), 1)), Vec::new()));
        let found = read(
            "registries: [{registry: local, username: 'a:1/team/'}, {registry: local, username: 'b:1/team'}]",
        );
        assert_eq!(found.namespace, Some(("team".into(), 1)));
        assert_eq!(found.registries.len(), 2);
    }

    #[test]
    fn what_is_lost_is_said_with_its_line() {
        let found = read(
            "registries:\n- registry: https://me:secret@quay.io/v1\n  username: a\n  tag: x\n- x\n- registry: local\n\
             - registry: https://index.docker.io\n  username: b\ncontainers:\n- ../up\n- NodeBase\n- [a]\n- ./ok/\n\
             container: x\n",
        );
        let lost = said(&found.lost);
        for line in [
            "4: `tag` is not carried over: docker-builder has no such key",
            "2: images go to quay.io: docker-builder logged in there, but pushed a/NAME, which is on Docker Hub",
            "5: this registry is not carried over: it is no mapping",
            "6: this registry is not carried over: it has no `username`, which stands in front of the images",
            "7: b is not carried over: images are docker.io/a/NAME here",
            "10: ../up is not carried over: it is not a folder below this file",
            "12: this container is not carried over: it is no text",
            "14: `container` is not carried over: docker-builder has no such key",
        ] {
            assert!(lost.iter().any(|it| it == line), "{line}: {lost:#?}");
        }
        assert!(lost.iter().any(|it| it.starts_with("11: NodeBase is not carried over: ")), "{lost:#?}");
        assert!(!format!("{found:?}").contains("secret"));
        assert_eq!(found.folders, [("ok".into(), 13)]);
    }

    #[test]
    fn what_is_no_such_file_is_an_error() {
        let many = format!("containers: [{}]", "a,".repeat(limits::EVIDENCE_BUILDS + 1));
        for text in
            ["", "- a", "a: b", "containers: x", "registries: 3", "a: [", "containers: []\n---\nx: y", &many]
        {
            let errors = parse_builder_yaml(text, &"builder.yaml".into()).expect_err(text);
            assert!(errors.iter().all(|error| error.location.as_ref().is_some_and(|it| it.line.is_some())));
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in r"((registries|containers|registry|username|password|x|&a|\*a|<<)(: | |:\n  - |\n)?|[\[\]{},\-\n ]|local|https://h|'é'){0,24}") {
            let _ = parse_builder_yaml(&text, &"x".into());
        }
    }
}
