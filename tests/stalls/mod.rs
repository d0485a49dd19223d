//! A proxy in front of an engine that stops forwarding: nothing is closed, nothing arrives any more.

#![allow(unreachable_pub, clippy::allow_attributes, reason = "a module of a test")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Where a connection becomes a hole.
#[derive(Clone, Copy, Debug)]
pub enum Stall {
    /// The request never reaches the engine.
    Request,
    /// It does; of what follows on the connection, so many reads of either side are passed on.
    After(usize),
    /// The request waits until the proxy is healed.
    Hold,
}

/// A running proxy.
pub struct Proxy {
    /// `unix://…`
    pub host: String,
    shared: Arc<Shared>,
    _folder: tempfile::TempDir,
}

struct Shared {
    state: Mutex<State>,
    healed: Condvar,
    engine: String,
}

#[derive(Default)]
struct State {
    rule: Option<(&'static str, Stall)>,
    stalled: usize,
}

impl Proxy {
    /// Passes everything on to the engine at `host`.
    pub fn start(host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("proxy.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            healed: Condvar::new(),
            engine: host.trim_start_matches("unix://").to_owned(),
        });
        let of_listener = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&of_listener);
                std::thread::spawn(move || serve(&client, &shared));
            }
        });
        Self { host: format!("unix://{}", socket.display()), shared, _folder: folder }
    }

    /// Requests whose first line contains `request` stall from now on.
    pub fn stall(&self, request: &'static str, stall: Stall) {
        *self.shared.state.lock().expect("not poisoned") = State { rule: Some((request, stall)), stalled: 0 };
    }

    /// Lets what is held go on.
    pub fn heal(&self) {
        self.shared.state.lock().expect("not poisoned").rule = None;
        self.shared.healed.notify_all();
    }

    /// Waits until a request has stalled, but not for ever.
    pub fn stalls(&self) -> bool {
        let mut state = self.shared.state.lock().expect("not poisoned");
        while state.stalled == 0 {
            let (waited, timeout) =
                self.shared.healed.wait_timeout(state, Duration::from_secs(60)).expect("not poisoned");
            if timeout.timed_out() {
                return false;
            }
            state = waited;
        }
        true
    }
}

/// What is left of a connection: `None` for ever, a number until it is a hole.
type Left = Arc<Mutex<Option<usize>>>;

fn serve(client: &UnixStream, shared: &Arc<Shared>) {
    let Ok(server) = UnixStream::connect(Path::new(&shared.engine)) else { return };
    let left = Left::default();
    let back = (server.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
    let (of_back, shared_back) = (Arc::clone(&left), Arc::clone(shared));
    std::thread::spawn(move || pass(&back.0, &back.1, &of_back, &shared_back, false));
    pass(client, &server, &left, shared, true);
}

fn pass(mut from: &UnixStream, mut to: &UnixStream, left: &Left, shared: &Shared, is_client: bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..count];
        if is_client && let Some(stall) = rule(shared, bytes) {
            match stall {
                Stall::Hold => {
                    let mut state = shared.state.lock().expect("not poisoned");
                    note(shared, &mut state);
                    while state.rule.is_some() {
                        state = shared.healed.wait(state).expect("not poisoned");
                    }
                }
                Stall::Request => *left.lock().expect("not poisoned") = Some(0),
                // The request itself is one of them.
                Stall::After(reads) => *left.lock().expect("not poisoned") = Some(reads + 1),
            }
        }
        {
            let mut left = left.lock().expect("not poisoned");
            if *left == Some(0) {
                note(shared, &mut shared.state.lock().expect("not poisoned"));
                continue;
            }
            *left = left.map(|reads| reads - 1);
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

fn note(shared: &Shared, state: &mut State) {
    state.stalled += 1;
    shared.healed.notify_all();
}

fn rule(shared: &Shared, bytes: &[u8]) -> Option<Stall> {
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (request, stall) = shared.state.lock().expect("not poisoned").rule?;
    (line.contains(" HTTP/1.1") && line.contains(request)).then_some(stall)
}
