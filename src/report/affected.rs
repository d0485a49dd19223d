use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::json::{SCHEMA, diagnostic, document, image};
use super::plan_table::{headline, table};
use super::style::{Role, View};
use super::{phrase, text};
use crate::ops::Since;
use crate::plan::{Affected, Step, StepId};

/// For people: headline, table and total.
pub(crate) fn affected_text(affected: &Affected, since: &Since, view: &View) -> String {
    let mut out = headline(&affected.plan, view);
    let revision = text::one_line(&since.revision);
    let compared_with = match since.commit {
        None => "since the beginning".to_owned(),
        Some(commit) if since.is_merge_base => {
            format!("since {}, the merge base with {revision}", commit.short())
        }
        Some(commit) => format!("since {} ({revision})", commit.short()),
    };
    let _ = writeln!(out, "{}", view.theme.paint(Role::Faint, compared_with));
    if !affected.plan.steps.is_empty() {
        out.push_str(&table(&affected.plan, view));
        out.push('\n');
    }
    let of = phrase::count(affected.compared, "image");
    let _ = match affected.plan.steps.len() {
        0 => writeln!(out, "none of {of} is affected"),
        1 => writeln!(out, "1 of {of} is affected"),
        count => writeln!(out, "{count} of {of} are affected"),
    };
    out
}

/// For programs: images as in the JSON of a plan, each with its layer.
pub(crate) fn affected_json(affected: &Affected, since: &Since) -> String {
    let with_layer = |(step, layer): (&Step, &usize)| {
        let mut value = json!(image(step));
        value["layer"] = json!(layer);
        value
    };
    let removed = affected
        .removed
        .iter()
        .map(|image| json!({"name": image.name, "dockerfile": image.dockerfile.to_text()}));
    document(&json!({
        "schema": SCHEMA,
        "since": {
            "revision": since.revision,
            "commit": since.commit.map(|commit| commit.to_string()),
            "merge_base": since.is_merge_base,
        },
        "images": affected.plan.steps.iter().zip(&affected.layers).map(with_layer).collect::<Vec<_>>(),
        "removed": removed.collect::<Vec<_>>(),
        "diagnostics": affected.plan.diagnostics.iter().chain(&affected.findings).map(diagnostic).collect::<Vec<_>>(),
    }))
}

/// NAMESPACE/NAME, one a line.
pub(crate) fn affected_names(affected: &Affected) -> String {
    let steps = affected.by_layer().into_iter().flatten();
    steps.map(|at| affected.plan.steps[at].name() + "\n").collect()
}

/// A matrix of GitHub Actions on one line. Nothing in it needs quoting in a shell, whoever wrote the Dockerfiles.
pub(crate) fn affected_github(affected: &Affected) -> String {
    let layers = affected.by_layer();
    let steps = layers.iter().enumerate().flat_map(|(layer, steps)| steps.iter().map(move |at| (layer, at)));
    let include: Vec<Value> = steps.map(|(layer, at)| entry(&affected.plan.steps[*at], layer)).collect();
    format!("{}\n", json!({"include": include}))
}

/// The same as a list of matrices, one a layer, for jobs that run one after the other.
pub(crate) fn affected_github_layers(affected: &Affected) -> String {
    let matrix = |(layer, steps): (usize, &Vec<StepId>)| {
        let include = steps.iter().map(|at| entry(&affected.plan.steps[*at], layer));
        json!({"include": include.collect::<Vec<_>>()})
    };
    let layers: Vec<Value> = affected.by_layer().iter().enumerate().map(matrix).collect();
    format!("{}\n", Value::from(layers))
}

fn entry(step: &Step, layer: usize) -> Value {
    json!({
        "image": step.name(),
        "layer": layer,
        "key": step.key.map(|key| key.to_string()),
        "reference": step.reference.as_ref().map(ToString::to_string),
    })
}

/// More than so many `needs` GitLab refuses; the stages alone then say the order.
const MAX_NEEDS: usize = 50;

/// A child pipeline of GitLab: a job an image, a stage a layer. What the jobs do is in `.shipwright`, which a file
/// that is included after this one can add to or replace. GitLab refuses a pipeline without jobs, so an empty one
/// has a job that says so.
pub(crate) fn affected_gitlab(affected: &Affected) -> String {
    let layers = affected.by_layer();
    let stages: Vec<String> = (0..layers.len().max(1)).map(|layer| format!("layer-{layer}")).collect();
    let mut out = format!("stages: {}\n", json!(stages));
    if layers.is_empty() {
        out.push_str(
            "\n\"no image is affected\":\n  stage: layer-0\n  variables: {GIT_STRATEGY: none}\n  script: [\"true\"]\n",
        );
        return out;
    }
    out.push_str(
        "\n.shipwright:\n  script:\n    - shipwright push --rev \"$CI_COMMIT_SHA\" \"$SHIPWRIGHT_IMAGE\"\n",
    );
    let job = |step: &Step| format!("build {}", step.name());
    for (stage, steps) in stages.iter().zip(&layers) {
        for at in steps {
            let step = &affected.plan.steps[*at];
            let needed: BTreeSet<StepId> = step.needs().collect();
            let needs: Vec<String> = needed.iter().map(|at| job(&affected.plan.steps[*at])).collect();
            let _ = write!(out, "\n{}:\n  extends: .shipwright\n  stage: {stage}\n", json!(job(step)));
            if needs.len() <= MAX_NEEDS {
                let _ = writeln!(out, "  needs: {}", json!(needs));
            }
            let _ = writeln!(out, "  variables: {{SHIPWRIGHT_IMAGE: {}}}", json!(step.name()));
        }
    }
    out
}
