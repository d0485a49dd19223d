//! A checkout, what is known about it, and the comparison after each step.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::docker::Docker;
use super::files;
use super::graph::{self, Place};
use super::history;
use super::oracle::{Oracle, Order};
use super::random::Random;
use super::reads;
use super::settings::{ImageSettings, Settings};
use super::spec::{Base, Line, Spec};
use super::state::Moving;
use super::tree::{Files, Name, digest_of};
use crate::support::{Checkout, Engine, Run, images_of, text};

/// The settings file.
pub const SETTINGS: &str = "shipwright.toml";

/// A generated checkout on an engine.
pub struct Life {
    /// Where all choices come from.
    pub random: Random,
    /// The checkout.
    pub checkout: Checkout,
    /// All places that ever were.
    pub places: Vec<Place>,
    engine: Engine,
    oracle: Oracle,
    heredocs: bool,
    /// Every Dockerfile that was ever written, by its text.
    specs: BTreeMap<Vec<u8>, Spec>,
    /// Every settings file likewise.
    settings: BTreeMap<Vec<u8>, Settings>,
    /// The reference that Shipwright gave to each set of inputs.
    references: BTreeMap<String, String>,
    /// The sets of inputs whose image is on the engine.
    present: BTreeSet<String>,
    /// Whether other runs were at work since the last comparison.
    pub disturbed: bool,
    /// Which images belong together.
    pub(super) moving: Moving,
    /// What was counted.
    pub counts: Counts,
}

/// Figures of one or more lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Steps that were compared.
    pub steps: usize,
    /// Images that were compared.
    pub images: usize,
    /// Images that Shipwright built.
    pub built: usize,
    /// Images that neither could build.
    pub neither: usize,
    /// Runs that something happened to, of which it was judged what they left.
    pub attacks: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, images, built, neither, attacks } = self;
        write!(
            f,
            "{steps} steps, {images} images compared, {built} built, {neither} that neither can build, {attacks} runs attacked"
        )
    }
}

/// An image as the generator sees it.
pub(super) struct Expected {
    pub(super) place: Place,
    spec: Spec,
    dockerfile: Vec<u8>,
    /// What decides its content, digested.
    inputs: String,
    /// The oracle's image.
    pub(super) id: Result<String, String>,
}

impl Life {
    /// A checkout for this seed, with one commit.
    pub fn new(seed: u64, engine: Engine, docker: Docker) -> Self {
        let mut random = Random::new(seed);
        let checkout = Checkout::empty();
        let namespace = engine.namespace.replace("swt", "swo");
        let heredocs = docker.heredocs;
        let oracle = Oracle::new(docker, namespace, checkout.beside("oracle"));
        let places = graph::places(&mut random);
        let mut life = Self {
            random,
            checkout,
            places: Vec::new(),
            engine,
            oracle,
            heredocs,
            specs: BTreeMap::new(),
            settings: BTreeMap::new(),
            references: BTreeMap::new(),
            present: BTreeSet::new(),
            disturbed: false,
            moving: Moving::default(),
            counts: Counts::default(),
        };
        files::lay_out_root(&mut life.random, &life.checkout.root);
        // A mixture of two Dockerfiles would be one that the generator does not know.
        let attributes = life.checkout.root.join(".git/info/attributes");
        let attributes_text = "*ockerfile* -merge -text\n*.Dockerfile -merge -text\n*.toml -merge -text\n";
        files::write(&attributes, attributes_text.as_bytes());
        for place in places {
            life.settle(place);
        }
        if life.random.percent(40) {
            life.write_ignore_file();
        }
        if life.random.percent(30) {
            history::add_submodule(&life);
        }
        life.checkout.commit(history::FIRST);
        life
    }

    /// Lays out a new place with a Dockerfile.
    pub fn settle(&mut self, place: Place) {
        self.write_dockerfile(&place);
        self.places.push(place);
    }

    /// Writes a new Dockerfile for a place.
    pub fn write_dockerfile(&mut self, place: &Place) {
        // Without its files, which may be stashed away, another folder would be taken for its context.
        let files = ["keep.txt", "src/deep/keep.txt", files::ARCHIVE];
        if !files.iter().all(|file| self.checkout.root.join(place.within(file)).exists()) {
            files::lay_out(&mut self.random, &self.checkout.root, place);
        }
        let spec = graph::dockerfile(&mut self.random, place, self.heredocs);
        self.put(place, spec);
    }

    /// Writes the same Dockerfile in another layout.
    pub fn lay_dockerfile_out(&mut self, place: &Place) {
        let Ok(text) = fs::read(self.checkout.root.join(place.path())) else { return };
        let mut spec = self.specs[&text].clone();
        spec.layout = self.random.below(60);
        self.put(place, spec);
    }

    fn put(&mut self, place: &Place, spec: Spec) {
        let text = spec.text(&self.oracle.namespace).into_bytes();
        files::write(&self.checkout.root.join(place.path()), &text);
        self.specs.insert(text, spec);
    }

    /// Writes an ignore file for some image.
    pub fn write_ignore_file(&mut self) -> (String, Vec<u8>) {
        let text = files::ignore_file(&mut self.random);
        let place = self.random.pick(&self.places).clone();
        let name = match self.random.below(4) {
            0 => ".dockerignore".to_owned(),
            1 => format!("{}.dockerignore", place.path()),
            _ => place.within(".dockerignore"),
        };
        files::write(&self.checkout.root.join(&name), &text);
        (name, text)
    }

    /// Writes other settings. Only of images that every branch has.
    pub fn write_settings(&mut self) -> Settings {
        let current = self.current();
        let lasting: Vec<_> =
            current.into_iter().filter(|(place, _)| !place.name.starts_with("leaf")).collect();
        let settings = Settings::random(&mut self.random, &lasting);
        let text = settings.text().into_bytes();
        files::write(&self.checkout.root.join(SETTINGS), &text);
        self.settings.insert(text, settings.clone());
        settings
    }

    /// The places that have a Dockerfile on disk, and what it says.
    pub fn current(&self) -> Vec<(Place, Spec)> {
        let spec = |place: &Place| self.specs.get(&fs::read(self.checkout.root.join(place.path())).ok()?);
        self.places.iter().filter_map(|place| Some((place.clone(), spec(place)?.clone()))).collect()
    }

    /// Whether each context that is a Dockerfile's folder has what says so.
    pub fn is_laid_out(&self, tree: &Files) -> bool {
        self.places.iter().all(|place| {
            let spec = tree.content(place.path().as_bytes()).and_then(|text| self.specs.get(text));
            let has = |name: &&'static str| tree.0.contains_key(place.within(name).as_bytes());
            spec.is_none_or(|spec| spec.at_root || files::KEPT.iter().all(has))
        })
    }

    /// What `BASE` may say: the external image, or the first of the checkout's, which takes no such argument.
    pub fn bases(&self) -> [String; 3] {
        let first = format!("{}/{}", self.oracle.namespace, self.places[0].name);
        ["busybox".to_owned(), "busybox:latest".to_owned(), first]
    }

    /// The command on this life's engine.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.engine.command(&self.checkout, arguments)
    }

    /// The namespace of its images.
    pub fn namespace(&self) -> &str {
        &self.engine.namespace
    }

    /// A label of an image.
    pub fn label(&self, id: &str, label: &str) -> String {
        let format = format!("{{{{index .Config.Labels \"{label}\"}}}}");
        self.engine.docker(&["image", "inspect", "--format", &format, id])
    }

    /// What two images of the engine differ in.
    pub fn differences(&mut self, ours: &str, theirs: &str) -> Vec<String> {
        let theirs = self.oracle.content(theirs);
        self.oracle.content(ours).differences(&theirs)
    }

    /// Starts a run of which only the traces matter.
    pub fn start(&self, root: &Path, arguments: &[&str]) -> Child {
        let mut command = self.command(&[&["build"], arguments].concat());
        command
            .current_dir(root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command runs")
    }

    /// Removes an image from the engine with all its names, as somebody who needs room does.
    pub fn forget_an_image(&mut self) -> String {
        let known: Vec<String> = self.present.iter().map(|inputs| self.references[inputs].clone()).collect();
        let Some(reference) = self.random.pick_any(&known).cloned() else {
            return "nothing to forget".to_owned();
        };
        let id = self.tagged().remove(&reference).unwrap_or(reference.clone());
        self.engine.docker(&["rmi", "--force", &id]);
        let references = &self.references;
        self.present.retain(|inputs| references[inputs] != reference);
        format!("rmi {reference}")
    }

    /// Runs Shipwright in a checkout and compares what is there with what has to be.
    pub fn check(&mut self, root: &Path, options: &[&str]) -> Result<(), String> {
        self.check_from(root, root, options)
    }

    /// The same, with Shipwright started in a folder of the checkout at `root`.
    pub fn check_from(&mut self, folder: &Path, root: &Path, options: &[&str]) -> Result<(), String> {
        self.check_tree(folder, &Files::read(root), &history::versioned(root), options)
    }

    /// The same for files that are somewhere else; `versioned` are those that git does not ignore.
    pub fn check_tree(
        &mut self,
        folder: &Path,
        tree: &Files,
        versioned: &BTreeSet<Name>,
        options: &[&str],
    ) -> Result<(), String> {
        let events = self.checkout.beside("events.json");
        let path = events.to_string_lossy().into_owned();
        let plan = self.run(folder, &[&["plan", "--format", "json"], options].concat());
        let plan: Value =
            serde_json::from_str(&plan.stdout).map_err(|error| format!("{error}: {plan:#?}"))?;
        let run = self.run(folder, &[&["build", "--events", &path], options].concat());
        let lines = fs::read_to_string(&events).unwrap_or_default();
        let events: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let arguments: Vec<String> = options
            .iter()
            .filter_map(|option| option.strip_prefix("--build-arg="))
            .map(str::to_owned)
            .collect();
        let expected = self.expect(tree, versioned, &arguments)?;
        self.compare(&expected, &plan, &run, &events).map_err(|error| {
            let known: Vec<String> =
                expected.iter().map(|image| format!("{}: {:?}", image.place.path(), image.id)).collect();
            format!("{error}\n{}\noracle: {}", run.stderr, known.join("\n  "))
        })?;
        self.counts.steps += 1;
        self.disturbed = false;
        Ok(())
    }

    /// Asks the engine which images are there: a run that was killed may have built some.
    pub fn look_again(&mut self) {
        let tagged = self.tagged();
        let references = &self.references;
        self.present.retain(|inputs| tagged.contains_key(&references[inputs]));
        self.disturbed = true;
    }

    /// The id that each reference has on the engine, by one call.
    pub(super) fn tagged(&self) -> BTreeMap<String, String> {
        let filter = format!("reference={}/*", self.engine.namespace);
        let format = "{{.Repository}}:{{.Tag}} {{.ID}}";
        let listed = self.engine.docker(&["images", "--no-trunc", "--format", format, "--filter", &filter]);
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(reference, id)| (reference.to_owned(), id.to_owned())).collect()
    }

    /// Tracks the folders of contexts at the root: files that git does not know are no evidence for them.
    pub fn track(&self) {
        for place in &self.places {
            let Ok(text) = fs::read(self.checkout.root.join(place.path())) else { continue };
            if self.specs.get(&text).is_some_and(|spec| spec.at_root) {
                history::run_git(&self.checkout.root, &["add", "--", &place.folder, "shared"]);
            }
        }
    }

    pub(super) fn run(&self, folder: &Path, arguments: &[&str]) -> Run {
        let mut command = self.engine.command(&self.checkout, arguments);
        Run::of(&command.current_dir(folder).output().expect("the command runs"))
    }

    /// Builds everything from scratch, in order.
    pub(super) fn expect(
        &mut self,
        tree: &Files,
        versioned: &BTreeSet<Name>,
        arguments: &[String],
    ) -> Result<Vec<Expected>, String> {
        let mut expected: Vec<Expected> = Vec::new();
        let versioned = tree.filtered(|name| versioned.contains(name));
        let settings = match tree.content(SETTINGS.as_bytes()) {
            Some(text) => self.settings.get(text).ok_or("the settings are new")?.clone(),
            None => Settings::default(),
        };
        for place in self.places.clone() {
            let Some(dockerfile) = tree.content(place.path().as_bytes()).map(<[u8]>::to_vec) else {
                continue;
            };
            let spec = self.specs.get(&dockerfile).ok_or_else(|| format!("{} is new", place.path()))?.clone();
            let settings = settings.0.get(&place.name).cloned().unwrap_or_default();
            let given = Given::new(&settings, arguments);
            let spec = given.applied_to(spec, &self.oracle.namespace);
            let inferred = if spec.at_root { "" } else { place.folder.as_str() };
            let root = settings.context.as_deref().unwrap_or(inferred);
            let mut context = tree.below(root.as_bytes());
            let own_ignore = tree.content(format!("{}.dockerignore", place.path()).as_bytes());
            let ignore = own_ignore.or_else(|| context.content(b".dockerignore")).map(<[u8]>::to_vec);
            let known = |name: &String| expected.iter().find(|image| image.place.name == *name);
            let dependencies: Vec<&Expected> = spec.dependencies().iter().filter_map(known).collect();
            let visible = match ignore {
                Some(ignore) => {
                    let admitted = self.oracle.admitted(&ignore, &context);
                    // A clone has no folders for files that git ignores.
                    let versioned = versioned.below(root.as_bytes());
                    context = context.filtered(|name| admitted.has(name) || versioned.0.contains_key(name));
                    admitted.of(&context)
                }
                None => context.clone(),
            };
            let triggers = triggers(&spec, &expected);
            let sources = reads::sources(&spec, &triggers);
            let read = reads::reached(&visible, &sources);
            let mut parts = vec![spec.essence(), read.digest(), given.declared(&spec, &triggers)];
            parts.extend(dependencies.iter().map(|image| image.inputs.clone()));
            let inputs = digest_of(&parts.iter().map(String::as_str).collect::<Vec<_>>());
            let missing = spec.dependencies().len() != dependencies.len();
            let ids: Result<Vec<(String, String)>, String> = dependencies
                .iter()
                .map(|image| image.id.clone().map(|id| (image.place.name.clone(), id)))
                .collect();
            let id = match ids {
                Ok(ids) if !missing => self.oracle.build(&Order {
                    name: &place.name,
                    dockerfile: &dockerfile,
                    ignore: own_ignore,
                    context: &context,
                    dependencies: &ids,
                    arguments: &given.arguments,
                    target: settings.target.as_deref(),
                }),
                _ => Err("a dependency cannot be built".to_owned()),
            };
            expected.push(Expected { place, spec, dockerfile, inputs, id });
        }
        Ok(expected)
    }

    fn compare(
        &mut self,
        expected: &[Expected],
        plan: &Value,
        run: &Run,
        events: &[Value],
    ) -> Result<(), String> {
        let planned = plan["images"].as_array().ok_or("the plan has no images")?;
        if planned.len() != expected.len() {
            let names: Vec<String> = planned.iter().map(|image| text(&image["dockerfile"])).collect();
            return Err(format!("other images than there are: {names:?}"));
        }
        let built = images_of(events, "build-started");
        let all_built = expected.iter().all(|image| image.id.is_ok());
        if (run.code == 0) != all_built && !run.stderr.contains("blocked") {
            return Err(format!("exit code {}", run.code));
        }
        let tagged = self.tagged();
        let mut now_present = Vec::new();
        for image in expected {
            let name = &image.place.name;
            let path = image.place.path();
            let entry = planned
                .iter()
                .find(|entry| text(&entry["dockerfile"]) == path)
                .ok_or_else(|| format!("{path} is not planned"))?;
            if text(&entry["short_name"]) != *name {
                return Err(format!("{path} is called {}, not {name}", entry["short_name"]));
            }
            let outcome = outcome(events, name);
            let done = outcome == "built" || outcome == "reused";
            if done != image.id.is_ok() {
                return Err(format!("{path} is {outcome}, but by docker {:?}", image.id));
            }
            if !done {
                self.counts.neither += 1;
                continue;
            }
            let reference = text(&entry["reference"]);
            let started = built.contains(name);
            // What a killed run began may end, in the engine, after the plan.
            if started != (entry["action"] == "build") && (started || !self.disturbed) {
                return Err(format!("{path}: {} was planned, started: {started}", entry["action"]));
            }
            self.counts.built += usize::from(started);
            if started && self.present.contains(&image.inputs) {
                let (known, reasons) = (&self.references[&image.inputs], &entry["reasons"]);
                return Err(format!("{path} is built again as {reference}, and was {known}: {reasons}"));
            }
            match self.references.get(&image.inputs) {
                Some(known) if *known != reference => {
                    return Err(format!("{path} is {reference} now and was {known} for the same inputs"));
                }
                _ => drop(self.references.insert(image.inputs.clone(), reference.clone())),
            }
            let other = self
                .references
                .iter()
                .find(|(inputs, known)| **inputs != image.inputs && **known == reference);
            if other.is_some() {
                return Err(format!("{path} is {reference}, as it was for other inputs"));
            }
            now_present.push(image.inputs.clone());
            let ours = tagged.get(&reference).ok_or_else(|| format!("there is no {reference}"))?;
            let theirs = image.id.clone().expect("it is built");
            let differences = self.differences(ours, &theirs);
            if !differences.is_empty() {
                let dockerfile = String::from_utf8_lossy(&image.dockerfile);
                return Err(format!("{path} differs:\n  {}\n{dockerfile}", differences.join("\n  ")));
            }
            self.counts.images += 1;
            if run.code == 0 && !run.stderr.contains("blocked") {
                all_tagged(entry, &tagged, ours)?;
            }
        }
        if run.code == 0 {
            if run.stderr.contains("blocked") { self.moving.forget(plan) } else { self.moving.settle(plan) }
        }
        self.mixed(&tagged)?;
        self.present.extend(now_present);
        Ok(())
    }

    /// The folder of the checkout.
    pub fn root(&self) -> PathBuf {
        self.checkout.root.clone()
    }
}

/// Every tag of the plan is on the planned image.
pub(super) fn all_tagged(entry: &Value, tagged: &BTreeMap<String, String>, id: &str) -> Result<(), String> {
    for tag in entry["tags"].as_array().into_iter().flatten() {
        let reference = format!("{}:{}", text(&entry["name"]), text(tag));
        if tagged.get(&reference).map(String::as_str) != Some(id) {
            return Err(format!("{reference} is {:?}, not {id}", tagged.get(&reference)));
        }
    }
    Ok(())
}

/// What one build is given beside its files.
struct Given {
    arguments: Vec<String>,
    target: Option<String>,
}

impl Given {
    /// The command line wins over the settings.
    fn new(settings: &ImageSettings, arguments: &[String]) -> Self {
        let mut given = Self { arguments: arguments.to_vec(), target: settings.target.clone() };
        if let (Some(extra), None) = (&settings.extra, given.value("EXTRA")) {
            given.arguments.push(format!("EXTRA={extra}"));
        }
        given
    }

    fn value(&self, name: &str) -> Option<&str> {
        let pairs = self.arguments.iter().filter_map(|argument| argument.split_once('='));
        pairs.into_iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }

    /// The Dockerfile as it is meant then.
    fn applied_to(&self, mut spec: Spec, namespace: &str) -> Spec {
        let is_target = |name: &String| self.target.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(name));
        spec.target = spec.stages.iter().position(|stage| stage.name.as_ref().is_some_and(is_target));
        spec.argument = self.value("BASE").map(|base| {
            let own = base.strip_prefix(namespace).and_then(|name| name.strip_prefix('/'));
            own.map_or(Base::Busybox, |name| Base::Image(name.to_owned()))
        });
        spec
    }

    /// Those that a Dockerfile declares, and the target.
    fn declared(&self, spec: &Spec, triggers: &[&Line]) -> String {
        let extra = self.value("EXTRA").filter(|_| spec.asks(triggers));
        let base = self.value("BASE").filter(|_| spec.takes_base());
        format!("{extra:?} {base:?} {:?}", self.target)
    }
}

/// The triggers of the images that the needed stages are FROM.
fn triggers<'a>(spec: &Spec, images: &'a [Expected]) -> Vec<&'a Line> {
    let mut triggers = Vec::new();
    for number in spec.needed() {
        if let Base::Image(name) = spec.base(number) {
            let base = images.iter().find(|image| image.place.name == *name);
            triggers.extend(base.into_iter().flat_map(|image| image.spec.triggers()));
        }
    }
    triggers
}

/// How the work on an image ended.
fn outcome(events: &[Value], name: &str) -> String {
    let ended = |event: &&Value| {
        event["event"] == "image-finished" && text(&event["image"]).ends_with(&format!("/{name}"))
    };
    events.iter().find(ended).map(|event| text(&event["outcome"])).unwrap_or_default()
}
