//! Just enough HTTP to see what a client sends and to answer what a registry would not.

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// All of it.
    pub raw: Vec<u8>,
}

impl Seen {
    /// The `Authorization` header.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(String::as_str)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one request or answer: everything up to the blank line, and a body as long as `Content-Length` says, or in
/// chunks, as engines send layers. `None`: the connection ended, or what comes is not HTTP.
pub async fn read_message(stream: &mut (impl AsyncRead + Unpin), has_body: bool) -> Option<Seen> {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        raw.push(stream.read_u8().await.ok()?);
        if !raw[0].is_ascii_alphabetic() {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&raw).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    if has_body && headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        let body = read_chunks(stream, &mut raw).await?;
        return Some(Seen { method, target, headers, body, raw });
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; if has_body { length } else { 0 }];
    stream.read_exact(&mut body).await.ok()?;
    raw.extend(&body);
    Some(Seen { method, target, headers, body, raw })
}

/// Reads chunks up to the empty one; `raw` gets them with their lengths.
async fn read_chunks(stream: &mut (impl AsyncRead + Unpin), raw: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let start = raw.len();
        while !raw[start..].ends_with(b"\r\n") {
            raw.push(stream.read_u8().await.ok()?);
        }
        let digits = std::str::from_utf8(&raw[start..raw.len() - 2]).ok()?;
        let length = usize::from_str_radix(digits.split(';').next()?, 16).ok()?;
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).await.ok()?;
        raw.extend(&chunk);
        body.extend(&chunk[..length]);
        if length == 0 {
            return Some(body);
        }
    }
}

/// What a server sends for one request, and what it does then.
pub struct Reply {
    pub bytes: Vec<u8>,
    pub then: Then,
}

/// What a server does behind an answer.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// It waits for the next request.
    Listen,
    /// It ends the connection.
    Close,
    /// It sends this for ever, with a pause in front of each.
    Repeat(&'static str, Duration),
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self { bytes: text.into_bytes(), then: Then::Listen }
    }
}

/// A server whose answers the test makes up: head and body.
pub struct Fake {
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    pub async fn start<R: Into<Reply>>(answer: impl Fn(&Seen) -> R + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1".parse().expect("an address"), answer).await
    }

    /// The same on another address of this machine.
    pub async fn start_at<R: Into<Reply>>(
        address: IpAddr,
        answer: impl Fn(&Seen) -> R + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        let answer = Arc::new(move |seen: &Seen| answer(seen).into());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&answer)));
            }
        });
        Self { address, seen }
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, answer: Arc<impl Fn(&Seen) -> Reply>) {
    while let Some(seen) = read_message(&mut stream, true).await {
        let Reply { bytes, then } = answer(&seen);
        log.lock().expect("not poisoned").push(seen);
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        match then {
            Then::Listen => {}
            Then::Close => return,
            Then::Repeat(text, pause) => loop {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            },
        }
    }
}

/// A whole answer.
pub fn reply(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// An address of this machine that is not the loopback interface's. Nothing is sent to find it.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let found = Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback());
    if found.is_none() {
        #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
        {
            eprintln!("not run: this machine has no other address");
        }
    }
    found
}
