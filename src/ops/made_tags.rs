use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::git::{Checkout, read_own, replace_file};
use crate::plan::{Plan, TagKind};

/// Tags that runs of this repository have made and whose form does not say so: branches, git's tags, chosen ones. So
/// that a later run can tell the tag of a branch that is gone from one that somebody else made.
pub(super) struct MadeTags {
    folder: PathBuf,
}

const ALL: &str = "tags";
/// Those of branches: of the others nobody can tell when they are done with.
const OF_BRANCHES: &str = "branch-tags";

/// More tags than this, and none is added: an unknown tag only keeps its image.
const MOST: usize = 20_000;
/// A tag has at most 128 bytes (OCI distribution specification, "Pulling manifests").
const LARGEST: u64 = 130 * MOST as u64;

impl MadeTags {
    /// Those of a repository, all its worktrees together.
    pub(super) fn of(checkout: &Checkout) -> Self {
        Self { folder: checkout.common_dir().join("shipwright") }
    }

    pub(super) fn read(&self) -> BTreeSet<String> {
        self.lines(ALL)
    }

    pub(super) fn of_branches(&self) -> BTreeSet<String> {
        self.lines(OF_BRANCHES)
    }

    fn lines(&self, name: &str) -> BTreeSet<String> {
        let text = read_own(&self.folder.join(name), LARGEST).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// Remembers the tags of a plan that is about to be carried out. A checkout that cannot be written to remembers none.
    pub(super) fn add(&self, plan: &Plan) {
        self.add_some(ALL, plan, |kind| !matches!(kind, TagKind::Key | TagKind::Commit | TagKind::Latest));
        self.add_some(OF_BRANCHES, plan, |kind| kind == TagKind::Branch);
    }

    fn add_some(&self, name: &str, plan: &Plan, is_meant: impl Fn(TagKind) -> bool) {
        let known = self.lines(name);
        let tags = plan.steps.iter().flat_map(|step| &step.tags);
        let mut all = known.clone();
        all.extend(tags.filter(|tag| is_meant(tag.kind)).map(|tag| tag.tag.as_str().to_owned()));
        if all.len() != known.len() && all.len() <= MOST {
            let lines: String = all.iter().map(|tag| format!("{tag}\n")).collect();
            replace_file(&self.folder.join(name), lines.as_bytes());
        }
    }
}
