//! Which paths of history an image is about.

use std::collections::BTreeSet;
use std::fmt;

use super::ignore_file::{ignore_file_paths, own_ignore_file_paths};
use super::links::path_with_links;
use super::root::above;
use super::select::SelectedFiles;
use crate::dockerfile::{LocalSource, SourcePattern};
use crate::git::FileTree;
use crate::path::TreePath;

/// Paths of the checkout whose history counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SourceSpec {
    /// This file, or all that is below this folder.
    Literal(TreePath),
    /// What this pattern of `filepath.Match` matches, and all that is below it.
    Glob(String),
}

/// What `git log -- …` is asked about for an image's revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RevisionSpecs {
    /// What its sources admit (also files that are not there now), what the links among them lead to, and its
    /// Dockerfile. Sorted, and without paths below others.
    pub sources: Vec<SourceSpec>,
    /// What says how these are read, and would be something else if it were there, or were not: ignore files,
    /// attribute files, and places nearer to the Dockerfile where a source could be. Most of them never were
    /// there; one that was, and is deleted, made another image. Sorted, and none below `sources`.
    pub circumstances: Vec<SourceSpec>,
}

impl RevisionSpecs {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SourceSpec> {
        self.sources.iter().chain(&self.circumstances)
    }
}

/// The paths of history that an image of this tree is about. `root` is where its context begins; it is
/// `inferred` if no setting says so.
pub(crate) fn revision_pathspecs(
    tree: &dyn FileTree,
    (root, inferred): (&TreePath, bool),
    dockerfile: &TreePath,
    sources: &[LocalSource],
    selection: &SelectedFiles,
) -> RevisionSpecs {
    let mut admitted = Admitted::by(root, sources, selection);
    admitted.paths.extend(path_with_links(tree, &TreePath::root(), dockerfile));
    let mut around = Around::default();
    around.paths.extend(ignore_file_paths(tree, dockerfile, root));
    let own = dockerfile.parent().unwrap_or_default();
    let folders = std::iter::once(own.clone()).chain(above(&own));
    // Where all is found, nothing further out matters.
    let has_all = selection.unmatched.is_empty();
    let rivals = folders.take_while(|at| !has_all || at != root).filter(|at| at != root);
    for folder in rivals.filter(|_| inferred && dockerfile.is_under(root)) {
        for source in sources.iter().filter(|source| !source.elsewhere) {
            let (SourcePattern::Path(path) | SourcePattern::Below(path)) = &source.pattern;
            match &source.pattern {
                _ if path.is_empty() => {}
                SourcePattern::Path(path) if is_glob(path) => {
                    around.globs.insert(glob_below(&folder, path));
                }
                _ => {
                    around.paths.insert(folder.join_clamped(path));
                }
            }
        }
    }
    specs(root, admitted, around)
}

/// The paths of history that decide what an image reads of a build context with a name.
pub(crate) fn named_pathspecs(
    tree: &dyn FileTree,
    root: &TreePath,
    sources: &[LocalSource],
    selection: &SelectedFiles,
) -> RevisionSpecs {
    let paths = own_ignore_file_paths(tree, root).into_iter().collect();
    specs(root, Admitted::by(root, sources, selection), Around { paths, globs: BTreeSet::new() })
}

/// What sources admit.
struct Admitted {
    paths: BTreeSet<TreePath>,
    globs: BTreeSet<String>,
}

impl Admitted {
    fn by(root: &TreePath, sources: &[LocalSource], selection: &SelectedFiles) -> Self {
        let mut paths: BTreeSet<TreePath> = selection.followed.iter().cloned().collect();
        let mut globs = BTreeSet::new();
        if selection.whole_context {
            paths.insert(root.clone());
        }
        for source in sources {
            match &source.pattern {
                SourcePattern::Path(path) if is_glob(path) => {
                    globs.insert(glob_below(root, path));
                }
                SourcePattern::Path(path) | SourcePattern::Below(path) => {
                    paths.insert(root.join_clamped(path));
                }
            }
        }
        Self { paths, globs }
    }
}

/// What says how sources are read.
#[derive(Default)]
struct Around {
    paths: BTreeSet<TreePath>,
    globs: BTreeSet<String>,
}

fn specs(root: &TreePath, admitted: Admitted, around: Around) -> RevisionSpecs {
    let Admitted { paths, mut globs } = admitted;
    let Around { paths: mut around, globs: mut globs_around } = around;
    let folders = paths.iter().flat_map(|path| std::iter::successors(path.parent(), TreePath::parent));
    around.extend(folders.map(|folder| folder.join(ATTRIBUTES)));
    for glob in &globs {
        for (slash, _) in glob.match_indices('/') {
            let folder = &glob[..slash];
            if is_glob(folder) {
                globs_around.insert(format!("{folder}/{ATTRIBUTES}"));
            } else {
                around.insert(TreePath::new(folder).join(ATTRIBUTES));
            }
        }
        around.insert(TreePath::new(ATTRIBUTES));
    }

    let is_covered = |path: &TreePath| {
        std::iter::successors(path.parent(), TreePath::parent).any(|around| paths.contains(&around))
    };
    around.retain(|path| !paths.contains(path) && !is_covered(path));
    // A glob begins with the root, so that if the root is there, all of it is.
    if paths.contains(root) || is_covered(root) {
        globs.clear();
        globs_around.clear();
    }
    let literals = |some: &BTreeSet<TreePath>| -> Vec<SourceSpec> {
        let outermost = some.iter().filter(|path| !is_covered(path));
        outermost.cloned().map(SourceSpec::Literal).collect()
    };
    RevisionSpecs {
        sources: literals(&paths).into_iter().chain(globs.into_iter().map(SourceSpec::Glob)).collect(),
        circumstances: literals(&around)
            .into_iter()
            .chain(globs_around.into_iter().map(SourceSpec::Glob))
            .collect(),
    }
}

/// Git's attributes decide how a blob becomes a file.
const ATTRIBUTES: &str = ".gitattributes";

fn is_glob(path: &str) -> bool {
    path.split('/').any(|name| super::glob::has_wildcards(name.as_bytes()))
}

/// A pattern below a folder whose own name is no pattern.
fn glob_below(folder: &TreePath, pattern: &str) -> String {
    let mut whole = escaped(&folder.to_text());
    if !whole.is_empty() {
        whole.push('/');
    }
    whole.push_str(pattern);
    whole
}

fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

impl SourceSpec {
    /// The specification as git's command line takes it, from the root of the checkout. A glob takes
    /// two, because git's do not reach below what they match.
    pub(crate) fn to_git(&self) -> Vec<String> {
        match self {
            Self::Literal(path) if path.is_root() => vec![".".to_owned()],
            Self::Literal(path) => {
                let text = path.to_text();
                if text.starts_with(':') || text.contains(['*', '?', '[', '\\']) {
                    vec![format!(":(literal){text}")]
                } else {
                    vec![text]
                }
            }
            Self::Glob(pattern) => {
                // To git `[!a]` is `[^a]`; to Go it is two characters.
                let pattern = pattern.replace("[!", "[\\!");
                vec![format!(":(glob){pattern}"), format!(":(glob){pattern}/**")]
            }
        }
    }
}

/// The first of the forms that git takes.
impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(path) => path.fmt(f),
            Self::Glob(pattern) => f.write_str(&crate::printable::printable(pattern)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::select::select;
    use super::super::testing::source;
    use super::*;
    use crate::git::memory_tree::MemoryTree;

    fn specs(tree: &MemoryTree, root: &str, dockerfile: &str, patterns: &[&str]) -> Vec<String> {
        let sources: Vec<LocalSource> = patterns.iter().map(|pattern| source(pattern)).collect();
        let selection = select(tree, &root.into(), None, &sources, false).expect("in memory");
        let root = (&root.into(), true);
        let specs = revision_pathspecs(tree, root, &dockerfile.into(), &sources, &selection);
        specs.sources.iter().flat_map(SourceSpec::to_git).collect()
    }

    fn circumstances(
        tree: &MemoryTree,
        root: (&str, bool),
        dockerfile: &str,
        patterns: &[&str],
    ) -> Vec<String> {
        let sources: Vec<LocalSource> = patterns.iter().map(|pattern| source(pattern)).collect();
        let (root, inferred) = (root.0.into(), root.1);
        let selection = select(tree, &root, None, &sources, false).expect("in memory");
        let specs = revision_pathspecs(tree, (&root, inferred), &dockerfile.into(), &sources, &selection);
        specs.circumstances.iter().flat_map(SourceSpec::to_git).collect()
    }

    #[test]
    fn dockerfile_and_sources_relative_to_the_checkout() {
        let tree = MemoryTree::of(&["service1/Dockerfile", "service1/src/a.py"]);
        assert_eq!(
            specs(&tree, "service1", "service1/Dockerfile", &["src", "gone"]),
            ["service1/Dockerfile", "service1/gone", "service1/src"]
        );
        assert_eq!(
            specs(&tree, "", "service1/Dockerfile", &["service1/src", "service1/src/a.py"]),
            ["service1/Dockerfile", "service1/src"]
        );
    }

    #[test]
    fn the_whole_context_covers_what_is_in_it() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/a"]);
        assert_eq!(specs(&tree, "svc", "svc/Dockerfile", &["", "a", "*.txt"]), ["svc"]);
        assert_eq!(specs(&tree, "", "svc/Dockerfile", &["", "svc/*.txt"]), ["."]);
        assert_eq!(specs(&tree, "svc", "docker/Dockerfile", &[""]), ["docker/Dockerfile", "svc"]);
    }

    #[test]
    fn ignore_files_count_where_they_are_and_where_they_could_be() {
        let none = MemoryTree::of(&["svc/Dockerfile", "svc/a"]);
        assert_eq!(
            circumstances(&none, ("svc", true), "svc/Dockerfile", &["a"]),
            [".gitattributes", "svc/.dockerignore", "svc/.gitattributes", "svc/Dockerfile.dockerignore"]
        );
        assert_eq!(circumstances(&none, ("svc", true), "svc/Dockerfile", &[""]), [".gitattributes"]);
        let own = MemoryTree::of(&["svc/Dockerfile", "svc/a"]).link("svc/Dockerfile.dockerignore", "ignore");
        let own = own.file("svc/ignore", "");
        assert_eq!(
            circumstances(&own, ("svc", true), "svc/Dockerfile", &["a"]),
            [".gitattributes", "svc/.gitattributes", "svc/Dockerfile.dockerignore", "svc/ignore"]
        );
    }

    #[test]
    fn a_source_could_be_nearer() {
        let tree = MemoryTree::of(&["a/b/Dockerfile", "x", "y"]);
        let nearer = |inferred| {
            let found = circumstances(&tree, ("", inferred), "a/b/Dockerfile", &["x", "y*"]);
            found.into_iter().filter(|path| path.ends_with('x')).collect::<Vec<_>>()
        };
        assert_eq!(nearer(true), ["a/b/x", "a/x"]);
        assert_eq!(nearer(false), Vec::<String>::new());
    }

    #[test]
    fn attributes_of_every_folder_around_a_source() {
        let tree = MemoryTree::of(&["Dockerfile", "a/b/c/x"]);
        let found = circumstances(&tree, ("", true), "Dockerfile", &["a/*/c/x"]);
        assert_eq!(
            found,
            [
                ".dockerignore",
                ".gitattributes",
                "Dockerfile.dockerignore",
                "a/.gitattributes",
                ":(glob)a/*/.gitattributes",
                ":(glob)a/*/.gitattributes/**",
                ":(glob)a/*/c/.gitattributes",
                ":(glob)a/*/c/.gitattributes/**",
            ]
        );
    }

    #[test]
    fn a_linked_dockerfile_is_what_it_leads_to() {
        let tree = MemoryTree::of(&["docker/real", "svc/a"]).link("svc/Dockerfile", "../docker/real");
        assert_eq!(specs(&tree, "svc", "svc/Dockerfile", &["a"]), ["docker/real", "svc/Dockerfile", "svc/a"]);
    }

    #[test]
    fn globs_and_special_names() {
        let tree = MemoryTree::of(&["s[v]c/Dockerfile", "s[v]c/a.txt"]);
        assert_eq!(
            specs(&tree, "s[v]c", "s[v]c/Dockerfile", &["*.txt", "[!a]x"]),
            [
                ":(literal)s[v]c/Dockerfile",
                ":(glob)s\\[v]c/*.txt",
                ":(glob)s\\[v]c/*.txt/**",
                ":(glob)s\\[v]c/[\\!a]x",
                ":(glob)s\\[v]c/[\\!a]x/**",
            ]
        );
    }

    #[test]
    fn links_and_what_they_lead_to() {
        let tree = MemoryTree::of(&["Dockerfile", "real/x"]).link("l", "real");
        assert_eq!(specs(&tree, "", "Dockerfile", &["l/x"]), ["Dockerfile", "l", "real/x"]);
    }
}
