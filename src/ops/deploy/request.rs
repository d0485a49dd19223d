use std::time::Duration;

use crate::ops::{Building, Ending, ImageRequest};

/// What [`deploy`](fn@super::deploy) is to do.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// The container, by name or id.
    pub container: String,
    /// A name of this checkout's, or any reference; else what the container was made from.
    pub image: Option<String>,
    /// Whether the registry of a reference is asked first.
    pub pull: bool,
    /// What decides the images of this checkout.
    pub images: ImageRequest,
    /// How they are built.
    pub building: Building,
    /// What counts in the move itself.
    pub moving: Moving,
}

/// What [`rollback`](fn@super::rollback) is to do.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    /// The container, by name or id.
    pub container: String,
    /// What counts in the move itself.
    pub moving: Moving,
}

/// How a container is moved.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Clone, Debug)]
pub struct Moving {
    /// Also where the image is the same.
    pub force: bool,
    /// Nothing is changed.
    pub dry_run: bool,
    /// Whether values of the environment are shown where they differ.
    pub shows_values: bool,
    /// Whether anonymous volumes are made anew.
    pub renew_volumes: bool,
    /// How long a container without a health check has to run.
    pub grace: Duration,
    /// What has to succeed as well.
    pub probe: Option<Probe>,
}

impl Default for Moving {
    fn default() -> Self {
        Self {
            force: false,
            dry_run: false,
            shows_values: false,
            renew_volumes: false,
            grace: Duration::from_secs(10),
            probe: None,
        }
    }
}

/// A line for `sh` in the new container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe(pub String);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployed {
    /// The container runs that image already.
    Unchanged(Moved),
    /// What would change, a line each.
    Difference(Moved, Vec<String>),
    /// It is moved.
    Done(Moved),
    /// It is not, and the audience was told why.
    Failed(Ending),
}

/// Which container, and from what to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The name of the container.
    pub container: String,
    /// What the image is asked for by.
    pub image: String,
    /// Names of containers that share something of it and are made anew after it.
    pub with: Vec<String>,
}

/// What a container runs, and what it would go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revisions {
    /// The name of the container.
    pub container: String,
    /// What it runs.
    pub current: Revision,
    /// What it ran before, if that is known.
    pub previous: Option<Revision>,
}

/// An image that a container ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// What it was asked for by.
    pub reference: String,
    /// Its id.
    pub image: String,
    /// When a container was made from it, as the engine says it; empty where that is not known.
    pub created: String,
    /// Whether the engine still has it.
    pub is_here: bool,
}
