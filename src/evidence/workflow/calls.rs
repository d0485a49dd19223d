//! What workflows and actions of the checkout are called with by others of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Pipeline;
use super::expression::Names;
use super::github::{Job, jobs, steps};
use crate::evidence::inside;
use crate::evidence::yaml::Node;
use crate::limits;
use crate::path::TreePath;

pub(super) type Inputs = BTreeMap<String, String>;

/// What is given, and by which files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub inputs: Inputs,
    pub callers: BTreeSet<TreePath>,
}

/// By what is called: a workflow's file, an action's folder. Calls are followed from what nothing else calls.
pub(super) fn calls(pipelines: &[Pipeline]) -> BTreeMap<TreePath, Vec<Call>> {
    let called: BTreeSet<TreePath> =
        pipelines.iter().flat_map(|pipeline| uses(&pipeline.root)).filter_map(callee).collect();
    let mut by_name: BTreeMap<TreePath, Vec<&Pipeline>> = BTreeMap::new();
    for pipeline in pipelines {
        by_name.entry(pipeline.called()).or_default().push(pipeline);
    }
    let roots = pipelines.iter().filter(|pipeline| !called.contains(&pipeline.called()));
    let mut queue: VecDeque<(&Pipeline, Call)> = roots.map(|root| (root, Call::default())).collect();
    let mut calls: BTreeMap<TreePath, Vec<Call>> = BTreeMap::new();
    let mut budget = limits::WORKFLOW_TEXT;
    while let Some((pipeline, call)) = queue.pop_front() {
        for Job { node, names, .. } in jobs(&pipeline.root, &call.inputs) {
            budget = budget.saturating_sub(64 + names.size);
            for holder in std::iter::once(node).chain(steps(node)) {
                let Some(callee) = holder.get("uses").and_then(callee) else { continue };
                let inputs = given(holder, &names);
                budget = budget.saturating_sub(64 + inputs.values().map(String::len).sum::<usize>());
                let known = calls.entry(callee.clone()).or_default();
                let is_known = known.iter().any(|call| call.inputs == inputs);
                if budget == 0 || known.len() >= limits::WORKFLOW_MATRIX || is_known {
                    continue;
                }
                let mut callers = call.callers.clone();
                callers.insert(pipeline.path.clone());
                let call = Call { inputs, callers };
                known.push(call.clone());
                let next = by_name.get(&callee).into_iter().flatten();
                queue.extend(next.map(|pipeline| (*pipeline, call.clone())));
            }
        }
    }
    calls
}

/// The value of each `uses`.
fn uses(root: &Node) -> Vec<&Node> {
    let jobs = root.get("jobs").into_iter().flat_map(Node::entries).map(|(_, job)| job);
    let holders = jobs.chain(root.get("runs")).flat_map(|job| std::iter::once(job).chain(steps(job)));
    holders.filter_map(|holder| holder.get("uses")).collect()
}

fn callee(uses: &Node) -> Option<TreePath> {
    inside(&TreePath::root(), uses.text().filter(|uses| uses.starts_with("./"))?)
}

fn given(holder: &Node, names: &Names) -> Inputs {
    let entries = holder.get("with").into_iter().flat_map(Node::entries);
    entries.filter_map(|(key, value)| Some((key.text()?.to_owned(), names.expand(value.text()?)))).collect()
}
