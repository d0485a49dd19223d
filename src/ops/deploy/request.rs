use std::time::Duration;

use serde_json::Value;

use crate::ops::{Building, Ending, ImageRequest};

/// What [`deploy`](fn@super::deploy) is to do.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// The container, by name or id.
    pub container: String,
    /// A name of this checkout's, or any reference; else what the container was made from.
    pub image: Option<String>,
    /// What a container that is not there yet is made from; none: it is there.
    pub create: Option<Creation>,
    /// Whether the registry of a reference is asked first.
    pub pull: bool,
    /// What decides the images of this checkout.
    pub images: ImageRequest,
    /// How they are built.
    pub building: Building,
    /// What counts in the move itself.
    pub moving: Moving,
}

/// A container that is made the first time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Creation {
    /// The body of the request that makes it, without its image.
    pub request: Value,
    /// Networks that it is connected to then, each with what is asked of it.
    pub connect: Vec<(String, Value)>,
}

/// What [`deploy_project`](fn@super::deploy_project) is to do.
#[derive(Clone, Debug)]
pub struct ProjectRequest {
    /// The project of `docker compose`.
    pub project: String,
    /// What decides the images of this checkout.
    pub images: ImageRequest,
    /// How they are built.
    pub building: Building,
    /// What counts in each move.
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

/// What tells that a container is of use, beside its own health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A line for `sh` in the new container, which has to end with exit code 0.
    Command(String),
    /// An address, asked from here, which has to answer 2xx or 3xx.
    Address(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployed {
    /// The container runs that image already.
    Unchanged(Moved),
    /// What would change, a line each.
    Difference(Moved, Vec<String>),
    /// The image is not on the engine yet, so that not all of what would change is known.
    Later(Moved, Later),
    /// It is moved.
    Done(Moved),
    /// It is not, and the audience was told why.
    Failed(Ending),
}

/// What is known of a move to an image that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// What the container was made from; empty where it is made the first time.
    pub from: String,
    /// How the image would come.
    pub how: &'static str,
}

/// What came of moving a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectDeployed {
    /// Each container, in the order in which they were moved; none where it was taken back.
    pub parts: Vec<Deployed>,
    /// How it ended.
    pub ending: Ending,
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
    pub current: DeployedRevision,
    /// What it ran before, if that is known.
    pub previous: Option<DeployedRevision>,
}

/// An image that a container ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedRevision {
    /// What it was asked for by.
    pub reference: String,
    /// Its id.
    pub image: String,
    /// When a container was made from it, as the engine says it; empty where that is not known.
    pub created: String,
    /// Whether the engine still has it.
    pub is_here: bool,
}

impl Moved {
    pub(super) fn alone(container: String, image: String) -> Self {
        Self { container, image, with: Vec::new() }
    }
}
