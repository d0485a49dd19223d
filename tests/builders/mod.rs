//! Stand-ins for stand-alone `BuildKit`: engines of a test's own, each in a network of its own, whose `/grpc` a splice
//! makes reachable by a socket, a port or a program.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::support::{Engine, Run};

const ENGINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/engine");

/// An engine that answers as `buildkitd` does, and reaches the registry of the test.
pub struct Stand {
    folder: TempDir,
    pub host: String,
    forwarder: Option<Child>,
    /// Ends what leads to the engine, and to the registry, when it is dropped.
    runtime: Option<Runtime>,
}

impl Stand {
    /// Starts one beside the engine of version 26.1 that tests run on: 20.10 has no such store, and elsewhere nobody can
    /// start one. `registry` is `127.0.0.1:PORT` of this test.
    pub fn start(registry: &str) -> Option<Self> {
        if !can_run() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let started = Command::new(ENGINE)
            .args(["start", "26.1-containerd"])
            .arg(folder.path().join("engine"))
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");
        let host = Run::of(&started).exits(0).stdout.trim().to_owned();
        let runtime = Some(Runtime::new().expect("threads"));
        let mut stand = Self { folder, host, forwarder: None, runtime };
        stand.forward(registry);
        Some(stand)
    }

    /// Lets the engine, in whose network nothing is, reach the registry under its address.
    fn forward(&mut self, registry: &str) {
        let socket = self.folder.path().join("registry.sock");
        let listener = self.runtime().block_on(async { UnixListener::bind(&socket).expect("a socket") });
        let address = registry.to_owned();
        self.runtime().spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let address = address.clone();
                tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(address).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        let forwarder = Command::new(ENGINE)
            .arg("run")
            .arg(self.engine())
            .arg(std::env::current_exe().expect("this program"))
            .args(["--exact", "forwards_to_the_registry", "--ignored", "--nocapture"])
            .env("FORWARD_FROM", registry)
            .env("FORWARD_TO", &socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        self.forwarder = Some(forwarder);
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("not dropped yet")
    }

    fn engine(&self) -> PathBuf {
        self.folder.path().join("engine")
    }

    fn socket(&self) -> PathBuf {
        self.engine().join("docker.sock")
    }

    /// A socket at which it answers.
    pub fn unix(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        let listener = self.runtime().block_on(async { UnixListener::bind(&path).expect("a socket") });
        let engine = self.socket();
        self.runtime().spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(splice(near, engine.clone()));
            }
        });
        format!("unix://{}", path.display())
    }

    /// A port at which it answers, perhaps encrypted.
    pub fn tcp(&self, encryption: Option<Arc<ServerConfig>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        let address = listener.local_addr().expect("an address");
        let engine = self.socket();
        self.runtime().spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((near, _)) = listener.accept().await {
                let (engine, encryption) = (engine.clone(), encryption.clone());
                tokio::spawn(async move {
                    match encryption {
                        None => splice(near, engine).await,
                        Some(config) => {
                            if let Ok(near) = TlsAcceptor::from(config).accept(near).await {
                                splice(near, engine).await;
                            }
                        }
                    }
                });
            }
        });
        format!("tcp://{address}")
    }

    /// A folder with this program in it, which leads to the builder at `unix` whatever it is told, and notes that.
    pub fn program(&self, name: &str, unix: &str) -> PathBuf {
        let folder = self.folder.path().join(format!("bin-{name}"));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(name);
        let this = std::env::current_exe().expect("this program");
        let script = format!(
            "#!/bin/sh\necho \"$*\" >>{0}/log\ncase \"$*\" in *refused*) echo 'no such thing' >&2; exit 1;; esac\n\
             case \"$*\" in *'get pods'*) echo pod/p0; exit 0;; esac\n\
             SPLICE_TO={1} exec {2} --exact leads_to_a_builder --ignored --nocapture 3>&1 >/dev/null\n",
            folder.display(),
            unix.trim_start_matches("unix://"),
            this.display()
        );
        fs::write(&path, script).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        folder
    }

    /// Sends its daemon a signal.
    pub fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.engine().join("pid")).expect("it runs");
        let sent = Command::new("kill").args([signal, pid.trim()]).status().expect("kill runs");
        assert!(sent.success());
    }

    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker").args(["-H", &self.host]).args(arguments).output();
        Run::of(&output.expect("docker runs")).exits(0).stdout.trim().to_owned()
    }

    /// Puts busybox into the registry, as the only base image that there is.
    pub fn push_busybox(&self, registry: &str) {
        let made = Command::new(ENGINE).args(["busybox", &self.host]).output().expect("bash runs");
        Run::of(&made).exits(0);
        let name = format!("{registry}/busybox");
        self.docker(&["tag", "busybox:latest", &name]);
        self.docker(&["push", &name]);
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if let Some(mut forwarder) = self.forwarder.take() {
            let _ = forwarder.kill();
            let _ = forwarder.wait();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let _ = Command::new(ENGINE).arg("stop").arg(self.engine()).output();
    }
}

pub fn can_run() -> bool {
    Engine::start().is_some() && std::env::var("SHIPWRIGHT_TEST_ENGINE").as_deref() == Ok("26.1")
}

/// Turns an engine's connection over to `/grpc`, and copies.
async fn splice(mut near: impl AsyncRead + AsyncWrite + Unpin, engine: PathBuf) {
    let Ok(mut far) = UnixStream::connect(engine).await else { return };
    let question = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    if far.write_all(question).await.is_err() {
        return;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        match far.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(_) => return,
        }
    }
    let _ = copy_bidirectional(&mut near, &mut far).await;
}

/// A builder's certificate, its key, and whose clients it takes.
pub fn encryption(certificate: &Path, key: &Path, clients: Option<&Path>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_file(authority).expect("a certificate"))
                .expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let mut config = builder.with_single_cert(vec![certificate], key).expect("they belong together");
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// As a process in an engine's network: whatever comes to the registry's address goes to a socket.
pub fn forward_to_the_registry() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(from), Some(to)) = (variable("FORWARD_FROM"), variable("FORWARD_TO")) else { return };
    Runtime::new().expect("threads").block_on(async {
        let listener = tokio::net::TcpListener::bind(from).await.expect("a port");
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                if let Ok(mut far) = UnixStream::connect(to).await {
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
}

/// As a process in place of docker, kubectl or ssh: its standard input and output lead to a builder.
pub fn lead_to_a_builder() {
    let Ok(to) = std::env::var("SPLICE_TO") else { return };
    Runtime::new().expect("threads").block_on(async {
        let Ok(far) = UnixStream::connect(to).await else { return };
        let (mut from_far, mut to_far) = far.into_split();
        // What runs tests has words of its own for standard output.
        let output = std::fs::File::options().write(true).open("/dev/fd/3").expect("given by the script");
        let input = std::fs::File::open("/dev/fd/0").expect("open");
        let (mut input, mut output) = (tokio::fs::File::from_std(input), tokio::fs::File::from_std(output));
        let out = async {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count @ 1..) = from_far.read(&mut buffer).await {
                if output.write_all(&buffer[..count]).await.is_err() || output.flush().await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            () = out => {}
            _ = tokio::io::copy(&mut input, &mut to_far) => {}
        }
    });
    std::process::exit(0);
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never comes to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
