use std::collections::BTreeMap;

use crate::image::{Digest, ImageReference, Tag};
use crate::path::TreePath;

/// What a lock file says; nothing where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lockfile {
    /// The file; none if there is none.
    pub path: Option<TreePath>,
    /// By reference with its tag and without a digest.
    pub(super) digests: BTreeMap<ImageReference, Digest>,
}

impl Lockfile {
    /// The digest that is locked for what a Dockerfile refers to, however it spells it.
    pub fn digest(&self, reference: &ImageReference) -> Option<&Digest> {
        self.digests.get(&lockable(reference)?)
    }

    /// The reference with its locked digest: `busybox:latest@sha256:…`.
    pub fn pinned(&self, reference: &ImageReference) -> Option<ImageReference> {
        let digest = self.digest(reference)?.clone();
        Some(ImageReference { digest: Some(digest), ..lockable(reference)? })
    }

    pub fn bases(&self) -> impl Iterator<Item = &ImageReference> {
        self.digests.keys()
    }
}

/// What is locked for a reference: itself, with the tag that Docker implies. One with a digest cannot move, so
/// there is nothing to lock.
pub(crate) fn lockable(reference: &ImageReference) -> Option<ImageReference> {
    if reference.digest.is_some() {
        return None;
    }
    let tag = reference.tag.clone().or_else(|| Tag::new("latest").ok());
    Some(ImageReference { tag, ..reference.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn reference(text: &str) -> ImageReference {
        text.parse().expect(text)
    }

    #[test]
    fn a_base_is_found_however_it_is_spelt() {
        let digest = format!("sha256:{}", "1a".repeat(32));
        let text = format!("version = 1\n[bases]\n\"busybox:latest\" = \"{digest}\"\n");
        let lock = parse(&text, &"shipwright.lock".into()).expect("valid");
        for text in ["busybox", "busybox:latest", "docker.io/library/busybox", "index.docker.io/busybox"] {
            let pinned = lock.pinned(&reference(text)).map(|pinned| pinned.to_string());
            assert_eq!(pinned, Some(format!("busybox:latest@{digest}")), "{text}");
        }
        for text in ["busybox:1", "quay.io/busybox", "acme/busybox", &format!("busybox@{digest}")] {
            assert_eq!(lock.pinned(&reference(text)), None, "{text}");
        }
    }
}
