//! What a state of the checkout gives, and what must hold after runs that met one or more of them: nothing that
//! stands under a key is stale, no moving tag is of two states, and exit code 0 is true.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::history;
use super::life::{Expected, Life, all_tagged};
use super::tree::Files;
use crate::support::{text, texts};

/// The references of images, by short name.
type Together = BTreeMap<String, String>;

/// Which images belong together under each moving tag: one of these sets.
#[derive(Debug, Default)]
pub struct Moving(BTreeMap<String, Vec<Together>>);

/// A state, read while nothing changed it.
pub struct State {
    /// Shipwright's plan.
    plan: Value,
    /// What docker makes of the same files.
    expected: Vec<Expected>,
}

/// A run that met some states.
pub struct Met {
    /// How it ended; nothing for a signal.
    pub code: Option<i32>,
    /// What it said on standard error.
    pub said: String,
    /// Which of the states its folder was in.
    pub states: Vec<usize>,
}

impl Moving {
    /// A run alone has put these; nothing else is allowed from now on.
    pub fn settle(&mut self, plan: &Value) {
        for (tag, together) in by_tag(plan) {
            self.0.insert(tag, vec![together]);
        }
    }

    /// A run may have put these.
    fn allow(&mut self, plan: &Value) {
        for (tag, together) in by_tag(plan) {
            // Of a tag of which nothing is known yet, nothing can be told.
            if let Some(sets) = self.0.get_mut(&tag) {
                sets.push(together);
            }
        }
    }

    /// A run may have put some of these and not the others.
    pub fn forget(&mut self, plan: &Value) {
        for (tag, _) in by_tag(plan) {
            self.0.remove(&tag);
        }
    }
}

/// Moving tags of a plan, with the images that they are to be on.
fn by_tag(plan: &Value) -> BTreeMap<String, Together> {
    let mut tags: BTreeMap<String, Together> = BTreeMap::new();
    for image in plan["images"].as_array().into_iter().flatten().filter(|image| image["tags"].is_array()) {
        for tag in texts(&image["tags"]).into_iter().filter(|tag| moves(tag)) {
            tags.entry(tag).or_default().insert(text(&image["short_name"]), text(&image["reference"]));
        }
    }
    tags
}

/// The generator makes no git tags: what is no key's and no commit's is a branch's, or `latest`.
fn moves(tag: &str) -> bool {
    let is_commit = tag.len() == 12 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    !is_commit && !tag.starts_with("src-")
}

impl Life {
    /// Reads the state that a folder is in. Nothing may change it meanwhile.
    pub fn state(&mut self, folder: &Path) -> Result<State, String> {
        let run = self.run(folder, &["plan", "--format", "json"]);
        let plan = serde_json::from_str(&run.stdout).map_err(|error| format!("{error}: {run:#?}"))?;
        let expected = self.expect(&Files::read(folder), &history::versioned(folder), &[])?;
        Ok(State { plan, expected })
    }

    /// Judges what runs left that met these states. With `known`, they met no others: between them lay none.
    pub fn judge(&mut self, states: &[State], runs: &[Met], known: bool) -> Result<(), String> {
        let tagged = self.tagged();
        // Of runs that moved tags at the same time one may say that another was in its way.
        let known = known && (runs.len() < 2 || runs.iter().all(|run| run.code == Some(0)));
        for state in states {
            if known {
                self.moving.allow(&state.plan);
            } else {
                self.moving.forget(&state.plan);
            }
            self.stale(state, &tagged)?;
        }
        let said = || runs.iter().map(|run| run.said.as_str()).collect::<Vec<_>>().join("\n");
        self.mixed(&tagged).map_err(|mixed| format!("{mixed}\n{}", said()))?;
        for run in runs {
            if run.said.contains("panicked") || !matches!(run.code, None | Some(0..=2 | 130)) {
                return Err(format!("{:?}: {}", run.code, run.said));
            }
            if known && run.code == Some(0) {
                let met = run.states.iter().map(|number| &states[*number]);
                let lacking: Vec<String> =
                    met.filter_map(|state| state.is_done(&tagged, runs.len() == 1).err()).collect();
                if lacking.len() == run.states.len() {
                    return Err(format!("it exits with 0, but {}\n{}", lacking.join("; "), run.said));
                }
            }
        }
        self.counts.attacks += runs.len();
        Ok(())
    }

    /// No moving tag is of several states. `tagged` are the ids of all references.
    pub fn mixed(&self, tagged: &BTreeMap<String, String>) -> Result<(), String> {
        let namespace = self.namespace();
        for (tag, sets) in &self.moving.0 {
            let strays = |together: &Together| -> Vec<String> {
                let strays = together.iter().filter(|(name, reference)| {
                    let here = tagged.get(&format!("{namespace}/{name}:{tag}"));
                    here.is_some_and(|id| tagged.get(*reference) != Some(id) && !self.has_key(id, reference))
                });
                strays.map(|(name, reference)| format!("{name}:{tag} is not {reference}")).collect()
            };
            let strays: Vec<Vec<String>> = sets.iter().map(strays).collect();
            if !strays.iter().any(Vec::is_empty) {
                return Err(format!("mixed: {tag} is of no one state: {strays:#?}"));
            }
        }
        Ok(())
    }

    /// Whether an image is of a reference's key: one that was built again is another image of the same key.
    fn has_key(&self, id: &str, reference: &str) -> bool {
        let key = self.label(id, "io.shipwright.key");
        reference.rsplit_once(":src-").is_some_and(|(_, short)| key.starts_with(short))
    }

    /// Every image that stands under a key of this state holds what docker makes of it.
    fn stale(&mut self, state: &State, tagged: &BTreeMap<String, String>) -> Result<(), String> {
        for (entry, image) in state.images() {
            let reference = text(&entry["reference"]);
            let Some(ours) = tagged.get(&reference) else { continue };
            let path = image.place.path();
            let theirs =
                image.id.clone().map_err(|error| format!("{reference} is there, and docker: {error}"))?;
            let differences = self.differences(ours, &theirs);
            if !differences.is_empty() {
                return Err(format!("{path} is stale as {reference}:\n  {}", differences.join("\n  ")));
            }
            self.counts.images += 1;
        }
        Ok(())
    }
}

impl State {
    /// Each image with its entry in the plan.
    fn images(&self) -> impl Iterator<Item = (&Value, &Expected)> {
        let entries = self.plan["images"].as_array().into_iter().flatten();
        entries.filter_map(|entry| {
            let path = text(&entry["dockerfile"]);
            Some((entry, self.expected.iter().find(|image| image.place.path() == path)?))
        })
    }

    /// Whether all that can be built is there, with its tags if nobody else moved them since.
    fn is_done(&self, tagged: &BTreeMap<String, String>, alone: bool) -> Result<(), String> {
        for (entry, _) in self.images().filter(|(_, image)| image.id.is_ok()) {
            let reference = text(&entry["reference"]);
            let id = tagged.get(&reference).ok_or_else(|| format!("there is no {reference}"))?;
            if alone && self.expected.iter().all(|image| image.id.is_ok()) {
                all_tagged(entry, tagged, id)?;
            }
        }
        Ok(())
    }
}
