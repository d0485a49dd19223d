//! What the engine tests share: an engine, unique names that are removed at the end, contexts in memory.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use sha2::{Digest, Sha256};
use shipwright::internals::ImageReference;
use shipwright::internals::{
    BuildError, BuildEvent, BuildSpec, Builder as _, BuilderKind, ContextEntry, ContextKind, ContextSource,
    Endpoint, Engine, EngineEnvironment, ImageStore as _, LocalImageId, StepState, outline,
};

/// The time of every file: 2024-01-02 03:04:05.
pub(crate) const MODIFIED_SECONDS: i64 = 1_704_164_645;

/// One test's view of the engine.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    prefix: String,
    names: Mutex<Vec<ImageReference>>,
    proxied: Arc<AtomicUsize>,
}

/// Runs a test on the engine of `SHIPWRIGHT_TEST_DOCKER_HOST` and removes the images that it named. Without
/// that variable it is a failure on CI, and says that it did nothing elsewhere.
pub(crate) async fn run(builder: BuilderKind, test: impl AsyncFn(&Bench)) {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(host) = variable("SHIPWRIGHT_TEST_DOCKER_HOST") else {
        assert!(
            variable("CI").is_none_or(|ci| ci != "true"),
            "SHIPWRIGHT_TEST_DOCKER_HOST is not set: the engine tests need a Docker engine"
        );
        eprintln!("not tested: SHIPWRIGHT_TEST_DOCKER_HOST is not set");
        return;
    };
    let endpoint = Endpoint::resolve(Some(&host), &EngineEnvironment::default()).expect("an address");
    let engine = Engine::connect_with(&endpoint, Some(builder)).await.expect("the engine answers");
    let bench = Bench {
        engine,
        prefix: format!("sw-test-{:08x}", rand::random::<u32>()),
        names: Mutex::default(),
        proxied: Arc::default(),
    };
    let result = AssertUnwindSafe(test(&bench)).catch_unwind().await;
    let mut names = bench.names.lock().expect("not poisoned").clone();
    names.sort();
    names.dedup();
    for name in names.iter().rev() {
        if let Err(error) = bench.engine.remove(name).await {
            eprintln!("{error}");
        }
    }
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

impl Bench {
    /// `NAME:TAG` below this test's prefix, to be removed at the end.
    pub(crate) fn reference(&self, name: &str) -> ImageReference {
        let reference: ImageReference = format!("{}/{name}", self.prefix).parse().expect("valid");
        self.names.lock().expect("not poisoned").push(reference.clone());
        reference
    }

    /// What all names of this test begin with.
    pub(crate) fn prefix(&self) -> String {
        self.prefix.clone()
    }

    /// A word that no other build has seen.
    pub(crate) fn token(&self) -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    /// The same names on another connection.
    pub(crate) fn with_engine(&self, engine: Engine) -> Self {
        let prefix = self.prefix.clone();
        Self { engine, prefix, names: Mutex::default(), proxied: Arc::default() }
    }

    /// An image with busybox, made here because no registry is needed then.
    pub(crate) async fn base(&self) -> ImageReference {
        let busybox =
            ["/bin/busybox", "/usr/bin/busybox"].into_iter().find_map(|path| std::fs::read(path).ok());
        let busybox = busybox.expect("busybox-static is installed");
        let mut files = vec![file("bin/busybox", busybox).executable()];
        for applet in [
            "sh", "cat", "cut", "echo", "find", "nc", "od", "readlink", "sleep", "sort", "stat", "test",
            "tr", "wc",
        ] {
            files.push(link(format!("bin/{applet}"), "busybox"));
        }
        files.push(file("tmp/.keep", ""));
        let name = self.reference("base:now");
        let mut request = self.request("FROM scratch\nCOPY . /\n", MemoryContext::new(files));
        request.references = vec![name.clone()];
        self.build(request).await.image();
        name
    }

    /// A request without a network, whose shared key is the content.
    pub(crate) fn request(&self, dockerfile: &str, context: Arc<MemoryContext>) -> BuildSpec {
        let key = context.key();
        let mut request = BuildSpec::new(outline(dockerfile.into()), context, key);
        request.network = Some("none".into());
        request
    }

    /// Builds what is new each time until something is heard of its output: the classic builder of 26.1 now and then loses
    /// all that a step prints which is over at once.
    pub(crate) async fn build_heard(&self, request: impl Fn() -> BuildSpec) -> Outcome {
        let mut outcome = self.build(request()).await;
        for _ in 0..3 {
            if outcome.lines().iter().any(|line| !line.is_empty()) {
                break;
            }
            outcome = self.build(request()).await;
        }
        outcome
    }

    /// Builds, and keeps all that is said meanwhile.
    pub(crate) async fn build(&self, request: BuildSpec) -> Outcome {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
        let collect = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        };
        let (result, events) = tokio::join!(self.engine.build(request, sender), collect);
        Outcome { result, events }
    }

    /// A port that leads to the engine; [`Self::proxied`] counts what is open.
    pub(crate) async fn tcp_proxy(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let endpoint = self.engine.endpoint().clone();
        let open = self.proxied();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (endpoint, open) = (endpoint.clone(), Arc::clone(&open));
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::SeqCst);
                    match endpoint {
                        Endpoint::Unix(path) => {
                            let mut engine = tokio::net::UnixStream::connect(path).await.expect("connects");
                            let _ = tokio::io::copy_bidirectional(&mut stream, &mut engine).await;
                        }
                        Endpoint::Tcp(address) => {
                            let mut engine = tokio::net::TcpStream::connect(address).await.expect("connects");
                            let _ = tokio::io::copy_bidirectional(&mut stream, &mut engine).await;
                        }
                        Endpoint::Ssh(_) => panic!("these tests reach their engine by a socket or by TCP"),
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        address
    }

    /// Connections through [`Self::tcp_proxy`] that are open.
    pub(crate) fn proxied(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.proxied)
    }
}

/// How a build ended, and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<LocalImageId, BuildError>,
    pub(crate) events: Vec<BuildEvent>,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn image(&self) -> &LocalImageId {
        self.result.as_ref().unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn error(&self) -> BuildError {
        self.result.clone().expect_err("the build fails")
    }

    /// All lines of output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let events = self.events.iter();
        events
            .filter_map(|e| if let BuildEvent::Log { line, .. } = e { Some(line.as_str()) } else { None })
            .collect()
    }

    /// The last state of each step.
    pub(crate) fn steps(&self) -> Vec<&StepState> {
        let events = self.events.iter();
        events.filter_map(|e| if let BuildEvent::Step(step) = e { Some(step) } else { None }).collect()
    }
}

/// This program and the libraries that it has loaded, and the command that runs it where only they are.
pub(crate) fn this_program() -> (Vec<MemoryFile>, String) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc is there");
    let mut libraries: Vec<&str> = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
    libraries.retain(|path| path.contains(".so"));
    libraries.sort_unstable();
    libraries.dedup();
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let loader =
        libraries.iter().map(|path| name(path)).find(|name| name.starts_with("ld-")).expect("a loader");
    let read = |path: &str| std::fs::read(path).expect("can be read");
    let mut files: Vec<MemoryFile> =
        libraries.iter().map(|path| file(format!("lib/{}", name(path)), read(path)).executable()).collect();
    let program = std::env::current_exe().and_then(std::fs::read).expect("can be read");
    files.push(file("program", program).executable());
    (files, format!("/lib/{loader} --library-path /lib /program"))
}

/// Whether a process of this machine has `word` on its command line.
pub(crate) fn is_running(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let mut lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line.starts_with(b"/bin/sh\0-c") && String::from_utf8_lossy(&line).contains(word))
}

/// A file or link of a [`MemoryContext`].
pub(crate) struct MemoryFile {
    entry: ContextEntry,
    planned: Vec<u8>,
    actual: Option<Vec<u8>>,
}

pub(crate) fn file(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> MemoryFile {
    let content = content.as_ref().to_vec();
    let kind = ContextKind::File { executable: false, size: content.len() as u64 };
    MemoryFile { entry: entry(path.as_ref(), kind), actual: Some(content.clone()), planned: content }
}

pub(crate) fn link(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> MemoryFile {
    let kind = ContextKind::Link { target: target.as_ref().to_vec() };
    MemoryFile { entry: entry(path.as_ref(), kind), planned: Vec::new(), actual: None }
}

fn entry(path: &[u8], kind: ContextKind) -> ContextEntry {
    ContextEntry { path: path.to_vec(), kind, modified_ns: MODIFIED_SECONDS * 1_000_000_000 + 7 }
}

impl MemoryFile {
    pub(crate) fn executable(mut self) -> Self {
        if let ContextKind::File { executable, .. } = &mut self.entry.kind {
            *executable = true;
        }
        self
    }

    /// Somebody saves other content between planning and sending.
    pub(crate) fn but_reads(mut self, actual: impl Into<Vec<u8>>) -> Self {
        self.actual = Some(actual.into());
        self
    }

    /// Somebody removes it.
    pub(crate) fn but_is_gone(mut self) -> Self {
        self.actual = None;
        self
    }
}

/// A context that is not on disk.
pub(crate) struct MemoryContext {
    entries: Vec<ContextEntry>,
    files: Vec<MemoryFile>,
    admitted: Option<Vec<String>>,
    open: Arc<AtomicUsize>,
    most_open: AtomicUsize,
}

impl MemoryContext {
    pub(crate) fn new(files: Vec<MemoryFile>) -> Arc<Self> {
        let entries = files.iter().map(|file| file.entry.clone()).collect();
        Arc::new(Self {
            entries,
            files,
            admitted: None,
            open: Arc::default(),
            most_open: AtomicUsize::new(0),
        })
    }

    /// Only these may be asked for.
    pub(crate) fn admitting(self: Arc<Self>, paths: &[&str]) -> Arc<Self> {
        let mut context = Arc::into_inner(self).expect("not shared yet");
        context.admitted = Some(paths.iter().map(ToString::to_string).collect());
        Arc::new(context)
    }

    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    pub(crate) fn content(&self, index: usize) -> &[u8] {
        &self.files[index].planned
    }

    fn key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for file in &self.files {
            hash.update(format!("{:?}", file.entry));
            hash.update(Sha256::digest(&file.planned));
        }
        hash.finalize().into()
    }
}

impl fmt::Debug for MemoryContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files", self.files.len())
    }
}

impl ContextSource for MemoryContext {
    fn entries(&self) -> &[ContextEntry] {
        &self.entries
    }

    fn open(&self, index: usize) -> io::Result<Box<dyn Read + Send>> {
        let file = &self.files[index];
        let content = file.actual.clone().ok_or(io::ErrorKind::NotFound)?;
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        let planned = content == file.planned;
        Ok(Box::new(Checked { content: Cursor::new(content), planned, open: Arc::clone(&self.open) }))
    }

    fn admits(&self, requested: &[String]) -> Result<(), String> {
        let Some(admitted) = &self.admitted else { return Ok(()) };
        requested.iter().find(|path| !admitted.contains(path)).map_or(Ok(()), |path| Err(path.clone()))
    }
}

/// Fails at the end if it is not what was planned, as the product's reader does.
struct Checked {
    content: Cursor<Vec<u8>>,
    planned: bool,
    open: Arc<AtomicUsize>,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        if length == 0 && !self.planned {
            return Err(io::Error::other("its content is not what it was"));
        }
        Ok(length)
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}
