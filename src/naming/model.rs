use std::collections::BTreeSet;

use super::name::ImageName;
use super::namespace::{KnownNames, Namespace};
use super::places::Places;
use super::sites::Sites;
use crate::diagnostic::Diagnostic;
use crate::path::TreePath;

/// The names of all images of a checkout, in the order of the candidates.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    /// One for each candidate.
    pub names: Vec<ImageName>,
    /// What is in front of the names that are tagged.
    pub namespace: Namespace,
    /// Errors in the settings, names that several had, namespaces that were not taken.
    pub diagnostics: Vec<Diagnostic>,
    pub(super) places: Places,
    pub(super) sites: Sites,
    pub(super) known: KnownNames,
    /// Of each image the tags by which the checkout's own files refer to what is built here.
    pub(super) tags: Vec<BTreeSet<String>>,
    /// Of each image the one file whose images mean it, where others start from the published one.
    pub(super) scopes: Vec<Option<TreePath>>,
}
