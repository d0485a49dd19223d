use super::dialect::DialectError;
use super::glob::GlobError;

/// Why docker refuses a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternError {
    #[error(transparent)]
    Glob(#[from] GlobError),
    #[error(transparent)]
    Dialect(#[from] DialectError),
    #[error("it stands for too many characters")]
    TooLarge,
}
