//! Whether the files of loose objects end where they should. Libgit2 waits for ever for the rest of one that does not,
//! as a power cut leaves them, wherever it reads it: HEAD, history, a tag. So each is inflated before it is read, without
//! keeping what comes out. Most runs read a few, and look at those alone; where libgit2 chooses what it reads, or there
//! are many, all are looked at, and what was found whole is remembered by its times. Other damage libgit2 finds by
//! itself.

use std::collections::HashSet;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use git2::Oid;
use miniz_oxide::inflate::stream::{InflateState, MinReset, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use rayon::prelude::*;
use sha1::{Digest, Sha1};

use crate::git::CheckoutError;
use crate::git::repository::alternates::object_folders;
use crate::git::work_tree::disk::Disk;
use crate::git::work_tree::stat_cache::{is_settled, now, replace_file, sealed, unsealed};
use crate::git::work_tree::whole::read_own;
use crate::limits;

const MAGIC: &[u8; 8] = b"swloose1";

/// Whoever reads more than this is likely to read many, and to look at all is cheaper: their times mostly do.
const FEW: usize = 64;

/// A file, by name and times.
type Fact = [u8; 20];

/// What was found in a folder of loose objects, `objects/ab`.
#[derive(Default)]
struct Folder {
    whole: Vec<Fact>,
    has_new: bool,
}

/// The loose objects that a repository has or borrows.
#[derive(Clone)]
pub(in crate::git) struct Loose {
    common_dir: PathBuf,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    all: OnceLock<()>,
    single: AtomicUsize,
    folders: OnceLock<Vec<PathBuf>>,
    inflater: Mutex<Inflater>,
}

impl Loose {
    pub(in crate::git) fn of(common_dir: &Path) -> Self {
        Self { common_dir: common_dir.to_owned(), seen: Arc::default() }
    }

    /// Looks at all of them, once.
    pub(in crate::git) fn check(&self) -> Result<(), CheckoutError> {
        if self.seen.all.get().is_none() {
            check(&self.common_dir, self.folders())?;
            self.seen.all.get_or_init(|| ());
        }
        Ok(())
    }

    /// Looks at one object, if it is a loose one.
    pub(in crate::git) fn check_object(&self, id: Oid) -> Result<(), CheckoutError> {
        if self.seen.all.get().is_some() {
            return Ok(());
        }
        if self.seen.single.fetch_add(1, Ordering::Relaxed) >= FEW {
            return self.check();
        }
        let id = id.to_string();
        let place = Path::new(&id[..2]).join(&id[2..]);
        for objects in self.folders() {
            let file = read_own(&objects.join(&place), limits::LOOSE_OBJECT).ok().flatten();
            let mut inflater = self.seen.inflater.lock().unwrap_or_else(PoisonError::into_inner);
            if file.is_some_and(|file| inflater.ends_early(&file)) {
                return Err(damaged(id));
            }
        }
        Ok(())
    }

    fn folders(&self) -> &[PathBuf] {
        self.seen.folders.get_or_init(|| object_folders(&self.common_dir))
    }
}

fn check(common_dir: &Path, objects: &[PathBuf]) -> Result<(), CheckoutError> {
    let cache = common_dir.join("shipwright").join("loose");
    let bytes = read_own(&cache, limits::GIT_CACHE).ok().flatten().unwrap_or_default();
    let known: HashSet<Fact> = unsealed(&bytes, MAGIC)
        .map(|facts| facts.as_chunks().0.iter().copied().collect())
        .unwrap_or_default();
    let folders: Vec<PathBuf> = objects.iter().flat_map(|objects| fan_out(objects)).collect();
    let now = now();
    let found: Vec<Folder> =
        folders.par_iter().map(|folder| look(folder, &known, now)).collect::<Result<_, _>>()?;
    if found.iter().any(|folder| folder.has_new) {
        let mut facts: Vec<Fact> = found.into_iter().flat_map(|folder| folder.whole).collect();
        facts.sort_unstable();
        let bytes = MAGIC.iter().copied().chain(facts.into_iter().flatten()).collect();
        replace_file(&cache, &sealed(bytes));
    }
    Ok(())
}

/// The folders whose names are the first two digits of ids.
fn fan_out(objects: &Path) -> Vec<PathBuf> {
    let entries = objects.read_dir().into_iter().flatten().flatten();
    let is_ours = |entry: &DirEntry| is_hex(entry, 2);
    entries.filter(is_ours).map(|entry| entry.path()).collect()
}

fn is_hex(entry: &DirEntry, length: usize) -> bool {
    let name = entry.file_name();
    name.len() == length && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit)
}

fn look(folder: &Path, known: &HashSet<Fact>, now: i64) -> Result<Folder, CheckoutError> {
    let mut found = Folder::default();
    let (Ok(entries), Ok(disk)) = (folder.read_dir(), Disk::new(folder)) else { return Ok(found) };
    let mut inflater = Inflater::default();
    for entry in entries.flatten().filter(|entry| is_hex(entry, 38)) {
        let (path, name) = (entry.path(), entry.file_name());
        let Ok(state) = disk.state(name.as_encoded_bytes()) else { continue };
        let mut bytes = path.as_os_str().as_encoded_bytes().to_vec();
        state.stamp.encode(&mut bytes);
        let fact: Fact = Sha1::digest(&bytes).into();
        if !known.contains(&fact) {
            let file = read_own(&path, limits::LOOSE_OBJECT).ok().flatten();
            if file.is_some_and(|file| inflater.ends_early(&file)) {
                let first = folder.file_name().unwrap_or_default().to_string_lossy();
                let id = format!("{first}{}", name.to_string_lossy());
                return Err(damaged(id));
            }
            if !is_settled(&state.stamp, now) {
                continue;
            }
            found.has_new = true;
        }
        found.whole.push(fact);
    }
    Ok(found)
}

fn damaged(id: String) -> CheckoutError {
    CheckoutError::DamagedObject { id, reason: "its file ends too early" }
}

/// What inflating needs, some 100 kB: most objects are far smaller, so that it is made once for many.
#[derive(Default)]
struct Inflater(Option<(Box<InflateState>, Vec<u8>)>);

impl Inflater {
    /// Whether more would have to come behind the end of this file of a loose object.
    fn ends_early(&mut self, file: &[u8]) -> bool {
        let Some(mut input) = stream(file) else { return false };
        let new = || (InflateState::new_boxed(DataFormat::Zlib), vec![0; 64 << 10]);
        let (state, scratch) = self.0.get_or_insert_with(new);
        state.reset_as(MinReset);
        let mut written = 0;
        while written < limits::LOOSE_OBJECT {
            let step = inflate(state, input, scratch, MZFlush::None);
            input = &input[step.bytes_consumed..];
            written += step.bytes_written as u64;
            match step.status {
                Ok(MZStatus::Ok) | Err(MZError::Buf) if step.bytes_written > 0 || step.bytes_consumed > 0 => {
                }
                Ok(MZStatus::Ok) | Err(MZError::Buf) => return true,
                Ok(MZStatus::StreamEnd | MZStatus::NeedDict) | Err(_) => return false,
            }
        }
        false
    }
}

/// The zlib stream in it. Before 2007 git wrote a head of a few bytes in front, as in packs; libgit2 reads that still.
fn stream(file: &[u8]) -> Option<&[u8]> {
    let is_zlib = |first: u8, second: u8| {
        first & 0x8f == 8 && (u16::from(first) << 8 | u16::from(second)).is_multiple_of(31)
    };
    match file {
        [first, second, ..] if is_zlib(*first, *second) => Some(file),
        [first, ..] if (1..=4).contains(&(first >> 4 & 7)) => {
            let head = file.iter().position(|byte| byte & 0x80 == 0)?;
            file.get(head + 1..)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec_zlib;

    fn ends_early(file: &[u8]) -> bool {
        let mut inflater = Inflater::default();
        let first = inflater.ends_early(file);
        assert_eq!(inflater.ends_early(file), first, "nothing is left of the last one");
        first
    }

    #[test]
    fn every_end_but_the_right_one_is_too_early() {
        let text: Vec<String> = (0..4000).map(|number| format!("{} ", number * 7919 % 1013)).collect();
        let text = text.concat();
        for length in [0, 20, 90, text.len()] {
            let object = format!("blob {length}\0{}", &text[..length]);
            for packed in
                [compress_to_vec_zlib(object.as_bytes(), 1), compress_to_vec_zlib(object.as_bytes(), 0)]
            {
                assert!(!ends_early(&packed), "{length}");
                assert!((2..packed.len()).step_by(7).all(|end| ends_early(&packed[..end])), "{length}");
            }
        }
    }

    #[test]
    fn what_libgit2_refuses_by_itself_is_left_to_it() {
        let whole = compress_to_vec_zlib(b"blob 2\0xx", 6);
        assert!(!ends_early(b"") && !ends_early(b"x") && !ends_early(&[0; 60]));
        let mut wrong = whole.clone();
        *wrong.last_mut().expect("bytes") ^= 1;
        assert!(!ends_early(&wrong));
        assert!(!ends_early(&[&whole[..], b"more"].concat()));
    }

    #[test]
    fn objects_with_a_head_as_in_packs_are_looked_at() {
        let packed = compress_to_vec_zlib(b"xx", 6);
        assert!(!ends_early(&[&b"\x32"[..], &packed].concat()));
        assert!(ends_early(b"\x32") && ends_early(&[&b"\xb2\x01"[..], &packed[..5]].concat()));
    }
}
