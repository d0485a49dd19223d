use super::phrase;
use crate::ops::{Error, Extent, Move, News, PushEnd, Revision, Switched};

/// What happened, a line each. What a run begins with has a form of its own, [`run_head`](super::run_head).
pub(crate) fn news_text(news: &News<'_>, verbose: bool) -> Vec<String> {
    match news {
        News::FinishedFirst => {
            vec!["interrupted while the tags were moving: that was finished first".to_owned()]
        }
        News::InRegistry { extent, .. } => vec![format!("{}: nothing to push", what(*extent))],
        News::Moves(moves) if verbose => moves_text(moves),
        // Each image is told with its tags when these have moved.
        News::Planned(_) | News::Moves(_) => Vec::new(),
        News::Pushed { end: PushEnd::Interrupted, .. } => {
            vec!["interrupted: run again to finish".to_owned()]
        }
        News::Pushed { extent, pushed, tagged, end, elapsed } => {
            let what = if *end == PushEnd::Done { what(*extent) } else { "failed".to_owned() };
            let (tags, took) = (phrase::count(*tagged, "tag"), phrase::duration(*elapsed));
            vec![format!("{what}: {pushed} pushed, {tags} written, {took}")]
        }
        News::NotPublished { why } => {
            vec![format!("nothing pushed: this is a pull request of a fork and {why}")]
        }
    }
}

fn moves_text(moves: &[Move]) -> Vec<String> {
    let moves = moves.iter().map(|moved| {
        let from = moved.from.map_or_else(|| "new".to_owned(), commit);
        (moved.reference.to_string(), format!("{from} → {}", commit(moved.to)))
    });
    let moves: Vec<(String, String)> = moves.collect();
    let width = moves.iter().map(|(reference, _)| reference.len()).max().unwrap_or_default();
    moves.iter().map(|(reference, way)| format!("  move   {reference:width$}   {way}")).collect()
}

fn commit(revision: Revision) -> String {
    revision.map_or_else(|| "no commit".to_owned(), |commit| commit.short())
}

/// `3 images`, `3 images in 2 registries`.
fn what(extent: Extent) -> String {
    let images = phrase::count(extent.images, "image");
    match extent.registries {
        0 | 1 => images,
        registries => format!("{images} in {registries} registries"),
    }
}

/// What there is to say of a branch switch: one line, whatever went wrong.
pub(crate) fn switched_text(switched: Result<Switched, Error>) -> Option<String> {
    let line = match switched.unwrap_or_else(Switched::Failed) {
        Switched::InPlace => return None,
        Switched::Wrong => "errors in Dockerfiles or settings: run shipwright".to_owned(),
        Switched::ToBuild(count) => format!("{count} to build: run shipwright"),
        Switched::NotMoved => "the branch's image tags did not move: run shipwright".to_owned(),
        Switched::Silent => {
            "the engine stopped answering while the branch's image tags moved: run shipwright".to_owned()
        }
        Switched::Failed(error) => {
            let findings = error.into_findings();
            let why = findings.first().and_then(|found| found.message.lines().next()).unwrap_or_default();
            format!("shipwright: no image tag is moved: {why}")
        }
    };
    Some(line)
}
