//! What builders are asked for the images of a plan, whichever builder it is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::BuildFailure;
use super::context_source::PlannedContext;
use super::labels::labels;
use super::outline::outline;
use super::pins::pins_to;
use crate::builder::{BuildError, BuildSpec, CacheLocation, NamedFolder, Secret, SshAgent};
use crate::dockerfile::{cut_unneeded_stages, is_proxy, rewrite};
use crate::git::{Checkout, Snapshot};
use crate::image::ImageReference;
use crate::inputs::{KeyManifest, Manifests};
use crate::plan::{ImageId, Plan, Step, StepId};
use crate::project::{Image, Project, ReadyImage};
use crate::registry::Credentials;

/// How all images of a run are built; nothing here changes an image's key.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildOptions {
    /// Values of build arguments that do not enter keys.
    pub unhashed_build_args: BTreeMap<String, String>,
    /// Secrets for RUN --mount=type=secret.
    pub secrets: Vec<Secret>,
    /// Agents for RUN --mount=type=ssh.
    pub ssh: Vec<SshAgent>,
    pub network: Option<String>,
    /// Host names for RUN steps.
    pub add_hosts: Vec<String>,
    /// Forget what the builder has cached.
    pub no_cache: bool,
    /// What is said of images beside them.
    pub attestations: BTreeMap<String, String>,
    /// No registry may be asked, so `# syntax=` lines mean the builder's own frontend.
    pub offline: bool,
}

/// The build caches of one image, besides the builder's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepCaches {
    /// Those that are read.
    pub from: Vec<CacheLocation>,
    /// Those that are written.
    pub to: Vec<CacheLocation>,
}

/// What is known of a plan's images besides the plan.
pub(crate) struct BuildSpecs {
    /// Knows the times of commits, and the `origin` remote.
    pub checkout: Arc<Checkout>,
    /// Where the files come from.
    pub tree: Arc<dyn Snapshot + Send + Sync>,
    /// Whether the plan still holds; the error says what is not so any more.
    pub guard: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    pub project: Arc<Project>,
    pub plan: Arc<Plan>,
    pub manifests: Manifests,
    pub credentials: Arc<Credentials>,
    pub options: BuildOptions,
    /// The caches of what is built.
    pub caches: BTreeMap<StepId, StepCaches>,
}

impl BuildSpecs {
    pub(super) fn image(&self, step: StepId) -> &Image {
        &self.project.images[self.step(step).image]
    }

    pub(super) fn step(&self, step: StepId) -> &Step {
        &self.plan.steps[step]
    }

    pub(super) fn reference(&self, step: StepId) -> Result<&ImageReference, String> {
        let step = self.step(step);
        step.reference.as_ref().ok_or_else(|| format!("{} is blocked", step.name()))
    }

    /// Files of a clean image carry the time of its revision's commit, so that two clones give the same
    /// bytes; those of a dirty one keep their own.
    fn context_time(&self, id: StepId) -> Option<i64> {
        let revision = self.step(id).revision.filter(|_| !self.step(id).dirty)?;
        self.checkout.commit_time(revision).ok()
    }

    /// The reference of an image's key, as engines know it.
    pub(super) fn key_reference(&self, id: ImageId) -> Result<ImageReference, String> {
        let image = &self.project.images[id];
        image.reference().ok_or_else(|| format!("{} cannot be built", image.name.full()))
    }

    /// What a builder is asked, without names for the image. `pin` says by which text dependencies are known to the
    /// builder.
    pub(super) fn of(
        &self,
        id: StepId,
        pin: &dyn Fn(ImageId) -> Result<String, String>,
    ) -> Result<BuildSpec, BuildFailure> {
        let (step, image) = (self.step(id), self.image(id));
        let ready = image.ready();
        let ready = ready.ok_or_else(|| BuildFailure::new(format!("{} is blocked", step.name())))?;
        let time = self.context_time(id);
        let planned = |name: Option<&str>| {
            let (tree, project) = (Arc::clone(&self.tree), Arc::clone(&self.project));
            let context = PlannedContext::new(tree, project, (step.image, name), time);
            context.map_err(|error| self.failure(id, &error))
        };
        let context = planned(None)?;
        let named = ready
            .named
            .keys()
            .map(|name| Ok(NamedFolder { name: name.clone(), files: Arc::new(planned(Some(name))?) }));
        let named = named.collect::<Result<Vec<_>, BuildFailure>>()?;
        let mut build_args = ready.material.build_args.clone();
        let declared = &image.evaluation.declared_args;
        build_args.extend(
            self.options
                .unhashed_build_args
                .iter()
                .filter(|(name, _)| declared.contains(*name) || is_proxy(name))
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let source = &image.file.source;
        let pins = pins_to(image, pin).map_err(BuildFailure::new)?;
        // The cuts come first: a pin in a stage that goes must not keep the stage.
        let cut = [cuts(image), pins.clone()].concat();
        let StepCaches { from, to } = self.caches.get(&id).cloned().unwrap_or_default();
        Ok(BuildSpec {
            named,
            cache_from: from,
            cache_to: to,
            attestations: self.options.attestations.clone(),
            labels: labels(image, step, ready, self.checkout.origin_url()),
            build_args,
            target: image.target.clone(),
            platform: Some(ready.material.platform.clone()),
            secrets: self.options.secrets.clone(),
            ssh: self.options.ssh.clone(),
            network: self.options.network.clone(),
            add_hosts: self.options.add_hosts.clone(),
            no_cache: self.options.no_cache,
            builtin_frontend: self.options.offline,
            logins: Arc::<Credentials>::clone(&self.credentials),
            classic_dockerfile: Some(outline(rewrite(source, &cut))),
            ..BuildSpec::new(outline(rewrite(source, &pins)), Arc::new(context), context_key(ready, time))
        })
    }

    /// Notes what an image that was built consists of, for the reasons of later plans.
    pub(super) fn remember(&self, id: StepId) {
        if let (Some(ready), Some(key)) = (self.image(id).ready(), self.step(id).key) {
            let manifest = KeyManifest {
                files: ready.material.files.to_vec(),
                contexts: ready.material.context_files(),
                said: self.image(id).said(),
            };
            self.manifests.write(key, &manifest);
        }
    }

    pub(super) fn failure(&self, step: StepId, error: &BuildError) -> BuildFailure {
        let line = match error {
            BuildError::Failed { line, .. } | BuildError::Unsupported { line, .. } => *line,
            _ => None,
        };
        let hint = match error {
            BuildError::ContextExceeded(_) => Some(self.whole_context(step)),
            // Whoever changed the file may have changed more: git, with another branch.
            BuildError::ContextChanged { .. } => (self.guard)().err().or_else(|| error.hint()),
            _ if error.is_not_utf8() => Some(self.name_that_is_not_text(step)),
            _ => error.hint(),
        };
        BuildFailure { line, hint, ..BuildFailure::new(error.to_string()) }
    }

    /// Engines from 27 on take the protocol's word that names are text.
    fn name_that_is_not_text(&self, step: StepId) -> String {
        let mut files =
            self.image(step).ready().into_iter().flat_map(ReadyImage::all_files).map(|(_, file)| file);
        let odd = files.find(|file| std::str::from_utf8(file.path.as_bytes()).is_err());
        let what = odd.map_or_else(|| "what is named so".to_owned(), |file| file.path.to_text());
        format!(
            "this engine's BuildKit takes only names and links that are UTF-8: rename {what}, leave it out with \
             .dockerignore, or build with DOCKER_BUILDKIT=0"
        )
    }

    /// The settings that make every file of the context an input.
    pub(super) fn whole_context(&self, step: StepId) -> String {
        let name = self.image(step).name.title();
        format!(
            "`whole_context = true` below `[image.{name}]` in shipwright.toml makes all files of its context inputs, and all stages needed ones"
        )
    }
}

/// Which stages the classic builder is not to see.
fn cuts(image: &Image) -> Vec<(Range<usize>, String)> {
    cut_unneeded_stages(&image.file, &image.evaluation)
}

/// What an engine keeps of a context may be used again for equal files with equal times only.
fn context_key(ready: &ReadyImage, time: Option<i64>) -> [u8; 32] {
    let times: Vec<i128> = match time {
        Some(time) => vec![i128::from(time)],
        None => ready.all_files().map(|(_, file)| file.modified_ns.unwrap_or_default()).collect(),
    };
    ready.material.digest_with_times(&times)
}
