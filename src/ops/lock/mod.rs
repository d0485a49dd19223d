//! Locks external bases to what their tags name, or compares them with that.

mod answers;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::workspace::{EngineNeed, Watch, Workspace, open, planned_again};
use super::{Audience, Config, Ending, Error, ImageRequest, registries};
use crate::diagnostic::{Diagnostic, Severity};
use crate::image::{Digest, ImageReference, Platform};
use crate::lockfile::{Change, LOCK_FILE, Lockfile, Questions, write};
use crate::plan::ImageId;
use crate::registry::Registry;
use answers::{ask, vanished};

/// Platforms whose bases stay locked although only builds for others use them here.
const OTHER_PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

/// What [`lock`](fn@lock) is to do.
#[derive(Clone, Debug, Default)]
pub struct LockRequest {
    /// Whose bases.
    pub images: ImageRequest,
    /// What is done with them.
    pub purpose: LockPurpose,
}

/// What is done with bases.
#[derive(Clone, Debug, Default)]
pub enum LockPurpose {
    /// Those that are not locked are.
    #[default]
    Add,
    /// All are locked to what their tags name now.
    UpdateAll,
    /// These are.
    Update(Vec<String>),
    /// They are only compared with the lock file.
    Check,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Locked {
    /// What is said of single bases.
    pub news: Vec<(ImageReference, BaseNews)>,
    /// The names of the images that have another key now.
    pub rebuilt: Vec<String>,
    /// What else is to be said, after that.
    pub findings: Vec<Diagnostic>,
    /// What it came to.
    pub total: LockTotal,
    /// How it ended.
    pub ending: Ending,
}

/// What a use case that locks came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockTotal {
    /// The file was written, or is as it was.
    Written {
        /// Bases that it is about.
        wanted: usize,
        /// New ones.
        new: usize,
        /// Those that name something else now.
        moved: usize,
        /// Those that are not locked any more.
        dropped: usize,
        /// Those that are as before.
        kept: usize,
    },
    /// All is as the file says.
    AsLocked {
        /// How many bases.
        bases: usize,
        /// Whether registries were asked, so that it is known that no tag moved.
        compared: bool,
    },
    /// It is not.
    Behind,
}

/// What there is to say about one base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseNews {
    /// It is locked now.
    Locked(Digest),
    /// Its tag names something else than before.
    Moved {
        /// What it named.
        from: Digest,
        /// What it names.
        to: Digest,
    },
    /// It is not locked any more, because nothing uses it.
    Dropped,
    /// It is locked, but nothing uses it.
    Unused,
    /// It is used, but not locked.
    Missing,
}

impl LockRequest {
    fn checks(&self) -> bool {
        matches!(self.purpose, LockPurpose::Check)
    }
}

/// Writes the digests of external bases to the lock file, or compares them with it.
///
/// # Errors
///
/// Where the checkout cannot be read, or the file cannot be written. A registry that does not answer is a finding.
pub async fn lock(
    config: &Config,
    request: &LockRequest,
    audience: &mut dyn Audience,
) -> Result<Locked, Error> {
    refuse(config, request)?;
    planned_again(config, audience, async |watch, audience| lock_once(config, request, watch, audience).await)
        .await
}

async fn lock_once(
    config: &Config,
    request: &LockRequest,
    watch: &Arc<Watch>,
    audience: &mut dyn Audience,
) -> Result<Locked, Error> {
    let watch = (!request.checks()).then_some(watch);
    let (workspace, services) = open(config, &request.images, EngineNeed::Platform, watch).await?;
    audience.reads(&workspace.tree);
    services.tell(audience);
    let findings = &workspace.project.diagnostics;
    let wrong: Vec<Diagnostic> =
        findings.iter().filter(|found| found.severity == Severity::Error).cloned().collect();
    audience.finds(&wrong);
    let registry = registries::client(&workspace, &services);
    let bases = Bases::of(&workspace)?;
    let mut locked = if request.checks() {
        check(&workspace, &bases, (!config.offline).then_some(&*registry)).await
    } else {
        let questions = questions(&workspace, &request.purpose)?;
        update(&workspace, &bases, &questions, &*registry).await?
    };
    if locked.ending == Ending::Done && !wrong.is_empty() {
        locked.ending = Ending::Wrong;
    }
    Ok(locked)
}

fn refuse(config: &Config, request: &LockRequest) -> Result<(), Error> {
    if request.checks() {
        return Ok(());
    }
    if config.offline {
        let hint =
            "leave --offline out; `shipwright lock --check --offline` only looks whether all are locked";
        return Err(Error::usage_with_hint("lock asks registries", hint));
    }
    if request.images.revision.is_some() {
        let hint = "leave --rev out; `shipwright lock --check --rev REV` reads a commit's";
        return Err(Error::usage_with_hint("lock writes the work tree's lock file, not a commit's", hint));
    }
    Ok(())
}

fn questions(workspace: &Workspace, purpose: &LockPurpose) -> Result<Questions, Error> {
    let names = match purpose {
        LockPurpose::Add | LockPurpose::Check => return Ok(Questions::Missing),
        LockPurpose::UpdateAll => return Ok(Questions::All),
        LockPurpose::Update(names) => names,
    };
    let project = &workspace.project;
    let mut known = project.lockable_bases(ImageId::all(&project.images));
    known.extend(lockfile(workspace).bases().cloned());
    Questions::named(names, &known).map_err(|error| {
        let image = workspace.named(&error.name).is_ok();
        let hint = match error.hint() {
            _ if image => format!("for the bases of an image: `shipwright lock {} --update`", error.name),
            Some(hint) => hint,
            None => "`shipwright graph --format json` lists them".to_owned(),
        };
        Error::usage_with_hint(error, hint)
    })
}

fn lockfile(workspace: &Workspace) -> &Lockfile {
    &workspace.settings.options.settings.lock
}

struct Bases {
    /// Those of the selected images; where none are named also those of others that are locked already.
    wanted: BTreeSet<ImageReference>,
    /// Those that are locked though nothing uses them.
    unused: BTreeSet<ImageReference>,
}

impl Bases {
    fn of(workspace: &Workspace) -> Result<Self, Error> {
        let (project, lock) = (&workspace.project, lockfile(workspace));
        let used = project.lockable_bases(ImageId::all(&project.images));
        let mut wanted = project.lockable_bases(workspace.selection.images.iter().copied());
        if !workspace.selection.named {
            wanted.extend(lock.bases().filter(|base| used.contains(base)).cloned());
        }
        let mut unused: BTreeSet<ImageReference> =
            lock.bases().filter(|base| !used.contains(base)).cloned().collect();
        if !project.knows_all_bases() || workspace.settings.uncommitted_options {
            unused.clear();
        }
        for platform in OTHER_PLATFORMS.iter().filter_map(|platform| platform.parse::<Platform>().ok()) {
            if !unused.is_empty() {
                let elsewhere = workspace.load_with(|options| options.platform = platform)?;
                let used = elsewhere.lockable_bases(ImageId::all(&elsewhere.images));
                unused.retain(|base| !used.contains(base));
            }
        }
        Ok(Self { wanted, unused })
    }
}

async fn update(
    workspace: &Workspace,
    bases: &Bases,
    questions: &Questions,
    registry: &dyn Registry,
) -> Result<Locked, Error> {
    let before = lockfile(workspace);
    let unused = if matches!(questions, Questions::Named(_)) { &BTreeSet::new() } else { &bases.unused };
    let answers = ask(registry, before.unanswered(&bases.wanted, questions)).await;
    let (after, changes) = before.changed(&answers.digests, unused);
    let (mut said, mut rebuilt) = (Vec::new(), Vec::new());
    if !changes.is_empty() {
        workspace.still_holds()?;
        write(workspace.checkout.root(), &after).map_err(|error| {
            let error = Diagnostic::error(format!("cannot write {LOCK_FILE}: {error}"));
            Error::one(Ending::Failed, error)
        })?;
        said = changes.iter().filter_map(news).collect();
        rebuilt = rebuilt_by(workspace, &after)?;
    }
    let failures = answers.failures(before);
    let ending = if failures.is_empty() { Ending::Done } else { Ending::Registry };
    let total = total(&changes, after.bases().count(), bases);
    Ok(Locked { news: said, rebuilt, findings: failures, total, ending })
}

fn news(change: &Change) -> Option<(ImageReference, BaseNews)> {
    let news = match (change.from.clone(), change.to.clone()) {
        (Some(from), Some(to)) => BaseNews::Moved { from, to },
        (None, Some(to)) => BaseNews::Locked(to),
        (Some(_), None) => BaseNews::Dropped,
        (None, None) => return None,
    };
    Some((change.base.clone(), news))
}

/// Names of the images that have another key with this lock, which is on disk by now: it may be an input itself.
fn rebuilt_by(workspace: &Workspace, lock: &Lockfile) -> Result<Vec<String>, Error> {
    let mut options = workspace.settings.options.clone();
    options.settings.lock = lock.clone();
    let after = workspace.load_from(&workspace.checkout.work_tree()?, &options)?;
    let project = &workspace.project;
    let images = project.graph.ordered(project.images_with_another_key(&after));
    Ok(images.into_iter().map(|at| project.images[at].name.full()).collect())
}

fn total(changes: &[Change], locked: usize, bases: &Bases) -> LockTotal {
    let count = |is: fn(&Change) -> bool| changes.iter().filter(|change| is(change)).count();
    let new = count(|change| change.from.is_none());
    let moved = count(|change| change.from.is_some() && change.to.is_some());
    let dropped = count(|change| change.to.is_none());
    LockTotal::Written { wanted: bases.wanted.len(), new, moved, dropped, kept: locked - new - moved }
}

/// Without a registry it is only seen whether all bases are locked.
async fn check(workspace: &Workspace, bases: &Bases, registry: Option<&dyn Registry>) -> Locked {
    let lock = lockfile(workspace);
    let mut missing = lock.unanswered(&bases.wanted, &Questions::Missing);
    missing.sort_by_key(ToString::to_string);
    let (mut moved, mut findings) = (Vec::new(), Vec::new());
    if let Some(registry) = registry {
        let answers = ask(registry, lock.unanswered(&bases.wanted, &Questions::Locked)).await;
        moved = lock.changed(&answers.digests, &BTreeSet::new()).1;
        findings = answers.failures(lock);
        findings.extend(vanished(registry, lock, moved.iter().map(|change| &change.base)).await);
    }
    let mut said: Vec<_> = moved.iter().filter_map(news).collect();
    said.extend(missing.iter().map(|base| (base.clone(), BaseNews::Missing)));
    said.extend(bases.unused.iter().map(|base| (base.clone(), BaseNews::Unused)));
    let has_failed = !findings.is_empty();
    let moved: Vec<&ImageReference> = moved.iter().map(|change| &change.base).collect();
    let behind = behind(&moved, &missing.iter().collect::<Vec<_>>());
    let (total, ending) = match (has_failed, behind.is_empty()) {
        (true, _) => (LockTotal::Behind, Ending::Registry),
        (false, false) => (LockTotal::Behind, Ending::Failed),
        (false, true) => {
            let compared = registry.is_some();
            (LockTotal::AsLocked { bases: bases.wanted.len(), compared }, Ending::Done)
        }
    };
    findings.extend(behind);
    Locked { news: said, rebuilt: Vec::new(), findings, total, ending }
}

/// What makes a check fail.
fn behind(moved: &[&ImageReference], missing: &[&ImageReference]) -> Vec<Diagnostic> {
    let name =
        |bases: &[&ImageReference]| bases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let moved = (!moved.is_empty()).then(|| {
        Diagnostic::error(format!("moved since they were locked: {}", name(moved)))
            .hint("`shipwright lock --update` locks what they name now")
    });
    let missing = (!missing.is_empty()).then(|| {
        Diagnostic::error(format!("not in {LOCK_FILE}: {}", name(missing)))
            .hint("`shipwright lock` adds them")
    });
    moved.into_iter().chain(missing).collect()
}
