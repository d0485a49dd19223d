//! Git's index (`Documentation/gitformat-index.txt`), versions 2 to 4, as one read of one file.
//!
//! libgit2 has a reader of its own. This one exists for speed, and it is much of why planning costs less
//! than `git status`: it neither allocates an entry a file nor hashes the whole file, and it gives
//! the stat data and the cached trees, of which libgit2 gives only a part.

use std::cmp::Ordering;
use std::ops::Range;

use crate::git::BlobId;
use crate::git::work_tree::disk::Stamp;
use crate::git::work_tree::partition::partition_point;

pub(in crate::git) const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;
const FOLDER: u32 = 0o040_000;
const KIND: u32 = 0o170_000;
const WRITTEN_LINK: u32 = 1 << 31;

/// An entry's fixed part: ten numbers, the object id, the flags.
const FIXED: usize = 62;

/// The index of a repository or submodule, sorted by path.
#[derive(Default)]
pub(in crate::git) struct Index {
    raw: Vec<u8>,
    /// Paths that do not stand in `raw` in one piece (version 4 leaves out what they share).
    paths: Option<Vec<u8>>,
    entries: Vec<Position>,
    trees: Option<Range<usize>>,
    /// When the file was written: what is not older than this may have changed behind its back.
    written: i64,
}

/// Where an entry and its path are. There may be very many, so they are small.
struct Position {
    path: u32,
    length: u32,
    at: u32,
}

/// One file as it was added, with what `stat` said then.
#[derive(Clone, Copy, Debug)]
pub(in crate::git) struct IndexEntry {
    pub(in crate::git) blob: BlobId,
    mode: u32,
    modified: (u32, u32),
    changed: (u32, u32),
    inode: u32,
    size: u32,
    /// Added with `git add -N`, in conflict, or known without stat data: says nothing about the bytes.
    unsettled: bool,
    pub(in crate::git) skip_worktree: bool,
}

impl Index {
    pub(in crate::git) fn parse(raw: Vec<u8>, written: i64) -> Result<Self, ParseFailure> {
        const SHORT: ParseFailure = ParseFailure::Damaged("it ends too early");
        if raw.get(..4) != Some(b"DIRC") {
            return Err(ParseFailure::Damaged("it is not an index"));
        }
        let version = number(&raw, 4).ok_or(SHORT)?;
        if !(2..=4).contains(&version) {
            return Err(ParseFailure::AskGit("an index of an unknown version"));
        }
        let count = number(&raw, 8).ok_or(SHORT)? as usize;
        let end = raw.len().checked_sub(20).ok_or(SHORT)?;
        let mut entries: Vec<Position> = Vec::with_capacity(count.min(raw.len() / FIXED));
        let mut paths = Vec::new();
        let mut at = 12;
        // Where the path of the entry before is.
        let mut last = 0..0;
        let mut unsorted = false;
        for _ in 0..count {
            let flags = raw.get(at + 60..at + 62).ok_or(SHORT)?;
            let extended = flags[0] & 0x40 != 0;
            let name_at = at + FIXED + if extended { 2 } else { 0 };
            let (path, next) = if version == 4 {
                let (strip, length) = variable_number(raw.get(name_at..end).ok_or(SHORT)?).ok_or(SHORT)?;
                let kept = last.len().checked_sub(strip).ok_or(ParseFailure::Damaged("a path is wrong"))?;
                let suffix_at = name_at + length;
                let suffix = until_nul(raw.get(suffix_at..end).ok_or(SHORT)?).ok_or(SHORT)?;
                let start = paths.len();
                paths.extend_from_within(last.start..last.start + kept);
                paths.extend_from_slice(suffix);
                (start..paths.len(), suffix_at + suffix.len() + 1)
            } else {
                let known = usize::from(u16::from_be_bytes([flags[0] & 0x0f, flags[1]]));
                let length = match raw.get(name_at..end).ok_or(SHORT)? {
                    rest if known < 0xfff => rest.get(..known).ok_or(SHORT)?.len(),
                    rest => until_nul(rest).ok_or(SHORT)?.len(),
                };
                // At least one NUL, up to a multiple of eight from the entry's start.
                (name_at..name_at + length, at + ((name_at + length - at + 8) & !7))
            };
            let bytes = if version == 4 { &paths } else { &raw };
            match bytes[last.clone()].cmp(&bytes[path.clone()]) {
                Ordering::Less => {
                    entries.push(Position::new(&path, at).ok_or(ParseFailure::Damaged("it is too large"))?);
                    last = path;
                }
                // The other sides of a conflict.
                Ordering::Equal if !last.is_empty() => {}
                // So they are in a split index, which an extension will tell.
                _ => unsorted = true,
            }
            at = next;
        }
        let mut trees = None;
        while at + 8 <= end {
            let name = &raw[at..at + 4];
            let size = number(&raw, at + 4).ok_or(SHORT)? as usize;
            let body = at + 8..at.checked_add(8 + size).filter(|to| *to <= end).ok_or(SHORT)?;
            match name {
                b"TREE" => trees = Some(body.clone()),
                b"link" => return Err(ParseFailure::AskGit("a split index")),
                b"sdir" => return Err(ParseFailure::AskGit("a sparse index")),
                [first, ..] if !first.is_ascii_uppercase() => {
                    return Err(ParseFailure::AskGit("an unknown index extension"));
                }
                _ => {}
            }
            at = body.end;
        }
        if unsorted {
            return Err(ParseFailure::Damaged("its paths are not sorted"));
        }
        Ok(Self { raw, paths: (version == 4).then_some(paths), entries, trees, written })
    }

    /// The bytes of what git has noted of its trees.
    pub(in crate::git) fn trees(&self) -> Option<&[u8]> {
        Some(&self.raw[self.trees.clone()?])
    }

    pub(in crate::git) fn forget_trees(&mut self) {
        self.trees = None;
    }

    pub(in crate::git) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// An index without stat data, out of `git ls-files --stage -t -z`.
    pub(in crate::git) fn from_listing(listing: &[u8]) -> Option<Self> {
        let mut index = Self { paths: Some(Vec::new()), ..Self::default() };
        for line in listing.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let (fields, path) = (std::str::from_utf8(&line[..tab]).ok()?, &line[tab + 1..]);
            let mut fields = fields.split(' ');
            let status = fields.next()?;
            let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
            let blob = git2::Oid::from_str(fields.next()?).ok()?;
            if index.len() > 0 && index.path(index.len() - 1) == path {
                continue;
            }
            let at = index.raw.len();
            index.raw.resize(at + FIXED + 2, 0);
            index.raw[at + 24..at + 28].copy_from_slice(&mode.to_be_bytes());
            index.raw[at + 40..at + 60].copy_from_slice(blob.as_bytes());
            // Extended; intended to be added, which stands for "no stat data"; skip-worktree.
            index.raw[at + 60] = 0x40;
            index.raw[at + 62] = if status == "S" { 0x60 } else { 0x20 };
            let paths = index.paths.get_or_insert_default();
            let start = paths.len();
            paths.extend_from_slice(path);
            let position = Position::new(&(start..paths.len()), at)?;
            index.entries.push(position);
        }
        Some(index)
    }

    pub(in crate::git) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(in crate::git) fn path_bytes(&self) -> &[u8] {
        self.paths.as_deref().unwrap_or(&self.raw)
    }

    /// Where a path stands in [`Index::path_bytes`].
    pub(in crate::git) fn path_range(&self, index: usize) -> Range<usize> {
        let position = &self.entries[index];
        position.path as usize..position.path as usize + position.length as usize
    }

    pub(in crate::git) fn path(&self, index: usize) -> &[u8] {
        &self.path_bytes()[self.path_range(index)]
    }

    pub(in crate::git) fn mode(&self, index: usize) -> u32 {
        number(&self.raw, self.entries[index].at as usize + 24).unwrap_or(0)
    }

    pub(in crate::git) fn blob(&self, index: usize) -> BlobId {
        let mut blob = [0; 20];
        let at = self.entries[index].at as usize + 40;
        blob.copy_from_slice(&self.raw[at..at + 20]);
        BlobId::new(blob)
    }

    /// The file's size when it was added, if the entry says so; else 0.
    pub(in crate::git) fn size(&self, index: usize) -> u32 {
        let entry = self.entry(index);
        if entry.unsettled || entry.modified.0 == 0 { 0 } else { entry.size }
    }

    pub(in crate::git) fn is_submodule(&self, index: usize) -> bool {
        is_submodule(self.mode(index))
    }

    pub(in crate::git) fn entry(&self, index: usize) -> IndexEntry {
        let raw = &self.raw[self.entries[index].at as usize..];
        let field = |at| number(raw, at).unwrap_or(0);
        let flags = if raw[60] & 0x40 == 0 { 0 } else { raw[62] };
        let in_conflict = raw[60] & 0x30 != 0;
        IndexEntry {
            blob: self.blob(index),
            mode: field(24),
            modified: (field(8), field(12)),
            changed: (field(0), field(4)),
            inode: field(20),
            size: field(36),
            unsettled: in_conflict || flags & 0x20 != 0,
            skip_worktree: flags & 0x40 != 0,
        }
    }

    /// Whether `entry` still describes what `stamp` describes. Stricter than git itself: `trustctime`,
    /// `checkStat` and assume-unchanged do not count, since a missed edit would give a stale image.
    pub(in crate::git) fn is_unchanged(&self, entry: &IndexEntry, stamp: &Stamp) -> bool {
        // Racily clean: changed in the second in which the index was written, so stat proves nothing.
        let racy = stamp.modified.0 >= self.written || stamp.changed.0 >= self.written;
        !racy && Self::may_be_unchanged(entry, stamp)
    }

    /// The same for a file that may have changed in the second in which the index was written.
    pub(in crate::git) fn may_be_unchanged(entry: &IndexEntry, stamp: &Stamp) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "git stores the low 32 bits"
        )]
        let same = entry.size == stamp.size as u32
            && entry.modified == (stamp.modified.0 as u32, stamp.modified.1)
            && entry.changed == (stamp.changed.0 as u32, stamp.changed.1)
            && entry.inode == stamp.inode as u32;
        // Git marks what it found racy by the size 0, which is only the truth about an empty file.
        let marked = entry.size == 0 && entry.blob.as_bytes() != &EMPTY_BLOB;
        same && !marked && !entry.unsettled
    }

    /// The first entry of `range` that does not fulfil `before`, which must hold for a first part of it.
    pub(in crate::git) fn partition_point(
        &self,
        range: Range<usize>,
        before: impl Fn(&[u8]) -> bool,
    ) -> usize {
        partition_point(range, |at| before(self.path(at)))
    }

    /// What lies below `folder/`, where `range` is what lies below a folder around it.
    pub(in crate::git) fn below(&self, folder: &[u8], range: Range<usize>) -> Range<usize> {
        let start = self.partition_point(range.clone(), |path| compare_below(path, folder) == Ordering::Less);
        let end =
            self.partition_point(start..range.end, |path| compare_below(path, folder) != Ordering::Greater);
        start..end
    }
}

impl Position {
    fn new(path: &Range<usize>, at: usize) -> Option<Self> {
        let small = |value| u32::try_from(value).ok();
        Some(Self { path: small(path.start)?, length: small(path.len())?, at: small(at)? })
    }
}

impl IndexEntry {
    pub(in crate::git) fn is_link(&self) -> bool {
        self.mode & KIND == LINK
    }

    pub(in crate::git) fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

pub(in crate::git) fn is_submodule(mode: u32) -> bool {
    mode & KIND == SUBMODULE
}

/// The mode of a link that git writes as a file, since `core.symlinks` says that links cannot be had. No mode of
/// git's has this bit.
pub(in crate::git) fn written_link(mode: u32) -> u32 {
    if is_link(mode) { WRITTEN_LINK | 0o100_644 } else { mode }
}

/// Whether git writes the target to disk as it is: for a link, and a file in place of one.
pub(in crate::git) fn is_target(mode: u32) -> bool {
    is_link(mode) || is_written_link(mode)
}

pub(in crate::git) fn is_written_link(mode: u32) -> bool {
    mode & WRITTEN_LINK != 0
}

pub(in crate::git) fn is_link(mode: u32) -> bool {
    mode & KIND == LINK
}

pub(in crate::git) fn is_folder(mode: u32) -> bool {
    mode & KIND == FOLDER
}

pub(in crate::git) enum ParseFailure {
    AskGit(&'static str),
    Damaged(&'static str),
}

const EMPTY_BLOB: [u8; 20] = [
    0xe6, 0x9d, 0xe2, 0x9b, 0xb2, 0xd1, 0xd6, 0x43, 0x4b, 0x8b, 0x29, 0xae, 0x77, 0x5a, 0xd8, 0xc2, 0xe4,
    0x8c, 0x53, 0x91,
];

/// Where `path` stands against everything that begins with `folder/`.
pub(in crate::git) fn compare_below(path: &[u8], folder: &[u8]) -> Ordering {
    if folder.is_empty() {
        return Ordering::Equal;
    }
    let head = &path[..path.len().min(folder.len())];
    head.cmp(folder).then_with(|| path.get(folder.len()).map_or(Ordering::Less, |byte| byte.cmp(&b'/')))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(in crate::git) fn until_nul(bytes: &[u8]) -> Option<&[u8]> {
    bstr::ByteSlice::find_byte(bytes, 0).map(|end| &bytes[..end])
}

/// The offset encoding of pack files: seven bits a byte, each continuation adds one.
fn variable_number(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = usize::from(bytes.first()? & 0x7f);
    let mut length = 1;
    while bytes[length - 1] & 0x80 != 0 {
        let byte = *bytes.get(length)?;
        value = value.checked_add(1)?.checked_mul(128)? + usize::from(byte & 0x7f);
        length += 1;
    }
    Some((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_older_than_the_index_may_have_changed() {
        let stamp = Stamp { size: 3, modified: (1000, 5), changed: (1000, 6), inode: 7 };
        let entry = IndexEntry {
            blob: BlobId::new([1; 20]),
            mode: 0o100_644,
            modified: (1000, 5),
            changed: (1000, 6),
            inode: 7,
            size: 3,
            unsettled: false,
            skip_worktree: false,
        };
        let unchanged = |written, entry: &IndexEntry, stamp: &Stamp| {
            Index { written, ..Index::default() }.is_unchanged(entry, stamp)
        };
        assert!(unchanged(1001, &entry, &stamp));
        assert!(!unchanged(1000, &entry, &stamp), "racily clean");
        assert!(!unchanged(999, &entry, &stamp));
        assert!(!unchanged(2000, &IndexEntry { unsettled: true, ..entry }, &stamp));
        for other in [
            Stamp { size: 4, ..stamp },
            Stamp { modified: (1000, 4), ..stamp },
            Stamp { modified: (999, 5), ..stamp },
            Stamp { changed: (1000, 7), ..stamp },
            Stamp { inode: 8, ..stamp },
        ] {
            assert!(!unchanged(2000, &entry, &other), "{other:?}");
        }
        // The mark of what git found to be racily clean.
        let (marked, empty) = (IndexEntry { size: 0, ..entry }, Stamp { size: 0, ..stamp });
        assert!(!unchanged(2000, &marked, &empty));
        assert!(unchanged(2000, &IndexEntry { blob: BlobId::new(EMPTY_BLOB), ..marked }, &empty));
        // Only the low half of a large size is stored.
        assert!(unchanged(2000, &entry, &Stamp { size: (1 << 32) + 3, ..stamp }));
    }
}
