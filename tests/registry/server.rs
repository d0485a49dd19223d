//! A real registry, started and stopped by `.ci/registry`, and images to put into it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shipwright::internals::{Credentials, RegistryClient, RegistryOptions, RetryPolicy};
use shipwright::internals::{ImageReference, Repository};
use tempfile::TempDir;

/// The login of registries of the kind `htpasswd`. Its base64 differs between the usual and the URL-safe alphabet.
pub const LOGIN: (&str, &str) = ("me", "p?~>ss");

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/registry");

/// A running registry.
pub struct Server {
    folder: TempDir,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// Starts one; `arguments` as of `.ci/registry start FOLDER`.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        Self::start_with(arguments, &[])
    }

    /// The same on another address of this machine than the loopback interface's.
    pub fn start_at(address: IpAddr, arguments: &[&str]) -> Option<Self> {
        Self::start_with(arguments, &[("ADDRESS", address.to_string())])
    }

    /// The same with a certificate, its key, and possibly the authority of its clients. Where no registry can be
    /// installed the test cannot run: in CI that is a failure, elsewhere it is said.
    pub fn start_encrypted(arguments: &[&str], files: &[&Path]) -> Option<Self> {
        let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        Self::start_with(arguments, &[("TLS", files.join(" "))])
    }

    /// One that deletes nothing, as Docker's registry is when nobody configures it.
    pub fn start_without_deletion() -> Option<Self> {
        Self::start_with(&[], &[("DELETE", "false".to_owned())])
    }

    fn start_with(arguments: &[&str], variables: &[(&str, String)]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let output = Command::new(SCRIPT)
            .arg("start")
            .arg(folder.path().join("registry"))
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(std::env::var_os("CI").is_none(), "no registry: {said}");
            #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
            {
                eprintln!("not run, no registry: {said}");
            }
            return None;
        }
        let address = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Some(Self { folder, address })
    }

    /// A repository in it.
    pub fn repository(&self, path: &str) -> Repository {
        Repository::new(&format!("{}/{path}", self.address)).expect("a repository")
    }

    /// An image in it.
    pub fn reference(&self, rest: &str) -> ImageReference {
        format!("{}/{rest}", self.address).parse().expect("a reference")
    }

    /// A folder that is removed with it.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// What it wrote about itself.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("registry/log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new(SCRIPT).arg("stop").arg(self.folder.path().join("registry")).status();
    }
}

/// Pauses short enough for tests.
pub fn options() -> RegistryOptions {
    RegistryOptions {
        certificates: Vec::new(),
        request_timeout: Duration::from_millis(1500),
        retry: RetryPolicy {
            tries: 3,
            first_pause: Duration::from_millis(10),
            longest_pause: Duration::from_millis(200),
        },
        ..RegistryOptions::default()
    }
}

/// A client without logins.
pub fn anonymous() -> RegistryClient {
    RegistryClient::new(options(), Arc::new(Credentials::new(None, None, Duration::from_secs(5))))
}

/// A client with this `config.json` in `folder`, whose helpers are looked for in `folder` first.
pub fn with_config(folder: &Path, config: &Value, options: RegistryOptions) -> RegistryClient {
    RegistryClient::new(options, Arc::new(credentials(folder, config)))
}

/// Logins of this `config.json`.
pub fn credentials(folder: &Path, config: &Value) -> Credentials {
    let file = folder.join("config.json");
    std::fs::write(&file, config.to_string()).expect("written");
    let path = format!("{}:/usr/bin:/bin", folder.display());
    Credentials::new(Some(file), Some(path.into()), Duration::from_secs(2))
}

/// `auths` with one login.
pub fn auths(host: &str, (username, password): (&str, &str)) -> Value {
    json!({"auths": {host: {"username": username, "password": password}}})
}

/// The `Authorization` header of a login.
pub fn basic((user, password): (&str, &str)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Puts images into a registry, the way `docker push` does, without the code that is tested.
pub struct Uploader {
    pub client: reqwest::Client,
    pub base: String,
    pub authorization: Option<String>,
}

impl Uploader {
    pub fn new(server: &Server) -> Self {
        // As the tested client does: one cryptography provider for the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("a client");
        Self { client, base: format!("http://{}/v2", server.address), authorization: None }
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.authorization {
            Some(value) => request.header(reqwest::header::AUTHORIZATION, value),
            None => request,
        }
    }

    /// Uploads bytes and gives their digest.
    pub async fn blob(&self, repository: &str, bytes: &[u8]) -> String {
        let start = self.authorized(self.client.post(format!("{}/{repository}/blobs/uploads/", self.base)));
        let started = start.send().await.expect("an upload");
        assert_eq!(started.status(), 202, "{started:?}");
        let location = started.headers()[LOCATION].to_str().expect("text").to_owned();
        let digest = digest(bytes);
        let finish = self.client.put(format!("{location}&digest={digest}")).body(bytes.to_vec());
        assert_eq!(self.authorized(finish).send().await.expect("an answer").status(), 201);
        digest
    }

    /// Puts a manifest and gives its digest.
    pub async fn manifest(&self, repository: &str, name: &str, document: &Value) -> String {
        // Not the order or spacing that a serialiser would choose again.
        let text = format!("{document:#}\n");
        let kind = document["mediaType"].as_str().expect("a media type").to_owned();
        let put = self.client.put(format!("{}/{repository}/manifests/{name}", self.base));
        let put = put.header(CONTENT_TYPE, kind).body(text.clone());
        let answer = self.authorized(put).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
        digest(text.as_bytes())
    }

    /// An image with one layer and these labels; gives its manifest's digest and text length.
    pub async fn image(
        &self,
        repository: &str,
        name: &str,
        labels: &[(&str, &str)],
        arch: &str,
    ) -> (String, u64) {
        let config = config(labels, arch);
        let layer = format!("layer of {repository} for {arch}");
        for blob in [&config, &layer] {
            self.blob(repository, blob.as_bytes()).await;
        }
        let document = image_manifest(&config, &layer);
        let digest = self.manifest(repository, name, &document).await;
        (digest, format!("{document:#}\n").len() as u64)
    }

    /// An index of two images and an attestation; gives its digest.
    pub async fn index(&self, repository: &str, name: &str, labels: &[(&str, &str)]) -> String {
        let mut manifests = Vec::new();
        for arch in ["arm64", "amd64"] {
            let (digest, size) = self.image(repository, arch, labels, arch).await;
            manifests.push(json!({"mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "digest": digest, "size": size, "platform": {"os": "linux", "architecture": arch}}));
        }
        let mut attestation = manifests[1].clone();
        attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        manifests.push(attestation);
        let document = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests});
        self.manifest(repository, name, &document).await
    }
}

/// The configuration of an image with these labels.
pub fn config(labels: &[(&str, &str)], arch: &str) -> String {
    let labels: BTreeMap<_, _> = labels.iter().copied().collect();
    json!({"os": "linux", "architecture": arch, "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": []}})
    .to_string()
}

/// The manifest of an image of this configuration and one layer.
pub fn image_manifest(config: &str, layer: &str) -> Value {
    json!({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(),
            "digest": digest(config.as_bytes())},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": layer.len(),
            "digest": digest(layer.as_bytes())}]})
}

/// `sha256:…` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
