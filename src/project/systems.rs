//! Which images are for another operating system than the engine builds for, as far as Dockerfiles tell.

use crate::dockerfile::{Dockerfile, Evaluation, ImageUse, Problem, ProblemKind, Word};
use crate::image::{ImageReference, Platform};

const WINDOWS: &str = "windows";

/// Repositories that hold images for Windows alone, and those below them.
const FOR_WINDOWS: &[&str] = &["windows", "dotnet/framework", "oryx/windows"];

/// What tags of images for Windows say: `golang:1.23-windowsservercore-ltsc2022`.
const WINDOWS_TAGS: &[&str] = &["nanoserver", "windowsservercore"];

/// Why an engine for `system` cannot build the image for `platform`.
pub(super) fn foreign(
    file: &Dockerfile,
    evaluation: &Evaluation,
    platform: &Platform,
    system: &str,
) -> Vec<Problem> {
    let stages = evaluation.stages.iter().zip(&file.stages).filter(|(evaluated, _)| evaluated.needed);
    let of_stages = stages.filter_map(|(evaluated, stage)| {
        let base = evaluated.base_expanded.as_ref().ok()?;
        // An empty beginning is for any system, and a stage is for its own.
        if evaluated.base_stage.is_some() || base == "scratch" {
            return None;
        }
        let wanted: Platform = evaluated.platform.as_ref()?.expanded.as_ref().ok()?.parse().ok()?;
        let word = stage.platform.as_ref()?;
        (wanted.os != system)
            .then(|| problem(file, &format!("{base} for {wanted}"), word, &wanted.os, system))
    });
    let of_bases = evaluation.references.iter().filter(|used| !used.onbuild && system != WINDOWS);
    let of_bases = of_bases.filter(|used| used.reference.as_ref().is_some_and(is_for_windows));
    let of_bases = of_bases.map(|used| of_base(used, system));
    let mut problems: Vec<Problem> = of_stages.chain(of_bases).collect();
    if platform.os != system
        && problems.is_empty()
        && let Some(base) = evaluation.target.and_then(|target| file.stages[target].base.as_ref())
    {
        problems.push(problem(file, &format!("the image for {platform}"), base, &platform.os, system));
    }
    problems.sort_by_key(|problem| problem.span.start);
    problems.dedup_by_key(|problem| problem.line);
    problems
}

fn is_for_windows(reference: &ImageReference) -> bool {
    let repository = &reference.repository;
    let is_windows_only = |known: &&str| {
        let rest = repository.path().strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let says_so = |tag: &str| WINDOWS_TAGS.iter().any(|word| tag.contains(word));
    repository.host() == "mcr.microsoft.com" && FOR_WINDOWS.iter().any(is_windows_only)
        || reference.tag.as_ref().is_some_and(|tag| says_so(tag.as_str()))
}

fn of_base(used: &ImageUse, system: &str) -> Problem {
    Problem {
        kind: ProblemKind::System,
        message: message(&used.expanded, WINDOWS, system),
        span: used.span.clone(),
        line: used.line,
        hint: Some(hint(WINDOWS)),
    }
}

fn problem(file: &Dockerfile, what: &str, word: &Word, wanted: &str, system: &str) -> Problem {
    Problem {
        kind: ProblemKind::System,
        message: message(what, wanted, system),
        span: word.span.clone(),
        line: file.line_of(word.span.start),
        hint: Some(hint(wanted)),
    }
}

fn message(what: &str, wanted: &str, system: &str) -> String {
    format!("{what} needs an engine for {wanted}, and this is one for {system}")
}

fn hint(wanted: &str) -> String {
    format!("-H names an engine for {wanted}; `exclude` in shipwright.toml leaves the Dockerfile out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_for_windows_are_known_by_publisher_or_tag() {
        for windows in [
            "mcr.microsoft.com/windows:1809",
            "mcr.microsoft.com/windows/servercore:ltsc2022",
            "mcr.microsoft.com/dotnet/framework/aspnet:4.8",
            "mcr.microsoft.com/dotnet/sdk:8.0-nanoserver-1809",
            "golang:1.23-windowsservercore-ltsc2022",
        ] {
            assert!(is_for_windows(&windows.parse().expect(windows)), "{windows}");
        }
        for other in ["windows/servercore", "mcr.microsoft.com/windowsy", "mcr.microsoft.com/dotnet/sdk:8.0"]
        {
            assert!(!is_for_windows(&other.parse().expect(other)), "{other}");
        }
    }
}
