//! Objects whose bytes are taken apart here. Libgit2 does not compare them with their ids (its own check costs more
//! than a walk of history), so it is done here, once for each that is read: a damaged or forged one is an error, not
//! half an answer.

use git2::{ObjectType, Odb, OdbObject, Oid};
use sha1::{Digest, Sha1};

use crate::git::CheckoutError;
use crate::git::commit::tree_object;

/// Reads a commit, tree or blob that is what its id says.
pub(in crate::git) fn read<'a>(
    odb: &'a Odb<'_>,
    id: Oid,
    kind: ObjectType,
) -> Result<OdbObject<'a>, CheckoutError> {
    let object = odb.read(id).map_err(|error| CheckoutError::object(id, &error))?;
    let damaged = |reason| CheckoutError::DamagedObject { id: id.to_string(), reason };
    if object.kind() != kind {
        return Err(damaged("it is of another kind"));
    }
    let mut hash = Sha1::new();
    hash.update(format!("{} {}\0", kind.str(), object.len()));
    hash.update(object.data());
    if hash.finalize()[..] != *id.as_bytes() {
        return Err(damaged("its bytes are not those that its id stands for"));
    }
    if kind == ObjectType::Tree && !tree_object::is_sound(object.data()) {
        return Err(damaged("it is no list of files that git could write to disk"));
    }
    Ok(object)
}
