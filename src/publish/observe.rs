use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Observed, Publication, Standing, Standings, TagMove, Wanted};
use crate::image::{Digest, ImageReference, Tag};
use crate::registry::RegistryError;

/// Images that are asked about at once; the registry's client limits its requests itself.
const IMAGES: usize = 64;

/// Asks a registry what it has of each image. One request a tag where everything is in place; a digest that was never
/// seen before takes two more.
pub(crate) async fn observe(
    standings: &Standings,
    wanted: &[Wanted],
) -> Result<Vec<Observed>, RegistryError> {
    // Collected first: a lazy iterator of borrowing futures would not be general enough for callers.
    let questions: Vec<_> = wanted.iter().map(|wanted| observe_one(standings, wanted)).collect();
    stream::iter(questions).buffered(IMAGES).try_collect().await
}

async fn observe_one(standings: &Standings, wanted: &Wanted) -> Result<Observed, RegistryError> {
    let names: Vec<&Tag> = wanted.immutable.iter().chain(wanted.moving.iter().map(|(_, tag)| tag)).collect();
    let heads: Vec<_> = names
        .iter()
        .map(|tag| {
            let reference = wanted.repository.with_tag((*tag).clone());
            async move { standings.registry().look_up(&reference).await }
        })
        .collect();
    let key = under_its_key(standings, wanted);
    let (key, heads) = futures_util::future::try_join(key, futures_util::future::try_join_all(heads)).await?;
    let mut observed = Observed { key, ..Observed::default() };
    for (tag, found) in names.into_iter().zip(heads) {
        let Some(found) = found else { continue };
        let standing = match &observed.key {
            Some(key) if key.digest == found.digest => key.clone(),
            _ => standings.of(&wanted.repository, &found.digest, |_| true).await?,
        };
        observed.tags.insert(tag.clone(), standing);
    }
    Ok(observed)
}

/// What stands under the tag of an image's key. An image that its registry has only in part is not there.
async fn under_its_key(standings: &Standings, wanted: &Wanted) -> Result<Option<Standing>, RegistryError> {
    let reference = wanted.repository.with_tag(wanted.key.clone());
    let Some(found) = standings.registry().look_up(&reference).await? else { return Ok(None) };
    let is_it = |standing: &Standing| wanted.identity.is_of(standing);
    match standings.of(&wanted.repository, &found.digest, is_it).await {
        Ok(standing) => Ok(Some(standing)),
        Err(RegistryError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the tags stand now that are to move; those that are where they belong, on `own`, need not.
pub(super) async fn look_at_moves(
    standings: &Standings,
    publication: &Publication,
    own: Option<&Digest>,
) -> Result<Vec<TagMove>, (ImageReference, RegistryError)> {
    let mut moves = Vec::new();
    for moved in &publication.moves {
        let reference = publication.tagged(&moved.tag);
        let found = standings.registry().look_up(&reference).await;
        let found = found.map_err(|error| (reference.clone(), error))?.map(|found| found.digest);
        if found.is_some() && found.as_ref() == own {
            continue;
        }
        let from = match (&moved.from, found) {
            (Some(from), Some(found)) if from.digest == found => Some(from.clone()),
            (_, Some(found)) => {
                let standing = standings.of(&publication.wanted.repository, &found, |_| true).await;
                Some(standing.map_err(|error| (reference, error))?)
            }
            (_, None) => None,
        };
        moves.push(TagMove { from, ..moved.clone() });
    }
    Ok(moves)
}
