//! Whether the indexes of packs are what git wrote. Libgit2 reads packs where their indexes say, unchecked: a wrong
//! place is a crash. So each index is compared with the hash at its end, and its places with the size of the pack,
//! once; what was found sound is remembered by the times of the files.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use sha1::{Digest, Sha1};

use crate::git::CheckoutError;
use crate::git::repository::alternates::object_folders;
use crate::git::work_tree::disk::{Disk, FileState};
use crate::git::work_tree::stat_cache::{is_settled, now, replace_file, sealed, unsealed};
use crate::git::work_tree::whole::{open_own, read_own};
use crate::limits;

const MAGIC: &[u8; 8] = b"swpack01";

/// Of a pack: its head and the hash at its end.
const HEAD: u64 = 12;
const HASH: u64 = 20;

/// An index and its pack, by names and times.
type Fact = [u8; 20];

/// Looks at the packs that libgit2 would read for the repository in `common_dir`.
pub(in crate::git) fn check(common_dir: &Path) -> Result<(), CheckoutError> {
    let cache = common_dir.join("shipwright").join("packs");
    let bytes = read_own(&cache, limits::GIT_CACHE).ok().flatten().unwrap_or_default();
    let known: HashSet<Fact> = unsealed(&bytes, MAGIC)
        .map(|facts| facts.as_chunks().0.iter().copied().collect())
        .unwrap_or_default();
    let mut sound = Vec::new();
    let mut is_new = false;
    let now = now();
    for objects in object_folders(common_dir) {
        let folder = objects.join("pack");
        let (Ok(entries), Ok(disk)) = (fs::read_dir(&folder), Disk::new(&folder)) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(file) = Indexed::of(&disk, &path) else { continue };
            let fact = file.fact(&path);
            if !known.contains(&fact) {
                file.verify(&path)?;
                if !file.states().all(|state| is_settled(&state.stamp, now)) {
                    continue;
                }
                is_new = true;
            }
            sound.push(fact);
        }
    }
    if is_new {
        sound.sort_unstable();
        let bytes = MAGIC.iter().copied().chain(sound.into_iter().flatten()).collect();
        replace_file(&cache, &sealed(bytes));
    }
    Ok(())
}

/// Files that say where objects are.
enum Indexed {
    Pack(FileState, FileState),
    Packs(FileState),
}

impl Indexed {
    fn of(disk: &Disk, path: &Path) -> Option<Self> {
        let name = path.file_name()?;
        if name == "multi-pack-index" {
            return Some(Self::Packs(disk.state(b"multi-pack-index").ok()?));
        }
        path.extension().filter(|extension| *extension == "idx")?;
        let state = |path: &Path| disk.state(path.file_name()?.as_encoded_bytes()).ok();
        // Without its pack nobody reads it.
        Some(Self::Pack(state(path)?, state(&path.with_extension("pack"))?))
    }

    fn states(&self) -> impl Iterator<Item = &FileState> {
        let (first, second) = match self {
            Self::Pack(index, pack) => (index, Some(pack)),
            Self::Packs(index) => (index, None),
        };
        std::iter::once(first).chain(second)
    }

    fn fact(&self, path: &Path) -> Fact {
        let mut bytes = path.as_os_str().as_encoded_bytes().to_vec();
        self.states().for_each(|state| state.stamp.encode(&mut bytes));
        Sha1::digest(&bytes).into()
    }

    fn verify(&self, path: &Path) -> Result<(), CheckoutError> {
        let bytes = match read_own(path, limits::GIT_INDEX) {
            Ok(Some(bytes)) => bytes,
            // Git has put another in its place just now.
            Ok(None) => return Ok(()),
            Err(error) => return Err(CheckoutError::io(path, error)),
        };
        let damaged = |reason| CheckoutError::Damaged { path: path.to_owned(), reason };
        let whole =
            bytes.split_last_chunk::<20>().filter(|(content, hash)| Sha1::digest(content)[..] == **hash);
        let (content, _) = whole.ok_or_else(|| damaged("its hash is wrong"))?;
        let Self::Pack(_, pack) = self else { return Ok(()) };
        let (content, pack_hash) =
            content.split_last_chunk::<20>().ok_or_else(|| damaged("it ends too early"))?;
        match pack_end(&path.with_extension("pack"), pack.stamp.size) {
            Ok(Some(hash)) if hash == *pack_hash => {}
            Ok(_) => return Err(damaged("it is not of the pack beside it")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(CheckoutError::io(&path.with_extension("pack"), error)),
        }
        let limit = pack.stamp.size.saturating_sub(HASH);
        let are_inside =
            places(content).is_some_and(|mut places| places.all(|at| (HEAD..limit).contains(&at)));
        if are_inside { Ok(()) } else { Err(damaged("it names places that are not in the pack")) }
    }
}

/// The hash at the end of a pack; nothing if the file is no pack.
fn pack_end(path: &Path, size: u64) -> std::io::Result<Option<Fact>> {
    let mut file = open_own(path)?;
    if size < HEAD + HASH {
        return Ok(None);
    }
    let (mut head, mut hash) = ([0; 4], [0; 20]);
    file.read_exact(&mut head)?;
    file.seek(SeekFrom::Start(size - HASH))?;
    file.read_exact(&mut hash)?;
    Ok((head == *b"PACK").then_some(hash))
}

/// Where in the pack the objects begin (`Documentation/gitformat-pack.txt`); nothing if the index has another form.
fn places(content: &[u8]) -> Option<Box<dyn Iterator<Item = u64> + '_>> {
    let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let count = |table: &[u8]| {
        let counts: Vec<u32> =
            table.as_chunks::<4>().0.iter().map(|count| u32::from_be_bytes(*count)).collect();
        counts.is_sorted().then_some(*counts.last()? as usize)
    };
    let Some(rest) = content.strip_prefix(b"\xfftOc") else {
        // Version 1: a place and an id, again and again.
        let (table, entries) = content.split_at_checked(1024)?;
        let entries = (entries.len() == count(table)?.checked_mul(24)?).then_some(entries)?;
        return Some(Box::new(entries.as_chunks::<24>().0.iter().map(move |entry| number(entry).into())));
    };
    let rest = rest.strip_prefix(&[0, 0, 0, 2])?;
    let (table, rest) = rest.split_at_checked(1024)?;
    let count = count(table)?;
    // Ids and checksums, then places; those behind 2 GiB stand in a table of their own.
    let (_, rest) = rest.split_at_checked(count.checked_mul(24)?)?;
    let (small, large) = rest.split_at_checked(count.checked_mul(4)?)?;
    let large = large.as_chunks::<8>().0;
    Some(Box::new(small.as_chunks::<4>().0.iter().map(move |place| match u32::from_be_bytes(*place) {
        place if place & 0x8000_0000 == 0 => place.into(),
        // A place behind the table is no place.
        place => large.get((place & 0x7fff_ffff) as usize).map_or(0, |large| u64::from_be_bytes(*large)),
    })))
}
