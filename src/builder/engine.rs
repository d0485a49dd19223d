use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::buildkit::{self, SolveError, Transport};
use super::{BuildError, BuildEvent, BuildSpec, Builder, Extras, capability, classic};
use crate::engine::{BuilderKind, Engine, LocalImageId, StoreKind};
use crate::image::Platform;
use crate::retry::{RetryPolicy, retry};

/// How often an image is built that others remove before it has its names.
const REMOVED_TRIES: RetryPolicy = RetryPolicy::new(6, Duration::from_millis(100));

#[async_trait]
impl Builder for Engine {
    fn platform(&self) -> &Platform {
        &self.info().platform
    }

    fn kind(&self) -> BuilderKind {
        self.info().builder
    }

    async fn check(&self, extras: &Extras) -> Result<(), BuildError> {
        if extras.cache_from.is_empty() && extras.cache_to.is_empty() && !extras.attestations {
            return Ok(());
        }
        let store = self.store_kind().await.map_err(|error| BuildError::Connection(error.to_string()))?;
        capability::check_extras(self.info().builder, store, extras)
    }

    async fn build(
        &self,
        request: BuildSpec,
        events: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let once = || build_once(self, &request, &events);
        retry(REMOVED_TRIES, once, |built| built.as_ref().is_err_and(is_of_a_removed_image)).await
    }
}

async fn build_once(
    engine: &Engine,
    request: &BuildSpec,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<LocalImageId, BuildError> {
    let info = engine.info();
    capability::check(info, info.builder, request)?;
    if info.builder == BuilderKind::BuildKit {
        let transport: Arc<dyn Transport> = Arc::new(engine.endpoint().clone());
        match buildkit::build(&transport, request, events).await {
            Ok(image) => return Ok(image),
            Err(SolveError::Build(error)) => return Err(error),
            // Something between here and the engine lets only the rest of its API through.
            Err(SolveError::NoBuildKit) => {
                capability::check(info, BuilderKind::Classic, request)?;
                capability::check_extras(BuilderKind::Classic, StoreKind::Layers, &Extras::of(request))?;
            }
        }
    }
    classic::build(engine.endpoint(), request, events).await
}

/// Whether the engine lost the image itself. Equal content is one image for it, so that another program can remove
/// by its own name what is about to get ours. The spellings are those of Docker Engine's image and layer stores.
fn is_of_a_removed_image(error: &BuildError) -> bool {
    let BuildError::Failed { message, .. } = error else { return false };
    let lost = |start: &str| message.strip_prefix(start).is_some_and(|rest| rest.starts_with("sha256:"));
    (lost("failed to get digest ") && message.ends_with("no such file or directory"))
        || lost("No such image: ")
        || lost("unable to find image \"")
        || lost("unknown parent image ID ")
        || message == "layer does not exist"
}
