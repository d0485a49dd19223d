//! Names that the checkout's own files give its images.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::candidate::{Candidate, class_of};
use super::folders::NameSource;
use super::namespace::{Namespace, NamespaceSource, canonical};
use super::publishers::{is_own, is_publisher};
use super::rules::SettledName;
use super::words::{LONGEST_NAME, LONGEST_PREFIX};
use crate::evidence::ClaimedName;
use crate::image::Repository;

/// A claimed name, ready to be used.
#[derive(Clone, Debug)]
pub(super) struct OwnName {
    pub(super) name: SettledName,
    pub(super) source: NameSource,
    /// The whole repository, if it was claimed and is nobody else's.
    pub(super) repository: Option<Repository>,
}

/// What claims say about names, in the order of the candidates.
pub(super) struct OwnNames {
    pub(super) names: Vec<Option<OwnName>>,
    /// What stands in front of the most of them.
    pub(super) namespace: Option<Namespace>,
}

impl OwnNames {
    /// `taken` are names that the settings give. Of two images of one name the later one has more of its repository in
    /// its name, or none from here.
    pub(super) fn new(
        candidates: &[Candidate<'_>],
        origin: &BTreeSet<String>,
        taken: &HashSet<String>,
    ) -> Self {
        let repositories: Vec<Option<Repository>> =
            candidates.iter().map(|candidate| whole(candidate, origin)).collect();
        let namespace = most_common(candidates, &repositories, origin);
        let mut taken = taken.clone();
        let mut names: Vec<Option<OwnName>> = vec![None; candidates.len()];
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|image| class_of(&candidates[*image]));
        for image in order {
            let Some(claim) = &candidates[image].claim else { continue };
            let tag_prefix = claim.name.tag.clone().filter(|tag| tag.len() <= LONGEST_PREFIX);
            let repository = repositories[image].clone();
            let title = |name: &str| match &tag_prefix {
                Some(prefix) => format!("{name}:{prefix}"),
                None => name.to_owned(),
            };
            let free = short_names(claim.name, repository.as_ref(), namespace.as_ref());
            let Some(name) = free.into_iter().find(|name| !taken.contains(&title(name))) else { continue };
            taken.insert(title(&name));
            names[image] = Some(OwnName {
                name: SettledName { name, absolute: false, tag_prefix },
                source: NameSource::Evidence(format!("{}:{}", claim.place.path, claim.place.line)),
                repository,
            });
        }
        Self { names, namespace }
    }
}

/// The repository that an image is claimed to have, if all of it is known and it is neither someone else's nor one of
/// this machine.
fn whole(candidate: &Candidate<'_>, origin: &BTreeSet<String>) -> Option<Repository> {
    let name = candidate.claim.as_ref()?.name;
    if !name.is_whole || !name.repository.contains('/') {
        return None;
    }
    let repository = Repository::new(&name.repository).ok()?;
    let host = repository.host();
    let is_local =
        host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("host.docker.");
    let canonical = canonical(&repository);
    let prefix = canonical.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    let is_foreign = is_publisher(prefix) && !is_own(prefix, origin);
    (!is_local && !is_foreign).then_some(repository)
}

/// What stands in front of the most names of Dockerfiles that git tracks, or else of any. A single name speaks for others
/// only if it is the owner's.
fn most_common(
    candidates: &[Candidate<'_>],
    repositories: &[Option<Repository>],
    origin: &BTreeSet<String>,
) -> Option<Namespace> {
    let mut names: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for (candidate, repository) in candidates.iter().zip(repositories) {
        let Some((prefix, name)) = repository.as_ref().and_then(|it| split(&it.familiar())) else {
            continue;
        };
        let (firm, all) = names.entry(prefix).or_default();
        if class_of(candidate) == 0 {
            firm.insert(name.clone());
        }
        all.insert(name);
    }
    // Of equals the first in the alphabet.
    let (prefix, _) = names.iter().rev().max_by_key(|(_, (firm, all))| (firm.len(), all.len()))?;
    let namespace = Namespace::given(prefix, NamespaceSource::Evidence).ok()?;
    let is_named = |(candidate, repository): (&Candidate<'_>, &Option<Repository>)| {
        class_of(candidate) > 0 || repository.is_some()
    };
    let speaks_for_others = names[prefix].1.len() > 1 || is_own(&namespace.canonical(), origin);
    (speaks_for_others || candidates.iter().zip(repositories).all(is_named)).then_some(namespace)
}

fn split(familiar: &str) -> Option<(String, String)> {
    let (prefix, name) = familiar.rsplit_once('/')?;
    Some((prefix.to_owned(), name.to_owned()))
}

/// NAME for a claimed name: what is behind the namespace, else the last part; then with more and more in front of it.
fn short_names(
    name: &ClaimedName,
    repository: Option<&Repository>,
    namespace: Option<&Namespace>,
) -> Vec<String> {
    let path = repository.map_or(&*name.repository, Repository::path);
    let behind = repository.zip(namespace).and_then(|(repository, namespace)| {
        let familiar = repository.familiar();
        Some(familiar.strip_prefix(&namespace.value)?.strip_prefix('/')?.to_owned())
    });
    let starts = path.match_indices('/').map(|(at, _)| at + 1).collect::<Vec<_>>();
    let further = starts.into_iter().rev().chain([0]).map(|at| path[at..].to_owned());
    behind.into_iter().chain(further).filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME).collect()
}
