//! Many paths in one piece of memory, sorted, with something small about each.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use crate::git::work_tree::index::{Index, compare_below};
use crate::git::work_tree::partition::partition_point;
use crate::path::TreePath;

pub(in crate::git) struct Files<T> {
    /// Most paths are those of an index, and stay there.
    index: Arc<Index>,
    /// The others; they count from where the index's bytes end.
    paths: Vec<u8>,
    entries: Vec<Entry<T>>,
}

struct Entry<T> {
    start: usize,
    length: u32,
    data: T,
}

/// What [`Files::look_up`] finds.
pub(in crate::git) enum LookUp<'f, T> {
    At(&'f T),
    Folder,
    Nothing,
}

/// So many paths are looked at one by one before they are searched.
const FEW: usize = 8;

impl<T> Files<T> {
    pub(in crate::git) fn new() -> Self {
        Self::beside(Arc::default(), 0)
    }

    /// For the paths of `index`, and others.
    pub(in crate::git) fn beside(index: Arc<Index>, capacity: usize) -> Self {
        Self { index, paths: Vec::new(), entries: Vec::with_capacity(capacity) }
    }

    pub(in crate::git) fn push_indexed(&mut self, at: usize, data: T) {
        let range = self.index.path_range(at);
        self.add(range.start, range.len(), data);
    }

    pub(in crate::git) fn push(&mut self, parts: &[&[u8]], data: T) {
        let start = self.paths.len();
        for part in parts {
            self.paths.extend_from_slice(part);
        }
        self.add(self.index.path_bytes().len() + start, self.paths.len() - start, data);
    }

    /// No system has paths of more than 4 GB.
    fn add(&mut self, start: usize, length: usize, data: T) {
        if let Ok(length) = u32::try_from(length) {
            self.entries.push(Entry { start, length, data });
        }
    }

    /// The order of one of these paths and one of other files; at once where both stand in the same place.
    pub(in crate::git) fn compare<U>(&self, at: usize, others: &Files<U>, other: usize) -> Ordering {
        let in_index = self.entries[at].start < self.index.path_bytes().len();
        if in_index
            && Arc::ptr_eq(&self.index, &others.index)
            && self.entries[at].start == others.entries[other].start
        {
            return Ordering::Equal;
        }
        self.path(at).cmp(others.path(other))
    }

    /// Cheap where whole runs are in order already.
    pub(in crate::git) fn sort(&mut self) {
        let (index, paths) = (self.index.path_bytes(), &self.paths);
        self.entries.sort_by(|a, b| a.path(index, paths).cmp(b.path(index, paths)));
    }

    pub(in crate::git) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(in crate::git) fn path(&self, at: usize) -> &[u8] {
        self.entries[at].path(self.index.path_bytes(), &self.paths)
    }

    pub(in crate::git) fn data_mut(&mut self, at: usize) -> &mut T {
        &mut self.entries[at].data
    }

    pub(in crate::git) fn data(&self, at: usize) -> &T {
        &self.entries[at].data
    }

    pub(in crate::git) fn iter(&self) -> impl Iterator<Item = (&[u8], &T)> {
        (0..self.len()).map(|at| (self.path(at), self.data(at)))
    }

    pub(in crate::git) fn find(&self, path: &[u8]) -> Option<usize> {
        let at = self.partition_point(0..self.len(), |other| other < path);
        (at < self.len() && self.path(at) == path).then_some(at)
    }

    /// The same, for callers that ask in order: `hint` is where the last answer was.
    pub(in crate::git) fn find_near(&self, path: &[u8], hint: &mut usize) -> Option<usize> {
        let next = *hint + 1;
        if next < self.len() && self.path(next) == path {
            *hint = next;
            return Some(next);
        }
        let found = self.find(path)?;
        *hint = found;
        Some(found)
    }

    /// What lies below `folder/`.
    pub(in crate::git) fn below(&self, folder: &[u8]) -> Range<usize> {
        let start = self.start_below(folder);
        let end =
            self.partition_point(start..self.len(), |path| compare_below(path, folder) != Ordering::Greater);
        start..end
    }

    pub(in crate::git) fn has_below(&self, folder: &[u8]) -> bool {
        let start = self.start_below(folder);
        start < self.len() && compare_below(self.path(start), folder) == Ordering::Equal
    }

    /// What is at `path`, or whether anything is below it.
    pub(in crate::git) fn look_up(&self, path: &[u8]) -> LookUp<'_, T> {
        let at = self.partition_point(0..self.len(), |other| other < path);
        if at < self.len() && self.path(at) == path {
            return LookUp::At(self.data(at));
        }
        // `path-x` and `path.x` come between, and are mostly few.
        let is_before = |at: &usize| compare_below(self.path(*at), path) == Ordering::Less;
        let first = (at..self.len()).take(FEW).find(|at| !is_before(at));
        let first = first.unwrap_or_else(|| self.start_below(path));
        if first < self.len() && compare_below(self.path(first), path) == Ordering::Equal {
            LookUp::Folder
        } else {
            LookUp::Nothing
        }
    }

    fn start_below(&self, folder: &[u8]) -> usize {
        self.partition_point(0..self.len(), |path| compare_below(path, folder) == Ordering::Less)
    }

    fn partition_point(&self, range: Range<usize>, before: impl Fn(&[u8]) -> bool) -> usize {
        partition_point(range, |at| before(self.path(at)))
    }
}

impl<T> Entry<T> {
    fn path<'a>(&self, index: &'a [u8], paths: &'a [u8]) -> &'a [u8] {
        let (bytes, start) = match self.start.checked_sub(index.len()) {
            None => (index, self.start),
            Some(start) => (paths, start),
        };
        &bytes[start..start + self.length as usize]
    }
}

/// Goes through two sorted lists at once and asks about each folder below `folder` exactly once. What is in
/// a folder that `prune` wants left out is skipped.
pub(in crate::git) fn list_both<A, B>(
    folder: &[u8],
    (first, second): (&Files<A>, &Files<B>),
    prune: &mut dyn FnMut(&TreePath) -> bool,
    mut found: impl FnMut(Found<'_, A, B>, &mut dyn FnMut(&TreePath) -> bool) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let base = if folder.is_empty() { 0 } else { folder.len() + 1 };
    let (mut left, mut right) = (first.below(folder), second.below(folder));
    // The folder that was let through last, with its `/`.
    let mut inside: Vec<u8> = Vec::new();
    loop {
        let a = (!left.is_empty()).then(|| first.path(left.start));
        let b = (!right.is_empty()).then(|| second.path(right.start));
        let is_first = match (a, b) {
            (None, None) => return Ok(()),
            (Some(a), Some(b)) => a <= b,
            (a, _) => a.is_some(),
        };
        let Some(path) = (if is_first { a } else { b }) else { return Ok(()) };
        let mut pruned = None;
        let known = if inside.len() > base && path.starts_with(&inside) { inside.len() } else { base };
        for slash in (known..path.len()).filter(|at| path[*at] == b'/') {
            if path[..=slash] == inside[..inside.len().min(slash + 1)] {
                continue;
            }
            if prune(&TreePath::new(&path[..slash])) {
                pruned = Some(&path[..slash]);
                break;
            }
            inside.clear();
            inside.extend_from_slice(&path[..=slash]);
        }
        if let Some(pruned) = pruned {
            left.start = first.below(pruned).end.max(left.start);
            right.start = second.below(pruned).end.max(right.start);
            continue;
        }
        if is_first {
            found(Found::First(path, first.data(left.start)), prune)?;
            left.start += 1;
        } else {
            found(Found::Second(path, second.data(right.start)), prune)?;
            right.start += 1;
        }
    }
}

pub(in crate::git) enum Found<'a, A, B> {
    First(&'a [u8], &'a A),
    Second(&'a [u8], &'a B),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Files<()> {
        let mut files = Files::new();
        for path in paths {
            files.push(&[path.as_bytes()], ());
        }
        files.sort();
        files
    }

    #[test]
    fn below_stops_at_component_borders() {
        let files = files(&["a", "a-b", "a.c", "a/1", "a/b/2", "a0", "b/a"]);
        assert_eq!(
            files.below(b"a").map(|at| files.path(at)).collect::<Vec<_>>(),
            [b"a/1".as_slice(), b"a/b/2"]
        );
        assert_eq!(files.below(b"").len(), 7);
        assert!(files.has_below(b"b"));
        assert!(!files.has_below(b"a0"));
        assert!(!files.has_below(b"c"));
        assert_eq!(files.find(b"a.c"), Some(2));
    }

    #[test]
    fn what_a_path_is_is_found_past_paths_that_begin_alike() {
        let many: Vec<String> = (0..3 * FEW).map(|number| format!("b-{number:02}")).collect();
        let more: Vec<&str> = many.iter().map(String::as_str).collect();
        let files = files(&[&["a", "a-b", "a.c", "b.d/x", "b/1", "c-", "d"], &more[..]].concat());
        for path in ["", "a", "b", "b-00", "b.d", "b/", "b/1", "c", "c-", "cc", "d", "d/1", "e"] {
            let found = match files.look_up(path.as_bytes()) {
                LookUp::At(()) => (true, false),
                LookUp::Folder => (false, true),
                LookUp::Nothing => (false, false),
            };
            let is_there = files.find(path.as_bytes()).is_some();
            assert_eq!(found, (is_there, !is_there && files.has_below(path.as_bytes())), "{path}");
        }
    }

    #[test]
    fn every_folder_is_asked_about_once() {
        let first = files(&["a/1", "a/b/2", "a/b/c/3", "x/b/9", "z"]);
        let second = files(&["a/b/0", "a/d/4", "x/y"]);
        let mut asked = Vec::new();
        let mut found = Vec::new();
        let mut prune = |folder: &TreePath| {
            asked.push(folder.to_text());
            folder == &TreePath::from("a/b/c") || folder == &TreePath::from("x")
        };
        list_both(b"", (&first, &second), &mut prune, |entry, _| {
            let (Found::First(path, ()) | Found::Second(path, ())) = entry;
            found.push(TreePath::new(path).to_text());
            Ok(())
        })
        .expect("no error");
        assert_eq!(asked, ["a", "a/b", "a/b/c", "a/d", "x"]);
        assert_eq!(found, ["a/1", "a/b/0", "a/b/2", "a/d/4", "z"]);
    }

    #[test]
    fn the_folder_itself_is_not_asked_about() {
        let first = files(&["s/t/1", "s/t/u/2", "s/t2/3"]);
        let mut asked = Vec::new();
        let mut count = 0;
        let mut prune = |folder: &TreePath| {
            asked.push(folder.to_text());
            false
        };
        list_both(b"s/t", (&first, &files(&[])), &mut prune, |_, _| {
            count += 1;
            Ok(())
        })
        .expect("no error");
        assert_eq!((asked, count), (vec!["s/t/u".to_owned()], 2));
    }
}
