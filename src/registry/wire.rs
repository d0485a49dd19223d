use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, NoProxy, Proxy, Response, StatusCode, Url};
use rustls::{AlertDescription, InvalidMessage};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use super::answer::Answer;
use super::auth::Challenge;
use super::failure::CallFailure;
use super::host::{Host, Protection, is_loopback, is_named, leads_inside};
use super::silence::{SLOW, Silences};
use super::tls::Certificates;
use super::{Notice, RegistryOptions};
use crate::limits;

/// A connection whose other end is gone is noticed after some of these.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// How many redirects in a row are followed.
const MOST_REDIRECTS: usize = 5;

/// One request, ready to be sent any number of times.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

/// Its body may hold a token, and its address the name of an account.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.url.path(), self.headers)
    }
}

/// Sends requests: a connection pool for each host that has certificates of its own, one for all others; at
/// most so many requests at once.
pub(super) struct Wire {
    options: RegistryOptions,
    permits: Semaphore,
    clients: Mutex<HashMap<String, Client>>,
    reached: Mutex<HashMap<String, Arc<Reached>>>,
    /// Whose certificates turned out not to be trusted, where that is no reason to stop.
    untrusted: Mutex<HashSet<String>>,
    silences: Silences,
}

/// What was found out about a registry when it was first asked.
#[derive(Default)]
struct Reached {
    channel: OnceCell<Channel>,
    /// What it answers to somebody without a login; `None`: it wants none.
    greeting: OnceCell<Option<Challenge>>,
}

#[derive(Clone, Copy)]
struct Channel {
    encrypted: bool,
    /// Whether a login may be sent.
    protected: bool,
}

/// Where the API of a registry is.
pub(super) struct ApiBase {
    /// `https://…/v2/` or `http://…/v2/`.
    pub(super) url: Url,
    /// Whether a login may be sent there.
    pub(super) takes_logins: bool,
}

impl Wire {
    pub(super) fn new(options: RegistryOptions) -> Self {
        // One provider for the whole process: rustls panics when it has to choose between two. Where the program
        // has installed one already, that is the one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let permits = Semaphore::new(options.concurrency.max(1));
        Self {
            options,
            permits,
            clients: Mutex::default(),
            reached: Mutex::default(),
            untrusted: Mutex::default(),
            silences: Silences::default(),
        }
    }

    pub(super) fn host(&self, name: &str) -> Host {
        Host::new(name, &self.options.insecure, &self.options.insecure_without_login)
    }

    pub(super) fn say(&self, notice: Notice) {
        self.options.listener.tell(notice);
    }

    /// Says something, of each host now and then only.
    pub(super) fn tell(&self, host: &str, notice: Notice) {
        if self.silences.is_to_be_named(host) {
            self.options.listener.tell(notice);
        }
    }

    /// Whether others that waited for a registry gave it up since `begun`, and why.
    pub(super) fn given_up(&self, host: &Host, begun: Instant) -> Option<String> {
        self.silences.is_given_up(&host.api, begun).then(|| self.no_answer())
    }

    fn reached(&self, host: &Host) -> Arc<Reached> {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(reached.entry(host.api.clone()).or_default())
    }

    /// What login a registry wants of somebody who reads its start page, which is how Docker finds out. Asked once.
    pub(super) async fn greeting(&self, host: &Host, base: &ApiBase) -> Option<Challenge> {
        let reached = self.reached(host);
        let ask = async {
            let answer = self.send(&Request::new(Method::GET, base.url.clone())).await.ok()?;
            challenge_of(&answer)
        };
        reached.greeting.get_or_init(|| ask).await.clone()
    }

    /// Whether a login may be sent to an address that a registry names.
    pub(super) fn takes_logins(&self, url: &Url) -> bool {
        let (host, authority) = (url.host_str().unwrap_or_default(), authority(url));
        // Who says that a registry's own connection is good enough means the token server beside it as well.
        let is_beside = |named: &String| {
            let name = named.rsplit_once(':').map_or(named.as_str(), |(name, _)| name);
            name.eq_ignore_ascii_case(host)
        };
        if is_loopback(&authority) || self.options.insecure.iter().any(is_beside) {
            return true;
        }
        url.scheme() == "https" && !self.is_untrusted(&authority)
    }

    fn is_untrusted(&self, authority: &str) -> bool {
        self.untrusted.lock().unwrap_or_else(PoisonError::into_inner).contains(authority)
    }

    /// Where the API of a registry is. Which of https and plain HTTP an insecure host speaks is found out once: https
    /// first, plain HTTP if what answers there does not speak TLS. `begun`: when the call began.
    pub(super) async fn base(&self, host: &Host, begun: Instant) -> Result<ApiBase, CallFailure> {
        let url = |scheme: &str| {
            let text = format!("{scheme}://{}/v2/", host.api);
            Url::parse(&text).map_err(|_| CallFailure::Unusable(format!("{text} is not an address")))
        };
        if host.protection == Protection::Required {
            return Ok(ApiBase { url: url("https")?, takes_logins: true });
        }
        let reached = self.reached(host);
        let (https, http) = (url("https")?, url("http")?);
        let probe = async {
            // Whoever waited for somebody else's probe need not find out again.
            if let Some(reason) = self.given_up(host, begun) {
                return Err(CallFailure::transient(reason));
            }
            let (answer, channel) = self.probe(host, &https, &http).await?;
            let _ = reached.greeting.set(challenge_of(&answer));
            Ok(channel)
        };
        let Channel { encrypted, protected } = *reached.channel.get_or_try_init(|| probe).await?;
        Ok(ApiBase { url: if encrypted { https } else { http }, takes_logins: protected })
    }

    async fn probe(&self, host: &Host, https: &Url, http: &Url) -> Result<(Answer, Channel), CallFailure> {
        let for_all = host.protection == Protection::Optional;
        let get = |url: &Url| Request::new(Method::GET, url.clone());
        let mut first = self.send(&get(https)).await;
        if let (Err(CallFailure::Certificate(_)), Protection::ForLogins) = (&first, host.protection) {
            let authority = authority(https);
            self.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(&authority);
            self.untrusted.lock().unwrap_or_else(PoisonError::into_inner).insert(authority);
            first = self.send(&get(https)).await;
        }
        match first {
            Ok(answer) => {
                let protected = for_all || !self.is_untrusted(&authority(https));
                Ok((answer, Channel { encrypted: true, protected }))
            }
            Err(broken @ (CallFailure::Transient { .. } | CallFailure::Unencrypted)) => {
                let answer = self.send(&get(http)).await?;
                // That is how a server that wants TLS answers: the first attempt only met bad luck.
                if answer.status == StatusCode::BAD_REQUEST {
                    return Err(broken);
                }
                Ok((answer, Channel { encrypted: false, protected: for_all }))
            }
            Err(broken) => Err(broken),
        }
    }

    /// Sends a request and reads its whole answer. Redirects are followed for GET and HEAD; once they lead away
    /// from the first scheme, host and port, credentials stay behind.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, CallFailure> {
        let first = request.url.origin();
        let mut request = request.clone();
        let mut same_origin = true;
        for _ in 0..=MOST_REDIRECTS {
            let mut answer = self.send_once(&request).await?;
            answer.same_origin = same_origin;
            let reads = matches!(request.method, Method::GET | Method::HEAD);
            let redirected = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = answer.header(LOCATION).filter(|_| reads && redirected) else {
                return Ok(answer);
            };
            let next = request.url.join(location);
            let next =
                next.map_err(|_| CallFailure::Unusable("it redirects to what is no address".to_owned()))?;
            let scheme_allowed = next.scheme() == "https" || next.scheme() == request.url.scheme();
            if !scheme_allowed || !next.has_host() {
                return Err(CallFailure::Unusable(
                    "it redirects to an address that is not encrypted".to_owned(),
                ));
            }
            // What listens on this machine alone may trust whoever asks.
            if next.origin() != request.url.origin() && !answer.from_here && leads_inside(&next) {
                return Err(CallFailure::Unusable("it redirects to this machine".to_owned()));
            }
            if next.origin() != first {
                same_origin = false;
                request.headers.remove(AUTHORIZATION);
            }
            request.url = next;
        }
        Err(CallFailure::Unusable(format!("it redirects more than {MOST_REDIRECTS} times")))
    }

    async fn send_once(&self, request: &Request) -> Result<Answer, CallFailure> {
        let client = self.client(&request.url)?;
        let _permit =
            self.permits.acquire().await.map_err(|_| CallFailure::Unusable("it is closed".to_owned()))?;
        let host = authority(&request.url);
        let begun = Instant::now();
        self.silences.asked(&host);
        let sent = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send();
        let sent = self.patiently(&host, sent).await;
        match &sent {
            Ok(_) => self.silences.answered(&host),
            Err(error) if error.is_timeout() => self.silences.missed(&host),
            // A connection that breaks is neither.
            Err(_) => {}
        }
        let mut response = sent.map_err(|error| self.broken(&error, begun))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let from_here = self.is_from_here(&host, &response);
        let body = if status.is_success() {
            self.whole_body(&mut response, begun).await?
        } else {
            self.start_of_body(&mut response).await
        };
        Ok(Answer { status, headers, body, same_origin: true, from_here })
    }

    /// The body of an answer that is of use. One that drips is not asked for again: that would drip as well.
    async fn whole_body(&self, response: &mut Response, begun: Instant) -> Result<Bytes, CallFailure> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| {
            let is_dripping = error.is_timeout() && begun.elapsed() >= self.longest_answer();
            if is_dripping {
                CallFailure::Unusable(self.no_whole_answer())
            } else {
                self.broken(&error, begun)
            }
        })? {
            if body.len() + chunk.len() > limits::REGISTRY_ANSWER {
                let size = limits::size(limits::REGISTRY_ANSWER as u64);
                return Err(CallFailure::Unusable(format!("its answer is longer than {size}")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// What stands behind a status that says enough: as much as there is and comes soon.
    async fn start_of_body(&self, response: &mut Response) -> Bytes {
        let mut body = BytesMut::new();
        let reading = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                let room = limits::REGISTRY_ERROR - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() >= room {
                    break;
                }
            }
        };
        // What has come by then counts.
        let _ = tokio::time::timeout(SLOW.min(self.options.request_timeout), reading).await;
        body.freeze()
    }

    /// Names a host that takes its time.
    async fn patiently<T>(&self, host: &str, sent: impl Future<Output = T>) -> T {
        let mut sent = std::pin::pin!(sent);
        if let Ok(answer) = tokio::time::timeout(SLOW, &mut sent).await {
            return answer;
        }
        self.tell(host, Notice::Waiting { whom: host.to_owned() });
        sent.await
    }

    fn client(&self, url: &Url) -> Result<Client, CallFailure> {
        let authority = authority(url);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&authority) {
            return Ok(client.clone());
        }
        let insecure = is_loopback(&authority)
            || is_named(&authority, &self.options.insecure)
            || self.is_untrusted(&authority);
        let certificates =
            Certificates::read(&self.options.certificates, &authority).map_err(CallFailure::Final)?;
        let shared = certificates.is_empty() && !insecure;
        let client = match clients.get("") {
            Some(client) if shared => client.clone(),
            _ => self.build(certificates, insecure, is_loopback(&authority))?,
        };
        if shared {
            clients.insert(String::new(), client.clone());
        }
        clients.insert(authority, client.clone());
        Ok(client)
    }

    fn build(
        &self,
        certificates: Certificates,
        insecure: bool,
        loopback: bool,
    ) -> Result<Client, CallFailure> {
        let mut builder = Client::builder()
            .user_agent(concat!("shipwright/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.options.connect_timeout)
            .read_timeout(self.options.request_timeout)
            .timeout(self.longest_answer())
            .tcp_keepalive(KEEPALIVE)
            .no_proxy();
        if !loopback {
            for proxy in self.proxies()? {
                builder = builder.proxy(proxy);
            }
        }
        // Whoever names an authority for a host wants it verified.
        if insecure && certificates.authorities.is_empty() {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if !certificates.authorities.is_empty() {
            builder = builder.tls_certs_merge(certificates.authorities);
        }
        if let Some(identity) = certificates.identity {
            builder = builder.identity(identity);
        }
        builder.build().map_err(|error| CallFailure::Unusable(innermost(&error)))
    }

    fn proxies(&self) -> Result<Vec<Proxy>, CallFailure> {
        let settings = &self.options.proxy;
        let except = || settings.none.as_deref().and_then(NoProxy::from_string);
        // The error would quote the address with its password.
        let wrong = |_| CallFailure::Unusable("the address of the proxy is not one".to_owned());
        let mut proxies = Vec::new();
        if let Some(address) = &settings.http {
            proxies.push(Proxy::http(address).map_err(wrong)?.no_proxy(except()));
        }
        if let Some(address) = &settings.https {
            proxies.push(Proxy::https(address).map_err(wrong)?.no_proxy(except()));
        }
        Ok(proxies)
    }

    fn longest_answer(&self) -> Duration {
        self.options.request_timeout * RegistryOptions::LONGEST_ANSWER
    }

    fn no_answer(&self) -> String {
        format!("no answer within {} s", self.options.request_timeout.as_secs())
    }

    fn no_whole_answer(&self) -> String {
        format!("no whole answer within {} s", self.longest_answer().as_secs())
    }

    /// Whether an answer came from this machine, and not only through a proxy on it.
    fn is_from_here(&self, host: &str, response: &Response) -> bool {
        let proxied = self.options.proxy.http.is_some() || self.options.proxy.https.is_some();
        is_loopback(host)
            || !proxied && response.remote_addr().is_some_and(|address| address.ip().is_loopback())
    }

    fn broken(&self, error: &reqwest::Error, begun: Instant) -> CallFailure {
        let reason = innermost(error);
        match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
                return CallFailure::Certificate(reason);
            }
            Some(rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::UnknownCA,
            )) => return CallFailure::ClientCertificate,
            Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
                return CallFailure::Unencrypted;
            }
            _ => {}
        }
        if error.is_builder() {
            return CallFailure::Unusable(reason);
        }
        CallFailure::transient(if error.is_connect() && error.is_timeout() {
            format!("no connection within {} s", self.options.connect_timeout.as_secs())
        } else if error.is_timeout() && begun.elapsed() >= self.longest_answer() {
            self.no_whole_answer()
        } else if error.is_timeout() {
            self.no_answer()
        } else if error.is_connect() {
            format!("no connection: {reason}")
        } else {
            format!("the connection broke: {reason}")
        })
    }
}

fn challenge_of(answer: &Answer) -> Option<Challenge> {
    if answer.status == StatusCode::UNAUTHORIZED { answer.challenge() } else { None }
}

/// A header that carries a secret, and says so.
pub(super) fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `HOST[:PORT]`, as registries and their certificate folders are named.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The cause of all causes. Outer ones quote addresses, which may hold secrets.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An error of the system keeps what it wraps from its chain of causes.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_headers_are_not_printed() {
        let value = secret_header("Bearer hunter2").expect("a header");
        assert!(!format!("{value:?}").contains("hunter2"));
        assert!(secret_header("a\nb").is_none());
    }

    #[test]
    fn authorities_leave_out_the_usual_port() {
        for (url, expected) in
            [("https://h:443/x", "h"), ("http://h:5000", "h:5000"), ("https://[::1]:5000/", "[::1]:5000")]
        {
            assert_eq!(authority(&Url::parse(url).expect("an address")), expected);
        }
    }
}
