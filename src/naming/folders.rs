//! The name that a Dockerfile's place in the checkout gives it.

use bstr::{BStr, ByteSlice};

use super::neighbours::Neighbours;
use super::says_nothing::{is_version, says_nothing};
use super::words::{LONGEST_NAME, LONGEST_PREFIX, fingerprint, shorten, tag_words, variant_words, words};
use crate::discovery::FileNameForm;
use crate::path::TreePath;

/// Where the name of an image comes from, for `images --verbose`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameSource {
    /// The folder that holds the Dockerfile, or the nearest one around it that says something.
    Folder(TreePath),
    /// The name of the checkout, because no folder says anything.
    Checkout,
    /// The Dockerfile's own name, `V.Dockerfile`, in a folder that says nothing.
    FileName,
    /// The line of the settings' `names` with this key.
    Names(String),
    /// A table `[image.NAME]` of the settings.
    Image,
    /// A file of the checkout that builds it, and the line: `compose.yaml:5`.
    Evidence(String),
}

impl NameSource {
    /// In a few words.
    pub fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => format!("folder {folder}"),
            Self::Checkout => "the checkout's name".to_owned(),
            Self::FileName => "the Dockerfile's file name".to_owned(),
            Self::Names(key) => format!("settings: names, \"{}\"", crate::printable::printable(key)),
            Self::Image => "settings: [image.NAME]".to_owned(),
            Self::Evidence(place) => place.clone(),
        }
    }
}

/// The names that one Dockerfile may get, from the shortest on.
#[derive(Clone, Debug)]
pub(super) struct FolderName {
    base: String,
    variant: Option<String>,
    /// The version that a folder's name is, with the variant.
    pub(super) tag_prefix: Option<String>,
    /// Words of the folders around the one that gave `base`, from the inside outwards.
    outer: Vec<String>,
    /// `base` and all the folders, also those that gave way.
    full: String,
    path: TreePath,
    pub(super) source: NameSource,
}

/// What gives `base`.
struct Base {
    words: String,
    /// How many folders are around it.
    inner: usize,
    source: NameSource,
}

impl FolderName {
    pub(super) fn new(path: &TreePath, checkout_name: &str, around: &Neighbours) -> Self {
        let folder = path.parent().unwrap_or_default();
        let folders: Vec<&BStr> = folder.components().collect();
        let bytes = folder.as_bytes();
        let ends: Vec<usize> = bytes.find_iter(b"/").chain([bytes.len()]).collect();
        let upto = |count: usize| TreePath::new(&bytes[..ends[count - 1]]);
        let gives_way = |at: usize| says_nothing(folders[at]) && !around.keeps_its_name(&upto(at + 1));
        let variant = match FileNameForm::of(path.file_name()) {
            FileNameForm::Plain => None,
            FileNameForm::Suffix(variant) | FileNameForm::Prefix(variant) => Some(variant_words(&variant)),
        };
        let says_something = (0..folders.len()).rposition(|at| !gives_way(at));
        let version = says_something.filter(|at| is_version(folders[*at]));
        let is_own_name = folders.len().checked_sub(1).is_none_or(gives_way) && !around.has_plain(&folder);
        let (base, variant) = match variant {
            Some(variant) if is_own_name => {
                let inner = folders.len().saturating_sub(1);
                (Base { words: variant, inner, source: NameSource::FileName }, None)
            }
            variant => {
                let telling = (0..folders.len()).rposition(|at| !gives_way(at) && !is_version(folders[at]));
                let base = match telling {
                    Some(at) => Base {
                        words: words(folders[at]),
                        inner: at,
                        source: NameSource::Folder(upto(at + 1)),
                    },
                    None => {
                        Base { words: checkout_words(checkout_name), inner: 0, source: NameSource::Checkout }
                    }
                };
                let variant = variant.and_then(|variant| without_stutter(variant, &base.words));
                (base, variant)
            }
        };
        let version = version.filter(|_| base.source != NameSource::FileName);
        let tag_prefix = version.map(|at| {
            let parts = [Some(tag_words(folders[at])), variant.clone()];
            shorten(parts.into_iter().flatten().collect::<Vec<_>>().join("-"), LONGEST_PREFIX)
        });
        let Base { words: base, inner, source } = base;
        let named = |folder: &&BStr| Some(words(folder)).filter(|name| !name.is_empty());
        let outer = folders[..inner].iter().rev().filter_map(named).collect();
        let mut all: Vec<String> = folders.iter().filter_map(named).collect();
        match source {
            NameSource::Checkout => all.insert(0, base.clone()),
            NameSource::FileName => all.push(base.clone()),
            _ => {}
        }
        let variant = variant.filter(|_| tag_prefix.is_none());
        Self { base, variant, tag_prefix, outer, full: all.join("-"), path: path.clone(), source }
    }

    /// The name and the tag prefix that goes with it.
    pub(super) fn title_of(&self, name: &str) -> String {
        match &self.tag_prefix {
            Some(prefix) => format!("{name}:{prefix}"),
            None => name.to_owned(),
        }
    }

    /// The name before anything else is known.
    pub(super) fn plain(&self) -> String {
        self.with_folders(0)
    }

    pub(super) fn folders_in_front(&self) -> usize {
        self.outer.len()
    }

    /// The name with the next `count` folders outwards in front, or as many as there are.
    pub(super) fn with_folders(&self, count: usize) -> String {
        let outer = &self.outer[..count.min(self.outer.len())];
        self.joined(outer.iter().rev().chain([&self.base]).map(String::as_str))
    }

    /// The name with all folders, also those that gave way.
    pub(super) fn with_all_folders(&self) -> String {
        self.joined([self.full.as_str()])
    }

    /// The plain name and what only this path has.
    pub(super) fn with_fingerprint(&self) -> String {
        let fingerprint = fingerprint(self.path.as_bytes());
        let plain = shorten(self.plain(), LONGEST_NAME - fingerprint.len() - 1);
        format!("{plain}-{fingerprint}")
    }

    /// The folder that holds the Dockerfile.
    pub(super) fn folder(&self) -> TreePath {
        self.path.parent().unwrap_or_default()
    }

    /// Whether `docker build` of the folder takes this file before all others of the folder.
    pub(super) fn is_default_file(&self) -> bool {
        self.path.file_name() == "Dockerfile"
    }

    /// How many folders deep the Dockerfile lies.
    pub(super) fn depth(&self) -> usize {
        self.path.components().count()
    }

    fn joined<'a>(&'a self, parts: impl IntoIterator<Item = &'a str>) -> String {
        let parts: Vec<&str> = parts.into_iter().chain(self.variant.as_deref()).collect();
        shorten(parts.join("-"), LONGEST_NAME)
    }
}

/// A variant without the name that it repeats: `api/Dockerfile.api`, `api/Dockerfile.api-dev`.
fn without_stutter(variant: String, base: &str) -> Option<String> {
    match variant.strip_prefix(base) {
        Some("") => None,
        Some(rest) => Some(rest.strip_prefix('-').unwrap_or(&variant).to_owned()),
        None => Some(variant),
    }
}

/// The checkout's name as a name; never empty.
pub(super) fn checkout_words(checkout_name: &str) -> String {
    let name = words(checkout_name.as_bytes());
    if name.is_empty() { "image".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(path: &str, others: &[&str]) -> FolderName {
        let paths: Vec<TreePath> = others.iter().chain([&path]).map(|path| TreePath::from(*path)).collect();
        FolderName::new(&path.into(), "Shop", &Neighbours::new(paths.iter(), Vec::new()))
    }

    fn beside(path: &str, others: &[&str]) -> String {
        let name = placed(path, others);
        name.title_of(&name.plain())
    }

    fn name(path: &str) -> String {
        beside(path, &[])
    }

    #[test]
    fn the_folder_that_holds_the_dockerfile() {
        assert_eq!(name("service1/Dockerfile"), "service1");
        assert_eq!(name("a/b/NodeBase/Containerfile"), "node-base");
        assert_eq!(name("3.12/alpine3.20/Dockerfile"), "alpine3.20");
    }

    /// A commit may hold such a path, whatever a disk allows.
    #[test]
    fn a_path_as_deep_as_it_likes_has_a_name() {
        let path = TreePath::from(format!("{}Dockerfile", "app/".repeat(20_000)).as_str());
        let name = FolderName::new(&path, "shop", &Neighbours::default());
        assert_eq!((name.plain().as_str(), name.source), ("shop", NameSource::Checkout));
    }

    #[test]
    fn a_folder_that_says_nothing_gives_way_to_its_parent() {
        for path in ["api/docker/Dockerfile", "api/src/Dockerfile", "api/.devcontainer/Dockerfile"] {
            assert_eq!(name(path), "api", "{path}");
        }
        assert_eq!(name("api/Docker/build/Dockerfile"), "api");
        assert_eq!(name("api/docker_images/Dockerfile"), "api");
        assert_eq!(name("api/日本/Dockerfile"), "api");
        assert_eq!(name("applications/Dockerfile"), "applications");
    }

    #[test]
    fn at_the_root_it_is_the_checkouts_name() {
        assert_eq!(name("Dockerfile"), "shop");
        assert_eq!(name("docker/Dockerfile"), "shop");
        assert_eq!(beside("dev.Dockerfile", &["Dockerfile"]), "shop-dev");
        assert_eq!(placed("Dockerfile", &[]).source, NameSource::Checkout);
        let none = Neighbours::new([].into_iter(), Vec::new());
        assert_eq!(FolderName::new(&"Dockerfile".into(), "日本", &none).plain(), "image");
    }

    #[test]
    fn a_variant_is_appended() {
        assert_eq!(name("api/Dockerfile-dev"), "api-dev");
        assert_eq!(name("api/Dockerfile.dev"), "api-dev");
        assert_eq!(name("api/Dockerfile_Dev"), "api-dev");
        assert_eq!(name("api/dev.Dockerfile"), "api-dev");
        assert_eq!(beside("Dockerfile.dev", &["Dockerfile"]), "shop-dev");
        assert_eq!(beside("api/docker/Dockerfile.dev", &["api/docker/Dockerfile"]), "api-dev");
    }

    #[test]
    fn a_variant_that_repeats_the_name_is_not_appended() {
        for path in ["api/Dockerfile.api", "api/api.Dockerfile", "Api/Dockerfile-API", "api/Dockerfile_Api"] {
            assert_eq!(name(path), "api", "{path}");
        }
        assert_eq!(name("api/Dockerfile.api-dev"), "api-dev");
        assert_eq!(name("api/Dockerfile.apidev"), "api-apidev");
        assert_eq!(beside("docker/Dockerfile.shop", &["docker/Dockerfile"]), "shop");
    }

    #[test]
    fn a_variant_in_a_folder_that_says_nothing_or_at_the_root_is_the_name() {
        for path in [
            "docker/worker.Dockerfile",
            "docker/Dockerfile.worker",
            "shop/docker/Worker.dockerfile",
            "Dockerfile.worker",
            "worker.Dockerfile",
            "Dockerfile-worker",
            "a/build/images/Containerfile.worker",
        ] {
            assert_eq!(name(path), "worker", "{path}");
        }
        // Beside a plain one it is a variant of that.
        assert_eq!(beside("docker/Dockerfile.worker", &["docker/Dockerfile"]), "shop-worker");
        assert_eq!(beside("worker.Dockerfile", &["Containerfile"]), "shop-worker");
        assert_eq!(beside("docker/Dockerfile.worker", &["Dockerfile"]), "worker");
    }

    #[test]
    fn a_folder_that_says_nothing_keeps_its_name_among_siblings() {
        assert_eq!(beside("app/Dockerfile", &["worker/Dockerfile"]), "app");
        assert_eq!(beside("a/app/Dockerfile", &["a/worker/docker/Dockerfile"]), "app");
        assert_eq!(beside("app/docker/Dockerfile", &["worker/docker/Dockerfile"]), "app");
        assert_eq!(beside("app/Dockerfile.dev", &["worker/Dockerfile"]), "app-dev");
        assert_eq!(beside("src/Dockerfile", &["db/Dockerfile"]), "src");
        assert_eq!(
            beside("app/Dockerfile", &["a/worker/Dockerfile", "Dockerfile", "app/x.Dockerfile"]),
            "shop"
        );
        // A folder for Dockerfiles beside others is one for the rest of them.
        assert_eq!(beside("docker/Dockerfile", &["worker/Dockerfile"]), "shop");
        assert_eq!(beside("app/Dockerfile", &["docker/Dockerfile"]), "shop");
    }

    #[test]
    fn a_folder_that_says_nothing_keeps_the_name_that_a_reference_has() {
        let path = TreePath::from("build/Dockerfile");
        let none = Neighbours::new([&path].into_iter(), Vec::new());
        assert_eq!(FolderName::new(&path, "shop", &none).plain(), "shop");
        let named = Neighbours::new([&path].into_iter(), vec![("build".to_owned(), "api".into())]);
        assert_eq!(FolderName::new(&path, "shop", &named).plain(), "build");
        // What a Dockerfile in the folder itself says is about something else.
        let own = Neighbours::new([&path].into_iter(), vec![("build".to_owned(), "build".into())]);
        assert_eq!(FolderName::new(&path, "shop", &own).plain(), "shop");
    }

    #[test]
    fn a_version_gives_way_and_is_the_tag_prefix() {
        assert_eq!(name("php/8.3/Dockerfile"), "php:8.3");
        assert_eq!(name("php/v2/Dockerfile"), "php:v2");
        assert_eq!(name("php/1.2.0-alpine/Dockerfile"), "php:1.2.0-alpine");
        assert_eq!(name("php/8/docker/Dockerfile"), "php:8");
        assert_eq!(name("php/8.3/Dockerfile.fpm"), "php:8.3-fpm");
        assert_eq!(name("php/8.3/Dockerfile.php"), "php:8.3");
        assert_eq!(name("8.3/Dockerfile"), "shop:8.3");
        assert_eq!(name("images/8.3/Dockerfile"), "shop:8.3");
        assert_eq!(name("php/8.3/alpine/Dockerfile"), "alpine");
        assert_eq!(name("php/8.x/8.3.1/Dockerfile"), "php:8.3.1");
        for word in ["3d", "2fa", "01-intro", "7-zip", "v", "vm", "x86", "8.3x/y", "k8s", "1password"] {
            let path = format!("php/{word}/Dockerfile");
            assert!(!name(&path).contains(':'), "{path}: {}", name(&path));
        }
    }

    #[test]
    fn longer_names_go_outwards() {
        let name = placed("lib/3.12/alpine/docker/Dockerfile.dev", &["lib/3.12/alpine/docker/Dockerfile"]);
        let names: Vec<String> =
            (0..=name.folders_in_front()).map(|count| name.with_folders(count)).collect();
        assert_eq!(names, ["alpine-dev", "3.12-alpine-dev", "lib-3.12-alpine-dev"]);
        assert_eq!(name.with_all_folders(), "lib-3.12-alpine-docker-dev");
        assert!(name.with_fingerprint().starts_with("alpine-dev-"));
        let all = |path: &str| placed(path, &[]).with_all_folders();
        assert_eq!(all("docker/Dockerfile"), "shop-docker");
        assert_eq!(all("a/docker/api.Dockerfile"), "a-docker-api");
    }

    #[test]
    fn deep_and_long_paths_stay_within_the_limit() {
        let path = format!("{}/Dockerfile", vec!["folder-with-a-name"; 60].join("/"));
        let name = placed(&path, &[]);
        assert!((0..=name.folders_in_front()).all(|count| name.with_folders(count).len() <= LONGEST_NAME));
        assert!(name.with_all_folders().len() <= LONGEST_NAME);
        assert!(name.with_fingerprint().len() <= LONGEST_NAME);
    }
}
