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

use super::shell::sanitized;
use super::yaml::{self, Node};
use super::{Claim, Door, Reading};
use crate::path::TreePath;

/// A pipeline that is read.
struct Pipeline {
    path: TreePath,
    root: Node,
}

/// Reads what CI systems run. Tekton's pipelines are read elsewhere.
pub(crate) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    let (mut of_github, mut of_gitlab) = (Vec::new(), Vec::new());
    for path in files.iter().filter(|path| !path.components().any(|name| name == ".tekton")) {
        let text = match door.read(path) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(note) => {
                reading.notes.push(note);
                continue;
            }
        };
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

fn distinct(claims: &mut Vec<Claim>) {
    claims.sort_by(|one, other| (&one.place, &one.dockerfile).cmp(&(&other.place, &other.dockerfile)));
    claims.dedup();
}
