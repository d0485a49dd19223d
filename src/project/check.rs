use super::contexts::{self, Located, MissingSource};
use super::draft::{Draft, draft};
use super::drafted::Drafted;
use super::error::LoadError;
use super::options::Options;
use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::dockerfile::ProblemKind;
use crate::git::{Snapshot, is_named_ignored};
use crate::naming::{Namespace, NamespaceSource};
use crate::printable::printable;

/// What is wrong with the images of a tree, as far as its own files tell.
#[derive(Debug, Default)]
pub(crate) struct Check {
    pub images: usize,
    /// What does not parse, loops, or refers to something that is not there; all of them errors.
    pub faults: Vec<Diagnostic>,
    /// What the references say the namespace is.
    pub inferred: Option<String>,
    /// Whether nothing tells the namespace, although there are references that may be into it.
    pub may_have_lost_namespace: bool,
}

/// Checks all images of a tree: Dockerfiles, the graph, references and sources. Nothing is hashed, and no file
/// is read but Dockerfiles and ignore files.
pub(crate) fn check(
    tree: &dyn Snapshot,
    checkout_name: &str,
    origin_url: Option<&str>,
    options: &Options,
) -> Result<Check, LoadError> {
    let Draft { naming, images, mut diagnostics, unresolved, .. } =
        draft(tree, checkout_name, origin_url, options);
    diagnostics.extend(unresolved.into_iter().map(|found| unresolved_reference(found.warning)));
    for (image, context) in images.iter().zip(contexts::locate_all(tree, &images)?) {
        // Paths are written otherwise where another operating system builds.
        let is_foreign = image.evaluation.problems.iter().any(|problem| problem.kind == ProblemKind::System);
        let Some(context) = context.filter(|_| !is_foreign) else { continue };
        diagnostics.extend(missing_sources(tree, image, &context));
        diagnostics.extend(context.diagnostics);
    }
    diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    let Namespace { value, source } = naming.namespace;
    Ok(Check {
        images: images.len(),
        faults: diagnostics,
        inferred: (source == NamespaceSource::FromLines).then_some(value),
        may_have_lost_namespace: source.is_guess() && images.iter().any(has_owned_base),
    })
}

/// References that look like mistyped ones to images of this tree, if `namespace` is what its references said before.
pub(crate) fn mistyped(
    tree: &dyn Snapshot,
    checkout_name: &str,
    origin_url: Option<&str>,
    options: &Options,
    namespace: &str,
) -> Vec<Diagnostic> {
    let namespace = Some((namespace.to_owned(), NamespaceSource::FromLines));
    let options = Options { namespace, ..options.clone() };
    let found = draft(tree, checkout_name, origin_url, &options).unresolved;
    found
        .into_iter()
        .filter(|found| found.is_close)
        .map(|found| unresolved_reference(found.warning))
        .collect()
}

/// Whether it is built from what somebody publishes under a name of their own, as it is now.
fn has_owned_base(image: &Drafted) -> bool {
    let mut references = image.evaluation.references.iter().filter_map(|used| used.reference.as_ref());
    references.any(|reference| {
        let repository = &reference.repository;
        let is_official = repository.host() == "docker.io" && repository.path().starts_with("library/");
        reference.is_latest() && !is_official
    })
}

/// A source that git is told to ignore is made by a build step, and never in a commit.
fn missing_sources(tree: &dyn Snapshot, image: &Drafted, context: &Located) -> Vec<Diagnostic> {
    let missing = context.all().flat_map(|context| &context.missing_sources);
    let missing = missing.filter(|missing| !is_named_ignored(tree, &missing.path));
    missing.map(|missing| missing_source(image, context, missing)).collect()
}

fn missing_source(image: &Drafted, context: &Located, missing: &MissingSource) -> Diagnostic {
    let source = &missing.source;
    let place = if source.inherited {
        Location::file(image.dockerfile().clone())
    } else {
        Location::span(image.dockerfile().clone(), source.line, source.span.clone())
    };
    let is_told = |told: &&Diagnostic| {
        told.severity == Severity::Warning && !source.inherited && told.location.as_ref() == Some(&place)
    };
    match context.diagnostics.iter().find(is_told) {
        Some(told) => as_error(told.clone()),
        None => Diagnostic::error(format!("`{}` {}", printable(&source.written), printable(&missing.why)))
            .at(place)
            .hint("if it is elsewhere, set `context` in shipwright.toml"),
    }
}

/// Whoever means a published image can say so.
fn unresolved_reference(found: Diagnostic) -> Diagnostic {
    // Here it is refused, and taken for nothing.
    let message = found.message.trim_end_matches(": taken for a published image").to_owned();
    let of_published = "a published image is told by its tag";
    let hint = found.hint.as_ref().map_or(of_published.to_owned(), |hint| format!("{hint}; {of_published}"));
    Diagnostic { message, ..as_error(found) }.hint(hint)
}

fn as_error(diagnostic: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Error, ..diagnostic }
}
