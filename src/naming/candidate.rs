use std::collections::BTreeSet;

use super::collisions::class;
use super::namespace::Reference;
use crate::evidence::{ClaimedName, Place};
use crate::path::TreePath;

/// An image to be named: a Dockerfile, or one of several images that the settings make from it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<'a> {
    /// The Dockerfile.
    pub path: &'a TreePath,
    pub tracked: bool,
    /// Whether it is built only when named or depended on.
    pub aside: bool,
    /// The images that its needed stages use, after expansion.
    pub references: Vec<Reference>,
    /// The NAME of the settings' `[image.NAME]`; `NAME:PREFIX` has a tag prefix.
    pub explicit_name: Option<String>,
    /// What the checkout's own files call it.
    pub claim: Option<NameClaim<'a>>,
}

/// What the checkout's own files call an image.
#[derive(Clone, Debug)]
pub(crate) struct NameClaim<'a> {
    pub name: &'a ClaimedName,
    /// Where they say so.
    pub place: &'a Place,
    /// Tags by which they refer to what is built here.
    pub tags: &'a BTreeSet<String>,
    /// The one file whose images mean it, where others start from the published one.
    pub scope: Option<&'a TreePath>,
}

pub(super) fn class_of(candidate: &Candidate<'_>) -> u8 {
    class(candidate.tracked, candidate.aside)
}
