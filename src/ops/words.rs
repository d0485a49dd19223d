//! The words of a checkout that a command line is made of, for whoever completes it. Reads git and the files, asks
//! no engine and no registry.

use super::workspace::{EngineNeed, open};
use super::{Config, Error, ImageRequest};
use crate::git::Checkout;
use crate::project::Image;
use crate::settings;

/// An image, as it can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageWord {
    /// `api`
    pub short: String,
    /// `acme/api`
    pub full: String,
    /// Its Dockerfile.
    pub dockerfile: String,
}

/// The images of a checkout.
///
/// # Errors
///
/// Where it cannot be read.
pub async fn image_words(config: &Config) -> Result<Vec<ImageWord>, Error> {
    let (workspace, _) = open(config, &ImageRequest::default(), EngineNeed::Never, None).await?;
    let images = workspace.project.images.iter();
    let word = |image: &Image| ImageWord {
        short: image.name.title(),
        full: image.name.full(),
        dockerfile: image.dockerfile.to_string(),
    };
    Ok(images.map(word).collect())
}

/// The branches of a checkout, those of remotes with the remote's name, and git's tags.
///
/// # Errors
///
/// Where there is no checkout.
pub fn revision_words(config: &Config) -> Result<Vec<String>, Error> {
    Ok(Checkout::discover(&config.folder)?.revision_names()?)
}

/// The registries that a checkout's settings name.
///
/// # Errors
///
/// Where there is no checkout, or its settings are wrong.
pub fn registry_words(config: &Config) -> Result<Vec<String>, Error> {
    let checkout = Checkout::discover(&config.folder)?;
    Ok(settings::load(checkout.root()).map_err(Error::wrong)?.registries)
}
