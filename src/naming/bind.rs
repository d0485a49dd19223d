//! Which references mean images of this checkout.

use std::cmp::Reverse;

use super::model::Naming;
use super::namespace::canonical;
use super::publishers::is_publisher;
use crate::diagnostic::closest_by;
use crate::image::{ImageReference, Repository};

/// What a reference in a Dockerfile means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// The image built here.
    Local(usize),
    /// A published version of an image that is built here, by tag or digest: external.
    Pinned(usize),
    /// Someone else's image, or the published predecessor of the image that refers to it.
    External,
    /// Several Dockerfiles would have the name: an error, see [`Naming::ambiguous`].
    Ambiguous(Vec<usize>),
    /// It is in the namespace and nothing here builds it: external, with a warning, see [`Naming::unbuilt`].
    Unbuilt {
        /// The closest references that something here builds.
        closest: Vec<String>,
    },
}

/// How a tag relates to an image of the same repository.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Another version of it.
    Other,
    /// What is built here.
    Current,
}

fn fit(reference: &ImageReference, tag_prefix: Option<&str>, follow: &[String]) -> Option<Fit> {
    let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
    let current = |tag: &str| tag == "latest" || follow.iter().any(|followed| followed == tag);
    let is_current = match tag_prefix {
        None => current(tag),
        Some(prefix) => match tag.strip_prefix(prefix) {
            Some("") => true,
            Some(rest) => current(rest.strip_prefix('-')?),
            None => return None,
        },
    };
    Some(if is_current && reference.digest.is_none() { Fit::Current } else { Fit::Other })
}

impl Naming {
    /// What `reference` means in the Dockerfile of image `from`. `follow` are tags that, like `latest`, mean
    /// what is built here.
    ///
    /// An image with the tag prefix `8.0` is what `:8.0` refers to; `:8.0-main` is another version of it,
    /// unless `main` is followed. Of several prefixes that fit, the longest counts. Without a tag such a
    /// repository means none of its images.
    pub(crate) fn bind(&self, reference: &ImageReference, from: usize, follow: &[String]) -> Binding {
        let Some(site) = self.sites.by_repository.get(&reference.repository) else {
            return self.unbuilt_or_external(&reference.repository);
        };
        let best = site
            .images
            .iter()
            .filter_map(|image| {
                let prefix = self.names[*image].tag_prefix.as_deref();
                if self.is_out_of_scope(*image, from) {
                    return fit(reference, prefix, follow).map(|_| (0, Fit::Other, *image));
                }
                // Its very name counts more than any prefix.
                if self.is_claimed(reference, *image) {
                    return Some((prefix.map_or(0, |_| usize::MAX), Fit::Current, *image));
                }
                let fit = fit(reference, prefix, follow)?;
                Some((prefix.map_or(0, str::len), fit, *image))
            })
            .max_by_key(|(length, fit, image)| (*length, *fit, Reverse(*image)));
        if best.is_some_and(|(_, _, image)| image == from) {
            return Binding::External;
        }
        let by_prefix = best.is_some_and(|(length, _, _)| length > 0);
        if !site.contested.is_empty() && !by_prefix {
            if fit(reference, None, follow) == Some(Fit::Current) {
                return Binding::Ambiguous(site.contested.clone());
            }
            let other = site.contested.iter().find(|image| **image != from);
            return other.map_or(Binding::External, |image| Binding::Pinned(*image));
        }
        match best {
            Some((_, Fit::Current, image)) => Binding::Local(image),
            Some((_, Fit::Other, image)) => Binding::Pinned(image),
            None if site.images.contains(&from) => Binding::External,
            None => Binding::Unbuilt { closest: self.in_repository(&reference.repository, &site.images) },
        }
    }

    /// Whether the checkout's own files give an image that it builds exactly this name, tag included.
    fn is_claimed(&self, reference: &ImageReference, image: usize) -> bool {
        let tag = reference.tag.as_ref().filter(|_| reference.digest.is_none());
        let is_its = self.names[image].claimed.as_ref() == Some(&reference.repository);
        is_its && tag.is_some_and(|tag| self.tags[image].contains(tag.as_str()))
    }

    /// Whether the images of one file alone mean an image, and the one that refers to it is none of them.
    fn is_out_of_scope(&self, image: usize, from: usize) -> bool {
        self.scopes[image].is_some() && self.scopes[image] != self.scopes[from]
    }

    /// The image that a reference without a namespace or tag means in the Dockerfile of image `from`, if that is
    /// certain enough: the only Dockerfile here of that name, which is none of Docker's own.
    pub(crate) fn bind_bare(&self, reference: &ImageReference, from: usize) -> Option<usize> {
        let name = reference.repository.path().strip_prefix("library/").filter(|_| reference.is_latest())?;
        self.known.bare(name, from)
    }

    /// The only image of this name, whatever a reference to it is written like in the Dockerfile of image `from`.
    pub(crate) fn only_one(&self, name: &str, from: usize) -> Option<usize> {
        self.known.bare(name, from)
    }

    /// Whether a reference means an image only because another file of the checkout gives it exactly this name, with a
    /// tag that otherwise would be a published version's.
    pub(crate) fn is_by_claim(&self, reference: &ImageReference, image: usize, follow: &[String]) -> bool {
        let prefix = self.names[image].tag_prefix.as_deref();
        self.is_claimed(reference, image) && fit(reference, prefix, follow) != Some(Fit::Current)
    }

    /// NAME in a reference to one of these namespaces.
    pub(super) fn name_in_namespace(&self, repository: &Repository) -> Option<String> {
        let namespace = self.sites.namespace_of(repository)?.canonical();
        canonical(repository).get(namespace.len() + 1..).map(str::to_owned)
    }

    fn unbuilt_or_external(&self, repository: &Repository) -> Binding {
        let Some(namespace) = self.sites.namespace_of(repository) else { return Binding::External };
        let closest = self.closest(repository);
        // In a publisher's namespace there is much that is not built here.
        if closest.is_empty() && is_publisher(&namespace.canonical()) {
            return Binding::External;
        }
        Binding::Unbuilt { closest }
    }

    /// Up to three references to images of this checkout that read like `repository`.
    fn closest(&self, repository: &Repository) -> Vec<String> {
        let Some(namespace) = self.sites.namespace_of(repository) else { return Vec::new() };
        let name = canonical(repository);
        let name = &name[namespace.canonical().len() + 1..];
        let images = self.names.iter().filter(|image| !image.absolute).filter_map(|image| {
            let prefix = image.tag_prefix.as_ref().map_or(String::new(), |prefix| format!(":{prefix}"));
            Some((&image.short, format!("{}{prefix}", namespace.repository(&image.short)?)))
        });
        closest_by(name, images, |(short, _)| short).into_iter().map(|(_, reference)| reference).collect()
    }

    /// The images of one repository, which differ in their tag prefix, as one would refer to them.
    fn in_repository(&self, repository: &Repository, images: &[usize]) -> Vec<String> {
        let prefixes = images.iter().filter_map(|image| self.names[*image].tag_prefix.as_ref());
        let mut references: Vec<String> = prefixes.map(|prefix| format!("{repository}:{prefix}")).collect();
        references.sort();
        references.truncate(3);
        references
    }
}
