//! Which ignore file counts.

use super::links::{path_with_links, resolve};
use crate::git::{FileTree, NodeKind};
use crate::path::TreePath;

/// The ignore file of a Dockerfile: `<its name>.dockerignore` beside it, even when that is empty, else
/// `.dockerignore` in the root of the build context.
///
/// If it is a link, this is the file it leads to. One that leads out of the folder it is in (for
/// `.dockerignore`, out of the context) is not read by `BuildKit` either, and then nothing is ignored.
pub(crate) fn ignore_file(tree: &dyn FileTree, dockerfile: &TreePath, root: &TreePath) -> Option<TreePath> {
    let mut own = dockerfile.file_name().to_vec();
    own.extend_from_slice(b".dockerignore");
    file_at(tree, &dockerfile.parent()?, &own).or_else(|| file_at(tree, root, b".dockerignore"))
}

/// The ignore file of a build context with a name: `.dockerignore` in it, whatever the Dockerfile has (`BuildKit`'s
/// `frontend/dockerui`).
pub(crate) fn own_ignore_file(tree: &dyn FileTree, root: &TreePath) -> Option<TreePath> {
    file_at(tree, root, b".dockerignore")
}

/// All paths whose content decides what [`own_ignore_file`] gives.
pub(super) fn own_ignore_file_paths(tree: &dyn FileTree, root: &TreePath) -> Vec<TreePath> {
    path_with_links(tree, root, &root.join(".dockerignore"))
}

/// All paths whose content decides what [`ignore_file`] gives: those of ignore files that are not there
/// too, since they would count.
pub(super) fn ignore_file_paths(
    tree: &dyn FileTree,
    dockerfile: &TreePath,
    root: &TreePath,
) -> Vec<TreePath> {
    let folder = dockerfile.parent().unwrap_or_default();
    let mut name = dockerfile.file_name().to_vec();
    name.extend_from_slice(b".dockerignore");
    let mut paths = path_with_links(tree, &folder, &folder.join(&name));
    if file_at(tree, &folder, &name).is_none() {
        paths.extend(path_with_links(tree, root, &root.join(".dockerignore")));
    }
    paths
}

fn file_at(tree: &dyn FileTree, folder: &TreePath, name: &[u8]) -> Option<TreePath> {
    match resolve(tree, folder, &TreePath::new(name), &mut |_| true).ok()?.found? {
        (path, NodeKind::File) => Some(folder.join(path.as_bytes())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::memory_tree::MemoryTree;

    fn found(tree: &MemoryTree, dockerfile: &str, root: &str) -> Option<String> {
        ignore_file(tree, &dockerfile.into(), &root.into()).map(|path| path.to_text())
    }

    #[test]
    fn the_dockerfiles_own_wins_even_when_empty() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/Dockerfile.dockerignore", "svc/.dockerignore"]);
        assert_eq!(found(&tree, "svc/Dockerfile", "svc").as_deref(), Some("svc/Dockerfile.dockerignore"));
        assert_eq!(found(&tree, "svc/Dockerfile", "").as_deref(), Some("svc/Dockerfile.dockerignore"));
        assert_eq!(found(&tree, "svc/dev.Dockerfile", "svc").as_deref(), Some("svc/.dockerignore"));
    }

    #[test]
    fn the_other_is_in_the_root_not_beside_the_dockerfile() {
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/.dockerignore"]);
        assert_eq!(found(&tree, "svc/Dockerfile", ""), None);
        let tree = MemoryTree::of(&["svc/Dockerfile", "svc/.dockerignore", ".dockerignore"]);
        assert_eq!(found(&tree, "svc/Dockerfile", "").as_deref(), Some(".dockerignore"));
    }

    #[test]
    fn a_link_counts_where_it_stays_inside() {
        let tree = MemoryTree::of(&["Dockerfile", "ignore", "svc/Dockerfile"])
            .link(".dockerignore", "ignore")
            .link("svc/.dockerignore", "../ignore");
        assert_eq!(found(&tree, "Dockerfile", "").as_deref(), Some("ignore"));
        assert_eq!(found(&tree, "svc/Dockerfile", "svc"), None);
    }

    #[test]
    fn a_folder_of_that_name_is_none() {
        let tree = MemoryTree::of(&["Dockerfile", ".dockerignore/x"]);
        assert_eq!(found(&tree, "Dockerfile", ""), None);
    }
}
