use std::collections::BTreeSet;
use std::io::Read as _;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::git::commit::differences::Differences;
use crate::git::testing::TestRepository;
use crate::git::{FileTree, Node, NodeKind, Snapshot, Tracking, WorkTree};
use crate::path::TreePath;

fn work_tree(repository: &TestRepository) -> WorkTree {
    repository.checkout().work_tree().expect("readable")
}

fn texts(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| node.path.to_text()).collect()
}

fn list(tree: &dyn FileTree, folder: &str) -> Vec<Node> {
    tree.list(&folder.into(), &mut |_| false).expect("readable")
}

/// Paths that git lists; other repositories come with a `/` at the end.
fn git_lists(repository: &TestRepository, arguments: &[&str]) -> BTreeSet<Vec<u8>> {
    let arguments = [&["ls-files", "-z"], arguments].concat();
    let listed = repository.git_in(repository.root(), arguments);
    let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty() && !path.ends_with(b"/"));
    paths.map(<[u8]>::to_owned).collect()
}

#[test]
fn tracked_untracked_and_ignored() {
    let repository = TestRepository::new();
    repository.write(".gitignore", "*.log\n/out/\n");
    repository.write("tracked", "");
    repository.write("out/tracked.txt", "");
    repository.write("kept.log", "");
    repository.git(["add", "--force", "--all"]);
    repository.write("new/file", "");
    repository.write("new/x.log", "");
    repository.write("out/ignored/deep", "");
    repository.write("out/b", "");
    std::fs::create_dir(repository.path("empty")).expect("writable");
    let tree = work_tree(&repository);
    assert_eq!(texts(tree.nodes()), [".gitignore", "kept.log", "new/file", "out/tracked.txt", "tracked"]);
    let untracked: Vec<_> = tree.nodes().iter().filter(|node| node.tracking == Tracking::Untracked).collect();
    assert_eq!(untracked.len(), 1);
    let mut visited = Vec::new();
    tree.visit(&mut |path, kind, tracking| visited.push(Node { path: TreePath::new(path), kind, tracking }));
    assert_eq!(visited, tree.nodes());

    for (path, kind) in [
        ("", Some(NodeKind::Folder)),
        ("tracked", Some(NodeKind::File)),
        ("new", Some(NodeKind::Folder)),
        ("empty", Some(NodeKind::Folder)),
        ("out/ignored", Some(NodeKind::Folder)),
        ("out/ignored/deep", Some(NodeKind::File)),
        ("out/ignored/absent", None),
        ("new/x.log", Some(NodeKind::File)),
        ("tracked/below", None),
        ("absent", None),
        (".git/HEAD", Some(NodeKind::File)),
        (".git", Some(NodeKind::Folder)),
    ] {
        assert_eq!(tree.kind(&path.into()), kind, "{path}");
    }
    for (path, tracked) in
        [("tracked", true), ("out", true), ("new", false), ("new/file", false), ("out/b", false)]
    {
        assert_eq!(tree.is_tracked(&path.into()), tracked, "{path}");
    }
    let listed = list(&tree, "out");
    assert_eq!(texts(&listed), ["out/b", "out/ignored/deep", "out/tracked.txt"]);
    assert_eq!(listed[0].tracking, Tracking::Ignored);
    assert_eq!(listed[1].tracking, Tracking::Ignored);
    assert_eq!(listed[2].tracking, Tracking::Tracked);
    assert_eq!(texts(&list(&tree, "out/ignored")), ["out/ignored/deep"]);
    assert_eq!(list(&tree, "absent"), []);
    assert!(!texts(&list(&tree, "")).iter().any(|path| path.starts_with(".git/")));
    assert!(texts(&list(&tree, ".git")).contains(&".git/HEAD".to_owned()), "because it was named");
    assert_eq!(tree.read(&"out/ignored/deep".into(), u64::MAX).expect("readable"), b"");
    assert!(tree.read(&"absent".into(), u64::MAX).is_err());
}

#[test]
fn pruned_folders_are_not_entered() {
    let repository = TestRepository::new();
    repository.write(".gitignore", "ignored/\n");
    repository.write("a/b/c", "");
    repository.write("a/d", "");
    repository.write("ignored/x/y", "");
    repository.write("ignored/z", "");
    let tree = work_tree(&repository);
    let mut asked = BTreeSet::new();
    let nodes = tree.list(&TreePath::root(), &mut |folder| {
        assert!(asked.insert(folder.to_text()), "{folder} twice");
        folder.file_name() == "b" || folder.file_name() == "x"
    });
    assert_eq!(texts(&nodes.expect("readable")), [".gitignore", "a/d", "ignored/z"]);
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), ["a", "a/b", "ignored", "ignored/x"]);
}

#[test]
fn other_repositories_are_entered_only_on_demand() {
    let repository = TestRepository::new();
    repository.write("nested/file", "");
    repository.git_in(&repository.path("nested"), ["init", "--quiet"]);
    repository.write("not/file", "");
    std::fs::create_dir(repository.path("not/.git")).expect("writable");
    let tree = work_tree(&repository);
    assert_eq!(texts(tree.nodes()), ["not/file"]);
    assert_eq!(tree.kind(&"nested/file".into()), Some(NodeKind::File));
    let listed = list(&tree, "");
    assert_eq!(texts(&listed), ["nested/file", "not/file"], "docker build would send it");
    assert_eq!(listed[0].tracking, Tracking::Untracked);
}

#[test]
fn submodules_are_part_of_the_checkout() {
    let repository = TestRepository::new();
    let (inner, library) = (TestRepository::new(), TestRepository::new());
    inner.write("deep.c", "1");
    inner.commit("inner");
    library.write(".gitignore", "*.o\n");
    library.write("lib.c", "1");
    library.git(["submodule", "--quiet", "add", inner.root().to_str().expect("text"), "inner"]);
    library.commit("library");
    repository.write(".gitignore", "*.c\n");
    repository.git(["submodule", "--quiet", "add", library.root().to_str().expect("text"), "deps/lib"]);
    repository.git(["submodule", "--quiet", "update", "--init", "--recursive"]);
    let commit = repository.commit("with a submodule");
    repository.write("deps/lib/lib.o", "ignored there");
    repository.write("deps/lib/new.c", "ignored only out here");
    repository.write("deps/lib-2", "");
    let checkout = repository.checkout();
    let tree = checkout.work_tree().expect("readable");
    let found = texts(tree.nodes());
    assert_eq!(
        found,
        [
            ".gitignore",
            ".gitmodules",
            "deps/lib-2",
            "deps/lib/.gitignore",
            "deps/lib/.gitmodules",
            "deps/lib/inner/deep.c",
            "deps/lib/lib.c",
            "deps/lib/new.c"
        ]
    );
    assert!(tree.is_tracked(&"deps/lib/inner/deep.c".into()));
    assert!(!tree.is_tracked(&"deps/lib/new.c".into()));
    assert_eq!(tree.submodules(), ["deps/lib".into(), "deps/lib/inner".into()]);
    let committed = checkout.commit_tree(commit.parse().expect("a commit")).expect("readable");
    assert_eq!(committed.submodules(), tree.submodules());
    let inputs: Vec<TreePath> = tree.nodes().iter().map(|node| node.path.clone()).collect();
    let differences = tree.differences(&committed, &inputs.iter().collect::<Vec<_>>()).expect("readable");
    assert_eq!(differences.added, ["deps/lib-2".into(), "deps/lib/new.c".into()]);
    assert_eq!((differences.removed, differences.modified), (vec![], vec![]));
    assert_eq!(committed.read(&"deps/lib/inner/deep.c".into(), u64::MAX).expect("there"), b"1");
}

#[test]
fn a_submodule_that_is_not_checked_out_is_an_empty_folder() {
    let repository = TestRepository::new();
    let library = TestRepository::new();
    library.write("lib.c", "1");
    library.commit("library");
    repository.git(["submodule", "--quiet", "add", library.root().to_str().expect("text"), "lib"]);
    let commit = repository.commit("with a submodule");
    repository.git(["submodule", "--quiet", "deinit", "--force", "lib"]);
    std::fs::remove_dir_all(repository.path(".git/modules")).expect("there");
    let checkout = repository.checkout();
    let tree = checkout.work_tree().expect("readable");
    let committed = checkout.commit_tree(commit.parse().expect("a commit")).expect("readable");
    for tree in [&tree as &dyn Snapshot, &committed] {
        assert_eq!(texts(tree.nodes()), [".gitmodules"]);
        assert_eq!(tree.kind(&"lib".into()), Some(NodeKind::Folder));
        assert_eq!(tree.submodules(), []);
        assert_eq!(texts(&list(tree, "")), [".gitmodules"]);
    }
}

#[cfg(unix)]
#[test]
fn names_are_bytes_links_are_links_pipes_are_neither() {
    let repository = TestRepository::new();
    let names: [&[u8]; 4] = [b"new\nline", b"not-utf8-\xff\xfe", b"quote\"\\", "日本".as_bytes()];
    for name in names {
        repository.write(name, "x");
    }
    repository.git(["add", "--all"]);
    repository.write(b"untracked-\xff", "y");
    repository.link("link", "target");
    repository.link("folder-link", "sub");
    repository.write("sub/file", "");
    let pipe = repository.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let tree = work_tree(&repository);
    for name in names {
        assert_eq!(tree.kind(&TreePath::new(name)), Some(NodeKind::File));
        assert_eq!(tree.read(&TreePath::new(name), u64::MAX).expect("readable"), b"x");
    }
    assert!(!tree.is_tracked(&TreePath::new(b"untracked-\xff")));
    assert_eq!(tree.kind(&"link".into()), Some(NodeKind::Link));
    assert_eq!(tree.read(&"link".into(), u64::MAX).expect("readable"), b"target");
    assert_eq!(tree.kind(&"folder-link".into()), Some(NodeKind::Link));
    assert_eq!(tree.kind(&"folder-link/file".into()), None, "links on the way are not followed");
    assert!(tree.read(&"folder-link/file".into(), u64::MAX).is_err());
    assert_eq!(tree.kind(&"pipe".into()), Some(NodeKind::Other));
    // Would wait forever for someone to write.
    assert!(tree.read(&"pipe".into(), u64::MAX).is_err());
    assert!(tree.open(&"pipe".into()).is_err());
    assert!(tree.identify(&[&"pipe".into()]).expect_err("no file").to_string().contains("pipe"));
    let mut bytes = Vec::new();
    tree.open(&"link".into()).expect("opens").read_to_end(&mut bytes).expect("readable");
    assert_eq!(bytes, b"target");
}

#[cfg(unix)]
#[test]
fn tracked_folders_that_became_links_are_links() {
    let repository = TestRepository::new();
    repository.write("d/file", "x");
    repository.write("e/file", "x");
    repository.write("f", "x");
    repository.commit("first");
    std::fs::remove_dir_all(repository.path("d")).expect("there");
    repository.link("d", "e");
    repository.remove("f");
    repository.write("f/below", "x");
    let tree = work_tree(&repository);
    assert_eq!(texts(tree.nodes()), ["d", "e/file", "f/below"]);
    assert!(!tree.is_tracked(&"d".into()));
    let head = repository.checkout().head().commit.expect("born");
    let committed = repository.checkout().commit_tree(head).expect("readable");
    let differences = tree.differences(&committed, &[]).expect("readable");
    assert_eq!(differences.added, ["d".into(), "f/below".into()]);
    assert_eq!(differences.removed, ["d/file".into(), "f".into()]);
}

#[test]
fn a_split_or_sparse_index_is_listed_by_git() {
    let repository = TestRepository::new();
    for name in ["a/1", "a/2", "b/1", "top"] {
        repository.write(name, name);
    }
    repository.commit("first");
    repository.git(["update-index", "--split-index"]);
    repository.write("b/1", "edited");
    let inputs: Vec<TreePath> = ["a/1", "b/1"].map(TreePath::from).into();
    let check = |tree: &WorkTree| {
        assert!(tree.is_tracked(&"a/1".into()));
        let identities = tree.identify(&inputs.iter().collect::<Vec<_>>()).expect("readable");
        assert_eq!(identities[1].blob.to_string(), repository.git(["hash-object", "b/1"]));
    };
    let tree = work_tree(&repository);
    assert_eq!(texts(tree.nodes()), ["a/1", "a/2", "b/1", "top"]);
    check(&tree);

    repository.git(["checkout", "--quiet", "."]);
    repository.git(["update-index", "--no-split-index"]);
    repository.git(["sparse-checkout", "set", "--cone", "--sparse-index", "b"]);
    let tree = work_tree(&repository);
    assert_eq!(texts(tree.nodes()), ["b/1", "top"]);
    assert_eq!(tree.left_out_by_sparse_checkout(), ["a/1".into(), "a/2".into()]);
}

#[test]
fn every_version_of_the_index_is_read() {
    let repository = TestRepository::new();
    for name in ["a/long/common/prefix/1", "a/long/common/prefix/2", "a/x", "b"] {
        repository.write(name, name);
    }
    repository.write(format!("{}/z", "d".repeat(200).clone()), "x");
    repository.commit("first");
    let expected = git_lists(&repository, &[]);
    for version in ["2", "3", "4"] {
        repository.git(["update-index", "--index-version", version]);
        if version == "3" {
            // Version 3 is written only where it is needed.
            repository.git(["update-index", "--skip-worktree", "b"]);
        }
        let found: BTreeSet<Vec<u8>> =
            work_tree(&repository).nodes().iter().map(|node| node.path.as_bytes().to_owned()).collect();
        assert_eq!(found, expected, "version {version}");
    }
}

#[test]
fn a_damaged_index_is_an_error_not_a_panic() {
    let repository = TestRepository::new();
    for number in 0..20 {
        repository.write(format!("d{number}/file"), "x");
    }
    repository.commit("first");
    let index = repository.path(".git/index");
    let good = std::fs::read(&index).expect("there");
    let mut random = StdRng::seed_from_u64(1);
    let checkout = repository.checkout();
    for _ in 0..300 {
        let mut bad = good.clone();
        match random.random_range(0..3) {
            0 => bad.truncate(random.random_range(0..good.len())),
            1 => bad[random.random_range(0..good.len())] ^= 1 << random.random_range(0..8),
            _ => {
                for _ in 0..20 {
                    bad[random.random_range(4..good.len())] = random.random();
                }
            }
        }
        std::fs::write(&index, &bad).expect("writable");
        if let Ok(tree) = checkout.work_tree() {
            let paths: Vec<TreePath> = tree.nodes().iter().map(|node| node.path.clone()).collect();
            let _ = tree.identify(&paths.iter().collect::<Vec<_>>());
        }
        let _ = checkout.commit_tree(checkout.head().commit.expect("born"));
    }
    std::fs::write(&index, &good[..40]).expect("writable");
    assert!(checkout.work_tree().is_err());
}

#[test]
fn differences_from_head() {
    let repository = TestRepository::new();
    for name in ["same", "edited", "mode", "gone", "staged"] {
        repository.write(name, name);
    }
    repository.commit("first");
    repository.write("edited", "more");
    repository.set_mode("mode", 0o755);
    repository.remove("gone");
    repository.write("staged", "staged");
    repository.write("added", "x");
    repository.write("new", "x");
    repository.git(["add", "added", "staged"]);
    let checkout = repository.checkout();
    let head = checkout.commit_tree(checkout.head().commit.expect("born")).expect("readable");
    let tree = checkout.work_tree().expect("readable");
    let inputs: Vec<TreePath> = tree.nodes().iter().map(|node| node.path.clone()).collect();
    let differences = tree.differences(&head, &inputs.iter().collect::<Vec<_>>()).expect("readable");
    let expected = Differences {
        added: vec!["added".into(), "new".into()],
        removed: vec!["gone".into()],
        modified: vec!["edited".into(), "mode".into()],
    };
    assert_eq!(differences, expected);
    let only = tree.differences(&head, &[&"same".into()]).expect("readable");
    assert_eq!(only.modified, []);
    assert_eq!(only.added, expected.added);
}

#[test]
fn commit_trees_are_what_git_lists_whatever_the_index_says() {
    let repository = TestRepository::new();
    for name in ["a/b/1", "a/b/2", "a/c/1", "d", "a-b"] {
        repository.write(name, name);
    }
    repository.set_mode("d", 0o755);
    let first = repository.commit("first");
    repository.write("a/b/1", "2");
    repository.remove("d");
    let second = repository.commit("second");
    // Git adds again what may have changed in the last second, and forgets the trees around it.
    repository.settle();
    repository.write("a/c/2", "staged");
    repository.git(["add", "a/c/2"]);
    let checkout = repository.checkout();
    for commit in [first, second] {
        let tree = checkout.commit_tree(commit.parse().expect("a commit")).expect("readable");
        let found: Vec<String> = tree
            .nodes()
            .iter()
            .map(|node| {
                let file = &tree.identify(&[&node.path]).expect("readable")[0];
                let mode = if file.kind == crate::git::InputKind::Executable { "100755" } else { "100644" };
                format!("{mode} blob {}\t{}", file.blob, node.path)
            })
            .collect();
        let expected = repository.git(["ls-tree", "-r", &commit]);
        assert_eq!(found, expected.lines().collect::<Vec<_>>());
    }
}

/// Random files, random ignore rules at random depths, some of it tracked.
#[test]
fn random_ignore_rules_give_what_git_gives() {
    let names = ["a", "b", "c", "x.log", "y.txt", ".hidden", "A b", "foo", "bar"];
    let patterns = [
        "*.log",
        "!x.log",
        "a",
        "/a",
        "a/",
        "/b/",
        "b/*",
        "!b/c",
        "**/foo",
        "foo/**",
        "a/**/b",
        "*",
        "!*/",
        "!*.txt",
        "#comment",
        "\\#x",
        "c ",
        "A\\ b",
        "[ab]",
        "[!a]",
        "?",
        ".hidden",
        "/*",
        "!/foo",
        "bar/**/x.log",
        "**",
        "a/b/",
        "!a/b/c",
        "foo*",
        "*/bar",
        "/foo/bar/",
        "",
        "  ",
        "!",
        "b/**/",
        "**/a/**",
        "a\\",
        "[",
        "!!a",
        "*.t?t",
        "a//b",
    ];
    for seed in 0..25 {
        let mut random = StdRng::seed_from_u64(seed);
        let repository = TestRepository::new();
        let any_folder = |random: &mut StdRng| {
            let depth = random.random_range(0..4);
            (0..depth).map(|_| *names.choose(random).expect("names")).collect::<Vec<_>>().join("/")
        };
        let try_write = |path: &str, content: &str| {
            let path = repository.path(path);
            let made = path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok());
            if made && !path.is_dir() {
                std::fs::write(path, content).expect("writable");
            }
        };
        for _ in 0..30 {
            let path = format!("{}/{}", any_folder(&mut random), names.choose(&mut random).expect("names"));
            try_write(path.trim_start_matches('/'), "x");
        }
        repository.git(["add", "--all"]);
        for _ in 0..30 {
            let path = format!("{}/{}", any_folder(&mut random), names.choose(&mut random).expect("names"));
            try_write(path.trim_start_matches('/'), "y");
        }
        for _ in 0..random.random_range(0..5) {
            let lines: Vec<&str> = (0..random.random_range(1..5))
                .map(|_| *patterns.choose(&mut random).expect("patterns"))
                .collect();
            let path = format!("{}/.gitignore", any_folder(&mut random));
            try_write(path.trim_start_matches('/'), &(lines.join("\n") + "\n"));
        }
        let line = *patterns.choose(&mut random).expect("patterns");
        repository.write(".git/info/exclude", line);
        for path in git_lists(&repository, &[]).iter().take(3) {
            let _ = std::fs::remove_file(repository.path(path));
        }

        let tree = work_tree(&repository);
        let found: BTreeSet<Vec<u8>> =
            tree.nodes().iter().map(|node| node.path.as_bytes().to_owned()).collect();
        let mut expected = git_lists(&repository, &["--cached", "--others", "--exclude-standard"]);
        expected.retain(|path| repository.path(path).symlink_metadata().is_ok_and(|found| !found.is_dir()));
        let text = |set: BTreeSet<Vec<u8>>| -> BTreeSet<String> {
            set.into_iter().map(|path| TreePath::new(path).to_text()).collect()
        };
        let rules = repository.git(["ls-files", "--others", "--cached", "*.gitignore", ".gitignore"]);
        let rules: Vec<String> = rules
            .lines()
            .map(|path| {
                format!("{path}: {:?}", std::fs::read_to_string(repository.path(path)).unwrap_or_default())
            })
            .collect();
        assert_eq!(text(found), text(expected), "seed {seed}, exclude {line:?}, {rules:#?}");
        // Everything there is, ignored or not, can be listed.
        let all = texts(&list(&tree, ""));
        let on_disk = repository.git(["ls-files", "--others", "--cached"]);
        let mut on_disk: Vec<&str> = on_disk
            .lines()
            .filter(|path| repository.path(path).symlink_metadata().is_ok_and(|f| !f.is_dir()))
            .collect();
        on_disk.sort_unstable();
        assert_eq!(all, on_disk, "seed {seed}");
    }
}
