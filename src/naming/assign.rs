//! All names of a checkout at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::candidate::{Candidate, class_of};
use super::claimed::{OwnName, OwnNames};
use super::collisions::{Contender, Resolution, resolve};
use super::explain;
use super::folders::{FolderName, NameSource};
use super::model::Naming;
use super::name::{ImageName, join_prefix};
use super::namespace::{
    Inference, KnownNames, Namespace, NamespaceSource, Reference, Voice, canonical, infer,
};
use super::neighbours::Neighbours;
use super::places::Places;
use super::publishers::{is_own, is_publisher, origin_words, owner};
use super::rules::{NameRules, NameTemplate};
use super::sites::Sites;
use super::words::{LONGEST_NAME, fingerprint, shorten};
use crate::diagnostic::{Diagnostic, Location};
use crate::image::Repository;
use crate::limits;

/// What else decides about names.
#[derive(Clone, Debug)]
pub(crate) struct NamingRules<'a> {
    /// The namespace that was given, and by whom.
    pub namespace: Option<(String, NamespaceSource)>,
    /// The settings' `names`, in the order of the file. A name with a `/` in front is a whole repository, as
    /// in the original's `.shipwright.json`.
    pub names: &'a [(String, String)],
    /// Where their lines stand, by what is on their left.
    pub locations: &'a BTreeMap<String, Location>,
    pub checkout_name: &'a str,
    /// The URL of the remote `origin`.
    pub origin_url: Option<&'a str>,
}

/// Names every candidate. What is wrong in the settings is an error among the diagnostics; the image then
/// has the name of its folder.
pub(crate) fn assign(candidates: &[Candidate<'_>], rules: &NamingRules<'_>) -> Naming {
    let mut diagnostics = Vec::new();
    let origin = rules.origin_url.map(origin_words).unwrap_or_default();
    let places = places(candidates, rules, &origin);
    let mut settled = settle(candidates, rules, &mut diagnostics);
    let own = OwnNames::new(candidates, &origin, &titles(&settled));
    let mut aliases: Vec<Option<String>> = vec![None; candidates.len()];
    for (image, (settled, own)) in settled.iter_mut().zip(own.names).enumerate() {
        let own = own.filter(has_no_host);
        match settled {
            // References to the claimed name mean the image under that name in the settings too.
            Some(given) if keeps_claim(given, &candidates[image]) => {
                aliases[image] =
                    own.as_ref().filter(|_| given.name.absolute).map(|own| own.name.name.clone());
                given.repository = own.and_then(|own| own.repository);
            }
            Some(_) => {}
            None => *settled = own,
        }
    }
    let resolution = resolve_places(candidates, &places, &settled);
    let drafts: Vec<Named> = (0..candidates.len())
        .map(|image| match &settled[image] {
            Some(own) => Named::settled(own),
            None => Named::placed(&places[image], resolution.names.get(&image)),
        })
        .collect();

    let mut known = known_names(&drafts, &places, &settled);
    for (image, alias) in aliases.iter().enumerate() {
        if let Some(alias) = alias {
            known.add(alias, drafts[image].tag_prefix.as_deref(), image);
        }
    }
    known.firm.extend((0..candidates.len()).filter(|image| class_of(&candidates[*image]) == 0));
    let inference = infer_from(candidates, &known, &origin);
    let given = given_namespace(rules, &mut diagnostics);
    if given.is_none() {
        let paths = |image: usize| candidates[image].path.clone();
        diagnostics.extend(explain::others(&inference, &paths));
    }
    let inferred = inference.winner.map(|value| Namespace { value, source: NamespaceSource::FromLines });
    let of_owner = || Namespace::of_owner(&owner(rules.origin_url?)?, &origin);
    let is_given = given.is_some();
    // It binds references whatever the images are to be called.
    let inferred = inferred.or(own.namespace);
    let namespace = given
        .or_else(|| inferred.clone())
        .or_else(of_owner)
        .unwrap_or_else(|| Namespace::of_checkout(rules.checkout_name));

    let mut names: Vec<ImageName> =
        drafts.into_iter().map(|name| name.finish(&namespace, is_given)).collect();
    for (name, alias) in names.iter_mut().zip(aliases) {
        name.alias = alias;
    }
    part_duplicates(&mut names, candidates, &namespace, &mut diagnostics);
    let places = Places::new(candidates);
    diagnostics.extend(explain::contested(&resolution.contested, &names, &places));
    diagnostics.extend(explain::displaced(&resolution.contested, &names, &places));
    diagnostics.extend(explain::nameless(&names, &places));
    let sites = Sites::new(&names, &resolution.contested, &namespace, inferred.as_ref(), known.components);
    let tags = candidates.iter().zip(&names).map(|(candidate, name)| claimed_tags(candidate, name)).collect();
    let scope = |candidate: &Candidate<'_>| candidate.claim.as_ref()?.scope.cloned();
    let scopes = candidates.iter().map(scope).collect();
    Naming { names, namespace, diagnostics, places, sites, known, tags, scopes }
}

/// The tags by which files of the checkout refer to an image, without those that its own Dockerfile builds on: they are
/// of the published one, which it extends.
fn claimed_tags(candidate: &Candidate<'_>, name: &ImageName) -> BTreeSet<String> {
    let mut tags = candidate.claim.as_ref().map(|claim| claim.tags.clone()).unwrap_or_default();
    for Reference { reference, .. } in &candidate.references {
        if let Some(tag) =
            reference.tag.as_ref().filter(|_| name.claimed.as_ref() == Some(&reference.repository))
        {
            tags.remove(tag.as_str());
        }
    }
    tags
}

/// Whether a claimed name is a NAME: a host in front of it is no part of one.
fn has_no_host(own: &OwnName) -> bool {
    let name = &own.name.name;
    let is_host = |first: &str| first.contains(['.', ':']) || first == "localhost";
    name.split_once('/').is_none_or(|(first, _)| own.repository.is_some() || !is_host(first))
}

/// Whether the name that the settings give is the one that files of the checkout give, as far as it goes.
fn keeps_claim(given: &OwnName, candidate: &Candidate<'_>) -> bool {
    let title = join_prefix(&given.name.name, given.name.tag_prefix.as_deref());
    candidate.claim.as_ref().is_some_and(|claim| claim.name.ends_in(&title))
}

/// The names that are settled, with their tag prefixes.
fn titles(settled: &[Settled]) -> HashSet<String> {
    let relative = settled.iter().flatten().map(|own| &own.name).filter(|name| !name.absolute);
    relative.map(|name| join_prefix(&name.name, name.tag_prefix.as_deref())).collect()
}

/// The names that the Dockerfiles' places give. What an untracked Dockerfile or one aside says changes no other's name.
fn places(
    candidates: &[Candidate<'_>],
    rules: &NamingRules<'_>,
    origin: &BTreeSet<String>,
) -> Vec<FolderName> {
    let mut around: BTreeMap<u8, Neighbours> = BTreeMap::new();
    let mut place = |candidate: &Candidate<'_>| {
        let class = class_of(candidate);
        let around = around.entry(class).or_insert_with(|| {
            let known = candidates.iter().filter(|other| class_of(other) <= class);
            let references = known.clone().flat_map(|other| {
                let folder = other.path.parent().unwrap_or_default();
                let names = other.references.iter().filter_map(|used| named_image(used, origin));
                names.map(move |name| (name, folder.clone())).collect::<Vec<_>>()
            });
            Neighbours::new(known.clone().map(|other| other.path), references.collect())
        });
        FolderName::new(candidate.path, rules.checkout_name, around)
    };
    candidates.iter().map(&mut place).collect()
}

/// The last part of a reference that has a namespace, which is nobody else's, and no tag.
fn named_image(used: &Reference, origin: &BTreeSet<String>) -> Option<String> {
    let canonical = canonical(&used.reference.repository);
    let (prefix, name) = canonical.rsplit_once('/')?;
    let is_foreign = is_publisher(prefix) && !is_own(prefix, origin);
    (used.reference.is_latest() && !is_foreign).then(|| name.to_owned())
}

type Settled = Option<OwnName>;

/// The names that the settings give.
fn settle(
    candidates: &[Candidate<'_>],
    given: &NamingRules<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Settled> {
    let (rules, errors) = NameRules::new(given.names);
    let place = |key: &str| given.locations.get(key);
    diagnostics.extend(errors.iter().map(|(key, error)| explain::bad_line(key, place(key), error)));
    let mut used = HashSet::new();
    let settled = candidates
        .iter()
        .map(|candidate| {
            let by_path = rules.name(candidate.path);
            used.extend(by_path.iter().map(|(rule, _)| *rule));
            let (name, source) = match (&candidate.explicit_name, by_path) {
                (Some(name), _) => {
                    (NameTemplate::new(name).and_then(|template| template.settled()), NameSource::Image)
                }
                (None, Some((rule, name))) => (name, NameSource::Names(rules.key(rule).to_owned())),
                (None, None) => return None,
            };
            match name {
                Ok(name) => Some(OwnName { name, source, repository: None }),
                Err(error) => {
                    diagnostics.push(explain::bad_name(candidate.path, &source, &error));
                    None
                }
            }
        })
        .collect();
    let unused = rules.keys().enumerate().filter(|(rule, _)| !used.contains(rule)).map(|(_, key)| key);
    let paths = || candidates.iter().map(|candidate| candidate.path);
    let few = |at: usize| if at < limits::FINDINGS { usize::MAX } else { 0 };
    // Nobody reads the hints of thousands.
    let warnings = unused.enumerate();
    diagnostics
        .extend(warnings.map(|(at, key)| explain::unused_line(key, place(key), paths().take(few(at)))));
    settled
}

fn resolve_places(candidates: &[Candidate<'_>], places: &[FolderName], settled: &[Settled]) -> Resolution {
    let contenders: Vec<Contender> = (0..candidates.len())
        .filter(|image| settled[*image].is_none())
        .map(|image| Contender { image, name: places[image].clone(), class: class_of(&candidates[image]) })
        .collect();
    resolve(&contenders, &titles(settled))
}

/// A name before the namespace is known.
struct Named {
    name: String,
    absolute: bool,
    tag_prefix: Option<String>,
    provisional: bool,
    source: NameSource,
    plain: Option<String>,
    claimed: Option<Repository>,
}

impl Named {
    fn settled(own: &OwnName) -> Self {
        let OwnName { name, source, repository } = own.clone();
        Self {
            name: name.name.clone(),
            absolute: name.absolute,
            tag_prefix: name.tag_prefix.clone(),
            provisional: false,
            source,
            plain: None,
            claimed: repository,
        }
    }

    fn placed(place: &FolderName, resolved: Option<&(String, bool)>) -> Self {
        let plain = place.plain();
        let (name, provisional) = resolved.cloned().unwrap_or((plain.clone(), false));
        let plain = Some(plain).filter(|plain| *plain != name);
        let source = place.source.clone();
        let tag_prefix = place.tag_prefix.clone();
        Self { name, absolute: false, tag_prefix, provisional, source, plain, claimed: None }
    }

    /// A namespace that somebody gave stands in front of claimed names too.
    fn finish(self, namespace: &Namespace, is_given: bool) -> ImageName {
        let is_from_evidence = matches!(self.source, NameSource::Evidence(_)) && !is_given;
        let repository = match &self.claimed {
            Some(repository) if is_from_evidence => Some(repository.clone()),
            _ if self.absolute => Repository::new(&self.name).ok(),
            _ => namespace.repository(&self.name),
        };
        ImageName {
            repository: repository.expect("the namespace, the name and their lengths were checked"),
            short: self.name,
            tag_prefix: self.tag_prefix,
            provisional: self.provisional,
            source: self.source,
            plain: self.plain,
            absolute: self.absolute,
            claimed: self.claimed,
            alias: None,
        }
    }
}

fn known_names(named: &[Named], places: &[FolderName], settled: &[Settled]) -> KnownNames {
    let mut known = KnownNames::default();
    for (image, name) in named.iter().enumerate() {
        if name.absolute {
            continue;
        }
        known.add(&name.name, name.tag_prefix.as_deref(), image);
        let plain = places[image].plain();
        if settled[image].is_none() && plain != name.name {
            known.add(&plain, places[image].tag_prefix.as_deref(), image);
        }
    }
    known
}

fn infer_from(candidates: &[Candidate<'_>], known: &KnownNames, origin: &BTreeSet<String>) -> Inference {
    let voices = candidates.iter().enumerate().flat_map(|(image, candidate)| {
        candidate.references.iter().map(move |reference| Voice { image, reference })
    });
    infer(known, voices, origin)
}

fn given_namespace(rules: &NamingRules<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Namespace> {
    let (value, source) = rules.namespace.as_ref()?;
    // An empty variable is one that is not set.
    if *source == NamespaceSource::Environment && value.trim().is_empty() {
        return None;
    }
    match Namespace::given(value, *source) {
        Ok(namespace) => Some(namespace),
        Err(error) => {
            diagnostics.push(explain::bad_namespace(&error, *source));
            None
        }
    }
}

/// Two images that the settings give one repository and tag prefix cannot both be tagged: an error, and
/// names of their own for all but the first, so that what follows can tell them apart.
fn part_duplicates(
    names: &mut [ImageName],
    candidates: &[Candidate<'_>],
    namespace: &Namespace,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut owners: HashMap<(Repository, Option<String>), Vec<usize>> = HashMap::new();
    for (image, name) in names.iter().enumerate() {
        owners.entry((name.repository.clone(), name.tag_prefix.clone())).or_default().push(image);
    }
    let duplicates: BTreeMap<usize, Vec<usize>> =
        owners.into_values().filter(|images| images.len() > 1).map(|images| (images[0], images)).collect();
    for images in duplicates.values() {
        let title = names[images[0]].full();
        let places: Vec<_> =
            images.iter().map(|image| (candidates[*image].path, &names[*image].source)).collect();
        diagnostics.push(explain::duplicate(&title, &places));
        for image in &images[1..] {
            let unique = format!("{}/{image}", candidates[*image].path);
            let name = &mut names[*image];
            let last = name.short.rsplit('/').next().unwrap_or_default().to_owned();
            let fingerprint = fingerprint(unique.as_bytes());
            name.short = format!("{}-{fingerprint}", shorten(last, LONGEST_NAME - 7));
            name.provisional = true;
            name.absolute = false;
            if let Some(repository) = namespace.repository(&name.short) {
                name.repository = repository;
            }
        }
    }
}
