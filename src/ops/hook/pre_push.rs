use super::check::Examiner;
use crate::diagnostic::{Diagnostic, Severity};
use crate::git::{Checkout, CommitId};
use crate::hook::{Collision, Mode, RefUpdate, WantedCommit, collisions, work};
use crate::ops::{
    self, Audience, BuildRequest, Config, Ending, Error, ImageRequest, PushRequest, PushedNames,
};
use crate::printable::{few, printable};
use crate::settings::Choices;

/// How many places of older faults are named.
const SHOWN: usize = 5;

const SKIP: &str = "commit a fix and push again, or skip this once: git push --no-verify";

/// For what no commit mends: an engine, a registry, a login.
const AGAIN: &str = "push again when that is fixed, or skip this once: git push --no-verify";

/// What is pushed, where to, and what is to be done before.
#[derive(Clone, Debug)]
pub struct PrePushRequest {
    /// The remote's name.
    pub remote: String,
    /// Where it is.
    pub url: String,
    /// The refs.
    pub updates: Vec<RefUpdate>,
    /// What is done with the commits.
    pub mode: Mode,
    /// What was chosen for this run.
    pub choices: Choices,
}

/// Looks for mistakes in the commits that are pushed, and builds or pushes their images. Gives how that ended: git
/// pushes only if it is done.
///
/// # Errors
///
/// Where the commits cannot be read and their images are wanted.
pub async fn pre_push(
    config: &Config,
    request: &PrePushRequest,
    audience: &mut dyn Audience,
) -> Result<Ending, Error> {
    match checked(config, request, audience) {
        Ok((true, _)) => Ok(Ending::Failed),
        Ok((false, pushed)) => make(config, request, &pushed, audience).await,
        // Git can read the repository, and what Shipwright cannot read it has no objections to.
        Err(error) if request.mode == Mode::Check => {
            let as_warning = |found| Diagnostic { severity: Severity::Warning, ..found };
            let mut found: Vec<Diagnostic> = error.into_findings().into_iter().map(as_warning).collect();
            found.push(Diagnostic::note("the pushed commits are not checked"));
            audience.finds(&found);
            Ok(Ending::Done)
        }
        Err(error) => Err(error),
    }
}

/// Refs with the commits that they are to be on, and those commits that the remote has there now.
struct Pushed {
    checkout: Checkout,
    refs: Vec<(RefUpdate, CommitId)>,
}

/// Looks for mistakes in all commits that are pushed. Gives whether any refuses the push.
fn checked(
    config: &Config,
    told: &PrePushRequest,
    audience: &mut dyn Audience,
) -> Result<(bool, Pushed), Error> {
    let checkout = Checkout::discover(&config.folder)?;
    // A deletion has no commit, and neither has a tag on a blob or a tree.
    let commit = |update: &RefUpdate| checkout.resolve(update.local.as_deref()?).ok();
    let refs: Vec<(RefUpdate, CommitId)> =
        told.updates.iter().filter_map(|update| Some((update.clone(), commit(update)?))).collect();
    let examiner = Examiner { checkout: &checkout, choices: &told.choices };
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
        audience.reads(&examined.tree);
        audience.finds(older(&found.known, *commit).as_slice());
        if !found.introduced.is_empty() {
            audience.finds(&found.introduced);
            audience.finds(&[refusal(&refs, *commit, found.introduced.len())]);
            refused = true;
        }
    }
    if has_images {
        let found = collisions(&told.updates, &checkout.branches()?);
        refused |= found.iter().any(|collision| collision.is_new);
        audience.finds(&found.iter().map(collision).collect::<Vec<_>>());
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
    let errors =
        if faults.len() == 1 { "an error was".to_owned() } else { format!("{} errors were", faults.len()) };
    let note = format!("{errors} there before this push: {}", few(places, SHOWN));
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
    config: &Config,
    request: &PrePushRequest,
    pushed: &Pushed,
    audience: &mut dyn Audience,
) -> Result<Ending, Error> {
    let mode = request.mode;
    for work in if mode == Mode::Check { Vec::new() } else { work(&pushed.refs) } {
        let build = build_request(&work, &request.choices);
        let done = match mode {
            Mode::Check => continue,
            Mode::Build => ops::build(config, &build, audience).await.map(|built| built.ending),
            Mode::Push => {
                let force = is_forced(pushed, &work);
                let push = PushRequest { build, force, ..PushRequest::default() };
                ops::push(config, &push, audience).await
            }
        };
        let ending = match done {
            Ok(Ending::Done) => continue,
            Ok(ending) => ending,
            Err(error) => {
                let ending = error.ending();
                audience.finds(&error.into_findings());
                ending
            }
        };
        let names = titles(&pushed.refs, work.commit);
        if ending == Ending::Interrupted {
            audience.finds(&[Diagnostic::note(format!("not pushed: {names}; push again to go on"))]);
            return Ok(ending);
        }
        let what = if mode == Mode::Build { "built" } else { "in the registry" };
        let error = Diagnostic::error(format!(
            "not pushed: {names} at {}, because its images are not {what}",
            work.commit.short()
        ));
        audience.finds(&[error.hint(AGAIN)]);
        return Ok(ending);
    }
    Ok(Ending::Done)
}

fn build_request(work: &WantedCommit, choices: &Choices) -> BuildRequest {
    let images = ImageRequest {
        revision: Some(work.commit.to_string()),
        choices: choices.clone(),
        pushed: Some(PushedNames { branch: work.branch.clone(), tags: work.tags.clone() }),
        ..ImageRequest::default()
    };
    BuildRequest { images, ..BuildRequest::default() }
}

/// Git asks before it forgets commits of a branch. Whoever told it to meant the images as well.
fn is_forced(pushed: &Pushed, work: &WantedCommit) -> bool {
    let branch = pushed.refs.iter().find(|(update, _)| update.branch() == work.branch.as_deref());
    let Some(before) = branch.and_then(|(update, _)| update.remote.as_deref()) else { return false };
    let before = pushed.checkout.resolve(before);
    !before.is_ok_and(|before| pushed.checkout.is_ancestor(before, work.commit).unwrap_or(false))
}
