//! What the commits of a branch needed: which images each of them gave another key, and why. Everything comes out of git's
//! objects: the line of first parents is walked ([`replay`]), what was found out about a commit is kept ([`cache`]), and what
//! is told follows from these records alone ([`summary`]), under other rules as well ([`what_if`]).

mod cache;
mod causes;
mod range;
mod record;
mod replay;
mod summary;
mod what_if;

pub use record::{ChangedInput, CommitRecord, ImageChange};
pub use summary::{ImageHistory, LineCause, Saving};
pub use what_if::NarrowLine;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use super::durations::Durations;
use super::workspace::{EngineNeed, Workspace, open};
use super::{Audience, Config, Error, ImageRequest};
use crate::diagnostic::Diagnostic;
use crate::git::{CommitId, LineCommit};
use crate::plan::ImageId;
use crate::printable::few;
use range::Range;
use replay::Replay;
use summary::Counted;
use what_if::WhatIf;

/// What [`history`](fn@history) is to look at.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    /// Which images, and what decides them.
    pub images: ImageRequest,
    /// `90.days`, a date, `REV..REV` or REV; none: the last 90 days.
    pub since: Option<String>,
    /// Lines as they would stand in every ignore file.
    pub ignore: Vec<String>,
    /// Sources that lines of Dockerfiles would have instead of theirs.
    pub copy: Vec<NarrowLine>,
}

/// What commits needed.
#[derive(Debug)]
pub struct History {
    /// The checkout's name.
    pub checkout: String,
    /// The commit that the first one is compared with; none where history begins there.
    pub base: Option<CommitId>,
    /// The commits, the oldest first, each with the changes of the selected images.
    pub commits: Vec<HistoryCommit>,
    /// Images that were rebuilt, or came into being, the most often rebuilt ones first.
    pub images: Vec<ImageHistory>,
    /// Images that the same commits rebuilt, more than one each.
    pub together: Vec<Vec<String>>,
    /// Whether other rules were asked about.
    pub is_what_if: bool,
    /// What was noticed.
    pub findings: Vec<Diagnostic>,
}

/// A commit, and what it needed.
#[derive(Clone, Debug)]
pub struct HistoryCommit {
    /// The commit.
    pub commit: LineCommit,
    /// Whether its settings can be read; else nothing is known of its images.
    pub readable: bool,
    /// The selected images whose key it changed.
    pub changes: Vec<ImageChange>,
    /// Those of them that it rebuilt; under other rules, that it would have rebuilt.
    pub rebuilt: Vec<String>,
    /// How many it really rebuilt.
    pub needed: usize,
}

/// Replays the line of first parents. Asks no engine and builds nothing.
///
/// # Errors
///
/// Where there is no such range, or a commit of it cannot be read.
pub async fn history(
    config: &Config,
    request: &HistoryRequest,
    audience: &mut dyn Audience,
) -> Result<History, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let what_if = WhatIf::new(&request.ignore, &request.copy)?;
    let range = Range::parse(request.since.as_deref(), now)?;
    let images = ImageRequest { revision: Some(range.tip().to_owned()), ..request.images.clone() };
    let (workspace, _) = open(config, &images, EngineNeed::Never, None).await?;
    audience.reads(&workspace.tree);
    let (line, is_cut) = range.commits(&workspace.checkout)?;
    let mut findings = Vec::new();
    let (base, line) = split(&workspace, line, &mut findings);
    if is_cut {
        findings.push(Diagnostic::note(format!(
            "only the last {} commits are looked at; --since names a shorter time",
            range::MOST
        )));
    }
    let records = Replay::new(&workspace, &request.images.choices, now).records(&line)?;
    let unreadable: Vec<String> =
        line.iter().zip(&records).filter(|(_, it)| !it.readable).map(|(it, _)| it.id.short()).collect();
    if !unreadable.is_empty() {
        let commits = few(&unreadable, 3);
        findings.push(Diagnostic::note(format!(
            "the settings of {commits} cannot be read: they count for nothing"
        )));
    }
    let wanted = Wanted::of(&workspace);
    let mut counted = Counted::default();
    let commits = line
        .into_iter()
        .zip(records)
        .map(|(commit, record)| {
            let wants = |change: &ImageChange| wanted.has(change);
            let (rebuilt, needed) = counted.add(&record, &what_if, &wants);
            let readable = record.readable;
            let changes = record.images.into_iter().filter(wants).collect();
            HistoryCommit { commit, readable, changes, rebuilt, needed }
        })
        .collect();
    let (images, together) = counted.finish(&Durations::of(&workspace.checkout).known());
    Ok(History {
        checkout: workspace.checkout.name().to_owned(),
        base,
        commits,
        images,
        together,
        is_what_if: !what_if.is_empty(),
        findings,
    })
}

/// What the first commit is compared with. Where a shallow clone ends it is what others are compared with.
fn split(
    workspace: &Workspace,
    mut line: Vec<LineCommit>,
    findings: &mut Vec<Diagnostic>,
) -> (Option<CommitId>, Vec<LineCommit>) {
    let Some(first) = line.first() else { return (None, line) };
    let base = first.parent;
    if base.is_some() || !workspace.checkout.is_shallow() {
        return (base, line);
    }
    let end = line.remove(0);
    findings.push(
        Diagnostic::note(format!("history ends at {}: this clone is shallow", end.id.short()))
            .hint("`git fetch --unshallow origin` brings the rest"),
    );
    (Some(end.id), line)
}

/// Which images somebody wants to hear of.
struct Wanted {
    selected: BTreeSet<String>,
    known: BTreeSet<String>,
    named: bool,
}

impl Wanted {
    fn of(workspace: &Workspace) -> Self {
        let name = |at: &ImageId| workspace.project.images[*at].name.full();
        Self {
            selected: workspace.selection.images.iter().map(name).collect(),
            known: workspace.project.images.iter().map(|image| image.name.full()).collect(),
            named: workspace.selection.named,
        }
    }

    /// Whether a change counts: of a selected image; where nothing was named, also of one that is gone.
    fn has(&self, change: &ImageChange) -> bool {
        let is_gone = !self.known.contains(&change.name);
        self.selected.contains(&change.name) || (!self.named && is_gone && !change.aside)
    }
}
