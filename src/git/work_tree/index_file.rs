use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::git::CheckoutError;
use crate::git::work_tree::cached_trees::CachedTrees;
use crate::git::work_tree::index::{Index, ParseFailure};
use crate::git::work_tree::index_check::{self, IndexCheck, Soundness};

/// Why an index was not read.
pub(in crate::git) enum IndexFailure {
    /// A split or sparse index: the git executable can list it.
    AskGit(&'static str),
    Failed(CheckoutError),
}

/// Reads the index of a git folder; where there is none nothing has been added yet. One that is not what git
/// wrote is an error.
pub(in crate::git) fn read(git_dir: &Path) -> Result<Index, IndexFailure> {
    let check = IndexCheck::new(git_dir);
    let path = &git_dir.join("index");
    let failed = |error| IndexFailure::Failed(CheckoutError::io(path, error));
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Index::default()),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    let written = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    let mut raw = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.read_to_end(&mut raw).map_err(failed)?;
    let damaged = |reason| IndexFailure::Failed(CheckoutError::Damaged { path: path.to_owned(), reason });
    let known = check.known(&raw);
    let is_whole = known.is_some() || index_check::is_whole(&raw);
    let mut index = Index::parse(raw, written.unwrap_or(0)).map_err(|failure| match failure {
        ParseFailure::AskGit(what) => IndexFailure::AskGit(what),
        ParseFailure::Damaged(reason) => damaged(reason),
    })?;
    if !is_whole {
        return Err(damaged("its hash is wrong"));
    }
    let sound = known.unwrap_or_else(|| {
        let trees = CachedTrees::of(&index).is_some_and(|trees| trees.are_of(&index));
        check.remember(index.raw(), Soundness { trees });
        Soundness { trees }
    });
    if !sound.trees {
        index.forget_trees();
    }
    Ok(index)
}
