use crate::ops::Ending;

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

/// The one place that gives endings their codes.
impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::Done,
            Ending::Failed => Self::Failed,
            Ending::Wrong => Self::Wrong,
            Ending::NoEngine => Self::NoEngine,
            Ending::Registry => Self::Registry,
            Ending::Interrupted => Self::Interrupted,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
