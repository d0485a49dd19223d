//! `shipwright release` on a real engine, with real registries.

mod registry;
mod story;
mod support;

use registry::server::Server;
use story::Story;
use support::{Run, text, texts};

impl Story {
    fn release(&self, arguments: &[&str]) -> Run {
        self.engine.run(&self.checkout, &[&["release"], arguments].concat())
    }

    fn in_registry(&self, name: &str, tag: &str) -> Option<String> {
        self.digests(&[name], tag).remove(name).flatten()
    }

    fn dockerfile(&self) -> String {
        std::fs::read_to_string(self.checkout.root.join("api/Dockerfile")).expect("a Dockerfile")
    }
}

#[test]
fn a_version_is_one_content_everywhere_and_references_follow_it() {
    let story = story!();
    let Some(second) = Server::start(&[]) else { return };
    let base = format!("{}/base", story.engine.namespace);
    let pinned = format!("FROM {base}:0.9\r\nCOPY b /b\r\n# {base}:0.9\r\n");
    story.checkout.write("api/Dockerfile", &pinned);
    story.checkout.commit("pinned");
    let both = ["--registry", &story.address, "--registry", &second.address];

    // What would happen, and what does.
    let told = story.release(&[&["1.0.0", "base", "--dry-run", "--format", "json"][..], &both].concat());
    let told = told.exits(0).json();
    assert_eq!(texts(&told["rebuilt"]), [format!("{}/api", story.engine.namespace)]);
    assert_eq!(text(&told["edits"][0]["after"]), format!("FROM {base}:1.0.0"));
    assert!(!story.engine.has("base:1.0.0") && story.in_registry("base", "1.0.0").is_none());
    assert_eq!(story.dockerfile(), pinned);
    let run = story.release(&[&["1.0.0", "base"][..], &both].concat()).exits(0);
    for line in [format!("-FROM {base}:0.9\n+FROM {base}:1.0.0\n"), "1 image will be built anew".to_owned()] {
        assert!(run.stdout.contains(&line), "{run:#?}");
    }
    assert_eq!(story.dockerfile(), pinned.replacen(":0.9", ":1.0.0", 1), "every other byte stays");
    let digest = story.in_registry("base", "1.0.0").expect("pushed");
    assert_eq!(story.in_registry("base", "latest"), None, "no other tag moves");
    assert!(story.engine.has("base:1.0.0") && !story.engine.has("base:latest"));
    let again = story.release(&[&["1.0.0", "base"][..], &both].concat()).exits(0);
    assert_eq!(again.stdout.matches("  already ").count(), 3, "{again:#?}");

    // Another content takes no version, even where only one registry has it.
    story.checkout.write("base/a", "2");
    story.release(&["1.1.0", "base"]).exits(2).says("uncommitted changes are in").says("--allow-dirty");
    story.checkout.commit("next");
    story.release(&["1.0.0", "base"]).exits(1).says("base:1.0.0 is there already, with the key src-");
    let first_only = ["--registry", &story.address];
    story.release(&[&["1.1.0", "base", "--no-edit"][..], &first_only].concat()).exits(0);
    story.engine.docker(&["rmi", &format!("{base}:1.1.0")]);
    story.checkout.write("base/a", "3");
    story.checkout.commit("third");
    story.release(&[&["1.1.0", "base"][..], &both].concat()).exits(1).says("base:1.1.0 is there already");
    let stands = format!("{}/{base}:1.1.0", second.address);
    assert!(!story.engine.try_docker(&["pull", "--quiet", &stands]).status.success(), "nothing was moved");
    assert!(!story.engine.has("base:1.1.0"));
    assert_eq!(story.in_registry("base", "1.0.0").as_ref(), Some(&digest));

    // Without a registry it is on the engine alone, and what refers to it is built on it.
    let run = story.release(&["1.2.0", "base"]).exits(0);
    assert!(run.stdout.contains("on this engine alone"), "{run:#?}");
    story.checkout.commit("moved");
    story.engine.build(&story.checkout, &["api"]).0.exits(0);
    assert_eq!(story.engine.in_image("api:main", &["cat", "/a"]), "3");

    // Nobody's tag but a person's: prune keeps a version.
    let pruned =
        story.engine.run(&story.checkout, &["prune", "--dry-run", "--keep", "1", "--format", "json"]);
    let images = pruned.exits(0).json()["images"].clone();
    let kept = images
        .as_array()
        .expect("images")
        .iter()
        .find(|it| texts(&it["tags"]).contains(&format!("{base}:1.0.0")));
    assert_eq!(text(&kept.expect("it is looked at")["action"]), "keep", "{images:#}");
}
