//! What a version is of each image, and what forbids it.

use super::model::ReleaseRequest;
use crate::diagnostic::Diagnostic;
use crate::git::branch_tag;
use crate::image::{ContentKey, ImageReference, Tag};
use crate::ops::Error;
use crate::ops::workspace::Workspace;
use crate::plan::ImageId;
use crate::printable::{few, printable};
use crate::release::{Version, is_reserved};

const SHOWN: usize = 10;

/// An image, and the tag that it gets.
#[derive(Clone, Debug)]
pub(super) struct ReleaseTarget {
    pub image: ImageId,
    pub name: String,
    pub key: ContentKey,
    pub source: ImageReference,
    pub tag: Tag,
    /// What the tag has in front of the version.
    pub lead: String,
}

impl ReleaseTarget {
    pub(super) fn reference(&self) -> ImageReference {
        self.source.repository.with_tag(self.tag.clone())
    }
}

pub(super) fn version(request: &ReleaseRequest) -> Result<Version, Error> {
    let text = &request.version;
    if is_reserved(text) {
        return Err(Error::usage_with_hint(
            format!("`{}` is not a version: Shipwright gives such tags itself", printable(text)),
            "write a version such as 1.4.0",
        ));
    }
    let is_tag = Tag::new(text);
    match (Version::parse(text), is_tag) {
        (_, Err(error)) => Err(Error::usage(error)),
        (None, _) => Err(Error::usage_with_hint(
            format!("`{}` is not a version", printable(text)),
            "write numbers with dots between them, such as 1.4.0, v2 or 1.4.0-rc.1; what stands in front goes into --prefix",
        )),
        (Some(version), Ok(_)) => Ok(version),
    }
}

/// The images with their tags. Those that cannot be built were refused before.
pub(super) fn targets(
    workspace: &Workspace,
    request: &ReleaseRequest,
    version: &Version,
    images: &[ImageId],
) -> Result<Vec<ReleaseTarget>, Error> {
    let branches = workspace.checkout.branches()?;
    let mut targets: Vec<ReleaseTarget> = Vec::new();
    for at in images {
        let image = &workspace.project.images[*at];
        let (Some(key), Some(source)) = (image.key(), image.reference()) else { continue };
        let own = image.name.tag_prefix.as_deref();
        let chosen = request.prefix.as_deref().filter(|prefix| own != Some(prefix));
        let lead: String = own.into_iter().chain(chosen).map(|prefix| format!("{prefix}-")).collect();
        let text = format!("{lead}{}", version.as_str());
        let tag = Tag::new(&text).map_err(Error::usage)?;
        if is_reserved(&text) {
            let message = format!(
                "`{}` cannot be the tag of a version: Shipwright gives such tags itself",
                printable(&text)
            );
            return Err(Error::usage_with_hint(message, "choose another --prefix or version"));
        }
        if let Some(branch) = branches.iter().find(|branch| image.name.tag(&branch_tag(branch)) == tag) {
            let message = format!("{tag} is the tag of the branch {}, and moves with it", printable(branch));
            return Err(Error::usage_with_hint(message, "rename the branch, or release with --prefix"));
        }
        let target = ReleaseTarget { image: *at, name: image.name.full(), key, source, tag, lead };
        if let Some(other) = targets.iter().find(|other| other.reference() == target.reference()) {
            let message = format!("{} and {} would both be {}", other.name, target.name, target.reference());
            return Err(Error::usage_with_hint(
                message,
                "give one of them another name, or release them apart",
            ));
        }
        targets.push(target);
    }
    Ok(targets)
}

/// What has uncommitted changes cannot be made again from any commit.
pub(super) fn refuse_dirty(workspace: &Workspace, targets: &[ReleaseTarget]) -> Result<(), Error> {
    let dirty: Vec<&str> =
        targets.iter().filter(|it| workspace.clean[it.image].dirty).map(|it| it.name.as_str()).collect();
    if dirty.is_empty() {
        return Ok(());
    }
    let (names, files) = (few(dirty, SHOWN), few(workspace.uncommitted()?, SHOWN));
    let error = Diagnostic::error(format!("uncommitted changes are in {names}: {files}"));
    Err(Error::wrong(vec![error.hint("commit them first; --allow-dirty releases them as they are")]))
}
