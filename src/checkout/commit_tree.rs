use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bstr::{BStr, ByteSlice};
use git2::{Oid, Repository};

use super::attributes::{Attributes, Source};
use super::blob_sizes::BlobSizes;
use super::conversion::{AutoCrlf, Conversion, Unsupported};
use super::discover::Opened;
use super::files::{Files, Found, list_both};
use super::index::{self, CachedTree, Index};
use super::part::{PartSettings, oid, read_index};
use super::tree_object::TreeEntries;
use super::work_tree::{attributes_folder, named};
use super::{
    BlobHasher, BlobId, CheckoutError, CommitId, FileTree, Identity, InputKind, Node, NodeKind, Snapshot,
    Tracking, UserFolders,
};
use crate::path::TreePath;

/// Git itself refuses to write deeper trees (`core.maxTreeDepth`).
const DEEPEST: usize = 2048;

/// The files of a commit, as git would check them out: with its own line endings and `$Id$`, but without the
/// user's filters. Submodules that are here are part of it, at the commits that it records for them.
pub struct CommitTree {
    commit: CommitId,
    pub(super) files: Files<TreeFile>,
    parts: Vec<TreePart>,
    submodules: Vec<TreePath>,
    /// Submodules whose commit is not here: folders without content.
    hollow: Vec<TreePath>,
    nodes: OnceLock<Vec<Node>>,
    blob_sizes: Arc<BlobSizes>,
}

/// A file of a tree object.
pub(super) struct TreeFile {
    mode: u32,
    blob: BlobId,
    part: u32,
    /// As the index has it; 0 where it says nothing.
    size: u32,
}

/// The repository that a part of the files comes from.
struct TreePart {
    folder: Vec<u8>,
    repository: Mutex<Repository>,
    attributes: Attributes,
    settings: PartSettings,
}

/// What reading a commit needs to know of the checkout.
pub(super) struct Origin<'a> {
    pub(super) root: &'a Path,
    pub(super) common_dir: &'a Path,
    pub(super) user: &'a UserFolders,
    pub(super) blob_sizes: &'a Arc<BlobSizes>,
}

impl CommitTree {
    /// Reads the trees of `commit`. Where git has noted in `index` that a folder of it equals a tree, its
    /// entries are taken from there, which makes HEAD's tree nearly free.
    pub(super) fn read(
        origin: &Origin<'_>,
        repository: Repository,
        index: &Arc<Index>,
        settings: PartSettings,
        commit: CommitId,
    ) -> Result<Self, CheckoutError> {
        let mut tree = Self {
            commit,
            files: Files::beside(index.clone(), index.len()),
            parts: Vec::new(),
            submodules: Vec::new(),
            hollow: Vec::new(),
            nodes: OnceLock::new(),
            blob_sizes: origin.blob_sizes.clone(),
        };
        let oid = Oid::from_bytes(commit.as_bytes())
            .map_err(|error| CheckoutError::git("read a commit", &error))?;
        let root = repository
            .find_commit(oid)
            .map(|commit| commit.tree_id())
            .map_err(|error| CheckoutError::object(oid, &error))?;
        tree.add_part(origin, repository, settings, Vec::new(), root, index)?;
        if tree.parts.len() > 1 {
            tree.files.sort();
        }
        tree.submodules = tree.parts[1..].iter().map(|part| TreePath::new(&part.folder)).collect();
        tree.submodules.sort();
        Ok(tree)
    }

    fn add_part(
        &mut self,
        origin: &Origin<'_>,
        repository: Repository,
        settings: PartSettings,
        folder: Vec<u8>,
        root: Oid,
        index: &Index,
    ) -> Result<(), CheckoutError> {
        let first = self.files.len();
        let part = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        let mut collector = Collector {
            repository: &repository,
            index,
            part,
            prefix: if folder.is_empty() { Vec::new() } else { [&folder[..], b"/"].concat() },
            files: &mut self.files,
            submodules: Vec::new(),
        };
        let cached = index.cached_trees();
        let cached = cached.as_ref().map(|cached| (cached, 0..index.len()));
        collector.folder(root, &mut Vec::new(), cached.as_ref(), 0)?;
        let submodules = collector.submodules;
        let attributes = attributes(&self.files, first, &folder, &repository, &settings);
        self.parts.push(TreePart { folder, repository: Mutex::new(repository), attributes, settings });
        for (path, commit) in submodules {
            let path = TreePath::new(path);
            let opened = open_submodule(origin, &path).and_then(|(repository, settings, index)| {
                let root = repository.find_commit(commit).ok()?.tree_id();
                Some((repository, settings, index, root))
            });
            match opened {
                Some((repository, settings, index, root)) => {
                    self.add_part(origin, repository, settings, path.as_bytes().to_owned(), root, &index)?;
                }
                None => self.hollow.push(path),
            }
        }
        Ok(())
    }

    /// Which commit it is.
    pub fn commit(&self) -> CommitId {
        self.commit
    }

    /// What the file at `path` would be on disk; `None` if the commit has no such file. Cheaper than
    /// [`Snapshot::identify`], which has to find out sizes.
    pub fn blob(&self, path: &TreePath) -> io::Result<Option<(InputKind, BlobId)>> {
        self.files.find(path.as_bytes()).map(|at| self.content(at)).transpose()
    }

    pub(super) fn raw_blob(&self, at: usize) -> BlobId {
        self.files.data(at).blob
    }

    pub(super) fn content(&self, at: usize) -> io::Result<(InputKind, BlobId)> {
        let file = self.files.data(at);
        let blob = match self.conversion(at)? {
            None => file.blob,
            Some(_) => BlobHasher::hash(&self.bytes(at)?),
        };
        Ok((file.kind(), blob))
    }

    fn conversion(&self, at: usize) -> io::Result<Option<Conversion>> {
        let file = self.files.data(at);
        let part = &self.parts[file.part as usize];
        let settings = &part.settings;
        if index::is_link(file.mode)
            || (part.attributes.is_empty() && settings.eol.autocrlf != AutoCrlf::True)
        {
            return Ok(None);
        }
        let path = self.files.path(at);
        let attributes = part.attributes.of(&path[part.prefix_length()..]);
        Conversion::of(&attributes, settings.eol).map_err(|unsupported| {
            let what = match unsupported {
                Unsupported::Filter(name) => format!("the filter `{name}`"),
                Unsupported::Encoding(name) => format!("the working-tree-encoding `{name}`"),
            };
            let message = format!("{what} makes its content, which reading a commit does not run");
            named(path, &io::Error::new(io::ErrorKind::Unsupported, message))
        })
    }

    /// The bytes as they would be on disk.
    fn bytes(&self, at: usize) -> io::Result<Vec<u8>> {
        let conversion = self.conversion(at)?;
        let file = self.files.data(at);
        let repository = self.parts[file.part as usize].repository();
        let bytes = read_blob(&repository, file.blob)?;
        Ok(match conversion {
            Some(conversion) => conversion.apply(bytes, file.blob),
            None => bytes,
        })
    }

    /// Asking for the sizes of blobs takes longer than everything else together. The index knows them, except
    /// where git converts files: it has noted the size of the file, not of the blob.
    fn size(&self, file: &TreeFile) -> io::Result<u64> {
        let part = &self.parts[file.part as usize];
        let is_converted = !part.attributes.is_empty() || part.settings.eol.autocrlf != AutoCrlf::False;
        let size = u64::from(file.size);
        if size > 0 && (!is_converted || self.blob_sizes.is_known(file.blob, size)) {
            return Ok(size);
        }
        let oid = oid(file.blob);
        let header = part.repository().odb().and_then(|odb| odb.read_header(oid));
        let (size, _) = header.map_err(|error| CheckoutError::object(oid, &error))?;
        self.blob_sizes.learn(file.blob, size as u64);
        Ok(size as u64)
    }

    fn find(&self, path: &TreePath) -> io::Result<usize> {
        let missing = || named(path.as_bytes(), &io::ErrorKind::NotFound.into());
        self.files.find(path.as_bytes()).ok_or_else(missing)
    }

    fn node(path: &[u8], file: &TreeFile) -> Node {
        Node { path: TreePath::new(path), kind: file.node_kind(), tracking: Tracking::Tracked }
    }
}

fn read_blob(repository: &Repository, blob: BlobId) -> io::Result<Vec<u8>> {
    let oid = oid(blob);
    let object = repository.odb().and_then(|odb| Ok(odb.read(oid)?.data().to_vec()));
    object.map_err(|error| CheckoutError::object(oid, &error).into())
}

impl TreePart {
    fn repository(&self) -> MutexGuard<'_, Repository> {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prefix_length(&self) -> usize {
        if self.folder.is_empty() { 0 } else { self.folder.len() + 1 }
    }
}

impl TreeFile {
    fn node_kind(&self) -> NodeKind {
        if index::is_link(self.mode) { NodeKind::Link } else { NodeKind::File }
    }

    fn kind(&self) -> InputKind {
        if index::is_link(self.mode) {
            InputKind::Link
        } else if self.mode & 0o100 != 0 {
            InputKind::Executable
        } else {
            InputKind::File
        }
    }
}

/// Where a submodule's objects are: in the submodule, or kept by the repository around it. With its
/// settings, and the index if it is checked out.
fn open_submodule(origin: &Origin<'_>, path: &TreePath) -> Option<(Repository, PartSettings, Index)> {
    let folder = path.to_os(origin.root);
    if let Some(opened) = Opened::at(&folder) {
        let settings = PartSettings::new(opened.config(), &opened.common_dir, origin.user);
        let index = read_index(&opened.git_dir, &folder).unwrap_or_default();
        return Some((opened.repository, settings, index));
    }
    let repository = Repository::open(path.to_os(&origin.common_dir.join("modules"))).ok()?;
    let settings = PartSettings::new(repository.config().ok(), repository.commondir(), origin.user);
    Some((repository, settings, Index::default()))
}

/// Gathers the files of one repository's tree, in order.
struct Collector<'a> {
    repository: &'a Repository,
    index: &'a Index,
    part: u32,
    prefix: Vec<u8>,
    files: &'a mut Files<TreeFile>,
    submodules: Vec<(Vec<u8>, Oid)>,
}

impl Collector<'_> {
    /// `path` is the folder with its `/`; `cached` what the index knows of it.
    fn folder(
        &mut self,
        tree: Oid,
        path: &mut Vec<u8>,
        cached: Option<&(&CachedTree, Range<usize>)>,
        depth: usize,
    ) -> Result<(), CheckoutError> {
        if let Some((cached, range)) = cached
            && cached.valid == Some((range.len(), tree))
        {
            for at in range.clone() {
                let (mode, blob, size) = (self.index.mode(at), self.index.blob(at), self.index.size(at));
                if self.part == 0 && !index::is_submodule(mode) {
                    self.files.push_indexed(at, TreeFile { mode, blob, part: 0, size });
                } else {
                    self.file(mode, blob, size, self.index.path(at));
                }
            }
            return Ok(());
        }
        if depth > DEEPEST {
            return Err(CheckoutError::Git {
                action: "read a tree",
                message: "its folders are too deep".to_owned(),
            });
        }
        let odb = self.repository.odb().map_err(|error| CheckoutError::git("read a tree", &error))?;
        let object = odb.read(tree).map_err(|error| CheckoutError::object(tree, &error))?;
        let length = path.len();
        for entry in TreeEntries::new(object.data()) {
            path.truncate(length);
            path.extend_from_slice(entry.name);
            if index::is_folder(entry.mode) {
                let below = cached.and_then(|(cached, range)| {
                    let child = cached.child(entry.name)?;
                    Some((child, self.index.below(path, range.clone())))
                });
                path.push(b'/');
                self.folder(entry.oid(), path, below.as_ref(), depth + 1)?;
            } else {
                self.file(entry.mode, BlobId::new(entry.id), 0, path);
            }
        }
        path.truncate(length);
        Ok(())
    }

    fn file(&mut self, mode: u32, blob: BlobId, size: u32, path: &[u8]) {
        if index::is_submodule(mode) {
            self.submodules.push(([&self.prefix[..], path].concat(), oid(blob)));
        } else {
            self.files.push(&[&self.prefix, path], TreeFile { mode, blob, part: self.part, size });
        }
    }
}

/// The attribute files among those that were added since `first`.
fn attributes(
    files: &Files<TreeFile>,
    first: usize,
    folder: &[u8],
    repository: &Repository,
    settings: &PartSettings,
) -> Attributes {
    let prefix = if folder.is_empty() { 0 } else { folder.len() + 1 };
    let mut texts = Vec::new();
    for at in first..files.len() {
        let Some(folder) = attributes_folder(&files.path(at)[prefix..]) else { continue };
        let file = files.data(at);
        if !index::is_link(file.mode) {
            texts.push((folder, read_blob(repository, file.blob).unwrap_or_default()));
        }
    }
    let sources: Vec<_> = texts.iter().map(|(folder, text)| Source { folder, text }).collect();
    let general = settings.attributes_file.as_ref().and_then(|path| std::fs::read(path).ok());
    let info = std::fs::read(&settings.info_attributes).ok();
    Attributes::new(general.as_deref(), &sources, info.as_deref())
}

impl FileTree for CommitTree {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        if let Some(at) = self.files.find(path.as_bytes()) {
            return Some(self.files.data(at).node_kind());
        }
        let is_folder = path.is_root() || self.files.has_below(path.as_bytes()) || self.hollow.contains(path);
        is_folder.then_some(NodeKind::Folder)
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.files.find(path.as_bytes()).is_some() || self.files.has_below(path.as_bytes())
    }

    fn read(&self, path: &TreePath) -> io::Result<Vec<u8>> {
        self.bytes(self.find(path)?)
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        let mut nodes = Vec::new();
        let nothing = Files::<()>::new();
        list_both(folder.as_bytes(), (&self.files, &nothing), prune, |found, _| {
            if let Found::First(path, file) = found {
                nodes.push(Self::node(path, file));
            }
            Ok(())
        })?;
        Ok(nodes)
    }
}

impl Snapshot for CommitTree {
    fn nodes(&self) -> &[Node] {
        self.nodes.get_or_init(|| self.files.iter().map(|(path, file)| Self::node(path, file)).collect())
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        for (path, file) in self.files.iter() {
            visitor(path.as_bstr(), file.node_kind(), Tracking::Tracked);
        }
    }

    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        let mut hint = 0;
        let one = |path: &&TreePath| {
            let missing = || named(path.as_bytes(), &io::ErrorKind::NotFound.into());
            let at = self.files.find_near(path.as_bytes(), &mut hint).ok_or_else(missing)?;
            let file = self.files.data(at);
            let (blob, size) = if self.conversion(at)?.is_some() {
                let bytes = self.bytes(at)?;
                (BlobHasher::hash(&bytes), bytes.len() as u64)
            } else {
                (file.blob, self.size(file)?)
            };
            Ok(Identity { kind: file.kind(), blob, size, modified_ns: None })
        };
        paths.iter().map(one).collect()
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.read(path)?)))
    }

    fn submodules(&self) -> &[TreePath] {
        &self.submodules
    }
}
