use std::ops::Range;

use crate::dockerfile::cut_replaced_stages;
use crate::project::{Image, Project};

/// Every reference to an image of this checkout is pinned to its planned key, and those to external images
/// to their locked digests, so that no moving tag can slip in; what a build context's image takes the place of goes. The
/// error names an image that has no key.
pub(crate) fn pins(project: &Project, image: &Image) -> Result<Vec<(Range<usize>, String)>, String> {
    let replaced = cut_replaced_stages(&image.file, &image.evaluation).into_iter().map(Ok);
    let locked = image.locked.iter().map(|locked| Ok((locked.span.clone(), locked.pinned.to_string())));
    image
        .bound
        .iter()
        .map(|bound| {
            let dependency = &project.images[bound.image];
            let reference = dependency
                .reference()
                .ok_or_else(|| format!("{} cannot be built", dependency.name.full()))?;
            Ok((bound.span.clone(), reference.to_string()))
        })
        .chain(locked)
        .chain(replaced)
        .collect()
}
