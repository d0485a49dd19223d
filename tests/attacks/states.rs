//! What the states of a checkout give, and what of it stands on an engine: the judge of runs that were attacked.
//!
//! A state is read while nothing else runs: files, keys and tags. Afterwards every image of the namespace must
//! hold what its key says, and the images under one moving tag must be of one state that has this tag.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Checkout, Engine, Run, text, texts};

/// The images of [`checkout`], each with the images whose folders it holds.
const IMAGES: [(&str, &[&str]); 4] =
    [("base", &["base"]), ("api", &["base", "api"]), ("web", &["base", "api", "web"]), ("tool", &["tool"])];

/// How many files each folder has beside its stamp. With fewer, a branch is switched before anybody sees it.
const BULK: usize = 60;

/// Path to content; links begin with an arrow.
type Files = BTreeMap<String, String>;

/// A checkout of four images, of which each holds its folder and those of what it is built from.
pub fn checkout() -> Checkout {
    let checkout = Checkout::empty();
    for (name, from) in [("base", "scratch"), ("api", "acme/base"), ("web", "scratch"), ("tool", "scratch")] {
        let copied = if name == "web" {
            "COPY --from=acme/api /base /base/\nCOPY --from=acme/api /api /api/\n"
        } else {
            ""
        };
        checkout.write(&format!("{name}/Dockerfile"), format!("FROM {from}\n{copied}COPY . /{name}/\n"));
    }
    stamp(&checkout, "first");
    checkout.commit("first");
    checkout
}

/// Changes every folder: its stamp, the bulk of its files, and a link's target.
pub fn stamp(checkout: &Checkout, word: &str) {
    for (name, _) in IMAGES {
        stamp_one(checkout, name, word);
        for number in 0..BULK {
            checkout.write(&format!("{name}/bulk/{number}"), format!("{word} {number}"));
        }
        let link = checkout.root.join(name).join("current");
        // It may not be there yet.
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(word, &link).expect("a link");
    }
}

/// Changes one file of one folder. Each checkout has content of its own, so that no engine knows it from another.
pub fn stamp_one(checkout: &Checkout, name: &str, word: &str) {
    let unique = checkout.root.display();
    checkout.write(&format!("{name}/stamp"), format!("{word} in {unique}"));
}

/// One state of a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What it was.
    what: String,
    /// By short name.
    images: BTreeMap<String, Planned>,
}

/// An image of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Planned {
    key: String,
    tags: BTreeSet<String>,
    files: Option<Files>,
}

/// An image that stands on the engine.
#[derive(Debug)]
struct Standing {
    id: String,
    key: String,
    /// Short name and tag.
    tags: Vec<(String, String)>,
}

/// The engine's namespace and all states that a checkout was in.
pub struct Judge<'a> {
    engine: &'a Engine,
    checkout: &'a Checkout,
    /// What every run and every plan is given.
    options: Vec<String>,
    states: Vec<State>,
    /// By image id.
    contents: BTreeMap<String, Files>,
}

impl<'a> Judge<'a> {
    /// Nothing was seen yet. Every run has to be given these options.
    pub fn new(engine: &'a Engine, checkout: &'a Checkout, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Self { engine, checkout, options, states: Vec::new(), contents: BTreeMap::new() }
    }

    /// Reads the state that is on disk, while nothing changes it. The keys are those of a plan without what
    /// earlier runs left in the folder for caches: what a killed run left there must change nothing.
    pub fn look(&mut self, what: &str) -> State {
        let with_caches = self.plan(&self.checkout.root, &[]);
        let caches = self.checkout.root.join(".git/shipwright");
        if caches.exists() {
            fs::remove_dir_all(&caches).expect("caches can go at any time");
        }
        let state = self.look_in(&self.checkout.root, what);
        let plan = State::of(what, &with_caches, |folders| Some(on_disk(&self.checkout.root, folders)));
        assert_eq!(plan, state, "{what}: caches change nothing");
        state
    }

    /// Reads the state of a worktree of the checkout.
    pub fn look_in(&mut self, folder: &Path, what: &str) -> State {
        let plan = self.plan(folder, &[]);
        let state = State::of(what, &plan, |folders| Some(on_disk(folder, folders)));
        self.remember(state.clone());
        state
    }

    /// The commits that HEAD was on since it had `before` entries in its log, of a branch or of none: a rebase stops
    /// at each.
    pub fn look_back(&mut self, before: usize) -> Vec<State> {
        let log = heads(self.checkout);
        let passed = log.len().saturating_sub(before);
        let branches = self.checkout.git(&["branch", "--format=%(refname:short)"]);
        let branches = branches.lines().filter(|name| !name.starts_with('(')).map(str::to_owned);
        let commits: Vec<String> = log.into_iter().take(passed).collect();
        if commits.is_empty() {
            return Vec::new();
        }
        let mut states = Vec::new();
        for revision in branches.chain(commits) {
            let mut state =
                State::of(&revision, &self.plan(&self.checkout.root, &["--rev", &revision]), |_| None);
            for planned in state.images.values_mut() {
                planned.tags.insert("latest".to_owned());
            }
            self.remember(state.clone());
            states.push(state);
        }
        states
    }

    fn plan(&self, folder: &Path, arguments: &[&str]) -> Value {
        let mut command = self.engine.command(self.checkout, &["plan", "--offline", "--format", "json"]);
        command.current_dir(folder).args(&self.options).args(arguments);
        Run::of(&command.output().expect("the command runs")).exits(0).json()
    }

    /// A run that is not started yet.
    pub fn command(&self) -> Command {
        let mut command = self.engine.command(self.checkout, &["build"]);
        command.args(&self.options).stdin(Stdio::null());
        command
    }

    /// Runs once more, undisturbed, and asserts that everything is then as `state` has it.
    pub fn repair(&mut self, state: &State) {
        let run = Run::of(&self.command().output().expect("the command runs")).exits(0);
        self.is_done(std::slice::from_ref(state))
            .unwrap_or_else(|lacking| panic!("{lacking}\n{}", run.stderr));
        let faults = self.faults(false);
        assert!(faults.is_empty(), "{}\n{}", faults.join("\n"), run.stderr);
    }

    fn remember(&mut self, state: State) {
        if !self.states.contains(&state) {
            self.states.push(state);
        }
    }

    /// What is wrong on the engine: content that its key does not stand for, a commit's tag on what that commit
    /// does not give, and, unless tags may have been left half-way, moving tags of several states.
    pub fn faults(&mut self, half_way: bool) -> Vec<String> {
        let standing = self.standing();
        let mut faults = Vec::new();
        let mut moving: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for image in &standing {
            for (name, tag) in &image.tags {
                if let Some(key) = tag.strip_prefix("src-") {
                    if !image.key.starts_with(key) {
                        faults.push(format!("{name}:{tag} is an image of the key {}", image.key));
                    }
                    faults.extend(self.stale(name, image));
                } else if is_commit(tag) {
                    if !self.states.iter().any(|state| state.gives(name, &image.key, tag)) {
                        faults
                            .push(format!("{name}:{tag} is {}, which that commit does not give", image.key));
                    }
                } else {
                    moving.entry(tag).or_default().insert(name, &image.key);
                }
            }
        }
        for (tag, images) in moving {
            let belongs = |state: &State| images.iter().all(|(name, key)| state.gives(name, key, tag));
            let known =
                |(name, key): (&&str, &&str)| self.states.iter().any(|state| state.gives(name, key, tag));
            let all_known = images.iter().all(known);
            if !(self.states.iter().any(belongs) || half_way && all_known) {
                faults.push(format!(
                    "under {tag} is what no state gives together: {}",
                    self.describe(&images, tag)
                ));
            }
        }
        faults
    }

    /// What lacks for a state to be complete: all its tags on the images of its keys.
    fn lacks(state: &State, placed: &BTreeMap<(String, String), String>) -> Vec<String> {
        let mut lacking = Vec::new();
        for (name, planned) in &state.images {
            for tag in &planned.tags {
                let found = placed.get(&(name.clone(), tag.clone()));
                if found != Some(&planned.key) {
                    lacking.push(format!("{name}:{tag} is {found:?}, not {} ({})", planned.key, state.what));
                }
            }
        }
        lacking
    }

    /// Asserts that a run that ends well did its whole work: for one of these states, if not for the last.
    pub fn is_done(&self, states: &[State]) -> Result<(), String> {
        let mut placed = BTreeMap::new();
        for image in self.standing() {
            placed.extend(image.tags.into_iter().map(|place| (place, image.key.clone())));
        }
        let lacking: Vec<Vec<String>> = states.iter().map(|state| Self::lacks(state, &placed)).collect();
        if lacking.iter().any(Vec::is_empty) {
            Ok(())
        } else {
            Err(format!("it exits with 0, and {lacking:#?}"))
        }
    }

    /// Takes tags that begin like this off all images.
    pub fn forget_tags(&self, start: &str) {
        let prefix = &self.engine.namespace;
        let places = self.standing().into_iter().flat_map(|image| image.tags);
        let places = places.filter(|(_, tag)| tag.starts_with(start));
        let references: Vec<String> = places.map(|(name, tag)| format!("{prefix}/{name}:{tag}")).collect();
        if !references.is_empty() {
            let references = references.iter().map(String::as_str);
            self.engine.docker(&["rmi"].into_iter().chain(references).collect::<Vec<_>>());
        }
    }

    fn stale(&mut self, name: &str, image: &Standing) -> Option<String> {
        let is_it = |planned: &&Planned| planned.key == image.key && planned.files.is_some();
        let known =
            self.states.iter().filter_map(|state| state.images.get(name)).find(is_it)?.files.clone()?;
        let found = self.contents.entry(image.id.clone()).or_insert_with(|| inside(self.engine, &image.id));
        let differs = |(path, content): &(&String, &String)| found.get(*path) != Some(content);
        let first = known.iter().find(differs);
        let path =
            first.map(|(path, _)| path).or_else(|| found.keys().find(|path| !known.contains_key(*path)))?;
        Some(format!(
            "{name} of the key {} holds {path} {:?}, not {:?}",
            image.key,
            found.get(path),
            known.get(path)
        ))
    }

    fn describe(&self, images: &BTreeMap<&str, &str>, tag: &str) -> String {
        let of = |name: &str, key: &str| {
            let states = self.states.iter().filter(|state| state.gives(name, key, tag));
            states.map(|state| state.what.as_str()).collect::<Vec<_>>().join(", ")
        };
        let lines = images.iter().map(|(name, key)| format!("\n  {name} {key} of [{}]", of(name, key)));
        lines.collect()
    }

    /// All images of the namespace, by two calls.
    fn standing(&self) -> Vec<Standing> {
        let prefix = format!("{}/", self.engine.namespace);
        let listed = self.engine.docker(&[
            "images",
            "--no-trunc",
            "--quiet",
            "--filter",
            &format!("reference={prefix}*"),
        ]);
        let ids: BTreeSet<&str> = listed.lines().collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let arguments: Vec<&str> = ["image", "inspect"].into_iter().chain(ids).collect();
        let inspected: Value = serde_json::from_str(&self.engine.docker(&arguments)).expect("JSON");
        let place = |reference: String| {
            let (name, tag) = reference.strip_prefix(&prefix)?.split_once(':')?;
            Some((name.to_owned(), tag.to_owned()))
        };
        let images = inspected.as_array().expect("a list").iter().map(|image| Standing {
            id: text(&image["Id"]),
            key: text(&image["Config"]["Labels"]["io.shipwright.key"]),
            tags: texts(&image["RepoTags"]).into_iter().filter_map(place).collect(),
        });
        images.collect()
    }
}

impl State {
    fn of(what: &str, plan: &Value, files: impl Fn(&[&str]) -> Option<Files>) -> Self {
        let images = plan["images"].as_array().expect("images").iter().map(|image| {
            let name = text(&image["short_name"]);
            let folders = IMAGES.iter().find(|(known, _)| *known == name).map(|(_, folders)| *folders);
            let planned = Planned {
                key: text(&image["key"]),
                tags: texts(&image["tags"]).into_iter().collect(),
                files: folders.and_then(&files),
            };
            (name, planned)
        });
        Self { what: what.to_owned(), images: images.collect() }
    }

    fn gives(&self, name: &str, key: &str, tag: &str) -> bool {
        self.images.get(name).is_some_and(|planned| planned.key == key && planned.tags.contains(tag))
    }
}

/// The commits that HEAD was on, the last first.
pub fn heads(checkout: &Checkout) -> Vec<String> {
    checkout.git(&["log", "--walk-reflogs", "--format=%H", "HEAD"]).lines().map(str::to_owned).collect()
}

fn is_commit(tag: &str) -> bool {
    tag.len() == 12 && tag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn on_disk(root: &Path, folders: &[&str]) -> Files {
    let mut files = Files::new();
    for folder in folders {
        for entry in walkdir::WalkDir::new(root.join(folder)) {
            let entry = entry.expect("an entry");
            let path =
                entry.path().strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            if entry.path_is_symlink() {
                files.insert(path, arrow(&fs::read_link(entry.path()).expect("a link")));
            } else if entry.file_type().is_file() {
                files.insert(path, fs::read_to_string(entry.path()).expect("a text"));
            }
        }
    }
    files
}

/// What an image holds in the folders of the checkout.
fn inside(engine: &Engine, id: &str) -> Files {
    let container = engine.docker(&["create", "--network", "none", id, "none"]);
    let archive = engine.try_docker(&["export", &container]);
    engine.docker(&["rm", &container]);
    let mut files = Files::new();
    for entry in tar::Archive::new(archive.stdout.as_slice()).entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        if !IMAGES.iter().any(|(name, _)| path.starts_with(&format!("{name}/"))) {
            continue;
        }
        if let Some(target) = entry.link_name().expect("a target") {
            files.insert(path, arrow(&target));
        } else if entry.header().entry_type().is_file() {
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("a text");
            files.insert(path, content);
        }
    }
    files
}

fn arrow(target: &Path) -> String {
    format!("-> {}", target.display())
}
