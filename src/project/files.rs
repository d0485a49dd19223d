use rayon::prelude::*;

use super::contexts::BuildContext;
use super::images::ContextFile;
use super::load::LoadError;
use crate::checkout::{Identity, Node, Snapshot, Tracking};
use crate::context::nodes_below;
use crate::inputs::{InputFile, InputFiles};
use crate::path::TreePath;

/// What one image reads of its context.
#[derive(Default)]
pub(super) struct ImageFiles {
    pub(super) inputs: InputFiles,
    /// Where the inputs are, in the same order.
    pub(super) files: Vec<ContextFile>,
    /// Folders, relative to the context, that are empty without what git ignores.
    pub(super) emptied: Vec<TreePath>,
}

/// Finds out what the files of all contexts are. All are identified in one go, so a file that many images
/// read is looked at once. Takes the nodes out of the contexts.
pub(super) fn read_all(
    tree: &dyn Snapshot,
    contexts: &mut [Option<BuildContext>],
) -> Result<Vec<ImageFiles>, LoadError> {
    let nodes: Vec<Vec<Node>> = contexts
        .iter_mut()
        .map(|context| context.as_mut().map(|context| std::mem::take(&mut context.nodes)).unwrap_or_default())
        .collect();
    let mut paths: Vec<&TreePath> = nodes.iter().flatten().map(|node| &node.path).collect();
    // Stable, because that is quick where most of it is in order already.
    paths.sort();
    paths.dedup();
    let identities = tree.identify(&paths)?;
    let of_context = |(nodes, context): (&Vec<Node>, &Option<BuildContext>)| match context {
        Some(context) => files(context, nodes, &paths, &identities),
        None => ImageFiles::default(),
    };
    Ok(nodes.par_iter().zip(&*contexts).map(of_context).collect())
}

fn files(context: &BuildContext, nodes: &[Node], paths: &[&TreePath], identities: &[Identity]) -> ImageFiles {
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
    let (inputs, files) = both.into_iter().unzip();
    let emptied = context.emptied.iter().filter_map(|folder| folder.relative_to(root)).collect();
    ImageFiles { inputs: InputFiles::new(inputs), files, emptied }
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
