//! The trees that git has noted in an index: which of its folders equal which tree objects (the extension `TREE` in
//! `Documentation/gitformat-index.txt`). Kept as a flat list, since the file could be anything, as deep as it likes.

use std::ops::Range;

use git2::Oid;
use sha1::{Digest, Sha1};

use crate::git::work_tree::index::{self, Index};

/// All of them; a folder is meant by its position, and the root is the first.
pub(in crate::git) struct CachedTrees {
    folders: Vec<Folder>,
}

struct Folder {
    name: Vec<u8>,
    /// Number of entries and the tree; nothing once an entry below has changed.
    valid: Option<(usize, Oid)>,
    /// Behind the last folder below this one.
    end: usize,
}

impl CachedTrees {
    /// Those that an index has noted, if it has.
    pub(in crate::git) fn of(index: &Index) -> Option<Self> {
        Self::parse(index.trees()?)
    }

    /// Reads the extension's bytes.
    fn parse(mut rest: &[u8]) -> Option<Self> {
        let mut folders: Vec<Folder> = Vec::new();
        // Folders whose children are still to come, with how many.
        let mut open: Vec<(usize, u32)> = Vec::new();
        loop {
            let (folder, children) = folder(&mut rest)?;
            open.push((folders.len(), children));
            folders.push(folder);
            while let Some((at, left)) = open.last_mut() {
                if *left > 0 {
                    *left -= 1;
                    break;
                }
                folders[*at].end = folders.len();
                open.pop();
            }
            if open.is_empty() {
                return Some(Self { folders });
            }
        }
    }

    /// Number of entries and the tree, where the folder equals one.
    pub(in crate::git) fn valid(&self, at: usize) -> Option<(usize, Oid)> {
        self.folders[at].valid
    }

    pub(in crate::git) fn child(&self, at: usize, name: &[u8]) -> Option<usize> {
        self.children(at).find(|child| self.folders[*child].name == name)
    }

    fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        let end = self.folders[at].end;
        let first = Some(at + 1).filter(|child| *child < end);
        std::iter::successors(first, move |child| Some(self.folders[*child].end).filter(|next| *next < end))
    }

    /// Whether each tree is the one that the entries of the index make.
    pub(in crate::git) fn are_of(&self, index: &Index) -> bool {
        let mut waiting = vec![(0, 0..index.len(), 0)];
        let mut tree = Vec::new();
        while let Some((at, range, prefix)) = waiting.pop() {
            match self.valid(at) {
                Some((count, id)) => {
                    let made = count == range.len() && self.make(index, at, range.clone(), prefix, &mut tree);
                    let mut hash = Sha1::new();
                    hash.update(format!("tree {}\0", tree.len()));
                    hash.update(&tree);
                    if !made || hash.finalize()[..] != *id.as_bytes() {
                        return false;
                    }
                }
                // An empty one has no path to look for its folders below.
                None if range.is_empty() => continue,
                None => {}
            }
            for child in self.children(at) {
                let name = &self.folders[child].name;
                let base = if range.is_empty() { &[][..] } else { &index.path(range.start)[..prefix] };
                let path = [base, name].concat();
                waiting.push((child, index.below(&path, range.clone()), prefix + name.len() + 1));
            }
        }
        true
    }

    /// The tree object that the entries in `range` make, of which `prefix` bytes are the folder's path.
    fn make(&self, index: &Index, at: usize, range: Range<usize>, prefix: usize, tree: &mut Vec<u8>) -> bool {
        tree.clear();
        let mut entry = range.start;
        while entry < range.end {
            let name = &index.path(entry)[prefix..];
            if let Some(slash) = name.iter().position(|byte| *byte == b'/') {
                let name = &name[..slash];
                let Some((count, id)) = self.child(at, name).and_then(|child| self.valid(child)) else {
                    return false;
                };
                tree.extend_from_slice(b"40000 ");
                tree.extend_from_slice(name);
                tree.push(0);
                tree.extend_from_slice(id.as_bytes());
                if count == 0 || count > range.end - entry {
                    return false;
                }
                entry += count;
            } else {
                tree.extend_from_slice(format!("{:o} ", index.mode(entry)).as_bytes());
                tree.extend_from_slice(name);
                tree.push(0);
                tree.extend_from_slice(index.blob(entry).as_bytes());
                entry += 1;
            }
        }
        true
    }
}

/// `NAME\0COUNT CHILDREN\n` and, unless COUNT is negative, the tree.
fn folder(rest: &mut &[u8]) -> Option<(Folder, u32)> {
    let name = index::until_nul(rest)?;
    *rest = &rest[name.len() + 1..];
    let line_end = rest.iter().position(|byte| *byte == b'\n')?;
    let (count, children) = std::str::from_utf8(&rest[..line_end]).ok()?.split_once(' ')?;
    *rest = &rest[line_end + 1..];
    let valid = match count.parse::<i64>().ok()? {
        count if count >= 0 => {
            let id = Oid::from_bytes(rest.get(..20)?).ok()?;
            *rest = &rest[20..];
            Some((usize::try_from(count).ok()?, id))
        }
        _ => None,
    };
    Some((Folder { name: name.to_owned(), valid, end: 0 }, children.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_list_is_read_and_dropped_without_recursion() {
        let mut bytes = b"\0-1 1\n".to_vec();
        for _ in 0..1_000_000 {
            bytes.extend_from_slice(b"a\0-1 1\n");
        }
        assert!(CachedTrees::parse(&bytes).is_none(), "the last has a child that is not there");
        bytes.extend_from_slice(b"b\0-1 0\n");
        let trees = CachedTrees::parse(&bytes).expect("whole");
        let child = trees.child(0, b"a").expect("there");
        assert_eq!((trees.child(0, b"b"), trees.child(child, b"a")), (None, Some(2)));
    }

    #[test]
    fn siblings_are_told_from_children() {
        let text = b"\0-1 2\na\0-1 1\nb\0-1 0\nc\0-1 0\n";
        let trees = CachedTrees::parse(text).expect("whole");
        let a = trees.child(0, b"a").expect("there");
        assert!(trees.child(0, b"b").is_none() && trees.child(a, b"b").is_some());
        assert_eq!(trees.child(0, b"c"), Some(3));
    }
}
