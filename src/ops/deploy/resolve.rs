//! Which image a container gets: built or pulled before anything is touched.

use std::collections::BTreeMap;

use serde_json::Value;

use super::hands::Hands;
use super::request::{DeployRequest, Later};
use crate::deploy::{CHECKOUT_LABEL, DEPLOYED_KEY_LABEL, DEPLOYED_REVISION_LABEL, NewImage, object, text};
use crate::diagnostic::Diagnostic;
use crate::execution::{KEY_LABEL, REVISION_LABEL, engine_login};
use crate::git::{Checkout, CheckoutError};
use crate::image::ImageReference;
use crate::ops::{self, Audience, Config, Ending, EnsureRequest, Ensured, Error, RemotePolicy, Services};

/// An image, and what containers that get it are labelled with.
pub(super) struct Resolved {
    pub image: NewImage,
    /// Its name without a tag; empty where it has none.
    pub repository: String,
    pub labels: BTreeMap<&'static str, String>,
}

pub(super) enum MeantImage {
    Here(Resolved),
    /// It does not, and nothing is to be changed: its name, and what is known.
    Later(String, Later),
}

/// How an image of a checkout comes.
pub(super) const BUILT_OR_PULLED: &str = "pulled, or built";
const PULLED: &str = "pulled";

/// Finds the image that is meant, and has the engine have it.
pub(super) async fn resolve(
    config: &Config,
    request: &DeployRequest,
    services: &Services,
    hands: Hands<'_>,
    container: &Value,
    audience: &mut dyn Audience,
) -> Result<MeantImage, Error> {
    let asked = match &request.image {
        Some(image) => image.clone(),
        None => text(&container["Config"], "Image").to_owned(),
    };
    if let Some((reference, checkout)) = of_checkout(config, request, &asked, audience).await? {
        let name = reference.to_string();
        if request.moving.dry_run && hands.image(&name).await?.is_none() {
            return Ok(later(name, container, BUILT_OR_PULLED));
        }
        return described(hands, &name, Some(checkout)).await.map(MeantImage::Here);
    }
    let is_known = hands.image(&asked).await?.is_some();
    if is_known && (!request.pull || is_id(&asked)) {
        return described(hands, &asked, None).await.map(MeantImage::Here);
    }
    let reference: ImageReference = asked.parse().map_err(|error| Error::usage(format!("{error}")))?;
    if request.moving.dry_run {
        return Ok(later(reference.complete(), container, PULLED));
    }
    let host = reference.repository.host();
    let credential = services.credentials.login(host).await?;
    let login = credential.as_ref().and_then(engine_login);
    services.store()?.pull(&reference, login).await.map_err(|error| {
        let finding = Diagnostic::error(error.to_string());
        let hint = error.hint().unwrap_or_else(|| "nothing was changed".to_owned());
        let ending = if error.is_unreachable() { Ending::NoEngine } else { Ending::Registry };
        Error::one(ending, finding.hint(hint))
    })?;
    described(hands, &reference.complete(), None).await.map(MeantImage::Here)
}

/// What is only shown builds and pulls nothing.
fn later(name: String, container: &Value, how: &'static str) -> MeantImage {
    MeantImage::Later(name, Later { from: text(&container["Config"], "Image").to_owned(), how })
}

fn is_id(word: &str) -> bool {
    word.starts_with("sha256:")
}

/// The image of this checkout that is meant, built or pulled; none outside of a checkout, or for any other reference.
async fn of_checkout(
    config: &Config,
    request: &DeployRequest,
    asked: &str,
    audience: &mut dyn Audience,
) -> Result<Option<(ImageReference, String)>, Error> {
    let checkout = match Checkout::discover(&config.folder) {
        Ok(checkout) => checkout.name().to_owned(),
        Err(CheckoutError::NotARepository(_) | CheckoutError::Bare(_)) => return Ok(None),
        // A reference can be had whatever is wrong with the folder.
        Err(_) if is_reference(asked) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let name = match (&request.image, asked.parse::<ImageReference>()) {
        // What it was made from has a tag of then. A short name of this checkout may be the whole name of an image of others.
        (None, Ok(reference)) if !is_id(asked) => {
            let name = reference.repository.familiar();
            match planned(config, request, &name).await? {
                Some(found) if found.repository == reference.repository => name,
                _ => return Ok(None),
            }
        }
        (None, _) => return Ok(None),
        (Some(_), _) if is_reference(asked) => return Ok(None),
        (Some(_), _) => asked.to_owned(),
    };
    if request.moving.dry_run {
        return Ok(planned(config, request, &name).await?.map(|reference| (reference, checkout)));
    }
    let ensuring = EnsureRequest {
        names: vec![name],
        remote: RemotePolicy::Pull,
        images: request.images.clone(),
        building: request.building.clone(),
    };
    match ops::ensure(config, &ensuring, audience).await {
        Ok(Ensured::There(references)) => Ok(references.into_iter().next().map(|it| (it, checkout))),
        Ok(Ensured::Missing(ending)) => Err(Error::said(ending)),
        Err(Error::UnknownImage(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The image of this checkout that would be built or pulled.
async fn planned(
    config: &Config,
    request: &DeployRequest,
    name: &str,
) -> Result<Option<ImageReference>, Error> {
    match ops::named(config, &request.images, name).await {
        Ok((project, images)) => Ok(images.first().and_then(|at| project.images[*at].reference())),
        Err(Error::UnknownImage(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a word has a tag, a digest or is an id: names of a checkout have none of these.
fn is_reference(word: &str) -> bool {
    let last = word.rsplit('/').next().unwrap_or_default();
    last.contains([':', '@'])
}

pub(super) async fn described(
    hands: Hands<'_>,
    name: &str,
    checkout: Option<String>,
) -> Result<Resolved, Error> {
    let Some(found) = hands.image(name).await? else {
        return Err(Error::one(
            Ending::Failed,
            Diagnostic::error(format!("the engine has no image `{name}`")).hint("nothing was changed"),
        ));
    };
    let config = object(&found, "Config");
    let label = |label: &str| found["Config"]["Labels"][label].as_str().unwrap_or_default().to_owned();
    // Labels of an image are inherited by what others build on it, so that only a checkout's own name makes them true.
    let key = if checkout.is_some() { label(KEY_LABEL) } else { String::new() };
    let revision = label(REVISION_LABEL);
    let said = [
        (CHECKOUT_LABEL, checkout.unwrap_or_default()),
        (DEPLOYED_KEY_LABEL, key),
        (DEPLOYED_REVISION_LABEL, revision),
    ];
    let repository = match name.parse::<ImageReference>() {
        Ok(reference) if !is_id(name) => reference.repository.familiar(),
        _ => String::new(),
    };
    Ok(Resolved {
        image: NewImage { name: name.to_owned(), id: text(&found, "Id").to_owned(), config },
        repository,
        labels: said.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
    })
}
