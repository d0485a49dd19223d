//! What a user's word for an image means.

use std::collections::HashMap;

use super::dag::GraphImage;
use super::id::ImageId;
use crate::diagnostic::closest;
use crate::image::{ImageReference, Repository};
use crate::path::TreePath;
use crate::printable::printable;

/// A word that names no image, or none clearly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownImage {
    #[error("there is no image `{}`", printable(.value))]
    Unknown {
        /// What was written.
        value: String,
        /// Up to three names or paths that read like it.
        closest: Vec<String>,
    },
    #[error("`{}` could be any of {} images", printable(.value), .titles.len())]
    Ambiguous {
        /// What was written.
        value: String,
        titles: Vec<String>,
    },
}

impl UnknownImage {
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { closest, .. } if closest.is_empty() => {
                "`shipwright images` lists them".to_owned()
            }
            Self::Unknown { closest, .. } => format!("the closest: {}", closest.join(", ")),
            Self::Ambiguous { titles, .. } => format!("write one of {}", titles.join(", ")),
        }
    }
}

/// Finds images by full name, short name, Dockerfile or the folder of a Dockerfile.
#[derive(Clone, Debug)]
pub(crate) struct Lookup<'a> {
    images: &'a [GraphImage],
    /// Full and short names, with tag prefix.
    exact: HashMap<String, Vec<ImageId>>,
    /// The same without the tag prefix, and names that several would have.
    loose: HashMap<String, Vec<ImageId>>,
    paths: HashMap<TreePath, Vec<ImageId>>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(images: &'a [GraphImage]) -> Self {
        let mut lookup = Self { images, exact: HashMap::new(), loose: HashMap::new(), paths: HashMap::new() };
        for (at, image) in ImageId::all(images).zip(images) {
            let repository = match image.title.strip_prefix(&image.short) {
                Some(prefix) => image.full.strip_suffix(prefix).unwrap_or(&image.full),
                None => &image.full,
            };
            for word in [&image.title, &image.full] {
                add(&mut lookup.exact, word, at);
            }
            for word in [&image.short, repository].into_iter().chain(image.plain.as_deref()) {
                add(&mut lookup.loose, word, at);
            }
            let folder = image.dockerfile.parent().unwrap_or_default();
            for place in [image.dockerfile.clone(), folder] {
                lookup.paths.entry(place).or_default().push(at);
            }
        }
        lookup
    }

    /// The images that `value` means: one, or all that a path makes. Names win over paths; what
    /// begins with `./` or `../` is always a path. Paths are seen from `folder`, where the user stands, and
    /// then, unless they begin so, from the root of the checkout, as the plan prints them.
    pub(crate) fn find(&self, value: &str, folder: &TreePath) -> Result<Vec<ImageId>, UnknownImage> {
        let is_path = value == "." || value == ".." || value.starts_with("./") || value.starts_with("../");
        if !is_path {
            for words in [&self.exact, &self.loose] {
                if let Some(images) = words.get(value).or_else(|| words.get(&familiar(value)?)) {
                    return self.one_of(value, images);
                }
            }
        }
        let from_folder = TreePath::clamped([folder.as_bytes(), value.as_bytes()].join(&b'/'));
        let from_root = (!is_path).then(|| TreePath::clamped(value));
        [from_folder]
            .into_iter()
            .chain(from_root)
            .find_map(|path| self.paths.get(&path))
            .cloned()
            .ok_or_else(|| self.unknown(value))
    }

    fn one_of(&self, value: &str, images: &[ImageId]) -> Result<Vec<ImageId>, UnknownImage> {
        match images {
            [image] => Ok(vec![*image]),
            several => {
                let mut titles: Vec<String> =
                    several.iter().map(|image| self.images[*image].full.clone()).collect();
                titles.sort();
                Err(UnknownImage::Ambiguous { value: value.to_owned(), titles })
            }
        }
    }

    fn unknown(&self, value: &str) -> UnknownImage {
        let wanted = value.strip_prefix("./").unwrap_or(value);
        let words = self.images.iter().filter_map(|image| {
            let words = [image.title.clone(), image.full.clone(), image.dockerfile.to_string()];
            closest(wanted, words).into_iter().next()
        });
        UnknownImage::Unknown { value: value.to_owned(), closest: closest(wanted, words) }
    }
}

fn add(words: &mut HashMap<String, Vec<ImageId>>, word: &str, image: ImageId) {
    let images = words.entry(word.to_owned()).or_default();
    if images.last() != Some(&image) {
        images.push(image);
    }
}

/// A reference as Docker would show it: without Docker Hub's host, and without `:latest`.
fn familiar(value: &str) -> Option<String> {
    let reference: ImageReference = value.parse().ok()?;
    let repository: &Repository = &reference.repository;
    match (&reference.tag, &reference.digest) {
        (_, Some(_)) => None,
        (Some(tag), None) if tag.as_str() != "latest" => Some(format!("{repository}:{tag}")),
        _ => Some(repository.familiar()),
    }
}
