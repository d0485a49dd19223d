//! Jobs of GitLab.

use std::collections::BTreeMap;

use super::Pipeline;
use super::matrix::{Combination, product};
use crate::evidence::shell::{ROOT, Script, UNKNOWN, from_marked, may_build};
use crate::evidence::yaml::{Node, Value};
use crate::evidence::{Claim, Door, Kind, Text};
use crate::limits;
use crate::path::TreePath;

/// How far `extends` is followed: GitLab's own limit.
const EXTENDS: usize = 11;

type Variables = BTreeMap<String, String>;

/// Keys of a pipeline that are no jobs.
const NO_JOBS: [&str; 11] = [
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
];

pub(super) fn claims(pipelines: &[Pipeline], door: &Door<'_>) -> Vec<Claim> {
    // Files of one pipeline include each other: what one defines all of them have.
    let mut templates: BTreeMap<&str, &Node> = BTreeMap::new();
    let mut variables = Variables::new();
    for pipeline in pipelines {
        for (name, job) in pipeline.root.entries() {
            templates.extend(name.text().map(|name| (name, job)));
        }
        set(&mut variables, pipeline.root.get("variables"));
    }
    let mut claims = Vec::new();
    let mut budget = limits::WORKFLOW_TEXT;
    for pipeline in pipelines {
        for (name, job) in pipeline.root.entries() {
            let is_job = name.text().is_some_and(|name| !NO_JOBS.contains(&name) && !name.starts_with('.'));
            if is_job && claims.len() < limits::EVIDENCE_BUILDS {
                let found = of_job(&pipeline.path, job, &templates, &variables, door, &mut budget);
                let all = || pipelines.iter().map(|pipeline| &pipeline.path);
                claims.extend(found.into_iter().map(|claim| claim.resting_on(all())));
            }
        }
    }
    claims
}

fn of_job(
    path: &TreePath,
    job: &Node,
    templates: &BTreeMap<&str, &Node>,
    variables: &Variables,
    door: &Door<'_>,
    budget: &mut usize,
) -> Vec<Claim> {
    *budget = budget.saturating_sub(64 * (variables.len() + 1));
    if *budget == 0 {
        return Vec::new();
    }
    // The job and what it extends, the nearest first.
    let mut line = vec![job];
    let mut at = 0;
    while let Some(extends) = line.get(at).and_then(|job| job.get("extends")) {
        let names = if extends.items().is_empty() { std::slice::from_ref(extends) } else { extends.items() };
        let found = names.iter().rev().filter_map(|name| templates.get(name.text()?).copied());
        line.extend(found.take(EXTENDS));
        at += 1;
        if line.len() > EXTENDS {
            break;
        }
    }
    let mut variables = variables.clone();
    for job in line.iter().rev() {
        set(&mut variables, job.get("variables"));
    }
    let find = |key: &str| line.iter().find_map(|job| job.get(key));
    let Some(text) = script([find("before_script"), find("script")]).filter(|(text, _)| may_build(text))
    else {
        return Vec::new();
    };
    let matrix =
        find("parallel").and_then(|parallel| parallel.get("matrix")).map(Node::items).unwrap_or_default();
    let mut combinations: Vec<Combination<'_>> = Vec::new();
    for axes in matrix.iter().take(limits::WORKFLOW_MATRIX) {
        let axes: Vec<(&str, &Node)> =
            axes.entries().filter_map(|(key, value)| Some((key.text()?, value))).collect();
        combinations.extend(product(&axes));
    }
    combinations.truncate(limits::WORKFLOW_MATRIX);
    if combinations.is_empty() {
        combinations.push(Vec::new());
    }
    let mut claims = Vec::new();
    for combination in combinations {
        *budget = budget.saturating_sub(text.0.len() + 64 * variables.len());
        if *budget == 0 {
            break;
        }
        let mut variables = variables.clone();
        for (name, value) in combination {
            variables
                .insert(name.to_owned(), value.text().map_or_else(|| UNKNOWN.to_string(), str::to_owned));
        }
        let known = known(&variables);
        let (text, first) = &text;
        let script = Script {
            text,
            path,
            line: *first,
            kind: Kind::Workflow,
            starts: &[TreePath::root()],
            variables: &known,
        };
        claims.extend(script.claims(door));
    }
    claims
}

fn set(variables: &mut Variables, node: Option<&Node>) {
    for (name, value) in node.into_iter().flat_map(Node::entries) {
        // `NAME: {value: …, description: …}`
        let value = value.text().or_else(|| value.get("value").and_then(Node::text));
        if let (Some(name), Some(value)) = (name.text(), value) {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// Variables with the values of those that they name.
fn known(variables: &Variables) -> Vec<(String, Text)> {
    let root = ROOT.to_string();
    let mut all: Vec<(String, Text)> = variables
        .iter()
        .map(|(name, value)| (name.clone(), from_marked(&expand(value, variables, 0))))
        .collect();
    all.push(("CI_PROJECT_DIR".to_owned(), from_marked(&root)));
    all
}

fn expand(value: &str, variables: &Variables, depth: usize) -> String {
    let mut whole = String::new();
    let mut rest = value;
    while let Some((front, behind)) = rest.split_once('$') {
        whole.push_str(front);
        let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let braced = behind.strip_prefix('{');
        let name: String = braced.unwrap_or(behind).chars().take_while(|char| is_part(*char)).collect();
        let length = name.len() + 2 * usize::from(braced.is_some());
        match variables.get(&name) {
            _ if name == "CI_PROJECT_DIR" => whole.push(ROOT),
            Some(value) if depth < 4 && whole.len() < limits::SHELL_VALUE / 64 => {
                whole.push_str(&expand(value, variables, depth + 1));
            }
            _ => whole.push(UNKNOWN),
        }
        rest = behind.get(length..).unwrap_or_default();
        if whole.len() > limits::SHELL_VALUE / 64 {
            return UNKNOWN.to_string();
        }
    }
    whole.push_str(rest);
    whole
}

/// The commands of a job, each at its line as far as that goes, and the first line.
fn script(lists: [Option<&Node>; 2]) -> Option<(String, usize)> {
    let mut items: Vec<(&str, usize)> = Vec::new();
    for list in lists.into_iter().flatten() {
        let texts = match &list.value {
            Value::Sequence(texts) => &texts[..],
            _ => std::slice::from_ref(list),
        };
        for text in texts {
            // Lists within lists come of aliases.
            let inner = if text.items().is_empty() { std::slice::from_ref(text) } else { text.items() };
            items.extend(inner.iter().filter_map(|node| Some((node.text()?, node.line))));
        }
    }
    let first = items.iter().map(|(_, line)| *line).min()?;
    let (mut whole, mut at) = (String::new(), first);
    for (text, line) in items {
        while at < line {
            whole.push('\n');
            at += 1;
        }
        at += text.matches('\n').count() + 1;
        whole.push_str(text);
        whole.push('\n');
    }
    Some((whole, first))
}
