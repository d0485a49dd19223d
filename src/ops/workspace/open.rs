use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::committed::{committed_options, compare_with_commit};
use super::files::CheckoutFiles;
use super::undeclared::{arguments_in_history, undeclared_arguments};
use super::watch::{Change, PlanCheck, Watch, basis, never_at_rest};
use super::{Chosen, Workspace};
use crate::engine::EngineError;
use crate::git::{Checkout, HeadTree, Moment};
use crate::graph::Selector;
use crate::image::Platform;
use crate::ops::backends::Connected;
use crate::ops::builders::{self, Builders};
use crate::ops::{Config, Error, ImageRequest, Services};
use crate::path::TreePath;
use crate::plan::BranchReference;
use crate::project::{Project, assume_clean, compare_with_head, load, revisions};
use crate::settings::{self, Resolved, SettingsFile};

/// Whether a use case wants an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum EngineNeed {
    /// It cannot do without.
    Required,
    /// It only asks which platform it builds for.
    Platform,
    /// The same, unless builders that stand alone are named: it can do with these.
    Builders,
    /// It asks what there is; where no engine answers it says so and goes on.
    Wanted,
    /// It never asks.
    Never,
}

/// Reads the checkout and asks for the engine at the same time. Where git is watched, all that is read is of one
/// moment: else it is read again, once.
pub(in crate::ops) async fn open(
    config: &Config,
    request: &ImageRequest,
    need: EngineNeed,
    watch: Option<&Arc<Watch>>,
) -> Result<(Workspace, Services), Error> {
    let opening =
        Opening { folder: config.folder.clone(), revision: request.revision.clone(), watch: watch.cloned() };
    let reading = tokio::task::spawn_blocking({
        let opening = opening.clone();
        move || opening.open()
    });
    let (connected, opened) = tokio::join!(connect(config, need), reading);
    let opened = opened.map_err(|error| Error::usage(error.to_string()))??;
    let (connected, absent) = match connected {
        Ok(connected) => connected,
        Err(error) => return Err(without_engine(config, request, opened, error)),
    };
    let named = config.builders.resolve(&opened.file.builders).filter(|_| need == EngineNeed::Builders);
    let (builders, connected) = match &named {
        None => (Builders::default(), connected),
        Some(named) => match builders::connect(config, named).await {
            Ok(builders) => (builders, None),
            Err(error) => return Err(without_engine(config, request, opened, error)),
        },
    };
    let of_engine = connected.as_ref().map(|connected| connected.builder.platform());
    let platform = builders.all.first().map(|builder| builder.platform()).or(of_engine);
    let reader = Reader { config, request, platform, watch };
    let workspace = reader.read_of_one_moment(&opening, opened)?;
    Ok((workspace, Services { builders, ..Services::new(config, connected, absent) }))
}

/// A request that makes no sense anyway is what has to be mended first.
fn without_engine(config: &Config, request: &ImageRequest, opened: Opened, error: Error) -> Error {
    let reader = Reader { config, request, platform: None, watch: None };
    reader.read(opened).err().unwrap_or(error)
}

/// An engine, or why there is none.
type Connection = (Option<Connected>, Option<EngineError>);

/// Connects unless offline; a use case that only asks for the platform goes on without.
async fn connect(config: &Config, need: EngineNeed) -> Result<Connection, Error> {
    let has_builders = need == EngineNeed::Builders && config.builders.resolve(&[]).is_some();
    if config.offline || need == EngineNeed::Never || has_builders {
        return Ok((None, None));
    }
    let connected = config.backends.connect(config.host.as_deref(), &config.engine).await;
    match (connected, need) {
        (Ok(connected), _) => Ok((Some(connected), None)),
        (Err(_), EngineNeed::Platform | EngineNeed::Builders | EngineNeed::Never) => Ok((None, None)),
        (Err(error), EngineNeed::Wanted) if error.is_unreachable() => Ok((None, Some(error))),
        (Err(error), EngineNeed::Required | EngineNeed::Wanted) => Err(error.into()),
    }
}

#[derive(Clone)]
struct Opening {
    folder: PathBuf,
    revision: Option<String>,
    watch: Option<Arc<Watch>>,
}

/// A checkout of which folders and settings were read.
struct Opened {
    checkout: Arc<Checkout>,
    files: CheckoutFiles,
    file: SettingsFile,
    /// The moment at which the work tree was read, where it is watched.
    before: Option<Moment>,
}

impl Opening {
    /// Waits for git where it is watched, and reads.
    fn open(&self) -> Result<Opened, Error> {
        let mut checkout = Checkout::discover(&self.folder)?;
        let watch = self.watch.as_ref().filter(|_| self.revision.is_none());
        if let Some(watch) = watch.filter(|_| checkout.index_lock().is_some()) {
            watch.wait_for_git(&checkout)?;
            checkout = Checkout::discover(&self.folder)?;
        }
        let before = watch.map(|_| checkout.moment_of_head());
        let files = CheckoutFiles::open(&checkout, self.revision.as_deref())?;
        let file = files.settings(&checkout)?;
        Ok(Opened { checkout: Arc::new(checkout), files, file, before })
    }
}

/// Makes a workspace of what was opened.
struct Reader<'a> {
    config: &'a Config,
    request: &'a ImageRequest,
    /// What the builder at hand builds for.
    platform: Option<&'a Platform>,
    watch: Option<&'a Arc<Watch>>,
}

impl Reader<'_> {
    fn read_of_one_moment(&self, opening: &Opening, opened: Opened) -> Result<Workspace, Error> {
        let (checkout, before) = (Arc::clone(&opened.checkout), opened.before.clone());
        let first = self.read(opened);
        let (Some(watch), Some(before)) = (self.watch, before) else { return first };
        let Some(change) = watch.change(&checkout, &before)? else { return first };
        watch.reading_again(&change);
        let opened = opening.open()?;
        let (checkout, before) = (Arc::clone(&opened.checkout), opened.before.clone());
        let again = self.read(opened);
        match before.map(|before| watch.change(&checkout, &before)).transpose()?.flatten() {
            None => again,
            // Git writes its index also when it has only looked.
            Some(Change::Index) if same_keys(&first, &again) => again,
            Some(change) => Err(never_at_rest(&change)),
        }
    }

    fn read(&self, opened: Opened) -> Result<Workspace, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let settings = self.settings(&opened.file, now)?;
        let mut workspace = self.read_images(&opened, settings, now)?;
        workspace.planned = self.watch.map(|watch| {
            Arc::new(PlanCheck {
                basis: basis(self.request, workspace.commit, &opened.files, opened.before),
                checkout: Arc::clone(&workspace.checkout),
                project: Arc::clone(&workspace.project),
                options: workspace.settings.options.clone(),
                watch: Arc::clone(watch),
            })
        });
        Ok(workspace)
    }

    /// What was chosen and what the file says, for the engine at hand.
    fn settings(&self, file: &SettingsFile, now: Duration) -> Result<Resolved, Error> {
        let mut resolved = settings::resolve(&self.request.choices, file, now).map_err(Error::wrong)?;
        if let Some(of_engine) = self.platform {
            if !resolved.platform_is_chosen {
                resolved.options.platform = of_engine.clone();
            }
            refuse_foreign(&resolved, of_engine)?;
            resolved.options.build_platform = of_engine.clone();
            resolved.options.engine_system = Some(of_engine.os.clone());
        }
        Ok(resolved)
    }

    fn read_images(&self, opened: &Opened, settings: Resolved, now: Duration) -> Result<Workspace, Error> {
        let Opened { checkout, files, file, .. } = opened;
        let (request, options) = (self.request, &settings.options);
        let tree = files.snapshot();
        let mut project = load(&*tree, checkout.name(), checkout.origin_url(), options)?;
        project.diagnostics.extend(file.diagnostics.iter().cloned().chain(files.notes()));
        let commit = files.commit(checkout);
        let (revisions, clean) = rayon::join(
            || match commit {
                Some(commit) => revisions(&project, checkout, commit, &settings::paths(&*tree)),
                None => Ok(vec![None; project.images.len()]),
            },
            || match (files, commit) {
                (CheckoutFiles::Commit { .. }, _) => Ok((assume_clean(&project), Vec::new())),
                (CheckoutFiles::WorkTree(tree), Some(head)) => {
                    let committed =
                        |head: &HeadTree| committed_options(&request.choices, head, &settings, now);
                    compare_with_commit(checkout, tree, &project, options, head, committed)
                }
                (CheckoutFiles::WorkTree(_), None) => Ok((compare_with_head(&project, None), Vec::new())),
            },
        );
        project.assign_revisions(revisions?);
        let (clean, absent) = clean?;
        project.diagnostics.extend(absent);
        let selection = self.select(checkout, &project)?;
        let faults = project.faults_aside(&selection.images);
        project.diagnostics.extend(faults);
        project.keep_findings_about(&selection.images);
        project.diagnostics.extend(undeclared_arguments(&project, &selection.images, options));
        let unhashed = &request.choices.unhashed_build_args;
        project.diagnostics.extend(arguments_in_history(&project, &selection.images, unhashed));
        Ok(Workspace {
            reference: self.reference(checkout, files),
            checkout: Arc::clone(checkout),
            tree,
            commit,
            project: Arc::new(project),
            clean,
            selection,
            settings,
            in_hook: self.request.pushed.is_some(),
            planned: None,
            now,
        })
    }

    fn select(&self, checkout: &Checkout, project: &Project) -> Result<Chosen, Error> {
        let folder = self.config.folder.canonicalize().ok();
        let folder = folder.and_then(|it| it.strip_prefix(checkout.root()).ok().map(TreePath::from_os));
        let selector = Selector { folder: folder.unwrap_or_default(), ..self.request.selector.clone() };
        let selected = project.graph.select(&selector)?;
        Ok(Chosen {
            exact: !selector.exact.is_empty(),
            named: !selected.is_unnamed(),
            images: selected.images,
            rebuilt: selected.rebuilt,
            left_aside: selected.left_aside,
        })
    }

    fn reference(&self, checkout: &Checkout, files: &CheckoutFiles) -> BranchReference {
        let follows_nothing = self.request.choices.moving_tags.is_empty();
        match (files, &self.request.pushed) {
            (CheckoutFiles::WorkTree(_), _) => BranchReference::of_head(checkout, &self.config.ci),
            (CheckoutFiles::Commit { .. }, Some(pushed)) => BranchReference {
                new_tags: pushed.tags.clone(),
                ..BranchReference::of_commit(checkout, pushed.branch.as_deref(), follows_nothing)
            },
            (CheckoutFiles::Commit { branch, .. }, None) => {
                BranchReference::of_commit(checkout, branch.as_deref(), follows_nothing)
            }
        }
    }
}

/// Whether two readings gave the same images.
fn same_keys(one: &Result<Workspace, Error>, other: &Result<Workspace, Error>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.project.images_with_another_key(&other.project).is_empty(),
        _ => false,
    }
}

/// A platform that somebody chose for all images, and that the engine can build none for.
fn refuse_foreign(resolved: &Resolved, of_engine: &Platform) -> Result<(), Error> {
    let chosen = &resolved.options.platform;
    if !resolved.platform_is_chosen || chosen.os == of_engine.os {
        return Ok(());
    }
    Err(Error::usage_with_hint(
        format!("this engine builds for {}, not for {chosen}", of_engine.os),
        format!("-H or DOCKER_HOST names an engine for {}", chosen.os),
    ))
}
