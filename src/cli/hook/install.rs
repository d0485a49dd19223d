use std::path::Path;

use super::args::{HookArg, InstallArgs, StatusArgs, UninstallArgs};
use crate::cli::edge::Edge;
use crate::cli::error::ExitCode;
use crate::diagnostic::Diagnostic;
use crate::git::Checkout;
use crate::hook::{Content, HookName, HookState, HooksFolder, Installed, Mode, Uninstalled};
use crate::ops::Error;
use crate::printable::printable;

/// The folder that git runs hooks from, and how it is shown.
struct HookPlace {
    folder: HooksFolder,
    shown: String,
    /// Whether the folder is part of what is committed, so that everybody gets the hook.
    is_in_work_tree: bool,
    /// Whether another program makes all that is in the folder.
    is_husky: bool,
}

/// `shipwright hook install`.
pub(super) fn install(args: &InstallArgs, edge: &Edge) -> Result<ExitCode, Error> {
    let hooks = chosen(&args.hooks, &[HookName::PrePush]);
    if args.mode.is_some() && !hooks.contains(&HookName::PrePush) {
        return Err(Error::usage_with_hint(
            "--mode applies to the pre-push hook only",
            "post-checkout has no modes",
        ));
    }
    let place = place(edge, true)?;
    for hook in hooks {
        let mode = args.mode.map(Mode::from).filter(|_| hook == HookName::PrePush);
        let done = place.folder.install(hook, mode, args.force)?;
        let state = place.folder.state(hook)?;
        edge.output.result_line(&installed(hook, done, state, &place));
    }
    if place.is_husky {
        let folder = &place.shown;
        let note = format!("husky writes {folder} anew whenever it is installed, and the hook is gone then");
        let hint =
            "a line in husky's own file stays: `shipwright hook run pre-push -- \"$@\"` in .husky/pre-push";
        edge.output.diagnostics(&[Diagnostic::note(note).hint(hint)]);
    } else if place.is_in_work_tree {
        let note = format!("{} is in the work tree: committed, the hook is everybody's", place.shown);
        edge.output.diagnostics(&[Diagnostic::note(note)]);
    }
    Ok(ExitCode::Done)
}

/// `shipwright hook uninstall`.
pub(super) fn uninstall(args: &UninstallArgs, edge: &Edge) -> Result<ExitCode, Error> {
    let place = place(edge, false)?;
    for hook in chosen(&args.hooks, &HookName::ALL) {
        let name = hook.as_str();
        let line = match place.folder.uninstall(hook, args.force)? {
            Uninstalled::Removed => format!("{name}: removed"),
            Uninstalled::Restored => format!("{name}: removed; the hook that was there before is back"),
            Uninstalled::Absent { another: false } => format!("{name}: not installed"),
            Uninstalled::Absent { another: true } => {
                format!("{name}: not installed; the hook that is there is another one, and stays")
            }
        };
        edge.output.result_line(&line);
    }
    Ok(ExitCode::Done)
}

/// `shipwright hook status`.
pub(super) fn status(args: &StatusArgs, edge: &Edge) -> Result<ExitCode, Error> {
    let place = place(edge, false)?;
    let named = !args.hooks.is_empty();
    let (mut text, mut installed, mut wrong) = (String::new(), false, false);
    for hook in chosen(&args.hooks, &HookName::ALL) {
        let state = place.folder.state(hook)?;
        text.push_str(&format!("{:<15} {}\n", hook.as_str(), described(hook, state, &place)));
        match state.content {
            Some(Content::Ours(_)) if state.is_executable => installed = true,
            Some(Content::Ours(_) | Content::Changed) => wrong = true,
            Some(Content::Foreign) | None => wrong |= named,
        }
    }
    edge.output.result(text.as_bytes())?;
    Ok(if installed && !wrong { ExitCode::Done } else { ExitCode::Failed })
}

fn chosen(named: &[HookArg], default: &[HookName]) -> Vec<HookName> {
    let mut hooks: Vec<HookName> = named.iter().map(|hook| HookName::from(*hook)).collect();
    hooks.sort();
    hooks.dedup();
    if hooks.is_empty() { default.to_vec() } else { hooks }
}

/// Finds the folder. One that other repositories use as well is not this command's to write in.
fn place(edge: &Edge, to_write: bool) -> Result<HookPlace, Error> {
    let checkout = Checkout::discover(&edge.folder())?;
    let found = checkout.hooks_folder()?;
    let shown = shown(&found.path, checkout.root());
    if found.is_outside && to_write {
        return Err(Error::usage_with_hint(
            format!("core.hooksPath is {shown}: hooks there are run in other repositories too"),
            format!(
                "`git config --local core.hooksPath \"$(git rev-parse --path-format=absolute --git-common-dir)/hooks\"` gives this repository \
                 hooks of its own; or let {shown}/pre-push call `shipwright hook run pre-push -- \"$@\"`"
            ),
        ));
    }
    let is_in_git_folder =
        [checkout.common_dir(), checkout.git_dir()].iter().any(|git| found.path.starts_with(git));
    Ok(HookPlace {
        is_in_work_tree: found.is_configured && !found.is_outside && !is_in_git_folder,
        is_husky: found.path.ends_with(".husky/_"),
        folder: HooksFolder::new(found.path),
        shown,
    })
}

/// From the root of the checkout, where that is shorter.
fn shown(path: &Path, root: &Path) -> String {
    printable(&path.strip_prefix(root).unwrap_or(path).to_string_lossy()).into_owned()
}

fn installed(hook: HookName, done: Installed, state: HookState, place: &HookPlace) -> String {
    let name = hook.as_str();
    let mode = mode(hook, state).map(|mode| format!(", --mode {mode}")).unwrap_or_default();
    let folder = &place.shown;
    match done {
        Installed::New { after_another: false } => format!("{name}: installed in {folder}{mode}"),
        Installed::New { after_another: true } => format!(
            "{name}: installed in {folder}{mode}; the hook that was there is {} now, and is called first",
            hook.before()
        ),
        Installed::Renewed { .. } => format!("{name}: renewed in {folder}{mode}"),
        Installed::Already => format!("{name}: installed already in {folder}{mode}"),
    }
}

fn described(hook: HookName, state: HookState, place: &HookPlace) -> String {
    let folder = &place.shown;
    match state.content {
        Some(Content::Ours(_)) => {
            let mode = mode(hook, state).map(|mode| format!(", --mode {mode}")).unwrap_or_default();
            let before = if state.before { format!(", after {}", hook.before()) } else { String::new() };
            let ends = if state.is_executable {
                ""
            } else {
                "; not executable, so git does not run it: `shipwright hook install` mends that"
            };
            format!("installed in {folder}{mode}{before}{ends}")
        }
        Some(Content::Changed) => format!("installed in {folder}, and changed since"),
        Some(Content::Foreign) => format!("not installed; another hook is in {folder}"),
        None => "not installed".to_owned(),
    }
}

fn mode(hook: HookName, state: HookState) -> Option<&'static str> {
    match (hook, state.content) {
        (HookName::PrePush, Some(Content::Ours(mode))) => Some(mode.as_str()),
        _ => None,
    }
}
