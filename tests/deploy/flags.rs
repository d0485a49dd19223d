//! `docker run` flags, alone and together: what was deployed is what `docker run` with the new image would have made.

use serde_json::{Value, json};

use crate::deploy::{Dock, SERVE};
use crate::support::Share;

/// Flags that go with each other, each of its own.
pub(crate) const TOGETHER: &[&[&str]] = &[
    &["--env", "A=mine"],
    &["--env", "NEW=mine"],
    &["--env", "EMPTY="],
    &["--label", "l=mine"],
    &["--label", "own=1"],
    &["--annotation", "a.b=c"],
    &["--user", "1000:1000"],
    &["--workdir", "/tmp"],
    &["--hostname", "myhost"],
    &["--domainname", "example.org"],
    &["--stop-signal", "SIGUSR1"],
    &["--stop-timeout", "7"],
    &["--expose", "9999"],
    &["--publish", "127.0.0.1:18090:80"],
    &["--publish", "127.0.0.1:18091-18093:8001-8003/udp"],
    &["--volume", "/anonymous"],
    &["--volume", "NAME-vol:/named:ro"],
    &["--volume", "/tmp:/host:ro,rslave"],
    &["--mount", "type=volume,target=/mounted"],
    &["--mount", "type=volume,source=NAME-vol2,target=/mounted2,volume-nocopy"],
    &["--mount", "type=bind,source=/tmp,target=/bound,readonly"],
    &["--mount", "type=tmpfs,target=/t2,tmpfs-size=1048576,tmpfs-mode=700"],
    &["--tmpfs", "/t1:size=64k"],
    &["--restart", "on-failure:3"],
    &["--cap-add", "NET_ADMIN"],
    &["--cap-drop", "MKNOD"],
    &["--device", "/dev/null:/dev/mynull:r"],
    &["--device-cgroup-rule", "c 1:3 mr"],
    &["--ulimit", "nofile=100:200"],
    &["--ulimit", "core=0"],
    &["--sysctl", "net.ipv4.ip_forward=1"],
    &["--log-driver", "json-file"],
    &["--log-opt", "max-size=1m", "--log-opt", "max-file=2"],
    &["--init"],
    &["--read-only"],
    &["--security-opt", "no-new-privileges"],
    &["--security-opt", "seccomp=unconfined"],
    &["--security-opt", "apparmor=unconfined"],
    &["--memory", "64m"],
    &["--memory-reservation", "32m"],
    &["--memory-swap", "128m"],
    &["--cpu-shares", "512"],
    &["--cpuset-cpus", "0"],
    &["--cpuset-mems", "0"],
    &["--pids-limit", "50"],
    &["--shm-size", "32m"],
    &["--oom-score-adj", "100"],
    &["--tty"],
    &["--interactive"],
    &["--add-host", "db:10.0.0.1"],
    &["--dns", "10.0.0.2"],
    &["--dns-search", "example.org"],
    &["--dns-option", "ndots:2"],
    &["--group-add", "27"],
    &["--ipc", "shareable"],
    &["--runtime", "runc"],
    &["--health-interval", "5s"],
    &["--health-retries", "9"],
    &["--health-start-period", "3s"],
    &["--health-timeout", "4s"],
    &["--blkio-weight", "300"],
    &["--network", "NAME-net"],
    &["--network-alias", "al1"],
    &["--network-alias", "al2"],
    &["--ip", "10.99.7.9"],
    &["--mac-address", "02:11:22:33:44:55"],
    &["--cgroup-parent", "/swt"],
];

/// Flags that do not go with all others: each with what it needs, and after the image what is run.
pub(crate) const ALONE: &[(&[&str], &[&str])] = &[
    (&[], &[]),
    (&[], &["sleep", "1000"]),
    (&["--entrypoint", "/bin/sleep"], &["5000"]),
    (&["--entrypoint", "/bin/true"], &[]),
    (&["--entrypoint", ""], &["sleep", "5000"]),
    (&["--cpus", "0.5"], &[]),
    (&["--cpu-period", "50000", "--cpu-quota", "20000"], &[]),
    (&["--network", "host"], &[]),
    (&["--network", "host", "--hostname", "other"], &[]),
    (&["--network", "none"], &[]),
    (&["--network", "bridge"], &[]),
    (&["--network", "container:NAME-owner"], &[]),
    (&["--pid", "host"], &[]),
    (&["--pid", "container:NAME-owner"], &[]),
    (&["--ipc", "host"], &[]),
    (&["--ipc", "container:NAME-owner"], &[]),
    (&["--uts", "host"], &[]),
    (&["--privileged"], &[]),
    (&["--rm"], &[]),
    (&["--no-healthcheck"], &[]),
    (&["--health-cmd", "exit 0", "--health-interval", "200ms"], &[]),
    (&["--publish-all"], &[]),
    (&["--publish", "80"], &[]),
    (&["--link", "NAME-owner:friend"], &[]),
    (&["--volumes-from", "NAME-owner:ro"], &[]),
    (&["--restart", "unless-stopped"], &[]),
    (&["--restart", "always"], &[]),
    (&["--log-driver", "none"], &[]),
    (&["--security-opt", "systempaths=unconfined"], &[]),
    (&["--userns", "host"], &[]),
    (&["--cgroupns", "host"], &[]),
    (&["--oom-kill-disable=false"], &[]),
    (&["--mac-address", "02:11:22:33:44:66"], &[]),
    (&["--network", "NAME-net", "--ip", "10.99.7.8"], &[]),
    (&["--volume", "/data"], &[]),
    (&["--volume", "NAME-vol3:/data"], &[]),
    (&["--mount", "type=volume,target=/data"], &[]),
    (&["--network", "NAME-net", "--link", "NAME-owner:friend"], &[]),
    (&["--storage-opt", "size=1G"], &[]),
    (&["--device-read-bps", "/dev/null:1mb"], &[]),
    (&["--memory-swappiness", "10"], &[]),
    (&["--kernel-memory", "0"], &[]),
    (&["--isolation", "default"], &[]),
];

/// What of a description is about the one container, or about the order in which things were made.
pub(crate) fn normal(mut container: Value, name: &str) -> Value {
    let id = container["Id"].as_str().unwrap_or_default().to_owned();
    let mounts: Vec<Value> = container["Mounts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mount| {
            let is_anonymous = mount["Name"].as_str().is_some_and(|name| name.len() == 64);
            json!([
                mount["Type"],
                if is_anonymous { json!("anonymous") } else { mount["Source"].clone() },
                mount["Destination"],
                mount["RW"],
                mount["Driver"]
            ])
        })
        .collect();
    let mut mounts: Vec<String> = mounts.iter().map(ToString::to_string).collect();
    mounts.sort();
    let config = &mut container["Config"];
    if config["Hostname"].as_str() == id.get(..12) {
        config["Hostname"] = json!("generated");
    }
    if let Some(labels) = config["Labels"].as_object_mut() {
        labels.retain(|label, _| !label.starts_with("io.shipwright.deploy."));
    }
    let mut environment: Vec<String> =
        config["Env"].as_array().into_iter().flatten().map(ToString::to_string).collect();
    environment.sort();
    config["Env"] = json!(environment);
    let host = &mut container["HostConfig"];
    // Anonymous volumes are kept by the names that the engine gave them; what is mounted is compared below.
    let binds: Vec<&Value> = host["Binds"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|bind| {
            bind.as_str().and_then(|bind| bind.split(':').next()).is_none_or(|source| source.len() != 64)
        })
        .collect();
    // docker sends them in any order.
    let mut binds: Vec<String> = binds.iter().map(ToString::to_string).collect();
    binds.sort();
    host["Binds"] = json!(binds);
    for mount in host["Mounts"].as_array_mut().into_iter().flatten() {
        if mount["Source"].as_str().is_none_or(|source| source.len() == 64) {
            mount["Source"] = json!("anonymous");
        }
    }
    host["ContainerIDFile"] = json!("");
    for link in host["Links"].as_array_mut().into_iter().flatten() {
        *link = json!(link.as_str().unwrap_or_default().replace(name, "NAME"));
    }
    let mut networks = container["NetworkSettings"]["Networks"].clone();
    for endpoint in networks.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        let of_user = |field: &str| match &endpoint[field] {
            Value::Object(object) if object.is_empty() => Value::Null,
            Value::Array(list) => {
                json!(
                    list.iter()
                        .filter(|word| word.as_str().is_none_or(|word| !id.starts_with(word)))
                        .collect::<Vec<_>>()
                )
            }
            other => other.clone(),
        };
        let aliases = match of_user("Aliases") {
            Value::Array(list) if list.is_empty() => Value::Null,
            other => other,
        };
        *endpoint = json!([of_user("IPAMConfig"), of_user("Links"), aliases, of_user("DriverOpts")]);
    }
    json!({"Config": container["Config"], "HostConfig": container["HostConfig"], "Mounts": mounts, "Networks": networks, "Image": container["Image"]})
}

struct Table {
    dock: Dock,
    images: [String; 2],
}

impl Table {
    fn new(dock: Dock) -> Self {
        let old = format!(
            "ENV A=1 OLD=1\nLABEL l=1 old=1\nEXPOSE 80\nVOLUME /data /only-old\nWORKDIR /old\nUSER img\nSTOPSIGNAL SIGINT\nHEALTHCHECK --interval=1s CMD true\nENTRYPOINT [\"/bin/sh\",\"-c\"]\n{SERVE}"
        );
        let new = "ENV A=2 NEW=2\nLABEL l=2\nEXPOSE 8080\nVOLUME /data\nWORKDIR /new\nSTOPSIGNAL SIGQUIT\nHEALTHCHECK --interval=2s --retries=4 CMD false\nENTRYPOINT [\"/bin/env\"]\nCMD [\"sleep\",\"3\"]";
        let passwd = "RUN echo img:x:1:1::/:/bin/sh >>/etc/passwd\n";
        let images =
            [dock.image("api:1", &format!("{passwd}{old}")), dock.image("api:2", &format!("{passwd}{new}"))];
        dock.engine.docker(&["network", "create", "--subnet", "10.99.7.0/24", &dock.name("net")]);
        let owner = dock.name("owner");
        dock.engine.docker(&[
            "run",
            "--detach",
            "--name",
            &owner,
            "--network",
            &dock.name("net"),
            "--ipc",
            "shareable",
            "-v",
            "/from-owner",
            "--entrypoint",
            "sleep",
            &images[0],
            "100000",
        ]);
        Self { dock, images }
    }

    /// Whether the engine makes a container with these flags.
    fn takes(&self, flags: &[&str], command: &[&str]) -> bool {
        let own: Vec<String> =
            flags.iter().map(|flag| flag.replace("NAME", &self.dock.engine.namespace)).collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let name = self.dock.name("web");
        let all = [&["create", "--name", &name][..], &own, &[&self.images[0]], command].concat();
        let is_made = self.dock.engine.try_docker(&all).status.success();
        self.dock.remove(&["web"], &[]);
        is_made
    }

    /// Compares one container that was deployed with one that was made from the new image; none where the engine does not
    /// take the flags.
    fn compare(&self, flags: &[&str], command: &[&str]) -> Result<bool, String> {
        let dock = &self.dock;
        let own = |flag: &&str| flag.replace("NAME", &dock.engine.namespace);
        let flags: Vec<String> = flags.iter().map(own).collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let make = |name: &str, image: &str| {
            let name = dock.name(name);
            dock.engine.try_docker(&[&["create", "--name", &name][..], &flags, &[image], command].concat())
        };
        if !make("web", &self.images[0]).status.success() {
            return Ok(false);
        }
        let wanted = make("wanted", &self.images[1]);
        assert!(wanted.status.success(), "{flags:?}: {wanted:?}");
        let volumes = dock.anonymous_volumes(&["web"]);
        let run = dock.deploy("web", &self.images[1], &[]);
        let result = if run.code == 0 {
            let name = dock.name("web");
            let (got, wanted) =
                (normal(dock.inspect("web"), &name), normal(dock.inspect("wanted"), &dock.name("wanted")));
            let mut differences = Vec::new();
            compare("", &got, &wanted, &mut differences);
            if differences.is_empty() {
                Ok(true)
            } else {
                Err(format!("{flags:?} {command:?}: {differences:#?}"))
            }
        } else {
            Err(format!("{flags:?}: {run:?}"))
        };
        dock.remove(&["web", "wanted"], &volumes);
        result
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null()
        || *value == json!([])
        || *value == json!({})
        || *value == json!("")
        || *value == json!(false)
        || *value == json!(0)
}

pub(crate) fn compare(path: &str, got: &Value, wanted: &Value, differences: &mut Vec<String>) {
    match (got, wanted) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let of =
                    |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or_default();
                compare(&format!("{path}.{name}"), &of(one), &of(other), differences);
            }
        }
        (got, wanted) if got == wanted || (is_nothing(got) && is_nothing(wanted)) => {}
        (got, wanted) => differences.push(format!("{path}: got {got}, wanted {wanted}")),
    }
}

/// Flags of addresses go with a network that has any.
pub(crate) fn with_its_network<'a>(flags: &'a [&'a str]) -> Vec<&'a str> {
    let needs = matches!(flags[0], "--network-alias" | "--ip");
    let mut all = if needs { vec!["--network", "NAME-net"] } else { Vec::new() };
    all.extend(flags);
    all
}

#[test]
fn flags_are_kept_alone_and_beside_each_other() {
    let Some(dock) = Dock::new() else { return };
    let table = Table::new(dock);
    let mut failures = Vec::new();
    let mut keeps = |flags: &[&str], command: &[&str]| {
        let compared = table.compare(flags, command);
        compared.unwrap_or_else(|failure| {
            failures.push(failure);
            false
        })
    };
    // A container a flag takes minutes. Together all are tried on every engine.
    let share = Share::of_this_engine();
    let mut number = 0;
    let mut alone_is_kept = |flags: &[&str], command: &[&str]| {
        number += 1;
        if share.has(number) { keeps(flags, command) } else { table.takes(flags, command) }
    };
    let taken: Vec<&[&str]> =
        TOGETHER.iter().copied().filter(|flags| alone_is_kept(&with_its_network(flags), &[])).collect();
    let alone: Vec<&(&[&str], &[&str])> =
        ALONE.iter().filter(|(flags, command)| alone_is_kept(flags, command)).collect();
    assert!(taken.len() + alone.len() >= 90, "the engine takes {} and {}", taken.len(), alone.len());
    // In one container every flag stands beside every other one.
    let all: Vec<&str> = taken.concat();
    for command in [&[][..], &["sleep", "7"]] {
        assert!(keeps(&all, command), "the engine takes each of them, and not all together");
    }
    // And those that do not go with all, with as many as they go with.
    for (flags, command) in alone {
        let mut beside: Vec<&str> = flags.to_vec();
        for some in taken.chunks(50) {
            let more = [&beside[..], &some.concat()].concat();
            if keeps(&more, command) {
                beside = more;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
