//! The source tree is a pipeline: a module uses only those above it. This test reads the imports, so that
//! the architecture cannot rot unnoticed. docs/architecture.md draws it.

#[path = "architecture/circles.rs"]
mod circles;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The order of the modules, and where a module may use less than everything above it.
const ORDER: &[(&str, Allowed)] = &[
    ("printable", Allowed::Only(&[])),
    ("limits", Allowed::Only(&[])),
    ("retry", Allowed::Only(&[])),
    ("redact", Allowed::Only(&[])),
    ("path", Allowed::Only(&["printable"])),
    ("diagnostic", Allowed::Only(&["path"])),
    ("image", Allowed::Only(&["printable"])),
    ("lockfile", Allowed::Only(&["diagnostic", "image", "limits", "path"])),
    ("git", Allowed::Above),
    ("ci", Allowed::Only(&["git", "image"])),
    ("discovery", Allowed::Above),
    ("dockerfile", Allowed::Only(&["diagnostic", "image", "limits", "path"])),
    ("evidence", Allowed::Only(&["diagnostic", "discovery", "git", "image", "limits", "path", "printable"])),
    (
        "naming",
        Allowed::Only(&["diagnostic", "discovery", "evidence", "image", "limits", "path", "printable"]),
    ),
    ("context", Allowed::Above),
    ("graph", Allowed::Only(&["diagnostic", "image", "naming", "path", "printable"])),
    ("inputs", Allowed::Only(&["git", "image", "path"])),
    ("project", Allowed::Above),
    ("settings", Allowed::Above),
    ("plan", Allowed::Above),
    ("engine", Allowed::Only(&["image", "limits", "printable", "redact"])),
    ("store", Allowed::Only(&["engine", "image", "retry"])),
    ("builder", Allowed::Only(&["diagnostic", "engine", "image", "limits", "printable", "redact", "retry"])),
    ("registry", Allowed::Only(&["image", "limits", "printable", "redact", "retry"])),
    ("execution", Allowed::Above),
    ("publish", Allowed::Above),
    ("deploy", Allowed::Only(&["image", "printable"])),
    ("release", Allowed::Only(&["dockerfile", "image"])),
    ("hook", Allowed::Only(&["git", "diagnostic", "image", "limits", "path", "printable"])),
    ("ops", Allowed::Above),
    ("report", Allowed::Above),
    ("cli", Allowed::Above),
    ("internals", Allowed::Above),
];

/// Crates that belong to one module alone.
const OWNED_CRATES: &[(&str, &[&str])] = &[
    ("git2", &["git"]),
    ("bollard", &["engine", "store"]),
    ("bollard_buildkit_proto", &["builder"]),
    ("tonic", &["builder"]),
    ("hyper", &["engine", "builder"]),
    ("reqwest", &["registry"]),
    ("rustls", &["registry", "builder"]),
    ("petgraph", &["graph"]),
    ("clap", &["cli", "main"]),
    ("anstream", &["report"]),
    ("annotate_snippets", &["report"]),
];

/// Where the one engine that there is becomes a store and a builder; all others know only what they need of it.
const CONNECTS: &str = "ops/backends.rs";

/// Files outside the command line that touch the process's surroundings, and why.
const EDGES: &[(&str, &str, &str)] = &[(
    "git/repository/discover.rs",
    "env::var",
    "git's own settings are where git looks for them, as for libgit2",
)];

/// What opens or reads a file. A checkout's files are only read through `git::work_tree::whole` and `disk`,
/// which follow no link out of it, wait for no pipe and stop at a limit.
const READING: &[&str] = &[
    "fs::read(",
    "fs::read_to_string",
    "File::open",
    "File::options",
    "OpenOptions",
    "fs::File",
    "read_to_end(",
];

/// Files that read something else, and what.
const READERS: &[(&str, &str)] = &[
    ("git/work_tree/disk.rs", "the door to the checkout's files"),
    ("git/work_tree/whole.rs", "the door to the checkout's files"),
    ("git/work_tree/identify.rs", "a file that the door opened, as many bytes as it had when it was listed"),
    ("git/work_tree/index_file.rs", "git's index"),
    ("git/work_tree/stat_cache.rs", "a cache of our own"),
    ("git/work_tree/folder_cache.rs", "a cache of our own"),
    ("git/work_tree/blob_sizes.rs", "a cache of our own"),
    ("git/history/revision_cache.rs", "a cache of our own"),
    ("inputs/manifest.rs", "a cache of our own"),
    ("evidence/memory/mod.rs", "a cache of our own"),
    ("git/work_tree/write.rs", "writes files of the checkout"),
    ("lockfile/store.rs", "writes the lock"),
    ("ops/init.rs", "writes the settings"),
    ("ops/logs.rs", "logs of our own"),
    ("engine/own_file.rs", "docker's and buildx's configuration, the user's certificates"),
    ("registry/auth/credentials.rs", "docker's configuration"),
    ("registry/tls.rs", "the user's certificates"),
    ("hook/folder.rs", "writes a hook"),
    ("execution/lock.rs", "a lock of our own"),
    ("execution/context_source.rs", "a file that the door opened, as it was planned"),
    ("publish/standings.rs", "notes of our own in the user's cache"),
    ("registry/auth/helper.rs", "what a credential helper prints"),
    ("cli/signals.rs", "what the kernel says of this process"),
    ("cli/args/building.rs", "a secret that the user names"),
    ("cli/run_flags/files.rs", "files that flags of `docker run` name"),
    ("ops/inspect.rs", "a Dockerfile that the user names"),
    ("cli/output.rs", "writes events and summaries where the user wants them"),
    ("cli/prune/registry.rs", "writes a certificate where the user wants it"),
    ("cli/hook/run.rs", "standard input"),
];

/// Circles of files inside a folder that stay, and why.
const CIRCLES: &[(&[&str], &str)] = &[
    (
        &["evidence/bake/evaluate", "evidence/bake/functions"],
        "a function's body is an expression, which may call a function",
    ),
    (
        &["evidence/shell/build", "evidence/shell/expand", "evidence/shell/walk"],
        "commands set what words expand to, and words make commands",
    ),
    (
        &["evidence/workflow/calls", "evidence/workflow/github", "evidence/workflow/step"],
        "a job has steps, a step may be an action, an action has steps, and workflows call workflows",
    ),
];

#[derive(Clone, Copy)]
enum Allowed {
    Above,
    Only(&'static [&'static str]),
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// By module, its files with their text.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut modules: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for file in files {
        let relative = file.strip_prefix(&src).expect("below src").to_owned();
        let first = relative.components().next().expect("a component").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&file).expect("a readable source file");
        modules.entry(module).or_default().push((relative, text));
    }
    modules
}

/// The modules named by `crate::NAME`, comments left out.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            assert!(!rest.starts_with('{'), "one `use crate::` a module, so that this test sees it: {line}");
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            used.insert(name);
        }
    }
    used
}

#[test]
fn a_module_uses_only_those_above_it() {
    let names: Vec<&str> = ORDER.iter().map(|(name, _)| *name).collect();
    let mut violations = Vec::new();
    for (module, files) in modules() {
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(at) = names.iter().position(|name| *name == module) else {
            violations.push(format!("{module} has no place in the order of tests/architecture.rs"));
            continue;
        };
        let allowed: &[&str] = match ORDER[at].1 {
            Allowed::Above => &names[..at],
            Allowed::Only(some) => some,
        };
        for (file, text) in files {
            for used in used_modules(&text) {
                if used != module && names.contains(&used.as_str()) && !allowed.contains(&used.as_str()) {
                    violations.push(format!("{} uses {used}", file.display()));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn files_of_a_folder_stand_in_no_circle() {
    let files: Vec<(String, String)> = modules()
        .into_values()
        .flatten()
        .map(|(file, text)| (file.to_string_lossy().into_owned(), text))
        .collect();
    let files = circles::Files::new(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let found = files.circles();
    let known = |circle: &&Vec<String>| !CIRCLES.iter().any(|(files, _)| files == circle);
    let new: Vec<_> = found.iter().filter(known).collect();
    assert!(new.is_empty(), "new circles: {new:#?}");
    let gone: Vec<_> =
        CIRCLES.iter().filter(|(files, _)| !found.iter().any(|circle| files == circle)).collect();
    assert!(gone.is_empty(), "no longer circles: {gone:#?}");
}

#[test]
fn programs_see_the_use_cases_alone() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("readable");
    let visible: Vec<&str> = text.lines().filter(|line| line.starts_with("pub ")).collect();
    assert_eq!(visible, ["pub mod ops;", "pub mod internals;"]);
    assert!(text.contains("#[doc(hidden)]\npub mod internals;"));
}

#[test]
fn a_crate_with_an_owner_is_named_nowhere_else() {
    let mut violations = Vec::new();
    for (module, files) in modules() {
        for (file, text) in files {
            for (name, owners) in OWNED_CRATES {
                let named = text.lines().any(|line| {
                    let line = line.trim_start();
                    !line.starts_with("//") && line.contains(&format!("{name}::"))
                });
                if named && !owners.contains(&module.as_str()) {
                    violations.push(format!("{} names {name}", file.display()));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn use_cases_know_stores_and_builders_and_no_engine() {
    let mut violations = Vec::new();
    for (module, files) in modules() {
        if matches!(module.as_str(), "engine" | "store" | "builder" | "internals") {
            continue;
        }
        for (file, text) in files {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join(" ");
            let imports = code.split(';').filter(|statement| statement.contains("crate::engine::"));
            let is_word = |word: &str| word == "Engine";
            let named = imports
                .flat_map(|statement| statement.split(|c: char| !c.is_alphanumeric() && c != '_'))
                .any(is_word);
            if named && file != Path::new(CONNECTS) {
                violations.push(file.display().to_string());
            }
        }
    }
    assert!(violations.is_empty(), "name `ImageStore` or `Builder` instead: {violations:?}");
}

#[test]
fn files_stay_small_enough_to_read() {
    let mut long: Vec<String> = Vec::new();
    for files in modules().into_values() {
        for (file, text) in files {
            let lines = text.lines().count();
            if lines > 600 {
                long.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "split by responsibility:\n{}", long.join("\n"));
}

#[test]
fn files_are_read_through_one_door() {
    let mut violations = Vec::new();
    let mut readers = BTreeSet::new();
    for (file, text) in modules().into_values().flatten() {
        let is_test = file
            .components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "testing.rs")));
        if is_test {
            continue;
        }
        let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
        let reads = lines.filter(|line| READING.iter().any(|word| line.contains(word)));
        let name = file.to_string_lossy().replace('\\', "/");
        let known = READERS.iter().any(|(reader, _)| *reader == name);
        for line in reads {
            readers.insert(name.clone());
            if !known {
                violations.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(violations.is_empty(), "read it with git::read_file:\n{}", violations.join("\n"));
    let idle: Vec<_> = READERS.iter().filter(|(reader, _)| !readers.contains(*reader)).collect();
    assert!(idle.is_empty(), "no longer readers: {idle:?}");
}

/// Only the settings layer reads the environment, and only `main` and the command line print.
#[test]
fn environment_and_terminal_stay_at_the_edge() {
    let mut violations = Vec::new();
    for (module, files) in modules() {
        if module == "cli" || module == "main" {
            continue;
        }
        for (file, text) in files {
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            for forbidden in ["env::var", "println!", "eprintln!", "io::stdout", "io::stderr"] {
                let found = product
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(forbidden));
                let excepted =
                    EDGES.iter().any(|(path, what, _)| file == Path::new(path) && *what == forbidden);
                if found && !excepted {
                    violations.push(format!("{} uses {forbidden}", file.display()));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
