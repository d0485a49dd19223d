//! Which commit last changed what a set of paths admits: one walk for all questions together.

pub(in crate::git) mod automaton;
pub(in crate::git) mod first_parents;
pub(in crate::git) mod pathspec;
pub(in crate::git) mod query_set;
pub(in crate::git) mod questions;
pub(in crate::git) mod revision_cache;
pub(in crate::git) mod revisions;
