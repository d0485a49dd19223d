//! Where a checkout is, what HEAD is, and what else the repository itself tells: its objects, hooks, remotes.
//! [`executable`] is the only place that starts the git executable.

pub(in crate::git) mod alternates;
pub(in crate::git) mod branch_tag;
pub(in crate::git) mod checkout;
pub(in crate::git) mod discover;
pub(in crate::git) mod executable;
pub(in crate::git) mod head;
pub(in crate::git) mod hooks;
pub(in crate::git) mod loose;
pub(in crate::git) mod moment;
pub(in crate::git) mod object;
pub(in crate::git) mod objects;
pub(in crate::git) mod obstacle;
pub(in crate::git) mod origin;
pub(in crate::git) mod packs;
pub(in crate::git) mod place;
pub(in crate::git) mod pushed;
pub(in crate::git) mod roots;
