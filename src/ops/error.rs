use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use crate::builder::BuilderError;
use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::git::CheckoutError;
use crate::graph::UnknownImage;
use crate::hook::HookError;
use crate::project::LoadError;
use crate::registry::RegistryError;

/// How a use case ends, as far as whoever called it has to know to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything asked for is in place.
    Done,
    /// A build failed, or a check found something.
    Failed,
    /// The request, the settings or a Dockerfile is wrong.
    Wrong,
    /// No engine or builder answers.
    NoEngine,
    /// A registry does not answer, or not to this login.
    Registry,
    /// It was interrupted.
    Interrupted,
}

/// Why a use case cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Git, or a file of the checkout.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The images of the checkout cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A builder.
    #[error(transparent)]
    Builder(#[from] BuilderError),
    /// A registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No image is called that.
    #[error(transparent)]
    UnknownImage(#[from] UnknownImage),
    /// A hook cannot be written or taken away.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The request cannot be carried out, or what was found forbids it.
    #[error("{}", headline(findings))]
    Refused {
        /// What is wrong, most important first. May have been said already, and is empty then.
        findings: Vec<Diagnostic>,
        /// How it ends.
        ending: Ending,
        /// The checkout whose files the findings are about, where nothing else of it was read.
        root: Option<PathBuf>,
    },
}

fn headline(findings: &[Diagnostic]) -> &str {
    findings.first().map_or("the request was refused", |finding| &finding.message)
}

impl Error {
    /// What was asked for makes no sense.
    pub fn usage(message: impl Display) -> Self {
        Self::one(Ending::Wrong, Diagnostic::error(message.to_string()))
    }

    /// The same, with what to do.
    pub fn usage_with_hint(message: impl Display, hint: impl Into<String>) -> Self {
        Self::one(Ending::Wrong, Diagnostic::error(message.to_string()).hint(hint))
    }

    /// Findings in files of the checkout at `root`.
    pub fn in_files(root: &Path, findings: Vec<Diagnostic>) -> Self {
        Self::Refused { findings, ending: Ending::Wrong, root: Some(root.to_owned()) }
    }

    /// Findings whose files are known, or that are about none.
    pub fn wrong(findings: Vec<Diagnostic>) -> Self {
        Self::Refused { findings, ending: Ending::Wrong, root: None }
    }

    /// One finding that decides how it ends.
    pub fn one(ending: Ending, finding: Diagnostic) -> Self {
        Self::Refused { findings: vec![finding], ending, root: None }
    }

    /// It ends like this, and why has been said.
    pub(super) fn said(ending: Ending) -> Self {
        Self::Refused { findings: Vec::new(), ending, root: None }
    }

    /// How it ends.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Checkout(_)
            | Self::Load(_)
            | Self::UnknownImage(_)
            | Self::Hook(HookError::Changed(_) | HookError::Occupied { .. })
            | Self::Engine(
                EngineError::InvalidEndpoint(_)
                | EngineError::InvalidSshEndpoint { .. }
                | EngineError::UnknownContext { .. }
                | EngineError::Configuration { .. },
            ) => Ending::Wrong,
            Self::Engine(error) if error.is_unreachable() => Ending::NoEngine,
            Self::Engine(_) | Self::Hook(HookError::Io { .. }) | Self::Io(_) => Ending::Failed,
            Self::Builder(error) if error.is_wrong() => Ending::Wrong,
            Self::Builder(_) => Ending::NoEngine,
            Self::Registry(_) => Ending::Registry,
            Self::Refused { ending, .. } => *ending,
        }
    }

    /// What there is to say, most important first.
    pub fn into_findings(self) -> Vec<Diagnostic> {
        let hint = match &self {
            Self::Checkout(error) => error.hint(),
            Self::Load(error) => error.cause().and_then(CheckoutError::hint),
            Self::Engine(error) => error.hint(),
            Self::Builder(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::UnknownImage(error) => Some(error.hint()),
            Self::Hook(error) => error.hint(),
            Self::Io(_) | Self::Refused { .. } => None,
        };
        match self {
            Self::Refused { findings, .. } => findings,
            error => vec![Diagnostic { hint, ..Diagnostic::error(error.to_string()) }],
        }
    }

    /// The checkout whose files the findings are about, where nothing else of it was read.
    pub fn root(&self) -> Option<&Path> {
        match self {
            Self::Refused { root, .. } => root.as_deref(),
            _ => None,
        }
    }
}
