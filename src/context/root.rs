//! Where a Dockerfile's build context begins.

use std::collections::{HashMap, HashSet};

use super::evidence::{Evidence, Source, copies_all, counted, is_there, locate};
use super::select::keyword;
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{LocalSource, SourcePattern};
use crate::git::{FileTree, NamedIgnores, NodeKind, Tracking};
use crate::naming::begins_around;
use crate::path::TreePath;
use crate::printable::printable;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContextRoot {
    /// The folder, relative to the checkout.
    pub root: TreePath,
    /// The plain sources (by index) that are not there: the build would fail.
    pub missing: Vec<usize>,
    /// A note where the choice may surprise, a warning for each missing source.
    pub diagnostics: Vec<Diagnostic>,
}

/// Infers where build contexts begin, for all the Dockerfiles of a tree.
pub(crate) struct RootFinder<'t> {
    tree: &'t dyn FileTree,
    ignores: NamedIgnores<'t>,
    /// Sources of one name that Dockerfiles in several folders write.
    shared: HashSet<String>,
}

impl<'t> RootFinder<'t> {
    /// `written` are the sources of each Dockerfile of the tree.
    pub(crate) fn new<'a>(
        tree: &'t dyn FileTree,
        written: impl Iterator<Item = (&'a TreePath, &'a [LocalSource])>,
    ) -> Self {
        let mut folders: HashMap<&str, TreePath> = HashMap::new();
        let mut shared = HashSet::new();
        for (dockerfile, sources) in written {
            for source in sources {
                let SourcePattern::Path(name) = &source.pattern else { continue };
                if name.is_empty() || name.contains('/') {
                    continue;
                }
                let folder = dockerfile.parent().unwrap_or_default();
                if *folders.entry(name).or_insert_with(|| folder.clone()) != folder {
                    shared.insert(name.clone());
                }
            }
        }
        Self { tree, ignores: NamedIgnores::new(tree), shared }
    }

    /// Infers the root from the local sources, with the values that the Dockerfile gives them.
    ///
    /// It is the Dockerfile's folder, if they are all there. Else each folder from there up to the checkout's root is
    /// scored by how many of them it has: on disk, below a submodule, or named by `.gitignore`, which a step before
    /// the build may make. The highest wins; among equals the one with more that git would have in a clone, then the
    /// nearest. A source that is a folder around the Dockerfile is no evidence, as every folder is in its parent
    /// (and a program is often called like its folder), unless it has a slash or Dockerfiles in two folders write it.
    ///
    /// A Dockerfile that only copies `.`, in a folder for Dockerfiles (`docker/Dockerfile`) or one that holds nothing
    /// else, means the nearest folder above that holds more.
    pub(crate) fn root_of(&self, dockerfile: &TreePath, sources: &[LocalSource]) -> ContextRoot {
        let own = dockerfile.parent().unwrap_or_default();
        let (counted, copies_all) = counted(sources);
        let evidence = Evidence { tree: self.tree, ignores: &self.ignores, shared: &self.shared, dockerfile };
        let root = choose(&evidence, &own, &counted);
        if let Some(source) = copies_all.filter(|_| root == own) {
            let has_own = counted.iter().any(|source| evidence.is_there(&own, source));
            if let Some(around) = self.around(dockerfile, &own, sources, source, !has_own) {
                return around;
            }
        }
        let missing: Vec<usize> = sources
            .iter()
            .enumerate()
            .filter(|(_, source)| source.plain)
            .filter(|(_, source)| match &source.pattern {
                SourcePattern::Path(path) => !is_there(self.tree, &root, &TreePath::clamped(path)),
                SourcePattern::Below(_) => false,
            })
            .map(|(index, _)| index)
            .collect();
        let warning = |index: &usize| not_there(self.tree, dockerfile, &own, &root, &sources[*index]);
        let diagnostics = missing.iter().map(warning).collect();
        ContextRoot { root, missing, diagnostics }
    }

    /// The folder that `.` means in a folder for Dockerfiles. `only_all`: nothing else is copied that is there.
    fn around(
        &self,
        dockerfile: &TreePath,
        own: &TreePath,
        sources: &[LocalSource],
        source: &LocalSource,
        only_all: bool,
    ) -> Option<ContextRoot> {
        let mut read = sources.iter().filter(|source| !source.elsewhere);
        let gives_way = (begins_around(own.file_name()) && read.all(copies_all))
            || (only_all && holds_only_dockerfiles(self.tree, own));
        if !gives_way {
            return None;
        }
        let root = above(own).find(|root| root.is_root() || !holds_only_dockerfiles(self.tree, root))?;
        let note = Diagnostic::note(format!("the build context is `{root}`, the folder around `{own}`"))
            .at(place(dockerfile, source))
            .hint(format!("if `{own}` itself is meant, set `context` for this image in shipwright.toml"));
        Some(ContextRoot { root, missing: Vec::new(), diagnostics: vec![note] })
    }
}

/// The folder that has the most of the sources, from `own` outwards.
fn choose(evidence: &Evidence<'_>, own: &TreePath, sources: &[Source]) -> TreePath {
    if sources.iter().all(|source| evidence.is_there(own, source)) {
        return own.clone();
    }
    let has_all = |root: &TreePath| sources.iter().all(|source| evidence.is_versioned_there(root, source));
    if let Some(root) = above(own).find(has_all) {
        return root;
    }
    let score = |root: &TreePath| {
        let versioned = sources.iter().filter(|source| evidence.is_versioned_there(root, source)).count();
        let all = sources.iter().filter(|source| evidence.speaks_for(root, source)).count();
        (all, versioned)
    };
    let mut best = (own.clone(), score(own));
    for root in above(own) {
        let score = score(&root);
        if score > best.1 {
            best = (root, score);
        }
    }
    best.0
}

/// The folders above `folder` that a context may begin in, from the nearest. Each is searched, so of a path that no person
/// has made only the nearest and the checkout itself count.
pub(super) fn above(folder: &TreePath) -> impl Iterator<Item = TreePath> + use<> {
    const NEAREST: usize = 16;
    let all = std::iter::successors(folder.parent(), TreePath::parent).enumerate();
    all.filter(|(at, folder)| *at < NEAREST || folder.is_root()).map(|(_, folder)| folder)
}

/// Whether a folder holds Dockerfiles and ignore files alone. What git ignores does not count.
fn holds_only_dockerfiles(tree: &dyn FileTree, folder: &TreePath) -> bool {
    let mut open = vec![folder.clone()];
    while let Some(folder) = open.pop() {
        let mut folders = Vec::new();
        let files = tree.list(&folder, &mut |below| {
            folders.push(below.clone());
            true
        });
        let belongs = |name: &[u8]| {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            name.contains("dockerfile") || name.contains("containerfile") || name == ".dockerignore"
        };
        let only = files.is_ok_and(|files| {
            files.iter().all(|file| file.tracking == Tracking::Ignored || belongs(file.path.file_name()))
        });
        if !only {
            return false;
        }
        // What is missing of a submodule is no Dockerfile.
        if folders.iter().any(|below| tree.absent_submodule(below).is_some()) {
            return false;
        }
        open.extend(
            folders.into_iter().filter(|below| {
                tree.kind(below) == Some(NodeKind::Folder) && tree.has_versioned_below(below)
            }),
        );
    }
    true
}

/// The place of a source, for the caret. An inherited one stands in another Dockerfile.
fn place(dockerfile: &TreePath, source: &LocalSource) -> Location {
    if source.inherited {
        return Location::file(dockerfile.clone());
    }
    Location::span(dockerfile.clone(), source.line, source.span.clone())
}

fn not_there(
    tree: &dyn FileTree,
    dockerfile: &TreePath,
    own: &TreePath,
    root: &TreePath,
    source: &LocalSource,
) -> Diagnostic {
    let (SourcePattern::Path(path) | SourcePattern::Below(path)) = &source.pattern;
    let path = TreePath::clamped(path);
    let written = printable(&source.written);
    let inherited = if source.inherited { " (an ONBUILD trigger of its base)" } else { "" };
    let elsewhere = std::iter::once(own.clone())
        .chain(above(own))
        .find(|folder| folder != root && locate(tree, folder, &path).is_some());
    let warning = Diagnostic::warning(format!(
        "`{} {written}`{inherited}: there is no `{path}` in the build context `{root}`",
        keyword(source.instruction),
    ))
    .cause("images copy what is not in their build contexts")
    .at(place(dockerfile, source));
    if let Some(submodule) = tree.absent_submodule(&root.join_clamped(path.as_bytes())) {
        return warning.hint(fetch_submodule(&submodule));
    }
    match elsewhere {
        Some(folder) => warning.hint(format!(
            "`{folder}` has it, but not all the others; set `context` for this image in shipwright.toml"
        )),
        None if source.written.contains('\\') => {
            warning.hint("outside of Windows `/` separates folders, and `\\` is a letter of a name")
        }
        None => warning.hint(
            "if a build step makes it, run that first; if it is elsewhere, set `context` for this image in \
             shipwright.toml",
        ),
    }
}

/// What brings the files of a submodule that is not checked out.
pub(crate) fn fetch_submodule(submodule: &TreePath) -> String {
    format!("`git submodule update --init {}` fetches it", quoted(submodule))
}

/// A path as a shell takes it.
fn quoted(path: &TreePath) -> String {
    let text = path.to_text();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte));
    if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::source;
    use super::*;
    use crate::diagnostic::Severity;
    use crate::git::memory_tree::MemoryTree;

    fn infer(tree: &MemoryTree, dockerfile: &str, sources: &[&str]) -> ContextRoot {
        let sources: Vec<LocalSource> = sources.iter().map(|pattern| source(pattern)).collect();
        infer_root(tree, dockerfile, &sources)
    }

    fn infer_root(tree: &MemoryTree, dockerfile: &str, sources: &[LocalSource]) -> ContextRoot {
        let dockerfile = dockerfile.into();
        RootFinder::new(tree, [(&dockerfile, sources)].into_iter()).root_of(&dockerfile, sources)
    }

    fn root(tree: &MemoryTree, dockerfile: &str, sources: &[&str]) -> String {
        infer(tree, dockerfile, sources).root.to_text()
    }

    #[test]
    fn its_own_folder_if_all_is_there() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/a.py", "a.py", "lib/x"])
            .with("svc/app.jar", NodeKind::File, Tracking::Ignored, "")
            .link("svc/l", "a.py");
        for sources in [&["a.py"][..], &[], &[""], &["", "a.py"], &["app.jar"], &["l"]] {
            let inferred = infer(&tree, "svc/Dockerfile", sources);
            assert_eq!(inferred.root, "svc".into(), "{sources:?}");
            assert_eq!((inferred.missing.len(), inferred.diagnostics.len()), (0, 0), "{sources:?}");
        }
    }

    #[test]
    fn wildcards_speak_for_a_folder_where_they_match() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/a/x.py", "go.mod", "go.sum", "lib/a/b/c.rs"]);
        for glob in ["go.*", "go.mod*", "li[b]/a", "lib/*/b", "lib/**/c.rs", "l*"] {
            assert_eq!(root(&tree, "svc/Dockerfile", &[glob]), "", "{glob}");
        }
        // A pattern that matches nowhere is no evidence, nor one that matches in its own folder alone.
        for glob in ["*.jar", "a/*.py", "Docker*", "nope/*"] {
            let inferred = infer(&tree, "svc/Dockerfile", &[glob]);
            assert_eq!((inferred.root, inferred.missing.len()), ("svc".into(), 0), "{glob}");
        }
        // Around the Dockerfile there is a folder whatever is meant.
        assert_eq!(root(&tree, "svc/Dockerfile", &["s*"]), "svc");
        assert_eq!(root(&tree, "svc/Dockerfile", &["go.*", "a"]), "svc");
        assert_eq!(root(&tree, "svc/Dockerfile", &["go.*", "lib/*", "a"]), "");
    }

    #[test]
    fn what_a_variable_of_the_base_image_decides_speaks_by_its_folder() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "lib/x"]);
        let below = |folder: &str| LocalSource {
            pattern: SourcePattern::Below(folder.to_owned()),
            plain: false,
            ..source(folder)
        };
        assert_eq!(infer_root(&tree, "svc/Dockerfile", &[below("lib")]).root, "".into());
        assert_eq!(infer_root(&tree, "svc/Dockerfile", &[below("")]).root, "svc".into());
        // `COPY svc/$NAME` has a slash.
        assert_eq!(infer_root(&tree, "svc/Dockerfile", &[below("svc")]).root, "".into());
        assert_eq!(infer_root(&tree, "svc/Dockerfile", &[below("nope")]).root, "svc".into());
    }

    #[test]
    fn what_the_dockerfile_itself_gives_a_variable_counts() {
        let tree = MemoryTree::of(&["svc/api/Dockerfile", "svc/api/src/main.go"]);
        let expanded =
            LocalSource { plain: false, written: "svc/api/${WHAT}".into(), ..source("svc/api/src") };
        assert_eq!(infer_root(&tree, "svc/api/Dockerfile", &[expanded]).root, "".into());
    }

    #[test]
    fn the_folder_that_has_the_most_wins_and_the_nearest_among_equals() {
        let tree = MemoryTree::of(&["a/b/Dockerfile", "a/b/own", "a/x", "a/y", "x", "y", "z"]);
        assert_eq!(root(&tree, "a/b/Dockerfile", &["own", "x"]), "a/b");
        assert_eq!(root(&tree, "a/b/Dockerfile", &["own", "x", "y"]), "a");
        assert_eq!(root(&tree, "a/b/Dockerfile", &["own", "x", "y", "z"]), "");
        let inferred = infer(&tree, "a/b/Dockerfile", &["own", "x", "y", "nope"]);
        assert_eq!((inferred.root, inferred.missing), ("a".into(), vec![0, 3]));
        // Each once, however often it is copied.
        assert_eq!(root(&tree, "a/b/Dockerfile", &["own", "x", "x"]), "a/b");
    }

    #[test]
    fn a_submodule_that_is_not_checked_out_may_have_it() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/a"]).submodule("deps/lib");
        for source in ["deps/lib/src", "deps/lib", "deps/lib/*.c", "./deps/lib/src/"] {
            let source = source.trim_matches(['.', '/']);
            assert_eq!(root(&tree, "svc/Dockerfile", &[source]), "", "{source}");
        }
        let inferred = infer(&tree, "svc/Dockerfile", &["deps/lib/src"]);
        assert_eq!(inferred.missing, [0]);
        let hint = inferred.diagnostics[0].hint.as_deref();
        assert_eq!(hint, Some("`git submodule update --init deps/lib` fetches it"));
        let odd = MemoryTree::of(&["Dockerfile"]).submodule("it's here");
        let hint = infer(&odd, "Dockerfile", &["it's here/x"]).diagnostics.remove(0).hint;
        assert_eq!(hint.as_deref(), Some("`git submodule update --init 'it'\\''s here'` fetches it"));
    }

    #[test]
    fn what_gitignore_names_may_be_made_there() {
        let tree = MemoryTree::of(&["deploy/Dockerfile"]).file(".gitignore", "/dist\n*.jar\n");
        assert_eq!(root(&tree, "deploy/Dockerfile", &["dist"]), "");
        assert_eq!(root(&tree, "deploy/Dockerfile", &["dist/app.js"]), "");
        // Where the rule holds everywhere, the nearest.
        assert_eq!(root(&tree, "deploy/Dockerfile", &["app.jar"]), "deploy");
        // What git has is stronger than what it ignores: a Python template ignores `lib`.
        let tree = MemoryTree::of(&["deploy/Dockerfile", "lib/x"]).file(".gitignore", "lib\nbuild\n");
        assert_eq!(root(&tree, "deploy/Dockerfile", &["lib"]), "");
        assert_eq!(root(&tree, "deploy/Dockerfile", &["lib", "build/out"]), "");
    }

    #[test]
    fn what_an_earlier_build_left_moves_nothing() {
        let tree = MemoryTree::of(&["svc/Dockerfile"]).file(".gitignore", "dist\n").with(
            "dist/app.js",
            NodeKind::File,
            Tracking::Ignored,
            "",
        );
        assert_eq!(root(&tree, "svc/Dockerfile", &["dist"]), "svc");
        assert_eq!(root(&tree, "svc/Dockerfile", &["dist/app.js"]), "svc");
    }

    #[test]
    fn a_folder_around_the_dockerfile_counts_if_others_write_it_too() {
        let tree = MemoryTree::of(&["shared/Dockerfile", "shared/lib.py", "web/Dockerfile", "web/x"]);
        let sources = [source("shared")];
        let (one, other): (TreePath, TreePath) = ("shared/Dockerfile".into(), "web/Dockerfile".into());
        let written = [(&one, &sources[..]), (&other, &sources[..])];
        assert_eq!(RootFinder::new(&tree, written.into_iter()).root_of(&one, &sources).root, "".into());
        assert_eq!(root(&tree, "shared/Dockerfile", &["shared"]), "shared");
        // A program is often called like the folder of its source.
        let tree = MemoryTree::of(&["cmd/tool/Dockerfile", "cmd/tool/main.go", "cmd/other/Dockerfile"]);
        let (tool, other): (TreePath, TreePath) =
            ("cmd/tool/Dockerfile".into(), "cmd/other/Dockerfile".into());
        let (own, others) = ([source("tool")], [source("other")]);
        let written = [(&tool, &own[..]), (&other, &others[..])];
        assert_eq!(RootFinder::new(&tree, written.into_iter()).root_of(&tool, &own).root, "cmd/tool".into());
    }

    #[test]
    fn a_folder_of_dockerfiles_that_copies_everything_means_the_nearest_that_holds_more() {
        let tree = MemoryTree::of(&[
            "src/main.py",
            "ci/images/api/Dockerfile",
            "ci/images/api/Dockerfile.dockerignore",
            "ci/images/web/dev.Dockerfile",
            "pg/Dockerfile",
            "pg/Dockerfile-15",
            "pg/.dockerignore",
        ]);
        for sources in [&[""][..], &["*"], &["", "dist/x"], &["", ""]] {
            for (dockerfile, expected) in [
                ("ci/images/api/Dockerfile", ""),
                ("ci/images/web/dev.Dockerfile", ""),
                ("pg/Dockerfile-15", ""),
            ] {
                let inferred = infer(&tree, dockerfile, sources);
                assert_eq!((inferred.root, inferred.diagnostics.len()), (expected.into(), 1), "{dockerfile}");
            }
        }
        // The ignored do not count, new files do; something else of its own that it copies speaks for it.
        let tree = tree.with("pg/data.bin", NodeKind::File, Tracking::Ignored, "");
        assert_eq!(root(&tree, "pg/Dockerfile", &[""]), "");
        assert_eq!(root(&tree, "pg/Dockerfile", &["", "Dockerfile"]), "pg");
        let tree = tree.with("pg/new.sh", NodeKind::File, Tracking::Untracked, "");
        assert_eq!(root(&tree, "pg/Dockerfile", &[""]), "pg");
        assert_eq!(root(&tree, "pg/Dockerfile", &[]), "pg");
    }

    #[test]
    fn else_the_nearest_folder_above_that_has_all_the_missing_ones() {
        let tree = MemoryTree::of(&[
            "go.mod",
            "lib/x",
            "team/go.mod",
            "team/lib/x",
            "team/api/Dockerfile",
            "team/api/main.go",
            "top.txt",
        ]);
        assert_eq!(root(&tree, "team/api/Dockerfile", &["go.mod"]), "team");
        assert_eq!(root(&tree, "team/api/Dockerfile", &["go.mod", "lib"]), "team");
        assert_eq!(root(&tree, "team/api/Dockerfile", &["go.mod", "top.txt"]), "");
        assert_eq!(root(&tree, "team/api/Dockerfile", &["team/api/main.go"]), "");
        assert_eq!(root(&tree, "team/api/Dockerfile", &["api/main.go"]), "team");
        assert_eq!(root(&tree, "team/api/Dockerfile", &["", "go.mod"]), "team");
    }

    #[test]
    fn tracked_and_new_files_speak_for_a_folder_above_and_ignored_ones_do_not() {
        let tree = MemoryTree::of(&["svc/Dockerfile"])
            .with("dist/app.js", NodeKind::File, Tracking::Ignored, "")
            .with("new.txt", NodeKind::File, Tracking::Untracked, "")
            .with("fresh/x", NodeKind::File, Tracking::Untracked, "");
        for missing in ["dist", "dist/app.js"] {
            let inferred = infer(&tree, "svc/Dockerfile", &[missing]);
            assert_eq!((inferred.root, inferred.missing), ("svc".into(), vec![0]), "{missing}");
        }
        for new in ["new.txt", "fresh", "fresh/x"] {
            assert_eq!(root(&tree, "svc/Dockerfile", &[new]), "", "{new}");
        }
    }

    #[test]
    fn an_empty_folder_is_not_there() {
        let tree = MemoryTree::of(&["deploy/web/Dockerfile", "pages/index"]).with(
            "deploy/web/pages",
            NodeKind::Folder,
            Tracking::Untracked,
            "",
        );
        assert_eq!(root(&tree, "deploy/web/Dockerfile", &["pages"]), "");
    }

    #[test]
    fn a_folder_around_the_dockerfile_is_no_evidence() {
        let tree = MemoryTree::of(&["app/Dockerfile", "app/main.py", "setup.py"]);
        assert_eq!(root(&tree, "app/Dockerfile", &["app"]), "app");
        assert_eq!(root(&tree, "app/Dockerfile", &["app", "main.py"]), "app");
        // With other evidence it does not speak against the root.
        assert_eq!(root(&tree, "app/Dockerfile", &["app", "setup.py"]), "");
        assert_eq!(root(&tree, "app/Dockerfile", &["app/main.py"]), "");
    }

    #[test]
    fn gits_own_folder_speaks_for_the_folder_it_is_in() {
        let tree =
            MemoryTree::of(&["svc/Dockerfile"]).with(".git/HEAD", NodeKind::File, Tracking::Untracked, "");
        assert_eq!(root(&tree, "svc/Dockerfile", &[".git"]), "");
    }

    #[test]
    fn a_link_out_of_the_folder_is_missing_there() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "shared/x"]).link("svc/shared", "../shared");
        assert_eq!(root(&tree, "svc/Dockerfile", &["shared"]), "");
    }

    #[test]
    fn what_is_nowhere_is_a_warning() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/a", "top"]);
        let inferred = infer(&tree, "svc/Dockerfile", &["a", "nope", "top"]);
        assert_eq!((inferred.root, inferred.missing), ("svc".into(), vec![1, 2]));
        let [nowhere, above] = &inferred.diagnostics[..] else { panic!("two warnings") };
        assert_eq!(nowhere.severity, Severity::Warning);
        assert!(nowhere.message.contains("COPY nope"), "{}", nowhere.message);
        assert_eq!(nowhere.location, Some(Location::span("svc/Dockerfile".into(), 1, 5..9)));
        assert!(above.hint.as_deref().is_some_and(|hint| hint.starts_with("`.` has it")), "{above:?}");
    }

    #[test]
    fn what_stays_behind_when_the_root_moves_up_is_missing_too() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/a", "top", "more"]);
        let inferred = infer(&tree, "svc/Dockerfile", &["a", "top", "more"]);
        assert_eq!((inferred.root, inferred.missing), ("".into(), vec![0]));
        assert!(inferred.diagnostics[0].hint.as_deref().is_some_and(|hint| hint.contains("`svc` has it")));
    }

    #[test]
    fn an_inherited_source_has_no_place_in_this_dockerfile() {
        let tree = MemoryTree::of(&["svc/Dockerfile"]);
        let inherited = LocalSource { inherited: true, ..source("package.json") };
        let inferred = infer_root(&tree, "svc/Dockerfile", &[inherited]);
        assert_eq!(inferred.diagnostics[0].location, Some(Location::file("svc/Dockerfile".into())));
    }

    #[test]
    fn a_folder_for_dockerfiles_that_copies_everything_means_the_one_around_it() {
        let tree = MemoryTree::of(&[
            "main.py",
            "docker/Dockerfile",
            "docker/run.sh",
            "svc/build/Dockerfile",
            "svc/main.go",
            "other/build/Dockerfile",
        ]);
        let inferred = infer(&tree, "docker/Dockerfile", &[""]);
        assert_eq!((inferred.root, inferred.diagnostics.len()), ("".into(), 1));
        assert_eq!(inferred.diagnostics[0].severity, Severity::Note);
        assert_eq!(root(&tree, "svc/build/Dockerfile", &["", ""]), "svc");
        assert_eq!(root(&tree, "other/build/Dockerfile", &[""]), "");
        // Something else that is there says that the folder itself is meant.
        assert_eq!(root(&tree, "docker/Dockerfile", &["", "run.sh"]), "docker");
        assert_eq!(root(&tree, "docker/Dockerfile", &[]), "docker");
    }

    #[test]
    fn a_folder_of_code_that_copies_everything_means_itself() {
        let tree = MemoryTree::of(&["go.mod", "src/Dockerfile", "src/main.py", "svc/Dockerfile", "svc/x"]);
        assert_eq!(root(&tree, "src/Dockerfile", &[""]), "src");
        assert_eq!(root(&tree, "svc/Dockerfile", &[""]), "svc");
        let tree = MemoryTree::of(&["go.mod", "app/Dockerfile", "app/Dockerfile.dockerignore"]).with(
            "app/app.log",
            NodeKind::File,
            Tracking::Ignored,
            "",
        );
        assert_eq!(root(&tree, "app/Dockerfile", &[""]), "");
    }

    #[test]
    fn a_dockerfile_in_the_root_has_nothing_above() {
        let tree = MemoryTree::of(&["Dockerfile", "a"]);
        let inferred = infer(&tree, "Dockerfile", &["a", "nope"]);
        assert_eq!((inferred.root, inferred.missing), ("".into(), vec![1]));
        assert_eq!(root(&tree, "Dockerfile", &[""]), "");
    }
}
