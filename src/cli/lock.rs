use std::collections::BTreeSet;
use std::sync::Arc;

use super::args::{GlobalArgs, LockArgs};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::lock_answers::{ask, vanished};
use super::output::Output;
use super::registries::registry;
use super::session::{EngineNeed, Request, Session};
use super::watch::{Watch, planned_again};
use crate::diagnostic::{Diagnostic, Severity};
use crate::image::{ImageReference, Platform};
use crate::lockfile::{Change, LOCK_FILE, Lockfile, Questions, write};
use crate::project::{LoadError, Options, Project, load};
use crate::registry::Registry;
use crate::report::BaseNews;

/// Platforms whose bases stay locked although only builds for others use them here.
const OTHER_PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

/// `shipwright lock`: write the digests of external bases to the lock file, or compare them with it.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &LockArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    refuse(global, args)?;
    planned_again(environment, output, async |watch, output| {
        lock_once(global, args, environment, watch, output).await
    })
    .await
}

async fn lock_once(
    global: &GlobalArgs,
    args: &LockArgs,
    environment: &Environment,
    watch: &Arc<Watch>,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let request = Request {
        global,
        selection: &args.selection,
        image: &args.image,
        environment,
        engine: EngineNeed::Platform,
        watch: (!args.check).then_some(watch),
    };
    let session = Session::open(&request).await?;
    output.use_files(session.tree.clone());
    session.notices.said_by(output.speaker());
    let findings = &session.project.diagnostics;
    let wrong: Vec<Diagnostic> =
        findings.iter().filter(|found| found.severity == Severity::Error).cloned().collect();
    output.diagnostics(&wrong);
    let registry = registry(environment, &session);
    let bases = Bases::of(&session)?;
    let code = if args.check {
        check(&session, &bases, (!global.offline).then_some(&registry), output).await?
    } else {
        let questions = questions(&session, args)?;
        update(&session, &bases, &questions, &registry, output).await?
    };
    Ok(if code == ExitCode::Done && !wrong.is_empty() { ExitCode::Wrong } else { code })
}

fn refuse(global: &GlobalArgs, args: &LockArgs) -> Result<(), CliError> {
    if args.check {
        return Ok(());
    }
    if global.offline {
        let hint =
            "leave --offline out; `shipwright lock --check --offline` only looks whether all are locked";
        return Err(CliError::usage_with_hint("lock asks registries", hint));
    }
    if args.image.rev.is_some() {
        let hint = "leave --rev out; `shipwright lock --check --rev REV` reads a commit's";
        return Err(CliError::usage_with_hint("lock writes the work tree's lock file, not a commit's", hint));
    }
    Ok(())
}

fn questions(session: &Session, args: &LockArgs) -> Result<Questions, CliError> {
    let Some(names) = &args.update else { return Ok(Questions::Missing) };
    if names.is_empty() {
        return Ok(Questions::All);
    }
    let project = &session.project;
    let mut known = project.lockable_bases(0..project.images.len());
    known.extend(lock(session).bases().cloned());
    Questions::named(names, &known).map_err(|error| {
        let image = session.named(&error.name).is_ok();
        let hint = match error.hint() {
            _ if image => format!("for the bases of an image: `shipwright lock {} --update`", error.name),
            Some(hint) => hint,
            None => "`shipwright graph --format json` lists them".to_owned(),
        };
        CliError::usage_with_hint(error, hint)
    })
}

fn lock(session: &Session) -> &Lockfile {
    &session.resolved.options.settings.lock
}

/// The bases that a run is about.
struct Bases {
    /// Those of the selected images; where none are named also those of others that are locked already.
    wanted: BTreeSet<ImageReference>,
    /// Those that are locked though nothing uses them.
    unused: BTreeSet<ImageReference>,
}

impl Bases {
    fn of(session: &Session) -> Result<Self, CliError> {
        let (project, lock) = (&session.project, lock(session));
        let used = project.lockable_bases(0..project.images.len());
        let mut wanted = project.lockable_bases(session.selected.iter().copied());
        if !session.named {
            wanted.extend(lock.bases().filter(|base| used.contains(base)).cloned());
        }
        let mut unused: BTreeSet<ImageReference> =
            lock.bases().filter(|base| !used.contains(base)).cloned().collect();
        if !project.knows_all_bases() || session.resolved.uncommitted_options {
            unused.clear();
        }
        for platform in OTHER_PLATFORMS.iter().filter_map(|platform| platform.parse::<Platform>().ok()) {
            if !unused.is_empty() {
                let elsewhere = load_with(session, |options| options.platform = platform)?;
                let used = elsewhere.lockable_bases(0..elsewhere.images.len());
                unused.retain(|base| !used.contains(base));
            }
        }
        Ok(Self { wanted, unused })
    }
}

/// The images of the same files with other options.
fn load_with(session: &Session, change: impl FnOnce(&mut Options)) -> Result<Project, LoadError> {
    let mut options = session.resolved.options.clone();
    change(&mut options);
    load(&*session.tree, session.checkout.name(), session.checkout.origin_url(), &options)
}

async fn update(
    session: &Session,
    bases: &Bases,
    questions: &Questions,
    registry: &Registry,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let before = lock(session);
    let unused = if matches!(questions, Questions::Named(_)) { &BTreeSet::new() } else { &bases.unused };
    let answers = ask(registry, before.unanswered(&bases.wanted, questions)).await;
    let (after, changes) = before.changed(&answers.digests, unused);
    if !changes.is_empty() {
        session.still_holds()?;
        write(session.checkout.root(), &after).map_err(|error| {
            let diagnostics = vec![Diagnostic::error(format!("cannot write {LOCK_FILE}: {error}"))];
            CliError { diagnostics, code: ExitCode::Failed, root: None }
        })?;
        let news: Vec<_> = changes.iter().filter_map(news).collect();
        output.lock(&news, &rebuilt(session, &after)?);
    }
    let failures = answers.failures(before);
    output.diagnostics(&failures);
    output.result_line(&summary(&changes, after.bases().count(), bases));
    Ok(if failures.is_empty() { ExitCode::Done } else { ExitCode::Registry })
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
fn rebuilt(session: &Session, lock: &Lockfile) -> Result<Vec<String>, CliError> {
    let mut options = session.resolved.options.clone();
    options.settings.lock = lock.clone();
    let tree = session.checkout.work_tree()?;
    let after = load(&tree, session.checkout.name(), session.checkout.origin_url(), &options)?;
    let project = &session.project;
    let images = project.graph.ordered(project.images_with_another_key(&after));
    Ok(images.into_iter().map(|at| project.images[at].name.full()).collect())
}

fn summary(changes: &[Change], locked: usize, bases: &Bases) -> String {
    if locked == 0 && changes.is_empty() {
        return match bases.wanted.len() {
            0 => "no external bases to lock".to_owned(),
            _ => format!("{LOCK_FILE}: nothing locked"),
        };
    }
    let count = |is: fn(&Change) -> bool| changes.iter().filter(|change| is(change)).count();
    let new = count(|change| change.from.is_none());
    let moved = count(|change| change.from.is_some() && change.to.is_some());
    let dropped = count(|change| change.to.is_none());
    let parts =
        [(new, "locked"), (moved, "moved"), (dropped, "dropped"), (locked - new - moved, "as before")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, word)| format!("{count} {word}")).collect();
    format!("{LOCK_FILE}: {}", parts.join(", "))
}

/// Without a registry it is only seen whether all bases are locked.
async fn check(
    session: &Session,
    bases: &Bases,
    registry: Option<&Registry>,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let lock = lock(session);
    let mut missing = lock.unanswered(&bases.wanted, &Questions::Missing);
    missing.sort_by_key(ToString::to_string);
    let (mut moved, mut failures) = (Vec::new(), Vec::new());
    if let Some(registry) = registry {
        let answers = ask(registry, lock.unanswered(&bases.wanted, &Questions::Locked)).await;
        moved = lock.changed(&answers.digests, &BTreeSet::new()).1;
        failures = answers.failures(lock);
        failures.extend(vanished(registry, lock, moved.iter().map(|change| &change.base)).await);
    }
    let mut found: Vec<_> = moved.iter().filter_map(news).collect();
    found.extend(missing.iter().map(|base| (base.clone(), BaseNews::Missing)));
    found.extend(bases.unused.iter().map(|base| (base.clone(), BaseNews::Unused)));
    output.lock(&found, &[]);
    output.diagnostics(&failures);
    let moved: Vec<&ImageReference> = moved.iter().map(|change| &change.base).collect();
    let behind = behind(&moved, &missing.iter().collect::<Vec<_>>());
    output.diagnostics(&behind);
    if !failures.is_empty() {
        return Ok(ExitCode::Registry);
    }
    if !behind.is_empty() {
        return Ok(ExitCode::Failed);
    }
    let compared = if registry.is_some() { "as locked" } else { "locked" };
    let count = bases.wanted.len();
    let bases = if count == 1 { "base is" } else { "bases are" };
    output.result_line(&format!("{LOCK_FILE}: {count} {bases} {compared}"));
    Ok(ExitCode::Done)
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
