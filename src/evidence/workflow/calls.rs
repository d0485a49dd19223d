//! What workflows and actions of the checkout are called with by others of it.

use std::collections::BTreeMap;

use super::Pipeline;
use super::expression::Names;
use super::github::{Job, jobs, steps};
use crate::evidence::inside;
use crate::evidence::yaml::Node;
use crate::limits;
use crate::path::TreePath;

pub(super) type Inputs = BTreeMap<String, String>;

/// The inputs of each call, by what is called: a workflow's file, an action's folder.
pub(super) fn calls(pipelines: &[Pipeline]) -> BTreeMap<TreePath, Vec<Inputs>> {
    let mut calls: BTreeMap<TreePath, Vec<Inputs>> = BTreeMap::new();
    let mut add = |uses: &Node, with: Option<&Node>, names: &Names| {
        let called = uses
            .text()
            .filter(|uses| uses.starts_with("./"))
            .and_then(|uses| inside(&TreePath::root(), uses));
        let Some(called) = called else { return };
        let entries = with.into_iter().flat_map(Node::entries);
        let inputs: Inputs = entries
            .filter_map(|(key, value)| Some((key.text()?.to_owned(), names.expand(value.text()?))))
            .collect();
        let known = calls.entry(called).or_default();
        if known.len() < limits::WORKFLOW_MATRIX && !known.contains(&inputs) {
            known.push(inputs);
        }
    };
    for pipeline in pipelines {
        for Job { node, names, .. } in jobs(&pipeline.root, &Inputs::new()) {
            if let Some(uses) = node.get("uses") {
                add(uses, node.get("with"), &names);
            }
            for step in steps(node) {
                if let Some(uses) = step.get("uses") {
                    add(uses, step.get("with"), &names);
                }
            }
        }
    }
    calls
}
