use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::name::ImageName;
use super::namespace::{Namespace, canonical};
use crate::image::Repository;

/// Everything that references can bind to.
#[derive(Clone, Debug, Default)]
pub(super) struct Sites {
    pub(super) by_repository: HashMap<Repository, Site>,
    namespaces: Vec<Namespace>,
    /// How many components the longest NAME has: what is deeper in a namespace is not a NAME.
    components: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    /// Whose repository it is; several if they differ in their tag prefix.
    pub(super) images: Vec<usize>,
    /// All who had the name, if several had.
    pub(super) contested: Vec<usize>,
}

impl Sites {
    pub(super) fn new(
        names: &[ImageName],
        contested: &BTreeMap<String, Vec<usize>>,
        namespace: &Namespace,
        inferred: Option<&Namespace>,
        components: usize,
    ) -> Self {
        let mut namespaces: Vec<Namespace> = Vec::new();
        // A guess that nobody made never binds.
        let tagged = Some(namespace).filter(|namespace| !namespace.source.is_guess());
        for namespace in tagged.into_iter().chain(inferred) {
            if !namespaces.iter().any(|known| known.canonical() == namespace.canonical()) {
                namespaces.push(namespace.clone());
            }
        }
        let mut by_repository: HashMap<Repository, Site> = HashMap::new();
        for (image, name) in names.iter().enumerate() {
            let absolute = name.absolute.then(|| name.repository.clone()).or(name.claimed.clone());
            let relative = namespaces
                .iter()
                .filter(|_| !name.absolute || name.alias.is_some())
                .filter_map(|namespace| namespace.repository(name.alias.as_ref().unwrap_or(&name.short)));
            let repositories: BTreeSet<Repository> = absolute.into_iter().chain(relative).collect();
            for repository in repositories {
                by_repository.entry(repository).or_default().images.push(image);
            }
        }
        for (name, images) in contested {
            for repository in namespaces.iter().filter_map(|namespace| namespace.repository(name)) {
                by_repository.entry(repository).or_default().contested.clone_from(images);
            }
        }
        Self { by_repository, namespaces, components }
    }

    /// The namespace that a reference would have to be bound by, if it reads like one of our names.
    pub(super) fn namespace_of(&self, repository: &Repository) -> Option<&Namespace> {
        let text = canonical(repository);
        self.namespaces.iter().find(|namespace| {
            text.strip_prefix(&namespace.canonical())
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|name| name.split('/').count() <= self.components)
        })
    }
}
