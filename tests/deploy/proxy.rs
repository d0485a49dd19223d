//! A proxy before an engine's socket that knows where requests begin, counts them, and at one of them kills the client or
//! cuts its connection: before the engine has it, or after the engine has carried it out.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use tempfile::TempDir;

/// When it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// Which requests are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// Those that change something. A kill at any other one is like a kill after the change before it.
    #[default]
    Changes,
    /// Those that ask.
    Questions,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The process is killed, by its id.
    Kill,
    /// The connection ends.
    Cut,
}

#[derive(Default)]
struct State {
    requests: Vec<String>,
    counted: Counted,
    /// At which request, counted from 1.
    at: Option<(usize, When, What)>,
    process: Option<u32>,
}

pub struct Proxy {
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    pub fn start(host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let state: Arc<Mutex<State>> = Arc::default();
        let engine = PathBuf::from(host.trim_start_matches("unix://"));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let (engine, state) = (engine.clone(), Arc::clone(&shared));
                std::thread::spawn(move || serve(client, &engine, &state));
            }
        });
        Self { folder, state }
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// From now on, counted anew.
    pub fn at(&self, counted: Counted, number: usize, when: When, what: What) {
        *lock(&self.state) = State { counted, at: Some((number, when, what)), ..State::default() };
    }

    /// Whom to kill.
    pub fn process(&self, process: u32) {
        lock(&self.state).process = Some(process);
    }

    /// The first lines of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("not poisoned")
}

fn is_request(bytes: &[u8]) -> bool {
    ["GET /", "POST /", "DELETE /", "HEAD /"].iter().any(|verb| bytes.starts_with(verb.as_bytes()))
}

/// Passes one connection on.
fn serve(mut client: UnixStream, engine: &PathBuf, state: &Arc<Mutex<State>>) {
    let Ok(mut upstream) = UnixStream::connect(engine) else { return };
    let armed: Arc<Mutex<Option<What>>> = Arc::default();
    let (mut answers, mut back) =
        (upstream.try_clone().expect("a stream"), client.try_clone().expect("a stream"));
    let (shared, after) = (Arc::clone(state), Arc::clone(&armed));
    let answering = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = answers.read(&mut buffer) {
            // The engine has begun to answer: what was asked is done.
            if let Some(what) = after.lock().expect("not poisoned").take() {
                happens(what, &shared);
                break;
            }
            if back.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = back.shutdown(Shutdown::Both);
        let _ = answers.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        if is_request(&buffer[..length]) {
            let mut counted = lock(state);
            let line =
                String::from_utf8_lossy(&buffer[..length]).lines().next().unwrap_or_default().to_owned();
            let is_counted = line.starts_with("GET /") == (counted.counted == Counted::Questions);
            if is_counted {
                counted.requests.push(line);
            }
            let number = counted.requests.len();
            let at = counted.at.filter(|(at, ..)| is_counted && *at == number);
            drop(counted);
            match at {
                Some((_, When::Before, what)) => {
                    happens(what, state);
                    break;
                }
                Some((_, When::After, what)) => *armed.lock().expect("not poisoned") = Some(what),
                None => {}
            }
        }
        if upstream.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = upstream.shutdown(Shutdown::Both);
    let _ = answering.join();
}

/// A connection that is cut ends with whoever serves it.
fn happens(what: What, state: &Arc<Mutex<State>>) {
    if what == What::Kill {
        let process = loop {
            // It may be asked before whoever started it has said which it is.
            if let Some(process) = lock(state).process {
                break process;
            }
            std::thread::yield_now();
        };
        let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
    }
}
