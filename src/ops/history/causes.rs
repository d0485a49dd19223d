//! Why an image has another key in a commit than in the one before.

use std::cmp::Ordering;

use super::record::{ChangedInput, ImageChange};
use crate::context::covers;
use crate::graph::ImageId;
use crate::image::ContentKey;
use crate::inputs::InputFile;
use crate::path::TreePath;
use crate::project::{Image, Project};

/// So many inputs of one image are named one by one.
const MOST_FILES: usize = 64;

/// What is said of an image beside its causes.
pub(super) fn change(image: &Image, aside: bool, before: Option<ContentKey>) -> ImageChange {
    ImageChange {
        name: image.name.full(),
        dockerfile: image.dockerfile.to_text(),
        context: image.context.root.to_text(),
        aside,
        before: before.map(|key| key.to_string()),
        key: image.key().map(|key| key.to_string()),
        ..ImageChange::default()
    }
}

/// Adds the inputs that differ; paths are from the root of the checkout.
pub(super) fn add_files<'p>(
    change: &mut ImageChange,
    image: &Image,
    paths: impl Iterator<Item = &'p TreePath>,
) {
    for path in paths {
        if change.files.len() == MOST_FILES {
            change.more_files += 1;
            continue;
        }
        change.files.push(ChangedInput { path: path.to_text(), lines: lines(image, path) });
    }
}

/// The lines of the Dockerfile whose sources name a file.
fn lines(image: &Image, path: &TreePath) -> Vec<usize> {
    let Some(path) = path.relative_to(&image.context.root) else { return Vec::new() };
    let sources = image.evaluation.sources.iter().filter(|source| covers(source, &path));
    let mut lines: Vec<usize> = sources.map(|source| source.line).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Everything that differs between two states of an image that both have a key.
pub(super) fn add_differences(change: &mut ImageChange, before: &Image, now: &Image) {
    let (Some(old), Some(new)) = (before.ready(), now.ready()) else { return };
    let (old, new) = (&old.material, &new.material);
    if old.files.digest() != new.files.digest() {
        let [came, went] = differing(&old.files, &new.files);
        let root = &now.context.root;
        let paths: Vec<TreePath> = came.iter().map(|path| root.join(path.as_bytes())).collect();
        add_files(change, now, paths.iter());
        let root = &before.context.root;
        let paths: Vec<TreePath> = went.iter().map(|path| root.join(path.as_bytes())).collect();
        add_files(change, before, paths.iter());
    }
    if old.instructions != new.instructions {
        let lines = &now.evaluation.logical_lines;
        let first =
            old.instructions.iter().zip(&new.instructions).take_while(|(old, new)| old == new).count();
        change.instruction = Some(lines.get(first).or(lines.last()).map_or(1, |line| line.line));
    }
    let others = [
        (old.target != new.target, "target"),
        (old.platform != new.platform, "platform"),
        (old.build_args != new.build_args, "build arguments"),
        (old.bases != new.bases && old.instructions == new.instructions, "locked bases"),
        (old.metadata != new.metadata || old.refresh != new.refresh, "settings"),
    ];
    change.others.extend(others.iter().filter(|(differs, _)| *differs).map(|(_, what)| (*what).to_owned()));
}

/// Paths, relative to the context, that are there with this content now, and those that are no more.
fn differing<'f>(old: &'f [InputFile], new: &'f [InputFile]) -> [Vec<&'f TreePath>; 2] {
    let (mut came, mut went) = (Vec::new(), Vec::new());
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return [came, went],
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.path.cmp(&new.path),
        };
        match order {
            Ordering::Less => went.extend(old.next().map(|file| &file.path)),
            Ordering::Greater => came.extend(new.next().map(|file| &file.path)),
            Ordering::Equal => {
                if let (Some(old), Some(new)) = (old.next(), new.next())
                    && old != new
                {
                    came.push(&new.path);
                }
            }
        }
    }
}

/// Adds those of what an image is built from whose key changed too.
pub(super) fn add_dependencies(
    change: &mut ImageChange,
    project: &Project,
    image: ImageId,
    is_changed: impl Fn(ImageId) -> bool,
) {
    let changed = project.images[image].dependencies().into_iter().filter(|at| is_changed(*at));
    change.dependencies.extend(changed.map(|at| project.images[at].name.full()));
}
