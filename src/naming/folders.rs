//! The name that a Dockerfile's place in the checkout gives it.

use bstr::{BStr, ByteSlice};

use super::words::{LONGEST_NAME, fingerprint, shorten, variant_words, words};
use crate::discovery::FileNameForm;
use crate::path::TreePath;

/// What a folder holds whose name says what kind of thing that is, and not which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FolderKind {
    /// Dockerfiles rather than what goes into the image.
    Dockerfiles,
    /// Usually the code itself.
    Code,
    Anything,
}

/// Folders that give way to their parent, whose name says more.
const SAY_NOTHING: [(FolderKind, &str); 3] = [
    (
        FolderKind::Dockerfiles,
        ".devcontainer build container containers docker dockerfile dockerfiles image images",
    ),
    (FolderKind::Code, "app src"),
    (
        FolderKind::Anything,
        ".build .container .docker containerfile containerfiles devcontainer docker-build docker-image \
         docker-images dockerbuild oci source sources",
    ),
];

impl FolderKind {
    /// The kind of a folder whose name says nothing else.
    pub(crate) fn of(folder: &BStr) -> Option<Self> {
        let lower = folder.to_ascii_lowercase().replace("_", "-");
        let is_in = |names: &str| names.split(' ').any(|name| name.as_bytes() == lower);
        SAY_NOTHING.iter().find(|(_, names)| is_in(names)).map(|(kind, _)| *kind)
    }
}

/// Whether a folder of this name gives way to its parent. So does one whose name has nothing that a
/// repository name allows.
pub(super) fn says_nothing(folder: &BStr) -> bool {
    FolderKind::of(folder).is_some() || words(folder).is_empty()
}

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
        }
    }
}

/// The names that one Dockerfile may get, from the shortest on.
#[derive(Clone, Debug)]
pub(super) struct FolderName {
    base: String,
    variant: Option<String>,
    /// Words of the folders around the one that gave `base`, from the inside outwards.
    outer: Vec<String>,
    /// `base` and all the folders, also those that gave way.
    full: String,
    path: TreePath,
    pub(super) source: NameSource,
}

impl FolderName {
    pub(super) fn new(path: &TreePath, checkout_name: &str) -> Self {
        let folder = path.parent().unwrap_or_default();
        let folders: Vec<&BStr> = folder.components().collect();
        let telling = folders.iter().rposition(|folder| !says_nothing(folder));
        let (base, variant, inner, source) = match (FileNameForm::of(path.file_name()), folders.last()) {
            (FileNameForm::Prefix(variant), Some(last)) if says_nothing(last) => {
                (variant_words(&variant), None, folders.len() - 1, NameSource::FileName)
            }
            (form, _) => {
                let variant = match form {
                    FileNameForm::Plain => None,
                    FileNameForm::Suffix(variant) | FileNameForm::Prefix(variant) => {
                        Some(variant_words(&variant))
                    }
                };
                match telling {
                    Some(at) => {
                        let source =
                            folders[..=at].iter().fold(TreePath::root(), |path, part| path.join(part));
                        (words(folders[at]), variant, at, NameSource::Folder(source))
                    }
                    None => (checkout_words(checkout_name), variant, 0, NameSource::Checkout),
                }
            }
        };
        let named = |folder: &&BStr| Some(words(folder)).filter(|name| !name.is_empty());
        let outer = folders[..inner].iter().rev().filter_map(named).collect();
        let mut all: Vec<String> = folders.iter().filter_map(named).collect();
        match source {
            NameSource::Checkout => all.insert(0, base.clone()),
            NameSource::FileName => all.push(base.clone()),
            _ => {}
        }
        Self { base, variant, outer, full: all.join("-"), path: path.clone(), source }
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

/// The checkout's name as a name; never empty.
pub(super) fn checkout_words(checkout_name: &str) -> String {
    let name = words(checkout_name.as_bytes());
    if name.is_empty() { "image".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> String {
        FolderName::new(&path.into(), "Shop").plain()
    }

    #[test]
    fn the_folder_that_holds_the_dockerfile() {
        assert_eq!(name("service1/Dockerfile"), "service1");
        assert_eq!(name("a/b/NodeBase/Containerfile"), "node-base");
        assert_eq!(name("3.12/alpine3.20/Dockerfile"), "alpine3.20");
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
        assert_eq!(name("dev.Dockerfile"), "shop-dev");
        assert_eq!(FolderName::new(&"Dockerfile".into(), "日本").plain(), "image");
        assert_eq!(FolderName::new(&"Dockerfile".into(), "shop").source, NameSource::Checkout);
    }

    #[test]
    fn a_variant_is_appended() {
        assert_eq!(name("api/Dockerfile-dev"), "api-dev");
        assert_eq!(name("api/Dockerfile.dev"), "api-dev");
        assert_eq!(name("api/Dockerfile_Dev"), "api-dev");
        assert_eq!(name("api/dev.Dockerfile"), "api-dev");
        assert_eq!(name("Dockerfile.dev"), "shop-dev");
        assert_eq!(name("api/docker/Dockerfile.dev"), "api-dev");
    }

    #[test]
    fn a_file_named_v_in_a_folder_that_says_nothing_is_v() {
        assert_eq!(name("docker/worker.Dockerfile"), "worker");
        assert_eq!(name("shop/docker/Worker.dockerfile"), "worker");
    }

    #[test]
    fn longer_names_go_outwards() {
        let name = FolderName::new(&"lib/3.12/alpine/docker/Dockerfile.dev".into(), "shop");
        let names: Vec<String> =
            (0..=name.folders_in_front()).map(|count| name.with_folders(count)).collect();
        assert_eq!(names, ["alpine-dev", "3.12-alpine-dev", "lib-3.12-alpine-dev"]);
        assert_eq!(name.with_all_folders(), "lib-3.12-alpine-docker-dev");
        assert!(name.with_fingerprint().starts_with("alpine-dev-"));
        let all = |path: &str| FolderName::new(&path.into(), "shop").with_all_folders();
        assert_eq!(all("docker/Dockerfile"), "shop-docker");
        assert_eq!(all("a/docker/api.Dockerfile"), "a-docker-api");
    }

    #[test]
    fn deep_and_long_paths_stay_within_the_limit() {
        let path = format!("{}/Dockerfile", vec!["folder-with-a-name"; 60].join("/"));
        let name = FolderName::new(&path.as_str().into(), "shop");
        assert!((0..=name.folders_in_front()).all(|count| name.with_folders(count).len() <= LONGEST_NAME));
        assert!(name.with_all_folders().len() <= LONGEST_NAME);
        assert!(name.with_fingerprint().len() <= LONGEST_NAME);
    }
}
