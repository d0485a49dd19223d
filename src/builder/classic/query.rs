use crate::builder::{BuildSpec, RegistryLogins};
use crate::engine::{RegistryLogin, server_address};

/// The path and parameters of a classic build. `dockerfile` is the name of the Dockerfile in the archive.
pub(super) fn path(request: &BuildSpec, dockerfile: &str) -> String {
    let mut query = Query("/build".to_owned());
    query.add("dockerfile", dockerfile);
    query.add("version", "1");
    query.add("rm", "1");
    query.add("forcerm", "1");
    for reference in &request.references {
        query.add("t", &reference.canonical());
    }
    query.add("labels", &serde_json::json!(request.labels).to_string());
    query.add("buildargs", &serde_json::json!(request.build_args).to_string());
    if let Some(target) = &request.target {
        query.add("target", target);
    }
    if let Some(platform) = &request.platform {
        query.add("platform", &platform.to_string());
    }
    if let Some(network) = &request.network {
        query.add("networkmode", network);
    }
    for line in &request.add_hosts {
        query.add("extrahosts", &line.replacen('=', ":", 1));
    }
    if request.no_cache {
        query.add("nocache", "1");
    }
    if request.pull {
        query.add("pull", "1");
    }
    query.0
}

struct Query(String);

impl Query {
    fn add(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

/// The content of `X-Registry-Config`: all logins, as the builder cannot ask. Blocks while they are fetched.
pub(super) fn logins(logins: &dyn RegistryLogins) -> Option<serde_json::Value> {
    let login = |host: &String| {
        let login = match logins.login(host)? {
            RegistryLogin::Password { username, password } => {
                serde_json::json!({ "username": username, "password": password })
            }
            RegistryLogin::IdentityToken(token) => serde_json::json!({ "identitytoken": token }),
        };
        Some((server_address(host).to_owned(), login))
    };
    let logins: serde_json::Map<_, _> = logins.hosts().iter().filter_map(login).collect();
    (!logins.is_empty()).then(|| logins.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::builder::DockerfileText;
    use crate::builder::request::Anonymous;
    use crate::builder::testing::Empty;

    impl RegistryLogins for Empty {
        fn login(&self, _: &str) -> Option<RegistryLogin> {
            Some(RegistryLogin::IdentityToken("t".into()))
        }

        fn hosts(&self) -> Vec<String> {
            vec!["docker.io".into()]
        }
    }

    #[test]
    fn parameters_are_escaped_and_repeated() {
        let mut request = BuildSpec::new(DockerfileText::default(), Arc::new(Empty), [0; 32]);
        request.references = vec!["a/b:1".parse().expect("valid"), "c:2".parse().expect("valid")];
        request.labels.insert("l".into(), "ü & =".into());
        request.add_hosts = vec!["a:1.2.3.4".into(), "b=::1".into()];
        let path = path(&request, "df");
        for part in [
            "/build?dockerfile=df&",
            "&t=docker.io%2Fa%2Fb%3A1&t=docker.io%2Flibrary%2Fc%3A2&",
            "&labels=%7B%22l%22%3A%22%C3%BC%20%26%20%3D%22%7D&",
            "&extrahosts=a%3A1.2.3.4&extrahosts=b%3A%3A%3A1",
        ] {
            assert!(path.contains(part), "{part} in {path}");
        }
        assert!(!path.contains("nocache") && !path.contains("target"));
        assert_eq!(logins(&Anonymous), None);
        let logins = logins(&Empty).expect("logins");
        assert_eq!(logins["https://index.docker.io/v1/"]["identitytoken"], "t");
    }
}
