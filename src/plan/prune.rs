//! Which images of an engine nothing needs any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::{ContentKey, ImageReference};

/// An image of the engine that carries a content key, its own or one that it inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredImage {
    pub id: String,
    pub key: Option<ContentKey>,
    pub dockerfile: String,
    pub references: Vec<ImageReference>,
    /// Its size in bytes, shared layers included.
    pub size: u64,
    /// Its layers, the lowest first, by digest.
    pub layers: Vec<String>,
    pub users: Vec<ContainerUse>,
    /// Names of containers that a rollback takes back to it.
    pub way_back_of: Vec<String>,
    pub is_ours: bool,
}

/// A container that uses an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerUse {
    /// Its id in the engine.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs, or is about to.
    pub is_running: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub keys: BTreeMap<ContentKey, String>,
    /// Dockerfiles of which something needs an image that cannot be known, with what.
    pub dockerfiles: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct PruneRules {
    /// Tags that Shipwright made in this repository, besides those whose form says so.
    pub made_tags: BTreeSet<String>,
    /// Whether images of other repositories are looked at as well.
    pub all_checkouts: bool,
    /// Whether containers that do not run keep nothing.
    pub stopped: bool,
}

/// What becomes of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneStep {
    /// Its id in the engine.
    pub id: String,
    /// Its content key.
    pub key: ContentKey,
    /// The Dockerfile that made it.
    pub dockerfile: String,
    /// All its tags, its key's first.
    pub references: Vec<ImageReference>,
    /// Its size in bytes; layers that other images share are counted as well.
    pub size: u64,
    /// Whether it goes.
    pub removes: bool,
    /// Why.
    pub reason: String,
    /// Containers that do not run and go before it.
    pub containers: Vec<ContainerUse>,
}

/// Tags that hold what a deployment may go back to.
const HELD: [&str; 2] = ["current", "previous"];

/// Decides about every image that Shipwright made; others are not among the answers.
pub(crate) fn decide_prune(images: &[StoredImage], needs: &Needs, rules: &PruneRules) -> Vec<PruneStep> {
    let own: Vec<(&StoredImage, Own)> =
        images.iter().filter_map(|image| Some((image, Own::of(image)?))).collect();
    let mut steps: Vec<PruneStep> =
        own.iter().map(|(image, own)| step(image, own, reason_to_keep(image, own, needs, rules))).collect();
    let stays = |image: &StoredImage| !steps.iter().any(|step| step.removes && step.id == image.id);
    let kept: Vec<&StoredImage> = images.iter().filter(|image| stays(image)).collect();
    let reasons: Vec<Option<String>> = own.iter().map(|(image, _)| built_on_it(image, &kept)).collect();
    for (step, reason) in steps.iter_mut().zip(reasons) {
        if let (true, Some(reason)) = (step.removes, reason) {
            (step.removes, step.reason) = (false, reason);
            step.containers.clear();
        }
    }
    steps.sort_by(|a, b| (!a.removes, &a.references).cmp(&(!b.removes, &b.references)));
    steps
}

/// What tells an image of Shipwright's from one that was built on it and has its labels.
struct Own {
    key: ContentKey,
    key_tags: Vec<ImageReference>,
}

impl Own {
    fn of(image: &StoredImage) -> Option<Self> {
        let key = image.key?;
        let word = key.tag();
        let is_key = |reference: &&ImageReference| {
            let tag = reference.tag.as_ref().map_or("", |tag| tag.as_str());
            tag.strip_suffix(word.as_str()).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('-'))
        };
        let key_tags: Vec<ImageReference> = image.references.iter().filter(is_key).cloned().collect();
        (!key_tags.is_empty()).then_some(Self { key, key_tags })
    }

    /// The tag without its image's prefix, where it stands beside the key's.
    fn word<'r>(&self, reference: &'r ImageReference) -> Option<&'r str> {
        let tag = reference.tag.as_ref()?.as_str();
        let word = self.key.tag();
        let mut beside = self.key_tags.iter().filter(|own| own.repository == reference.repository);
        beside.find_map(|own| {
            let prefix = own.tag.as_ref()?.as_str().strip_suffix(word.as_str())?;
            tag.strip_prefix(prefix)
        })
    }
}

fn reason_to_keep(image: &StoredImage, own: &Own, needs: &Needs, rules: &PruneRules) -> Option<String> {
    let elsewhere = || {
        let is_foreign = !image.is_ours && !rules.all_checkouts;
        is_foreign.then(|| "this checkout has not built it".to_owned())
    };
    let key = || needs.keys.get(&own.key).map(|who| format!("needed by {who}"));
    let unknown = || {
        let who = needs.dockerfiles.get(&image.dockerfile)?;
        Some(format!("what {who} makes of {} is not known", image.dockerfile))
    };
    let container = || {
        let user = image.users.iter().find(|user| user.is_running || !rules.stopped)?;
        let how = if user.is_running { "uses it" } else { "was made from it" };
        Some(format!("the container {} {how}", user.name))
    };
    let way_back = || image.way_back_of.first().map(|name| format!("the container {name} goes back to it"));
    let tag = || {
        let word = |reference: &ImageReference| own.word(reference).map(str::to_owned);
        let held = image.references.iter().find(|it| word(it).is_some_and(|word| HELD.contains(&&*word)));
        if let Some(held) = held {
            return Some(format!("{held} is kept for deployments"));
        }
        let foreign = image.references.iter().find(|it| !is_made(it, own, rules))?;
        Some(format!("{foreign} is not known to be a tag of this checkout's"))
    };
    elsewhere().or_else(key).or_else(unknown).or_else(container).or_else(way_back).or_else(tag)
}

/// Whether Shipwright made a tag: a key's, a commit's, `latest`, or one that this repository knows of.
fn is_made(reference: &ImageReference, own: &Own, rules: &PruneRules) -> bool {
    let Some(word) = own.word(reference) else { return false };
    let is_commit = word.len() == 12 && word.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let is_known = |tag: &str| rules.made_tags.contains(tag);
    word == own.key.tag().as_str()
        || word == "latest"
        || is_commit
        || is_known(word)
        || reference.tag.as_ref().is_some_and(|tag| is_known(tag.as_str()))
}

/// What keeps an image although nothing names it: an image that stays and is built on it.
fn built_on_it(image: &StoredImage, kept: &[&StoredImage]) -> Option<String> {
    let is_on_it = |other: &&&StoredImage| {
        other.id != image.id
            && other.layers.len() > image.layers.len()
            && !image.layers.is_empty()
            && other.layers.starts_with(&image.layers)
    };
    let other = kept.iter().find(is_on_it)?;
    let name = other.references.first().map_or_else(|| short(&other.id), ToString::to_string);
    Some(format!("{name} is built on it"))
}

fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}

fn step(image: &StoredImage, own: &Own, kept: Option<String>) -> PruneStep {
    let mut references = image.references.clone();
    references.sort_by_key(|reference| !own.key_tags.contains(reference));
    PruneStep {
        id: image.id.clone(),
        key: own.key,
        dockerfile: image.dockerfile.clone(),
        references,
        size: image.size,
        removes: kept.is_none(),
        // Only containers that do not run can be left, and only where they keep nothing.
        containers: if kept.is_none() { image.users.clone() } else { Vec::new() },
        reason: kept.unwrap_or_else(|| "nothing needs it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ContentKey {
        ContentKey::new([byte; 32])
    }

    fn image(byte: u8, tags: &[&str]) -> StoredImage {
        let own = format!("acme/api:{}", key(byte).tag());
        let names = std::iter::once(own.as_str()).chain(tags.iter().copied());
        StoredImage {
            id: format!("sha256:{byte:064x}"),
            key: Some(key(byte)),
            dockerfile: "api/Dockerfile".to_owned(),
            references: names.map(|name| name.parse().expect("a reference")).collect(),
            layers: vec![format!("layer-{byte}")],
            is_ours: true,
            ..StoredImage::default()
        }
    }

    fn reason(image: &StoredImage, needs: &Needs, rules: &PruneRules) -> String {
        let steps = decide_prune(std::slice::from_ref(image), needs, rules);
        let [step] = &steps[..] else { return "no image of ours".to_owned() };
        if step.removes { "removed".to_owned() } else { step.reason.clone() }
    }

    fn alone(image: &StoredImage) -> String {
        reason(image, &Needs::default(), &PruneRules::default())
    }

    #[test]
    fn what_a_branch_needs_stays() {
        let needs = Needs { keys: [(key(1), "main".to_owned())].into(), ..Needs::default() };
        let rules = PruneRules::default();
        assert_eq!(reason(&image(1, &[]), &needs, &rules), "needed by main");
        assert_eq!(reason(&image(2, &[]), &needs, &rules), "removed");
    }

    #[test]
    fn tags_of_ours_go_and_others_keep_the_image() {
        let tags = ["acme/api:latest", "acme/api:0123456789ab"];
        assert_eq!(alone(&image(1, &tags)), "removed");
        for foreign in ["acme/api:feature", "acme/api:v1.0", "acme/other:latest", "r.example/acme/api:latest"]
        {
            assert!(alone(&image(1, &[foreign])).contains(foreign), "{foreign}");
        }
        let rules = PruneRules { made_tags: ["feature".to_owned()].into(), ..PruneRules::default() };
        assert_eq!(reason(&image(1, &["acme/api:feature"]), &Needs::default(), &rules), "removed");
        let elsewhere = image(1, &["acme/other:feature"]);
        assert!(reason(&elsewhere, &Needs::default(), &rules).contains("acme/other"));
    }

    #[test]
    fn tags_with_the_prefix_of_an_image_are_ours() {
        let mut php = image(1, &["acme/api:8.3-latest", "acme/api:8.3-0123456789ab"]);
        php.references[0] = format!("acme/api:8.3-{}", key(1).tag()).parse().expect("a reference");
        assert_eq!(alone(&php), "removed");
        php.references.push("acme/api:8.2-latest".parse().expect("a reference"));
        assert!(alone(&php).contains("8.2-latest"));
    }

    #[test]
    fn deployments_keep_what_they_go_back_to() {
        for held in ["acme/api:current", "acme/api:previous"] {
            assert_eq!(alone(&image(1, &[held])), format!("{held} is kept for deployments"));
        }
    }

    #[test]
    fn an_image_that_inherits_the_label_is_nobody_s_here() {
        let mut other = image(1, &[]);
        other.references = vec!["mine/app:latest".parse().expect("a reference")];
        assert_eq!(alone(&other), "no image of ours");
        other.references.clear();
        assert_eq!(alone(&other), "no image of ours");
    }

    #[test]
    fn what_is_built_on_an_image_keeps_it() {
        let base = image(1, &[]);
        let mut app = image(2, &[]);
        app.layers = vec!["layer-1".to_owned(), "more".to_owned()];
        app.references = vec!["mine/app:latest".parse().expect("a reference")];
        let steps = decide_prune(&[base.clone(), app], &Needs::default(), &PruneRules::default());
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].reason, "mine/app:latest is built on it");
        assert!(!steps[0].removes);
        // An image that goes itself keeps nothing.
        let mut next = image(3, &[]);
        next.layers = vec!["layer-1".to_owned(), "more".to_owned()];
        let steps = decide_prune(&[base, next], &Needs::default(), &PruneRules::default());
        assert!(steps.iter().all(|step| step.removes), "{steps:?}");
    }

    #[test]
    fn containers_keep_their_image_unless_they_are_stopped_and_asked_for() {
        let user = |is_running| ContainerUse { id: "c".into(), name: "web".into(), is_running };
        let with = |users: Vec<ContainerUse>| StoredImage { users, ..image(1, &[]) };
        assert_eq!(alone(&with(vec![user(true)])), "the container web uses it");
        assert_eq!(alone(&with(vec![user(false)])), "the container web was made from it");
        let rules = PruneRules { stopped: true, ..PruneRules::default() };
        let both = with(vec![user(false), user(true)]);
        assert_eq!(reason(&both, &Needs::default(), &rules), "the container web uses it");
        let steps = decide_prune(&[with(vec![user(false)])], &Needs::default(), &rules);
        assert!(steps[0].removes);
        assert_eq!(steps[0].containers, [user(false)]);
    }

    #[test]
    fn what_a_container_goes_back_to_is_kept() {
        let image = StoredImage { way_back_of: vec!["web".into()], ..image(1, &[]) };
        assert_eq!(alone(&image), "the container web goes back to it");
        let rules = PruneRules { stopped: true, ..PruneRules::default() };
        assert_eq!(reason(&image, &Needs::default(), &rules), "the container web goes back to it");
    }

    #[test]
    fn other_checkouts_and_unknown_dockerfiles_keep_theirs() {
        let foreign = StoredImage { is_ours: false, ..image(1, &[]) };
        assert_eq!(alone(&foreign), "this checkout has not built it");
        let all = PruneRules { all_checkouts: true, ..PruneRules::default() };
        assert_eq!(reason(&foreign, &Needs::default(), &all), "removed");
        let dockerfiles = [("api/Dockerfile".to_owned(), "v1.0".to_owned())].into();
        let needs = Needs { dockerfiles, ..Needs::default() };
        let expected = "what v1.0 makes of api/Dockerfile is not known";
        assert_eq!(reason(&image(1, &[]), &needs, &PruneRules::default()), expected);
    }
}
