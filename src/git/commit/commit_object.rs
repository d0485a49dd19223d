use bstr::ByteSlice;
use git2::{ObjectType, Odb, Oid};

use crate::git::CheckoutError;
use crate::git::repository::object;

/// What a walk of history needs to know of a commit.
pub(in crate::git) struct Commit {
    pub(in crate::git) tree: Oid,
    pub(in crate::git) parents: Vec<Oid>,
    pub(in crate::git) time: i64,
}

impl Commit {
    pub(in crate::git) fn read(odb: &Odb<'_>, id: Oid) -> Result<Self, CheckoutError> {
        let object = object::read(odb, id, ObjectType::Commit)?;
        let damaged = || CheckoutError::DamagedObject { id: id.to_string(), reason: "it is no commit" };
        Self::parse(object.data()).ok_or_else(damaged)
    }

    /// The head of a commit object: `tree`, any number of `parent`, `author`, `committer NAME <MAIL> TIME ZONE`.
    fn parse(object: &[u8]) -> Option<Self> {
        let id = |text: &[u8]| Oid::from_str(text.to_str().ok()?).ok();
        let mut lines = object.lines();
        let tree = id(lines.next()?.strip_prefix(b"tree ")?)?;
        let mut parents = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if let Some(parent) = line.strip_prefix(b"parent ") {
                parents.push(id(parent)?);
            } else if let Some(committer) = line.strip_prefix(b"committer ") {
                let time = committer.rsplit_once_str("> ").and_then(|(_, when)| {
                    when.split_str(" ").next().and_then(|time| time.to_str().ok()?.parse().ok())
                });
                return Some(Self { tree, parents, time: time.unwrap_or(0) });
            }
        }
        Some(Self { tree, parents, time: 0 })
    }
}
