use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::args::{GlobalArgs, ImageArgs, SelectionArgs};
use super::committed::{committed_options, compare_with_commit, is_committed};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::files::Files;
use super::known;
use super::notices::Notices;
use super::registries::credentials;
use super::settings::{self, Resolved, SettingsFile};
use super::signals::Signals;
use super::undeclared::{arguments_in_history, undeclared_arguments};
use super::watch::{Change, Guard, OpenedCheckout, Opening, Planned, Watch, basis, never_at_rest, same_keys};
use crate::ci::{CiReference, CiTrigger, ci_reference};
use crate::diagnostic::Diagnostic;
use crate::engine::{Endpoint, Engine, EngineEnvironment};
use crate::git::{Checkout, CommitId, HeadTree, Snapshot, branch_tag};
use crate::graph::{Selection, Selector};
use crate::image::{Platform, Tag};
use crate::inputs::Manifests;
use crate::path::TreePath;
use crate::plan::{Action, Affected, CheckoutSummary, Facts, Known, Plan, TagPolicy, affected, decide};
use crate::project::{CleanState, Project, assume_clean, compare_with_head, load, revisions};
use crate::registry::Credentials;

/// A checkout that was read: everything a command needs to decide.
pub(super) struct Session {
    /// The checkout.
    pub checkout: Arc<Checkout>,
    /// Its files.
    pub tree: Arc<dyn Snapshot + Send + Sync>,
    /// The commit that they are compared with, or that they are.
    pub commit: Option<CommitId>,
    /// Its images.
    pub project: Arc<Project>,
    /// How each image stands to HEAD.
    pub clean: Vec<CleanState>,
    /// Indices of the selected images, dependencies first.
    pub selected: Vec<usize>,
    /// Those of them that are built although they exist (`--no-cache`).
    rebuilt: Vec<usize>,
    /// Whether `--exact` chose them.
    pub exact: bool,
    /// Images that stand aside and were not named.
    pub(super) left_aside: Vec<usize>,
    /// Whether images were named, instead of all being meant.
    pub named: bool,
    /// What flags, environment and settings file say.
    pub resolved: Resolved,
    /// The branch, or the pull request.
    pub reference: BranchReference,
    /// The engine, unless it was not wanted.
    pub engine: Option<Arc<Engine>>,
    /// The logins of the user.
    pub credentials: Arc<Credentials>,
    /// What registries and credential helpers tell.
    pub notices: Notices,
    /// Who hears Ctrl-C and polite kills.
    pub signals: Signals,
    /// What it was read for, where that is watched.
    planned: Option<Arc<Planned>>,
    /// When it was read, in time since 1970.
    now: Duration,
}

/// What moving tags follow.
#[derive(Clone, Debug, Default)]
pub(super) struct BranchReference {
    /// For people: `main`, `pr-12`.
    pub name: Option<String>,
    /// Its tag.
    pub tag: Option<Tag>,
    /// Whether it is a pull request, which never moves `latest`.
    pub pull_request: bool,
    /// Whether it is the default branch, as far as git and the CI tell.
    pub is_default: bool,
    /// Whether `--rev` names a commit that no branch stands for, so that no tag follows it.
    pub fixed: bool,
    /// Tags that the commit is about to get.
    pub new_tags: Vec<String>,
}

impl BranchReference {
    fn of_branch(branch: &str) -> Self {
        Self { tag: Some(branch_tag(branch)), name: Some(branch.to_owned()), ..Self::default() }
    }
}

/// Whether a command wants an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EngineNeed {
    /// It cannot do without.
    Required,
    /// It only asks which platform it builds for.
    Platform,
    /// It never asks.
    Never,
}

/// What all commands that read a checkout were given.
pub(super) struct Request<'a> {
    /// Options of every command.
    pub global: &'a GlobalArgs,
    /// Which images.
    pub selection: &'a SelectionArgs,
    /// What decides the images.
    pub image: &'a ImageArgs,
    /// The process.
    pub environment: &'a Environment,
    /// Whether an engine is wanted.
    pub engine: EngineNeed,
    /// What a command that writes knows of git at work; none for one that only reads.
    pub watch: Option<&'a Arc<Watch>>,
}

impl Session {
    /// Reads the checkout and asks for the engine at the same time. Where git is watched, all that is read is of one
    /// moment: else it is read again, once.
    pub(super) async fn open(request: &Request<'_>) -> Result<Self, CliError> {
        let opening = Opening::new(request);
        let reading = tokio::task::spawn_blocking({
            let opening = opening.clone();
            move || opening.open()
        });
        let (engine, opened) = tokio::join!(connect(request), reading);
        let opened = opened.map_err(|error| CliError::usage(error.to_string()))??;
        let engine = engine?;
        let (checkout, before) = (Arc::clone(&opened.checkout), opened.before.clone());
        let session = Self::read_opened(request, opened, engine.clone());
        let (Some(watch), Some(before)) = (request.watch, before) else { return session };
        let Some(change) = watch.change(&checkout, &before)? else { return session };
        watch.reading_again(&change);
        let opened = opening.open()?;
        let (checkout, before) = (Arc::clone(&opened.checkout), opened.before.clone());
        let again = Self::read_opened(request, opened, engine);
        match before.map(|before| watch.change(&checkout, &before)).transpose()?.flatten() {
            None => again,
            // Git writes its index also when it has only looked.
            Some(Change::Index) if same_keys(&session, &again) => again,
            Some(change) => Err(never_at_rest(&change)),
        }
    }

    fn read_opened(
        request: &Request<'_>,
        opened: OpenedCheckout,
        engine: Option<Arc<Engine>>,
    ) -> Result<Self, CliError> {
        let OpenedCheckout { checkout, files, file, before } = opened;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut resolved = settings::resolve(
            &file,
            request.global,
            request.selection,
            request.image,
            request.environment,
            now,
        )?;
        if let (false, Some(engine)) = (resolved.platform_is_chosen, &engine) {
            resolved.options.platform = engine.info().platform.clone();
        }
        if let Some(engine) = &engine {
            let of_engine = &engine.info().platform;
            refuse_foreign(&resolved, of_engine)?;
            resolved.options.build_platform = of_engine.clone();
            resolved.options.engine_system = Some(of_engine.os.clone());
        }
        let mut session = Self::read(request, checkout, &files, &file, resolved, engine, now)?;
        session.planned = request.watch.map(|watch| {
            Arc::new(Planned {
                basis: basis(request, &session, &files, before),
                checkout: Arc::clone(&session.checkout),
                project: Arc::clone(&session.project),
                options: session.resolved.options.clone(),
                watch: Arc::clone(watch),
            })
        });
        Ok(session)
    }

    /// What asks whether the plan still holds.
    pub(super) fn guard(&self) -> Guard {
        let planned = self.planned.clone();
        Arc::new(move || planned.as_ref().map_or(Ok(()), |planned| planned.holds()))
    }

    /// Fails if the plan does not hold any more, before a command writes what follows from it.
    pub(super) fn still_holds(&self) -> Result<(), CliError> {
        (self.guard())().map_err(|how| CliError::one(ExitCode::Failed, Diagnostic::error(how)))
    }

    fn read(
        request: &Request<'_>,
        checkout: Arc<Checkout>,
        files: &Files,
        file: &SettingsFile,
        resolved: Resolved,
        engine: Option<Arc<Engine>>,
        now: Duration,
    ) -> Result<Self, CliError> {
        let options = &resolved.options;
        let tree = files.snapshot();
        let mut project = load(&*tree, checkout.name(), checkout.origin_url(), options)?;
        project.diagnostics.extend(file.diagnostics.iter().cloned().chain(files.notes()));
        let commit = files.commit(&checkout);
        let (revisions, clean) = rayon::join(
            || match commit {
                Some(commit) => revisions(&project, &checkout, commit, &settings::paths(&*tree)),
                None => Ok(vec![None; project.images.len()]),
            },
            || match (files, commit) {
                (Files::Commit { .. }, _) => Ok((assume_clean(&project), Vec::new())),
                (Files::WorkTree(tree), Some(head)) => {
                    let options = |head: &HeadTree| committed_options(request, head, &resolved, now);
                    compare_with_commit(&checkout, tree, &project, &resolved.options, head, options)
                }
                (Files::WorkTree(_), None) => Ok((compare_with_head(&project, None), Vec::new())),
            },
        );
        project.assign_revisions(revisions?);
        let (clean, absent) = clean?;
        project.diagnostics.extend(absent);
        let selected = selection(request, &checkout, &project)?;
        project.diagnostics.extend(undeclared_arguments(&project, &selected.images, options));
        let unhashed = &request.image.unhashed_build_arg;
        project.diagnostics.extend(arguments_in_history(&project, &selected.images, unhashed));
        let project = Arc::new(project);
        let reference = match (files, &request.image.pushed) {
            (Files::WorkTree(_), _) => branch_reference(&checkout, request.environment),
            (Files::Commit { .. }, Some(pushed)) => BranchReference {
                new_tags: pushed.tags.clone(),
                ..commit_reference(&checkout, pushed.branch.as_deref(), request.image)
            },
            (Files::Commit { branch, .. }, None) => {
                commit_reference(&checkout, branch.as_deref(), request.image)
            }
        };
        let notices = Notices::default();
        Ok(Self {
            checkout,
            tree,
            commit,
            project,
            clean,
            named: !selected.is_unnamed(),
            left_aside: selected.left_aside,
            selected: selected.images,
            rebuilt: selected.rebuilt,
            exact: !request.selection.exact.is_empty(),
            resolved,
            reference,
            engine,
            credentials: credentials(request.environment, notices.listener()),
            notices,
            signals: request.environment.signals.clone(),
            planned: None,
            now,
        })
    }

    /// The images of a commit, with its own settings and otherwise the same options; `None` where those settings
    /// are wrong.
    pub(super) fn project_at(
        &self,
        request: &Request<'_>,
        commit: CommitId,
    ) -> Result<Option<Project>, CliError> {
        let committed = self.checkout.commit_tree(commit)?.without_sizes();
        let tree: Box<dyn Snapshot> = match (&request.image.rev, self.checkout.work_tree()) {
            (None, Ok(work_tree)) => Box::new(HeadTree::new(committed, Arc::new(work_tree))),
            _ => Box::new(committed.complete()),
        };
        let options = committed_options(request, &*tree, &self.resolved, self.now);
        let load = |options| load(&*tree, self.checkout.name(), self.checkout.origin_url(), &options);
        Ok(options.map(load).transpose()?)
    }

    /// The images that a name means, alone; an unknown one is an error with the closest names.
    pub(super) fn named(&self, name: &str) -> Result<Vec<usize>, CliError> {
        let selector = Selector { exact: vec![name.to_owned()], ..Selector::default() };
        Ok(self.project.graph.select(&selector)?.images)
    }

    /// What tags there are to be, and what the engine says of all images.
    pub(super) async fn known(&self) -> Result<(TagPolicy, Vec<Known>), CliError> {
        let tags = self.tag_policy()?;
        let known = known::gather(self, &tags).await?;
        Ok((tags, known))
    }

    /// Decides on the selected images.
    pub(super) fn decide(&self, tags: &TagPolicy, known: &[Known]) -> Plan {
        let mut plan = self.decide_for(&self.selected, tags, known);
        plan.diagnostics.extend(self.aside_note());
        plan
    }

    /// Images that only a name, or an image that needs them, brings in.
    fn aside_note(&self) -> Option<Diagnostic> {
        let titles: Vec<String> =
            self.left_aside.iter().map(|at| self.project.images[*at].name.title()).collect();
        let (first, more) =
            (titles.iter().take(5).cloned().collect::<Vec<_>>(), titles.len().saturating_sub(5));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!titles.is_empty()).then(|| {
            Diagnostic::note(format!(
                "{} aside, built only when named: {}{more}",
                titles.len(),
                first.join(", ")
            ))
        })
    }

    /// What the selected images have become since `before`.
    pub(super) fn affected(&self, before: Option<&Project>) -> Result<Affected, CliError> {
        let tags = self.tag_policy()?;
        Ok(affected(&self.facts(&self.selected, &tags, &[]), before))
    }

    /// Decides on these images.
    pub(super) fn decide_for(&self, images: &[usize], tags: &TagPolicy, known: &[Known]) -> Plan {
        decide(&self.facts(images, tags, known))
    }

    fn facts<'a>(&'a self, images: &'a [usize], tags: &'a TagPolicy, known: &'a [Known]) -> Facts<'a> {
        Facts {
            project: &self.project,
            clean: &self.clean,
            known,
            selected: images,
            exact: self.exact,
            tags,
            rebuilt: &self.rebuilt,
            checkout: CheckoutSummary {
                name: self.checkout.name().to_owned(),
                head: self.commit,
                branch: self.reference.name.clone(),
                dirty: false,
            },
        }
    }

    /// The plan as it is if nothing exists: names, keys and tags without asking an engine.
    pub(super) fn plan_without_engine(&self) -> Result<Plan, CliError> {
        let tags = self.tag_policy()?;
        Ok(self.decide(&tags, &vec![Known::default(); self.project.images.len()]))
    }

    /// Inputs, Dockerfiles and settings that are not as the commit has them.
    pub(super) fn uncommitted(&self) -> Result<Vec<String>, CliError> {
        let (Some(head), Ok(tree)) = (self.commit, self.checkout.work_tree()) else { return Ok(Vec::new()) };
        let committed = self.checkout.commit_tree(head)?;
        let paths = self.project.versioned_paths(&self.resolved.options);
        let differences = tree.differences(&committed, &paths)?;
        let changed = differences.modified.into_iter().chain(differences.removed);
        let added = differences.added.into_iter().filter(|path| paths.binary_search(&path).is_ok());
        let mut files: Vec<String> = changed.chain(added).map(|path| path.to_string()).collect();
        let lock = &self.resolved.options.settings.lock;
        let ignored = lock.path.iter().map(ToString::to_string).filter(|path| !files.contains(path));
        files.extend(ignored.filter(|_| !is_committed(lock, &committed)).collect::<Vec<_>>());
        Ok(files)
    }

    /// The exit code that blocked images give: 2 if they were named, or with `--strict`.
    pub(super) fn blocked_code(&self, plan: &Plan) -> ExitCode {
        let blocked = plan.steps.iter().any(|step| step.action == Action::Blocked);
        if blocked && (self.named || self.resolved.strict) { ExitCode::Wrong } else { ExitCode::Done }
    }

    /// Seconds since 1970 of the revision of each of some images.
    pub(super) fn commit_times(&self, images: &[usize]) -> Vec<Option<i64>> {
        let time = |at: &usize| self.checkout.commit_time(self.project.images[*at].revision?).ok();
        images.iter().map(time).collect()
    }

    /// Manifests of keys that were built from this repository, all its worktrees together.
    pub(super) fn manifests(&self) -> Manifests {
        Manifests::new(self.checkout.common_dir().join("shipwright").join("manifests"))
    }

    fn tag_policy(&self) -> Result<TagPolicy, CliError> {
        let mut git_tags = match self.commit {
            Some(head) => self.checkout.tags_at(head)?,
            None => Vec::new(),
        };
        git_tags.extend(self.reference.new_tags.iter().cloned());
        git_tags.sort();
        git_tags.dedup();
        let mut moving = self.resolved.moving_tags.clone();
        if self.reference.fixed {
            moving.clear();
        } else if moving.is_empty() && !self.reference.pull_request {
            moving.extend(Tag::new("latest"));
        }
        Ok(TagPolicy {
            head: self.commit,
            git_tags: git_tags.iter().map(|name| branch_tag(name)).collect(),
            branch: self.reference.tag.clone(),
            moving,
            uncommitted_options: self.resolved.uncommitted_options,
        })
    }
}

/// A platform that somebody chose for all images, and that the engine can build none for.
fn refuse_foreign(resolved: &Resolved, of_engine: &Platform) -> Result<(), CliError> {
    let chosen = &resolved.options.platform;
    if !resolved.platform_is_chosen || chosen.os == of_engine.os {
        return Ok(());
    }
    Err(CliError::usage_with_hint(
        format!("this engine builds for {}, not for {chosen}", of_engine.os),
        format!("-H or DOCKER_HOST names an engine for {}", chosen.os),
    ))
}

/// Where the command works.
pub(super) fn start_folder(global: &GlobalArgs, environment: &Environment) -> PathBuf {
    match &global.directory {
        Some(folder) => environment.current_dir.join(folder),
        None => environment.current_dir.clone(),
    }
}

/// Connects unless `--offline`; a command that only asks for the platform goes on without.
async fn connect(request: &Request<'_>) -> Result<Option<Arc<Engine>>, CliError> {
    if request.global.offline || request.engine == EngineNeed::Never {
        return Ok(None);
    }
    let environment = EngineEnvironment::new(&|name| request.environment.get(name).map(str::to_owned));
    let connected = async {
        let endpoint = Endpoint::resolve(request.global.host.as_deref(), &environment)?;
        Engine::connect_with(&endpoint, environment.builder).await
    };
    match (connected.await, request.engine) {
        (Ok(engine), _) => Ok(Some(Arc::new(engine))),
        (Err(_), EngineNeed::Platform | EngineNeed::Never) => Ok(None),
        (Err(error), EngineNeed::Required) => Err(error.into()),
    }
}

fn selection(request: &Request<'_>, checkout: &Checkout, project: &Project) -> Result<Selection, CliError> {
    let args = request.selection;
    let start = start_folder(request.global, request.environment);
    let folder = start
        .canonicalize()
        .ok()
        .and_then(|start| start.strip_prefix(checkout.root()).ok().map(TreePath::from_os));
    let selector = Selector {
        upto: args.targets.iter().chain(&args.upto).cloned().collect(),
        dependents: args.dependents.clone(),
        exact: args.exact.clone(),
        exclude: args.exclude.clone(),
        rebuild: request.image.no_cache,
        folder: folder.unwrap_or_default(),
    };
    Ok(project.graph.select(&selector)?)
}

/// What the CI system says about HEAD.
pub(super) fn ci(checkout: &Checkout, environment: &Environment) -> Option<CiReference> {
    let lookup = |name: &str| environment.get(name).map(str::to_owned);
    ci_reference(&lookup, &settings::ci_event(environment), checkout.head())
}

/// What follows a commit: its branch, if it stands for one, else nothing but what `-t` asks for, which is the
/// user's word.
fn commit_reference(checkout: &Checkout, branch: Option<&str>, image: &ImageArgs) -> BranchReference {
    match branch {
        Some(branch) => BranchReference {
            is_default: checkout.head().default_branch.as_deref() == Some(branch),
            ..BranchReference::of_branch(branch)
        },
        None => BranchReference { fixed: image.tags.is_empty(), ..BranchReference::default() },
    }
}

fn branch_reference(checkout: &Checkout, environment: &Environment) -> BranchReference {
    let head = checkout.head();
    let ci = ci(checkout, environment);
    let told = ci.as_ref().and_then(|ci| ci.default_branch.clone());
    let default = told.or_else(|| head.default_branch.clone());
    let of_branch = |branch: &str| BranchReference {
        is_default: default.as_deref() == Some(branch),
        ..BranchReference::of_branch(branch)
    };
    match (ci.map(|reference| reference.trigger), &head.branch) {
        (Some(CiTrigger::PullRequest(number)), _) => {
            let name = format!("pr-{number}");
            BranchReference {
                tag: Tag::new(&name).ok(),
                name: Some(name),
                pull_request: true,
                ..BranchReference::default()
            }
        }
        (Some(CiTrigger::Nothing), _) => BranchReference { pull_request: true, ..BranchReference::default() },
        (Some(CiTrigger::Branch(branch)), None) => of_branch(&branch),
        (_, Some(branch)) => of_branch(branch),
        (Some(CiTrigger::Tag(_)) | None, None) => BranchReference::default(),
    }
}

/// Errors among findings make the run end with exit code 2 although the rest is built.
pub(super) fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == crate::diagnostic::Severity::Error)
}
