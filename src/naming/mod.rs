//! What each image is called, and which references mean images of this checkout.
//!
//! An image is a [repository](crate::image::Repository), NAMESPACE/NAME, and an optional tag prefix. NAME is
//! the folder that holds the Dockerfile, or what the settings say; NAMESPACE is given, or inferred from the
//! references in the Dockerfiles. [`assign()`] names all images of a checkout at once, because names that
//! several would have are resolved together; [`Naming::bind`] then says what a reference means.
//!
//! A wrong binding silently swaps a base image, so when in doubt there is none, and a note or an error
//! says what was not bound and which settings line binds it.

mod assign;
mod bare;
mod bind;
mod candidate;
mod claimed;
mod collisions;
mod explain;
mod folders;
mod model;
mod name;
mod namespace;
mod neighbours;
mod places;
mod publishers;
mod rules;
mod says_nothing;
mod sites;
mod template;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use assign::{NamingRules, assign};
pub(crate) use bare::is_official;
pub(crate) use bind::Binding;
pub(crate) use candidate::{Candidate, NameClaim};
pub(crate) use folders::NameSource;
pub(crate) use model::Naming;
pub(crate) use name::ImageName;
pub use namespace::NamespaceSource;
pub(crate) use namespace::{Namespace, Reference};
pub(crate) use places::toml_string;
pub(crate) use says_nothing::{begins_around, is_version};
