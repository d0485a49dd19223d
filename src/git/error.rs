use std::io;
use std::path::{Path, PathBuf};

use crate::printable::printable;

/// Why a checkout cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// Neither the folder nor one above it belongs to a git repository.
    #[error("{} is not in a git repository", show(.0))]
    NotARepository(PathBuf),
    /// A repository without a work tree.
    #[error("{} is a bare repository: it has no work tree", show(.0))]
    Bare(PathBuf),
    /// Someone else owns the repository, and git's `safe.directory` does not list it.
    #[error("{} belongs to another user, and `safe.directory` does not list it", show(.0))]
    Unsafe(PathBuf),
    /// A repository format that libgit2 does not read, and no git executable that does.
    #[error("{} uses {what}, which Shipwright cannot read", show(.path))]
    Unsupported {
        path: PathBuf,
        /// The format or extension.
        what: String,
    },
    /// The text names no commit.
    #[error("`{}` is not a commit of this repository", printable(.0))]
    UnknownRevision(String),
    /// An object that history or a tree refers to is not here.
    #[error("the object {0} is not in this repository")]
    MissingObject(String),
    /// Something in the git folder does not have the form it should have.
    #[error("{} is damaged: {reason}", show(.path))]
    Damaged { path: PathBuf, reason: &'static str },
    /// An object that is here, but not whole.
    #[error("the object {id} of this repository is damaged: {reason}")]
    DamagedObject { id: String, reason: &'static str },
    /// The file system refused.
    #[error("cannot read {}: {source}", show(.path))]
    Io { path: PathBuf, source: io::Error },
    /// libgit2 or the git executable refused.
    #[error("git could not {action}: {}", printable(.message))]
    Git { action: &'static str, message: String },
}

impl CheckoutError {
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotARepository(_) => {
                "run it inside a git checkout, or name one with `-C DIR`; `git init` makes one".to_owned()
            }
            Self::Bare(_) => {
                "`--rev BRANCH` reads a commit of it; else clone it, or `git worktree add DIR`".to_owned()
            }
            Self::Unsafe(path) => {
                format!("if you trust it: git config --global --add safe.directory '{}'", show(path))
            }
            Self::Unsupported { what, .. } if what.contains("sha256") => {
                "only repositories with SHA-1 object ids are supported".to_owned()
            }
            Self::Unsupported { .. } => {
                "install the git executable: Shipwright asks it where its own reader does not suffice"
                    .to_owned()
            }
            Self::MissingObject(_) => {
                "a partial clone lacks it: `git fetch --refetch --no-filter` brings everything".to_owned()
            }
            Self::Damaged { path, .. } if path.extension().is_some_and(|extension| extension == "idx") => {
                "`git index-pack PACK`, with the .pack beside it, writes it again; `git fsck` says more"
                    .to_owned()
            }
            Self::Damaged { path, .. } if path.ends_with("index") => {
                "`git status` says more; without the file, `git reset` writes it again".to_owned()
            }
            Self::Damaged { .. } => "`git fsck` and `git status` say more".to_owned(),
            Self::DamagedObject { .. } => "`git fsck` says more; a fresh clone has it whole".to_owned(),
            Self::UnknownRevision(_) => "`git branch --all` and `git tag` list the names".to_owned(),
            Self::Io { .. } | Self::Git { .. } => return None,
        })
    }

    pub(in crate::git) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(in crate::git) fn git(action: &'static str, error: &git2::Error) -> Self {
        Self::Git { action, message: error.message().to_owned() }
    }

    /// An object that could not be read: absent, or something worse.
    pub(in crate::git) fn object(id: git2::Oid, error: &git2::Error) -> Self {
        if error.code() == git2::ErrorCode::NotFound {
            Self::MissingObject(id.to_string())
        } else {
            Self::git("read an object", error)
        }
    }
}

impl From<CheckoutError> for io::Error {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::Io { source, .. } => source,
            CheckoutError::MissingObject(_) => Self::new(io::ErrorKind::NotFound, error),
            other => Self::other(other),
        }
    }
}

/// A path of the local file system for people.
pub(in crate::git) fn show(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}
