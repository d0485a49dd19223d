//! What registries have by key, so that it is pulled instead of built.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use crate::diagnostic::Diagnostic;
use crate::image::ImageReference;
use crate::ops::registries::{Registries, is_told};
use crate::ops::workspace::Workspace;
use crate::ops::{Ending, Error};
use crate::plan::{ImageFacts, ImageId};
use crate::publish::{ImageIdentity, Standing, destination};
use crate::registry::{RegistryError, RegistryErrorKind};

/// Images that are asked about at once; the registry's client limits its requests itself.
const IMAGES: usize = 64;

/// Notes which of these images a registry has. Those that the engine has are not asked about, nor are images
/// whose names are only guessed, or whose registry nothing tells: nobody can have pushed them. A registry that does not answer is a warning,
/// since what it may have can be built; a login that it refuses is an error.
pub(super) async fn look_up(
    workspace: &Workspace,
    registries: &Registries,
    images: &[ImageId],
    known: &mut [ImageFacts],
) -> Result<Vec<Diagnostic>, Error> {
    if workspace.project.namespace.source.is_guess() {
        return Ok(Vec::new());
    }
    let provisional: BTreeSet<ImageId> = workspace.project.provisional.iter().map(|(at, _)| *at).collect();
    let mut questions = Vec::new();
    let is_asked = |id: ImageId| !provisional.contains(&id) && is_told(workspace, id);
    for at in images.iter().filter(|at| known[**at].existing.is_none() && is_asked(**at)) {
        let Some(ready) = workspace.project.images[*at].ready() else { continue };
        let identity = ImageIdentity { key: ready.key, platform: ready.material.platform.clone() };
        let places = places(workspace, registries, *at)?;
        questions.push(async move { (*at, ask(registries, &identity, places).await) });
    }
    let answers: Vec<_> = stream::iter(questions).buffered(IMAGES).collect().await;
    let mut trouble: BTreeMap<String, RegistryError> = BTreeMap::new();
    for (at, answer) in answers {
        let (found, errors) = answer?;
        known[at].remote = found;
        for (host, error) in errors {
            trouble.entry(host).or_insert(error);
        }
    }
    Ok(trouble.values().map(warning).collect())
}

/// The image's names in the registries, by its key.
fn places(workspace: &Workspace, registries: &Registries, id: ImageId) -> Result<Vec<ImageReference>, Error> {
    let Some(ImageReference { repository, tag: Some(tag), .. }) = workspace.project.images[id].reference()
    else {
        return Ok(Vec::new());
    };
    let place = |registry: &Option<String>| {
        let repository = destination(&repository, registry.as_deref()).map_err(Error::usage)?;
        Ok(repository.with_tag(tag.clone()))
    };
    registries.places.iter().map(place).collect()
}

type Answer = (Option<ImageReference>, Vec<(String, RegistryError)>);

/// The first of the places that has it. What is something else there is an error: whoever put it there means ill, or
/// the registry is not in order.
async fn ask(
    registries: &Registries,
    identity: &ImageIdentity,
    places: Vec<ImageReference>,
) -> Result<Answer, Error> {
    let mut trouble = Vec::new();
    for place in places {
        match standing(registries, identity, &place).await {
            Ok(Some(standing)) => match identity.objection(&place, &standing) {
                None => return Ok((Some(place), trouble)),
                Some(objection) => return Err(Error::one(Ending::Registry, objection)),
            },
            Ok(None) => {}
            Err(error @ RegistryError::Damaged { .. }) => return Err(error.into()),
            Err(error) if is_the_users(&error) => return Err(error.into()),
            Err(error) => trouble.push((place.repository.host().to_owned(), error)),
        }
    }
    Ok((None, trouble))
}

/// What stands there; an image that is there only in part is not.
async fn standing(
    registries: &Registries,
    identity: &ImageIdentity,
    place: &ImageReference,
) -> Result<Option<Standing>, RegistryError> {
    let Some(found) = registries.client.look_up(place).await? else { return Ok(None) };
    let is_it = |standing: &Standing| identity.is_of(standing);
    match registries.standings.of(&place.repository, &found.digest, is_it).await {
        Err(RegistryError::NotFound { .. }) => Ok(None),
        standing => standing.map(Some),
    }
}

/// Whether somebody has to mend it: going on would hide a wrong login behind slow builds. Without a login a
/// registry answers like that for what is not there as well.
fn is_the_users(error: &RegistryError) -> bool {
    match error {
        RegistryError::Unauthorized { credential, .. } | RegistryError::Denied { credential, .. } => {
            credential.is_some()
        }
        _ => error.kind() == RegistryErrorKind::Configuration,
    }
}

fn warning(error: &RegistryError) -> Diagnostic {
    let warning = Diagnostic::warning(format!("{error}; what it may have is built instead"));
    match error.hint() {
        Some(hint) => warning.hint(hint),
        None => warning,
    }
}
