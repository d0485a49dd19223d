//! A gate in front of an engine: requests of one kind wait until the test opens it, so that a moment between two
//! requests lasts as long as the test needs.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::support::{Checkout, Engine, Run, Running};

/// Whether a request is held, by its first line, such as `POST /images/busybox/tag?… HTTP/1.1`.
type Matcher = fn(&str) -> bool;

/// What is sent in place of the engine's answer. It ends when the client has enough.
pub type Answer = Arc<dyn Fn(&mut TcpStream) -> io::Result<()> + Send + Sync>;

/// A running gate.
pub struct Gate {
    /// For `DOCKER_HOST`.
    pub host: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    held: Option<Matcher>,
    answered: Option<(Matcher, Answer)>,
    /// Matching requests that are let through before any is held.
    passes: usize,
    waiting: usize,
    /// How often the gate was opened.
    openings: usize,
}

/// Longer than anything takes that comes to an end.
const GIVEN_UP: Duration = Duration::from_secs(300);

impl Gate {
    /// A gate before the engine at `host`, a Unix socket. It stands open.
    pub fn before(host: &str) -> Self {
        let socket = host.strip_prefix("unix://").expect("a Unix socket").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = format!("tcp://{}", listener.local_addr().expect("an address"));
        let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, socket) = (Arc::clone(&shared), socket.clone());
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || serve(client, &socket, &shared).ok());
            }
        });
        Self { host, state }
    }

    /// From now on holds requests like this, all but the first `passes`.
    pub fn hold_after(&self, passes: usize, held: Matcher) {
        let mut state = self.state.0.lock().expect("not poisoned");
        *state = State { held: Some(held), passes, openings: state.openings, ..State::default() };
    }

    /// From now on holds requests like this.
    pub fn hold(&self, held: Matcher) {
        self.hold_after(0, held);
    }

    /// From now on gives this answer to requests like this; the engine does not see them.
    pub fn answer(&self, answered: Matcher, answer: Answer) {
        let mut state = self.state.0.lock().expect("not poisoned");
        *state = State { answered: Some((answered, answer)), openings: state.openings, ..State::default() };
    }

    /// Waits until so many requests are held.
    pub fn wait_for(&self, count: usize) {
        let state = self.state.0.lock().expect("not poisoned");
        let waited = self.state.1.wait_timeout_while(state, GIVEN_UP, |state| state.waiting < count);
        let (state, timeout) = waited.expect("not poisoned");
        assert!(!timeout.timed_out(), "{} of {count} requests came", state.waiting);
    }

    /// Lets everything through.
    pub fn open(&self) {
        let mut state = self.state.0.lock().expect("not poisoned");
        *state = State { openings: state.openings + 1, ..State::default() };
        self.state.1.notify_all();
    }

    /// Lets those through that are held, and holds what comes after them.
    pub fn let_through(&self) {
        let mut state = self.state.0.lock().expect("not poisoned");
        (state.waiting, state.openings) = (0, state.openings + 1);
        self.state.1.notify_all();
    }
}

/// Runs a command and does something while its first request of a kind is held.
pub fn run_while_held(
    engine: &Engine,
    checkout: &Checkout,
    arguments: &[&str],
    variables: &[(&str, &str)],
    held: Matcher,
    meanwhile: impl FnOnce(),
) -> Run {
    let gate = Gate::before(engine.host());
    gate.hold(held);
    let mut command = engine.command(checkout, arguments);
    let run = Running::of(command.envs(variables.iter().copied()).env("DOCKER_HOST", &gate.host));
    gate.wait_for(1);
    meanwhile();
    gate.open();
    run.end()
}

fn serve(mut client: TcpStream, socket: &str, shared: &(Mutex<State>, Condvar)) -> io::Result<()> {
    let head = head(&mut client)?;
    let first = head.lines().next().unwrap_or_default().to_owned();
    let answered = shared.0.lock().expect("not poisoned").answered.clone();
    if let Some((_, answer)) = answered.filter(|(is_answered, _)| is_answered(&first)) {
        answer(&mut client)?;
        return client.shutdown(Shutdown::Both);
    }
    pass(&first, shared);
    let mut engine = UnixStream::connect(socket)?;
    engine.write_all(one_request_a_connection(&head).as_bytes())?;
    let (mut from_client, mut to_engine) = (client.try_clone()?, engine.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut engine, &mut client);
    client.shutdown(Shutdown::Both)
}

/// Waits while requests like this are held.
fn pass(first: &str, (state, changed): &(Mutex<State>, Condvar)) {
    let mut now = state.lock().expect("not poisoned");
    if !now.held.is_some_and(|held| held(first)) {
        return;
    }
    if now.passes > 0 {
        now.passes -= 1;
        return;
    }
    now.waiting += 1;
    changed.notify_all();
    let openings = now.openings;
    drop(changed.wait_while(now, |state| state.openings == openings).expect("not poisoned"));
}

fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// So that the next request is seen too, unless the connection becomes something else.
fn one_request_a_connection(head: &str) -> String {
    let is = |line: &str, name: &str| line.to_ascii_lowercase().starts_with(name);
    if head.lines().any(|line| is(line, "upgrade:")) {
        return head.to_owned();
    }
    let lines = head.trim_end().lines().filter(|line| !is(line, "connection:"));
    lines.flat_map(|line| [line, "\r\n"]).collect::<String>() + "Connection: close\r\n\r\n"
}
