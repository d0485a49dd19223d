//! Tree objects as bytes: `MODE NAME\0` and twenty bytes of object id, again and again.

use std::cmp::Ordering;

use bstr::ByteSlice;

use crate::git::work_tree::index;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) struct TreeEntry<'a> {
    pub(in crate::git) mode: u32,
    pub(in crate::git) name: &'a [u8],
    pub(in crate::git) id: [u8; 20],
}

impl TreeEntry<'_> {
    pub(in crate::git) fn oid(&self) -> git2::Oid {
        git2::Oid::from_bytes(&self.id).unwrap_or_else(|_| unreachable!("20 bytes are an object id"))
    }

    pub(in crate::git) fn is_folder(&self) -> bool {
        index::is_folder(self.mode)
    }

    /// Git's order: folders as if a `/` followed their names.
    pub(in crate::git) fn order(&self, other: &Self) -> Ordering {
        let shared = self.name.len().min(other.name.len());
        self.name[..shared].cmp(&other.name[..shared]).then_with(|| {
            let next = |entry: &Self| {
                entry.name.get(shared).copied().unwrap_or(if entry.is_folder() { b'/' } else { 0 })
            };
            next(self).cmp(&next(other))
        })
    }
}

/// Whether all of a tree object is entries, in git's order, with names and modes that git would write to disk.
pub(in crate::git) fn is_sound(object: &[u8]) -> bool {
    let mut entries = TreeEntries::new(object);
    let mut last: Option<TreeEntry<'_>> = None;
    for entry in entries.by_ref() {
        if !is_mode(entry.mode) || !is_name(entry.name) {
            return false;
        }
        if last.is_some_and(|last| last.order(&entry) != Ordering::Less) {
            return false;
        }
        last = Some(entry);
    }
    entries.rest.is_empty()
}

/// Old versions of git have written other permissions than 644 and 755.
fn is_mode(mode: u32) -> bool {
    index::is_folder(mode) || index::is_link(mode) || index::is_submodule(mode) || mode & !0o7777 == 0o100_000
}

fn is_name(name: &[u8]) -> bool {
    let special = matches!(name, b"" | b"." | b"..") || name.eq_ignore_ascii_case(b".git");
    !special && !name.contains(&b'/')
}

pub(in crate::git) struct TreeEntries<'a> {
    rest: &'a [u8],
}

impl<'a> TreeEntries<'a> {
    pub(in crate::git) fn new(object: &'a [u8]) -> Self {
        Self { rest: object }
    }

    /// How many bytes are left behind the entries that were given.
    pub(in crate::git) fn left(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for TreeEntries<'a> {
    type Item = TreeEntry<'a>;

    fn next(&mut self) -> Option<TreeEntry<'a>> {
        let space = self.rest.iter().take(8).position(|byte| *byte == b' ')?;
        let digits = &self.rest[..space];
        if !digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
            return None;
        }
        let mode = digits.iter().fold(0, |mode, digit| mode * 8 + u32::from(digit - b'0'));
        let after = &self.rest[space + 1..];
        let end = after.find_byte(0)?;
        let id = after.get(end + 1..end + 21)?.first_chunk().copied()?;
        self.rest = &after[end + 21..];
        Some(TreeEntry { mode, name: &after[..end], id })
    }
}
