use std::net::{IpAddr, Ipv6Addr};

use reqwest::Url;

/// One registry as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// As in references: `docker.io`, `quay.io`, `localhost:5000`.
    pub(super) name: String,
    /// Where its API is: `registry-1.docker.io` for Docker Hub, else the name.
    pub(super) api: String,
    pub(super) protection: Protection,
}

/// Whether a registry has to prove who it is, and keep what is sent from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// Encryption, and a certificate that is verified.
    Required,
    /// No certificate is verified and plain HTTP is good enough, as Docker has it for the loopback interface and
    /// for registries that the user named so.
    Optional,
    /// The same, but without it there is no login.
    ForLogins,
}

impl Host {
    pub(super) fn new(name: &str, insecure: &[String], insecure_without_login: &[String]) -> Self {
        let api = if name == "docker.io" { "registry-1.docker.io" } else { name };
        Self {
            name: name.to_owned(),
            api: api.to_owned(),
            protection: if is_loopback(api) || is_named(name, insecure) {
                Protection::Optional
            } else if is_named(name, insecure_without_login) {
                Protection::ForLogins
            } else {
                Protection::Required
            },
        }
    }
}

pub(super) fn is_named(host: &str, list: &[String]) -> bool {
    list.iter().any(|named| named.eq_ignore_ascii_case(host))
}

/// Whether `HOST[:PORT]` is this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
pub(super) fn is_loopback(authority: &str) -> bool {
    let name = match authority.rsplit_once(':') {
        Some((name, _)) if !authority.ends_with(']') => name,
        _ => authority,
    };
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address.parse() == Ok(Ipv6Addr::LOCALHOST);
    }
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether an address is for whoever is on this machine, or on its wire: loopback in all its spellings, no address
/// at all, or a link-local one, where clouds tell a machine its secrets.
pub(super) fn leads_inside(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let number = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    match number.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback() || address.is_link_local() || address.octets()[0] == 0
        }
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local()
        }
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_by_name_and_number() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.8.9.1:80", "[::1]", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["quay.io", "127.0.0.1.example", "localhost.example:5000", "10.0.0.1:5000", "[::2]", "::1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn docker_hub_has_its_api_elsewhere() {
        assert_eq!(Host::new("docker.io", &[], &[]).api, "registry-1.docker.io");
        let named = Host::new("registry.local:5000", &["Registry.local:5000".to_owned()], &[]);
        assert_eq!((named.protection, named.api.as_str()), (Protection::Optional, "registry.local:5000"));
    }

    #[test]
    fn only_the_user_s_word_counts_for_logins() {
        let lan = ["registry.local:5000".to_owned()];
        let protection =
            |host, user: &[String], checkout: &[String]| Host::new(host, user, checkout).protection;
        assert_eq!(protection("registry.local:5001", &lan, &lan), Protection::Required);
        assert_eq!(protection("registry.local:5000", &[], &lan), Protection::ForLogins);
        assert_eq!(protection("registry.local:5000", &lan, &lan), Protection::Optional);
        assert_eq!(protection("localhost:5000", &[], &["localhost:5000".to_owned()]), Protection::Optional);
    }
}
