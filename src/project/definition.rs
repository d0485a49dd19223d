use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::options::Options;
use super::settings::ImageSettings;
use super::systems;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::discovery::{BrokenDockerfile, FoundDockerfile};
use crate::dockerfile::{Dockerfile, Evaluation, Scope, Trigger, evaluate, parse};
use crate::image::Platform;
use crate::limits;
use crate::path::TreePath;

/// One image to be: a Dockerfile and what the settings say about building it.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Definition {
    pub(super) path: TreePath,
    pub(super) tracked: bool,
    pub(super) aside: bool,
    /// Its name, if the settings give one in `[image.NAME]`.
    pub(super) name: Option<String>,
    pub(super) options: ImageSettings,
    pub(super) target_from_flag: bool,
    pub(super) file: Dockerfile,
    /// Whether the Dockerfile cannot be read, so that `file` says nothing.
    pub(super) is_broken: bool,
}

impl Definition {
    /// A Dockerfile that the settings say nothing about.
    pub(super) fn of(path: TreePath, source: &[u8]) -> Self {
        Self {
            file: parse(source),
            path,
            tracked: false,
            aside: false,
            name: None,
            options: ImageSettings::default(),
            target_from_flag: false,
            is_broken: false,
        }
    }

    pub(super) fn platform<'a>(&'a self, options: &'a Options) -> &'a Platform {
        self.options.platforms.first().unwrap_or(&options.platform)
    }

    /// Values that count for this image: the command line's win over the settings'.
    pub(super) fn build_args(&self, options: &Options) -> BTreeMap<String, String> {
        let mut args = self.options.args.clone();
        args.extend(options.build_args.clone());
        args.extend(options.unhashed_build_args.clone());
        args
    }

    pub(super) fn evaluate(&self, options: &Options, inherited: &BTreeMap<usize, &[Trigger]>) -> Evaluation {
        let build_args = self.build_args(options);
        let platform = self.platform(options);
        let mut evaluation = evaluate(
            &self.file,
            &Scope {
                build_args: &build_args,
                target: self.options.target.as_deref(),
                target_platform: platform,
                build_platform: &options.build_platform,
                inherited,
                // Else a base that brings triggers which take something stops the build.
                unseen_triggers: self.options.whole_context,
            },
        );
        let system = options.engine_system.as_deref().unwrap_or(&platform.os);
        evaluation.problems.extend(systems::foreign(&self.file, &evaluation, platform, system));
        evaluation
    }
}

/// One definition for each Dockerfile found, and one more for each that the settings make from one of them.
/// `[image.NAME]` without `dockerfile` adjusts the image of that name; it is matched after naming.
pub(super) fn definitions(
    found: Vec<FoundDockerfile>,
    broken: Vec<BrokenDockerfile>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Definition> {
    let mut definitions: Vec<Definition> = found.into_par_iter().map(plain).collect();
    if !broken.is_empty() {
        definitions.extend(broken.into_iter().map(unreadable));
        definitions.sort_by(|a, b| a.path.cmp(&b.path));
    }
    let mut defined: BTreeMap<TreePath, usize> = BTreeMap::new();
    let at_path: HashMap<TreePath, usize> =
        definitions.iter().enumerate().map(|(at, definition)| (definition.path.clone(), at)).collect();
    for (name, image) in &options.settings.images {
        let Some(path) = &image.dockerfile else { continue };
        let Some(at) = at_path.get(path).copied() else {
            // Nobody reads the hints of thousands.
            let known = if diagnostics.len() < limits::FINDINGS { &definitions[..] } else { &[] };
            diagnostics.push(no_such_dockerfile(name, path, known, image));
            continue;
        };
        let count = defined.entry(path.clone()).or_default();
        if *count == 0 {
            definitions[at].name = Some(name.clone());
            definitions[at].options = image.clone();
        } else {
            let first = &definitions[at];
            let more = Definition {
                path: first.path.clone(),
                tracked: first.tracked,
                aside: first.aside,
                name: Some(name.clone()),
                options: image.clone(),
                target_from_flag: false,
                file: first.file.clone(),
                is_broken: first.is_broken,
            };
            definitions.push(more);
        }
        *count += 1;
    }
    definitions
}

fn plain(found: FoundDockerfile) -> Definition {
    let FoundDockerfile { path, source, tracked, aside, .. } = found;
    Definition { tracked, aside, ..Definition::of(path, &source) }
}

fn unreadable(broken: BrokenDockerfile) -> Definition {
    let BrokenDockerfile { path, tracked, aside } = broken;
    Definition { is_broken: true, ..plain(FoundDockerfile { path, source: Vec::new(), tracked, aside }) }
}

fn no_such_dockerfile(
    name: &str,
    path: &TreePath,
    definitions: &[Definition],
    image: &ImageSettings,
) -> Diagnostic {
    let message = format!("[image.{name}] names a Dockerfile that is not in this checkout: {path}");
    let known = definitions.iter().map(|definition| definition.path.to_text());
    let hint = did_you_mean(&path.to_text(), known, "paths are relative to the root of the checkout");
    image.at_its_place(Diagnostic::error(message)).hint(hint)
}
