use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::buildkit::{self, SolveError, Transport};
use super::{BuildError, BuildEvent, BuildSpec, Builder, capability, classic};
use crate::engine::{BuilderKind, Engine, LocalImageId};
use crate::image::Platform;

#[async_trait]
impl Builder for Engine {
    fn platform(&self) -> &Platform {
        &self.info().platform
    }

    fn kind(&self) -> BuilderKind {
        self.info().builder
    }

    async fn build(
        &self,
        request: BuildSpec,
        events: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let info = self.info();
        capability::check(info, info.builder, &request)?;
        if info.builder == BuilderKind::BuildKit {
            let transport: Arc<dyn Transport> = Arc::new(self.endpoint().clone());
            match buildkit::build(&transport, &request, &events).await {
                Ok(image) => return Ok(image),
                Err(SolveError::Build(error)) => return Err(error),
                // Something between here and the engine lets only the rest of its API through.
                Err(SolveError::NoBuildKit) => capability::check(info, BuilderKind::Classic, &request)?,
            }
        }
        classic::build(self.endpoint(), &request, &events).await
    }
}
