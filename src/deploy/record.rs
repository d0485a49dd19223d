//! What is noted on containers. Labels are shown by many tools, so that nothing in them may be a secret: they hold names
//! of what a user gave and never its values.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Object, object, text};

/// The checkout whose image a container runs.
pub(crate) const CHECKOUT_LABEL: &str = "io.shipwright.deploy.checkout";
pub(crate) const DEPLOYED_KEY_LABEL: &str = "io.shipwright.deploy.key";
pub(crate) const DEPLOYED_REVISION_LABEL: &str = "io.shipwright.deploy.revision";
/// What it ran before: a [`Previous`].
pub(crate) const PREVIOUS_LABEL: &str = "io.shipwright.deploy.previous";
/// Which deployment made the container.
pub(super) const ID_LABEL: &str = "io.shipwright.deploy.id";
/// What the user gave and the image has as well.
pub(super) const OWN_LABEL: &str = "io.shipwright.deploy.own";
/// On the container that is a lock: a [`LockNote`].
pub(crate) const LOCK_LABEL: &str = "io.shipwright.lock";
/// Compose's: the id of the image. `docker compose up` makes a container anew where it differs.
pub(super) const IMAGE_OF_COMPOSE: &str = "com.docker.compose.image";

pub(super) fn is_own_label(name: &str) -> bool {
    name.starts_with("io.shipwright.deploy.")
}

/// What the labels of a container say that the user gave it.
pub(super) fn own(container: &Value) -> BTreeSet<String> {
    let labels = object(&container["Config"], "Labels");
    let noted = labels.get(OWN_LABEL).and_then(Value::as_str);
    noted.and_then(|noted| serde_json::from_str(noted).ok()).unwrap_or_default()
}

/// What may be changed of a container while it is there, by `docker update` and `docker network connect`.
const CHANGEABLE: &[&str] = &[
    "BlkioWeight",
    "CpuCount",
    "CpuPercent",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "KernelMemory",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
    "RestartPolicy",
];

/// What a container ran before, and those of its settings that may be changed without making it anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Previous {
    pub image: String,
    pub reference: String,
    /// When the container was made, as the engine says it.
    pub created: String,
    host: Object,
    networks: Object,
}

impl Previous {
    pub(crate) fn of(container: &Value) -> Self {
        let mut host = object(container, "HostConfig");
        host.retain(|field, _| CHANGEABLE.contains(&field.as_str()));
        let mut networks = object(&container["NetworkSettings"], "Networks");
        let generated = text(container, "Id").get(..12).unwrap_or_default();
        for endpoint in networks.values_mut().filter_map(Value::as_object_mut) {
            // Engines before 25 add the beginning of the id.
            if let Some(Value::Array(aliases)) = endpoint.get_mut("Aliases") {
                aliases.retain(|alias| alias != generated);
            }
            let chosen = ["IPAMConfig", "Links", "DriverOpts", "GwPriority", "Aliases"];
            endpoint.retain(|field, value| chosen.contains(&field.as_str()) && !value.is_null());
        }
        Self {
            image: text(container, "Image").to_owned(),
            reference: text(&container["Config"], "Image").to_owned(),
            created: text(container, "Created").to_owned(),
            host,
            networks,
        }
    }

    /// What a container's label holds.
    pub(crate) fn read(container: &Value) -> Option<Self> {
        let labels = object(&container["Config"], "Labels");
        Self::parse(labels.get(PREVIOUS_LABEL)?.as_str()?)
    }

    pub(crate) fn parse(label: &str) -> Option<Self> {
        serde_json::from_str(label).ok()
    }

    /// A container's description with the settings of that time.
    pub(crate) fn restored(&self, container: &Value) -> Value {
        let mut restored = container.clone();
        for (field, value) in &self.host {
            restored["HostConfig"][field] = value.clone();
        }
        restored["NetworkSettings"]["Networks"] = Value::Object(self.networks.clone());
        restored
    }

    pub(crate) fn label(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a lock says of the deployment that holds it: enough for anybody to end it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LockNote {
    /// Tells deployments apart.
    pub id: String,
    /// Where its file lock is: the same for all of one user on one machine.
    pub place: String,
    /// Who, for people.
    pub who: String,
    /// What it moves to, for people.
    pub image: String,
    /// After how many seconds it is given up by those who cannot know whether it is still at work.
    pub lease: u64,
    /// The containers, each before those that share something of it. The first leads.
    pub members: Vec<MemberNote>,
    /// The repository whose `current` and `previous` are moved; empty for none.
    pub repository: String,
    /// The id of the image that `current` is to name.
    pub current: String,
    /// The id of the image that `previous` is to name; empty where that stays.
    pub previous: String,
    /// Ids of the images that had these names.
    pub displaced: Vec<String>,
}

impl LockNote {
    /// Whether a container is made the first time: there is no old one to come back.
    pub(crate) fn creates(&self) -> bool {
        self.members.first().is_some_and(|leader| leader.old.is_empty())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberNote {
    pub name: String,
    /// The id of the old container; empty where there is none.
    pub old: String,
    pub runs: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_value_of_the_environment_is_noted() {
        let container = json!({"Id": "0123456789abcdef", "Image": "sha256:1", "Created": "then", "Config": {"Image": "api:1", "Env": ["SECRET=s3cr3t"]},
            "HostConfig": {"Memory": 5, "LogConfig": {"Config": {"token": "s3cr3t"}}},
            "NetworkSettings": {"Networks": {"back": {"Aliases": ["x", "0123456789ab"], "Gateway": "10.0.0.1"}}}});
        let previous = Previous::of(&container);
        assert!(!previous.label().contains("s3cr3t"), "{}", previous.label());
        let labelled = json!({"Config": {"Labels": {PREVIOUS_LABEL: previous.label()}}});
        assert_eq!(Previous::read(&labelled), Some(previous.clone()));
        let restored = previous.restored(
            &json!({"HostConfig": {"Memory": 9, "Init": true}, "NetworkSettings": {"Networks": {}}}),
        );
        assert_eq!(restored["HostConfig"], json!({"Memory": 5, "Init": true}));
        assert_eq!(restored["NetworkSettings"]["Networks"], json!({"back": {"Aliases": ["x"]}}));
    }
}
