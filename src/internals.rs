//! What the `shipwright` command and this project's tests, fuzz targets and benchmarks reach. No promise is made of it.

pub use crate::builder::{
    BuildError, BuildEvent, BuildSpec, Builder, CacheLocation, ContextEntry, ContextKind, ContextSource,
    Destination, Extras, NamedFolder, Secret, SshAgent, StepState,
};
pub use crate::cli::{Cli, Environment, complete, run};
pub use crate::context::IgnoreRules;
pub use crate::dockerfile::{
    CopyInstruction, Dockerfile, Evaluation, Frontend, Instruction, InstructionKind, LocalSource, NamedKind,
    NamedSources, Problem, ProblemKind, RunInstruction, Scope, SourcePattern, SyntaxErrorKind, Trigger,
    UseKind, evaluate, evaluate_stage, parse, rewrite,
};
pub use crate::engine::{BuilderKind, Endpoint, Engine, EngineEnvironment, LocalImageId};
#[cfg(fuzzing)]
pub use crate::evidence::exercise as exercise_evidence;
pub use crate::execution::outline;
pub use crate::image::{Digest, ImageReference, Platform, Repository, Tag};
pub use crate::path::TreePath;
pub use crate::registry::{
    Credentials, Manifest, ManifestName, ProxySettings, Registry, RegistryClient, RegistryError,
    RegistryErrorKind, RegistryOptions, RetryPolicy,
};
pub use crate::settings::{parse_json, parse_toml};
pub use crate::store::ImageStore;
