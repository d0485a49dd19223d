//! Where a Dockerfile's build context begins.

use super::links::resolve;
use super::select::keyword;
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{LocalSource, SourcePattern};
use crate::git::{FileTree, NodeKind, Tracking};
use crate::naming::FolderKind;
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

/// Infers the root from the *plain* sources, those without wildcard or variable.
///
/// The Dockerfile's folder, if they are all there. Else the nearest folder above it that has all the
/// missing ones; there, only files that git tracks are evidence, as anything else may be left over from
/// a build, and a source that is a folder around the Dockerfile is none, as every folder is in its
/// parent. Else its own folder again, with a warning for each that is missing.
///
/// A Dockerfile that only copies `.`, in a folder for Dockerfiles (`docker/Dockerfile`), means the
/// folder around that; in `src` or `app` only if nothing but Dockerfiles is in there.
pub(crate) fn infer_root(tree: &dyn FileTree, dockerfile: &TreePath, sources: &[LocalSource]) -> ContextRoot {
    let own = dockerfile.parent().unwrap_or_default();
    let plain: Vec<(usize, TreePath)> = sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.plain)
        .filter_map(|(index, source)| match &source.pattern {
            SourcePattern::Path(path) => Some((index, TreePath::clamped(path))),
            SourcePattern::Below(_) => None,
        })
        .collect();
    if let Some(around) = around_folder_for_dockerfiles(tree, dockerfile, &own, sources) {
        return around;
    }
    let missing_in = |root: &TreePath| -> Vec<usize> {
        let absent = plain.iter().filter(|(_, path)| !is_there(tree, root, path));
        absent.map(|(index, _)| *index).collect()
    };
    let missing = missing_in(&own);
    if missing.is_empty() {
        return ContextRoot { root: own, missing, diagnostics: Vec::new() };
    }
    let wanted: Vec<&TreePath> = plain
        .iter()
        .filter(|(index, _)| missing.binary_search(index).is_ok())
        .map(|(_, path)| path)
        .collect();
    let has_all = |root: &TreePath| {
        let found: Option<Vec<bool>> =
            wanted.iter().map(|path| evidence(tree, dockerfile, root, path)).collect();
        found.is_some_and(|found| found.contains(&true))
    };
    let root = above(&own).find(has_all).unwrap_or_else(|| own.clone());
    let missing = missing_in(&root);
    let diagnostics = missing
        .iter()
        .filter_map(|index| sources.get(*index))
        .map(|source| not_there(tree, dockerfile, &own, &root, source))
        .collect();
    ContextRoot { root, missing, diagnostics }
}

/// The folders above `folder`, from the nearest.
fn above(folder: &TreePath) -> impl Iterator<Item = TreePath> {
    std::iter::successors(folder.parent(), TreePath::parent)
}

/// Where a path below `root` leads, links followed.
fn locate(tree: &dyn FileTree, root: &TreePath, path: &TreePath) -> Option<TreePath> {
    let (path, _) = resolve(tree, root, path, &mut |_| true).ok()?.found?;
    Some(root.join(path.as_bytes()))
}

/// Whether there is a file or a link, or a folder with one: a clone has no empty folders.
fn is_there(tree: &dyn FileTree, root: &TreePath, path: &TreePath) -> bool {
    locate(tree, root, path).is_some_and(|full| {
        let is_empty = || tree.list(&full, &mut |_| false).is_ok_and(|files| files.is_empty());
        tree.kind(&full) != Some(NodeKind::Folder) || tree.is_tracked(&full) || !is_empty()
    })
}

/// Whether a source that is missing elsewhere speaks for `root`; `None` if it is not (certainly) there.
fn evidence(tree: &dyn FileTree, dockerfile: &TreePath, root: &TreePath, path: &TreePath) -> Option<bool> {
    let full = locate(tree, root, path)?;
    if path.components().next().is_some_and(|name| name == ".git") {
        return Some(true);
    }
    tree.is_tracked(&full).then(|| !dockerfile.is_under(&full))
}

fn around_folder_for_dockerfiles(
    tree: &dyn FileTree,
    dockerfile: &TreePath,
    own: &TreePath,
    sources: &[LocalSource],
) -> Option<ContextRoot> {
    let copies_all =
        |source: &LocalSource| matches!(&source.pattern, SourcePattern::Path(path) if path.is_empty());
    let mut read = sources.iter().filter(|source| !source.elsewhere);
    let source = sources.first().filter(|_| read.all(copies_all))?;
    match FolderKind::of(own.file_name())? {
        FolderKind::Dockerfiles => {}
        FolderKind::Code if holds_only_dockerfiles(tree, own) => {}
        _ => return None,
    }
    let root = own.parent()?;
    let note = Diagnostic::note(format!("the build context is `{root}`, the folder around `{own}`"))
        .at(place(dockerfile, source))
        .hint(format!("if `{own}` itself is meant, set `context` for this image in shipwright.toml"));
    Some(ContextRoot { root, missing: Vec::new(), diagnostics: vec![note] })
}

/// Whether a folder holds Dockerfiles and ignore files alone. What git ignores does not count.
fn holds_only_dockerfiles(tree: &dyn FileTree, folder: &TreePath) -> bool {
    let mut folders = Vec::new();
    let files = tree.list(folder, &mut |below| {
        folders.push(below.clone());
        true
    });
    let belongs = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        name.contains("dockerfile") || name.contains("containerfile") || name == ".dockerignore"
    };
    files.is_ok_and(|files| {
        files.iter().all(|file| file.tracking == Tracking::Ignored || belongs(file.path.file_name()))
    }) && !folders.iter().any(|below| tree.kind(below) == Some(NodeKind::Folder) && tree.is_tracked(below))
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
    .at(place(dockerfile, source));
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

#[cfg(test)]
mod tests {
    use super::super::testing::source;
    use super::*;
    use crate::diagnostic::Severity;
    use crate::git::memory_tree::MemoryTree;

    fn infer(tree: &MemoryTree, dockerfile: &str, sources: &[&str]) -> ContextRoot {
        let sources: Vec<LocalSource> = sources.iter().map(|pattern| source(pattern)).collect();
        infer_root(tree, &dockerfile.into(), &sources)
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
    fn wildcards_and_variables_are_no_evidence() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "go.mod", "go.sum"]);
        assert_eq!(root(&tree, "svc/Dockerfile", &["go.*"]), "svc");
        let unknown =
            LocalSource { pattern: SourcePattern::Below("lib".to_owned()), plain: false, ..source("lib") };
        assert_eq!(infer_root(&tree, &"svc/Dockerfile".into(), &[unknown]).root, "svc".into());
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
    fn only_tracked_files_speak_for_a_folder_above() {
        let tree = MemoryTree::of(&["svc/Dockerfile"])
            .with("dist/app.js", NodeKind::File, Tracking::Ignored, "")
            .with("new.txt", NodeKind::File, Tracking::Untracked, "");
        for missing in ["dist", "dist/app.js", "new.txt"] {
            let inferred = infer(&tree, "svc/Dockerfile", &[missing]);
            assert_eq!((inferred.root, inferred.missing), ("svc".into(), vec![0]), "{missing}");
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
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/a", "top"]);
        let inferred = infer(&tree, "svc/Dockerfile", &["a", "top"]);
        assert_eq!((inferred.root, inferred.missing), ("".into(), vec![0]));
        assert!(inferred.diagnostics[0].hint.as_deref().is_some_and(|hint| hint.contains("`svc` has it")));
    }

    #[test]
    fn an_inherited_source_has_no_place_in_this_dockerfile() {
        let tree = MemoryTree::of(&["svc/Dockerfile"]);
        let inherited = LocalSource { inherited: true, ..source("package.json") };
        let inferred = infer_root(&tree, &"svc/Dockerfile".into(), &[inherited]);
        assert_eq!(inferred.diagnostics[0].location, Some(Location::file("svc/Dockerfile".into())));
    }

    #[test]
    fn a_folder_for_dockerfiles_that_copies_everything_means_the_one_around_it() {
        let tree = MemoryTree::of(&["main.py", "docker/Dockerfile", "docker/run.sh", "svc/build/Dockerfile"]);
        let inferred = infer(&tree, "docker/Dockerfile", &[""]);
        assert_eq!((inferred.root, inferred.diagnostics.len()), ("".into(), 1));
        assert_eq!(inferred.diagnostics[0].severity, Severity::Note);
        assert_eq!(root(&tree, "svc/build/Dockerfile", &["", ""]), "svc");
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
