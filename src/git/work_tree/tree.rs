use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use bstr::BStr;

use crate::git::commit::tree_part::LFS_POINTER;
use crate::git::repository::executable::Git;
use crate::git::work_tree::attributes::{self, ATTRIBUTES, AttributeText, Attributes, Value};
use crate::git::work_tree::blob_sizes::BlobSizes;
use crate::git::work_tree::disk::{Disk, Listing, named};
use crate::git::work_tree::entry::{Entry, KnownFile, UNTRACKED};
use crate::git::work_tree::files::{Files, Found, LookUp, list_both};
use crate::git::work_tree::folder_cache::FolderCache;
use crate::git::work_tree::identify::Identifier;
use crate::git::work_tree::index::Index;
use crate::git::work_tree::part::Part;
use crate::git::work_tree::stat_cache::{self, StatCache};
use crate::git::work_tree::walk::{self, Walked};
use crate::git::{BlobId, CheckoutError, FileTree, Identity, InputKind, Node, NodeKind, Snapshot, Tracking};
use crate::limits;
use crate::path::TreePath;

/// The files of a checkout as they are on disk, like those that `docker build` would see.
///
/// The folders are read once, when the work tree is made; files are looked at when they are asked for, and
/// what was found out about one is kept. So it is the state of one moment, and a later one needs a new value.
pub(crate) struct WorkTree {
    disk: Disk,
    parts: Vec<Part>,
    pub(in crate::git) files: Files<Entry>,
    unlisted: Files<(NodeKind, Tracking)>,
    attributes: Vec<Attributes>,
    known: Vec<OnceLock<KnownFile>>,
    stat_cache: StatCache,
    blob_sizes: Arc<BlobSizes>,
    submodules: Vec<TreePath>,
    /// Those that are not checked out, sorted.
    absent_submodules: Vec<TreePath>,
    nodes: OnceLock<Vec<Node>>,
    root: PathBuf,
    /// Folders that cannot be listed, and why.
    unreadable: Vec<(TreePath, String)>,
    /// Whether the file system has executable bits, whatever `core.fileMode` says.
    pub(in crate::git) keeps_modes: bool,
    /// For each part the files that git says are changed, once that was asked.
    changed_for_git: Vec<OnceLock<Option<HashSet<Vec<u8>>>>>,
}

impl WorkTree {
    pub(in crate::git) fn new(
        root: &Path,
        disk: Disk,
        folders: &FolderCache,
        parts: Vec<Part>,
        blob_sizes: Arc<BlobSizes>,
    ) -> Result<Self, CheckoutError> {
        let mut walked = walk::walk(&disk, folders, &parts);
        if let Some((path, error)) = parts.iter().find_map(|part| part.ignores.problem()) {
            return Err(CheckoutError::io(&path, error));
        }
        let at = |path: &[u8]| TreePath::new(path).to_os(root);
        let mut unreadable = Vec::new();
        for (path, error) in std::mem::take(&mut walked.unreadable) {
            if path.is_empty() {
                return Err(CheckoutError::io(root, error));
            }
            unreadable.push((TreePath::new(&path), error.to_string()));
        }
        unreadable.sort();
        let attributes = attributes(&disk, &parts, &walked)
            .map_err(|(path, error)| CheckoutError::io(&at(&path), error))?;
        let files = files(&parts, &walked);
        let mut unlisted = Files::new();
        for (path, kind, tracking) in std::mem::take(&mut walked.unlisted) {
            unlisted.push(&[&path], (kind, tracking));
        }
        unlisted.sort();
        let known = std::iter::repeat_with(OnceLock::new).take(files.len()).collect();
        let stat_cache = StatCache::new(&parts[0].git_dir);
        let changed_for_git = parts.iter().map(|_| OnceLock::new()).collect();
        let mut submodules: Vec<_> = parts[1..].iter().map(|part| TreePath::new(&part.folder)).collect();
        submodules.sort();
        Ok(Self {
            absent_submodules: absent_submodules(&parts, &submodules),
            keeps_modes: disk.keeps_modes(),
            disk,
            parts,
            files,
            unlisted,
            attributes,
            known,
            stat_cache,
            blob_sizes,
            submodules,
            nodes: OnceLock::new(),
            root: root.to_owned(),
            changed_for_git,
            unreadable,
        })
    }

    /// Tracked files that are absent because a sparse checkout leaves them out (skip-worktree).
    pub(crate) fn left_out_by_sparse_checkout(&self) -> Vec<TreePath> {
        let mut absent = Vec::new();
        for part in &self.parts {
            for at in 0..part.index.len() {
                if part.index.entry(at).skip_worktree {
                    let path = part.checkout_path(part.index.path(at));
                    if self.files.find(path.as_bytes()).is_none() {
                        absent.push(path);
                    }
                }
            }
        }
        absent.sort();
        absent
    }

    pub(in crate::git) fn identifier(&self) -> Identifier<'_> {
        Identifier {
            disk: &self.disk,
            parts: &self.parts,
            files: &self.files,
            known: &self.known,
            attributes: &self.attributes,
            stat_cache: &self.stat_cache,
            blob_sizes: &self.blob_sizes,
            keeps_modes: self.keeps_modes,
            now: stat_cache::now(),
        }
    }

    fn open_if_still(&self, path: &[u8], kind: InputKind) -> io::Result<Box<dyn Read + Send>> {
        Ok(match kind {
            InputKind::Folder => {
                self.disk.confirm_folder(path)?;
                Box::new(io::empty())
            }
            InputKind::Link => Box::new(io::Cursor::new(self.disk.link_target(path)?)),
            InputKind::File | InputKind::Executable => {
                let file = self.disk.open(path)?;
                let entry = self.files.find(path).map(|at| *self.files.data(at));
                let planned = kind == InputKind::Executable;
                if self.identifier().disk_has_modes(entry) && Disk::is_executable(&file)? != planned {
                    let now = if planned { "it is not executable any more" } else { "it is executable now" };
                    return Err(io::Error::other(now));
                }
                Box::new(file)
            }
        })
    }

    /// Whether git would say that the file is unchanged and the blob is what it has added.
    pub(in crate::git) fn is_as_in_index(&self, path: &TreePath, blob: BlobId) -> io::Result<bool> {
        let Some(at) = self.files.find(path.as_bytes()) else { return Ok(false) };
        let Some((part, index)) = self.files.data(at).tracked() else { return Ok(false) };
        let index_file = &self.parts[part].index;
        let entry = index_file.entry(index);
        let state = self.disk.state(path.as_bytes()).map_err(|error| named(path.as_bytes(), &error))?;
        if entry.blob != blob || !Index::may_be_unchanged(&entry, &state.stamp) {
            return Ok(false);
        }
        Ok(index_file.is_unchanged(&entry, &state.stamp) || !self.changed_for_git(part, index))
    }

    /// Whether git, which runs the filters of the user's own configuration to find out, says that a file is not what
    /// the index has. Everything counts as changed where it cannot be asked.
    fn changed_for_git(&self, part: usize, index: usize) -> bool {
        let changed = self.changed_for_git[part].get_or_init(|| {
            let part = &self.parts[part];
            let git = Git::with_work_tree(&part.git_dir, &TreePath::new(&part.folder).to_os(&self.root));
            let settings = ["-c", "core.trustctime=true", "-c", "core.checkStat=default"];
            let question = ["diff-files", "--name-only", "--no-ext-diff", "--ignore-submodules=all", "-z"];
            let answer = git.with_user_filters(&[&settings[..], &question].concat(), "compare files");
            let names = |answer: Vec<u8>| answer.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
            answer.ok().map(names)
        });
        changed.as_ref().is_none_or(|changed| changed.contains(self.parts[part].index.path(index)))
    }

    /// What stands at a path that was not listed, without following links.
    fn kind_on_disk(&self, path: &TreePath) -> Option<NodeKind> {
        let bytes = path.as_bytes();
        for slash in (0..bytes.len()).filter(|at| bytes[*at] == b'/') {
            if self.disk.state(&bytes[..slash]).ok()?.kind != NodeKind::Folder {
                return None;
            }
        }
        Some(self.disk.state(bytes).ok()?.kind)
    }

    /// How git sees what is not listed, by the ignored (or foreign) folder around it.
    fn unlisted_around(&self, path: &[u8]) -> Option<(NodeKind, Tracking)> {
        let ends = (0..path.len()).filter(|at| path[*at] == b'/').chain([path.len()]);
        let mut found = ends.filter_map(|end| self.unlisted.find(&path[..end]));
        found.next().map(|at| *self.unlisted.data(at))
    }

    fn list_on_disk(
        &self,
        folder: &[u8],
        tracking: Tracking,
        prune: &mut dyn FnMut(&TreePath) -> bool,
        nodes: &mut Vec<Node>,
    ) -> io::Result<()> {
        let mut listing = Listing::default();
        let mut waiting = vec![TreePath::new(folder)];
        while let Some(folder) = waiting.pop() {
            self.disk
                .list(folder.as_bytes(), &mut listing)
                .map_err(|error| named(folder.as_bytes(), &error))?;
            for (name, kind) in listing.iter().filter(|(name, _)| *name != b".git") {
                let path = folder.join(name);
                if kind != NodeKind::Folder {
                    nodes.push(Node { path, kind, tracking });
                } else if !prune(&path) {
                    waiting.push(path);
                }
            }
        }
        Ok(())
    }
}

fn is_git_folder(path: &TreePath) -> bool {
    path.components().any(|name| name == ".git")
}

/// The submodules that the indexes have and that are none of the `present` ones, which are sorted.
fn absent_submodules(parts: &[Part], present: &[TreePath]) -> Vec<TreePath> {
    let of_part = |part: &Part| -> Vec<TreePath> {
        let submodules = (0..part.index.len()).filter(|at| part.index.is_submodule(*at));
        let paths = submodules.map(|at| part.checkout_path(part.index.path(at)));
        paths.filter(|path| present.binary_search(path).is_err()).collect()
    };
    let mut absent: Vec<TreePath> = parts.iter().flat_map(of_part).collect();
    absent.sort();
    absent
}

impl FileTree for WorkTree {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        let bytes = path.as_bytes();
        match self.files.look_up(bytes) {
            LookUp::At(entry) => return Some(entry.kind),
            LookUp::Folder => return Some(NodeKind::Folder),
            LookUp::Nothing => {}
        }
        if path.is_root() || self.unlisted.has_below(bytes) {
            return Some(NodeKind::Folder);
        }
        if let Some(at) = self.unlisted.find(bytes) {
            return Some(self.unlisted.data(at).0);
        }
        // Everything else was seen when the folders were read.
        (is_git_folder(path) || self.unlisted_around(bytes).is_some())
            .then(|| self.kind_on_disk(path))
            .flatten()
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        let is_tracked = |at| self.files.data(at).tracked().is_some();
        match self.files.find(path.as_bytes()) {
            Some(at) => is_tracked(at),
            None => self.files.below(path.as_bytes()).any(is_tracked),
        }
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        let mut below = self.files.below(folder.as_bytes());
        below.any(|at| matches!(self.files.data(at).kind, NodeKind::File | NodeKind::Link))
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        if self.kind(path).is_none() {
            return Err(named(path.as_bytes(), &io::ErrorKind::NotFound.into()));
        }
        self.disk.read(path.as_bytes(), limit).map_err(|error| named(path.as_bytes(), &error))
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        let bytes = folder.as_bytes();
        let mut nodes = Vec::new();
        if is_git_folder(folder) {
            self.list_on_disk(bytes, Tracking::Ignored, prune, &mut nodes)?;
        } else if let Some((_, tracking)) = self.unlisted_around(bytes) {
            if self.kind(folder) == Some(NodeKind::Folder) {
                self.list_on_disk(bytes, tracking, prune, &mut nodes)?;
            }
        } else {
            list_both(bytes, (&self.files, &self.unlisted), prune, |found, prune| {
                match found {
                    Found::First(path, entry) => nodes.push(entry.node(path)),
                    Found::Second(path, (NodeKind::Folder, tracking)) => {
                        if !prune(&TreePath::new(path)) {
                            self.list_on_disk(path, *tracking, prune, &mut nodes)?;
                        }
                    }
                    Found::Second(path, (kind, tracking)) => {
                        nodes.push(Node { path: TreePath::new(path), kind: *kind, tracking: *tracking });
                    }
                }
                Ok(())
            })?;
        }
        // Folders that were read just now are not sorted.
        nodes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(nodes)
    }

    fn absent_submodule(&self, path: &TreePath) -> Option<TreePath> {
        if self.absent_submodules.is_empty() {
            return None;
        }
        let mut around = std::iter::successors(Some(path.clone()), TreePath::parent);
        around.find(|path| self.absent_submodules.binary_search(path).is_ok())
    }
}

impl Snapshot for WorkTree {
    fn nodes(&self) -> &[Node] {
        self.nodes.get_or_init(|| self.files.iter().map(|(path, entry)| entry.node(path)).collect())
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        for (path, entry) in self.files.iter() {
            visitor(path.into(), entry.kind, entry.tracking());
        }
    }

    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        self.identifier().identify(paths)
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        match self.kind(path) {
            Some(NodeKind::File) => {}
            // Links have few bytes; all the other kinds are errors, which reading says.
            _ => return Ok(Box::new(io::Cursor::new(self.read(path, limits::LINK)?))),
        }
        Ok(Box::new(self.disk.open(path.as_bytes()).map_err(|error| named(path.as_bytes(), &error))?))
    }

    fn open_planned(&self, path: &TreePath, kind: InputKind) -> io::Result<Box<dyn Read + Send>> {
        self.open_if_still(path.as_bytes(), kind).map_err(|error| named(path.as_bytes(), &error))
    }

    fn has_lfs(&self) -> bool {
        self.attributes.iter().any(|attributes| attributes.names_filter(LFS))
    }

    fn is_lfs_pointer(&self, path: &TreePath) -> bool {
        let holds = |part: &&(usize, &Part)| {
            part.1.folder.is_empty() || path.is_under(&TreePath::new(&part.1.folder))
        };
        let parts = self.parts.iter().enumerate().filter(|part| holds(&part));
        let Some((at, part)) = parts.max_by_key(|(_, part)| part.folder.len()) else { return false };
        let attributes = self.attributes[at].of(&path.as_bytes()[part.prefix_length()..]);
        let is_given = matches!(attributes.filter, Value::Text(name) if name == LFS);
        let begins = || -> io::Result<bool> {
            let mut begin = [0; LFS_POINTER.len()];
            self.disk.open(path.as_bytes())?.read_exact(&mut begin)?;
            Ok(begin == LFS_POINTER)
        };
        is_given && self.kind(path) == Some(NodeKind::File) && begins().unwrap_or(false)
    }

    fn cache_folder(&self) -> Option<PathBuf> {
        Some(self.parts.first()?.git_dir.join("shipwright"))
    }

    fn submodules(&self) -> &[TreePath] {
        &self.submodules
    }

    fn unreadable_folders(&self) -> &[(TreePath, String)] {
        &self.unreadable
    }
}

/// The filter of Git LFS, as `git lfs install` and `git lfs track` call it.
const LFS: &[u8] = b"lfs";

/// What the folders held, as one sorted list.
fn files(parts: &[Part], walked: &Walked) -> Files<Entry> {
    let count: usize = parts.iter().map(|part| part.index.len()).sum();
    let mut files = Files::beside(parts[0].index.clone(), count + walked.untracked.len());
    for (part_at, (part, codes)) in parts.iter().zip(&walked.tracked).enumerate() {
        for (at, code) in codes.iter().enumerate() {
            let Some(kind) = walk::kind_of_code(code.load(Relaxed)) else {
                continue;
            };
            let (Ok(part_number), Ok(index)) = (u16::try_from(part_at), u32::try_from(at)) else { continue };
            let entry = Entry { kind, part: part_number, index };
            if part_at == 0 {
                files.push_indexed(at, entry);
            } else {
                files.push(&[&part.folder, b"/", part.index.path(at)], entry);
            }
        }
    }
    for (path, kind) in &walked.untracked {
        files.push(&[path], Entry { kind: *kind, part: UNTRACKED, index: 0 });
    }
    if parts.len() > 1 || !walked.untracked.is_empty() {
        files.sort();
    }
    files
}

/// The attribute files of each part. One that was deleted still counts as it is in the index, as for git: what it
/// said was true when the files that it is about were checked out.
///
/// One that cannot be read is an error with its path: what it says may decide what the files are.
fn attributes(disk: &Disk, parts: &[Part], walked: &Walked) -> Result<Vec<Attributes>, (Vec<u8>, io::Error)> {
    let of_part = |(at, part): (usize, &Part)| {
        let mut texts: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (_, path) in walked.attribute_files.iter().filter(|(part, _)| *part == at) {
            match disk.read(path, limits::GIT_FILE) {
                Ok(text) => texts.push((path[part.prefix_length()..].to_owned(), text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((path.clone(), error)),
            }
        }
        let absent =
            walked.tracked[at].iter().enumerate().filter(|(_, code)| code.load(Relaxed) == walk::ABSENT);
        for (index, _) in absent {
            let path = part.index.path(index);
            if path.ends_with(ATTRIBUTES) && !part.index.is_submodule(index) {
                let text = part.read_blob(part.index.blob(index), limits::GIT_FILE).unwrap_or_default();
                texts.push((path.to_owned(), text));
            }
        }
        let sources: Vec<_> = texts
            .iter()
            .filter_map(|(path, text)| Some(AttributeText { folder: attributes::folder(path)?, text }))
            .collect();
        let settings = &part.settings;
        let general = settings.attributes_file.as_ref().and_then(|path| attributes::own(path));
        let info = attributes::own(&settings.info_attributes);
        Ok(Attributes::new(general.as_deref(), &sources, info.as_deref()))
    };
    parts.iter().enumerate().map(of_part).collect()
}
