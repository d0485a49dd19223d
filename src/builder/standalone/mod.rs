//! `BuildKit` that stands alone, such as `buildkitd` on a build server or in a pod: where it is, how it is reached, and
//! what it builds for. It has no images that anybody could use: its results go to a registry.

mod address;
mod certificates;
mod error;
mod link;
mod platforms;
mod stored;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::buildkit::{self, SolveError, Transport};
use super::{BuildError, BuildEvent, BuildSpec, Builder, Extras, RemoteBuilder};
use crate::engine::{BuilderKind, LocalImageId};
use crate::image::Platform;
use crate::retry::{RetryPolicy, retry};
pub(crate) use address::BuilderAddress;
pub use certificates::BuilderCertificates;
pub use error::BuilderError;
use link::{Link, PARTS};
pub(crate) use platforms::BuilderPlatforms;
pub(crate) use stored::BuildxStore;

/// How often a builder is asked for that was never there.
const FIRST_TRIES: RetryPolicy = RetryPolicy::new(3, Duration::from_millis(200));
/// The same of one that was there, before it counts as gone: a daemon that is restarted is back after seconds.
const TRIES: RetryPolicy = RetryPolicy::new(5, Duration::from_millis(300));

/// One that has answered.
pub(crate) struct Standalone {
    link: Arc<Link>,
    platforms: BuilderPlatforms,
}

impl Standalone {
    /// Connects, and asks what it builds for. What may pass is tried again.
    pub(crate) async fn connect(address: &BuilderAddress, patience: Duration) -> Result<Self, BuilderError> {
        let link = Arc::new(Link::new(address.clone(), patience)?);
        let platforms = ask(&link, FIRST_TRIES, patience).await?;
        Ok(Self { link, platforms })
    }
}

async fn ask(link: &Link, tries: RetryPolicy, limit: Duration) -> Result<BuilderPlatforms, BuilderError> {
    let is_passing = |asked: &Result<_, BuilderError>| asked.as_ref().is_err_and(BuilderError::may_pass);
    retry(tries, || link.platforms(limit), is_passing).await
}

#[async_trait]
impl Builder for Standalone {
    fn platform(&self) -> &Platform {
        self.platforms.own()
    }

    fn kind(&self) -> BuilderKind {
        BuilderKind::BuildKit
    }

    /// What goes to a registry may have everything that one can hold.
    async fn check(&self, _: &Extras) -> Result<(), BuildError> {
        Ok(())
    }

    async fn build(
        &self,
        request: BuildSpec,
        events: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let transport: Arc<dyn Transport> = Arc::clone(&self.link) as _;
        let built = buildkit::build(&transport, &request, &events).await;
        built.map_err(|error| match error {
            SolveError::Build(BuildError::Connection(reason)) => {
                BuildError::Connection(self.link.fault().unwrap_or(reason))
            }
            SolveError::Build(error) => error,
            SolveError::NoBuildKit => BuildError::Connection("no BuildKit answers there".to_owned()),
        })
    }
}

#[async_trait]
impl RemoteBuilder for Standalone {
    fn address(&self) -> String {
        self.link.address().to_string()
    }

    fn platforms(&self) -> &BuilderPlatforms {
        &self.platforms
    }

    async fn answers(&self) -> Result<(), String> {
        ask(&self.link, TRIES, self.link.patience() / PARTS).await.map(drop).map_err(|error| error.reason())
    }
}
