//! Which files of its context an image reads.

use std::collections::BTreeSet;
use std::io;

use super::emptied::{first_below, nodes_below};
use super::ignore::IgnoreRules;
use super::matching::{Match, find};
use super::reader::{Reader, names_git};
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{LocalSource, SourceInstruction, SourcePattern};
use crate::git::{FileTree, Node, NodeKind};
use crate::path::TreePath;

/// The files that an image's sources match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SelectedFiles {
    /// Files and links, sorted, relative to the checkout.
    pub nodes: Vec<Node>,
    /// Folders that are there though the ignore file leaves out all that git could have of them, or that links
    /// lead to though nothing is in them, sorted and relative to the checkout; none holds another. What git
    /// ignores may still be in them.
    pub emptied: Vec<TreePath>,
    /// The sources (by index) that match nothing. COPY of a path that is not there fails; of a pattern
    /// that matches nothing, `BuildKit` makes nothing.
    pub unmatched: Vec<usize>,
    /// The links that sources led through or could lead through, and what they led to, sorted, relative to the
    /// checkout.
    pub followed: Vec<TreePath>,
    pub diagnostics: Vec<Diagnostic>,
    /// Whether everything that is not ignored is an input.
    pub whole_context: bool,
}

/// Finds the files below `root` that the sources match and the rules leave in; with `whole_context`
/// all that the rules leave in.
///
/// A folder stands for everything below it; links in it are entries themselves, while a link that a
/// source names is there together with what it leads to, as the engine needs both. The folder `.git` is
/// never part of a context unless a source names it.
///
/// The work is proportional to the files that match: a literal path is looked up, a wildcard reads its
/// own folder, and folders of which the rules want nothing are not entered.
pub(crate) fn select(
    tree: &dyn FileTree,
    root: &TreePath,
    rules: Option<&IgnoreRules>,
    sources: &[LocalSource],
    whole_context: bool,
) -> io::Result<SelectedFiles> {
    let mut reader = Reader::new(tree, root, rules);
    let matches =
        sources.iter().map(|source| find(&mut reader, &source.pattern)).collect::<io::Result<Vec<_>>>()?;
    let mut folders = BTreeSet::new();
    if whole_context {
        folders.insert(TreePath::root());
    }
    let mut nodes = Vec::new();
    for (path, kind) in matches.iter().flat_map(|found| &found.targets) {
        if *kind == NodeKind::Folder {
            folders.insert(path.clone());
        } else {
            nodes.extend(reader.node(path, *kind)?);
        }
    }
    for link in matches.iter().flat_map(|found| &found.links) {
        nodes.extend(reader.node(link, NodeKind::Link)?);
    }
    let mut emptied = BTreeSet::new();
    for folder in outermost(&folders) {
        let below = reader.below(folder)?;
        nodes.extend_from_slice(&below.nodes);
        emptied.extend(below.emptied.iter().cloned());
    }
    nodes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    nodes.dedup_by(|a, b| a.path == b.path);
    for found in matches.iter().filter(|found| !found.links.is_empty()) {
        // A builder looks where a link leads to, also if nothing is there.
        for (folder, _) in found.targets.iter().filter(|(_, kind)| *kind == NodeKind::Folder) {
            let full = root.join(folder.as_bytes());
            let is_empty = nodes_below(&nodes, &full).next().is_none() && !holds_any(&emptied, &full);
            if is_empty && !folder.is_root() && !reader.is_ignored(folder) {
                emptied.insert(full);
            }
        }
    }

    let mut selection = SelectedFiles {
        unmatched: (0..sources.len()).filter(|at| !is_in(&nodes, &emptied, root, &matches[*at])).collect(),
        followed: followed(root, &matches),
        whole_context: whole_context || folders.contains(&TreePath::root()),
        nodes,
        emptied: emptied.into_iter().collect(),
        diagnostics: reader.others.iter().map(special_file).collect(),
    };
    for (at, found) in matches.iter().enumerate() {
        let paths = found.targets.iter().map(|(path, _)| path);
        if selection.unmatched.binary_search(&at).is_err() && paths.chain(&found.links).any(names_git) {
            selection.diagnostics.push(git_folder(&sources[at]));
        }
    }
    Ok(selection)
}

/// The folders that are not below another one. What is in a `.git` is not part of a folder around it.
fn outermost(folders: &BTreeSet<TreePath>) -> impl Iterator<Item = &TreePath> {
    folders.iter().filter(|folder| {
        let mut outer = (*folder).clone();
        while outer.file_name() != ".git"
            && let Some(parent) = outer.parent()
        {
            if folders.contains(&parent) {
                return false;
            }
            outer = parent;
        }
        true
    })
}

/// Whether some target of a source is among the sorted nodes, or a folder that is there without any. The root
/// always is something to copy.
fn is_in(nodes: &[Node], emptied: &BTreeSet<TreePath>, root: &TreePath, found: &Match) -> bool {
    found.targets.iter().any(|(path, _)| {
        let full = root.join(path.as_bytes());
        path.is_root()
            || nodes.binary_search_by(|node| node.path.cmp(&full)).is_ok()
            || nodes_below(nodes, &full).next().is_some()
            || holds_any(emptied, &full)
    })
}

/// Whether one of these folders is `folder` or below it.
fn holds_any(folders: &BTreeSet<TreePath>, folder: &TreePath) -> bool {
    folders.contains(folder)
        || folders.range(first_below(folder)..).next().is_some_and(|below| below.is_under(folder))
}

fn followed(root: &TreePath, matches: &[Match]) -> Vec<TreePath> {
    let linked = matches.iter().filter(|found| !found.links.is_empty());
    let paths: BTreeSet<TreePath> = linked
        .flat_map(|found| found.links.iter().chain(found.targets.iter().map(|(path, _)| path)))
        .chain(matches.iter().flat_map(|found| &found.dead_ends))
        .map(|path| root.join(path.as_bytes()))
        .collect();
    paths.into_iter().collect()
}

fn special_file(path: &TreePath) -> Diagnostic {
    Diagnostic::warning("not a file, folder or link: left out of the build context")
        .at(Location::file(path.clone()))
        .hint("list it in the ignore file, or remove it")
}

fn git_folder(source: &LocalSource) -> Diagnostic {
    Diagnostic::note(format!(
        "`{} {}` reads git's own folder, so every commit changes the image's key",
        keyword(source.instruction),
        crate::printable::printable(&source.written),
    ))
    .hint("pass what is needed of it, such as the commit, as a build argument")
}

/// How an instruction that reads the context is written.
pub(super) fn keyword(instruction: SourceInstruction) -> &'static str {
    match instruction {
        SourceInstruction::Copy => "COPY",
        SourceInstruction::Add => "ADD",
        SourceInstruction::Mount => "RUN --mount=type=bind",
    }
}

/// Whether an engine that asks for `requested` (a path or pattern relative to the context) stays within
/// the sources that were planned. Anything else means that the Dockerfile was understood differently.
pub(crate) fn admits(sources: &[LocalSource], whole_context: bool, requested: &str) -> bool {
    let requested = TreePath::clamped(requested);
    whole_context
        || sources.iter().any(|source| match &source.pattern {
            SourcePattern::Path(path) | SourcePattern::Below(path) => {
                requested.is_under(&TreePath::clamped(path))
            }
        })
}

/// The first of an engine's requests that goes beyond the sources that were planned; none at all asks for
/// everything.
pub(crate) fn excess(sources: &[LocalSource], whole_context: bool, requested: &[String]) -> Option<String> {
    if requested.is_empty() && !admits(sources, whole_context, "") {
        return Some("the whole context".to_owned());
    }
    requested.iter().find(|path| !admits(sources, whole_context, path)).cloned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::testing::source;
    use super::*;
    use crate::diagnostic::Severity;
    use crate::git::Tracking;
    use crate::git::memory_tree::MemoryTree;

    fn select_in(tree: &MemoryTree, root: &str, ignore: &str, sources: &[LocalSource]) -> SelectedFiles {
        let rules = IgnoreRules::parse(ignore.as_bytes()).expect(ignore);
        select(tree, &root.into(), Some(&rules), sources, false).expect("in memory")
    }

    /// What one source selects in the checkout's root.
    fn selected(tree: &MemoryTree, ignore: &str, pattern: &str) -> Vec<String> {
        paths(&select_in(tree, "", ignore, &[source(pattern)]))
    }

    fn paths(selection: &SelectedFiles) -> Vec<String> {
        selection.nodes.iter().map(|node| node.path.to_text()).collect()
    }

    fn below_of(folder: &str) -> LocalSource {
        LocalSource { pattern: SourcePattern::Below(folder.to_owned()), plain: false, ..source(folder) }
    }

    #[test]
    fn files_and_folders() {
        let tree = MemoryTree::of(&["svc/a.py", "svc/lib/b.py", "svc/lib/x/c.py", "svc/lib.py", "other/d"]);
        let sources = [source("lib"), source("a.py"), source("lib/x"), source("nope"), source("lib/b.py/x")];
        let selection = select_in(&tree, "svc", "", &sources);
        assert_eq!(paths(&selection), ["svc/a.py", "svc/lib/b.py", "svc/lib/x/c.py"]);
        assert_eq!(selection.unmatched, [3, 4]);
        assert!(!selection.whole_context);
        assert!(selection.diagnostics.is_empty());
    }

    #[test]
    fn the_whole_context() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/.dockerignore", "svc/lib/b", "other/d"]);
        let selection = select_in(&tree, "svc", "lib", &[source("")]);
        assert_eq!(paths(&selection), ["svc/.dockerignore", "svc/Dockerfile"]);
        assert!(selection.whole_context);
        let selection = select(&tree, &"svc".into(), None, &[], true).expect("in memory");
        assert_eq!(paths(&selection), ["svc/.dockerignore", "svc/Dockerfile", "svc/lib/b"]);
        let empty = select(&MemoryTree::of(&["x"]), &"svc".into(), None, &[source("")], false);
        assert_eq!(empty.expect("in memory").unmatched, [] as [usize; 0]);
    }

    #[test]
    fn dockerfile_and_ignore_file_count_as_files_only() {
        let tree = MemoryTree::of(&["Dockerfile", ".dockerignore", "a"]);
        assert_eq!(selected(&tree, "", "a"), ["a"]);
        assert_eq!(selected(&tree, "", "Dockerfile"), ["Dockerfile"]);
        assert_eq!(selected(&tree, "", "?o*"), ["Dockerfile"]);
        assert_eq!(selected(&tree, "Dockerfile\n.dockerignore", ""), ["a"]);
    }

    #[test]
    fn wildcards_match_folder_by_folder() {
        let tree = MemoryTree::of(&["a.txt", "b.txt", "c.md", "d/a.txt", "d/e/a.txt", "f/a.txt", "f.txt/x"]);
        assert_eq!(selected(&tree, "", "*.txt"), ["a.txt", "b.txt", "f.txt/x"]);
        assert_eq!(selected(&tree, "", "*/a.txt"), ["d/a.txt", "f/a.txt"]);
        assert_eq!(selected(&tree, "", "d/*"), ["d/a.txt", "d/e/a.txt"]);
        assert_eq!(selected(&tree, "", "?/e/*.txt"), ["d/e/a.txt"]);
        assert_eq!(selected(&tree, "", "[a-b].txt"), ["a.txt", "b.txt"]);
        assert_eq!(selected(&tree, "", "[^a].*"), ["b.txt", "c.md", "f.txt/x"]);
        assert_eq!(selected(&tree, "", "nope/*"), [] as [&str; 0]);
        assert_eq!(selected(&tree, "", "[a"), [] as [&str; 0]);
        assert_eq!(selected(&tree, "a.txt\nd", "*"), ["b.txt", "c.md", "f.txt/x", "f/a.txt"]);
    }

    #[test]
    fn names_with_special_characters() {
        let tree = MemoryTree::of(&["[x].txt", "x.txt", "a*b/c", "a\\b", "a1b/c"]);
        assert_eq!(selected(&tree, "", "\\[x*"), ["[x].txt"]);
        assert_eq!(selected(&tree, "", "[x].txt"), ["x.txt"]);
        assert_eq!(selected(&tree, "", "a\\b"), ["a\\b"]);
        assert_eq!(selected(&tree, "", "?\\*b/c"), ["a*b/c"]);
    }

    #[test]
    fn a_class_may_match_a_slash() {
        let tree = MemoryTree::of(&["a/b", "axb", "a/c", "ab/x"]);
        assert_eq!(selected(&tree, "", "a[^y]b"), ["a/b", "axb"]);
        assert_eq!(selected(&tree, "", "a[/-x]b"), ["a/b", "axb"]);
    }

    #[test]
    fn two_stars_are_any_depth_and_no_less_than_one_star() {
        let tree = MemoryTree::of(&["a.py", "x/a.py", "x/y/a.py", "x/y/b.md", "z/lib/q"]);
        assert_eq!(selected(&tree, "", "**/*.py"), ["a.py", "x/a.py", "x/y/a.py"]);
        assert_eq!(selected(&tree, "", "**/lib"), ["z/lib/q"]);
        assert_eq!(selected(&tree, "", "x/**"), ["x/a.py", "x/y/a.py", "x/y/b.md"]);
    }

    #[test]
    fn links_that_sources_name_are_followed() {
        let tree = MemoryTree::of(&["dir/foo", "dir/sub/x", "bar", "real"])
            .link("dir/l1", "foo")
            .link("l2", "dir/l1")
            .link("d", "dir/sub")
            .link("gone", "nowhere")
            .link("abs", "/real");
        assert_eq!(selected(&tree, "", "l2"), ["dir/foo", "dir/l1", "l2"]);
        assert_eq!(selected(&tree, "", "d"), ["d", "dir/sub/x"]);
        assert_eq!(selected(&tree, "", "d/x"), ["d", "dir/sub/x"]);
        assert_eq!(selected(&tree, "", "d/*"), ["d", "dir/sub/x"]);
        assert_eq!(selected(&tree, "", "l*"), ["dir/foo", "dir/l1", "l2"]);
        assert_eq!(selected(&tree, "", "a*"), ["abs", "real"]);
        assert_eq!(selected(&tree, "", "*/foo"), ["d", "dir/foo"]);
        let dead_end = select_in(&tree, "", "", &[source("l*/x")]);
        assert_eq!((dead_end.nodes, dead_end.followed), (vec![], vec!["dir/l1".into(), "l2".into()]));
        // Links in a folder that is copied are entries, whatever they lead to.
        assert_eq!(selected(&tree, "", "dir"), ["dir/foo", "dir/l1", "dir/sub/x"]);
        let selection = select_in(&tree, "", "", &[source("gone"), source("l2")]);
        assert_eq!(selection.unmatched, [0]);
        assert_eq!(paths(&selection), ["dir/foo", "dir/l1", "gone", "l2"]);
        assert_eq!(selection.followed, ["dir/foo", "dir/l1", "gone", "l2"].map(TreePath::from));
    }

    #[test]
    fn links_do_not_leave_the_context() {
        let tree =
            MemoryTree::of(&["shared/x", "svc/a"]).link("svc/shared", "../shared").link("svc/all", "..");
        let selection = select_in(&tree, "svc", "", &[source("shared"), source("all/a")]);
        assert_eq!(paths(&selection), ["svc/a", "svc/all", "svc/shared"]);
        assert_eq!(selection.unmatched, [0]);
    }

    #[test]
    fn what_is_ignored_is_not_seen_through_links_either() {
        let tree = MemoryTree::of(&["dir/foo", "dir/bar"]).link("l", "dir");
        assert_eq!(selected(&tree, "dir/foo", "l"), ["dir/bar", "l"]);
        assert_eq!(selected(&tree, "l", "l/foo"), [] as [&str; 0]);
        assert_eq!(selected(&tree, "l", "dir"), ["dir/bar", "dir/foo"]);
    }

    #[test]
    fn ignored_sources_match_nothing() {
        let tree = MemoryTree::of(&["a", "dist/app.js", "dist/keep"]);
        let sources = [source("a"), source("dist"), source("dist/app.js"), source("dist/keep")];
        let selection = select_in(&tree, "", "a\ndist\n!dist/keep", &sources);
        assert_eq!(paths(&selection), ["dist/keep"]);
        assert_eq!(selection.unmatched, [0, 2]);
    }

    #[test]
    fn something_unknown_below_a_folder_is_all_of_it() {
        let tree = MemoryTree::of(&["dir/a", "dir/b/c", "other/x", "other/y/z", "out"])
            .link("dir/l", "../other/y")
            .link("other/y/m", "/out");
        let selection = select_in(&tree, "", "", &[below_of("dir")]);
        assert_eq!(paths(&selection), ["dir/a", "dir/b/c", "dir/l", "other/y/m", "other/y/z", "out"]);
        assert_eq!(paths(&select_in(&tree, "", "", &[below_of("")])).len(), 7);
        assert_eq!(select_in(&tree, "", "", &[below_of("nope")]).unmatched, [0]);
    }

    #[test]
    fn git_is_context_only_where_a_source_names_it() {
        let tree = MemoryTree::of(&["a", "sub/.git", "sub/b"])
            .with(".git/HEAD", NodeKind::File, Tracking::Untracked, "")
            .with(".git/refs/x", NodeKind::File, Tracking::Untracked, "");
        assert_eq!(selected(&tree, "", ""), ["a", "sub/b"]);
        assert_eq!(selected(&tree, "", "sub"), ["sub/b"]);
        assert_eq!(selected(&tree, "", ".*"), [] as [&str; 0]);
        for (pattern, expected) in [(".git", 2), (".git/HEAD", 1), (".git/refs/*", 1), ("sub/.git", 1)] {
            let selection = select_in(&tree, "", "", &[source("a"), source(pattern)]);
            assert_eq!(selection.nodes.len(), expected + 1, "{pattern}");
            let [note] = &selection.diagnostics[..] else { panic!("{pattern}: one note") };
            assert_eq!(note.severity, Severity::Note);
            assert!(note.message.contains(pattern), "{}", note.message);
        }
        let selection = select_in(&tree, "", ".git", &[source(""), source(".git")]);
        assert_eq!((selection.nodes.len(), selection.diagnostics.len()), (2, 0));
        assert_eq!(paths(&select_in(&tree, "", "", &[source(""), source(".git/HEAD")])).len(), 3);
    }

    #[test]
    fn special_files_are_passed_over_with_a_warning() {
        let tree = MemoryTree::of(&["a"]).with("d/pipe", NodeKind::Other, Tracking::Untracked, "");
        let selection = select_in(&tree, "", "", &[source("d/pipe"), source("d"), source("a")]);
        assert_eq!(paths(&selection), ["a"]);
        assert_eq!(selection.unmatched, [0, 1]);
        let [warning] = &selection.diagnostics[..] else { panic!("one warning") };
        assert_eq!(warning.location, Some(Location::file("d/pipe".into())));
        assert!(select_in(&tree, "", "d", &[source("")]).diagnostics.is_empty());
    }

    #[test]
    fn tracking_is_kept() {
        let tree = MemoryTree::of(&["svc/a"])
            .with("svc/app.jar", NodeKind::File, Tracking::Ignored, "")
            .with("svc/new", NodeKind::File, Tracking::Untracked, "");
        let selection = select_in(&tree, "svc", "", &[source("a"), source("app.jar"), source("new")]);
        let tracking: Vec<Tracking> = selection.nodes.iter().map(|node| node.tracking).collect();
        assert_eq!(tracking, [Tracking::Tracked, Tracking::Ignored, Tracking::Untracked]);
    }

    /// Each of these was compared with what docker sends.
    #[test]
    fn folders_that_are_left_in_without_their_files() {
        let tree = MemoryTree::of(&["src/a", "src/deep/b", "src/deep/er/x", "src/other/x", "k", "src.d/a"])
            .link("l", "src/deep");
        for (ignore, pattern, expected) in [
            ("", "", &[][..]),
            ("src", "", &[]),
            ("src", "src", &[]),
            ("src/**", "src", &["src"]),
            ("src/*", "", &["src"]),
            ("src/other/x", "", &["src/other"]),
            ("src/other/x", "src/other", &["src/other"]),
            ("src/other/x", "src/o*", &["src/other"]),
            ("src/other/x", "src/[m-o/]*", &["src/other"]),
            ("src/other/x", "**/other", &["src/other"]),
            ("src/other/x", "src/deep", &[]),
            ("**/x\n**/b", "src/deep", &["src/deep/er"]),
            ("**/b\n**/er", "l", &["src/deep"]),
            ("**\n!k", "", &[]),
            ("*\n!src/deep/nothing", "src", &[]),
            ("src\n!src/deep\nsrc/deep/*", "", &["src/deep"]),
        ] {
            let selection = select_in(&tree, "", ignore, &[source(pattern)]);
            let emptied: Vec<String> = selection.emptied.iter().map(TreePath::to_text).collect();
            assert_eq!(emptied, expected, "{ignore:?} {pattern:?}");
            let is_plain = !pattern.contains('*') && !pattern.is_empty();
            let is_nothing = is_plain && selection.nodes.is_empty() && emptied.is_empty();
            assert_eq!(selection.unmatched.is_empty(), !is_nothing, "{ignore:?} {pattern:?}");
        }
    }

    #[test]
    fn an_empty_folder_counts_where_a_link_leads_to_it() {
        let tree = MemoryTree::of(&["c/f"]).link("c/l", "../empty");
        let tree = tree.with("empty", NodeKind::Folder, Tracking::Untracked, "");
        for (ignore, pattern, expected) in [
            ("", "c/*", &["empty"][..]),
            ("", "c/**", &["empty"]),
            ("", "c/l", &["empty"]),
            ("", "c", &[]),
            ("", "empty", &[]),
            ("empty", "c/**", &[]),
        ] {
            let selection = select_in(&tree, "", ignore, &[source(pattern)]);
            let emptied: Vec<String> = selection.emptied.iter().map(TreePath::to_text).collect();
            assert_eq!(emptied, expected, "{ignore:?} {pattern:?}");
        }
    }

    #[test]
    fn a_folder_that_git_cannot_have_is_none() {
        let tree = MemoryTree::of(&["svc/a", "svc/mixed/skipped"])
            .with("svc/cache/x", NodeKind::File, Tracking::Ignored, "")
            .with("svc/pipes/pipe", NodeKind::Other, Tracking::Ignored, "")
            .with("svc/mixed/app.jar", NodeKind::File, Tracking::Ignored, "");
        let selection = select_in(&tree, "svc", "cache/*\npipes/*\nmixed/skipped", &[source("")]);
        assert_eq!(paths(&selection), ["svc/a", "svc/mixed/app.jar"]);
        assert_eq!(selection.emptied, [TreePath::from("svc/mixed")]);
    }

    #[test]
    fn only_what_matches_is_visited() {
        let files: Vec<String> = (0..200).map(|at| format!("node_modules/{}/{at}.js", at % 20)).collect();
        let mut tree =
            files.iter().fold(MemoryTree::of(&["src/a", "src/b"]), |tree, file| tree.file(file, ""));
        for (ignore, pattern, files, visited) in [
            ("", "src/a", 1, 0),
            ("", "node_modules/3/3.js", 1, 0),
            ("", "src", 2, 2),
            ("", "s*", 2, 2),
            ("node_modules", "", 2, 2),
            ("**/node_modules", "*", 2, 2),
            ("node_modules", "node_modules/*/1.js", 0, 0),
            ("", "[a,", 0, 0),
            ("*\n!src/*", "", 2, 2),
        ] {
            tree.visited = 0.into();
            assert_eq!(selected(&tree, ignore, pattern).len(), files, "{pattern:?}");
            assert_eq!(tree.visited.load(Ordering::Relaxed), visited, "{pattern:?}");
        }
    }

    #[test]
    fn what_an_engine_may_ask_for() {
        let sources = [source("src"), source("*.txt"), below_of("gen")];
        for (requested, expected) in [
            ("src", true),
            ("/src/", true),
            ("src/a", true),
            ("*.txt", true),
            ("gen/x/*", true),
            ("srcs", false),
            ("", false),
            ("other", false),
        ] {
            assert_eq!(admits(&sources, false, requested), expected, "{requested:?}");
        }
        assert!(admits(&sources, true, "other"));
        assert!(admits(&[source("")], false, "other"));
        let excess_of = |sources: &[LocalSource], whole, requested: &[&str]| {
            let requested: Vec<String> = requested.iter().map(|path| (*path).to_owned()).collect();
            excess(sources, whole, &requested)
        };
        assert_eq!(excess_of(&sources, false, &["src", "other", "x"]).as_deref(), Some("other"));
        assert_eq!(excess_of(&sources, false, &["src", "a.txt"]).as_deref(), Some("a.txt"));
        assert_eq!(excess_of(&sources, false, &["src", "gen/x"]), None);
        // Everything is asked for by naming nothing.
        assert_eq!(excess_of(&sources, false, &[]).as_deref(), Some("the whole context"));
        assert_eq!(excess_of(&[], false, &[]).as_deref(), Some("the whole context"));
        assert_eq!(excess_of(&sources, true, &[]), None);
        assert_eq!(excess_of(&[source("a"), source("")], false, &[]), None);
    }
}
