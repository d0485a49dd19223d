use std::path::{Path, PathBuf};

use git2::{Config, ErrorCode, Odb, Repository, RepositoryOpenFlags};

use crate::git::CheckoutError;
use crate::git::repository::executable::{self, Git};
use crate::git::repository::loose::Loose;
use crate::git::repository::objects::Objects;
use crate::git::repository::packs;
use crate::git::repository::place;

/// Folders of the user that git reads settings from. Taken from the environment once, at the edge.
#[derive(Clone, Debug, Default)]
pub(in crate::git) struct UserFolders {
    /// `$XDG_CONFIG_HOME/git`, else `~/.config/git`.
    pub(in crate::git) git_settings: Option<PathBuf>,
    /// `GIT_DIR` and `GIT_WORK_TREE`, if both are given.
    pub(in crate::git) repository: Option<(PathBuf, PathBuf)>,
}

impl UserFolders {
    pub(in crate::git) fn from_environment() -> Self {
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let settings = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
        Self {
            git_settings: settings.map(|settings| settings.join("git")),
            repository: folder("GIT_DIR").zip(folder("GIT_WORK_TREE")),
        }
    }
}

/// A repository, as far as libgit2 can open it.
pub(in crate::git) struct Opened {
    /// The folder of the work tree; of a bare repository its own folder.
    pub(in crate::git) root: PathBuf,
    /// Whether there is no work tree, so that only commits can be read.
    pub(in crate::git) bare: bool,
    /// Whether a `.git` led to it.
    is_held: bool,
    pub(in crate::git) git_dir: PathBuf,
    pub(in crate::git) common_dir: PathBuf,
    pub(in crate::git) objects: Objects,
    /// Whether it has objects only: for references the git executable must be asked.
    pub(in crate::git) objects_only: bool,
}

impl Opened {
    /// Looks for a repository from `start` upwards. `GIT_DIR` and `GIT_WORK_TREE`, which git sets for its hooks, count
    /// only where there is none.
    pub(in crate::git) fn discover(start: &Path, user: &UserFolders) -> Result<Self, CheckoutError> {
        let start = std::path::absolute(start).map_err(|error| CheckoutError::io(start, error))?;
        std::fs::metadata(&start).map_err(|error| CheckoutError::io(&start, error))?;
        match Self::open(&start, RepositoryOpenFlags::empty()) {
            Ok(found) => Ok(found.outermost()),
            Err(error @ CheckoutError::NotARepository(_)) => Self::named(&start, user).ok_or(error),
            Err(error) => Err(error),
        }
    }

    fn open(start: &Path, flags: RepositoryOpenFlags) -> Result<Self, CheckoutError> {
        let nowhere: [&Path; 0] = [];
        let repository = match Repository::open_ext(start, flags, nowhere) {
            Ok(repository) => repository,
            Err(error) => return Self::explain(start, &error),
        };
        packs::check(repository.commondir())?;
        let holder = place::holder(start, repository.path());
        let work_tree = place::work_tree(&repository, holder.as_deref());
        let git_dir = place::normal(repository.path());
        let common_dir = place::normal(repository.commondir());
        Ok(Self {
            is_held: holder.is_some(),
            bare: work_tree.is_none(),
            root: work_tree.unwrap_or_else(|| git_dir.clone()),
            objects: Objects::new(repository, Loose::of(&common_dir)),
            common_dir,
            git_dir,
            objects_only: false,
        })
    }

    /// A repository without a `.git` may be a folder of somebody's checkout: files like all others, whose
    /// configuration came with a clone. It is not entered; the checkout around it is what counts.
    fn outermost(self) -> Self {
        let mut from = if self.is_held { None } else { self.git_dir.parent().map(Path::to_owned) };
        while let Some(folder) = from {
            let Ok(around) = Self::open(&folder, RepositoryOpenFlags::empty()) else { break };
            if around.is_held {
                let is_its_own = self.git_dir.starts_with(&around.common_dir);
                return if is_its_own || around.bare { self } else { around };
            }
            from = around.git_dir.parent().map(Path::to_owned);
        }
        self
    }

    /// The repository and work tree that the environment names, if `start` is in that work tree.
    fn named(start: &Path, user: &UserFolders) -> Option<Self> {
        let (git_dir, work_tree) = user.repository.as_ref()?;
        let root = work_tree.canonicalize().ok()?;
        if !start.canonicalize().ok()?.starts_with(&root) {
            return None;
        }
        let opened = Self::open(git_dir, RepositoryOpenFlags::NO_SEARCH).ok()?;
        Some(Self { root, bare: false, ..opened })
    }

    /// The repository whose `.git` this folder holds.
    pub(in crate::git) fn at(folder: &Path) -> Result<Option<Self>, CheckoutError> {
        if folder.join(".git").symlink_metadata().is_err() {
            return Ok(None);
        }
        match Self::open(folder, RepositoryOpenFlags::NO_SEARCH) {
            // The files are those of this folder, wherever its repository was made for.
            Ok(found) if found.is_held => Ok(Some(Self { root: folder.to_owned(), bare: false, ..found })),
            // An empty `.git` is no repository, neither for git.
            Ok(_) | Err(CheckoutError::NotARepository(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(in crate::git) fn git(&self) -> Git {
        if self.bare { Git::bare(&self.git_dir) } else { Git::with_work_tree(&self.git_dir, &self.root) }
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
            let answer = executable::find(start, arguments, "describe the repository").map_err(
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
        packs::check(Path::new(&common_dir))?;
        let objects = format!("{common_dir}/objects");
        let repository = Odb::new()
            .and_then(|odb| odb.add_disk_alternate(&objects).map(|()| odb))
            .and_then(Repository::from_odb)
            .map_err(|error| CheckoutError::git("open the objects", &error))?;
        let common_dir = PathBuf::from(common_dir);
        let is_held = place::holder(start, &git_dir).is_some();
        let objects = Objects::new(repository, Loose::of(&common_dir));
        Ok(Self { root, bare, is_held, git_dir, common_dir, objects, objects_only: true })
    }

    /// The settings of the user and of the repository.
    pub(in crate::git) fn config(&self) -> Option<Config> {
        if !self.objects_only {
            return self.objects.none().config().ok();
        }
        let mut config = Config::open_default().ok()?;
        config.add_file(&self.common_dir.join("config"), git2::ConfigLevel::Local, false).ok()?;
        Some(config)
    }

    /// Opens it again, for a reader of its own.
    pub(in crate::git) fn reopen(&self) -> Result<Objects, CheckoutError> {
        let opened = if self.objects_only {
            let objects = self.common_dir.join("objects");
            Odb::new().and_then(|odb| {
                odb.add_disk_alternate(&objects.to_string_lossy())?;
                Repository::from_odb(odb)
            })
        } else {
            Repository::open(&self.git_dir)
        };
        let repository = opened.map_err(|error| CheckoutError::git("open the repository", &error))?;
        Ok(Objects::new(repository, self.objects.loose()))
    }
}

/// The first folder from `start` upwards that holds a `.git`: what `safe.directory` has to name.
fn owned_by_another(start: &Path) -> PathBuf {
    let holds_git = |folder: &&Path| folder.join(".git").symlink_metadata().is_ok();
    start.ancestors().find(holds_git).unwrap_or(start).to_owned()
}
