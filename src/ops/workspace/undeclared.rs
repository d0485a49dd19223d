use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::dockerfile::is_proxy;
use crate::plan::ImageId;
use crate::project::{Options, Project};

/// Warns of what `--unhashed-build-arg` does not do: whoever has the image reads the values in its history.
pub(super) fn arguments_in_history(
    project: &Project,
    selected: &[ImageId],
    given: &BTreeMap<String, String>,
) -> Option<Diagnostic> {
    let declares = |name: &&str| {
        selected.iter().any(|image| project.images[*image].evaluation.declared_args.contains(*name))
    };
    let names: BTreeSet<&str> = given.keys().map(String::as_str).filter(declares).collect();
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = format!("everyone who has the image can read the value of {list} in its history");
    (!names.is_empty()).then(|| {
        Diagnostic::warning(message)
            .hint("`--secret id=NAME,env=NAME` with `RUN --mount=type=secret,id=NAME` leaves nothing behind")
    })
}

/// Warns of build arguments of the command line that change nothing, probably because of their spelling.
pub(super) fn undeclared_arguments(
    project: &Project,
    selected: &[ImageId],
    options: &Options,
) -> Vec<Diagnostic> {
    let declared: BTreeSet<&String> =
        selected.iter().flat_map(|image| &project.images[*image].evaluation.declared_args).collect();
    let given = options.build_args.keys().chain(options.unhashed_build_args.keys());
    given
        .filter(|name| !declared.contains(name) && !is_proxy(name) && !selected.is_empty())
        .map(|name| {
            let message = format!("no image that is selected declares the build argument `{name}`");
            let otherwise = format!("`ARG {name}` declares it, in each stage");
            Diagnostic::warning(message).hint(did_you_mean(name, &declared, &otherwise))
        })
        .collect()
}
