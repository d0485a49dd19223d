use std::collections::{BTreeMap, BTreeSet};

use super::contexts::{Meaning, contexts};
use super::file::{BakeContext, BakeDockerfile, BakeFile, BakeTarget};
use crate::builder::CacheLocation;
use crate::diagnostic::Diagnostic;
use crate::execution::{StepCaches, labels};
use crate::image::ImageReference;
use crate::path::TreePath;
use crate::plan::{ImageId, Plan, Step, StepId};
use crate::project::{Image, Project};

/// What decides a file.
pub(super) struct Baking<'a> {
    pub project: &'a Project,
    pub plan: &'a Plan,
    /// The steps whose images are built.
    pub steps: Vec<(StepId, &'a Step)>,
    /// Their caches.
    pub caches: BTreeMap<StepId, StepCaches>,
    /// The folder that paths are relative to.
    pub folder: TreePath,
    pub origin_url: Option<&'a str>,
}

/// The target of every step, or what bake cannot be told.
pub(super) fn bake_file(baking: &Baking<'_>) -> Result<BakeFile, Vec<Diagnostic>> {
    let names = names(&baking.steps);
    let mut file = BakeFile::default();
    let mut findings = Vec::new();
    for (at, step) in &baking.steps {
        match target(baking, *at, step, &names) {
            Ok(target) => file.targets.push(target),
            Err(found) => findings.push(*found),
        }
    }
    if findings.is_empty() { Ok(file) } else { Err(findings) }
}

/// What bake calls each image.
fn names(steps: &[(StepId, &Step)]) -> BTreeMap<ImageId, String> {
    // The group of all.
    let mut taken = BTreeSet::from([DEFAULT.to_owned()]);
    let name = |(_, step): &(StepId, &Step)| {
        let prefix = step.tag_prefix.iter().flat_map(|prefix| ["-", prefix.as_str()]);
        let name: String = [step.short_name.as_str()].into_iter().chain(prefix).collect();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let name = name.replace(|c| !is_allowed(c), "_");
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let name = std::iter::once(name.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        (step.image, name.unwrap_or_default())
    };
    steps.iter().map(name).collect()
}

/// The group that bake builds when it is told nothing.
const DEFAULT: &str = "default";

fn target(
    baking: &Baking<'_>,
    at: StepId,
    step: &Step,
    names: &BTreeMap<ImageId, String>,
) -> Result<BakeTarget, Box<Diagnostic>> {
    let image = &baking.project.images[step.image];
    let cannot = |why: &str| {
        let message = format!("{} cannot be written for bake: {why}", step.name());
        Box::new(Diagnostic::error(message))
    };
    let blocked = || cannot("it cannot be built");
    let (Some(ready), Some(platform)) = (image.ready(), &step.platform) else { return Err(blocked()) };
    let contexts = contexts(baking.project, image).map_err(|why| cannot(&why))?;
    let path = |from: &TreePath, path: &TreePath| {
        relative(from, path).ok_or_else(|| cannot(&format!("{path} is no UTF-8, which JSON is")))
    };
    let root = &image.context.root;
    let dockerfile = match contexts.pinned {
        None => BakeDockerfile::At(path(root, &image.dockerfile)?),
        Some(text) => {
            if let Some(file) = own_ignore_file(image) {
                let why = format!(
                    "its Dockerfile has to be part of the file, and bake does not find {file} for one that is"
                );
                return Err(Box::new(cannot(&why).hint(
                    "give the stage that is called as the image it is FROM another name, or give the variables of \
                     its FROM lines a value",
                )));
            }
            let text = String::from_utf8(text);
            BakeDockerfile::Inline(text.map_err(|_| cannot("its Dockerfile is no UTF-8, which JSON is"))?)
        }
    };
    let meant = |meaning: Meaning| match meaning {
        Meaning::External(image) => Ok(BakeContext::Image(image)),
        Meaning::Local(at) => match (names.get(&at), there(baking, at)) {
            (Some(name), _) => Ok(BakeContext::Target(name.clone())),
            (None, Some(reference)) => Ok(BakeContext::Image(reference)),
            (None, None) => Err(blocked()),
        },
    };
    let locations = |of: fn(&StepCaches) -> &[CacheLocation]| {
        baking.caches.get(&at).into_iter().flat_map(of).map(as_written).collect()
    };
    let images = contexts.of.into_iter().map(|(name, meaning)| Ok((name, meant(meaning)?)));
    let folders = image
        .named
        .iter()
        .map(|(name, folder)| Ok((name.clone(), BakeContext::Folder(path(&baking.folder, &folder.root)?))));
    let contexts = images.chain(folders);
    Ok(BakeTarget {
        name: names[&step.image].clone(),
        context: path(&baking.folder, root)?,
        dockerfile,
        stage: image.target.clone(),
        contexts: contexts.collect::<Result<_, Box<Diagnostic>>>()?,
        args: ready.material.build_args.clone(),
        labels: labels(image, step, ready, baking.origin_url),
        tags: tags(step),
        platform: platform.clone(),
        cache_from: locations(|caches| &caches.from),
        cache_to: locations(|caches| &caches.to),
    })
}

/// `type=registry,ref=…`.
fn as_written(location: &CacheLocation) -> String {
    let attributes = location.attributes.iter().map(|(name, value)| format!(",{name}={value}"));
    format!("type={}{}", location.kind, attributes.collect::<String>())
}

/// The ignore file that counts for this Dockerfile alone.
fn own_ignore_file(image: &Image) -> Option<&TreePath> {
    image.context.ignore_file.as_ref().filter(|file| file.file_name() != ".dockerignore")
}

/// The reference of an image that this file does not build.
fn there(baking: &Baking<'_>, at: ImageId) -> Option<ImageReference> {
    let step = baking.plan.steps.iter().find(|step| step.image == at);
    let pulled = step.and_then(|step| step.pulled_from.clone());
    pulled.or_else(|| baking.project.images[at].reference())
}

/// The tags that move, as far as a registry may have them, and the key's. Those of commits are left to Shipwright, which knows
/// whether they are taken.
fn tags(step: &Step) -> Vec<ImageReference> {
    let moving = step.tags.iter().rev().filter(|tag| tag.moves() && tag.withheld.is_none());
    moving.map(|tag| step.tagged(tag)).chain(step.reference.clone()).collect()
}

/// The way from a folder to a path, both from the root of the checkout: `./a`, `../b`, `.`. It begins with a dot, so that
/// no word of it can be taken for an address. None where it is no UTF-8.
fn relative(folder: &TreePath, path: &TreePath) -> Option<String> {
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), path.components().collect());
    let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let mut parts = vec!["..".as_bytes(); from.len() - shared];
    if parts.is_empty() {
        parts.push(b".");
    }
    parts.extend(to[shared..].iter().map(|part| &***part));
    String::from_utf8(parts.join(&b'/')).ok()
}
