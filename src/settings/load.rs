use std::path::Path;

use super::json::JSON_FILE;
use super::toml::TOML_FILE;
use super::{SettingsFile, parse_json, parse_toml};
use crate::context;
use crate::diagnostic::{Diagnostic, Location};
use crate::git::{FileTree, read_on_disk};
use crate::limits;
use crate::lockfile::{self, ReadFile};
use crate::path::TreePath;

/// Reads the settings of a checkout's work tree, the lock file included.
pub(crate) fn load(root: &Path) -> Result<SettingsFile, Vec<Diagnostic>> {
    load_from(&|path, limit| read_on_disk(root, path, limit))
}

/// Reads the settings of any tree, such as a commit's, and the lock file beside them.
pub(crate) fn load_from(read: &ReadFile<'_>) -> Result<SettingsFile, Vec<Diagnostic>> {
    match (load_settings(read), lockfile::load(read)) {
        (Ok(settings), Ok(lock)) => Ok(SettingsFile { lock, ..settings }),
        (settings, lock) => {
            let errors = [settings.err(), lock.err()].into_iter().flatten().flatten();
            Err(errors.collect())
        }
    }
}

fn load_settings(read: &ReadFile<'_>) -> Result<SettingsFile, Vec<Diagnostic>> {
    let [toml, json] = [TOML_FILE, JSON_FILE].map(TreePath::from);
    let toml_text = text(read, &toml)?;
    // Once there is the one, the other is only asked whether it exists.
    let Some(toml_text) = toml_text else {
        return match text(read, &json)? {
            Some(content) => parse_json(&content, &json),
            None => Ok(SettingsFile::default()),
        };
    };
    let mut settings = parse_toml(&toml_text, &toml)?;
    if matches!(read(&json, limits::SETTINGS), Ok(Some(_))) {
        let warning = Diagnostic::warning(format!("{JSON_FILE} is not read: {TOML_FILE} wins"))
            .at(Location::file(json))
            .hint(format!("move what it says to {TOML_FILE} and delete it"));
        settings.diagnostics.push(warning);
    }
    Ok(settings)
}

/// The files that the settings of a tree are read from, links on the way included, and those that would be
/// read if they were there.
pub(crate) fn paths(tree: &dyn FileTree) -> Vec<TreePath> {
    let mut paths = Vec::new();
    for name in [TOML_FILE, JSON_FILE] {
        let path = TreePath::from(name);
        paths.extend(context::path_with_links(tree, &TreePath::root(), &path));
        if tree.kind(&path).is_some() {
            break;
        }
    }
    paths.dedup();
    paths
}

fn text(read: &ReadFile<'_>, path: &TreePath) -> Result<Option<String>, Vec<Diagnostic>> {
    let error = |message: String| vec![Diagnostic::error(message).at(Location::file(path.clone()))];
    let content = read(path, limits::SETTINGS)
        .map_err(|cause| error(format!("the settings file cannot be read: {cause}")))?;
    let Some(content) = content else { return Ok(None) };
    match String::from_utf8(content) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(error("the settings file is not UTF-8".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(files: &[(&str, &[u8])]) -> Result<SettingsFile, Vec<Diagnostic>> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
        load(folder.path())
    }

    #[test]
    fn no_file_is_no_settings() {
        assert_eq!(in_folder(&[]), Ok(SettingsFile::default()));
    }

    #[test]
    fn either_file_is_read() {
        let settings = in_folder(&[(TOML_FILE, b"namespace = 'a'")]).expect("valid");
        assert_eq!((settings.namespace.as_deref(), settings.path), (Some("a"), Some(TOML_FILE.into())));
        let settings = in_folder(&[(JSON_FILE, br#"{"namespace": "b"}"#)]).expect("valid");
        assert_eq!((settings.namespace.as_deref(), settings.path), (Some("b"), Some(JSON_FILE.into())));
    }

    #[test]
    fn toml_wins_with_a_warning_even_over_a_broken_json() {
        let settings = in_folder(&[(TOML_FILE, b"namespace = 'a'"), (JSON_FILE, b"{")]).expect("valid");
        assert_eq!(settings.namespace.as_deref(), Some("a"));
        let [warning] = &settings.diagnostics[..] else { panic!("{:?}", settings.diagnostics) };
        assert_eq!(warning.message, ".shipwright.json is not read: shipwright.toml wins");
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let errors = in_folder(&[(TOML_FILE, b"namespace = '\xff'")]).expect_err("not UTF-8");
        assert_eq!(errors[0].message, "the settings file is not UTF-8");
        let denied = |_: &TreePath, _| Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
        let errors = load_from(&denied).expect_err("denied");
        assert!(errors[0].message.starts_with("the settings file cannot be read"));
        assert_eq!(errors[0].location, Some(Location::file(TOML_FILE.into())));
    }

    #[test]
    fn the_lock_is_read_beside_either_file_or_none() {
        let lock = b"version = 1\n[bases]\n".as_slice();
        for settings in [&[][..], &[(TOML_FILE, b"namespace = 'a'".as_slice())], &[(JSON_FILE, b"{}")]] {
            let files = [settings, &[("shipwright.lock", lock)]].concat();
            assert!(in_folder(&files).expect("valid").lock.path.is_some());
        }
        let files = [(TOML_FILE, b"x".as_slice()), ("shipwright.lock", b"y")];
        assert_eq!(in_folder(&files).expect_err("both are wrong").len(), 2);
    }
}
