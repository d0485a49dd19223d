use std::path::PathBuf;
use std::time::Duration;

use super::{Listener, RetryPolicy};

/// How a [`super::RegistryClient`] reaches registries. What of it comes out of the environment, the caller reads.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// Folders of private certificates, `HOST[:PORT]/*.crt`, `*.cert` and `*.key` below each.
    pub certificates: Vec<PathBuf>,
    /// Registries, `HOST[:PORT]`, whose certificate is not verified and that may be spoken to without
    /// encryption. Those on the loopback interface are treated alike without being named.
    pub insecure: Vec<String>,
    /// The same for registries that then get no login: somebody else than the user named them.
    pub insecure_without_login: Vec<String>,
    /// The proxies on the way; never used for the loopback interface.
    pub proxy: ProxySettings,
    /// How many requests are on their way at once.
    pub concurrency: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin, and to go on; all of it may take [`Self::LONGEST_ANSWER`] times that.
    pub request_timeout: Duration,
    /// When a request is sent again: after connection errors, timeouts, truncated or damaged answers, and the statuses
    /// 429, 500, 502, 503 and 504.
    pub retry: RetryPolicy,
    /// Who is told what takes long, and what is wrong but no error.
    pub listener: Listener,
}

impl RegistryOptions {
    /// A whole answer may take so many times as long as its beginning.
    pub const LONGEST_ANSWER: u32 = 3;
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            certificates: vec![PathBuf::from("/etc/docker/certs.d")],
            insecure: Vec::new(),
            insecure_without_login: Vec::new(),
            proxy: ProxySettings::default(),
            concurrency: 16,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            listener: Listener::default(),
        }
    }
}

/// Proxies as the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` give them. They may contain passwords, so
/// `Debug` shows none.
#[derive(Clone, Default)]
pub struct ProxySettings {
    /// For addresses without encryption.
    pub http: Option<String>,
    pub https: Option<String>,
    /// Hosts that are reached without a proxy, separated by commas.
    pub none: Option<String>,
}

impl std::fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxySettings")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("none", &self.none)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_not_printed() {
        let proxy =
            ProxySettings { https: Some("http://me:hunter2@proxy".into()), ..ProxySettings::default() };
        assert!(
            !format!("{:?}", RegistryOptions { proxy, ..RegistryOptions::default() }).contains("hunter2")
        );
    }
}
