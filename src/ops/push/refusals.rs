use crate::diagnostic::{Diagnostic, Location};
use crate::ops::Error;
use crate::ops::workspace::Workspace;
use crate::plan::{Action, ImageId, NamespaceSource, Plan};
use crate::printable::few;

/// How many files and names are listed.
const SHOWN: usize = 10;

/// What must not be published, each with what settles it. Nothing was changed when this is found.
pub(super) fn refusals(
    workspace: &Workspace,
    plan: &Plan,
    dirty_is_fine: bool,
) -> Result<Vec<Diagnostic>, Error> {
    let mut refusals = Vec::new();
    let published = plan.steps.iter().filter(|step| step.published).map(|step| step.image);
    refusals.extend(guessed_names(workspace, &published.collect::<Vec<_>>()));
    refusals.extend(shared_tag(workspace)?);
    if !dirty_is_fine {
        refusals.extend(dirty(workspace, plan)?);
    }
    Ok(refusals)
}

/// Names that nothing but the checkout at hand stands for.
pub(in crate::ops) fn guessed_names(workspace: &Workspace, published: &[ImageId]) -> Vec<Diagnostic> {
    guessed_namespace(workspace).into_iter().chain(provisional_names(workspace, published)).collect()
}

fn guessed_namespace(workspace: &Workspace) -> Option<Diagnostic> {
    let namespace = &workspace.project.namespace;
    namespace.source.is_guess().then(|| {
        let what = match namespace.source {
            NamespaceSource::Origin => "the owner in the URL of origin",
            _ => "the checkout's name",
        };
        Diagnostic::error(format!(
            "nothing says which namespace to publish under; {} is only {what}",
            namespace.value
        ))
        .hint(if workspace.in_hook {
            "commit `namespace = \"…\"` in shipwright.toml"
        } else {
            "put `namespace = \"…\"` into shipwright.toml, or use --namespace"
        })
    })
}

fn provisional_names(workspace: &Workspace, published: &[ImageId]) -> Vec<Diagnostic> {
    let refused = workspace.project.provisional.iter().filter(|(at, _)| published.contains(at));
    refused
        .map(|(at, line)| {
            let image = &workspace.project.images[*at];
            let name = image.name.title();
            Diagnostic::error(format!("{name} is called that only because another image has its name"))
                .at(Location::file(image.dockerfile.clone()))
                .hint(format!("put this or another name under [names] of shipwright.toml: {line}"))
        })
        .collect()
}

/// Two branches with one tag would take it from each other.
fn shared_tag(workspace: &Workspace) -> Result<Option<Diagnostic>, Error> {
    let reference = &workspace.reference;
    let (Some(name), Some(tag)) = (&reference.name, &reference.tag) else { return Ok(None) };
    Ok(reference.rival(&workspace.checkout.branches()?).map(|other| {
        Diagnostic::error(format!("the branches {name} and {other} have the same tag, {tag}"))
            .hint("rename one of them: whichever is pushed last would win")
    }))
}

fn dirty(workspace: &Workspace, plan: &Plan) -> Result<Option<Diagnostic>, Error> {
    let steps: Vec<_> =
        plan.steps.iter().filter(|step| step.dirty && step.action != Action::Blocked).collect();
    if steps.is_empty() {
        return Ok(None);
    }
    let names = few(steps.iter().map(|step| step.name()), SHOWN);
    let files = few(workspace.uncommitted()?, SHOWN);
    Ok(Some(
        Diagnostic::error(format!("uncommitted changes are in {names}: {files}"))
            .hint("commit them, or push them under their keys and the branch's tag with --dirty"),
    ))
}
