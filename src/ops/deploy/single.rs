//! One container: moved, or made the first time.

use serde_json::Value;

use super::create::refuse_existing;
use super::hands::Hands;
use super::request::{DeployRequest, Deployed, Moved};
use super::resolve::{MeantImage, resolve};
use super::{Asked, Mover, connect, described, found, place};
use crate::ops::{Audience, Config, Error};

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
    let mover = Mover { hands, services: &services, place: &place, moving: &request.moving, token: None };
    let asked = Asked { word: &request.container, is_new: request.create.is_some() };
    let name = found(hands, &place, asked, request.moving.dry_run, audience).await?;
    if let Some(creation) = &request.create {
        refuse_existing(hands, &name).await?;
        return match resolve(config, request, &services, hands, &Value::Null, audience).await? {
            MeantImage::Here(resolved) => mover.creates(&name, &resolved, creation, audience).await,
            MeantImage::Later(image, later) => Ok(Deployed::Later(Moved::alone(name, image), later)),
        };
    }
    let container = described(hands, &name).await?;
    match resolve(config, request, &services, hands, &container, audience).await? {
        MeantImage::Here(resolved) => {
            mover.moves(&name, &resolved, &|container| container.clone(), audience).await
        }
        MeantImage::Later(image, later) => Ok(Deployed::Later(Moved::alone(name, image), later)),
    }
}
