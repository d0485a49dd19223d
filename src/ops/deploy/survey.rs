//! What a move is: the containers that take part, what each is to become, and what would be lost.

use std::collections::BTreeMap;

use serde_json::Value;

use super::hands::Hands;
use super::lock::{OVERHEAD, who};
use super::request::{Creation, Moved, Moving};
use super::resolve::Resolved;
use crate::deploy::{
    LockNote, MemberNote, NewImage, OWN_SUFFIXES, PREVIOUS_LABEL, Previous, Recreated, Recreation, content,
    create, difference, health_budget, is_called, object, recreate, shares, text,
};
use crate::ops::Error;
use crate::printable::hex;

/// A move that can be carried out.
pub(super) struct Plan {
    /// The container that is moved, and those that share something of it.
    pub members: Vec<Member>,
    pub note: LockNote,
    pub image: Value,
    /// What is lost, or different.
    pub warnings: Vec<String>,
    /// What changes of the first.
    pub difference: Vec<String>,
}

/// A container that takes part.
pub(super) struct Member {
    pub name: String,
    /// Its description; none where it is made the first time.
    pub old: Option<Value>,
    pub new: Recreated,
    pub image: String,
    /// What the old one is made again from, where its engine removes it when it stops.
    pub spare: Option<Recreated>,
}

impl Member {
    fn of(old: &Value, new: Recreated, image: &str, spare: Option<Recreated>) -> Self {
        Self { name: name_of(old).to_owned(), old: Some(old.clone()), new, image: image.to_owned(), spare }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The id of the old one; empty where there is none.
    pub(super) fn id(&self) -> &str {
        self.old.as_ref().map(|old| text(old, "Id")).unwrap_or_default()
    }

    /// Whether the new one is to run: as the old one did.
    pub(super) fn runs(&self) -> bool {
        self.old.as_ref().is_none_or(runs)
    }

    /// How long the old one may take to stop, in seconds.
    pub(super) fn stop_timeout(&self) -> Option<u64> {
        self.old.as_ref().and_then(|old| old["Config"]["StopTimeout"].as_u64())
    }
}

fn runs(container: &Value) -> bool {
    let state = &container["State"];
    state["Running"] == true || state["Restarting"] == true
}

pub(super) fn name_of(container: &Value) -> &str {
    text(container, "Name").trim_start_matches('/')
}

pub(super) struct EngineFacts {
    machine: String,
    tells_mac: bool,
}

impl EngineFacts {
    pub(super) fn new(info: &Value) -> Self {
        let version =
            text(info, "ServerVersion").split('.').next().and_then(|major| major.parse::<u32>().ok());
        Self {
            machine: text(info, "Name").to_owned(),
            // From 25 on an endpoint can be asked for with an address, and up to 27 the engine makes its own out of the IP.
            tells_mac: version.is_some_and(|major| (25..28).contains(&major)),
        }
    }
}

/// Reads what a move of `container` to `resolved` is, where it is to be made as `asked` describes it.
pub(super) async fn survey(
    hands: Hands<'_>,
    container: &Value,
    asked: &Value,
    resolved: &Resolved,
    moving: &Moving,
    surroundings: &EngineFacts,
) -> Result<Plan, Error> {
    let id = hex(&rand::random::<[u8; 8]>());
    let all = hands.all().await?;
    let old_image = hands.image(text(container, "Image")).await?;
    let image = hands.image(&resolved.image.id).await?.unwrap_or_default();
    let is_same = text(container, "Image") == resolved.image.id;
    let mut labels = resolved.labels.clone();
    let previous = if is_same { Previous::read(container) } else { Some(Previous::of(container)) };
    labels.extend(previous.map(|previous| (PREVIOUS_LABEL, previous.label())));
    let target = Recreation {
        container: asked,
        old_image: old_image.as_ref(),
        image: &resolved.image,
        renew: moving.renew_volumes,
        tells_mac: surroundings.tells_mac,
        machine: &surroundings.machine,
        id: &id,
        labels,
    };
    let new = recreate(&target);
    let mut warnings = new.warnings.clone();
    warnings.extend(linked(&all, container));
    let difference =
        difference(container, &new, &resolved.image, surroundings.tells_mac, moving.shows_values);
    let spare = spare(&Recreation { container, labels: BTreeMap::new(), ..target }, old_image.as_ref())?;
    let mut members = vec![Member::of(container, new, &resolved.image.id, spare)];
    for sharer in sharers(&all, container) {
        members.push(member_as_it_is(hands, sharer, surroundings, &id).await?);
    }
    for member in members.iter().skip(1) {
        let name = member.name();
        warnings.extend(member.new.warnings.iter().map(|warning| format!("{name}: {warning}")));
    }
    let note = note(hands, &members, resolved, moving, id, is_same).await?;
    Ok(Plan { members, note, image, warnings, difference })
}

impl Plan {
    pub(super) fn moved(&self, image: &str) -> Moved {
        let mut names = self.members.iter().map(|member| member.name().to_owned());
        Moved { container: names.next().unwrap_or_default(), image: image.to_owned(), with: names.collect() }
    }
}

/// Reads what it is to make a container of this name the first time.
pub(super) async fn survey_new(
    hands: Hands<'_>,
    name: &str,
    creation: &Creation,
    resolved: &Resolved,
    moving: &Moving,
) -> Result<Plan, Error> {
    let id = hex(&rand::random::<[u8; 8]>());
    let image = hands.image(&resolved.image.id).await?.unwrap_or_default();
    let new = create(&creation.request, &creation.connect, &resolved.image, &id, &resolved.labels);
    let difference = content(&new, &resolved.image, moving.shows_values);
    let image_id = resolved.image.id.clone();
    let members = vec![Member { name: name.to_owned(), old: None, new, image: image_id, spare: None }];
    // `previous` stays what it is: nothing ran before.
    let note = note(hands, &members, resolved, moving, id, true).await?;
    Ok(Plan { members, note, image, warnings: Vec::new(), difference })
}

/// A container that is made anew with its own image.
async fn member_as_it_is(
    hands: Hands<'_>,
    container: &Value,
    surroundings: &EngineFacts,
    id: &str,
) -> Result<Member, Error> {
    let image_id = text(container, "Image");
    let name = name_of(container);
    let Some(image) = hands.image(image_id).await? else {
        return Err(Error::usage_with_hint(
            format!(
                "{name} shares something of it and would be made anew, but the engine has lost its image"
            ),
            format!("remove {name}, or pull its image again"),
        ));
    };
    let same = own_image(hands, container, &image).await?;
    let target = Recreation {
        container,
        old_image: Some(&image),
        image: &same,
        renew: false,
        tells_mac: surroundings.tells_mac,
        machine: &surroundings.machine,
        id,
        labels: own_labels(container),
    };
    let spare = spare(&target, Some(&image))?;
    Ok(Member::of(container, recreate(&target), &same.id, spare))
}

/// What a container was made from, by the name that it was asked for where that still means it.
async fn own_image(hands: Hands<'_>, container: &Value, image: &Value) -> Result<NewImage, Error> {
    let id = text(container, "Image");
    let asked = text(&container["Config"], "Image");
    let means = hands.image(asked).await?.is_some_and(|found| text(&found, "Id") == id);
    let name = if means { asked } else { id };
    Ok(NewImage { name: name.to_owned(), id: id.to_owned(), config: object(image, "Config") })
}

/// What a container's labels say of where its image comes from, which stays.
fn own_labels(container: &Value) -> BTreeMap<&'static str, String> {
    use crate::deploy::{CHECKOUT_LABEL, DEPLOYED_KEY_LABEL, DEPLOYED_REVISION_LABEL};
    let labels = object(&container["Config"], "Labels");
    [CHECKOUT_LABEL, DEPLOYED_KEY_LABEL, DEPLOYED_REVISION_LABEL, PREVIOUS_LABEL]
        .into_iter()
        .filter_map(|label| Some((label, labels.get(label)?.as_str()?.to_owned())))
        .collect()
}

/// A container that its engine removes when it stops (`--rm`) cannot be put back: another one like it stands by.
fn spare(target: &Recreation<'_>, image: Option<&Value>) -> Result<Option<Recreated>, Error> {
    let container = target.container;
    if container["HostConfig"]["AutoRemove"] != true || !runs(container) {
        return Ok(None);
    }
    let Some(image) = image else {
        return Err(Error::usage_with_hint(
            format!(
                "{} is removed when it stops (--rm), and the engine has lost its image",
                name_of(container)
            ),
            "it could not be put back; nothing was changed",
        ));
    };
    let id = text(container, "Image").to_owned();
    let own = NewImage { name: id.clone(), id, config: object(image, "Config") };
    Ok(Some(recreate(&Recreation {
        container,
        old_image: Some(image),
        image: &own,
        renew: false,
        tells_mac: target.tells_mac,
        machine: target.machine,
        id: "",
        labels: own_labels(container),
    })))
}

/// Containers that share the network, the processes or the memory of another one, and those that share theirs.
fn sharers<'a>(all: &'a [Value], container: &Value) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = Vec::new();
    let mut owners = vec![container.clone()];
    while let Some(owner) = owners.pop() {
        let (id, name) = (text(&owner, "Id").to_owned(), name_of(&owner).to_owned());
        for one in all {
            let is_ours = OWN_SUFFIXES.iter().any(|suffix| name_of(one).ends_with(suffix));
            let is_known = found.iter().any(|known| text(known, "Id") == text(one, "Id"));
            if shares(one, &id, &name) && !is_known && !is_ours {
                found.push(one);
                owners.push(one.clone());
            }
        }
    }
    found
}

/// Containers that were linked to it on the default network know it by an address that ends with it.
fn linked(all: &[Value], container: &Value) -> Option<String> {
    let (id, name) = (text(container, "Id"), name_of(container));
    let is_linked = |one: &&Value| {
        let links = one["HostConfig"]["Links"].as_array();
        links.into_iter().flatten().filter_map(Value::as_str).any(|link| {
            let of = link.trim_start_matches('/').split(':').next().unwrap_or_default();
            is_called(of, id, name)
        })
    };
    let names: Vec<&str> = all.iter().filter(is_linked).map(name_of).collect();
    (!names.is_empty()).then(|| {
        format!(
            "linked to it by --link, and has to be made anew by you to reach the new one: {}",
            names.join(", ")
        )
    })
}

async fn note(
    hands: Hands<'_>,
    members: &[Member],
    resolved: &Resolved,
    moving: &Moving,
    id: String,
    is_same: bool,
) -> Result<LockNote, Error> {
    let old = members.first().and_then(|member| member.old.as_ref());
    let old = old.map(|old| text(old, "Image").to_owned()).unwrap_or_default();
    let mut displaced = Vec::new();
    for tag in ["current", "previous"] {
        if resolved.repository.is_empty() {
            break;
        }
        let found = hands.image(&format!("{}:{tag}", resolved.repository)).await?;
        displaced.extend(found.map(|image| text(&image, "Id").to_owned()));
    }
    let wait = |member: &Member| {
        let expected = member.new.request["Healthcheck"].is_object();
        let budget = member.old.as_ref().and_then(health_budget).unwrap_or_default();
        let unknown = if expected { budget * 4 } else { budget };
        member.stop_timeout().unwrap_or(10) + unknown.as_secs() + moving.grace.as_secs()
    };
    let lease = members.iter().map(wait).sum::<u64>() + OVERHEAD.as_secs();
    Ok(LockNote {
        id,
        place: String::new(),
        who: who(),
        image: resolved.image.name.clone(),
        lease,
        members: members
            .iter()
            .map(|member| MemberNote {
                name: member.name().to_owned(),
                old: member.id().to_owned(),
                runs: member.runs(),
            })
            .collect(),
        repository: resolved.repository.clone(),
        current: resolved.image.id.clone(),
        previous: if is_same { String::new() } else { old },
        displaced,
    })
}
