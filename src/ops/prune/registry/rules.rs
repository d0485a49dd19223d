use std::collections::BTreeMap;

use crate::git::{Root, RootKind, branch_tag};
use crate::ops::Error;
use crate::ops::made_tags::MadeTags;
use crate::ops::workspace::Workspace;
use crate::plan::RegistryRules;

/// `said_dead` are branches that are gone although nothing here says so.
pub(super) fn rules(
    workspace: &Workspace,
    said_dead: &[String],
    unknown_commits: bool,
) -> Result<RegistryRules, Error> {
    let checkout = &workspace.checkout;
    let mut alive: BTreeMap<String, String> = BTreeMap::new();
    let head = checkout.head().branch.as_ref().map(|name| (branch_tag(name).to_string(), name.clone()));
    alive.extend(head);
    for root in checkout.roots()? {
        alive.extend(tags_of(&root).into_iter().map(|tag| (tag, root.name.clone())));
    }
    let dead = |name: &String| [name.clone(), branch_tag(name).to_string()];
    Ok(RegistryRules {
        alive,
        of_branches: MadeTags::of(checkout).of_branches(),
        said_dead: said_dead.iter().flat_map(dead).collect(),
        platform: workspace.settings.options.platform.clone(),
        source: checkout.origin_url().map(str::to_owned),
        unknown_commits,
    })
}

/// The tags that images may have because of a reference.
fn tags_of(root: &Root) -> Vec<String> {
    let name = root.name.as_str();
    match root.kind {
        RootKind::Branch => vec![branch_tag(name).to_string()],
        // A remote may have slashes in its name as well as a branch.
        RootKind::RemoteBranch => {
            name.match_indices('/').map(|(at, _)| branch_tag(&name[at + 1..]).to_string()).collect()
        }
        RootKind::Tag => vec![name.to_owned(), branch_tag(name).to_string()],
        RootKind::Stash => Vec::new(),
    }
}
