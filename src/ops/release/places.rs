//! Where a version stands, and how it gets there.

use std::sync::Arc;

use super::model::{ReleasedImage, VersionPlace};
use super::target::ReleaseTarget;
use crate::diagnostic::Diagnostic;
use crate::image::ContentKey;
use crate::ops::facts::{Facts, key_of};
use crate::ops::push::Publishing;
use crate::ops::registries::Registries;
use crate::ops::workspace::Workspace;
use crate::ops::{Audience, Ending, Error, Services};
use crate::plan::{ImageId, Plan, Turn};
use crate::publish::{Judgement, Publication, Wanted, decide, judge, observe, taken};
use crate::store::{ImageStore, LocalImage};

/// What was found where the version is to stand.
pub(super) struct Places {
    /// What has the version on the engine, image by image.
    engine: Vec<Option<OnEngine>>,
    keys: Vec<ContentKey>,
    targets: Vec<ReleaseTarget>,
    plan: Arc<Plan>,
    publications: Vec<Publication>,
    /// Of each publication: whether the version was there.
    were_there: Vec<bool>,
}

/// What has a version on the engine: its key, if it has one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct OnEngine(Option<ContentKey>);

/// Versions are tags that never move once they are there; that all of them are put together, after every image is in place
/// everywhere, is what moving tags are for.
const JUDGEMENT: Judgement<'static> =
    Judgement { is_ancestor: &|_| None, force: false, in_hook: false, immutable: true };

impl Places {
    /// Asks the engine and all registries. Changes nothing.
    pub(super) async fn look(
        workspace: &Workspace,
        store: &dyn ImageStore,
        registries: &Registries,
        targets: &[ReleaseTarget],
        published: &[ImageId],
    ) -> Result<Self, Error> {
        let engine = on_engine(store, targets).await?;
        // What the engine has does not matter to registries.
        let facts = Facts::none(workspace)?.without_moving();
        let plan = Arc::new(facts.plan_of(workspace, published));
        let mut wanted = Wanted::all(&plan, &registries.places).map_err(Error::usage)?;
        wanted.retain(|wanted| published.contains(&plan.steps[wanted.step].image));
        for wanted in &mut wanted {
            let target = targets.iter().find(|target| target.image == plan.steps[wanted.step].image);
            let tag = target.map(|target| target.tag.clone());
            wanted.immutable.retain(|known| Some(known) != tag.as_ref());
            wanted.moving = tag.into_iter().map(|tag| (Turn::Branch, tag)).collect();
        }
        let observed = observe(&registries.standings, &wanted).await?;
        let mut publications = decide(wanted, &observed);
        // The same content may stand there by another manifest.
        for publication in &mut publications {
            let identity = publication.wanted.identity.clone();
            publication.moves.retain(|moved| !moved.from.as_ref().is_some_and(|from| identity.is_of(from)));
        }
        let were_there = publications.iter().map(|publication| publication.moves.is_empty()).collect();
        let keys = targets.iter().map(|target| target.key).collect();
        Ok(Self { engine, keys, targets: targets.to_vec(), plan, publications, were_there })
    }

    /// What stands under the version, or under a key, and is something else.
    pub(super) fn taken(&self) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = Vec::new();
        for ((target, engine), key) in self.targets.iter().zip(&self.engine).zip(&self.keys) {
            if let Some(OnEngine(other)) = engine.filter(|OnEngine(other)| *other != Some(*key)) {
                found.push(taken(&target.reference(), other, *key));
            }
        }
        for publication in &self.publications {
            let about_tags = Publication { conflicts: Vec::new(), ..publication.clone() };
            found.extend(judge(&about_tags, &JUDGEMENT));
        }
        found
    }

    pub(super) fn images(&self, targets: &[ReleaseTarget]) -> Vec<ReleasedImage> {
        let of = |(target, engine): (&ReleaseTarget, &Option<OnEngine>)| {
            let remote =
                self.publications.iter().zip(&self.were_there).filter(|(publication, _)| {
                    self.plan.steps[publication.wanted.step].image == target.image
                });
            ReleasedImage {
                name: target.name.clone(),
                source: target.source.clone(),
                local: VersionPlace { reference: target.reference(), was_there: engine.is_some() },
                remote: remote
                    .map(|(publication, was_there)| VersionPlace {
                        reference: publication.tagged(&target.tag),
                        was_there: *was_there,
                    })
                    .collect(),
            }
        };
        targets.iter().zip(&self.engine).map(of).collect()
    }

    /// Sends the images to all registries, and then gives them the version everywhere.
    pub(super) async fn publish(
        &self,
        workspace: &Workspace,
        services: &Services,
        registries: &Registries,
        audience: &mut dyn Audience,
    ) -> Result<Ending, Error> {
        if self.publications.iter().all(Publication::is_in_place) {
            return Ok(Ending::Done);
        }
        let publishing =
            Publishing { workspace, services, plan: &self.plan, registries, judgement: &JUDGEMENT, sent: 0 };
        publishing.carry_out(&self.publications, audience).await
    }

    /// Gives the images the version on the engine. It is looked there again: somebody may have taken it meanwhile.
    pub(super) async fn tag(&self, store: &dyn ImageStore, targets: &[ReleaseTarget]) -> Result<(), Error> {
        let now = on_engine(store, targets).await?;
        for (target, found) in targets.iter().zip(now) {
            match found {
                None => store.tag(&target.source, &target.reference()).await?,
                Some(OnEngine(key)) if key == Some(target.key) => {}
                Some(OnEngine(key)) => {
                    return Err(Error::one(Ending::Failed, taken(&target.reference(), key, target.key)));
                }
            }
        }
        Ok(())
    }
}

async fn on_engine(
    store: &dyn ImageStore,
    targets: &[ReleaseTarget],
) -> Result<Vec<Option<OnEngine>>, Error> {
    let mut references: Vec<_> = targets.iter().map(ReleaseTarget::reference).collect();
    references.extend(targets.iter().map(|target| target.source.clone()));
    let found = store.inspect_all(&references).await?;
    let (versions, sources) = found.split_at(targets.len());
    let key = |(version, source): (&Option<LocalImage>, &Option<LocalImage>)| {
        let version = version.as_ref()?;
        // What somebody built on an image has its labels as well.
        let is_built_on = source.as_ref().is_some_and(|source| source.layers.len() != version.layers.len());
        Some(OnEngine(key_of(version).filter(|_| !is_built_on)))
    };
    Ok(versions.iter().zip(sources).map(key).collect())
}
