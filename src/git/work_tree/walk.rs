//! One pass over the folders of a work tree, on several threads. Tracked files are recognised by the index,
//! so the ignore rules are consulted (and `.gitignore` files read) only for what is not tracked.

use std::cmp::Ordering;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::{mem, thread};

use crate::git::work_tree::disk::{Disk, Listing};
use crate::git::work_tree::folder_cache::{FolderCache, FreshFolder};
use crate::git::work_tree::ignores::FolderIgnores;
use crate::git::work_tree::index::{self, Index};
use crate::git::work_tree::part::Part;
use crate::git::{NodeKind, Tracking};

#[derive(Default)]
pub(in crate::git) struct Walked {
    /// For each part and each entry of its index: what stands there.
    pub(in crate::git) tracked: Vec<Vec<AtomicU8>>,
    pub(in crate::git) untracked: Vec<(Vec<u8>, NodeKind)>,
    /// What is not part of the checkout's files, but could be named by a build context: ignored files and folders, other
    /// repositories, empty folders.
    pub(in crate::git) unlisted: Vec<(Vec<u8>, NodeKind, Tracking)>,
    pub(in crate::git) attribute_files: Vec<(usize, Vec<u8>)>,
    /// Folders that could not be listed, and why.
    pub(in crate::git) unreadable: Vec<(Vec<u8>, io::Error)>,
    fresh: Vec<FreshFolder>,
}

/// Nothing stands where the index has a file.
pub(in crate::git) const ABSENT: u8 = 0;

pub(in crate::git) fn code(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::File => 1,
        NodeKind::Link => 2,
        NodeKind::Other => 3,
        NodeKind::Folder => ABSENT,
    }
}

pub(in crate::git) fn kind_of_code(code: u8) -> Option<NodeKind> {
    match code {
        1 => Some(NodeKind::File),
        2 => Some(NodeKind::Link),
        3 => Some(NodeKind::Other),
        _ => None,
    }
}

struct Task {
    path: Vec<u8>,
    part: usize,
    /// What the part's index has below it.
    tracked: Range<usize>,
    ignores: Option<Arc<FolderIgnores>>,
    /// Whether git ignores the folder; found out when it matters.
    ignored: Option<bool>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Task>,
    busy: usize,
}

struct Walk<'a> {
    disk: &'a Disk,
    folders: &'a FolderCache,
    parts: &'a [Part],
    tracked: Vec<Vec<AtomicU8>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Memory that a thread uses again for every folder.
#[derive(Default)]
struct Scratch {
    listing: Listing,
    children: Children,
    path: Vec<u8>,
}

/// The folder whose names are looked at.
struct Here<'a> {
    task: &'a mut Task,
    children: &'a Children,
    /// Length of the folder, with its `/`, in the paths of its part's index.
    prefix: usize,
}

/// What the index has directly in one folder.
#[derive(Default)]
struct Children {
    files: Vec<usize>,
    folders: Vec<Range<usize>>,
}

/// Walks the work tree. `parts[0]` is the checkout's own repository.
pub(in crate::git) fn walk(disk: &Disk, folders: &FolderCache, parts: &[Part]) -> Walked {
    let tracked =
        parts.iter().map(|part| (0..part.index.len()).map(|_| AtomicU8::new(ABSENT)).collect()).collect();
    let whole = Task {
        path: Vec::new(),
        part: 0,
        tracked: 0..parts.first().map_or(0, |part| part.index.len()),
        ignores: None,
        ignored: Some(false),
    };
    let queue = Mutex::new(Queue { waiting: vec![whole], busy: 0 });
    let walk = Walk { disk, folders, parts, tracked, queue, changed: Condvar::new() };
    let found: Vec<Walked> = thread::scope(|scope| {
        // As many as can be had.
        let others = (1..threads()).map(|_| thread::Builder::new().spawn_scoped(scope, || walk.work()));
        let others: Vec<_> = others.map_while(Result::ok).collect();
        let own = walk.work();
        // A thread that panicked takes the walk with it.
        others.into_iter().map(|other| other.join().expect("a walking thread")).chain([own]).collect()
    });
    let mut walked = Walked { tracked: walk.tracked, ..Walked::default() };
    for found in found {
        walked.untracked.extend(found.untracked);
        walked.unlisted.extend(found.unlisted);
        walked.attribute_files.extend(found.attribute_files);
        walked.unreadable.extend(found.unreadable);
        walked.fresh.extend(found.fresh);
    }
    folders.save(&walked.fresh);
    walked
}

/// The file system gains little from more.
pub(in crate::git) fn threads() -> usize {
    thread::available_parallelism().map_or(2, |count| count.get().min(8))
}

impl Walk<'_> {
    fn work(&self) -> Walked {
        let mut found = Walked::default();
        let mut scratch = Scratch::default();
        let mut next = Vec::new();
        let mut idle = true;
        loop {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if !idle {
                queue.busy -= 1;
            }
            let several = next.len() > 1;
            queue.waiting.append(&mut next);
            if several || (queue.busy == 0 && queue.waiting.is_empty()) {
                self.changed.notify_all();
            }
            let task = loop {
                if let Some(task) = queue.waiting.pop() {
                    break task;
                }
                if queue.busy == 0 {
                    return found;
                }
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            };
            queue.busy += 1;
            drop(queue);
            idle = false;
            self.folder(task, &mut scratch, &mut found, &mut next);
        }
    }

    fn folder(&self, mut task: Task, scratch: &mut Scratch, found: &mut Walked, next: &mut Vec<Task>) {
        let part = &self.parts[task.part];
        let mut listing = mem::take(&mut scratch.listing);
        if let Err(error) = self.folders.list(self.disk, &task.path, &mut listing, &mut found.fresh) {
            self.unreadable(task, error, found);
        } else if let Some(tracking) = self.stays_unlisted(&task, &listing) {
            found.unlisted.push((task.path, NodeKind::Folder, tracking));
        } else {
            if listing.kind_of(b".gitignore") == Some(NodeKind::File) {
                task.ignores = Some(FolderIgnores::new(&task.path, task.ignores.take()));
            }
            let relative = task.path.get(part.prefix_length()..).unwrap_or_default();
            let prefix = if relative.is_empty() { 0 } else { relative.len() + 1 };
            scratch.children.fill(&part.index, task.tracked.clone(), prefix);
            let path = &mut scratch.path;
            path.clear();
            path.extend_from_slice(&task.path);
            if !path.is_empty() {
                path.push(b'/');
            }
            let base = path.len();
            let mut here = Here { task: &mut task, children: &scratch.children, prefix };
            for (name, kind) in listing.iter().filter(|(name, _)| *name != b".git") {
                path.truncate(base);
                path.extend_from_slice(name);
                self.entry(&mut here, path, name, kind, found, next);
            }
        }
        scratch.listing = listing;
    }

    /// Empty folders, and other repositories, are known by themselves; nothing in them is.
    fn stays_unlisted(&self, task: &Task, listing: &Listing) -> Option<Tracking> {
        if task.path.len() == self.parts[task.part].folder.len() {
            return None;
        }
        if listing.is_empty() {
            let ignored = task.ignored == Some(true);
            return Some(if ignored { Tracking::Ignored } else { Tracking::Untracked });
        }
        let git = listing.kind_of(b".git").filter(|_| task.tracked.is_empty())?;
        self.is_repository(&task.path, git).then_some(Tracking::Untracked)
    }

    /// What stands at `path`, whose last component is `name`.
    fn entry(
        &self,
        here: &mut Here<'_>,
        path: &[u8],
        name: &[u8],
        kind: NodeKind,
        found: &mut Walked,
        next: &mut Vec<Task>,
    ) {
        let part = &self.parts[here.task.part];
        if kind != NodeKind::Folder {
            if kind == NodeKind::File && name == b".gitattributes" {
                found.attribute_files.push((here.task.part, path.to_owned()));
            }
            let at = here.children.file(&part.index, here.prefix, name);
            // A submodule's place that a file has taken is not the submodule.
            if let Some(at) = at.filter(|at| !part.index.is_submodule(*at)) {
                self.tracked[here.task.part][at].store(code(kind), Relaxed);
            } else if self.is_ignored(here, path, false) {
                found.unlisted.push((path.to_owned(), kind, Tracking::Ignored));
            } else {
                found.untracked.push((path.to_owned(), kind));
            }
            return;
        }
        let folder = |tracked, ignored| Task {
            path: path.to_owned(),
            part: here.task.part,
            tracked,
            ignores: here.task.ignores.clone(),
            ignored,
        };
        if let Some(tracked) = here.children.folder(&part.index, here.prefix, name) {
            // In an ignored folder everything is; otherwise it is found out when it matters.
            next.push(folder(tracked, here.task.ignored.filter(|ignored| *ignored)));
            return;
        }
        let at = here.children.file(&part.index, here.prefix, name);
        if at.is_some_and(|at| part.index.is_submodule(at)) {
            match self.parts.iter().position(|part| part.folder == path) {
                Some(part) => next.push(Task {
                    path: path.to_owned(),
                    part,
                    tracked: 0..self.parts[part].index.len(),
                    ignores: None,
                    ignored: Some(false),
                }),
                None => found.unlisted.push((path.to_owned(), kind, Tracking::Untracked)),
            }
            return;
        }
        let untracked = folder(0..0, Some(false));
        if self.is_ignored(here, path, true) {
            found.unlisted.push((path.to_owned(), kind, Tracking::Ignored));
        } else {
            next.push(untracked);
        }
    }

    fn is_ignored(&self, here: &mut Here<'_>, path: &[u8], is_folder: bool) -> bool {
        let task = &mut *here.task;
        let part = &self.parts[task.part];
        let ignores = task.ignores.as_ref();
        *task.ignored.get_or_insert_with(|| self.is_folder_ignored(&task.path, part, ignores))
            || part.ignores.is_ignored(self.disk, ignores, part.prefix_length(), path, is_folder)
    }

    /// A folder that cannot be read is an error only for the image that may need what is in it: tracked files
    /// count as they are in the index (reading them will say why it fails), the rest is not known.
    fn unreadable(&self, task: Task, error: io::Error, found: &mut Walked) {
        if error.kind() == io::ErrorKind::NotFound && !task.path.is_empty() {
            // It has gone since its name was read, with all that was in it.
            return;
        }
        let part = &self.parts[task.part];
        for at in task.tracked.clone() {
            let kind = if index::is_link(part.index.mode(at)) { NodeKind::Link } else { NodeKind::File };
            if !part.index.is_submodule(at) {
                self.tracked[task.part][at].store(code(kind), Relaxed);
            }
        }
        if !task.path.is_empty() {
            found.unlisted.push((task.path.clone(), NodeKind::Folder, Tracking::Untracked));
        }
        found.unreadable.push((task.path, error));
    }

    /// Whether a `.git` makes its folder a repository of its own, which git then leaves alone.
    fn is_repository(&self, folder: &[u8], git: NodeKind) -> bool {
        match git {
            NodeKind::Folder => self.disk.state(&[folder, b"/.git/HEAD"].concat()).is_ok(),
            NodeKind::File | NodeKind::Link => true,
            NodeKind::Other => false,
        }
    }

    /// Tracked files are found in ignored folders too; what else is in those is ignored.
    fn is_folder_ignored(&self, folder: &[u8], part: &Part, ignores: Option<&Arc<FolderIgnores>>) -> bool {
        let root = part.prefix_length();
        let ends = (root..folder.len()).filter(|at| folder[*at] == b'/').chain([folder.len()]);
        ends.filter(|end| *end > root)
            .any(|end| part.ignores.is_ignored(self.disk, ignores, root, &folder[..end], true))
    }
}

impl Children {
    fn fill(&mut self, index: &Index, range: Range<usize>, prefix: usize) {
        self.files.clear();
        self.folders.clear();
        let mut at = range.start;
        while at < range.end {
            let path = index.path(at);
            match path[prefix..].iter().position(|byte| *byte == b'/') {
                None => {
                    self.files.push(at);
                    at += 1;
                }
                Some(slash) => {
                    let end = end_of_folder(index, at..range.end, &path[..=prefix + slash]);
                    self.folders.push(at..end);
                    at = end;
                }
            }
        }
    }

    fn file(&self, index: &Index, prefix: usize, name: &[u8]) -> Option<usize> {
        let found = self.files.binary_search_by(|at| index.path(*at)[prefix..].cmp(name)).ok()?;
        Some(self.files[found])
    }

    fn folder(&self, index: &Index, prefix: usize, name: &[u8]) -> Option<Range<usize>> {
        let found = self.folders.binary_search_by(|range| {
            let path = &index.path(range.start)[prefix..];
            // Folders are sorted as if a slash followed their names, as it does here.
            let head = &path[..path.len().min(name.len())];
            head.cmp(name).then_with(|| match path.get(name.len()) {
                None => Ordering::Less,
                Some(byte) => byte.cmp(&b'/'),
            })
        });
        Some(self.folders[found.ok()?].clone())
    }
}

/// Where the entries that begin with `folder/` end: by steps that double, since most folders are small.
fn end_of_folder(index: &Index, range: Range<usize>, folder: &[u8]) -> usize {
    let mut step = 1;
    let mut low = range.start;
    while low + step < range.end && index.path(low + step).starts_with(folder) {
        low += step;
        step *= 2;
    }
    let high = (low + step).min(range.end);
    index.partition_point(low..high, |path| path.starts_with(folder))
}
