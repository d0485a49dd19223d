use std::cmp::Ordering;
use std::sync::Arc;

use super::{ContextEntry, ContextKind, ContextSource};

/// The time of every folder in seconds: 2000-01-01. Git has no folders, so a time of their own would differ
/// from machine to machine; and 1970 is before what zip files can hold, which breaks Python's wheels.
pub(super) const FOLDER_TIME: i64 = 946_684_800;

/// A context in the order that `BuildKit`'s fsutil walks a folder in: component by component, each folder in
/// front of what is in it.
#[derive(Clone)]
pub(super) struct Listing {
    source: Arc<dyn ContextSource>,
    items: Arc<[Item]>,
}

#[derive(Clone, Copy)]
enum Item {
    /// The first bytes of an entry's path.
    Folder {
        entry: u32,
        length: u32,
    },
    Entry(u32),
}

impl Listing {
    pub(super) fn new(source: Arc<dyn ContextSource>) -> Self {
        let items = {
            let entries = source.entries();
            let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
            let mut order: Vec<u32> = (0..count).collect();
            let path = |index: u32| entries[index as usize].path.as_slice();
            order.sort_unstable_by(|a, b| compare(path(*a), path(*b)));
            items(&order, path, |index| entries[index as usize].kind == ContextKind::Folder)
        };
        Self { source, items: items.into() }
    }

    /// Nothing at all.
    pub(super) fn empty(source: Arc<dyn ContextSource>) -> Self {
        Self { source, items: Arc::from([]) }
    }

    /// The file at one path in the root, if it is there.
    pub(super) fn only(&self, path: &[u8]) -> Self {
        let entries = self.source.entries();
        let is_it =
            |item: &&Item| matches!(item, Item::Entry(index) if entries[*index as usize].path == path);
        Self { source: Arc::clone(&self.source), items: self.items.iter().filter(is_it).copied().collect() }
    }

    pub(super) fn source(&self) -> &Arc<dyn ContextSource> {
        &self.source
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The file that the engine means by the number `id`: its index in the source, and its length.
    pub(super) fn file(&self, id: u32) -> Option<(usize, u64)> {
        let Item::Entry(index) = self.items.get(id as usize)? else { return None };
        let index = *index as usize;
        match self.source.entries()[index].kind {
            ContextKind::File { size, .. } => Some((index, size)),
            ContextKind::Link { .. } | ContextKind::Folder => None,
        }
    }

    /// What stands at `position`.
    pub(super) fn at(&self, position: usize) -> Listed<'_> {
        let entries = self.source.entries();
        match self.items[position] {
            Item::Folder { entry, length } => {
                Listed::Folder(&entries[entry as usize].path[..length as usize])
            }
            Item::Entry(index) => Listed::Entry(index as usize, &entries[index as usize]),
        }
    }
}

/// One line of a [`Listing`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Listed<'a> {
    /// A folder, by its path: mode 755, owner 0:0, [`FOLDER_TIME`].
    Folder(&'a [u8]),
    /// A file or link and its index in the source.
    Entry(usize, &'a ContextEntry),
}

/// As if paths were lists of components: `/` comes before everything.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    match a.iter().zip(b).position(|(a, b)| a != b) {
        Some(at) => rank(&a[at]).cmp(&rank(&b[at])),
        None => a.len().cmp(&b.len()),
    }
}

/// Puts each folder in front of the first entry in it. `order` is sorted.
fn items<'a>(order: &[u32], path: impl Fn(u32) -> &'a [u8], is_folder: impl Fn(u32) -> bool) -> Vec<Item> {
    let folder = |entry, length| Item::Folder { entry, length: u32::try_from(length).unwrap_or(u32::MAX) };
    let mut items = Vec::with_capacity(order.len() + order.len() / 4);
    let mut previous: &[u8] = &[];
    for &entry in order {
        let current = path(entry);
        let same = previous.iter().zip(current).take_while(|(a, b)| a == b).count();
        for (slash, _) in current.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            // Already listed if the previous entry is in it too.
            let listed = same > slash;
            if !listed {
                items.push(folder(entry, slash));
            }
        }
        items.push(if is_folder(entry) { folder(entry, current.len()) } else { Item::Entry(entry) });
        previous = current;
    }
    items
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use proptest::prelude::*;

    use super::*;

    struct Paths(Vec<ContextEntry>);

    impl ContextSource for Paths {
        fn entries(&self) -> &[ContextEntry] {
            &self.0
        }

        fn open(&self, _: usize) -> io::Result<Box<dyn Read + Send>> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn admits(&self, _: &[String]) -> Result<(), String> {
            Ok(())
        }
    }

    /// Those that end in `/` are folders.
    fn listing<T: AsRef<[u8]>>(paths: &[T]) -> Listing {
        let entry = |path: &T| match path.as_ref().strip_suffix(b"/") {
            Some(folder) => ContextEntry { path: folder.to_vec(), kind: ContextKind::Folder, modified_ns: 5 },
            None => ContextEntry {
                path: path.as_ref().to_vec(),
                kind: ContextKind::File { executable: false, size: 3 },
                modified_ns: 5,
            },
        };
        Listing::new(Arc::new(Paths(paths.iter().map(entry).collect())))
    }

    fn walked(listing: &Listing) -> Vec<String> {
        let shown = |listed: Listed<'_>| match listed {
            Listed::Folder(path) => String::from_utf8_lossy(path).into_owned() + "/",
            Listed::Entry(_, entry) => String::from_utf8_lossy(&entry.path).into_owned(),
        };
        (0..listing.len()).map(|position| shown(listing.at(position))).collect()
    }

    #[test]
    fn folders_come_in_front_and_sort_by_component() {
        let listing = listing(&["b/c/d", "a-b", "a/z", "a", "ab/x", "b/c.d", "b/c/e/f"][..3]);
        assert_eq!(walked(&listing), ["a/", "a/z", "a-b", "b/", "b/c/", "b/c/d"]);
        assert_eq!(listing.file(1), Some((2, 3)));
        assert_eq!(listing.file(0), None);
        assert_eq!(listing.file(6), None);
    }

    #[test]
    fn empty_folders_stand_where_full_ones_would() {
        let listing = listing(&["b/", "a/x/y/", "a/x.y", "a/z/"]);
        assert_eq!(walked(&listing), ["a/", "a/x/", "a/x/y/", "a/x.y", "a/z/", "b/"]);
        assert_eq!(listing.file(2), None);
    }

    proptest! {
        /// What fsutil's receiver checks: strictly ascending by component, every folder known before its
        /// content.
        #[test]
        fn fsutil_accepts_any_set(paths in proptest::collection::btree_set("[a-c.-]{1,2}(/[a-c.-]{1,2}){0,3}", 0..30)) {
            let is_folder = |path: &String| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
            let files: Vec<&String> = paths.iter().rev().filter(|path| !is_folder(path)).collect();
            // Every fourth is an empty folder instead.
            let entries: Vec<String> =
                files.iter().enumerate().map(|(at, path)| format!("{path}{}", if at % 4 == 3 { "/" } else { "" })).collect();
            let walked = walked(&listing(&entries));
            let components = |path: &String| -> Vec<String> {
                path.trim_end_matches('/').split('/').map(str::to_owned).collect()
            };
            prop_assert!(walked.is_sorted_by(|a, b| components(a) < components(b)), "{walked:?}");
            for path in &walked {
                if let Some((folder, _)) = path.trim_end_matches('/').rsplit_once('/') {
                    prop_assert!(walked.contains(&format!("{folder}/")), "{folder} of {walked:?}");
                }
            }
            prop_assert!(entries.iter().all(|entry| walked.contains(entry)), "{walked:?}");
            prop_assert_eq!(walked.iter().filter(|path| !path.ends_with('/')).count(), files.len() - files.len() / 4);
        }
    }
}
