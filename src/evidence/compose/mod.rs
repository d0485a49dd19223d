//! Compose files. <https://docs.docker.com/reference/compose-file/>
//!
//! A file is read alone; what it adds to a service of the base file of its folder (`compose.yaml`, …) is laid over that.
//! `profiles` hide nothing, and `depends_on` says nothing about builds.

mod service;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::yaml::{self, Node};
use super::{Claim, ClaimedName, Door, Kind, NamedContext, Place, Reading, Said, inside};
use crate::path::TreePath;
use service::{Build, Scope, Service, Slot};
use variables::Variables;

/// Services that one may extend, one after the other.
const EXTENDS: usize = 16;

/// Entries of services that laying one over the other may copy for one file.
const COPIES: usize = 1 << 16;

/// Files read in all because another includes or extends them.
const FOLLOWED: usize = 4_096;

type Services = BTreeMap<String, Service>;

/// What compose files say.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut loader = Loader { door, variables: BTreeMap::new(), files: BTreeMap::new(), notes: Vec::new() };
    let mut queue: Vec<(TreePath, TreePath)> =
        files.iter().rev().map(|path| (path.clone(), folder(path))).collect();
    let mut seen: BTreeSet<TreePath> = files.iter().cloned().collect();
    let mut claims = Vec::new();
    while let Some((path, root)) = queue.pop() {
        let file = loader.load(&path, &root);
        for (included, root) in &file.includes {
            if seen.len() < files.len() + FOLLOWED && seen.insert(included.clone()) {
                queue.push((included.clone(), root.clone()));
            }
        }
        let base = base_of(&path, files).map(|base| loader.load(&base, &root));
        claims.extend(loader.claims(&file, base.as_deref()));
    }
    Reading { claims, notes: loader.notes }
}

/// The file that compose itself reads in the folder of `path`, if that is another one.
fn base_of(path: &TreePath, files: &[TreePath]) -> Option<TreePath> {
    let names = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
    let base =
        names.iter().map(|name| folder(path).join(name)).find(|path| files.binary_search(path).is_ok())?;
    let is_base = names.iter().any(|name| folder(path).join(name) == *path);
    (!is_base).then_some(base)
}

fn folder(path: &TreePath) -> TreePath {
    path.parent().unwrap_or_default()
}

#[derive(Default)]
struct File {
    path: TreePath,
    services: Services,
    /// With the folder that their paths are relative to.
    includes: Vec<(TreePath, TreePath)>,
}

struct Loader<'d, 't> {
    door: &'d Door<'t>,
    variables: BTreeMap<TreePath, Rc<Variables>>,
    files: BTreeMap<(TreePath, TreePath), Rc<File>>,
    notes: Vec<crate::diagnostic::Diagnostic>,
}

impl Loader<'_, '_> {
    /// Reads a file whose paths are relative to `root`.
    fn load(&mut self, path: &TreePath, root: &TreePath) -> Rc<File> {
        let key = (path.clone(), root.clone());
        if let Some(file) = self.files.get(&key) {
            return Rc::clone(file);
        }
        let file = if self.files.len() < 1 << 16 { Rc::new(self.parse(path, root)) } else { Rc::default() };
        self.files.insert(key, Rc::clone(&file));
        file
    }

    fn parse(&mut self, path: &TreePath, root: &TreePath) -> File {
        let text = match self.door.read(path) {
            Ok(Some(text)) => text,
            Ok(None) => return File::default(),
            Err(note) => {
                self.notes.push(note);
                return File::default();
            }
        };
        let documents = match yaml::parse(&text) {
            Ok(documents) => documents,
            Err(error) => {
                if text.contains("build") {
                    self.notes.push(error.note(path));
                }
                return File::default();
            }
        };
        let door = self.door;
        let variables =
            self.variables.entry(root.clone()).or_insert_with(|| Rc::new(Variables::of(root, door))).clone();
        let scope = Scope { path, folder: root, variables: &variables };
        let mut file = File { path: path.clone(), ..File::default() };
        for document in &documents {
            // The first format has services at its top.
            let services = document.get("services").unwrap_or(document);
            let services = services.entries().filter(|(_, node)| node.entries().next().is_some());
            file.services.extend(
                services
                    .filter_map(|(name, node)| Some((name.text()?.to_owned(), scope.service(name, node)))),
            );
            let includes = document.get("include").map(Node::items).unwrap_or_default();
            file.includes.extend(includes.iter().flat_map(|node| includes_of(node, &scope)));
        }
        file
    }

    fn claims(&mut self, file: &File, base: Option<&File>) -> Vec<Claim> {
        let mut budget = COPIES;
        let mut whole = Services::new();
        for (name, service) in &file.services {
            let mut service = self.extended(file, service, &mut budget);
            // What says both needs no base file, unless compose itself lays it over that.
            let is_whole = service.image.get().is_some() && service.build.get().is_some();
            let base = base.filter(|_| !is_whole || file.path.to_text().contains(".override."));
            if let Some(below) = base.and_then(|base| Some((base, base.services.get(name)?))) {
                let below = self.extended(below.0, below.1, &mut budget);
                service = service.over(below);
            }
            whole.insert(name.clone(), service);
        }
        let places: BTreeMap<&String, Place> = whole
            .iter()
            .filter_map(|(name, service)| Some((name, claim(service, self.door, &|_| None)?.place)))
            .collect();
        let below = |name: &str| base?.services.get(name).filter(|service| service.build.get().is_some());
        let built = |name: &str| {
            let own = places.get(&name.to_owned()).cloned();
            own.or_else(|| below(name).map(|service| service.place.clone()))
        };
        whole.values().filter_map(|service| claim(service, self.door, &built)).collect()
    }

    /// A service with what it extends.
    fn extended(&mut self, file: &File, service: &Service, budget: &mut usize) -> Service {
        let mut whole = service.clone();
        let (mut path, mut next) = (file.path.clone(), service.extends.clone());
        let mut current: Option<Rc<File>> = None;
        for _ in 0..EXTENDS {
            let Some(extends) = next else { break };
            if let Some(other) = extends.file.filter(|other| *other != path) {
                current = Some(self.load(&other, &folder(&other)));
                path = other;
            }
            let services = current.as_deref().map_or(&file.services, |file| &file.services);
            let Some(below) = services.get(&extends.service) else { break };
            let Some(left) = budget.checked_sub(below.entries() + whole.entries()) else { break };
            *budget = left;
            next = below.extends.clone();
            whole = whole.over(below.clone());
        }
        whole
    }
}

/// A path, or a mapping with one or several, and where they are relative to.
fn includes_of(node: &Node, scope: &Scope<'_>) -> Vec<(TreePath, TreePath)> {
    let resolve = |node: &Node| inside(scope.folder, &scope.variables.expand(node.text()?).known()?);
    let root = node.get("project_directory").and_then(resolve);
    let named = node.get("path").unwrap_or(node);
    let paths = if named.items().is_empty() { std::slice::from_ref(named) } else { named.items() };
    let paths = paths.iter().filter_map(resolve);
    paths.map(|path| (path.clone(), root.clone().unwrap_or_else(|| folder(&path)))).collect()
}

/// What a service says, if it builds a Dockerfile of this checkout.
fn claim(service: &Service, door: &Door<'_>, built: &dyn Fn(&str) -> Option<Place>) -> Option<Claim> {
    let build = service.build.get()?;
    if build.inline.get().is_some() {
        return None;
    }
    let context = match &build.context {
        Slot::Is(context) => Said { value: context.value.clone()?, place: context.place.clone() },
        Slot::Absent | Slot::Reset => Said { value: folder(&build.place.path), place: build.place.clone() },
    };
    let dockerfile = match build.dockerfile.get() {
        Some(text) => inside(&context.value, &text.value.known()?)?,
        None => door.dockerfile_in(&context.value)?,
    };
    if !door.is_dockerfile(&dockerfile) {
        return None;
    }
    let mut claim = Claim::new(Kind::Compose, service.place.clone(), dockerfile);
    let image = service.image.get();
    claim.name =
        image.and_then(|text| Some(Said { value: ClaimedName::of(&text.value)?, place: text.place.clone() }));
    let target = build.target.get();
    claim.target =
        target.and_then(|text| said(&text.place, text.value.known().filter(|target| !target.is_empty())));
    claim.platforms = build
        .platforms
        .iter()
        .filter_map(|text| said(&text.place, text.value.known()?.parse().ok()))
        .collect();
    let args = build.args.entries.iter();
    claim.args =
        args.filter_map(|(key, text)| Some((key.clone(), said(&text.place, text.value.known())?))).collect();
    claim.contexts = contexts(build, built);
    claim.context = door.is_folder(&context.value).then_some(context);
    Some(claim)
}

fn said<T>(place: &Place, value: Option<T>) -> Option<Said<T>> {
    Some(Said { value: value?, place: place.clone() })
}

fn contexts(build: &Build, built: &dyn Fn(&str) -> Option<Place>) -> BTreeMap<String, Said<NamedContext>> {
    let read = |place: &Place, value: &str| {
        if let Some(service) = value.strip_prefix("service:") {
            return Some(NamedContext::Claimed { claim: built(service)? });
        }
        if let Some(image) = value.strip_prefix("docker-image://") {
            return image.parse().ok().map(NamedContext::Image);
        }
        let folder = if value.contains(':') { None } else { inside(&folder(&place.path), value) };
        Some(folder.map_or_else(|| NamedContext::Elsewhere(value.to_owned()), NamedContext::Folder))
    };
    let entries = build.contexts.entries.iter();
    entries
        .filter_map(|(name, text)| {
            Some((name.clone(), said(&text.place, read(&text.place, &text.value.known()?))?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
