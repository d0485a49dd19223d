//! `push` and `ensure` that are ended at any moment, on a real engine and a real registry: neither holds anything
//! wrong afterwards, and the next run completes.
//!
//! `SHIPWRIGHT_ATTACK_ROUNDS` and `SHIPWRIGHT_ATTACK_SEED` ask for more than fits into each change's tests.

mod attacks;
mod gate;
mod registry;
mod story;
mod support;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use attacks::kills::{Blow, Ended, Moment, Running, signal};
use attacks::random::Random;
use attacks::rounds;
use gate::Gate;
use registry::server::anonymous;
use shipwright::internals::RegistryError;
use shipwright::internals::{Registry as _, Tag};
use story::{CHAIN, Story};
use support::{Running as Started, text};

const KEY: &str = "io.shipwright.key";

/// The key of each image.
type Keys = BTreeMap<String, String>;

impl Story {
    fn keys(&self) -> Keys {
        let plan =
            self.engine.run(&self.checkout, &["plan", "--offline", "--format", "json"]).exits(0).json();
        let images = plan["images"].as_array().expect("images").iter();
        images.map(|image| (text(&image["short_name"]), text(&image["key"]))).collect()
    }

    /// The key of what stands under a tag in the registry.
    fn published(&self, name: &str, tag: &str) -> Option<String> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let repository = self.server.repository(&format!("{}/{name}", self.engine.namespace));
        match runtime.block_on(anonymous().image_config(&repository.with_tag(Tag::new(tag).expect("a tag"))))
        {
            Ok(config) => Some(config.labels[KEY].clone()),
            Err(RegistryError::NotFound { .. }) => None,
            Err(error) => panic!("{name}:{tag}: {error}"),
        }
    }

    /// The key of what stands under a tag on the engine.
    fn held(&self, name: &str, tag: &str) -> Option<String> {
        let name = format!("{name}:{tag}");
        self.engine.has(&name).then(|| self.engine.label(&name, KEY))
    }

    /// Asserts that registry and engine have under each key and commit what belongs there, under moving tags images
    /// of the state before or after, and of one of them unless tags may have been left half-way.
    fn is_sound(&self, before: &Keys, after: &Keys, half_way: bool, context: &str) {
        let head = self.checkout.head()[..12].to_owned();
        for (place, look) in
            [("registry", &Self::published as &dyn Fn(&Self, &str, &str) -> _), ("engine", &Self::held)]
        {
            for (name, key) in after {
                for tag in [format!("src-{}", &key[..16]), head.clone()] {
                    let found = look(self, name, &tag);
                    assert!(found.is_none_or(|found| found == *key), "{place}: {name}:{tag}: {context}");
                }
            }
            for tag in ["main", "latest"] {
                let found: BTreeMap<&String, String> =
                    after.keys().filter_map(|name| Some((name, look(self, name, tag)?))).collect();
                let is_of = |keys: &Keys| found.iter().all(|(name, key)| keys[*name] == *key);
                let is_known = found.iter().all(|(name, key)| before[*name] == *key || after[*name] == *key);
                let is_sound = is_of(before) || is_of(after) || half_way && is_known;
                assert!(is_sound, "{place}: {tag} is {found:?}: {context}");
            }
        }
    }

    /// Names that images have only on their way; the engine gives them one by digest as well.
    fn lent(&self) -> Vec<String> {
        let format = "{{.Repository}} {{.Tag}} {{.Digest}}";
        let ours = format!("{}/{}/*", self.address, self.engine.namespace);
        let listed = self.engine.docker(&["images", "--digests", "--format", format, &ours]);
        let name = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            [repository, "<none>", digest] => format!("{repository}@{digest}"),
            [repository, tag, _] => format!("{repository}:{tag}"),
            _ => panic!("docker lists `{line}`"),
        };
        listed.lines().map(name).collect()
    }

    /// Changes two of the three images.
    fn change(&self, word: &str) {
        for file in ["base/a", "tool/t"] {
            self.checkout.write(file, format!("{word} of {}", self.engine.namespace));
        }
        self.checkout.commit(word);
    }

    fn attack(&self, arguments: &[&str], moment: Moment, blow: Blow) -> (Ended, String) {
        let mut command = self.engine.command(&self.checkout, arguments);
        command.args(["--registry", &self.address]);
        let ended = Running::start(command).attack(moment, blow);
        let context = format!("{blow:?} at {moment:?}, ended with {:?}\n{}", ended.code, ended.said);
        assert!(blow.allows(ended.code) && !ended.said.contains("panicked"), "{context}");
        if !blow.is_rude() && ended.code == Some(130) {
            assert_eq!(self.lent(), [""; 0], "{context}");
        }
        // What was not asked could not tidy up.
        for name in self.lent() {
            self.engine.docker(&["rmi", &name]);
        }
        (ended, context)
    }
}

fn moment(random: &mut Random, whole: Duration) -> Moment {
    let whole = usize::try_from(whole.as_millis()).expect("a short time");
    Moment::Time(Duration::from_millis(random.within(1, whole) as u64))
}

#[test]
fn a_push_that_ends_at_any_moment_leaves_nothing_wrong_and_the_next_completes_it() {
    let story = story!();
    let begun = Instant::now();
    story.push(&[]).0.exits(0);
    let whole = begun.elapsed();
    let (rounds, mut random) = rounds(5);
    for round in 0..rounds {
        let before = story.keys();
        story.change(&format!("round {round}"));
        let after = story.keys();
        // With builds, or with what was built before.
        if random.percent(40) {
            story.engine.run(&story.checkout, &["build"]).exits(0);
        }
        let (moment, blow) = (moment(&mut random, whole), Blow::random(&mut random));
        let (ended, context) = story.attack(&["push"], moment, blow);
        let context = format!("round {round}: {context}");
        story.is_sound(&before, &after, blow.is_rude(), &context);
        let is_done = || CHAIN.iter().all(|name| story.published(name, "main").as_ref() == after.get(*name));
        assert!(ended.code != Some(0) || is_done(), "{context}");
        story.push(&[]).0.exits(0);
        assert!(is_done(), "the next run: {context}");
        // A push that has nothing to build leaves the engine's tags to the next build.
        story.engine.run(&story.checkout, &["build"]).exits(0);
        story.is_sound(&before, &after, false, &context);
        let is_built = CHAIN.iter().all(|name| story.held(name, "main").as_ref() == after.get(*name));
        assert!(is_built, "the next build: {context}");
    }
}

#[test]
fn an_ensure_that_ends_at_any_moment_leaves_nothing_wrong_and_the_next_completes_it() {
    let story = story!();
    story.push(&[]).0.exits(0);
    let ensure = ["ensure", "--remote", "all", "api", "tool"];
    let first = story.keys();
    let (rounds, mut random) = rounds(5);
    let mut whole = Duration::from_secs(2);
    for round in 0..rounds {
        story.change(&format!("round {round}"));
        let after = story.keys();
        // What it finds nowhere is built, what it finds in the registry is pulled.
        let pulls = random.percent(50);
        if pulls {
            story
                .engine
                .run(&story.checkout, &[&ensure[..], &["--registry", &story.address]].concat())
                .exits(0);
            story.forget();
        }
        let (moment, blow) = (moment(&mut random, whole), Blow::random(&mut random));
        let (ended, context) = story.attack(&ensure, moment, blow);
        let context = format!("round {round}: {context}");
        story.is_sound(&first, &after, false, &context);
        let tag = |name: &str| format!("src-{}", &after[name][..16]);
        let is_done = || ["api", "tool"].iter().all(|name| story.held(name, &tag(name)).is_some());
        assert!(ended.code != Some(0) || is_done(), "{context}");
        let begun = Instant::now();
        story.engine.run(&story.checkout, &[&ensure[..], &["--registry", &story.address]].concat()).exits(0);
        whole = whole.max(begun.elapsed());
        assert!(is_done() && story.published("api", &tag("api")).is_some(), "the next run: {context}");
        story.is_sound(&first, &after, false, &context);
        assert_eq!(story.published("api", "main").as_ref(), first.get("api"), "it moves no tag");
    }
}

#[test]
fn a_name_that_the_engine_gives_after_the_push_was_given_up_is_taken_off_too() {
    let story = story!();
    story.engine.run(&story.checkout, &["build"]).exits(0);
    let gate = Gate::before(story.engine.host());
    gate.hold(|first| first.starts_with("POST") && first.contains("/push"));
    let arguments = ["push", "tool", "--registry", &story.address];
    let mut command = story.engine.command(&story.checkout, &arguments);
    let run = Started::of(command.env("DOCKER_HOST", &gate.host));
    gate.wait_for(1);
    let [lent] = &story.lent()[..] else { panic!("{:?}", story.lent()) };
    // The engine has sent the image, and is about to give it its name by digest when the tag is taken off.
    story.engine.docker(&["push", lent]);
    let by_digest = story.engine.docker(&["inspect", "--format", "{{index .RepoDigests 0}}", lent]);
    gate.hold(|first| first.starts_with("DELETE"));
    signal(&run.0, "-TERM");
    gate.wait_for(1);
    gate.hold(|first| first.starts_with("GET"));
    gate.let_through();
    while story.engine.has(lent) {
        sleep(Duration::from_millis(10));
    }
    story.engine.docker(&["pull", by_digest.trim()]);
    gate.open();
    run.end().exits(130);
    assert_eq!(story.lent(), [""; 0]);
}
