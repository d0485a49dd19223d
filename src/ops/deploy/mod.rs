//! Moves running containers to other images, and back. docs/deploy.md has the order of the steps and what each
//! interruption leaves.

mod carry_out;
mod create;
mod hands;
mod lock;
mod project;
mod recover;
mod request;
mod resolve;
mod rollback;
mod single;
mod survey;
mod watch;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::carry_out::carry_out;
use self::hands::Hands;
use self::lock::{Held, LockPlace, hold};
pub use self::project::deploy_project;
use self::recover::{is_unfinished, recover};
pub use self::request::{
    Creation, DeployRequest, Deployed, DeployedRevision, Later, Moved, Moving, Probe, ProjectDeployed,
    ProjectRequest, Revisions, RollbackRequest,
};
use self::resolve::Resolved;
pub use self::rollback::{revisions, rollback};
pub use self::single::deploy;
use self::survey::{EngineFacts, name_of, survey};
use super::{Audience, Config, Ending, Error, Services};
use crate::deploy::{Names, OWN_SUFFIXES, is_container_name, object, text};
use crate::diagnostic::Diagnostic;
use crate::ops::backends::Connected;
use crate::printable::printable;
use crate::registry::ProxySettings;

/// How often a container may change while it is looked at.
const ROUNDS: usize = 5;

struct Mover<'a> {
    hands: Hands<'a>,
    services: &'a Services,
    place: &'a LockPlace,
    moving: &'a Moving,
    /// What it is told to stop by where it is one of several moves; else it is told by itself.
    token: Option<CancellationToken>,
}

impl Mover<'_> {
    /// What carries out needs to know beside the plan.
    fn manner(&self) -> (&Moving, &ProxySettings) {
        (self.moving, &self.services.proxy)
    }

    /// Moves a container, as `read` understands its description.
    async fn moves(
        &self,
        name: &str,
        resolved: &Resolved,
        read: &(dyn Fn(&Value) -> Value + Sync),
        audience: &mut dyn Audience,
    ) -> Result<Deployed, Error> {
        let hands = self.hands;
        let surroundings = EngineFacts::new(&hands.info().await?);
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
            let careful = self.token.is_none().then(|| self.services.interrupts.careful());
            let token = careful.as_ref().map(|careful| careful.token().clone());
            let token = token.or_else(|| self.token.clone()).unwrap_or_default();
            if !is_as_surveyed(hands, &plan).await? {
                held.release(hands).await?;
                continue;
            }
            audience.finds(&warnings);
            let ending = carry_out(hands, &mut plan, self.manner(), &token, audience).await?;
            released(hands, held, audience).await;
            return Ok(if ending == Ending::Done { Deployed::Done(moved) } else { Deployed::Failed(ending) });
        }
        Err(changes_all_the_time(name))
    }
}

fn changes_all_the_time(name: &str) -> Error {
    let message = format!("{name} changes all the time: somebody else is at work on it");
    Error::one(Ending::Failed, Diagnostic::error(message).hint("try again when that is over"))
}

/// Lets go of what was held. What was asked for is done; who comes next finds nothing to repair but the lock.
async fn released(hands: Hands<'_>, held: Held, audience: &mut dyn Audience) {
    if let Err(error) = held.release(hands).await {
        audience.finds(&[Diagnostic::warning(error.to_string())]);
    }
}

/// Whether all containers are still what was looked at, now that they are held.
async fn is_as_surveyed(hands: Hands<'_>, plan: &survey::Plan) -> Result<bool, Error> {
    for member in &plan.members {
        let names = Names::of(member.name());
        match (hands.named(&names.own).await?, &member.old) {
            (None, None) => {}
            (Some(now), Some(old)) => {
                let is_same = |field: &str| text(&now["State"], field) == text(&old["State"], field);
                if text(&now, "Id") != member.id() || !is_same("Status") {
                    return Ok(false);
                }
            }
            _ => return Ok(false),
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

async fn place(config: &Config, connected: &Connected) -> Result<LockPlace, Error> {
    LockPlace::new(config.state.clone(), connected.store.id().await?)
}

#[derive(Clone, Copy)]
struct Asked<'a> {
    word: &'a str,
    is_new: bool,
}

/// The name of the container that is meant. What an earlier deployment of it has left is looked after first.
async fn found(
    hands: Hands<'_>,
    place: &LockPlace,
    Asked { word, is_new }: Asked<'_>,
    dry_run: bool,
    audience: &mut dyn Audience,
) -> Result<String, Error> {
    let word = word.trim_start_matches('/');
    if !is_container_name(word) {
        return Err(Error::usage(format!("`{}` is not the name of a container", printable(word))));
    }
    let name = match hands.container(word).await? {
        // A new container's name may be the beginning of another one's id.
        Some(container) if !is_new => name_of(&container).to_owned(),
        _ => word.to_owned(),
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
