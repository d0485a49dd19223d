use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bstr::{BStr, ByteSlice};
use git2::Oid;

use crate::git::commit::collector::{Collector, TreeFile};
use crate::git::commit::commit_object::Commit;
use crate::git::commit::gitmodules;
use crate::git::commit::tree_part::{PartSource, TreePart, read_whole};
use crate::git::repository::objects::Objects;
use crate::git::work_tree::attributes::{self, AttributeText, Attributes};
use crate::git::work_tree::blob_sizes::BlobSizes;
use crate::git::work_tree::conversion::{Conversion, Refusal};
use crate::git::work_tree::disk::named;
use crate::git::work_tree::files::{Files, Found, LookUp, list_both};
use crate::git::work_tree::index::{self, Index};
use crate::git::work_tree::whole::too_long;
use crate::git::{
    BlobHasher, BlobId, CheckoutError, CommitId, FileTree, Identity, InputKind, Node, NodeKind, Obstacle,
    Snapshot, Tracking, UserFolders, WorkTree, at_most,
};
use crate::limits;
use crate::path::TreePath;

/// The files of a commit, as git would check them out: with its own line endings and `$Id$`, but without the
/// user's filters. Submodules that are here are part of it, at the commits that it records for them.
pub(crate) struct CommitTree {
    commit: CommitId,
    pub(in crate::git) files: Files<TreeFile>,
    parts: Vec<TreePart>,
    submodules: Vec<TreePath>,
    /// Submodules whose commit is not here.
    hollow: Files<()>,
    /// Whether those count as files that cannot be read; else they are folders without content, as they are
    /// on disk.
    complete: bool,
    /// Whether sizes that would have to be asked for are left out.
    unsized_files: bool,
    nodes: OnceLock<Vec<Node>>,
    blob_sizes: Arc<BlobSizes>,
}

/// What reading a commit needs to know of the checkout.
pub(in crate::git) struct CheckoutFacts<'a> {
    pub(in crate::git) root: &'a Path,
    pub(in crate::git) user: &'a UserFolders,
    pub(in crate::git) blob_sizes: &'a Arc<BlobSizes>,
}

impl CommitTree {
    /// Reads the trees of `commit`. Where git has noted in `index` that a folder of it equals a tree, its
    /// entries are taken from there, which makes HEAD's tree nearly free.
    pub(in crate::git) fn read(
        origin: &CheckoutFacts<'_>,
        source: PartSource,
        index: &Arc<Index>,
        commit: CommitId,
    ) -> Result<Self, CheckoutError> {
        let mut tree = Self {
            commit,
            files: Files::beside(index.clone(), index.len()),
            parts: Vec::new(),
            submodules: Vec::new(),
            hollow: Files::new(),
            complete: false,
            unsized_files: false,
            nodes: OnceLock::new(),
            blob_sizes: origin.blob_sizes.clone(),
        };
        let oid = Oid::from_bytes(commit.as_bytes())
            .map_err(|error| CheckoutError::git("read a commit", &error))?;
        let root = {
            let odb = source
                .objects
                .one(oid)?
                .odb()
                .map_err(|error| CheckoutError::git("read a commit", &error))?;
            Commit::read(&odb, oid)?.tree
        };
        tree.add_part(origin, source, Vec::new(), root, index)?;
        if tree.parts.len() > 1 {
            tree.files.sort();
        }
        tree.hollow.sort();
        tree.submodules = tree.parts[1..].iter().map(|part| TreePath::new(&part.folder)).collect();
        tree.submodules.sort();
        Ok(tree)
    }

    fn add_part(
        &mut self,
        origin: &CheckoutFacts<'_>,
        source: PartSource,
        folder: Vec<u8>,
        root: Oid,
        index: &Index,
    ) -> Result<(), CheckoutError> {
        let first = self.files.len();
        let mut collector = Collector {
            objects: &source.objects,
            index,
            part: u32::try_from(self.parts.len()).unwrap_or(u32::MAX),
            prefix: if folder.is_empty() { Vec::new() } else { [&folder[..], b"/"].concat() },
            links_are_files: !source.settings.symlinks,
            files: &mut self.files,
            submodules: Vec::new(),
        };
        collector.collect(root)?;
        let submodules = collector.submodules;
        let names = if submodules.is_empty() {
            HashMap::new()
        } else {
            submodule_names(&self.files, first, &folder, &source.objects)?
        };
        let prefix = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let mut below = Vec::new();
        for (path, commit) in submodules {
            let name = names.get(&path[prefix..]);
            let place = TreePath::new(&path).to_os(origin.root);
            let found = source.of_submodule(name.map(Vec::as_slice), &place, commit, origin.user);
            let found = found.and_then(|(source, index)| {
                let root = Commit::read(&source.objects.one(commit).ok()?.odb().ok()?, commit).ok()?.tree;
                Some((source, index, root))
            });
            match found {
                Some(found) => below.push((path, found)),
                None => self.hollow.push(&[&path], ()),
            }
        }
        let attributes = attributes(&self.files, first, &folder, &source)?;
        self.parts.push(TreePart::new(source, folder, attributes));
        for (path, (source, index, root)) in below {
            self.add_part(origin, source, path, root, &index)?;
        }
        Ok(())
    }

    /// The same tree, to build from: submodules whose commit is not here become files that cannot be read
    /// (their [`Obstacle`] says why) instead of folders without content.
    #[must_use]
    pub(crate) fn complete(self) -> Self {
        Self { complete: true, ..self }
    }

    /// The same tree, to find keys by: sizes may be 0, so blobs that only have to be named need not be here, as in
    /// a partial clone.
    #[must_use]
    pub(crate) fn without_sizes(self) -> Self {
        Self { unsized_files: true, ..self }
    }

    /// Where git writes links as files, those that are links in `tree` all the same are links: neither is an edit.
    pub(in crate::git) fn with_links_of(mut self, tree: &WorkTree) -> Self {
        for at in 0..self.files.len() {
            if index::is_written_link(self.files.data(at).mode)
                && tree.kind(&TreePath::new(self.files.path(at))) == Some(NodeKind::Link)
            {
                self.files.data_mut(at).mode = index::LINK;
            }
        }
        self
    }

    /// Submodules whose commit is not here, sorted.
    pub(crate) fn absent_submodules(&self) -> Vec<TreePath> {
        self.hollow.iter().map(|(path, ())| TreePath::new(path)).collect()
    }

    pub(crate) fn commit(&self) -> CommitId {
        self.commit
    }

    /// The blob of a file as it is, whatever git would make of it on disk.
    pub(in crate::git) fn raw_blob(&self, path: &TreePath) -> Option<BlobId> {
        Some(self.files.data(self.files.find(path.as_bytes())?).blob)
    }

    /// The bytes of the blob as they are.
    pub(in crate::git) fn read_raw(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.files.data(self.find(path)?);
        self.part(file).read_at_most(file.blob, limit).map_err(|error| named(path.as_bytes(), &error))
    }

    pub(in crate::git) fn identify_raw(&self, path: &TreePath) -> io::Result<Identity> {
        let file = self.files.data(self.find(path)?);
        Ok(Identity { kind: file.kind(), blob: file.blob, size: self.size(file)?, modified_ns: None })
    }

    pub(in crate::git) fn is_written_link(&self, at: usize) -> bool {
        index::is_written_link(self.files.data(at).mode)
    }

    pub(in crate::git) fn content(&self, at: usize) -> io::Result<(InputKind, BlobId)> {
        let file = self.files.data(at);
        let blob = match self.conversion(at)? {
            None => file.blob,
            Some(conversion) => {
                BlobHasher::hash(&conversion.apply(self.part(file).read(file.blob)?, file.blob))
            }
        };
        Ok((file.kind(), blob))
    }

    /// The blob that a build would see if the file had this one.
    pub(in crate::git) fn blob_as(&self, path: &TreePath, blob: BlobId) -> io::Result<BlobId> {
        let part = self.part(self.files.data(self.find(path)?));
        let conversion = part
            .conversion(path.as_bytes(), blob)
            .map_err(|refusal| io::Error::new(io::ErrorKind::Unsupported, refusal.to_string()))?;
        Ok(match conversion {
            None => blob,
            Some(conversion) => BlobHasher::hash(&conversion.apply(part.read(blob)?, blob)),
        })
    }

    fn conversion(&self, at: usize) -> io::Result<Option<Conversion>> {
        let path = self.files.path(at);
        self.allowed_conversion(at)
            .map_err(|refusal| named(path, &io::Error::new(io::ErrorKind::Unsupported, refusal.to_string())))
    }

    fn allowed_conversion(&self, at: usize) -> Result<Option<Conversion>, Refusal> {
        let file = self.files.data(at);
        if index::is_target(file.mode) {
            return Ok(None);
        }
        self.part(file).conversion(self.files.path(at), file.blob)
    }

    fn part(&self, file: &TreeFile) -> &TreePart {
        &self.parts[file.part as usize]
    }

    /// Asking for the sizes of blobs takes longer than everything else together. The index knows them, except
    /// where git converts files: it has noted the size of the file, not of the blob.
    fn size(&self, file: &TreeFile) -> io::Result<u64> {
        let part = self.part(file);
        let size = u64::from(file.size);
        if self.unsized_files {
            return Ok(size);
        }
        if size > 0 && (!part.may_convert() || self.blob_sizes.is_known(file.blob, size)) {
            return Ok(size);
        }
        let size = part.size(file.blob)?;
        self.blob_sizes.learn(file.blob, size);
        Ok(size)
    }

    fn find(&self, path: &TreePath) -> io::Result<usize> {
        let missing = || named(path.as_bytes(), &io::ErrorKind::NotFound.into());
        self.files.find(path.as_bytes()).ok_or_else(missing)
    }

    /// The submodule that is not here and that the path is in, or is.
    fn hollow_around(&self, path: &TreePath) -> Option<TreePath> {
        let around = std::iter::successors(Some(path.clone()), TreePath::parent);
        around.into_iter().find(|path| self.hollow.find(path.as_bytes()).is_some())
    }

    fn node(path: &[u8], file: &TreeFile) -> Node {
        Node { path: TreePath::new(path), kind: file.node_kind(), tracking: Tracking::Tracked }
    }
}

/// The attribute files among those that were added since `first`.
fn attributes(
    files: &Files<TreeFile>,
    first: usize,
    folder: &[u8],
    source: &PartSource,
) -> Result<Attributes, CheckoutError> {
    let prefix = if folder.is_empty() { 0 } else { folder.len() + 1 };
    let mut texts = Vec::new();
    for at in first..files.len() {
        let Some(folder) = attributes::folder(&files.path(at)[prefix..]) else { continue };
        let file = files.data(at);
        if !index::is_target(file.mode) {
            let text = read_whole(&source.objects, file.blob, files.path(at), limits::GIT_FILE)?;
            texts.push((folder, text));
        }
    }
    let sources: Vec<_> = texts.iter().map(|(folder, text)| AttributeText { folder, text }).collect();
    let settings = &source.settings;
    let general = settings.attributes_file.as_ref().and_then(|path| attributes::own(path));
    let info = attributes::own(&settings.info_attributes);
    Ok(Attributes::new(general.as_deref(), &sources, info.as_deref()))
}

/// Under which names the repository keeps its submodules, by their paths.
fn submodule_names(
    files: &Files<TreeFile>,
    first: usize,
    folder: &[u8],
    objects: &Objects,
) -> Result<HashMap<Vec<u8>, Vec<u8>>, CheckoutError> {
    let path = TreePath::new(folder).join(".gitmodules");
    let is_it = |at: &usize| files.path(*at) == path.as_bytes() && !index::is_target(files.data(*at).mode);
    match (first..files.len()).find(is_it) {
        Some(at) => {
            let text = read_whole(objects, files.data(at).blob, files.path(at), limits::GIT_FILE)?;
            Ok(gitmodules::names(&text))
        }
        None => Ok(HashMap::new()),
    }
}

impl FileTree for CommitTree {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        match self.files.look_up(path.as_bytes()) {
            LookUp::At(file) => return Some(file.node_kind()),
            LookUp::Folder => return Some(NodeKind::Folder),
            LookUp::Nothing => {}
        }
        if path.is_root() || self.hollow.has_below(path.as_bytes()) {
            return Some(NodeKind::Folder);
        }
        // What is in a submodule that is not here is not known, so it may be anything.
        match self.hollow_around(path) {
            Some(_) if self.complete => Some(NodeKind::File),
            Some(submodule) if submodule == *path => Some(NodeKind::Folder),
            _ => None,
        }
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.files.find(path.as_bytes()).is_some()
            || self.files.has_below(path.as_bytes())
            || (self.complete && self.hollow_around(path).is_some())
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        self.files.has_below(folder.as_bytes()) || (self.complete && self.hollow.has_below(folder.as_bytes()))
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.files.data(self.find(path)?);
        let is_too_long = self.part(file).size(file.blob).is_ok_and(|size| size > limit);
        let read = if is_too_long { Err(too_long(limit)) } else { at_most(self.open(path)?, limit) };
        read.map_err(|error| if is_too_long { named(path.as_bytes(), &error) } else { error })
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        let mut nodes = Vec::new();
        let nothing = Files::<()>::new();
        let hollow = if self.complete { &self.hollow } else { &nothing };
        list_both(folder.as_bytes(), (&self.files, hollow), prune, |found, _| {
            nodes.push(match found {
                Found::First(path, file) => Self::node(path, file),
                Found::Second(path, ()) => {
                    Node { path: TreePath::new(path), kind: NodeKind::File, tracking: Tracking::Tracked }
                }
            });
            Ok(())
        })?;
        Ok(nodes)
    }

    fn absent_submodule(&self, path: &TreePath) -> Option<TreePath> {
        self.hollow_around(path)
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
            let (blob, size) = match self.conversion(at)? {
                Some(conversion) => {
                    let bytes = conversion.apply(self.part(file).read(file.blob)?, file.blob);
                    (BlobHasher::hash(&bytes), bytes.len() as u64)
                }
                None => (file.blob, self.size(file)?),
            };
            Ok(Identity { kind: file.kind(), blob, size, modified_ns: None })
        };
        paths.iter().map(one).collect()
    }

    fn length(&self, path: &TreePath, identified: u64) -> io::Result<u64> {
        let at = self.find(path)?;
        match self.conversion(at)? {
            Some(_) => Ok(identified),
            None => self.part(self.files.data(at)).size(self.files.data(at).blob),
        }
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        let at = self.find(path)?;
        let file = self.files.data(at);
        let part = self.part(file);
        let named = |error: io::Error| named(path.as_bytes(), &error);
        match self.conversion(at)? {
            // Whether line endings are converted at all depends on the whole file.
            Some(conversion) => {
                let bytes = part.read(file.blob).map_err(named)?;
                Ok(Box::new(Cursor::new(conversion.apply(bytes, file.blob))))
            }
            None => part.open(file.blob).map_err(named),
        }
    }

    fn obstacle(&self, path: &TreePath) -> Option<Obstacle> {
        if let Some(at) = self.files.find(path.as_bytes()) {
            return Some(self.allowed_conversion(at).err()?.obstacle(&self.commit));
        }
        self.hollow_around(path).filter(|_| self.complete).map(|path| Obstacle::submodule(&path))
    }

    fn cache_folder(&self) -> Option<PathBuf> {
        Some(self.parts.first()?.git_dir.join("shipwright"))
    }

    fn submodules(&self) -> &[TreePath] {
        &self.submodules
    }
}
