use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::config::{Subtraction, merged};
use super::host::{host_config, shared_with};
use super::json::{Object, is_empty, object, text, words};
use super::mounts::keep_anonymous;
use super::networks::{Networks, networks};
use super::record::{ID_LABEL, IMAGE_OF_COMPOSE, OWN_LABEL, own};

#[derive(Clone, Debug)]
pub(crate) struct NewImage {
    pub name: String,
    pub id: String,
    pub config: Object,
}

/// A container that is to be made anew, and what it is to become.
pub(crate) struct Recreation<'a> {
    pub container: &'a Value,
    /// The description of the image that it was made from; none where the engine has lost it.
    pub old_image: Option<&'a Value>,
    pub image: &'a NewImage,
    /// Whether anonymous volumes are made anew.
    pub renew: bool,
    /// Whether an address of a network card shows who chose it.
    pub tells_mac: bool,
    pub machine: &'a str,
    pub id: &'a str,
    /// Labels that say where the image comes from.
    pub labels: BTreeMap<&'static str, String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Recreated {
    pub request: Value,
    pub connect: Vec<(String, Value)>,
    pub disconnect: Option<String>,
    /// What is lost, or different.
    pub warnings: Vec<String>,
}

/// A container's own description, with another image, and without what its old image brought.
pub(crate) fn recreate(target: &Recreation<'_>) -> Recreated {
    let nothing = Object::new();
    let container = target.container;
    let old = target.old_image.map(|image| object(image, "Config"));
    let noted = own(container);
    let mut subtraction = Subtraction {
        old: old.as_ref().unwrap_or(&nothing),
        new: &target.image.config,
        own: &noted,
        noted: BTreeSet::new(),
    };
    let mut config = subtraction.of(&object(container, "Config"));
    let noted = subtraction.noted;
    let mut host = host_config(&object(container, "HostConfig"));
    let mut warnings = warnings_of(container, &host);
    if target.old_image.is_none() {
        warnings.push(
            "the engine has lost the image that it runs: what that brought cannot be told from its own settings, and stays"
                .to_owned(),
        );
    }
    let (users, new) = (object_of(&config, "Volumes"), object_of(&target.image.config, "Volumes"));
    if !target.renew {
        let anonymous = keep_anonymous(container, &mut host, &users, &new);
        warnings.extend(anonymous.left.iter().map(|(name, at)| {
            format!("the new image declares no volume at {at}: the old one stays on the engine as {name}")
        }));
    }
    let networks = networks(container, &mut host, target.tells_mac);
    host_name(container, &host, target.machine, &mut config);
    publish(&host, &mut config);
    label(target.image, target.id, &target.labels, &noted, &mut config);
    config.insert("Image".to_owned(), json!(target.image.name));
    let Networks { first, further, left } = networks;
    let mut request = config;
    request.insert("HostConfig".to_owned(), Value::Object(host));
    request.insert("NetworkingConfig".to_owned(), first.unwrap_or_else(|| json!({})));
    Recreated { request: Value::Object(request), connect: further, disconnect: left, warnings }
}

impl Recreated {
    /// Has it share what it shares with another container, once that one's id is known.
    pub(crate) fn shares_with(&mut self, of: &dyn Fn(&str) -> Option<String>) {
        if let Some(host) = self.request.get_mut("HostConfig").and_then(Value::as_object_mut) {
            shared_with(host, of);
        }
    }

    /// What its description will say, in the parts that are compared.
    pub(crate) fn expected(&self, image: &NewImage) -> Value {
        let mut config = self.request.as_object().cloned().unwrap_or_default();
        let host = config.remove("HostConfig").unwrap_or_default();
        let first = config.remove("NetworkingConfig").unwrap_or_default();
        let mut networks = object(&first, "EndpointsConfig");
        networks.extend(self.connect.iter().cloned());
        json!({"Config": merged(&config, &image.config), "HostConfig": host, "Networks": networks})
    }
}

/// A container that is made the first time, as `asked` describes it.
pub(crate) fn create(
    asked: &Value,
    connect: &[(String, Value)],
    image: &NewImage,
    id: &str,
    labels: &BTreeMap<&'static str, String>,
) -> Recreated {
    let nothing = Object::new();
    let mut request = asked.as_object().cloned().unwrap_or_default();
    let mut subtraction =
        Subtraction { old: &nothing, new: &image.config, own: &BTreeSet::new(), noted: BTreeSet::new() };
    // Whatever was given is the user's; what the image has as well is noted, so that it stays that with the image after it.
    subtraction.of(&request);
    let noted = subtraction.noted;
    label(image, id, labels, &noted, &mut request);
    request.insert("Image".to_owned(), json!(image.name));
    Recreated { request: Value::Object(request), connect: connect.to_vec(), ..Recreated::default() }
}

fn object_of(config: &Object, field: &str) -> Object {
    config.get(field).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A generated host name is the beginning of the id; a container that has its name from elsewhere may be given none.
fn host_name(container: &Value, host: &Object, machine: &str, config: &mut Object) {
    let mode = |field: &str| host.get(field).and_then(Value::as_str).unwrap_or_default();
    let name = text(&container["Config"], "Hostname");
    let is_shared = mode("NetworkMode").starts_with("container:") || mode("UTSMode") == "host";
    let is_generated = text(container, "Id").get(..12) == Some(name);
    let is_machine = mode("NetworkMode") == "host" && name == machine;
    if name.is_empty() || is_shared || is_generated || is_machine {
        config.remove("Hostname");
    }
    if is_shared {
        config.remove("Domainname");
    }
    if mode("NetworkMode").starts_with("container:") {
        for field in ["ExposedPorts", "MacAddress"] {
            config.remove(field);
        }
    }
}

/// Only ports that are exposed are published, also where the image exposed them.
fn publish(host: &Object, config: &mut Object) {
    let published = words(host.get("PortBindings"));
    if published.is_empty() {
        return;
    }
    let mut exposed = object_of(config, "ExposedPorts");
    exposed.extend(published.into_iter().map(|port| (port, json!({}))));
    config.insert("ExposedPorts".to_owned(), Value::Object(exposed));
}

fn label(
    image: &NewImage,
    id: &str,
    given: &BTreeMap<&'static str, String>,
    noted: &BTreeSet<String>,
    config: &mut Object,
) {
    let mut labels = object_of(config, "Labels");
    if labels.contains_key(IMAGE_OF_COMPOSE) {
        labels.insert(IMAGE_OF_COMPOSE.to_owned(), json!(image.id));
    }
    labels.extend(given.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    labels.insert(ID_LABEL.to_owned(), json!(id));
    if !noted.is_empty() {
        let noted = serde_json::to_string(noted).unwrap_or_default();
        labels.insert(OWN_LABEL.to_owned(), json!(noted));
    }
    config.insert("Labels".to_owned(), Value::Object(labels));
}

/// What cannot be read back from an engine.
fn warnings_of(container: &Value, host: &Object) -> Vec<String> {
    let mut warnings = Vec::new();
    let bound = host.get("PortBindings").and_then(Value::as_object);
    let is_free = |binding: &Value| matches!(text(binding, "HostPort"), "" | "0");
    let random: Vec<&str> = bound
        .into_iter()
        .flatten()
        .filter(|(_, bindings)| bindings.as_array().is_none_or(|all| all.iter().any(is_free)))
        .map(|(port, _)| port.as_str())
        .collect();
    if !random.is_empty() {
        let ports = random.join(", ");
        warnings.push(format!("no port of the machine was chosen for {ports}: the engine gives another one"));
    }
    if host.get("PublishAllPorts") == Some(&json!(true)) {
        warnings.push("all ports are published (-P): the engine gives other ones of the machine".to_owned());
    }
    if !is_empty(host.get("VolumesFrom")) {
        let from = words(host.get("VolumesFrom")).join(", ");
        warnings.push(format!("its volumes come from {from} (--volumes-from), as they are there now"));
    }
    if !is_empty(container["State"].get("Paused")) {
        warnings.push("it is paused; the new one will not be".to_owned());
    }
    warnings
}
