use super::args::{AffectedArgs, AffectedFormat, GlobalArgs};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::session::{EngineNeed, Request, Session, has_errors};
use crate::diagnostic::Diagnostic;
use crate::git::{CheckoutError, CommitId};
use crate::path::TreePath;
use crate::plan::{Plan, Removed};
use crate::printable::printable;
use crate::project::Project;
use crate::report::{
    Since, affected_github, affected_github_layers, affected_gitlab, affected_json, affected_names,
};

/// `shipwright affected`: images whose key differs from another commit's. Asks no engine and builds nothing.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &AffectedArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let request = Request {
        global,
        selection: &args.selection,
        image: &args.image,
        environment,
        engine: EngineNeed::Never,
        watch: None,
    };
    let session = Session::open(&request).await?;
    output.use_files(session.tree.clone());
    let since = since(&session, args)?;
    let before = match since.commit {
        Some(commit) => session.project_at(&request, commit)?,
        None => None,
    };
    if let Some((before, path)) = before.as_ref().and_then(|it| Some((it, it.unreadable.first()?))) {
        return Err(unreadable(before, path));
    }
    let mut affected = session.affected(before.as_ref())?;
    affected.plan.diagnostics.extend(unusable_settings(&since, before.is_some()));
    if !session.named {
        affected.plan.diagnostics.extend(affected.removed.iter().map(gone));
    }
    if args.format != AffectedFormat::Json {
        output.diagnostics(&affected.plan.diagnostics);
    }
    match args.format {
        AffectedFormat::Text => output.affected(&affected, &since)?,
        AffectedFormat::Json => output.result(affected_json(&affected, &since).as_bytes())?,
        AffectedFormat::Github => output.result(affected_github(&affected).as_bytes())?,
        AffectedFormat::GithubLayers => output.result(affected_github_layers(&affected).as_bytes())?,
        AffectedFormat::Gitlab => output.result(affected_gitlab(&affected).as_bytes())?,
        AffectedFormat::Names => output.result(affected_names(&affected).as_bytes())?,
    };
    Ok(code(&session, &affected.plan))
}

fn code(session: &Session, plan: &Plan) -> ExitCode {
    if has_errors(&plan.diagnostics) { ExitCode::Wrong } else { session.blocked_code(plan) }
}

/// Finds the commit to compare with.
fn since(session: &Session, args: &AffectedArgs) -> Result<Since, CliError> {
    let revision = args.since.clone();
    if revision.is_empty() {
        return Err(CliError::usage_with_hint(
            "--since names no revision",
            "in CI, the variable that it comes from is not set in jobs of this kind",
        ));
    }
    let is_beginning = revision.len() >= 40 && revision.bytes().all(|digit| digit == b'0');
    if is_beginning {
        // What CI systems give as the commit before a branch's first push.
        return Ok(Since { revision, commit: None, is_merge_base: false });
    }
    let commit = session.checkout.resolve(&revision).map_err(|error| unknown(session, &revision, error))?;
    let head = session.commit.filter(|_| !args.exact_rev);
    let Some(head) = head else {
        return Ok(Since { revision, commit: Some(commit), is_merge_base: false });
    };
    match session.checkout.merge_base(commit, head)? {
        Some(base) => Ok(Since { revision, commit: Some(base), is_merge_base: base != commit }),
        None => Err(unrelated(session, &revision, head)),
    }
}

/// A revision that is not here may only have to be fetched.
fn unknown(session: &Session, revision: &str, error: CheckoutError) -> CliError {
    if !session.checkout.is_shallow() || !matches!(error, CheckoutError::UnknownRevision(_)) {
        return error.into();
    }
    let name = remote_name(revision);
    CliError::usage_with_hint(
        error,
        format!(
            "this clone is shallow: fetch it with `git fetch --depth=1 origin {name}` and compare with \
             `--since FETCH_HEAD --exact-rev`, or fetch all history with `git fetch --unshallow origin`"
        ),
    )
}

fn unrelated(session: &Session, revision: &str, head: CommitId) -> CliError {
    let (shown, head) = (printable(revision), head.short());
    if session.checkout.is_shallow() {
        let ours = session.checkout.head().branch.as_deref().map(remote_name).unwrap_or_default();
        let both = format!("{} {ours}", remote_name(revision));
        let both = both.trim_end();
        return CliError::usage_with_hint(
            format!("the merge base of {shown} and {head} is not in this shallow clone"),
            format!(
                "`git fetch --deepen=100 origin {both}` brings more history, `git fetch --unshallow origin` \
                 all of it; `--exact-rev` compares with {shown} itself"
            ),
        );
    }
    CliError::usage_with_hint(
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
fn unreadable(before: &Project, path: &TreePath) -> CliError {
    let is_about = |found: &&Diagnostic| found.location.as_ref().is_some_and(|place| place.path == *path);
    let why = before.diagnostics.iter().find(is_about).map(|found| found.message.as_str());
    CliError::usage_with_hint(
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

fn gone(image: &Removed) -> Diagnostic {
    Diagnostic::note(format!("{} is gone, {} made it", image.name, image.dockerfile))
}
