use crate::ci::{CiJob, CiTrigger};
use crate::git::{Checkout, branch_tag};
use crate::image::Tag;
use crate::plan::BranchReference;

impl BranchReference {
    fn of_branch(branch: &str) -> Self {
        Self { tag: Some(branch_tag(branch)), name: Some(branch.to_owned()), ..Self::default() }
    }

    /// What follows a commit: its branch, if it stands for one, else nothing but tags that the user chose, if any.
    pub(super) fn of_commit(checkout: &Checkout, branch: Option<&str>, follows_nothing: bool) -> Self {
        match branch {
            Some(branch) => Self {
                is_default: checkout.head().default_branch.as_deref() == Some(branch),
                ..Self::of_branch(branch)
            },
            None => Self { fixed: follows_nothing, ..Self::default() },
        }
    }

    /// What follows what is checked out: its branch, or what the CI system says it was checked out for.
    pub(super) fn of_head(checkout: &Checkout, ci: &CiJob) -> Self {
        let head = checkout.head();
        let ci = ci.reference(head);
        let told = ci.as_ref().and_then(|ci| ci.default_branch.clone());
        let default = told.or_else(|| head.default_branch.clone());
        let of_branch =
            |branch: &str| Self { is_default: default.as_deref() == Some(branch), ..Self::of_branch(branch) };
        match (ci.map(|reference| reference.trigger), &head.branch) {
            (Some(CiTrigger::PullRequest(number)), _) => {
                let name = format!("pr-{number}");
                Self { tag: Tag::new(&name).ok(), name: Some(name), pull_request: true, ..Self::default() }
            }
            (Some(CiTrigger::Nothing), _) => Self { pull_request: true, ..Self::default() },
            (Some(CiTrigger::Branch(branch)), None) => of_branch(&branch),
            (_, Some(branch)) => of_branch(branch),
            (Some(CiTrigger::Tag(_)) | None, None) => Self::default(),
        }
    }
}
