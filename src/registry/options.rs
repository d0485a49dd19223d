use std::path::PathBuf;
use std::time::Duration;

use super::Listener;

/// How a [`super::Registry`] reaches registries. What of it comes out of the environment, the caller reads.
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
    /// When a request is sent again.
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
    /// For https addresses.
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

/// When a request that failed is sent again: connection errors, timeouts, truncated or damaged answers, and the
/// statuses 429, 500, 502, 503 and 504.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// How often a request is sent altogether.
    pub tries: u32,
    /// The pause after the first try; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause, also when the registry asks for a longer one.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 5, first_pause: Duration::from_millis(300), longest_pause: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// The pause after `tries` tries. `dice` in 0..1 spreads it over its upper half, so that many clients do not
    /// come back at the same moment; what the registry asked for (`wanted`) is never shortened by it.
    pub(super) fn pause(&self, tries: u32, wanted: Option<Duration>, dice: f64) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << tries.saturating_sub(1).min(16));
        let spread = doubled.min(self.longest_pause).mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0);
        spread.max(wanted.unwrap_or_default()).min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RetryPolicy {
            tries: 9,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(1),
        };
        let pauses = [1, 2, 3, 4, 5, 99].map(|tries| policy.pause(tries, None, 1.0).as_millis());
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(policy.pause(1, None, 0.0).as_millis(), 50);
        assert_eq!(policy.pause(1, Some(Duration::from_millis(700)), 0.0).as_millis(), 700);
        assert_eq!(policy.pause(1, Some(Duration::from_secs(7)), 0.0).as_millis(), 1000);
    }

    #[test]
    fn proxies_are_not_printed() {
        let proxy =
            ProxySettings { https: Some("http://me:hunter2@proxy".into()), ..ProxySettings::default() };
        assert!(
            !format!("{:?}", RegistryOptions { proxy, ..RegistryOptions::default() }).contains("hunter2")
        );
    }
}
