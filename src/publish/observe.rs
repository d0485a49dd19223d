use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Observed, Standing, Wanted};
use crate::execution::{KEY_LABEL, REVISION_LABEL};
use crate::image::{Digest, Tag};
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
            _ => standing(registry, wanted, found.digest).await?,
        };
        observed.tags.insert(tag.clone(), standing);
    }
    Ok(observed)
}

async fn standing(registry: &Registry, wanted: &Wanted, digest: Digest) -> Result<Standing, RegistryError> {
    let reference = wanted.repository.with_digest(digest.clone());
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
