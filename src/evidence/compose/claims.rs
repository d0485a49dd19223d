use super::loader::{File, Loader};
use super::service::{Build, Context, Service, Slot};
use crate::evidence::yaml::YamlError;
use crate::evidence::{Claim, ClaimedName, Door, Kind, Place, Said, inside};
use crate::limits;
use crate::path::TreePath;

/// A claim whose services are not looked up yet.
pub(super) struct Draft {
    pub(super) service: String,
    pub(super) claim: Claim,
    /// Named contexts that are images of services.
    pub(super) services: Vec<(String, Said<String>)>,
}

impl Loader<'_, '_> {
    /// What the services of a file say that lies over `base`.
    pub(super) fn drafts(&mut self, file: &File, base: Option<&File>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for (name, service) in &file.services {
            let (whole, cut) = self.whole(file, base, name, service);
            let Some(claim) = claim(&whole, &file.root, self.door) else { continue };
            if let Some(why) = cut {
                self.note(&file.path, &YamlError { line: claim.place.line, why });
                continue;
            }
            if drafts.len() == limits::EVIDENCE_BUILDS {
                self.note(&file.path, &YamlError::too_many(claim.place.line));
                break;
            }
            let services = whole.build.get().map(services_of).unwrap_or_default();
            drafts.push(Draft { service: name.clone(), claim, services });
        }
        drafts
    }
}

/// What a service says, if it builds a Dockerfile of this checkout.
fn claim(service: &Service, root: &TreePath, door: &Door<'_>) -> Option<Claim> {
    let build = service.build.get()?;
    if build.inline.get().is_some() {
        return None;
    }
    let context = match &build.context {
        Slot::Is(context) => Said { value: context.value.clone()?, place: context.place.clone() },
        Slot::Absent | Slot::Reset => Said { value: root.clone(), place: build.place.clone() },
    };
    let dockerfile = match build.dockerfile.get() {
        Some(text) => door.dockerfile(&inside(&context.value, &text.value.known()?)?)?,
        None => door.dockerfile_in(&context.value)?,
    };
    let mut claim = Claim::new(Kind::Compose, service.place.clone(), dockerfile);
    let image = service.image.get();
    claim.name =
        image.and_then(|text| Some(Said { value: ClaimedName::of(&text.value)?, place: text.place.clone() }));
    let target = build.target.get();
    claim.target =
        target.and_then(|text| said(&text.place, text.value.known().filter(|target| !target.is_empty())));
    claim.platforms = build
        .platforms
        .iter()
        .filter_map(|text| said(&text.place, text.value.known()?.parse().ok()))
        .collect();
    let args = build.args.entries.iter();
    claim.args =
        args.filter_map(|(key, text)| Some((key.clone(), said(&text.place, text.value.known())?))).collect();
    let contexts = build.contexts.entries.iter();
    claim.contexts = contexts
        .filter_map(|(name, context)| match &context.value {
            Context::Given(given) => Some((name.clone(), said(&context.place, Some(given.clone()))?)),
            Context::Service(_) => None,
        })
        .collect();
    claim.context = door.is_folder(&context.value).then_some(context);
    Some(claim)
}

fn services_of(build: &Build) -> Vec<(String, Said<String>)> {
    let contexts = build.contexts.entries.iter();
    contexts
        .filter_map(|(name, context)| match &context.value {
            Context::Service(service) => Some((name.clone(), said(&context.place, Some(service.clone()))?)),
            Context::Given(_) => None,
        })
        .collect()
}

fn said<T>(place: &Place, value: Option<T>) -> Option<Said<T>> {
    Some(Said { value: value?, place: place.clone() })
}
