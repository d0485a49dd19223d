//! Projects and plans that a test writes down.

use std::collections::BTreeMap;

use crate::git::memory_tree::MemoryTree;
use crate::graph::ImageId;
use crate::naming::NamespaceSource;
use crate::plan::{CheckoutSummary, Facts, ImageFacts, Plan, TagPolicy, decide};
use crate::project::{CleanState, Options, Project, SettingsFile, load};

/// The images of these files, in the namespace `acme`. `names` are those of the settings: a folder, and what its image
/// is called.
pub(crate) fn project(files: &[(&str, &str)], names: &[(&str, &str)]) -> Project {
    let names = names.iter().map(|(folder, name)| ((*folder).to_owned(), (*name).to_owned()));
    let options = Options {
        settings: SettingsFile { names: names.collect(), ..SettingsFile::default() },
        namespace: Some(("acme".to_owned(), NamespaceSource::Flag)),
        build_args: BTreeMap::new(),
        unhashed_build_args: BTreeMap::new(),
        target: None,
        platform: "linux/amd64".parse().expect("a platform"),
        build_platform: "linux/amd64".parse().expect("a platform"),
        engine_system: None,
        refresh: None,
    };
    load(&MemoryTree::new(files.iter().copied()), "shop", None, &options).expect("files that can be read")
}

/// The plan for all images, of which nobody has any, unless `known` says otherwise.
pub(crate) fn plan(project: &Project, tags: &TagPolicy, known: &[(ImageId, ImageFacts)]) -> Plan {
    let mut all = vec![ImageFacts::default(); project.images.len()];
    for (at, known) in known {
        all[*at] = known.clone();
    }
    decide(&Facts {
        project,
        clean: &vec![CleanState::default(); project.images.len()],
        known: &all,
        selected: project.graph.order(),
        exact: false,
        tags,
        rebuilt: &[],
        asked: true,
        checkout: CheckoutSummary { name: "shop".into(), head: None, branch: None, dirty: false },
    })
}
