use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::{Lockfile, parse, render};
use crate::diagnostic::{Diagnostic, Location};
use crate::limits;
use crate::path::TreePath;

/// The lock file, in the root of the checkout.
pub(crate) const LOCK_FILE: &str = "shipwright.lock";

/// What gives the content of a file of a tree, if it is there, of at most so many bytes.
pub(crate) type ReadFile<'a> = dyn Fn(&TreePath, u64) -> io::Result<Option<Vec<u8>>> + 'a;

/// Reads the lock of any tree.
pub(crate) fn load(read: &ReadFile<'_>) -> Result<Lockfile, Vec<Diagnostic>> {
    let path = TreePath::from(LOCK_FILE);
    let error = |message: String| vec![Diagnostic::error(message).at(Location::file(path.clone()))];
    let content =
        read(&path, limits::LOCK).map_err(|cause| error(format!("the lock file cannot be read: {cause}")))?;
    let Some(content) = content else { return Ok(Lockfile::default()) };
    match String::from_utf8(content) {
        Ok(text) => parse(&text, &path),
        Err(_) => Err(error("the lock file is not UTF-8".to_owned())),
    }
}

/// Writes the lock of the checkout at `root`, all of it or nothing. Where the file is a link inside the
/// checkout, what it leads to is written.
pub(crate) fn write(root: &Path, lock: &Lockfile) -> io::Result<()> {
    let root = root.canonicalize()?;
    let place = root.join(LOCK_FILE);
    let place = match place.canonicalize() {
        Ok(target) if !is_inside(&root, &target) => {
            return Err(io::Error::other("it is a link that leads out of the checkout"));
        }
        Ok(target) => target,
        Err(_) => place,
    };
    let unfinished = place.with_file_name(format!(".{LOCK_FILE}.{}", std::process::id()));
    let written = fs::File::options().write(true).create_new(true).open(&unfinished).and_then(|mut file| {
        file.write_all(render(lock).as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&unfinished, &place)).inspect_err(|_| {
        // It may be what could not be made.
        let _ = fs::remove_file(&unfinished);
    })
}

/// Whether a path is the checkout's: below its root, and not in git's own folder.
fn is_inside(root: &Path, path: &Path) -> bool {
    path.strip_prefix(root).is_ok_and(|below| below.iter().all(|name| !name.eq_ignore_ascii_case(".git")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(root: &Path) -> Result<Lockfile, Vec<Diagnostic>> {
        load(&|path, _| match fs::read(path.to_os(root)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        })
    }

    #[test]
    fn what_is_written_is_read_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()), Ok(Lockfile::default()));
        let lock = Lockfile { path: Some(LOCK_FILE.into()), ..Lockfile::default() };
        for _ in 0..2 {
            write(folder.path(), &lock).expect("written");
            assert_eq!(read(folder.path()), Ok(lock.clone()));
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let denied = |_: &TreePath, _| Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let errors = load(&denied).expect_err("denied");
        assert!(errors[0].message.starts_with("the lock file cannot be read"));
        let errors = load(&|_, _| Ok(Some(vec![0xff]))).expect_err("not UTF-8");
        assert_eq!(errors[0].message, "the lock file is not UTF-8");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_leads_nowhere_else() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("ci")).expect("folders");
        fs::write(root.join("ci/lock"), "old").expect("written");
        symlink("ci/lock", root.join(LOCK_FILE)).expect("a link");
        let lock = Lockfile { path: Some(LOCK_FILE.into()), ..Lockfile::default() };
        write(&root, &lock).expect("written");
        assert!(root.join(LOCK_FILE).is_symlink());
        assert_eq!(read(&root), Ok(lock.clone()));

        fs::write(folder.path().join("outside"), "mine").expect("written");
        fs::remove_file(root.join(LOCK_FILE)).expect("removed");
        symlink("../outside", root.join(LOCK_FILE)).expect("a link");
        assert!(write(&root, &lock).is_err());
        assert_eq!(fs::read(folder.path().join("outside")).expect("read"), b"mine");
    }
}
