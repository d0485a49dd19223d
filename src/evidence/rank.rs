//! Which of two claims is believed.

use super::claim::is_aside_name;
use super::{Claim, Kind};
use crate::path::TreePath;

/// The smaller one is believed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    kind: Kind,
    is_aside: bool,
    depth: usize,
    has_no_whole_name: bool,
    is_special: bool,
    path: TreePath,
    line: usize,
}

impl Rank {
    pub(super) fn of(claim: &Claim) -> Self {
        let path = claim.place.path.clone();
        Self {
            kind: claim.kind,
            is_aside: is_aside(&path),
            depth: path.components().count(),
            has_no_whole_name: claim.name.as_ref().is_none_or(|name| !name.value.is_whole),
            // `node:beta` and `node:dev` say less of `node` than what has no such tag.
            is_special: claim.other_tag().is_some(),
            line: claim.place.line,
            path,
        }
    }

    /// Whether it is of a file that lists images, rather than of commands.
    pub(super) fn is_declared(&self) -> bool {
        matches!(self.kind, Kind::Bake | Kind::Compose | Kind::Skaffold)
    }

    pub(super) fn is_of_kind(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// Whether a file is for something other than what is published, by its name: an override, development, tests.
fn is_aside(path: &TreePath) -> bool {
    is_aside_name(&path.file_name().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Place;

    fn rank(kind: Kind, path: &str, line: usize) -> Rank {
        Rank::of(&Claim::new(kind, Place { path: path.into(), line }, "Dockerfile".into()))
    }

    #[test]
    fn kinds_then_purpose_then_depth_decide() {
        let ordered = [
            rank(Kind::Bake, "a/b/docker-bake.hcl", 9),
            rank(Kind::Compose, "compose.yaml", 3),
            rank(Kind::Compose, "compose.yaml", 5),
            rank(Kind::Compose, "a/compose.yaml", 1),
            rank(Kind::Compose, "docker-compose.override.yml", 1),
            rank(Kind::Workflow, ".github/workflows/release.yml", 1),
            rank(Kind::Workflow, ".github/workflows/test.yml", 1),
            rank(Kind::Makefile, "Makefile", 1),
            rank(Kind::Script, "build.sh", 1),
        ];
        assert!(ordered.is_sorted());
    }
}
