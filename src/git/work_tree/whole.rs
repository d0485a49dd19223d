//! The one door to what is read whole of a checkout: its settings, its lock, Dockerfiles, ignore files, git's
//! own files in it. Whoever wrote them may mean harm, so links are followed inside the checkout only (and never
//! into git's folder, which holds logins), nothing but a regular file is opened, without waiting for a pipe, and
//! none is read beyond a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::git::work_tree::disk::Disk;
use crate::git::work_tree::follow::{LinkTarget, follow_with};
use crate::git::{FileTree, NodeKind};
use crate::limits;
use crate::path::TreePath;

/// Reads the file at `path`, or the one that a link there leads to, of at most `limit` bytes; `None` where
/// nothing stands there.
///
/// # Errors
///
/// Where a link leads out of the checkout, into git's folder or to nothing; what is no regular file or has too
/// many bytes; what the system says.
pub(crate) fn read_file(tree: &dyn FileTree, path: &TreePath, limit: u64) -> io::Result<Option<Vec<u8>>> {
    through(path, &|path| tree.kind(path), &|path| tree.read(path, limits::LINK), &|path| {
        tree.read(path, limit)
    })
}

/// The same in the checkout on disk whose root is `root`, before its files have been listed.
pub(crate) fn read_on_disk(root: &Path, path: &TreePath, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let disk = Disk::new(root)?;
    let kind = |path: &TreePath| disk.state(path.as_bytes()).ok().map(|state| state.kind);
    through(path, &kind, &|path| disk.link_target(path.as_bytes()), &|path| disk.read(path.as_bytes(), limit))
}

type Reading<'a> = &'a dyn Fn(&TreePath) -> io::Result<Vec<u8>>;

fn through(
    path: &TreePath,
    kind: &dyn Fn(&TreePath) -> Option<NodeKind>,
    link: Reading<'_>,
    file: Reading<'_>,
) -> io::Result<Option<Vec<u8>>> {
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what.to_owned()));
    match follow_with(kind, link, path) {
        LinkTarget::File(target) => file(&target).map(Some),
        LinkTarget::Outside => wrong("it is a link that leads out of the checkout"),
        LinkTarget::NotAFile => wrong("it is no regular file"),
        LinkTarget::Missing if kind(path).is_none() => Ok(None),
        LinkTarget::Missing => wrong("it is a link to nothing"),
    }
}

/// Reads a file of the user's or of git's own folder, whose links are theirs. A device, such as `/dev/null`, is
/// an empty file; what is not there is none.
pub(crate) fn read_own(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match open_own(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.metadata()?.is_file() { at_most(file, limit).map(Some) } else { Ok(Some(Vec::new())) }
}

/// Opens such a file, to be read in parts.
pub(in crate::git) fn open_own(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    // A pipe without a writer would be waited for.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0),
    );
    options.open(path)
}

/// All that `reader` has, unless that is more than `limit` bytes.
pub(crate) fn at_most(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_long(limit)) } else { Ok(bytes) }
}

/// What is said of a file with more bytes than are read.
pub(in crate::git) fn too_long(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {}", limits::size(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_what_may_be_read() {
        assert_eq!(at_most(&b"12345"[..], 5).expect("short enough"), b"12345");
        let error = at_most(io::repeat(b'x'), 5).expect_err("endless");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is longer than 5 bytes");
    }

    #[cfg(unix)]
    #[test]
    fn devices_of_the_user_are_empty_files() {
        assert_eq!(read_own(Path::new("/dev/null"), 1).expect("readable"), Some(Vec::new()));
        assert_eq!(read_own(Path::new("/dev/zero"), 1).expect("readable"), Some(Vec::new()));
        assert_eq!(read_own(Path::new("/nowhere"), 1).expect("none"), None);
    }
}
