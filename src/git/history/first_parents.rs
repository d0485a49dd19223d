//! The line of commits that a branch went along: each commit's first parent.

use crate::git::{Checkout, CheckoutError, CommitId};

/// A commit of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCommit {
    /// Its id.
    pub id: CommitId,
    /// Its first parent; a first commit has none, nor has the one at which a shallow clone ends.
    pub parent: Option<CommitId>,
    /// When it was committed, in seconds since 1970.
    pub time: i64,
    /// The first line of its message.
    pub subject: String,
}

/// Where a line ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineEnd {
    /// A commit whose own history does not count.
    pub hidden: Option<CommitId>,
    /// Commits before this moment do not count, in seconds since 1970.
    pub since: Option<i64>,
    /// At most as many count.
    pub most: usize,
}

impl Checkout {
    /// The first parents of `tip`, itself included, the oldest first; and whether there would be more of them.
    pub(crate) fn first_parents(
        &self,
        tip: CommitId,
        end: LineEnd,
    ) -> Result<(Vec<LineCommit>, bool), CheckoutError> {
        let mut line = self.line(tip, end)?;
        let is_cut = line.len() > end.most;
        line.truncate(end.most);
        if let Some(hidden) = end.hidden {
            // Who is an ancestor has ancestors only behind it.
            let (mut from, mut to) = (0, line.len());
            while from < to {
                let middle = usize::midpoint(from, to);
                if self.is_ancestor(line[middle].id, hidden)? {
                    to = middle;
                } else {
                    from = middle + 1;
                }
            }
            line.truncate(from);
        }
        line.reverse();
        Ok((line, is_cut))
    }

    fn line(&self, tip: CommitId, end: LineEnd) -> Result<Vec<LineCommit>, CheckoutError> {
        let opened = self.opened();
        let repository = opened.objects.all()?;
        let mut line: Vec<LineCommit> = Vec::new();
        let mut next = Some(tip);
        while let Some(id) = next.filter(|id| line.len() <= end.most && Some(*id) != end.hidden) {
            let commit =
                repository.find_commit(id.oid()).map_err(|error| CheckoutError::object(id.oid(), &error))?;
            let time = commit.time().seconds();
            if end.since.is_some_and(|since| time < since) {
                break;
            }
            next = commit.parent_id(0).ok().and_then(CommitId::from_oid);
            // The boundary of a shallow clone names parents that are not here.
            next = next.filter(|parent| repository.find_commit(parent.oid()).is_ok());
            let subject = commit.summary_bytes().unwrap_or_default();
            let subject = String::from_utf8_lossy(subject).into_owned();
            line.push(LineCommit { id, parent: next, time, subject });
        }
        Ok(line)
    }
}
