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
