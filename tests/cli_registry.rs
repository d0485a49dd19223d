//! Registries that lie, hide, or want more than they should get, through the real binary and without an engine.

mod registry;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use registry::http::{Fake, Seen, own_address, reply};
use registry::proxy::{Fault, Proxy};
use registry::server::{LOGIN, Server, Uploader, auths, basic, config, digest, image_manifest};
use registry::tokens::TokenServer;
use serde_json::{Value, json};
use shipwright::internals::Platform;
use support::{Checkout, Run, image, text};
use tokio::runtime::Runtime;

const KEY: &str = "io.shipwright.key";

/// Two images that stand in a registry under their keys, as if another machine had pushed them.
struct Story {
    server: Server,
    /// Where to push: the registry, or a proxy in front of it.
    address: String,
    checkout: Checkout,
    runtime: Runtime,
}

const NAMES: [&str; 2] = ["api", "tool"];

fn arch() -> String {
    Platform::host_linux().architecture
}

fn checkout() -> Checkout {
    Checkout::with(&[
        ("shipwright.toml", "namespace = 'acme'\n"),
        ("api/Dockerfile", "FROM busybox\nCOPY a /a\n"),
        ("api/a", "1"),
        ("tool/Dockerfile", "FROM busybox\nCOPY t /t\n"),
        ("tool/t", "1"),
    ])
}

fn story(kind: &[&str]) -> Option<Story> {
    let server = Server::start(kind)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let story = Story {
        address: server.address.clone(),
        server,
        checkout: checkout(),
        runtime: runtime.expect("one"),
    };
    for name in NAMES {
        story.put(name, &[(KEY, &story.key(name))], &arch());
    }
    Some(story)
}

macro_rules! story {
    () => {
        match story(&[]) {
            Some(story) => story,
            None => return,
        }
    };
}

/// Nobody listens there, whatever runs on this machine.
const NO_ENGINE: (&str, &str) = ("DOCKER_HOST", "unix:///nonexistent/docker.sock");

fn run(checkout: &Checkout, arguments: &[&str]) -> Run {
    checkout.run_with(&[NO_ENGINE], arguments)
}

impl Story {
    fn uploader(&self) -> Uploader {
        let authorization = Some(basic(LOGIN));
        Uploader { authorization, ..Uploader::new(&self.server) }
    }

    fn key(&self, name: &str) -> String {
        text(&image(&self.checkout.plan(&[]), name)["key"])
    }

    /// The tag of an image's key.
    fn tag(&self, name: &str) -> String {
        format!("src-{}", &self.key(name)[..16])
    }

    /// Puts an image under the key of `name`.
    fn put(&self, name: &str, labels: &[(&str, &str)], arch: &str) -> String {
        let repository = format!("acme/{name}");
        self.runtime.block_on(self.uploader().image(&repository, &self.tag(name), labels, arch)).0
    }

    /// What stands under a tag.
    fn digest(&self, name: &str, tag: &str) -> Option<String> {
        let url = format!("{}/acme/{name}/manifests/{tag}", self.uploader().base);
        let head = self.uploader().client.head(url).header("authorization", basic(LOGIN));
        let head = head.header(
            "accept",
            "application/vnd.docker.distribution.manifest.v2+json, \
             application/vnd.oci.image.index.v1+json",
        );
        let answer = self.runtime.block_on(head.send()).expect("an answer");
        let found = answer.headers().get("docker-content-digest");
        answer.status().is_success().then(|| found.expect("a digest").to_str().expect("text").to_owned())
    }

    fn push(&self, arguments: &[&str]) -> Run {
        run(&self.checkout, &[&["push", "--registry", &self.address], arguments].concat())
    }

    /// Logs in, or has a helper do so.
    fn configure(&self, config: &Value) {
        configure(&self.checkout, config);
    }

    fn proxied(&mut self) -> Proxy {
        let proxy = self.runtime.block_on(Proxy::start(&self.server.address));
        self.address.clone_from(&proxy.address);
        proxy
    }
}

/// Writes Docker's configuration of whoever runs the command.
fn configure(checkout: &Checkout, config: &Value) {
    fs::create_dir_all(checkout.beside(".docker")).expect("a folder");
    fs::write(checkout.beside(".docker/config.json"), config.to_string()).expect("written");
}

/// A credential helper in PATH.
fn helper(checkout: &Checkout, name: &str, script: &str) -> String {
    let folder = checkout.beside("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(format!("docker-credential-{name}"));
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("executable");
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

#[test]
fn what_stands_under_a_key_is_compared_before_any_tag_moves() {
    let story = story!();
    let (own, other) = (story.key("api"), story.key("tool"));
    let similar = format!("{}{}", &own[..16], &other[16..]);
    let foreign = if arch() == "s390x" { "amd64" } else { "s390x" };
    let head = story.checkout.head();
    let nothing_moved = || {
        for name in NAMES {
            for tag in ["main", "latest", &head] {
                assert_eq!(story.digest(name, tag), None, "{name}:{tag}");
            }
        }
    };
    for (labels, arch, part) in [
        (&[][..], arch().as_str(), "not an image of Shipwright's"),
        (&[(KEY, other.as_str())], &arch(), &other[..16]),
        (&[(KEY, similar.as_str())], &arch(), "another key"),
        (&[(KEY, "nonsense")], &arch(), "not an image of Shipwright's"),
        (&[(KEY, own.as_str())], foreign, foreign),
    ] {
        story.put("api", labels, arch);
        let reference = format!("{}/acme/api:{}", story.address, story.tag("api"));
        story.push(&[]).exits(4).says(&reference).says(part).says("delete");
        story.push(&["--force"]).exits(4).says(&reference);
        nothing_moved();
    }

    // An index is as good as each of its images; what is no image at all is no better.
    let uploader = story.uploader();
    let index = |labels: &[(&str, &str)]| {
        story.runtime.block_on(uploader.index("acme/api", &story.tag("api"), labels));
    };
    index(&[(KEY, &own)]);
    story.push(&[]).exits(4).says(if arch() == "arm64" { "linux/amd64" } else { "linux/arm64" });
    let chart = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "size": 2,
            "digest": story.runtime.block_on(uploader.blob("acme/api", b"[]"))}, "layers": []});
    story.runtime.block_on(uploader.manifest("acme/api", &story.tag("api"), &chart));
    story.push(&[]).exits(4).says("not an image of Shipwright's");
    nothing_moved();

    let right = story.put("api", &[(KEY, &own)], &arch());
    story.push(&[]).exits(0);
    assert_eq!(story.digest("api", "main"), Some(right.clone()));
    assert_eq!(story.digest("api", "latest"), Some(right));
    // It is looked at each time, whatever was right before.
    story.put("api", &[], &arch());
    story.push(&[]).exits(4).says("/acme/api:src-");
}

#[test]
fn a_child_of_an_index_for_the_same_platform_is_compared_as_well() {
    let story = story!();
    let uploader = story.uploader();
    let put = |labels: &[&[(&str, &str)]], named: &dyn Fn(usize) -> Value| {
        let mut manifests = Vec::new();
        for (at, labels) in labels.iter().enumerate() {
            let (digest, size) =
                story.runtime.block_on(uploader.image("acme/api", &format!("child-{at}"), labels, &arch()));
            manifests.push(json!({"mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "digest": digest, "size": size}));
            if named(at) != Value::Null {
                manifests[at]["platform"] = named(at);
            }
        }
        let document = json!({"schemaVersion": 2, "manifests": manifests,
            "mediaType": "application/vnd.oci.image.index.v1+json"});
        story.runtime.block_on(uploader.manifest("acme/api", &story.tag("api"), &document))
    };
    let key = story.key("api");
    let own: &[(&str, &str)] = &[(KEY, &key)];
    let here = json!({"os": "linux", "architecture": arch()});
    let unknown = json!({"os": "unknown", "architecture": "unknown"});
    put(&[own, &[]], &|_| here.clone());
    story.push(&[]).exits(4).says("/acme/api:src-");
    // An engine takes what has no platform for whatever its configuration says.
    put(&[own, &[]], &|at| if at == 0 { here.clone() } else { Value::Null });
    story.push(&[]).exits(4).says("/acme/api:src-");
    // What an index says must be what its image says.
    let foreign = json!({"os": "linux", "architecture": "s390x"});
    put(&[own, own], &|at| if at == 0 { here.clone() } else { foreign.clone() });
    story.push(&[]).exits(4).says("s390x");
    assert_eq!(story.digest("api", "main"), None);
    let right = put(&[own, &[]], &|at| if at == 0 { here.clone() } else { unknown.clone() });
    story.push(&[]).exits(0);
    assert_eq!(story.digest("api", "main"), Some(right));
}

/// What was looked at once is known by its digest.
#[test]
fn an_unchanged_push_asks_once_for_each_tag() {
    let mut story = story!();
    let proxy = story.proxied();
    story.push(&[]).exits(0).says("6 tags written");
    let asked = || -> Vec<(String, String)> {
        let seen = proxy.seen();
        let requests = seen.iter().filter(|seen| seen.target != "/v2/");
        requests.map(|seen| (seen.method.clone(), seen.target.clone())).collect()
    };
    let configurations =
        |asked: &[(String, String)]| asked.iter().filter(|(_, target)| target.contains("/blobs/")).count();
    assert_eq!(configurations(&asked()), 2, "{:?}", asked());
    proxy.heal();
    story.push(&[]).exits(0).says("nothing to push");
    let all = asked();
    assert!(all.iter().all(|(method, _)| method == "HEAD"), "{all:?}");
    assert_eq!(all.len(), 2 * 4, "the key, the commit, main and latest: {all:?}");

    // It is a cache: what is damaged or gone is asked for again.
    let folder = story.checkout.root.join(".git/shipwright/registry");
    for (at, entry) in fs::read_dir(&folder).expect("a folder").enumerate() {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("text");
        let damaged = if at == 0 { text.replace(|c: char| c.is_ascii_digit(), "0") } else { String::new() };
        fs::write(path, damaged).expect("written");
    }
    proxy.heal();
    story.push(&[]).exits(0).says("nothing to push");
    assert_eq!(configurations(&asked()), 2, "{:?}", asked());
    fs::remove_dir_all(folder).expect("removed");
    story.push(&[]).exits(0).says("nothing to push");
}

/// A fake registry with one image, which it gives to everybody who asks.
fn one_for_all(body: String, config: String) -> impl Fn(&Seen) -> String {
    let named = format!("Docker-Content-Digest: {}", digest(body.as_bytes()));
    move |seen: &Seen| {
        if seen.target.contains("/manifests/") && seen.method != "PUT" {
            let kind = "Content-Type: application/vnd.docker.distribution.manifest.v2+json";
            let whole = reply("200 OK", &[&named, kind], &body);
            return match whole.split_once("\r\n\r\n") {
                Some((head, _)) if seen.method == "HEAD" => format!("{head}\r\n\r\n"),
                _ => whole,
            };
        }
        let body = if seen.target.contains("/blobs/") { &config } else { "{}" };
        reply("200 OK", &[], body)
    }
}

#[test]
fn a_registry_that_answers_one_digest_for_everything_is_noticed() {
    let (checkout, runtime) = (checkout(), Runtime::new().expect("a runtime"));
    let key = text(&image(&checkout.plan(&[]), "api")["key"]);
    for (labels, part) in [(&[][..], "acme/api:src-"), (&[(KEY, key.as_str())], "acme/tool:src-")] {
        let config = config(labels, &arch());
        let body = image_manifest(&config, "layer").to_string();
        let fake = runtime.block_on(Fake::start(one_for_all(body, config)));
        let push = run(&checkout, &["push", "--registry", &fake.address]);
        push.exits(4).says(part);
        assert!(!fake.seen().iter().any(|seen| seen.method == "PUT"), "{:?}", fake.seen());
    }
}

#[test]
fn a_body_that_is_not_what_its_digest_says_is_an_error() {
    let (checkout, runtime) = (checkout(), Runtime::new().expect("a runtime"));
    let key = text(&image(&checkout.plan(&[]), "api")["key"]);
    let right = config(&[(KEY, &key)], &arch());
    let wrong = config(&[], "s390x");
    let body = image_manifest(&right, "layer").to_string();
    let other = image_manifest(&right, "another layer").to_string();
    let claimed = digest(body.as_bytes());
    for is_manifest in [true, false] {
        let (body, other, claimed) = (body.clone(), other.clone(), claimed.clone());
        let honest = one_for_all(body.clone(), if is_manifest { right.clone() } else { wrong.clone() });
        let answer = move |seen: &Seen| {
            let text = honest(seen);
            let by_digest = is_manifest && seen.method == "GET" && seen.target.contains("/manifests/sha256");
            let header = format!("Docker-Content-Digest: {claimed}");
            if by_digest { reply("200 OK", &[&header], &other) } else { text }
        };
        let fake = runtime.block_on(Fake::start(answer));
        let push = run(&checkout, &["push", "--registry", &fake.address, "api"]);
        push.exits(4).says("sends").says("sha256:");
        assert!(!fake.seen().iter().any(|seen| seen.method == "PUT"), "{:?}", fake.seen());
    }
}

#[test]
fn a_checkout_cannot_have_a_login_sent_without_encryption() {
    let Some(address) = own_address() else { return };
    let runtime = Runtime::new().expect("a runtime");
    let wants_login = |_: &Seen| reply("401 Unauthorized", &["WWW-Authenticate: Basic realm=x"], "");
    let fake = runtime.block_on(Fake::start_at(address, wants_login));
    let checkout = checkout();
    configure(&checkout, &auths(&fake.address, LOGIN));
    let allow = |hosts: &str| {
        checkout.write("shipwright.toml", format!("namespace = 'acme'\ninsecure_registries = [{hosts}]\n"));
        checkout.commit("settings");
    };
    allow(&format!("'{}'", fake.address));
    let arguments = ["push", "--registry", &fake.address];
    let said = run(&checkout, &arguments).exits(4);
    said.says(&fake.address).says("--insecure-registry").says("SHIPWRIGHT_INSECURE_REGISTRIES");
    let sent = || fake.seen().iter().filter(|seen| seen.authorization().is_some()).count();
    assert_eq!(sent(), 0, "{:?}", fake.seen());

    // The user may allow it, whatever the checkout says.
    for (at, allowed) in ["'other.example'", ""].into_iter().enumerate() {
        allow(allowed);
        let before = sent();
        let run = if at == 0 {
            run(&checkout, &[&arguments[..], &["--insecure-registry", &fake.address]].concat())
        } else {
            let hosts = format!("x.example:1, {}", fake.address);
            checkout.run_with(&[NO_ENGINE, ("SHIPWRIGHT_INSECURE_REGISTRIES", &hosts)], &arguments)
        };
        run.exits(4).says("does not accept the login");
        assert!(sent() > before);
    }
    let wrong = run(&checkout, &["plan", "--offline", "--insecure-registry", "http://x.example"]);
    wrong.exits(2).says("--insecure-registry").says("is a URL");
    let variable = ("SHIPWRIGHT_INSECURE_REGISTRIES", "x.example/y");
    checkout.run_with(&[variable], &["plan", "--offline"]).exits(2).says(variable.0);
}

#[test]
fn what_needs_no_login_is_read_where_the_checkout_says_so() {
    let Some(address) = own_address() else { return };
    let Some(server) = Server::start_at(address, &[]) else { return };
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(Uploader::new(&server).image("one", "1", &[], "amd64"));
    let checkout = Checkout::with(&[("x/Dockerfile", &format!("FROM {}/one:1\n", server.address))]);
    configure(&checkout, &auths(&server.address, LOGIN));
    checkout.write("shipwright.toml", format!("insecure_registries = ['{}']\n", server.address));
    let locked = checkout.run(&["lock"]).exits(0);
    assert!(!locked.stderr.contains("warning"), "nobody asked for a login: {}", locked.stderr);
}

/// The token server is whoever the registry says it is.
#[test]
fn a_token_server_elsewhere_gets_no_login_without_encryption() {
    let Some(address) = own_address() else { return };
    let runtime = Runtime::new().expect("a runtime");
    let tokens =
        runtime.block_on(Fake::start_at(address, |_: &Seen| reply("200 OK", &[], r#"{"token":"t"}"#)));
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{}/t\",service=\"s\"", tokens.address);
    let fake = runtime.block_on(Fake::start(move |_: &Seen| reply("401 Unauthorized", &[&challenge], "")));
    let checkout = checkout();
    configure(&checkout, &auths(&fake.address, LOGIN));
    let arguments = ["push", "--registry", &fake.address];
    run(&checkout, &arguments)
        .exits(4)
        .says(&tokens.address)
        .says("not encrypted")
        .says("--insecure-registry");
    assert!(tokens.seen().iter().all(|seen| seen.authorization().is_none()), "{:?}", tokens.seen());
    run(&checkout, &[&arguments[..], &["--insecure-registry", &tokens.address]].concat()).exits(4);
    assert!(tokens.seen().iter().any(|seen| seen.authorization() == Some(&basic(LOGIN))));
}

/// Without HOME nothing in the checkout is taken for the user's own configuration.
#[test]
fn a_checkout_s_docker_configuration_is_not_the_user_s() {
    let Some(story) = story(&["htpasswd"]) else { return };
    let mark = story.checkout.beside("ran");
    let path = helper(&story.checkout, "trap", &format!("touch '{}'; exit 1", mark.display()));
    let config = json!({"credsStore": "trap"}).to_string();
    for place in [".docker/config.json", "config.json"] {
        story.checkout.write(place, &config);
    }
    story.checkout.commit("a trap");
    let mut command = story.checkout.command(&["push", "--registry", &story.address]);
    command.env_remove("HOME").env("PATH", path).env(NO_ENGINE.0, NO_ENGINE.1);
    Run::of(&command.output().expect("the command runs")).exits(4).says("wants a login");
    assert!(!mark.exists(), "a helper that the checkout names ran");
}

#[test]
fn a_helper_that_fails_stops_only_what_needs_a_login() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = runtime.block_on(TokenServer::start(folder.path()));
    let kind = ["token", &tokens.realm, &tokens.certificate.to_string_lossy()];
    let Some(server) = Server::start(&kind) else { return };
    for repository in ["public/one", "public/two", "acme/private"] {
        let authorization = Some(tokens.authorization(repository));
        let uploader = Uploader { authorization, ..Uploader::new(&server) };
        runtime.block_on(uploader.image(repository, "1", &[], "amd64"));
    }
    let at = &server.address;
    let files = [
        ("a/Dockerfile", format!("FROM {at}/public/one:1\n")),
        ("b/Dockerfile", format!("FROM {at}/public/two:1\n")),
        ("c/Dockerfile", format!("FROM {at}/acme/private:1\n")),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    for (script, part, is_installed) in [
        (None, "there is no such program", false),
        (Some("echo 'keychain is locked' >&2; exit 1"), "keychain is locked", true),
        (Some("echo surprise"), "not what helpers", true),
        (Some("yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "more than", true),
    ] {
        let checkout = Checkout::with(&files);
        configure(&checkout, &json!({"credsStore": "own"}));
        let path = match script {
            Some(script) => helper(&checkout, "own", script),
            None => std::env::var("PATH").unwrap_or_default(),
        };
        let public = checkout.run_with(&[("PATH", &path)], &["lock", "a", "b"]).exits(0);
        let warnings = public.stderr.matches("docker-credential-own").count();
        assert!(warnings >= 1 && public.stderr.matches("warning").count() == 1, "{}", public.stderr);
        let public = public.says(part).says("2 locked");
        assert_eq!(
            public.stderr.contains("install docker-credential-own"),
            !is_installed,
            "{}",
            public.stderr
        );

        let private = checkout.run_with(&[("PATH", &path)], &["lock", "c"]).exits(4);
        let private = private.says("docker-credential-own").says(part);
        assert!(!private.stderr.contains("docker login"), "{}", private.stderr);
        assert_eq!(
            private.stderr.contains("install docker-credential-own"),
            !is_installed,
            "{}",
            private.stderr
        );
    }
}

fn is_missing(answer: &Seen) -> bool {
    answer.target == "404"
}

fn is_look_up(request: &Seen) -> bool {
    request.target.contains("/manifests/") && matches!(request.method.as_str(), "HEAD" | "GET")
}

/// Some registries tell nobody what is not there.
#[test]
fn what_is_hidden_is_not_there_for_somebody_who_may_push() {
    let hide_403 = |request: &Seen, answer: &Seen| {
        (is_look_up(request) && is_missing(answer)).then(|| reply("403 Forbidden", &[], ""))
    };
    let hide_401 = |request: &Seen, answer: &Seen| {
        let wanted = "WWW-Authenticate: Basic realm=x";
        (is_look_up(request) && is_missing(answer)).then(|| reply("401 Unauthorized", &[wanted], ""))
    };
    // To nobody it says so of everything, without asking for a login.
    let hide_all = |request: &Seen, _: &Seen| {
        (is_look_up(request) && request.authorization().is_none()).then(|| reply("403 Forbidden", &[], ""))
    };
    let not_found_for_nobody = |request: &Seen, _: &Seen| {
        (is_look_up(request) && request.authorization().is_none()).then(|| reply("404 Not Found", &[], ""))
    };
    for replacement in [hide_403, hide_401, hide_all, not_found_for_nobody] {
        let Some(mut story) = story(&["htpasswd"]) else { return };
        let proxy = story.proxied();
        story.configure(&auths(&proxy.address, LOGIN));
        proxy.replace(replacement);
        story.push(&[]).exits(0).says("6 tags written");
        story.push(&[]).exits(0).says("nothing to push");
    }
    // Whoever may not push is told so, and not to log in when there is a login.
    let Some(mut story) = story(&["htpasswd"]) else { return };
    let proxy = story.proxied();
    story.configure(&auths(&proxy.address, LOGIN));
    proxy.replace(|request, _| (request.target != "/v2/").then(|| reply("403 Forbidden", &[], "")));
    let refused = story.push(&[]).exits(4).says("config.json").says("may not look up");
    assert!(!refused.stderr.contains("docker login"), "{}", refused.stderr);
    proxy.replace(|_, _| Some(reply("403 Forbidden", &[], "")));
    let refused = story.push(&[]).exits(4).says("config.json");
    assert!(!refused.stderr.contains("docker login"), "{}", refused.stderr);
}

#[test]
fn a_registry_without_head_is_asked_by_get() {
    let mut story = story!();
    let proxy = story.proxied();
    proxy.replace(|request, _| {
        (request.method == "HEAD").then(|| reply("405 Method Not Allowed", &["Allow: GET"], ""))
    });
    story.push(&[]).exits(0).says("6 tags written");
    story.push(&[]).exits(0).says("nothing to push");
    assert_eq!(story.digest("api", "main"), story.digest("api", &story.tag("api")));
}

#[test]
fn a_registry_that_says_nothing_is_named_and_given_up() {
    let mut story = story!();
    let proxy = story.proxied();
    proxy.hold(|_| true);
    let said = story.push(&[]).exits(4);
    let waiting = format!("waiting for {}", proxy.address);
    assert_eq!(said.stderr.matches(&waiting).count(), 1, "{}", said.stderr);
    said.says("no answer within 10 s");

    proxy.heal();
    proxy.break_requests(2, 1, Fault::Status("429 Too Many Requests", Some(2)));
    let said = story.push(&[]).exits(0);
    said.says(&proxy.address).says("429").says("2 s");
}
