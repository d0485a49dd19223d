//! How `BuildKit` is told what the references of a Dockerfile mean: by build contexts of their names, or, where that
//! would mean something else, by a Dockerfile in which they are pinned.

use std::collections::BTreeMap;

use crate::dockerfile::ImageUse;
use crate::execution::pins;
use crate::graph::DependencyKind;
use crate::image::ImageReference;
use crate::plan::ImageId;
use crate::project::{Image, Project};

/// What a reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An image of this checkout.
    Local(ImageId),
    /// An external image.
    External(ImageReference),
}

/// What the references of one Dockerfile mean.
pub(super) struct Contexts {
    /// By the name that `BuildKit` looks for.
    pub of: BTreeMap<String, Meaning>,
    /// The Dockerfile in which these names stand, where the file itself will not do.
    pub pinned: Option<Vec<u8>>,
}

/// A reference, and whether builds FROM its image use it.
struct Named {
    name: String,
    meaning: Meaning,
    onbuild: bool,
}

/// The contexts of an image, those included that triggers of its bases need.
pub(super) fn contexts(project: &Project, image: &Image) -> Result<Contexts, String> {
    let (mut named, pinned) = named(project, image)?;
    let mut bases: Vec<ImageId> = from(image).collect();
    let mut at = 0;
    while let Some(base) = bases.get(at).copied() {
        at += 1;
        let (carried, _) = self::named(project, &project.images[base])?;
        named.extend(carried.into_iter().filter(|reference| reference.onbuild));
        bases.extend(
            from(&project.images[base]).filter(|further| !bases.contains(further)).collect::<Vec<_>>(),
        );
    }
    let mut of: BTreeMap<String, Meaning> = BTreeMap::new();
    for reference in named {
        // What stands in the Dockerfile itself comes first.
        of.entry(reference.name).or_insert(reference.meaning);
    }
    for declared in &image.declared {
        // Nothing refers to it, but it is built before.
        if let Some(reference) = project.images[*declared].reference() {
            of.insert(reference.to_string(), Meaning::Local(*declared));
        }
    }
    Ok(Contexts { of, pinned })
}

fn from(image: &Image) -> impl Iterator<Item = ImageId> {
    image.bound.iter().filter(|bound| bound.kind == DependencyKind::From).map(|bound| bound.image)
}

/// The references that stand in a Dockerfile, and the Dockerfile with pinned ones where it needs that.
fn named(project: &Project, image: &Image) -> Result<(Vec<Named>, Option<Vec<u8>>), String> {
    let named = by_context(image);
    if is_understood(image, &named) {
        return Ok((named, None));
    }
    let onbuild = |start| used(image, start).is_some_and(|used| used.onbuild);
    let pinned = image.bound.iter().filter_map(|bound| {
        let reference = project.images[bound.image].reference()?;
        let onbuild = onbuild(bound.span.start);
        Some(Named { name: reference.context_name(), meaning: Meaning::Local(bound.image), onbuild })
    });
    let text = crate::dockerfile::rewrite(&image.file.source, &pins(project, image)?);
    Ok((pinned.collect(), Some(text)))
}

fn by_context(image: &Image) -> Vec<Named> {
    let bound = image.bound.iter().map(|bound| (bound.span.start, Meaning::Local(bound.image)));
    let locked =
        image.locked.iter().map(|locked| (locked.span.start, Meaning::External(locked.pinned.clone())));
    let named = |(start, meaning)| {
        let used = used(image, start)?;
        let name = used.reference.as_ref()?.context_name();
        Some(Named { name, meaning, onbuild: used.onbuild })
    };
    bound.chain(locked).filter_map(named).collect()
}

fn used(image: &Image, start: usize) -> Option<&ImageUse> {
    image.evaluation.references.iter().find(|used| used.span.start == start)
}

/// Whether contexts of these names say all. `BuildKit` puts a context in place of a stage of that name, too, whatever the
/// stage does; it knows nothing of what Shipwright found out about variables without a value; and buildx (0.13) gives a
/// target to a build under one name only.
fn is_understood(image: &Image, named: &[Named]) -> bool {
    let is_stage = |name: &str| {
        let mut stages = image.file.stages.iter().filter_map(|stage| stage.name.as_deref());
        stages.any(|stage| stage.eq_ignore_ascii_case(name))
    };
    let is_guessed = image.bound.iter().any(|bound| {
        bound.is_inferred && used(image, bound.span.start).is_some_and(|used| used.written.contains('$'))
    });
    let is_one_to_one = named.iter().enumerate().all(|(at, one)| {
        let is_local = matches!(one.meaning, Meaning::Local(_));
        let agree = |other: &Named| {
            let means_the_same = other.meaning == one.meaning;
            if other.name == one.name { means_the_same } else { !is_local || !means_the_same }
        };
        named[..at].iter().all(agree)
    });
    let is_complete = named.len() == image.bound.len() + image.locked.len();
    is_complete && !is_guessed && is_one_to_one && !named.iter().any(|reference| is_stage(&reference.name))
}
