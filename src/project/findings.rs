use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{Dockerfile, Evaluation, Problem};
use crate::path::TreePath;

/// What the Dockerfile at `path` itself has to say: errors of its syntax, else problems that block the image and
/// stages that its target does not need.
pub(super) fn findings(path: &TreePath, file: &Dockerfile, evaluation: &Evaluation) -> Vec<Diagnostic> {
    let syntax = file.errors.iter().map(|error| {
        let place = Location::span(path.clone(), error.line, error.span.clone());
        if error.disputed {
            let message = format!("the newest builders refuse this: {}", error.message);
            return Diagnostic::note(message)
                .at(place)
                .hint("write `<<` without blanks around it, or quoted");
        }
        with_hint(Diagnostic::error(error.message.clone()).at(place), error.hint.as_deref())
    });
    let problems = evaluation.problems.iter().map(|problem: &Problem| {
        let place = Location::span(path.clone(), problem.line, problem.span.clone());
        let warning = Diagnostic { cause: problem.cause(), ..Diagnostic::warning(problem.message.clone()) };
        with_hint(warning.at(place), problem.hint.as_deref())
    });
    let unused = evaluation.unused_stages.iter().map(|at| unused_stage(path, evaluation, *at));
    if file.is_hopeless() { syntax.collect() } else { syntax.chain(problems).chain(unused).collect() }
}

fn unused_stage(path: &TreePath, evaluation: &Evaluation, at: usize) -> Diagnostic {
    let stage = &evaluation.stages[at];
    let number = format!("stage {}/{}", at + 1, evaluation.stages.len());
    let name = stage.name.as_deref().unwrap_or_default();
    Diagnostic::note(format!("nothing uses {}", format!("{number} {name}").trim_end()))
        .at(Location { path: path.clone(), span: None, line: Some(stage.line) })
        .hint("it is built only with --target")
}

fn with_hint(diagnostic: Diagnostic, hint: Option<&str>) -> Diagnostic {
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}
