use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, closest};
use crate::dockerfile::is_proxy;
use crate::project::{Options, Project};

/// Warns of build arguments of the command line that change nothing, probably because of their spelling.
pub(super) fn undeclared_arguments(
    project: &Project,
    selected: &[usize],
    options: &Options,
) -> Vec<Diagnostic> {
    let declared: BTreeSet<&String> =
        selected.iter().flat_map(|image| &project.images[*image].evaluation.declared_args).collect();
    let given = options.build_args.keys().chain(options.unhashed_build_args.keys());
    given
        .filter(|name| !declared.contains(name) && !is_proxy(name) && !selected.is_empty())
        .map(|name| {
            let message = format!("no image that is selected declares the build argument `{name}`");
            let names = closest(name, declared.iter().map(|name| (*name).clone()));
            match names.first() {
                Some(closest) => Diagnostic::warning(message).hint(format!("did you mean {closest}?")),
                None => Diagnostic::warning(message).hint(format!("`ARG {name}` declares it, in each stage")),
            }
        })
        .collect()
}
