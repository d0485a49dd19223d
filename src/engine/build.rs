use tokio::sync::mpsc;

use super::buildkit::{self, SolveError};
use super::{BuildError, BuildEvent, BuildRequest, Builder, Engine, LocalImageId, capability, classic};

impl Engine {
    /// Builds an image and gives it the names of the request, all at once when it is done. Dropping the future
    /// stops the build within a second, and nothing gets a name. `events` is sent what happens; whoever holds
    /// its other end has to take the events or drop it, or the build waits.
    pub async fn build(
        &self,
        request: BuildRequest,
        events: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let info = self.info();
        capability::check(info, info.builder, &request)?;
        if info.builder == Builder::BuildKit {
            match buildkit::build(self.endpoint(), &request, &events).await {
                Ok(image) => return Ok(image),
                Err(SolveError::Build(error)) => return Err(error),
                // Something between here and the engine lets only the rest of its API through.
                Err(SolveError::NoBuildKit) => capability::check(info, Builder::Classic, &request)?,
            }
        }
        classic::build(self.endpoint(), &request, &events).await
    }
}
