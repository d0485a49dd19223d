//! Moves all services of a compose project whose images this checkout builds, or none of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::hands::Hands;
use super::lock::LockPlace;
use super::recover::{is_unfinished, recover};
use super::request::{Deployed, Later, Moved, Moving, ProjectDeployed, ProjectRequest};
use super::resolve::{BUILT_OR_PULLED, Resolved, described as image_described};
use super::rollback::back;
use super::survey::name_of;
use super::{Mover, connect, described, place};
use crate::deploy::{OWN_SUFFIXES, in_order, project_of, text};
use crate::diagnostic::Diagnostic;
use crate::git::Checkout;
use crate::graph::ImageId;
use crate::image::ImageReference;
use crate::ops::workspace::{EngineNeed, open};
use crate::ops::{self, Audience, Config, Ending, EnsureRequest, Ensured, Error, RemotePolicy};
use crate::printable::printable;
use crate::project::Project;

struct Service {
    container: Value,
    reference: ImageReference,
}

impl Service {
    fn name(&self) -> &str {
        name_of(&self.container)
    }
}

/// Moves the containers of a project to the images of this checkout, dependencies first. If one does not come up, those that
/// were moved before it are rolled back.
///
/// # Errors
///
/// Where it cannot begin. Whatever goes wrong later is told.
pub async fn deploy_project(
    config: &Config,
    request: &ProjectRequest,
    audience: &mut dyn Audience,
) -> Result<ProjectDeployed, Error> {
    let (connected, services) = connect(config).await?;
    let hands = Hands(&*connected.containers);
    services.tell(audience);
    let place = place(config, &connected).await?;
    let parts = parts(config, request, hands, &place, audience).await?;
    let checkout = Checkout::discover(&config.folder)?.name().to_owned();
    // One interrupt for all of them: between two moves it counts as well.
    let careful = if request.moving.dry_run {
        None
    } else {
        ensure(config, request, &parts, audience).await?;
        Some(services.interrupts.careful())
    };
    let token = careful.as_ref().map(|careful| careful.token().clone());
    let mover = Mover { hands, services: &services, place: &place, moving: &request.moving, token };
    let mut done = ProjectDeployed { parts: Vec::new(), ending: Ending::Done };
    for (at, service) in parts.iter().enumerate() {
        let moved = step(&mover, service, &checkout, audience).await;
        let ending = match &moved {
            Ok(Deployed::Failed(ending)) => *ending,
            Err(error) => error.ending(),
            Ok(_) => Ending::Done,
        };
        if ending != Ending::Done {
            audience.finds(&moved.err().map(Error::into_findings).unwrap_or_default());
            let before: Vec<&Service> = parts.iter().take(at).rev().collect();
            take_back(&mover, &request.project, &before, audience).await;
            return Ok(ProjectDeployed { parts: Vec::new(), ending });
        }
        done.parts.extend(moved);
    }
    Ok(done)
}

async fn step(
    mover: &Mover<'_>,
    service: &Service,
    checkout: &str,
    audience: &mut dyn Audience,
) -> Result<Deployed, Error> {
    let (name, reference) = (service.name(), service.reference.to_string());
    if mover.moving.dry_run && mover.hands.image(&reference).await?.is_none() {
        let moved = Moved::alone(name.to_owned(), reference);
        let from = text(&service.container["Config"], "Image").to_owned();
        return Ok(Deployed::Later(moved, Later { from, how: BUILT_OR_PULLED }));
    }
    let resolved: Resolved = image_described(mover.hands, &reference, Some(checkout.to_owned())).await?;
    mover.moves(name, &resolved, &|container| container.clone(), audience).await
}

/// Rolls back what was moved, the last one first.
async fn take_back(mover: &Mover<'_>, project: &str, moved: &[&Service], audience: &mut dyn Audience) {
    let moving = Moving { force: false, probe: None, ..mover.moving.clone() };
    // Asked for the end once, it ends when what ran before is back.
    let mover = Mover { moving: &moving, token: None, ..*mover };
    let mut returned = Vec::new();
    for service in moved {
        let (name, before) = (service.name(), text(&service.container, "Image"));
        match put_back(&mover, name, before, audience).await {
            Ok(true) => returned.push(name),
            Ok(false) => {}
            Err(error) => {
                audience.finds(&error.into_findings());
                let hint = format!("shipwright rollback {name}");
                let message = format!("{name} may still run the new image");
                audience.finds(&[Diagnostic::error(message).hint(hint)]);
            }
        }
    }
    let message = format!("{} is not moved", printable(project));
    let hint = match returned[..] {
        [] => "nothing of it was moved before that".to_owned(),
        _ => format!("back with what they ran before: {}", printable(&returned.join(", "))),
    };
    audience.finds(&[Diagnostic::error(message).hint(hint)]);
}

/// Puts one back, and sees that it has its image of then; false where it was not moved.
async fn put_back(
    mover: &Mover<'_>,
    name: &str,
    before: &str,
    audience: &mut dyn Audience,
) -> Result<bool, Error> {
    let image = async || described(mover.hands, name).await.map(|now| text(&now, "Image") == before);
    if image().await? {
        return Ok(false);
    }
    let ended = back(mover, name, audience).await?;
    match ended {
        Deployed::Done(_) if image().await? => Ok(true),
        Deployed::Failed(ending) => Err(Error::said(ending)),
        _ => Err(Error::one(Ending::Failed, Diagnostic::error(format!("{name} is not what it was before")))),
    }
}

/// Has all images on the engine before anything is touched.
async fn ensure(
    config: &Config,
    request: &ProjectRequest,
    parts: &[Service],
    audience: &mut dyn Audience,
) -> Result<(), Error> {
    let names: BTreeSet<String> = parts.iter().map(|part| part.reference.repository.familiar()).collect();
    let ensuring = EnsureRequest {
        names: names.into_iter().collect(),
        remote: RemotePolicy::Pull,
        images: request.images.clone(),
        building: request.building.clone(),
    };
    match ops::ensure(config, &ensuring, audience).await? {
        Ensured::There(_) => Ok(()),
        Ensured::Missing(ending) => Err(Error::said(ending)),
    }
}

/// The containers that are moved, in their order. All of them can be.
async fn parts(
    config: &Config,
    request: &ProjectRequest,
    hands: Hands<'_>,
    place: &LockPlace,
    audience: &mut dyn Audience,
) -> Result<Vec<Service>, Error> {
    let all = containers(request, hands, place, audience).await?;
    let (workspace, _) = open(config, &request.images, EngineNeed::Wanted, None).await?;
    let project = Arc::clone(&workspace.project);
    let mut moved = Vec::new();
    for container in &all {
        if let Some(at) = image_of(&project, container) {
            let rank = project.graph.order().iter().position(|it| *it == at).unwrap_or_default();
            moved.push((rank, described(hands, name_of(container)).await?));
        }
    }
    let ordered = in_order(moved, &all);
    let of = |container: Value| {
        let reference = image_of(&project, &container).and_then(|at| project.images[at].reference())?;
        Some(Service { container, reference })
    };
    let parts: Vec<Service> = ordered.into_iter().filter_map(of).collect();
    if parts.is_empty() {
        let message = format!("no service of {} has an image of this checkout", printable(&request.project));
        let images: BTreeSet<&str> = all.iter().map(|it| text(&it["Config"], "Image")).collect();
        let images: Vec<&str> = images.into_iter().collect();
        let hint = format!("they have {}; `shipwright images` lists its own", printable(&images.join(", ")));
        return Err(Error::usage_with_hint(message, hint));
    }
    Ok(parts)
}

/// The image of this checkout whose repository a container's image is of.
fn image_of(project: &Project, container: &Value) -> Option<ImageId> {
    let asked: ImageReference = text(&container["Config"], "Image").parse().ok()?;
    let is_it = |id: &ImageId| project.images[*id].name.repository == asked.repository;
    project.graph.order().iter().copied().find(is_it)
}

/// The containers of the project, after what earlier deployments of them have left was looked after.
async fn containers(
    request: &ProjectRequest,
    hands: Hands<'_>,
    place: &LockPlace,
    audience: &mut dyn Audience,
) -> Result<Vec<Value>, Error> {
    let all = hands.all().await?;
    let is_in = |container: &&Value| project_of(container).as_deref() == Some(request.project.as_str());
    let own =
        |name: &str| OWN_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).map(str::to_owned);
    let mut names = BTreeSet::new();
    for container in all.iter().filter(is_in) {
        let name = name_of(container);
        names.insert(own(name).unwrap_or_else(|| name.to_owned()));
    }
    if names.is_empty() {
        return Err(unknown(&request.project, &all));
    }
    let mut found = Vec::new();
    for name in names {
        if is_unfinished(hands, &name).await? {
            if request.moving.dry_run {
                let message = format!("a deployment of {name} is under way, or was cut off");
                let hint = "without --dry-run it is waited for, or looked after, first";
                return Err(Error::usage_with_hint(message, hint));
            }
            recover(hands, place, &name, audience).await?;
        }
        found.extend(hands.named(&name).await?);
    }
    Ok(found)
}

fn unknown(project: &str, all: &[Value]) -> Error {
    let projects: BTreeSet<String> = all.iter().filter_map(project_of).collect();
    let projects: Vec<String> = projects.into_iter().collect();
    let hint = if projects.is_empty() {
        "the engine has no container of any project: docker compose up --detach".to_owned()
    } else {
        format!("there are {}", printable(&projects.join(", ")))
    };
    Error::usage_with_hint(format!("the engine has no container of a project `{}`", printable(project)), hint)
}
