//! What stands in front of every NAME.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::folders::checkout_words;
use super::publishers::{is_own, is_publisher};
use super::words::{LONGEST_NAMESPACE, shorten};
use crate::diagnostic::Location;
use crate::image::{ImageReference, Repository};

/// The first part of every image's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// For example `acme` or `quay.io/acme`.
    pub value: String,
    /// Who said so.
    pub source: NamespaceSource,
}

/// Where the namespace comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceSource {
    /// Inferred from the references in the Dockerfiles.
    FromLines,
    /// `--namespace`.
    Flag,
    /// `SHIPWRIGHT_NAMESPACE` or `SW_NAMESPACE`.
    Environment,
    /// The settings file.
    Settings,
    /// What the checkout's own files call its images.
    Evidence,
    /// The owner in the URL of the remote `origin`: a guess, which binds nothing.
    Origin,
    /// The checkout's name, for want of anything better.
    Checkout,
}

impl NamespaceSource {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FromLines => "from-lines",
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Settings => "settings",
            Self::Evidence => "evidence",
            Self::Origin => "origin",
            Self::Checkout => "checkout",
        }
    }

    /// Whether nobody said it: then it binds no reference, and nothing is published under it.
    pub fn is_guess(self) -> bool {
        matches!(self, Self::Origin | Self::Checkout)
    }
}

impl Namespace {
    /// Checks one that was given. Slashes and blanks around it go.
    pub(super) fn given(value: &str, source: NamespaceSource) -> Result<Self, InvalidNamespace> {
        let trimmed = value.trim().trim_matches('/');
        let invalid = || InvalidNamespace(value.to_owned());
        // An upper-case first part would be taken for a registry's host.
        let first = trimmed.split('/').next().unwrap_or_default();
        let shouted = !first.contains(['.', ':']) && first.bytes().any(|byte| byte.is_ascii_uppercase());
        if trimmed.is_empty() || shouted || trimmed.len() > LONGEST_NAMESPACE {
            return Err(invalid());
        }
        Repository::new(&format!("{trimmed}/x")).map_err(|_| invalid())?;
        Ok(Self { value: trimmed.to_owned(), source })
    }

    /// The owner of the remote, unless that reads like somebody else.
    pub(super) fn of_owner(owner: &str, origin: &BTreeSet<String>) -> Option<Self> {
        let namespace = Self::given(owner, NamespaceSource::Origin).ok()?;
        let prefix = namespace.canonical();
        let is_foreign = is_publisher(&prefix) && !is_own(&prefix, origin);
        (prefix.starts_with("docker.io/") && !is_foreign).then_some(namespace)
    }

    /// The checkout's name, changed where it would be read as a registry's host or as somebody else's.
    pub(super) fn of_checkout(checkout_name: &str) -> Self {
        let mut value = shorten(checkout_words(checkout_name).replace('.', "-"), LONGEST_NAMESPACE - 9);
        if value == "localhost" || is_publisher(&format!("docker.io/{value}")) {
            value.push_str("-checkout");
        }
        Self { value, source: NamespaceSource::Checkout }
    }

    pub(super) fn repository(&self, name: &str) -> Option<Repository> {
        Repository::new(&format!("{}/{name}", self.value)).ok()
    }

    /// With the registry: `docker.io/acme` for `acme`.
    pub(super) fn canonical(&self) -> String {
        match self.repository("x").map(|repository| canonical(&repository)) {
            Some(text) => text.strip_suffix("/x").unwrap_or_default().to_owned(),
            None => self.value.clone(),
        }
    }
}

/// Host and path.
pub(super) fn canonical(repository: &Repository) -> String {
    format!("{}/{}", repository.host(), repository.path())
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a namespace")]
pub(crate) struct InvalidNamespace(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "a reference is what it is")]
pub(crate) struct Reference {
    /// As it is after expansion.
    pub reference: ImageReference,
    /// Where it stands.
    pub location: Location,
    /// Whether it is written without a namespace: `FROM base`.
    pub is_bare: bool,
}

/// A reference as evidence: who says it.
pub(super) struct Voice<'a> {
    pub(super) image: usize,
    pub(super) reference: &'a Reference,
}

/// The names here, as evidence sees them.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownNames {
    /// Which images have a NAME, or had it before others of the same name were seen; with their tag prefix.
    pub(super) images: HashMap<String, Vec<(usize, Option<String>)>>,
    pub(super) components: usize,
    /// Images that git tracks and that do not stand aside: what they and their references say counts first.
    pub(super) firm: HashSet<usize>,
}

impl KnownNames {
    pub(super) fn add(&mut self, name: &str, tag_prefix: Option<&str>, image: usize) {
        self.components = self.components.max(name.split('/').count());
        self.images.entry(name.to_owned()).or_default().push((image, tag_prefix.map(str::to_owned)));
    }
}

impl KnownNames {
    /// Whether those who have a name are one Dockerfile, or one and others that change no names, or differ in their
    /// tag prefixes.
    fn is_one(&self, images: &[(usize, Option<String>)]) -> bool {
        let firm: Vec<_> = images.iter().filter(|(image, _)| self.firm.contains(image)).collect();
        let counted = if firm.is_empty() { images.iter().collect() } else { firm };
        let prefixes: HashSet<&Option<String>> = counted.iter().map(|(_, prefix)| prefix).collect();
        prefixes.len() == counted.len()
    }
}

/// A reference that speaks for a namespace.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    /// The image whose NAME it ends in.
    pub(super) image: usize,
    pub(super) reference: Reference,
}

/// A namespace that references speak for.
#[derive(Clone, Debug)]
pub(super) struct Candidature {
    /// As it is shown: `acme`, `quay.io/acme`, `docker.io/library`.
    pub(super) prefix: String,
    pub(super) evidence: Vec<Evidence>,
    /// Whether it is a well-known publisher's and the checkout is not.
    pub(super) refused: bool,
    /// Whether each reference could mean several Dockerfiles, so that a published image is more likely.
    pub(super) unclear: bool,
}

/// What the references of a checkout say about its namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Inference {
    pub(super) winner: Option<String>,
    /// The others, refused or outnumbered, by prefix.
    pub(super) others: Vec<Candidature>,
}

#[derive(Default)]
struct Votes {
    evidence: Vec<Evidence>,
    names: BTreeSet<String>,
    firm_names: BTreeSet<String>,
    /// Whether a name among them is that of one Dockerfile.
    is_clear: bool,
}

/// Weighs the references.
///
/// A reference is evidence for the prefix P if it reads `P/n` with no tag or `latest` (for an image with a
/// tag prefix: that prefix), n is a NAME here, and not that of the Dockerfile it stands in. P is refused if
/// it is a well-known publisher's and no word of the origin is in it, or if every n is the NAME of several. The P with
/// the most distinct n wins.
/// What tracked files say about tracked ones counts first, so that a new file changes no names; after the
/// distinct n the number of references counts, then the alphabet.
pub(super) fn infer<'a>(
    known: &KnownNames,
    voices: impl Iterator<Item = Voice<'a>>,
    origin: &BTreeSet<String>,
) -> Inference {
    let mut votes: BTreeMap<String, Votes> = BTreeMap::new();
    for Voice { image: from, reference } in voices {
        for (prefix, name) in splits(&reference.reference.repository, known.components) {
            let Some(images) = known.images.get(name) else { continue };
            // It means that image, whatever the namespace is.
            if reference.is_bare && reference.reference.is_latest() && known.bare(name, from).is_some() {
                continue;
            }
            if images.iter().any(|(image, tag_prefix)| *image == from && tag_prefix.is_none()) {
                continue;
            }
            let fits = |tag_prefix: &Option<String>| match tag_prefix {
                None => reference.reference.is_latest(),
                Some(tag_prefix) => {
                    reference.reference.digest.is_none()
                        && reference.reference.tag.as_ref().is_some_and(|tag| tag.as_str() == tag_prefix)
                }
            };
            let Some((image, _)) = images.iter().find(|(image, prefix)| *image != from && fits(prefix))
            else {
                continue;
            };
            let votes = votes.entry(prefix).or_default();
            votes.names.insert(name.to_owned());
            votes.is_clear |= known.is_one(images);
            if known.firm.contains(&from) && known.firm.contains(image) {
                votes.firm_names.insert(name.to_owned());
            }
            votes.evidence.push(Evidence { image: *image, reference: reference.clone() });
        }
    }
    let mut inference = Inference::default();
    let refused = |prefix: &str| is_publisher(prefix) && !is_own(prefix, origin);
    let winner = votes
        .iter()
        .filter(|(prefix, votes)| votes.is_clear && !refused(prefix) && prefix.len() <= LONGEST_NAMESPACE)
        .max_by_key(|(prefix, votes)| {
            (
                votes.firm_names.len(),
                votes.names.len(),
                votes.evidence.len(),
                std::cmp::Reverse(prefix.as_str()),
            )
        })
        .map(|(prefix, _)| prefix.clone());
    for (prefix, votes) in votes {
        if winner.as_deref() == Some(prefix.as_str()) {
            inference.winner = Some(familiar(&prefix));
        } else {
            let refused = refused(&prefix);
            let prefix = familiar(&prefix);
            let Votes { evidence, is_clear, .. } = votes;
            inference.others.push(Candidature { prefix, evidence, refused, unclear: !is_clear });
        }
    }
    inference
}

/// All the ways to read a repository as prefix (with registry) and name of up to `components` parts.
fn splits(repository: &Repository, components: usize) -> impl Iterator<Item = (String, &str)> {
    let path = repository.path();
    let inner = path
        .rmatch_indices('/')
        .take(components)
        .map(move |(slash, _)| (format!("{}/{}", repository.host(), &path[..slash]), &path[slash + 1..]));
    // A registry's host alone is a namespace too, but for Docker Hub, whose images all have one.
    let whole = (repository.host() != "docker.io" && path.split('/').count() <= components)
        .then(|| (repository.host().to_owned(), path));
    inner.chain(whole)
}

/// Without Docker Hub's host, unless it is needed.
fn familiar(prefix: &str) -> String {
    match prefix.strip_prefix("docker.io/") {
        Some(rest) if rest != "library" => rest.to_owned(),
        _ => prefix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_namespace_is_checked() {
        let given = |value: &str| Namespace::given(value, NamespaceSource::Flag).map(|ns| ns.canonical());
        assert_eq!(given("acme"), Ok("docker.io/acme".into()));
        assert_eq!(given(" quay.io/acme/team/ "), Ok("quay.io/acme/team".into()));
        assert_eq!(given("localhost:5000"), Ok("localhost:5000".into()));
        assert_eq!(given("docker.io/library"), Ok("docker.io/library".into()));
        for wrong in ["", " ", "/", "Acme", "a b", "acme:x", "-x", &"n".repeat(121)] {
            assert!(given(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_checkouts_name_is_never_a_host_or_somebody_elses() {
        for (name, namespace) in [
            ("Shop", "shop"),
            ("r.j3ss.co", "r-j3ss-co"),
            ("localhost", "localhost-checkout"),
            ("library", "library-checkout"),
            ("bitnami", "bitnami-checkout"),
            ("日本", "image"),
        ] {
            assert_eq!(Namespace::of_checkout(name).value, namespace);
        }
        let long = Namespace::of_checkout(&"n".repeat(400));
        assert!(long.repository(&"x".repeat(super::super::words::LONGEST_NAME)).is_some());
    }

    #[test]
    fn every_way_to_split_a_repository() {
        let of = |text: &str, components| {
            let repository = Repository::new(text).expect("valid");
            splits(&repository, components).map(|(p, n)| format!("{p} {n}")).collect::<Vec<_>>()
        };
        assert_eq!(of("alpine", 1), ["docker.io/library alpine"]);
        assert_eq!(of("acme/api", 1), ["docker.io/acme api"]);
        assert_eq!(of("acme/api", 2), ["docker.io/acme api"]);
        assert_eq!(of("r.j3ss.co/chrome", 1), ["r.j3ss.co chrome"]);
        assert_eq!(of("quay.io/a/b", 1), ["quay.io/a b"]);
        assert_eq!(of("quay.io/a/b", 2), ["quay.io/a b", "quay.io a/b"]);
    }
}
