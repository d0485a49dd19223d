//! The memory that a run needs at the least. libgit2 does not look whether it got what it asks for
//! (`git_config_list_append`), and would be ended by the system without a word.

use crate::diagnostic::Diagnostic;
use crate::ops::{Ending, Error};

/// Reading the settings of git and a small checkout takes some megabytes; but each thread sets addresses aside for its own
/// (glibc asks for twice 64 MB), and one that gets none for its stack ends in a panic, for which the others wait for ever.
const LEAST: usize = 160 << 20;

/// # Errors
///
/// Where there is not even that.
pub(super) fn check() -> Result<(), Error> {
    let mut room: Vec<u8> = Vec::new();
    room.try_reserve_exact(LEAST).map_err(|_| {
        let message = "the system gives this process no more memory";
        let hint = "raise the limit of the user or the container (`ulimit -v`)";
        Error::one(Ending::Failed, Diagnostic::error(message).hint(hint))
    })
}
