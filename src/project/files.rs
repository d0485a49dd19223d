use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::contexts::Located;
use super::error::LoadError;
use super::images::ContextFile;
use crate::context::nodes_below;
use crate::git::{Identity, Node, Snapshot, Tracking};
use crate::inputs::{InputFile, InputFiles};
use crate::path::TreePath;

#[derive(Clone, Default)]
pub(super) struct ImageFiles {
    pub(super) inputs: InputFiles,
    /// Where the inputs are, in the same order.
    pub(super) files: Arc<[ContextFile]>,
    /// Folders, relative to the context, that are empty without what git ignores.
    pub(super) emptied: Vec<TreePath>,
    /// Those of contexts with names, by name.
    pub(super) named: BTreeMap<String, ImageFiles>,
}

impl ImageFiles {
    /// It, and those of contexts with names.
    pub(super) fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.named.values())
    }
}

/// Finds out what the files of all contexts are. All are identified in one go, so a file that many images
/// read is looked at once. Takes the nodes out of the contexts.
pub(super) fn read_all(
    tree: &dyn Snapshot,
    images: &mut [Option<Located>],
) -> Result<Vec<ImageFiles>, LoadError> {
    let taken = |context: &mut Located| std::mem::take(&mut context.nodes);
    let mut nodes: Vec<Vec<Node>> =
        images.iter_mut().map(|image| image.as_mut().map(taken).unwrap_or_default()).collect();
    let named = images.iter_mut().flatten().flat_map(|image| image.named.values_mut());
    nodes.extend(named.map(taken));
    let own = images.iter().map(Option::as_ref);
    let named = images.iter().flatten().flat_map(|image| image.named.values());
    let contexts: Vec<Option<&Located>> = own.chain(named.map(Some)).collect();
    let mut paths: Vec<&TreePath> = nodes.iter().flatten().map(|node| &node.path).collect();
    // Stable, because that is quick where most of it is in order already.
    paths.sort();
    paths.dedup();
    let identities = tree.identify(&paths)?;
    let first_with_same_files = first_with_same_files(&contexts, &nodes);
    let of_context = |at: usize| match contexts[at] {
        Some(context) if first_with_same_files[at] == at => files(context, &nodes[at], &paths, &identities),
        _ => ImageFiles::default(),
    };
    let mut found: Vec<ImageFiles> = (0..nodes.len()).into_par_iter().map(of_context).collect();
    for (at, first) in first_with_same_files.into_iter().enumerate() {
        if first != at {
            found[at] = found[first].clone();
        }
    }
    let mut named = found.split_off(images.len()).into_iter();
    for (files, image) in found.iter_mut().zip(images) {
        let names = image.iter().flat_map(|image| image.named.keys().cloned());
        files.named = names.zip(named.by_ref()).collect();
    }
    Ok(found)
}

/// For each context the first one that has the same files. Where many images copy the whole checkout, one list
/// of it is enough.
fn first_with_same_files(contexts: &[Option<&Located>], nodes: &[Vec<Node>]) -> Vec<usize> {
    let mut seen: HashMap<_, Vec<usize>> = HashMap::new();
    let mut first_with_same_files = Vec::with_capacity(contexts.len());
    for (at, context) in contexts.iter().enumerate() {
        let Some(context) = context else {
            first_with_same_files.push(at);
            continue;
        };
        let (first, last) = (nodes[at].first(), nodes[at].last());
        let ends = (first.map(|node| &node.path), last.map(|node| &node.path));
        let similar = seen.entry((&context.root, nodes[at].len(), ends)).or_default();
        let is_alike = |other: &usize| {
            nodes[*other] == nodes[at]
                && contexts[*other].is_some_and(|other| other.emptied == context.emptied)
        };
        let same = similar.iter().copied().find(is_alike).unwrap_or(at);
        if same == at {
            similar.push(at);
        }
        first_with_same_files.push(same);
    }
    first_with_same_files
}

fn files(context: &Located, nodes: &[Node], paths: &[&TreePath], identities: &[Identity]) -> ImageFiles {
    let root = &context.root;
    let mut at = 0;
    let mut both: Vec<(InputFile, ContextFile)> = nodes
        .iter()
        .filter_map(|node| {
            at = position(paths, at, &node.path);
            let identity = identities.get(at)?;
            let path = node.path.relative_to(root)?;
            let input = InputFile { path, kind: identity.kind, blob: identity.blob };
            let file = ContextFile {
                path: node.path.clone(),
                size: identity.size,
                modified_ns: identity.modified_ns,
                tracking: node.tracking,
            };
            Some((input, file))
        })
        .collect();
    // What git ignores may be in it.
    let is_empty = |folder: &&TreePath| nodes_below(nodes, folder).next().is_none();
    both.extend(context.emptied.iter().filter(is_empty).filter_map(|folder| empty_folder(root, folder)));
    if !context.emptied.is_empty() {
        both.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    }
    let (inputs, files): (_, Vec<ContextFile>) = both.into_iter().unzip();
    let emptied = context.emptied.iter().filter_map(|folder| folder.relative_to(root)).collect();
    ImageFiles { inputs: InputFiles::new(inputs), files: files.into(), emptied, named: BTreeMap::new() }
}

fn empty_folder(root: &TreePath, folder: &TreePath) -> Option<(InputFile, ContextFile)> {
    let file = ContextFile { path: folder.clone(), size: 0, modified_ns: None, tracking: Tracking::Tracked };
    Some((InputFile::folder(folder.relative_to(root)?), file))
}

/// Where `path` is among the sorted `paths`; mostly it follows the one before, which was at `last`.
fn position(paths: &[&TreePath], last: usize, path: &TreePath) -> usize {
    let is_at = |at: &usize| paths.get(*at).is_some_and(|found| *found == path);
    [last, last + 1].into_iter().find(is_at).unwrap_or_else(|| paths.partition_point(|found| *found < path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::NodeKind;

    fn context(root: &str, emptied: &[&str]) -> Located {
        let emptied = emptied.iter().map(|path| TreePath::from(*path)).collect();
        Located { root: root.into(), emptied, ..Located::default() }
    }

    fn nodes(paths: &[&str]) -> Vec<Node> {
        let node =
            |path: &&str| Node { path: (*path).into(), kind: NodeKind::File, tracking: Tracking::Tracked };
        paths.iter().map(node).collect()
    }

    #[test]
    fn contexts_with_the_same_files_share_one_list() {
        let (same, emptied, elsewhere) = (context("", &[]), context("", &["e"]), context("a", &[]));
        let contexts = [Some(&same), None, Some(&same), Some(&emptied), Some(&elsewhere), Some(&same)];
        let all = nodes(&["a/x", "a/y"]);
        let nodes = [all.clone(), nodes(&[]), all.clone(), all.clone(), all, nodes(&["a/x", "a/z"])];
        assert_eq!(first_with_same_files(&contexts, &nodes), [0, 1, 0, 3, 4, 5]);
    }
}
