use std::ops::Range;

use crate::dockerfile::cut_replaced_stages;
use crate::plan::ImageId;
use crate::project::{Image, Project};

type Pins = Vec<(Range<usize>, String)>;

/// Every reference to an image of this checkout is pinned to its planned key, and those to external images
/// to their locked digests, so that no moving tag can slip in; what a build context's image takes the place of goes. The
/// error names an image that has no key.
pub(crate) fn pins(project: &Project, image: &Image) -> Result<Pins, String> {
    let key = |id: ImageId| {
        let dependency = &project.images[id];
        let reference = dependency.reference();
        let reference = reference.ok_or_else(|| format!("{} cannot be built", dependency.name.full()))?;
        Ok(reference.to_string())
    };
    pins_to(image, &key)
}

/// The same where dependencies are known by another text.
pub(super) fn pins_to(
    image: &Image,
    pin: &dyn Fn(ImageId) -> Result<String, String>,
) -> Result<Pins, String> {
    let replaced = cut_replaced_stages(&image.file, &image.evaluation).into_iter().map(Ok);
    let locked = image.locked.iter().map(|locked| Ok((locked.span.clone(), locked.pinned.to_string())));
    let bound = image.bound.iter().map(|bound| Ok((bound.span.clone(), pin(bound.image)?)));
    bound.chain(locked).chain(replaced).collect()
}
