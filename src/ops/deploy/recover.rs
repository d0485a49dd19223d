//! What a deployment that was killed left behind, and what one that failed takes back.

use serde_json::Value;

use super::hands::Hands;
use super::lock::{Lock, LockPlace, request, who};
use super::survey::name_of;
use super::watch::started_again;
use crate::deploy::{
    LockNote, MemberNote, NamedContainers, Names, OWN_SUFFIXES, Previous, Repair, Seen, repair, text,
};
use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::ops::{Audience, Ending, Error, Said};

/// What has the names that are kept for a container's deployment.
pub(super) async fn look(hands: Hands<'_>, name: &str) -> Result<NamedContainers, EngineError> {
    let names = Names::of(name);
    let seen = async |name: &str| hands.named(name).await.map(|found| found.as_ref().map(Seen::of));
    Ok(NamedContainers {
        own: seen(&names.own).await?,
        new: seen(&names.new).await?,
        old: seen(&names.old).await?,
        done: seen(&names.done).await?,
    })
}

/// Whether anything of an earlier deployment is there.
pub(super) async fn is_unfinished(hands: Hands<'_>, name: &str) -> Result<bool, Error> {
    let found = look(hands, name).await?;
    let names = Names::of(name);
    let is_locked =
        hands.container(&names.lock).await?.is_some() || hands.container(&names.stale).await?.is_some();
    Ok(is_locked || found.new.is_some() || found.old.is_some() || found.done.is_some())
}

/// Ends what an earlier deployment of the container has left, if there is anything.
pub(super) async fn recover(
    hands: Hands<'_>,
    place: &LockPlace,
    name: &str,
    audience: &mut dyn Audience,
) -> Result<(), Error> {
    let speaker = audience.speaker();
    let names = Names::of(name);
    let lock = Lock::read(hands, &names.lock).await?;
    let leader = lock.as_ref().and_then(|lock| lock.note.members.first()).map(|leader| leader.name.clone());
    let who = lock.as_ref().map_or_else(|| "another run".to_owned(), |lock| lock.note.who.clone());
    let leader = leader.unwrap_or_else(|| name.to_owned());
    let waits = || speaker(Said::Line(&format!("waiting for {who}, which is moving {leader}")));
    let _file = place.file(&leader, waits).await?;
    if !is_unfinished(hands, name).await? {
        return Ok(());
    }
    let stale = Lock::read(hands, &names.stale).await?;
    let lock = Lock::read(hands, &names.lock).await?;
    for lock in stale.iter().chain(&lock) {
        lock.refuse_alive(hands, &place.name).await?;
    }
    let note = match stale.as_ref().or(lock.as_ref()) {
        Some(lock) => lock.note.clone(),
        None => without_note(hands, name).await?,
    };
    if note.members.iter().all(|member| member.name != name) {
        let message = format!("the lock of {name} is for other containers");
        return Err(Error::one(
            Ending::Failed,
            Diagnostic::error(message).hint(format!("remove it: docker rm {}", names.lock)),
        ));
    }
    let taken = take_over(hands, &note, place).await?;
    speaker(Said::Line(&format!("an earlier deployment of {leader} was cut off; it is looked after first")));
    let settled = settle(hands, &note, audience).await?;
    audience.finds(&settled.findings);
    let end = match (settled.is_finished, note.creates()) {
        (true, _) => "it was up: it stays",
        (false, true) => "it was not up yet: it is removed",
        (false, false) => "it was not up yet: what ran before is back",
    };
    audience.speaker()(Said::Line(end));
    for id in taken {
        hands.remove(&id, true).await?;
    }
    Ok(())
}

/// Takes the locks of a run that has ended over. The note is never nowhere: the old lock gets another name first, and two who
/// do that at once meet at the name of the new one.
async fn take_over(hands: Hands<'_>, note: &LockNote, place: &LockPlace) -> Result<Vec<String>, Error> {
    let mut taken = Vec::new();
    let mine = LockNote { place: place.name.clone(), who: who(), ..note.clone() };
    for member in &note.members {
        let names = Names::of(&member.name);
        if let Some(lock) = Lock::read(hands, &names.lock).await? {
            if hands.container(&names.stale).await?.is_some() {
                hands.remove(&lock.id, true).await?;
            } else {
                hands.rename(&lock.id, &names.stale).await?;
            }
        }
        if let Some(image) = some_image(hands, &names).await? {
            let made = hands.create(&names.lock, &request(&mine, &image)).await;
            match made {
                Ok(id) => taken.push(id),
                Err(EngineError::Refused { status: 409, .. }) => {
                    return Err(Error::one(
                        Ending::Failed,
                        Diagnostic::error(format!("somebody else has begun to look after {}", member.name))
                            .hint("wait for it, then try again"),
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    // Whoever comes after this finds the locks of now.
    for member in &note.members {
        if let Some(stale) = Lock::read(hands, &Names::of(&member.name).stale).await? {
            hands.remove(&stale.id, true).await?;
        }
    }
    Ok(taken)
}

/// An image that is there for certain: one that a container of these names has.
async fn some_image(hands: Hands<'_>, names: &Names) -> Result<Option<Value>, EngineError> {
    for name in [&names.own, &names.new, &names.old, &names.done, &names.stale] {
        if let Some(container) = hands.container(name).await?
            && let Some(image) = hands.image(text(&container, "Image")).await?
        {
            return Ok(Some(image));
        }
    }
    Ok(None)
}

/// What can be said where somebody has removed the lock: names and labels say the rest.
async fn without_note(hands: Hands<'_>, name: &str) -> Result<LockNote, Error> {
    let found = look(hands, name).await?;
    let old = found.old.or(found.done).or(found.own.clone()).map(|seen| seen.id).unwrap_or_default();
    let id = found.own.map(|own| own.deployment).unwrap_or_default();
    let member = MemberNote { name: name.to_owned(), old, runs: true };
    Ok(LockNote { id, members: vec![member], ..LockNote::default() })
}

/// What came of ending a deployment.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Whether the new containers stay.
    pub is_finished: bool,
    /// Old ones that were started again and do not run.
    pub findings: Vec<Diagnostic>,
}

/// Has exactly one of old and new: the new one where it was up, else the old one, which runs again if it ran.
pub(super) async fn settle(
    hands: Hands<'_>,
    note: &LockNote,
    audience: &mut dyn Audience,
) -> Result<Settled, Error> {
    let mut found = Vec::new();
    for member in &note.members {
        found.push(look(hands, &member.name).await?);
    }
    let (is_finished, changes) = repair(note, &found).map_err(|name| {
        let message = format!("{name}, or one named after it, is a container that somebody else made");
        let hint = format!("rename or remove it; what a deployment put aside is {}", Names::of(&name).old);
        Error::one(Ending::Failed, Diagnostic::error(message).hint(hint))
    })?;
    let mut settled = Settled { is_finished, findings: Vec::new() };
    for change in changes {
        match change {
            // What was never up goes with the volumes that were made for it. Of an old container none goes.
            Repair::Remove(id) => hands.remove(&id, !is_finished).await?,
            Repair::Rename(id, name) => hands.rename(&id, &name).await?,
            Repair::Start(id) => settled.findings.extend(started_again(hands, &id).await?),
            Repair::Tag => tag(hands, note, audience).await?,
        }
    }
    Ok(settled)
}

/// Moves `current` and `previous`, and deletes what thereby has no name any more, unless a container still goes back to it.
async fn tag(hands: Hands<'_>, note: &LockNote, audience: &mut dyn Audience) -> Result<(), Error> {
    if note.repository.is_empty() {
        return Ok(());
    }
    for (tag, image) in [("previous", &note.previous), ("current", &note.current)] {
        if image.is_empty() || hands.image(image).await?.is_none() {
            continue;
        }
        if let Err(error) = hands.tag(image, &note.repository, tag).await {
            let message = format!("{}:{tag} was not moved: {error}", note.repository);
            audience.finds(&[Diagnostic::warning(message)]);
        }
    }
    let all = hands.all().await?;
    // What stands in for a container of a deployment goes as well.
    let stays = |container: &&Value| OWN_SUFFIXES.iter().all(|suffix| !name_of(container).ends_with(suffix));
    let still_needed: Vec<String> = all.iter().filter(stays).flat_map(needs).collect();
    for image in &note.displaced {
        if *image != note.current && *image != note.previous && !still_needed.contains(image) {
            hands.delete_nameless(image).await?;
        }
    }
    Ok(())
}

/// The images that a container needs: its own, and what it goes back to.
fn needs(container: &Value) -> Vec<String> {
    let previous = Previous::read(container).map(|previous| previous.image);
    let own = text(container, "Image").to_owned();
    previous.into_iter().chain([own]).collect()
}
