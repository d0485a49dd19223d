use std::fmt;

use crate::git::CommitId;
use crate::git::work_tree::conversion::Refusal;
use crate::path::TreePath;
use crate::printable::printable;

/// Why a file of a commit cannot be read out of git's objects, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// For a message that names the file: `it is …`.
    pub reason: String,
    pub hint: String,
}

impl Obstacle {
    pub(in crate::git) fn submodule(path: &TreePath) -> Self {
        Self {
            reason: format!("it is in the submodule `{path}`, whose commit is not here"),
            hint: format!("`git submodule update --init '{path}'` fetches it"),
        }
    }
}

impl Refusal {
    pub(in crate::git) fn obstacle(&self, commit: &CommitId) -> Obstacle {
        let worktree = format!("`git worktree add DIR {}`", commit.short());
        let hint = match self {
            Self::LfsPointer => format!("{worktree}, `git lfs pull` in DIR, and build there without --rev"),
            Self::Filter(_) | Self::Encoding(_) => {
                format!("{worktree} lets git write the file; build there without --rev")
            }
        };
        Obstacle { reason: self.to_string(), hint }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(name) => {
                write!(
                    f,
                    "the filter `{}` makes its content, which git's objects do not have",
                    printable(name)
                )
            }
            Self::Encoding(name) => {
                write!(f, "git writes it in the encoding `{}`, which is not known here", printable(name))
            }
            Self::LfsPointer => f.write_str("its content is in Git LFS: the commit has only a pointer to it"),
        }
    }
}
