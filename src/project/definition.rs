use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::evidence::{Evidence, completed};
use super::options::Options;
use super::settings::ImageSettings;
use super::systems;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::discovery::{BrokenDockerfile, FoundDockerfile};
use crate::dockerfile::{Dockerfile, Evaluation, Scope, Trigger, evaluate_meant, parse};
use crate::evidence::Account;
use crate::image::Platform;
use crate::limits;
use crate::naming::{ImageName, NameSource};
use crate::path::TreePath;

/// One image to be: a Dockerfile and what the settings say about building it.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Definition {
    pub(super) path: TreePath,
    pub(super) tracked: bool,
    pub(super) aside: bool,
    /// Its name, if the settings give one in `[image.NAME]`.
    pub(super) name: Option<String>,
    /// What the settings say, and for the rest what other files of the checkout say.
    pub(super) options: ImageSettings,
    /// What other files of the checkout say.
    pub(super) account: Account,
    pub(super) evidence: Vec<Evidence>,
    pub(super) target_from_flag: bool,
    pub(super) file: Dockerfile,
    /// Whether the Dockerfile cannot be read, so that `file` says nothing.
    pub(super) is_broken: bool,
    /// The images that FROM lines with variables mean, by the place of the word.
    pub(super) meant: BTreeMap<usize, Meant>,
}

/// What a FROM line means whose variables have no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meant {
    /// The last part of the reference, which stands for it from here on.
    pub(super) name: String,
    pub(super) image: usize,
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
            account: Account::default(),
            evidence: Vec::new(),
            target_from_flag: false,
            is_broken: false,
            meant: BTreeMap::new(),
        }
    }

    /// Takes what the settings say, and for the rest what is said elsewhere.
    pub(super) fn set(&mut self, settings: &ImageSettings) {
        (self.options, self.evidence) = completed(settings, &self.account, &self.file);
    }

    fn become_image(&mut self, name: Option<String>, settings: &ImageSettings, account: Account) {
        (self.name, self.account) = (name, account);
        self.set(settings);
    }

    /// What counts of what is said elsewhere, the name included if it is from there.
    pub(super) fn evidence_with(&self, name: &ImageName) -> Vec<Evidence> {
        let said = self.account.name.as_ref().filter(|_| matches!(name.source, NameSource::Evidence(_)));
        let named = said.map(|said| Evidence::of("name", &said.value.to_string(), said));
        named.into_iter().chain(self.evidence.iter().cloned()).collect()
    }

    /// Another image from the same Dockerfile.
    fn another(&self) -> Self {
        Self {
            path: self.path.clone(),
            tracked: self.tracked,
            aside: self.aside,
            name: None,
            options: ImageSettings::default(),
            account: Account::default(),
            evidence: Vec::new(),
            target_from_flag: false,
            file: self.file.clone(),
            is_broken: self.is_broken,
            meant: BTreeMap::new(),
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
        let contexts = self.options.context_kinds();
        let meant = self.meant.iter().map(|(at, meant)| (*at, meant.name.clone())).collect();
        let mut evaluation = evaluate_meant(
            &self.file,
            &Scope {
                build_args: &build_args,
                target: self.options.target.as_deref(),
                target_platform: platform,
                build_platform: &options.build_platform,
                inherited,
                // Else a base that brings triggers which take something stops the build.
                unseen_triggers: self.options.whole_context,
                contexts: &contexts,
            },
            &meant,
        );
        let system = options.engine_system.as_deref().unwrap_or(&platform.os);
        evaluation.problems.extend(systems::foreign(&self.file, &evaluation, platform, system));
        evaluation
    }
}

/// One definition for each Dockerfile found, and one more for each that the settings make from one of them, or else
/// that the checkout's own files make. `[image.NAME]` without `dockerfile` adjusts the image of that name; it is matched
/// after naming.
pub(super) fn definitions(
    found: Vec<FoundDockerfile>,
    broken: Vec<BrokenDockerfile>,
    mut accounts: BTreeMap<TreePath, Vec<Account>>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Definition> {
    let mut definitions: Vec<Definition> = found.into_par_iter().map(plain).collect();
    if !broken.is_empty() {
        definitions.extend(broken.into_iter().map(unreadable));
        definitions.sort_by(|a, b| a.path.cmp(&b.path));
    }
    let at_path: HashMap<TreePath, usize> =
        definitions.iter().enumerate().map(|(at, definition)| (definition.path.clone(), at)).collect();
    let mut defined: BTreeMap<TreePath, Vec<(&String, &ImageSettings)>> = BTreeMap::new();
    for (name, image) in &options.settings.images {
        let Some(path) = &image.dockerfile else { continue };
        if at_path.contains_key(path) {
            defined.entry(path.clone()).or_default().push((name, image));
        } else {
            // Nobody reads the hints of thousands.
            let known = if diagnostics.len() < limits::FINDINGS { &definitions[..] } else { &[] };
            diagnostics.push(no_such_dockerfile(name, path, known, image));
        }
    }
    let mut more = Vec::new();
    for definition in &mut definitions {
        let accounts = accounts.remove(&definition.path).unwrap_or_default();
        let images = match defined.remove(&definition.path) {
            Some(images) => from_settings(&images, accounts),
            None => accounts.into_iter().map(|account| (None, ImageSettings::default(), account)).collect(),
        };
        for (at, (name, settings, account)) in images.into_iter().enumerate() {
            if at == 0 {
                definition.become_image(name, &settings, account);
            } else {
                let mut another = definition.another();
                another.become_image(name, &settings, account);
                more.push(another);
            }
        }
    }
    definitions.extend(more);
    definitions
}

/// The images that the settings make from one Dockerfile, each with what is said elsewhere about the image of its name,
/// or of the only one.
fn from_settings(
    images: &[(&String, &ImageSettings)],
    mut accounts: Vec<Account>,
) -> Vec<(Option<String>, ImageSettings, Account)> {
    let is_only = images.len() == 1 && accounts.len() == 1;
    let mut account_of = |name: &str| {
        let is_its = |account: &Account| account.name.as_ref().is_some_and(|said| said.value.ends_in(name));
        let at = accounts.iter().position(|account| is_only || is_its(account));
        at.map(|at| accounts.remove(at)).unwrap_or_default()
    };
    let image = |(name, settings): &(&String, &ImageSettings)| {
        (Some((*name).clone()), (*settings).clone(), account_of(name))
    };
    images.iter().map(image).collect()
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
