//! A week of two developers with one engine, one registry and five branches. After every command the images under
//! each moving tag are those of one state of the checkout, and nobody else's tags have moved.

mod registry;
mod story;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use story::Story;
use support::{Checkout, Run, images_of, text};

/// Images by name, each with the tag of its key.
type Keys = BTreeMap<String, String>;

/// What stands under each tag that moves.
type Standing = BTreeMap<String, Keys>;

struct Week {
    story: Story,
    on_engine: Standing,
    in_registry: Standing,
    /// What tags of commits and releases were first seen on, by name and tag.
    settled: BTreeMap<(String, String), String>,
}

impl Week {
    fn keys(&self, checkout: &Checkout) -> Keys {
        let run = self.story.engine.run(checkout, &["images", "--format", "json"]).exits(0);
        let images = run.json()["images"].as_array().expect("images").clone();
        let key = |image: &Value| {
            let reference = text(&image["reference"]);
            (text(&image["short_name"]), reference.rsplit(':').next().expect("a tag").to_owned())
        };
        images.iter().map(key).collect()
    }

    /// Names of the engine's images: name, tag, and the tag of the key that the same image has.
    fn names_on_engine(&self) -> Vec<(String, String, String)> {
        let format = "{{.Repository}} {{.Tag}} {{.ID}}";
        let listed = self.story.engine.docker(&["images", "--no-trunc", "--format", format]);
        let start = format!("{}/", self.story.engine.namespace);
        let names: Vec<[&str; 3]> = listed
            .lines()
            .filter_map(|line| line.strip_prefix(&start))
            .filter_map(|line| line.split(' ').collect::<Vec<_>>().try_into().ok())
            .collect();
        let key = |[name, _, id]: &[&str; 3]| {
            let is_key =
                |other: &&[&str; 3]| other[0] == *name && other[2] == *id && other[1].starts_with("src-");
            names.iter().find(is_key).map_or("no key", |other| other[1]).to_owned()
        };
        names.iter().map(|name| (name[0].to_owned(), name[1].to_owned(), key(name))).collect()
    }

    /// Runs `build` or `push`; what it builds nobody had built before.
    fn run(&self, checkout: &Checkout, arguments: &[&str], built: &[&str]) -> Run {
        let before = self.names_on_engine();
        let keys = self.keys(checkout);
        let file = checkout.beside("week.json");
        let path = file.to_string_lossy().into_owned();
        let _ = std::fs::remove_file(&file);
        let run = self.story.engine.run(checkout, &[arguments, &["--events", &path]].concat());
        let lines = std::fs::read_to_string(&file).unwrap_or_default();
        let events: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
        let names = images_of(&events, "build-started");
        assert_eq!(names, built, "{run:?}");
        for name in &names {
            let is_there = before.iter().any(|(of, tag, _)| of == name && *tag == keys[name]);
            assert!(!is_there, "{name} was built again");
        }
        run
    }

    /// `shipwright` on a branch: its tag and `latest` are on what is checked out.
    fn build(&mut self, checkout: &Checkout, built: &[&str]) {
        self.run(checkout, &["build"], built).exits(0);
        let keys = self.keys(checkout);
        for tag in [tag_of(checkout), "latest".to_owned()] {
            self.on_engine.insert(tag, keys.clone());
        }
        self.check();
    }

    fn fails_to_build(&mut self, checkout: &Checkout, built: &[&str]) {
        self.run(checkout, &["build"], built).exits(1).says("not moved");
        self.check();
    }

    /// `shipwright push`: the same in the registry, where `latest` is the main branch's.
    fn push(&mut self, checkout: &Checkout, built: &[&str]) {
        let address = self.story.address.clone();
        self.run(checkout, &["push", "--registry", &address], built).exits(0);
        let (keys, branch) = (self.keys(checkout), tag_of(checkout));
        if branch == "main" {
            self.in_registry.insert("latest".to_owned(), keys.clone());
        }
        self.in_registry.insert(branch.clone(), keys.clone());
        // On the engine they move if it has all images now, else all of them stay.
        let now = self.standing_on_engine();
        if now.get(&branch) == Some(&keys) {
            for tag in [branch, "latest".to_owned()] {
                self.on_engine.insert(tag, keys.clone());
            }
        }
        self.check();
    }

    fn standing_on_engine(&self) -> Standing {
        let mut standing = Standing::new();
        for (name, tag, key) in self.names_on_engine() {
            if !is_settled(&tag) {
                standing.entry(tag).or_default().insert(name, key);
            }
        }
        standing
    }

    fn check(&mut self) {
        assert_eq!(self.standing_on_engine(), self.on_engine, "on the engine");
        for (name, tag, key) in self.names_on_engine().into_iter().filter(|(_, tag, _)| is_settled(tag)) {
            let first = self.settled.entry((name.clone(), tag.clone())).or_insert_with(|| key.clone());
            assert_eq!(*first, key, "{name}:{tag} names two contents");
        }
        for (tag, keys) in &self.in_registry {
            let names: Vec<&str> = keys.keys().map(String::as_str).collect();
            let found = self.story.digests(&names, tag);
            for (name, key) in keys {
                let of_key = self.story.digests(&[name], key);
                assert_eq!(found[name], of_key[name], "{name}:{tag} in the registry");
                assert!(found[name].is_some(), "{name}:{tag} is in the registry");
            }
        }
    }
}

/// Whether a tag never moves.
fn is_settled(tag: &str) -> bool {
    let is_commit = tag.len() == 12 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit || tag.starts_with("src-") || tag.starts_with("v1")
}

fn tag_of(checkout: &Checkout) -> String {
    checkout.git(&["branch", "--show-current"]).replace('/', "-")
}

fn clone_of(origin: &str) -> Checkout {
    let clone = Checkout::empty();
    clone.git(&["remote", "add", "origin", origin]);
    clone.git(&["fetch", "--quiet", "origin"]);
    clone.git(&["remote", "set-head", "origin", "main"]);
    clone.git(&["reset", "--quiet", "--hard", "origin/main"]);
    clone.git(&["branch", "--quiet", "--set-upstream-to=origin/main"]);
    clone
}

fn change(checkout: &Checkout, path: &str, text: &str) {
    checkout.write(path, text);
    checkout.commit(&format!("{path} is {text}"));
}

fn switch(checkout: &Checkout, arguments: &[&str]) {
    checkout.git(&[&["switch", "--quiet"], arguments].concat());
}

#[test]
fn a_week_of_two_developers() {
    let Some(story) = story::story() else { return };
    let origin = story.checkout.beside("origin.git").to_string_lossy().into_owned();
    story.checkout.git(&["init", "--quiet", "--bare", "--initial-branch=main", &origin]);
    story.checkout.git(&["push", "--quiet", &origin, "main"]);
    let (ann, bob) = (clone_of(&origin), clone_of(&origin));
    let mut week =
        Week { story, on_engine: Standing::new(), in_registry: Standing::new(), settled: BTreeMap::new() };

    // Monday: everything for the first time; two branches begin.
    week.build(&ann, &["api", "base", "tool"]);
    week.push(&ann, &[]);
    week.build(&bob, &[]);
    switch(&bob, &["--create", "feature/login"]);
    week.build(&bob, &[]);
    bob.write("api/b", "login");
    week.build(&bob, &["api"]);
    bob.commit("login");
    week.build(&bob, &[]);
    switch(&ann, &["--create", "fix/base"]);
    change(&ann, "base/a", "fixed");
    week.build(&ann, &["api", "base"]);
    week.push(&ann, &[]);
    ann.git(&["push", "--quiet", "origin", "fix/base"]);

    // Tuesday: back and forth between branches, and one that does not build.
    switch(&bob, &["main"]);
    week.build(&bob, &[]);
    switch(&bob, &["feature/login"]);
    week.build(&bob, &[]);
    switch(&bob, &["--create", "experiment"]);
    bob.write("base/Dockerfile", "FROM busybox\nRUN false\n");
    bob.write("tool/t", "experiment");
    week.fails_to_build(&bob, &["base", "tool"]);
    bob.git(&["checkout", "--quiet", "base"]);
    bob.commit("experiment");
    week.build(&bob, &[]);
    week.push(&bob, &[]);

    // Wednesday: the fix is merged; the feature is rebased on it.
    switch(&ann, &["main"]);
    ann.git(&["merge", "--quiet", "--no-ff", "--no-edit", "fix/base"]);
    week.push(&ann, &[]);
    ann.git(&["push", "--quiet", "origin", "main"]);
    switch(&bob, &["feature/login"]);
    bob.git(&["fetch", "--quiet"]);
    bob.git(&["rebase", "--quiet", "origin/main"]);
    week.build(&bob, &["api"]);
    week.push(&bob, &[]);

    // Thursday: a release, a hot fix beside it, and the feature is merged.
    ann.git(&["tag", "v1.0"]);
    week.push(&ann, &[]);
    assert!(week.story.digests(&["api"], "v1.0")["api"].is_some(), "the release is in the registry");
    switch(&bob, &["main"]);
    bob.git(&["merge", "--quiet", "--ff-only", "origin/main"]);
    bob.git(&["merge", "--quiet", "--no-ff", "--no-edit", "feature/login"]);
    week.push(&bob, &[]);
    bob.git(&["push", "--quiet", "origin", "main"]);
    switch(&ann, &["--create", "hotfix/1.0", "v1.0"]);
    change(&ann, "tool/t", "hot");
    week.build(&ann, &["tool"]);
    week.push(&ann, &[]);

    // Friday: a revert gives what was there before; a job elsewhere clones with one commit and finds all done.
    switch(&ann, &["main"]);
    ann.git(&["pull", "--quiet", "--ff-only"]);
    ann.git(&["revert", "--no-edit", "--mainline", "1", "HEAD"]);
    week.build(&ann, &[]);
    week.push(&ann, &[]);
    ann.git(&["push", "--quiet", "origin", "main"]);
    week.story.forget();
    week.on_engine.clear();
    let job = Checkout::empty();
    job.git(&["remote", "add", "origin", &format!("file://{origin}")]);
    job.git(&["fetch", "--quiet", "--depth=1", "origin", "main"]);
    job.git(&["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    let address = week.story.address.clone();
    week.run(&job, &["push", "--registry", &address], &[]).exits(0).says("nothing to push");
    week.check();
    let branches: BTreeSet<&str> = week.in_registry.keys().map(String::as_str).collect();
    let expected = ["experiment", "feature-login", "fix-base", "hotfix-1.0", "latest", "main"];
    assert_eq!(branches, expected.into());
}
