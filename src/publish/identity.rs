use crate::diagnostic::Diagnostic;
use crate::execution::KEY_LABEL;
use crate::git::CommitId;
use crate::image::{ContentKey, Digest, ImageReference, Platform};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The manifest or index.
    pub digest: Digest,
    /// Its key, of an index that of all its images; none where Shipwright did not make it, or they differ.
    pub key: Option<ContentKey>,
    /// The commit that it was made from; a dirty image has none.
    pub revision: Option<CommitId>,
    /// What it runs on, as an index and its images say.
    pub platforms: Vec<Platform>,
}

/// What an image under the tag of a key has to be. The tag shows 16 digits of the key, and whoever may write to a
/// registry can put anything there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageIdentity {
    pub key: ContentKey,
    pub platform: Platform,
}

impl ImageIdentity {
    pub(crate) fn is_of(&self, standing: &Standing) -> bool {
        standing.key == Some(self.key)
            && !standing.platforms.is_empty()
            && standing.platforms.iter().all(|platform| platform.satisfies(&self.platform))
    }

    /// What is wrong with what stands under `reference`, if anything is.
    pub(crate) fn objection(&self, reference: &ImageReference, standing: &Standing) -> Option<Diagnostic> {
        if self.is_of(standing) {
            return None;
        }
        let what = match standing.key {
            None => format!(
                "is not an image of Shipwright's: it has no label {KEY_LABEL}, or its images differ in it"
            ),
            Some(key) if key != self.key => format!("is an image of another key, {key}"),
            Some(_) => format!("is for {}, not for {} alone", platforms(standing), self.platform),
        };
        let hint = "somebody put it there: nothing was moved to it; find out who, delete it in the registry, and run \
                    again: then it is built or pushed anew";
        Some(Diagnostic::error(format!("{reference} {what}")).hint(hint))
    }
}

fn platforms(standing: &Standing) -> String {
    let platforms: Vec<String> = standing.platforms.iter().map(ToString::to_string).collect();
    if platforms.is_empty() { "no platform".to_owned() } else { platforms.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;

    #[test]
    fn key_and_platform_are_compared() {
        let platform = |text: &str| text.parse::<Platform>().expect("a platform");
        let key = ContentKey::new([7; 32]);
        let identity = ImageIdentity { key, platform: platform("linux/amd64") };
        let reference: ImageReference = "acme/api:src-0707".parse().expect("a reference");
        let said = |key: Option<ContentKey>, platforms: &[&str]| {
            let digest = Digest::new(&format!("sha256:{}", "ab".repeat(32))).expect("a digest");
            let platforms = platforms.iter().map(|text| platform(text)).collect();
            let standing = Standing { digest, key, revision: None, platforms };
            identity.objection(&reference, &standing).map(|found| found.message)
        };
        assert_eq!(said(Some(key), &["linux/amd64"]), None);
        assert_eq!(said(Some(key), &["linux/amd64", "linux/amd64/v2"]), None);
        for (key, platforms, part) in [
            (None, &["linux/amd64"][..], "not an image of Shipwright's"),
            (Some(ContentKey::ZERO), &["linux/amd64"], "another key, 0000"),
            (Some(key), &["linux/amd64", "linux/arm64"], "is for linux/amd64 and linux/arm64, not for"),
            (Some(key), &[], "no platform"),
        ] {
            let message = said(key, platforms).expect("an objection");
            assert!(message.starts_with("acme/api:src-0707 is ") && message.contains(part), "{message}");
        }
    }
}
