use tokio::sync::mpsc;

use super::buildkit::{self, SolveError};
use super::{BuildError, BuildEvent, BuildRequest, Builder, Engine, ImageId};

impl Engine {
    /// Builds an image and gives it the names of the request, all at once when it is done. Dropping the future
    /// stops the build within a second, and nothing gets a name. `events` is sent what happens; if it is full
    /// the build's news wait, not the build.
    pub async fn build(
        &self,
        request: BuildRequest,
        events: mpsc::Sender<BuildEvent>,
    ) -> Result<ImageId, BuildError> {
        match self.info().builder {
            Builder::BuildKit => match buildkit::build(self.endpoint(), &request, &events).await {
                Ok(image) => Ok(image),
                Err(SolveError::Build(error)) => Err(error),
                Err(SolveError::NoBuildKit(reason)) => Err(BuildError::Connection(reason)),
            },
            Builder::Classic => Err(BuildError::Unsupported {
                what: "BuildKit builds".to_owned(),
                line: None,
                hint: "use an engine with BuildKit: Docker 20.10 or later".to_owned(),
            }),
        }
    }
}
