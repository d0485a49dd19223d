//! stub
#![allow(missing_docs)]
use crate::checkout::*;
use crate::diagnostic::*;
use crate::path::*;
pub struct FoundDockerfile {
    pub path: TreePath,
    pub source: Vec<u8>,
    pub tracked: bool,
    pub aside: bool,
}
pub struct Rules {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}
pub struct Discovery {
    pub dockerfiles: Vec<FoundDockerfile>,
    pub left_out: Vec<TreePath>,
    pub diagnostics: Vec<Diagnostic>,
}
pub fn discover(tree: &dyn Snapshot, _rules: &Rules) -> Discovery {
    let mut d = vec![];
    for n in tree.nodes() {
        let f = n.path.file_name().to_string();
        if f.starts_with("Dockerfile") || f.ends_with(".Dockerfile") {
            d.push(FoundDockerfile {
                path: n.path.clone(),
                source: tree.read(&n.path).unwrap(),
                tracked: n.tracking == Tracking::Tracked,
                aside: false,
            })
        }
    }
    Discovery { dockerfiles: d, left_out: vec![], diagnostics: vec![] }
}
