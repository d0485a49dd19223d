use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Move, Observed, Publication, Standing, Wanted};
use crate::execution::{KEY_LABEL, REVISION_LABEL};
use crate::image::{Digest, ImageReference, Repository, Tag};
use crate::registry::{Registry, RegistryError};

/// Images that are asked about at once; the registry's client limits its requests itself.
const IMAGES: usize = 64;

/// Asks a registry what it has of each image. One request a tag where everything is in place; what a tag names
/// that is elsewhere takes two more.
pub async fn observe(registry: &Registry, wanted: &[Wanted]) -> Result<Vec<Observed>, RegistryError> {
    // Collected first: a lazy iterator of borrowing futures would not be general enough for callers.
    let questions: Vec<_> = wanted.iter().map(|wanted| observe_one(registry, wanted)).collect();
    stream::iter(questions).buffered(IMAGES).try_collect().await
}

async fn observe_one(registry: &Registry, wanted: &Wanted) -> Result<Observed, RegistryError> {
    let names: Vec<&Tag> = wanted.settled.iter().chain(wanted.moving.iter().map(|(_, tag)| tag)).collect();
    let key = async {
        let found = registry.head(&wanted.repository.with_tag(wanted.key.clone())).await?;
        Ok::<_, RegistryError>(found.map(|found| found.digest))
    };
    let heads: Vec<_> = names
        .iter()
        .map(|tag| {
            let reference = wanted.repository.with_tag((*tag).clone());
            async move { registry.head(&reference).await }
        })
        .collect();
    let (key, heads) = futures_util::future::try_join(key, futures_util::future::try_join_all(heads)).await?;
    let mut observed = Observed { key, ..Observed::default() };
    for (tag, found) in names.into_iter().zip(heads) {
        let Some(found) = found else { continue };
        let standing = match &observed.key {
            Some(key) if *key == found.digest => {
                Standing { digest: found.digest, key: None, revision: None, platforms: Vec::new() }
            }
            _ => standing(registry, &wanted.repository, found.digest).await?,
        };
        observed.tags.insert(tag.clone(), standing);
    }
    Ok(observed)
}

/// What a manifest or index is, as far as its own labels say.
pub(super) async fn standing(
    registry: &Registry,
    repository: &Repository,
    digest: Digest,
) -> Result<Standing, RegistryError> {
    let reference = repository.with_digest(digest.clone());
    let config = match registry.image_config(&reference).await {
        Ok(config) => config,
        // Something that is no image, such as a chart.
        Err(RegistryError::Damaged { .. }) => {
            return Ok(Standing { digest, key: None, revision: None, platforms: Vec::new() });
        }
        Err(error) => return Err(error),
    };
    let label = |name: &str| config.labels.get(name).map(String::as_str).unwrap_or_default();
    Ok(Standing {
        digest,
        key: label(KEY_LABEL).parse().ok(),
        revision: label(REVISION_LABEL).parse().ok(),
        platforms: config.platforms.clone(),
    })
}

/// Where the tags stand now that are to move; those that are where they belong, on `own`, need not.
pub(super) async fn look_at_moves(
    registry: &Registry,
    publication: &Publication,
    own: Option<&Digest>,
) -> Result<Vec<Move>, (ImageReference, RegistryError)> {
    let mut moves = Vec::new();
    for moved in &publication.moves {
        let reference = publication.tagged(&moved.tag);
        let found = registry.head(&reference).await.map_err(|error| (reference.clone(), error))?;
        let found = found.map(|found| found.digest);
        if found.is_some() && found.as_ref() == own {
            continue;
        }
        let from = match (&moved.from, found) {
            (Some(from), Some(found)) if from.digest == found => Some(from.clone()),
            (_, Some(found)) => {
                let standing = standing(registry, &publication.repository, found).await;
                Some(standing.map_err(|error| (reference, error))?)
            }
            (_, None) => None,
        };
        moves.push(Move { from, ..moved.clone() });
    }
    Ok(moves)
}
