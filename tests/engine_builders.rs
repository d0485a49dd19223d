//! `push --builder`: images that builders build straight into a registry, without an engine.

mod builders;
mod registry;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use builders::{Stand, can_run, encryption, until};
use registry::server::{LOGIN, Server, auths};
use registry::tls::Authority;
use serde_json::{Value, json};
use support::{Checkout, Run, text};

/// Run by `Stand` as a process of its own.
#[test]
#[ignore = "a part of other tests"]
fn forwards_to_the_registry() {
    builders::forward_to_the_registry();
}

/// The same.
#[test]
#[ignore = "a part of other tests"]
fn leads_to_a_builder() {
    builders::lead_to_a_builder();
}

/// Two images, one on the other.
fn checkout(registry: &str) -> Checkout {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM scratch\nCOPY a /a\n"),
        ("base/a", "1\n"),
        ("app/Dockerfile", "FROM acme/base\nCOPY b /b\n"),
        ("app/b", "1\n"),
        ("shipwright.toml", &format!("namespace = \"acme\"\nregistry = \"{registry}\"\n")),
    ]);
    let folder = checkout.beside(".docker");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.json"), auths(registry, LOGIN).to_string()).expect("written");
    checkout
}

/// The command, without any engine.
fn command(checkout: &Checkout, arguments: &[&str]) -> Command {
    let mut command = checkout.command(arguments);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    command
}

fn run(checkout: &Checkout, arguments: &[&str]) -> Run {
    Run::of(&command(checkout, arguments).output().expect("it runs"))
}

/// Another content of the upper image, so that there is something to build.
fn edit(checkout: &Checkout, number: u32) {
    checkout.write("app/b", format!("{number}\n"));
    checkout.commit(&number.to_string());
}

/// What the registry answers for a path below `/v2/`.
fn ask(registry: &str, path: &str) -> Value {
    let kinds = "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                 application/vnd.docker.distribution.manifest.v2+json";
    let login = format!("{}:{}", LOGIN.0, LOGIN.1);
    let output = Command::new("curl")
        .args(["--silent", "--user", &login, "--header", kinds, &format!("http://{registry}/v2/{path}")])
        .output()
        .expect("curl runs");
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn tags(registry: &str, name: &str) -> Vec<String> {
    let answer = ask(registry, &format!("acme/{name}/tags/list"));
    let tags = answer["tags"].as_array().into_iter().flatten();
    let mut tags: Vec<String> = tags.map(text).collect();
    tags.sort();
    tags
}

/// The digests of an image's layers.
fn layers(registry: &str, name: &str, tag: &str) -> Vec<String> {
    let manifest = ask(registry, &format!("acme/{name}/manifests/{tag}"));
    let layers = manifest["layers"].as_array().into_iter().flatten();
    layers.map(|layer| text(&layer["digest"])).collect()
}

#[test]
fn one_builder_however_it_is_reached() {
    if !can_run() {
        return;
    }
    let Some(server) = Server::start(&["htpasswd"]) else { return };
    let registry = &server.address;
    let Some(stand) = Stand::start(registry) else { return };
    let checkout = checkout(registry);
    let unix = stand.unix("b.sock");

    // A socket: everything, from the first build to the tags.
    let pushed = run(&checkout, &["push", "--builder", &unix]).exits(0).says("2 pushed");
    assert!(!pushed.stderr.contains("error"), "{}", pushed.stderr);
    for name in ["base", "app"] {
        let tags = tags(registry, name);
        let head = checkout.head();
        assert!(tags.contains(&head) && tags.contains(&"main".to_owned()), "{tags:?}");
        assert_eq!(tags.iter().filter(|tag| tag.starts_with("src-")).count(), 1, "{tags:?}");
        assert_eq!(tags.len(), 4, "{tags:?}");
    }
    assert_eq!(
        layers(registry, "app", "main")[0],
        layers(registry, "base", "main")[0],
        "app is built on base"
    );
    let key = tags(registry, "base").into_iter().find(|tag| tag.starts_with("src-")).expect("its key");
    let config = ask(registry, &format!("acme/base/manifests/{key}"));
    let config = ask(registry, &format!("acme/base/blobs/{}", text(&config["config"]["digest"])));
    assert!(text(&config["config"]["Labels"]["io.shipwright.key"]).starts_with(&key[4..]), "{config}");

    // The second time nothing is built, and no builder but its platform is asked for.
    let again = run(&checkout, &["push", "--builder", &unix]).exits(0);
    assert!(!again.stderr.contains("build "), "{}", again.stderr);

    // By the environment; a port.
    edit(&checkout, 2);
    let tcp = stand.tcp(None);
    let before = layers(registry, "app", "main");
    let mut by_variable = command(&checkout, &["push"]);
    Run::of(&by_variable.env("BUILDKIT_HOST", &tcp).output().expect("it runs")).exits(0).says("1 pushed");
    let after = layers(registry, "app", "main");
    assert_eq!((&before[0], before.len()), (&after[0], after.len()));
    assert_ne!(before[1], after[1], "the new content is there");

    certificates(&checkout, &stand);
    programs(&checkout, &stand, &unix);
    stored(&checkout, &stand, &tcp);

    // What fails, fails as anywhere, and no tag moves.
    let standing = layers(registry, "app", "main");
    checkout.write("app/Dockerfile", "FROM acme/base\nCOPY b /b\nRUN false\n");
    checkout.commit("fails");
    run(&checkout, &["push", "--builder", &unix]).exits(1).says("app/Dockerfile:3");
    assert_eq!(layers(registry, "app", "main"), standing);
}

/// `tcp://` with encryption: what is right, and what each part that is wrong says.
fn certificates(checkout: &Checkout, stand: &Stand) {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, other) = (Authority::new(folder.path(), "ca"), Authority::new(folder.path(), "other"));
    let (certificate, key) = authority.sign(&["127.0.0.1"]);
    let (misnamed, misnamed_key) = authority.sign(&["builder.example"]);
    let (own, own_key) = authority.sign(&["client"]);
    let (foreign, foreign_key) = other.sign(&["stranger"]);
    let open = stand.tcp(Some(encryption(&certificate, &key, None)));
    let closed = stand.tcp(Some(encryption(&certificate, &key, Some(&authority.certificate))));
    let named = stand.tcp(Some(encryption(&misnamed, &misnamed_key, None)));
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let (ca, other_ca) = (path(&authority.certificate), path(&other.certificate));
    let push = |address: &str, options: &[&str]| {
        run(checkout, &[&["push", "--builder", address][..], options].concat())
    };
    let client = |certificate: &Path, key: &Path| {
        let (certificate, key) = (path(certificate), path(key));
        ["--builder-cacert", &ca, "--builder-cert", &certificate, "--builder-key", &key].map(str::to_owned)
    };
    let with = |address: &str, options: &[String]| {
        push(address, &options.iter().map(String::as_str).collect::<Vec<_>>())
    };
    edit(checkout, 3);
    push(&open, &["--builder-cacert", &ca]).exits(0).says("1 pushed");
    edit(checkout, 4);
    with(&closed, &client(&own, &own_key)).exits(0).says("1 pushed");
    edit(checkout, 5);
    push(&named, &["--builder-cacert", &ca, "--builder-servername", "builder.example"])
        .exits(0)
        .says("1 pushed");

    edit(checkout, 6);
    push(&open, &["--builder-cacert", &other_ca])
        .exits(3)
        .says("signed by another authority")
        .says("--builder-cacert");
    push(&named, &["--builder-cacert", &ca])
        .exits(3)
        .says("is for another name")
        .says("--builder-servername");
    push(&closed, &["--builder-cacert", &ca]).exits(3).says("does not take the client certificate");
    with(&closed, &client(&foreign, &foreign_key)).exits(3).says("does not take the client certificate");
    with(&closed, &client(&own, &foreign_key)).exits(2).says("the client certificate's key");
    push(&open, &["--builder-cacert", "/nowhere/ca.pem"]).exits(2).says("/nowhere/ca.pem: it cannot be read");
    push(&open, &["--builder-cacert", &path(&key)]).exits(2).says("no certificate in PEM");
    push(&open, &["--builder-servername", "x"]).exits(2).says("the authority's certificate: it is not given");
    push(&open, &[]).exits(3).says("no builder answers").says("--builder-cacert");
    push(&stand.tcp(None), &["--builder-cacert", &ca])
        .exits(3)
        .says("cannot be trusted: it does not speak TLS");
}

/// What is reached through docker, kubectl and ssh.
fn programs(checkout: &Checkout, stand: &Stand, unix: &str) {
    for (number, (program, address, words)) in [
        ("docker", "docker-container://b0", "exec -i b0 buildctl dial-stdio"),
        ("kubectl", "kube-pod://p0?namespace=ci", "--namespace=ci exec -i p0 -- buildctl dial-stdio"),
        ("ssh", "ssh://me@build.example", "-T -- build.example buildctl dial-stdio"),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = stand.program(program, unix);
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("a path"));
        let push = |address: &str| {
            let mut command = command(checkout, &["push", "--builder", address]);
            Run::of(&command.env("PATH", &path).output().expect("it runs"))
        };
        edit(checkout, 10 + u32::try_from(number).expect("small"));
        push(address).exits(0).says("1 pushed");
        let log = fs::read_to_string(folder.join("log")).expect("it was run");
        assert_eq!(log.lines().count(), 1, "one connection for everything: {log}");
        assert!(log.trim().ends_with(words), "{log}");
        push(
            &address.replace("b0", "refused").replace("p0", "refused").replace("me@build.example", "refused"),
        )
        .exits(3)
        .says(&format!("{program}: no such thing"))
        .says("see whether `");
    }
}

/// Builders that buildx has stored.
fn stored(checkout: &Checkout, stand: &Stand, tcp: &str) {
    let folder = checkout.beside(".docker/buildx/instances");
    fs::create_dir_all(&folder).expect("a folder");
    let node = json!({"Name": "far0", "Endpoint": tcp, "Platforms": null, "DriverOpts": null});
    let instance = json!({"Name": "far", "Driver": "remote", "Nodes": [node], "Dynamic": false});
    fs::write(folder.join("far"), instance.to_string()).expect("written");
    edit(checkout, 20);
    run(checkout, &["push", "--builder", "far"]).exits(0).says("1 pushed");
    run(checkout, &["push", "--builder", "fat"]).exits(2).says("no builder `fat`").says("did you mean far?");
    // A deployment in a cluster is as many builders as it has pods.
    let node = json!({"Name": "k_0", "Endpoint": "", "DriverOpts": {"namespace": "ci"}});
    let instance = json!({"Name": "k", "Driver": "kubernetes", "Nodes": [node]});
    fs::write(folder.join("k"), instance.to_string()).expect("written");
    let programs = stand.program("kubectl", &stand.unix("k.sock"));
    fs::remove_file(programs.join("log")).expect("there");
    edit(checkout, 21);
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
    let mut command = command(checkout, &["push", "--builder", "k"]);
    Run::of(&command.env("PATH", path).output().expect("it runs")).exits(0).says("1 pushed");
    let log = fs::read_to_string(programs.join("log")).expect("it was run");
    assert!(log.contains("--namespace=ci get pods") && log.contains("--selector=app=k-0"), "{log}");
    assert!(log.contains("--namespace=ci exec -i p0 -- buildctl dial-stdio"), "{log}");
}

/// Many images on one, each of which takes a moment.
fn wide(registry: &str, images: usize) -> Checkout {
    let checkout = checkout(registry);
    checkout.remove("app/Dockerfile");
    checkout.write("base/Dockerfile", format!("FROM {registry}/busybox\nCOPY a /a\n"));
    for number in 0..images {
        let text = format!("FROM acme/base\nRUN cat /a && sleep 2 && echo {number} >/n\n");
        checkout.write(&format!("leaf{number}/Dockerfile"), text);
    }
    checkout.commit("wide");
    checkout
}

/// What was begun where, in order: image and address.
fn begun(events: &Path) -> Vec<(String, String)> {
    let lines = fs::read_to_string(events).unwrap_or_default();
    let events = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let begun = events.filter(|event| event["event"] == "build-started");
    begun.map(|event| (text(&event["image"]), text(&event["builder"]))).collect()
}

#[test]
fn two_builders_of_which_one_goes() {
    if !can_run() {
        return;
    }
    let Some(server) = Server::start(&[]) else { return };
    let registry = &server.address;
    let stands = std::thread::scope(|scope| {
        let starts = [scope.spawn(|| Stand::start(registry)), scope.spawn(|| Stand::start(registry))];
        starts.map(|start| start.join().expect("started").expect("as the other test"))
    });
    let [first, second] = &stands;
    first.push_busybox(registry);
    let (a, b) = (first.unix("a.sock"), second.unix("b.sock"));
    let both = format!("{a},{b}");
    let checkout = wide(registry, 6);
    let events = checkout.beside("events.json");
    let path = events.to_string_lossy().into_owned();
    let options = ["push", "--builder", &both, "--jobs", "2", "--builder-timeout", "3", "--events", &path];

    // Both work; what was begun on the one that falls silent is done by the other.
    let running = support::Running::of(&mut command(&checkout, &options));
    let on = |address: &str| begun(&events).iter().filter(|(_, on)| on == address).count();
    until("both build", || on(&a) > 0 && on(&b) > 0 && begun(&events).len() >= 5);
    second.signal("-STOP");
    running.end().exits(0).says(&format!("the builder {b} is lost"));
    second.signal("-CONT");
    let all = begun(&events);
    let twice: Vec<_> =
        all.iter().filter(|(image, _)| all.iter().filter(|(other, _)| other == image).count() == 2).collect();
    assert!(!twice.is_empty() && twice.iter().any(|(_, on)| *on == a), "{all:?}");
    let is_complete = |commit: &str| {
        (0..6).all(|number| {
            let tags = tags(registry, &format!("leaf{number}"));
            ["main", commit].iter().all(|tag| tags.iter().any(|known| known == tag))
        })
    };
    assert!(is_complete(&checkout.head()));

    // An image goes where it was before, as long as that is there.
    let home: std::collections::BTreeMap<String, String> = all.iter().cloned().collect();
    assert_eq!(home.len(), 7);

    // One is killed: its images move. Then both are: a clear error, and tags stay where they were.
    checkout.write("base/a", "2\n");
    checkout.commit("second");
    fs::remove_file(&events).expect("there");
    let running = support::Running::of(&mut command(&checkout, &options));
    until("both build", || on(&a) > 0 && on(&b) > 0 && begun(&events).len() >= 5);
    second.signal("-KILL");
    running.end().exits(0).says(&format!("the builder {b} is lost"));
    assert!(is_complete(&checkout.head()));

    let standing: Vec<_> = (0..6).map(|number| layers(registry, &format!("leaf{number}"), "main")).collect();
    checkout.write("base/a", "3\n");
    checkout.commit("third");
    fs::remove_file(&events).expect("there");
    let running = support::Running::of(&mut command(&checkout, &options));
    until("the one that is left builds", || begun(&events).len() >= 2);
    first.signal("-KILL");
    running.end().exits(1).says("no builder is left");
    let after: Vec<_> = (0..6).map(|number| layers(registry, &format!("leaf{number}"), "main")).collect();
    assert_eq!(after, standing);
    assert!(!tags(registry, "leaf0").contains(&checkout.head()));
    run(&checkout, &["push", "--builder", &both]).exits(3).says("no builder answers at");
}
