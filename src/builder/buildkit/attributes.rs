use std::collections::HashMap;

use bollard_buildkit_proto::moby::buildkit::v1::{CacheOptions, CacheOptionsEntry, Exporter, SolveRequest};

use serde_json::{Value, json};

use super::dockerfile;
use super::filesync::{CONTEXT, DOCKERFILE, folder_name};
use crate::builder::{BuildError, BuildSpec, CacheLocation, Destination};

/// What `Control.Solve` is asked. `host_gateway` is the address of the engine's host, where known.
pub(super) fn solve_request(
    request: &BuildSpec,
    session: &str,
    reference: &str,
    host_gateway: Option<&str>,
) -> Result<SolveRequest, BuildError> {
    let (exporter, attributes) = exporter(request);
    let entitlements = match request.network.as_deref() {
        Some("host") => vec!["network.host".to_owned()],
        _ => Vec::new(),
    };
    Ok(SolveRequest {
        r#ref: reference.to_owned(),
        session: session.to_owned(),
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs: frontend(request, host_gateway)?,
        // Engines before 25 know only the deprecated fields.
        exporter_deprecated: exporter.to_owned(),
        exporter_attrs_deprecated: attributes.clone(),
        exporters: vec![Exporter { r#type: exporter.to_owned(), attrs: attributes }],
        cache: Some(CacheOptions {
            imports: request.cache_from.iter().map(entry).collect(),
            exports: request.cache_to.iter().map(exported).collect(),
            ..CacheOptions::default()
        }),
        entitlements,
        ..SolveRequest::default()
    })
}

/// Who takes the image, and what it is told.
fn exporter(request: &BuildSpec) -> (&'static str, HashMap<String, String>) {
    let names: Vec<String> = request.references.iter().map(ToString::to_string).collect();
    let mut attributes = HashMap::new();
    let mut set = |name: &str, value: &str| attributes.insert(name.to_owned(), value.to_owned());
    if !names.is_empty() {
        set("name", &names.join(","));
    }
    let exporter = match request.destination {
        // The engine's own image store.
        Destination::Engine => "moby",
        Destination::Registry { insecure } => {
            set("push", "true");
            if insecure {
                set("registry.insecure", "true");
            }
            "image"
        }
    };
    (exporter, attributes)
}

fn frontend(request: &BuildSpec, host_gateway: Option<&str>) -> Result<HashMap<String, String>, BuildError> {
    let mut attributes = HashMap::new();
    let mut set = |name: &str, value: &str| {
        attributes.insert(name.to_owned(), value.to_owned());
    };
    set("filename", dockerfile::NAME);
    set("contextkey", CONTEXT);
    set("dockerfilekey", DOCKERFILE);
    match request.destination {
        // Images of the engine count even if a registry has others of the same name.
        Destination::Engine => set("image-resolve-mode", "local"),
        Destination::Registry { .. } if request.pull => set("image-resolve-mode", "pull"),
        Destination::Registry { .. } => {}
    }
    if let Some(target) = &request.target {
        set("target", target);
    }
    if let Some(platform) = &request.platform {
        set("platform", &platform.to_string());
    }
    if let Some(network) = request.network.as_deref().filter(|network| *network != "default") {
        if !matches!(network, "host" | "none") {
            return Err(BuildError::Unsupported {
                what: format!("RUN in the network `{network}`"),
                line: None,
                hint: "BuildKit knows the networks `default`, `none` and `host`".to_owned(),
            });
        }
        set("force-network-mode", network);
    }
    if request.no_cache {
        set("no-cache", "");
    }
    if request.builtin_frontend {
        // Its presence keeps the frontend from following `# syntax=`.
        set("cmdline", "");
    }
    for folder in &request.named {
        set(&format!("context:{}", folder.name), &format!("local:{}", folder_name(&folder.name)));
    }
    if !request.cache_from.is_empty() {
        // The frontend asks for them by itself; the call's own only count for what has none.
        set("cache-imports", &imports(&request.cache_from));
    }
    for (name, value) in &request.attestations {
        set(&format!("attest:{name}"), value);
    }
    for (name, value) in &request.labels {
        set(&format!("label:{name}"), value);
    }
    for (name, value) in &request.build_args {
        set(&format!("build-arg:{name}"), value);
    }
    if !request.add_hosts.is_empty() {
        set("add-hosts", &add_hosts(&request.add_hosts, host_gateway)?);
    }
    Ok(attributes)
}

fn entry(location: &CacheLocation) -> CacheOptionsEntry {
    let attrs = location.attributes.clone().into_iter().collect();
    CacheOptionsEntry { r#type: location.kind.clone(), attrs }
}

/// What cannot be exported is said, and the image is there all the same.
fn exported(location: &CacheLocation) -> CacheOptionsEntry {
    let mut entry = entry(location);
    entry.attrs.entry("ignore-error".to_owned()).or_insert_with(|| "true".to_owned());
    entry
}

/// As the Dockerfile frontend reads them: a list of `{"Type": …, "Attrs": {…}}`.
fn imports(locations: &[CacheLocation]) -> String {
    let entry = |location: &CacheLocation| json!({"Type": location.kind, "Attrs": location.attributes});
    Value::Array(locations.iter().map(entry).collect()).to_string()
}

/// The address that stands for the engine's host.
pub(super) const HOST_GATEWAY: &str = "host-gateway";

/// `name:address` or `name=address` to what the frontend reads: `name=address`, with commas between.
fn add_hosts(lines: &[String], host_gateway: Option<&str>) -> Result<String, BuildError> {
    let unsupported = |line: &str, hint: &str| BuildError::Unsupported {
        what: format!("--add-host {line}"),
        line: None,
        hint: hint.to_owned(),
    };
    let host = |line: &String| {
        let (name, address) = line
            .split_once('=')
            .or_else(|| line.split_once(':'))
            .ok_or_else(|| unsupported(line, "write NAME:ADDRESS"))?;
        let address = match address {
            HOST_GATEWAY => {
                host_gateway.ok_or_else(|| unsupported(line, "this builder does not tell its address"))?
            }
            address => address.trim_start_matches('[').trim_end_matches(']'),
        };
        Ok(format!("{name}={address}"))
    };
    Ok(lines.iter().map(host).collect::<Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::dockerfile::DockerfileFolder;
    use super::*;
    use crate::builder::DockerfileText;

    fn request() -> BuildSpec {
        BuildSpec::new(DockerfileText::default(), Arc::new(DockerfileFolder::new(b"")), [0; 32])
    }

    #[test]
    fn names_and_options_reach_the_engine() {
        let mut request = request();
        request.references = vec!["a/b:1".parse().expect("valid"), "a/b:2".parse().expect("valid")];
        request.labels.insert("l".into(), "v".into());
        request.build_args.insert("A".into(), String::new());
        request.target = Some("t".into());
        request.platform = Some("linux/arm64".parse().expect("valid"));
        request.network = Some("host".into());
        request.add_hosts = vec!["me:host-gateway".into(), "six=[::1]".into()];
        let solve = solve_request(&request, "s", "r", Some("172.17.0.1")).expect("valid");
        assert_eq!(solve.exporters[0].attrs["name"], "a/b:1,a/b:2");
        assert_eq!(solve.exporter_attrs_deprecated["name"], "a/b:1,a/b:2");
        assert_eq!(solve.entitlements, ["network.host"]);
        for (name, value) in [
            ("label:l", "v"),
            ("build-arg:A", ""),
            ("target", "t"),
            ("platform", "linux/arm64"),
            ("force-network-mode", "host"),
            ("add-hosts", "me=172.17.0.1,six=::1"),
            ("image-resolve-mode", "local"),
        ] {
            assert_eq!(solve.frontend_attrs[name], value, "{name}");
        }
        assert!(!solve.frontend_attrs.contains_key("no-cache"));
        assert!(!solve.frontend_attrs.contains_key("cmdline"));
    }

    #[test]
    fn what_goes_to_a_registry_is_pushed_and_nothing_else_is() {
        let mut request = request();
        request.references = vec!["r.io/a/b:1".parse().expect("valid")];
        let solve = solve_request(&request, "s", "r", None).expect("valid");
        assert_eq!(solve.exporters[0].r#type, "moby");
        assert!(!solve.exporters[0].attrs.contains_key("push"));
        for (insecure, pull) in [(false, false), (true, true)] {
            request.destination = Destination::Registry { insecure };
            request.pull = pull;
            let solve = solve_request(&request, "s", "r", None).expect("valid");
            let exporter = &solve.exporters[0];
            assert_eq!((exporter.r#type.as_str(), exporter.attrs["push"].as_str()), ("image", "true"));
            assert_eq!(exporter.attrs["name"], "r.io/a/b:1");
            assert_eq!(exporter.attrs.contains_key("registry.insecure"), insecure);
            let resolve = solve.frontend_attrs.get("image-resolve-mode").map(String::as_str);
            assert_eq!(resolve, pull.then_some("pull"));
        }
    }

    #[test]
    fn what_it_cannot_do_is_an_error() {
        let mut request = request();
        request.add_hosts = vec!["me:host-gateway".into()];
        assert!(solve_request(&request, "s", "r", None).is_err());
        request.add_hosts.clear();
        request.network = Some("my-network".into());
        assert!(solve_request(&request, "s", "r", None).is_err());
    }
}
