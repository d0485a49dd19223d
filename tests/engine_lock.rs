//! Locked bases on a real engine, with a real registry in which they move.

mod registry;
mod support;

use registry::server::{Server, Uploader};
use serde_json::Value;
use support::{Checkout, Engine, Run, image, text, texts};

const DIGEST_LABEL: &str = "org.opencontainers.image.base.digest";

/// An engine, a registry that it can reach, and a checkout of which two images use the base there.
struct Story {
    engine: Engine,
    server: Server,
    checkout: Checkout,
    /// The base, without a tag.
    base: String,
}

fn story() -> Option<Story> {
    let engine = Engine::start()?;
    let server = Server::start(&[])?;
    let base = format!("{}/{}-base", server.address, engine.namespace);
    let checkout = Checkout::with(&[
        ("from/Dockerfile", &format!("ARG BASE={base}\nFROM ${{BASE}}:1\nCOPY file /\n")),
        ("from/file", "1\n"),
        ("copy/Dockerfile", &format!("FROM busybox\nCOPY --from={base}:1 /content /copied\n")),
        ("next/Dockerfile", "FROM acme/from\nCOPY file /next\n"),
        ("next/file", "1\n"),
        ("apart/Dockerfile", "FROM busybox\nCOPY file /\n"),
        ("apart/file", "1\n"),
    ]);
    Some(Story { engine, server, checkout, base })
}

macro_rules! story {
    () => {
        match story() {
            Some(story) => story,
            None => return,
        }
    };
}

impl Story {
    /// Builds the base anew, on the engine and in the registry; gives its digest.
    fn move_base(&self, content: &str) -> String {
        self.move_base_with(content, "")
    }

    /// The same with a further instruction.
    fn move_base_with(&self, content: &str, instruction: &str) -> String {
        let folder = self.checkout.beside("base");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("content"), content).expect("written");
        let dockerfile = format!("FROM busybox\nCOPY content /\n{instruction}\n");
        std::fs::write(folder.join("Dockerfile"), dockerfile).expect("written");
        let name = format!("{}:1", self.base);
        self.engine.docker(&["build", "--quiet", "--tag", &name, &folder.to_string_lossy()]);
        self.engine.docker(&["push", "--quiet", &name]);
        let digests = self.engine.docker(&["image", "inspect", "--format", "{{json .RepoDigests}}", &name]);
        let digests: Value = serde_json::from_str(&digests).expect("JSON");
        let ours = texts(&digests).into_iter().find(|digest| digest.starts_with(&self.base));
        ours.expect("it was pushed").split_once('@').expect("a digest").1.to_owned()
    }

    /// Takes what has this digest off the engine.
    fn forget(&self, digest: &str) {
        self.engine.docker(&["rmi", "--force", &format!("{}@{digest}", self.base)]);
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.engine.run(&self.checkout, arguments)
    }

    /// Builds all, and gives what was pulled for it.
    fn build(&self) -> Vec<String> {
        let (run, events) = self.engine.build(&self.checkout, &[]);
        run.exits(0);
        let pulled = events.iter().filter(|event| event["event"] == "pull-finished");
        pulled.map(|event| text(&event["reference"])).collect()
    }

    fn content(&self) -> [String; 2] {
        [("from:main", "/content"), ("copy:main", "/copied")]
            .map(|(name, path)| self.engine.in_image(name, &["cat", path]))
    }

    fn plan(&self) -> Value {
        self.run(&["plan", "--format", "json"]).exits(0).json()
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        let format = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}";
        let filter = format!("reference={}", self.base);
        let listed = self.engine.docker(&["images", "--digests", "--format", format, "--filter", &filter]);
        for name in listed.split_whitespace().filter(|name| !name.contains("<none>")) {
            // One may have gone with the other.
            self.engine.try_docker(&["rmi", "--force", name]);
        }
    }
}

fn short(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

#[test]
fn a_locked_base_moves_only_when_it_is_said() {
    let story = story!();
    let first = story.move_base("first");
    let floating = story.plan();
    // busybox is on the engine alone.
    story.run(&["lock", "from"]).exits(0).says("1 locked");
    let locked = story.plan();
    for (name, same) in [("from", false), ("copy", false), ("next", false), ("apart", true)] {
        assert_eq!(image(&floating, name)["key"] == image(&locked, name)["key"], same, "{name}");
    }
    assert_eq!(story.build(), [""; 0], "the engine has it");
    assert_eq!(story.content(), ["first", "first"]);
    assert_eq!(story.engine.label("from:main", DIGEST_LABEL), first);
    assert_eq!(
        story.engine.label("from:main", "org.opencontainers.image.base.name"),
        format!("{}:1", story.base)
    );
    assert_eq!(story.engine.label("next:main", DIGEST_LABEL), "", "not inherited");
    assert_eq!(story.engine.label("copy:main", DIGEST_LABEL), "", "it is FROM another");

    // The tag moves, on the engine too; what is built stays.
    let second = story.move_base("second");
    assert!(
        story.plan()["images"]
            .as_array()
            .expect("images")
            .iter()
            .all(|image| image["action"] == "tag" || image["action"] == "none")
    );
    story.forget(&first);
    story.checkout.write("from/file", "2\n");
    story.checkout.write(
        "copy/Dockerfile",
        format!("FROM busybox\nCOPY --from={}:1 /content /copied\nENV A=1\n", story.base),
    );
    assert_eq!(story.build(), [format!("{}:1@{first}", story.base)], "pulled by its digest, once");
    assert_eq!(story.content(), ["first", "first"]);
    assert_eq!(story.build(), [""; 0]);

    let run =
        story.run(&["lock", "--check"]).exits(1).says(&format!("{} → {}", short(&first), short(&second)));
    assert!(run.stderr.contains("not in shipwright.lock: busybox:latest"), "{run:?}");
    let run = story.run(&["lock", "from", "--update"]).exits(0).says("1 moved");
    assert!(run.stderr.contains("3 images will be rebuilt: "), "{run:?}");
    let plan = story.plan();
    let reason = &image(&plan, "from")["reasons"][0];
    assert_eq!(text(&reason["kind"]), "base");
    assert_eq!(
        text(&reason["text"]),
        format!("base {}:1 moved: {} → {}", story.base, short(&first), short(&second))
    );
    assert_eq!(story.build(), [""; 0]);
    assert_eq!(story.content(), ["second", "second"]);
    assert_eq!(story.engine.label("from:main", DIGEST_LABEL), second);
}

#[test]
fn a_mount_of_a_locked_base_is_the_locked_one() {
    let story = story!();
    let mount = format!("RUN --mount=from={}:1,target=/base cp /base/content /mounted", story.base);
    story.checkout.write("mount/Dockerfile", format!("FROM busybox\n{mount}\n"));
    let first = story.move_base("first");
    let floating = text(&image(&story.plan(), "mount")["key"]);
    story.run(&["lock", "from"]).exits(0).says("1 locked");
    assert_ne!(text(&image(&story.plan(), "mount")["key"]), floating);
    story.move_base("second");
    story.forget(&first);
    let (run, events) = story.engine.build(&story.checkout, &["mount"]);
    run.exits(0);
    let pulled = events.iter().filter(|event| event["event"] == "pull-finished");
    let pulled: Vec<String> = pulled.map(|event| text(&event["reference"])).collect();
    assert_eq!(pulled, [format!("{}:1@{first}", story.base)]);
    assert_eq!(story.engine.in_image("mount:main", &["cat", "/mounted"]), "first");
    story.run(&["lock", "--update", &format!("{}:1", story.base)]).exits(0).says("1 moved");
    story.engine.build(&story.checkout, &["mount"]).0.exits(0);
    assert_eq!(story.engine.in_image("mount:main", &["cat", "/mounted"]), "second");
}

/// What a base brings along is asked of the locked one, not of what the engine has under its tag.
#[test]
fn a_trigger_of_the_locked_base_is_seen() {
    let story = story!();
    let first = story.move_base_with("first", "ONBUILD COPY . /all");
    story.run(&["lock", "from"]).exits(0);
    story.move_base("second");
    story.run(&["build", "from"]).exits(1).says("its base carries a trigger that was not planned");
    story.forget(&first);
    story.run(&["build", "from"]).exits(1).says("its base carries a trigger that was not planned");
}

#[test]
fn the_classic_builder_takes_the_locked_one_too() {
    let story = story!();
    let first = story.move_base("first");
    story.run(&["lock", "from"]).exits(0);
    story.move_base("second");
    story.forget(&first);
    let mut command = story.engine.command(&story.checkout, &["build"]);
    Run::of(&command.env("DOCKER_BUILDKIT", "0").output().expect("the command runs")).exits(0);
    assert_eq!(story.content(), ["first", "first"]);
    assert_eq!(story.engine.label("from:main", DIGEST_LABEL), first);
}

#[test]
fn a_locked_base_that_is_gone_is_named() {
    let story = story!();
    let first = story.move_base("first");
    story.run(&["lock", "from"]).exits(0);
    let before = std::fs::read(story.checkout.root.join("shipwright.lock")).expect("a lock");
    // What the engine has by its digest is not pulled again, also with --pull.
    let (run, events) = story.engine.build(&story.checkout, &["--pull", "from"]);
    run.exits(0);
    assert!(events.iter().all(|event| event["event"] != "pull-started"), "{events:?}");
    story.move_base("second");
    story.forget(&first);
    let url = format!(
        "http://{}/v2{}/manifests/{first}",
        story.server.address,
        &story.base[story.server.address.len()..]
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let deleted =
        runtime.block_on(Uploader::new(&story.server).client.delete(url).send()).expect("an answer");
    assert_eq!(deleted.status(), 202);
    story.checkout.write("from/file", "2\n");
    let run = story.run(&["build", "from"]).exits(1);
    for part in [format!("{}:1@{first}", story.base), format!("`shipwright lock --update {}:1`", story.base)]
    {
        assert!(run.stderr.contains(&part), "no {part} in {}", run.stderr);
    }
    assert_eq!(std::fs::read(story.checkout.root.join("shipwright.lock")).expect("a lock"), before);
    story.run(&["lock", "--update", &format!("{}:1", story.base)]).exits(0).says("1 moved");
    story.run(&["build", "from"]).exits(0);
}
