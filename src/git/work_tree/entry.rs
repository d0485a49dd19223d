use crate::git::{BlobId, Identity, InputKind, Node, NodeKind, Tracking};
use crate::path::TreePath;

/// A file of the work tree. There may be very many, so it is small.
#[derive(Clone, Copy)]
pub(in crate::git) struct Entry {
    pub(in crate::git) kind: NodeKind,
    /// Of a tracked file; else [`UNTRACKED`].
    pub(in crate::git) part: u16,
    /// The position in the part's index.
    pub(in crate::git) index: u32,
}

pub(in crate::git) const UNTRACKED: u16 = u16::MAX;

impl Entry {
    /// The part and the position in its index.
    pub(in crate::git) fn tracked(self) -> Option<(usize, usize)> {
        (self.part != UNTRACKED).then_some((usize::from(self.part), self.index as usize))
    }

    pub(in crate::git) fn tracking(self) -> Tracking {
        if self.part == UNTRACKED { Tracking::Untracked } else { Tracking::Tracked }
    }

    pub(in crate::git) fn node(self, path: &[u8]) -> Node {
        Node { path: TreePath::new(path), kind: self.kind, tracking: self.tracking() }
    }
}

#[derive(Clone, Copy)]
pub(in crate::git) struct KnownFile {
    blob: BlobId,
    kind: InputKind,
    size: u64,
    modified: i64,
}

impl KnownFile {
    /// Nanoseconds in 64 bits reach until 2262; a file from beyond is looked at each time.
    pub(in crate::git) fn new(identity: &Identity) -> Option<Self> {
        let Identity { kind, blob, size, modified_ns } = *identity;
        Some(Self { blob, kind, size, modified: i64::try_from(modified_ns?).ok()? })
    }

    pub(in crate::git) fn identity(&self) -> Identity {
        let Self { blob, kind, size, modified } = *self;
        Identity { kind, blob, size, modified_ns: Some(i128::from(modified)) }
    }
}
