use std::path::{Path, PathBuf};

use git2::{Config, ErrorCode, Odb, Repository, RepositoryOpenFlags};

use super::{CheckoutError, executable};

/// Folders of the user that git reads settings from. Taken from the environment once, at the edge.
#[derive(Clone, Debug, Default)]
pub(super) struct UserFolders {
    /// `$XDG_CONFIG_HOME/git`, else `~/.config/git`.
    pub(super) git_settings: Option<PathBuf>,
}

impl UserFolders {
    pub(super) fn from_environment() -> Self {
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let settings = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
        Self { git_settings: settings.map(|settings| settings.join("git")) }
    }
}

/// A repository, as far as libgit2 can open it.
pub(super) struct Opened {
    /// The folder of the work tree; of a bare repository its own folder.
    pub(super) root: PathBuf,
    /// Whether there is no work tree, so that only commits can be read.
    pub(super) bare: bool,
    pub(super) git_dir: PathBuf,
    pub(super) common_dir: PathBuf,
    pub(super) repository: Repository,
    /// Whether `repository` has objects only: for references the git executable must be asked.
    pub(super) objects_only: bool,
}

impl Opened {
    /// Looks for a repository from `start` upwards. The environment (`GIT_DIR` and the like, which git sets
    /// for its hooks) has no say.
    pub(super) fn discover(start: &Path) -> Result<Self, CheckoutError> {
        let start = std::path::absolute(start).map_err(|error| CheckoutError::io(start, error))?;
        std::fs::metadata(&start).map_err(|error| CheckoutError::io(&start, error))?;
        let nowhere: [&Path; 0] = [];
        match Repository::open_ext(&start, RepositoryOpenFlags::empty(), nowhere) {
            Ok(repository) => {
                let opened = Self {
                    root: normal(repository.workdir().unwrap_or_else(|| repository.path())),
                    bare: repository.workdir().is_none(),
                    git_dir: normal(repository.path()),
                    common_dir: normal(repository.commondir()),
                    repository,
                    objects_only: false,
                };
                Ok(opened)
            }
            Err(error) => Self::explain(&start, &error),
        }
    }

    /// The repository whose work tree is exactly this folder.
    pub(super) fn at(folder: &Path) -> Option<Self> {
        folder.join(".git").symlink_metadata().ok()?;
        Self::discover(folder).ok().filter(|opened| opened.root == folder && !opened.bare)
    }

    /// What libgit2 refuses may still be readable with git's help.
    fn explain(start: &Path, error: &git2::Error) -> Result<Self, CheckoutError> {
        let message = error.message();
        let is_format =
            ["extension", "repository version", "object format"].iter().any(|w| message.contains(w));
        match error.code() {
            ErrorCode::Owner => Err(CheckoutError::Unsafe(owned_by_another(start))),
            ErrorCode::NotFound => Err(CheckoutError::NotARepository(start.to_owned())),
            _ if is_format => Self::with_executable(start, message),
            _ => Err(CheckoutError::git("open the repository", error)),
        }
    }

    /// Opens the objects alone. They are the same in repositories with other references (reftable) or with
    /// extensions that libgit2 does not know (partial clones).
    fn with_executable(start: &Path, message: &str) -> Result<Self, CheckoutError> {
        let what = if message.contains("refstorage") {
            "the reftable format".to_owned()
        } else if message.contains("object format") || message.contains("objectformat") {
            "sha256 object ids".to_owned()
        } else {
            message.rsplit("extension name ").next().unwrap_or(message).to_owned()
        };
        let ask = |arguments: &[&str]| {
            let answer =
                executable::run(start, arguments, "describe the repository").map_err(
                    |failure| match failure.needed_for(start, &what) {
                        CheckoutError::Git { message, .. } if message.contains("dubious ownership") => {
                            CheckoutError::Unsafe(owned_by_another(start))
                        }
                        error => error,
                    },
                )?;
            Ok(String::from_utf8_lossy(&answer).trim_end_matches('\n').to_owned())
        };
        if ask(&["rev-parse", "--show-object-format"])? != "sha1" {
            let what = "sha256 object ids".to_owned();
            return Err(CheckoutError::Unsupported { path: start.to_owned(), what });
        }
        let git_dir = PathBuf::from(ask(&["rev-parse", "--absolute-git-dir"])?);
        let bare = ask(&["rev-parse", "--is-bare-repository"])? == "true";
        let root =
            if bare { git_dir.clone() } else { PathBuf::from(ask(&["rev-parse", "--show-toplevel"])?) };
        let common_dir = ask(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
        let objects = format!("{common_dir}/objects");
        let repository = Odb::new()
            .and_then(|odb| odb.add_disk_alternate(&objects).map(|()| odb))
            .and_then(Repository::from_odb)
            .map_err(|error| CheckoutError::git("open the objects", &error))?;
        let common_dir = PathBuf::from(common_dir);
        Ok(Self { root, bare, git_dir, common_dir, repository, objects_only: true })
    }

    /// The settings of the user and of the repository.
    pub(super) fn config(&self) -> Option<Config> {
        if !self.objects_only {
            return self.repository.config().ok();
        }
        let mut config = Config::open_default().ok()?;
        config.add_file(&self.common_dir.join("config"), git2::ConfigLevel::Local, false).ok()?;
        Some(config)
    }

    /// Opens it again, for a reader of its own.
    pub(super) fn reopen(&self) -> Result<Repository, CheckoutError> {
        let opened = if self.objects_only {
            let objects = self.common_dir.join("objects");
            Odb::new().and_then(|odb| {
                odb.add_disk_alternate(&objects.to_string_lossy())?;
                Repository::from_odb(odb)
            })
        } else {
            Repository::open(&self.git_dir)
        };
        opened.map_err(|error| CheckoutError::git("open the repository", &error))
    }
}

/// The first folder from `start` upwards that holds a `.git`: what `safe.directory` has to name.
fn owned_by_another(start: &Path) -> PathBuf {
    let holds_git = |folder: &&Path| folder.join(".git").symlink_metadata().is_ok();
    start.ancestors().find(holds_git).unwrap_or(start).to_owned()
}

/// Without the slash that libgit2 puts behind folders.
fn normal(path: &Path) -> PathBuf {
    path.components().collect()
}
