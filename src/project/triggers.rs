use std::collections::BTreeMap;

use rayon::prelude::*;

use super::drafted::Drafted;
use super::options::Options;
use crate::dockerfile::{Evaluation, ProblemKind, Trigger};
use crate::image::ImageReference;
use crate::naming::{Binding, Naming};

/// The triggers that stages carry out, by their number.
type Inherited<'a> = BTreeMap<usize, &'a [Trigger]>;

/// Reads again the images whose bases, built here, carry ONBUILD triggers: those run in the dependent, and may
/// need stages of it that nothing else needs. Comes before references are bound, so that those of such stages
/// are bound like any other.
pub(super) fn inherit(images: &mut [Drafted], naming: &Naming, options: &Options) {
    if images.iter().all(|image| image.evaluation.triggers.is_empty()) {
        return;
    }
    let drafted = &*images;
    let changed: Vec<(usize, Evaluation)> = (0..drafted.len())
        .into_par_iter()
        .filter_map(|at| Some((at, with_triggers(drafted, at, naming, options)?)))
        .collect();
    for (at, evaluation) in changed {
        images[at].evaluation = evaluation;
    }
}

fn meant(image: &Drafted, stage: usize) -> Option<usize> {
    let word = image.definition.file.stages.get(stage)?.base.as_ref()?;
    image.definition.meant.get(&word.span.start).map(|meant| meant.image)
}

/// What an image means with the triggers of its bases, if those have any. What an image carries is what its
/// own Dockerfile says: no other image has to be read before.
fn with_triggers(images: &[Drafted], at: usize, naming: &Naming, options: &Options) -> Option<Evaluation> {
    let image = &images[at];
    let mut inherited = Inherited::new();
    for (number, stage) in image.evaluation.stages.iter().enumerate() {
        let (None, Ok(base)) = (stage.base_stage, &stage.base_expanded) else { continue };
        if base == "scratch" || stage.base_context.is_some() {
            continue;
        }
        let Ok(reference) = base.parse::<ImageReference>() else { continue };
        let base = match naming.bind(&reference, at, &options.settings.follow) {
            Binding::Local(base) => Some(base),
            _ => None,
        };
        if let Some(base) = meant(image, number).or(base)
            && !images[base].evaluation.triggers.is_empty()
        {
            inherited.insert(number, &images[base].evaluation.triggers);
        }
    }
    let needed = |evaluation: &Evaluation, number: usize| evaluation.stages[number].needed;
    inherited.keys().any(|number| needed(&image.evaluation, *number)).then_some(())?;
    // Which stages are needed decides which triggers run, and these decide which stages are needed. With the
    // triggers of all stages those that are needed are found at once: what others would run needs nothing.
    let evaluation = image.definition.evaluate(options, &inherited);
    let all = inherited.len();
    inherited.retain(|number, _| needed(&evaluation, *number));
    // No builder carries out the triggers of the others, so that nothing can be wrong with them; but where there
    // are too many to read them all, nothing is known.
    let is_final =
        inherited.len() == all || evaluation.problems.iter().any(|found| found.kind == ProblemKind::Size);
    Some(if is_final { evaluation } else { image.definition.evaluate(options, &inherited) })
}
