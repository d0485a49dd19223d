//! What the other Dockerfiles of a checkout say about the name of one.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::says_nothing::is_for_dockerfiles;
use super::words::words;
use crate::discovery::FileNameForm;
use crate::path::TreePath;

/// The Dockerfiles of a checkout as they stand to each other.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// Folders that hold a `Dockerfile` without a variant.
    plain: HashSet<TreePath>,
    /// The folders with Dockerfiles that a folder holds, leaving out folders for Dockerfiles at their end.
    inside: HashMap<TreePath, BTreeSet<TreePath>>,
    /// Last parts of references, and the folders of the Dockerfiles that have them.
    referenced: HashMap<String, Vec<TreePath>>,
}

impl Neighbours {
    /// `references` are the last parts of references that could mean images of this checkout, each with the folder
    /// of its Dockerfile.
    pub(super) fn new<'a>(
        dockerfiles: impl Iterator<Item = &'a TreePath>,
        references: Vec<(String, TreePath)>,
    ) -> Self {
        let mut neighbours = Self::default();
        for path in dockerfiles {
            let folder = path.parent().unwrap_or_default();
            if FileNameForm::of(path.file_name()) == FileNameForm::Plain {
                neighbours.plain.insert(folder.clone());
            }
            let mut outwards = std::iter::successors(Some(folder), TreePath::parent);
            let telling = outwards.find(|folder| folder.is_root() || !is_for_dockerfiles(folder.file_name()));
            if let Some((telling, around)) =
                telling.and_then(|folder| Some((folder.clone(), folder.parent()?)))
            {
                neighbours.inside.entry(around).or_default().insert(telling);
            }
        }
        for (name, folder) in references {
            neighbours.referenced.entry(name).or_default().push(folder);
        }
        neighbours
    }

    /// Whether a Dockerfile without a variant stands in the folder.
    pub(super) fn has_plain(&self, folder: &TreePath) -> bool {
        self.plain.contains(folder)
    }

    /// Whether a folder whose name says nothing is called by it all the same: a reference elsewhere names it, or it
    /// holds code, not Dockerfiles, and a folder beside it has a Dockerfile too.
    pub(super) fn keeps_its_name(&self, folder: &TreePath) -> bool {
        let name = words(folder.file_name());
        let is_elsewhere = |other: &TreePath| !other.is_under(folder);
        if self.referenced.get(&name).is_some_and(|folders| folders.iter().any(is_elsewhere)) {
            return !name.is_empty();
        }
        let around = folder.parent().unwrap_or_default();
        let beside = self.inside.get(&around);
        !is_for_dockerfiles(folder.file_name())
            && beside.is_some_and(|beside| beside.contains(folder) && beside.len() > 1)
    }
}
