use rayon::prelude::*;

use super::contexts::BuildContext;
use super::images::ContextFile;
use super::load::LoadError;
use crate::checkout::{Identity, Node, Snapshot};
use crate::inputs::{InputFile, InputFiles};
use crate::path::TreePath;

/// The inputs of one image, and where they are; in the same order.
pub(super) type ImageFiles = (InputFiles, Vec<ContextFile>);

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
    let of_context = |(nodes, context): (&Vec<Node>, &Option<BuildContext>)| {
        let root = context.as_ref().map(|context| &context.root);
        files(root.unwrap_or(&TreePath::root()), nodes, &paths, &identities)
    };
    Ok(nodes.par_iter().zip(&*contexts).map(of_context).collect())
}

fn files(root: &TreePath, nodes: &[Node], paths: &[&TreePath], identities: &[Identity]) -> ImageFiles {
    let mut at = 0;
    let (inputs, files) = nodes
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
        .unzip();
    (InputFiles::new(inputs), files)
}

/// Where `path` is among the sorted `paths`; mostly it follows the one before, which was at `last`.
fn position(paths: &[&TreePath], last: usize, path: &TreePath) -> usize {
    let is_at = |at: &usize| paths.get(*at).is_some_and(|found| *found == path);
    [last, last + 1].into_iter().find(is_at).unwrap_or_else(|| paths.partition_point(|found| *found < path))
}
