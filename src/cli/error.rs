pub(crate) use crate::ops::Ending as ExitCode;

/// The one place that gives endings their codes, as docs/cli.md lists them.
pub(super) fn code(ending: ExitCode) -> u8 {
    match ending {
        ExitCode::Done => 0,
        ExitCode::Failed => 1,
        ExitCode::Wrong => 2,
        ExitCode::NoEngine => 3,
        ExitCode::Registry => 4,
        ExitCode::Interrupted => 130,
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(ending: ExitCode) -> Self {
        Self::from(code(ending))
    }
}
