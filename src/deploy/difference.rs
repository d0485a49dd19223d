use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::host::host_config;
use super::json::{Object, is_empty, object, text};
use super::networks::networks;
use super::recreate::{NewImage, Recreated};

/// How a value is shown that may be a secret.
const MASK: &str = "***";

/// What changes in a container's description, a line each: `-` for what goes and `+` for what comes.
pub(crate) fn difference(
    container: &Value,
    recreated: &Recreated,
    image: &NewImage,
    tells_mac: bool,
    shows_values: bool,
) -> Vec<String> {
    let mut host = host_config(&object(container, "HostConfig"));
    let found = networks(container, &mut host, tells_mac);
    let mut connected =
        found.first.as_ref().map(|first| object(first, "EndpointsConfig")).unwrap_or_default();
    connected.extend(found.further);
    let before = json!({"Config": container["Config"], "HostConfig": host, "Networks": connected});
    let mut after = recreated.expected(image);
    // What is generated anew is no difference.
    let generated = text(container, "Id").get(..12).unwrap_or_default();
    if text(&before["Config"], "Hostname") == generated && is_empty(after["Config"].get("Hostname")) {
        after["Config"]["Hostname"] = before["Config"]["Hostname"].clone();
    }
    let (mut one, mut other) = (Vec::new(), Vec::new());
    lines(&before, "", shows_values, &mut one);
    lines(&after, "", shows_values, &mut other);
    let image_of = |id: &str, name: &str| ("Image".to_owned(), format!("{name} ({id})"), String::new());
    one.push(image_of(text(container, "Image"), text(&container["Config"], "Image")));
    other.push(image_of(&image.id, &image.name));
    let paths: BTreeSet<&String> =
        one.iter().chain(&other).map(|(path, ..)| path).filter(|path| is_shown(path)).collect();
    let mut shown = Vec::new();
    let mut is_noted = false;
    for path in paths {
        let of = |lines: &[Line]| lines.iter().filter(|line| line.0 == *path).cloned().collect::<Vec<_>>();
        let (gone, come) = (of(&one), of(&other));
        if path.starts_with(NOTED) && !shows_values {
            is_noted |= gone != come;
            continue;
        }
        shown.extend(
            gone.iter()
                .filter(|line| !come.contains(line))
                .map(|(path, value, _)| format!("- {path}: {value}")),
        );
        shown.extend(
            come.iter()
                .filter(|line| !gone.contains(line))
                .map(|(path, value, _)| format!("+ {path}: {value}")),
        );
    }
    shown.extend(is_noted.then(|| NOTED_LINE.to_owned()));
    shown
}

/// Labels in which Shipwright notes the key and the inputs of an image: long, and of no use to readers.
const NOTED: &str = "Config.Labels.io.shipwright.";
const NOTED_LINE: &str =
    "~ Config.Labels.io.shipwright: key and inputs of the image (--show-values shows them)";

/// What a container that is made the first time would be, a line each.
pub(crate) fn content(created: &Recreated, image: &NewImage, shows_values: bool) -> Vec<String> {
    let mut all = Vec::new();
    lines(&created.expected(image), "", shows_values, &mut all);
    all.push(("Image".to_owned(), format!("{} ({})", image.name, image.id), String::new()));
    all.retain(|(path, ..)| is_shown(path) && (shows_values || !path.starts_with(NOTED)));
    all.sort();
    all.into_iter().map(|(path, value, _)| format!("+ {path}: {value}")).collect()
}

/// Whether a path says anything: what a deployment notes of itself differs each time, and the image has a line of its own.
fn is_shown(path: &str) -> bool {
    !path.starts_with("Config.Image") && !path.contains("io.shipwright.deploy.")
}

/// A path, what is shown of its value, and the value that is compared.
type Line = (String, String, String);

fn lines(value: &Value, path: &str, shows_values: bool, into: &mut Vec<Line>) {
    match value {
        value if is_empty(Some(value)) => {}
        Value::Object(object) => each(object, path, shows_values, into),
        Value::Array(list) if path == "Config.Env" => {
            for variable in list.iter().filter_map(Value::as_str) {
                let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                let shown = if shows_values { value } else { MASK };
                into.push((format!("{path}.{name}"), shown.to_owned(), value.to_owned()));
            }
        }
        value => into.push((path.to_owned(), value.to_string(), value.to_string())),
    }
}

fn each(object: &Object, path: &str, shows_values: bool, into: &mut Vec<Line>) {
    for (name, value) in object {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        // An empty object is a port or a volume: its name says all.
        let is_name = matches!(path, "Config.ExposedPorts" | "Config.Volumes");
        if is_name {
            into.push((below, String::new(), String::new()));
        } else {
            lines(value, &below, shows_values, into);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shows_values: bool) -> Vec<String> {
        let label = |key: &str| json!({"io.shipwright.key": key, "io.shipwright.inputs": key, "mine": "1"});
        let container = json!({"Id": "0123456789abcdef", "Image": "sha256:1", "Config": {"Image": "api:1",
            "Env": ["A=1"], "Labels": label("k1")}, "HostConfig": {}});
        let config = json!({"Env": ["A=2"], "Labels": label("k2")});
        let image = NewImage {
            name: "api:2".to_owned(),
            id: "sha256:2".to_owned(),
            config: config.as_object().expect("an object").clone(),
        };
        let recreated = Recreated { request: json!({"HostConfig": {}}), ..Recreated::default() };
        difference(&container, &recreated, &image, false, shows_values)
    }

    #[test]
    fn what_shipwright_notes_of_an_image_is_one_line() {
        let expected = [
            "- Config.Env.A: ***",
            "+ Config.Env.A: ***",
            "- Image: api:1 (sha256:1)",
            "+ Image: api:2 (sha256:2)",
            NOTED_LINE,
        ];
        assert_eq!(shown(false), expected);
        let all = shown(true);
        assert!(all.contains(&"+ Config.Labels.io.shipwright.key: \"k2\"".to_owned()), "{all:?}");
        assert!(!all.contains(&NOTED_LINE.to_owned()), "{all:?}");
    }
}
