//! What happens to a checkout between two runs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use super::files;
use super::graph;
use super::life::{Life, SETTINGS};
use super::tree::{Entry, Files, Name, under};

/// The message of the first commit.
pub const FIRST: &str = "first";
/// Where the submodule is, in checkouts that have one.
pub const SUBMODULE: &str = "modules/lib";

/// Makes one random change and says what it was.
pub fn change(life: &mut Life) -> String {
    match life.random.below(10) {
        0..=4 => change_files(life),
        5 | 6 => change_dockerfiles(life),
        _ => change_history(life),
    }
}

fn change_files(life: &mut Life) -> String {
    match life.random.below(16) {
        0..=3 => edit(life),
        4..=6 => edit_unseen(life),
        7 | 8 => add(life),
        9..=11 => change_mode(life),
        12 => remove(life),
        13 => rename(life),
        14 => touch(life),
        _ => commit_in_submodule(life),
    }
}

fn change_dockerfiles(life: &mut Life) -> String {
    let place = life.random.pick(&life.places).clone();
    match life.random.below(9) {
        0..=2 => {
            life.write_dockerfile(&place);
            format!("another {}", place.path())
        }
        3 => {
            life.lay_dockerfile_out(&place);
            format!("layout of {}", place.path())
        }
        4..=6 => {
            let (name, text) = life.write_ignore_file();
            format!("{name} {:?}", String::from_utf8_lossy(&text))
        }
        7 => format!("settings {:?}", life.write_settings()),
        _ if life.places.len() < 12 => {
            let place = graph::leaf(&mut life.random, &life.places, life.places.len());
            let path = place.path();
            life.settle(place);
            format!("new image {path}")
        }
        _ => "no more images".to_owned(),
    }
}

fn change_history(life: &mut Life) -> String {
    match life.random.below(25) {
        0 | 1 => git(life, &["add", "--all"]),
        2..=6 => {
            git(life, &["add", "--all"]);
            git(life, &["commit", "--quiet", "--allow-empty", "--message", "change"])
        }
        7 => git(life, &["commit", "--quiet", "--all", "--amend", "--no-edit"]),
        8 => revert(life),
        9 => git(life, &["stash", "--quiet", "--include-untracked"]),
        10 => try_git(life, &["stash", "pop", "--quiet"], &["reset", "--quiet", "--hard"]),
        11 => {
            let name = format!("feature/{}", life.random.below(4));
            git(life, &["switch", "--quiet", "--create", &name])
        }
        12..=14 => {
            let name = branch(life);
            git(life, &["switch", "--quiet", &name])
        }
        15 => {
            let name = branch(life);
            let arguments = ["merge", "--quiet", "--no-edit", "--strategy-option=theirs", &name];
            try_git(life, &arguments, &["merge", "--abort"])
        }
        16 => {
            // What conflicts stays as it is.
            let name = branch(life);
            git(life, &["merge", "--quiet", "--no-edit", &name])
        }
        17 => {
            let name = branch(life);
            let arguments = ["rebase", "--quiet", "--strategy-option=theirs", &name];
            try_git(life, &arguments, &["rebase", "--abort"])
        }
        18 => git(life, &["checkout", "--quiet", "--force", "HEAD", "--", "."]),
        19 => hide(life),
        20 => configure(life),
        21 => of_tracked(life, &["rm", "--quiet", "--cached"]),
        22 => leave_out(life),
        23 => {
            let attributes = ["*.txt text eol=crlf\n", "*.py text=auto\n*.md ident\n", "*.txt -text\n", ""];
            let text = *life.random.pick(&attributes);
            files::write(&life.root().join(".gitattributes"), text.as_bytes());
            "other attributes".to_owned()
        }
        _ => {
            let patterns = ["*.jar\nout/\n", "*.jar\n", "*.py\n*.jar\n", "tmp\n!a.txt\n"];
            let text = *life.random.pick(&patterns);
            files::write(&life.root().join(".gitignore"), text.as_bytes());
            "other ignored files".to_owned()
        }
    }
}

/// Asks git not to look at a file any more.
fn hide(life: &mut Life) -> String {
    let flag = *life.random.pick(&[
        "--assume-unchanged",
        "--skip-worktree",
        "--no-assume-unchanged",
        "--no-skip-worktree",
    ]);
    of_tracked(life, &["update-index", flag])
}

/// A sparse checkout, or the end of one. What all Dockerfiles name is left out in every folder or in none: in a
/// single one, another folder would be taken for the context.
fn leave_out(life: &mut Life) -> String {
    let patterns = ["!docs/", "!src/deep/", "!*.md", "!odd/", "!a.txt", "!shared/lib/", "!src/"];
    if life.random.percent(50) {
        return git(life, &["sparse-checkout", "disable"]);
    }
    let left_out = *life.random.pick(&patterns);
    git(life, &["sparse-checkout", "set", "--no-cone", "/*", left_out])
}

fn of_tracked(life: &mut Life, arguments: &[&str]) -> String {
    let names = editable(life);
    let names: Vec<&str> = names.iter().filter_map(|name| std::str::from_utf8(name).ok()).collect();
    let Some(name) = life.random.pick_any(&names) else { return "nothing there".to_owned() };
    git(life, &[arguments, &["--", name]].concat())
}

/// Another setting of git, or another form of its index.
fn configure(life: &mut Life) -> String {
    let settings: [&[&str]; 8] = [
        &["config", "core.fileMode", "false"],
        &["config", "core.trustctime", "false"],
        &["config", "core.checkStat", "minimal"],
        &["config", "core.autocrlf", "input"],
        &["update-index", "--split-index"],
        &["update-index", "--no-split-index"],
        &["update-index", "--index-version", "4"],
        &["update-index", "--untracked-cache"],
    ];
    let arguments = *life.random.pick(&settings);
    git(life, arguments)
}

/// Names of all files that git has, or would have if they were added.
pub fn versioned(root: &Path) -> BTreeSet<Name> {
    let list = |folder: &Path| {
        let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let names = git_output(folder, &arguments).stdout;
        names.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect::<BTreeSet<Name>>()
    };
    let mut names = list(root);
    if names.contains(SUBMODULE.as_bytes()) && root.join(SUBMODULE).join(".git").exists() {
        let inside = list(&root.join(SUBMODULE)).into_iter();
        names.extend(inside.map(|name| [SUBMODULE.as_bytes(), b"/", &name].concat()));
    }
    names
}

/// Files that may change at random.
fn changeable(life: &Life) -> (Files, Vec<Name>) {
    let files = Files::read(&life.root());
    let names = files::changeable(files.0.keys().cloned());
    (files, names)
}

/// Files of which none is needed.
pub fn removable(life: &Life) -> Vec<Name> {
    changeable(life).1
}

/// All links.
pub fn links(life: &Life) -> Vec<Name> {
    let files = Files::read(&life.root()).0.into_iter();
    files.filter(|(_, entry)| matches!(entry, Entry::Link(_))).map(|(name, _)| name).collect()
}

/// All files with content but Dockerfiles, rules and settings.
pub fn editable(life: &Life) -> Vec<Name> {
    let files = Files::read(&life.root());
    let special = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).into_owned();
        let of_git_or_docker = [".git", ".dockerignore", "ockerfile"].iter().any(|part| name.contains(part));
        of_git_or_docker || name == SETTINGS
    };
    let all = files.0.into_iter().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
    all.map(|(name, _)| name).filter(|name| !special(name)).collect()
}

/// A file with content: mostly one that Dockerfiles read.
fn some_file(life: &mut Life) -> Option<Name> {
    let names = editable(life);
    let is_read = |name: &&Name| {
        let name = String::from_utf8_lossy(name);
        ["keep", "conf/", "src/", "shared/"].iter().any(|part| name.contains(part))
    };
    let read: Vec<Name> = names.iter().filter(is_read).cloned().collect();
    let names = if life.random.percent(75) { read } else { names };
    life.random.pick_any(&names).cloned()
}

fn show(name: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(name))
}

fn edit(life: &mut Life) -> String {
    let Some(name) = some_file(life) else { return add(life) };
    let is_archive = name.ends_with(files::ARCHIVE.as_bytes()) && life.random.percent(80);
    let text = if is_archive { files::archive(&mut life.random) } else { life.random.text(None) };
    files::write(&under(&life.root(), &name), &text);
    format!("edit {}", show(&name))
}

/// Same size, same time.
fn edit_unseen(life: &mut Life) -> String {
    let Some(name) = some_file(life) else { return add(life) };
    let path = under(&life.root(), &name);
    let before = fs::metadata(&path).expect("a file");
    let text = life.random.text(Some(usize::try_from(before.len()).expect("a small file")));
    fs::write(&path, text).expect("a file");
    let file = fs::File::options().append(true).open(&path).expect("a file");
    file.set_modified(before.modified().expect("a time")).expect("a time");
    format!("edit {} in its size and time", show(&name))
}

fn add(life: &mut Life) -> String {
    let place = life.random.pick(&life.places).clone();
    let folder = if life.random.percent(25) { "shared".to_owned() } else { place.folder };
    let root = life.root();
    files::add(&mut life.random, &root, &folder);
    format!("add to {folder:?}")
}

fn remove(life: &mut Life) -> String {
    let (_, names) = changeable(life);
    let Some(name) = life.random.pick_any(&names).cloned() else { return add(life) };
    fs::remove_file(under(&life.root(), &name)).expect("it can go");
    format!("remove {}", show(&name))
}

fn rename(life: &mut Life) -> String {
    let (_, names) = changeable(life);
    let Some(name) = life.random.pick_any(&names).cloned() else { return add(life) };
    let path = under(&life.root(), &name);
    let to = path.with_file_name(*life.random.pick(&["a.txt", "moved", "readme.md", "odd name"]));
    if to.is_dir() || to == path {
        return add(life);
    }
    fs::rename(&path, &to).expect("it can be renamed");
    format!("rename {} to {}", show(&name), to.display())
}

fn change_mode(life: &mut Life) -> String {
    let Some(name) = some_file(life) else { return add(life) };
    let path = under(&life.root(), &name);
    let was = fs::metadata(&path).expect("a file").permissions().mode();
    let modes = if was & 0o100 == 0 { [0o755, 0o700, 0o755, 0o600] } else { [0o644, 0o600, 0o666, 0o755] };
    let mode = *life.random.pick(&modes);
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    format!("mode {mode:o} for {}", show(&name))
}

fn touch(life: &mut Life) -> String {
    let names = editable(life);
    for name in names.iter().take(5) {
        let file = fs::File::options().append(true).open(under(&life.root(), name)).expect("a file");
        file.set_modified(std::time::SystemTime::now()).expect("a time");
    }
    "touch".to_owned()
}

fn revert(life: &mut Life) -> String {
    // Without the first commit there is no graph.
    if run_git(&life.root(), &["log", "-1", "--format=%s"]).1 == FIRST {
        return "nothing to revert".to_owned();
    }
    try_git(life, &["revert", "--no-edit", "HEAD"], &["revert", "--abort"])
}

fn commit_in_submodule(life: &mut Life) -> String {
    let folder = life.root().join(SUBMODULE);
    if !folder.join(".git").exists() {
        return "no submodule".to_owned();
    }
    let text = life.random.text(None);
    files::write(&folder.join("a.txt"), &text);
    run_git(&folder, &["add", "--all"]);
    run_git(&folder, &["commit", "--quiet", "--message", "inside"]);
    "commit in the submodule".to_owned()
}

/// Makes a repository beside the checkout a submodule of it.
pub fn add_submodule(life: &Life) {
    let library = life.checkout.beside("library");
    files::write(&library.join("keep.txt"), b"library\n");
    files::write(&library.join("inner/a.txt"), b"a\n");
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "library"],
    ] {
        assert!(run_git(&library, arguments).0, "{arguments:?}");
    }
    let url = format!("file://{}", library.display());
    assert!(run_git(&life.root(), &["submodule", "--quiet", "add", &url, SUBMODULE]).0, "submodule");
}

/// Some branch.
pub fn branch(life: &mut Life) -> String {
    let listed = run_git(&life.root(), &["branch", "--format=%(refname:short)"]).1;
    let names: Vec<&str> = listed.lines().filter(|name| !name.starts_with('(')).collect();
    (*life.random.pick(&names)).to_owned()
}

/// Runs git; what it refuses does not happen.
fn git(life: &Life, arguments: &[&str]) -> String {
    try_git(life, arguments, &["status"])
}

/// Runs git, and what undoes it if it stops halfway.
fn try_git(life: &Life, arguments: &[&str], undo: &[&str]) -> String {
    let (done, _) = run_git(&life.root(), arguments);
    if !done {
        run_git(&life.root(), undo);
    }
    format!("git {}{}", arguments.join(" "), if done { "" } else { " (refused)" })
}

/// Runs git, and says whether it was content.
pub fn run_git(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = git_output(folder, arguments);
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs git with an identity of its own.
pub fn git_output(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.com"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.com"),
            ("GIT_EDITOR", "true"),
        ])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .output()
        .expect("git runs")
}
