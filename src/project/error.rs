use std::io;

use crate::git::CheckoutError;

/// A file of the tree could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the files of the checkout: {0}")]
pub struct LoadError(#[from] io::Error);

impl LoadError {
    /// What git has to say about it, if it is about git.
    pub fn cause(&self) -> Option<&CheckoutError> {
        self.0.get_ref()?.downcast_ref()
    }
}
