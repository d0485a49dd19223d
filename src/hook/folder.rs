use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::git::read_own;
use crate::limits;
use crate::printable::printable;

use super::script::{Content, HookName, Mode, recognise, script};

#[derive(Clone, Debug)]
pub(crate) struct HooksFolder {
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HookState {
    /// What its file holds; none if there is no file.
    pub content: Option<Content>,
    /// Whether git would run it.
    pub is_executable: bool,
    /// Whether there is one that was moved aside for ours.
    pub before: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// There was none; or a hook that is now called first.
    New {
        /// Whether another hook is called first.
        after_another: bool,
    },
    /// Ours was there, with another mode or by another version.
    Renewed {
        from: Mode,
    },
    Already,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uninstalled {
    Removed,
    /// Ours is gone, and what was there before is back.
    Restored,
    /// There was none of ours.
    Absent {
        another: bool,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Somebody has edited what `install` wrote.
    #[error("{} was changed since it was installed", show(.0))]
    Changed(PathBuf),
    /// Two hooks would have to be kept.
    #[error("{} is another hook, and {} is in its place already", show(.hook), show(.before))]
    Occupied {
        hook: PathBuf,
        /// Where it would be moved to.
        before: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", show(path))]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl HookError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Changed(_) => Some(
                "keep your changes in a file of another name, then use --force: it replaces the hook"
                    .to_owned(),
            ),
            Self::Occupied { before, .. } => {
                Some(format!("join the two into the one hook, remove {}, and run this again", show(before)))
            }
            Self::Io { .. } => None,
        }
    }
}

impl HooksFolder {
    /// The folder need not exist.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn hook(&self, hook: HookName) -> PathBuf {
        self.path.join(hook.as_str())
    }

    pub(crate) fn before(&self, hook: HookName) -> PathBuf {
        self.path.join(hook.before())
    }

    pub(crate) fn state(&self, hook: HookName) -> Result<HookState, HookError> {
        let path = self.hook(hook);
        let before = self.before(hook).symlink_metadata().is_ok();
        let (content, is_executable) = match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, false),
            Err(error) => return Err(failed("read", &path)(error)),
            Ok(metadata) if metadata.is_file() => {
                let content =
                    read_own(&path, limits::HOOK).map_err(failed("read", &path))?.unwrap_or_default();
                (Some(recognise(hook, &content)), is_executable(&metadata))
            }
            // Whoever keeps hooks behind links has them from somewhere else.
            Ok(_) => (Some(Content::Foreign), path.metadata().is_ok_and(|found| is_executable(&found))),
        };
        Ok(HookState { content, is_executable, before })
    }

    /// Installs a hook; without a mode one that is there keeps its own. What was there is moved aside as it is.
    pub(crate) fn install(
        &self,
        hook: HookName,
        mode: Option<Mode>,
        force: bool,
    ) -> Result<Installed, HookError> {
        let state = self.state(hook)?;
        let (path, before) = (self.hook(hook), self.before(hook));
        match state.content {
            Some(Content::Ours(from)) => {
                let text = script(hook, mode.unwrap_or(from));
                let is_same = read_own(&path, limits::HOOK)
                    .is_ok_and(|content| content.as_deref() == Some(text.as_bytes()));
                if is_same && state.is_executable {
                    return Ok(Installed::Already);
                }
                self.write(hook, &text)?;
                return Ok(Installed::Renewed { from });
            }
            Some(Content::Changed) if !force => return Err(HookError::Changed(path)),
            Some(Content::Foreign) if state.before => return Err(HookError::Occupied { hook: path, before }),
            Some(Content::Foreign) => {
                fs::rename(&path, &before).map_err(failed("move aside", &path))?;
            }
            Some(Content::Changed) | None => {}
        }
        self.write(hook, &script(hook, mode.unwrap_or_default()))?;
        Ok(Installed::New { after_another: before.symlink_metadata().is_ok() })
    }

    /// Takes ours away and puts back what was there, the same file as it was.
    pub(crate) fn uninstall(&self, hook: HookName, force: bool) -> Result<Uninstalled, HookError> {
        let state = self.state(hook)?;
        let (path, before) = (self.hook(hook), self.before(hook));
        match (state.content, state.before) {
            (Some(Content::Changed), _) if !force => Err(HookError::Changed(path)),
            (Some(Content::Foreign), _) => Ok(Uninstalled::Absent { another: true }),
            (None, false) => Ok(Uninstalled::Absent { another: false }),
            (_, true) => {
                fs::rename(&before, &path).map_err(failed("put back", &before))?;
                Ok(Uninstalled::Restored)
            }
            (_, false) => {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
                Ok(Uninstalled::Removed)
            }
        }
    }

    /// Git may run the hook at any moment: it is there as a whole or not at all.
    fn write(&self, hook: HookName, text: &str) -> Result<(), HookError> {
        fs::create_dir_all(&self.path).map_err(failed("make the folder", &self.path))?;
        let path = self.hook(hook);
        let new = self.path.join(format!("{}.new-{}", hook.as_str(), std::process::id()));
        let written = write_executable(&new, text).and_then(|()| fs::rename(&new, &path));
        if written.is_err() {
            // What is half written is of no use; the first failure is the one to tell.
            let _ = fs::remove_file(&new);
        }
        written.map_err(failed("write", &path))
    }
}

fn show(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HookError {
    move |source| HookError::Io { action, path: path.to_owned(), source }
}

fn write_executable(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o777);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: HookName = HookName::PrePush;

    fn folder() -> (tempfile::TempDir, HooksFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let hooks = HooksFolder::new(folder.path().join("hooks"));
        (folder, hooks)
    }

    #[test]
    fn install_twice_then_another_mode_then_take_it_away() {
        let (_folder, hooks) = folder();
        assert_eq!(hooks.install(HOOK, None, false).expect("new"), Installed::New { after_another: false });
        assert_eq!(hooks.install(HOOK, None, false).expect("same"), Installed::Already);
        let renewed = hooks.install(HOOK, Some(Mode::Push), false).expect("another mode");
        assert_eq!(renewed, Installed::Renewed { from: Mode::Check });
        assert_eq!(hooks.install(HOOK, None, false).expect("keeps its mode"), Installed::Already);
        let state = hooks.state(HOOK).expect("a state");
        assert_eq!((state.content, state.is_executable), (Some(Content::Ours(Mode::Push)), true));
        assert_eq!(hooks.uninstall(HOOK, false).expect("gone"), Uninstalled::Removed);
        assert_eq!(hooks.uninstall(HOOK, false).expect("none"), Uninstalled::Absent { another: false });
    }

    #[test]
    fn a_hook_that_loses_its_mode_bit_is_renewed() {
        let (_folder, hooks) = folder();
        hooks.install(HOOK, None, false).expect("new");
        let text = fs::read(hooks.hook(HOOK)).expect("text");
        fs::remove_file(hooks.hook(HOOK)).expect("removed");
        fs::write(hooks.hook(HOOK), text).expect("without the bit");
        if cfg!(unix) {
            assert_eq!(
                hooks.install(HOOK, None, false).expect("again"),
                Installed::Renewed { from: Mode::Check }
            );
        }
        assert!(hooks.state(HOOK).expect("a state").is_executable);
    }

    #[test]
    fn two_hooks_that_were_there_are_one_too_many() {
        let (_folder, hooks) = folder();
        hooks.install(HOOK, None, false).expect("new");
        for path in [hooks.hook(HOOK), hooks.before(HOOK)] {
            fs::write(path, "#!/bin/sh\n").expect("a hook");
        }
        let error = hooks.install(HOOK, None, true).expect_err("occupied");
        assert!(matches!(error, HookError::Occupied { .. }), "{error}");
        assert_eq!(hooks.uninstall(HOOK, true).expect("theirs"), Uninstalled::Absent { another: true });
    }
}
