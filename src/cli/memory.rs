//! The memory that a run needs at the least. libgit2 does not look whether it got what it asks for
//! (`git_config_list_append`), and would be ended by the system without a word.

use crate::diagnostic::Diagnostic;
use crate::ops::{Ending, Error};

/// Reading the settings of git and a small checkout takes some megabytes.
const LEAST: usize = 16 << 20;

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
