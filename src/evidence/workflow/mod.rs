//! Pipelines: GitHub's workflows and composite actions, GitLab's jobs. Their command lines go to the shell reader.
//!
//! ```text
//! YAML → calls of workflows and actions (calls) → jobs and their matrices (github, matrix) → steps (step) → claims
//!      → jobs with what they extend (gitlab) → claims
//! ```

mod calls;
mod expression;
mod github;
mod gitlab;
mod matrix;
mod step;

#[cfg(test)]
mod tests;

use super::shell::{may_build, sanitized};
use super::yaml::{self, Node};
use super::{Claim, Door, Reading, cloudbuild};
use crate::limits;
use crate::path::TreePath;

/// A pipeline that is read.
struct Pipeline {
    path: TreePath,
    root: Node,
}

impl Pipeline {
    /// By what others call it: an action by its folder.
    fn called(&self) -> TreePath {
        if self.root.get("runs").is_some() {
            self.path.parent().unwrap_or_default()
        } else {
            self.path.clone()
        }
    }
}

/// Reads what CI systems run. Those of Tekton and of Cloud Build are read elsewhere.
pub(crate) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    let (mut of_github, mut of_gitlab) = (Vec::new(), Vec::new());
    let is_elsewhere =
        |path: &TreePath| path.components().any(|name| name == ".tekton") || cloudbuild::is_one(path);
    for path in files.iter().filter(|path| !is_elsewhere(path)) {
        let text = match door.read(path) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(note) => {
                reading.notes.push(*note);
                continue;
            }
        };
        // What builds nothing, and calls nothing that may, ends here.
        let has = |word: &str| text.contains(word);
        if !(may_build(&text)
            || has("./.github")
            || is_of_gitlab(path) && (has("variables") || has("script")))
        {
            continue;
        }
        match yaml::parse(&sanitized(&text)) {
            Ok(documents) => {
                let pipelines = if is_of_gitlab(path) { &mut of_gitlab } else { &mut of_github };
                pipelines.extend(documents.into_iter().map(|root| Pipeline { path: path.clone(), root }));
            }
            Err(error) => reading.notes.push(error.note(path)),
        }
    }
    reading.claims = github::claims(&of_github, door);
    reading.claims.extend(gitlab::claims(&of_gitlab, door));
    distinct(&mut reading.claims);
    reading
}

fn is_of_gitlab(path: &TreePath) -> bool {
    path.file_name().starts_with(b".gitlab-ci") || path.components().any(|name| name == ".gitlab")
}

/// Each claim once. Jobs of a matrix that differ in their platforms alone build one image.
fn distinct(claims: &mut Vec<Claim>) {
    claims.sort_by(|one, other| (&one.place, &one.dockerfile).cmp(&(&other.place, &other.dockerfile)));
    let mut found: Vec<Claim> = Vec::new();
    for mut claim in std::mem::take(claims) {
        let platforms = std::mem::take(&mut claim.platforms);
        // Those of one place stand side by side.
        let nearby = found.iter_mut().rev().take_while(|known| known.place == claim.place);
        let same = nearby.take(limits::WORKFLOW_MATRIX).find(|known| is_same(known, &claim));
        match same {
            Some(known) => {
                let new =
                    platforms.into_iter().filter(|new| !known.platforms.contains(new)).collect::<Vec<_>>();
                known.platforms.extend(new);
                known.rests_on.extend(claim.rests_on);
            }
            None => found.push(Claim { platforms, ..claim }),
        }
    }
    *claims = found;
}

fn is_same(one: &Claim, other: &Claim) -> bool {
    let fields = |claim: &Claim| {
        (claim.dockerfile.clone(), claim.name.clone(), claim.context.clone(), claim.target.clone())
    };
    fields(one) == fields(other) && one.args == other.args && one.contexts == other.contexts
}
