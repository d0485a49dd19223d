//! Workflows and composite actions of GitHub.

use super::Pipeline;
use super::calls::{Call, Inputs, calls};
use super::expression::Names;
use super::matrix::combinations;
use super::step::Run;
use crate::evidence::yaml::Node;
use crate::evidence::{Claim, Door};
use crate::limits;
use crate::path::TreePath;

/// A job as it is run once, or an action.
pub(super) struct Job<'y> {
    pub node: &'y Node,
    pub names: Names,
    pub folder: Option<String>,
}

pub(super) fn claims(pipelines: &[Pipeline], door: &Door<'_>) -> Vec<Claim> {
    let calls = calls(pipelines);
    let mut claims = Vec::new();
    for pipeline in pipelines {
        let mut budget = limits::WORKFLOW_TEXT;
        let nothing = [Call::default()];
        let calls = calls.get(&pipeline.called()).map_or(&nothing[..], |calls| &calls[..]);
        for call in calls {
            if budget == 0 {
                break;
            }
            for job in jobs(&pipeline.root, &call.inputs) {
                let mut run = Run {
                    path: &pipeline.path,
                    job: &job,
                    door,
                    claims: Vec::new(),
                    budget,
                    workspace: None,
                };
                for step in steps(job.node) {
                    run.step(step);
                }
                budget = run.budget;
                claims.extend(run.claims.into_iter().map(|claim| claim.resting_on(&call.callers)));
                if claims.len() >= limits::EVIDENCE_BUILDS {
                    return claims;
                }
            }
        }
    }
    claims
}

pub(super) fn steps(job: &Node) -> &[Node] {
    job.get("steps").map(Node::items).unwrap_or_default()
}

/// The jobs of a workflow, each as often as its matrix says, or the one of an action.
pub(super) fn jobs<'y>(root: &'y Node, inputs: &Inputs) -> Vec<Job<'y>> {
    let mut names = Names::default();
    let mut declared: Vec<(&Node, &Node)> = Vec::new();
    // `on` is `true` for those who read YAML 1.1.
    let on = root.get("on").or_else(|| root.get("true"));
    for holder in
        [Some(root), on.and_then(|on| on.get("workflow_dispatch")), on.and_then(|on| on.get("workflow_call"))]
    {
        declared.extend(holder.and_then(|holder| holder.get("inputs")).into_iter().flat_map(Node::entries));
    }
    for (name, input) in declared {
        if let (Some(name), Some(default)) = (name.text(), input.get("default").and_then(Node::text)) {
            names.set(&format!("inputs.{name}"), default.to_owned());
            names.set(&format!("github.event.inputs.{name}"), default.to_owned());
        }
    }
    for (name, value) in inputs {
        names.set(&format!("inputs.{name}"), value.clone());
    }
    set_environment(&mut names, root);
    if let Some(runs) = root.get("runs") {
        return vec![Job { node: runs, names, folder: None }];
    }
    let folder = folder_of_runs(root);
    let (mut all, mut size) = (Vec::new(), 0);
    for (_, job) in root.get("jobs").into_iter().flat_map(Node::entries) {
        let matrix = job.get("strategy").and_then(|strategy| strategy.get("matrix"));
        let (combinations, is_static) = match matrix {
            None => (vec![Vec::new()], true),
            Some(matrix) => match combinations(matrix) {
                Some(combinations) => (combinations, true),
                None => (vec![Vec::new()], false),
            },
        };
        for combination in combinations {
            if all.len() >= limits::EVIDENCE_BUILDS || size >= limits::WORKFLOW_TEXT {
                return all;
            }
            let mut names = names.clone();
            if is_static {
                names.complete.push("matrix.");
            }
            for (name, value) in combination {
                names.set_node(&format!("matrix.{name}"), value);
            }
            set_environment(&mut names, job);
            let folder = folder_of_runs(job).or(folder).map(|folder| names.expand(folder));
            size += names.size;
            all.push(Job { node: job, names, folder });
        }
    }
    all
}

/// Takes in what `env` of a workflow, a job or a step says.
pub(super) fn set_environment(names: &mut Names, holder: &Node) {
    let Some(environment) = holder.get("env") else { return };
    if let Some(all) = environment.text().and_then(|text| text.trim().strip_prefix("${{")?.strip_suffix("}}"))
    {
        for (name, value) in names.below(all.trim()) {
            names.set(&format!("env.{name}"), value);
        }
    }
    for (name, value) in environment.entries() {
        if let Some(name) = name.text() {
            names.set_node(&format!("env.{name}"), value);
        }
    }
}

fn folder_of_runs(holder: &Node) -> Option<&str> {
    holder.get("defaults")?.get("run")?.get("working-directory")?.text()
}

/// The folder at a path as a pipeline writes it.
pub(super) fn folder_at(path: &str) -> Option<TreePath> {
    use crate::evidence::inside;
    use crate::evidence::shell::{ROOT, UNKNOWN};
    let path = path.trim();
    let inner = path.strip_prefix(ROOT).map_or(path, |path| path.trim_start_matches('/'));
    (!path.contains(UNKNOWN)).then(|| inside(&TreePath::root(), inner)).flatten()
}
