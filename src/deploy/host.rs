//! The part of a description that says how a container stands to its machine.

use serde_json::{Value, json};

use super::json::{Object, is_empty, words};

/// What engines hide of `/proc` and `/sys` by themselves. Where a container has only such paths, the list is the engine's, and
/// the engine's next one is to count.
const HIDDEN: &[&str] =
    &["/proc/", "/sys/firmware", "/sys/devices/virtual/powercap", "/sys/devices/system/cpu/"];

/// `HostConfig` as it can be asked for.
pub(super) fn host_config(host: &Object) -> Object {
    let mut host = host.clone();
    // Either says how much of the processors; an update of the container may have left both.
    if !is_empty(host.get("NanoCpus")) {
        for field in ["CpuPeriod", "CpuQuota"] {
            host.insert(field.to_owned(), json!(0));
        }
    }
    for field in ["MaskedPaths", "ReadonlyPaths"] {
        let paths = words(host.get(field));
        let is_hidden = |path: &String| HIDDEN.iter().any(|hidden| path.starts_with(hidden));
        if !paths.is_empty() && paths.iter().all(is_hidden) {
            host.remove(field);
        }
    }
    if let Some(Value::Array(links)) = host.get_mut("Links") {
        for link in links {
            *link = json!(asked_link(link.as_str().unwrap_or_default()));
        }
    }
    // The engine counts it anew.
    host.remove("ContainerIDFile");
    host
}

/// `db:alias` of `/db:/api/alias`, the form in which engines show links of the default network.
fn asked_link(link: &str) -> String {
    let last = |part: &str| part.rsplit('/').next().unwrap_or_default().to_owned();
    match link.split_once(':') {
        Some((of, alias)) => format!("{}:{}", last(of), last(alias)),
        None => last(link),
    }
}

/// Puts `with` where a container shares something of the container `of`, whatever it is called there.
pub(super) fn shared_with(host: &mut Object, of: &dyn Fn(&str) -> Option<String>) {
    for field in ["NetworkMode", "PidMode", "IpcMode"] {
        let shared = host.get(field).and_then(Value::as_str).and_then(|mode| mode.strip_prefix("container:"));
        if let Some(now) = shared.and_then(of) {
            host.insert(field.to_owned(), json!(format!("container:{now}")));
        }
    }
}

/// Whether a container shares something of another one that is called `id` or `name`.
pub(crate) fn shares(container: &Value, id: &str, name: &str) -> bool {
    let host = &container["HostConfig"];
    ["NetworkMode", "PidMode", "IpcMode"].iter().any(|field| {
        let other = host[*field].as_str().and_then(|mode| mode.strip_prefix("container:"));
        other.is_some_and(|other| is_called(other, id, name))
    })
}

pub(crate) fn is_called(word: &str, id: &str, name: &str) -> bool {
    word == name || (word.len() >= 12 && id.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(value: &Value) -> Value {
        Value::Object(host_config(value.as_object().expect("an object")))
    }

    #[test]
    fn nothing_conflicts_and_unknown_fields_stay() {
        let given = json!({"NanoCpus": 5, "CpuQuota": 7, "CpuPeriod": 8, "Future": {"x": 1}});
        assert_eq!(host(&given), json!({"NanoCpus": 5, "CpuQuota": 0, "CpuPeriod": 0, "Future": {"x": 1}}));
        let quota = json!({"NanoCpus": 0, "CpuQuota": 7});
        assert_eq!(host(&quota), quota);
    }

    #[test]
    fn links_are_asked_for_as_users_write_them() {
        let given = json!({"Links": ["/db:/api/database", "/cache:/api/cache"]});
        assert_eq!(host(&given), json!({"Links": ["db:database", "cache:cache"]}));
    }

    #[test]
    fn only_the_engine_s_own_hidden_paths_are_left_to_it() {
        assert_eq!(host(&json!({"MaskedPaths": ["/proc/kcore", "/sys/firmware"]})), json!({}));
        for kept in [json!({"MaskedPaths": []}), json!({"MaskedPaths": ["/proc/kcore", "/secret"]})] {
            assert_eq!(host(&kept), kept);
        }
    }

    #[test]
    fn what_is_shared_is_shared_with_the_new_container() {
        let id = "a".repeat(64);
        let of = |word: &str| is_called(word, &id, "web").then(|| "new".to_owned());
        let mut host =
            json!({"NetworkMode": format!("container:{id}"), "PidMode": "container:web", "IpcMode": "host"});
        shared_with(host.as_object_mut().expect("an object"), &of);
        assert_eq!(
            host,
            json!({"NetworkMode": "container:new", "PidMode": "container:new", "IpcMode": "host"})
        );
    }
}
