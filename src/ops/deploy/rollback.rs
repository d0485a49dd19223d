use serde_json::Value;

use super::hands::Hands;
use super::request::{Deployed, DeployedRevision, Revisions, RollbackRequest};
use super::resolve::described as image_described;
use super::{Asked, Mover, connect, described, found, place};
use crate::deploy::{CHECKOUT_LABEL, DEPLOYED_KEY_LABEL, Previous, object, text};
use crate::diagnostic::Diagnostic;
use crate::execution::KEY_LABEL;
use crate::image::ImageReference;
use crate::ops::{Audience, Config, Ending, Error};

/// Moves a container back to what it ran before, with its settings of that time. No registry is asked.
///
/// # Errors
///
/// Where it cannot begin. Whatever goes wrong later is told, and what ran before is put back.
pub async fn rollback(
    config: &Config,
    request: &RollbackRequest,
    audience: &mut dyn Audience,
) -> Result<Deployed, Error> {
    let (connected, services) = connect(config).await?;
    let hands = Hands(&*connected.containers);
    let place = place(config, &connected).await?;
    let asked = Asked { word: &request.container, is_new: false };
    let name = found(hands, &place, asked, request.moving.dry_run, audience).await?;
    let mover = Mover { hands, services: &services, place: &place, moving: &request.moving, token: None };
    back(&mover, &name, audience).await
}

pub(super) async fn back(
    mover: &Mover<'_>,
    name: &str,
    audience: &mut dyn Audience,
) -> Result<Deployed, Error> {
    let hands = mover.hands;
    let container = described(hands, name).await?;
    let Some((id, reference)) = target(hands, &container).await? else {
        return Err(Error::usage_with_hint(
            format!("nothing says what {name} ran before"),
            "`shipwright deploy` notes it; name an image of that time: shipwright deploy CONTAINER IMAGE",
        ));
    };
    if hands.image(&id).await?.is_none() {
        let message = format!("the engine no longer has what {name} ran before: {reference}");
        let hint = format!("shipwright deploy {name} {reference} --pull");
        return Err(Error::one(Ending::Failed, Diagnostic::error(message).hint(hint)));
    }
    let mut resolved =
        image_described(hands, &name_for(hands, &id, &reference, &container).await?, None).await?;
    // The image is the one of then, so that its own labels say which it is, where a checkout's deployment brought it.
    let labels = object(&container["Config"], "Labels");
    if let Some(checkout) = labels.get(CHECKOUT_LABEL).and_then(Value::as_str) {
        let image = object(&Value::Object(resolved.image.config.clone()), "Labels");
        if let Some(key) = image.get(KEY_LABEL).and_then(Value::as_str) {
            resolved.labels.insert(CHECKOUT_LABEL, checkout.to_owned());
            resolved.labels.insert(DEPLOYED_KEY_LABEL, key.to_owned());
        }
    }
    let restored = |container: &Value| match Previous::read(container) {
        Some(previous) if previous.image == id => previous.restored(container),
        _ => container.clone(),
    };
    mover.moves(name, &resolved, &restored, audience).await
}

/// What a container runs, and what it would go back to. Nothing is changed.
pub async fn revisions(config: &Config, container: &str) -> Result<Revisions, Error> {
    let (connected, _) = connect(config).await?;
    let hands = Hands(&*connected.containers);
    let container = described(hands, container.trim_start_matches('/')).await?;
    let current = DeployedRevision {
        reference: text(&container["Config"], "Image").to_owned(),
        image: text(&container, "Image").to_owned(),
        created: text(&container, "Created").to_owned(),
        is_here: hands.image(text(&container, "Image")).await?.is_some(),
    };
    let previous = match target(hands, &container).await? {
        Some((image, reference)) => Some(DeployedRevision {
            created: Previous::read(&container).map(|previous| previous.created).unwrap_or_default(),
            is_here: hands.image(&image).await?.is_some(),
            reference,
            image,
        }),
        None => None,
    };
    Ok(Revisions { container: super::name_of(&container).to_owned(), current, previous })
}

/// The id of the image that a container ran before, and what it was asked for by: as its label says, else what `previous` names.
async fn target(hands: Hands<'_>, container: &Value) -> Result<Option<(String, String)>, Error> {
    if let Some(previous) = Previous::read(container) {
        return Ok(Some((previous.image, previous.reference)));
    }
    let Some(name) = tag_of(container, "previous") else { return Ok(None) };
    let found = hands.image(&name).await?;
    Ok(found.map(|image| (text(&image, "Id").to_owned(), name)))
}

/// A tag of the repository that a container's image is of.
fn tag_of(container: &Value, tag: &str) -> Option<String> {
    let asked = text(&container["Config"], "Image");
    let reference: ImageReference = asked.parse().ok().filter(|_| !asked.starts_with("sha256:"))?;
    Some(format!("{}:{tag}", reference.repository.familiar()))
}

/// A name that means the image now: the one of then, else `previous`, else its id.
async fn name_for(hands: Hands<'_>, id: &str, reference: &str, container: &Value) -> Result<String, Error> {
    let previous = tag_of(container, "previous");
    for name in [Some(reference.to_owned()), previous].into_iter().flatten() {
        if hands.image(&name).await?.is_some_and(|found| text(&found, "Id") == id) {
            return Ok(name);
        }
    }
    Ok(id.to_owned())
}
