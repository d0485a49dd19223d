//! A container's networks as they can be asked for: what the user chose, without what the engine gave.

use serde_json::{Value, json};

use super::json::{Object, is_empty, object, text, words};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Networks {
    /// `NetworkingConfig` of the request; none where the network has no endpoints of its own.
    pub first: Option<Value>,
    /// Networks that the container is connected to once it is made; engines before 25 take one only.
    pub further: Vec<(String, Value)>,
    /// A network that the engine connects it to and that it left.
    pub left: Option<String>,
}

/// How engines without user-defined networks of it call the default one.
const DEFAULT: [&str; 3] = ["default", "bridge", ""];

/// Reads a container's networks. `NetworkMode` of `host` is set to the one that it is made in. With `tells_mac`, an address
/// that is not made out of the IP address is the user's.
pub(super) fn networks(container: &Value, host: &mut Object, tells_mac: bool) -> Networks {
    let mode = host.get("NetworkMode").and_then(Value::as_str).unwrap_or_default().to_owned();
    if matches!(mode.as_str(), "host" | "none") || mode.starts_with("container:") {
        return Networks::default();
    }
    let connected = object(&container["NetworkSettings"], "Networks");
    let is_first = |(name, found): &(&String, &Value)| {
        let id = text(found, "NetworkID");
        **name == mode
            || (is_default(name) && is_default(&mode))
            || (mode.len() >= 12 && id.starts_with(mode.as_str()))
    };
    let Some((first, found)) = connected.iter().find(is_first).or_else(|| connected.iter().next()) else {
        return Networks {
            left: Some(if is_default(&mode) { "bridge".to_owned() } else { mode }),
            ..Networks::default()
        };
    };
    let names = Own { id: text(container, "Id"), tells_mac };
    let asked = names.endpoint(first, found);
    if !(is_default(first) && is_default(&mode)) {
        host.insert("NetworkMode".to_owned(), json!(first));
    }
    let is_asked = !is_default(first) && !is_empty(Some(&asked));
    let further = connected.iter().filter(|(name, _)| *name != first);
    Networks {
        first: is_asked.then(|| json!({"EndpointsConfig": {(first): asked}})),
        further: further.map(|(name, found)| (name.clone(), names.endpoint(name, found))).collect(),
        left: None,
    }
}

fn is_default(name: &str) -> bool {
    DEFAULT.contains(&name)
}

/// What tells the user's words from the engine's.
struct Own<'a> {
    id: &'a str,
    tells_mac: bool,
}

impl Own<'_> {
    fn endpoint(&self, network: &str, found: &Value) -> Value {
        let mut asked = Object::new();
        // Addresses, links and aliases are for networks that a user made.
        for field in ["IPAMConfig", "Links", "DriverOpts", "GwPriority"] {
            if !is_empty(found.get(field)) {
                asked.insert(field.to_owned(), found[field].clone());
            }
        }
        let aliases: Vec<String> = words(found.get("Aliases"))
            .into_iter()
            .filter(|alias| !(alias.len() == 12 && self.id.starts_with(alias.as_str())))
            .collect();
        if !aliases.is_empty() && !is_default(network) {
            asked.insert("Aliases".to_owned(), json!(aliases));
        }
        let mac = text(found, "MacAddress");
        if self.tells_mac && !mac.is_empty() && !mac.starts_with("02:42:") {
            asked.insert("MacAddress".to_owned(), json!(mac));
        }
        Value::Object(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mode: &str, connected: &Value) -> (Networks, Value) {
        let id = format!("0123456789ab{}", "c".repeat(52));
        let container = json!({"Id": id, "NetworkSettings": {"Networks": connected}});
        let mut host = json!({"NetworkMode": mode}).as_object().expect("an object").clone();
        let networks = networks(&container, &mut host, true);
        (networks, host["NetworkMode"].clone())
    }

    #[test]
    fn what_the_user_chose_is_asked_for_and_what_the_engine_gave_is_not() {
        let (found, mode) = of(
            "back",
            &json!({
                "back": {"IPAMConfig": {"IPv4Address": "10.0.0.5"}, "Aliases": ["web", "0123456789ab"], "IPAddress": "10.0.0.5",
                    "MacAddress": "02:42:0a:00:00:05", "Gateway": "10.0.0.1", "DNSNames": ["web"]},
                "front": {"IPAMConfig": {}, "Aliases": ["0123456789ab"], "MacAddress": "0a:00:00:00:00:07",
                    "DriverOpts": {"a": "b"}, "Links": ["db:database"], "GwPriority": 5}}),
        );
        assert_eq!(mode, "back");
        assert_eq!(
            found.first,
            Some(
                json!({"EndpointsConfig": {"back": {"IPAMConfig": {"IPv4Address": "10.0.0.5"}, "Aliases": ["web"]}}})
            )
        );
        let front = json!({"Links": ["db:database"], "DriverOpts": {"a": "b"}, "GwPriority": 5,
            "MacAddress": "0a:00:00:00:00:07"});
        assert_eq!(found.further, [("front".to_owned(), front)]);
    }

    #[test]
    fn the_default_network_has_no_aliases() {
        let (found, mode) = of(
            "default",
            &json!({"bridge": {"Aliases": ["0123456789ab"], "MacAddress": "02:42:ac:11:00:02"}}),
        );
        assert_eq!((found, mode), (Networks::default(), json!("default")));
    }

    #[test]
    fn a_network_that_was_left_is_left_again() {
        let (found, mode) = of("back", &json!({"front": {}}));
        assert_eq!((found, mode), (Networks::default(), json!("front")));
        let (found, _) = of("back", &json!({}));
        assert_eq!(found.left.as_deref(), Some("back"));
        assert_eq!(of("container:x", &json!({})).0, Networks::default());
    }
}
