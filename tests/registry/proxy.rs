//! A proxy in front of a registry that breaks chosen requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::http::{Seen, read_message, reply};

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection ends before the registry sees it.
    Cut,
    /// The registry does it, and the connection ends before the answer.
    CutAfter,
    /// The answer ends half-way through its body, or its head where it has no body.
    Truncate,
    /// One byte of the body is another.
    Flip,
    /// The answer takes this long.
    Delay(Duration),
    /// The registry does not see it; this status, with or without `Retry-After`.
    Status(&'static str, Option<u32>),
    /// The registry sees it when all is healed.
    Hold,
}

/// A running proxy.
pub struct Proxy {
    /// `127.0.0.1:PORT`.
    pub address: String,
    state: Arc<Mutex<State>>,
    healed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// From which request on (from 1), how many, what.
    fault: Option<(usize, usize, Fault)>,
    /// After which request everything is broken, and how.
    last: Option<(Matcher, Fault)>,
    /// Which requests are held.
    held: Option<Matcher>,
    /// What takes the place of an answer.
    replacement: Option<Replacement>,
}

type Matcher = fn(&Seen) -> bool;

/// Gives another answer to a request than the one that came, whose status is its target.
pub type Replacement = fn(&Seen, &Seen) -> Option<String>;

impl Proxy {
    /// A proxy that passes everything on to the registry at `upstream`. A `CONNECT` to any name becomes a tunnel
    /// to it.
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state: Arc<Mutex<State>> = Arc::default();
        let healed: Arc<Notify> = Arc::default();
        let (shared, upstream, freed) = (Arc::clone(&state), upstream.to_owned(), Arc::clone(&healed));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, upstream.clone(), Arc::clone(&shared), Arc::clone(&freed)));
            }
        });
        Self { address, state, healed }
    }

    /// Breaks `count` requests from number `first` on, counted from here; forgets what it has seen.
    pub fn break_requests(&self, first: usize, count: usize, fault: Fault) {
        let mut state = self.state.lock().expect("not poisoned");
        state.seen.clear();
        state.fault = Some((first, count, fault));
    }

    /// Breaks all requests after the first that is like this; forgets what it has seen.
    pub fn break_after(&self, last: Matcher, fault: Fault) {
        *self.state.lock().expect("not poisoned") = State { last: Some((last, fault)), ..State::default() };
    }

    /// Passes everything on; forgets what it has seen.
    pub fn heal(&self) {
        let mut state = self.state.lock().expect("not poisoned");
        *state = State::default();
        self.healed.notify_waiters();
    }

    /// Holds the requests that are like this; forgets what it has seen.
    pub fn hold(&self, held: Matcher) {
        *self.state.lock().expect("not poisoned") = State { held: Some(held), ..State::default() };
    }

    /// Gives other answers to some requests; forgets what it has seen.
    pub fn replace(&self, replacement: Replacement) {
        *self.state.lock().expect("not poisoned") =
            State { replacement: Some(replacement), ..State::default() };
    }

    /// The requests since then.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().expect("not poisoned").seen.clone()
    }
}

async fn serve(mut client: TcpStream, upstream: String, state: Arc<Mutex<State>>, healed: Arc<Notify>) {
    while let Some(request) = read_message(&mut client, true).await {
        let freed = healed.notified();
        let fault = {
            let mut state = state.lock().expect("not poisoned");
            state.seen.push(request.clone());
            let number = state.seen.len();
            let broken = state.fault;
            if let Some((_, fault)) = state.last.filter(|(is_last, _)| is_last(&request)) {
                state.fault.get_or_insert((number + 1, usize::MAX, fault));
            }
            let hit =
                |(first, count, _): &(usize, usize, Fault)| number >= *first && number - *first < *count;
            let held = state.held.filter(|is_held| is_held(&request)).map(|_| Fault::Hold);
            held.or_else(|| broken.filter(hit).map(|(_, _, fault)| fault))
        };
        match fault {
            Some(Fault::Cut) => return,
            Some(Fault::Status(status, retry_after)) => {
                let retry_after = retry_after.map(|seconds| format!("Retry-After: {seconds}"));
                let headers: Vec<&str> = retry_after.iter().map(String::as_str).collect();
                let body = r#"{"errors":[{"code":"TESTED","message":"out of order"}]}"#;
                let body = if request.method == "HEAD" { "" } else { body };
                if client.write_all(reply(status, &headers, body).as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::Hold) => freed.await,
            Some(Fault::CutAfter | Fault::Truncate | Fault::Flip) | None => {}
        }
        let Ok(mut server) = TcpStream::connect(&upstream).await else { return };
        if request.method == "CONNECT" {
            if client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.is_ok() {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
            return;
        }
        if server.write_all(&request.raw).await.is_err() {
            return;
        }
        let Some(mut answer) = read_message(&mut server, request.method != "HEAD").await else { return };
        let replacement = state.lock().expect("not poisoned").replacement;
        if let Some(text) = replacement.and_then(|replace| replace(&request, &answer)) {
            if client.write_all(text.as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        let sent = match fault {
            Some(Fault::CutAfter) => return,
            Some(Fault::Truncate) => {
                let lost =
                    if answer.body.is_empty() { answer.raw.len() / 2 } else { answer.body.len().div_ceil(2) };
                &answer.raw[..answer.raw.len() - lost]
            }
            Some(Fault::Flip) => {
                if !answer.body.is_empty() {
                    let last = answer.raw.len() - 2;
                    answer.raw[last] ^= 1;
                }
                &answer.raw[..]
            }
            _ => &answer.raw[..],
        };
        if client.write_all(sent).await.is_err() || sent.len() < answer.raw.len() {
            return;
        }
    }
}
