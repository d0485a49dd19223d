//! Real repositories for tests, made with the git executable in temporary folders.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Checkout;
use super::repository::executable;
use crate::git::repository::discover::UserFolders;
use crate::path::TreePath;

/// A repository in a temporary folder.
pub(crate) struct TestRepository {
    folder: tempfile::TempDir,
    root: PathBuf,
    /// Seconds that pass with each commit, so that dates are fixed and differ.
    clock: AtomicU64,
}

impl TestRepository {
    /// An empty repository on the branch `main`.
    pub(crate) fn new() -> Self {
        let repository = Self::without_git();
        repository.git(["init", "--quiet", "-b", "main"]);
        repository
    }

    /// A folder that is no repository.
    pub(crate) fn without_git() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("the folder is there").join("checkout");
        std::fs::create_dir(&root).expect("writable");
        Self { folder, root, clock: AtomicU64::new(1_700_000_000) }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The temporary folder, for other repositories beside this one.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder is there").join(name)
    }

    pub(crate) fn checkout(&self) -> Checkout {
        Checkout::discover_for(&self.root, UserFolders::default()).expect("a checkout")
    }

    pub(crate) fn git<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> String {
        String::from_utf8(self.git_in(&self.root, arguments)).expect("text").trim_end().to_owned()
    }

    /// Output of git in another folder.
    pub(crate) fn git_in<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: I,
    ) -> Vec<u8> {
        let date = format!("{} +0000", self.clock.fetch_add(60, Ordering::Relaxed));
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(["-c", "protocol.file.allow=always"]).args(arguments);
        for name in executable::REDIRECTIONS {
            command.env_remove(name);
        }
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.com")
            .env("GIT_COMMITTER_NAME", "A")
            .env("GIT_COMMITTER_EMAIL", "a@example.com")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .env("XDG_CONFIG_HOME", "/dev/null");
        let output = command.output().expect("git runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {errors}");
        output.stdout
    }

    pub(crate) fn path(&self, path: impl AsRef<[u8]>) -> PathBuf {
        TreePath::new(path).to_os(&self.root)
    }

    pub(crate) fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
        std::fs::write(path, content).expect("writable");
    }

    pub(crate) fn remove(&self, path: impl AsRef<[u8]>) {
        std::fs::remove_file(self.path(path)).expect("there");
    }

    #[cfg(unix)]
    pub(crate) fn link(&self, path: impl AsRef<[u8]>, target: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
        std::os::unix::fs::symlink(target, path).expect("writable");
    }

    #[cfg(unix)]
    pub(crate) fn set_mode(&self, path: impl AsRef<[u8]>, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(path), mode).expect("allowed");
    }

    /// Adds everything and commits it; gives the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(["rev-parse", "HEAD"])
    }

    /// Makes the index look as if it had been written long after all the files, as it is after a while.
    pub(crate) fn settle(&self) {
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
        for path in self.git(["ls-files"]).lines() {
            if let Ok(file) = std::fs::File::options().append(true).open(self.path(path)) {
                let _ = file.set_modified(old);
            }
        }
        self.git(["update-index", "-q", "--unmerged", "--refresh"]);
        self.settle_index();
    }

    /// The same without a look at the files.
    pub(crate) fn settle_index(&self) {
        // The time of change cannot be set, so the index has to come from the future instead.
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(100);
        let index = self.git(["rev-parse", "--git-path", "index"]);
        if let Ok(index) = std::fs::File::options().append(true).open(self.root.join(index)) {
            index.set_modified(later).expect("allowed");
        }
    }
}
