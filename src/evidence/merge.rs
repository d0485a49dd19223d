use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::rank::Rank;
use super::{Claim, ClaimedName, NamedContext, Place, Said};
use crate::diagnostic::{Diagnostic, Location};
use crate::image::Platform;
use crate::path::TreePath;

/// What is said of one image, each thing by the strongest claim that says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// What it is called; the tag is part of that only where several images share the repository.
    pub name: Option<Said<ClaimedName>>,
    pub context: Option<Said<TreePath>>,
    pub target: Option<Said<String>>,
    pub args: BTreeMap<String, Said<String>>,
    pub platforms: Vec<Said<Platform>>,
    pub contexts: BTreeMap<String, Said<NamedContext>>,
    /// Tags, besides those that follow anyway, by which the same files refer to it.
    pub tags: BTreeSet<String>,
    /// Where the claims are, the strongest first.
    pub places: Vec<Place>,
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
/// be those of a development build.
pub(crate) fn merge(claims: Vec<Claim>) -> Accounts {
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
    part_equal_names(&mut drafts, &mut diagnostics);
    let mut of: BTreeMap<TreePath, Vec<Account>> = BTreeMap::new();
    for draft in drafts {
        of.entry(draft.dockerfile).or_default().push(draft.account);
    }
    Accounts { of, diagnostics }
}

/// An account in the making.
struct Draft {
    dockerfile: TreePath,
    account: Account,
    /// Of the claim that gave the name.
    rank: Rank,
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
    let mut drafts: Vec<(Option<Identity>, Draft)> = Vec::new();
    for claim in named {
        let Some(name) = &claim.name else { continue };
        let identity = families.identity(&name.value);
        let rank = Rank::of(&claim);
        let same = drafts.iter().position(|(known, _)| known.as_ref() == Some(&identity));
        match same {
            Some(at) => drafts[at].1.account.take(claim, families),
            None if drafts.first().is_some_and(|(_, first)| first.is_only_called_so(&claim, &rank)) => {
                diagnostics.push(also_called(&drafts[0].1.account, &claim));
            }
            None => {
                let mut account = Account::default();
                account.take(claim, families);
                drafts.push((Some(identity), Draft { dockerfile: dockerfile.clone(), account, rank }));
            }
        }
    }
    let is_named = !drafts.is_empty();
    for claim in unnamed {
        match drafts.first_mut() {
            Some((_, first)) if is_named => first.account.take_context(claim),
            Some((_, first)) => first.account.take(claim, families),
            None => {
                let rank = Rank::of(&claim);
                let mut account = Account::default();
                account.take(claim, families);
                drafts.push((None, Draft { dockerfile: dockerfile.clone(), account, rank }));
            }
        }
    }
    drafts.into_iter().map(|(_, draft)| draft).collect()
}

impl Draft {
    /// Whether a claim only has another name for this image: one of a weaker kind that has no namespace, or that
    /// builds the same.
    fn is_only_called_so(&self, claim: &Claim, rank: &Rank) -> bool {
        let is_weaker = !rank.is_of_kind(&self.rank);
        let has_namespace = claim
            .name
            .as_ref()
            .is_some_and(|name| !name.value.is_whole || name.value.repository.contains('/'));
        let account = &self.account;
        let same = |said: &Option<Said<String>>, other: &Option<Said<String>>| {
            said.as_ref().map(|said| &said.value) == other.as_ref().map(|said| &said.value)
        };
        let args = |args: &BTreeMap<String, Said<String>>| -> Vec<(String, String)> {
            args.iter().map(|(name, said)| (name.clone(), said.value.clone())).collect()
        };
        let builds_the_same =
            same(&account.target, &claim.target) && args(&account.args) == args(&claim.args);
        is_weaker && (!has_namespace || builds_the_same)
    }
}

impl Account {
    /// Takes from a weaker claim what nothing was said about.
    fn take(&mut self, claim: Claim, families: &Families) {
        if let Some(name) = &claim.name {
            self.tags.extend(name.value.tag.clone());
        }
        let name =
            claim.name.map(|name| Said { value: families.without_plain_tag(name.value), place: name.place });
        // A name that is known in part says less than a whole one.
        let is_better = |old: &Said<ClaimedName>| {
            !old.value.is_whole && name.as_ref().is_some_and(|name| name.value.is_whole)
        };
        if self.name.as_ref().is_none_or(is_better) {
            self.name = name.or(self.name.take());
        }
        self.target = self.target.take().or(claim.target);
        for (name, value) in claim.args {
            self.args.entry(name).or_insert(value);
        }
        if self.platforms.is_empty() {
            self.platforms = claim.platforms;
        }
        for (name, context) in claim.contexts {
            self.contexts.entry(name).or_insert(context);
        }
        self.context = self.context.take().or(claim.context);
        self.places.push(claim.place);
    }

    fn take_context(&mut self, claim: Claim) {
        if self.context.is_none() && claim.context.is_some() {
            self.context = claim.context;
            self.places.push(claim.place);
        }
    }
}

/// Repositories that several images share, each under a tag of its own: `php:8.2` and `php:8.3`.
struct Families(BTreeSet<String>);

impl Families {
    fn of(claims: &[Claim]) -> Self {
        type Build<'a> = (&'a TreePath, Option<&'a str>, Vec<(&'a str, &'a str)>);
        let mut tags: HashMap<&str, BTreeMap<&str, BTreeSet<Build<'_>>>> = HashMap::new();
        for claim in claims {
            let Some(name) = &claim.name else { continue };
            let Some(tag) = name.value.tag.as_deref().filter(|tag| !is_plain(tag)) else { continue };
            let args = claim.args.iter().map(|(name, value)| (&**name, &*value.value)).collect();
            let build = (&claim.dockerfile, claim.target.as_ref().map(|target| &*target.value), args);
            tags.entry(&name.value.repository).or_default().entry(tag).or_default().insert(build);
        }
        // Where one build has several tags, they are versions of it and not images.
        let is_family = |tags: &BTreeMap<&str, BTreeSet<Build<'_>>>| {
            let builds: BTreeSet<&Build<'_>> = tags.values().flatten().collect();
            tags.len() > 1 && builds.len() >= tags.len()
        };
        Self(tags.into_iter().filter(|(_, tags)| is_family(tags)).map(|(name, _)| name.to_owned()).collect())
    }

    fn without_plain_tag(&self, name: ClaimedName) -> ClaimedName {
        let counts = self.0.contains(&name.repository);
        ClaimedName { tag: name.tag.filter(|tag| counts && !is_plain(tag)), ..name }
    }

    fn identity(&self, name: &ClaimedName) -> Identity {
        let last = name.repository.rsplit('/').next().unwrap_or_default().to_owned();
        (last, self.without_plain_tag(name.clone()).tag)
    }
}

/// Whether a tag tells when or for what an image was made, and not which of several it is.
fn is_plain(tag: &str) -> bool {
    const WORDS: [&str; 24] = [
        "latest",
        "dev",
        "devel",
        "develop",
        "development",
        "main",
        "master",
        "trunk",
        "stable",
        "edge",
        "nightly",
        "local",
        "test",
        "testing",
        "prod",
        "production",
        "staging",
        "debug",
        "current",
        "snapshot",
        "ci",
        "next",
        "build",
        "release",
    ];
    WORDS.contains(&&*tag.to_ascii_lowercase())
}

/// Two images of one name cannot both have it: an error where one file says so, else the stronger claim's has it.
fn part_equal_names(drafts: &mut [Draft], diagnostics: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<(String, Option<String>), Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        if let Some(name) = &draft.account.name {
            owners.entry((name.value.repository.clone(), name.value.tag.clone())).or_default().push(at);
        }
    }
    for mut images in owners.into_values().filter(|images| images.len() > 1) {
        images.sort_by(|a, b| drafts[*a].rank.cmp(&drafts[*b].rank));
        let Some(first) = drafts[images[0]].account.name.clone() else { continue };
        for at in &images[1..] {
            let Some(name) = drafts[*at].account.name.take() else { continue };
            diagnostics.push(name_is_taken(&drafts[*at].dockerfile, &name, &first));
        }
    }
}

fn location(place: &Place) -> Location {
    Location { path: place.path.clone(), span: None, line: Some(place.line) }
}

fn name_is_taken(dockerfile: &TreePath, name: &Said<ClaimedName>, first: &Said<ClaimedName>) -> Diagnostic {
    let repository = &name.value.repository;
    let message = format!("{dockerfile} is not called {repository} here: that is the name of another image");
    let diagnostic = if name.place.path == first.place.path {
        Diagnostic::error(message)
    } else {
        Diagnostic::note(message)
    };
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
mod tests {
    use super::super::Kind;
    use super::*;

    fn place(path: &str, line: usize) -> Place {
        Place { path: path.into(), line }
    }

    struct Maker(Claim);

    fn claim(kind: Kind, path: &str, line: usize, dockerfile: &str) -> Maker {
        Maker(Claim::new(kind, place(path, line), dockerfile.into()))
    }

    impl Maker {
        fn said<T>(&self, value: T) -> Said<T> {
            Said { value, place: self.0.place.clone() }
        }

        fn name(mut self, text: &str) -> Self {
            let name = ClaimedName::of(&text.into()).expect("a name");
            self.0.name = Some(self.said(name));
            self
        }

        fn target(mut self, target: &str) -> Self {
            self.0.target = Some(self.said(target.to_owned()));
            self
        }

        fn arg(mut self, name: &str, value: &str) -> Self {
            let value = self.said(value.to_owned());
            self.0.args.insert(name.to_owned(), value);
            self
        }

        fn context(mut self, context: &str) -> Self {
            self.0.context = Some(self.said(context.into()));
            self
        }
    }

    /// `DOCKERFILE NAME[:TAG] TARGET CONTEXT` of each image, with `-` for what is not said.
    fn merged(claims: Vec<Maker>) -> (Vec<String>, Vec<String>) {
        let accounts = merge(claims.into_iter().map(|maker| maker.0).collect());
        let line = |(dockerfile, account): (&TreePath, &Account)| {
            let name = account.name.as_ref().map_or("-".to_owned(), |name| {
                let tag = name.value.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
                format!("{}{tag}", name.value.repository)
            });
            let target = account.target.as_ref().map_or("-", |target| &target.value);
            let context = account.context.as_ref().map_or("-".to_owned(), |context| context.value.to_text());
            format!("{dockerfile} {name} {target} {context}")
        };
        let images = accounts.of.iter().flat_map(|(path, of)| of.iter().map(move |account| (path, account)));
        let notes = accounts
            .diagnostics
            .iter()
            .map(|found| format!("{}: {}", found.severity.as_str(), found.message));
        (images.map(line).collect(), notes.collect())
    }

    #[test]
    fn one_name_is_merged_field_by_field_in_the_order_of_kinds() {
        let (images, notes) = merged(vec![
            claim(Kind::Script, "build.sh", 2, "api/Dockerfile")
                .name("acme/api")
                .target("script")
                .context("script"),
            claim(Kind::Compose, "compose.yaml", 4, "api/Dockerfile")
                .name("ghcr.io/acme/api:dev")
                .context("api"),
            claim(Kind::Workflow, ".github/workflows/x.yml", 1, "api/Dockerfile")
                .name("acme/api")
                .target("prod"),
        ]);
        assert_eq!(images, ["api/Dockerfile ghcr.io/acme/api prod api"]);
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn other_names_are_other_images() {
        let (images, _) = merged(vec![
            claim(Kind::Compose, "compose.yaml", 9, "Dockerfile").name("acme/worker").target("worker"),
            claim(Kind::Compose, "compose.yaml", 4, "Dockerfile").name("acme/api").target("api"),
        ]);
        assert_eq!(images, ["Dockerfile acme/api api -", "Dockerfile acme/worker worker -"]);
    }

    #[test]
    fn a_weaker_name_for_the_same_build_or_without_a_namespace_is_no_image() {
        let (images, notes) = merged(vec![
            claim(Kind::Compose, "compose.yaml", 4, "Dockerfile").name("acme/api").target("api"),
            claim(Kind::Makefile, "Makefile", 4, "Dockerfile").name("acme/api-next").target("api"),
            claim(Kind::Script, "t.sh", 4, "Dockerfile").name("test").target("test"),
            claim(Kind::Script, "w.sh", 4, "Dockerfile").name("acme/worker").target("worker"),
        ]);
        assert_eq!(images, ["Dockerfile acme/api api -", "Dockerfile acme/worker worker -"]);
        assert_eq!(
            notes,
            [
                "note: Dockerfile is called acme/api, and acme/api-next elsewhere",
                "note: Dockerfile is called acme/api, and test elsewhere",
            ]
        );
    }

    #[test]
    fn a_claim_without_a_name_says_all_of_a_nameless_image_and_the_context_of_others() {
        let (images, _) = merged(vec![
            claim(Kind::Compose, "compose.yaml", 4, "a/Dockerfile").target("dev").context("x"),
            claim(Kind::Compose, "compose.yaml", 8, "a/Dockerfile").target("other"),
            claim(Kind::Compose, "compose.yaml", 9, "b/Dockerfile").target("dev").context("y"),
            claim(Kind::Script, "build.sh", 9, "b/Dockerfile").name("acme/b"),
        ]);
        assert_eq!(images, ["a/Dockerfile - dev x", "b/Dockerfile acme/b - y"]);
    }

    #[test]
    fn tags_are_part_of_a_name_where_several_images_share_the_repository() {
        let php = |line, version: &str| {
            claim(Kind::Bake, "docker-bake.hcl", line, "php/Dockerfile")
                .name(&format!("acme/php:{version}"))
                .arg("VERSION", version)
        };
        let (images, _) = merged(vec![
            php(1, "8.2"),
            php(9, "8.3"),
            claim(Kind::Bake, "docker-bake.hcl", 20, "api/Dockerfile").name("acme/api:1.4"),
        ]);
        assert_eq!(
            images,
            [
                "api/Dockerfile acme/api - -",
                "php/Dockerfile acme/php:8.2 - -",
                "php/Dockerfile acme/php:8.3 - -"
            ]
        );
    }

    #[test]
    fn several_versions_of_one_build_are_one_image() {
        let (images, _) = merged(vec![
            claim(Kind::Compose, "compose.yaml", 1, "api/Dockerfile").name("acme/api:1.4"),
            claim(Kind::Script, "build.sh", 1, "api/Dockerfile").name("acme/api:1.5"),
        ]);
        assert_eq!(images, ["api/Dockerfile acme/api - -"]);
    }

    #[test]
    fn of_two_images_of_one_name_the_stronger_has_it() {
        let (images, notes) = merged(vec![
            claim(Kind::Script, "build.sh", 1, "a/Dockerfile").name("acme/api"),
            claim(Kind::Compose, "compose.yaml", 1, "b/Dockerfile").name("acme/api"),
        ]);
        assert_eq!(images, ["a/Dockerfile - - -", "b/Dockerfile acme/api - -"]);
        assert_eq!(
            notes,
            ["note: a/Dockerfile is not called acme/api here: that is the name of another image"]
        );
        let same = |line, dockerfile| claim(Kind::Compose, "compose.yaml", line, dockerfile).name("acme/api");
        let (_, notes) = merged(vec![same(1, "a/Dockerfile"), same(5, "b/Dockerfile")]);
        assert!(notes[0].starts_with("error: b/Dockerfile"), "{notes:?}");
    }
}
