use std::collections::BTreeMap;
use std::sync::Arc;

use super::run::BuildRun;
use crate::builder::RemoteBuilder;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::execution::{Bases, Insecure, Offer, Outcome, Placed, RegistryWorker, RunOptions};
use crate::image::{ImageReference, Platform, Repository};
use crate::ops::registries::Registries;
use crate::ops::{Audience, Error};
use crate::plan::{ImageId, Plan, StepId};
use crate::printable::few;
use crate::publish::destination;

/// How many images a builder is given at a time unless it is told: how many processors it has, nobody says.
const JOBS: usize = 4;
/// How many images are named.
const SHOWN: usize = 5;

/// A run that has builders build, straight into registries: each image under its key.
pub(in crate::ops) struct RemoteRun<'a> {
    /// What is to be done. Its plan holds nothing but builds.
    pub build: BuildRun<'a>,
    pub registries: &'a Registries,
    /// Where what is built on is, by digest.
    pub placed: BTreeMap<ImageId, ImageReference>,
}

impl RemoteRun<'_> {
    /// Carries out the plan, and tells how.
    pub(in crate::ops) async fn carry_out(self, audience: &mut dyn Audience) -> Result<Outcome, Error> {
        let Self { build, registries, placed } = self;
        let builders = &build.services.builders.all;
        let emulated = foreign_platforms(build.plan, builders)?;
        audience.finds(emulated.as_slice());
        let caches = build.caches()?;
        let settings = &build.workspace.settings;
        let worker = RegistryWorker {
            builders: builders.clone(),
            registry: Arc::clone(&registries.client),
            repositories: repositories(build.plan, registries)?,
            placed: Placed::new(placed),
            insecure: Insecure {
                told: settings.insecure_registries.clone(),
                without_login: settings.checkouts_insecure_registries.clone(),
            },
            pull: build.building.pull,
            bases: Bases::default(),
            specs: build.specs(caches),
        };
        let options = RunOptions {
            jobs: build.building.jobs.map_or(JOBS, usize::from),
            builders: builders.iter().map(|builder| offer(&**builder)).collect(),
            fail_fast: build.building.fail_fast,
            hold_tags: has_errors(&build.plan.diagnostics)
                .then(|| "errors were found in the checkout".to_owned()),
            ..RunOptions::default()
        };
        let ended = build.execute(Arc::new(worker), &[], options, audience).await?;
        Ok(ended.told(&[], audience))
    }
}

fn offer(builder: &dyn RemoteBuilder) -> Offer {
    let platforms = builder.platforms();
    let (native, emulated) = platforms.all().cloned().partition(|platform| platforms.is_native(platform));
    Offer { name: builder.address(), native, emulated }
}

/// Where each image goes, in every registry.
fn repositories(plan: &Plan, registries: &Registries) -> Result<BTreeMap<StepId, Vec<Repository>>, Error> {
    let of_step = |(id, step): (StepId, &crate::plan::Step)| {
        let places = registries.places.iter().map(|place| destination(&step.repository, place.as_deref()));
        Ok((id, places.collect::<Result<_, _>>().map_err(Error::usage)?))
    };
    plan.numbered().map(of_step).collect()
}

/// Refuses what no builder builds for, before anything begins, and notes what is only emulated.
fn foreign_platforms(plan: &Plan, builders: &[Arc<dyn RemoteBuilder>]) -> Result<Option<Diagnostic>, Error> {
    let mut wanted: BTreeMap<&Platform, Vec<String>> = BTreeMap::new();
    for step in &plan.steps {
        if let Some(platform) = &step.platform {
            wanted.entry(platform).or_default().push(step.name());
        }
    }
    let mut note = None;
    for (platform, images) in wanted {
        if builders.iter().any(|builder| builder.platforms().is_native(platform)) {
            continue;
        }
        let images = few(images, SHOWN);
        if !builders.iter().any(|builder| builder.platforms().has(platform)) {
            let known = builders.iter().map(|builder| {
                let platforms = few(builder.platforms().all(), SHOWN);
                format!("{} builds for {platforms}", builder.address())
            });
            return Err(Error::usage_with_hint(
                format!("no builder builds for {platform}, as {images} want"),
                known.collect::<Vec<_>>().join("; "),
            ));
        }
        note = Some(
            Diagnostic::note(format!("no builder is a machine for {platform}: an emulator builds {images}"))
                .hint("it may take many times as long; --builder takes several addresses"),
        );
    }
    Ok(note)
}
