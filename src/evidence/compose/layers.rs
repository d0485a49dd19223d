//! Services that are made of several: what they extend, and what lies below them in the base file of their folder.

use std::rc::Rc;

use super::loader::{File, Loader};
use super::service::{Service, Slot};
use crate::evidence::claim::is_aside_name;
use crate::limits;
use crate::path::TreePath;

/// Why a service is not known as a whole.
pub(super) type Cut = String;

impl Loader<'_, '_> {
    /// A service with all that lies below it, and why that is not all.
    pub(super) fn whole(
        &mut self,
        file: &File,
        base: Option<&File>,
        name: &str,
        service: &Service,
    ) -> (Service, Option<Cut>) {
        let (service, cut) = self.extended(file, service.clone());
        let below = base.and_then(|base| Some((base, base.services.get(name)?)));
        match below {
            Some((base, below)) if cut.is_none() && !stands_alone(&file.path, &service) => {
                if !self.may_copy(below.size) {
                    return (service, Some(too_much()));
                }
                let (below, cut) = self.extended(base, below.clone());
                (laid(&file.path, service, below), cut)
            }
            _ => (service, cut),
        }
    }

    /// A service with what it extends.
    fn extended(&mut self, file: &File, service: Service) -> (Service, Option<Cut>) {
        let (mut path, mut next) = (file.path.clone(), service.extends.clone());
        let mut whole = service;
        let mut current: Option<Rc<File>> = None;
        for _ in 0..limits::COMPOSE_EXTENDS {
            let Some(extends) = next.take() else { return (whole, None) };
            if let Some(other) = extends.file.filter(|other| *other != path) {
                current = Some(self.load_extended(&other, &file.root));
                path = other;
            }
            let services = current.as_deref().map_or(&file.services, |file| &file.services);
            // What is not in the checkout says nothing.
            let Some(below) = services.get(&extends.service) else { return (whole, None) };
            if !self.may_copy(below.size + whole.size) {
                return (whole, Some(too_much()));
            }
            next.clone_from(&below.extends);
            whole = whole.over(below.clone());
        }
        let cut = format!("a service extends more than {} others, or itself", limits::COMPOSE_EXTENDS);
        let is_all = next.is_none();
        (whole, (!is_all).then_some(cut))
    }
}

fn too_much() -> Cut {
    "it takes too much over from services of other files".to_owned()
}

/// Whether a service needs no base file: it says what is built and how that is called, and is no override, which
/// compose itself lays over the base.
fn stands_alone(path: &TreePath, service: &Service) -> bool {
    service.image.get().is_some() && service.build.get().is_some() && !is_override(path)
}

/// Lays a service over that of the base file.
///
/// A file that builds is meant for `compose -f BASE -f FILE build`, as an override is without being named. One that
/// has nothing but the image's name (`docker-compose.images.yml`) says how what the base builds is called where it
/// is published. That takes the base's target and arguments, unless the target is one for development or tests by its
/// name, and the file is not: nobody publishes `target: dev`.
fn laid(path: &TreePath, own: Service, mut below: Service) -> Service {
    let is_name = own.build.get().is_none() && own.image.get().is_some();
    let is_for_publishing = is_name && !is_override(path) && !is_aside_name(&path.file_name().to_string());
    if let Slot::Is(build) = &mut below.build {
        let target = build.target.get().and_then(|target| target.value.known());
        if is_for_publishing && target.is_some_and(|target| is_aside_name(&target)) {
            build.without_target();
        }
    }
    own.over(below)
}

fn is_override(path: &TreePath) -> bool {
    path.file_name().to_string().contains(".override.")
}
