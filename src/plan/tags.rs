//! Which tags an image gets, which of them move and when, and which a registry gets: decided here for the engine and
//! for registries alike.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::git::{CommitId, branch_tag};
use crate::image::{ImageReference, Tag};
use crate::project::Image;

/// What a tag says of its image. An image gets its tags in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagKind {
    /// Its content key.
    Key,
    /// A commit: the one that changed it last, or HEAD.
    Commit,
    /// A tag that git has on HEAD.
    Git,
    /// The branch, or `pr-N`.
    Branch,
    /// What `-t` or the settings say instead of `latest`.
    Chosen,
    /// `latest`.
    Latest,
}

/// When tags move: those of a turn together, and only after all of the turn before have moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Turn {
    Branch,
    /// With `latest`.
    Latest,
}

/// Why a registry does not get a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The image has uncommitted changes, and those stand under its branch alone.
    Dirty,
    /// `latest` is the default branch's.
    NotDefault,
}

/// A tag that an image has after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTag {
    /// The tag, prefix included.
    pub tag: Tag,
    /// What it says.
    pub kind: TagKind,
    /// Why a push leaves it alone, if it does.
    pub withheld: Option<Withheld>,
    /// Whether the engine has it on the right image already.
    pub in_place: bool,
}

impl PlannedTag {
    /// Whether it moves from image to image, so that it waits for the whole selection.
    pub(crate) fn moves(&self) -> bool {
        self.kind >= TagKind::Branch
    }

    /// When it moves in a registry; none where it never moves or is withheld.
    pub(crate) fn turn(&self) -> Option<Turn> {
        let turn = if self.kind == TagKind::Latest { Turn::Latest } else { Turn::Branch };
        (self.moves() && self.withheld.is_none()).then_some(turn)
    }
}

/// What moving tags follow.
#[derive(Clone, Debug, Default)]
pub(crate) struct BranchReference {
    /// For people: `main`, `pr-12`.
    pub name: Option<String>,
    pub tag: Option<Tag>,
    /// Whether it is a pull request, which never moves `latest`.
    pub pull_request: bool,
    /// Whether it is the default branch, as far as git and the CI tell.
    pub is_default: bool,
    /// Whether it is a commit that no branch stands for, so that no tag follows it.
    pub fixed: bool,
    /// Tags that the commit is about to get.
    pub new_tags: Vec<String>,
}

impl BranchReference {
    /// Another branch with the same tag: the two would take it from each other.
    pub(crate) fn rival<'b>(&self, branches: &'b [String]) -> Option<&'b String> {
        let (Some(name), Some(tag), false) = (&self.name, &self.tag, self.pull_request) else { return None };
        branches.iter().find(|other| *other != name && branch_tag(other) == *tag)
    }
}

/// Which tags images get besides their key's; the same for all images of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagPolicy {
    /// HEAD, where images that are clean belong to it.
    pub head: Option<CommitId>,
    pub git_tags: Vec<Tag>,
    /// What moving tags follow.
    pub reference: BranchReference,
    /// What `-t` and the settings say instead of `latest`.
    pub chosen: Vec<Tag>,
    /// Whether commit and git tags are withheld, because `--build-arg`, `--target` or `--platform` make
    /// images that the commit alone does not give.
    pub uncommitted_options: bool,
    /// Whether images were named, so that also those that stand aside are published.
    pub named: bool,
}

impl TagPolicy {
    /// The same without tags that move: for images that are only a part of what belongs together.
    #[must_use]
    pub(crate) fn without_moving(self) -> Self {
        Self { reference: BranchReference { fixed: true, ..BranchReference::default() }, ..self }
    }

    /// The tags of an image, each once: its key's, then those that never move, then those that do. None where it has no
    /// key.
    pub(crate) fn tags(&self, image: &Image, dirty: bool) -> Vec<PlannedTag> {
        let Some(key) = image.key() else { return Vec::new() };
        let commits = image.revision.into_iter().chain(self.head);
        let commits = commits.filter_map(|commit| Some((Tag::new(&commit.short()).ok()?, TagKind::Commit)));
        let git_tags = self.git_tags.iter().map(|tag| (tag.clone(), TagKind::Git));
        let is_committed = !dirty && !self.uncommitted_options;
        let of_commit = commits.chain(git_tags).filter(|_| is_committed);
        let mut seen = BTreeSet::new();
        let planned = |(tag, kind)| PlannedTag {
            withheld: self.withheld(&tag, kind, dirty),
            tag: image.name.tag(&tag),
            kind,
            in_place: false,
        };
        let all = [(key.tag(), TagKind::Key)].into_iter().chain(of_commit).chain(self.moving());
        all.map(planned).filter(|planned| seen.insert(planned.tag.clone())).collect()
    }

    /// A pull request has no `latest`, and a commit that no branch stands for nothing but what the user chose for it.
    fn moving(&self) -> impl Iterator<Item = (Tag, TagKind)> {
        let reference = &self.reference;
        let branch = reference.tag.iter().map(|tag| (tag.clone(), TagKind::Branch));
        let latest = Tag::new("latest").ok().filter(|_| self.chosen.is_empty() && !reference.pull_request);
        let others = self.chosen.iter().cloned().chain(latest).filter(|_| !reference.fixed);
        branch.chain(others.map(|tag| {
            let kind = if is_latest(&tag) { TagKind::Latest } else { TagKind::Chosen };
            (tag, kind)
        }))
    }

    fn withheld(&self, tag: &Tag, kind: TagKind, dirty: bool) -> Option<Withheld> {
        if kind < TagKind::Branch {
            return None;
        }
        if dirty && kind != TagKind::Branch {
            return Some(Withheld::Dirty);
        }
        // A branch may be called so too.
        (is_latest(tag) && !self.reference.is_default).then_some(Withheld::NotDefault)
    }
}

fn is_latest(tag: &Tag) -> bool {
    tag.as_str() == "latest"
}

/// A tag that never moves and is another image's.
pub(crate) fn conflict(reference: &ImageReference) -> Diagnostic {
    Diagnostic::warning(format!("{reference} already names an image with different content and is not moved"))
        .hint(
            "tags of commits never move; it was made with other build arguments or other git-ignored inputs",
        )
}

#[cfg(test)]
mod tests {
    use super::TagKind::{Branch, Commit, Git, Latest};
    use super::*;
    use crate::plan::testing::project;

    fn tag(text: &str) -> Tag {
        Tag::new(text).expect("a tag")
    }

    /// A clean `main`, which is the default branch.
    fn policy() -> TagPolicy {
        TagPolicy {
            head: Some(CommitId::new([0xaa; 20])),
            git_tags: vec![tag("v1.2.3")],
            reference: BranchReference {
                name: Some("main".into()),
                tag: Some(tag("main")),
                is_default: true,
                ..BranchReference::default()
            },
            ..TagPolicy::default()
        }
    }

    /// The only image of a checkout, called so.
    fn image(name: &str) -> Image {
        let mut project = project(&[("api/Dockerfile", "FROM scratch\n")], &[("api", name)]);
        Image { revision: Some(CommitId::new([0xbb; 20])), ..project.images.remove(0) }
    }

    /// The tags without the key's, which differs from test to test.
    fn planned(policy: &TagPolicy, dirty: bool) -> Vec<PlannedTag> {
        let mut tags = policy.tags(&image("api"), dirty);
        assert_eq!(tags.remove(0).kind, TagKind::Key);
        tags
    }

    fn texts(tags: &[PlannedTag]) -> Vec<&str> {
        tags.iter().map(|planned| planned.tag.as_str()).collect()
    }

    /// What a push moves, turn by turn.
    fn pushed(policy: &TagPolicy, dirty: bool) -> Vec<(Turn, String)> {
        let turn = |planned: &PlannedTag| Some((planned.turn()?, planned.tag.to_string()));
        planned(policy, dirty).iter().filter_map(turn).collect()
    }

    #[test]
    fn a_clean_image_has_key_commits_git_tags_branch_and_latest() {
        let tags = planned(&policy(), false);
        assert_eq!(texts(&tags), ["bbbbbbbbbbbb", "aaaaaaaaaaaa", "v1.2.3", "main", "latest"]);
        let kinds: Vec<TagKind> = tags.iter().map(|planned| planned.kind).collect();
        assert_eq!(kinds, [Commit, Commit, Git, Branch, Latest]);
        assert_eq!(tags.iter().map(PlannedTag::moves).collect::<Vec<_>>(), [false, false, false, true, true]);
        assert!(tags.iter().all(|planned| planned.withheld.is_none()));
    }

    #[test]
    fn a_dirty_image_has_no_commit_and_no_git_tag() {
        assert_eq!(texts(&planned(&policy(), true)), ["main", "latest"]);
    }

    #[test]
    fn options_beside_the_settings_take_the_commit_tags_away() {
        let policy = TagPolicy { uncommitted_options: true, ..policy() };
        assert_eq!(texts(&planned(&policy, false)), ["main", "latest"]);
    }

    #[test]
    fn what_the_user_chose_takes_the_place_of_latest() {
        let policy = TagPolicy { chosen: vec![tag("edge"), tag("latest")], ..policy() };
        let tags = planned(&policy, true);
        assert_eq!(texts(&tags), ["main", "edge", "latest"]);
        assert_eq!((tags[1].kind, tags[2].kind), (TagKind::Chosen, TagKind::Latest));
    }

    #[test]
    fn a_tag_that_is_wanted_twice_is_given_once() {
        let mut policy = TagPolicy { chosen: vec![tag("main"), tag("latest")], ..policy() };
        policy.head = image("api").revision;
        let tags = planned(&policy, false);
        assert_eq!(texts(&tags), ["bbbbbbbbbbbb", "v1.2.3", "main", "latest"]);
        assert_eq!(tags[2].kind, TagKind::Branch);
        policy.git_tags = vec![tag("main")];
        assert!(!planned(&policy, false)[1].moves(), "what git calls a tag stays");
    }

    #[test]
    fn a_prefix_stands_in_front_of_every_tag_and_is_latest_itself() {
        let tags = policy().tags(&image("api:8.0"), true);
        assert!(tags[0].tag.as_str().starts_with("8.0-src-"), "{}", tags[0].tag);
        assert_eq!(texts(&tags[1..]), ["8.0-main", "8.0"]);
        assert_eq!((tags[1].kind, tags[2].kind), (TagKind::Branch, TagKind::Latest));
    }

    #[test]
    fn a_pull_request_has_no_latest_and_a_lone_commit_no_tag_that_moves() {
        let mut policy = policy();
        policy.reference.pull_request = true;
        assert_eq!(texts(&planned(&policy, true)), ["main"]);
        policy.chosen = vec![tag("edge")];
        assert_eq!(texts(&planned(&policy, true)), ["main", "edge"]);
        policy.reference = BranchReference { fixed: true, ..BranchReference::default() };
        assert!(planned(&policy, true).is_empty());
        assert_eq!(
            texts(&planned(&policy.without_moving(), false)),
            ["bbbbbbbbbbbb", "aaaaaaaaaaaa", "v1.2.3"]
        );
    }

    #[test]
    fn a_push_moves_the_branch_and_what_the_user_chose_before_latest() {
        let policy = TagPolicy { chosen: vec![tag("latest"), tag("edge")], ..policy() };
        let turns = [(Turn::Branch, "main"), (Turn::Latest, "latest"), (Turn::Branch, "edge")];
        assert_eq!(pushed(&policy, false), turns.map(|(turn, tag)| (turn, tag.to_owned())));
    }

    #[test]
    fn a_dirty_image_is_pushed_under_its_branch_alone() {
        let policy = TagPolicy { chosen: vec![tag("edge"), tag("latest")], ..policy() };
        assert_eq!(pushed(&policy, true), [(Turn::Branch, "main".to_owned())]);
        let why: Vec<_> = planned(&policy, true).iter().map(|planned| planned.withheld).collect();
        assert_eq!(why, [None, Some(Withheld::Dirty), Some(Withheld::Dirty)]);
    }

    #[test]
    fn latest_is_pushed_from_the_default_branch_alone_whoever_asked_for_it() {
        let mut policy = policy();
        policy.reference.is_default = false;
        for chosen in [Vec::new(), vec![tag("latest")]] {
            policy.chosen = chosen;
            assert_eq!(pushed(&policy, false), [(Turn::Branch, "main".to_owned())]);
            assert_eq!(planned(&policy, false)[4].withheld, Some(Withheld::NotDefault));
        }
        policy.reference.tag = Some(tag("latest"));
        assert!(pushed(&policy, false).is_empty(), "a branch that is called so");
    }

    #[test]
    fn branches_with_one_tag_are_rivals() {
        let branches = ["main", "a/b", "a-b"].map(str::to_owned);
        let on = |name: &str, pull_request| BranchReference {
            name: Some(name.to_owned()),
            tag: Some(branch_tag(name)),
            pull_request,
            ..BranchReference::default()
        };
        assert_eq!(on("a-b", false).rival(&branches), Some(&branches[1]));
        assert_eq!(on("main", false).rival(&branches), None);
        assert_eq!(on("a-b", true).rival(&branches), None);
        assert_eq!(BranchReference::default().rival(&branches), None);
    }
}
