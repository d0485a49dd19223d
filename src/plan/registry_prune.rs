//! Which tags of registries nothing needs any more.

use std::collections::{BTreeMap, BTreeSet};

use super::prune::Needs;
use crate::git::CommitId;
use crate::image::{ContentKey, Digest, Platform, Repository, Tag};

/// A manifest or index of a registry, with all its tags.
#[derive(Clone, Debug)]
pub(crate) struct RegistryImage {
    /// What the tags stand on; none where nobody asked, because none of them may go.
    pub digest: Option<Digest>,
    pub tags: Vec<Tag>,
    /// The manifests that it lists, if it is an index.
    pub children: Vec<Digest>,
    /// What it says of itself, where that was asked.
    pub says: Option<Says>,
}

impl RegistryImage {
    /// Of which only the tags are known.
    pub(crate) fn of_tags(tags: Vec<Tag>) -> Self {
        Self { digest: None, tags, children: Vec::new(), says: None }
    }
}

/// What an image says of itself by its labels, and what this repository knows of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Says {
    /// Its key; none where Shipwright did not make it.
    pub key: Option<ContentKey>,
    pub dockerfile: String,
    pub platforms: Vec<Platform>,
    /// Where the checkout came from that it was built in.
    pub source: String,
    /// The commit that it was made from, and whether this repository has it. A dirty image has none.
    pub revision: Option<(CommitId, bool)>,
    /// Whether this repository is known to have built that key.
    pub is_built_here: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct RegistryRules {
    /// Tags of branches that there are, and of git's tags, each with what it is called.
    pub alive: BTreeMap<String, String>,
    /// Tags that runs of this repository made for branches.
    pub of_branches: BTreeSet<String>,
    /// Tags of branches and pull requests that somebody says are gone.
    pub said_dead: BTreeSet<String>,
    /// What keys were computed for.
    pub platform: Platform,
    /// Where this checkout comes from.
    pub source: Option<String>,
    /// Whether images of commits that are not here count as those of branches that are gone.
    pub unknown_commits: bool,
}

/// What becomes of a manifest and its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryStep {
    /// Where it is.
    pub repository: Repository,
    /// What the tags stand on; none where that was not asked, because none of them may go.
    pub digest: Option<Digest>,
    /// Its content key, where that was asked.
    pub key: Option<ContentKey>,
    /// All its tags, its key's first.
    pub tags: Vec<TagStep>,
}

/// What becomes of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagStep {
    /// The tag.
    pub tag: Tag,
    /// Whether it goes.
    pub removes: bool,
    /// Why.
    pub reason: String,
}

impl RegistryStep {
    /// Whether any tag of it goes.
    pub fn removes_any(&self) -> bool {
        self.tags.iter().any(|tag| tag.removes)
    }

    /// Whether all of it goes.
    pub fn removes_all(&self) -> bool {
        self.tags.iter().all(|tag| tag.removes)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Of a key; with what needs that, if anything does.
    Key(Option<String>),
    Commit,
    Dead,
    /// Never removed, nor what it stands on.
    Kept(String),
}

/// Tags that hold what a deployment may go back to.
const HELD: [&str; 2] = ["current", "previous"];

pub(crate) struct RegistryTags<'a> {
    kinds: BTreeMap<&'a Tag, Kind>,
}

impl<'a> RegistryTags<'a> {
    pub(crate) fn new(tags: &'a [Tag], needs: &Needs, rules: &RegistryRules) -> Self {
        let who: BTreeMap<String, &String> =
            needs.keys.iter().map(|(key, who)| (key.tag().to_string(), who)).collect();
        let prefixes: BTreeSet<&str> = tags.iter().filter_map(key_prefix).collect();
        let kind = |tag: &'a Tag| (tag, kind(tag.as_str(), &prefixes, &who, rules));
        Self { kinds: tags.iter().map(kind).collect() }
    }

    /// Whether anything may go, so that it has to be asked what the tags stand on.
    pub(crate) fn any_may_go(&self) -> bool {
        self.kinds.values().any(|kind| matches!(kind, Kind::Key(None) | Kind::Dead))
    }

    /// Whether it has to be asked what a manifest with these tags says of itself.
    pub(crate) fn may_go(&self, tags: &[Tag]) -> bool {
        let kinds = || tags.iter().filter_map(|tag| self.kinds.get(tag));
        let has_key = kinds().any(|kind| matches!(kind, Kind::Key(_)));
        has_key && (self.whole(tags).is_none() || kinds().any(|kind| *kind == Kind::Dead))
    }

    /// What keeps a manifest with these tags, as far as their names tell.
    fn whole(&self, tags: &[Tag]) -> Option<String> {
        let kinds = || tags.iter().map(|tag| (tag, self.kinds.get(tag)));
        let needed = kinds().find_map(|(_, kind)| match kind {
            Some(Kind::Key(who)) => who.as_ref().map(|who| format!("needed by {who}")),
            _ => None,
        });
        let kept = || {
            kinds().find_map(|(tag, kind)| match kind {
                Some(Kind::Kept(why)) => Some(why.clone()),
                // Somebody has made it since the tags were listed.
                None => Some(format!("{tag} is new")),
                _ => None,
            })
        };
        let keyless = || {
            let has_key = kinds().any(|(_, kind)| matches!(kind, Some(Kind::Key(_))));
            (!has_key).then(|| "it has no key tag".to_owned())
        };
        needed.or_else(kept).or_else(keyless)
    }

    /// Decides about everything in the repository.
    pub(crate) fn decide(
        &self,
        repository: &Repository,
        images: &[RegistryImage],
        needs: &Needs,
        rules: &RegistryRules,
    ) -> Vec<RegistryStep> {
        let mut steps: Vec<RegistryStep> =
            images.iter().map(|image| self.step(repository, image, needs, rules)).collect();
        let kept = images.iter().zip(&steps).filter(|(_, step)| !step.removes_all());
        let children: BTreeMap<&Digest, String> = kept
            .flat_map(|(image, step)| image.children.iter().map(move |child| (child, first_name(step))))
            .collect();
        for step in &mut steps {
            let index = step.digest.as_ref().and_then(|digest| children.get(digest));
            if let (true, Some(index)) = (step.removes_all(), index) {
                keep(step, &format!("{index} has it in its list"));
            }
        }
        steps.sort_by(|a, b| (!a.removes_any(), first_tag(a)).cmp(&(!b.removes_any(), first_tag(b))));
        steps
    }

    fn step(
        &self,
        repository: &Repository,
        image: &RegistryImage,
        needs: &Needs,
        rules: &RegistryRules,
    ) -> RegistryStep {
        let by_name = self.whole(&image.tags);
        let by_content = match &image.says {
            Some(says) => self.objection(&image.tags, says, needs, rules),
            None => Some("it was not asked what it is".to_owned()),
        };
        let whole = by_name.or_else(|| by_content.clone());
        let mut tags = image.tags.clone();
        tags.sort_by_key(|tag| (!matches!(self.kinds.get(tag), Some(Kind::Key(_))), tag.clone()));
        let of_tag = |tag: Tag| {
            let is_dead = self.kinds.get(&tag) == Some(&Kind::Dead);
            let (removes, reason) = match (&whole, &by_content) {
                (None, _) if is_dead => (true, "its branch is gone".to_owned()),
                (None, _) => (true, "nothing needs it".to_owned()),
                (Some(why), None) if is_dead => (true, format!("its branch is gone; the image stays: {why}")),
                (Some(why), _) => (false, why.clone()),
            };
            TagStep { tag, removes, reason }
        };
        RegistryStep {
            repository: repository.clone(),
            digest: image.digest.clone(),
            key: image.says.as_ref().and_then(|says| says.key),
            tags: tags.into_iter().map(of_tag).collect(),
        }
    }

    /// Why an image stays whose tags would let it go.
    fn objection(&self, tags: &[Tag], says: &Says, needs: &Needs, rules: &RegistryRules) -> Option<String> {
        let Some(key) = says.key else { return Some("Shipwright did not make it".to_owned()) };
        let is_its = |tag: &Tag| tag.as_str().ends_with(key.tag().as_str());
        let key_tags = tags.iter().filter(|tag| matches!(self.kinds.get(tag), Some(Kind::Key(_))));
        if let Some(other) = key_tags.into_iter().find(|tag| !is_its(tag)) {
            return Some(format!("{other} is not the tag of its key"));
        }
        let unknown = || {
            let who = needs.dockerfiles.get(&says.dockerfile)?;
            Some(format!("what {who} makes of {} is not known", says.dockerfile))
        };
        unknown().or_else(|| platform_objection(says, rules)).or_else(|| foreign(says, rules))
    }
}

/// Keys were computed for one platform; what other platforms need is not known.
fn platform_objection(says: &Says, rules: &RegistryRules) -> Option<String> {
    if says.platforms.is_empty() {
        return Some("it does not say what it runs on".to_owned());
    }
    let other = says.platforms.iter().find(|platform| !platform.satisfies(&rules.platform))?;
    Some(format!("it is for {other}, and keys were computed for {}", rules.platform))
}

/// Why an image is not this repository's, or not known to be nobody's.
fn foreign(says: &Says, rules: &RegistryRules) -> Option<String> {
    if says.is_built_here {
        return None;
    }
    let is_same = rules.source.as_deref().is_some_and(|own| same_source(own, &says.source));
    if !says.source.is_empty() && !is_same {
        return Some(format!("it was built from {}", says.source));
    }
    match says.revision {
        Some((_, true)) => None,
        Some((_, false)) if rules.unknown_commits && is_same => None,
        Some((commit, false)) => {
            Some(format!("it was made from {}, a commit that is not here", commit.short()))
        }
        None => Some("it was made elsewhere from uncommitted changes".to_owned()),
    }
}

/// Whether two addresses are of one repository, by whatever protocol: `git@h:a/b.git` and `https://h/a/b` are.
fn same_source(one: &str, other: &str) -> bool {
    fn plain(address: &str) -> String {
        let (rest, is_url) = match address.split_once("://") {
            Some((_, rest)) => (rest, true),
            None => (address, false),
        };
        let Some((host, path)) = rest.split_once(if is_url { '/' } else { ':' }) else {
            return rest.trim_end_matches('/').to_owned();
        };
        let host = host.rsplit('@').next().unwrap_or(host);
        let host = if is_url { host.split(':').next().unwrap_or(host) } else { host };
        let path = path.trim_matches('/').trim_end_matches(".git");
        format!("{}/{path}", host.to_ascii_lowercase())
    }
    plain(one) == plain(other)
}

/// Whether a tag stays where it is: what is called after a key or a commit does. No branch's tag is called so.
pub(crate) fn never_moves(tag: &Tag) -> bool {
    key_word(tag.as_str()) || is_commit(tag.as_str())
}

pub(crate) fn keep(step: &mut RegistryStep, why: &str) {
    for tag in &mut step.tags {
        (tag.removes, tag.reason) = (false, why.to_owned());
    }
}

fn first_tag(step: &RegistryStep) -> Option<&Tag> {
    step.tags.first().map(|tag| &tag.tag)
}

fn first_name(step: &RegistryStep) -> String {
    first_tag(step).map(ToString::to_string).unwrap_or_default()
}

/// What stands in front of a key in its tag: nothing, or the prefix of an image with its dash.
fn key_prefix(tag: &Tag) -> Option<&str> {
    let (prefix, digits) = tag.as_str().rsplit_once("src-")?;
    let is_key = digits.len() == 16 && digits.bytes().all(is_lower_hex);
    (is_key && (prefix.is_empty() || prefix.ends_with('-'))).then_some(prefix)
}

fn is_lower_hex(digit: u8) -> bool {
    matches!(digit, b'0'..=b'9' | b'a'..=b'f')
}

fn kind(
    tag: &str,
    prefixes: &BTreeSet<&str>,
    who: &BTreeMap<String, &String>,
    rules: &RegistryRules,
) -> Kind {
    // The tag itself, and what stands behind the prefix of an image.
    let words = || prefixes.iter().filter_map(|prefix| tag.strip_prefix(prefix)).chain([tag]);
    if let Some(word) = words().find(|word| key_word(word)) {
        return Kind::Key(who.get(word).map(|who| (*who).clone()));
    }
    let is_latest = |word: &str| word == "latest" || prefixes.contains(format!("{word}-").as_str());
    if words().any(is_latest) {
        return Kind::Kept(format!("{tag} is never removed"));
    }
    if words().any(|word| HELD.contains(&word)) {
        return Kind::Kept(format!("{tag} is kept for deployments"));
    }
    if let Some(name) = words().find_map(|word| rules.alive.get(word)) {
        return Kind::Kept(format!("{tag} is the tag of {name}"));
    }
    if words().any(|word| rules.said_dead.contains(word)) {
        return Kind::Dead;
    }
    if words().any(is_commit) {
        return Kind::Commit;
    }
    if words().any(is_pull_request) {
        return Kind::Kept(format!("whether the pull request of {tag} is open is not known here"));
    }
    if words().any(|word| rules.of_branches.contains(word)) && !words().all(is_release) {
        return Kind::Dead;
    }
    Kind::Kept(format!("{tag} is not known to be a tag of a branch of this repository"))
}

fn is_commit(word: &str) -> bool {
    word.len() == 12 && word.bytes().all(is_lower_hex)
}

fn key_word(word: &str) -> bool {
    word.strip_prefix("src-").is_some_and(|digits| digits.len() == 16 && digits.bytes().all(is_lower_hex))
}

fn is_pull_request(word: &str) -> bool {
    let digits = word.strip_prefix("pr-");
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// `1.4.0`, `v2.0-rc1`: whoever calls a branch so may not be surprised.
fn is_release(word: &str) -> bool {
    let number = word.trim_start_matches(['v', 'V']);
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && matches!(number.as_bytes().get(digits), None | Some(b'.'))
}

#[cfg(test)]
mod tests;
