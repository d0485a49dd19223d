//! `strategy.matrix` of GitHub, `parallel:matrix` of GitLab: what a job is run with.

use crate::evidence::yaml::{Node, Value};
use crate::limits;

/// One way to run a job: names and values.
pub(super) type Combination<'y> = Vec<(&'y str, &'y Node)>;

/// All that a matrix comes to; `None` where it is not static.
pub(super) fn combinations(matrix: &Node) -> Option<Vec<Combination<'_>>> {
    let Value::Mapping(entries) = &matrix.value else { return None };
    let named = entries.iter().filter_map(|(key, value)| Some((key.text()?, value)));
    let axes: Vec<_> = named.filter(|(name, _)| !matches!(*name, "include" | "exclude")).collect();
    if axes.len() > limits::WORKFLOW_AXES
        || axes.iter().any(|(_, values)| !matches!(values.value, Value::Sequence(_)))
    {
        return None;
    }
    let mut all = product(&axes);
    let items =
        |key: &str| matrix.get(key).map(Node::items).unwrap_or_default().iter().take(limits::WORKFLOW_MATRIX);
    let is_static =
        |key| matrix.get(key).is_none_or(|value: &Node| matches!(value.value, Value::Sequence(_)));
    if !is_static("include") {
        return None;
    }
    for excluded in items("exclude") {
        let is_it = |one: &Combination<'_>| {
            excluded.entries().all(|(key, value)| {
                one.iter().any(|(name, found)| key.text() == Some(*name) && same(found, value))
            })
        };
        all.retain(|one| !is_it(one));
    }
    let mut added: Vec<Combination<'_>> = Vec::new();
    for included in items("include") {
        let entries: Combination<'_> =
            included.entries().filter_map(|(key, value)| Some((key.text()?, value))).take(64).collect();
        let of_axes = |name: &str| axes.iter().any(|(axis, _)| *axis == name);
        let mut fits = false;
        for one in &mut all {
            let agrees = entries
                .iter()
                .filter(|(name, _)| of_axes(name))
                .all(|(name, value)| one.iter().any(|(known, found)| known == name && same(found, value)));
            if agrees && !axes.is_empty() {
                fits = true;
                let new = entries.iter().filter(|(name, _)| !of_axes(name));
                one.extend(new.copied());
            }
        }
        if !fits {
            added.push(entries);
        }
    }
    all.retain(|one| !one.is_empty());
    all.extend(added);
    all.truncate(limits::WORKFLOW_MATRIX);
    Some(all)
}

/// Each value of each axis with each of the others.
pub(super) fn product<'y>(axes: &[(&'y str, &'y Node)]) -> Vec<Combination<'y>> {
    let mut all: Vec<Combination<'y>> = vec![Vec::new()];
    for (name, values) in axes.iter().take(limits::WORKFLOW_AXES) {
        let values = match &values.value {
            Value::Sequence(items) => &items[..],
            _ => std::slice::from_ref(*values),
        };
        let mut next = Vec::new();
        for one in &all {
            for value in values.iter().take(limits::WORKFLOW_MATRIX - next.len().min(limits::WORKFLOW_MATRIX))
            {
                let mut longer = one.clone();
                longer.push((name, value));
                next.push(longer);
            }
        }
        all = next;
    }
    all
}

fn same(one: &Node, other: &Node) -> bool {
    match (one.text(), other.text()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}
