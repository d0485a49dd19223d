use super::RefUpdate;
use crate::git::branch_tag;
use crate::image::Tag;

/// A name that is pushed, and another one whose images have the same tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collision {
    /// The branch or tag that is pushed.
    pub pushed: String,
    pub other: String,
    pub tag: Tag,
    /// Whether the remote has no ref of the pushed name yet.
    pub is_new: bool,
}

/// Which pushed branches and tags would take the image tag of another one: a branch that is known here, or what is
/// pushed with it. Names that the same push deletes are gone.
pub(crate) fn collisions(updates: &[RefUpdate], branches: &[String]) -> Vec<Collision> {
    let pushed: Vec<&RefUpdate> = updates
        .iter()
        .filter(|update| update.local.is_some() && (update.branch().or_else(|| update.tag())).is_some())
        .collect();
    let is_deleted =
        |name: &str| updates.iter().any(|update| update.local.is_none() && update.branch() == Some(name));
    let mut found: Vec<Collision> = Vec::new();
    for update in &pushed {
        let name = update.title();
        let tag = branch_tag(name);
        let known = branches.iter().map(String::as_str).filter(|branch| !is_deleted(branch));
        let others = known.chain(pushed.iter().map(|other| other.title()));
        let other = others.filter(|other| *other != name).find(|other| branch_tag(other) == tag);
        let Some(other) = other else { continue };
        let is_said = |said: &Collision| said.pushed == other && said.other == name;
        if !found.iter().any(is_said) {
            let is_new = update.remote.is_none();
            found.push(Collision { pushed: name.to_owned(), other: other.to_owned(), tag, is_new });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(remote_ref: &str, local: bool, remote: bool) -> RefUpdate {
        let id = |there: bool| there.then(|| "a".repeat(40));
        RefUpdate {
            local_ref: String::new(),
            local: id(local),
            remote_ref: remote_ref.to_owned(),
            remote: id(remote),
        }
    }

    fn pairs(updates: &[RefUpdate], branches: &[&str]) -> Vec<(String, String, bool)> {
        let branches: Vec<String> = branches.iter().map(|name| (*name).to_owned()).collect();
        let found = collisions(updates, &branches);
        found.into_iter().map(|found| (found.pushed, found.other, found.is_new)).collect()
    }

    #[test]
    fn a_branch_that_reads_like_another() {
        let new = update("refs/heads/a/b", true, false);
        assert_eq!(
            pairs(std::slice::from_ref(&new), &["a-b", "a/b", "main"]),
            [("a/b".into(), "a-b".into(), true)]
        );
        assert!(pairs(std::slice::from_ref(&new), &["a/b", "a_b"]).is_empty());
        assert!(pairs(&[new, update("refs/heads/a-b", false, true)], &["a-b"]).is_empty(), "it goes");
        let old = update("refs/heads/a/b", true, true);
        assert_eq!(pairs(&[old], &["a-b"]), [("a/b".into(), "a-b".into(), false)]);
    }

    #[test]
    fn two_that_are_pushed_at_once_are_told_once() {
        let updates = [update("refs/heads/a/b", true, false), update("refs/tags/a-b", true, false)];
        assert_eq!(pairs(&updates, &[]), [("a/b".into(), "a-b".into(), true)]);
        let notes = [update("refs/notes/a-b", true, false), update("refs/heads/a/b", true, false)];
        assert!(pairs(&notes, &[]).is_empty());
    }
}
