use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::rank::Rank;
use super::{Claim, ClaimedName, Kind, NamedContext, Place, Said};
use crate::diagnostic::{Diagnostic, Location};
use crate::image::Platform;
use crate::limits;
use crate::path::TreePath;

/// What is said of one image, each thing by the strongest claim that says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// What it is called; the tag is part of that only where several images share the repository.
    pub name: Option<Said<ClaimedName>>,
    pub context: Option<Said<TreePath>>,
    pub target: Option<Said<String>>,
    pub args: BTreeMap<String, Said<String>>,
    /// Arguments that commands leave variable, with the files in which they stand: what else a file says of them is said
    /// of another build.
    pub open_args: BTreeSet<(String, TreePath)>,
    pub platforms: Vec<Said<Platform>>,
    pub contexts: BTreeMap<String, Said<NamedContext>>,
    /// Tags, besides those that follow anyway, by which the same files refer to it.
    pub tags: BTreeSet<String>,
    /// The one file within which references mean it: what is built elsewhere starts from the published image.
    pub scope: Option<TreePath>,
    /// Where the claims are, the strongest first.
    pub places: Vec<Place>,
    /// The files without which they might say something else.
    pub rests_on: BTreeSet<TreePath>,
}

/// What is said of the images of a checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    /// By Dockerfile; the image that keeps the plain name stands first. Never an empty list.
    pub of: BTreeMap<TreePath, Vec<Account>>,
    /// What was said and is not believed; errors where one file contradicts itself.
    pub diagnostics: Vec<Diagnostic>,
}

/// Weighs claims against each other.
///
/// Claims under one name on one Dockerfile are one image. Other names are other images, but for a name without a
/// namespace, or one of the same build, that only files of a weaker kind give. A claim without a name says what it
/// knows of a Dockerfile that no other names; of others it says the context alone, since its target and arguments may
/// be those of a development build. Of two Dockerfiles with one name the one that does not stand `aside` has it.
pub(crate) fn merge(mut claims: Vec<Claim>, aside: &BTreeSet<TreePath>) -> Accounts {
    forget_shared_names(&mut claims);
    let families = Families::of(&claims);
    let mut by_dockerfile: BTreeMap<TreePath, Vec<Claim>> = BTreeMap::new();
    for claim in claims {
        by_dockerfile.entry(claim.dockerfile.clone()).or_default().push(claim);
    }
    let mut drafts: Vec<Draft> = Vec::new();
    let mut diagnostics = Vec::new();
    for (dockerfile, mut claims) in by_dockerfile {
        claims.sort_by_cached_key(Rank::of);
        drafts.extend(merge_one(&dockerfile, claims, &families, &mut diagnostics));
    }
    part_equal_names(&mut drafts, aside, &mut diagnostics);
    let mut of: BTreeMap<TreePath, Vec<Account>> = BTreeMap::new();
    for draft in drafts {
        of.entry(draft.dockerfile).or_default().push(draft.account);
    }
    Accounts { of, diagnostics }
}

/// A name that one place gives to several Dockerfiles has a variable where they differ: it is none of theirs.
fn forget_shared_names(claims: &mut [Claim]) {
    let mut owners: HashMap<(Place, ClaimedName), BTreeSet<TreePath>> = HashMap::new();
    for claim in claims.iter() {
        if let Some(name) = &claim.name {
            let key = (name.place.clone(), name.value.clone());
            owners.entry(key).or_default().insert(claim.dockerfile.clone());
        }
    }
    for claim in claims {
        let is_shared =
            |name: &Said<ClaimedName>| owners[&(name.place.clone(), name.value.clone())].len() > 1;
        claim.name = claim.name.take().filter(|name| !is_shared(name));
    }
}

/// An account in the making.
struct Draft {
    dockerfile: TreePath,
    account: Account,
    identity: Option<Identity>,
    /// What its claims call it.
    repositories: BTreeSet<String>,
    /// Of the first claim.
    rank: Rank,
    /// The tag of the first claim, if it is not that of what is published.
    tag: Option<String>,
}

/// What tells images of one Dockerfile apart: the last part of the repository, and the tag where it counts.
type Identity = (String, Option<String>);

fn merge_one(
    dockerfile: &TreePath,
    claims: Vec<Claim>,
    families: &Families,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Draft> {
    let (named, unnamed): (Vec<Claim>, Vec<Claim>) =
        claims.into_iter().partition(|claim| claim.name.is_some());
    let mut drafts: Vec<Draft> = Vec::new();
    let mut known = Known::default();
    for claim in named {
        let Some(name) = &claim.name else { continue };
        let identity = families.identity(&name.value);
        let repository = name.value.repository.clone();
        let candidates = known.candidates(&identity, &repository);
        let same = candidates.into_iter().find(|at| drafts[*at].is_of(&identity, &claim));
        match same {
            Some(at) => {
                known.add(&identity, repository, at);
                drafts[at].hear(claim, families);
            }
            None if drafts.first().is_some_and(|first| first.is_only_called_so(&claim)) => {
                diagnostics.push(also_called(&drafts[0].account, &claim));
            }
            None => {
                known.add(&identity, repository, drafts.len());
                drafts.push(Draft::new(dockerfile, Some(identity), claim, families));
            }
        }
    }
    let is_named = !drafts.is_empty();
    for claim in unnamed {
        match drafts.first_mut() {
            Some(first) if is_named => first.account.take_context(&claim),
            Some(first) => first.account.take(claim, families),
            None => drafts.push(Draft::new(dockerfile, None, claim, families)),
        }
    }
    drafts
}

/// Drafts of one Dockerfile by what they are called.
#[derive(Default)]
struct Known {
    by_identity: HashMap<Identity, Vec<usize>>,
    by_repository: HashMap<(Identity, String), usize>,
}

impl Known {
    /// The drafts that a claim may be about: the first that has its very name, and some with its last part.
    fn candidates(&self, identity: &Identity, repository: &str) -> Vec<usize> {
        let similar = self.by_identity.get(identity).into_iter().flatten().copied();
        let mut candidates: Vec<usize> = similar.take(limits::EVIDENCE_NAMESAKES).collect();
        candidates.extend(self.by_repository.get(&(identity.clone(), repository.to_owned())));
        candidates.sort_unstable();
        candidates
    }

    fn add(&mut self, identity: &Identity, repository: String, at: usize) {
        let similar = self.by_identity.entry(identity.clone()).or_default();
        if similar.last().is_none_or(|last| *last < at) {
            similar.push(at);
        }
        self.by_repository.entry((identity.clone(), repository)).or_insert(at);
    }
}

impl Draft {
    fn new(dockerfile: &TreePath, identity: Option<Identity>, claim: Claim, families: &Families) -> Self {
        let (rank, tag) = (Rank::of(&claim), claim.other_tag().map(str::to_owned));
        let repositories = claim.name.iter().map(|name| name.value.repository.clone()).collect();
        let mut account = Account::default();
        account.take(claim, families);
        Self { dockerfile: dockerfile.clone(), account, identity, repositories, rank, tag }
    }

    /// Whether a claim of this identity is about this image. Two whole names that differ, of two registries or two
    /// owners, are one image's if they build the same.
    fn is_of(&self, identity: &Identity, claim: &Claim) -> bool {
        let is_part = |said: &Said<ClaimedName>| !said.value.is_whole;
        let is_one_name = || {
            claim
                .name
                .as_ref()
                .is_none_or(|name| is_part(name) || self.repositories.contains(&name.value.repository))
                || self.account.name.as_ref().is_none_or(is_part)
        };
        self.identity.as_ref() == Some(identity) && (is_one_name() || self.account.agrees_with(claim))
    }

    /// Takes what a weaker claim says. One of another version, `node:beta` or `node:dev`, may have other arguments.
    fn hear(&mut self, claim: Claim, families: &Families) {
        self.repositories.extend(claim.name.iter().map(|name| name.value.repository.clone()));
        let is_other_version = claim.other_tag().is_some_and(|tag| self.tag.as_deref() != Some(tag));
        if is_other_version {
            self.account.take_context(&claim);
        } else {
            self.account.take(claim, families);
        }
    }

    /// Whether a claim only has another name for this image: one of a weaker kind that has no namespace, or that
    /// builds the same.
    fn is_only_called_so(&self, claim: &Claim) -> bool {
        let is_weaker = !Rank::of(claim).is_of_kind(&self.rank);
        let has_namespace = claim
            .name
            .as_ref()
            .is_some_and(|name| !name.value.is_whole || name.value.repository.contains('/'));
        is_weaker && (!has_namespace || self.account.builds_the_same(claim))
    }
}

fn value<T>(said: Option<&Said<T>>) -> Option<&T> {
    said.map(|said| &said.value)
}

impl Account {
    /// Whether a claim says nothing else than this about what is built.
    fn agrees_with(&self, claim: &Claim) -> bool {
        let is_same = |name: &String, other: &Said<String>| {
            value(self.args.get(name)).is_none_or(|known| *known == other.value)
        };
        let targets = (value(self.target.as_ref()), value(claim.target.as_ref()));
        let is_same_target = matches!(targets, (Some(known), Some(other)) if known == other)
            || matches!(targets, (None, _) | (_, None));
        is_same_target && claim.args.iter().all(|(name, other)| is_same(name, other))
    }

    fn builds_the_same(&self, claim: &Claim) -> bool {
        let args = |args: &BTreeMap<String, Said<String>>| -> Vec<(String, String)> {
            args.iter().map(|(name, said)| (name.clone(), said.value.clone())).collect()
        };
        value(self.target.as_ref()) == value(claim.target.as_ref()) && args(&self.args) == args(&claim.args)
    }

    /// Takes from a weaker claim what nothing was said about.
    fn take(&mut self, claim: Claim, families: &Families) {
        let (is_first, kind) = (self.places.is_empty(), claim.kind);
        self.rests_on.extend(claim.files().cloned());
        let is_its =
            |name: &&Said<ClaimedName>| name.value.has_whole_tag && (is_first || self.agrees_with(&claim));
        let tag = claim.name.as_ref().filter(is_its).and_then(|name| name.value.tag.clone());
        let is_named_so = claim.name.is_some() && (is_first || self.agrees_with(&claim));
        self.tags.extend(tag);
        if is_named_so {
            self.tags.extend(claim.tags);
        }
        let name = claim.name.map(|name| Said { value: families.named(name.value), place: name.place });
        // A name that is known in part says less than a whole one.
        let is_better = |old: &Said<ClaimedName>| {
            !old.value.is_whole && name.as_ref().is_some_and(|name| name.value.is_whole)
        };
        if self.name.as_ref().is_none_or(is_better) {
            self.scope = name.as_ref().filter(|_| kind == Kind::ImageBuilder).map(|it| it.place.path.clone());
            self.name = name.or(self.name.take());
        }
        self.target = self.target.take().or(claim.target);
        let file = &claim.place.path;
        for (name, value) in claim.args {
            if !self.open_args.contains(&(name.clone(), file.clone())) {
                self.args.entry(name).or_insert(value);
            }
        }
        let open = claim.open_args.into_iter().filter(|name| !self.args.contains_key(name));
        self.open_args.extend(open.map(|name| (name, file.clone())).collect::<Vec<_>>());
        if self.platforms.is_empty() {
            self.platforms = claim.platforms;
        }
        for (name, context) in claim.contexts {
            self.contexts.entry(name).or_insert(context);
        }
        self.context = self.context.take().or(claim.context);
        self.places.push(claim.place);
    }

    fn take_context(&mut self, claim: &Claim) {
        if self.context.is_none() && claim.context.is_some() {
            self.context.clone_from(&claim.context);
            self.places.push(claim.place.clone());
            self.rests_on.extend(claim.files().cloned());
        }
    }
}

/// Repositories that several images share, each under a tag of its own: `php:8.2` and `php:8.3`.
struct Families {
    shared: BTreeSet<String>,
    /// Words that are a tag of one Dockerfile alone, where others have the repository under other tags: `app:dev`.
    words: BTreeSet<(String, String)>,
}

impl Families {
    fn of(claims: &[Claim]) -> Self {
        /// Where platforms have tags of their own, they are images.
        type Build<'a> = (&'a TreePath, Option<&'a String>, Vec<(&'a str, &'a str)>, Option<&'a Platform>);
        let mut tags: HashMap<&str, BTreeMap<&str, BTreeSet<Build<'_>>>> = HashMap::new();
        for claim in claims {
            let Some(name) = &claim.name else { continue };
            let Some(tag) = name.value.telling_tag() else { continue };
            let args = claim.args.iter().map(|(name, value)| (&**name, &*value.value)).collect();
            let own = claim.platforms.first().filter(|_| claim.kind == Kind::ImageBuilder);
            let build = (&claim.dockerfile, value(claim.target.as_ref()), args, value(own));
            tags.entry(name.value.last()).or_default().entry(tag).or_default().insert(build);
        }
        // Where one build has several tags, they are versions of it and not images.
        let is_family = |tags: &BTreeMap<&str, BTreeSet<Build<'_>>>| {
            let builds: BTreeSet<&Build<'_>> = tags.values().flatten().collect();
            tags.len() > 1 && builds.len() >= tags.len()
        };
        let families = tags.into_iter().filter(|(_, tags)| is_family(tags)).map(|(name, _)| name);
        let of_folders = claims.iter().filter(|claim| is_of_version_folder(claim));
        let named = of_folders.filter_map(|claim| claim.name.as_ref()).map(|name| name.value.last());
        Self { shared: families.chain(named).map(str::to_owned).collect(), words: Self::words(claims) }
    }

    fn words(claims: &[Claim]) -> BTreeSet<(String, String)> {
        let mut tags: BTreeMap<&str, BTreeMap<Option<&str>, BTreeSet<&TreePath>>> = BTreeMap::new();
        for claim in claims {
            let Some(name) = &claim.name else { continue };
            let of_name = tags.entry(&*name.value.repository).or_default();
            of_name.entry(name.value.word()).or_default().insert(&claim.dockerfile);
        }
        let words = tags.into_iter().flat_map(|(name, tags)| {
            let is_its_own = |word: &str, dockerfiles: &BTreeSet<&TreePath>| {
                let mut others = tags.iter().filter(|(other, _)| **other != Some(word)).peekable();
                others.peek().is_some() && others.all(|(_, others)| others.is_disjoint(dockerfiles))
            };
            let own = tags.iter().filter_map(|(word, dockerfiles)| {
                word.filter(|word| dockerfiles.len() == 1 && is_its_own(word, dockerfiles))
            });
            own.map(|word| (name.to_owned(), word.to_owned())).collect::<Vec<_>>()
        });
        words.collect()
    }

    /// The name, with the tag only if that tells it from others.
    fn named(&self, name: ClaimedName) -> ClaimedName {
        let (_, tag) = self.identity(&name);
        ClaimedName { tag, ..name }
    }

    fn identity(&self, name: &ClaimedName) -> Identity {
        let is_own = |word: &&str| self.words.contains(&(name.repository.clone(), (*word).to_owned()));
        let tag = name.telling_tag().filter(|_| self.shared.contains(name.last()));
        (name.last().to_owned(), name.word().filter(is_own).or(tag).map(str::to_owned))
    }
}

/// Whether the tag is a version that a folder around the Dockerfile has for its name: others may stand beside it.
fn is_of_version_folder(claim: &Claim) -> bool {
    let is_version = |tag: &&str| tag.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    let tag = claim.name.as_ref().and_then(|name| name.value.telling_tag()).filter(is_version);
    tag.is_some_and(|tag| claim.dockerfile.parent().unwrap_or_default().components().any(|name| name == tag))
}

/// Two images of one name cannot both have it: an error where one file says so, else the stronger claim's has it.
fn part_equal_names(drafts: &mut [Draft], aside: &BTreeSet<TreePath>, diagnostics: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<(String, Option<String>), Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        if let Some(name) = &draft.account.name {
            owners.entry((name.value.repository.clone(), name.value.tag.clone())).or_default().push(at);
        }
    }
    for mut images in owners.into_values().filter(|images| images.len() > 1) {
        let is_aside = |at: usize| aside.contains(&drafts[at].dockerfile);
        images.sort_by_key(|at| (is_aside(*at), drafts[*at].rank.clone()));
        let Some(first) = drafts[images[0]].account.name.clone() else { continue };
        for at in &images[1..] {
            let Some(name) = drafts[*at].account.name.take() else { continue };
            let is_one_file = name.place.path == first.place.path;
            let is_certain =
                is_one_file && drafts[*at].rank.is_declared() && !aside.contains(&drafts[*at].dockerfile);
            diagnostics.push(name_is_taken(&drafts[*at].dockerfile, &name, &first, is_certain));
        }
    }
}

fn location(place: &Place) -> Location {
    Location { path: place.path.clone(), span: None, line: Some(place.line) }
}

fn name_is_taken(
    dockerfile: &TreePath,
    name: &Said<ClaimedName>,
    first: &Said<ClaimedName>,
    is_certain: bool,
) -> Diagnostic {
    let repository = &name.value.repository;
    let message = format!("{dockerfile} is not called {repository} here: that is the name of another image");
    let diagnostic = if is_certain { Diagnostic::error(message) } else { Diagnostic::note(message) };
    diagnostic
        .at(location(&name.place))
        .related(location(&first.place), "the other image")
        .hint("`names` in shipwright.toml gives each a name of its own")
}

fn also_called(account: &Account, claim: &Claim) -> Diagnostic {
    let name = |said: &Option<Said<ClaimedName>>| {
        said.as_ref().map(|name| name.value.repository.clone()).unwrap_or_default()
    };
    let (first, other) = (name(&account.name), name(&claim.name));
    let message = format!("{} is called {first}, and {other} elsewhere", claim.dockerfile);
    Diagnostic::note(message).at(location(&claim.place))
}

#[cfg(test)]
mod tests;
