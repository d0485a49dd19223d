use clap::Args;

use super::args::{ContentArgs, SelectionArgs, word};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error, LockPurpose, LockRequest};

/// `shipwright lock`.
#[derive(Clone, Debug, Default, Args)]
pub struct LockArgs {
    /// Ask again for these bases, or for all, and lock what their tags name now
    #[arg(long, value_name = "BASE", num_args = 0.., value_parser = word, value_delimiter = ',', conflicts_with = "check")]
    pub update: Option<Vec<String>>,

    /// Change nothing; exit with 1 if a base moved or is not locked
    #[arg(long)]
    pub check: bool,

    /// Whose bases.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub content: ContentArgs,
}

/// `shipwright lock`: write the digests of external bases to the lock file, or compare them with it.
pub(super) fn run(before: BuildArgs, args: LockArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let (selection, image) = before.choosing(args.selection, args.content.into());
    let purpose = match args.update {
        _ if args.check => LockPurpose::Check,
        None => LockPurpose::Add,
        Some(names) if names.is_empty() => LockPurpose::UpdateAll,
        Some(names) => LockPurpose::Update(names),
    };
    let request = LockRequest { images: edge.images(&selection, &image, &[])?, purpose };
    let config = edge.config();
    let locked = ops::block_on(ops::lock(&config, &request, &mut edge.output))?;
    edge.output.lock(&locked);
    Ok(locked.ending)
}
