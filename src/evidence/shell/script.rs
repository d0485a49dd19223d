use std::collections::BTreeSet;

use super::claim::{Spot, claim};
use super::marks::marked;
use super::walk::Walk;
use crate::evidence::{Claim, Door, Kind, Place, Text};
use crate::path::TreePath;

/// A script, or the command lines of something else.
pub(in crate::evidence) struct Script<'s> {
    /// With marks for what is not known in it.
    pub text: &'s str,
    /// The file.
    pub path: &'s TreePath,
    /// Of its first line.
    pub line: usize,
    pub kind: Kind,
    /// Where it may be called, the likeliest first.
    pub starts: &'s [TreePath],
    /// What is known beforehand.
    pub variables: &'s [(String, Text)],
}

impl Script<'_> {
    /// What it says about Dockerfiles, each build once.
    pub(in crate::evidence) fn claims(&self, door: &Door<'_>) -> Vec<Claim> {
        let mut chosen: Vec<Option<Claim>> = Vec::new();
        for (index, start) in self.starts.iter().enumerate() {
            if self.starts[..index].contains(start) {
                continue;
            }
            for (index, found) in self.from(start, door).into_iter().enumerate() {
                if chosen.len() <= index {
                    chosen.resize(index + 1, None);
                }
                // The first folder from which all paths lead to something.
                let weight =
                    |claim: Option<&Claim>| claim.map_or(0, |claim| 1 + usize::from(claim.context.is_some()));
                if weight(found.as_ref()) > weight(chosen[index].as_ref()) {
                    chosen[index] = found;
                }
            }
        }
        let mut claims: Vec<Claim> = Vec::new();
        for claim in chosen.into_iter().flatten() {
            if claims.last() != Some(&claim) {
                claims.push(claim);
            }
        }
        claims
    }

    fn from(&self, start: &TreePath, door: &Door<'_>) -> Vec<Option<Claim>> {
        let mut walk = Walk::new(door, self.path, Some(start.clone()));
        for (name, value) in self.variables {
            walk.define(name, value);
        }
        walk.script(self.text, self.line);
        let read = walk.read;
        let found = walk.found.into_iter().map(|found| {
            let place = Place { path: self.path.clone(), line: found.line };
            let spot = Spot { kind: self.kind, place: &place, folder: found.folder.as_ref() };
            Some(claim(&found.build, &spot, door)?.resting_on(&read))
        });
        found.collect()
    }
}

/// What a command of a Makefile in `folder` puts out, with marks for what is not known, and the files that were read for it.
pub(in crate::evidence) fn output(
    command: &str,
    path: &TreePath,
    folder: &TreePath,
    door: &Door<'_>,
) -> (String, BTreeSet<TreePath>) {
    let mut walk = Walk::new(door, path, Some(folder.clone()));
    let text = walk.output(command);
    (marked(&text), walk.read)
}

/// Whether a text has words without which nothing is built. Most files end here.
pub(in crate::evidence) fn may_build(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    has(&["build", "bud", "kaniko"])
        && has(&[
            "docker",
            "podman",
            "buildah",
            "nerdctl",
            "container",
            "kaniko",
            "img ",
            "oci_",
            "engine",
            "builder",
            "finch",
        ])
}
