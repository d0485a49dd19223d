//! A proxy in front of an engine's socket that breaks connections. It passes bytes on and knows nothing of HTTP
//! but where an answer could begin.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::random::Random;

/// What breaks. Bytes are counted over all connections since the proxy was told.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection over which this byte from the engine comes ends before it.
    CutAnswer(u64),
    /// The connection over which this byte to the engine goes ends before it.
    CutRequest(u64),
    /// With this byte from the engine all connections end, and new ones are refused for so long: it starts anew.
    Restart(u64, Duration),
    /// The connection of this number (from 0) is answered with this line and nothing that the client waits for.
    Answer(u64, &'static str),
}

/// What goes through the proxy in one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Connections.
    connections: u64,
    /// Bytes to the engine.
    asked: u64,
    /// Bytes from the engine.
    answered: u64,
}

impl Fault {
    /// One that a run with about this traffic meets.
    pub fn random(random: &mut Random, traffic: &Traffic) -> Self {
        let below = |random: &mut Random, limit: u64| {
            random.below(usize::try_from(limit).expect("little traffic")) as u64
        };
        match random.below(8) {
            0..=2 => Self::CutAnswer(below(random, traffic.answered)),
            3 | 4 => Self::CutRequest(below(random, traffic.asked)),
            5 => {
                let pause = Duration::from_millis(random.within(1, 400) as u64);
                Self::Restart(below(random, traffic.answered), pause)
            }
            _ => {
                let answers: [&'static str; 5] = [
                    "500 Internal Server Error",
                    "502 Bad Gateway",
                    "503 Service Unavailable",
                    "200 OK",
                    "404 Not Found",
                ];
                Self::Answer(below(random, traffic.connections), random.pick::<&str>(&answers))
            }
        }
    }
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    traffic: Traffic,
    refused_until: Option<Instant>,
    open: Vec<UnixStream>,
}

/// A running proxy.
pub struct Proxy {
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    ToEngine,
    FromEngine,
}

impl Proxy {
    /// One that passes everything on to the engine at `host`, a `unix://` address.
    pub fn start(host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let state: Arc<Mutex<State>> = Arc::default();
        let engine = PathBuf::from(host.trim_start_matches("unix://"));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), engine, state) = (client, engine.clone(), Arc::clone(&shared)) else {
                    return;
                };
                std::thread::spawn(move || serve(client, &engine, &state));
            }
        });
        Self { folder, state }
    }

    /// For `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// Breaks this from now on, once; counts anew.
    pub fn break_with(&self, fault: Fault) {
        *lock(&self.state) = State { fault: Some(fault), ..State::default() };
    }

    /// Passes everything on; counts anew.
    pub fn heal(&self) {
        *lock(&self.state) = State::default();
    }

    /// What went through since then.
    pub fn traffic(&self) -> Traffic {
        lock(&self.state).traffic
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("not poisoned")
}

fn serve(mut client: UnixStream, engine: &PathBuf, state: &Arc<Mutex<State>>) {
    let broken = {
        let mut state = lock(state);
        if state.refused_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let number = state.traffic.connections;
        state.traffic.connections += 1;
        match state.fault {
            Some(Fault::Answer(broken, line)) if broken == number => Some(line),
            _ => None,
        }
    };
    if let Some(line) = broken {
        let mut request = [0; 4096];
        let body = "<html>not the engine</html>";
        let length = body.len();
        if client.read(&mut request).is_ok() {
            let answer = format!(
                "HTTP/1.1 {line}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            // It may have gone.
            let _ = client.write_all(answer.as_bytes());
        }
        return;
    }
    let Ok(server) = UnixStream::connect(engine) else { return };
    let copies = (client.try_clone(), server.try_clone(), client.try_clone(), server.try_clone());
    let (Ok(to_client), Ok(to_server), Ok(open_client), Ok(open_server)) = copies else { return };
    lock(state).open.extend([open_client, open_server]);
    let shared = Arc::clone(state);
    std::thread::spawn(move || pass(server, to_client, Direction::FromEngine, &shared));
    pass(client, to_server, Direction::ToEngine, state);
}

/// Passes bytes on until the end or the fault.
fn pass(mut from: UnixStream, mut to: UnixStream, direction: Direction, state: &Mutex<State>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let passed = {
            let mut state = lock(state);
            let counted = match direction {
                Direction::ToEngine => &mut state.traffic.asked,
                Direction::FromEngine => &mut state.traffic.answered,
            };
            let before = *counted;
            *counted += count as u64;
            let hit =
                state.fault.and_then(|fault| fault.before(direction)).and_then(|at| at.checked_sub(before));
            match hit.filter(|passed| *passed < count as u64) {
                Some(passed) => {
                    if let Some(Fault::Restart(_, pause)) = state.fault.take() {
                        state.refused_until = Some(Instant::now() + pause);
                        for open in state.open.drain(..) {
                            // The other side may have closed it.
                            let _ = open.shutdown(Shutdown::Both);
                        }
                    }
                    usize::try_from(passed).ok()
                }
                None => None,
            }
        };
        if to.write_all(&buffer[..passed.unwrap_or(count)]).is_err() || passed.is_some() {
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            return;
        }
    }
    // One side has said all; the other may go on.
    let _ = to.shutdown(Shutdown::Write);
}

impl Fault {
    /// The byte of a direction before which something breaks.
    fn before(self, direction: Direction) -> Option<u64> {
        match self {
            Self::CutAnswer(at) | Self::Restart(at, _) if direction == Direction::FromEngine => Some(at),
            Self::CutRequest(at) if direction == Direction::ToEngine => Some(at),
            _ => None,
        }
    }
}
