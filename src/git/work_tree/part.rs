use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use git2::{Config, ObjectType, Repository};

use crate::git::repository::executable::Git;
use crate::git::repository::loose::Loose;
use crate::git::repository::object;
use crate::git::work_tree::attributes;
use crate::git::work_tree::conversion::{AutoCrlf, EolSettings};
use crate::git::work_tree::ignores::Ignores;
use crate::git::work_tree::index::Index;
use crate::git::work_tree::index_file::{self, IndexFailure};
use crate::git::{BlobId, CheckoutError, UserFolders};
use crate::path::TreePath;

/// One repository of a checkout: its own, or that of a submodule. Each has its index, its settings, and its
/// rules about what is ignored.
pub(in crate::git) struct Part {
    /// From the root of the checkout; empty for the checkout itself.
    pub(in crate::git) folder: Vec<u8>,
    pub(in crate::git) git_dir: PathBuf,
    pub(in crate::git) index: Arc<Index>,
    pub(in crate::git) ignores: Ignores,
    pub(in crate::git) settings: PartSettings,
    loose: Loose,
    objects: OnceLock<Option<Mutex<Repository>>>,
}

/// What of git's configuration changes what files mean.
#[derive(Clone, Debug, Default)]
pub(in crate::git) struct PartSettings {
    /// `core.fileMode`: whether git looks at the executable bit on disk.
    pub(in crate::git) file_mode: bool,
    /// `core.symlinks`; without it git writes a link as a file that holds the target.
    pub(in crate::git) symlinks: bool,
    pub(in crate::git) eol: EolSettings,
    /// `core.attributesFile`
    pub(in crate::git) attributes_file: Option<PathBuf>,
    /// `info/attributes` of the repository.
    pub(in crate::git) info_attributes: PathBuf,
    /// `core.excludesFile`
    excludes_file: Option<PathBuf>,
    info_exclude: PathBuf,
    ignore_case: bool,
    /// Filters (`filter.NAME`) that have a program.
    filters: HashSet<String>,
}

impl PartSettings {
    /// All of it that decides which bytes a commit's file has on disk, for whoever remembers what came of them.
    pub(in crate::git) fn facts(&self) -> String {
        let filters: BTreeSet<&String> = self.filters.iter().collect();
        let general = self.attributes_file.as_ref().and_then(|path| attributes::own(path));
        let info = attributes::own(&self.info_attributes);
        format!("{:?} {:?} {filters:?} {general:?} {info:?}", self.symlinks, self.eol)
    }

    pub(in crate::git) fn new(config: Option<Config>, common_dir: &Path, user: &UserFolders) -> Self {
        let config = config.and_then(|mut config| config.snapshot().ok());
        let text = |name: &str| config.as_ref().and_then(|config| config.get_string(name).ok());
        let is = |name: &str, default| {
            config.as_ref().and_then(|config| config.get_bool(name).ok()).unwrap_or(default)
        };
        let file = |name: &str, default: &str| {
            let given = config.as_ref().and_then(|config| config.get_path(name).ok());
            given.or_else(|| Some(user.git_settings.as_ref()?.join(default)))
        };
        let autocrlf = match text("core.autocrlf").as_deref() {
            Some("input") => AutoCrlf::Input,
            Some(_) if is("core.autocrlf", false) => AutoCrlf::True,
            _ => AutoCrlf::False,
        };
        let crlf = match text("core.eol").as_deref() {
            Some("crlf") => true,
            Some("lf") => false,
            _ => cfg!(windows),
        };
        Self {
            file_mode: is("core.filemode", cfg!(unix)) && cfg!(unix),
            symlinks: is("core.symlinks", true),
            eol: EolSettings { autocrlf, crlf },
            attributes_file: file("core.attributesfile", "attributes"),
            info_attributes: common_dir.join("info/attributes"),
            excludes_file: file("core.excludesfile", "ignore"),
            info_exclude: common_dir.join("info/exclude"),
            ignore_case: is("core.ignorecase", false),
            filters: config.as_ref().map(filters).unwrap_or_default(),
        }
    }

    /// Whether git runs a program for files with this `filter` attribute.
    pub(in crate::git) fn runs_filter(&self, name: &str) -> bool {
        self.filters.contains(name)
    }

    fn ignores(&self) -> Ignores {
        let files = std::iter::once(self.info_exclude.clone()).chain(self.excludes_file.clone());
        Ignores::new(files.collect(), self.ignore_case)
    }
}

impl Part {
    pub(in crate::git) fn checkout_path(&self, path: &[u8]) -> TreePath {
        TreePath::new(&self.folder).join(path)
    }

    /// The repository in `git_dir` with its index; its work tree is the folder of the checkout.
    pub(in crate::git) fn new(
        git_dir: &Path,
        folder: Vec<u8>,
        index: Arc<Index>,
        settings: PartSettings,
        loose: Loose,
    ) -> Self {
        let ignores = settings.ignores();
        let git_dir = git_dir.to_owned();
        Self { folder, git_dir, index, ignores, settings, loose, objects: OnceLock::new() }
    }

    /// The size of a blob, if it can be had.
    pub(in crate::git) fn blob_size(&self, blob: BlobId) -> Option<u64> {
        let (size, _) = self.objects()?.odb().ok()?.read_header(blob.oid()).ok()?;
        Some(size as u64)
    }

    /// The bytes of a blob, if they can be had and are no more than `limit`.
    pub(in crate::git) fn read_blob(&self, blob: BlobId, limit: u64) -> Option<Vec<u8>> {
        self.blob_size(blob).filter(|size| *size <= limit)?;
        let objects = self.objects()?;
        let odb = objects.odb().ok()?;
        Some(object::read(&odb, blob.oid(), ObjectType::Blob).ok()?.data().to_vec())
    }

    fn objects(&self) -> Option<MutexGuard<'_, Repository>> {
        let objects = self.objects.get_or_init(|| {
            self.loose.check().ok()?;
            Repository::open(&self.git_dir).ok().map(Mutex::new)
        });
        Some(objects.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Length of the folder with its `/` in front of every path.
    pub(in crate::git) fn prefix_length(&self) -> usize {
        if self.folder.is_empty() { 0 } else { self.folder.len() + 1 }
    }
}

fn filters(config: &Config) -> HashSet<String> {
    let mut filters = HashSet::new();
    let Ok(entries) = config.entries(Some("filter\\..*\\.(clean|smudge|process|required)")) else {
        return filters;
    };
    // One that only cleans leaves files that git would not write so; one that is required and has no program is
    // an error for git.
    let _ = entries.for_each(|entry| {
        let name = entry.name().ok().and_then(|name| name.strip_prefix("filter.")?.rsplit_once('.'));
        if let (Some((name, _)), Ok(value)) = (name, entry.value())
            && !matches!(value, "" | "false")
        {
            filters.insert(name.to_owned());
        }
    });
    filters
}

/// Reads an index; the git executable lists those whose form only it knows.
pub(in crate::git) fn read_index(git: &Git) -> Result<Index, CheckoutError> {
    let path = git.git_dir().join("index");
    let what = match index_file::read(git.git_dir()) {
        Ok(index) => return Ok(index),
        Err(IndexFailure::Failed(error)) => return Err(error),
        Err(IndexFailure::AskGit(what)) => what,
    };
    let listing = git
        .run(&["ls-files", "--stage", "-t", "-z"], "list the index")
        .map_err(|failure| failure.needed_for(&path, what))?;
    Index::from_listing(&listing)
        .ok_or(CheckoutError::Damaged { path, reason: "git lists it in an unknown form" })
}
