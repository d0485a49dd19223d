use std::time::Duration;

use tokio::sync::mpsc;

use super::buildkit::{self, SolveError};
use super::{BuildError, BuildEvent, BuildRequest, Builder, Engine, LocalImageId, capability, classic};
use crate::retry::{RetryPolicy, retry};

/// How often an image is built that others remove before it has its names.
const REMOVED_TRIES: RetryPolicy = RetryPolicy::new(6, Duration::from_millis(100));

impl Engine {
    /// Builds an image and gives it the names of the request, all at once when it is done. Dropping the future
    /// stops the build within a second, and nothing gets a name. `events` is sent what happens; whoever holds
    /// its other end has to take the events or drop it, or the build waits.
    pub async fn build(
        &self,
        request: BuildRequest,
        events: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let once = || self.build_once(&request, &events);
        retry(REMOVED_TRIES, once, |built| built.as_ref().is_err_and(is_of_a_removed_image)).await
    }

    async fn build_once(
        &self,
        request: &BuildRequest,
        events: &mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let info = self.info();
        capability::check(info, info.builder, request)?;
        if info.builder == Builder::BuildKit {
            match buildkit::build(self.endpoint(), request, events).await {
                Ok(image) => return Ok(image),
                Err(SolveError::Build(error)) => return Err(error),
                // Something between here and the engine lets only the rest of its API through.
                Err(SolveError::NoBuildKit) => capability::check(info, Builder::Classic, request)?,
            }
        }
        classic::build(self.endpoint(), request, events).await
    }
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
