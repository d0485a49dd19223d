use crate::git::CommitId;
use crate::image::{ContentKey, Tag};
use crate::naming::ImageName;

/// Which tags images get besides their key's; the same for all images of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagPolicy {
    /// HEAD, where images that are clean belong to it.
    pub head: Option<CommitId>,
    /// Tags that git has on HEAD.
    pub git_tags: Vec<Tag>,
    /// The branch's tag, or `pr-N`.
    pub branch: Option<Tag>,
    /// `latest`, or what `-t` and the settings say instead.
    pub moving: Vec<Tag>,
    /// Whether commit and git tags are withheld, because `--build-arg`, `--target` or `--platform` make
    /// images that the commit alone does not give.
    pub uncommitted_options: bool,
}

/// A tag that an image should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantedTag {
    pub(super) tag: Tag,
    pub(super) moves: bool,
}

impl TagPolicy {
    /// The same without tags that move: for images that are only a part of what belongs together.
    #[must_use]
    pub(crate) fn without_moving(&self) -> Self {
        Self { branch: None, moving: Vec::new(), ..self.clone() }
    }

    /// The tags of an image that never move, its key's first.
    pub(crate) fn immutable(
        &self,
        key: ContentKey,
        name: &ImageName,
        revision: Option<CommitId>,
        dirty: bool,
    ) -> Vec<Tag> {
        let tags = self.tags(key, name, revision, dirty);
        tags.into_iter().filter(|wanted| !wanted.moves).map(|wanted| wanted.tag).collect()
    }

    /// The tags of an image that move.
    pub(crate) fn moving(&self, key: ContentKey, name: &ImageName) -> Vec<Tag> {
        let tags = self.tags(key, name, None, true);
        tags.into_iter().filter(|wanted| wanted.moves).map(|wanted| wanted.tag).collect()
    }

    /// The tags of one image: its key first, then those that never move, then those that do.
    pub(super) fn tags(
        &self,
        key: ContentKey,
        name: &ImageName,
        revision: Option<CommitId>,
        dirty: bool,
    ) -> Vec<WantedTag> {
        let mut tags = vec![WantedTag { tag: key.tag(), moves: false }];
        if !dirty && !self.uncommitted_options {
            let commits = revision.into_iter().chain(self.head).map(|commit| Tag::new(&commit.short()));
            tags.extend(commits.flatten().map(|tag| WantedTag { tag, moves: false }));
            tags.extend(self.git_tags.iter().map(|tag| WantedTag { tag: tag.clone(), moves: false }));
        }
        let moving = self.branch.iter().chain(&self.moving);
        tags.extend(moving.map(|tag| WantedTag { tag: tag.clone(), moves: true }));
        for wanted in &mut tags {
            wanted.tag = name.tag(&wanted.tag);
        }
        let mut seen = Vec::with_capacity(tags.len());
        tags.retain(|wanted| {
            let new = !seen.contains(&wanted.tag);
            seen.push(wanted.tag.clone());
            new
        });
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::NameSource;

    fn tag(text: &str) -> Tag {
        Tag::new(text).expect("a tag")
    }

    fn policy() -> TagPolicy {
        TagPolicy {
            head: Some(CommitId::new([0xaa; 20])),
            git_tags: vec![tag("v1.2.3")],
            branch: Some(tag("main")),
            moving: vec![tag("latest")],
            uncommitted_options: false,
        }
    }

    fn name(tag_prefix: Option<&str>) -> ImageName {
        ImageName {
            short: "api".into(),
            tag_prefix: tag_prefix.map(str::to_owned),
            provisional: false,
            source: NameSource::Checkout,
            repository: "acme/api".parse().expect("a repository"),
            plain: None,
            absolute: false,
        }
    }

    fn texts(tags: &[WantedTag]) -> Vec<&str> {
        tags.iter().map(|wanted| wanted.tag.as_str()).collect()
    }

    const KEY: ContentKey = ContentKey::ZERO;
    const REVISION: Option<CommitId> = Some(CommitId::new([0xbb; 20]));

    #[test]
    fn a_clean_image_has_key_commits_git_tags_branch_and_latest() {
        let tags = policy().tags(KEY, &name(None), REVISION, false);
        assert_eq!(
            texts(&tags),
            ["src-0000000000000000", "bbbbbbbbbbbb", "aaaaaaaaaaaa", "v1.2.3", "main", "latest"]
        );
        assert_eq!(tags.iter().filter(|wanted| wanted.moves).count(), 2);
    }

    #[test]
    fn a_dirty_image_has_no_commit_and_no_git_tag() {
        let tags = policy().tags(KEY, &name(None), REVISION, true);
        assert_eq!(texts(&tags), ["src-0000000000000000", "main", "latest"]);
    }

    #[test]
    fn options_beside_the_settings_take_the_commit_tags_away() {
        let policy = TagPolicy { uncommitted_options: true, ..policy() };
        assert_eq!(
            texts(&policy.tags(KEY, &name(None), REVISION, false)),
            ["src-0000000000000000", "main", "latest"]
        );
    }

    #[test]
    fn a_tag_that_is_wanted_twice_is_given_once() {
        let policy = TagPolicy { moving: vec![tag("main"), tag("latest")], ..policy() };
        let head = policy.head;
        let tags = policy.tags(KEY, &name(None), head, false);
        assert_eq!(texts(&tags), ["src-0000000000000000", "aaaaaaaaaaaa", "v1.2.3", "main", "latest"]);
    }

    #[test]
    fn a_prefix_stands_in_front_of_every_tag_and_is_latest_itself() {
        let tags = policy().tags(KEY, &name(Some("8.0")), None, true);
        assert_eq!(texts(&tags), ["8.0-src-0000000000000000", "8.0-main", "8.0"]);
    }
}
