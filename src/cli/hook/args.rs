use std::ffi::OsString;

use clap::{Args, Subcommand, ValueEnum};

use crate::hook::{HookName, Mode};

/// What `shipwright hook` does.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// Install hooks into this repository; one that is there is kept, and called first
    Install(InstallArgs),
    /// Remove them, and put back what was there before
    Uninstall(UninstallArgs),
    /// Say which are installed; exit code 1 if none is, or one needs attention
    Status(StatusArgs),
    /// What the installed hooks call: `shipwright hook run HOOK -- ARGUMENTS`, with git's lines on standard input
    Run(RunHookArgs),
}

/// A hook that Shipwright can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HookArg {
    /// Before a push: look at, build or push what the pushed commits hold.
    PrePush,
    /// After a branch switch: tag the images of the branch, if all are built.
    PostCheckout,
}

/// What `pre-push` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Refuse mistakes that the pushed commits introduce; no engine.
    Check,
    /// Build all images of the pushed commits.
    Build,
    /// Push all images of the pushed commits before git pushes the commits.
    Push,
}

/// `shipwright hook install`.
#[derive(Clone, Debug, Args)]
pub struct InstallArgs {
    /// Which hooks [default: pre-push]
    #[arg(value_enum, value_name = "HOOK")]
    pub hooks: Vec<HookArg>,

    /// What pre-push does with the commits [default: check, or as it is installed]
    #[arg(long, value_enum, value_name = "MODE")]
    pub mode: Option<ModeArg>,

    /// Replace a hook that was changed since it was installed
    #[arg(long)]
    pub force: bool,
}

/// `shipwright hook uninstall`.
#[derive(Clone, Debug, Args)]
pub struct UninstallArgs {
    /// Which hooks [default: all]
    #[arg(value_enum, value_name = "HOOK")]
    pub hooks: Vec<HookArg>,

    /// Remove a hook that was changed since it was installed
    #[arg(long)]
    pub force: bool,
}

/// `shipwright hook status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Which hooks [default: all]
    #[arg(value_enum, value_name = "HOOK")]
    pub hooks: Vec<HookArg>,
}

/// `shipwright hook run`.
#[derive(Clone, Debug, Args)]
pub struct RunHookArgs {
    /// Which hook
    #[arg(value_enum, value_name = "HOOK")]
    pub hook: HookArg,

    /// What pre-push does with the commits
    #[arg(long, value_enum, default_value = "check", value_name = "MODE")]
    pub mode: ModeArg,

    /// What git gives the hook
    #[arg(value_name = "ARGUMENT")]
    pub arguments: Vec<OsString>,
}

impl From<HookArg> for HookName {
    fn from(hook: HookArg) -> Self {
        match hook {
            HookArg::PrePush => Self::PrePush,
            HookArg::PostCheckout => Self::PostCheckout,
        }
    }
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Check => Self::Check,
            ModeArg::Build => Self::Build,
            ModeArg::Push => Self::Push,
        }
    }
}
