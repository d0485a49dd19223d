//! Writes files of the checkout that a person keeps in git: all of a file or nothing, with its mode, and only what it held
//! when it was read.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::whole::read_on_disk;
use crate::path::TreePath;

/// New bytes for a file of the checkout.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    /// The file itself, no link, from the root of the checkout.
    pub path: TreePath,
    /// What it has to hold still; none: it is not there yet.
    pub before: Option<Vec<u8>>,
    pub after: Vec<u8>,
}

/// Replaces files. The new ones are all written beside the old ones before the first takes its place.
///
/// # Errors
///
/// The path of the file that could not be written, and why. Those in front of it in the list may have been; where the
/// error is about what they hold, none was.
pub(crate) fn replace_on_disk(root: &Path, files: &[Replacement]) -> Result<(), (TreePath, io::Error)> {
    let mut written: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut outcome = Ok(());
    for file in files {
        match beside(root, file) {
            Ok(places) => written.push(places),
            Err(error) => {
                outcome = Err((file.path.clone(), error));
                break;
            }
        }
    }
    for (file, (unfinished, place)) in files.iter().zip(&written) {
        if outcome.is_ok() {
            outcome = fs::rename(unfinished, place).map_err(|error| (file.path.clone(), error));
        }
        if outcome.is_err() {
            let _ = fs::remove_file(unfinished);
        }
    }
    outcome
}

/// Writes the new file beside the old one, and gives where both are.
fn beside(root: &Path, file: &Replacement) -> io::Result<(PathBuf, PathBuf)> {
    let root = root.canonicalize()?;
    let place = file.path.to_os(&root);
    let folder = place.parent().unwrap_or(&root).canonicalize()?;
    let below = folder.strip_prefix(&root).map_err(|_| io::Error::other("it is not in the checkout"))?;
    if below.iter().any(|name| name.eq_ignore_ascii_case(".git")) {
        return Err(io::Error::other("it is in git's folder"));
    }
    let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let place = folder.join(name);
    if fs::symlink_metadata(&place).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is no regular file"));
    }
    let limit = file.before.as_ref().map_or(0, Vec::len) as u64;
    let changed = || io::Error::other("it has changed meanwhile");
    let now = read_on_disk(&root, &file.path, limit).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => changed(),
        _ => error,
    })?;
    if now != file.before {
        return Err(changed());
    }
    let unfinished = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut new = fs::File::options().write(true).create_new(true).open(&unfinished)?;
        new.write_all(&file.after)?;
        if file.before.is_some() {
            new.set_permissions(fs::symlink_metadata(&place)?.permissions())?;
        }
        new.sync_all()
    })();
    written.inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })?;
    Ok((unfinished, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, before: Option<&str>, after: &str) -> Replacement {
        Replacement { path: path.into(), before: before.map(Into::into), after: after.into() }
    }

    fn listed(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a folder").count()
    }

    #[test]
    fn all_files_are_replaced_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::write(root.join("a"), "1").expect("written");
        fs::write(root.join("b"), "1").expect("written");
        let (path, error) = replace_on_disk(root, &[file("a", Some("1"), "2"), file("b", Some("x"), "2")])
            .expect_err("changed");
        assert_eq!((path, error.to_string()), ("b".into(), "it has changed meanwhile".to_owned()));
        assert_eq!(fs::read_to_string(root.join("a")).expect("read"), "1");
        replace_on_disk(root, &[file("a", Some("1"), "2"), file("c", None, "new")]).expect("written");
        assert_eq!(fs::read_to_string(root.join("a")).expect("read"), "2");
        assert!(replace_on_disk(root, &[file("c", None, "again")]).is_err(), "it is there");
        assert!(replace_on_disk(root, &[file("a", Some(""), "again")]).is_err(), "it is longer");
        assert_eq!(listed(root), 3, "nothing is left beside them");
    }

    #[cfg(unix)]
    #[test]
    fn a_mode_stays_and_a_link_is_not_replaced() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        fs::create_dir(&root).expect("a folder");
        fs::write(root.join("a"), "1").expect("written");
        fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o755)).expect("a mode");
        replace_on_disk(&root, &[file("a", Some("1"), "2")]).expect("written");
        assert_eq!(fs::metadata(root.join("a")).expect("there").permissions().mode() & 0o777, 0o755);
        fs::write(folder.path().join("outside"), "1").expect("written");
        symlink("../outside", root.join("link")).expect("a link");
        symlink("a", root.join("inside")).expect("a link");
        assert!(replace_on_disk(&root, &[file("inside", Some("2"), "3")]).is_err());
        symlink("..", root.join("up")).expect("a link");
        assert!(replace_on_disk(&root, &[file("link", Some("1"), "2")]).is_err());
        assert!(replace_on_disk(&root, &[file("up/outside", Some("1"), "2")]).is_err());
        assert_eq!(fs::read_to_string(folder.path().join("outside")).expect("read"), "1");
    }
}
