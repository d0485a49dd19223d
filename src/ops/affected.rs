use super::facts::Facts;
use super::workspace::{EngineNeed, Workspace, open};
use super::{Audience, Config, Ending, Error, ImageRequest};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::git::{CheckoutError, CommitId};
use crate::path::TreePath;
use crate::plan::{self, RemovedImage};
use crate::printable::printable;
use crate::project::Project;

/// What [`affected`](fn@affected) compares with what.
#[derive(Clone, Debug, Default)]
pub struct AffectedRequest {
    /// Which images.
    pub images: ImageRequest,
    /// A branch, tag or commit; none: the default branch, as the remote has it if it does.
    pub since: Option<String>,
    /// Whether that itself is meant, instead of the merge base with it.
    pub exact_rev: bool,
}

/// What the images were compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// As the user wrote it.
    pub revision: String,
    /// The commit; none for the time before the first one.
    pub commit: Option<CommitId>,
    /// Whether it is the merge base with the revision instead of the revision itself.
    pub is_merge_base: bool,
}

/// The images that are affected.
#[derive(Debug)]
pub struct AffectedImages {
    /// With everything that was found.
    pub affected: plan::Affected,
    /// By what.
    pub since: Since,
    /// How it ended.
    pub ending: Ending,
}

/// Compares the keys of images with those of another commit. Asks no engine and builds nothing.
///
/// # Errors
///
/// Where either side cannot be read.
pub async fn affected(
    config: &Config,
    request: &AffectedRequest,
    audience: &mut dyn Audience,
) -> Result<AffectedImages, Error> {
    let (workspace, _) = open(config, &request.images, EngineNeed::Never, None).await?;
    audience.reads(&workspace.tree);
    let (affected, since) = compare(&workspace, config, request)?;
    let has_errors = has_errors(&affected.plan.diagnostics) || has_errors(&affected.findings);
    let ending = if has_errors { Ending::Wrong } else { workspace.blocked_ending(&affected.plan) };
    Ok(AffectedImages { affected, since, ending })
}

/// The images of a workspace beside those of the commit that the request names.
pub(super) fn compare(
    workspace: &Workspace,
    config: &Config,
    request: &AffectedRequest,
) -> Result<(plan::Affected, Since), Error> {
    let since = since(workspace, config, request)?;
    let before = match since.commit {
        Some(commit) => workspace.project_at(&request.images, commit)?,
        None => None,
    };
    if let Some((before, path)) = before.as_ref().and_then(|it| Some((it, it.unreadable.first()?))) {
        return Err(unreadable(before, path));
    }
    let mut affected = Facts::none(workspace)?.affected(workspace, before.as_ref());
    affected.findings.extend(unusable_settings(&since, before.is_some()));
    if !workspace.selection.named {
        affected.findings.extend(affected.removed.iter().map(gone));
    }
    Ok((affected, since))
}

/// Finds the commit to compare with.
fn since(workspace: &Workspace, config: &Config, request: &AffectedRequest) -> Result<Since, Error> {
    let revision = match &request.since {
        Some(revision) => revision.clone(),
        None => default_branch(workspace, config)?,
    };
    if revision.is_empty() {
        return Err(Error::usage_with_hint(
            "--since names no revision",
            "in CI, the variable that it comes from is not set in jobs of this kind",
        ));
    }
    let is_beginning = revision.len() >= 40 && revision.bytes().all(|digit| digit == b'0');
    if is_beginning {
        // What CI systems give as the commit before a branch's first push.
        return Ok(Since { revision, commit: None, is_merge_base: false });
    }
    let commit =
        workspace.checkout.resolve(&revision).map_err(|error| unknown(workspace, &revision, error))?;
    let head = workspace.commit.filter(|_| !request.exact_rev);
    let Some(head) = head else {
        return Ok(Since { revision, commit: Some(commit), is_merge_base: false });
    };
    match workspace.checkout.merge_base(commit, head)? {
        Some(base) => Ok(Since { revision, commit: Some(base), is_merge_base: base != commit }),
        None => Err(unrelated(workspace, &revision, head)),
    }
}

/// What pull requests are compared with where nobody says otherwise.
fn default_branch(workspace: &Workspace, config: &Config) -> Result<String, Error> {
    let head = workspace.checkout.head();
    let told = config.ci.reference(head).and_then(|ci| ci.default_branch.clone());
    let branch = told.or_else(|| head.default_branch.clone());
    let names = branch.iter().flat_map(|branch| [format!("origin/{branch}"), branch.clone()]);
    let mut known = names.filter(|name| workspace.checkout.resolve(name).is_ok());
    known.next().ok_or_else(|| {
        let message = match branch {
            Some(branch) => format!("the default branch, {}, is not here", printable(&branch)),
            None => "nothing says which branch is the default one".to_owned(),
        };
        Error::usage_with_hint(message, "name what to compare with: --since REV")
    })
}

/// A revision that is not here may only have to be fetched.
fn unknown(workspace: &Workspace, revision: &str, error: CheckoutError) -> Error {
    if !workspace.checkout.is_shallow() || !matches!(error, CheckoutError::UnknownRevision(_)) {
        return error.into();
    }
    let name = remote_name(revision);
    Error::usage_with_hint(
        error,
        format!(
            "this clone is shallow: fetch it with `git fetch --depth=1 origin {name}` and compare with \
             `--since FETCH_HEAD --exact-rev`, or fetch all history with `git fetch --unshallow origin`"
        ),
    )
}

fn unrelated(workspace: &Workspace, revision: &str, head: CommitId) -> Error {
    let (shown, head) = (printable(revision), head.short());
    if workspace.checkout.is_shallow() {
        let ours = workspace.checkout.head().branch.as_deref().map(remote_name).unwrap_or_default();
        let both = format!("{} {ours}", remote_name(revision));
        let both = both.trim_end();
        return Error::usage_with_hint(
            format!("the merge base of {shown} and {head} is not in this shallow clone"),
            format!(
                "`git fetch --deepen=100 origin {both}` brings more history, `git fetch --unshallow origin` \
                 all of it; `--exact-rev` compares with {shown} itself"
            ),
        );
    }
    Error::usage_with_hint(
        format!("{shown} and {head} have no history in common"),
        format!("`--exact-rev` compares with {shown} itself"),
    )
}

/// What the remote calls a revision, as far as that can be said.
fn remote_name(revision: &str) -> String {
    let name = revision.strip_prefix("refs/remotes/").unwrap_or(revision);
    let name = name.strip_prefix("origin/").unwrap_or(name);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
        return "REV".to_owned();
    }
    name.to_owned()
}

/// An image whose Dockerfile could not be read would look like a new one.
fn unreadable(before: &Project, path: &TreePath) -> Error {
    let is_about = |found: &&Diagnostic| found.location.as_ref().is_some_and(|place| place.path == *path);
    let why = before.diagnostics.iter().find(is_about).map(|found| found.message.as_str());
    Error::usage_with_hint(
        why.unwrap_or("a Dockerfile of the other commit cannot be read"),
        "a partial clone lacks it: `git fetch --refetch --no-filter` brings everything",
    )
}

fn unusable_settings(since: &Since, is_compared: bool) -> Option<Diagnostic> {
    let commit = since.commit.filter(|_| !is_compared)?;
    Some(Diagnostic::warning(format!(
        "the settings file of {} cannot be read, so all images count as affected",
        commit.short()
    )))
}

fn gone(image: &RemovedImage) -> Diagnostic {
    Diagnostic::note(format!("{} is gone, {} made it", image.name, image.dockerfile))
}
