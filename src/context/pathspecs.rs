//! Which paths of history an image is about.

use std::collections::BTreeSet;
use std::fmt;

use super::select::Selection;
use crate::dockerfile::{LocalSource, SourcePattern};
use crate::path::TreePath;

/// Paths of the checkout whose history counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceSpec {
    /// This file, or all that is below this folder.
    Literal(TreePath),
    /// What this pattern of `filepath.Match` matches, and all that is below it.
    Glob(String),
}

/// What `git log -- …` is asked about for an image's revision: what its sources admit (also files that
/// are not there now), what the links among them lead to, its Dockerfile and its ignore file. Sorted,
/// and without paths below others.
pub fn revision_pathspecs(
    root: &TreePath,
    dockerfile: &TreePath,
    ignore_file: Option<&TreePath>,
    sources: &[LocalSource],
    selection: &Selection,
) -> Vec<SourceSpec> {
    let mut paths: BTreeSet<TreePath> = [dockerfile].into_iter().chain(ignore_file).cloned().collect();
    let mut globs = BTreeSet::new();
    paths.extend(selection.followed.iter().cloned());
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
    let outermost = |path: &&TreePath| {
        !std::iter::successors(path.parent(), TreePath::parent).any(|around| paths.contains(&around))
    };
    let literal = paths.iter().filter(outermost).cloned().map(SourceSpec::Literal);
    // A glob begins with the root, so that if the root is there, all of it is.
    let covered =
        std::iter::successors(Some(root.clone()), TreePath::parent).any(|path| paths.contains(&path));
    let globs = globs.into_iter().filter(|_| !covered).map(SourceSpec::Glob);
    literal.chain(globs).collect()
}

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
    pub fn to_git(&self) -> Vec<String> {
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
    use super::super::memory_tree::{MemoryTree, source};
    use super::super::select::select;
    use super::*;

    fn specs(tree: &MemoryTree, root: &str, dockerfile: &str, patterns: &[&str]) -> Vec<String> {
        let sources: Vec<LocalSource> = patterns.iter().map(|pattern| source(pattern)).collect();
        let selection = select(tree, &root.into(), None, &sources, false).expect("in memory");
        let specs = revision_pathspecs(&root.into(), &dockerfile.into(), None, &sources, &selection);
        specs.iter().flat_map(SourceSpec::to_git).collect()
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
    fn the_ignore_file_belongs_to_it() {
        let specs = revision_pathspecs(
            &"svc".into(),
            &"svc/Dockerfile".into(),
            Some(&".dockerignore".into()),
            &[],
            &Selection::default(),
        );
        assert_eq!(specs, [".dockerignore", "svc/Dockerfile"].map(|path| SourceSpec::Literal(path.into())));
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
