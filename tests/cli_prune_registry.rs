//! `prune --registry` on real registries: what nothing needs goes, and nothing else. No engine is asked.

mod registry;
mod support;

use std::collections::BTreeMap;
use std::fs;

use registry::http::{Fake, Seen, reply};
use registry::proxy::Proxy;
use registry::server::{Server, Uploader, auths};
use registry::tokens::{READER, TokenServer, WRITER};
use serde_json::{Value, json};
use shipwright::internals::Platform;
use support::{Checkout, Run, image, text, texts};
use tokio::runtime::Runtime;

const KEY: &str = "io.shipwright.key";
const REVISION: &str = "org.opencontainers.image.revision";
const SOURCE: &str = "org.opencontainers.image.source";
/// Nobody listens there, whatever runs on this machine.
const NO_ENGINE: (&str, &str) = ("DOCKER_HOST", "unix:///nonexistent/docker.sock");

/// The header that a request for a path needs.
type Authorization = Box<dyn Fn(&str) -> Option<String>>;

/// A repository whose branch `feature` was pushed and is gone, beside what others keep in the same registry.
struct Story {
    server: Server,
    checkout: Checkout,
    runtime: Runtime,
    authorization: Authorization,
    /// `acme/api:src-…` of `feature`, which nothing needs.
    dead: String,
}

fn run(checkout: &Checkout, arguments: &[&str]) -> Run {
    checkout.run_with(&[NO_ENGINE], arguments)
}

impl Story {
    fn new(server: Server, runtime: Runtime, config: Option<&Value>, authorization: Authorization) -> Self {
        let checkout = Checkout::with(&[
            ("shipwright.toml", &format!("namespace = 'acme'\nregistry = '{}'\n", server.address)),
            ("api/Dockerfile", "FROM busybox\nCOPY a /a\n"),
            ("api/a", "1"),
            ("tool/Dockerfile", "FROM busybox\nCOPY t /t\n"),
            ("tool/t", "1"),
        ]);
        if let Some(config) = config {
            fs::create_dir_all(checkout.beside(".docker")).expect("a folder");
            fs::write(checkout.beside(".docker/config.json"), config.to_string()).expect("written");
        }
        checkout.git(&["branch", "-M", "main"]);
        let mut story = Self { server, checkout, runtime, authorization, dead: String::new() };
        story.publish();
        story.checkout.git(&["checkout", "-q", "-b", "feature"]);
        story.checkout.write("api/a", "2");
        story.checkout.commit("2");
        story.publish();
        story.dead = format!("acme/api:{}", story.tag("api"));
        story.checkout.git(&["checkout", "-q", "main"]);
        story.checkout.git(&["branch", "-q", "-D", "feature"]);
        // What is not to be touched, whatever it is called.
        let dead = "cd".repeat(32);
        story.put("acme/api", "1.4.0", &[(KEY, &dead)]);
        story.put("acme/api", "stable", &[]);
        story.put("acme/api", "0123456789ab", &[]);
        story.put("acme/api", "src-00000000000000aa", &[(KEY, &dead)]);
        story.put(
            "acme/other",
            &format!("src-{}", &dead[..16]),
            &[(KEY, &dead), (REVISION, &story.commit())],
        );
        story
    }

    fn plain() -> Option<Self> {
        let server = Server::start(&[])?;
        Some(Self::new(server, Runtime::new().expect("a runtime"), None, Box::new(|_| None)))
    }

    fn uploader(&self, repository: &str) -> Uploader {
        Uploader { authorization: (self.authorization)(repository), ..Uploader::new(&self.server) }
    }

    fn put(&self, repository: &str, name: &str, labels: &[(&str, &str)]) -> String {
        let arch = Platform::host_linux().architecture;
        self.runtime.block_on(self.uploader(repository).image(repository, name, labels, &arch)).0
    }

    fn commit(&self) -> String {
        self.checkout.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn key(&self, name: &str) -> String {
        text(&image(&self.checkout.plan(&[]), name)["key"])
    }

    fn tag(&self, name: &str) -> String {
        format!("src-{}", &self.key(name)[..16])
    }

    /// Has the images of the checkout in the registry, as another machine builds them, and pushes their tags.
    fn publish(&self) {
        for name in ["api", "tool"] {
            let labels = [(KEY, &*self.key(name)), (REVISION, &*self.commit())];
            if self.digest(&format!("acme/{name}"), &self.tag(name)).is_none() {
                self.put(&format!("acme/{name}"), &self.tag(name), &labels);
            }
        }
        run(&self.checkout, &["push"]).exits(0);
    }

    fn get(&self, repository: &str, rest: &str) -> reqwest::Response {
        let uploader = self.uploader(repository);
        let mut request = uploader.client.get(format!("{}/{repository}/{rest}", uploader.base)).header(
            "accept",
            "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json",
        );
        if let Some(authorization) = &uploader.authorization {
            request = request.header("authorization", authorization);
        }
        self.runtime.block_on(request.send()).expect("an answer")
    }

    fn digest(&self, repository: &str, name: &str) -> Option<String> {
        let answer = self.get(repository, &format!("manifests/{name}"));
        let digest = answer.headers().get("docker-content-digest");
        answer.status().is_success().then(|| digest.expect("a digest").to_str().expect("text").to_owned())
    }

    /// All there is, by what it stands on.
    fn all(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for repository in ["acme/api", "acme/tool", "acme/other"] {
            let body = self.runtime.block_on(self.get(repository, "tags/list").text()).expect("a list");
            let list: Value = serde_json::from_str(&body).expect("JSON");
            for tag in texts(&list["tags"]) {
                let digest = self.digest(repository, &tag).expect("it is there");
                all.insert(format!("{repository}:{tag}"), digest);
            }
        }
        all
    }

    fn prune(&self, arguments: &[&str]) -> Run {
        run(&self.checkout, &[&["prune", "--registry"], arguments].concat())
    }
}

macro_rules! story {
    () => {
        match Story::plain() {
            Some(story) => story,
            None => return,
        }
    };
}

#[test]
fn the_image_of_a_branch_that_is_gone_goes_and_nothing_else() {
    let story = story!();
    let before = story.all();
    let certificate = story.checkout.beside("certificate.json");
    let file = certificate.to_string_lossy().into_owned();

    // Somebody has to say so.
    story.prune(&[]).exits(2).says("--yes");
    let dry = story.prune(&["--dry-run", "--certificate", &file]).exits(0);
    assert!(dry.stdout.contains(&format!("remove  {}/{} (+2)", story.server.address, story.dead)), "{dry:?}");
    assert_eq!(story.all(), before);
    let said: Value = serde_json::from_slice(&fs::read(&certificate).expect("a file")).expect("JSON");
    assert_eq!(said["removed"], Value::Null);

    let removed = story.prune(&["--yes", "--certificate", &file]).exits(0);
    assert!(removed.stdout.contains("removed 1 image with 3 tags"), "{removed:?}");
    let gone = before[&story.dead].clone();
    let mut expected = before.clone();
    expected.retain(|_, digest| *digest != gone);
    assert_eq!(before.len() - expected.len(), 3, "the key, the commit and the branch");
    assert_eq!(story.all(), expected);
    assert!(before.contains_key("acme/tool:feature") && expected.contains_key("acme/tool:feature"));

    let said: Value = serde_json::from_slice(&fs::read(&certificate).expect("a file")).expect("JSON");
    assert_eq!(said["removed"], json!({"images": 1, "tags": 3}));
    assert_eq!(text(&said["head"]), story.commit());
    let tags = |action: &str| -> Vec<String> {
        let images = said["registry"].as_array().expect("images").iter();
        let of = |image: &Value| {
            let path = text(&image["repository"]);
            let path = path.split_once('/').expect("a path").1.to_owned();
            let tags = image["tags"].as_array().expect("tags").clone();
            let chosen = tags.into_iter().filter(|tag| tag["action"] == action);
            chosen.map(move |tag| format!("{path}:{}", text(&tag["tag"]))).collect::<Vec<_>>()
        };
        images.flat_map(of).collect()
    };
    assert_eq!(tags("remove").len(), 3);
    let kept = expected.keys().filter(|name| !name.starts_with("acme/other"));
    assert_eq!(tags("keep").into_iter().collect::<std::collections::BTreeSet<_>>(), kept.cloned().collect());

    let reasons = story.prune(&["--dry-run", "-v"]).exits(0);
    for part in ["needed by the work tree", "1.4.0 is not known", "stable is not known"] {
        assert!(reasons.stdout.contains(part), "{part}: {reasons:?}");
    }
    // The branch stands on an image of main's as well.
    let again = story.prune(&["--yes", "-v"]).exits(0);
    assert!(again.stdout.contains("deletes only whole images"), "{again:?}");
    assert_eq!(story.all(), expected);
}

#[test]
fn what_others_pushed_meanwhile_is_not_known_here_and_stays() {
    let story = story!();
    story.prune(&["--yes"]).exits(0);
    let origin = "https://h.example/acme/shop.git";
    story.checkout.git(&["remote", "add", "origin", origin]);
    let unknown = "12".repeat(20);
    let put = |byte: &str, labels: &[(&str, &str)]| {
        let key = byte.repeat(32);
        let labels = [labels, &[(KEY, &*key)]].concat();
        story.put("acme/api", &format!("src-{}", &key[..16]), &labels)
    };
    put("a1", &[(REVISION, &unknown), (SOURCE, "git@h.example:acme/shop.git")]);
    put("a2", &[(SOURCE, origin)]);
    put("a3", &[(REVISION, &story.commit()), (SOURCE, "https://h.example/other/shop.git")]);
    let before = story.all();
    let run = story.prune(&["--dry-run", "-v"]).exits(0);
    for part in
        ["a commit that is not here", "from uncommitted changes", "it was built from https://h.example/other"]
    {
        assert!(run.stdout.contains(part), "{part}: {run:?}");
    }
    story.prune(&["--yes"]).exits(0);
    assert_eq!(story.all(), before);
    // Of this repository, says its label, and of no commit that `git fetch` brings.
    story.prune(&["--yes", "--unknown-commits"]).exits(0);
    let mut expected = before;
    expected.remove("acme/api:src-a1a1a1a1a1a1a1a1").expect("it was there");
    assert_eq!(story.all(), expected);
}

#[test]
fn a_registry_that_deletes_nothing_says_what_to_do() {
    let Some(server) = Server::start_without_deletion() else { return };
    let story = Story::new(server, Runtime::new().expect("a runtime"), None, Box::new(|_| None));
    let before = story.all();
    let run = story.prune(&["--yes", "--format", "json"]).exits(4);
    assert!(run.stderr.contains("REGISTRY_STORAGE_DELETE_ENABLED=true"), "{run:?}");
    assert_eq!(run.json()["removed"], json!({"images": 0, "tags": 0}));
    assert_eq!(story.all(), before);
}

#[test]
fn who_may_only_read_is_told_so_and_who_may_delete_does() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = runtime.block_on(TokenServer::start(folder.path()));
    let kind = ["token", &tokens.realm, &tokens.certificate.to_string_lossy()];
    let Some(server) = Server::start(&kind) else { return };
    let login = |who| auths(&server.address, who);
    let (writer, reader) = (login(WRITER), login(READER));
    let story =
        Story::new(server, runtime, Some(&writer), Box::new(move |path| Some(tokens.authorization(path))));
    let before = story.all();
    let configure = |config: &Value| {
        fs::write(story.checkout.beside(".docker/config.json"), config.to_string()).expect("written");
    };
    configure(&reader);
    let run = story.prune(&["--yes"]).exits(4);
    assert!(run.stderr.contains("the right to delete"), "{run:?}");
    assert_eq!(story.all(), before);
    configure(&writer);
    story.prune(&["--yes"]).exits(0);
    assert_eq!(story.all().len(), before.len() - 3);
}

#[test]
fn what_is_needed_has_to_be_known() {
    let story = story!();
    let before = story.all();
    let shallow = story.checkout.beside("shallow");
    let from = format!("file://{}", story.checkout.root.display());
    story.checkout.git(&["clone", "-q", "--depth", "1", &from, &shallow.to_string_lossy()]);
    let shallow = story.checkout.run_in(&shallow, &["prune", "--registry", "--yes"]);
    shallow.exits(2).says("shallow");
    story.checkout.write("api/Dockerfile", "FROM busybox\nRUNN x\n");
    story.prune(&["--yes"]).exits(2).says("RUNN");
    story.checkout.git(&["checkout", "-q", "api/Dockerfile"]);
    story.prune(&["--yes", "--stopped"]).exits(2).says("--stopped");
    story.prune(&["--yes", "--certificate", "api/Dockerfile/f"]).exits(2).says("api/Dockerfile/f");
    run(&story.checkout, &["prune", "--yes", "--certificate", "f"]).exits(2).says("--registry");
    run(&story.checkout, &["prune", "--yes", "--registry", "127.0.0.1:1"]).exits(4);
    assert_eq!(story.all(), before);
}

/// A repository where nothing may go is asked for its tags alone, and one where something may for what they stand on.
#[test]
fn no_more_is_asked_than_has_to_be() {
    let story = story!();
    story.prune(&["--yes"]).exits(0);
    // `tool` has the tag of the dead branch, which this registry cannot take off alone.
    let proxy = story.runtime.block_on(Proxy::start(&story.server.address));
    run(&story.checkout, &["prune", "--dry-run", "--registry", &proxy.address]).exits(0);
    let seen = proxy.seen();
    let asked = |path: &str| seen.iter().filter(|seen| seen.target.contains(path)).count();
    assert_eq!(
        asked("/acme/tool/manifests/"),
        story.all().keys().filter(|it| it.contains("tool")).count() + 1
    );
    assert_eq!(asked("/acme/other/"), 0);
    let deletes = seen.iter().filter(|seen| seen.method == "DELETE").count();
    assert_eq!(deletes, 0);
}

/// Of a registry that lists without an end, or only nonsense, nothing is believed.
#[test]
fn a_registry_that_lies_loses_nothing() {
    let runtime = Runtime::new().expect("a runtime");
    let answer = |seen: &Seen| {
        let body = r#"{"name":"acme/api","tags":["src-00000000000000aa","../../x"]}"#;
        match seen.target.as_str() {
            "/v2/" => reply("200 OK", &[], "{}"),
            target if target.contains("/tags/list") => {
                reply("200 OK", &["Content-Type: application/json"], body)
            }
            _ => reply("200 OK", &["Content-Type: text/html"], "<html>"),
        }
    };
    let fake = runtime.block_on(Fake::start(answer));
    let checkout =
        Checkout::with(&[("shipwright.toml", "namespace = 'acme'\n"), ("api/Dockerfile", "FROM busybox\n")]);
    run(&checkout, &["prune", "--yes", "--registry", &fake.address]).exits(4);
    assert!(fake.seen().iter().all(|seen| seen.method != "DELETE"));
}
