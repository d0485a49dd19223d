use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, NoProxy, Proxy, StatusCode, Url};
use rustls::{AlertDescription, InvalidMessage};
use tokio::sync::{OnceCell, Semaphore};

use super::answer::Answer;
use super::host::{Host, is_loopback};
use super::tls::Certificates;
use super::{RegistryError, RegistryOptions};

/// More than any manifest or configuration of an image.
const LONGEST_BODY: usize = 32 << 20;

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

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// Asking again may help.
    Transient(String),
    /// The certificate is not trusted.
    Certificate(String),
    /// It wants a certificate of ours, or does not take the one it got.
    ClientCertificate,
    /// It does not speak TLS.
    Unencrypted,
    /// It is of no use, and will not be.
    Unusable(String),
    /// A file on this machine is wrong.
    Configuration(RegistryError),
}

/// Sends requests: a connection pool for each host that has certificates of its own, one for all others; at
/// most so many requests at once.
pub(super) struct Wire {
    options: RegistryOptions,
    permits: Semaphore,
    clients: Mutex<HashMap<String, Client>>,
    encrypted: Mutex<HashMap<String, Arc<OnceCell<bool>>>>,
}

impl Wire {
    pub(super) fn new(options: RegistryOptions) -> Self {
        // One provider for the whole process: rustls panics when it has to choose between two. Where the program
        // has installed one already, that is the one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let permits = Semaphore::new(options.concurrency.max(1));
        Self { options, permits, clients: Mutex::default(), encrypted: Mutex::default() }
    }

    /// The host with this name in references.
    pub(super) fn host(&self, name: &str) -> Host {
        Host::new(name, &self.options.insecure)
    }

    /// `https://…` or `http://…` in front of the path of the API. Which of them an insecure host speaks is found
    /// out once: https first, plain HTTP if what answers there does not speak TLS.
    pub(super) async fn base(&self, host: &Host) -> Result<Url, Broken> {
        let url = |scheme: &str| {
            let text = format!("{scheme}://{}/v2/", host.api);
            Url::parse(&text).map_err(|_| Broken::Unusable(format!("{text} is not an address")))
        };
        if !host.insecure {
            return url("https");
        }
        let known = {
            let mut encrypted = self.encrypted.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(encrypted.entry(host.api.clone()).or_default())
        };
        let (https, http) = (url("https")?, url("http")?);
        let probe = async {
            match self.send(&Request::new(Method::GET, https.clone())).await {
                Ok(_) => Ok(true),
                Err(broken @ (Broken::Transient(_) | Broken::Unencrypted)) => {
                    let answer = self.send(&Request::new(Method::GET, http.clone())).await?;
                    // That is how a server that wants TLS answers: the first attempt only met bad luck.
                    if answer.status == StatusCode::BAD_REQUEST { Err(broken) } else { Ok(false) }
                }
                Err(broken) => Err(broken),
            }
        };
        let encrypted = *known.get_or_try_init(|| probe).await?;
        Ok(if encrypted { https } else { http })
    }

    /// Sends a request and reads its whole answer. Redirects are followed for GET and HEAD; once they lead away
    /// from the first scheme, host and port, credentials stay behind.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, Broken> {
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
            let next = next.map_err(|_| Broken::Unusable("it redirects to what is no address".to_owned()))?;
            let scheme_allowed = next.scheme() == "https" || next.scheme() == request.url.scheme();
            if !scheme_allowed || !next.has_host() {
                return Err(Broken::Unusable("it redirects to an address that is not encrypted".to_owned()));
            }
            if next.origin() != first {
                same_origin = false;
                request.headers.remove(AUTHORIZATION);
            }
            request.url = next;
        }
        Err(Broken::Unusable(format!("it redirects more than {MOST_REDIRECTS} times")))
    }

    async fn send_once(&self, request: &Request) -> Result<Answer, Broken> {
        let client = self.client(&request.url)?;
        let _permit =
            self.permits.acquire().await.map_err(|_| Broken::Unusable("it is closed".to_owned()))?;
        let sent = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send();
        let mut response = sent.await.map_err(|error| self.broken(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(Broken::Unusable(format!(
                    "its answer is longer than {} MiB",
                    LONGEST_BODY >> 20
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze(), same_origin: true })
    }

    fn client(&self, url: &Url) -> Result<Client, Broken> {
        let authority = authority(url);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&authority) {
            return Ok(client.clone());
        }
        let insecure = is_loopback(&authority)
            || self.options.insecure.iter().any(|named| named.eq_ignore_ascii_case(&authority));
        let certificates =
            Certificates::read(&self.options.certificates, &authority).map_err(Broken::Configuration)?;
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

    fn build(&self, certificates: Certificates, insecure: bool, loopback: bool) -> Result<Client, Broken> {
        let mut builder = Client::builder()
            .user_agent(concat!("shipwright/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.options.connect_timeout)
            .timeout(self.options.request_timeout)
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
        builder.build().map_err(|error| Broken::Unusable(innermost(&error)))
    }

    fn proxies(&self) -> Result<Vec<Proxy>, Broken> {
        let settings = &self.options.proxy;
        let except = || settings.none.as_deref().and_then(NoProxy::from_string);
        // The error would quote the address with its password.
        let wrong = |_| Broken::Unusable("the address of the proxy is not one".to_owned());
        let mut proxies = Vec::new();
        if let Some(address) = &settings.http {
            proxies.push(Proxy::http(address).map_err(wrong)?.no_proxy(except()));
        }
        if let Some(address) = &settings.https {
            proxies.push(Proxy::https(address).map_err(wrong)?.no_proxy(except()));
        }
        Ok(proxies)
    }

    fn broken(&self, error: &reqwest::Error) -> Broken {
        let reason = innermost(error);
        match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
                return Broken::Certificate(reason);
            }
            Some(rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::UnknownCA,
            )) => return Broken::ClientCertificate,
            Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
                return Broken::Unencrypted;
            }
            _ => {}
        }
        if error.is_builder() {
            return Broken::Unusable(reason);
        }
        Broken::Transient(if error.is_connect() && error.is_timeout() {
            format!("no connection within {} s", self.options.connect_timeout.as_secs())
        } else if error.is_timeout() {
            format!("no answer within {} s", self.options.request_timeout.as_secs())
        } else if error.is_connect() {
            format!("no connection: {reason}")
        } else {
            format!("the connection broke: {reason}")
        })
    }
}

/// A header that carries a secret, and says so.
pub(super) fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `HOST[:PORT]`, as registries and their certificate folders are named.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The cause of all causes. Outer ones quote addresses, which may hold secrets.
fn innermost(error: &dyn Error) -> String {
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
