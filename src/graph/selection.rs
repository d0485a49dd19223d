//! Which images a command is about.

use std::cell::LazyCell;
use std::collections::HashSet;

use super::dag::Graph;
use super::id::ImageId;
use super::lookup::{Lookup, UnknownImage};
use crate::path::TreePath;

/// What the user asks for. Each value is a name or a path, or several of them by comma.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `TARGET`: the image and its dependencies.
    pub targets: Vec<String>,
    /// `-u`: the same, but that `--no-cache` is about the dependencies as well.
    pub upto: Vec<String>,
    /// `-d`: the image, its dependencies, what depends on it, and what that needs besides.
    pub dependents: Vec<String>,
    /// `-e`: the image alone.
    pub exact: Vec<String>,
    /// `-x`: not the image and not what depends on it. Taken away last, whatever else was asked for.
    pub exclude: Vec<String>,
    /// `--no-cache`: what is named is built again; where nothing is named, everything that is selected.
    pub rebuild: bool,
    /// Where the user stands, from the root of the checkout: paths are seen from there.
    pub folder: TreePath,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub images: Vec<ImageId>,
    /// Those that were named, also if they were excluded in the end; in build order. None: the selection is
    /// that of a bare command.
    pub named: Vec<ImageId>,
    /// Those that are to be built although they exist, in build order.
    pub rebuilt: Vec<ImageId>,
    /// Those that stand aside and would be selected otherwise, in build order.
    pub left_aside: Vec<ImageId>,
}

impl Selection {
    /// Whether nothing was named, so that images that cannot be built are left out instead of being errors.
    pub fn is_unnamed(&self) -> bool {
        self.named.is_empty()
    }

    /// Images that were named and excluded as well.
    pub fn named_and_excluded(&self) -> impl Iterator<Item = ImageId> {
        let selected: HashSet<ImageId> = self.images.iter().copied().collect();
        self.named.iter().copied().filter(move |image| !selected.contains(image))
    }
}

impl Graph {
    /// Selects as the user asks. What is named as a target, `upto`, with `dependents` or `exact` is united; without any
    /// of these it is every image that does not stand aside, and what those depend on. Then `exclude` is
    /// taken away. An image that stands aside is selected only when named or depended on, so `dependents`
    /// brings none in, unless it is about an image that stands aside itself.
    pub fn select(&self, selector: &Selector) -> Result<Selection, UnknownImage> {
        let lookup = LazyCell::new(|| Lookup::new(self.images()));
        let find = |values: &[String]| match values {
            [] => Ok(Vec::new()),
            values => find_all(&lookup, values, &selector.folder),
        };
        let targets = find(&selector.targets)?;
        let upto = find(&selector.upto)?;
        let dependents = find(&selector.dependents)?;
        let exact = find(&selector.exact)?;
        let excluded = self.with_dependents(find(&selector.exclude)?);

        let is_aside = |image: &ImageId| self.images()[*image].aside;
        let mut left_aside = Vec::new();
        let mut wanted: Vec<ImageId> = targets.iter().chain(&upto).copied().collect();
        if wanted.is_empty() && dependents.is_empty() && exact.is_empty() {
            let (aside, others): (Vec<ImageId>, Vec<ImageId>) =
                ImageId::all(self.images()).partition(is_aside);
            wanted = others;
            left_aside = aside;
        }
        let (aside, others): (Vec<ImageId>, Vec<ImageId>) = dependents.iter().copied().partition(is_aside);
        wanted.extend(self.with_dependents(aside));
        let (aside, others): (Vec<ImageId>, Vec<ImageId>) =
            self.with_dependents(others.iter().copied()).into_iter().partition(is_aside);
        left_aside.extend(aside);
        wanted.extend(others);

        let mut selected = vec![false; self.images().len()];
        for image in self.with_dependencies(wanted).into_iter().chain(exact.iter().copied()) {
            selected[image] = true;
        }
        let named = self.ordered(targets.iter().chain(&upto).chain(&dependents).chain(&exact).copied());
        let again: Vec<ImageId> = match (selector.rebuild, named.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => ImageId::all(&selected).collect(),
            (true, false) => {
                let with_what_they_need = self.with_dependencies(upto);
                let with_what_needs_them = self.with_dependents(dependents);
                [targets, exact, with_what_they_need, with_what_needs_them].concat()
            }
        };
        left_aside.retain(|image| !selected[*image]);
        for image in excluded {
            selected[image] = false;
        }
        let images = self.order().iter().copied().filter(|image| selected[*image]).collect();
        let rebuilt = self.ordered(again.into_iter().filter(|image| selected[*image]));
        Ok(Selection { images, named, rebuilt, left_aside: self.ordered(left_aside) })
    }
}

/// The images that values mean. A comma is part of a name or path if there is such a one.
fn find_all(lookup: &Lookup<'_>, values: &[String], folder: &TreePath) -> Result<Vec<ImageId>, UnknownImage> {
    let mut images = Vec::new();
    for value in values {
        if value.contains(',')
            && let Ok(found) = lookup.find(value, folder)
        {
            images.extend(found);
            continue;
        }
        for part in value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            images.extend(lookup.find(part, folder)?);
        }
    }
    Ok(images)
}
