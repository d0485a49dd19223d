use std::io::{IsTerminal, Read};

use super::args::RunArgs;
use super::check::Examiner;
use crate::cli::args::{BuildArgs, GlobalArgs, ImageArgs, PushArgs, PushedNames};
use crate::cli::environment::Environment;
use crate::cli::error::{CliError, ExitCode};
use crate::cli::output::Output;
use crate::cli::session::start_folder;
use crate::cli::settings::{PreCommitPush, pre_commit_push};
use crate::cli::{build, push};
use crate::diagnostic::{Diagnostic, Severity};
use crate::git::{Checkout, CommitId};
use crate::hook::{Collision, Mode, RefUpdate, Work, collisions, parse_updates, work};
use crate::printable::printable;

/// How many places of older faults are named.
const SHOWN: usize = 5;

const SKIP: &str = "commit what mends it and push again, or skip this once: git push --no-verify";

/// What is pushed, and where to.
struct Push {
    remote: String,
    url: String,
    updates: Vec<RefUpdate>,
}

/// The hook `pre-push`.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &RunArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let mode = Mode::from(args.mode);
    let told = told(args, environment)?;
    match checked(global, &told, environment, output) {
        Ok((true, _)) => Ok(ExitCode::Failed),
        Ok((false, pushed)) => make(mode, global, &pushed, environment, output).await,
        // Git can read the repository, and what Shipwright cannot read it has no objections to.
        Err(error) if mode == Mode::Check => {
            let as_warning = |found| Diagnostic { severity: Severity::Warning, ..found };
            let mut found: Vec<Diagnostic> = error.diagnostics.into_iter().map(as_warning).collect();
            found.push(Diagnostic::note("the pushed commits are not checked"));
            output.diagnostics(&found);
            Ok(ExitCode::Done)
        }
        Err(error) => Err(error),
    }
}

/// What git says on standard input, or pre-commit in the environment.
fn told(args: &RunArgs, environment: &Environment) -> Result<Push, CliError> {
    let mut arguments = args.arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
    let remote = arguments.next();
    if remote.is_none()
        && let Some(PreCommitPush { remote, url, update }) = pre_commit_push(environment)
    {
        return Ok(Push { remote, url, updates: vec![update] });
    }
    if std::io::stdin().is_terminal() {
        return Err(CliError::usage_with_hint(
            "git runs this hook, and says on standard input what it pushes",
            "`shipwright hook install` lets it; `shipwright plan --rev REV` looks at a commit by hand",
        ));
    }
    let mut lines = Vec::new();
    std::io::stdin().lock().read_to_end(&mut lines)?;
    let updates = parse_updates(&String::from_utf8_lossy(&lines)).map_err(CliError::usage)?;
    Ok(Push {
        remote: remote.unwrap_or_else(|| "origin".to_owned()),
        url: arguments.next().unwrap_or_default(),
        updates,
    })
}

/// Refs with the commits that they are to be on, and those commits that the remote has there now.
struct Pushed {
    checkout: Checkout,
    refs: Vec<(RefUpdate, CommitId)>,
}

/// Looks for mistakes in all commits that are pushed. Gives whether any refuses the push.
fn checked(
    global: &GlobalArgs,
    told: &Push,
    environment: &Environment,
    output: &mut Output,
) -> Result<(bool, Pushed), CliError> {
    let checkout = Checkout::discover(&start_folder(global, environment))?;
    // A deletion has no commit, and neither has a tag on a blob or a tree.
    let commit = |update: &RefUpdate| checkout.resolve(update.local.as_deref()?).ok();
    let refs: Vec<(RefUpdate, CommitId)> =
        told.updates.iter().filter_map(|update| Some((update.clone(), commit(update)?))).collect();
    let examiner = Examiner { checkout: &checkout, global, environment };
    let (mut done, mut refused, mut has_images): (Vec<CommitId>, _, _) = (Vec::new(), false, false);
    for (_, commit) in &refs {
        if done.contains(commit) {
            continue;
        }
        done.push(*commit);
        let mut examined = examiner.examine(*commit)?;
        has_images |= examined.has_images;
        if examined.faults.is_empty() && !examined.may_have_lost_namespace {
            continue;
        }
        let mut known = checkout.remote_commits(&told.remote, &told.url)?;
        let there = told.updates.iter().filter_map(|update| checkout.resolve(update.remote.as_deref()?).ok());
        known.extend(there);
        if examined.may_have_lost_namespace {
            examined.faults.extend(examiner.mistyped(*commit, &known)?);
        }
        let found = examiner.compare(*commit, examined.faults, &known)?;
        output.use_files(examined.tree);
        output.diagnostics(older(&found.known, *commit).as_slice());
        if !found.introduced.is_empty() {
            output.diagnostics(&found.introduced);
            output.diagnostics(&[refusal(&refs, *commit, found.introduced.len())]);
            refused = true;
        }
    }
    if has_images {
        let found = collisions(&told.updates, &checkout.branches()?);
        refused |= found.iter().any(|collision| collision.is_new);
        output.diagnostics(&found.iter().map(collision).collect::<Vec<_>>());
    }
    Ok((refused, Pushed { checkout, refs }))
}

/// The names under which a commit is pushed.
fn titles(refs: &[(RefUpdate, CommitId)], commit: CommitId) -> String {
    let ours = refs.iter().filter(|(_, of)| *of == commit);
    let titles: Vec<String> = ours.map(|(update, _)| printable(update.title()).into_owned()).collect();
    titles.join(", ")
}

fn refusal(refs: &[(RefUpdate, CommitId)], commit: CommitId, count: usize) -> Diagnostic {
    let errors = if count == 1 { "an error".to_owned() } else { format!("{count} errors") };
    let (titles, commit) = (titles(refs, commit), commit.short());
    Diagnostic::error(format!(
        "not pushed: {titles} at {commit} would bring {errors} that the remote does not have"
    ))
    .hint(SKIP)
}

/// One note for all that the remote has already.
fn older(faults: &[Diagnostic], commit: CommitId) -> Option<Diagnostic> {
    let place = |fault: &Diagnostic| {
        let location = fault.location.as_ref()?;
        let line = location.line.map(|line| format!(":{line}")).unwrap_or_default();
        Some(format!("{}{line}", location.path))
    };
    let mut places: Vec<String> = faults.iter().filter_map(place).collect();
    places.dedup();
    let more = places.len().saturating_sub(SHOWN);
    places.truncate(SHOWN);
    if more > 0 {
        places.push(format!("and {more} more"));
    }
    let errors =
        if faults.len() == 1 { "an error was".to_owned() } else { format!("{} errors were", faults.len()) };
    let note = format!("{errors} there before this push: {}", places.join(", "));
    let hint = format!("`shipwright plan --rev {}` shows them", commit.short());
    (!faults.is_empty()).then(|| Diagnostic::note(note).hint(hint))
}

fn collision(found: &Collision) -> Diagnostic {
    let Collision { pushed, other, tag, is_new } = found;
    let (pushed, other) = (printable(pushed), printable(other));
    let message = format!("images of {pushed} and of {other} would have the same tag, {tag}");
    if *is_new {
        let hint = "push it under another name, or skip this once: git push --no-verify";
        Diagnostic::error(format!("not pushed: {message}")).hint(hint)
    } else {
        Diagnostic::note(message).hint("rename one of them: whichever is built last has the tag")
    }
}

/// Builds or pushes the images of what is pushed, commit by commit. The first failure stops the push.
async fn make(
    mode: Mode,
    global: &GlobalArgs,
    pushed: &Pushed,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    for work in if mode == Mode::Check { Vec::new() } else { work(&pushed.refs) } {
        let args = build_args(&work);
        let done = match mode {
            Mode::Check => continue,
            Mode::Build => build::run(global, &args, environment, output).await,
            Mode::Push => {
                let force = is_forced(pushed, &work);
                let args = PushArgs { build: args, force, ..PushArgs::default() };
                push::run(global, &args, environment, output).await
            }
        };
        let code = match done {
            Ok(ExitCode::Done) => continue,
            Ok(code) => code,
            Err(error) => {
                output.diagnostics(&error.diagnostics);
                error.code
            }
        };
        let names = titles(&pushed.refs, work.commit);
        let what = if mode == Mode::Build { "built" } else { "in the registry" };
        let error = Diagnostic::error(format!(
            "not pushed: {names} at {}, because its images are not {what}",
            work.commit.short()
        ));
        output.diagnostics(&[error.hint(SKIP)]);
        return Ok(code);
    }
    Ok(ExitCode::Done)
}

fn build_args(work: &Work) -> BuildArgs {
    let image = ImageArgs {
        rev: Some(work.commit.to_string()),
        pushed: Some(PushedNames { branch: work.branch.clone(), tags: work.tags.clone() }),
        ..ImageArgs::default()
    };
    BuildArgs { image, ..BuildArgs::default() }
}

/// Git asks before it forgets commits of a branch. Whoever told it to meant the images as well.
fn is_forced(pushed: &Pushed, work: &Work) -> bool {
    let branch = pushed.refs.iter().find(|(update, _)| update.branch() == work.branch.as_deref());
    let Some(before) = branch.and_then(|(update, _)| update.remote.as_deref()) else { return false };
    let before = pushed.checkout.resolve(before);
    !before.is_ok_and(|before| pushed.checkout.is_ancestor(before, work.commit).unwrap_or(false))
}
