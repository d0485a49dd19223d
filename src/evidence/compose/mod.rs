//! Compose files. <https://docs.docker.com/reference/compose-file/>
//!
//! ```text
//! file → loader.rs (with .env: variables.rs) → services (service.rs) → layers.rs (extends, base file) → claims.rs
//! ```
//!
//! `profiles` hide nothing, and `depends_on` says nothing about builds.

mod claims;
mod layers;
mod loader;
mod service;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use service::folder;

use super::{Claim, Door, NamedContext, Place, Reading};
use crate::limits;
use crate::path::TreePath;
use claims::Draft;
use loader::{File, Loader};

/// A file, the base file of its folder, and what services of the two say.
struct Set {
    file: Rc<File>,
    base: Option<Rc<File>>,
    drafts: Vec<Draft>,
}

/// Where claims begin, by file and service.
type Places = BTreeMap<TreePath, BTreeMap<String, Place>>;

/// What compose files say.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut loader = Loader::new(door, files);
    let projects = loader.projects();
    let mut sets = Vec::new();
    for (path, root) in &projects {
        let file = loader.load(path, root);
        // A file that another includes stands for itself.
        let is_of_folder = files.binary_search(path).is_ok() && *root == folder(path);
        let base = base_of(path, files).filter(|_| is_of_folder);
        let base = base.and_then(|base| Some(loader.load(&base, projects.get(&base)?)));
        let drafts = loader.drafts(&file, base.as_deref());
        sets.push(Set { file, base, drafts });
    }
    let places: Places = sets.iter().map(|set| (set.file.path.clone(), set.places())).collect();
    let mut included = BTreeMap::new();
    for set in &sets {
        let paths = set.file.includes.iter().map(|include| include.path.clone()).collect::<Vec<_>>();
        included.insert(set.file.path.clone(), paths);
    }
    let claims = sets.into_iter().flat_map(|set| set.claims(&places, &included)).collect();
    Reading { claims, notes: loader.notes() }
}

impl Set {
    fn places(&self) -> BTreeMap<String, Place> {
        self.drafts.iter().map(|draft| (draft.service.clone(), draft.claim.place.clone())).collect()
    }

    /// The claims, with what their contexts mean by the name of a service. One that makes no claim is not known.
    fn claims(self, places: &Places, included: &BTreeMap<TreePath, Vec<TreePath>>) -> Vec<Claim> {
        let visible = if self.drafts.iter().any(|draft| !draft.services.is_empty()) {
            self.visible(included)
        } else {
            Vec::new()
        };
        let place =
            |service: &String| visible.iter().find_map(|path| places.get(path)?.get(service).cloned());
        let base = self.base.iter().map(|base| &base.path);
        let beside: Vec<&TreePath> = base.chain(&self.file.variables).collect();
        let resolve = |draft: Draft| {
            let mut claim = draft.claim;
            claim.rests_on.extend(beside.iter().copied().cloned());
            for (name, service) in draft.services {
                let context = match place(&service.value) {
                    Some(claim) => NamedContext::Claimed { claim },
                    None => NamedContext::Elsewhere(format!("service:{}", service.value)),
                };
                claim.contexts.insert(name, super::Said { value: context, place: service.place });
            }
            claim
        };
        self.drafts.into_iter().map(resolve).collect()
    }

    /// Files whose services this one's know by name, the nearest first.
    fn visible(&self, included: &BTreeMap<TreePath, Vec<TreePath>>) -> Vec<TreePath> {
        let own = std::iter::once(&self.file).chain(&self.base).map(|file| file.path.clone());
        let mut visible: Vec<TreePath> = own.collect();
        let mut known: BTreeSet<TreePath> = visible.iter().cloned().collect();
        let mut at = 0;
        while let Some(path) = visible.get(at).cloned() {
            at += 1;
            for path in included.get(&path).into_iter().flatten() {
                if visible.len() >= limits::COMPOSE_SET {
                    return visible;
                }
                if known.insert(path.clone()) {
                    visible.push(path.clone());
                }
            }
        }
        visible
    }
}

/// The file that compose itself reads in the folder of `path`, if that is another one.
fn base_of(path: &TreePath, files: &[TreePath]) -> Option<TreePath> {
    let names = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
    let base =
        names.iter().map(|name| folder(path).join(name)).find(|path| files.binary_search(path).is_ok())?;
    let is_base = names.iter().any(|name| folder(path).join(name) == *path);
    (!is_base).then_some(base)
}

#[cfg(test)]
mod tests;
