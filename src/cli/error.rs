use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::git::CheckoutError;
use crate::graph::UnknownImage;
use crate::project::LoadError;
use crate::registry::RegistryError;

/// Why a command ends early, and with which exit code. This is the one place that maps errors to codes.
#[derive(Debug)]
pub struct CliError {
    /// What to say, most important first.
    pub diagnostics: Vec<Diagnostic>,
    /// The exit code.
    pub code: ExitCode,
    /// The checkout whose files the diagnostics are about.
    pub root: Option<PathBuf>,
}

/// Exit codes, as docs/cli.md lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything asked for is in place.
    Done = 0,
    /// A build failed.
    Failed = 1,
    /// Usage, settings or a Dockerfile is wrong.
    Wrong = 2,
    /// No engine answers.
    NoEngine = 3,
    /// A registry does not answer, or not to this login.
    Registry = 4,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

impl CliError {
    /// What the user typed or wrote is wrong.
    pub fn usage(message: impl Display) -> Self {
        Self::one(ExitCode::Wrong, Diagnostic::error(message.to_string()))
    }

    /// The same, with what to do.
    pub fn usage_with_hint(message: impl Display, hint: impl Into<String>) -> Self {
        Self::one(ExitCode::Wrong, Diagnostic::error(message.to_string()).hint(hint))
    }

    /// Findings in files of the checkout at `root`.
    pub fn in_files(root: &Path, diagnostics: Vec<Diagnostic>) -> Self {
        Self { root: Some(root.to_owned()), ..Self::wrong(diagnostics) }
    }

    /// Findings that need no excerpt.
    pub fn wrong(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics, code: ExitCode::Wrong, root: None }
    }

    /// One finding that decides the exit code.
    pub fn one(code: ExitCode, diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic], code, root: None }
    }

    fn with_optional_hint(code: ExitCode, message: String, hint: Option<String>) -> Self {
        let diagnostic = Diagnostic::error(message);
        Self::one(
            code,
            match hint {
                Some(hint) => diagnostic.hint(hint),
                None => diagnostic,
            },
        )
    }
}

impl From<CheckoutError> for CliError {
    fn from(error: CheckoutError) -> Self {
        Self::with_optional_hint(ExitCode::Wrong, error.to_string(), error.hint())
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        let hint = error.cause().and_then(CheckoutError::hint);
        Self::with_optional_hint(ExitCode::Wrong, error.to_string(), hint)
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        let code = match &error {
            EngineError::InvalidEndpoint(_)
            | EngineError::InvalidSshEndpoint { .. }
            | EngineError::UnknownContext { .. }
            | EngineError::Configuration { .. } => ExitCode::Wrong,
            error if error.is_unreachable() => ExitCode::NoEngine,
            _ => ExitCode::Failed,
        };
        Self::with_optional_hint(code, error.to_string(), error.hint())
    }
}

impl From<RegistryError> for CliError {
    fn from(error: RegistryError) -> Self {
        Self::with_optional_hint(ExitCode::Registry, error.to_string(), error.hint())
    }
}

impl From<UnknownImage> for CliError {
    fn from(error: UnknownImage) -> Self {
        Self::with_optional_hint(ExitCode::Wrong, error.to_string(), error.hint())
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::with_optional_hint(ExitCode::Failed, error.to_string(), None)
    }
}
