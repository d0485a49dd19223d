use super::Publication;
use crate::graph::DependencyKind;
use crate::plan::{Plan, StepId};

struct Layers<'a> {
    /// Whether they are sent, not there already.
    is_pushed: bool,
    host: &'a str,
    step: StepId,
    parents: Vec<StepId>,
    bases: &'a [String],
}

/// For each publication the one that is pushed before it, because the two share layers: engines mount what another
/// repository of the registry has, but send what is only on its way there. That is the image it is built from, else
/// the first one from the same external base.
pub(super) fn predecessors(publications: &[Publication], plan: &Plan) -> Vec<Option<usize>> {
    let layers = publications.iter().map(|publication| {
        let step = &plan.steps[publication.wanted.step];
        let parents = step.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::From);
        Layers {
            is_pushed: publication.found.is_none(),
            host: publication.wanted.repository.host(),
            step: publication.wanted.step,
            parents: parents.filter_map(|parent| parent.step).collect(),
            bases: &step.bases,
        }
    });
    ordered(&layers.collect::<Vec<_>>())
}

fn ordered(all: &[Layers<'_>]) -> Vec<Option<usize>> {
    let before = |at: usize| {
        let own = &all[at];
        let is_earlier = |other: &&Layers<'_>| other.is_pushed && other.host == own.host;
        let is_parent = |other: &Layers<'_>| is_earlier(&other) && own.parents.contains(&other.step);
        let is_sibling = |other: &Layers<'_>| {
            is_earlier(&other) && other.bases.iter().any(|base| own.bases.contains(base))
        };
        let earlier = &all[..at];
        earlier.iter().position(is_parent).or_else(|| earlier.iter().position(is_sibling))
    };
    (0..all.len()).map(|at| before(at).filter(|_| all[at].is_pushed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_layers_waits() {
        let (busybox, alpine) = (["busybox:latest".to_owned()], ["alpine:3".to_owned()]);
        let image = |host, step: usize, parents: &[usize], bases| Layers {
            is_pushed: true,
            host,
            step: StepId(step),
            parents: parents.iter().copied().map(StepId).collect(),
            bases,
        };
        let images = |host| {
            [
                image(host, 0, &[], &busybox[..]),
                image(host, 1, &[0], &[]),
                image(host, 2, &[], &busybox[..]),
                image(host, 3, &[], &alpine[..]),
            ]
        };
        let mut all: Vec<Layers<'_>> = ["a.io", "b.io"].into_iter().flat_map(images).collect();
        assert_eq!(ordered(&all), [None, Some(0), Some(0), None, None, Some(4), Some(4), None]);
        all[0].is_pushed = false;
        assert_eq!(ordered(&all)[..4], [None; 4], "what is there is no reason to wait");
        all[2].is_pushed = false;
        assert_eq!(ordered(&all)[2], None);
    }
}
