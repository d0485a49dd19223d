//! Asks an address that is no registry whether something answers there, with the same client and the same proxies.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, NoProxy, Proxy, Url};

use super::ProxySettings;
use super::host::is_loopback;
use super::wire::{authority, innermost};

/// Whoever asks one address, again and again.
pub(crate) struct Prober {
    client: Client,
    url: Url,
}

impl Prober {
    /// One try may take as long as `limit`. On the loopback interface no proxy is used, and a certificate that nobody signed
    /// will do, as for registries there.
    ///
    /// # Errors
    ///
    /// What is wrong with the address.
    pub(crate) fn new(address: &str, proxies: &ProxySettings, limit: Duration) -> Result<Self, String> {
        let url = checked(address)?;
        // As for registries: rustls panics where it has to choose.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("shipwright/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .timeout(limit)
            .no_proxy();
        if is_loopback(&authority(&url)) {
            builder = builder.tls_danger_accept_invalid_certs(true);
        } else {
            let except = || proxies.none.as_deref().and_then(NoProxy::from_string);
            // The error would quote the address with its password.
            let wrong = |_| "the address of the proxy is not one".to_owned();
            if let Some(proxy) = &proxies.http {
                builder = builder.proxy(Proxy::http(proxy).map_err(wrong)?.no_proxy(except()));
            }
            if let Some(proxy) = &proxies.https {
                builder = builder.proxy(Proxy::https(proxy).map_err(wrong)?.no_proxy(except()));
            }
        }
        let client = builder.build().map_err(|error| innermost(&error))?;
        Ok(Self { client, url })
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// The status where it is neither 2xx nor 3xx, or why there is none.
    pub(crate) async fn ask(&self) -> Result<(), String> {
        let answer = self.client.get(self.url.clone()).send().await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() || status.is_redirection() => Ok(()),
            Ok(status) => Err(format!("it answers {status}")),
            Err(error) if error.is_timeout() => Err("it does not answer in time".to_owned()),
            Err(error) => Err(format!("it does not answer: {}", innermost(&error))),
        }
    }
}

fn checked(address: &str) -> Result<Url, String> {
    let url = Url::parse(address).map_err(|error| format!("this is no address: {error}"))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err("an address begins with http:// or https://".to_owned())
    }
}

pub(crate) fn check_address(address: &str) -> Result<(), String> {
    checked(address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers each request with the next of these statuses.
    fn serves(statuses: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/health", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for (status, client) in statuses.iter().zip(listener.incoming()) {
                let Ok(mut client) = client else { return };
                let _ = client.read(&mut [0; 1024]);
                let answer = format!(
                    "HTTP/1.1 {status}\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                let _ = client.write_all(answer.as_bytes());
            }
        });
        address
    }

    #[tokio::test]
    async fn two_and_three_hundreds_are_answers() {
        let address = serves(&["503 Busy", "404 Not Found", "302 Found", "204 No Content"]);
        let prober =
            Prober::new(&address, &ProxySettings::default(), Duration::from_secs(10)).expect("valid");
        assert_eq!(prober.ask().await, Err("it answers 503 Service Unavailable".to_owned()));
        assert_eq!(prober.ask().await, Err("it answers 404 Not Found".to_owned()));
        assert_eq!((prober.ask().await, prober.ask().await), (Ok(()), Ok(())));
        assert!(prober.ask().await.expect_err("nobody is there").starts_with("it does not answer"));
    }

    #[test]
    fn only_such_addresses_are_asked() {
        for wrong in ["http://", "ftp://x", "localhost:80/", "http://a b/"] {
            assert!(check_address(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check_address("https://web.example:8443/health?x=1"), Ok(()));
    }
}
