//! Volumes without a name that a user knows: a container keeps them, by the names that the engine gave them.

use serde_json::{Value, json};

use super::json::{Object, is_empty, object, text, words};

/// What becomes of a container's anonymous volumes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Anonymous {
    pub binds: Vec<String>,
    /// Volumes that stay behind, each with where it was.
    pub left: Vec<(String, String)>,
}

/// Puts the names of anonymous volumes into a request's `HostConfig`. `users` are the paths that the user declared, `new` those
/// that the new image declares: data at another path is of no use to it.
pub(super) fn keep_anonymous(
    container: &Value,
    host: &mut Object,
    users: &Object,
    new: &Object,
) -> Anonymous {
    let mut anonymous = Anonymous::default();
    let named = bound(host);
    let is_lent = !is_empty(host.get("VolumesFrom"));
    let declared = object(&container["Config"], "Volumes");
    for mount in container["Mounts"].as_array().into_iter().flatten() {
        let (name, at) = (text(mount, "Name"), text(mount, "Destination"));
        if text(mount, "Type") != "volume" || name.is_empty() || named.iter().any(|path| path == at) {
            continue;
        }
        if name_mount(host, at, name) || (is_lent && !declared.contains_key(at)) {
            continue;
        }
        if users.contains_key(at) || new.contains_key(at) {
            let read_only = if mount["RW"] == false { ":ro" } else { "" };
            anonymous.binds.push(format!("{name}:{at}{read_only}"));
        } else {
            anonymous.left.push((name.to_owned(), at.to_owned()));
        }
    }
    if !anonymous.binds.is_empty() {
        let binds: Vec<String> =
            words(host.get("Binds")).into_iter().chain(anonymous.binds.clone()).collect();
        host.insert("Binds".to_owned(), json!(binds));
    }
    anonymous
}

/// The paths of `Binds`: `SOURCE:PATH[:OPTIONS]`.
fn bound(host: &Object) -> Vec<String> {
    let path = |bind: String| bind.split(':').nth(1).map(|path| path.trim_end_matches('/').to_owned());
    words(host.get("Binds")).into_iter().filter_map(path).collect()
}

/// Whether one of `Mounts` is at that path; one without a source gets the volume's name.
fn name_mount(host: &mut Object, at: &str, name: &str) -> bool {
    let Some(Value::Array(mounts)) = host.get_mut("Mounts") else { return false };
    let is_there = |mount: &&mut Value| text(mount, "Target").trim_end_matches('/') == at;
    let Some(mount) = mounts.iter_mut().find(is_there) else { return false };
    if text(mount, "Source").is_empty() && text(mount, "Type") == "volume" {
        mount["Source"] = json!(name);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(name: &str, at: &str) -> Value {
        json!({"Type": "volume", "Name": name, "Destination": at, "RW": true})
    }

    #[test]
    fn anonymous_volumes_are_bound_by_name_and_others_stay_as_they_are() {
        let container = json!({
            "Config": {"Volumes": {"/users": {}, "/old": {}, "/both": {}}},
            "Mounts": [volume("n1", "/users"), volume("n2", "/old"), volume("n3", "/both"),
                volume("named", "/named"), volume("n4", "/mount"), {"Type": "bind", "Destination": "/host"}]});
        let mut host = json!({"Binds": ["named:/named:rw", "/x:/host"],
            "Mounts": [{"Type": "volume", "Target": "/mount"}]});
        let host = host.as_object_mut().expect("an object");
        let map = |value: Value| value.as_object().expect("an object").clone();
        let users = map(json!({"/users": {}}));
        let found = keep_anonymous(&container, host, &users, &map(json!({"/both": {}})));
        assert_eq!(found.left, [("n2".to_owned(), "/old".to_owned())]);
        assert_eq!(host["Binds"], json!(["named:/named:rw", "/x:/host", "n1:/users", "n3:/both"]));
        assert_eq!(host["Mounts"], json!([{"Type": "volume", "Target": "/mount", "Source": "n4"}]));
    }

    #[test]
    fn volumes_of_another_container_are_its_own() {
        let container = json!({"Config": {"Volumes": null}, "Mounts": [volume("theirs", "/theirs")]});
        let mut host = json!({"VolumesFrom": ["other"], "Binds": null});
        let host = host.as_object_mut().expect("an object");
        let found = keep_anonymous(&container, host, &Object::new(), &Object::new());
        assert_eq!((found, &host["Binds"]), (Anonymous::default(), &Value::Null));
    }
}
