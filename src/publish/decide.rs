use std::collections::BTreeMap;

use super::{ImageIdentity, Standing, destination};
use crate::diagnostic::Diagnostic;
use crate::git::CommitId;
use crate::image::{ContentKey, Digest, ImageReference, InvalidReference, Platform, Repository, Tag};
use crate::plan::{Plan, Step, StepId, TagKind, Turn, conflict};

/// What one image should have in one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub step: StepId,
    pub repository: Repository,
    pub key: Tag,
    pub identity: ImageIdentity,
    /// Other tags that never move.
    pub immutable: Vec<Tag>,
    pub moving: Vec<(Turn, Tag)>,
}

impl Wanted {
    /// What registries should have of a plan's images, registry by registry; where none is named each image's own.
    pub(crate) fn all(plan: &Plan, registries: &[Option<String>]) -> Result<Vec<Self>, InvalidReference> {
        let of_one = |registry: &Option<String>| {
            let published = plan.numbered().filter(|(_, step)| step.published);
            let wanted =
                published.filter_map(|(at, step)| Self::of(at, step, registry.as_deref()).transpose());
            wanted.collect::<Vec<_>>()
        };
        registries.iter().flat_map(of_one).collect()
    }

    /// What one registry should have of an image; nothing where it is blocked.
    fn of(id: StepId, step: &Step, registry: Option<&str>) -> Result<Option<Self>, InvalidReference> {
        let (Some(key), Some(platform)) = (step.key, step.platform.clone()) else { return Ok(None) };
        let key_tag = step.tags.iter().find(|tag| tag.kind == TagKind::Key);
        let Some(key_tag) = key_tag else { return Ok(None) };
        let immutable = step.tags.iter().filter(|tag| !tag.moves() && tag.kind != TagKind::Key);
        let moving = step.tags.iter().filter_map(|tag| Some((tag.turn()?, tag.tag.clone())));
        Ok(Some(Self {
            step: id,
            repository: destination(&step.repository, registry)?,
            key: key_tag.tag.clone(),
            identity: ImageIdentity { key, platform },
            immutable: immutable.map(|tag| tag.tag.clone()).collect(),
            moving: moving.collect(),
        }))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub key: Option<Standing>,
    pub tags: BTreeMap<Tag, Standing>,
}

/// What happens to one image in one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    pub wanted: Wanted,
    /// What stands under the key; none: it has to be pushed.
    pub found: Option<Digest>,
    /// What stands there and is something else: nothing may happen to this image.
    pub impostor: Option<Standing>,
    /// Tags that never move and are missing.
    pub missing: Vec<Tag>,
    /// Tags that never move and name something else: they stay.
    pub conflicts: Vec<Tag>,
    pub moves: Vec<TagMove>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagMove {
    pub tag: Tag,
    pub turn: Turn,
    /// Where it is now.
    pub from: Option<Standing>,
}

impl Publication {
    /// Whether nothing is left to do.
    pub(crate) fn is_in_place(&self) -> bool {
        self.found.is_some() && self.missing.is_empty() && self.moves.is_empty()
    }

    pub(crate) fn tagged(&self, tag: &Tag) -> ImageReference {
        self.wanted.repository.with_tag(tag.clone())
    }
}

/// Compares what should be with what is, image by image.
pub(crate) fn decide(wanted: Vec<Wanted>, observed: &[Observed]) -> Vec<Publication> {
    wanted.into_iter().zip(observed).map(|(wanted, observed)| compare(wanted, observed)).collect()
}

fn compare(wanted: Wanted, observed: &Observed) -> Publication {
    let (own, impostor) = match &observed.key {
        Some(standing) if wanted.identity.is_of(standing) => (Some(&standing.digest), None),
        standing => (None, standing.clone()),
    };
    let is_it = |standing: &Standing| own == Some(&standing.digest);
    let (mut missing, mut conflicts) = (Vec::new(), Vec::new());
    for tag in &wanted.immutable {
        match observed.tags.get(tag) {
            None => missing.push(tag.clone()),
            Some(standing) if is_it(standing) => {}
            Some(_) => conflicts.push(tag.clone()),
        }
    }
    let moves = wanted.moving.iter().filter_map(|(turn, tag)| match observed.tags.get(tag) {
        Some(standing) if is_it(standing) => None,
        from => Some(TagMove { tag: tag.clone(), turn: *turn, from: from.cloned() }),
    });
    let moves = moves.collect();
    Publication { found: own.cloned(), impostor, missing, conflicts, moves, wanted }
}

/// What is known about where tags stand.
pub(crate) struct Judgement<'a> {
    /// Whether a commit is in the history of what is pushed; `None` where the history does not tell.
    pub is_ancestor: &'a dyn Fn(CommitId) -> Option<bool>,
    pub force: bool,
    /// Whether git asks, before a push of commits: nobody can add an option then.
    pub in_hook: bool,
    /// Whether tags are versions: one that is there never moves.
    pub immutable: bool,
}

/// Says what speaks against a publication. Errors stop the whole run before it changes anything.
pub(crate) fn judge(publication: &Publication, judgement: &Judgement<'_>) -> Vec<Diagnostic> {
    let Wanted { identity, key, .. } = &publication.wanted;
    let impostor = publication.impostor.as_ref();
    if let Some(objection) =
        impostor.and_then(|standing| identity.objection(&publication.tagged(key), standing))
    {
        return vec![objection];
    }
    let conflicts = publication.conflicts.iter().map(|tag| conflict(&publication.tagged(tag)));
    let moves = publication.moves.iter().filter_map(|moved| judge_move(publication, moved, judgement));
    conflicts.chain(moves).collect()
}

/// Says what speaks against moving one tag.
pub(super) fn judge_move(
    publication: &Publication,
    moved: &TagMove,
    judgement: &Judgement<'_>,
) -> Option<Diagnostic> {
    let from = moved.from.as_ref()?;
    let reference = publication.tagged(&moved.tag);
    if judgement.immutable {
        let Wanted { identity, .. } = &publication.wanted;
        return (!identity.is_of(from)).then(|| taken(&reference, from.key, identity.key));
    }
    fewer_platforms(&reference, from, &publication.wanted.identity.platform, judgement)
        .or_else(|| overtaken(&reference, from, judgement))
}

pub(crate) fn taken(reference: &ImageReference, found: Option<ContentKey>, wanted: ContentKey) -> Diagnostic {
    let found = match found {
        Some(found) => format!("with the key {}", found.tag()),
        None => "without a key of Shipwright's".to_owned(),
    };
    Diagnostic::error(format!(
        "{reference} is there already, {found}; what is checked out has {}",
        wanted.tag()
    ))
    .hint(
        "a version names one content for ever: release another one, or check out what this one was made from",
    )
}

fn fewer_platforms(
    reference: &ImageReference,
    from: &Standing,
    platform: &Platform,
    judgement: &Judgement<'_>,
) -> Option<Diagnostic> {
    let lost: Vec<String> = from
        .platforms
        .iter()
        .filter(|standing| !platform.satisfies(standing))
        .map(ToString::to_string)
        .collect();
    // Another single platform in place of this one loses nothing that was asked for twice.
    if from.platforms.len() <= 1 || lost.is_empty() {
        return None;
    }
    Some(
        Diagnostic::error(format!(
            "{reference} is there for {} too: an image for {platform} alone would replace it",
            lost.join(", ")
        ))
        .hint(if judgement.in_hook {
            "push the commits alone with `git push --no-verify`, and the images with `shipwright push -t` or `-x`"
        } else {
            "push under another tag with -t, or leave the image out with -x"
        }),
    )
}

fn overtaken(reference: &ImageReference, from: &Standing, judgement: &Judgement<'_>) -> Option<Diagnostic> {
    let revision = from.revision?;
    if (judgement.is_ancestor)(revision) != Some(false) {
        return None;
    }
    let message = format!("{reference} is at {}, which is not in this history", revision.short());
    Some(if judgement.force {
        Diagnostic::warning(format!("{message}: --force moves it anyway"))
    } else {
        Diagnostic::error(message)
            .hint(if judgement.in_hook {
                "somebody pushed meanwhile: fetch and merge or rebase; `shipwright push --force` moves the tag anyway"
            } else {
                "somebody pushed meanwhile: fetch and merge or rebase; --force moves the tag anyway"
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::plan::testing::{plan, project};
    use crate::plan::{BranchReference, TagPolicy};

    fn digest(byte: u8) -> Digest {
        Digest::new(&format!("sha256:{}", format!("{byte:02x}").repeat(32))).expect("a digest")
    }

    fn tag(text: &str) -> Tag {
        Tag::new(text).expect(text)
    }

    fn standing(byte: u8) -> Standing {
        Standing { digest: digest(byte), key: None, revision: None, platforms: vec![amd64()] }
    }

    fn amd64() -> Platform {
        "linux/amd64".parse().expect("a platform")
    }

    fn own(byte: u8) -> Standing {
        Standing { key: Some(ContentKey::ZERO), ..standing(byte) }
    }

    fn wanted() -> Wanted {
        Wanted {
            step: StepId(0),
            repository: Repository::new("acme/api").expect("a repository"),
            key: tag("src-1"),
            identity: ImageIdentity { key: ContentKey::ZERO, platform: amd64() },
            immutable: vec![tag("c1"), tag("v1")],
            moving: vec![(Turn::Branch, tag("main")), (Turn::Latest, tag("latest"))],
        }
    }

    #[test]
    fn everything_is_missing_at_first() {
        let publication = compare(wanted(), &Observed::default());
        assert_eq!(publication.found, None);
        assert_eq!(publication.missing, [tag("c1"), tag("v1")]);
        assert_eq!(
            publication.moves.iter().map(|moved| moved.turn).collect::<Vec<_>>(),
            [Turn::Branch, Turn::Latest]
        );
        assert!(!publication.is_in_place());
    }

    #[test]
    fn what_is_in_place_stays() {
        let tags = ["c1", "v1", "main", "latest"].map(|name| (tag(name), standing(1)));
        let observed = Observed { key: Some(own(1)), tags: tags.into_iter().collect() };
        assert!(compare(wanted(), &observed).is_in_place());
    }

    #[test]
    fn settled_tags_never_move_and_moving_ones_say_from_where() {
        let tags = ["c1", "main"].map(|name| (tag(name), standing(2)));
        let observed = Observed { key: Some(own(1)), tags: tags.into_iter().collect() };
        let publication = compare(wanted(), &observed);
        assert_eq!((publication.missing, publication.conflicts), (vec![tag("v1")], vec![tag("c1")]));
        assert_eq!(publication.moves[0].from, Some(standing(2)));
        assert_eq!(publication.moves[1].from, None);
    }

    fn severities(from: Standing, is_ancestor: Option<bool>, force: bool) -> Vec<Severity> {
        let observed = Observed { key: Some(own(1)), tags: [(tag("main"), from)].into() };
        let publication = compare(wanted(), &observed);
        let is_ancestor = |_| is_ancestor;
        let found = judge(
            &publication,
            &Judgement { is_ancestor: &is_ancestor, force, in_hook: false, immutable: false },
        );
        found.into_iter().map(|diagnostic| diagnostic.severity).collect()
    }

    #[test]
    fn a_tag_that_somebody_moved_meanwhile_needs_force() {
        let theirs = Standing { revision: "1".repeat(40).parse().ok(), ..standing(2) };
        assert_eq!(severities(theirs.clone(), Some(true), false), []);
        assert_eq!(severities(theirs.clone(), None, false), [], "a shallow clone cannot tell");
        assert_eq!(severities(theirs.clone(), Some(false), false), [Severity::Error]);
        assert_eq!(severities(theirs, Some(false), true), [Severity::Warning]);
        assert_eq!(severities(standing(2), Some(false), false), [], "a dirty image has no revision");
    }

    #[test]
    fn what_is_something_else_under_a_key_stops_everything() {
        let tags = ["c1", "v1", "main", "latest"].map(|name| (tag(name), standing(2)));
        let observed = Observed { key: Some(standing(2)), tags: tags.into_iter().collect() };
        let publication = compare(wanted(), &observed);
        assert!(!publication.is_in_place() && publication.found.is_none());
        assert_eq!(publication.impostor, Some(standing(2)));
        let found = judge(
            &publication,
            &Judgement { is_ancestor: &|_| Some(true), force: true, in_hook: false, immutable: false },
        );
        assert_eq!(found.iter().map(|found| found.severity).collect::<Vec<_>>(), [Severity::Error]);
    }

    #[test]
    fn platforms_are_not_lost() {
        let arm: Platform = "linux/arm64".parse().expect("a platform");
        let both = Standing { platforms: vec![amd64(), arm.clone()], ..standing(2) };
        assert_eq!(severities(both, Some(true), true), [Severity::Error]);
        let other = Standing { platforms: vec![arm], ..standing(2) };
        assert_eq!(severities(other, Some(true), false), []);
    }

    /// What registries should have of three images, of which one stands aside and one cannot be built.
    fn from_plan(policy: &TagPolicy, registries: &[Option<String>]) -> Vec<Wanted> {
        let files = [
            ("sdk/Dockerfile", "FROM busybox\n"),
            ("examples/demo/Dockerfile", "FROM busybox\n"),
            ("odd/Dockerfile", "FROM busybox\nCOPY gone /\n"),
        ];
        let project = project(&files, &[("sdk", "sdk:8.0")]);
        Wanted::all(&plan(&project, policy, &[]), registries).expect("names of registries")
    }

    #[test]
    fn what_a_registry_should_have_is_what_the_plan_says() {
        let reference =
            BranchReference { tag: Some(tag("main")), is_default: true, ..BranchReference::default() };
        let policy = TagPolicy { reference, git_tags: vec![tag("v1")], ..TagPolicy::default() };
        let [wanted] = &from_plan(&policy, &[None])[..] else { panic!("neither what is blocked nor aside") };
        assert_eq!(
            wanted.key,
            tag(&format!("8.0-{}", wanted.identity.key.tag())),
            "with its prefix, as on the engine"
        );
        assert_eq!(wanted.immutable, [tag("8.0-v1")]);
        assert_eq!(wanted.moving, [(Turn::Branch, tag("8.0-main")), (Turn::Latest, tag("8.0"))]);
    }

    #[test]
    fn what_is_withheld_is_asked_of_no_registry() {
        let reference = BranchReference { tag: Some(tag("topic")), ..BranchReference::default() };
        let policy = TagPolicy { reference, ..TagPolicy::default() };
        assert_eq!(from_plan(&policy, &[None])[0].moving, [(Turn::Branch, tag("8.0-topic"))]);
        assert_eq!(from_plan(&policy.without_moving(), &[None])[0].moving, []);
    }

    #[test]
    fn images_go_to_one_registry_after_the_other_and_those_aside_when_named() {
        let policy = TagPolicy { named: true, ..TagPolicy::default() };
        let registries = [Some("a.io".to_owned()), Some("b.io/x".to_owned())];
        let all = from_plan(&policy, &registries);
        let names: Vec<String> = all.iter().map(|wanted| wanted.repository.to_string()).collect();
        assert_eq!(names, ["a.io/acme/demo", "a.io/acme/sdk", "b.io/x/acme/demo", "b.io/x/acme/sdk"]);
        assert_eq!((all[0].step, all[2].step), (StepId(0), StepId(0)));
    }
}
