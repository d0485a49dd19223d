//! Which build caches each image of a run reads and writes.

use std::collections::BTreeMap;

use crate::builder::CacheLocation;
use crate::diagnostic::Diagnostic;
use crate::execution::StepCaches;
use crate::git::branch_tag;
use crate::image::{ImageReference, Platform, Tag};
use crate::ops::Error;
use crate::ops::registries;
use crate::ops::workspace::Workspace;
use crate::plan::{Step, StepId};
use crate::project::{CacheKind, CacheSpec};
use crate::publish::destination;
use crate::settings::filled;

/// The caches that are asked for besides those of the settings.
#[derive(Clone, Copy)]
pub(in crate::ops) struct CacheChoice<'a> {
    /// Those that are read; none: those of the settings.
    pub from: &'a [CacheSpec],
    /// Those that are written.
    pub to: &'a [CacheSpec],
}

/// The caches of each of these images, which are built.
pub(in crate::ops) fn caches(
    workspace: &Workspace,
    built: &[(StepId, &Step)],
    choice: CacheChoice<'_>,
) -> Result<BTreeMap<StepId, StepCaches>, Error> {
    if built.len() > 1 {
        choice.to.iter().try_for_each(refuse_shared)?;
    }
    let branch = workspace.reference.tag.as_ref();
    if branch.is_none() && !built.is_empty() {
        choice.to.iter().try_for_each(refuse_without_branch)?;
    }
    let of_all = workspace.settings.options.settings.cache.as_slice();
    let caches = built.iter().map(|(at, step)| {
        let caching = Caching { workspace, step };
        let own = workspace.project.images[step.image].cache.as_deref().unwrap_or(of_all);
        let sources = if choice.from.is_empty() { own } else { choice.from };
        let branches = caching.branches();
        let mut from: Vec<CacheLocation> = Vec::new();
        for spec in sources {
            for branch in &branches {
                let location = caching.location(spec, branch)?;
                if !from.contains(&location) {
                    from.push(location);
                }
            }
        }
        let own = branch.unwrap_or(&branches[0]);
        let to: Result<Vec<CacheLocation>, Error> =
            choice.to.iter().map(|spec| caching.location(spec, own)).collect();
        Ok((*at, StepCaches { from, to: to? }))
    });
    caches.collect()
}

/// Images that export to one place take it from each other.
fn refuse_shared(spec: &CacheSpec) -> Result<(), Error> {
    let (Some(name), Some(place)) = (spec.place_name(), spec.place()) else { return Ok(()) };
    if place.contains("{image}") {
        return Ok(());
    }
    Err(Error::usage_with_hint(
        format!("--cache-to: several images would overwrite each other's cache at {name}={place}"),
        format!("write {{image}} into it, such as {name}={place}-{{image}}; without {name} each has its own"),
    ))
}

/// A commit that is on no branch has no cache of its own, and must not overwrite a branch's.
fn refuse_without_branch(spec: &CacheSpec) -> Result<(), Error> {
    if spec.kind == CacheKind::Inline || spec.place().is_some_and(|place| !place.contains("{branch}")) {
        return Ok(());
    }
    Err(Error::usage_with_hint(
        "--cache-to: no branch is checked out, so that no branch's cache can be written",
        "check a branch out, or give a place without {branch}: type=registry,ref=REGISTRY/CACHE:{image}",
    ))
}

struct Caching<'a> {
    workspace: &'a Workspace,
    step: &'a Step,
}

impl Caching<'_> {
    /// Whose caches are read: the branch's, then the default branch's, which is called so where nothing tells. At least one.
    fn branches(&self) -> Vec<Tag> {
        let own = self.workspace.reference.tag.clone();
        let default = self.workspace.checkout.head().default_branch.as_deref().unwrap_or("main");
        let mut branches: Vec<Tag> = own.into_iter().chain([branch_tag(default)]).collect();
        branches.dedup();
        branches
    }

    /// The place of a cache of this image.
    fn location(&self, spec: &CacheSpec, branch: &Tag) -> Result<CacheLocation, Error> {
        let mut attributes = spec.attributes.clone();
        if let Some(name) = spec.place_name() {
            let place = match (spec.place(), spec.kind) {
                (Some(place), _) => self.fill(place, branch)?,
                (None, CacheKind::Gha) => self.fill("{image}-{branch}-{platform}", branch)?,
                (None, _) => self.derived(branch)?.to_string(),
            };
            if spec.kind == CacheKind::Registry {
                place
                    .parse::<ImageReference>()
                    .map_err(|error| Error::usage(format!("build cache: {error}")))?;
            }
            attributes.insert(name.to_owned(), place);
        }
        Ok(CacheLocation { kind: spec.kind.as_str().to_owned(), attributes })
    }

    fn fill(&self, place: &str, branch: &Tag) -> Result<String, Error> {
        let value = |part: &str| match part {
            "image" => Some(self.image()),
            "branch" => Some(branch.to_string()),
            "platform" => Some(self.platform()),
            _ => None,
        };
        filled(place, &value).map_err(|error| Error::usage(format!("build cache: {error}")))
    }

    fn image(&self) -> String {
        let prefix = self.step.tag_prefix.iter().flat_map(|prefix| ["-", prefix.as_str()]);
        [self.step.short_name.as_str()].into_iter().chain(prefix).collect::<String>().replace('/', "-")
    }

    fn platform(&self) -> String {
        self.step.platform.as_ref().map(Platform::to_string).unwrap_or_default().replace('/', "-")
    }

    /// Beside the image in its registry: `NAME:[PREFIX-]buildcache-BRANCH-OS-ARCH`.
    fn derived(&self, branch: &Tag) -> Result<ImageReference, Error> {
        registries::require(self.workspace, &[self.step.image])?;
        let registry = self.workspace.settings.registries.first().map(String::as_str);
        let repository = destination(&self.step.repository, registry)
            .map_err(|error| Error::wrong(vec![Diagnostic::error(error.to_string())]))?;
        let prefix = self.step.tag_prefix.iter().flat_map(|prefix| [prefix.as_str(), "-"]);
        let text = format!("buildcache-{branch}-{}", self.platform());
        let tag = prefix.collect::<String>() + &text;
        // As long names of branches are made tags.
        Ok(repository.with_tag(Tag::new(&tag).unwrap_or_else(|_| branch_tag(&tag))))
    }
}
