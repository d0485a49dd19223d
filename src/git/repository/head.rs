use git2::{ErrorCode, Oid, Reference};

use crate::git::repository::discover::Opened;
use crate::git::repository::executable;
use crate::git::{CheckoutError, CommitId};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// None on an unborn branch.
    pub commit: Option<CommitId>,
    /// None when HEAD is detached.
    pub branch: Option<String>,
    /// What `origin/HEAD` says, else `main` or `master`, whichever is there.
    pub default_branch: Option<String>,
}

const ORIGIN: &str = "refs/remotes/origin/";

pub(in crate::git) fn read(opened: &Opened) -> Result<Head, CheckoutError> {
    if opened.objects_only { ask(opened) } else { read_references(opened) }
}

fn read_references(opened: &Opened) -> Result<Head, CheckoutError> {
    let repository = opened.objects.none();
    let failed = |error: git2::Error| CheckoutError::git("read HEAD", &error);
    let head = repository.find_reference("HEAD").map_err(failed)?;
    let branch = head.symbolic_target_bytes().and_then(branch_name);
    let commit = match repository.head() {
        Ok(head) => Some(commit_of(opened, &head)?),
        Err(error) if error.code() == ErrorCode::UnbornBranch => None,
        Err(error) => return Err(failed(error)),
    };
    let exists = |name: &str| repository.find_reference(name).is_ok();
    let origin = repository.find_reference(&format!("{ORIGIN}HEAD")).ok();
    let origin = origin.as_ref().and_then(|head| head.symbolic_target_bytes());
    let origin = origin.map(|name| String::from_utf8_lossy(name).into_owned());
    Ok(Head {
        commit: commit.and_then(CommitId::from_oid),
        default_branch: default_branch(origin.as_deref(), branch.as_deref(), &exists),
        branch,
    })
}

fn commit_of(opened: &Opened, head: &Reference<'_>) -> Result<Oid, CheckoutError> {
    if let Some(id) = head.target()
        && opened.objects.one(id)?.find_commit(id).is_ok()
    {
        return Ok(id);
    }
    opened.objects.all()?;
    head.peel_to_commit().map(|commit| commit.id()).map_err(|error| CheckoutError::git("read HEAD", &error))
}

/// The same through the git executable.
fn ask(opened: &Opened) -> Result<Head, CheckoutError> {
    let git = opened.git();
    let ask = |arguments: &[&str]| match git.run(arguments, "read HEAD") {
        Ok(answer) => Ok(Some(answer.trim_ascii_end().to_owned())),
        // What git does not find it says with its exit code.
        Err(executable::Failure::Failed(_)) => Ok(None),
        Err(failure) => Err(failure.needed_for(&opened.root, "references that only git reads")),
    };
    let branch = ask(&["symbolic-ref", "--quiet", "HEAD"])?.as_deref().and_then(branch_name);
    let commit = ask(&["rev-parse", "--quiet", "--verify", "HEAD^{commit}"])?;
    let origin = ask(&["symbolic-ref", "--quiet", &format!("{ORIGIN}HEAD")])?;
    let origin = origin.map(|name| String::from_utf8_lossy(&name).into_owned());
    let exists = |name: &str| matches!(ask(&["rev-parse", "--quiet", "--verify", name]), Ok(Some(_)));
    Ok(Head {
        commit: commit.and_then(|commit| std::str::from_utf8(&commit).ok()?.parse().ok()),
        default_branch: default_branch(origin.as_deref(), branch.as_deref(), &exists),
        branch,
    })
}

fn branch_name(reference: &[u8]) -> Option<String> {
    let name = reference.strip_prefix(b"refs/heads/")?;
    Some(String::from_utf8_lossy(name).into_owned())
}

fn default_branch(
    origin: Option<&str>,
    current: Option<&str>,
    exists: &dyn Fn(&str) -> bool,
) -> Option<String> {
    if let Some(name) = origin.and_then(|name| name.strip_prefix(ORIGIN)) {
        return Some(name.to_owned());
    }
    // An unborn branch does not exist yet, but is the current one.
    let is_there = |name: &&str| {
        current == Some(name) || exists(&format!("refs/heads/{name}")) || exists(&format!("{ORIGIN}{name}"))
    };
    ["main", "master"].into_iter().find(|name| is_there(name)).map(str::to_owned)
}
