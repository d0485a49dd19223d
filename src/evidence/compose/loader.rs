use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::service::{Scope, Service, folder};
use super::variables::{Room, Variables};
use crate::diagnostic::Diagnostic;
use crate::evidence::yaml::{self, Node, YamlError};
use crate::evidence::{Door, inside};
use crate::limits;
use crate::path::TreePath;

/// A compose file.
#[derive(Default)]
pub(super) struct File {
    pub(super) path: TreePath,
    /// The folder of its project: where a build without a context is.
    pub(super) root: TreePath,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) includes: Vec<Include>,
    /// The files that give its variables their values, there or not.
    pub(super) variables: Vec<TreePath>,
}

/// A file that another one includes.
pub(super) struct Include {
    pub(super) path: TreePath,
    /// `project_directory`: what its paths are relative to, if that is not its own folder.
    project: Option<TreePath>,
    /// `env_file`: what gives its variables their values in place of the project's `.env`. Those that stand last win.
    env_files: Option<Vec<TreePath>>,
}

/// A file, what its paths are relative to, and the folder of the `.env` that counts.
type Key = (TreePath, TreePath, TreePath);

/// Reads each file once for each folder that its paths are relative to, and for each project.
pub(super) struct Loader<'d, 't> {
    pub(super) door: &'d Door<'t>,
    /// Files that are compose files by their names, sorted.
    named: &'d [TreePath],
    variables: BTreeMap<TreePath, Rc<Variables>>,
    /// Of files that are included with an `env_file`, by their project.
    env_files: BTreeMap<(TreePath, TreePath), Vec<TreePath>>,
    files: BTreeMap<Key, Rc<File>>,
    /// Files read at least once.
    seen: BTreeSet<TreePath>,
    /// Files read that are not `named`.
    followed: usize,
    /// Bytes that services may still take over from others.
    copies: usize,
    /// One a file.
    notes: BTreeMap<TreePath, Diagnostic>,
}

impl<'d, 't> Loader<'d, 't> {
    pub(super) fn new(door: &'d Door<'t>, named: &'d [TreePath]) -> Self {
        Self {
            door,
            named,
            variables: BTreeMap::new(),
            env_files: BTreeMap::new(),
            files: BTreeMap::new(),
            seen: BTreeSet::new(),
            followed: 0,
            copies: limits::COMPOSE_COPIES,
            notes: BTreeMap::new(),
        }
    }

    pub(super) fn notes(self) -> Vec<Diagnostic> {
        self.notes.into_values().collect()
    }

    /// Notes why something of a file is not read, if nothing is noted of it.
    pub(super) fn note(&mut self, path: &TreePath, error: &YamlError) {
        self.notes.entry(path.clone()).or_insert_with(|| error.note(path));
    }

    /// Whether `size` bytes more may be taken over.
    pub(super) fn may_copy(&mut self, size: usize) -> bool {
        let left = self.copies.checked_sub(size);
        self.copies = left.unwrap_or(0);
        left.is_some()
    }

    /// All files, those that others include among them, and the folders that their paths are relative to. Who
    /// includes a file with a `project_directory` knows better than the place of the file.
    pub(super) fn projects(&mut self) -> BTreeMap<TreePath, TreePath> {
        let mut projects: BTreeMap<TreePath, TreePath> =
            self.named.iter().map(|path| (path.clone(), folder(path))).collect();
        let mut told = BTreeSet::new();
        let mut queue: Vec<TreePath> = self.named.iter().rev().cloned().collect();
        while let Some(path) = queue.pop() {
            let Some(root) = projects.get(&path).cloned() else { continue };
            let file = self.load(&path, &root);
            for Include { path, project, env_files } in &file.includes {
                let is_told = (project.is_some() || env_files.is_some()) && told.insert(path.clone());
                if is_told || !projects.contains_key(path) {
                    let project = project.clone().unwrap_or_else(|| folder(path));
                    if let Some(files) = env_files {
                        self.env_files.insert((path.clone(), project.clone()), files.clone());
                    }
                    projects.insert(path.clone(), project);
                    queue.push(path.clone());
                }
            }
        }
        projects
    }

    /// Reads a file whose paths are relative to the folder of its project, `root`.
    pub(super) fn load(&mut self, path: &TreePath, root: &TreePath) -> Rc<File> {
        self.load_for(path, root, root)
    }

    /// Reads a file that a service of `project` extends: its paths are its own, variables are the project's.
    pub(super) fn load_extended(&mut self, path: &TreePath, project: &TreePath) -> Rc<File> {
        self.load_for(path, &folder(path), project)
    }

    fn load_for(&mut self, path: &TreePath, root: &TreePath, project: &TreePath) -> Rc<File> {
        let key = (path.clone(), root.clone(), project.clone());
        if let Some(file) = self.files.get(&key) {
            return Rc::clone(file);
        }
        let is_named = self.named.binary_search(path).is_ok();
        let is_first = !self.seen.contains(path);
        let may = (is_first || self.copies > 0) && (is_named || self.followed < limits::COMPOSE_FOLLOWED);
        self.followed += usize::from(!is_named && is_first);
        let mut file = File { path: path.clone(), root: root.clone(), ..File::default() };
        if may {
            self.parse(&mut file, project);
        }
        let file = Rc::new(file);
        self.files.insert(key, Rc::clone(&file));
        file
    }

    fn parse(&mut self, file: &mut File, project: &TreePath) {
        let is_again = !self.seen.insert(file.path.clone());
        let text = match self.door.read(&file.path) {
            Ok(text) => text.unwrap_or_default(),
            Err(note) => {
                self.notes.entry(file.path.clone()).or_insert(*note);
                return;
            }
        };
        // Many projects may extend one long file.
        if is_again && !self.may_copy(text.len()) {
            let why = "too much of it is taken over by other files".to_owned();
            return self.note(&file.path, &YamlError { line: 1, why });
        }
        let documents = match yaml::parse(&text) {
            Ok(documents) => documents,
            Err(error) => {
                if text.contains("build") {
                    self.note(&file.path, &error);
                }
                return;
            }
        };
        let door = self.door;
        let variables = match self.env_files.get(&(file.path.clone(), project.clone())) {
            Some(files) => Rc::new(Variables::of_files(files, door)),
            None => {
                let variables = self.variables.entry(project.clone());
                variables.or_insert_with(|| Rc::new(Variables::of(project, door))).clone()
            }
        };
        file.variables.clone_from(&variables.files);
        let scope =
            Scope { path: &file.path, folder: &file.root, variables: &variables, room: Room::default() };
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
    }
}

/// A path, or a mapping with one or several, and where they are relative to.
fn includes_of(node: &Node, scope: &Scope<'_>) -> Vec<Include> {
    let resolve = |node: &Node| inside(scope.folder, &scope.known(node)?);
    let project = node.get("project_directory").and_then(resolve);
    let env_files = node.get("env_file").map(|node| one_or_more(node).iter().filter_map(resolve).collect());
    let named = node.get("path").unwrap_or(node);
    let paths = one_or_more(named).iter().filter_map(resolve);
    paths.map(|path| Include { path, project: project.clone(), env_files: env_files.clone() }).collect()
}

/// A value, or those of a list.
fn one_or_more(node: &Node) -> &[Node] {
    if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() }
}
