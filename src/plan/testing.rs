//! Projects that a test writes down.

use std::collections::BTreeMap;

use crate::git::memory_tree::MemoryTree;
use crate::naming::NamespaceSource;
use crate::project::{Options, Project, SettingsFile, load};

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
