//! What has to be done so that exactly one of the old and the new container is left. It serves a deployment that failed as
//! well as one that was killed: both only look at what the engine has.

use serde_json::Value;

use super::json::{object, text};
use super::record::{ID_LABEL, LockNote, MemberNote};

/// A container, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub id: String,
    /// The deployment that made it; empty for none.
    pub deployment: String,
}

impl Seen {
    pub(crate) fn of(container: &Value) -> Self {
        let labels = object(&container["Config"], "Labels");
        let deployment = labels.get(ID_LABEL).and_then(Value::as_str).unwrap_or_default();
        Self { id: text(container, "Id").to_owned(), deployment: deployment.to_owned() }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedContainers {
    pub own: Option<Seen>,
    pub new: Option<Seen>,
    pub old: Option<Seen>,
    pub done: Option<Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Removes a container that the deployment made, or that it replaced.
    Remove(String),
    /// Gives a container its name back.
    Rename(String, String),
    /// Starts a container and sees that it runs.
    Start(String),
    /// Moves `current` and `previous`.
    Tag,
}

/// The changes, in their order, and whether they finish the deployment instead of taking it back.
///
/// # Errors
///
/// The name of a container that somebody else made meanwhile: nothing is done then.
pub(crate) fn repair(note: &LockNote, found: &[NamedContainers]) -> Result<(bool, Vec<Repair>), String> {
    let members = || note.members.iter().zip(found);
    // Without a note of any deployment, a name alone makes nothing ours.
    let is_unknown = |found: &NamedContainers| {
        let is_ours = found.own.as_ref().is_some_and(|own| !own.deployment.is_empty());
        let is_foreign = found.new.as_ref().is_some_and(|new| new.deployment.is_empty());
        is_foreign || (note.id.is_empty() && !is_ours && found.done.is_some())
    };
    if let Some((member, _)) = members().find(|(_, found)| is_unknown(found)) {
        return Err(member.name.clone());
    }
    let is_done = found.first().is_some_and(|leader| leader.done.is_some());
    if is_done {
        let mut changes = vec![Repair::Tag];
        let old = members().flat_map(|(_, found)| found.old.iter());
        let others = members().skip(1).flat_map(|(_, found)| found.done.iter());
        // The leader's goes last: as long as it is there, this is known to be finished.
        let leader = found.first().and_then(|leader| leader.done.as_ref());
        changes.extend(old.chain(others).chain(leader).map(|seen| Repair::Remove(seen.id.clone())));
        return Ok((true, changes));
    }
    let mut changes = Vec::new();
    let mut starts = Vec::new();
    for (member, found) in members().collect::<Vec<_>>().into_iter().rev() {
        back(note, member, found, &mut changes)?;
    }
    for (member, found) in members() {
        if member.runs
            && let Some(old) = kept(member, found)
        {
            starts.push(Repair::Start(old.id.clone()));
        }
    }
    changes.extend(starts);
    Ok((false, changes))
}

/// The container that stands for the old one: itself, or the stand-in of one that its engine removes when it stops.
fn kept<'a>(member: &MemberNote, found: &'a NamedContainers) -> Option<&'a Seen> {
    let is_old = |seen: &&Seen| seen.id == member.old;
    found.own.as_ref().filter(is_old).or(found.old.as_ref())
}

fn back(
    note: &LockNote,
    member: &MemberNote,
    found: &NamedContainers,
    changes: &mut Vec<Repair>,
) -> Result<(), String> {
    let is_ours = |seen: &Seen| !note.id.is_empty() && seen.deployment == note.id;
    changes.extend(found.new.iter().map(|new| Repair::Remove(new.id.clone())));
    match (&found.own, &found.old) {
        // Made the first time, and not up: nothing of it stays. Somebody else's of that name does.
        (Some(own), None) if member.old.is_empty() && is_ours(own) => {
            changes.push(Repair::Remove(own.id.clone()));
        }
        (Some(own), Some(old)) if own.id == member.old => {
            changes.push(Repair::Remove(old.id.clone()));
        }
        (Some(own), Some(old)) if is_ours(own) => {
            changes.push(Repair::Remove(own.id.clone()));
            changes.push(Repair::Rename(old.id.clone(), member.name.clone()));
        }
        (Some(_), Some(_)) => return Err(member.name.clone()),
        (None, Some(old)) => changes.push(Repair::Rename(old.id.clone(), member.name.clone())),
        (_, None) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it stands where there may be none")]
    fn seen(id: &str) -> Option<Seen> {
        let deployment = if id.starts_with("new") { "d1" } else { "" };
        Some(Seen { id: id.to_owned(), deployment: deployment.to_owned() })
    }

    fn note() -> LockNote {
        let member = |name: &str, old: &str| MemberNote { name: name.into(), old: old.into(), runs: true };
        LockNote {
            id: "d1".into(),
            members: vec![member("api", "old1"), member("side", "old2")],
            ..LockNote::default()
        }
    }

    fn changes(api: NamedContainers, side: NamedContainers) -> Result<(bool, Vec<String>), String> {
        let (is_done, changes) = repair(&note(), &[api, side])?;
        Ok((is_done, changes.iter().map(|change| format!("{change:?}")).collect()))
    }

    fn untouched(id: &str) -> NamedContainers {
        NamedContainers { own: seen(id), ..NamedContainers::default() }
    }

    #[test]
    fn before_the_old_one_stops_only_the_new_one_goes() {
        let api = NamedContainers { new: seen("new1"), ..untouched("old1") };
        let expected =
            [r#"Remove("new1")"#, r#"Start("old1")"#, r#"Start("old2")"#].map(str::to_owned).to_vec();
        assert_eq!(changes(api, untouched("old2")), Ok((false, expected)));
    }

    #[test]
    fn at_every_later_moment_the_old_one_comes_back() {
        let renamed = NamedContainers { old: seen("old1"), new: seen("new1"), ..NamedContainers::default() };
        let taken_over =
            NamedContainers { own: seen("new1"), old: seen("old1"), ..NamedContainers::default() };
        for api in [renamed, taken_over] {
            let expected =
                [r#"Remove("new1")"#, r#"Rename("old1", "api")"#, r#"Start("old1")"#, r#"Start("old2")"#];
            assert_eq!(changes(api, untouched("old2")), Ok((false, expected.map(str::to_owned).to_vec())));
        }
    }

    #[test]
    fn what_is_done_is_finished_and_the_sign_of_it_goes_last() {
        let api = NamedContainers { own: seen("new1"), done: seen("old1"), ..NamedContainers::default() };
        let side = NamedContainers { own: seen("new2"), old: seen("old2"), ..NamedContainers::default() };
        let expected = ["Tag", r#"Remove("old2")"#, r#"Remove("old1")"#].map(str::to_owned).to_vec();
        assert_eq!(changes(api, side), Ok((true, expected)));
    }

    #[test]
    fn a_container_that_somebody_else_made_is_left_alone() {
        let api = NamedContainers { own: seen("theirs"), old: seen("old1"), ..NamedContainers::default() };
        assert_eq!(changes(api, untouched("old2")), Err("api".to_owned()));
    }

    #[test]
    fn one_that_was_made_the_first_time_goes_unless_it_was_up() {
        let note = LockNote {
            id: "d1".into(),
            members: vec![MemberNote { name: "api".into(), old: String::new(), runs: true }],
            ..LockNote::default()
        };
        let changes = |found: NamedContainers| repair(&note, &[found]);
        let made = NamedContainers { new: seen("new1"), ..NamedContainers::default() };
        assert_eq!(changes(made), Ok((false, vec![Repair::Remove("new1".into())])));
        assert_eq!(changes(untouched("new1")), Ok((false, vec![Repair::Remove("new1".into())])));
        assert_eq!(changes(untouched("theirs")), Ok((false, vec![])));
        let up = NamedContainers { done: seen("newmark"), ..untouched("new1") };
        assert_eq!(changes(up), Ok((true, vec![Repair::Tag, Repair::Remove("newmark".into())])));
    }

    #[test]
    fn what_only_has_such_a_name_is_left_alone() {
        let stranger = NamedContainers { new: seen("theirs"), ..untouched("old1") };
        assert_eq!(changes(stranger, untouched("old2")), Err("api".to_owned()));
        let without_note = LockNote { id: String::new(), ..note() };
        let stranger = NamedContainers { done: seen("theirs"), ..untouched("old1") };
        assert_eq!(repair(&without_note, &[stranger, untouched("old2")]), Err("api".to_owned()));
    }

    #[test]
    fn a_stand_in_goes_while_the_old_one_is_there_and_stands_in_when_it_is_not() {
        let both = NamedContainers { old: seen("standin"), ..untouched("old1") };
        let expected =
            [r#"Remove("standin")"#, r#"Start("old1")"#, r#"Start("old2")"#].map(str::to_owned).to_vec();
        assert_eq!(changes(both, untouched("old2")), Ok((false, expected)));
        let gone = NamedContainers { old: seen("standin"), new: seen("new1"), ..NamedContainers::default() };
        let expected =
            [r#"Remove("new1")"#, r#"Rename("standin", "api")"#, r#"Start("standin")"#, r#"Start("old2")"#];
        assert_eq!(changes(gone, untouched("old2")), Ok((false, expected.map(str::to_owned).to_vec())));
    }
}
