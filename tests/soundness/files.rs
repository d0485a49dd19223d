//! Random files: ordinary and odd names, links, ignore files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::graph::Place;
use super::random::Random;
use super::tree::under;

/// A tar archive in each place, until somebody makes another file of it.
pub const ARCHIVE: &str = "keep.tar.txt";

/// Files that every version of a place's Dockerfile may name.
pub const KEPT: [&str; 9] = [
    "keep.txt",
    "keep me.txt",
    "-keep.txt",
    "\u{e9}keep.txt",
    "conf/keep.txt",
    "src/keep.txt",
    "src/deep/keep.txt",
    "odd/keep.txt",
    ARCHIVE,
];

/// Writes what every version of a place's Dockerfile may name, if it is not there.
pub fn lay_out(random: &mut Random, root: &Path, place: &Place) {
    let own = |name: &str| under(root, place.within(name).as_bytes());
    for name in KEPT {
        if !own(name).exists() {
            let text = if name == ARCHIVE { archive(random) } else { random.text(None) };
            write(&own(name), &text);
        }
    }
    for (name, target) in [("link", "keep.txt"), ("linked", "conf"), ("src/back", "../conf/keep.txt")] {
        if !own(name).is_symlink() {
            symlink(target, own(name)).expect("a link");
        }
    }
    for _ in 0..random.below(6) {
        add(random, root, &place.folder);
    }
}

/// Writes what contexts at the root may name.
pub fn lay_out_root(random: &mut Random, root: &Path) {
    for name in ["keep.txt", "shared/keep.txt", "shared/lib/keep.txt", "conf/keep.txt"] {
        if !root.join(name).exists() {
            write(&root.join(name), &random.text(None));
        }
    }
    write(&root.join(".gitignore"), b"*.jar\nout/\n");
}

/// Adds a file or a link below a folder.
pub fn add(random: &mut Random, root: &Path, folder: &str) {
    let inner = *random.pick(&[
        "",
        "",
        "",
        "src/",
        "src/deep/",
        "conf/",
        "odd/",
        "docs/",
        "node_modules/x/",
        "tmp/",
        "out/",
        ".cache/",
    ]);
    let long = "long".repeat(50);
    let names: [&[u8]; 26] = [
        b"a.txt",
        b"b.txt",
        b"readme.md",
        b"keep.md",
        b"run.sh",
        b"app.py",
        b"app.pyc",
        b"build.jar",
        b".hidden",
        b".env",
        b"with space.txt",
        b"-dash",
        b"new\nline.txt",
        b"caf\xe9",
        b"caf\xc3\xa9",
        b"[x].txt",
        b"a*b",
        b"back\\slash",
        b"quote\"'",
        b"#hash",
        b"!bang",
        long.as_bytes(),
        b"tab\there",
        b"~",
        b"$HOME",
        b"a:b",
    ];
    // Ordinary names are what makes histories meet.
    let name = if random.percent(70) { *random.pick(&names[..10]) } else { *random.pick(&names) };
    let path =
        [folder.as_bytes(), if folder.is_empty() { b"" } else { b"/" }, inner.as_bytes(), name].concat();
    let path = under(root, &path);
    if path.is_dir() || path.parent().is_some_and(|parent| parent.is_symlink() || parent.is_file()) {
        return;
    }
    if random.percent(12) {
        // A pattern that meets a dangling link fails the build: mostly where only folders are copied.
        let dangles = !inner.is_empty() || random.percent(10);
        let targets = [
            "keep.txt",
            "src/keep.txt",
            ".",
            "conf",
            "nowhere",
            "../keep.txt",
            "../../../../../../../out",
            "/etc/passwd",
            "a.txt",
        ];
        let target = *random.pick(if dangles { &targets } else { &targets[..4] });
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        let _ = fs::remove_file(&path);
        symlink(target, &path).expect("a link");
        return;
    }
    let _ = fs::remove_file(&path);
    write(&path, &random.text(None));
    if random.percent(20) {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
}

/// A tar archive of some random files, a folder and a link.
pub fn archive(random: &mut Random) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind: tar::EntryType, mode: u32, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(u64::from(mode % 5));
        header.set_gid(7);
        header.set_size(content.len() as u64);
        if kind.is_symlink() {
            header.set_link_name("../a").expect("a short name");
        }
        archive.append_data(&mut header, name, content).expect("memory");
    };
    add("a", tar::EntryType::Regular, 0o640, &random.text(None));
    add("inner/", tar::EntryType::Directory, 0o711, b"");
    add("inner/link", tar::EntryType::Symlink, 0o777, b"");
    if random.percent(50) {
        add("inner/b", tar::EntryType::Regular, 0o755, &random.text(None));
    }
    archive.into_inner().expect("memory")
}

/// Writes a file and the folders around it.
pub fn write(path: &Path, text: &[u8]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, text).expect("a file");
}

/// The text of an ignore file. Most leave in what Dockerfiles name.
pub fn ignore_file(random: &mut Random) -> Vec<u8> {
    let patterns = [
        "*.md",
        "**/*.md",
        "**/*.pyc",
        "**/node_modules",
        "docs",
        "**/tmp/",
        "/docs/",
        "**/.*",
        "*",
        "**",
        "src/**",
        "conf/*",
        "# a comment",
        "",
        "  *.py  ",
        "*/*.py",
        "**/run.sh",
        "[a-b].txt",
        "**/a.txt",
        "?.txt",
        "!readme.md",
        "!**/a.txt",
        "!src",
        "!conf/",
        "./b.txt",
        "*/../docs",
        "**/out",
        "src/deep",
        "!src/deep/a.txt",
        "Dockerfile*",
        ".dockerignore",
        "**/odd/*",
        "!**/odd/-dash",
        "\\#hash",
        "\\!bang",
        "**/caf*",
        "shared/lib/*",
        "group",
        "svc/*/src",
    ];
    let mut text = Vec::new();
    for _ in 0..random.within(1, 6) {
        text.extend_from_slice(random.pick(&patterns).as_bytes());
        text.extend_from_slice(if random.percent(5) { b"\r\n" } else { b"\n" });
    }
    if random.percent(75) {
        text.extend_from_slice(b"!**/*keep*.txt\n!**/link\n!**/linked\n!**/conf/keep.txt\n");
    }
    text
}

/// Names of all files below a folder that the generator may change: not git's, not what Dockerfiles name.
pub fn changeable(names: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let fixed = |name: &[u8]| {
        let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let text = String::from_utf8_lossy(last).to_ascii_lowercase();
        text.contains("keep") && text.contains(".txt")
            || ["link", "linked", "back", ".gitignore", ".gitmodules", ".gitattributes"]
                .contains(&text.as_str())
            || text.contains("dockerfile")
            || text.contains("dockerignore")
    };
    names.filter(|name| !fixed(name)).collect()
}
