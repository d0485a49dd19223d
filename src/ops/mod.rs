//! What Shipwright does: one file or folder a use case, as calls with plain requests and typed answers.
//!
//! Each use case observes (a [`Config`] and a request become what was read of the checkout and what engine and
//! registries say), decides (pure: what is built, which tags move), and carries out. Nothing here
//! prints, parses a command line, reads the environment or listens for signals: an [`Audience`] is told what happens
//! meanwhile, [`Interrupts`] end a run before its time, and an [`Error`] says what to do.
//!
//! The calls are asynchronous, for a tokio runtime that has time and input and output enabled; [`block_on`] is one.
//!
//! ```no_run
//! use shipwright::ops::{self, Config, EnsureRequest, Ensured};
//!
//! fn main() -> Result<(), ops::Error> {
//!     let config = Config { folder: "/srv/shop".into(), ..Config::default() };
//!     let request = EnsureRequest { names: vec!["api".into()], ..EnsureRequest::default() };
//!     match ops::block_on(ops::ensure(&config, &request, &mut ()))? {
//!         Ensured::There(references) => println!("docker run {}", references[0]),
//!         Ensured::Missing(ending) => println!("not there: {ending:?}"),
//!     }
//!     Ok(())
//! }
//! ```

mod affected;
mod audience;
mod backends;
mod bake;
mod build;
mod builders;
mod config;
mod deploy;
mod durations;
mod ensure;
mod error;
mod facts;
mod graph;
mod history;
mod hook;
mod import;
mod init;
mod inspect;
mod interrupts;
mod lock;
mod logs;
mod made_tags;
mod news;
mod notices;
mod others;
mod plan;
mod prune;
mod push;
mod registries;
mod release;
mod request;
mod runtime;
mod services;
#[cfg(test)]
mod tests;
mod words;
mod workspace;

// What requests, answers and events are made of.
pub use crate::builder::{BuilderCertificates, BuilderError, OutputStream, Secret, SshAgent, StepState};
pub use crate::ci::{CiEvent, CiJob};
pub use crate::diagnostic::{Diagnostic, Severity};
pub use crate::engine::{BuilderKind, EngineEnvironment};
pub use crate::execution::{Event, ImageOutcome, Outcome};
pub use crate::git::LineCommit;
pub use crate::graph::Selector;
pub use crate::image::{ImageReference, Platform, Repository, Tag};
pub use crate::naming::NamespaceSource;
pub use crate::plan::{
    Action, ContainerUse, Dependency, ImageId, Plan, PlannedTag, PruneStep, Reason, ReasonKind, RegistryStep,
    Step, StepId, TagKind, TagStep, Withheld,
};
pub use crate::project::{CacheKind, CacheSpec, Evidence};
pub use crate::registry::ProxySettings;
pub use crate::settings::Choices;
pub use crate::store::CacheLimit;

pub use affected::{AffectedImages, AffectedRequest, Since, affected};
pub use audience::{Audience, Files, Position, Said, Speaker, TagPosition, Work};
pub use backends::Backends;
pub use bake::{BakeContext, BakeDockerfile, BakeFile, BakeRequest, BakeTarget, Baked, bake};
pub use build::{BuildRequest, Built, build};
pub use builders::BuilderChoice;
pub use config::Config;
pub use deploy::{
    Creation, DeployRequest, Deployed, DeployedRevision, Later, Moved, Moving, Probe, ProjectDeployed,
    ProjectRequest, Revisions, RollbackRequest, deploy, deploy_project, revisions, rollback,
};
pub use ensure::{EnsureRequest, Ensured, RemotePolicy, ensure};
pub use error::{Ending, Error};
pub use graph::{GraphRequest, Graphed, graph};
pub use history::{
    ChangedInput, CommitRecord, History, HistoryCommit, HistoryRequest, ImageChange, ImageHistory, LineCause,
    NarrowLine, Saving, history,
};
pub use hook::{PrePushRequest, Switched, post_checkout, pre_push};
pub use import::{ImportRequest, Imported, import};
pub use init::{Initialized, init};
pub use inspect::{Inspected, dockerfile_of, inspect};
pub use interrupts::{Answer, Interrupts};
pub use lock::{BaseNews, LockPurpose, LockRequest, LockTotal, Locked, lock};
pub use logs::logs;
pub use news::{Extent, Move, News, PushEnd, Revision};
pub use plan::{Listing, PlanRequest, Planned, list, named, plan};
pub use prune::{
    Agrees, BuildCache, PruneRequest, Pruned, RegistryPruneRequest, RegistryPruned, RegistryRemoved, Removed,
    prune, prune_registry,
};
pub use push::{PushRequest, push};
pub use release::{
    FileEdit, KeptReference, LineEdit, ReleaseRequest, Released, ReleasedImage, VersionPlace, release,
};
pub use request::{Building, ImageRequest, PushedNames};
pub use runtime::block_on;
pub use words::{ImageWord, image_words, registry_words, revision_words};

use push::guessed_names;
use services::Services;
