use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bstr::BStr;

use super::*;
use crate::evidence::{EvidenceChoice, gather};
use crate::git::memory_tree::MemoryTree;
use crate::git::{FileTree, Identity, Node, Tracking};

/// A tree that remembers in a folder, and counts which files are read.
struct Remembering {
    tree: MemoryTree,
    folder: PathBuf,
    read: AtomicUsize,
}

impl FileTree for Remembering {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        self.tree.kind(path)
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.tree.is_tracked(path)
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        self.tree.has_versioned_below(folder)
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        self.read.fetch_add(1, Relaxed);
        self.tree.read(path, limit)
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        self.tree.list(folder, prune)
    }
}

impl Snapshot for Remembering {
    fn nodes(&self) -> &[Node] {
        self.tree.nodes()
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        self.tree.visit(visitor);
    }

    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        self.tree.identify(paths)
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        self.tree.open(path)
    }

    fn cache_folder(&self) -> Option<PathBuf> {
        Some(self.folder.clone())
    }

    fn submodules(&self) -> &[TreePath] {
        &[]
    }
}

const COMPOSE: &str = "\
include: [more.yml]
services:
  api:
    image: ghcr.io/${OWNER}/api:1.2
    platforms: [linux/amd64]
    build: {context: api, target: prod, args: {A: b}, additional_contexts: {x: 'service:web', y: 'docker-image://busybox:1', z: ./gone, w: ./api, v: 'https://x'}}
";

const FILES: [(&str, &str); 8] = [
    ("compose.yaml", COMPOSE),
    (".env", "OWNER=acme\n"),
    ("more.yml", "services: {web: {image: acme/web, build: {context: web}}}\n"),
    ("broken.compose.yml", "services:\n  a: {build: docker build .\n"),
    ("Makefile", "all:\n\tdocker build -t acme/tool tool\n"),
    ("api/Dockerfile", ""),
    ("web/Dockerfile", ""),
    ("tool/Dockerfile", ""),
];

/// What comes of `files`, and how many of them are read for it.
fn gathered(folder: &Path, files: &[(&str, &str)]) -> (crate::evidence::Accounts, Vec<TreePath>, usize) {
    let tree = MemoryTree::new(files.iter().copied());
    let tree = Remembering { tree, folder: folder.to_owned(), read: AtomicUsize::new(0) };
    let evidence: Vec<(TreePath, Kind)> = [
        ("Makefile", Kind::Makefile),
        ("broken.compose.yml", Kind::Compose),
        ("compose.yaml", Kind::Compose),
    ]
    .into_iter()
    .filter(|(path, _)| files.iter().any(|(file, _)| file == path))
    .map(|(path, kind)| (path.into(), kind))
    .collect();
    let mut dockerfiles: Vec<TreePath> = files
        .iter()
        .filter(|(path, _)| path.ends_with("Dockerfile"))
        .map(|(path, _)| (*path).into())
        .collect();
    dockerfiles.sort();
    let (accounts, seen) = gather(&tree, &dockerfiles, &evidence, &BTreeSet::new(), &EvidenceChoice::All);
    (accounts, seen, tree.read.load(Relaxed))
}

fn with<'a>(path: &'a str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    FILES.iter().copied().filter(|(file, _)| *file != path).chain([(path, text)]).collect()
}

#[test]
fn what_was_read_once_is_not_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (accounts, seen, read) = gathered(folder.path(), &FILES);
    assert!(read >= 5, "{read} files were read");
    assert_eq!(accounts.of.len(), 3, "{accounts:?}");
    assert_eq!(accounts.diagnostics.len(), 1, "{accounts:?}");
    assert_eq!(gathered(folder.path(), &FILES), (accounts, seen, 0));
}

#[test]
fn whatever_a_reading_rests_on_is_looked_up_again() {
    let gone: Vec<(&str, &str)> = FILES.iter().copied().filter(|(path, _)| *path != ".env").collect();
    let dev = COMPOSE.replace("prod", "dev");
    let changes = [
        with("compose.yaml", &dev),
        with("more.yml", "services: {web: {image: acme/site, build: {context: web}}}\n"),
        with(".env", "OWNER=umbrella\n"),
        gone,
        with("gone/file", ""),
        with(".env.example", "OWNER=nobody\n"),
        with("compose.override.yaml", "services: {}\n"),
        with("api/more/Dockerfile", ""),
    ];
    for files in changes {
        let folder = tempfile::tempdir().expect("a folder");
        let fresh = tempfile::tempdir().expect("a folder");
        gathered(folder.path(), &FILES);
        let (accounts, seen, _) = gathered(folder.path(), &files);
        let (expected, expected_seen, _) = gathered(fresh.path(), &files);
        assert_eq!((accounts, seen), (expected, expected_seen));
    }
}

#[test]
fn a_change_of_one_kind_does_not_concern_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    gathered(folder.path(), &FILES);
    let (accounts, _, read) =
        gathered(folder.path(), &with("Makefile", "all:\n\tdocker build -t acme/other tool\n"));
    assert_eq!(read, 1);
    let tool = &accounts.of[&"tool/Dockerfile".into()][0];
    assert_eq!(tool.name.as_ref().map(|name| &*name.value.repository), Some("acme/other"));
}

#[test]
fn a_damaged_memory_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let (accounts, ..) = gathered(folder.path(), &FILES);
    for entry in fs::read_dir(folder.path().join("evidence")).expect("a folder").flatten() {
        let mut bytes = fs::read(entry.path()).expect("a file");
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(entry.path(), bytes).expect("writable");
    }
    let (again, _, read) = gathered(folder.path(), &FILES);
    assert_eq!(again, accounts);
    assert!(read > 0);
    let (again, _, read) = gathered(Path::new("/dev/null/x"), &FILES);
    assert_eq!(again, accounts);
    assert!(read > 0);
}

#[test]
fn bytes_that_do_not_fit_are_nothing() {
    let tree = MemoryTree::new([("compose.yaml", COMPOSE), ("api/Dockerfile", "")]);
    let dockerfiles = ["api/Dockerfile".into()];
    let door = Door::new(&tree, &dockerfiles, &[]);
    let reading = crate::evidence::compose::read(&["compose.yaml".into()], &door);
    let memo =
        Memo { heard: door.heard().expect("all was heard"), claims: reading.claims, notes: Vec::new() };
    let content = serde_json::to_vec(&memo).expect("it is text");
    assert_eq!(decode(&content).as_ref(), Some(&memo));
    for end in 0..content.len() {
        assert_eq!(decode(&content[..end]), None, "cut at {end}");
    }
}
