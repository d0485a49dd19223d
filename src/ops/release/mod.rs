//! Gives images a version: on the engine and in registries, and moves the references that pin an older one.

mod model;
mod overlay;
mod places;
mod references;
mod target;

use std::sync::Arc;

use super::ensure::{Brought, bring, can_be_had, wanted};
use super::facts::Facts;
use super::push::unversioned;
use super::registries::{Registries, is_told};
use super::workspace::{EngineNeed, Watch, Workspace, open, planned_again};
use super::{Audience, Config, Ending, Error, guessed_names};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::plan::ImageId;
use crate::release::Version;
pub use model::{FileEdit, KeptReference, LineEdit, ReleaseRequest, Released, ReleasedImage, VersionPlace};
use places::Places;
use references::Changes;

/// Gives images a version. What stands under the version with another key is never replaced, nowhere: the engine and all
/// registries are asked before anything changes, and files change last.
///
/// # Errors
///
/// Where it cannot begin, or where the version is taken; nothing was changed then.
pub async fn release(
    config: &Config,
    request: &ReleaseRequest,
    audience: &mut dyn Audience,
) -> Result<Released, Error> {
    if config.offline {
        let hint = "leave --offline out; `--dry-run` changes nothing";
        return Err(Error::usage_with_hint("release needs an engine", hint));
    }
    let version = target::version(request)?;
    planned_again(config, audience, async |watch, audience| {
        release_once(config, request, &version, watch, audience).await
    })
    .await
}

async fn release_once(
    config: &Config,
    request: &ReleaseRequest,
    version: &Version,
    watch: &Arc<Watch>,
    audience: &mut dyn Audience,
) -> Result<Released, Error> {
    let mut images = request.images.clone();
    images.selector.targets = request.names.clone();
    let (workspace, services) = open(config, &images, EngineNeed::Required, Some(watch)).await?;
    audience.reads(&workspace.tree);
    services.tell(audience);
    let wanted = wanted(&workspace, &request.names)?;
    let registries = Registries::new(&workspace, &services);
    let store = services.store()?;
    let mut facts = Facts::of_engine(&workspace, Some(&**store)).await?.without_moving();
    can_be_had(&workspace, &wanted, &facts, audience)?;
    let targets = target::targets(&workspace, request, version, &wanted)?;
    if !request.allow_dirty {
        target::refuse_dirty(&workspace, &targets)?;
    }
    audience.finds(&unversioned(&facts.plan_of(&workspace, &wanted)));
    let published: Vec<_> = wanted.iter().copied().filter(|at| is_told(&workspace, *at)).collect();
    if !published.is_empty() {
        refuse_guesses(&workspace, &published)?;
    }
    let places = Places::look(&workspace, &**store, &registries, &targets, &published).await?;
    let taken = places.taken();
    if has_errors(&taken) {
        audience.finds(&taken);
        return Err(Error::said(Ending::Failed));
    }
    let changes = if request.no_edit {
        Changes::default()
    } else {
        references::find(&workspace, &registries, version, &targets)?
    };
    let mut released = Released {
        images: places.images(&targets),
        dry_run: request.dry_run,
        edits: changes.edits.clone(),
        kept: changes.kept.clone(),
        rebuilt: changes.rebuilt.clone(),
        ending: Ending::Done,
    };
    if request.dry_run {
        audience.finds(&changes.findings);
        return Ok(released);
    }
    let missing = facts.needed(&workspace, &wanted);
    audience.finds(&facts.ask(&workspace, &registries, &missing).await?);
    let brought = bring(&workspace, &services, &facts, &wanted, &request.building, audience).await?;
    released.ending = match brought {
        Brought::Missing(ending) => ending,
        Brought::Built(_) => places.publish(&workspace, &services, &registries, audience).await?,
    };
    if released.ending != Ending::Done {
        return Ok(released);
    }
    workspace.still_holds()?;
    places.tag(&**store, &targets).await?;
    changes.write(&workspace)?;
    audience.finds(&changes.findings);
    Ok(released)
}

fn refuse_guesses(workspace: &Workspace, published: &[ImageId]) -> Result<(), Error> {
    let refused: Vec<Diagnostic> = guessed_names(workspace, published);
    if refused.is_empty() { Ok(()) } else { Err(Error::wrong(refused)) }
}
