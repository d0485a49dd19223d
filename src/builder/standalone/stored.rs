//! The builders that `docker buildx create` has stored: a file a builder, which says how its nodes are reached.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

use super::address::is_name;
use super::{BuilderAddress, BuilderCertificates, BuilderError};
use crate::diagnostic::closest;
use crate::engine::read_own_file;
use crate::printable::printable;

/// How long a cluster may take to say which pods it has.
const CLUSTER: Duration = Duration::from_secs(30);

/// The folder that buildx keeps its builders in.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildxStore {
    /// `BUILDX_CONFIG`, else the folder `buildx` of docker's configuration. None where there is no home.
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    #[serde(default)]
    driver: String,
    #[serde(default)]
    nodes: Option<Vec<Node>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    name: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    driver_opts: Option<std::collections::BTreeMap<String, String>>,
}

impl BuildxStore {
    /// The addresses of a stored builder's nodes.
    ///
    /// # Errors
    ///
    /// Where none is stored under that name, or its file does not say how to get there.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<BuilderAddress>, BuilderError> {
        let instance = self.instance(name)?;
        let mut addresses = Vec::new();
        for node in instance.nodes.unwrap_or_default() {
            match instance.driver.as_str() {
                "remote" => addresses.push(node.remote()?),
                "docker-container" => addresses.push(node.container(name)?),
                "kubernetes" => addresses.extend(node.pods(name).await?),
                "docker" => {
                    let message = format!("the builder {name} is the engine itself");
                    let hint = "leave --builder out: then the engine builds".to_owned();
                    return Err(BuilderError::Stored { message, hint });
                }
                driver => {
                    let message = format!(
                        "the builder {name} has the driver `{}`, which is not known",
                        printable(driver)
                    );
                    let hint = "known are remote, docker-container and kubernetes".to_owned();
                    return Err(BuilderError::Stored { message, hint });
                }
            }
        }
        if addresses.is_empty() {
            let message = format!("the builder {name} has no nodes");
            let hint = format!("`docker buildx inspect --bootstrap {name}` starts them");
            return Err(BuilderError::Stored { message, hint });
        }
        Ok(addresses)
    }

    fn instance(&self, name: &str) -> Result<Instance, BuilderError> {
        let instances = self.folder.as_ref().map(|folder| folder.join("instances"));
        let Some(folder) = instances.filter(|_| is_name(name) && !name.contains('/')) else {
            return Err(self.unknown(name));
        };
        let path = folder.join(name);
        let damaged = |reason: String| BuilderError::Stored {
            message: format!("cannot read {}: {reason}", path.display()),
            hint: format!("`docker buildx rm {name}`, then create it again"),
        };
        match read_own_file(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.unknown(name)),
            Err(error) => Err(damaged(error.to_string())),
        }
    }

    fn unknown(&self, name: &str) -> BuilderError {
        let names = self.names();
        let close = closest(name, names.iter().map(String::as_str));
        let hint = match close.first() {
            Some(meant) => format!("did you mean {meant}? `docker buildx ls` lists them"),
            None => {
                "`docker buildx ls` lists them; an address has a scheme, such as tcp://HOST:PORT".to_owned()
            }
        };
        let message = format!("no builder `{}` is stored by docker buildx", printable(name));
        BuilderError::Stored { message, hint }
    }

    fn names(&self) -> Vec<String> {
        let folder = self.folder.as_ref().map(|folder| folder.join("instances"));
        let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

impl Node {
    fn option(&self, name: &str) -> Option<&String> {
        self.driver_opts.as_ref()?.get(name).filter(|value| !value.is_empty())
    }

    fn remote(&self) -> Result<BuilderAddress, BuilderError> {
        let file = |name: &str| self.option(name).map(PathBuf::from);
        let certificates = BuilderCertificates {
            authority: file("cacert"),
            certificate: file("cert"),
            key: file("key"),
            server_name: self.option("servername").cloned(),
        };
        BuilderAddress::parse(&self.endpoint, &certificates)
    }

    /// The container that buildx makes for a node, on the engine of an address or a context.
    fn container(&self, builder: &str) -> Result<BuilderAddress, BuilderError> {
        let container = format!("buildx_buildkit_{}", self.name);
        let is_option = self.endpoint.starts_with('-');
        if is_option || !is_name(&container) {
            return Err(damaged(builder));
        }
        let place = match self.endpoint.as_str() {
            "" => Vec::new(),
            host if host.contains("://") => vec!["--host".to_owned(), host.to_owned()],
            context => vec!["--context".to_owned(), context.to_owned()],
        };
        Ok(BuilderAddress::container(place, &container))
    }

    /// The pods that are up of a node's deployment.
    async fn pods(&self, builder: &str) -> Result<Vec<BuilderAddress>, BuilderError> {
        let deployment = self.name.replace('_', "-");
        let namespace = self.option("namespace").cloned();
        if !is_name(&deployment) || namespace.as_deref().is_some_and(|it| !is_name(it)) {
            return Err(damaged(builder));
        }
        let mut arguments: Vec<String> = namespace.iter().map(|it| format!("--namespace={it}")).collect();
        arguments.extend(
            ["get", "pods", "--output=name", "--field-selector=status.phase=Running"].map(str::to_owned),
        );
        arguments.push(format!("--selector=app={deployment}"));
        let failed = |reason: String| BuilderError::Stored {
            message: format!("cannot find the pods of the builder {builder}: {reason}"),
            hint: format!("see whether `kubectl {}` works", arguments.join(" ")),
        };
        let asking = tokio::process::Command::new("kubectl")
            .args(&arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match tokio::time::timeout(CLUSTER, asking).await {
            Ok(output) => output.map_err(|error| failed(format!("kubectl cannot be started: {error}")))?,
            Err(_) => return Err(failed(format!("kubectl did not answer for {} s", CLUSTER.as_secs()))),
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(printable(said.trim()).to_string()));
        }
        let options: Vec<_> =
            namespace.map(|namespace| ("namespace".to_owned(), namespace)).into_iter().collect();
        let text = String::from_utf8_lossy(&output.stdout);
        let pods =
            text.lines().filter_map(|line| line.trim().strip_prefix("pod/")).filter(|pod| is_name(pod));
        Ok(pods.map(|pod| BuilderAddress::pod(pod, &options)).collect())
    }
}

fn damaged(builder: &str) -> BuilderError {
    BuilderError::Stored {
        message: format!(
            "the builder {builder} has a node that is called or reached in no way that is known"
        ),
        hint: format!("`docker buildx rm {builder}`, then create it again"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::Route;
    use super::*;

    fn store(files: &[(&str, &str)]) -> (tempfile::TempDir, BuildxStore) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("instances")).expect("made");
        for (name, text) in files {
            fs::write(folder.path().join("instances").join(name), text).expect("written");
        }
        let store = BuildxStore { folder: Some(folder.path().to_owned()) };
        (folder, store)
    }

    /// As buildx 0.13 writes them.
    const REMOTE: &str = r#"{"Name":"rem","Driver":"remote","Nodes":[{"Name":"rem0","Endpoint":"tcp://10.0.0.1:1","Platforms":null,"DriverOpts":{"cacert":"/x/ca.pem","cert":"/x/c.pem","key":"/x/k.pem","servername":"bk"},"Flags":null,"Files":null},{"Name":"rem1","Endpoint":"unix:///run/b.sock","Platforms":null,"DriverOpts":null,"Flags":null,"Files":null}],"Dynamic":false}"#;
    const CONTAINER: &str = r#"{"Name":"dc","Driver":"docker-container","Nodes":[{"Name":"dc0","Endpoint":"unix:///run/docker.sock","Platforms":[],"DriverOpts":null},{"Name":"dc1","Endpoint":"far","Platforms":null}],"Dynamic":false}"#;

    #[tokio::test]
    async fn nodes_are_reached_as_their_driver_says() {
        let (_folder, store) = store(&[("rem", REMOTE), ("dc", CONTAINER)]);
        let remote = store.addresses("rem").await.expect("stored");
        let Route::Tcp { certificates: Some(certificates), .. } = &remote[0].route else { panic!("TLS") };
        assert_eq!(certificates.authority, Some("/x/ca.pem".into()));
        assert_eq!(certificates.server_name.as_deref(), Some("bk"));
        assert_eq!(remote[1].route, Route::Unix("/run/b.sock".into()));
        let words = |address: &BuilderAddress| match &address.route {
            Route::Program { program, arguments } => format!("{program} {}", arguments.join(" ")),
            route => panic!("{route:?}"),
        };
        let containers = store.addresses("dc").await.expect("stored");
        assert_eq!(
            containers.iter().map(words).collect::<Vec<_>>(),
            [
                "docker --host unix:///run/docker.sock exec -i buildx_buildkit_dc0 buildctl dial-stdio",
                "docker --context far exec -i buildx_buildkit_dc1 buildctl dial-stdio",
            ]
        );
    }

    #[tokio::test]
    async fn what_cannot_be_used_says_why() {
        let (_folder, store) = store(&[
            ("rem", REMOTE),
            ("broken", "{"),
            ("own", r#"{"Driver":"docker","Nodes":[{"Name":"n"}]}"#),
            ("odd", r#"{"Driver":"cloud","Nodes":[{"Name":"n"}]}"#),
            ("empty", r#"{"Driver":"remote","Nodes":null}"#),
            ("option", r#"{"Driver":"docker-container","Nodes":[{"Name":"n","Endpoint":"--x"}]}"#),
        ]);
        for (name, message, hint) in [
            ("ren", "no builder `ren`", "did you mean rem?"),
            ("../rem", "no builder `../rem`", "docker buildx ls"),
            ("broken", "cannot read", "create it again"),
            ("own", "is the engine itself", "leave --builder out"),
            ("odd", "driver `cloud`", "docker-container"),
            ("empty", "has no nodes", "--bootstrap"),
            ("option", "called or reached", "create it again"),
        ] {
            let error = store.addresses(name).await.expect_err(name);
            assert!(error.to_string().contains(message), "{name}: {error}");
            assert!(error.hint().is_some_and(|it| it.contains(hint)), "{name}: {:?}", error.hint());
        }
        let nowhere = BuildxStore::default().addresses("rem").await.expect_err("no home");
        assert!(nowhere.to_string().contains("no builder `rem`"));
    }
}
