use crate::builder::BuildSpec;

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::builder::DockerfileText;
    use crate::builder::testing::Empty;

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
    }
}
