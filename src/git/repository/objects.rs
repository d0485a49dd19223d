use git2::{ObjectType, Odb, OdbObject, Oid, Repository};

use crate::git::CheckoutError;
use crate::git::repository::loose::Loose;
use crate::git::repository::object;

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

    /// To read objects one by one.
    pub(in crate::git) fn reader(&self) -> Result<ObjectReader<'_>, CheckoutError> {
        let odb = self.repository.odb().map_err(|error| CheckoutError::git("read objects", &error))?;
        Ok(ObjectReader { odb, loose: &self.loose })
    }

    /// What is known of its loose objects, for another reader.
    pub(in crate::git) fn loose(&self) -> Loose {
        self.loose.clone()
    }
}

/// Reads objects, each only after it was looked at.
pub(in crate::git) struct ObjectReader<'a> {
    odb: Odb<'a>,
    loose: &'a Loose,
}

impl ObjectReader<'_> {
    /// A commit, tree or blob that is what its id says.
    pub(in crate::git) fn read(&self, id: Oid, kind: ObjectType) -> Result<OdbObject<'_>, CheckoutError> {
        self.loose.check_object(id)?;
        object::read(&self.odb, id, kind)
    }

    /// The number of its bytes.
    pub(in crate::git) fn size(&self, id: Oid) -> Result<u64, CheckoutError> {
        self.loose.check_object(id)?;
        let header = self.odb.read_header(id).map_err(|error| CheckoutError::object(id, &error))?;
        Ok(header.0 as u64)
    }
}
