//! Moves running containers to other images, and back. docs/deploy.md has the order of the steps and what each
//! interruption leaves.

mod carry_out;
mod hands;
mod lock;
mod recover;
mod request;
mod resolve;
mod rollback;
mod survey;
mod watch;

use serde_json::Value;

use self::carry_out::carry_out;
use self::hands::Hands;
use self::lock::{Place, hold};
use self::recover::{is_unfinished, recover};
pub use self::request::{
    DeployRequest, Deployed, Moved, Moving, Probe, Revision as DeployedRevision, Revisions, RollbackRequest,
};
use self::resolve::{Resolved, resolve};
pub use self::rollback::{revisions, rollback};
use self::survey::{Surroundings, name_of, survey};
use super::{Audience, Config, Ending, Error, Services};
use crate::deploy::{Names, OWN_SUFFIXES, is_container_name, object, text};
use crate::diagnostic::Diagnostic;
use crate::ops::backends::Connected;
use crate::printable::printable;

/// How often a container may change while it is looked at.
const ROUNDS: usize = 5;

/// Moves a container to another image.
///
/// # Errors
///
/// Where it cannot begin. Whatever goes wrong later is told, and what ran before is put back.
pub async fn deploy(
    config: &Config,
    request: &DeployRequest,
    audience: &mut dyn Audience,
) -> Result<Deployed, Error> {
    let (connected, services) = connect(config).await?;
    let hands = Hands(&*connected.containers);
    services.tell(audience);
    let place = place(config, &connected).await?;
    let name = found(hands, &place, &request.container, request.moving.dry_run, audience).await?;
    let container = described(hands, &name).await?;
    let resolved = resolve(config, request, &services, hands, &container, audience).await?;
    let mover = Mover { hands, services: &services, place: &place, moving: &request.moving };
    mover.moves(&name, &resolved, &|container| container.clone(), audience).await
}

/// A move to an image that is there.
struct Mover<'a> {
    hands: Hands<'a>,
    services: &'a Services,
    place: &'a Place,
    moving: &'a Moving,
}

impl Mover<'_> {
    /// Moves a container, as `read` understands its description.
    async fn moves(
        &self,
        name: &str,
        resolved: &Resolved,
        read: &(dyn Fn(&Value) -> Value + Sync),
        audience: &mut dyn Audience,
    ) -> Result<Deployed, Error> {
        let hands = self.hands;
        let surroundings = Surroundings::new(&hands.info().await?);
        for _ in 0..ROUNDS {
            if !self.moving.dry_run && is_unfinished(hands, name).await? {
                recover(hands, self.place, name, audience).await?;
            }
            let container = described(hands, name).await?;
            let mut plan =
                survey(hands, &container, &read(&container), resolved, self.moving, &surroundings).await?;
            let moved = plan.moved(&resolved.image.name);
            if text(&container, "Image") == resolved.image.id && !self.moving.force {
                return Ok(Deployed::Unchanged(moved));
            }
            let warnings: Vec<Diagnostic> = plan.warnings.iter().map(Diagnostic::warning).collect();
            if self.moving.dry_run {
                audience.finds(&warnings);
                return Ok(Deployed::Difference(moved, plan.difference));
            }
            let speaker = audience.speaker();
            let waits =
                || speaker(super::Said::Line(&format!("waiting for another run, which is moving {name}")));
            let file = self.place.file(name, waits).await?;
            plan.note.place.clone_from(&self.place.name);
            let Some(held) = hold(hands, file, &plan.note, &plan.image).await? else { continue };
            let careful = self.services.interrupts.careful();
            if !is_as_surveyed(hands, &plan).await? {
                held.release(hands).await?;
                continue;
            }
            audience.finds(&warnings);
            let ending = carry_out(hands, &mut plan, self.moving, careful.token(), audience).await?;
            if let Err(error) = held.release(hands).await {
                // What was asked for is done; who comes next finds nothing to repair but the lock.
                audience.finds(&[Diagnostic::warning(error.to_string())]);
            }
            return Ok(if ending == Ending::Done { Deployed::Done(moved) } else { Deployed::Failed(ending) });
        }
        let message = format!("{name} changes all the time: somebody else is at work on it");
        Err(Error::one(Ending::Failed, Diagnostic::error(message).hint("try again when that is over")))
    }
}

/// Whether all containers are still what was looked at, now that they are held.
async fn is_as_surveyed(hands: Hands<'_>, plan: &survey::Plan) -> Result<bool, Error> {
    for member in &plan.members {
        let names = Names::of(member.name());
        let Some(now) = hands.container(&names.own).await? else { return Ok(false) };
        let is_same = |field: &str| text(&now["State"], field) == text(&member.old["State"], field);
        if text(&now, "Id") != member.id() || !is_same("Status") {
            return Ok(false);
        }
        for name in [&names.new, &names.old, &names.done] {
            if hands.container(name).await?.is_some() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

async fn connect(config: &Config) -> Result<(Connected, Services), Error> {
    if config.offline {
        return Err(Error::usage_with_hint("containers are on an engine", "leave --offline out"));
    }
    let connected = config.backends.connect(config.host.as_deref(), &config.engine).await?;
    let services = Services::new(config, Some(connected.clone()), None);
    Ok((connected, services))
}

async fn place(config: &Config, connected: &Connected) -> Result<Place, Error> {
    Place::new(config.state.clone(), connected.store.id().await?)
}

/// The name of the container that is meant. What an earlier deployment of it has left is looked after first.
async fn found(
    hands: Hands<'_>,
    place: &Place,
    word: &str,
    dry_run: bool,
    audience: &mut dyn Audience,
) -> Result<String, Error> {
    let word = word.trim_start_matches('/');
    if !is_container_name(word) {
        return Err(Error::usage(format!("`{}` is not the name of a container", printable(word))));
    }
    let name = match hands.container(word).await? {
        Some(container) => name_of(&container).to_owned(),
        None => word.to_owned(),
    };
    // Whoever names a container of a deployment means the one that is deployed.
    let name = OWN_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name).to_owned();
    if is_unfinished(hands, &name).await? {
        if dry_run {
            let message = format!("a deployment of {name} is under way, or was cut off");
            let hint = "without --dry-run it is waited for, or looked after, first";
            return Err(Error::usage_with_hint(message, hint));
        }
        recover(hands, place, &name, audience).await?;
    }
    Ok(name)
}

/// The description of a container that can be moved.
async fn described(hands: Hands<'_>, name: &str) -> Result<Value, Error> {
    let Some(container) = hands.container(name).await? else {
        let hint = "docker ps --all lists containers";
        return Err(Error::usage_with_hint(
            format!("the engine has no container `{}`", printable(name)),
            hint,
        ));
    };
    let labels = object(&container["Config"], "Labels");
    if labels.contains_key("com.docker.swarm.service.id") {
        let hint = "docker service update --image IMAGE SERVICE";
        return Err(Error::usage_with_hint(format!("{name} belongs to a service of a swarm"), hint));
    }
    if container["State"]["Paused"] == true {
        let hint = format!("docker unpause {name}");
        return Err(Error::usage_with_hint(format!("{name} is paused"), hint));
    }
    Ok(container)
}
