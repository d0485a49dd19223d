use std::collections::BTreeMap;
use std::fs::File;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::git::testing::TestRepository;
use crate::git::{BlobHasher, BlobId, FileTree, Identity, InputKind, NodeKind, Snapshot, WorkTree};
use crate::path::TreePath;

fn identify(repository: &TestRepository, path: &str) -> Identity {
    let tree = repository.checkout().work_tree().expect("readable");
    tree.identify(&[&path.into()]).expect("readable")[0]
}

/// Compares every file there is, ignored ones included, with what `git hash-object` says about its bytes.
fn check_all(repository: &TestRepository, tree: &WorkTree) {
    let nodes = tree.list(&TreePath::root(), &mut |_| false).expect("readable");
    let paths: Vec<TreePath> = nodes.iter().map(|node| node.path.clone()).collect();
    let found = tree.identify(&paths.iter().collect::<Vec<_>>()).expect("readable");
    let files: Vec<String> =
        nodes.iter().filter(|node| node.kind == NodeKind::File).map(|node| node.path.to_text()).collect();
    let listing = repository.beside("paths");
    std::fs::write(&listing, files.join("\n")).expect("writable");
    let hashes = std::process::Command::new("git")
        .args(["hash-object", "--no-filters", "--stdin-paths"])
        .current_dir(repository.root())
        .stdin(File::open(&listing).expect("there"))
        .output()
        .expect("git runs");
    let hashes = String::from_utf8(hashes.stdout).expect("hex");
    let mut expected: BTreeMap<&str, &str> = files.iter().map(String::as_str).zip(hashes.lines()).collect();
    assert_eq!(expected.len(), files.len());
    for (path, identity) in paths.iter().zip(found) {
        let text = path.to_text();
        let metadata = repository.path(&text).symlink_metadata().expect("there");
        assert_eq!(identity.size, metadata.len(), "{path}");
        if let Some(hash) = expected.remove(text.as_str()) {
            assert_eq!(identity.blob.to_string(), hash, "{path}");
        } else {
            assert_eq!(identity.kind, InputKind::Link);
            let target = std::fs::read_link(repository.path(&text)).expect("a link");
            assert_eq!(identity.blob, BlobHasher::hash(target.as_os_str().as_encoded_bytes()));
        }
    }
}

fn modified(repository: &TestRepository, path: &str) -> std::time::SystemTime {
    repository.path(path).metadata().and_then(|metadata| metadata.modified()).expect("a time")
}

/// Another content of the same length, with the same time of modification.
fn edit_in_secret(repository: &TestRepository, path: &str, content: &str) {
    let before = modified(repository, path);
    let length = repository.path(path).metadata().expect("there").len();
    assert_eq!(content.len() as u64, length);
    repository.write(path, content);
    let file = File::options().append(true).open(repository.path(path)).expect("there");
    file.set_modified(before).expect("allowed");
}

#[test]
fn an_edit_is_seen_whatever_git_was_told() {
    for preparation in [
        &[][..],
        &["update-index", "--assume-unchanged", "file"],
        &["update-index", "--skip-worktree", "file"],
        &["config", "core.trustctime", "false"],
        &["config", "core.checkStat", "minimal"],
        &["config", "core.ignoreStat", "true"],
    ] {
        let repository = TestRepository::new();
        repository.write("file", "old!");
        repository.commit("first");
        repository.settle();
        if !preparation.is_empty() {
            repository.git(preparation);
            repository.settle();
        }
        assert_eq!(identify(&repository, "file").blob, BlobHasher::hash(b"old!"), "{preparation:?}");
        edit_in_secret(&repository, "file", "new!");
        assert_eq!(identify(&repository, "file").blob, BlobHasher::hash(b"new!"), "{preparation:?}");
    }
}

#[test]
fn a_racy_edit_is_seen() {
    let repository = TestRepository::new();
    for round in 0..20 {
        // Within one tick of the clock all of stat may stay the same.
        repository.write("file", format!("old{round:04}"));
        repository.git(["add", "file"]);
        edit_in_secret(&repository, "file", &format!("new{round:04}"));
        let expected = BlobHasher::hash(format!("new{round:04}").as_bytes());
        assert_eq!(identify(&repository, "file").blob, expected);
        assert_eq!(identify(&repository, "file").blob, expected);
    }
}

#[test]
fn the_index_is_believed_where_it_is_certain() {
    let repository = TestRepository::new();
    repository.write("file", "text\n");
    repository.commit("first");
    repository.settle();
    // An index that lies: the file would have to be read to see it.
    let lie = BlobHasher::hash(b"lie");
    let index = repository.path(".git/index");
    let mut bytes = std::fs::read(&index).expect("there");
    let truth = BlobHasher::hash(b"text\n");
    let at = bytes.windows(20).position(|window| window == truth.as_bytes()).expect("in the index");
    bytes[at..at + 20].copy_from_slice(lie.as_bytes());
    reseal(&mut bytes);
    let written = index.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    std::fs::write(&index, &bytes).expect("writable");
    File::options().append(true).open(&index).and_then(|file| file.set_modified(written)).expect("allowed");
    assert_eq!(identify(&repository, "file").blob, lie);
    // With a word on line endings the size must fit as well, which this blob's cannot: it is not there.
    repository.write(".gitattributes", "* text=auto\n");
    assert_eq!(identify(&repository, "file").blob, truth);
}

/// An index that is whole, whatever it says: the hash at its end fits.
fn reseal(index: &mut [u8]) {
    let (content, hash) = index.split_last_chunk_mut::<20>().expect("an index");
    *hash = sha1::Digest::finalize(sha1::Digest::chain_update(sha1::Sha1::default(), content)).into();
}

/// The index has the low half of a file's size: here that of one that is 4 GB longer.
#[test]
fn a_commit_s_file_is_as_long_as_its_blob() {
    let repository = TestRepository::new();
    repository.write("file", "text\n");
    repository.commit("first");
    repository.settle();
    let index = repository.path(".git/index");
    let mut bytes = std::fs::read(&index).expect("there");
    let blob = BlobHasher::hash(b"text\n");
    let at = bytes.windows(20).position(|window| window == blob.as_bytes()).expect("in the index");
    bytes[at - 1] = 3;
    reseal(&mut bytes);
    std::fs::write(&index, &bytes).expect("writable");
    let checkout = repository.checkout();
    let tree = checkout.commit_tree(checkout.head().commit.expect("born")).expect("readable");
    let path = TreePath::from("file");
    assert_eq!(tree.identify(&[&path]).expect("readable")[0].size, 3, "the index is asked first");
    assert_eq!(tree.length(&path, 3).expect("readable"), 5);
}

#[test]
fn bytes_on_disk_count_where_git_stores_others() {
    for (attributes, settings, content) in [
        ("* text=auto", &[][..], "a\r\nb\r\n"),
        ("* text", &[], "a\r\nb\n"),
        ("*.txt eol=crlf", &[], "a\r\nb\r\n"),
        ("*.txt crlf", &[], "a\r\nb\r\n"),
        ("", &[["core.autocrlf", "true"]], "a\r\nb\r\n"),
        ("", &[["core.autocrlf", "input"]], "a\r\nb\r\n"),
        ("* text=auto", &[], "same\n"),
        ("*.txt ident", &[], "$Id: 0123456789012345678901234567890123456789 $\n"),
        ("*.txt working-tree-encoding=UTF-16LE", &[], "a\0b\0\n\0"),
        ("*.txt filter=upper", &[["filter.upper.clean", "tr a-z A-Z"]], "small\n"),
        ("*.txt -text", &[["core.autocrlf", "true"]], "a\r\n"),
    ] {
        let repository = TestRepository::new();
        repository.git(["config", "core.safecrlf", "false"]);
        for [name, value] in settings {
            repository.git(["config", name, value]);
        }
        repository.write(".gitattributes", format!("{attributes}\n"));
        repository.write("d/file.txt", content);
        repository.commit("first");
        for round in 0..3 {
            assert_eq!(
                identify(&repository, "d/file.txt").blob,
                BlobHasher::hash(content.as_bytes()),
                "{attributes:?} {settings:?} {round}"
            );
            repository.settle();
        }
    }
}

#[test]
fn an_attribute_file_that_was_deleted_still_counts() {
    let repository = TestRepository::new();
    repository.write(".gitattributes", "* text\n");
    repository.write("file", "a\r\n");
    repository.git(["config", "core.safecrlf", "false"]);
    repository.commit("first");
    repository.settle();
    repository.remove(".gitattributes");
    assert_eq!(identify(&repository, "file").blob, BlobHasher::hash(b"a\r\n"));
}

/// Git leaves the file as it is, and its status says that nothing has changed.
#[test]
fn files_stay_as_they_were_written_when_an_attribute_goes() {
    for (attributes, content) in [
        ("*.txt eol=crlf\n", "a\r\nb\r\n"),
        ("*.txt ident\n", "$Id: 0123456789012345678901234567890123456789 $\n"),
    ] {
        let repository = TestRepository::new();
        repository.git(["config", "core.safecrlf", "false"]);
        repository.write(".gitattributes", attributes);
        repository.write("file.txt", content);
        repository.commit("first");
        repository.settle();
        let truth = BlobHasher::hash(content.as_bytes());
        assert_eq!(identify(&repository, "file.txt").blob, truth, "{attributes}");
        repository.git(["rm", "--quiet", ".gitattributes"]);
        repository.git(["commit", "--quiet", "-m", "second"]);
        repository.settle_index();
        assert_eq!(repository.git(["status", "--porcelain"]), "");
        assert_eq!(identify(&repository, "file.txt").blob, truth, "{attributes}");
    }
}

#[test]
fn the_executable_bit() {
    let repository = TestRepository::new();
    repository.write("a", "x");
    repository.write("b", "x");
    repository.set_mode("b", 0o755);
    repository.commit("first");
    repository.write("new", "x");
    repository.set_mode("new", 0o755);
    repository.settle();
    let kinds = |repository: &TestRepository| ["a", "b", "new"].map(|path| identify(repository, path).kind);
    assert_eq!(kinds(&repository), [InputKind::File, InputKind::Executable, InputKind::Executable]);
    repository.set_mode("a", 0o755);
    repository.set_mode("b", 0o644);
    assert_eq!(kinds(&repository), [InputKind::Executable, InputKind::File, InputKind::Executable]);
    repository.git(["config", "core.fileMode", "false"]);
    // The file systems of tests have modes: git is only told not to look.
    assert_eq!(kinds(&repository), [InputKind::Executable, InputKind::File, InputKind::Executable]);
    let mut tree = repository.checkout().work_tree().expect("readable");
    tree.keeps_modes = false;
    let kind = |path: &str| tree.identify(&[&path.into()]).expect("readable")[0].kind;
    assert_eq!(["a", "b", "new"].map(kind), [InputKind::File, InputKind::Executable, InputKind::File]);
}

#[test]
fn intended_and_conflicting_entries_say_nothing() {
    let repository = TestRepository::new();
    repository.write("file", "base");
    repository.commit("first");
    repository.git(["checkout", "--quiet", "-b", "side"]);
    repository.write("file", "side");
    repository.commit("side");
    repository.git(["checkout", "--quiet", "main"]);
    repository.write("file", "main");
    repository.commit("main");
    repository.git([
        "-c",
        "merge.conflictStyle=merge",
        "merge",
        "--quiet",
        "-s",
        "ours",
        "--no-commit",
        "side",
    ]);
    repository.git(["update-index", "--force-remove", "file"]);
    repository.write(".git/stages", {
        let blob = |revision: &str| repository.git(["rev-parse", &format!("{revision}:file")]);
        format!(
            "100644 {} 1\tfile\n100644 {} 2\tfile\n100644 {} 3\tfile\n",
            blob("main~1"),
            blob("main"),
            blob("side")
        )
    });
    let status = std::process::Command::new("sh")
        .args(["-c", "git update-index --index-info <.git/stages"])
        .current_dir(repository.root())
        .status();
    assert!(status.expect("sh").success());
    repository.write("intended", "to be added");
    repository.git(["add", "--intent-to-add", "intended"]);
    repository.settle();
    let tree = repository.checkout().work_tree().expect("readable");
    assert_eq!(tree.nodes().iter().filter(|node| node.path == TreePath::from("file")).count(), 1);
    assert!(tree.is_tracked(&"file".into()) && tree.is_tracked(&"intended".into()));
    check_all(&repository, &tree);
}

#[test]
fn what_had_to_be_hashed_is_remembered_and_forgotten_with_an_edit() {
    let repository = TestRepository::new();
    repository.write(".gitignore", "*.jar\n");
    repository.write("big.jar", vec![7; 3 << 20]);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    let set_old = || {
        let file = File::options().append(true).open(repository.path("big.jar")).expect("there");
        file.set_modified(old).expect("allowed");
    };
    set_old();
    let first = identify(&repository, "big.jar").blob;
    assert_eq!(first, BlobHasher::hash(&vec![7; 3 << 20]));
    repository.write("big.jar", vec![8; 3 << 20]);
    set_old();
    assert_eq!(identify(&repository, "big.jar").blob, BlobHasher::hash(&vec![8; 3 << 20]));
}

#[test]
fn errors_name_the_path() {
    let repository = TestRepository::new();
    repository.write("a/gone", "x");
    let tree = repository.checkout().work_tree().expect("readable");
    repository.remove("a/gone");
    for path in ["a/gone", "never/was", "a"] {
        let error = tree.identify(&[&path.into()]).expect_err("nothing to read");
        assert!(error.to_string().starts_with(&format!("{path}: ")), "{error}");
    }
}

#[test]
fn many_files_in_any_order_on_several_threads() {
    let repository = TestRepository::new();
    for number in 0..3000 {
        repository.write(format!("d{}/f{number}", number % 37), number.to_string());
    }
    repository.git(["add", "d1", "d2", "d3"]);
    let tree = repository.checkout().work_tree().expect("readable");
    check_all(&repository, &tree);
    let mut paths: Vec<TreePath> = tree.nodes().iter().map(|node| node.path.clone()).collect();
    paths.reverse();
    paths.extend_from_within(..100);
    let identities = tree.identify(&paths.iter().collect::<Vec<_>>()).expect("readable");
    for (path, identity) in paths.iter().zip(identities) {
        let number = path.file_name()[1..].to_owned();
        assert_eq!(identity.blob, BlobHasher::hash(&number), "{path}");
    }
}

#[test]
fn random_edits_are_always_seen() {
    let names = ["a.txt", "b.txt", "d/a.txt", "d/b.bin", "d/e/c.txt", "e/a.bin", "e/x", "y"];
    let contents = ["", "a\n", "b\n", "a\r\n", "b\r\n", "$Id$\n", "long line\r\nand more\n", "\0\u{1}"];
    let attributes = [
        "* text=auto",
        "*.txt text",
        "*.bin -text",
        "*.txt ident",
        "d/* eol=crlf",
        "*.txt eol=lf",
        "x -text",
    ];
    for seed in 0..15 {
        let mut random = StdRng::seed_from_u64(seed);
        let repository = TestRepository::new();
        repository.git(["config", "core.safecrlf", "false"]);
        if random.random_bool(0.3) {
            repository.git(["config", "core.autocrlf", *["true", "input"].choose(&mut random).expect("two")]);
        }
        for _ in 0..12 {
            let name = *names.choose(&mut random).expect("names");
            let content = *contents.choose(&mut random).expect("contents");
            match random.random_range(0..10) {
                0 => repository.settle(),
                1 => {
                    repository.git(["add", "--all"]);
                }
                2 => {
                    repository.commit("x");
                }
                3 => repository.write(".gitattributes", *attributes.choose(&mut random).expect("attributes")),
                4 => {
                    let _ = std::fs::remove_file(repository.path(name));
                }
                5 if repository.path(name).exists() => {
                    repository.set_mode(name, *[0o644, 0o755].choose(&mut random).expect("two"));
                }
                _ => repository.write(name, content),
            }
            if random.random_bool(0.3) {
                check_all(&repository, &repository.checkout().work_tree().expect("readable"));
            }
        }
        check_all(&repository, &repository.checkout().work_tree().expect("readable"));
    }
}

/// What `git archive` puts out, by path.
fn archive(repository: &TestRepository, revision: &str, settings: &[&str]) -> BTreeMap<String, BlobId> {
    let arguments = [settings, &["archive", "--format=tar", revision]].concat();
    let bytes = repository.git_in(repository.root(), arguments);
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut files = BTreeMap::new();
    for entry in archive.entries().expect("a tar file") {
        let mut entry = entry.expect("a tar file");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("memory");
        if let Some(target) = entry.link_name().expect("a link") {
            content = target.as_os_str().as_encoded_bytes().to_owned();
        }
        if !path.ends_with('/') && path != "pax_global_header" {
            files.insert(path, BlobHasher::hash(&content));
        }
    }
    files
}

#[test]
fn a_commit_s_files_are_what_git_archive_gives() {
    let contents = [
        "a\nb\n",
        "a\r\nb\n",
        "a\rb\n",
        "bin\0ary\n",
        "$Id$ x\n$Id: old $\n$Id: foreign thing $\n$Id\n$Identity$ $Id:$\n",
        "control\u{1}\n",
        "\u{1a}",
        "text\n\u{1a}",
        "no end",
        "$Id: no end\n$",
    ];
    let rules = [
        "* text=auto",
        "*.txt text",
        "*.txt eol=crlf",
        "*.txt text=auto eol=crlf",
        "*.txt eol=lf",
        "*.txt ident",
        "*.txt -text",
        "*.txt crlf",
        "*.txt -crlf",
        "*.txt crlf=input",
        "*.txt text eol=crlf ident",
        "*.txt binary",
        "*.txt !eol",
        "f[0-4].txt eol=crlf",
        "*.txt working-tree-encoding=UTF-8",
    ];
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let repository = TestRepository::new();
        let settings: &[&str] =
            [&[][..], &["core.autocrlf", "true"], &["core.autocrlf", "input"], &["core.eol", "crlf"]]
                .choose(&mut random)
                .expect("four");
        for (number, content) in contents.iter().enumerate() {
            repository.write(format!("f{number}.txt"), content);
            repository.write(format!("d/f{number}.txt"), content);
        }
        repository.link("link.txt", "a\nb");
        // Without conversions on the way in, so that odd blobs exist.
        repository.commit("files");
        for folder in ["", "d/"] {
            let lines: Vec<&str> =
                (0..random.random_range(0..4)).map(|_| *rules.choose(&mut random).expect("rules")).collect();
            repository.write(format!("{folder}.gitattributes"), lines.join("\n"));
        }
        repository.git(["add", ".gitattributes", "d/.gitattributes"]);
        repository.git(["commit", "--quiet", "--allow-empty", "-m", "attributes"]);
        if let [name, value] = settings {
            repository.git(["config", name, value]);
        }
        let checkout = repository.checkout();
        let tree = checkout.commit_tree(checkout.head().commit.expect("born")).expect("readable");
        let expected = archive(&repository, "HEAD", &[]);
        let paths: Vec<TreePath> = tree.nodes().iter().map(|node| node.path.clone()).collect();
        assert_eq!(paths.len(), expected.len());
        for (path, identity) in
            paths.iter().zip(tree.identify(&paths.iter().collect::<Vec<_>>()).expect("readable"))
        {
            let rules = [".gitattributes", "d/.gitattributes"]
                .map(|path| tree.read(&path.into(), u64::MAX).unwrap_or_default());
            let rules = rules.map(|text| String::from_utf8_lossy(&text).into_owned());
            assert_eq!(
                identity.blob,
                expected[&path.to_text()],
                "seed {seed}: {path}, {rules:?}, {settings:?}"
            );
            let bytes = tree.read(path, u64::MAX).expect("readable");
            assert_eq!((BlobHasher::hash(&bytes), bytes.len() as u64), (identity.blob, identity.size));
        }
    }
}

#[test]
fn the_index_s_size_is_not_the_blob_s_where_line_endings_are_converted() {
    for attributes in ["* text=auto\n", "* diff\n"] {
        let repository = TestRepository::new();
        repository.git(["config", "core.safecrlf", "false"]);
        repository.write(".gitattributes", attributes);
        repository.write("file", "a\r\nb\r\n");
        repository.commit("first");
        repository.settle();
        let checkout = repository.checkout();
        let tree = checkout.commit_tree(checkout.head().commit.expect("born")).expect("readable");
        for _ in 0..2 {
            let identity = tree.identify(&[&"file".into()]).expect("readable")[0];
            let bytes = tree.read(&"file".into(), u64::MAX).expect("readable");
            assert_eq!((identity.size, identity.blob), (bytes.len() as u64, BlobHasher::hash(&bytes)));
        }
    }
}

#[test]
fn filters_of_a_commit_are_an_error_and_no_difference_to_a_clean_work_tree() {
    let repository = TestRepository::new();
    repository.git(["config", "filter.upper.clean", "tr a-z A-Z"]);
    repository.write(".gitattributes", "*.lfs filter=upper\n");
    repository.write("x.lfs", "small");
    repository.commit("first");
    repository.settle();
    let checkout = repository.checkout();
    let head = checkout.commit_tree(checkout.head().commit.expect("born")).expect("readable");
    let error = head.identify(&[&"x.lfs".into()]).expect_err("not without the filter");
    assert!(error.to_string().contains("x.lfs") && error.to_string().contains("upper"), "{error}");
    let differences = |repository: &TestRepository| {
        let tree = repository.checkout().work_tree().expect("readable");
        tree.differences(&head, &[&"x.lfs".into()]).expect("readable").modified
    };
    assert_eq!(differences(&repository), []);
    repository.write("x.lfs", "other");
    assert_eq!(differences(&repository), ["x.lfs".into()]);
}
