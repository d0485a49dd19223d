use git2::{Oid, Repository};

use crate::git::CheckoutError;
use crate::git::repository::loose::Loose;

/// A repository, whose objects are read only after none of them can make libgit2 wait for ever.
pub(in crate::git) struct Objects {
    repository: Repository,
    loose: Loose,
}

impl Objects {
    pub(in crate::git) fn new(repository: Repository, loose: Loose) -> Self {
        Self { repository, loose }
    }

    /// To read references and no object.
    pub(in crate::git) fn none(&self) -> &Repository {
        &self.repository
    }

    /// To read this object and no other.
    pub(in crate::git) fn one(&self, id: Oid) -> Result<&Repository, CheckoutError> {
        self.loose.check_object(id)?;
        Ok(&self.repository)
    }

    /// To read any of them.
    pub(in crate::git) fn all(&self) -> Result<&Repository, CheckoutError> {
        self.loose.check()?;
        Ok(&self.repository)
    }

    /// What is known of its loose objects, for another reader.
    pub(in crate::git) fn loose(&self) -> Loose {
        self.loose.clone()
    }
}
