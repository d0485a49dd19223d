use std::collections::BTreeSet;
use std::sync::Arc;

use super::build::{self, BuildRun};
use super::facts::Facts;
use super::push::{Publishing, guessed_names};
use super::registries::{self, Registries};
use super::workspace::{EngineNeed, Watch, Workspace, open, planned_again};
use super::{Audience, Building, Config, Ending, Error, ImageRequest, News, Services};
use crate::diagnostic::Diagnostic;
use crate::execution::Outcome;
use crate::image::ImageReference;
use crate::plan::{Action, ImageId, Plan};
use crate::publish::{Judgement, Wanted, decide, judge, observe};

/// What registries are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemotePolicy {
    /// Pull what they have, build the rest and push it.
    All,
    /// Pull what they have, build the rest.
    #[default]
    Pull,
    /// Build, and push what they lack.
    Push,
    /// Leave them alone.
    None,
}

impl RemotePolicy {
    /// Whether what a registry has is pulled.
    pub fn pulls(self) -> bool {
        matches!(self, Self::All | Self::Pull)
    }

    /// Whether what a registry lacks is pushed.
    pub fn pushes(self) -> bool {
        matches!(self, Self::All | Self::Push)
    }
}

/// What [`ensure`](fn@ensure) is to have.
#[derive(Clone, Debug, Default)]
pub struct EnsureRequest {
    /// Images by full name, short name or Dockerfile path.
    pub names: Vec<String>,
    /// What registries are for.
    pub remote: RemotePolicy,
    /// What decides the images. Which ones is said by the names alone.
    pub images: ImageRequest,
    /// How to build.
    pub building: Building,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// The references of the images, in the order of their names, each once.
    There(Vec<ImageReference>),
    /// They are not all there, and the audience was told why.
    Missing(Ending),
}

/// Has images on the engine, pulled or built.
///
/// # Errors
///
/// Where it cannot begin, or an image cannot be built at all.
pub async fn ensure(
    config: &Config,
    request: &EnsureRequest,
    audience: &mut dyn Audience,
) -> Result<Ensured, Error> {
    refuse_contradictions(config, request)?;
    planned_again(config, audience, async |watch, audience| {
        ensure_once(config, request, watch, audience).await
    })
    .await
}

async fn ensure_once(
    config: &Config,
    request: &EnsureRequest,
    watch: &Arc<Watch>,
    audience: &mut dyn Audience,
) -> Result<Ensured, Error> {
    let mut images = request.images.clone();
    images.selector.targets = request.names.clone();
    let (workspace, services) = open(config, &images, EngineNeed::Required, Some(watch)).await?;
    audience.reads(&workspace.tree);
    services.tell(audience);
    let wanted = wanted(&workspace, &request.names)?;
    let registries = Registries::new(&workspace, &services);
    let mut facts = Facts::of_engine(&workspace, services.store.as_deref()).await?.without_moving();
    can_be_had(&workspace, &wanted, &facts, audience)?;
    if request.remote.pushes() {
        registries::require(&workspace, &wanted)?;
        let refused = guessed_names(&workspace, &wanted);
        if !refused.is_empty() {
            return Err(Error::wrong(refused));
        }
    }
    if request.remote.pulls() {
        let missing = facts.needed(&workspace, &wanted);
        audience.finds(&facts.ask(&workspace, &registries, &missing).await?);
    }
    let built = match bring(&workspace, &services, &facts, &wanted, &request.building, audience).await? {
        Brought::Built(built) => built,
        Brought::Missing(ending) => return Ok(Ensured::Missing(ending)),
    };
    if request.remote.pushes() {
        let images: BTreeSet<ImageId> = wanted.iter().chain(&built).copied().collect();
        let images: Vec<ImageId> = images.into_iter().collect();
        let ending = publish(&workspace, &services, &registries, &images, &facts, audience).await?;
        if ending != Ending::Done {
            return Ok(Ensured::Missing(ending));
        }
    }
    workspace.still_holds()?;
    let references = wanted.iter().filter_map(|at| workspace.project.images[*at].reference());
    Ok(Ensured::There(references.collect()))
}

/// What came of images that the engine is to have.
pub(super) enum Brought {
    /// They are there; these were built for it.
    Built(Vec<ImageId>),
    /// Not all are, and the audience was told why.
    Missing(Ending),
}

/// Pulls or builds what the engine lacks of these images.
pub(super) async fn bring(
    workspace: &Workspace,
    services: &Services,
    facts: &Facts,
    wanted: &[ImageId],
    building: &Building,
    audience: &mut dyn Audience,
) -> Result<Brought, Error> {
    let work = facts.needed(workspace, wanted);
    if work.is_empty() {
        return Ok(Brought::Built(Vec::new()));
    }
    let plan = Arc::new(own_plan(workspace, &work, facts));
    audience.hears(News::Planned(&plan));
    let run = BuildRun { workspace, services, plan: &plan, building, no_cache: false };
    let outcome = run.carry_out(audience).await?;
    if outcome != Outcome::Succeeded {
        return Ok(Brought::Missing(build::ending(outcome)));
    }
    let built = plan.steps.iter().filter(|step| step.action == Action::Build);
    Ok(Brought::Built(built.map(|step| step.image).collect()))
}

fn refuse_contradictions(config: &Config, request: &EnsureRequest) -> Result<(), Error> {
    if config.offline {
        return Err(Error::usage_with_hint("ensure needs an engine", "`--remote none` asks no registry"));
    }
    if request.images.selector.rebuild {
        return Err(Error::usage_with_hint(
            "ensure builds nothing that exists",
            "`shipwright build --no-cache IMAGE` builds it again",
        ));
    }
    if !request.images.choices.moving_tags.is_empty() {
        return Err(Error::usage_with_hint(
            "ensure moves no tags",
            "leave -t out, or use `shipwright build`",
        ));
    }
    Ok(())
}

/// The images that are meant, in the order of their names, each once.
pub(super) fn wanted(workspace: &Workspace, names: &[String]) -> Result<Vec<ImageId>, Error> {
    let mut wanted = Vec::new();
    for name in names {
        for at in workspace.named(name)? {
            if !wanted.contains(&at) {
                wanted.push(at);
            }
        }
    }
    Ok(wanted)
}

/// What is wrong elsewhere in the checkout does not matter here.
fn own_plan(workspace: &Workspace, images: &[ImageId], facts: &Facts) -> Plan {
    let mut plan = facts.plan_of(workspace, images);
    plan.diagnostics.retain(|diagnostic| {
        let place = diagnostic.location.as_ref().map(|location| &location.path);
        let selected = workspace.selection.images.iter();
        let mut dockerfiles = selected.map(|at| &workspace.project.images[*at].dockerfile);
        place.is_some_and(|path| dockerfiles.any(|dockerfile| dockerfile == path))
    });
    plan
}

/// Says what is wrong with the images and what they are built from; an image that cannot be built ends it.
pub(super) fn can_be_had(
    workspace: &Workspace,
    wanted: &[ImageId],
    facts: &Facts,
    audience: &mut dyn Audience,
) -> Result<(), Error> {
    let plan = own_plan(workspace, &workspace.selection.images, facts);
    audience.finds(&plan.diagnostics);
    let steps = plan.steps.iter();
    let blocked = steps.filter(|step| wanted.contains(&step.image) && step.action == Action::Blocked);
    let errors: Vec<Diagnostic> = blocked
        .map(|step| {
            let reasons: Vec<&str> = step.reasons.iter().map(|reason| reason.text.as_str()).collect();
            Diagnostic::error(format!("{} cannot be built: {}", step.name(), reasons.join("; ")))
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::wrong(errors)) }
}

/// Puts images into the registries by their keys, with the tags of their commits where they are clean.
async fn publish(
    workspace: &Workspace,
    services: &Services,
    registries: &Registries,
    images: &[ImageId],
    facts: &Facts,
    audience: &mut dyn Audience,
) -> Result<Ending, Error> {
    // What the engine has by now is not asked again, and does not matter.
    let nothing = Facts { tags: facts.tags.clone(), ..Facts::none(workspace)? };
    let plan = Arc::new(nothing.plan_of(workspace, images));
    let wanted = Wanted::all(&plan, &registries.places).map_err(Error::usage)?;
    let observed = observe(&registries.standings, &wanted).await?;
    let publications = decide(wanted, &observed);
    let judgement = Judgement { is_ancestor: &|_| None, force: false, in_hook: false, immutable: false };
    let impostors = publications.iter().filter(|publication| publication.impostor.is_some());
    let objections: Vec<Diagnostic> =
        impostors.flat_map(|publication| judge(publication, &judgement)).collect();
    if !objections.is_empty() {
        audience.finds(&objections);
        return Ok(Ending::Registry);
    }
    let judgement = &judgement;
    let publishing = Publishing { workspace, services, plan: &plan, registries, judgement, sent: 0 };
    publishing.carry_out(&publications, audience).await
}
